//! The way of a spec on one page: load → parse → analyze → compile → check → verdict.
//!
//! Everything before is reading (`load`), everything after is rendering. Each stage reports all it
//! finds; a stage with errors is the last.

use crate::audit::{self, Accepted};
use crate::cli::{CheckArgs, Engine, LimitArgs};
use crate::engines::{self, Refusal, Request};
use crate::load::Input;
use crate::lock::{self, Locking, Pinned};
use crate::locked::{self, Asked};
use crate::outcome::{
    ExitStatus, Exploration, OwnershipOutcome, PropertyOutcome, PropertyVerdict, SpecOutcome,
    StatisticsOutcome, SymmetryOutcome, ToldApart, Verdict, sort_by_place,
};
use crate::progress::Progress;
use crate::questions::{self, Explored};
use crate::verdict::{self, Facts, Judgement};
use crate::{codes, coverage, failures, narrate, reasons};
use arch_base::{Diagnostic, FileId, Idx, Severity, SourceMap};
use arch_grammar::ast;
use arch_ir::Program;
use arch_ir::report::{Compaction, Limits, Reduction, Report};
use arch_sema::{Analysis, Failure, Setting};
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// What is asked of every spec.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// Constants from the command line.
    pub settings: Vec<Setting>,
    /// Which instances.
    pub instance: Option<&'a str>,
    /// What explores.
    pub engine: Engine,
    /// Worker threads; 0 means one per processor.
    pub threads: usize,
    /// Whether states that differ in names alone are one.
    pub symmetry: bool,
    /// Whether fingerprints of wide states are stored instead of states.
    pub compact: bool,
    /// Whether failure modes are executed.
    pub failures: bool,
    /// When to give up.
    pub limits: LimitArgs,
    /// Whether a warning is an error.
    pub deny_warnings: bool,
    /// Whether a property that holds vacuously does not count as holding.
    pub strict: bool,
    /// What is done with the lock.
    pub locking: Locking,
    /// Whether figures of the exploration are reported.
    pub statistics: bool,
    /// Becomes true when the user wants to see what there is.
    pub interrupt: &'a AtomicBool,
}

/// `--instance all`: the defaults and every instance.
pub const ALL_INSTANCES: &str = "all";

impl<'a> Task<'a> {
    /// What `archc check` asks.
    #[must_use]
    pub fn of(args: &'a CheckArgs, interrupt: &'a AtomicBool) -> Task<'a> {
        Task {
            settings: settings(&args.input.settings),
            instance: args.instance.as_deref(),
            engine: args.engine,
            threads: args.threads.unwrap_or(0),
            symmetry: !args.no_symmetry,
            compact: args.compact,
            failures: !args.no_failures,
            limits: args.limits.clone(),
            deny_warnings: args.deny_warnings,
            strict: args.strict,
            locking: Locking::Off,
            statistics: args.stats,
            interrupt,
        }
    }
}

impl Task<'_> {
    /// What an entry of the lock has to fit.
    fn asked(&self) -> Asked<'static> {
        Asked {
            engine: engines::name(self.engine),
            symmetry: self.symmetry,
            deny_warnings: self.deny_warnings,
            strict: self.strict,
        }
    }
}

/// Constants from the command line, as `sema` takes them.
#[must_use]
pub fn settings(pairs: &[(String, String)]) -> Vec<Setting> {
    pairs.iter().map(|(name, value)| Setting { name: name.clone(), value: value.clone() }).collect()
}

/// Checks one file: a result for each choice of constants that is asked for, none if the file does not
/// have the instance.
#[must_use]
pub fn check(file: FileId, sources: &SourceMap, task: &Task<'_>) -> Vec<SpecOutcome> {
    let mut outcomes = choices(file, sources, task);
    outcomes.iter_mut().for_each(|outcome| outcome.settings = effective(&task.settings));
    outcomes
}

/// The last of each constant, which is the one that counts.
fn effective(settings: &[Setting]) -> Vec<(String, String)> {
    let later = |i: usize| settings[i + 1..].iter().any(|s| s.name == settings[i].name);
    let kept = (0..settings.len()).filter(|i| !later(*i)).map(|i| &settings[i]);
    kept.map(|s| (s.name.clone(), s.value.clone())).collect()
}

