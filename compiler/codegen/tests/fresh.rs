//! The generated code in `generated/` is what would be generated now. `ARCH_UPDATE=1` writes it.

use arch_base::{FileId, SourceMap};
use arch_codegen::{Crate, File, Origin, Project, Transport, generate, project, spec_hash};
use std::fs;
use std::path::{Path, PathBuf};

/// A crate, and what it is generated of.
struct Generated {
    spec: &'static str,
    instance: Option<&'static str>,
    /// Constants that are set, as by `--set`.
    settings: &'static [(&'static str, &'static str)],
    folder: &'static str,
    package: &'static str,
    /// Whether what is written once is still as it was written.
    untouched: bool,
    transport: Transport,
}

/// An archetype of the catalogue, whose handlers are those that are written once.
const fn archetype(
    spec: &'static str,
    folder: &'static str,
    package: &'static str,
    instance: Option<&'static str>,
) -> Generated {
    Generated { spec, instance, settings: &[], folder, package, untouched: true, transport: Transport::Http }
}

/// The same, with gRPC.
const fn with_grpc(of: Generated) -> Generated {
    Generated { transport: Transport::Grpc, ..of }
}

/// Every crate.
const CRATES: &[Generated] = &[
    archetype("specs/I02_claim_lease.arch", "generated/I02_claim_lease", "i02-claim-lease", Some("quick")),
    archetype("specs/I05_append_log.arch", "generated/I05_append_log", "i05-append-log", Some("quick")),
    // One change that is pushed once: small, with a push that is lost and one that comes twice.
    Generated {
        settings: &[("CHANGES", "1"), ("LOSSES", "1"), ("DUPLICATES", "1")],
        ..archetype("specs/I11_control_plane.arch", "generated/I11_control_plane", "i11-control-plane", None)
    },
    with_grpc(archetype(
        "specs/I12_workflow_effects.arch",
        "generated/I12_workflow_effects",
        "i12-workflow-effects",
        None,
    )),
    archetype("specs/I15_execution_fleet.arch", "generated/I15_execution_fleet", "i15-execution-fleet", None),
    archetype("specs/I16_replicated_kv.arch", "generated/I16_replicated_kv", "i16-replicated-kv", None),
    Generated {
        spec: "examples/job_queue/job_queue.arch",
        instance: None,
        settings: &[],
        folder: "examples/job_queue",
        package: "job-queue",
        untouched: false,
        transport: Transport::Grpc,
    },
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The way from a crate's folder to the spec.
fn from_there(folder: &str, spec: &str) -> String {
    match spec.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
        Some(below) => below.to_owned(),
        None => "../".repeat(folder.split('/').count()) + spec,
    }
}

/// The crate of a spec.
fn made(of: &Generated) -> Project {
    let Generated { spec, instance, folder, package, settings, .. } = *of;
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let settings: Vec<(String, String)> = settings.collect();
    let text = fs::read_to_string(root().join(spec)).expect("a spec");
    let module = arch_grammar::parse(FileId(0), &text).expect("it parses");
    let set =
        |(name, value): &(String, String)| arch_sema::Setting { name: name.clone(), value: value.clone() };
    let set = settings.iter().map(set).collect();
    let options = arch_sema::Options { instance: instance.map(str::to_owned), settings: set };
    let program = arch_sema::analyze(&module, &options).program.expect("a model");
    let tick = 1_000_i64;
    let hash = spec_hash(&text, instance, &settings, tick);
    let origin = Origin { tool: "archc 0.1.0".into(), spec: from_there(folder, spec), hash, tick };
    let mut sources = SourceMap::default();
    sources.add(spec, text);
    let code = generate(&program, &sources, &origin, of.transport);
    let code = code.unwrap_or_else(|refusals| panic!("{spec}: {refusals:?}"));
    let lib_name = package.replace('-', "_");
    project(&code, &origin, &Crate { name: package.into(), lib_name, runtime: String::new() })
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
    for of in CRATES {
        let (project, folder) = (made(of), root().join(of.folder));
        let once = project.once.iter().filter(|f| of.untouched && is_compared(f));
        project.owned.iter().chain(once).for_each(|file| compare(&folder, file));
        let modules = fs::read_dir(folder.join("src/generated")).expect("generated code").count();
        let made = project.owned.iter().filter(|f| f.path.starts_with("src/generated/")).count();
        assert_eq!(modules, made, "{}/src/generated has files that nothing generates", of.folder);
    }
}

#[test]
fn generating_twice_gives_the_same_bytes() {
    let (one, other) = (made(&CRATES[2]), made(&CRATES[2]));
    assert!(one.owned == other.owned && one.once == other.once);
}
