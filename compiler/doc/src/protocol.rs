//! Protocols as diagrams: a lane for each actor, a row for each step, branches below what they leave from.

use crate::flow::{Flow, Line, Node, Taken};
use crate::svg::{Anchor, Svg, Way, wrapped};

/// From the middle of one lane to the next; boxes are wider, since no two share a row.
const PITCH: i32 = 168;
/// The width of a box.
const BOX: i32 = 264;
/// How many characters of a guard fit on a line of a box.
const COLUMNS: usize = 34;
/// Room at the left for each branch.
const GUTTER: i32 = 18;
/// Where the rows begin, below the names of the lanes.
const TOP: i32 = 58;
/// Between one row and the next.
const GAP: i32 = 26;

/// A drawing in progress.
struct Drawing<'a> {
    flow: &'a Flow,
    svg: Svg,
    /// Where the next row begins.
    y: i32,
    /// Top and bottom of each step of the main chain.
    main: Vec<(i32, i32)>,
    /// Room at the left for branches.
    left: i32,
}

/// Draws a protocol.
pub fn draw(flow: &Flow, title: &str) -> String {
    let branches = flow.chains.iter().filter(|c| c.taken.is_some()).count() as i32;
    let left = 8 + branches * GUTTER + if branches > 0 { 10 } else { 0 };
    let mut drawing = Drawing { flow, svg: Svg::default(), y: TOP, main: Vec::new(), left };
    let mut tops = Vec::new();
    let mut branch = 0;
    for (i, line) in flow.chains.iter().enumerate() {
        if let Some(taken) = &line.taken {
            drawing.heading(taken);
        }
        let rows = drawing.line(line);
        if i == 0 {
            drawing.main.clone_from(&rows);
        }
        if let (Some(taken), Some(first)) = (&line.taken, rows.first()) {
            tops.push((branch, taken, *first, line.steps[0].lane));
            branch += 1;
        }
    }
    for (number, taken, first, lane) in tops {
        drawing.window(number, taken, first, lane);
    }
    let size = (drawing.width(), drawing.y + 4);
    let mut whole = drawing.lanes();
    whole.append(drawing.svg);
    whole.finish(size, title)
}

impl Drawing<'_> {
    fn width(&self) -> i32 {
        self.left + BOX + PITCH * (self.flow.lanes.len() as i32 - 1).max(0) + 8
    }

    /// The middle of a lane.
    fn middle(&self, lane: usize) -> i32 {
        self.left + BOX / 2 + PITCH * lane as i32
    }

    /// The names of the lanes and the lines below them, which everything else is drawn over.
    fn lanes(&self) -> Svg {
        let mut svg = Svg::default();
        for (lane, (name, is)) in self.flow.lanes.iter().enumerate() {
            let x = self.middle(lane);
            svg.line(&[(x, 44), (x, self.y)], "lane");
            svg.text((x, 18), Anchor::Middle, "actor", name);
            svg.text((x, 35), Anchor::Middle, "faint", is);
        }
        svg
    }

    fn heading(&mut self, taken: &Taken) {
        let width = self.width() - self.left - 8;
        for (i, text) in wrapped(&format!("branch: {}", taken.words), (width / 7) as usize).iter().enumerate()
        {
            self.svg.text((self.left, self.y + 14 + 16 * i as i32), Anchor::Start, "branch", text);
            self.y += if i > 0 { 16 } else { 0 };
        }
        self.y += 26;
    }

    /// Draws a chain; gives top and bottom of each step.
    fn line(&mut self, line: &Line) -> Vec<(i32, i32)> {
        let mut rows: Vec<(i32, i32)> = Vec::new();
        for (i, node) in line.steps.iter().enumerate() {
            let from = i.checked_sub(1).map(|p| (line.steps[p].lane, rows[p].1));
            if let Some((lane, bottom)) = from {
                self.arrow((self.middle(lane), bottom), (self.middle(node.lane), self.y));
            }
            rows.push(self.node(node));
        }
        if let (Some(word), Some(node), Some(row)) = (&line.outcome, line.steps.last(), rows.last()) {
            self.outcome(word, node.lane, row.1);
        }
        rows
    }

    /// Draws a step; gives its top and bottom.
    fn node(&mut self, node: &Node) -> (i32, i32) {
        let text = Text::of(node);
        let (top, height) = (self.y, text.height());
        let left = self.middle(node.lane) - BOX / 2;
        self.svg.rect((left, top), (BOX, height), 6, "box");
        let mut y = top + 21;
        self.svg.text((left + 12, y), Anchor::Start, "op", &node.name);
        for (class, line) in text.lines {
            y += 16;
            self.svg.text((left + 12, y), Anchor::Start, class, &line);
        }
        self.y = top + height + GAP;
        (top, top + height)
    }

    fn outcome(&mut self, word: &str, lane: usize, from: i32) {
        let (x, y) = (self.middle(lane), self.y);
        self.arrow((x, from), (x, y));
        let width = word.chars().count() as i32 * 8 + 28;
        self.svg.rect((x - width / 2, y), (width, 26), 13, "outcome");
        self.svg.text((x, y + 17), Anchor::Middle, "word", word);
        self.y += 26 + GAP;
    }

    fn arrow(&mut self, from: (i32, i32), to: (i32, i32)) {
        let turn = to.1 - GAP / 2 - 2;
        let points = [from, (from.0, turn), (to.0, turn), (to.0, to.1 - 7)];
        if from.0 == to.0 {
            self.svg.line(&[from, (to.0, to.1 - 7)], "arrow");
        } else {
            self.svg.line(&points, "arrow");
        }
        self.svg.head(to, Way::Down);
    }

    /// Marks the steps at which a branch may be taken, and leads from there to its first step.
    fn window(&mut self, number: i32, taken: &Taken, first: (i32, i32), lane: usize) {
        let (Some(from), Some(to)) = (self.main.get(taken.from), self.main.get(taken.to)) else { return };
        let (top, bottom) = (from.0 + 4, to.1 - 4);
        let x = 8 + number * GUTTER;
        let left = self.middle(lane) - BOX / 2;
        let y = first.0 + 16;
        self.svg.rect((x - 3, top), (6, (bottom - top).max(6)), 3, "window");
        self.svg.line(&[(x, bottom), (x, y), (left - 7, y)], "arrow dashed");
        self.svg.head((left, y), Way::Right);
    }
}

/// What is written in a box below its operation.
struct Text {
    lines: Vec<(&'static str, String)>,
}

impl Text {
    fn of(node: &Node) -> Text {
        let guards = node.guards.iter().enumerate().flat_map(|(i, guard)| {
            // What `requires` adds stands apart: without a word between, two disjunctions read as one.
            let also = (i > 0).then(|| ("mark", "and required".to_owned()));
            also.into_iter().chain(wrapped(guard, COLUMNS).into_iter().map(|l| ("guard", l)))
        });
        let marks = node.marks.iter().flat_map(|m| wrapped(m, COLUMNS)).map(|l| ("mark", l));
        let otherwise = match (&node.otherwise, node.guards.is_empty()) {
            (Some(word), _) => Some(("reject", format!("otherwise ⇒ {word}"))),
            (None, false) => Some(("mark", "otherwise waits".to_owned())),
            (None, true) => None,
        };
        Text { lines: guards.chain(otherwise).chain(marks).collect() }
    }

    fn height(&self) -> i32 {
        32 + 16 * self.lines.len() as i32
    }
}
