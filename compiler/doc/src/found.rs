//! What checking a spec found, in the words of pages.

use arch_base::Span;

/// What was found of one spec.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The verdict; none if nobody looked.
    pub verdict: Option<Verdict>,
    /// The instance whose constants were taken; the defaults, if none.
    pub instance: Option<String>,
    /// What was explored, if anything was.
    pub explored: Option<Explored>,
    /// One result per property, then the built-in checks.
    pub properties: Vec<Property>,
    /// One result per clause of a failure mode and property.
    pub failures: Vec<Failure>,
    /// What each part of a guard is for, if the spec was audited.
    pub audit: Option<Audit>,
    /// The shapes of ownership that were recognised, each with its fields.
    pub ownership: Vec<(String, String)>,
    /// Errors, and what a sketch lacks, each a sentence.
    pub problems: Vec<String>,
}

/// How good a result is; decides its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// As it should be.
    Good,
    /// Not everything was looked at.
    Open,
    /// Violated, or wrong.
    Bad,
}

/// The first line of a result.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// `HOLDS`
    pub word: String,
    /// What the word means.
    pub tone: Tone,
    /// `10 properties`, `every depth`, …
    pub parts: Vec<String>,
}

/// What was explored.
#[derive(Clone, Copy, Debug)]
pub struct Explored {
    /// Distinct states, with those that symmetry leaves out.
    pub states: u64,
    /// Distinct states that were stored.
    pub stored: u64,
    /// Events of all stored states.
    pub transitions: u64,
    /// The greatest distance from an initial state.
    pub depth: u32,
    /// Whether every reachable state was explored and nothing was cut.
    pub complete: bool,
}

/// A verdict on one thing: the word, its tone, and the reason if there is one.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `holds`, `violated`, `shown`, …
    pub word: String,
    /// What it means.
    pub tone: Tone,
    /// More, in a sentence; may be empty.
    pub why: String,
}

/// What was found of a property.
#[derive(Clone, Debug)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// Whether it is a check that every spec has.
    pub built_in: bool,
    /// What was found.
    pub answer: Answer,
    /// Whether `trace` violates it; else it witnesses it.
    pub violated: bool,
    /// A behaviour.
    pub trace: Option<Trace>,
}

/// What one clause of a failure mode came to, for one property.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The failure mode's name.
    pub name: String,
    /// The clause.
    pub clause: Span,
    /// Whether it repairs; else it prevents.
    pub repair: bool,
    /// What `trace` is a behaviour of: `without guard of claim`, `with FENCED = false`.
    pub setting: String,
    /// The property.
    pub property: String,
    /// Whether it is shown.
    pub answer: Answer,
    /// Whether it is shown, whatever the words.
    pub shown: bool,
    /// The behaviour that shows it.
    pub trace: Option<Trace>,
}

/// A behaviour.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// What is worth knowing of the initial state: `X.a = v`.
    pub initial: Vec<String>,
    /// Its events.
    pub steps: Vec<Step>,
    /// What its end shows, a line each.
    pub ending: Vec<String>,
    /// The number of events after which it goes round for ever.
    pub back_to: Option<usize>,
}

/// An event.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Who acts; nobody in a tick or a fault.
    pub actor: Option<String>,
    /// The operation.
    pub operation: Option<String>,
    /// The run that it belongs to.
    pub run: Option<String>,
    /// The whole event in words.
    pub event: String,
    /// Why it was allowed to happen, a line each.
    pub because: Vec<String>,
    /// What changed: `X.a: old → new`.
    pub changes: Vec<String>,
    /// What went wrong in it.
    pub problem: Option<String>,
}

/// What the parts of a spec are for.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Why it is open, if it is.
    pub open: Option<String>,
    /// Every part, in the order of the spec.
    pub parts: Vec<Part>,
}

/// A part that was taken out.
#[derive(Clone, Debug)]
pub struct Part {
    /// `main.commit#1`
    pub id: String,
    /// What it says.
    pub text: String,
    /// `load-bearing`, `redundant`, …
    pub class: String,
    /// The property that breaks without it, with the number of steps.
    pub breaks: Option<(String, Option<usize>)>,
    /// What else is to be said, a phrase each.
    pub notes: Vec<String>,
}

impl Found {
    /// The result for a property.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|p| p.name == name)
    }

    /// The results for a clause of a failure mode.
    pub fn clause(&self, span: Span) -> impl Iterator<Item = &Failure> {
        self.failures.iter().filter(move |f| f.clause == span)
    }

    /// How many failure modes are shown, with all their clauses.
    #[must_use]
    pub fn failures_shown(&self) -> usize {
        let mut names: Vec<&str> = self.failures.iter().map(|f| f.name.as_str()).collect();
        names.dedup();
        names.retain(|name| self.failures.iter().filter(|f| f.name == *name).all(|f| f.shown));
        names.len()
    }
}
