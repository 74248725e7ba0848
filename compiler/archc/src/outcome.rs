//! What one check of one spec came to: the one thing that every output format is rendered from.
//!
//! Places are still [`Span`]s here; [`Place`] turns one into what an editor shows.

pub use arch_base::quantity::{counted, thousands};
use arch_base::{Diagnostic, SourceMap, Span};
use std::collections::BTreeMap;

/// Everything that is reported about one spec with one choice of constants.
#[derive(Clone, Debug)]
pub struct SpecOutcome {
    /// The file, as the user gave it.
    pub file: String,
    /// The archetype of the file's header.
    pub archetype: Option<String>,
    /// The instance whose constants were checked; none for the defaults.
    pub instance: Option<String>,
    /// Constants that the command line set, with their values; these win over the instance's.
    pub settings: Vec<(String, String)>,
    /// What was found, whatever the file expects.
    pub verdict: Verdict,
    /// What that means for the exit status: here expectations count.
    pub status: ExitStatus,
    /// Whether the file's expectations are met; none when it has none or nothing was explored.
    pub as_expected: Option<bool>,
    /// The names of the properties that the file expects to be violated.
    pub expectations: Vec<String>,
    /// Whether it is a sketch: it resolves, and lacks something that exploration needs.
    pub sketch: bool,
    /// The first line.
    pub headline: Headline,
    /// Why the verdict is not a plain one, each reason a phrase.
    pub reasons: Vec<String>,
    /// What was explored, if anything was.
    pub exploration: Option<Exploration>,
    /// All diagnostics, by place.
    pub diagnostics: Vec<Diagnostic>,
    /// One result per property, then the built-in checks.
    pub properties: Vec<PropertyOutcome>,
    /// Failure modes, in the order of the file: one result per clause and property.
    pub failures: Vec<FailureOutcome>,
    /// What was covered and what was not, if every state was seen.
    pub coverage: Vec<CoverageOutcome>,
    /// The shapes of ownership that were recognised.
    pub ownership: Vec<OwnershipOutcome>,
    /// The hash of the text, if the lock is asked for it.
    pub hash: String,
    /// The identities of all guard atoms, of a spec that was explored.
    pub guards: Vec<String>,
    /// What each part is for, by its identity, if the lock keeps that.
    pub audit: BTreeMap<String, String>,
}

/// Who owns what, and what ends it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnershipOutcome {
    /// `owner-only`, `lease-backed`, `attempt-scoped`, `attempt-scoped on lease-backed`, …
    pub shape: String,
    /// The attribute that says who may act.
    pub owner: Option<String>,
    /// The one that says until when.
    pub expiry: Option<String>,
    /// `attempt`, `epoch` or `version`, and the attribute that says which one counts.
    pub generation: Option<(&'static str, String)>,
}

impl OwnershipOutcome {
    /// What was recognised in a program.
    #[must_use]
    pub fn all(
        program: &arch_ir::Program,
        found: &[arch_sema::ownership::Ownership],
    ) -> Vec<OwnershipOutcome> {
        let name = |var: arch_ir::VarId| program.vars[var].name.clone();
        let of = |o: &arch_sema::ownership::Ownership| OwnershipOutcome {
            shape: o.shape(),
            owner: o.owner.map(|(var, _)| name(var)),
            expiry: o.expiry.map(name),
            generation: o.generation.map(|(var, kind)| (kind.word(), name(var))),
        };
        found.iter().map(of).collect()
    }

    /// `ClaimState.owner_id until LeaseState.expiry_at, epoch OwnerEpoch.current`
    #[must_use]
    pub fn fields(&self) -> String {
        let until = self.expiry.as_ref().map(|e| format!(" until {e}")).unwrap_or_default();
        let owner = self.owner.as_ref().map(|o| format!("{o}{until}"));
        let generation = self.generation.as_ref().map(|(word, name)| format!("{word} {name}"));
        owner.into_iter().chain(generation).collect::<Vec<_>>().join(", ")
    }
}

/// Whether something that a spec writes ever happens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CoverageOutcome {
    /// `step`, `fault`, `constant` of an enum, `premise` of a property, `branch` of an effect, or `otherwise`, which is
    /// that its condition is false.
    pub kind: &'static str,
    /// `main.commit`, `crash worker`, `Status.DONE`; of a premise its property, of a branch its step.
    pub name: String,
    /// Whether it happens in some behaviour.
    pub covered: bool,
    /// Of a step or fault its events, in the states that were stored.
    pub executed: Option<u64>,
    /// Of a step whether its guard is sometimes false.
    pub refused: Option<bool>,
    /// Where it is written.
    pub span: Span,
}

