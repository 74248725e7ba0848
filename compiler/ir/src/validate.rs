//! Whether a program is well formed: what every back end may rely on. The front end says all of this better,
//! with places; here it is a net for programs that it built wrongly.

use crate::program::{
    Actor, Chain, ChainId, Domain, EnumId, Expr, ExprKind, FaultKind, Handover, Init, Place, Program,
    Property, PropertyKind, Protocol, ProtocolId, RecordId, SlotId, SortId, Step, StepId, Stmt, StmtKind,
    Type, UnionId, VarId, VarOwner,
};
use crate::value::Value;
use arch_base::{Idx, IndexVec};

/// What is wrong, in words.
type Checked = Result<(), String>;

/// Checks a program.
///
/// # Errors
///
/// The first thing that is wrong, in words.
pub fn validate(program: &Program) -> Checked {
    program.records.iter().flat_map(|r| &r.fields).try_for_each(|f| ty(program, &f.ty))?;
    let variants = program.unions.iter().flat_map(|u| &u.variants);
    variants.flat_map(|v| &v.fields).try_for_each(|f| ty(program, &f.ty))?;
    program.sorts.iter().try_for_each(|s| ensure(s.size > 0, || format!("no instance of {}", s.name)))?;
    variables(program)?;
    program.protocols.indices().try_for_each(|id| protocol(program, id))?;
    program.faults.iter().try_for_each(|f| fault(program, &f.kind, f.budget))?;
    for deadline in &program.deadlines {
        step_exists(program, deadline.protocol, deadline.step)?;
    }
    program.properties.iter().try_for_each(|p| property(program, p))?;
    match crate::time::inexact_comparison(program) {
        Some(e) => Err(format!("two stored instants are compared: {}", program.show_expr(None, e))),
        None => Ok(()),
    }
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(message()) }
}

fn index<I: Idx, T>(list: &IndexVec<I, T>, id: I) -> Checked {
    ensure(list.get(id).is_some(), || format!("{id:?} is out of range"))
}

fn ty(program: &Program, t: &Type) -> Checked {
    match t {
        Type::Enum(id) => index::<EnumId, _>(&program.enums, *id),
        Type::Id(id) => index::<SortId, _>(&program.sorts, *id),
        Type::Ordinal(id) => index(&program.ordinals, *id),
        Type::Run(id) => index(&program.protocols, *id),
        Type::Record(id) => index::<RecordId, _>(&program.records, *id),
        Type::Union(id) => index::<UnionId, _>(&program.unions, *id),
        Type::Optional(inner) | Type::Seq(inner, _) | Type::Set(inner, _) => ty(program, inner),
        Type::Map(key, value) => ty(program, key).and_then(|()| ty(program, value)),
        Type::Int(int) => ensure(int.lo <= int.hi, || "an empty range".to_owned()),
        Type::Bool | Type::Time | Type::Null | Type::Unknown => Ok(()),
    }
}

/// A type of which values are stored.
fn stored(program: &Program, name: &str, t: &Type) -> Checked {
    ty(program, t)?;
    let unfit = |t: &Type| match t {
        Type::Unknown | Type::Run(_) => true,
        Type::Set(element, max) => {
            program.holds_time(element) || (max.is_none() && program.cardinality(element).is_none())
        }
        Type::Map(key, _) => program.cardinality(key).is_none(),
        _ => false,
    };
    ensure(!program.holds(t, &unfit), || format!("{name} has a type that cannot be stored"))
}

fn enumerable(program: &Program, name: &str, t: &Type) -> Checked {
    ty(program, t)?;
    ensure(program.cardinality(t).is_some(), || format!("{name} has a type that cannot be enumerated"))
}

fn variables(program: &Program) -> Checked {
    for var in &program.vars {
        stored(program, &var.name, &var.ty)?;
        var.keys.iter().try_for_each(|k| enumerable(program, &var.name, k))?;
        match var.owner {
            VarOwner::Truth(truth) => index(&program.truths, truth)?,
            VarOwner::Local(sort) => {
                ensure(var.keys == [Type::Id(sort)], || format!("{} is not keyed by its actor", var.name))?;
            }
        }
        match &var.init {
            Init::Any => enumerable(program, &var.name, &var.ty)?,
            Init::Value { keys, value } => {
                ensure(keys.len() <= var.keys.len(), || format!("{} has too many key slots", var.name))?;
                expr(program, None, value)?;
            }
        }
    }
    program.truths.iter().filter_map(|t| t.place).try_for_each(|s| index(&program.sorts, s))
}

