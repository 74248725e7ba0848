//! Files are replaced in one piece: a reader, or a crash, sees the old text or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Replaces the contents of an existing file, keeping its permissions; a symbolic link stays one.
///
/// # Errors
///
/// When the file cannot be replaced; then it is as it was.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let target = path.canonicalize()?;
    let permissions = fs::metadata(&target)?.permissions();
    if permissions.readonly() {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let (beside, file) = create_beside(&target)?;
    let written = fill(file, contents, permissions).and_then(|()| fs::rename(&beside, &target));
    if written.is_err() {
        // The error that matters is the first one.
        drop(fs::remove_file(&beside));
    }
    written
}

/// Writes a file in one piece, whether it exists or not.
///
/// # Errors
///
/// When it cannot be written; then it is as it was.
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    if path.exists() {
        return replace(path, contents);
    }
    let (beside, mut file) = create_beside(path)?;
    let written =
        file.write_all(contents).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The error that matters is the first one.
        drop(fs::remove_file(&beside));
    }
    written
}

/// Writes a file that does not exist yet.
///
/// # Errors
///
/// When it exists or cannot be written.
pub fn create(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(contents)?;
    file.sync_all()
}

fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let beside = target.with_file_name(format!(".{name}.{}.tmp", std::process::id()));
    let file = OpenOptions::new().write(true).create_new(true).open(&beside)?;
    Ok((beside, file))
}

fn fill(mut file: File, contents: &[u8], permissions: fs::Permissions) -> io::Result<()> {
    file.write_all(contents)?;
    file.set_permissions(permissions)?;
    file.sync_all()
}
