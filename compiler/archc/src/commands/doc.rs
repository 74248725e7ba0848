//! `archc doc`: specs as a static site, with what checking them found.

use super::{complain, complain_about, deliver};
use crate::cli::DocArgs;
use crate::load::{self, Input};
use crate::outcome::{ExitStatus, SpecOutcome};
use crate::pipeline::{self, Task};
use crate::progress::Progress;
use crate::render::{site as render, text};
use crate::style::Paint;
use crate::{audit, interrupt, panics, site};
use arch_base::{FileId, SourceMap};
use arch_doc::Spec;
use arch_doc::found::{Audit, Found};
use arch_grammar::ast::{ItemKind, Module};
use std::sync::atomic::Ordering;

/// The instance that is checked where a file has it.
const QUICK: &str = "quick";

/// A spec that gets a page.
struct Documented {
    file: FileId,
    module: Module,
    found: Found,
}

/// Writes the site of every spec that was named.
#[must_use]
pub fn run(args: &DocArgs, paint: Paint) -> ExitStatus {
    if let Err(why) = site::permitted(&args.out) {
        complain(&why);
        return ExitStatus::Invalid;
    }
    let mut sources = SourceMap::default();
    let inputs = load::load(&args.paths, &mut sources);
    let (interrupt, check) = (interrupt::install(), args.check());
    let task = Task::of(&check, &interrupt);
    let (mut status, mut report, mut documented) = (ExitStatus::Success, String::new(), Vec::new());
    for input in &inputs {
        let Some(module) = parsed(input, &sources, &mut status) else { continue };
        let look = Look { args, task: &task, sources: &sources };
        let (found, came_to, line) = look.at(&module, &input.name);
        status = status.max(came_to);
        report.push_str(&format!("{line}\n"));
        let missing = arch_doc::missing_fields(&module);
        if !missing.is_empty() {
            report.push_str(&format!("  the header lacks {}\n", missing.join(", ")));
        }
        documented.push(Documented { file: module.file, module, found });
    }
    if documented.is_empty() {
        return deliver(&report, status);
    }
    let pages = pages(&documented, &sources);
    if let Err(why) = site::write(&args.out, &pages) {
        complain(&why);
        return ExitStatus::Invalid;
    }
    let index = args.out.join("index.html");
    let written = crate::outcome::counted(documented.len() as u64, "spec");
    report.push_str(&format!(
        "{} {} of {written}\n",
        paint.paint(crate::style::Style::Good, "written"),
        index.display()
    ));
    deliver(&report, status)
}

/// The syntax tree of a file; what is wrong with one that has none goes to stderr, and it gets no page.
fn parsed(input: &Input, sources: &SourceMap, status: &mut ExitStatus) -> Option<Module> {
    let module = match &input.content {
        Err(diagnostic) => Err(vec![diagnostic.clone()]),
        Ok(file) => arch_grammar::parse(*file, sources.text(*file)),
    };
    match module {
        Ok(module) => Some(module),
        Err(diagnostics) => {
            complain_about(&diagnostics, sources);
            complain(&format!("{} gets no page", input.name));
            *status = (*status).max(ExitStatus::Invalid);
            None
        }
    }
}

fn pages(documented: &[Documented], sources: &SourceMap) -> Vec<(String, String)> {
    let specs: Vec<Spec<'_>> = documented
        .iter()
        .map(|d| Spec {
            file: sources.name(d.file).to_owned(),
            text: sources.text(d.file),
            module: &d.module,
            found: d.found.clone(),
        })
        .collect();
    arch_doc::site(&specs).into_iter().map(|page| (page.name, page.contents)).collect()
}

/// How specs are looked at.
struct Look<'a> {
    args: &'a DocArgs,
    task: &'a Task<'a>,
    sources: &'a SourceMap,
}

impl Look<'_> {
    /// What is found of a spec, what that means for the exit status, and the line that says so.
    fn at(&self, module: &Module, name: &str) -> (Found, ExitStatus, String) {
        if self.args.no_check {
            return self.resolved(module, name);
        }
        let instance = self.instance(module);
        let outcome = self.checked(module.file, name, instance.as_deref());
        let mut found = render::found(&outcome, self.sources);
        let mut status = outcome.status;
        if self.args.audit && outcome.exploration.is_some() {
            let (audit, came_to) = self.audited(module.file, name, instance);
            found.audit = Some(audit);
            status = status.max(came_to);
        }
        (found, status, text::plain_headline(&outcome))
    }

    /// Without checking: whether the spec has a meaning at all.
    fn resolved(&self, module: &Module, name: &str) -> (Found, ExitStatus, String) {
        let analysis = arch_sema::analyze(module, &arch_sema::Options::default());
        let problems = render::problems(&analysis.diagnostics, self.sources);
        let (status, word) = match analysis.has_errors() {
            true => (ExitStatus::Invalid, "INVALID"),
            false => (ExitStatus::Success, "NOT CHECKED"),
        };
        (Found { problems, ..Found::default() }, status, format!("{word} {name}"))
    }

    /// The instance that is looked at: the one that is asked for, else the quick one unless that leaves failure modes out, in
    /// a file that has it.
    fn instance(&self, module: &Module) -> Option<String> {
        let asked = self.args.instance.as_deref();
        let wanted = asked.unwrap_or(QUICK);
        let has = module.items.iter().any(|item| match &item.kind {
            ItemKind::Instance(i) => i.name.name == wanted && (asked.is_some() || i.no_failures.is_none()),
            _ => false,
        });
        has.then(|| wanted.to_owned())
    }

    fn checked(&self, file: FileId, name: &str, instance: Option<&str>) -> SpecOutcome {
        if self.task.interrupt.load(Ordering::SeqCst) {
            return pipeline::not_checked(name, "interrupted");
        }
        let task = Task { instance, ..self.task.clone() };
        let outcomes = panics::caught(|| pipeline::check(file, self.sources, &task));
        match outcomes {
            Ok(outcomes) => {
                outcomes.into_iter().next().unwrap_or_else(|| pipeline::not_checked(name, "no such instance"))
            }
            Err(what) => {
                complain(&format!("internal error while checking {name}; please report it"));
                pipeline::internal_error(name, &what)
            }
        }
    }

    fn audited(&self, file: FileId, name: &str, instance: Option<String>) -> (Audit, ExitStatus) {
        let open = |why: &str| Audit { open: Some(why.to_owned()), parts: Vec::new() };
        let Ok((program, accepted)) = pipeline::auditable(file, self.sources, Vec::new(), instance) else {
            return (open("the spec cannot be explored"), ExitStatus::Inconclusive);
        };
        let progress = Progress::new(name);
        let request = pipeline::request(self.task, &progress);
        match panics::caught(|| audit::audit(&program, &accepted, &request, self.sources)) {
            Ok(audit) => (render::audit(&audit), audit.status(false)),
            Err(what) => (open(&format!("internal error: {what}")), ExitStatus::Internal),
        }
    }
}
