//! From what was found to what is said about it first: verdict, exit status, first line.

use crate::outcome::{
    ExitStatus, Exploration, FailureOutcome, FailureVerdict, Headline, PropertyOutcome, PropertyVerdict,
    Verdict, counted, thousands,
};
use crate::reasons;
use arch_base::{Diagnostic, Severity};
use std::collections::BTreeSet;

/// The most assumptions of fairness that the first line names.
const MOST_NAMED: usize = 4;

/// What the judgement of an explored spec rests on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Every property and built-in check.
    pub properties: &'a [PropertyOutcome],
    /// Every failure mode.
    pub failures: &'a [FailureOutcome],
    /// What was explored.
    pub exploration: &'a Exploration,
    /// What the file expects to be violated.
    pub expectations: &'a [String],
    /// Everything besides open properties that makes the result inconclusive.
    pub reasons: &'a [String],
    /// Whether the spec has instants, whose quotient is exact.
    pub has_time: bool,
    /// Whether the engine's counterexamples are the shortest.
    pub shortest: bool,
    /// Whether a property that holds vacuously does not count as holding.
    pub strict: bool,
}

/// What is said first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// What is the case.
    pub verdict: Verdict,
    /// What that means for the exit status.
    pub status: ExitStatus,
    /// Whether the expectations are met; none when there are none.
    pub as_expected: Option<bool>,
    /// The first line.
    pub headline: Headline,
}

/// Judges a spec that was explored.
#[must_use]
pub fn judge(facts: Facts<'_>) -> Judgement {
    let expected = |p: &&PropertyOutcome| facts.expectations.contains(&p.name);
    let violated: Vec<_> = facts.properties.iter().filter(|p| p.violated()).collect();
    let unexpected: Vec<_> = violated.iter().copied().filter(|p| !expected(p)).collect();
    let missing: Vec<_> = facts.properties.iter().filter(expected).filter(|p| !p.violated()).collect();
    let verdict = raw_verdict(facts, &violated);
    if !unexpected.is_empty() {
        let parts = violated_parts(facts, &unexpected);
        return judgement(facts, verdict, ExitStatus::Violated, "VIOLATED", parts);
    }
    let holds = |p: &&&PropertyOutcome| {
        matches!(p.verdict, PropertyVerdict::Holds | PropertyVerdict::ProbablyHolds(_))
    };
    if missing.iter().any(|p| holds(&p)) {
        let parts = missing_parts(facts, &missing);
        return judgement(facts, verdict, ExitStatus::Violated, "UNEXPECTED", parts);
    }
    let failing: Vec<_> = facts.failures.iter().filter(|f| f.verdict.fails()).collect();
    if !failing.is_empty() {
        let parts = not_shown_parts(facts, &failing);
        return judgement(facts, Verdict::Violated, ExitStatus::Violated, "NOT SHOWN", parts);
    }
    if is_open(facts) {
        let parts = open_parts(facts, &violated);
        return judgement(facts, verdict, ExitStatus::Inconclusive, "INCONCLUSIVE", parts);
    }
    let vacuous: Vec<_> = facts.properties.iter().filter(|p| p.vacuous).collect();
    if facts.strict && !vacuous.is_empty() {
        return judgement(facts, verdict, ExitStatus::Strict, "VACUOUS", vacuous_parts(facts, &vacuous));
    }
    if violated.is_empty() {
        let word = if verdict == Verdict::ProbablyHolds { "PROBABLY HOLDS" } else { "HOLDS" };
        return judgement(facts, verdict, ExitStatus::Success, word, holds_parts(facts));
    }
    let parts = expected_parts(facts, &violated);
    judgement(facts, verdict, ExitStatus::Success, "EXPECTED", parts)
}

/// Judges a spec that has errors.
#[must_use]
pub fn judge_invalid(diagnostics: &[Diagnostic]) -> Judgement {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count() as u64;
    let warnings = diagnostics.iter().filter(|d| d.severity == Severity::Warning).count() as u64;
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(counted(errors, "error"));
    }
    if warnings > 0 {
        parts.push(counted(warnings, "warning"));
    }
    unexplored(Verdict::Invalid, ExitStatus::Invalid, "INVALID", parts)
}

