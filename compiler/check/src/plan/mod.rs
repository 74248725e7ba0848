//! What an executor does for a state: the actions of a program over the words of packed states.
//!
//! Symbolic execution speaks of cells and their values. Here cells are fields of words: they are loaded where
//! they are needed, conditions on fields of one word are one comparison under a mask, a successor's words are
//! made by masks. After this pass nothing of layout, types or null is left, so that the interpreter
//! and machine code can be compared node by node. How: `docs/internals/execution.md`.

pub mod graph;
mod lower;
mod settle;
#[cfg(test)]
mod tests;
mod truth;

pub use graph::{Graph, Id, Op};
pub(crate) use lower::Lowering;
pub use settle::Outcome;

/// A condition with the number of what is found, or noted, by it.
pub type Numbered = (Id, u32);

/// An action. Everything is computed on the state before it.
#[derive(Clone, Debug)]
pub struct Action {
    /// What must hold before a guard is asked, but for the condition of the group.
    pub base: Vec<Id>,
    /// The guard.
    pub guard: Vec<Id>,
    /// The step that is noted as refused when the guard is asked and false.
    pub refused: Option<u32>,
    /// What else must hold.
    pub rest: Vec<Id>,
    /// Declarations of which it is noted that they disable the action: when the value is not 0.
    pub cuts: Vec<Numbered>,
    /// What must hold besides.
    pub live: Vec<Id>,
    /// The action leads nowhere when one of these is not 0.
    pub bounds: Vec<Id>,
    /// Found when the value is 0.
    pub claims: Vec<Numbered>,
    /// The same, if the action leads nowhere because of integers alone.
    pub exceeding: Vec<Numbered>,
    /// What it leads to.
    pub outcome: Outcome,
}

/// Actions that share a condition.
#[derive(Clone, Debug)]
pub struct Group {
    /// The condition.
    pub conditions: Vec<Id>,
    /// The actions.
    pub actions: std::ops::Range<u32>,
}

/// How a state is judged.
#[derive(Clone, Debug, Default)]
pub struct Judge {
    /// Found when the value is 0.
    pub violated: Vec<Numbered>,
    /// Found when both values are not 0.
    pub hits: Vec<(Id, Id, u32)>,
}

/// All of it.
#[derive(Debug)]
pub struct Plan {
    /// The computations.
    pub graph: Graph,
    /// Words of a state.
    pub words: u32,
    /// In order.
    pub actions: Vec<Action>,
    /// In order; together they have all actions.
    pub groups: Vec<Group>,
    /// What is looked at on new states.
    pub judge: Judge,
    /// The action that is no event when it changes nothing.
    pub tick: Option<u32>,
    /// How many steps can be noted as refused.
    pub steps: u32,
    /// How many declarations can be noted as cutting.
    pub cuts: u32,
}
