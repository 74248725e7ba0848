//! The report for people: first line, diagnostics, a line per property, counterexamples.

use super::shown::Shown;
use super::{diagnostics, failures, statistics, trace};
use crate::outcome::{
    AssumptionOutcome, ExitStatus, LivenessOutcome, OwnershipOutcome, Place, PropertyOutcome,
    PropertyVerdict, SpecOutcome, ToldApart, counted, thousands,
};
use crate::style::{Paint, Style};
use arch_base::SourceMap;

/// One spec, with the behaviours that are not as they should be.
#[must_use]
pub fn spec(outcome: &SpecOutcome, sources: &SourceMap, paint: Paint) -> String {
    spec_showing(outcome, sources, paint, &Shown::default())
}

/// One spec, with the behaviours that are not as they should be, and those that were asked for.
#[must_use]
pub fn spec_showing(outcome: &SpecOutcome, sources: &SourceMap, paint: Paint, shown: &Shown) -> String {
    let mut text = format!("{}\n", headline(outcome, paint));
    if !outcome.diagnostics.is_empty() {
        text.push('\n');
        text.push_str(diagnostics::rendered(&outcome.diagnostics, sources, paint).trim_end());
        text.push('\n');
    }
    if !outcome.properties.is_empty() {
        text.push('\n');
        text.push_str(&properties(outcome, paint));
    }
    text.push_str(&ownership(outcome, paint));
    text.push_str(&told_apart(outcome, sources, paint));
    text.push_str(&failures::lines(&outcome.failures, paint));
    if let Some(figures) = outcome.exploration.as_ref().and_then(statistics::text) {
        text.push('\n');
        text.push_str(&figures);
    }
    let telling: Vec<&PropertyOutcome> = outcome.properties.iter().filter(|p| shown.tells(p)).collect();
    for (i, property) in telling.iter().enumerate() {
        text.push('\n');
        text.push_str(&trace::behaviour(property, &telling[..i], sources, paint));
    }
    text.push_str(&failures::behaviours(&outcome.failures, sources, paint, shown));
    text
}

/// The first line without colour: `HOLDS specs/x.arch · 6 properties · …`.
#[must_use]
pub fn plain_headline(outcome: &SpecOutcome) -> String {
    headline(outcome, Paint::PLAIN)
}

fn headline(outcome: &SpecOutcome, paint: Paint) -> String {
    let style = match outcome.status {
        ExitStatus::Success => Style::Good,
        ExitStatus::Inconclusive | ExitStatus::Strict => Style::Open,
        ExitStatus::Drift | ExitStatus::Violated | ExitStatus::Invalid | ExitStatus::Internal => Style::Bad,
    };
    let mut parts = vec![format!("{} {}", paint.paint(style, outcome.headline.word), outcome.file)];
    parts.extend(outcome.instance.iter().map(|i| format!("instance {i}")));
    parts.extend(outcome.settings.iter().map(|(name, value)| format!("{name} = {value}")));
    parts.extend(outcome.headline.parts.iter().cloned());
    parts.join(" · ")
}

/// A line per property; built-in checks that hold share one, and so do those that are open.
fn properties(outcome: &SpecOutcome, paint: Paint) -> String {
    let common = |p: &PropertyOutcome| {
        use PropertyVerdict::{Holds, Inconclusive, ProbablyHolds};
        matches!(p.verdict, Holds | ProbablyHolds(_) | Inconclusive)
    };
    let shared = |p: &PropertyOutcome| p.built_in() && common(p);
    let shown: Vec<&PropertyOutcome> = outcome.properties.iter().filter(|p| !shared(p)).collect();
    let names = shown.iter().map(|p| p.name.chars().count()).max().unwrap_or(0);
    let kinds = shown.iter().map(|p| p.kind.len()).max().unwrap_or(0);
    let mut text: String = shown.iter().map(|p| property(p, names, kinds, paint)).collect();
    for word in ["holds", "probably", "open"] {
        let alike = outcome.properties.iter().filter(|p| shared(p) && spoken(p).0 == word);
        let names: Vec<&str> = alike.map(|p| p.name.as_str()).collect();
        if !names.is_empty() {
            let style = if word == "holds" { Style::Good } else { Style::Open };
            text.push_str(&format!("  {} built-in: {}\n", state(word, style, paint), names.join(", ")));
        }
    }
    text
}

/// The word for what a property came to, and how it looks.
fn spoken(property: &PropertyOutcome) -> (&'static str, Style) {
    match &property.verdict {
        PropertyVerdict::Holds => ("holds", Style::Good),
        PropertyVerdict::ProbablyHolds(_) => ("probably", Style::Open),
        PropertyVerdict::Violated if property.expected_violated => ("violated", Style::Good),
        PropertyVerdict::Violated => ("violated", Style::Bad),
        PropertyVerdict::Inconclusive => ("open", Style::Open),
        PropertyVerdict::NotChecked(_) | PropertyVerdict::EndsEarly(_) => ("not checked", Style::Open),
    }
}

fn property(property: &PropertyOutcome, names: usize, kinds: usize, paint: Paint) -> String {
    let (word, style) = spoken(property);
    let line = format!(
        "  {} {:names$}  {:kinds$}  {}",
        state(word, style, paint),
        property.name,
        property.kind,
        remark(property)
    );
    format!("{}\n", line.trim_end())
}