/// Judges a sketch.
#[must_use]
pub fn judge_sketch(diagnostics: &[Diagnostic]) -> Judgement {
    let missing = diagnostics.iter().filter(|d| d.severity == Severity::Note).count() as u64;
    let missing = match missing {
        0 => "not yet a model".to_owned(),
        1 => "1 thing missing before it can be explored".to_owned(),
        n => format!("{} things missing before it can be explored", thousands(n)),
    };
    let parts = vec!["resolves".to_owned(), missing];
    unexplored(Verdict::Inconclusive, ExitStatus::Inconclusive, "SKETCH", parts)
}

/// A judgement where nothing was explored.
#[must_use]
pub fn unexplored(verdict: Verdict, status: ExitStatus, word: &'static str, parts: Vec<String>) -> Judgement {
    Judgement { verdict, status, as_expected: None, headline: Headline { word, parts } }
}

fn judgement(
    facts: Facts<'_>,
    verdict: Verdict,
    status: ExitStatus,
    word: &'static str,
    parts: Vec<String>,
) -> Judgement {
    let as_expected = (!facts.expectations.is_empty()).then_some(status == ExitStatus::Success);
    Judgement { verdict, status, as_expected, headline: Headline { word, parts } }
}

fn raw_verdict(facts: Facts<'_>, violated: &[&PropertyOutcome]) -> Verdict {
    match () {
        () if !violated.is_empty() => Verdict::Violated,
        () if is_open(facts) => Verdict::Inconclusive,
        () if facts.exploration.compaction.is_some() => Verdict::ProbablyHolds,
        () => Verdict::Holds,
    }
}

fn is_open(facts: Facts<'_>) -> bool {
    let open = |p: &PropertyOutcome| p.verdict.is_open();
    !facts.exploration.complete
        || !facts.reasons.is_empty()
        || facts.properties.iter().any(|p| open(p) && !is_left_out(facts, p))
        || open_failures(facts) > 0
}

/// Whether a property is not judged because behaviours end where the file expects them to: a negative control shows what it
/// is to show, and nothing else is asked of it.
fn is_left_out(facts: Facts<'_>, property: &PropertyOutcome) -> bool {
    let expected = |p: &PropertyOutcome| facts.expectations.contains(&p.name);
    let end = |p: &&PropertyOutcome| p.built_in() && ["bounds", "advances"].contains(&p.name.as_str());
    let mut ends = facts.properties.iter().filter(end).filter(|p| p.violated());
    matches!(property.verdict, PropertyVerdict::EndsEarly(_)) && !expected(property) && ends.any(expected)
}

fn open_failures(facts: Facts<'_>) -> u64 {
    let open = |f: &&FailureOutcome| matches!(f.verdict, FailureVerdict::Inconclusive(_));
    facts.failures.iter().filter(open).count() as u64
}

fn violated_parts(facts: Facts<'_>, unexpected: &[&PropertyOutcome]) -> Vec<String> {
    let mut parts = vec![match unexpected {
        [one] => described(one),
        many => format!("{} of {}", many.len(), counted(facts.properties.len() as u64, "property")),
    }];
    if let [first, _, ..] = unexpected {
        parts.push(format!("first {}", first.name));
    }
    if let Some(trace) = unexpected.first().and_then(|p| p.trace.as_ref()) {
        parts.push(counted(trace.steps.len() as u64, "step"));
        // Of a behaviour that goes on for ever, only the way to its cycle is the shortest.
        if unexpected.first().is_some_and(|p| p.liveness.is_none()) {
            let length = if facts.shortest { "shortest" } else { "perhaps not the shortest" };
            parts.push(length.to_owned());
        }
    }
    if !facts.expectations.is_empty() {
        parts.push(format!("expected {} only", facts.expectations.join(", ")));
    }
    parts.push(states(facts.exploration));
    parts
}

