//! Files that a command owns in somebody's folder: written if they changed, deleted when they are no longer made, and never
//! overwritten after somebody else changed them.
//!
//! The manifest (`.arch/manifest.json`) has the hash of every owned file as it was written last.

use crate::atomic;
use crate::digest::sha256;
use crate::load::reason;
use serde::{Deserialize, Serialize};
use similar::TextDiff;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Where the manifest is.
pub const MANIFEST: &str = ".arch/manifest.json";

/// What was written last.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// By which archc.
    pub archc: String,
    /// Of which spec.
    pub spec: String,
    /// The SHA-256 of each owned file, by its path.
    pub files: BTreeMap<String, String>,
    /// The files that were written once and are somebody's since, who may have moved or deleted them.
    #[serde(default)]
    pub once: BTreeSet<String>,
}

/// A file to be: its path in the folder, and its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// With `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What is to be done with a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Written, where there was nothing.
    Create,
    /// Written over what was written last.
    Update,
    /// Written over, or deleted though, somebody's changes: only by force.
    Overwrite,
    /// Deleted: nothing makes it any more.
    Delete,
}

/// One change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Which file.
    pub path: String,
    /// What is to be done.
    pub action: Action,
    /// What is there.
    pub before: String,
    /// What is to be; none if it is to go.
    pub after: Option<String>,
}

impl Change {
    /// The change as a unified diff.
    #[must_use]
    pub fn diff(&self) -> String {
        let after = self.after.as_deref().unwrap_or_default();
        let (old, new) = (format!("a/{}", self.path), format!("b/{}", self.path));
        TextDiff::from_lines(self.before.as_str(), after).unified_diff().header(&old, &new).to_string()
    }
}

impl Manifest {
    /// The manifest of a folder; an empty one where there is none.
    ///
    /// # Errors
    /// It cannot be read, is no manifest, or names a file outside the folder.
    pub fn read(folder: &Path) -> Result<Manifest, String> {
        let path = folder.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Manifest::default()),
            Err(e) => return Err(format!("cannot read {}: {}", path.display(), reason(&e))),
        };
        let manifest: Manifest =
            serde_json::from_str(&text).map_err(|e| format!("{} is no manifest: {e}", path.display()))?;
        match manifest.files.keys().find(|path| !is_inside(path)) {
            Some(outside) => Err(format!("{} names {outside}, which is outside", path.display())),
            None => Ok(manifest),
        }
    }

    /// What it takes to have these files and no others that the manifest names.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn changes(&self, folder: &Path, wanted: &[Wanted]) -> Result<Vec<Change>, String> {
        let mut changes = Vec::new();
        for Wanted { path, text } in wanted {
            let action = match present(folder, path)? {
                Some(before) if before == *text => continue,
                Some(before) if self.files.get(path) == Some(&sha256(&before)) => (Action::Update, before),
                Some(before) => (Action::Overwrite, before),
                None => (Action::Create, String::new()),
            };
            let (action, before) = action;
            changes.push(Change { path: path.clone(), action, before, after: Some(text.clone()) });
        }
        for (path, written) in self.files.iter().filter(|(path, _)| wanted.iter().all(|w| w.path != **path)) {
            if let Some(before) = present(folder, path)? {
                let action = if sha256(&before) == *written { Action::Delete } else { Action::Overwrite };
                changes.push(Change { path: path.clone(), action, before, after: None });
            }
        }
        Ok(changes)
    }

    /// Writes the manifest, if it is another.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), String> {
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        if present(folder, MANIFEST)?.as_deref() == Some(text.as_str()) {
            return Ok(());
        }
        put(folder, MANIFEST, &text)
    }
}

/// Makes a change.
///
/// # Errors
/// The file cannot be written or deleted.
pub fn apply(folder: &Path, change: &Change) -> Result<(), String> {
    match &change.after {
        Some(text) => put(folder, &change.path, text),
        None => {
            let path = folder.join(&change.path);
            fs::remove_file(&path).map_err(|e| format!("cannot delete {}: {}", path.display(), reason(&e)))
        }
    }
}

/// Writes a file with the folders above it.
///
/// # Errors
/// It cannot be written.
pub fn put(folder: &Path, path: &str, text: &str) -> Result<(), String> {
    let path: PathBuf = folder.join(path);
    let above = path.parent().map_or(Ok(()), fs::create_dir_all);
    above
        .and_then(|()| atomic::write(&path, text.as_bytes()))
        .map_err(|e| format!("cannot write {}: {}", path.display(), reason(&e)))
}

/// The text of a file; none if it is not there.
fn present(folder: &Path, path: &str) -> Result<Option<String>, String> {
    let path = folder.join(path);
    match fs::read(&path) {
        // What is no text was not written here.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(format!("cannot read {}: {}", path.display(), reason(&e))),
    }
}

fn is_inside(path: &str) -> bool {
    !path.is_empty() && Path::new(path).components().all(|c| matches!(c, Component::Normal(_)))
}
