//! Which instances are interchangeable: renaming them turns behaviours of a program into behaviours.
//!
//! Identities are scalarsets (Ip and Dill, "Better verification through symmetry", 1996) unless the program
//! tells instances apart: by a constant that names one, by the order of a ring, or by an effect that depends on
//! the order in which a `for` takes them. What is left is a group of permutations: per sort, a partition into
//! blocks of instances that can be renamed into each other freely.
//!
//! The analysis is conservative. When it says that instances are interchangeable, then for every permutation π
//! of them: π maps initial states to initial states, the events of a state s to those of π(s), and what is
//! violated on them; a property with `for each` binders is violated for a combination of s exactly when it is
//! for the renamed combination of π(s).

mod commute;
mod constants;
mod permutation;

pub use permutation::Permutation;

use crate::program::{Domain, ExprKind, Program, SortId, Stmt, StmtKind, Type};
use crate::walk::element_type;
use arch_base::{IndexVec, Span};
use commute::commutes;
use constants::{Constant, constants};

/// What can be renamed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Symmetry {
    /// For each sort, its instances in blocks that are interchangeable within; ascending in each.
    pub blocks: IndexVec<SortId, Vec<Vec<u32>>>,
    /// For sorts whose instances are not all interchangeable, the first reason.
    pub broken: Vec<Broken>,
}

/// Why a sort is not wholly symmetric.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The sort.
    pub sort: SortId,
    /// Where it is broken.
    pub span: Span,
    /// By what.
    pub by: Breaker,
}

/// What tells instances apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Breaker {
    /// `next` or `prev`.
    Ring,
    /// A variable that starts with a certain instance, having no null to start with.
    Start,
    /// A constant, or a default value that an expression can have.
    Constant,
    /// A `for` whose rounds may depend on their order.
    Order,
    /// Truth that is held at one instance, with partitions.
    Place,
    /// Something is kept for every set (or map) of instances.
    Keys,
}

impl Breaker {
    /// What it does, as the end of a sentence about a sort: "the instances of S are told apart: …".
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Breaker::Ring => "`next` and `prev` order them",
            Breaker::Start => "this starts with the first of them",
            Breaker::Constant => "this names one of them",
            Breaker::Order => "the order in which this `for` takes them may matter",
            Breaker::Place => "this truth is held at the first of them",
            Breaker::Keys => "this is keyed by sets or maps of them",
        }
    }
}

impl Symmetry {
    /// Analyses a program.
    #[must_use]
    pub fn of(program: &Program) -> Symmetry {
        let constants = constants(program);
        let mut symmetry = Symmetry {
            blocks: program.sorts.iter().map(|s| vec![(0..s.size).collect()]).collect(),
            broken: Vec::new(),
        };
        for sort in program.sorts.indices() {
            symmetry.split(program, sort, &constants);
        }
        for (sort, span, by) in orders(program) {
            symmetry.break_up(program, sort, span, by);
        }
        symmetry
    }

    /// Whether nothing can be renamed.
    #[must_use]
    pub fn is_trivial(&self) -> bool {
        self.blocks.iter().all(|blocks| blocks.iter().all(|b| b.len() < 2))
    }

    /// Exchanges of two neighbours in a block: they generate all renamings.
    pub fn exchanges<'s>(&'s self, program: &'s Program) -> impl Iterator<Item = Permutation> + 's {
        let blocks = self.blocks.iter_enumerated().flat_map(|(s, blocks)| blocks.iter().map(move |b| (s, b)));
        let pairs = blocks.flat_map(|(s, b)| b.windows(2).map(move |w| (s, w[0], w[1])));
        pairs.map(|(s, a, b)| Permutation::transposition(program, s, a, b))
    }

    /// Says that the instances of a sort are all different.
    pub fn break_up(&mut self, program: &Program, sort: SortId, span: Span, by: Breaker) {
        let size = program.sorts[sort].size;
        if size < 2 {
            return;
        }
        self.blocks[sort] = (0..size).map(|i| vec![i]).collect();
        if !self.broken.iter().any(|b| b.sort == sort) {
            self.broken.push(Broken { sort, span, by });
        }
    }

    /// Puts two instances of a sort into one block when exchanging them leaves every constant as it is. This is
    /// transitive: the exchange of a and c is that of a and b, of b and c, and of a and b again.
    fn split(&mut self, program: &Program, sort: SortId, constants: &[Constant]) {
        let mut blocks: Vec<Vec<u32>> = Vec::new();
        for instance in 0..program.sorts[sort].size {
            let telling = |block: &Vec<u32>| tells_apart(program, constants, sort, block[0], instance);
            let first = blocks.first().and_then(telling);
            match blocks.iter_mut().find(|b| telling(b).is_none()) {
                Some(block) => block.push(instance),
                None => blocks.push(vec![instance]),
            }
            if let Some(constant) = first
                && !self.broken.iter().any(|b| b.sort == sort)
            {
                self.broken.push(Broken { sort, span: constant.span, by: constant.by });
            }
        }
        self.blocks[sort] = blocks;
    }
}

/// The first constant that exchanging two instances changes.
fn tells_apart<'c>(
    program: &Program,
    constants: &'c [Constant],
    sort: SortId,
    a: u32,
    b: u32,
) -> Option<&'c Constant> {
    let exchange = Permutation::transposition(program, sort, a, b);
    constants.iter().find(|c| exchange.value(program, &c.ty, &c.value) != c.value)
}

/// Sorts whose instances have an order somewhere.
fn orders(program: &Program) -> Vec<(SortId, Span, Breaker)> {
    let mut found = Vec::new();
    for (_, root) in program.all_exprs() {
        root.visit(&mut |e| match &e.kind {
            ExprKind::Neighbour(sort, _, _) => found.push((*sort, e.span, Breaker::Ring)),
            // The type checker orders no identities; should it ever, this is where they become different.
            ExprKind::Extreme(_, value, _) => {
                sorts_in(program, &value.ty).for_each(|s| found.push((s, e.span, Breaker::Order)));
            }
            _ => {}
        });
    }
    let effects = program.protocols.iter().flat_map(|p| p.steps.iter()).flat_map(|s| s.effects());
    for stmt in effects {
        stmt.visit(&mut |s| loops(program, s, &mut found));
    }
    found
}

/// Notes the sorts of a `for` whose order may matter.
fn loops(program: &Program, stmt: &Stmt, found: &mut Vec<(SortId, Span, Breaker)>) {
    let StmtKind::For(binder, body) = &stmt.kind else { return };
    if commutes(binder.slot, body) {
        return;
    }
    let sorts: Vec<SortId> = match &binder.domain {
        Domain::Runs(protocol) => program.protocols[*protocol].subjects.iter().map(|s| s.sort).collect(),
        domain => sorts_in(program, element_type(domain)).collect(),
    };
    found.extend(sorts.into_iter().map(|sort| (sort, stmt.span, Breaker::Order)));
}

/// The sorts whose instances a value of a type can hold.
pub fn sorts_in(program: &Program, ty: &Type) -> impl Iterator<Item = SortId> {
    let sorts = program.sorts.indices();
    let held = move |sort: &SortId| {
        program.holds(ty, &|t| match t {
            Type::Id(s) => s == sort,
            Type::Run(p) => program.protocols[*p].subjects.iter().any(|s| s.sort == *sort),
            _ => false,
        })
    };
    sorts.filter(held).collect::<Vec<_>>().into_iter()
}