fn choices(file: FileId, sources: &SourceMap, task: &Task<'_>) -> Vec<SpecOutcome> {
    let name = sources.name(file);
    let module = match arch_grammar::parse(file, sources.text(file)) {
        Ok(module) => module,
        Err(diagnostics) => return vec![invalid(name, diagnostics)],
    };
    let defaults = analyze(&module, task, None);
    match task.instance {
        None => vec![finish(&module, None, defaults, sources, task)],
        Some(ALL_INSTANCES) => {
            let instances = defaults.instances.clone();
            let first = finish(&module, None, defaults, sources, task);
            let rest = instances.into_iter().map(|i| check_instance(i, &module, sources, task));
            std::iter::once(first).chain(rest).collect()
        }
        Some(instance) if defaults.instances.iter().any(|i| i == instance) => {
            vec![check_instance(instance.to_owned(), &module, sources, task)]
        }
        Some(_) if defaults.has_errors() => vec![finish(&module, None, defaults, sources, task)],
        Some(_) => Vec::new(),
    }
}

fn check_instance(
    instance: String,
    module: &ast::Module,
    sources: &SourceMap,
    task: &Task<'_>,
) -> SpecOutcome {
    let analysis = analyze(module, task, Some(&instance));
    finish(module, Some(instance), analysis, sources, task)
}

fn analyze(module: &ast::Module, task: &Task<'_>, instance: Option<&str>) -> Analysis {
    let options =
        arch_sema::Options { instance: instance.map(str::to_owned), settings: task.settings.clone() };
    arch_sema::analyze(module, &options)
}

/// The file of an input, for commands that need its text.
///
/// # Errors
///
/// The result that a check would report, when it cannot be read.
pub fn readable(input: &Input) -> Result<FileId, Box<SpecOutcome>> {
    input.content.clone().map_err(|diagnostic| Box::new(invalid(&input.name, vec![diagnostic])))
}

/// The program of one file, for commands that do not check it.
///
/// # Errors
///
/// The result that a check would report, when there is no program.
pub fn resolve(
    file: FileId,
    sources: &SourceMap,
    settings: Vec<Setting>,
    instance: Option<String>,
) -> Result<Program, Box<SpecOutcome>> {
    let name = sources.name(file);
    let module = arch_grammar::parse(file, sources.text(file)).map_err(|d| Box::new(invalid(name, d)))?;
    let analysis = arch_sema::analyze(&module, &arch_sema::Options { instance: instance.clone(), settings });
    if analysis.has_errors() || analysis.sketch {
        return Err(Box::new(unexplored(name, instance, &analysis)));
    }
    analysis.program.clone().ok_or_else(|| Box::new(unexplored(name, instance, &analysis)))
}

/// The instances that a file declares; none if it cannot be parsed.
#[must_use]
pub fn instances(file: FileId, sources: &SourceMap) -> Option<Vec<String>> {
    let module = arch_grammar::parse(file, sources.text(file)).ok()?;
    let names = module.items.iter().filter_map(|item| match &item.kind {
        ast::ItemKind::Instance(decl) => Some(decl.name.name.clone()),
        _ => None,
    });
    Some(names.collect())
}

/// The failure modes of a file that has a program.
#[must_use]
pub fn failures(
    file: FileId,
    sources: &SourceMap,
    settings: Vec<Setting>,
    instance: Option<String>,
) -> Vec<Failure> {
    let options = arch_sema::Options { instance, settings };
    let module = arch_grammar::parse(file, sources.text(file));
    module.map(|module| arch_sema::analyze(&module, &options).failures).unwrap_or_default()
}

