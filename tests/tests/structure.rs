//! The structure that docs/ARCHITECTURE.md promises: who may depend on whom, and tidy files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests are in a folder of the workspace")
        .to_path_buf()
}

/// For each crate, the workspace crates that it may use. Tests may use anything; benchmarks run programs.
const ALLOWED: &[(&str, &[&str])] = &[
    ("grammar", &["arch-base"]),
    ("compiler/base", &[]),
    ("compiler/ir", &["arch-base"]),
    ("compiler/sema", &["arch-base", "arch-grammar", "arch-ir"]),
    ("compiler/explorer", &[]),
    ("compiler/check", &["arch-base", "arch-ir", "arch-explorer"]),
    ("compiler/jit", &["arch-check", "arch-explorer"]),
    ("compiler/stateright-bridge", &["arch-base", "arch-ir", "arch-check", "arch-explorer"]),
    ("compiler/draft", &["arch-base", "arch-grammar"]),
    ("compiler/codegen", &["arch-base", "arch-ir"]),
    ("compiler/trace", &["arch-base", "arch-ir", "arch-codegen", "arch-runtime"]),
    ("compiler/doc", &["arch-base", "arch-grammar"]),
    ("runtime", &[]),
    ("benches", &[]),
];

/// Third-party crates that stay behind one fork.
const ONLY_USER: &[(&str, &str)] = &[
    ("pest", "grammar"),
    ("stateright", "compiler/stateright-bridge"),
    ("cranelift-codegen", "compiler/jit"),
    ("cranelift-jit", "compiler/jit"),
    ("codespan-reporting", "compiler/archc"),
    ("clap", "compiler/archc"),
    ("dagre", "compiler/doc"),
    ("maud", "compiler/doc"),
];

/// What benchmarks and the runtime use all the same: archc is not built from them, and services have a command line
/// and models of their own.
const PEERS_AND_COMMAND_LINE: &[&str] = &["stateright", "clap"];

/// The names in `[dependencies]` of a crate, those of a platform included.
fn dependencies(folder: &str) -> BTreeSet<String> {
    let manifest =
        fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("a crate has a manifest");
    let sections = manifest.split("\n[").filter(|section| {
        let head = section.lines().next().unwrap_or_default();
        head == "dependencies]" || head.starts_with("target.") && head.ends_with(".dependencies]")
    });
    let name = |line: &str| line.split(['.', '=', ' ']).next().unwrap_or_default().to_owned();
    let lines = sections.flat_map(|section| section.lines().skip(1));
    lines.filter(|l| !l.trim().is_empty() && !l.starts_with('#')).map(name).collect()
}

#[test]
fn crates_depend_only_on_what_the_architecture_allows() {
    for (folder, allowed) in ALLOWED {
        let used = dependencies(folder);
        let ours = used.iter().filter(|d| d.starts_with("arch-") || *d == "archc");
        let forbidden: Vec<_> = ours.filter(|d| !allowed.contains(&d.as_str())).collect();
        assert!(forbidden.is_empty(), "{folder} must not depend on {forbidden:?}");
    }
}

#[test]
fn heavy_dependencies_have_one_user() {
    let folders: Vec<&str> = ALLOWED.iter().map(|(f, _)| *f).chain(["compiler/archc"]).collect();
    for (dependency, user) in ONLY_USER {
        let apart = |folder: &str| folder == "benches" || folder == "runtime";
        let exempt = |folder: &str| apart(folder) && PEERS_AND_COMMAND_LINE.contains(dependency);
        let users: Vec<_> =
            folders.iter().filter(|f| dependencies(f).contains(*dependency) && !exempt(f)).collect();
        assert_eq!(users, [user], "{dependency}");
    }
}

/// All files below a folder with one of these endings, without build output.
fn files(folder: &Path, endings: &[&str], found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != "node_modules" {
                files(&path, endings, found);
            }
        } else if endings.iter().any(|e| name.ends_with(e)) {
            let text = fs::read_to_string(&path).unwrap_or_default();
            found.insert(path, text);
        }
    }
}

#[test]
fn source_files_say_what_they_are_and_stay_small() {
    let mut sources = BTreeMap::new();
    files(&root(), &[".rs"], &mut sources);
    assert!(sources.len() > 50, "the search for sources is broken");
    for (path, text) in &sources {
        assert!(text.starts_with("//!"), "{} does not open with `//!`", path.display());
        let lines = text.lines().count();
        assert!(lines <= 1_200, "{} has {lines} lines: give it one reason to change", path.display());
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut documents = BTreeMap::new();
    files(&root().join("docs"), &[".md"], &mut documents);
    files(&root(), &["README.md"], &mut documents);
    let mut followed = 0;
    for (path, text) in &documents {
        let folder = path.parent().expect("a document is in a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = link.split('#').next().unwrap_or_default();
            if target.is_empty() || target.contains("://") || target.contains(' ') || target.contains('|') {
                continue;
            }
            followed += 1;
            assert!(folder.join(target).exists(), "{} links to {target}, which is not there", path.display());
        }
    }
    assert!(followed > 5, "the search for links is broken");
}
