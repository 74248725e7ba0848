//! `archc generate`: a Rust service from a spec.

use super::{complain, complain_about, deliver};
use crate::cli::GenerateArgs;
use crate::load;
use crate::outcome::ExitStatus;
use crate::ownership::{self, Action, Change, Manifest, Wanted};
use crate::pipeline;
use crate::render::text;
use crate::style::Paint;
use arch_base::{FileId, SourceMap};
use arch_codegen::{Code, Crate, Origin, Project};
use arch_ir::Program;
use std::path::Path;

/// Generates, or says what would change.
#[must_use]
pub fn run(args: &GenerateArgs) -> ExitStatus {
    let mut sources = SourceMap::default();
    let input = load::load_file(&args.file, &mut sources);
    let resolved = match &input.content {
        Ok(file) => {
            let settings = pipeline::settings(&args.settings);
            pipeline::resolve(*file, &sources, settings, args.instance.clone())
                .map(|program| (*file, program))
        }
        Err(diagnostic) => Err(Box::new(pipeline::invalid(&input.name, vec![diagnostic.clone()]))),
    };
    match resolved {
        Ok((file, program)) => generate(args, file, &program, &sources),
        Err(outcome) => deliver(&text::spec(&outcome, &sources, Paint::PLAIN), outcome.status),
    }
}

fn generate(args: &GenerateArgs, file: FileId, program: &Program, sources: &SourceMap) -> ExitStatus {
    let tick = i64::try_from(args.tick.as_millis()).unwrap_or(i64::MAX);
    let hash = arch_codegen::spec_hash(sources.text(file), args.instance.as_deref(), &args.settings, tick);
    let tool = format!("archc {}", env!("CARGO_PKG_VERSION"));
    let origin = Origin { tool, spec: sources.name(file).to_owned(), hash, tick };
    let code = match arch_codegen::generate(program, sources, &origin) {
        Ok(code) => code,
        Err(refusals) => {
            let diagnostics: Vec<_> = refusals.iter().map(arch_codegen::Refusal::diagnostic).collect();
            complain_about(&diagnostics, sources);
            return ExitStatus::Invalid;
        }
    };
    let package = package(args);
    let project = arch_codegen::project(&code, &origin, &package);
    match settle(args, &origin, project, &code) {
        Ok(status) => status,
        Err(message) => {
            complain(&message);
            ExitStatus::Invalid
        }
    }
}

fn package(args: &GenerateArgs) -> Crate {
    let name = args.name.clone().unwrap_or_else(|| package_name(&args.out, &args.file));
    let runtime = match &args.runtime_path {
        Some(path) => format!("path = {:?}, default-features = false", path.display().to_string()),
        None => format!("version = {:?}, default-features = false", env!("CARGO_PKG_VERSION")),
    };
    Crate { name, runtime }
}

/// The name of a package from that of its folder, else of the spec.
fn package_name(out: &Path, spec: &Path) -> String {
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
fn settle(args: &GenerateArgs, origin: &Origin, project: Project, code: &Code) -> Result<ExitStatus, String> {
    let before = Manifest::read(&args.out)?;
    let wanted: Vec<Wanted> =
        project.owned.into_iter().map(|f| Wanted { path: f.path, text: f.text }).collect();
    let changes = before.changes(&args.out, &wanted)?;
    if args.check || args.diff {
        return Ok(said(args, &changes));
    }
    let by_hand: Vec<&Change> = changes.iter().filter(|c| c.action == Action::Overwrite).collect();
    if !by_hand.is_empty() && !args.force {
        for change in &by_hand {
            complain(&format!("{} was changed by hand", args.out.join(&change.path).display()));
        }
        complain("nothing was written; --force overwrites these files, --diff shows what would be lost");
        return Ok(ExitStatus::Drift);
    }
    let missing = project.once.iter().filter(|f| !args.out.join(&f.path).exists());
    let mut report = String::new();
    for change in &changes {
        report.push_str(&format!("{} {}\n", word(&change.action, change.after.is_some()), change.path));
        if !args.dry_run {
            ownership::apply(&args.out, change)?;
        }
    }
    for file in missing {
        report.push_str(&format!("create {} (yours from now on)\n", file.path));
        if !args.dry_run {
            ownership::put(&args.out, &file.path, &file.text)?;
        }
    }
    let files = wanted.iter().map(|w| (w.path.clone(), ownership::hash(&w.text))).collect();
    let manifest = Manifest { archc: env!("CARGO_PKG_VERSION").into(), spec: origin.hash.clone(), files };
    if !args.dry_run {
        manifest.write(&args.out)?;
    }
    if report.is_empty() {
        report.push_str("nothing has changed\n");
    }
    report.push_str(&missing_methods(args, code));
    Ok(deliver(&report, ExitStatus::Success))
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
