//! What is known of each operation before any event is seen: what it reads, what it chooses, which properties it can break.

use crate::closed::runs_read;
use arch_base::Idx;
use arch_codegen::Layout;
use arch_ir::walk::picked_type;
use arch_ir::{
    Domain, Expr, ExprKind, Outcome, Place, Program, Property, PropertyId, PropertyKind, Protocol,
    ProtocolId, RoleId, SlotId, SortId, StepId, Stmt, StmtKind, Type, VarId,
};
use arch_runtime::value as rt;
use smol_str::SmolStr;
use std::collections::BTreeSet;

/// Runs that an operation looks through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunsRead {
    /// Of which protocol.
    pub protocol: ProtocolId,
    /// Whether only unfinished ones count.
    pub unfinished: bool,
    /// If only those count that mention somebody who takes part in the event: of these sorts.
    pub mentioning: Option<Vec<SortId>>,
}

/// Something that is chosen before or in a step: a role, a parameter, what it picks.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its name in the request.
    pub name: SmolStr,
    /// Its type.
    pub ty: Type,
    /// Its type, as the request is read.
    pub stored: rt::Type,
    /// Whether requests say it: a `ghost pick` is nobody's to say.
    pub said: bool,
}

/// An operation.
#[derive(Clone, Debug)]
pub struct Operation {
    /// `main.claim`
    pub name: SmolStr,
    /// Its protocol.
    pub protocol: ProtocolId,
    /// Its step; none for the event that begins a run.
    pub step: Option<StepId>,
    /// Kinds whose rows are looked at, by their position in the layout.
    pub kinds: Vec<usize>,
    /// Whether a row's key can be found in another row.
    pub follows: bool,
    /// Runs that are looked through.
    pub runs: Vec<RunsRead>,
    /// Roles bound and parameters chosen, in order.
    pub choices: Vec<Choice>,
    /// What its effect can pick.
    pub picks: Vec<Choice>,
    /// The properties that it can break.
    pub relevant: Vec<PropertyId>,
    /// `out` and `branch` of the entry when the step executes.
    pub moved: (SmolStr, Option<SmolStr>),
    /// `out` of the entry when it is rejected.
    pub rejected: Option<SmolStr>,
}

/// All operations of a program of which only the properties that are judged are left.
pub fn operations(program: &Program, layout: &Layout) -> Vec<Operation> {
    let mut all = Vec::new();
    for (id, protocol) in program.protocols.iter_enumerated() {
        if !protocol.begin.is_empty() {
            all.push(operation(program, layout, id, None));
        }
        all.extend(protocol.steps.indices().map(|step| operation(program, layout, id, Some(step))));
    }
    all
}

fn operation(program: &Program, layout: &Layout, id: ProtocolId, step: Option<StepId>) -> Operation {
    let (protocol, names) = (&program.protocols[id], layout.protocol(id));
    let name = match step {
        None => format!("{}.begin", protocol.name),
        Some(step) => names.ops[step.index()].clone(),
    };
    let mut reach = Reach { program, layout, found: Found::default() };
    reach.operation(id, step);
    let written = reach.found.written.clone();
    let relevant: Vec<PropertyId> = program
        .properties
        .iter_enumerated()
        .filter(|(_, p)| concerns(program, layout, p, id, step, &written))
        .map(|(i, _)| i)
        .collect();
    relevant.iter().for_each(|p| reach.property(&program.properties[*p], id, step));
    let found = reach.found;
    let mut runs = found.runs;
    runs.extend(busy(program, id));
    Operation {
        name: name.into(),
        protocol: id,
        step,
        kinds: found.kinds.into_iter().collect(),
        follows: found.follows || !found.slots.is_disjoint(&found.held),
        runs,
        choices: step.map(|s| choices(program, protocol, s)).unwrap_or_default(),
        picks: step.map(|s| picks(program, protocol, s)).unwrap_or_default(),
        relevant,
        moved: moved(layout, protocol, id, step),
        rejected: step
            .and_then(|s| protocol.steps[s].reject.as_ref())
            .map(|r| r.outcome.word.as_str().into()),
    }
}

/// The runs that keep somebody from taking part in one of this protocol.
fn busy(program: &Program, id: ProtocolId) -> Option<RunsRead> {
    let protocol = &program.protocols[id];
    let exclusive = |sort: &SortId| program.sorts[*sort].actor && !program.sorts[*sort].concurrent;
    let subjects = protocol.subjects.iter().map(|s| s.sort);
    let mut sorts: Vec<SortId> =
        subjects.chain(protocol.roles.iter().map(|r| r.sort)).filter(exclusive).collect();
    let several = sorts.len() > 1
        || protocol.copies > 1
        || protocol.subjects.len() != 1
        || protocol.subjects.iter().all(|s| !sorts.contains(&s.sort));
    sorts.sort();
    sorts.dedup();
    // Where an instance is the only subject of its runs, every other run is another's.
    (several && !sorts.is_empty() && !protocol.rule).then_some(RunsRead {
        protocol: id,
        unfinished: true,
        mentioning: Some(sorts),
    })
}

