//! `archc generate`: a Rust service from a spec.

use super::{complain, complain_about, deliver, identity};
use crate::cli::{self, GenerateArgs};
use crate::counterexample::{self, Tests};
use crate::digest::sha256;
use crate::engines::{self, Request};
use crate::load;
use crate::outcome::{ExitStatus, thousands};
use crate::ownership::{self, Action, Change, Manifest, Wanted};
use crate::package::{Package, absolute, from_there};
use crate::pipeline;
use crate::progress::Progress;
use crate::render::text;
use crate::runtime_crate;
use crate::style::Paint;
use arch_base::{FileId, SourceMap};
use arch_codegen::{Code, Counterexample, Crate, Origin, Project, Transport};
use arch_ir::Program;
use arch_ir::report::{Limits, Stop};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Generates, or says what would change.
#[must_use]
pub fn run(args: &GenerateArgs) -> ExitStatus {
    let mut sources = SourceMap::default();
    let input = load::load_file(&args.file, &mut sources);
    let settings = pipeline::settings(&args.settings);
    let resolved = pipeline::readable(&input).and_then(|file| {
        let program = pipeline::resolve(file, &sources, settings, args.instance.clone())?;
        Ok((file, program))
    });
    match resolved {
        Ok((file, program)) => generate(args, file, &program, &sources),
        Err(outcome) => deliver(&text::spec(&outcome, &sources, Paint::PLAIN), outcome.status),
    }
}

fn generate(args: &GenerateArgs, file: FileId, program: &Program, sources: &SourceMap) -> ExitStatus {
    let text = sources.text(file);
    let (tick, hash) = identity(text, args.instance.as_deref(), &args.settings, args.tick);
    let tool = format!("archc {}", env!("CARGO_PKG_VERSION"));
    let origin = Origin { tool, spec: from_there(&args.out, &args.file), hash, tick };
    let there = match Package::read(&args.out) {
        Ok(there) => there,
        Err(message) => {
            complain(&message);
            return ExitStatus::Invalid;
        }
    };
    let code = match arch_codegen::generate(program, sources, &origin, transport(args, there.as_ref())) {
        Ok(code) => code,
        Err(refusals) => {
            let diagnostics: Vec<_> = refusals.iter().map(arch_codegen::Refusal::diagnostic).collect();
            complain_about(&diagnostics, sources);
            return ExitStatus::Invalid;
        }
    };
    let made = tests_from(args, program, sources, file);
    let package = package(args, there);
    match made.and_then(|tests| settle(args, &origin, &package, &code, &tests)) {
        Ok(status) => {
            if status == ExitStatus::Success && !args.check && !args.diff {
                too_many_states(program, &pipeline::instances(file, sources).unwrap_or_default())
                    .iter()
                    .for_each(|what| complain(what));
            }
            status
        }
        Err(message) => {
            complain(&message);
            ExitStatus::Invalid
        }
    }
}

/// How long is looked how many states the model has.
const LOOK: Duration = Duration::from_secs(5);

/// What is to be known of a model that the tests of the crate will not explore whole.
fn too_many_states(program: &Program, instances: &[String]) -> Option<String> {
    let most = arch_codegen::TESTED_STATES;
    let limits =
        Limits { max_states: Some(most), deadline: Some(Instant::now() + LOOK), ..Limits::default() };
    let (interrupt, progress) = (AtomicBool::new(false), Progress::new(""));
    let request = Request {
        engine: cli::Engine::Explorer,
        threads: 0,
        symmetry: true,
        compact: false,
        limits,
        interrupt: &interrupt,
        progress: &progress,
    };
    // What cannot be explored is for `archc check` to say.
    let report = engines::explore(program, &request).ok()?;
    let seen = report.represented_states.unwrap_or(report.distinct_states);
    let count = match report.stopped {
        None if seen <= most => return None,
        Some(Stop::Time) if seen < most => {
            format!("at least {} states, seen in {} s", thousands(seen), LOOK.as_secs())
        }
        _ => format!("more than {} states", thousands(most)),
    };
    let smaller = match instances {
        [] => "generate from smaller constants (--set)".to_owned(),
        names => format!("generate from a smaller instance (the spec has --instance {})", names.join(", ")),
    };
    Some(format!(
        "the model has {count}: `cargo test` in the crate explores at most {} and fails where there are more; {smaller}, \
         or run it with ARCH_STATES=…",
        thousands(most)
    ))
}

