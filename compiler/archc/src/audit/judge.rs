//! What a changed program does to the verdicts of the spec.
//!
//! Two stages: everything but liveness first, which symmetry helps and the first violation ends, on the level of its
//! shortest behaviour; liveness, which needs the whole graph, only if nothing broke.

use super::confirm::confirmed;
use super::parallel;
use super::together::Seen;
use crate::engines::{self, Request};
use crate::narrate;
use crate::outcome::{PropertyOutcome, PropertyVerdict};
use arch_base::SourceMap;
use arch_check::family::{Family, Shown};
use arch_check::lockstep::{Comparison, Variant};
use arch_ir::report::{Enough, Limits, Report, Stop};
use arch_ir::{Builtin, Program, Property};
use std::sync::atomic::AtomicBool;

/// Judges changed programs against the spec as it is written.
pub(super) struct Judge<'a> {
    /// The spec as it is written.
    pub program: &'a Program,
    /// States of the spec, those that symmetry leaves out included.
    pub states: u64,
    /// Why the spec as it is written is open, if it is.
    pub open: Option<String>,
    /// Whether one of states that differ in names alone is explored.
    symmetry: bool,
    request: &'a Request<'a>,
    sources: &'a SourceMap,
    known: Vec<Known>,
}

/// A property or built-in check, and what it comes to in the spec as it is written.
struct Known {
    name: String,
    live: bool,
    verdict: PropertyVerdict,
}

/// What a change does.
#[derive(Clone, Debug, Default)]
pub(super) struct Effects {
    /// What is violated now and was not: the first by [`rank`].
    pub breaks: Option<PropertyOutcome>,
    /// What was violated and is not.
    pub repairs: Vec<String>,
    /// Why there is no answer, if nothing is known to break.
    pub open: Option<String>,
}

impl Effects {
    /// No answer.
    pub fn open(why: String) -> Effects {
        Effects { open: Some(why), ..Effects::default() }
    }
}

/// So many states are explored without symmetry rather than each variant by itself.
const FEW_STATES: u64 = 50_000;

const LIVE: [&str; 3] = ["leads to", "eventually", "always eventually"];

/// A verdict, unless it is about what comes after the places where behaviours end. What holds of single states and events holds
/// as far as behaviours go, with a part and without it.
fn unless_ended(report: &Report, kind: &str, name: &str, verdict: PropertyVerdict) -> PropertyVerdict {
    match narrate::end_of_behaviours(report) {
        Some(check) if narrate::asks_for_more(kind, name) => PropertyVerdict::EndsEarly(format!(
            "{name} is not judged: behaviours end where `{check}` is violated"
        )),
        _ => verdict,
    }
}

impl<'a> Judge<'a> {
    /// Explores the spec as it is written.
    ///
    /// # Errors
    ///
    /// When the engine cannot take it.
    pub fn new(
        program: &'a Program,
        request: &'a Request<'a>,
        sources: &'a SourceMap,
    ) -> Result<Self, String> {
        // Nobody asks here which fairness is needed.
        let limits = Limits { enough: Some(Enough::default()), ..request.limits.clone() };
        let request_for = Request { limits, ..*request };
        let report = engines::explore(program, &request_for).map_err(|refusal| refusal.message)?;
        let known = report.results.iter().map(|r| Known {
            name: r.name.clone(),
            live: LIVE.contains(&r.kind),
            verdict: unless_ended(&report, r.kind, &r.name, narrate::verdict(&r.verdict)),
        });
        let open = match report.stopped {
            Some(stop) => Some(format!("of the spec as it is written, {}", limit(stop))),
            None if !report.cut.is_empty() => Some("`cut` bounds the spec as it is written".to_owned()),
            None => None,
        };
        let states = report.represented_states.unwrap_or(report.distinct_states);
        let symmetry = report.reduction.as_ref().is_some_and(|r| r.used);
        Ok(Judge { program, states, open, symmetry, request, sources, known: known.collect() })
    }