/// The program of one file, and what it declares to be redundant.
///
/// # Errors
///
/// The result that a check would report, when there is no program.
pub fn auditable(
    file: FileId,
    sources: &SourceMap,
    settings: Vec<Setting>,
    instance: Option<String>,
) -> Result<(Program, Vec<Accepted>), Box<SpecOutcome>> {
    let name = sources.name(file);
    let module = arch_grammar::parse(file, sources.text(file)).map_err(|d| Box::new(invalid(name, d)))?;
    let options = arch_sema::Options { instance: instance.clone(), settings };
    let mut analysis = arch_sema::analyze(&module, &options);
    match analysis.program.take() {
        Some(program) if !analysis.has_errors() => Ok((program, accepted(&analysis))),
        _ => Err(Box::new(unexplored(name, instance, &analysis))),
    }
}

/// The spec of one file under each fault alone.
///
/// # Errors
///
/// The result that a check would report, when there is no program.
pub fn single_faults(
    file: FileId,
    sources: &SourceMap,
    settings: Vec<Setting>,
    instance: Option<String>,
) -> Result<Vec<arch_sema::SingleFault>, Box<SpecOutcome>> {
    let name = sources.name(file);
    let module = arch_grammar::parse(file, sources.text(file)).map_err(|d| Box::new(invalid(name, d)))?;
    let options = arch_sema::Options { instance: instance.clone(), settings };
    let analysis = arch_sema::analyze(&module, &options);
    match &analysis.program {
        Some(program) if !analysis.has_errors() => Ok(arch_sema::single_faults(&module, &options, program)),
        _ => Err(Box::new(unexplored(name, instance, &analysis))),
    }
}

/// What is said of a file that has no program.
fn unexplored(name: &str, instance: Option<String>, analysis: &Analysis) -> SpecOutcome {
    let mut outcome = resolved(name, instance, analysis);
    let judgement = if analysis.has_errors() {
        verdict::judge_invalid(&outcome.diagnostics)
    } else {
        outcome.sketch = true;
        verdict::judge_sketch(&outcome.diagnostics)
    };
    settle(&mut outcome, judgement);
    outcome
}

/// What an analysis says, before anything is judged.
fn resolved(name: &str, instance: Option<String>, analysis: &Analysis) -> SpecOutcome {
    let mut outcome = empty(name);
    outcome.instance = instance;
    outcome.archetype = analysis.archetype.clone();
    outcome.diagnostics = analysis.diagnostics.clone();
    outcome.ownership =
        analysis.program.iter().flat_map(|p| OwnershipOutcome::all(p, &analysis.ownerships)).collect();
    sort_by_place(&mut outcome.diagnostics);
    outcome
}

/// From an analysis to a result.
fn finish(
    module: &ast::Module,
    instance: Option<String>,
    analysis: Analysis,
    sources: &SourceMap,
    task: &Task<'_>,
) -> SpecOutcome {
    let name = sources.name(module.file);
    let mut outcome = match &analysis.program {
        Some(program) if !analysis.has_errors() && !analysis.sketch => {
            let mut outcome = resolved(name, instance, &analysis);
            outcome.settings = effective(&task.settings);
            if !matches!(task.locking, Locking::Off) {
                outcome.hash = lock::hash(sources.text(module.file), module);
            }
            let compared = task.locking.compared();
            if !compared.is_some_and(|l| locked::answer(l, &mut outcome, task.asked())) {
                explore(&mut outcome, program, &analysis, sources, task);
                pin(&mut outcome, program, &analysis, sources, task);
                compared.iter().for_each(|lock| locked::compare(lock, &mut outcome));
            }
            outcome
        }
        _ => unexplored(name, instance, &analysis),
    };
    sort_by_place(&mut outcome.diagnostics);
    if task.deny_warnings {
        deny_warnings(&mut outcome);
    }
    outcome
}

/// Explores a model and says what was found.
fn explore(
    outcome: &mut SpecOutcome,
    program: &Program,
    analysis: &Analysis,
    sources: &SourceMap,
    task: &Task<'_>,
) {
    let progress = Progress::new(&outcome.file);
    let request = request(task, &progress);
    match questions::explore(program, &request) {
        Ok(explored) => {
            judge(outcome, program, &explored.report, sources, task);
            let setting = failures::Setting {
                as_written: &outcome.properties,
                expectations: &outcome.expectations,
                left_out: left_out(&explored.report, analysis, task),
                request: &Request { compact: false, limits: request.limits.clone(), ..request },
                sources,
            };
            outcome.failures = failures::execute(&analysis.failures, setting);
            drop(progress);
            cover(outcome, program, &explored);
            conclude(outcome, program, task);
        }
        Err(refusal) => refuse(outcome, refusal, task.engine),
    }
}

