//! Source files and byte ranges in them.

use std::fmt;

/// A file in a [`SourceMap`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct FileId(pub u32);

/// A half-open byte range `start..end` of one file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Span {
    /// The file the range lies in.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The range `start..end` of `file`.
    #[must_use]
    pub fn new(file: FileId, start: u32, end: u32) -> Span {
        Span { file, start, end }
    }

    /// The smallest range that holds both; `other` must lie in the same file.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The range as `usize`, for indexing text.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}..{}", self.file.0, self.start, self.end)
    }
}

/// A 1-based position as an editor shows it; the column counts characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LineColumn {
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in characters.
    pub column: u32,
}

/// The files of one run of the compiler.
#[derive(Clone, Default, Debug)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

/// One file: its name as the user gave it, and its text.
#[derive(Clone, Debug)]
struct SourceFile {
    name: String,
    text: String,
    line_starts: Vec<u32>,
}

impl SourceMap {
    /// Adds a file and returns its id. Texts of 4 GiB and more are refused earlier, by the loader.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let line_starts = std::iter::once(0)
            .chain(text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(i, _)| i as u32 + 1))
            .collect();
        self.files.push(SourceFile { name: name.into(), text, line_starts });
        FileId(self.files.len() as u32 - 1)
    }

    /// The name of a file, as the user gave it.
    #[must_use]
    pub fn name(&self, file: FileId) -> &str {
        &self.files[file.0 as usize].name
    }

    /// The whole text of a file.
    #[must_use]
    pub fn text(&self, file: FileId) -> &str {
        &self.files[file.0 as usize].text
    }

    /// The text of a range.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        &self.text(span.file)[span.range()]
    }

    /// All files, in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = FileId> + '_ {
        (0..self.files.len() as u32).map(FileId)
    }

    /// Where a range starts, as an editor shows it.
    #[must_use]
    pub fn line_column(&self, span: Span) -> LineColumn {
        self.position(span.file, span.start)
    }

    /// Where a byte offset is, as an editor shows it.
    #[must_use]
    pub fn position(&self, file: FileId, offset: u32) -> LineColumn {
        let source = &self.files[file.0 as usize];
        let line = source.line_starts.partition_point(|&start| start <= offset) - 1;
        let start = source.line_starts[line] as usize;
        let upto = source.text.get(start..offset as usize).unwrap_or_default();
        LineColumn { line: line as u32 + 1, column: upto.chars().count() as u32 + 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters() {
        let mut map = SourceMap::default();
        let file = map.add("a", "é\nxy\n");
        assert_eq!(map.position(file, 0), LineColumn { line: 1, column: 1 });
        assert_eq!(map.position(file, 2), LineColumn { line: 1, column: 2 });
        assert_eq!(map.position(file, 4), LineColumn { line: 2, column: 2 });
        assert_eq!(map.position(file, 6), LineColumn { line: 3, column: 1 });
        assert_eq!(map.slice(Span::new(file, 3, 5)), "xy");
    }
}
