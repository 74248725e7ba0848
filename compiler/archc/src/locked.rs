//! `archc check --locked`: answering from the lock, and saying how a spec differs from it.
//!
//! A spec whose text (without comments and layout) is that of its entry, and whose entry this version of archc wrote with
//! the same engine, is not explored again. Every other one is, and everything that is asserted of it is compared: a
//! difference is a *drift*, exit status 4, until `archc check --lock` is run and its change of the lock reviewed.

use crate::codes;
use crate::lock::{Entry, FILE, Key, Lock, VACUOUSLY};
use crate::outcome::{
    ExitStatus, Exploration, Headline, PropertyOutcome, PropertyVerdict, SpecOutcome, SymmetryOutcome,
    Verdict, counted, thousands,
};
use arch_base::Diagnostic;
use std::collections::{BTreeMap, BTreeSet};

/// What of a check the entry of a spec has to fit.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The engine, as `--engine` names it.
    pub engine: &'a str,
    /// Whether `--no-symmetry` was not given.
    pub symmetry: bool,
    /// Whether warnings decide.
    pub deny_warnings: bool,
    /// Whether vacuity does.
    pub strict: bool,
}

/// The entry of a spec that has one.
#[must_use]
pub fn entry_of<'l>(lock: &'l Lock, outcome: &SpecOutcome) -> Option<&'l Entry> {
    lock.entry(&Key::of(outcome))
}

/// Answers from the lock, if it has the answer: `outcome` is what the front end said.
pub fn answer(lock: &Lock, outcome: &mut SpecOutcome, asked: Asked<'_>) -> bool {
    let Some(entry) = entry_of(lock, outcome) else { return false };
    let vacuous = entry.properties.values().any(|v| verdict_and_claim(v).0.ends_with(VACUOUSLY));
    let fits = entry.hash == outcome.hash
        && entry.is_of_this_archc()
        && entry.engine == asked.engine
        && (asked.symmetry || entry.symmetry.is_empty())
        && (entry.warnings.is_empty() || !asked.deny_warnings)
        && (!vacuous || !asked.strict);
    let (true, Some(properties)) = (fits, properties(entry)) else { return false };
    outcome.verdict = if entry.verdict == Verdict::Holds.word() { Verdict::Holds } else { Verdict::Violated };
    let expected = outcome.verdict == Verdict::Violated;
    outcome.status = ExitStatus::Success;
    outcome.as_expected = expected.then_some(true);
    let mut parts = entry.summary.clone();
    parts.push(format!("from {FILE}"));
    outcome.headline = Headline { word: if expected { "EXPECTED" } else { "HOLDS" }, parts };
    outcome.exploration = Some(exploration(entry, asked));
    outcome.properties = properties;
    outcome.expectations = violated(&outcome.properties);
    true
}

/// The properties of an entry; none if it says something that this archc does not know.
fn properties(entry: &Entry) -> Option<Vec<PropertyOutcome>> {
    let known = |(name, text): (&String, &String)| {
        let (text, claim) = verdict_and_claim(text);
        let (text, vacuous) = text.strip_suffix(VACUOUSLY).map_or((text, false), |t| (t, true));
        let (kind, word) = text.rsplit_once(' ')?;
        let verdict =
            [PropertyVerdict::Holds, PropertyVerdict::Violated].into_iter().find(|v| v.word() == word)?;
        let kind = KINDS.into_iter().find(|k| *k == kind)?;
        Some(PropertyOutcome {
            name: name.clone(),
            kind,
            claim: claim.to_owned(),
            expected_violated: verdict == PropertyVerdict::Violated,
            verdict,
            span: None,
            trace: None,
            liveness: None,
            vacuous,
            shown_in: None,
        })
    };
    entry.properties.iter().map(known).collect()
}

/// What the lock says of a property: its kind and verdict, then what it claims, if it is a declared one.
fn verdict_and_claim(text: &str) -> (&str, &str) {
    text.split_once(": ").unwrap_or((text, ""))
}

const KINDS: [&str; 10] = [
    "always",
    "at",
    "after",
    "monotonic",
    "reachable",
    "always possible",
    "leads to",
    "eventually",
    "always eventually",
    "built-in",
];

fn violated(properties: &[PropertyOutcome]) -> Vec<String> {
    properties.iter().filter(|p| p.violated()).map(|p| p.name.clone()).collect()
}