fn protocol(program: &Program, id: ProtocolId) -> Checked {
    let p = &program.protocols[id];
    p.subjects.iter().try_for_each(|s| index(&program.sorts, s.sort))?;
    p.roles.iter().try_for_each(|r| index(&program.sorts, r.sort))?;
    p.vars.iter().try_for_each(|v| stored(program, &v.name, &v.ty))?;
    ensure(p.copies > 0, || format!("{} has no copies", p.name))?;
    ensure(!p.rule || p.begin.is_empty(), || format!("the rule {} has head lets", p.name))?;
    parent(program, id)?;
    for (var, value) in &p.begin {
        index(&p.vars, *var)?;
        expr(program, Some(id), value)?;
    }
    p.steps.iter().try_for_each(|s| step(program, id, s).map_err(|e| format!("step {}: {e}", s.name)))?;
    ensure(!p.chains.is_empty(), || format!("{} has no chain", p.name))?;
    let mut seen = vec![false; p.steps.len()];
    for (chain_id, chain) in p.chains.iter_enumerated() {
        chain_of(program, id, chain_id, chain, &mut seen)
            .map_err(|e| format!("{} {chain_id:?}: {e}", p.name))?;
    }
    Ok(())
}

/// Sub-runs belong to runs of an earlier protocol that are no sub-runs, of which there are as many per subject.
fn parent(program: &Program, id: ProtocolId) -> Checked {
    let p = &program.protocols[id];
    let Some(parent) = p.parent else { return Ok(()) };
    index(&program.protocols, parent.protocol)?;
    let above = &program.protocols[parent.protocol];
    let sorts = |p: &Protocol| p.subjects.iter().map(|s| s.sort).collect::<Vec<_>>();
    let main = above.chains.get(ChainId(0)).map_or(0, |c| c.steps.len());
    let fits = parent.protocol < id && above.parent.is_none() && !above.rule && !p.rule;
    ensure(fits, || format!("the sub-runs {} belong to no run", p.name))?;
    let same = sorts(p).starts_with(&sorts(above)) && p.copies == above.copies;
    ensure(same, || format!("the sub-runs {} have other subjects than their run", p.name))?;
    let plain = p.begin.is_empty() && !p.repeats && p.chains.len() == 1;
    ensure(plain, || format!("the sub-runs {} repeat, begin or branch", p.name))?;
    // Sub-runs that were taken out have nowhere to happen, and never do.
    let never = p.steps.iter().all(|s| matches!(s.guard.kind, ExprKind::Literal(Value::Bool(false))));
    let later = parent.position > 0 || !above.begin.is_empty() || never;
    ensure(later && (parent.position as usize) < main, || format!("the sub-runs {} happen nowhere", p.name))
}

fn chain_of(
    program: &Program,
    id: ProtocolId,
    chain_id: ChainId,
    chain: &Chain,
    seen: &mut [bool],
) -> Checked {
    let p = &program.protocols[id];
    for step in &chain.steps {
        index(&p.steps, *step)?;
        let twice = std::mem::replace(&mut seen[step.index()], true);
        ensure(!twice, || format!("{step:?} occurs twice"))?;
    }
    let last = chain.steps.last().map(|s| &p.steps[*s]);
    ensure(last.is_some_and(|s| !s.loops), || "a chain is empty or ends in a loop step".to_owned())?;
    window(p, chain_id, chain)?;
    chain.outcome.then.iter().try_for_each(|h| handover(program, id, h))
}

fn window(p: &Protocol, id: ChainId, chain: &Chain) -> Checked {
    let Some(window) = &chain.window else {
        return ensure(id == ChainId(0), || "a branch without window".to_owned());
    };
    ensure(id != ChainId(0), || "the main chain has a window".to_owned())?;
    let length = p.chains[ChainId(0)].steps.len();
    let sane = window.at_start || (window.from <= window.to && (window.from as usize) < length);
    ensure(sane, || format!("the window {}..={} is empty", window.from, window.to))?;
    ensure(!window.detached || chain.steps.len() == 1, || "a detached branch of several steps".to_owned())
}

