//! Embeds the pages of `docs/diagnostics`, so that `archc explain` needs no files at run time, and the sources of the runtime, so
//! that what `archc generate` writes can be built wherever it is.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?).join("../..");
    let pages = root.join("docs/diagnostics");
    println!("cargo::rerun-if-changed={}", pages.display());
    table("pages.rs", &found(&pages)?)?;
    let sources = root.join("runtime/src");
    println!("cargo::rerun-if-changed={}", sources.display());
    let mut files = Vec::new();
    below(&sources, "src", &mut files)?;
    files.sort();
    table("runtime.rs", &files)
}

/// Writes the table of names and texts that a module includes.
fn table(file: &str, entries: &[(String, PathBuf)]) -> io::Result<()> {
    let mut table = String::from("&[\n");
    for (name, path) in entries {
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(table, "    ({name:?}, include_str!({:?})),", path.canonicalize()?)
            .map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join(file), table)
}

/// Every Rust file below a folder, with its path from there on.
fn below(folder: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let inner = format!("{name}/{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            below(&path, &inner, files)?;
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push((inner, path));
        }
    }
    Ok(())
}

/// Code and path of each page, sorted; a page's name is a letter and digits.
fn found(pages: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    if !pages.is_dir() {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for entry in fs::read_dir(pages)? {
        let path = entry?.path();
        let code = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let markdown = path.extension().is_some_and(|e| e == "md");
        if markdown && is_code(&code) {
            all.push((code, path));
        }
    }
    all.sort();
    Ok(all)
}

fn is_code(stem: &str) -> bool {
    let mut chars = stem.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase())
        && stem.len() > 1
        && chars.all(|c| c.is_ascii_digit())
}
