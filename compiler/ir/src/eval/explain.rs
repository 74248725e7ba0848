//! Why a step is enabled or not: the truth of its atoms, for counterexamples.

use super::{Context, Interpreter};
use crate::guard;
use crate::program::{Expr, ExprKind, SortId, StepId};
use crate::state::{Event, RunRef, State};
use crate::value::Value;

/// How a step that a run waits at fares with one combination of choices.
#[derive(Clone, Debug)]
pub struct GuardExplanation {
    /// Roles bound, then parameters.
    pub choices: Vec<Value>,
    /// The acting instance.
    pub actor: (SortId, u32),
    /// Whether it is up.
    pub up: bool,
    /// Whether no partition keeps it from acting.
    pub connected: bool,
    /// Whether the whole guard holds.
    pub guard: bool,
    /// The atoms of the guard, in order.
    pub atoms: Vec<AtomTruth>,
}

/// One comparison of a guard with its truth.
#[derive(Clone, Debug)]
pub struct AtomTruth {
    /// Its stable identity.
    pub id: String,
    /// What it says.
    pub expr: Expr,
    /// Whether it is true.
    pub holds: bool,
    /// Whether it is as the guard wants it: true, or false where it stands under a `not`.
    pub wanted: bool,
    /// Its operands that are no literals, with their values.
    pub operands: Vec<(Expr, Value)>,
}

/// How many combinations of choices are explained.
const MAX_EXPLAINED: usize = 8;

impl Interpreter<'_> {
    /// How a step fares for a run with each combination of choices (the first few); empty when the run
    /// has not reached it.
    #[must_use]
    pub fn why_disabled(&self, state: &State, run: RunRef, step: StepId) -> Vec<GuardExplanation> {
        let attempts = self.attempts(state, run, step);
        let explain = |a: super::step::Attempt| GuardExplanation {
            up: self.is_up(&a),
            connected: self.is_connected(&a),
            guard: self.guard_holds(&a),
            atoms: self.atoms(&Context::acting(&a.made, a.who), run, step),
            choices: a.choices,
            actor: a.actor,
        };
        attempts.into_iter().take(MAX_EXPLAINED).map(explain).collect()
    }

    /// The atoms of the step that an event executes or rejects, as they are in the state before it.
    #[must_use]
    pub fn atoms_at(&self, state: &State, event: &Event) -> Vec<AtomTruth> {
        let (Event::Step { run, step, choices, .. } | Event::Reject { run, step, choices, .. }) = event
        else {
            return Vec::new();
        };
        let declared = self.step(*run, *step);
        let made = choices.iter().take(declared.binds.len() + declared.params.len()).cloned().collect();
        let attempt = self.attempt(state, *run, *step, made);
        attempt.map_or(Vec::new(), |a| self.atoms(&Context::acting(&a.made, a.who), *run, *step))
    }

    fn atoms(&self, cx: &Context<'_>, run: RunRef, step: StepId) -> Vec<AtomTruth> {
        let step = self.step(run, step);
        let truth = |atom: &crate::program::Atom| {
            let holds = self.holds(cx, &atom.expr);
            AtomTruth {
                id: atom.id.clone(),
                expr: atom.expr.clone(),
                holds,
                wanted: holds != guard::is_negated(&step.guard, atom),
                operands: self.operands(cx, &atom.expr),
            }
        };
        step.atoms.iter().map(truth).collect()
    }

    fn operands(&self, cx: &Context<'_>, e: &Expr) -> Vec<(Expr, Value)> {
        let sides = match &e.kind {
            ExprKind::Compare(_, a, b) | ExprKind::In(a, b) => vec![&**a, &**b],
            ExprKind::Not(inner) => return self.operands(cx, inner),
            _ => Vec::new(),
        };
        let stored =
            sides.into_iter().filter(|s| !matches!(s.kind, ExprKind::Literal(_) | ExprKind::Instant(_)));
        stored.map(|s| (s.clone(), self.eval(cx, s))).collect()
    }
}
