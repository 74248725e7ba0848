//! From paths on the command line to texts: the only place that reads specs.
//!
//! After this stage: every path that was named has an [`Input`], in the order named, each directory's
//! files sorted by path; nothing was skipped silently.

use crate::codes;
use arch_base::{Code, Diagnostic, FileId, SourceMap};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest file that is read: what the front end accepts. A spec has a few kilobytes.
pub const MAX_BYTES: u64 = arch_grammar::MAX_BYTES as u64;

/// How deep directories are searched; deeper ones are a loop or a mistake.
const MAX_DIRECTORY_DEPTH: usize = 64;

/// A file that is to be worked on, or what is wrong with it.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name, as the user gave it or as it was found below what the user gave.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its text, in the source map.
    pub content: Result<FileId, Diagnostic>,
}

/// Reads every file, and every `*.arch` below every directory.
pub fn load(paths: &[PathBuf], sources: &mut SourceMap) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in paths {
        if path.is_dir() {
            load_directory(path, sources, &mut inputs);
        } else {
            inputs.push(load_file(path, sources));
        }
    }
    inputs
}

/// Reads one file.
pub fn load_file(path: &Path, sources: &mut SourceMap) -> Input {
    let name = path.display().to_string();
    let content = read(path).map(|text| sources.add(name.clone(), text));
    Input { name, path: path.to_owned(), content }
}

/// The text of a file.
///
/// # Errors
///
/// A diagnostic when there is none, it cannot be read, is too large, or is no text.
pub fn read(path: &Path) -> Result<String, Diagnostic> {
    let unreadable = |e: io::Error| Diagnostic::error(codes::UNREADABLE, cannot_read(path, &e));
    let file = File::open(path).map_err(unreadable)?;
    if file.metadata().is_ok_and(|m| m.is_dir()) {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    text_of(file, &path.display().to_string())
}

/// The text that a reader holds.
///
/// # Errors
///
/// As [`read`].
pub fn text_of(reader: impl Read, name: &str) -> Result<String, Diagnostic> {
    let mut bytes = Vec::new();
    // One byte more than the limit tells a file at the limit from one beyond it.
    reader
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Diagnostic::error(codes::UNREADABLE, format!("cannot read {name}: {}", reason(&e))))?;
    if bytes.len() as u64 > MAX_BYTES {
        let message = format!("{name} has more than {} MiB, the largest spec that is read", MAX_BYTES >> 20);
        return Err(Diagnostic::error(codes::TOO_LARGE, message));
    }
    String::from_utf8(bytes).map_err(|e| {
        let valid = e.utf8_error().valid_up_to();
        let line = e.as_bytes()[..valid].iter().filter(|b| **b == b'\n').count() + 1;
        Diagnostic::error(
            codes::NOT_UTF8,
            format!("{name} is not UTF-8: byte {valid}, on line {line}, begins no character"),
        )
        .help("specs are UTF-8 text; convert the file, for example with iconv")
    })
}

fn load_directory(root: &Path, sources: &mut SourceMap, inputs: &mut Vec<Input>) {
    let mut search = Search::default();
    search.visit(root, 0);
    let empty = search.files.is_empty() && search.errors.is_empty();
    inputs.extend(search.errors);
    // `archc check .` finds `a.arch`, not `./a.arch`: what annotations and editors know it by.
    let plain = |path: &Path| path.strip_prefix(".").unwrap_or(path).to_owned();
    inputs.extend(search.files.iter().map(|path| load_file(&plain(path), sources)));
    if empty {
        let message = format!("no *.arch files below {}", root.display());
        inputs.push(broken(root, codes::NO_SPECS, message));
    }
}

/// A search below one directory.
#[derive(Default)]
struct Search {
    files: BTreeSet<PathBuf>,
    errors: Vec<Input>,
    /// The directories on the way, resolved: entering one of them again is a loop.
    visited: BTreeSet<PathBuf>,
}

impl Search {
    fn visit(&mut self, directory: &Path, depth: usize) {
        match self.try_visit(directory, depth) {
            Ok(()) => {}
            Err(e) => self.errors.push(broken(directory, codes::UNREADABLE, cannot_read(directory, &e))),
        }
    }

    fn try_visit(&mut self, directory: &Path, depth: usize) -> io::Result<()> {
        if depth > MAX_DIRECTORY_DEPTH || !self.visited.insert(directory.canonicalize()?) {
            return Ok(());
        }
        let mut entries = fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            if path.is_dir() {
                self.visit(&path, depth + 1);
            } else if path.extension().is_some_and(|e| e == "arch") {
                self.files.insert(path);
            }
        }
        Ok(())
    }
}

fn broken(path: &Path, code: Code, message: String) -> Input {
    let content = Err(Diagnostic::error(code, message));
    Input { name: path.display().to_string(), path: path.to_owned(), content }
}

fn cannot_read(path: &Path, error: &io::Error) -> String {
    format!("cannot read {}: {}", path.display(), reason(error))
}

/// The reason in words, without the number that the system gives it.
pub fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let words = text.split(" (os error").next().unwrap_or_default();
    let mut chars = words.chars();
    chars.next().map(|c| c.to_lowercase().chain(chars).collect()).unwrap_or_default()
}
