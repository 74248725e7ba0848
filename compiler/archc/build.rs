//! Embeds the pages of `docs/diagnostics`, so that `archc explain` needs no files at run time.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let pages = root.join("../../docs/diagnostics");
    println!("cargo::rerun-if-changed={}", pages.display());
    let mut table = String::from("&[\n");
    for (code, path) in found(&pages)? {
        println!("cargo::rerun-if-changed={}", path.display());
        writeln!(table, "    ({code:?}, include_str!({:?})),", path.canonicalize()?)
            .map_err(io::Error::other)?;
    }
    table.push_str("]\n");
    let out = PathBuf::from(env::var("OUT_DIR").map_err(io::Error::other)?);
    fs::write(out.join("pages.rs"), table)
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
