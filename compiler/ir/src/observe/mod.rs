//! Questions about a spec itself, which exploring every state answers: is the premise of a property ever true, is a
//! constant of an enum ever a value, is a branch of an effect ever taken?
//!
//! Each question is a property: a `reachable` claim, or a claim about a step that is violated where the answer is
//! yes. [`Questions::put`] adds them to a program, so that every engine answers them in its own way, and
//! [`Questions::take`] takes the answers out of the report. They read what the program reads already, and name no
//! instance, so that states, symmetry and the quotient of time are those of the program without them.

mod conditions;
mod premises;
mod values;

use crate::program::{
    Binder, Domain, EnumId, Expr, ExprKind, Program, Property, PropertyId, PropertyKind, ProtocolId, SlotId,
    StepId, Type,
};
use crate::report::{PropertyVerdict, Report};
use arch_base::{IndexVec, Span};

/// What a question is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Whether a premise of a property is ever true.
    Premise {
        /// The property.
        property: PropertyId,
        /// The premise.
        span: Span,
        /// Whether it is that there is something to speak of: that a domain is not empty.
        domain: bool,
    },
    /// Whether what a property asks for (always possible, eventually, after something else) is ever not so.
    Goal(PropertyId),
    /// Whether a constant is ever the value of something.
    Constant(EnumId, u32),
    /// Whether the condition of an `if` is ever true, or ever false.
    Condition {
        /// The protocol.
        protocol: ProtocolId,
        /// The step in whose effect it is.
        step: StepId,
        /// The condition.
        span: Span,
        /// Which of both.
        value: bool,
    },
}

/// A question, and what a program claims that has it answered.
#[derive(Clone, Debug)]
pub struct Question {
    /// What it is about.
    pub subject: Subject,
    /// `Reachable`, or `Step`.
    kind: PropertyKind,
}

/// All questions about a program.
#[derive(Clone, Debug, Default)]
pub struct Questions {
    /// They, in order.
    pub list: Vec<Question>,
    /// For each property that has premises: for each of its conjuncts the questions about its premises, outermost
    /// first. A conjunct says nothing when one of its premises is never true.
    pub premises: Vec<(PropertyId, Vec<Vec<usize>>)>,
    slots: IndexVec<SlotId, String>,
}

/// The questions that exploring a program answers.
#[must_use]
pub fn questions(program: &Program) -> Questions {
    let mut questions = Questions { slots: program.slots.clone(), ..Questions::default() };
    questions.ask_premises(program);
    questions.ask_goals(program);
    questions.ask_constants(program);
    questions.ask_conditions(program);
    questions
}

impl Questions {
    fn ask(&mut self, subject: Subject, kind: PropertyKind) -> usize {
        self.list.push(Question { subject, kind });
        self.list.len() - 1
    }

    /// The program with some of the questions (by position) as further properties.
    #[must_use]
    pub fn put(&self, program: &Program, which: &[usize]) -> Program {
        let mut asking = program.clone();
        asking.slots.clone_from(&self.slots);
        for &number in which {
            let kind = self.list[number].kind.clone();
            let span = self.list[number].span();
            let name = format!("question {number}");
            asking.properties.push(Property { name, binders: Vec::new(), kind, span, quiet: true });
        }
        asking
    }

    /// Takes the answers out of a report on such a program: `yes` becomes true for every question that is answered
    /// with yes. Only of a complete exploration all the others are answered with no.
    pub fn take(&self, program: &Program, which: &[usize], report: &mut Report, yes: &mut [bool]) {
        let first = program.properties.len();
        let answers = report.results.drain(first..first + which.len());
        for (result, &number) in answers.zip(which) {
            let is = match self.list[number].kind {
                PropertyKind::Reachable(_) => PropertyVerdict::Holds,
                _ => PropertyVerdict::Violated,
            };
            yes[number] |= result.verdict == is;
        }
    }

    /// Of what is to come: whether it is ever not so. What is never false does not have to come.
    fn ask_goals(&mut self, program: &Program) {
        for (id, property) in program.properties.iter_enumerated() {
            let (PropertyKind::AlwaysPossible(goal)
            | PropertyKind::AlwaysEventually(goal)
            | PropertyKind::Eventually(goal)
            | PropertyKind::LeadsTo(_, goal)) = &property.kind
            else {
                continue;
            };
            let not = not(goal.clone());
            let ever = property.binders.iter().rev().fold(not, |inner, b| any(b.clone(), inner));
            self.ask(Subject::Goal(id), PropertyKind::Reachable(ever));
        }
    }

    /// A new variable for a binder.
    fn slot(&mut self, name: &str) -> SlotId {
        self.slots.push(name.to_owned())
    }
}

impl Question {
    fn span(&self) -> Span {
        match &self.subject {
            Subject::Premise { span, .. } | Subject::Condition { span, .. } => *span,
            Subject::Goal(_) | Subject::Constant(..) => Span::default(),
        }
    }
}

fn bool_expr(kind: ExprKind, span: Span) -> Expr {
    Expr { kind, ty: Type::Bool, span }
}

fn not(e: Expr) -> Expr {
    let span = e.span;
    bool_expr(ExprKind::Not(Box::new(e)), span)
}

fn any(binder: Binder, inner: Expr) -> Expr {
    let span = inner.span;
    bool_expr(ExprKind::Any(binder, Box::new(inner)), span)
}

/// What stands around an expression.
#[derive(Clone, Debug)]
enum Layer {
    /// A quantifier, or a loop: for some value of its variable.
    Some(Binder),
    /// A condition that holds there.
    Given(Expr),
    /// `let x = e in`.
    Let(SlotId, Expr),
}

/// Whether an expression is true somewhere within what stands around it.
fn within(layers: &[Layer], inner: Expr) -> Expr {
    layers.iter().rev().fold(inner, |inner, layer| {
        let span = inner.span;
        match layer {
            Layer::Some(binder) => any(binder.clone(), inner),
            Layer::Given(condition) => bool_expr(ExprKind::And(vec![condition.clone(), inner]), span),
            Layer::Let(slot, value) => {
                bool_expr(ExprKind::Let(*slot, Box::new(value.clone()), Box::new(inner)), span)
            }
        }
    })
}

/// Whether an expression has the same value in every state: it is made of constants.
fn is_constant(e: &Expr) -> bool {
    let mut constant = true;
    e.visit(&mut |e| {
        use ExprKind as K;
        constant &= !matches!(
            e.kind,
            K::Instant(_)
                | K::Slot(_)
                | K::SelfId
                | K::Subject(_)
                | K::Role(_)
                | K::RunVar(_)
                | K::ParentRun
                | K::Var(..)
                | K::Crashed(..)
                | K::Connected(..)
                | K::RunAt(..)
                | K::RunUnfinished(..)
                | K::RunSubject(..)
                | K::RunRole(..)
                | K::RunVarOf(..)
        );
    });
    constant
}

/// Whether a part of a conjunction is made of constants: which branch is dead is the choice of constants then.
fn decided_by_constants(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::And(parts) => parts.iter().any(decided_by_constants),
        _ => is_constant(e),
    }
}

/// Whether a binder has no value in some state, as far as its form says.
fn may_be_empty(binder: &Binder) -> bool {
    let empty = match &binder.domain {
        Domain::Type(_) | Domain::Runs(_) => false,
        Domain::Range(lo, hi) => lo > hi,
        Domain::Set(_) => true,
    };
    empty || binder.filter.is_some()
}
