//! Behaviours as sequence diagrams: a lifeline for each acting instance, a row for each event, what changed beside it or
//! below it.

use crate::found::{Step, Trace};
use crate::svg::{Anchor, Svg, Way, wrapped};

/// Room at the left: the number of each event, and the bracket around what goes on for ever.
const LEFT: i32 = 46;
/// Where the rows begin.
const TOP: i32 = 46;
/// The height of a row of which nothing is written below.
const ROW: i32 = 38;

/// Where what is written of an event stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Notes {
    /// Right of the lifelines.
    Beside,
    /// Below the event, at the left edge, which is what a narrow screen shows; lifelines are seen beside events only.
    Below,
}

impl Notes {
    /// How many characters of a change fit on a line.
    fn columns(self) -> usize {
        match self {
            Notes::Beside => 56,
            Notes::Below => 46,
        }
    }

    /// The width of what is written.
    fn width(self) -> i32 {
        match self {
            Notes::Beside => 412,
            Notes::Below => 330,
        }
    }
}

/// A drawing in progress.
struct Drawing<'a> {
    actors: Vec<&'a str>,
    notes: Notes,
    pitch: i32,
    svg: Svg,
    y: i32,
    /// For each run, who acted in it last, and in which row.
    hands: Vec<(&'a str, usize)>,
    /// Where lifelines are seen, from top to bottom.
    seen: Vec<(i32, i32)>,
}

/// Draws a behaviour with what is written right of it, if that is not wider than so many units.
pub fn beside(trace: &Trace, title: &str, widest: i32) -> Option<String> {
    let drawing = blank(trace, Notes::Beside);
    (drawing.width() <= widest).then(|| drawing.of(trace, title))
}

/// Draws a behaviour with what is written below each event.
pub fn below(trace: &Trace, title: &str) -> String {
    blank(trace, Notes::Below).of(trace, title)
}

/// A drawing with nothing on it yet.
fn blank(trace: &Trace, notes: Notes) -> Drawing<'_> {
    let mut actors: Vec<&str> = Vec::new();
    for actor in trace.steps.iter().filter_map(|s| s.actor.as_deref()) {
        if !actors.contains(&actor) {
            actors.push(actor);
        }
    }
    let longest = |s: &Step| s.operation.as_ref().map_or(0, |o| o.chars().count());
    let names = actors.iter().map(|a| a.chars().count()).chain(trace.steps.iter().map(longest)).max();
    let pitch = (names.unwrap_or(0) as i32 * 8 + 28).max(104);
    let (svg, hands, seen) = (Svg::default(), Vec::new(), vec![(30, TOP)]);
    Drawing { actors, notes, pitch, svg, y: TOP, hands, seen }
}

impl<'a> Drawing<'a> {
    fn of(mut self, trace: &'a Trace, title: &str) -> String {
        self.initial(trace);
        let mut tops = Vec::new();
        for (i, step) in trace.steps.iter().enumerate() {
            tops.push(self.y);
            self.step(i + 1, step);
        }
        self.cycle(trace, &tops);
        self.ending(trace);
        self.finish(title)
    }

    fn lifeline(&self, actor: usize) -> i32 {
        LEFT + self.pitch / 2 + self.pitch * actor as i32
    }

    /// Where the lifelines end.
    fn right(&self) -> i32 {
        LEFT + self.pitch * self.actors.len() as i32
    }

    /// Where what is written begins.
    fn left_of_notes(&self) -> i32 {
        match self.notes {
            Notes::Beside => self.right() + 14,
            Notes::Below => LEFT,
        }
    }

    fn width(&self) -> i32 {
        (self.left_of_notes() + self.notes.width()).max(self.right())
    }

    fn initial(&mut self, trace: &Trace) {
        if !trace.initial.is_empty() {
            let lines: Vec<(&str, String)> = std::iter::once(("faint", "at the beginning".to_owned()))
                .chain(
                    trace.initial.iter().flat_map(|c| wrapped(c, self.notes.columns())).map(|l| ("cell", l)),
                )
                .collect();
            self.write(&lines);
        }
    }

    /// Writes lines and moves on below them.
    fn write(&mut self, lines: &[(&str, String)]) {
        let (x, top) = (self.left_of_notes(), self.y);
        for (i, (class, line)) in lines.iter().enumerate() {
            self.svg.text((x, top + 16 + 15 * i as i32), Anchor::Start, class, line);
        }
        let least = if self.notes == Notes::Beside { ROW } else { 0 };
        self.y = top + (15 * lines.len() as i32 + 16).max(least);
        if self.notes == Notes::Beside {
            self.seen.push((top, self.y));
        }
    }