/// The tests that are asked for; those that cannot be made are told.
fn tests_from(
    args: &GenerateArgs,
    program: &Program,
    sources: &SourceMap,
    file: FileId,
) -> Result<Vec<Counterexample>, String> {
    let Some(report) = &args.test_from else { return Ok(Vec::new()) };
    let Tests { tests, left_out } = counterexample::tests(args, report, program, sources, file)?;
    left_out.iter().for_each(|what| complain(&format!("no test is made of {what}")));
    if tests.is_empty() { Err("nothing was written".into()) } else { Ok(tests) }
}

/// The package as it is, or as it is to be where there is none.
fn package(args: &GenerateArgs, there: Option<Package>) -> Package {
    let new = || {
        let name = args.name.clone().unwrap_or_else(|| package_name(&args.out, &args.file));
        Package {
            grpc: transport(args, None) == Transport::Grpc,
            ..Package::new(&name, args.runtime_path.is_none())
        }
    };
    there.unwrap_or_else(new)
}

/// What is asked for, else what the crate that is there has the runtime's feature for.
fn transport(args: &GenerateArgs, there: Option<&Package>) -> Transport {
    let grpc = match &args.transport[..] {
        [] => there.is_some_and(|package| package.grpc),
        asked => asked.contains(&cli::Transport::Grpc),
    };
    if grpc { Transport::Grpc } else { Transport::Http }
}

/// What the manifest, which is the user's, says otherwise than what is generated.
fn odd_feature(args: &GenerateArgs, package: &Package, code: &Code) -> Option<String> {
    let manifest = args.out.join("Cargo.toml");
    let manifest = manifest.display();
    match (code.proto.is_some(), package.grpc) {
        (true, false) => Some(format!("\n{manifest} lacks the feature \"grpc\" of arch-runtime\n")),
        (false, true) => Some(format!(
            "\n{manifest} still has the feature \"grpc\" of arch-runtime: while it has, `archc generate` without --transport makes gRPC\n"
        )),
        _ => None,
    }
}

/// What is to be in the folder.
fn project(args: &GenerateArgs, origin: &Origin, package: &Package, code: &Code) -> Project {
    let runtime = match &args.runtime_path {
        Some(path) if path.is_relative() => from_there(&args.out, path),
        Some(path) => path.display().to_string(),
        None => runtime_crate::FOLDER.to_owned(),
    };
    let Package { name, lib_name, vendors, .. } = package.clone();
    let runtime = format!("path = {runtime:?}, default-features = false");
    let mut project = arch_codegen::project(code, origin, &Crate { name, lib_name, runtime });
    if vendors {
        let files = runtime_crate::files().into_iter();
        project.owned.extend(files.map(|(path, text)| arch_codegen::File { path, text }));
    }
    project
}

/// The name of a package from that of its folder, else of the spec.
fn package_name(out: &Path, spec: &Path) -> String {
    let out = absolute(out);
    let folder = out.file_name().or_else(|| spec.file_stem()).unwrap_or_default().to_string_lossy();
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = folder.chars().map(plain).collect();
    let name = name.trim_matches('-');
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name.to_owned()
    } else {
        format!("service-{name}")
    }
}

/// Writes, or says what would be written.
fn settle(
    args: &GenerateArgs,
    origin: &Origin,
    package: &Package,
    code: &Code,
    tests: &[Counterexample],
) -> Result<ExitStatus, String> {
    let project = project(args, origin, package, code);
    let odd = odd_feature(args, package, code);
    let Package { name, lib_name, .. } = package.clone();
    let package = Crate { name, lib_name, runtime: String::new() };
    let tests: Vec<_> = tests.iter().map(|test| arch_codegen::counterexample(test, &package)).collect();
    let wanted: Vec<Wanted> =
        project.owned.into_iter().map(|f| Wanted { path: f.path, text: f.text }).collect();
    let manifest = Manifest::read(&args.out)?;
    let changes = manifest.changes(&args.out, &wanted)?;
    if args.check || args.diff {
        return Ok(said(args, &changes));
    }
    if !args.force && would_be_lost(args, &changes, &tests) {
        return Ok(ExitStatus::Drift);
    }
    let is_missing = |f: &arch_codegen::File| !args.out.join(&f.path).exists();
    // What is gone was moved or deleted by whom it belongs to.
    let is_new = |f: &arch_codegen::File| args.force || !manifest.once.contains(&f.path);
    let once: BTreeSet<String> =
        project.once.iter().map(|f| f.path.clone()).chain(manifest.once.clone()).collect();
    let first = project.once.into_iter().filter(|f| is_missing(f) && is_new(f));
    let missing: Vec<_> =
        first.chain(tests.into_iter().filter(|f| is_missing(f) || is_another(args, f))).collect();
    if !args.dry_run {
        write(args, &changes, &missing)?;
        let files = wanted.iter().map(|w| (w.path.clone(), sha256(&w.text))).collect();
        let archc = env!("CARGO_PKG_VERSION").into();
        Manifest { archc, spec: origin.hash.clone(), files, once }.write(&args.out)?;
    }
    let mut report = listed(&changes, &missing);
    report.push_str(&missing_methods(args, code));
    report.push_str(&odd.unwrap_or_default());
    Ok(deliver(&report, ExitStatus::Success))
}