/// What keeps failure modes from being executed.
fn left_out(report: &Report, analysis: &Analysis, task: &Task<'_>) -> Option<&'static str> {
    match task.failures {
        _ if report.compaction.is_some() => Some("--compact"),
        false => Some("--no-failures"),
        true => analysis.no_failures.then_some("the instance says `no failures`"),
    }
}

fn judge(
    outcome: &mut SpecOutcome,
    program: &Program,
    report: &Report,
    sources: &SourceMap,
    task: &Task<'_>,
) {
    let exploration = Exploration {
        engine: report.engine,
        distinct_states: report.distinct_states,
        represented_states: report.represented_states.unwrap_or(report.distinct_states),
        symmetry: report.reduction.as_ref().map(|r| symmetry(program, r)),
        transitions: report.transitions,
        depth: report.depth,
        complete: report.complete(),
        statistics: if task.statistics { statistics(program, report) } else { None },
        simulation: report.simulation,
        compaction: report.compaction,
    };
    outcome.expectations = program.expectations.iter().map(|e| e.property.clone()).collect();
    outcome.properties = narrate::properties(program, report, sources);
    report.compaction.iter().for_each(|c| hold_probably(&mut outcome.properties, c));
    outcome.reasons = reasons::of(program, report, &task.limits);
    let atoms = program.protocols.iter().flat_map(|p| &p.steps).flat_map(|s| &s.atoms);
    outcome.guards = atoms.map(|a| a.id.clone()).collect();
    outcome.exploration = Some(exploration);
}

/// Says of what holds that it does unless a state was missed. What a behaviour shows is so all the same.
fn hold_probably(properties: &mut [PropertyOutcome], compaction: &Compaction) {
    let holds = |p: &&mut PropertyOutcome| p.verdict == PropertyVerdict::Holds && p.trace.is_none();
    for property in properties.iter_mut().filter(holds) {
        property.verdict = match reasons::is_probable(compaction) {
            true => PropertyVerdict::ProbablyHolds(reasons::missed(compaction)),
            false => PropertyVerdict::Inconclusive,
        };
    }
}

/// What each part of a spec is for, where the lock keeps that: as it is known, if the text is the same, else by an audit.
fn pin(
    outcome: &mut SpecOutcome,
    program: &Program,
    analysis: &Analysis,
    sources: &SourceMap,
    task: &Task<'_>,
) {
    match task.locking.audit_of(outcome) {
        Pinned::Nothing => {}
        Pinned::Known(classes) => outcome.audit = classes,
        Pinned::Wanted => {
            let progress = Progress::new(&outcome.file);
            let request = Request { engine: Engine::Explorer, ..request(task, &progress) };
            let found = audit::audit(program, &accepted(analysis), &request, sources);
            outcome.audit = audit::pinned::classes(&found);
            if let Some(judgement) = audit::pinned::refusal(&found, outcome.verdict) {
                settle(outcome, judgement);
            }
        }
    }
}

/// How to explore.
#[must_use]
pub fn request<'a>(task: &Task<'a>, progress: &'a Progress) -> Request<'a> {
    Request {
        engine: task.engine,
        threads: task.threads,
        symmetry: task.symmetry,
        compact: task.compact,
        limits: limits(&task.limits),
        interrupt: task.interrupt,
        progress,
    }
}

/// What a spec declares to be redundant.
fn accepted(analysis: &Analysis) -> Vec<Accepted> {
    let accepted = analysis.redundant.iter();
    accepted.map(|r| Accepted { changes: r.changes.clone(), why: r.why.clone(), span: r.span }).collect()
}

/// What exploration says about the spec itself, once its failure modes were executed: what is about a failure says
/// nothing while that is prevented, and is no worse for it.
fn cover(outcome: &mut SpecOutcome, program: &Program, explored: &Explored) {
    outcome.coverage = coverage::covered(program, explored);
    outcome.diagnostics.extend(coverage::diagnostics(program, explored, &outcome.failures));
    for (id, shown_in) in coverage::vacuous(program, explored, &outcome.failures) {
        let property = &mut outcome.properties[id.index()];
        property.vacuous = shown_in.is_none();
        property.shown_in = shown_in.map(str::to_owned);
    }
}

fn statistics(program: &Program, report: &Report) -> Option<StatisticsOutcome> {
    let protocols = program.protocols.iter().zip(&report.coverage);
    let steps = protocols.flat_map(|(protocol, seen)| {
        let steps = protocol.steps.iter().zip(seen);
        steps.map(|(step, seen)| (format!("{}.{}", protocol.name, step.name), seen.executed))
    });
    let measured = report.statistics.clone()?;
    Some(StatisticsOutcome { measured, steps: steps.collect() })
}

/// The verdict, once everything was looked at.
fn conclude(outcome: &mut SpecOutcome, program: &Program, task: &Task<'_>) {
    let Some(exploration) = &outcome.exploration else { return };
    let judgement = verdict::judge(Facts {
        properties: &outcome.properties,
        failures: &outcome.failures,
        exploration,
        expectations: &outcome.expectations,
        reasons: &outcome.reasons,
        has_time: reasons::has_time(program),
        shortest: engines::finds_shortest(task.engine, task.threads),
        strict: task.strict,
    });
    settle(outcome, judgement);
}

fn symmetry(program: &Program, Reduction { symmetry: found, used }: &Reduction) -> SymmetryOutcome {
    let several = |blocks: &Vec<Vec<u32>>| blocks.iter().any(|b| b.len() > 1);
    let sorts = found.blocks.iter_enumerated().filter(|(_, blocks)| several(blocks));
    let told_apart = found.broken.iter().map(|b| ToldApart {
        name: program.sorts[b.sort].name.clone(),
        reason: b.by.reason(),
        span: b.span,
    });
    SymmetryOutcome {
        interchangeable: sorts.map(|(s, _)| program.sorts[s].name.clone()).collect(),
        used: *used,
        told_apart: told_apart.collect(),
    }
}

/// An engine that cannot take a spec looked at nothing: that is inconclusive, not an error of the spec.
fn refuse(outcome: &mut SpecOutcome, refusal: Refusal, engine: Engine) {
    let name = engines::name(engine);
    let message = format!("the engine {name} cannot explore this spec: {}", refusal.message);
    let mut diagnostic = Diagnostic::warning(codes::ENGINE, message);
    if let Some(span) = refusal.span {
        diagnostic = diagnostic.at(span, "this");
    }
    if engine != Engine::Oracle {
        diagnostic = diagnostic.help("`--engine oracle` takes every spec, slowly");
    }
    outcome.diagnostics.push(diagnostic);
    let reason = format!("the engine {name} cannot explore it");
    outcome.reasons.push(reason.clone());
    let parts = vec!["nothing explored".to_owned(), reason];
    settle(
        outcome,
        verdict::unexplored(Verdict::Inconclusive, ExitStatus::Inconclusive, "INCONCLUSIVE", parts),
    );
}

fn deny_warnings(outcome: &mut SpecOutcome) {
    let warnings = outcome.diagnostics.iter().filter(|d| d.severity == Severity::Warning).count() as u64;
    if warnings == 0 || outcome.status >= ExitStatus::Invalid {
        return;
    }
    let denied = format!("{} denied", crate::outcome::counted(warnings, "warning"));
    let found = outcome.headline.word.to_lowercase();
    let mut parts = vec![denied, format!("otherwise {found}")];
    parts.append(&mut outcome.headline.parts);
    settle(outcome, verdict::unexplored(Verdict::Invalid, ExitStatus::Invalid, "INVALID", parts));
}

/// The result of a file that has no program.
#[must_use]
pub fn invalid(name: &str, diagnostics: Vec<Diagnostic>) -> SpecOutcome {
    let mut outcome = empty(name);
    let judgement = verdict::judge_invalid(&diagnostics);
    outcome.diagnostics = diagnostics;
    sort_by_place(&mut outcome.diagnostics);
    settle(&mut outcome, judgement);
    outcome
}

/// The result of a file that was not looked at.
#[must_use]
pub fn not_checked(name: &str, reason: &str) -> SpecOutcome {
    let mut outcome = empty(name);
    outcome.reasons.push(reason.to_owned());
    let parts = vec!["not checked".to_owned(), reason.to_owned()];
    settle(
        &mut outcome,
        verdict::unexplored(Verdict::Inconclusive, ExitStatus::Inconclusive, "INCONCLUSIVE", parts),
    );
    outcome
}

/// The result of a file that the lock knows and that is not there any more.
#[must_use]
pub fn gone(name: &str, instance: Option<&str>) -> SpecOutcome {
    let mut outcome = empty(name);
    let what = instance.map_or_else(|| name.to_owned(), |i| format!("instance {i} of {name}"));
    outcome.diagnostics.push(
        Diagnostic::error(codes::DRIFT, format!("{} has an entry for {what}, which is gone", lock::FILE))
            .help("review it, and run `archc check --lock`"),
    );
    outcome.instance = instance.map(str::to_owned);
    let parts = vec!["gone".to_owned()];
    settle(&mut outcome, verdict::unexplored(Verdict::Inconclusive, ExitStatus::Drift, "DRIFT", parts));
    outcome
}

/// The result of a file on which archc itself failed.
#[must_use]
pub fn internal_error(name: &str, what: &str) -> SpecOutcome {
    let mut outcome = empty(name);
    outcome.diagnostics.push(
        Diagnostic::error(codes::INTERNAL, format!("internal error: {what}"))
            .because("this is a bug of archc, not of the spec; nothing can be concluded about the spec")
            .help("please report it, with the spec and the command line"),
    );
    let parts = vec!["archc failed".to_owned(), "please report it".to_owned()];
    settle(
        &mut outcome,
        verdict::unexplored(Verdict::Inconclusive, ExitStatus::Internal, "INTERNAL ERROR", parts),
    );
    outcome
}

fn settle(outcome: &mut SpecOutcome, judgement: Judgement) {
    outcome.verdict = judgement.verdict;
    outcome.status = judgement.status;
    outcome.as_expected = judgement.as_expected;
    outcome.headline = judgement.headline;
    for property in &mut outcome.properties {
        mark_expected(property, &outcome.expectations);
    }
}

fn mark_expected(property: &mut PropertyOutcome, expectations: &[String]) {
    property.expected_violated = expectations.contains(&property.name);
}

fn empty(name: &str) -> SpecOutcome {
    SpecOutcome {
        file: name.to_owned(),
        archetype: None,
        instance: None,
        settings: Vec::new(),
        verdict: Verdict::Invalid,
        status: ExitStatus::Invalid,
        as_expected: None,
        expectations: Vec::new(),
        sketch: false,
        headline: crate::outcome::Headline::default(),
        reasons: Vec::new(),
        exploration: None,
        diagnostics: Vec::new(),
        properties: Vec::new(),
        failures: Vec::new(),
        coverage: Vec::new(),
        ownership: Vec::new(),
        hash: String::new(),
        guards: Vec::new(),
        audit: BTreeMap::new(),
    }
}

/// The limits of the command line, from now on.
#[must_use]
pub fn limits(args: &LimitArgs) -> Limits {
    Limits {
        max_states: args.max_states,
        max_memory: args.max_memory.or_else(crate::memory::default_limit),
        deadline: args.timeout.map(|t| Instant::now() + t),
        enough: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_error_is_70_whatever_else_there_is() {
        let outcome = internal_error("a.arch", "out of cheese");
        assert_eq!(outcome.status.code(), 70);
        assert_eq!(outcome.status.max(ExitStatus::Invalid).code(), 70);
        assert!(outcome.diagnostics[0].message.contains("out of cheese"));
    }

    #[test]
    fn what_was_not_checked_is_inconclusive() {
        assert_eq!(not_checked("a.arch", "interrupted").status.code(), 3);
    }
}
