//! From behaviours of a report to tests of a generated crate.
//!
//! A report tells behaviours in words. Each is found again in the program that it is of ([`recognise`]): the spec, the spec without
//! what prevents a failure, the spec under one fault. So a report of another spec, or of another version of it, is none of this
//! one, and is refused.

pub mod report;

use crate::cli::GenerateArgs;
use crate::narrate::recognise;
use crate::pipeline;
use arch_base::{FileId, SourceMap};
use arch_codegen::Counterexample;
use arch_ir::{Event, FaultKind, Program, State};
use arch_sema::{Clause, Failure, Setting, SingleFault};
use report::{Report, Source, Told};
use std::cell::OnceCell;

/// What becomes of a report.
#[derive(Debug, Default)]
pub struct Tests {
    /// The tests.
    pub tests: Vec<Counterexample>,
    /// The behaviours that no test is made of, and why.
    pub left_out: Vec<String>,
}

/// The tests of a report's behaviours.
///
/// # Errors
/// The report cannot be read, or it is not of this spec with these constants.
pub fn tests(
    args: &GenerateArgs,
    path: &std::path::Path,
    program: &Program,
    sources: &SourceMap,
    file: FileId,
) -> Result<Tests, String> {
    let named = |what: String| format!("{}: {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|e| named(crate::load::reason(&e)))?;
    let report = report::read(&text, &args.file).map_err(named)?;
    same_constants(args, &report).map_err(named)?;
    let mut found = Tests::default();
    let wanted = |told: &&Told| args.only.as_deref().is_none_or(|only| name(told).contains(only));
    let (failures, faults) = (OnceCell::new(), OnceCell::new());
    let spec = Spec { args, written: program, sources, file, failures, faults };
    for told in report.told.iter().filter(wanted) {
        match spec.test(told) {
            Ok(test) => found.tests.push(test),
            Err(Refused::Foreign(why)) => return Err(named(why)),
            Err(Refused::NoTest(why)) => found.left_out.push(format!("{}: {why}", title(told))),
        }
    }
    if found.tests.is_empty() && found.left_out.is_empty() {
        return Err(named(match &args.only {
            Some(only) if !report.told.is_empty() => {
                let names: Vec<String> = report.told.iter().map(name).collect();
                format!("no behaviour's name contains `{only}`: there are {}", names.join(", "))
            }
            _ => "no property is violated in it, so there is no behaviour to make a test of".into(),
        }));
    }
    Ok(found)
}

/// A behaviour is one of the spec with certain constants.
fn same_constants(args: &GenerateArgs, report: &Report) -> Result<(), String> {
    if report.instance != args.instance {
        let flag =
            |i: &Option<String>| i.as_ref().map_or("no --instance".into(), |i| format!("--instance {i}"));
        let (theirs, ours) = (flag(&report.instance), flag(&args.instance));
        return Err(format!("the report was made with {theirs}, and the crate is generated with {ours}"));
    }
    let Some(theirs) = &report.settings else { return Ok(()) };
    let last = |name: &str| args.settings.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value);
    let ours = args.settings.iter().all(|(name, _)| theirs.iter().any(|(n, _)| n == name));
    if ours && theirs.iter().all(|(name, value)| last(name) == Some(value)) {
        return Ok(());
    }
    let flags = |list: &[(String, String)]| {
        let flags: Vec<String> = list.iter().map(|(name, value)| format!("--set {name}={value}")).collect();
        if flags.is_empty() { "no --set".to_owned() } else { flags.join(" ") }
    };
    Err(format!(
        "the report was made with {}, and the crate is generated with {}",
        flags(theirs),
        flags(&args.settings)
    ))
}

/// Why there is no test.
enum Refused {
    /// The behaviour is none of the spec.
    Foreign(String),
    /// It is, and cannot be one of a service.
    NoTest(String),
}

/// The spec that a report is said to be of, and what is made of it when a behaviour asks for it first.
struct Spec<'a> {
    args: &'a GenerateArgs,
    /// As it is written.
    written: &'a Program,
    sources: &'a SourceMap,
    file: FileId,
    failures: OnceCell<Vec<Failure>>,
    faults: OnceCell<Vec<SingleFault>>,
}

impl Spec<'_> {
    fn test(&self, told: &Told) -> Result<Counterexample, Refused> {
        test(self, told, &self.programs(told))
    }

    /// The programs that a behaviour may be of.
    fn programs(&self, told: &Told) -> Vec<Program> {
        match &told.source {
            Source::Spec => vec![self.written.clone()],
            Source::Failure { name, removed, repair } => {
                let clause = |c: &&Clause| {
                    c.repair == *repair
                        && c.properties.contains(&told.property)
                        && crate::failures::removed(c, self.sources) == *removed
                };
                let clauses = self.failures().iter().filter(|f| f.name == *name).flat_map(|f| &f.clauses);
                clauses.filter(clause).flat_map(|c| of_clause(c, self.written)).collect()
            }
            Source::Fault(text) => {
                let rows = self.faults().iter().filter(|row| row.text == *text);
                rows.filter_map(|row| row.program.clone().ok()).collect()
            }
        }
    }

    fn failures(&self) -> &[Failure] {
        self.failures.get_or_init(|| {
            pipeline::failures(self.file, self.sources, self.settings(), self.args.instance.clone())
        })
    }

    fn faults(&self) -> &[SingleFault] {
        self.faults.get_or_init(|| {
            let instance = self.args.instance.clone();
            pipeline::single_faults(self.file, self.sources, self.settings(), instance).unwrap_or_default()
        })
    }

    fn settings(&self) -> Vec<Setting> {
        pipeline::settings(&self.args.settings)
    }
}