fn missing_parts(facts: Facts<'_>, missing: &[&PropertyOutcome]) -> Vec<String> {
    let names: Vec<&str> = missing.iter().map(|p| p.name.as_str()).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    let first = format!("the file expects that {} {verb} violated, and that is not so", names.join(" and "));
    vec![first, states(facts.exploration)]
}

fn not_shown_parts(facts: Facts<'_>, failing: &[&FailureOutcome]) -> Vec<String> {
    let modes: BTreeSet<&str> = failing.iter().map(|f| f.name.as_str()).collect();
    let first = format!("failure mode {:?}", failing[0].name);
    let mut parts = match modes.len() {
        1 => vec![first],
        n => vec![counted(n as u64, "failure mode"), format!("first {:?}", failing[0].name)],
    };
    parts.push(states(facts.exploration));
    parts
}

fn vacuous_parts(facts: Facts<'_>, vacuous: &[&PropertyOutcome]) -> Vec<String> {
    let mut parts = vec![match vacuous {
        [one] => format!("{} says nothing of this model", described(one)),
        many => format!("{} say nothing of this model", counted(many.len() as u64, "property")),
    }];
    if let [first, _, ..] = vacuous {
        parts.push(format!("first {}", first.name));
    }
    parts.push(states(facts.exploration));
    parts
}

fn expected_parts(facts: Facts<'_>, violated: &[&PropertyOutcome]) -> Vec<String> {
    let names: Vec<&str> = violated.iter().map(|p| p.name.as_str()).collect();
    let mut parts = vec![format!("violates {}, as it says", names.join(" and "))];
    if let Some(trace) = violated.first().and_then(|p| p.trace.as_ref()) {
        parts.push(counted(trace.steps.len() as u64, "step"));
    }
    let left_out = facts.properties.iter().filter(|p| is_left_out(facts, p)).count() as u64;
    if left_out > 0 {
        parts.push(format!("{} not judged, as behaviours end there", counted(left_out, "other check")));
    }
    parts.push(states(facts.exploration));
    parts
}

fn holds_parts(facts: Facts<'_>) -> Vec<String> {
    let declared = facts.properties.iter().filter(|p| !p.built_in()).count() as u64;
    let properties =
        if declared == 0 { "built-in checks only".to_owned() } else { counted(declared, "property") };
    let mut parts = vec![properties];
    let modes = |is: &dyn Fn(&FailureVerdict) -> bool| {
        let names = facts.failures.iter().filter(|f| is(&f.verdict)).map(|f| f.name.as_str());
        names.collect::<BTreeSet<_>>().len() as u64
    };
    let shown = (modes(&|v| *v == FailureVerdict::Shown), "shown");
    let left_out = (modes(&|v| matches!(v, FailureVerdict::NotExecuted(_))), "not executed");
    let told = [shown, left_out].into_iter().filter(|(n, _)| *n > 0);
    parts.extend(told.map(|(n, what)| format!("{} {what}", counted(n, "failure mode"))));
    parts.push(states(facts.exploration));
    if facts.exploration.compaction.is_none() {
        parts.push("every depth".to_owned());
    }
    if facts.has_time {
        parts.push("time exact".to_owned());
    }
    parts.extend(fairness(facts.properties));
    parts
}

/// What the liveness properties together rest on.
fn fairness(properties: &[PropertyOutcome]) -> Option<String> {
    let live: Vec<_> = properties.iter().filter_map(|p| p.liveness.as_ref()).collect();
    if live.is_empty() {
        return None;
    }
    if live.iter().any(|l| l.needs.is_none()) {
        return Some("under the declared fairness".to_owned());
    }
    let needed = live.iter().filter_map(|l| l.needs.as_ref()).flat_map(|(needs, _)| needs);
    let names: BTreeSet<&str> = needed.map(|a| a.name.as_str()).collect();
    Some(match names.len() {
        0 => "no fairness needed".to_owned(),
        n if n <= MOST_NAMED => format!("fairness of {}", Vec::from_iter(names).join(", ")),
        n => format!("fairness of {n} steps"),
    })
}

