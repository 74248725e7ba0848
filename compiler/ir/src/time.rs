//! Which instants a program can tell apart.
//!
//! Instants are stored relative to the clock, so every stored instant sinks for ever. It stays a finite
//! number because each variable has a *floor*: instants at or below it behave alike in every comparison
//! that they can still meet. Why that is exact is in `docs/internals/time-and-ordinals.md`.

use crate::program::{
    CompareOp, Domain, Expr, ExprKind, FaultKind, Init, Place, Program, ProtocolId, RunVarId, SlotId, Stmt,
    StmtKind, VarId,
};
use crate::types::PAST;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The instants that a variable can hold in a canonical state.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TimeClass {
    /// Instants at or below it are stored as it. None: no comparison can ever meet one, and each is
    /// stored as 0.
    pub floor: Option<i64>,
    /// No instant above it is ever stored. At least the floor; 0 without one.
    pub ceiling: i64,
}

impl TimeClass {
    /// How a canonical state stores an instant.
    #[must_use]
    pub fn saturate(self, instant: i64) -> i64 {
        self.floor.map_or(0, |floor| instant.max(floor))
    }
}

/// The class of every variable of a program. Variables without instants have the class of those that are
/// never compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TimeClasses {
    vars: Vec<TimeClass>,
    run_vars: Vec<Vec<TimeClass>>,
    skew: i64,
}

impl TimeClasses {
    /// Finds the classes by following every instant from where it is made to where it is compared.
    #[must_use]
    pub fn of(program: &Program) -> TimeClasses {
        let mut flows = Flows::of(program);
        flows.spread();
        let class = |node: Node| flows.class(node);
        TimeClasses {
            vars: program.vars.indices().map(|v| class(Node::Var(v))).collect(),
            run_vars: program
                .protocols
                .iter_enumerated()
                .map(|(p, protocol)| protocol.vars.indices().map(|v| class(Node::RunVar(p, v))).collect())
                .collect(),
            skew: flows.skew,
        }
    }

    /// The class of a truth attribute or local.
    #[must_use]
    pub fn var(&self, var: VarId) -> TimeClass {
        self.vars.get(var.0 as usize).copied().unwrap_or_default()
    }

    /// The class of a run variable.
    #[must_use]
    pub fn run_var(&self, protocol: ProtocolId, var: RunVarId) -> TimeClass {
        let vars = self.run_vars.get(protocol.0 as usize);
        vars.and_then(|v| v.get(var.0 as usize)).copied().unwrap_or_default()
    }

    /// The greatest number of ticks by which a clock can be off.
    #[must_use]
    pub fn skew(&self) -> i64 {
        self.skew
    }
}

/// The greatest number of ticks by which any instance's clock can be off.
#[must_use]
pub fn greatest_skew(program: &Program) -> i64 {
    let by = program.faults.iter().map(|f| match f.kind {
        FaultKind::Skew { by, .. } => i64::from(by),
        _ => 0,
    });
    by.max().unwrap_or(0)
}

/// The first comparison that would need to know how two stored instants lie to each other: of two stored
/// sides, or a `monotonic` of instants. Such a program has no exact finite state space.
#[must_use]
pub fn inexact_comparison(program: &Program) -> Option<&Expr> {
    let slots = slot_sources(program);
    let mut found = None;
    for (protocol, root) in program.all_exprs() {
        root.visit(&mut |e| {
            if let Some((_, a, b)) = comparison(program, e) {
                let stored = |side| !Sources::of(program, protocol, side).expand(&slots).nodes.is_empty();
                if found.is_none() && stored(a) && stored(b) {
                    found = Some(e);
                }
            }
        });
    }
    found.or_else(|| monotonic_time(program))
}

fn monotonic_time(program: &Program) -> Option<&Expr> {
    program.properties.iter().find_map(|p| match &p.kind {
        crate::program::PropertyKind::Monotonic(e) if program.holds_time(&e.ty) => Some(e),
        _ => None,
    })
}

/// Something that holds instants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Node {
    Var(VarId),
    RunVar(ProtocolId, RunVarId),
}

/// Where an expression's instants come from.
#[derive(Clone, Default, Debug)]
struct Sources {
    /// Variables that they are read from.
    nodes: BTreeSet<Node>,
    /// `now + k`.
    instants: BTreeSet<i64>,
    /// Slots that they are read from, to be replaced by what those are bound to.
    slots: BTreeSet<SlotId>,
}

impl Sources {
    fn of(program: &Program, protocol: Option<ProtocolId>, e: &Expr) -> Sources {
        let mut sources = Sources::default();
        sources.add(program, protocol, e);
        sources
    }