fn exploration(entry: &Entry, asked: Asked<'_>) -> Exploration {
    let engine = crate::engines::names().into_iter().find(|n| *n == asked.engine).unwrap_or("explorer");
    let symmetry = (!entry.symmetry.is_empty()).then(|| SymmetryOutcome {
        interchangeable: entry.symmetry.clone(),
        used: true,
        told_apart: Vec::new(),
    });
    Exploration {
        engine,
        distinct_states: entry.distinct_states,
        represented_states: entry.represented_states,
        symmetry,
        transitions: entry.transitions,
        depth: entry.depth,
        complete: true,
        statistics: None,
        simulation: None,
        compaction: None,
    }
}

/// Compares what a spec came to with its entry. What is not as it should be anyway keeps its status.
pub fn compare(lock: &Lock, outcome: &mut SpecOutcome) {
    if !matches!(outcome.status, ExitStatus::Success | ExitStatus::Strict) {
        return;
    }
    let key = Key::of(outcome);
    let Some(found) = Entry::of(outcome, &key) else { return };
    let differences = match lock.entry(&key) {
        Some(entry) => differences(entry, &found),
        None => vec![format!("it has no entry in {FILE}")],
    };
    if differences.is_empty() {
        return;
    }
    let message = format!("this is not what {FILE} says");
    let drift = Diagnostic::error(codes::DRIFT, message);
    let drift = differences.iter().fold(drift, |d, line| d.because(line.clone()));
    outcome.diagnostics.push(drift.help("review it, and run `archc check --lock`"));
    let word = outcome.headline.word.to_lowercase();
    let mut parts = vec![
        format!("{} to {FILE}", counted(differences.len() as u64, "difference")),
        format!("otherwise {word}"),
    ];
    parts.append(&mut outcome.headline.parts);
    outcome.headline = Headline { word: "DRIFT", parts };
    outcome.status = ExitStatus::Drift;
}

/// What differs, a line each. With another engine, or without symmetry, states stored and their events are others.
fn differences(old: &Entry, new: &Entry) -> Vec<String> {
    let mut lines = Vec::new();
    if old.verdict != new.verdict {
        lines.push(format!("verdict: {} → {}", old.verdict, new.verdict));
    }
    let alike = old.engine == new.engine && old.symmetry == new.symmetry;
    let numbers = [
        ("states", old.represented_states, new.represented_states, true),
        ("states stored", old.distinct_states, new.distinct_states, alike && !new.symmetry.is_empty()),
        ("transitions", old.transitions, new.transitions, alike),
        ("depth", u64::from(old.depth), u64::from(new.depth), true),
    ];
    for (what, was, is, _) in numbers.into_iter().filter(|(_, was, is, counts)| *counts && was != is) {
        lines.push(format!("{what}: {} → {}", thousands(was), thousands(is)));
    }
    changes("property", &old.properties, &new.properties, &mut lines);
    changes("failure mode", &old.failures, &new.failures, &mut lines);
    set("fairness", &old.fairness, &new.fairness, &mut lines);
    set("guard", &old.guards, &new.guards, &mut lines);
    changes("part", &old.audit, &new.audit, &mut lines);
    lines
}

/// What is said of each name, before and now.
fn changes<'e>(
    what: &str,
    old: impl IntoIterator<Item = (&'e String, &'e String)>,
    new: impl IntoIterator<Item = (&'e String, &'e String)>,
    lines: &mut Vec<String>,
) {
    let old: BTreeMap<&String, &String> = old.into_iter().collect();
    let new: BTreeMap<&String, &String> = new.into_iter().collect();
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).copied().collect();
    for name in names {
        match (old.get(name), new.get(name)) {
            (Some(was), None) => lines.push(format!("{what} {name}: {was} → gone")),
            (None, Some(is)) => lines.push(format!("{what} {name}: new, {is}")),
            (Some(was), Some(is)) if was != is => lines.push(format!("{what} {name}: {was} → {is}")),
            _ => {}
        }
    }
}

fn set(what: &str, old: &[String], new: &[String], lines: &mut Vec<String>) {
    lines.extend(old.iter().filter(|g| !new.contains(g)).map(|g| format!("{what} {g}: gone")));
    lines.extend(new.iter().filter(|g| !old.contains(g)).map(|g| format!("{what} {g}: new")));
}