fn remark(property: &PropertyOutcome) -> String {
    match (&property.verdict, &property.trace) {
        (PropertyVerdict::NotChecked(why) | PropertyVerdict::EndsEarly(why), _) => why.clone(),
        (PropertyVerdict::ProbablyHolds(why), _) => format!("holds unless {why}"),
        (PropertyVerdict::Inconclusive, _) => "no violation found, not everything was explored".to_owned(),
        (PropertyVerdict::Violated, None) => match property.kind {
            "reachable" => "no reachable state satisfies it".to_owned(),
            _ => String::new(),
        },
        (PropertyVerdict::Violated, Some(trace)) => {
            let expected = if property.expected_violated { ", as the file expects" } else { "" };
            format!("in {}{}{expected}", counted(trace.steps.len() as u64, "step"), for_ever(property))
        }
        (PropertyVerdict::Holds, Some(trace)) => {
            format!("witness in {}", counted(trace.steps.len() as u64, "step"))
        }
        (PropertyVerdict::Holds, None) => why_it_holds(property),
    }
}

/// What a property that holds rests on, or where it says something.
fn why_it_holds(property: &PropertyOutcome) -> String {
    match (&property.shown_in, &property.liveness) {
        (Some(failure), _) => format!("says something only without what prevents failure \"{failure}\""),
        (None, Some(liveness)) => why_live(liveness),
        (None, None) if property.vacuous => "says nothing of this model".to_owned(),
        (None, None) => String::new(),
    }
}

/// What comes after the steps of a behaviour that goes on for ever.
fn for_ever(property: &PropertyOutcome) -> &'static str {
    let cycle = property.liveness.as_ref().and_then(|l| l.cycle.as_ref());
    let steps = property.trace.as_ref().map_or(0, |t| t.steps.len());
    match cycle {
        Some(cycle) if (cycle.back_to as usize) < steps => ", the last of them for ever",
        Some(_) => ", then nothing for ever",
        None => "",
    }
}

/// What a liveness property rests on.
fn why_live(liveness: &LivenessOutcome) -> String {
    if liveness.vacuous {
        return "what is to be followed never happens".to_owned();
    }
    match &liveness.needs {
        None => String::new(),
        Some((needs, _)) if needs.is_empty() => "without any fairness".to_owned(),
        Some((needs, smallest)) => {
            let names: Vec<String> = needs.iter().map(|a| assumption(a, true)).collect();
            let word = if *smallest { "needs fairness of" } else { "suffices: fairness of" };
            format!("{word} {}", names.join(", "))
        }
    }
}

/// An assumption of fairness, with how strong it is if that is more than weak.
#[must_use]
pub fn assumption(assumption: &AssumptionOutcome, strength: bool) -> String {
    let strong = if strength && assumption.strong { " (strong)" } else { "" };
    format!("{}{strong}", assumption.name)
}

pub(super) fn state(word: &str, style: Style, paint: Paint) -> String {
    // Padded before it is painted: escape sequences have no width.
    paint.paint(style, &format!("{word:<11}"))
}

/// A line per ownership: its shape, and its fields.
fn ownership(outcome: &SpecOutcome, paint: Paint) -> String {
    let word = state("ownership", Style::Faint, paint);
    let line = |o: &OwnershipOutcome| format!("  {word} {} · {}\n", o.shape, o.fields());
    outcome.ownership.iter().map(line).collect()
}

/// Why the explorer could not treat instances as interchangeable: that is what makes an exploration large.
fn told_apart(outcome: &SpecOutcome, sources: &SourceMap, paint: Paint) -> String {
    let Some(symmetry) = outcome.exploration.as_ref().and_then(|e| e.symmetry.as_ref()) else {
        return String::new();
    };
    let line = |what: &str| format!("  {} {what}\n", state("no symmetry", Style::Open, paint));
    let apart =
        |t: &ToldApart| line(&format!("{} · {} · {}", t.name, t.reason, Place::of(sources, t.span).link()));
    let unused = !symmetry.used && !symmetry.interchangeable.is_empty();
    let names = symmetry.interchangeable.join(", ");
    let unused = unused.then(|| line(&format!("{names} · liveness is judged in all states")));
    symmetry.told_apart.iter().map(apart).chain(unused).collect()
}

/// How many behaviours were not told, and what was asked for in vain.
#[must_use]
pub fn left_out(outcomes: &[SpecOutcome], shown: &Shown) -> String {
    let mut text = String::new();
    for name in shown.unknown(outcomes) {
        text.push_str(&format!("\n  no property and no failure mode is called {name:?}\n"));
    }
    let count = outcomes.iter().map(|o| shown.left_out(o)).sum();
    if count > 0 {
        let behaviours = counted(count, "behaviour");
        text.push_str(&format!(
            "\n  {behaviours} as it should be: `--show all` or `--show NAME` tells more\n"
        ));
    }
    text
}

/// A last line when there was more than one spec.
#[must_use]
pub fn summary(outcomes: &[SpecOutcome], paint: Paint) -> String {
    if outcomes.len() < 2 {
        return String::new();
    }
    let count = |status: ExitStatus| outcomes.iter().filter(|o| o.status == status).count() as u64;
    let mut parts = vec![counted(outcomes.len() as u64, "result")];
    for (status, word) in [
        (ExitStatus::Success, "as they should be"),
        (ExitStatus::Violated, "violated"),
        (ExitStatus::Invalid, "invalid"),
        (ExitStatus::Inconclusive, "inconclusive"),
        (ExitStatus::Strict, "vacuous"),
        (ExitStatus::Drift, "not what the lock says"),
        (ExitStatus::Internal, "internal errors"),
    ] {
        if count(status) > 0 {
            parts.push(format!("{} {word}", thousands(count(status))));
        }
    }
    format!("\n{}\n", paint.paint(Style::Name, &parts.join(" · ")))
}