    /// Adds the sources of an expression: of those parts whose value can become (a part of) its value.
    fn add(&mut self, program: &Program, protocol: Option<ProtocolId>, e: &Expr) {
        use ExprKind as K;
        if !program.holds_time(&e.ty) {
            return;
        }
        match &e.kind {
            K::Literal(value) => instants_of(value, &mut self.instants),
            K::Instant(k) => _ = self.instants.insert(*k),
            K::Slot(slot) => _ = self.slots.insert(*slot),
            K::Var(var, _) => _ = self.nodes.insert(Node::Var(*var)),
            K::RunVarOf(p, _, var) => _ = self.nodes.insert(Node::RunVar(*p, *var)),
            K::RunVar(var) => self.nodes.extend(protocol.map(|p| Node::RunVar(p, *var))),
            K::Let(_, _, part)
            | K::SetOf(part, _)
            | K::Extreme(_, part, _)
            | K::MapGet(part, _)
            | K::SeqGet(part, _) => self.add(program, protocol, part),
            K::If(_, a, b) | K::MapSet(a, _, b) => {
                self.add(program, protocol, a);
                self.add(program, protocol, b);
            }
            _ => e.children().into_iter().for_each(|part| self.add(program, protocol, part)),
        }
    }

    /// The same with every slot replaced by what it is bound to.
    fn expand(&self, bound: &BTreeMap<SlotId, Sources>) -> Sources {
        let mut all = self.clone();
        let mut open: Vec<SlotId> = self.slots.iter().copied().collect();
        while let Some(source) = open.pop().map(|slot| bound.get(&slot).cloned().unwrap_or_default()) {
            all.nodes.extend(&source.nodes);
            all.instants.extend(&source.instants);
            open.extend(source.slots.iter().filter(|s| all.slots.insert(**s)));
        }
        all
    }

    fn join(&mut self, other: Sources) {
        self.nodes.extend(other.nodes);
        self.instants.extend(other.instants);
        self.slots.extend(other.slots);
    }
}

/// The instants in a literal other than the past, which lies below every floor.
fn instants_of(value: &Value, into: &mut BTreeSet<i64>) {
    match value {
        Value::Time(t) if *t > PAST / 2 => _ = into.insert(*t),
        Value::Set(set) => set.iter().for_each(|v| instants_of(v, into)),
        Value::Map(map) => map.values().for_each(|v| instants_of(v, into)),
        Value::Seq(list) | Value::Record(list) | Value::Variant(_, list) => {
            list.iter().for_each(|v| instants_of(v, into));
        }
        _ => {}
    }
}

/// What every slot of the program can be bound to.
fn slot_sources(program: &Program) -> BTreeMap<SlotId, Sources> {
    let mut bound: BTreeMap<SlotId, Sources> = BTreeMap::new();
    let mut bind = |protocol, slot: SlotId, e: &Expr| {
        bound.entry(slot).or_default().join(Sources::of(program, protocol, e));
    };
    for (protocol, root) in program.all_exprs() {
        root.visit(&mut |e| match (&e.kind, e.binder().map(|b| (b.slot, &b.domain))) {
            (ExprKind::Let(slot, value, _), _) => bind(protocol, *slot, value),
            (_, Some((slot, Domain::Set(set)))) => bind(protocol, slot, set),
            _ => {}
        });
    }
    for (protocol, stmt) in all_stmts(program) {
        match &stmt.kind {
            StmtKind::Let(slot, value) => bind(Some(protocol), *slot, value),
            StmtKind::For(b, _) | StmtKind::Pick(b) => {
                if let Domain::Set(set) = &b.domain {
                    bind(Some(protocol), b.slot, set);
                }
            }
            _ => {}
        }
    }
    for binder in program.properties.iter().flat_map(|p| &p.binders) {
        if let Domain::Set(set) = &binder.domain {
            bind(None, binder.slot, set);
        }
    }
    bound
}

fn all_stmts(program: &Program) -> Vec<(ProtocolId, &Stmt)> {
    let mut list = Vec::new();
    for (id, protocol) in program.protocols.iter_enumerated() {
        for stmt in protocol.steps.iter().flat_map(|s| s.effects()) {
            stmt.visit(&mut |s| list.push((id, s)));
        }
    }
    list
}

/// An expression that compares instants, with its sides.
fn comparison<'e>(program: &Program, e: &'e Expr) -> Option<(CompareOp, &'e Expr, &'e Expr)> {
    let (op, a, b) = match &e.kind {
        ExprKind::Compare(op, a, b) => (*op, a, b),
        ExprKind::In(a, b) => (CompareOp::Eq, a, b),
        _ => return None,
    };
    (program.holds_time(&a.ty) || program.holds_time(&b.ty)).then_some((op, a, b))
}

/// The greatest instant d that `d op now + k` cannot tell from any earlier one, now or later.
fn floor_of(op: CompareOp, k: i64) -> i64 {
    match op {
        CompareOp::Eq | CompareOp::Ne | CompareOp::Lt | CompareOp::Ge => k - 1,
        CompareOp::Le | CompareOp::Gt => k,
    }
}