fn choices(program: &Program, protocol: &Protocol, step: StepId) -> Vec<Choice> {
    let step = &protocol.steps[step];
    let role = |r: &RoleId| (protocol.roles[*r].name.clone(), Type::Id(protocol.roles[*r].sort));
    let param = |v: &arch_ir::RunVarId| (protocol.vars[*v].name.clone(), protocol.vars[*v].ty.clone());
    let all = step.binds.iter().map(role).chain(step.params.iter().map(param));
    all.map(|(name, ty)| choice(program, &name, ty)).collect()
}

fn picks(program: &Program, protocol: &Protocol, step: StepId) -> Vec<Choice> {
    let mut list = Vec::new();
    for stmt in protocol.steps[step].effects() {
        stmt.visit(&mut |s| {
            if let StmtKind::Pick(binder) = &s.kind {
                let ghost = program.ghost_picks.contains(&binder.slot);
                let made = choice(program, &program.slots[binder.slot], picked_type(&binder.domain));
                list.push(Choice { said: !ghost, ..made });
            }
        });
    }
    list
}

fn choice(program: &Program, name: &str, ty: Type) -> Choice {
    let stored = crate::schema::type_of(program, &ty);
    Choice { name: name.into(), ty, stored, said: true }
}

/// What the journal says of where a run went: the outcome, or the step that it is at.
fn moved(
    layout: &Layout,
    protocol: &Protocol,
    id: ProtocolId,
    step: Option<StepId>,
) -> (SmolStr, Option<SmolStr>) {
    use arch_ir::{ChainId, Status};
    let names = layout.protocol(id);
    let at = |chain, i: usize| SmolStr::from(names.variant(Status::At(chain, i as u32)).word.as_str());
    let Some(step) = step else { return (at(ChainId(0), 0), None) };
    let Some((chain, i)) = protocol.place(step) else { return (SmolStr::default(), None) };
    let declared = &protocol.chains[chain];
    let branch = (chain != ChainId(0)).then(|| protocol.steps[declared.steps[0]].name.as_str().into());
    let detached = declared.window.as_ref().is_some_and(|w| w.detached);
    let out = match () {
        () if detached => "as before".into(),
        () if protocol.steps[step].loops => at(chain, i),
        () if i + 1 < declared.steps.len() => at(chain, i + 1),
        () => declared.outcome.word.as_str().into(),
    };
    (out, branch)
}

/// Whether an operation can break a property: it writes what the property reads, or the property speaks of its step.
fn concerns(
    program: &Program,
    layout: &Layout,
    property: &Property,
    id: ProtocolId,
    step: Option<StepId>,
    written: &BTreeSet<usize>,
) -> bool {
    match &property.kind {
        PropertyKind::Step { at, .. } => at.iter().any(|c| c.protocol == id && Some(c.step) == step),
        _ => {
            let mut reach = Reach { program, layout, found: Found::default() };
            reach.property(property, id, step);
            !reach.found.kinds.is_disjoint(written)
        }
    }
}

#[derive(Clone, Default)]
struct Found {
    kinds: BTreeSet<usize>,
    written: BTreeSet<usize>,
    runs: Vec<RunsRead>,
    follows: bool,
    /// Variables that are bound to what a row holds.
    held: BTreeSet<SlotId>,
    /// Variables that are keys.
    slots: BTreeSet<SlotId>,
}

/// Collects what expressions and effects touch.
struct Reach<'p> {
    program: &'p Program,
    layout: &'p Layout,
    found: Found,
}

