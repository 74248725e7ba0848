//! The generated code in `generated/` is what would be generated now. `ARCH_UPDATE=1` writes it.

use arch_base::{FileId, SourceMap};
use arch_codegen::{Crate, File, Origin, generate, project, spec_hash};
use std::fs;
use std::path::{Path, PathBuf};

/// Every crate, with the constants that it is generated for.
const CRATES: &[(&str, Option<&str>)] =
    &[("I02_claim_lease", Some("quick")), ("I05_append_log", Some("quick")), ("I15_execution_fleet", None)];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The code of a spec.
fn made(name: &str, instance: Option<&str>) -> Vec<File> {
    let path = format!("specs/{name}.arch");
    let text = fs::read_to_string(root().join(&path)).expect("a spec");
    let module = arch_grammar::parse(FileId(0), &text).expect("it parses");
    let options = arch_sema::Options { instance: instance.map(str::to_owned), ..Default::default() };
    let program = arch_sema::analyze(&module, &options).program.expect("a model");
    let tick = 1_000_i64;
    let hash = spec_hash(&text, instance, &[], tick);
    let origin = Origin { tool: "archc 0.1.0".into(), spec: path.clone(), hash, tick };
    let mut sources = SourceMap::default();
    sources.add(path, text);
    let code = generate(&program, &sources, &origin);
    let code = code.unwrap_or_else(|refusals| panic!("{name}: {refusals:?}"));
    let expected = program.expectations.iter().map(|e| e.property.clone()).collect();
    let package = name.to_ascii_lowercase().replace('_', "-");
    project(&code, &origin, &Crate { name: package, runtime: String::new(), expected }).owned
}

#[test]
fn committed_code_is_fresh() {
    let update = std::env::var_os("ARCH_UPDATE").is_some();
    for (name, instance) in CRATES {
        let (files, folder) = (made(name, *instance), root().join("generated").join(name));
        for File { path, text } in &files {
            let present = fs::read_to_string(folder.join(path)).unwrap_or_default();
            if update && present != *text {
                fs::create_dir_all(folder.join(path).parent().expect("a folder")).expect("a folder");
                fs::write(folder.join(path), text).expect("written");
            } else {
                let line = present.lines().zip(text.lines()).position(|(a, b)| a != b);
                assert!(
                    present == *text,
                    "generated/{name}/{path} is stale from line {line:?} on: ARCH_UPDATE=1 writes it"
                );
            }
        }
        let modules = fs::read_dir(folder.join("src/generated")).expect("generated code").count();
        let made = files.iter().filter(|f| f.path.starts_with("src/generated/")).count();
        assert_eq!(modules, made, "generated/{name}/src/generated has files that nothing generates");
    }
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    assert_eq!(made("I15_execution_fleet", None), made("I15_execution_fleet", None));
}
