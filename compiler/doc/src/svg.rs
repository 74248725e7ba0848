//! The little SVG that diagrams need. Coordinates are whole numbers, colours are the page's (by class), and nothing has
//! an id, so that any number of drawings fit on a page.

/// A drawing under construction.
#[derive(Debug, Default)]
pub struct Svg {
    body: String,
}

/// Where a text is anchored.
#[derive(Clone, Copy, Debug)]
pub enum Anchor {
    /// At its beginning.
    Start,
    /// At its middle.
    Middle,
}

/// Which way an arrow points.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// Down.
    Down,
    /// Up.
    Up,
    /// To the right.
    Right,
    /// To the left.
    Left,
}

/// Text that means nothing in XML.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

impl Svg {
    /// A rectangle with rounded corners.
    pub fn rect(&mut self, (x, y): (i32, i32), (width, height): (i32, i32), radius: i32, class: &str) {
        self.body.push_str(&format!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\" class=\"{class}\"/>\n"
        ));
    }

    /// A line through points.
    pub fn line(&mut self, points: &[(i32, i32)], class: &str) {
        let points: Vec<String> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
        self.body.push_str(&format!("<polyline points=\"{}\" class=\"{class}\"/>\n", points.join(" ")));
    }

    /// A path, in SVG's own words.
    pub fn path(&mut self, d: &str, class: &str) {
        self.body.push_str(&format!("<path d=\"{d}\" class=\"{class}\"/>\n"));
    }

    /// The head of an arrow whose tip is here.
    pub fn head(&mut self, (x, y): (i32, i32), way: Way) {
        let (a, b) = match way {
            Way::Down => ((x - 4, y - 8), (x + 4, y - 8)),
            Way::Up => ((x - 4, y + 8), (x + 4, y + 8)),
            Way::Right => ((x - 8, y - 4), (x - 8, y + 4)),
            Way::Left => ((x + 8, y - 4), (x + 8, y + 4)),
        };
        let points = format!("{x},{y} {},{} {},{}", a.0, a.1, b.0, b.1);
        self.body.push_str(&format!("<polygon points=\"{points}\" class=\"head\"/>\n"));
    }

    /// A text on one line; `y` is its base line.
    pub fn text(&mut self, (x, y): (i32, i32), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
        };
        let text = escaped(text);
        self.body.push_str(&format!("<text x=\"{x}\" y=\"{y}\"{anchor} class=\"{class}\">{text}</text>\n"));
    }

    /// Opens a link around what is drawn until [`Svg::end_link`]; `title` is what a pointer over it reads.
    pub fn link(&mut self, target: &str, title: &str) {
        self.body.push_str(&format!("<a href=\"{}\">\n<title>{}</title>\n", escaped(target), escaped(title)));
    }

    /// See [`Svg::link`].
    pub fn end_link(&mut self) {
        self.body.push_str("</a>\n");
    }

    /// Draws another drawing over this one.
    pub fn append(&mut self, other: Svg) {
        self.body.push_str(&other.body);
    }

    /// The whole drawing; `title` says what it shows to those who cannot see it.
    pub fn finish(self, (width, height): (i32, i32), title: &str) -> String {
        let title = escaped(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" aria-label=\"{title}\">\n<title>{title}</title>\n{}</svg>",
            self.body
        )
    }
}

/// Lines of at most `width` characters, broken at blanks where there are any; `and` and `or` begin a line when the
/// text does not fit on one.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let fits = text.chars().count() <= width;
    let mut lines = vec![String::new()];
    for word in text.split_whitespace().flat_map(|word| pieces(word, width)) {
        let line = lines.last_mut().map_or(0, |l| l.chars().count());
        let joins = !fits && matches!(word.as_str(), "and" | "or");
        if line > 0 && (joins || line + 1 + word.chars().count() > width) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(&word);
        }
    }
    lines
}

/// A word in pieces that fit, after a dot where there is one.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest: Vec<char> = word.chars().collect();
    while rest.len() > width {
        let dot = rest[..width].iter().rposition(|c| matches!(c, '.' | ',' | '(' | '['));
        let at = dot.map_or(width, |d| d + 1);
        let tail = rest.split_off(at);
        pieces.push(rest.into_iter().collect());
        rest = tail;
    }
    pieces.push(rest.into_iter().collect());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_break_at_blanks_and_before_connectives() {
        assert_eq!(wrapped("a = b and c = d", 20), ["a = b and c = d"]);
        assert_eq!(wrapped("a = b and c = d", 12), ["a = b", "and c = d"]);
        assert_eq!(wrapped("LongState.attribute", 12), ["LongState.", "attribute"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrapped("", 3), [""]);
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escaped("a<b & \"c\">d"), "a&lt;b &amp; &quot;c&quot;&gt;d");
    }
}