impl Reach<'_> {
    fn operation(&mut self, id: ProtocolId, step: Option<StepId>) {
        let protocol = &self.program.protocols[id];
        self.run(id);
        protocol.begin.iter().filter(|_| step.is_none()).for_each(|(_, e)| self.expr(e));
        let Some(step) = step else { return };
        let declared = &protocol.steps[step];
        self.expr(&declared.guard);
        declared.lets.iter().for_each(|(_, e)| self.expr(e));
        declared.effects().for_each(|s| self.stmt(s));
        declared.reject.iter().for_each(|r| self.outcome(&r.outcome));
        if let Some((chain, _)) = protocol.place(step) {
            self.outcome(&protocol.chains[chain].outcome);
        }
    }

    fn property(&mut self, property: &Property, id: ProtocolId, step: Option<StepId>) {
        match &property.kind {
            PropertyKind::Step { at, .. } => {
                let mine = at.iter().filter(|c| c.protocol == id && Some(c.step) == step);
                mine.for_each(|c| self.expr(&c.claim));
            }
            _ => property.exprs().iter().for_each(|(_, e)| self.expr(e)),
        }
        property.binders.iter().for_each(|b| self.binder(b));
    }

    /// Runs of a protocol, with those that they belong to, and those that belong to them.
    fn run(&mut self, id: ProtocolId) {
        let kinds = self.kinds_of(id);
        self.found.kinds.extend(&kinds);
        self.found.written.extend(&kinds);
    }

    fn kinds_of(&self, id: ProtocolId) -> Vec<usize> {
        let above = self.program.protocols[id].parent.map_or(id, |parent| parent.protocol);
        let protocols = self.program.protocols.iter_enumerated();
        let below = protocols.filter(|(_, p)| p.parent.is_some_and(|p| p.protocol == above));
        below.map(|(sub, _)| sub).chain([above]).filter_map(|p| self.layout.protocol(p).kind).collect()
    }

    fn outcome(&mut self, outcome: &Outcome) {
        let Some(handover) = &outcome.then else { return };
        self.run(handover.protocol);
        handover.subjects.iter().for_each(|e| {
            self.expr(e);
            self.key(e);
        });
        // The head of the run that it goes to is read.
        self.program.protocols[handover.protocol].begin.iter().for_each(|(_, e)| self.expr(e));
    }

    fn var(&mut self, var: VarId) {
        self.found.kinds.extend(self.layout.vars.get(&var.0).map(|(kind, _)| *kind));
    }

    fn stmt(&mut self, stmt: &Stmt) {
        stmt.visit(&mut |s| {
            s.exprs().into_iter().for_each(|e| self.expr(e));
            match &s.kind {
                StmtKind::Assign(Place::Var(var, keys, _), _)
                | StmtKind::Advance(Place::Var(var, keys, _), _) => {
                    self.var(*var);
                    self.found.written.extend(self.layout.vars.get(&var.0).map(|(kind, _)| *kind));
                    keys.iter().for_each(|k| self.key(k));
                }
                StmtKind::Let(slot, _) => _ = self.found.held.insert(*slot),
                StmtKind::For(binder, _) | StmtKind::Pick(binder) => self.binder(binder),
                _ => {}
            }
        });
    }

    fn binder(&mut self, binder: &arch_ir::Binder) {
        match &binder.domain {
            Domain::Set(_) => _ = self.found.held.insert(binder.slot),
            Domain::Runs(id) => {
                self.run(*id);
                self.found.runs.push(runs_read(self.program, *id, binder));
            }
            Domain::Type(_) | Domain::Range(..) => {}
        }
        binder.filter.iter().for_each(|f| self.expr(f));
    }

    fn expr(&mut self, e: &Expr) {
        let mut roots = Vec::new();
        e.visit(&mut |e| roots.push(e));
        for e in roots {
            match &e.kind {
                ExprKind::Var(var, keys) => {
                    self.var(*var);
                    keys.iter().for_each(|k| self.key(k));
                }
                ExprKind::Let(slot, _, _) => _ = self.found.held.insert(*slot),
                // Whether an idle sub-run may begin depends on those before it, and on the run.
                ExprKind::RunAt(id, ..) => {
                    let kinds = self.kinds_of(*id);
                    self.found.kinds.extend(kinds);
                }
                ExprKind::RunUnfinished(id, _) | ExprKind::RunRole(id, ..) | ExprKind::RunVarOf(id, ..) => {
                    self.found.kinds.extend(self.layout.protocol(*id).kind);
                }
                _ => {}
            }
            if let Some(binder) = e.binder() {
                match &binder.domain {
                    Domain::Set(_) => _ = self.found.held.insert(binder.slot),
                    Domain::Runs(id) => {
                        self.found.kinds.extend(self.layout.protocol(*id).kind);
                        self.found.runs.push(runs_read(self.program, *id, binder));
                    }
                    Domain::Type(_) | Domain::Range(..) => {}
                }
            }
        }
    }

    /// A key that is neither said by the request nor in the run's own row.
    fn key(&mut self, key: &Expr) {
        self.found.follows |= match &key.kind {
            ExprKind::SelfId
            | ExprKind::Subject(_)
            | ExprKind::Role(_)
            | ExprKind::RunVar(_)
            | ExprKind::Literal(_) => false,
            ExprKind::Slot(slot) => {
                self.found.slots.insert(*slot);
                false
            }
            _ => true,
        };
    }
}