    /// All variants of a program in one exploration; none where that is not exact, or where symmetry makes each of them
    /// small.
    pub fn family(&self, program: &Program) -> Option<Family> {
        let decided = |k: &Known| matches!(k.verdict, PropertyVerdict::Holds | PropertyVerdict::Violated);
        let suited = self.open.is_none() && self.known.iter().all(decided);
        let small = !self.symmetry || self.states <= FEW_STATES;
        // The other half is for judging, and for explorations of single variants.
        let max_memory = self.request.limits.max_memory.map(|bytes| bytes / 2);
        let limits = Limits { max_memory, ..self.request.limits.clone() };
        if suited && small { engines::family(program, &Request { limits, ..*self.request }) } else { None }
    }

    /// What holds in the spec as it is written.
    pub fn holding(&self) -> Vec<String> {
        named(&self.known, PropertyVerdict::Holds)
    }

    /// Whether something that is judged holds in the spec as it is written.
    pub fn holds(&self, name: &str) -> Option<bool> {
        let known = self.known.iter().find(|k| k.name == name)?;
        Some(known.verdict == PropertyVerdict::Holds)
    }

    /// Whether something that is judged is a liveness property.
    pub fn is_live(&self, name: &str) -> bool {
        self.known.iter().any(|k| k.live && k.name == name)
    }

    /// Becomes true when the user wants to see what there is.
    pub fn interrupt(&self) -> &'a AtomicBool {
        self.request.interrupt
    }

    /// What the spec as it is written violates.
    pub fn violated(&self) -> Vec<String> {
        named(&self.known, PropertyVerdict::Violated)
    }

    /// The results of all jobs, several at a time.
    pub fn all<T: Sync, R: Send>(&self, jobs: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        parallel::map(jobs, self.threads(), work)
    }

    fn threads(&self) -> usize {
        engines::threads(self.request.threads)
    }

    /// Compares a program with variants of it. `alone`: nothing else runs meanwhile.
    pub fn compare(
        &self,
        program: &Program,
        variants: &[Variant],
        early: bool,
        alone: bool,
    ) -> Option<Comparison> {
        let request = self.request(if alone { self.threads() } else { 1 }, None);
        engines::compare(program, variants, early, &request).ok()
    }

    /// What a changed program does to the verdicts.
    pub fn effects(&self, changed: &Program) -> Effects {
        let mut effects = self.stage(changed, false);
        // What breaks is known; what is repaired is to be known, too.
        let matters = |k: &Known| effects.breaks.is_none() || k.verdict == PropertyVerdict::Violated;
        if self.known.iter().any(|k| k.live && matters(k)) {
            let later = self.stage(changed, true);
            effects.breaks = effects.breaks.or(later.breaks);
            effects.repairs.extend(later.repairs);
            effects.open = effects.open.or(later.open);
        }
        if effects.breaks.is_some() {
            effects.open = None;
        }
        effects
    }

    /// The same, where something is known to break, and perhaps shown.
    pub fn what_breaks(&self, changed: &Program, seen: Seen, shown: Option<&Shown>) -> Effects {
        let repairs = self.known.iter().any(|k| k.verdict == PropertyVerdict::Violated);
        if let (Some(shown), false) = (shown, repairs) {
            // What is told is what an exploration of this program would tell.
            let program = restricted(changed, seen == Seen::Live);
            if let Some(result) = confirmed(&program, shown) {
                let breaks = Some(narrate::result(&program, &result, self.sources));
                return Effects { breaks, ..Effects::default() };
            }
        }
        let found = match seen {
            Seen::Live if !repairs => self.stage(changed, true),
            _ => self.effects(changed),
        };
        match found {
            Effects { breaks: None, open: None, .. } => {
                Effects::open("two explorations do not agree: this is an error of archc".to_owned())
            }
            effects => effects,
        }
    }

    /// The same for liveness properties alone, or for all others.
    fn stage(&self, changed: &Program, live: bool) -> Effects {
        let known: Vec<&Known> = self.known.iter().filter(|k| k.live == live).collect();
        let with = |verdict| named(known.iter().copied(), verdict);
        let enough = Enough { any: with(PropertyVerdict::Holds), all: with(PropertyVerdict::Violated) };
        let program = restricted(changed, live);
        let report = match engines::explore(&program, &self.request(1, Some(enough))) {
            Ok(report) => report,
            Err(refusal) => return Effects::open(refusal.message),
        };
        let mut found = narrate::as_reported(&program, &report, self.sources);
        for p in &mut found {
            p.verdict = unless_ended(&report, p.kind, &p.name, p.verdict.clone());
        }
        let verdict = |name: &str| found.iter().find(|p| p.name == name).map(|p| p.verdict.clone());
        let mut effects = Effects::default();
        let mut broken: Vec<&str> = Vec::new();
        for k in known {
            match (&k.verdict, verdict(&k.name)) {
                (PropertyVerdict::Holds, Some(PropertyVerdict::Violated)) => broken.push(&k.name),
                (PropertyVerdict::Violated, Some(PropertyVerdict::Holds)) => {
                    effects.repairs.push(k.name.clone())
                }
                (PropertyVerdict::Holds, Some(PropertyVerdict::Holds))
                | (PropertyVerdict::Violated, Some(PropertyVerdict::Violated)) => {}
                (PropertyVerdict::NotChecked(why) | PropertyVerdict::EndsEarly(why), _) => {
                    effects.open = Some(why.clone())
                }
                (_, Some(PropertyVerdict::NotChecked(why) | PropertyVerdict::EndsEarly(why))) => {
                    effects.open = Some(why)
                }
                _ => effects.open = Some(self.why_open(report.stopped)),
            }
        }
        found.retain(|p| broken.contains(&p.name.as_str()));
        effects.breaks = found.into_iter().min_by_key(rank);
        effects
    }

    fn why_open(&self, stopped: Option<Stop>) -> String {
        match stopped {
            Some(stop) => format!("without it, {}", limit(stop)),
            None => {
                self.open.clone().unwrap_or_else(|| "without it, `cut` bounds what is explored".to_owned())
            }
        }
    }

    /// A request for one of several explorations at a time: each has its share of the memory.
    fn request(&self, threads: usize, enough: Option<Enough>) -> Request<'a> {
        let share = if threads == 1 { self.threads() as u64 } else { 1 };
        let most = self.request.limits.max_memory.map(|bytes| (bytes / share).max(1));
        let limits = Limits { max_memory: most, enough, ..self.request.limits.clone() };
        Request { threads, limits, ..*self.request }
    }
}