fn handover(program: &Program, from: ProtocolId, handover: &Handover) -> Checked {
    index(&program.protocols, handover.protocol)?;
    let target = &program.protocols[handover.protocol];
    let main = target.chains.get(ChainId(0)).map_or(0, |c| c.steps.len());
    ensure((handover.position as usize) < main, || "a hand-over past the end".to_owned())?;
    ensure(!target.rule && target.parent.is_none(), || "a hand-over to a rule or sub-run".to_owned())?;
    ensure(handover.subjects.len() == target.subjects.len(), || {
        "a hand-over with other subjects".to_owned()
    })?;
    handover.subjects.iter().try_for_each(|e| expr(program, Some(from), e))?;
    handover.unbinds.iter().try_for_each(|r| index(&target.roles, *r))
}

fn step(program: &Program, id: ProtocolId, step: &Step) -> Checked {
    let p = &program.protocols[id];
    match step.actor {
        Actor::Subject(i) => ensure((i as usize) < p.subjects.len(), || "no such subject".to_owned())?,
        Actor::Role(role) => index(&p.roles, role)?,
    }
    step.binds.iter().try_for_each(|r| index(&p.roles, *r))?;
    for param in &step.params {
        index(&p.vars, *param)?;
        enumerable(program, &p.vars[*param].name, &p.vars[*param].ty)?;
    }
    condition(program, Some(id), &step.guard)?;
    step.atoms.iter().try_for_each(|a| condition(program, Some(id), &a.expr))?;
    for (var, value) in &step.lets {
        index(&p.vars, *var)?;
        expr(program, Some(id), value)?;
    }
    block(program, id, &step.effect)?;
    if let Some(reject) = &step.reject {
        block(program, id, &reject.effect)?;
        reject.outcome.then.iter().try_for_each(|h| handover(program, id, h))?;
    }
    Ok(())
}

fn block(program: &Program, id: ProtocolId, stmts: &[Stmt]) -> Checked {
    for stmt in stmts {
        statement(program, id, stmt)?;
        stmt.blocks().into_iter().try_for_each(|b| block(program, id, b))?;
    }
    Ok(())
}

fn statement(program: &Program, id: ProtocolId, stmt: &Stmt) -> Checked {
    stmt.exprs().into_iter().try_for_each(|e| expr(program, Some(id), e))?;
    match &stmt.kind {
        StmtKind::Assign(to, _) => place(program, id, to),
        StmtKind::Advance(to, kind) => {
            index(&program.ordinals, *kind)?;
            let fits = *to.ty().unwrap_optional() == Type::Ordinal(*kind);
            ensure(fits, || "advance of something else than its ordinal".to_owned())?;
            place(program, id, to)
        }
        StmtKind::If(c, _, _) => condition(program, Some(id), c),
        StmtKind::Let(slot, _) => index(&program.slots, *slot),
        StmtKind::For(b, _) | StmtKind::Pick(b) => domain(program, b.slot, &b.domain),
    }
}

fn place(program: &Program, id: ProtocolId, place: &Place) -> Checked {
    match place {
        Place::Var(var, keys, _) => element(program, *var, keys),
        Place::RunVar(var, _) => index(&program.protocols[id].vars, *var),
    }
}

fn element(program: &Program, var: VarId, keys: &[Expr]) -> Checked {
    index(&program.vars, var)?;
    let declared = &program.vars[var];
    ensure(declared.keys.len() == keys.len(), || format!("{} has other keys", declared.name))
}

fn domain(program: &Program, slot: SlotId, domain: &Domain) -> Checked {
    index(&program.slots, slot)?;
    match domain {
        Domain::Type(t) => enumerable(program, "a variable", t),
        Domain::Runs(id) => index(&program.protocols, *id),
        Domain::Range(..) | Domain::Set(_) => Ok(()),
    }
}

fn condition(program: &Program, id: Option<ProtocolId>, e: &Expr) -> Checked {
    expr(program, id, e)?;
    ensure(e.ty == Type::Bool, || format!("a condition of type {:?}", e.ty))
}

