//! What a finite model does, as text: every state with its events and where they lead, and what is known of the claims.
//!
//! This file is compiled twice: as a module of the tests, and, copied, in the crate with the generated programs. So both
//! sides write alike. Events of a state are compared as a multiset, because generated code tries choices in another order.

use arch_runtime::model::{Event, Model, State, Verdict, explore};
use arch_runtime::step::{Excess, acting};
use arch_runtime::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a model does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// For each state its events, sorted.
    pub states: BTreeMap<String, Vec<String>>,
    /// What is known of it as a whole: counts, then the claims in order.
    pub summary: Vec<String>,
}

impl Listing {
    /// Everything that a generated model does, if it has at most so many states.
    #[must_use]
    pub fn of(model: &Model, most: usize) -> Listing {
        let mut listing = Listing::default();
        let mut open = model.initial_states();
        while let Some(state) = open.pop() {
            let key = format!("{state:?}");
            if listing.states.contains_key(&key) || listing.states.len() > most {
                continue;
            }
            let found = model.successors(&state);
            let mut events: Vec<String> = Vec::new();
            for transition in found.transitions {
                let violated = transition.violated.iter().map(|p| model.properties[*p].name);
                let violated: Vec<String> = violated.map(str::to_owned).collect();
                events.push(event_line(&transition.event, &state, transition.next.as_ref(), &violated));
                open.extend(transition.next);
            }
            if found.cut {
                events.push("something is cut".to_owned());
            }
            events.sort();
            listing.states.insert(key, events);
        }
        listing.summarise(model, most);
        listing
    }

    /// What is known of a generated model as a whole, if it has at most so many states.
    #[must_use]
    pub fn summary(model: &Model, most: usize) -> Listing {
        let mut listing = Listing::default();
        listing.summarise(model, most);
        listing
    }

    fn summarise(&mut self, model: &Model, most: usize) {
        let report = explore(model, most);
        self.summary.push(counts_line(report.states as u64, report.transitions, report.depth, report.cut));
        let told = |verdict: &Verdict| match verdict {
            Verdict::Holds => "holds".to_owned(),
            Verdict::Violated(events) => format!("violated after {}", events.len()),
            Verdict::NotJudged => "not judged".to_owned(),
        };
        self.summary.extend(report.findings.iter().map(|f| format!("{}: {}", f.name, told(&f.verdict))));
    }

    /// As a text, one line for each state and event.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        self.summary.iter().for_each(|line| _ = writeln!(text, "{line}"));
        for (state, events) in &self.states {
            _ = writeln!(text, "\n{state}");
            events.iter().for_each(|event| _ = writeln!(text, "  {event}"));
        }
        text
    }
}

/// How large a model is.
#[must_use]
pub fn counts_line(states: u64, transitions: u64, depth: u32, cut: bool) -> String {
    format!("{states} states, {transitions} transitions, depth {depth}{}", if cut { ", cut" } else { "" })
}

/// An event of a state with where it leads and what it violates.
#[must_use]
pub fn event_line(
    event: &Event,
    before: &State,
    next: Result<&State, &Excess>,
    violated: &[String],
) -> String {
    let led = match next {
        Ok(state) => format!("{state:?}"),
        Err(excess) => format!("{excess:?}"),
    };
    format!("{} violates {violated:?} -> {led}", named(event, before))
}

/// Who does what. Choices and picks are seen in where they lead.
fn named(event: &Event, before: &State) -> String {
    match event {
        Event::Step { op, run, me, rejected, duplicated, .. } => {
            let answer = if *rejected { "rejects" } else { "executes" };
            format!("{} {answer} {op} of {}, duplicated {duplicated:?}", who(me), keys(run))
        }
        Event::Deliver { fault, position, .. } => {
            format!("fault {fault} delivers {:?}", before.pending[*fault][*position])
        }
        other => format!("{other:?}"),
    }
}

fn who(me: &Value) -> &str {
    acting(me).unwrap_or("nobody")
}

fn keys(run: &[Value]) -> String {
    format!("{run:?}")
}