/// What is the case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Every property holds in every reachable state.
    Holds,
    /// The same in every state that was found, of which fingerprints were stored: one may have been missed.
    ProbablyHolds,
    /// Some property is violated.
    Violated,
    /// The spec has no meaning, or could not be read.
    Invalid,
    /// No violation was found, and not everything was looked at.
    Inconclusive,
}

impl Verdict {
    /// The word that machine-readable formats use.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Holds => "holds",
            Verdict::ProbablyHolds => "probably_holds",
            Verdict::Violated => "violated",
            Verdict::Invalid => "invalid",
            Verdict::Inconclusive => "inconclusive",
        }
    }
}

/// The exit statuses of the contract, best first: the worst over all files decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ExitStatus {
    /// Everything holds, or ends as the file expects.
    Success,
    /// Under `--strict`, a property that holds holds vacuously, or a redundant guard has no reason.
    Strict,
    /// A limit, a property that is not checked, a bound that cut exploration, a sketch.
    Inconclusive,
    /// A spec is not what the lock says.
    Drift,
    /// A property is violated, an expected violation is missing, or a failure mode is not shown.
    Violated,
    /// The spec or the command line is wrong.
    Invalid,
    /// A bug of archc.
    Internal,
}

impl ExitStatus {
    /// The number that the process exits with.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            ExitStatus::Success => 0,
            ExitStatus::Violated => 1,
            ExitStatus::Invalid => 2,
            ExitStatus::Inconclusive => 3,
            ExitStatus::Drift => 4,
            ExitStatus::Strict => 5,
            ExitStatus::Internal => 70,
        }
    }
}

/// The first line of a result: `HOLDS file · part · part`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Headline {
    /// `HOLDS`, `PROBABLY HOLDS`, `EXPECTED`, `VIOLATED`, `UNEXPECTED`, `NOT SHOWN`, `VACUOUS`, `DRIFT`, `INVALID`, `INCONCLUSIVE`, `SKETCH` or
    /// `INTERNAL ERROR`.
    pub word: &'static str,
    /// What follows the file's name.
    pub parts: Vec<String>,
}

/// What was explored.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exploration {
    /// The engine, as `--engine` names it.
    pub engine: &'static str,
    /// Distinct states that were stored.
    pub distinct_states: u64,
    /// The states that they stand for: more with symmetry, which stores one of those that differ in names alone.
    pub represented_states: u64,
    /// What was interchangeable, if that was asked for.
    pub symmetry: Option<SymmetryOutcome>,
    /// Every enabled event of every distinct state, duplicates and self-loops included.
    pub transitions: u64,
    /// The greatest distance from an initial state.
    pub depth: u32,
    /// Whether every reachable state was explored and nothing was cut.
    pub complete: bool,
    /// Figures, if they were asked for and the engine has them.
    pub statistics: Option<StatisticsOutcome>,
    /// Which random behaviours were followed, if not every behaviour was.
    pub simulation: Option<arch_ir::report::Simulation>,
    /// That fingerprints were stored instead of states, if they were.
    pub compaction: Option<arch_ir::report::Compaction>,
}

/// Figures of an exploration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StatisticsOutcome {
    /// What the engine measured.
    pub measured: arch_ir::report::Statistics,
    /// For each step of each protocol how often it was enabled, with each choice, in each stored state.
    pub steps: Vec<(String, u64)>,
}

/// Which identities are interchangeable.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SymmetryOutcome {
    /// Actors and id types with several instances that can be renamed into each other.
    pub interchangeable: Vec<String>,
    /// Whether states that differ in their names alone were stored once; not when liveness is judged.
    pub used: bool,
    /// Actors and id types with several instances that cannot, or not all of them.
    pub told_apart: Vec<ToldApart>,
}

/// Why instances are not interchangeable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldApart {
    /// Whose.
    pub name: String,
    /// By what.
    pub reason: &'static str,
    /// Where that is written.
    pub span: Span,
}

/// What was found of one property.
#[derive(Clone, Debug)]
pub struct PropertyOutcome {
    /// Its name; for built-in checks their word.
    pub name: String,
    /// `always`, `at`, … or `built-in`.
    pub kind: &'static str,
    /// What it claims, with definitions filled in; nothing for built-in checks.
    pub claim: String,
    /// What is the case.
    pub verdict: PropertyVerdict,
    /// Whether the file expects it to be violated.
    pub expected_violated: bool,
    /// Where it is declared; none for built-in checks.
    pub span: Option<Span>,
    /// The behaviour that violates it, or (for `reachable`) that witnesses it.
    pub trace: Option<TraceOutcome>,
    /// What else there is to say of a liveness property that was judged.
    pub liveness: Option<LivenessOutcome>,
    /// Whether it holds and says nothing of this model.
    pub vacuous: bool,
    /// The failure mode that alone shows what it says: while that is prevented, nothing is there for it to speak of.
    pub shown_in: Option<String>,
}