/// `a op b` as `b op' a`.
fn flipped(op: CompareOp) -> CompareOp {
    match op {
        CompareOp::Eq => CompareOp::Eq,
        CompareOp::Ne => CompareOp::Ne,
        CompareOp::Lt => CompareOp::Gt,
        CompareOp::Le => CompareOp::Ge,
        CompareOp::Gt => CompareOp::Lt,
        CompareOp::Ge => CompareOp::Le,
    }
}

/// Where instants go.
struct Flows {
    skew: i64,
    slots: BTreeMap<SlotId, Sources>,
    floors: BTreeMap<Node, i64>,
    ceilings: BTreeMap<Node, i64>,
    copies: BTreeSet<(Node, Node)>,
}

impl Flows {
    fn of(program: &Program) -> Flows {
        let mut flows = Flows {
            skew: greatest_skew(program),
            slots: slot_sources(program),
            floors: BTreeMap::new(),
            ceilings: BTreeMap::new(),
            copies: BTreeSet::new(),
        };
        flows.comparisons(program);
        flows.initial(program);
        flows.assignments(program);
        flows
    }

    fn comparisons(&mut self, program: &Program) {
        for (protocol, root) in program.all_exprs() {
            root.visit(&mut |e| {
                if let Some((op, a, b)) = comparison(program, e) {
                    let a = Sources::of(program, protocol, a).expand(&self.slots);
                    let b = Sources::of(program, protocol, b).expand(&self.slots);
                    self.compare(&a, op, &b);
                    self.compare(&b, flipped(op), &a);
                }
            });
        }
    }

    fn compare(&mut self, stored: &Sources, op: CompareOp, with: &Sources) {
        for k in &with.instants {
            let floor = floor_of(op, *k) - self.skew;
            for node in &stored.nodes {
                let entry = self.floors.entry(*node).or_insert(floor);
                *entry = floor.min(*entry);
            }
        }
    }

    fn initial(&mut self, program: &Program) {
        for (id, var) in program.vars.iter_enumerated() {
            if let Init::Value { value, .. } = &var.init {
                self.store(program, None, Node::Var(id), value);
            }
        }
        for (p, protocol) in program.protocols.iter_enumerated() {
            for (id, var) in protocol.vars.iter_enumerated() {
                let mut instants = BTreeSet::new();
                instants_of(&var.init, &mut instants);
                self.raise(Node::RunVar(p, id), &instants);
            }
        }
    }

    fn assignments(&mut self, program: &Program) {
        for (p, protocol) in program.protocols.iter_enumerated() {
            for (var, value) in protocol.begin.iter().chain(protocol.steps.iter().flat_map(|s| &s.lets)) {
                self.store(program, Some(p), Node::RunVar(p, *var), value);
            }
        }
        for (p, stmt) in all_stmts(program) {
            if let StmtKind::Assign(place, value) = &stmt.kind {
                let node = match place {
                    Place::Var(var, _, _) => Node::Var(*var),
                    Place::RunVar(var, _) => Node::RunVar(p, *var),
                };
                self.store(program, Some(p), node, value);
            }
        }
    }

    fn store(&mut self, program: &Program, protocol: Option<ProtocolId>, into: Node, value: &Expr) {
        let sources = Sources::of(program, protocol, value).expand(&self.slots);
        self.raise(into, &sources.instants);
        self.copies.extend(sources.nodes.iter().map(|from| (*from, into)));
    }

    fn raise(&mut self, node: Node, instants: &BTreeSet<i64>) {
        if let Some(k) = instants.last() {
            let entry = self.ceilings.entry(node).or_insert(i64::MIN);
            *entry = (k + self.skew).max(*entry);
        }
    }

    /// Floors sink along copies backwards, ceilings rise along them, until nothing changes.
    fn spread(&mut self) {
        let mut changed = true;
        while changed {
            changed = false;
            for (from, to) in &self.copies {
                if let Some(floor) = self.floors.get(to).copied() {
                    changed |= lower(&mut self.floors, *from, floor);
                }
                if let Some(ceiling) = self.ceilings.get(from).copied() {
                    changed |= lift(&mut self.ceilings, *to, ceiling);
                }
            }
        }
    }

    fn class(&self, node: Node) -> TimeClass {
        let Some(floor) = self.floors.get(&node).copied() else { return TimeClass::default() };
        let ceiling = self.ceilings.get(&node).copied().unwrap_or(floor).max(floor);
        TimeClass { floor: Some(floor), ceiling }
    }
}

fn lower(map: &mut BTreeMap<Node, i64>, node: Node, value: i64) -> bool {
    let lower = map.get(&node).is_none_or(|old| value < *old);
    if lower {
        map.insert(node, value);
    }
    lower
}

fn lift(map: &mut BTreeMap<Node, i64>, node: Node, value: i64) -> bool {
    let higher = map.get(&node).is_none_or(|old| value > *old);
    if higher {
        map.insert(node, value);
    }
    higher
}
