//! What the header of a small case says: `//@ check: violated p, q states=12 transitions=30 depth=5`.
//!
//! After `check` may stand the name of an instance; instead of `violated …` stands `holds`, or `cut` where
//! the result is exhaustive only within a bound.

use arch_ir::report::{PropertyVerdict, Report};

/// What one header line says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// The instance that it is about.
    pub instance: Option<String>,
    /// The properties that are violated, in the order of the report.
    pub violated: Vec<String>,
    /// Whether a `cut` disabled something.
    pub cut: bool,
    /// States, transitions, depth; none where they are not said.
    pub counts: Option<(u64, u64, u32)>,
}

impl Expected {
    /// The header lines of a text.
    ///
    /// # Panics
    ///
    /// When one does not say what it has to.
    #[must_use]
    pub fn all(text: &str) -> Vec<Expected> {
        let lines = text.lines().filter_map(|l| l.strip_prefix("//@ check"));
        lines.map(|l| Expected::of(l).unwrap_or_else(|| panic!("a header `//@ check{l}`"))).collect()
    }

    fn of(line: &str) -> Option<Expected> {
        let (instance, rest) = line.split_once(':')?;
        let (verdict, counts) = match rest.split_once("states=") {
            Some((verdict, counts)) => (verdict, Some(numbers(counts)?)),
            None => (rest, None),
        };
        let (word, names) = verdict.trim().split_once(' ').unwrap_or((verdict.trim(), ""));
        if !["holds", "violated", "cut"].contains(&word) || (word == "violated") == names.is_empty() {
            return None;
        }
        let violated = names.split(',').map(|n| n.trim().to_owned()).filter(|n| !n.is_empty()).collect();
        let instance = Some(instance.trim().to_owned()).filter(|i| !i.is_empty());
        Some(Expected { instance, violated, cut: word == "cut", counts })
    }

    /// Compares with what was found.
    ///
    /// # Errors
    ///
    /// What differs.
    pub fn compare(&self, report: &Report) -> Result<(), String> {
        let violated = report.results.iter().filter(|r| r.verdict == PropertyVerdict::Violated);
        let found = Expected {
            instance: self.instance.clone(),
            violated: violated.map(|r| r.name.clone()).collect(),
            cut: !report.cut.is_empty(),
            counts: self.counts.map(|_| (report.distinct_states, report.transitions, report.depth)),
        };
        if found == *self { Ok(()) } else { Err(format!("expected {self:?}\n   found {found:?}")) }
    }
}

/// What stands after `states=`.
fn numbers(text: &str) -> Option<(u64, u64, u32)> {
    let (states, rest) = text.split_once("transitions=")?;
    let (transitions, depth) = rest.split_once("depth=")?;
    Some((states.trim().parse().ok()?, transitions.trim().parse().ok()?, depth.trim().parse().ok()?))
}