/// What was found of a liveness property besides its verdict.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LivenessOutcome {
    /// Whether what is to be followed never happens.
    pub vacuous: bool,
    /// What is treated fairly in this spec.
    pub assumed: Vec<AssumptionOutcome>,
    /// Of a property that holds: what suffices, and whether no fewer assumptions do.
    pub needs: Option<(Vec<AssumptionOutcome>, bool)>,
    /// Of a violated one, how its behaviour goes on for ever.
    pub cycle: Option<CycleOutcome>,
}

/// An assumption of fairness.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct AssumptionOutcome {
    /// `main.commit`, `tick`.
    pub name: String,
    /// Strong, or weak.
    pub strong: bool,
}

/// How a behaviour goes on for ever.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CycleOutcome {
    /// The steps after this one are repeated; with none, nothing happens any more.
    pub back_to: u32,
    /// For every unit of fairness that is enabled in the cycle, why it is treated fairly.
    pub treated: Vec<TreatedOutcome>,
    /// What could happen in the cycle and need not.
    pub never_due: Vec<String>,
}

/// Why a unit is treated fairly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TreatedOutcome {
    /// `commit of main[claimant1]`.
    pub unit: String,
    /// Strongly, or weakly.
    pub strong: bool,
    /// The step of the trace, from 1, that takes it.
    pub taken: Option<u32>,
    /// A step after which it is not enabled; 0 is the initial state.
    pub disabled: Option<u32>,
}

/// The word for how strong fairness is.
#[must_use]
pub fn strength(strong: bool) -> &'static str {
    if strong { "strong" } else { "weak" }
}

impl PropertyOutcome {
    /// Whether it is one of the checks that every spec has.
    #[must_use]
    pub fn built_in(&self) -> bool {
        self.kind == "built-in"
    }

    /// Whether its trace shows that it fails (a witness shows that it holds).
    #[must_use]
    pub fn violated(&self) -> bool {
        self.verdict == PropertyVerdict::Violated
    }
}

/// Whether a property holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PropertyVerdict {
    /// In all reachable states.
    Holds,
    /// In all states that were found, and with this probability one was missed.
    ProbablyHolds(String),
    /// Some behaviour violates it.
    Violated,
    /// No violation was found, and not everything was looked at.
    Inconclusive,
    /// Nobody looked, for this reason.
    NotChecked(String),
    /// Behaviours end where `bounds` or `advances` is violated, and what it says is about what comes after: found as far
    /// as they go, as the text says.
    EndsEarly(String),
}

impl PropertyVerdict {
    /// Whether nothing is known: that it holds with a probability is something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            PropertyVerdict::Inconclusive | PropertyVerdict::NotChecked(_) | PropertyVerdict::EndsEarly(_)
        )
    }

    /// What a verdict that is neither yes nor no rests on.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            PropertyVerdict::NotChecked(why)
            | PropertyVerdict::EndsEarly(why)
            | PropertyVerdict::ProbablyHolds(why) => Some(why),
            PropertyVerdict::Holds | PropertyVerdict::Violated | PropertyVerdict::Inconclusive => None,
        }
    }

    /// The word that machine-readable formats use.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            PropertyVerdict::Holds => "holds",
            PropertyVerdict::ProbablyHolds(_) => "probably_holds",
            PropertyVerdict::Violated => "violated",
            PropertyVerdict::Inconclusive => "inconclusive",
            PropertyVerdict::NotChecked(_) | PropertyVerdict::EndsEarly(_) => "not_checked",
        }
    }
}

/// A behaviour, told.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TraceOutcome {
    /// The cells of the initial state that are worth a line.
    pub initial: Vec<Cell>,
    /// Its steps.
    pub steps: Vec<StepOutcome>,
    /// What the end shows: the claim with the values in it, or why a stuck run waits.
    pub ending: Vec<Explanation>,
}

/// A named value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cell {
    /// `LeaseState.expiry_at`, `main(claimant1)`.
    pub name: String,
    /// Its value, shown.
    pub value: String,
}