/// The names of what has a verdict in the spec as it is written.
fn named<'k>(known: impl IntoIterator<Item = &'k Known>, verdict: PropertyVerdict) -> Vec<String> {
    known.into_iter().filter(|k| k.verdict == verdict).map(|k| k.name.clone()).collect()
}

/// What a state or event shows comes before what only the whole graph shows: an exploration ends with the former. Then
/// the shorter behaviour comes first.
fn rank(property: &PropertyOutcome) -> (bool, usize) {
    let whole = matches!(property.kind, "reachable" | "always possible") || property.name == "stranded";
    (whole, property.trace.as_ref().map_or(usize::MAX, |t| t.steps.len()))
}

fn limit(stop: Stop) -> String {
    let what = match stop {
        Stop::States => "the limit of states was reached",
        Stop::Memory => "the limit of memory was reached",
        Stop::Time => "the time limit was reached",
        Stop::Interrupted => "the exploration was interrupted",
        Stop::Enough | Stop::Engine => "not everything was explored",
    };
    what.to_owned()
}

/// A program with its liveness properties alone, or with all others. What ends behaviours stays on.
fn restricted(program: &Program, live: bool) -> Program {
    let wanted = |p: &&Property| p.kind.is_liveness() == live;
    let mut restricted = program.clone();
    restricted.properties = program.properties.iter().filter(wanted).cloned().collect();
    let on = program.builtin;
    restricted.builtin =
        Builtin { stuck: on.stuck && !live, stranded: on.stranded && !live, coverage: false, ..on };
    restricted
}
