//! What a service's world leaves open: which instances there are.
//!
//! A model has a fixed list of instances of every actor and id type, a service has whoever shows up. Where no step asks for all
//! of them, and nothing tells them apart, their names do not matter: an event then has a small world of its own.

use crate::operation::RunsRead;
use arch_ir::symmetry::{Breaker, Symmetry, sorts_in};
use arch_ir::{Binder, Domain, Expr, ExprKind, Program, ProtocolId, SortId, StmtKind, Type};
use std::collections::BTreeSet;

/// How the instances of a sort are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Openness {
    /// Whoever shows up.
    Open,
    /// Whoever shows up; but the spec names the first so many.
    Named(u32),
    /// A list that is known: a step asks for all of them.
    Closed,
}

/// How the instances of every sort are known.
pub fn openness(program: &Program) -> Vec<Openness> {
    let closed = asked_for(program);
    // With one instance, nothing can tell it from another: ask with two.
    let mut several = program.clone();
    several.sorts.iter_mut().for_each(|s| s.size = s.size.max(2));
    let broken = Symmetry::of(&several).broken;
    let breaker = |sort: SortId| broken.iter().find(|b| b.sort == sort).map(|b| b.by);
    let of = |(id, sort): (SortId, &arch_ir::Sort)| match breaker(id) {
        _ if closed.contains(&id) => Openness::Closed,
        None => Openness::Open,
        Some(Breaker::Start | Breaker::Constant) => Openness::Named(sort.size),
        Some(_) => Openness::Closed,
    };
    program.sorts.iter_enumerated().map(of).collect()
}

/// The sorts all of whose instances some step asks for.
fn asked_for(program: &Program) -> BTreeSet<SortId> {
    let mut found = BTreeSet::new();
    let mut in_expr = |e: &Expr| e.visit(&mut |e| found.extend(quantified(program, e)));
    for protocol in &program.protocols {
        protocol.begin.iter().for_each(|(_, e)| in_expr(e));
        for step in &protocol.steps {
            in_expr(&step.guard);
            step.lets.iter().for_each(|(_, e)| in_expr(e));
            step.effects().for_each(|s| s.visit(&mut |s| s.exprs().into_iter().for_each(&mut in_expr)));
        }
    }
    // All sub-runs of a run are asked for when they are joined.
    for protocol in program.protocols.iter().filter(|p| p.parent.is_some()) {
        let keys = protocol.subjects.iter().skip(program.inherited_subjects(protocol));
        found.extend(keys.map(|s| s.sort));
    }
    for stmt in program.protocols.iter().flat_map(|p| &p.steps).flat_map(|s| s.effects()) {
        stmt.visit(&mut |s| {
            if let StmtKind::For(Binder { domain: Domain::Type(ty), .. }, _) = &s.kind {
                found.extend(sorts_in(program, ty));
            }
        });
    }
    let maps = program
        .vars
        .iter()
        .map(|v| &v.ty)
        .chain(program.protocols.iter().flat_map(|p| p.vars.iter().map(|v| &v.ty)));
    for ty in maps {
        program.holds(ty, &|t| matches!(t, Type::Map(key, _) if sorts_in(program, key).next().is_some()));
        keys_of_maps(program, ty, &mut found);
    }
    found
}

fn keys_of_maps(program: &Program, ty: &Type, found: &mut BTreeSet<SortId>) {
    match ty {
        Type::Map(key, value) => {
            found.extend(sorts_in(program, key));
            keys_of_maps(program, value, found);
        }
        Type::Optional(of) | Type::Set(of, _) | Type::Seq(of, _) => keys_of_maps(program, of, found),
        _ => {}
    }
}

/// The sorts that an expression (not those in it) ranges over.
fn quantified(program: &Program, e: &Expr) -> Vec<SortId> {
    let all = |ty: &Type| sorts_in(program, ty).collect::<Vec<_>>();
    match (&e.kind, e.binder().map(|b| (b, &b.domain))) {
        (ExprKind::TypeSet(ty), _) | (_, Some((_, Domain::Type(ty)))) => all(ty),
        (ExprKind::MapAll(_), _) => match &e.ty {
            Type::Map(key, _) => all(key),
            _ => Vec::new(),
        },
        (_, Some((binder, Domain::Runs(id)))) if !binder.is_about_unfinished(*id) => {
            program.protocols[*id].subjects.iter().map(|s| s.sort).collect()
        }
        _ => Vec::new(),
    }
}

/// Which runs a quantifier looks at.
pub fn runs_read(program: &Program, protocol: ProtocolId, binder: &Binder) -> RunsRead {
    let mine = |r: &Expr| matches!(r.kind, ExprKind::Slot(slot) if slot == binder.slot);
    let parts = binder.filter.as_deref().map(Expr::conjuncts).unwrap_or_default();
    let subject = |e: &Expr| matches!(&e.kind, ExprKind::RunSubject(_, r, _) if mine(r));
    let known = |e: &Expr| matches!(e.kind, ExprKind::Subject(_) | ExprKind::SelfId | ExprKind::Role(_));
    let mentioning = parts.iter().any(|c| match &c.kind {
        ExprKind::Compare(arch_ir::CompareOp::Eq, a, b) => {
            (subject(a) && known(b)) || (known(a) && subject(b))
        }
        _ => false,
    });
    let subjects = || program.protocols[protocol].subjects.iter().map(|s| s.sort).collect();
    RunsRead {
        protocol,
        unfinished: binder.is_about_unfinished(protocol),
        mentioning: mentioning.then(subjects),
    }
}
