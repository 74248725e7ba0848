//! Sequences that grow, shrink and are cut off under conditions, against the oracle: what lies beyond their length must not
//! tell states apart.

mod common;

use arch_ir::testing::{Build, eq, expr, int, lit, lt, not, range, yes};
use arch_ir::{Expr, ExprKind, Program, PropertyKind, RangePolicy, Stmt, StmtKind, Type, Value};

const MAX: u32 = 3;

/// Two queues and a flag, and every way to change one of them.
fn queues() -> Program {
    let mut b = Build::new("queues");
    let (actor, truth) = (b.actor("a", 1), b.truth("T", None));
    let item = range(0, 2, RangePolicy::Report);
    let ty = Type::Seq(Box::new(item.clone()), MAX);
    let (q, r) = (b.attribute(truth, "q", ty.clone()), b.attribute(truth, "r", ty.clone()));
    let flag = b.attribute(truth, "flag", Type::Bool);
    let one = |kind: ExprKind| expr(kind, ty.clone());
    let list = |items: Vec<Expr>| one(ExprKind::SeqLit(items));
    let size = |of: Expr| expr(ExprKind::Size(Box::new(of)), int(0).ty);
    let tail = |of: Expr| one(ExprKind::Tail(Box::new(of)));
    let append = |of: Expr, more: Expr| one(ExprKind::Concat(Box::new(of), Box::new(more)));
    let (get_q, get_r, is) = (b.get(q, vec![]), b.get(r, vec![]), b.get(flag, vec![]));
    let short = lt(size(get_q.clone()), int(i64::from(MAX)));
    for n in 0..3 {
        let more = append(get_q.clone(), list(vec![lit(Value::Int(n), item.clone())]));
        let effect = vec![b.set(q, vec![], more)];
        b.rule(&format!("append_{n}"), actor, short.clone(), effect);
    }
    let choose = |b: &mut Build, yes: Vec<Stmt>, no: Vec<Stmt>| b.stmt(StmtKind::If(is.clone(), yes, no));
    let (empty, rest) = (b.set(q, vec![], list(vec![])), b.set(q, vec![], tail(get_q.clone())));
    let cut_off = choose(&mut b, vec![empty], vec![rest.clone()]);
    b.rule("cut_off", actor, yes(), vec![cut_off]);
    let only_if = choose(&mut b, vec![rest.clone()], vec![]);
    b.rule("perhaps_take", actor, yes(), vec![only_if]);
    let twice = b.set(q, vec![], tail(tail(get_q.clone())));
    b.rule("take_two", actor, yes(), vec![twice]);
    let moved = append(get_r.clone(), get_q.clone());
    let (whole, copied) = (b.set(r, vec![], moved), b.set(r, vec![], get_q));
    let fits = lt(size(get_r), int(1));
    b.rule("move", actor, fits, vec![whole, rest]);
    b.rule("copy", actor, is.clone(), vec![copied]);
    let turn = b.set(flag, vec![], not(is.clone()));
    b.rule("turn", actor, yes(), vec![turn]);
    b.property("flag", PropertyKind::Reachable(eq(is, yes())));
    (b.program.builtin.stuck, b.program.builtin.stranded) = (false, false);
    b.program
}

#[test]
fn sequences_agree_with_the_oracle() {
    let report = common::agree(&queues());
    // Every pair of sequences of up to three items, with and without the flag.
    assert_eq!(report.distinct_states, 2 * 40 * 40);
}