/// Checks an expression that may read the names of a protocol.
fn expr(program: &Program, id: Option<ProtocolId>, e: &Expr) -> Checked {
    let mut checked = Ok(());
    e.visit(&mut |part| {
        if checked.is_ok() {
            checked = one(program, id, part);
        }
    });
    checked
}

fn one(program: &Program, id: Option<ProtocolId>, e: &Expr) -> Checked {
    use ExprKind as K;
    if let Some(binder) = e.binder() {
        domain(program, binder.slot, &binder.domain)?;
    }
    let p = id.map(|id| &program.protocols[id]);
    let named = |found: Option<bool>| ensure(found == Some(true), || "a name of no run".to_owned());
    match &e.kind {
        K::Slot(slot) | K::Let(slot, _, _) => index(&program.slots, *slot),
        K::Subject(i) => named(p.map(|p| (*i as usize) < p.subjects.len())),
        K::Role(role) => named(p.map(|p| p.roles.get(*role).is_some())),
        K::RunVar(var) => named(p.map(|p| p.vars.get(*var).is_some())),
        K::Var(var, keys) => element(program, *var, keys),
        K::RecordLit(record, fields) => {
            index(&program.records, *record)?;
            ensure(program.records[*record].fields.len() == fields.len(), || {
                "a record with other fields".to_owned()
            })
        }
        K::VariantLit(union, tag, _) => {
            index(&program.unions, *union)?;
            ensure((*tag as usize) < program.unions[*union].variants.len(), || "no such variant".to_owned())
        }
        K::TypeSet(t) => enumerable(program, "a set", t),
        K::Crashed(sort, _) | K::Neighbour(sort, _, _) => index(&program.sorts, *sort),
        K::Connected(_, a, _, b) => index(&program.sorts, *a).and_then(|()| index(&program.sorts, *b)),
        K::RunAt(p, _, step) => step_exists(program, *p, *step),
        K::RunUnfinished(p, _) | K::RunSubject(p, _, _) => index(&program.protocols, *p),
        K::RunRole(p, _, role) => {
            index(&program.protocols, *p).and_then(|()| index(&program.protocols[*p].roles, *role))
        }
        K::RunVarOf(p, _, var) => {
            index(&program.protocols, *p).and_then(|()| index(&program.protocols[*p].vars, *var))
        }
        _ => Ok(()),
    }
}

fn step_exists(program: &Program, id: ProtocolId, step: StepId) -> Checked {
    index(&program.protocols, id)?;
    index(&program.protocols[id].steps, step)
}

fn fault(program: &Program, kind: &FaultKind, budget: Option<u32>) -> Checked {
    match kind {
        FaultKind::Crash { sort, .. } | FaultKind::Skew { sort, .. } => index(&program.sorts, *sort),
        FaultKind::Lose { protocol, step } => step_exists(program, *protocol, *step),
        FaultKind::Partition { from, to } => {
            index(&program.sorts, *from).and_then(|()| index(&program.sorts, *to))
        }
        FaultKind::Duplicate { protocol, step, vars, roles, locals } => {
            ensure(budget.is_some(), || "a duplicate without a budget".to_owned())?;
            step_exists(program, *protocol, *step)?;
            let above = program.protocols[*protocol].parent.map(|p| p.protocol);
            let mine = |p: &ProtocolId| {
                ensure(*p == *protocol || Some(*p) == above, || "a capture from elsewhere".to_owned())
            };
            for (p, var) in vars {
                mine(p).and_then(|()| index(&program.protocols[*p].vars, *var))?;
            }
            for (p, role) in roles {
                mine(p).and_then(|()| index(&program.protocols[*p].roles, *role))?;
            }
            locals.iter().try_for_each(|v| index(&program.vars, *v))
        }
    }
}

fn property(program: &Program, property: &Property) -> Checked {
    if let PropertyKind::Step { at, .. } = &property.kind {
        at.iter().try_for_each(|c| step_exists(program, c.protocol, c.step))?;
    }
    property.binders.iter().try_for_each(|b| domain(program, b.slot, &b.domain))?;
    let name = |e| format!("property {}: {e}", property.name);
    property.exprs().into_iter().try_for_each(|(id, e)| expr(program, id, e)).map_err(name)
}