fn open_parts(facts: Facts<'_>, violated: &[&PropertyOutcome]) -> Vec<String> {
    let mut parts = vec![states(facts.exploration)];
    parts.extend(facts.reasons.iter().cloned());
    let unchecked = |built_in: bool| {
        let open = |p: &&PropertyOutcome| {
            matches!(p.verdict, PropertyVerdict::NotChecked(_) | PropertyVerdict::EndsEarly(_))
        };
        facts.properties.iter().filter(open).filter(|p| p.built_in() == built_in).count() as u64
    };
    for (number, noun) in [(unchecked(false), "property"), (unchecked(true), "built-in check")] {
        if number > 0 {
            parts.push(format!("{} not checked", counted(number, noun)));
        }
    }
    if open_failures(facts) > 0 {
        parts.push(format!("{} open", counted(open_failures(facts), "failure mode")));
    }
    parts.push(match violated {
        [] => "no violation found".to_owned(),
        some => {
            let names: Vec<&str> = some.iter().map(|p| p.name.as_str()).collect();
            format!("violates {}, as it says", names.join(" and "))
        }
    });
    parts
}

fn described(property: &PropertyOutcome) -> String {
    if property.built_in() {
        format!("built-in check {}", property.name)
    } else {
        format!("property {}", property.name)
    }
}

