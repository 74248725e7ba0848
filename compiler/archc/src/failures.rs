//! Failure modes, executed: with what prevents or repairs a failure the property holds, without it the property
//! is violated, and the shortest behaviour that shows so is told.
//!
//! Only the properties that a clause names are judged, and of the built-in checks those that it names; `bounds` and
//! `advances` stay on, because behaviours end where they are violated: a property that holds of those behaviours
//! holds of nothing more. What is to be violated is explored until it is.

use crate::engines::{self, Request};
use crate::narrate;
use crate::outcome::{FailureOutcome, FailureVerdict, PropertyOutcome, PropertyVerdict};
use arch_base::SourceMap;
use arch_ir::report::{Enough, Limits};
use arch_ir::{Builtin, Program};
use arch_sema::{Clause, Failure};

/// How failure modes are judged.
#[derive(Clone, Copy, Debug)]
pub struct Setting<'a> {
    /// The properties of the spec as it is written.
    pub as_written: &'a [PropertyOutcome],
    /// What the spec, with these constants, expects to be violated.
    pub expectations: &'a [String],
    /// What keeps them from being executed at all.
    pub left_out: Option<&'static str>,
    /// How to explore.
    pub request: &'a Request<'a>,
    /// The texts.
    pub sources: &'a SourceMap,
}

impl Setting<'_> {
    /// Why failure modes are not executed, if they are not.
    fn not_executed(&self) -> Option<&'static str> {
        if !self.expectations.is_empty() {
            return Some("these constants are a negative control: the spec expects violations");
        }
        self.left_out
    }
}

/// Executes all failure modes: one result per clause and property.
#[must_use]
pub fn execute(failures: &[Failure], setting: Setting<'_>) -> Vec<FailureOutcome> {
    let clauses = failures.iter().flat_map(|f| f.clauses.iter().map(move |c| (f, c)));
    clauses.flat_map(|(failure, clause)| Judge { failure, clause, setting }.results()).collect()
}

/// A clause being judged.
struct Judge<'a> {
    failure: &'a Failure,
    clause: &'a Clause,
    setting: Setting<'a>,
}

/// What exploring one program with some of its properties found; why nothing was, if nothing was.
type Found = Result<Vec<PropertyOutcome>, String>;