    fn step(&mut self, number: usize, step: &'a Step) {
        let lines = lines(step, self.notes.columns());
        let top = self.y;
        self.svg.line(&[(LEFT - 4, top), (self.width(), top)], "rule");
        self.svg.text((LEFT - 12, top + 20), Anchor::Middle, "faint", &number.to_string());
        let lane = step.actor.as_deref().and_then(|a| self.actors.iter().position(|n| *n == a));
        match (lane, &step.operation) {
            (Some(lane), Some(operation)) => self.act(lane, operation, step),
            _ => self.happening(),
        }
        if self.notes == Notes::Below {
            self.y = top + ROW - 4;
            self.seen.push((top, self.y));
        }
        self.write(&lines);
    }

    /// Somebody acts; what a run hands on comes from who acted in it before.
    fn act(&mut self, lane: usize, operation: &str, step: &'a Step) {
        let (x, y, half) = (self.lifeline(lane), self.y + 5, self.pitch / 2 - 6);
        let run = step.run.as_deref();
        let before = run.and_then(|r| self.hands.iter().find(|(n, _)| *n == r)).map(|(_, from)| *from);
        if let Some(from) = before.filter(|from| *from != lane) {
            let start = self.lifeline(from);
            let (end, way) = if start < x { (x - half, Way::Right) } else { (x + half, Way::Left) };
            let shaft = if start < x { end - 7 } else { end + 7 };
            self.svg.line(&[(start, y + 13), (shaft, y + 13)], "arrow");
            self.svg.head((end, y + 13), way);
        }
        let class = if step.problem.is_some() { "box bad" } else { "box" };
        self.svg.rect((x - half, y), (2 * half, 26), 5, class);
        self.svg.text((x, y + 17), Anchor::Middle, "op", operation);
        if let Some(run) = run {
            self.hands.retain(|(n, _)| *n != run);
            self.hands.push((run, lane));
        }
    }

    /// Something happens that nobody does: time passes, somebody crashes.
    fn happening(&mut self) {
        let (from, to, y) = (LEFT, self.right() + 4, self.y + 12);
        self.svg.line(&[(from, y), (to.max(from), y)], "happening");
    }

    /// A bracket around what goes on for ever.
    fn cycle(&mut self, trace: &Trace, tops: &[i32]) {
        let Some(back) = trace.back_to else { return };
        let Some(top) = tops.get(back).map(|t| t + 6) else { return };
        let (x, bottom) = (12, self.y - 10);
        self.svg.line(&[(x + 12, bottom), (x, bottom), (x, top), (x + 5, top)], "arrow");
        self.svg.head((x + 12, top), Way::Right);
    }

    fn ending(&mut self, trace: &Trace) {
        let goes_on = trace.back_to.map(|back| {
            if back < trace.steps.len() {
                format!("and from step {} on the same for ever", back + 1)
            } else {
                "and nothing happens any more".to_owned()
            }
        });
        let mut lines: Vec<(&str, String)> = goes_on.into_iter().map(|l| ("faint", l)).collect();
        let style = |i: usize| if i == 0 { "verdict" } else { "cell" };
        let ending = trace.ending.iter().enumerate();
        lines.extend(
            ending
                .flat_map(|(i, e)| wrapped(e, self.notes.columns()).into_iter().map(move |l| (style(i), l))),
        );
        if !lines.is_empty() {
            self.svg.line(&[(LEFT - 4, self.y), (self.width(), self.y)], "rule");
            self.write(&lines);
        }
    }

    fn finish(self, title: &str) -> String {
        let mut whole = Svg::default();
        for (lane, actor) in self.actors.iter().enumerate() {
            let x = self.lifeline(lane);
            for (top, bottom) in &self.seen {
                whole.line(&[(x, *top), (x, (*bottom).min(self.y - 6))], "lane");
            }
            whole.text((x, 20), Anchor::Middle, "actor", actor);
        }
        let size = (self.width(), self.y + 4);
        whole.append(self.svg);
        whole.finish(size, title)
    }
}

/// What is written beside an event.
fn lines(step: &Step, columns: usize) -> Vec<(&'static str, String)> {
    let event = wrapped(&step.event, columns).into_iter().map(|l| ("event", l));
    let because =
        step.because.iter().flat_map(|b| wrapped(&format!("since {b}"), columns)).map(|l| ("faint", l));
    let moved =
        |change: &&String| step.run.as_ref().is_none_or(|run| !change.starts_with(&format!("{run}: ")));
    let changes = step.changes.iter().filter(moved).flat_map(|c| wrapped(c, columns)).map(|l| ("cell", l));
    let problem = step.problem.iter().flat_map(|p| wrapped(p, columns)).map(|l| ("verdict", l));
    event.chain(because).chain(changes).chain(problem).collect()
}
