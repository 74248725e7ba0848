//! Whether what a model shows is what its spec expects, in words for whoever reads a failed test.

use super::{Event, Finding, Report, Verdict};
use crate::value::Value;
use std::fmt;

impl Report {
    /// Every claim that is violated and is not expected to be, and the other way round; none where all is as expected.
    ///
    /// What was not judged is as expected: it is archc's to judge, or beyond a `cut` bound.
    #[must_use]
    pub fn unexpected(&self, expected: &[&str]) -> Vec<String> {
        self.findings.iter().filter_map(|finding| finding.unexpected(expected)).collect()
    }
}

#[cfg(any(feature = "simulation", feature = "properties"))]
impl super::Model {
    /// The names of these properties but for those that are expected to be violated; none if there are no others.
    pub(crate) fn unexpected(&self, violated: &[usize], expected: &[&str]) -> Option<String> {
        let names = violated.iter().map(|i| self.properties[*i].name);
        let names: Vec<&str> = names.filter(|name| !expected.contains(name)).collect();
        if names.is_empty() { None } else { Some(names.join(", ")) }
    }
}

impl Finding {
    fn unexpected(&self, expected: &[&str]) -> Option<String> {
        let is_expected = expected.contains(&&self.name[..]);
        match &self.verdict {
            Verdict::Violated(events) if !is_expected => {
                let steps = events.iter().enumerate().map(|(n, event)| format!("\n  {}. {event}", n + 1));
                Some(format!("{} is violated:{}", self.name, steps.collect::<String>()))
            }
            Verdict::Holds if is_expected => {
                Some(format!("{} holds, and the spec expects it to be violated", self.name))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Begin { protocol, run } => write!(f, "{protocol} begins{}", list(" of ", run)),
            Event::Step { op, run, me, choices, picks, rejected, .. } => {
                let answer = if *rejected { " answers that its guard is false," } else { "" };
                let (run, choices) = (list(" of ", run), list(" with ", choices));
                write!(f, "{op}{answer} by {}{run}{choices}{}", word(me), list(" picks ", &elements(picks)))
            }
            Event::Crash(_, id) => write!(f, "{id} crashes"),
            Event::Restart(_, id) => write!(f, "{id} restarts"),
            Event::Lose(_, run) => write!(f, "a hand-off is lost{}", list(" of ", run)),
            Event::Deliver { picks, .. } => {
                write!(f, "a duplicated request is delivered{}", list(" and picks ", &elements(picks)))
            }
            Event::Tick => f.write_str("the clock ticks"),
        }
    }
}

fn elements(picks: &[(&'static str, Value)]) -> Vec<Value> {
    picks.iter().map(|(_, element)| element.clone()).collect()
}

fn list(before: &str, values: &[Value]) -> String {
    if values.is_empty() { String::new() } else { format!("{before}{}", listed(values)) }
}

/// Values in words, one after the other.
pub(crate) fn listed(values: &[Value]) -> String {
    values.iter().map(word).collect::<Vec<_>>().join(", ")
}

fn word(value: &Value) -> String {
    match value {
        Value::Id(id) => id.to_string(),
        Value::Enum(word) => word.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => b.to_string(),
        other => format!("{other:?}"),
    }
}