/// One event of a behaviour.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StepOutcome {
    /// The acting instance, if somebody acts.
    pub actor: Option<String>,
    /// The operation, for a step.
    pub operation: Option<String>,
    /// The run, if it belongs to one.
    pub run: Option<String>,
    /// The whole event in words.
    pub event: String,
    /// Where what happened is written.
    pub span: Option<Span>,
    /// The guard atoms that let it happen, with the values in them.
    pub because: Vec<String>,
    /// Only what changed.
    pub changes: Vec<Change>,
    /// What went wrong in it, such as a bound that was left.
    pub problem: Option<String>,
}

/// A cell whose value changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The cell.
    pub name: String,
    /// Its value before.
    pub old: String,
    /// Its value after.
    pub new: String,
    /// For a set, what was added and removed: `+ Commit`, `- Prepared(rm: rm1)`.
    pub delta: Option<String>,
}

/// A sentence with the details under it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Explanation {
    /// The sentence.
    pub text: String,
    /// What it speaks about, if that is written somewhere.
    pub span: Option<Span>,
    /// The details.
    pub details: Vec<String>,
}

/// What one clause of a failure mode came to, for one property.
#[derive(Clone, Debug)]
pub struct FailureOutcome {
    /// The failure mode's name.
    pub name: String,
    /// The clause.
    pub span: Span,
    /// Whether it says what repairs (else what prevents).
    pub repair: bool,
    /// The parts of what prevents or repairs it, as they are written.
    pub removed: Vec<String>,
    /// The property that fails without it.
    pub property: String,
    /// Whether that is shown.
    pub verdict: FailureVerdict,
    /// The property as it was found to be violated: without it, or, if it is not prevented, with it.
    pub violation: Option<PropertyOutcome>,
}

/// Whether a failure mode is shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FailureVerdict {
    /// With it the property holds, without it the property is violated.
    Shown,
    /// Without it the property holds, for this reason.
    NotShown(String),
    /// With it the property is violated.
    NotPrevented(String),
    /// Not everything was looked at.
    Inconclusive(String),
    /// It was not to be executed, for this reason.
    NotExecuted(String),
}

impl FailureVerdict {
    /// The word that machine-readable formats use.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            FailureVerdict::Shown => "shown",
            FailureVerdict::NotShown(_) => "not_shown",
            FailureVerdict::NotPrevented(_) => "not_prevented",
            FailureVerdict::Inconclusive(_) => "inconclusive",
            FailureVerdict::NotExecuted(_) => "not_executed",
        }
    }

    /// Why it is not shown.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            FailureVerdict::Shown => None,
            FailureVerdict::NotShown(why)
            | FailureVerdict::NotPrevented(why)
            | FailureVerdict::Inconclusive(why)
            | FailureVerdict::NotExecuted(why) => Some(why),
        }
    }

    /// Whether what the failure mode claims is not so.
    #[must_use]
    pub fn fails(&self) -> bool {
        matches!(self, FailureVerdict::NotShown(_) | FailureVerdict::NotPrevented(_))
    }
}

/// A range as an editor shows it, 1-based, columns in characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file, as the user gave it.
    pub file: String,
    /// First line.
    pub line: u32,
    /// First column.
    pub column: u32,
    /// Line of the character after the last.
    pub end_line: u32,
    /// Column of the character after the last.
    pub end_column: u32,
}

impl Place {
    /// Where a span is.
    #[must_use]
    pub fn of(sources: &SourceMap, span: Span) -> Place {
        let from = sources.position(span.file, span.start);
        let to = sources.position(span.file, span.end.max(span.start));
        Place {
            file: sources.name(span.file).to_owned(),
            line: from.line,
            column: from.column,
            end_line: to.line,
            end_column: to.column,
        }
    }

    /// `specs/x.arch:31:5`, which terminals and editors make a link of.
    #[must_use]
    pub fn link(&self) -> String {
        format!("{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Orders diagnostics by place, those without one first, and otherwise leaves their order alone.
pub fn sort_by_place(diagnostics: &mut [Diagnostic]) {
    let whole = |d: &Diagnostic| d.code == arch_sema::codes::MISSING_PROPERTY;
    diagnostics.sort_by_key(|d| (whole(d), d.span().map(|s| (s.file, s.start, s.end))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_status_is_the_greatest() {
        let order = [
            ExitStatus::Success,
            ExitStatus::Strict,
            ExitStatus::Inconclusive,
            ExitStatus::Drift,
            ExitStatus::Violated,
            ExitStatus::Invalid,
            ExitStatus::Internal,
        ];
        assert!(order.is_sorted());
        assert_eq!(order.map(ExitStatus::code), [0, 5, 3, 4, 1, 2, 70]);
    }
}