fn test(spec: &Spec<'_>, told: &Told, programs: &[Program]) -> Result<Counterexample, Refused> {
    let Spec { args, written, sources, .. } = spec;
    let mut best = None;
    for program in programs {
        match recognise(program, &told.initial, &told.steps) {
            Ok((initial, events)) => {
                may_be_told(told, written, program, &initial, &events).map_err(Refused::NoTest)?;
                let calls = arch_codegen::calls(program, sources, &events).map_err(Refused::NoTest)?;
                return Ok(Counterexample {
                    name: name(told),
                    property: told.property.clone(),
                    words: told.words.join("; "),
                    origin: origin(args, told),
                    told: told.steps.iter().map(|s| s.event.clone()).collect(),
                    calls,
                });
            }
            Err(reached) => best = best.max(reached),
        }
    }
    let spec = args.file.display();
    Err(Refused::Foreign(match best {
        _ if programs.is_empty() => format!("{spec} has no {}", title(told)),
        Some(n) if n < told.steps.len() => format!(
            "step {} of {} (\"{}\") does not happen in {spec} as it is now: make the report again",
            n + 1,
            title(told),
            told.steps[n].event
        ),
        _ => {
            format!("{} does not begin in a state of {spec} as it is now: make the report again", title(told))
        }
    }))
}

/// The programs that behaviours of a clause are of; where the prevention prevents nothing, of one with it in place. They are judged for
/// the properties of the clause alone, and what instants are told apart depends on that.
fn of_clause(clause: &Clause, written: &Program) -> Vec<Program> {
    let properties = &clause.properties;
    let all = [Some(&clause.without), clause.given.as_ref(), Some(written)];
    let judged = |names: &[String]| -> Vec<Program> {
        all.iter().flatten().map(|p| crate::failures::restricted(p, names)).collect()
    };
    let alone = properties.iter().flat_map(|p| judged(std::slice::from_ref(p)));
    judged(properties).into_iter().chain(alone).collect()
}

/// Why a service cannot be asked for a behaviour, or the model of its crate not follow it.
fn may_be_told(
    told: &Told,
    written: &Program,
    program: &Program,
    initial: &State,
    events: &[Event],
) -> Result<(), String> {
    if told.endless {
        return Err("it goes on for ever, and a test ends; archc alone judges infinite behaviours".into());
    }
    if initial.skew.iter().flatten().any(|by| *by != 0) {
        return Err("clocks are off in it, and a service has one clock, its store's".into());
    }
    let declared: Vec<String> =
        written.faults.iter().filter(|f| f.budget != Some(0)).map(|f| fault(written, &f.kind)).collect();
    let mut happen = events.iter().filter_map(Event::fault).map(|f| fault(program, &program.faults[f].kind));
    match happen.find(|fault| !declared.contains(fault)) {
        None => Ok(()),
        Some(fault) => Err(format!(
            "{fault} happens in it; the spec does not declare this fault, so the model of its crate does not have it"
        )),
    }
}

/// A fault, by the names that it has in every program of a spec.
fn fault(program: &Program, kind: &FaultKind) -> String {
    let step = |p: arch_ir::ProtocolId, step| {
        format!("{}.{}", program.protocols[p].name, program.protocols[p].steps[step].name)
    };
    match kind {
        FaultKind::Crash { sort, .. } => format!("a crash of a {}", program.sorts[*sort].name),
        FaultKind::Lose { protocol, step: s } => format!("the loss of {}", step(*protocol, *s)),
        FaultKind::Duplicate { protocol, step: s, .. } => {
            format!("a second arrival of {}", step(*protocol, *s))
        }
        FaultKind::Skew { sort, .. } => format!("a wrong clock of a {}", program.sorts[*sort].name),
        FaultKind::Partition { from, to } => {
            format!("a cut between {} and {}", program.sorts[*from].name, program.sorts[*to].name)
        }
    }
}

/// What a behaviour is called in messages.
fn title(told: &Told) -> String {
    let property = &told.property;
    match &told.source {
        Source::Spec | Source::Fault(None) => property.clone(),
        Source::Failure { name, .. } => format!("failure \"{name}\" ({property})"),
        Source::Fault(Some(fault)) => format!("fault `{fault}` ({property})"),
    }
}

/// The name of a test.
fn name(told: &Told) -> String {
    let plain = |text: &str| {
        let plain: String = text
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' })
            .collect();
        plain.split('_').filter(|w| !w.is_empty()).collect::<Vec<_>>().join("_")
    };
    let property = plain(&told.property);
    match &told.source {
        Source::Spec | Source::Fault(None) => format!("counterexample_{property}"),
        Source::Failure { name, .. } => format!("failure_{}_{property}", plain(name)),
        Source::Fault(Some(fault)) => format!("fault_{}_{property}", plain(fault)),
    }
}

fn origin(args: &GenerateArgs, told: &Told) -> Vec<String> {
    let spec = crate::package::from_there(&args.out, &args.file);
    let constants: Vec<String> =
        args.settings.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let instance = args.instance.iter().map(|i| format!("instance {i}"));
    let with: Vec<String> = instance.chain(constants).collect();
    let with = if with.is_empty() { String::new() } else { format!(" with {}", with.join(", ")) };
    match &told.source {
        Source::Spec | Source::Fault(None) => {
            vec![format!("A behaviour of {spec}{with}, as archc found it.")]
        }
        Source::Fault(Some(fault)) => {
            vec![format!("A behaviour of {spec}{with} under the fault `{fault}`, as archc found it.")]
        }
        Source::Failure { name, removed, repair } => {
            let verb = if *repair { "repairs" } else { "prevents" };
            vec![
                format!(
                    "The failure \"{name}\": a behaviour of {spec}{with} without {}, which",
                    removed.join(" and ")
                ),
                format!("{verb} it: the test passes while that is in place."),
            ]
        }
    }
}