/// Whether something that is there and not of this command's making would be overwritten, which is told.
fn would_be_lost(args: &GenerateArgs, changes: &[Change], tests: &[arch_codegen::File]) -> bool {
    let by_hand: Vec<&Change> = changes.iter().filter(|c| c.action == Action::Overwrite).collect();
    if !by_hand.is_empty() {
        for change in &by_hand {
            complain(&format!("{} was changed by hand", args.out.join(&change.path).display()));
        }
        complain("nothing was written; --force overwrites these files, --diff shows what would be lost");
        return true;
    }
    let Some(test) = tests.iter().find(|test| is_another(args, test)) else { return false };
    let path = args.out.join(&test.path);
    complain(&format!(
        "{} is there, and is another test: nothing was written; --force overwrites it",
        path.display()
    ));
    true
}

/// Whether a file is there, with another text.
fn is_another(args: &GenerateArgs, file: &arch_codegen::File) -> bool {
    std::fs::read_to_string(args.out.join(&file.path)).is_ok_and(|there| there != file.text)
}

fn write(args: &GenerateArgs, changes: &[Change], missing: &[arch_codegen::File]) -> Result<(), String> {
    changes.iter().try_for_each(|change| ownership::apply(&args.out, change))?;
    missing.iter().try_for_each(|file| ownership::put(&args.out, &file.path, &file.text))
}

/// One line for each file, and one for the runtime.
fn listed(changes: &[Change], missing: &[arch_codegen::File]) -> String {
    let (runtime, own): (Vec<&Change>, Vec<&Change>) =
        changes.iter().partition(|c| c.path.starts_with(runtime_crate::FOLDER));
    let mut lines: Vec<String> =
        own.iter().map(|c| format!("{} {}\n", word(&c.action, c.after.is_some()), c.path)).collect();
    if !runtime.is_empty() {
        lines.push(format!("write {} ({} files)\n", runtime_crate::FOLDER, runtime.len()));
    }
    lines.extend(missing.iter().map(|file| format!("create {} (yours from now on)\n", file.path)));
    if lines.is_empty() { "nothing has changed\n".to_owned() } else { lines.concat() }
}

fn said(args: &GenerateArgs, changes: &[Change]) -> ExitStatus {
    let report: String = changes.iter().map(Change::diff).collect();
    let stale = args.check && !changes.is_empty();
    if stale {
        let (spec, out) = (args.file.display(), args.out.display());
        complain(&format!("{out} is not what is generated from {spec} ({} files)", changes.len()));
    }
    deliver(&report, if stale { ExitStatus::Drift } else { ExitStatus::Success })
}

fn word(action: &Action, stays: bool) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Update => "update",
        Action::Overwrite if stays => "overwrite",
        Action::Overwrite | Action::Delete => "delete",
    }
}

/// Methods that the user's handlers do not have yet: the compiler asks for them.
fn missing_methods(args: &GenerateArgs, code: &Code) -> String {
    let mut report = String::new();
    for actor in &code.actors {
        let path = args.out.join(format!("src/handlers/{}.rs", actor.module));
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let lacks = |op: &&arch_codegen::Op| !text.contains(&format!("fn {}(", op.method));
        let ops: Vec<_> = actor.ops.iter().filter(lacks).cloned().collect();
        if !ops.is_empty() {
            let lacking = arch_codegen::Served { ops, ..actor.clone() };
            report.push_str(&format!("\n{} lacks:\n\n{}", path.display(), arch_codegen::stubs(&lacking)));
        }
    }
    report
}