impl Judge<'_> {
    fn results(&self) -> Vec<FailureOutcome> {
        let names = &self.clause.properties;
        if let Some(why) = self.setting.not_executed() {
            let result = |p: &String| self.outcome(p, FailureVerdict::NotExecuted(why.to_owned()), None);
            return names.iter().map(result).collect();
        }
        let given = self.clause.given.as_ref().map(|program| self.explore(program, names, None));
        let base: Vec<Base> = names.iter().map(|p| self.base(p, given.as_ref())).collect();
        let wanted = |(name, base): (&String, &Base)| matches!(base, Base::Holds).then(|| name.clone());
        let wanted: Vec<String> = names.iter().zip(&base).filter_map(wanted).collect();
        let without = (!wanted.is_empty()).then(|| self.violations(&self.clause.without, &wanted));
        let but_one: Vec<Found> = match &without {
            Some(Ok(found)) if found.iter().any(|p| wanted.contains(&p.name) && p.violated()) => {
                self.clause.but_one.iter().map(|program| self.explore(program, &wanted, None)).collect()
            }
            _ => Vec::new(),
        };
        let judged = names.iter().zip(base).map(|(name, base)| match (base, &without) {
            (Base::Fails(violation), _) => {
                self.outcome(name, FailureVerdict::NotPrevented(self.not_prevented(name)), Some(*violation))
            }
            (Base::Open(why), _) => self.outcome(name, FailureVerdict::Inconclusive(why), None),
            (Base::Holds, Some(without)) => self.judge(name, without, &but_one),
            (Base::Holds, None) => unreachable!("a property that holds is explored without its prevention"),
        });
        judged.collect()
    }

    /// What the property comes to where X is in place.
    fn base(&self, name: &str, given: Option<&Found>) -> Base {
        let (what, found) = match given {
            None => ("as the spec is written", find(self.setting.as_written, name).cloned()),
            Some(Ok(found)) => ("without what prevents this failure", find(found, name).cloned()),
            Some(Err(why)) => return Base::Open(why.clone()),
        };
        match found {
            None => Base::Open(format!("{name} is switched off")),
            Some(p) => match &p.verdict {
                PropertyVerdict::Holds => Base::Holds,
                PropertyVerdict::ProbablyHolds(why) => Base::Open(why.clone()),
                PropertyVerdict::Violated => Base::Fails(Box::new(p)),
                PropertyVerdict::Inconclusive => {
                    Base::Open(format!("not everything was explored of {name} {what}"))
                }
                PropertyVerdict::NotChecked(why) | PropertyVerdict::EndsEarly(why) => Base::Open(why.clone()),
            },
        }
    }

    /// The verdict on a property that holds with X.
    fn judge(&self, name: &str, without: &Found, but_one: &[Found]) -> FailureOutcome {
        let found = match without {
            Ok(found) => find(found, name).cloned(),
            Err(why) => return self.outcome(name, FailureVerdict::Inconclusive(why.clone()), None),
        };
        let Some(found) = found else {
            let why = format!("{name} is switched off");
            return self.outcome(name, FailureVerdict::Inconclusive(why), None);
        };
        let verdict = match &found.verdict {
            PropertyVerdict::Violated => self.parts(name, but_one),
            PropertyVerdict::Holds => FailureVerdict::NotShown(self.not_shown(name)),
            PropertyVerdict::Inconclusive => FailureVerdict::Inconclusive(format!(
                "without {}, not everything was explored of {name}",
                self.removed().join(" and ")
            )),
            PropertyVerdict::NotChecked(why)
            | PropertyVerdict::EndsEarly(why)
            | PropertyVerdict::ProbablyHolds(why) => FailureVerdict::Inconclusive(why.clone()),
        };
        let violation = found.violated().then_some(found);
        self.outcome(name, verdict, violation)
    }

    /// Each part of X must count: with the others alone removed, the property holds.
    fn parts(&self, name: &str, but_one: &[Found]) -> FailureVerdict {
        for (found, part) in but_one.iter().zip(&self.clause.targets) {
            let found = match found {
                Ok(found) => find(found, name).cloned(),
                Err(why) => return FailureVerdict::Inconclusive(why.clone()),
            };
            let part = self.setting.sources.text(part.file)[part.range()].to_owned();
            match found.map(|p| p.verdict) {
                Some(PropertyVerdict::Holds) => {}
                Some(PropertyVerdict::Violated) => {
                    let verb = self.verb();
                    return FailureVerdict::NotShown(format!(
                        "{name} is violated also if all but `{part}` is removed: that {verb} nothing here"
                    ));
                }
                _ => {
                    let why = format!("without all but `{part}`, not everything was explored of {name}");
                    return FailureVerdict::Inconclusive(why);
                }
            }
        }
        FailureVerdict::Shown
    }

    /// Explores a program that is to violate properties, as far as that takes.
    fn violations(&self, program: &Program, names: &[String]) -> Found {
        self.explore(program, names, Some(Enough { any: Vec::new(), all: names.to_vec() }))
    }

    /// Explores a program with some of its properties.
    fn explore(&self, program: &Program, names: &[String], enough: Option<Enough>) -> Found {
        let program = restricted(program, names);
        let limits = Limits { enough, ..self.setting.request.limits.clone() };
        match engines::explore(&program, &Request { limits, ..*self.setting.request }) {
            Ok(report) => Ok(narrate::properties(&program, &report, self.setting.sources)),
            Err(refusal) => Err(refusal.message),
        }
    }

    fn verb(&self) -> &'static str {
        if self.clause.repair { "repairs" } else { "prevents" }
    }

    fn not_shown(&self, name: &str) -> String {
        let verb = self.verb();
        format!("{name} holds without it too: either it {verb} nothing, or {name} does not see this failure")
    }

    fn not_prevented(&self, name: &str) -> String {
        if self.clause.given.is_some() {
            return format!("with it, and without what prevents this failure, {name} is violated");
        }
        format!("the spec as it is written violates {name}")
    }

    /// The targets, as they are written.
    fn removed(&self) -> Vec<String> {
        removed(self.clause, self.setting.sources)
    }

    fn outcome(
        &self,
        property: &str,
        verdict: FailureVerdict,
        violation: Option<PropertyOutcome>,
    ) -> FailureOutcome {
        FailureOutcome {
            name: self.failure.name.clone(),
            span: self.clause.span,
            repair: self.clause.repair,
            removed: self.removed(),
            property: property.to_owned(),
            verdict,
            violation,
        }
    }
}

/// The targets of a clause, as they are written.
#[must_use]
pub fn removed(clause: &Clause, sources: &SourceMap) -> Vec<String> {
    let text = |span: &arch_base::Span| {
        sources.text(span.file)[span.range()].split_whitespace().collect::<Vec<_>>().join(" ")
    };
    clause.targets.iter().map(text).collect()
}

/// What a property comes to where X is in place.
enum Base {
    Holds,
    Fails(Box<PropertyOutcome>),
    Open(String),
}

fn find<'a>(found: &'a [PropertyOutcome], name: &str) -> Option<&'a PropertyOutcome> {
    found.iter().find(|p| p.name == name)
}

/// A program with these of its properties and built-in checks only, and those that end behaviours.
#[must_use]
pub fn restricted(program: &Program, names: &[String]) -> Program {
    let named = |name: &str| names.iter().any(|n| n == name);
    let mut restricted = program.clone();
    restricted.properties = program.properties.iter().filter(|p| named(&p.name)).cloned().collect();
    let on = program.builtin;
    restricted.builtin = Builtin {
        stuck: on.stuck && named("stuck"),
        stranded: on.stranded && named("stranded"),
        coverage: false,
        ..on
    };
    restricted
}
