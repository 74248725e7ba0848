//! The generated code in `generated/` is what would be generated now. `ARCH_UPDATE=1` writes it.

use arch_base::{FileId, SourceMap};
use arch_codegen::{Crate, File, Origin, Project, generate, project, spec_hash};
use std::fs;
use std::path::{Path, PathBuf};

/// Every crate, with the constants that it is generated for.
const CRATES: &[(&str, Option<&str>)] = &[
    ("I02_claim_lease", Some("quick")),
    ("I05_append_log", Some("quick")),
    ("I15_execution_fleet", None),
    ("I16_replicated_kv", None),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The crate of a spec.
fn made(name: &str, instance: Option<&str>) -> Project {
    let path = format!("specs/{name}.arch");
    let text = fs::read_to_string(root().join(&path)).expect("a spec");
    let module = arch_grammar::parse(FileId(0), &text).expect("it parses");
    let options = arch_sema::Options { instance: instance.map(str::to_owned), ..Default::default() };
    let program = arch_sema::analyze(&module, &options).program.expect("a model");
    let tick = 1_000_i64;
    let hash = spec_hash(&text, instance, &[], tick);
    let origin = Origin { tool: "archc 0.1.0".into(), spec: format!("../../{path}"), hash, tick };
    let mut sources = SourceMap::default();
    sources.add(path, text);
    let code = generate(&program, &sources, &origin);
    let code = code.unwrap_or_else(|refusals| panic!("{name}: {refusals:?}"));
    let package = name.to_ascii_lowercase().replace('_', "-");
    let lib_name = package.replace('-', "_");
    project(&code, &origin, &Crate { name: package, lib_name, runtime: String::new() })
}

/// What is written once is compiled here as it is written: but for the manifest, which is a member of this workspace.
fn is_compared(file: &File) -> bool {
    !matches!(file.path.as_str(), "Cargo.toml" | ".gitignore")
}

fn compare(folder: &Path, File { path, text }: &File) {
    let present = fs::read_to_string(folder.join(path)).unwrap_or_default();
    if std::env::var_os("ARCH_UPDATE").is_some() && present != *text {
        fs::create_dir_all(folder.join(path).parent().expect("a folder")).expect("a folder");
        fs::write(folder.join(path), text).expect("written");
        return;
    }
    let line = present.lines().zip(text.lines()).position(|(a, b)| a != b);
    let path = folder.join(path);
    let path = path.strip_prefix(root()).expect("below the root").display();
    assert!(present == *text, "{path} is stale from line {line:?} on: ARCH_UPDATE=1 writes it");
}

#[test]
fn committed_code_is_fresh() {
    for (name, instance) in CRATES {
        let (project, folder) = (made(name, *instance), root().join("generated").join(name));
        let files = project.owned.iter().chain(project.once.iter().filter(|f| is_compared(f)));
        files.for_each(|file| compare(&folder, file));
        let modules = fs::read_dir(folder.join("src/generated")).expect("generated code").count();
        let made = project.owned.iter().filter(|f| f.path.starts_with("src/generated/")).count();
        assert_eq!(modules, made, "generated/{name}/src/generated has files that nothing generates");
    }
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    let (one, other) = (made("I15_execution_fleet", None), made("I15_execution_fleet", None));
    assert!(one.owned == other.owned && one.once == other.once);
}
