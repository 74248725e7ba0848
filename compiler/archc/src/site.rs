//! A folder that archc owns: written piece by piece, each in one go, and nothing of anybody else's is touched.
//!
//! A marker file says that the folder is ours and which files in it are; what a later site no longer has is removed.

use crate::{atomic, load};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// Says that a folder is ours, and lists what we wrote.
pub const MARKER: &str = ".archc-doc";

/// The first line of the marker.
const TITLE: &str = "Written by archc doc, which replaces and removes the files below:";

/// Whether a site may be written there: the folder does not exist, is empty, or is ours.
///
/// # Errors
///
/// Why not, in a sentence.
pub fn permitted(directory: &Path) -> Result<(), String> {
    let shown = directory.display();
    match fs::read_dir(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(format!("cannot write to {shown}: {}", load::reason(&e))),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) if owned(directory).is_some() => Ok(()),
            Some(_) => Err(format!(
                "{shown} holds files and was not written by `archc doc`: choose another directory, or empty it"
            )),
        },
    }
}

/// Writes files into a folder, and removes those of an earlier site that are not among them.
///
/// # Errors
///
/// Which file could not be written, and why. Each file is then as it was or as it should be.
pub fn write(directory: &Path, files: &[(String, String)]) -> Result<(), String> {
    permitted(directory)?;
    let failed = |path: &Path, e: &io::Error| format!("cannot write {}: {}", path.display(), load::reason(e));
    fs::create_dir_all(directory).map_err(|e| failed(directory, &e))?;
    let before = owned(directory).unwrap_or_default();
    let after: BTreeSet<String> = files.iter().map(|(name, _)| name.clone()).collect();
    // First what may be there, last what is: whoever interrupts leaves nothing that nobody owns.
    mark(directory, before.union(&after)).map_err(|e| failed(&directory.join(MARKER), &e))?;
    for (name, contents) in files {
        let path = directory.join(name);
        put(&path, contents).map_err(|e| failed(&path, &e))?;
    }
    for name in before.difference(&after) {
        let path = directory.join(name);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(failed(&path, &e)),
            _ => {}
        }
    }
    mark(directory, after.iter()).map_err(|e| failed(&directory.join(MARKER), &e))
}

/// Replaces a file; a link is replaced, not followed: it may lead out of the folder.
fn put(path: &Path, contents: &str) -> io::Result<()> {
    if path.symlink_metadata().is_ok_and(|m| m.file_type().is_symlink()) {
        fs::remove_file(path)?;
    }
    atomic::write(path, contents.as_bytes())
}

fn mark<'a>(directory: &Path, names: impl Iterator<Item = &'a String>) -> io::Result<()> {
    let lines: String = names.map(|name| format!("{name}\n")).collect();
    put(&directory.join(MARKER), &format!("{TITLE}\n{lines}"))
}

/// The files that the marker lists; none if there is no marker. A name that leads elsewhere is not ours.
fn owned(directory: &Path) -> Option<BTreeSet<String>> {
    let path = directory.join(MARKER);
    if !path.symlink_metadata().ok()?.is_file() {
        return None;
    }
    let text = fs::read_to_string(path).ok()?;
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return None;
    }
    let plain = |name: &&str| !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', ':']);
    Some(lines.filter(plain).map(str::to_owned).collect())
}
