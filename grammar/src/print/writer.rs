//! Lines with their comments and blank lines.
//!
//! Lines are written in the order of the source. Each says which bytes of the source it stands for;
//! comments that begin before its end are written first: at the end of the line before, if they stood
//! there, else on lines of their own above it.

use super::{BREAK, WIDTH};
use crate::ast::Comment;
use arch_base::Span;

/// Bytes `start..end` of the source.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub start: usize,
    pub end: usize,
}

impl Place {
    /// From the start of one span to the end of another.
    pub fn between(first: Span, last: Span) -> Place {
        Place { start: first.start as usize, end: (last.end as usize).max(first.start as usize) }
    }
}

impl From<Span> for Place {
    fn from(span: Span) -> Place {
        Place::between(span, span)
    }
}

/// The text that is being laid out.
pub(super) struct Writer<'t> {
    source: &'t str,
    comments: &'t [Comment],
    /// What is written; the last line is not ended yet.
    out: String,
    indent: usize,
    /// Up to where the source is written.
    written: usize,
    /// Nothing is written in the current block yet.
    fresh: bool,
    /// The last line ends with a comment.
    commented: bool,
}

impl<'t> Writer<'t> {
    pub fn new(source: &'t str, comments: &'t [Comment]) -> Writer<'t> {
        let out = String::with_capacity(source.len());
        Writer { source, comments, out, indent: 0, written: 0, fresh: true, commented: false }
    }

    /// The text, with the comments that are left.
    pub fn finish(mut self) -> String {
        self.comments_before(Place { start: usize::MAX, end: usize::MAX });
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// A line of its own.
    pub fn line(&mut self, place: impl Into<Place>, content: &str) {
        let place = place.into();
        self.comments_before(place);
        self.blank_before(place.start);
        self.write(content);
        self.written = self.written.max(place.end);
    }

    /// A line that ends with `{` and begins a block.
    pub fn open(&mut self, place: impl Into<Place>, head: &str) {
        self.line(place, &format!("{head} {{"));
        self.deeper();
        self.fresh = true;
    }

    /// The `}` of a block that ends at `end`.
    pub fn close(&mut self, end: usize) {
        self.close_with(Place { start: end.saturating_sub(1), end }, "}");
    }

    /// The `}` of a block together with what follows on its line, such as `} else {`.
    pub fn close_with(&mut self, place: Place, content: &str) {
        self.comments_before(place);
        self.shallower();
        self.fresh = true;
        self.write(content);
        self.fresh = false;
        self.written = self.written.max(place.end);
    }

    /// The body of the `else` after [`Writer::close_with`].
    pub fn reopen(&mut self) {
        self.deeper();
        self.fresh = true;
    }

    pub fn deeper(&mut self) {
        self.indent += 2;
    }

    pub fn shallower(&mut self) {
        self.indent -= 2;
    }

    /// Whether a node stood on one line and, as `content`, fits on one.
    pub fn on_one_line(&self, span: Span, content: &str) -> bool {
        !self.between(span.start as usize, span.end as usize).contains('\n') && self.fits(content)
    }

    /// Whether a line is short enough.
    pub fn fits(&self, content: &str) -> bool {
        self.indent + content.chars().count() <= WIDTH
    }

    /// Whether a comment begins inside a node.
    pub fn has_comment(&self, span: Span) -> bool {
        self.comments.iter().take_while(|c| c.span.start < span.end).any(|c| c.span.start >= span.start)
    }

    fn between(&self, start: usize, end: usize) -> &'t str {
        self.source.get(start..end.min(self.source.len())).unwrap_or_default()
    }

    fn comments_before(&mut self, place: Place) {
        while let Some((comment, rest)) = self.comments.split_first() {
            let start = comment.span.start as usize;
            if start >= place.end {
                break;
            }
            self.comments = rest;
            let same_line = !self.between(self.written, start).contains('\n');
            if same_line && start < place.start && !self.out.is_empty() && !self.commented {
                self.out.push_str("  ");
                self.out.push_str(&comment.text);
            } else {
                self.blank_before(start.min(place.start));
                self.start_line();
                self.out.push_str(&comment.text);
                self.fresh = false;
            }
            self.commented = true;
            self.written = self.written.max(comment.span.end as usize);
        }
    }

    /// Keeps one of the blank lines before a place of the source.
    fn blank_before(&mut self, start: usize) {
        let gap = self.between(self.written, start);
        if !self.fresh && gap.bytes().filter(|b| *b == b'\n').count() > 1 {
            self.out.push('\n');
        }
    }

    fn start_line(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out.extend(std::iter::repeat_n(' ', self.indent));
    }

    /// Writes a line, broken where it may be if it is too long.
    fn write(&mut self, content: &str) {
        self.start_line();
        self.fresh = false;
        self.commented = false;
        if self.fits(content) {
            self.out.extend(content.chars().map(|c| if c == BREAK { ' ' } else { c }));
            return;
        }
        let mut column = self.indent;
        for (index, part) in content.split(BREAK).enumerate() {
            let length = part.chars().count();
            if index > 0 && column + 1 + length > WIDTH {
                self.out.push('\n');
                self.out.extend(std::iter::repeat_n(' ', self.indent + 4));
                column = self.indent + 4;
            } else if index > 0 {
                self.out.push(' ');
                column += 1;
            }
            self.out.push_str(part);
            column += length;
        }
    }
}
