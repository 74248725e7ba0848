//! What the comments of a file say of its declarations.

use crate::Spec;
use arch_base::Span;
use arch_grammar::ast::Comment;

/// The comments of a file, by line.
#[derive(Debug)]
pub struct Prose<'a> {
    text: &'a str,
    comments: &'a [Comment],
    line_starts: Vec<usize>,
}

impl<'a> Prose<'a> {
    /// The comments of a spec.
    pub fn of(spec: &'a Spec<'_>) -> Prose<'a> {
        let starts = spec.text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i + 1);
        Prose {
            text: spec.text,
            comments: &spec.module.comments,
            line_starts: std::iter::once(0).chain(starts).collect(),
        }
    }

    /// The block of comments directly above a declaration.
    pub fn above(&self, span: Span) -> String {
        let comments = self.block_above(span);
        comments.iter().map(|c| plain(c)).collect::<Vec<_>>().join(" ")
    }

    /// The comment on a declaration's last line, if nothing else stands between.
    pub fn beside(&self, span: Span) -> String {
        let end = span.end as usize;
        let next = self.comments.iter().find(|c| c.span.start as usize >= end);
        let beside = next.filter(|c| {
            let between = self.text.get(end..c.span.start as usize).unwrap_or("\n");
            between.chars().all(|c| matches!(c, ' ' | ',' | '}'))
        });
        beside.map(plain).unwrap_or_default()
    }

    /// What is said above and beside, in this order.
    pub fn about(&self, span: Span) -> String {
        let (above, beside) = (self.above(span), self.beside(span));
        if above.is_empty() || beside.is_empty() {
            format!("{above}{beside}")
        } else {
            format!("{above} {beside}")
        }
    }

    /// The paragraphs between `from` and the first declaration, without what is said of that declaration.
    pub fn introduction(&self, from: u32, first: Option<Span>) -> Vec<String> {
        let until = first.map_or(u32::MAX, |s| s.start);
        let own = first.map(|s| self.block_above(s)).unwrap_or_default();
        let own = own.first().map_or(until, |c| c.span.start);
        let mut paragraphs: Vec<String> = Vec::new();
        let mut last = None;
        let within = |c: &&Comment| c.span.start >= from && c.span.start < own;
        for comment in self.comments.iter().filter(within) {
            let line = self.line(comment.span.start);
            match paragraphs.last_mut() {
                Some(paragraph) if last == Some(line.saturating_sub(1)) => {
                    paragraph.push(' ');
                    paragraph.push_str(&plain(comment));
                }
                _ => paragraphs.push(plain(comment)),
            }
            last = Some(line);
        }
        paragraphs
    }

    fn block_above(&self, span: Span) -> Vec<&'a Comment> {
        let mut wanted = self.line(span.start);
        let mut block = Vec::new();
        let before = self.comments.iter().rev().skip_while(|c| c.span.start >= span.start);
        for comment in before {
            let line = self.line(comment.span.start);
            if line + 1 != wanted || !self.alone(comment) {
                break;
            }
            block.insert(0, comment);
            wanted = line;
        }
        block
    }

    /// Whether nothing else is on its line.
    fn alone(&self, comment: &Comment) -> bool {
        let start = self.line_starts[self.line(comment.span.start)];
        self.text.get(start..comment.span.start as usize).is_some_and(|t| t.trim().is_empty())
    }

    fn line(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= offset as usize) - 1
    }
}

fn plain(comment: &Comment) -> String {
    comment.text.trim_start_matches('/').trim().to_owned()
}
