//! Which behaviours the report for people tells.
//!
//! What is not as it should be is always told. A catalogue has hundreds of behaviours that are as they should be (witnesses,
//! failure modes that are shown, violations that a file expects): those are told when somebody asks for them.

use crate::outcome::{FailureOutcome, FailureVerdict, PropertyOutcome, SpecOutcome};

/// The word for all of them.
pub const ALL: &str = "all";

/// What was asked for.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Shown {
    /// Names of properties and failure modes, or [`ALL`].
    pub names: Vec<String>,
    /// Whether violations that the file expects are told: somebody looks at an instance that has them.
    pub expected: bool,
}

impl Shown {
    fn asked(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == ALL || n == name)
    }

    /// Whether the behaviour of a property is told.
    #[must_use]
    pub fn tells(&self, property: &PropertyOutcome) -> bool {
        has_behaviour(property) && (is_wrong(property, self.expected) || self.asked(&property.name))
    }

    /// Whether the behaviour that shows a failure mode is told.
    #[must_use]
    pub fn tells_failure(&self, failure: &FailureOutcome) -> bool {
        failure.verdict != FailureVerdict::Shown || self.asked(&failure.name)
    }

    /// How many behaviours of a spec are not told.
    #[must_use]
    pub fn left_out(&self, outcome: &SpecOutcome) -> u64 {
        let properties = outcome.properties.iter().filter(|p| has_behaviour(p) && !self.tells(p)).count();
        let failures =
            outcome.failures.iter().filter(|f| f.violation.is_some() && !self.tells_failure(f)).count();
        (properties + failures) as u64
    }

    /// Names that were asked for, and that nothing has which was checked.
    #[must_use]
    pub fn unknown<'a>(&'a self, outcomes: &[SpecOutcome]) -> Vec<&'a str> {
        let known = |name: &str| {
            name == ALL
                || outcomes.iter().any(|o| {
                    o.properties.iter().any(|p| p.name == name) || o.failures.iter().any(|f| f.name == name)
                })
        };
        self.names.iter().map(String::as_str).filter(|name| !known(name)).collect()
    }
}

/// A violation has one, and a witness unless it is the initial state itself.
fn has_behaviour(property: &PropertyOutcome) -> bool {
    property.trace.as_ref().is_some_and(|t| property.violated() || !t.steps.is_empty())
}

fn is_wrong(property: &PropertyOutcome, expected: bool) -> bool {
    property.violated() && (expected || !property.expected_violated)
}