fn states(exploration: &Exploration) -> String {
    let all = exploration.represented_states;
    let (number, noun) = (thousands(all), if all == 1 { "state" } else { "states" });
    let stored = match exploration.distinct_states {
        stored if stored == all => String::new(),
        stored => format!(" ({} up to symmetry)", thousands(stored)),
    };
    if exploration.simulation.is_some() {
        return format!("{number} {noun} met");
    }
    if let Some(compaction) = &exploration.compaction {
        return format!("{number} {noun} found{stored}, {}", reasons::not_exact(compaction));
    }
    if exploration.complete {
        format!("all {number} {noun}{stored}")
    } else {
        format!("{number} {noun} explored{stored}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::TraceOutcome;

    fn property(name: &str, verdict: PropertyVerdict) -> PropertyOutcome {
        let trace = (verdict == PropertyVerdict::Violated).then(TraceOutcome::default);
        PropertyOutcome {
            name: name.into(),
            kind: "always",
            claim: String::new(),
            verdict,
            expected_violated: false,
            span: None,
            trace,
            liveness: None,
            vacuous: false,
            shown_in: None,
        }
    }

    fn judged(
        properties: &[PropertyOutcome],
        expectations: &[&str],
        complete: bool,
    ) -> (u8, &'static str, String) {
        judged_with(properties, &[], expectations, complete)
    }

    fn judged_with(
        properties: &[PropertyOutcome],
        failures: &[FailureOutcome],
        expectations: &[&str],
        complete: bool,
    ) -> (u8, &'static str, String) {
        let exploration = Exploration {
            distinct_states: 84_776,
            represented_states: 84_776,
            complete,
            ..Exploration::default()
        };
        let expectations: Vec<String> = expectations.iter().map(|e| (*e).to_owned()).collect();
        let j = judge(Facts {
            properties,
            failures,
            exploration: &exploration,
            expectations: &expectations,
            reasons: &[],
            has_time: true,
            shortest: true,
            strict: true,
        });
        (j.status.code(), j.headline.word, j.headline.parts.join(" · "))
    }

    #[test]
    fn what_holds_says_for_how_much() {
        let (code, word, rest) = judged(&[property("p", PropertyVerdict::Holds)], &[], true);
        assert_eq!((code, word), (0, "HOLDS"));
        assert_eq!(rest, "1 property · all 84,776 states · every depth · time exact");
    }

    #[test]
    fn a_violation_counts_even_when_exploration_stopped() {
        let (code, word, rest) = judged(&[property("p", PropertyVerdict::Violated)], &[], false);
        assert_eq!((code, word), (1, "VIOLATED"));
        assert_eq!(rest, "property p · 0 steps · shortest · 84,776 states explored");
    }

    #[test]
    fn inconclusive_is_never_success() {
        assert_eq!(judged(&[property("p", PropertyVerdict::Holds)], &[], false).0, 3);
        assert_eq!(judged(&[property("p", PropertyVerdict::Inconclusive)], &[], true).0, 3);
        assert_eq!(judged(&[property("p", PropertyVerdict::NotChecked("why".into()))], &[], true).0, 3);
    }

    #[test]
    fn what_holds_vacuously_does_not_count_under_strict() {
        let vacuous = PropertyOutcome { vacuous: true, ..property("p", PropertyVerdict::Holds) };
        let (code, word, rest) = judged(&[vacuous.clone(), property("q", PropertyVerdict::Holds)], &[], true);
        assert_eq!((code, word), (5, "VACUOUS"));
        assert_eq!(rest, "property p says nothing of this model · all 84,776 states");
        assert_eq!(judged(&[vacuous.clone(), property("q", PropertyVerdict::Violated)], &[], true).0, 1);
        assert_eq!(judged(&[vacuous, property("q", PropertyVerdict::Inconclusive)], &[], true).0, 3);
    }

    #[test]
    fn a_failure_mode_that_is_not_shown_fails_the_spec() {
        let failure = |verdict| FailureOutcome {
            name: "stale holder".into(),
            span: arch_base::Span::default(),
            repair: false,
            removed: vec!["guard of commit".into()],
            property: "p".into(),
            verdict,
            violation: None,
        };
        let holds = [property("p", PropertyVerdict::Holds)];
        let with = |verdict| judged_with(&holds, &[failure(verdict)], &[], true);
        assert_eq!(with(FailureVerdict::Shown).0, 0);
        let (code, word, rest) = with(FailureVerdict::NotShown("why".into()));
        assert_eq!((code, word), (1, "NOT SHOWN"));
        assert_eq!(rest, "failure mode \"stale holder\" · all 84,776 states");
        assert_eq!(with(FailureVerdict::NotPrevented("why".into())).0, 1);
        assert_eq!(with(FailureVerdict::Inconclusive("why".into())).0, 3);
        assert_eq!(with(FailureVerdict::NotExecuted("why".into())).0, 0);
        let violated = [property("p", PropertyVerdict::Violated)];
        let both = judged_with(&violated, &[failure(FailureVerdict::NotPrevented("why".into()))], &[], true);
        assert_eq!((both.0, both.1), (1, "VIOLATED"));
    }

    #[test]
    fn expectations_turn_the_status_around() {
        let holds = property("p", PropertyVerdict::Holds);
        let violated = property("q", PropertyVerdict::Violated);
        let open = property("p", PropertyVerdict::Inconclusive);
        assert_eq!(judged(&[holds.clone(), violated.clone()], &["q"], true).0, 0);
        assert_eq!(judged(&[holds.clone(), violated.clone()], &["q"], true).1, "EXPECTED");
        assert_eq!(judged(std::slice::from_ref(&holds), &["p"], true).0, 1);
        assert_eq!(judged(&[holds, violated.clone()], &["p"], true).0, 1);
        assert_eq!(judged(&[open.clone(), violated], &["q"], false).0, 3);
        assert_eq!(judged(&[open], &["p"], false).0, 3);
    }

    #[test]
    fn what_ends_behaviours_can_be_expected() {
        let kind = "built-in";
        let bounds = PropertyOutcome { kind, ..property("bounds", PropertyVerdict::Violated) };
        let open = |name| property(name, PropertyVerdict::EndsEarly("behaviours end".into()));
        let (code, word, rest) = judged(&[open("p"), bounds.clone()], &["bounds"], true);
        assert_eq!((code, word), (0, "EXPECTED"));
        assert!(rest.contains("1 other check not judged, as behaviours end there"), "{rest}");
        // What is expected has to be seen, and what is not judged for another reason is open.
        assert_eq!(judged(&[open("p"), bounds.clone()], &["bounds", "p"], true).0, 3);
        let other = property("p", PropertyVerdict::NotChecked("not by this engine".into()));
        assert_eq!(judged(&[other, bounds.clone()], &["bounds"], true).0, 3);
        assert_eq!(judged(&[open("p"), bounds], &[], true).0, 1);
    }
}
