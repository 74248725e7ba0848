//! Floors and ceilings of instants.

use arch_ir::testing::{self, Build, cmp, expr, now};
use arch_ir::time::{TimeClass, TimeClasses};
use arch_ir::{CompareOp, Expr, ExprKind, FaultKind, Program, PropertyKind, StmtKind, Type, VarId};

fn class(floor: i64, ceiling: i64) -> TimeClass {
    TimeClass { floor: Some(floor), ceiling }
}

/// One instant, set to now + 2, compared so.
fn compared(op: CompareOp, k: i64, flipped: bool) -> TimeClass {
    let mut b = Build::new("t");
    let actor = b.actor("a", 1);
    let truth = b.truth("T", None);
    let x = b.attribute(truth, "x", Type::Time);
    let (left, right) = (b.get(x, vec![]), now(k));
    let guard = if flipped { cmp(op, right, left) } else { cmp(op, left, right) };
    let set = b.set(x, vec![], now(2));
    b.rule("set", actor, guard, vec![set]);
    TimeClasses::of(&b.program).var(x)
}

#[test]
fn each_operator_has_its_floor() {
    for op in [CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Ge] {
        assert_eq!(compared(op, 1, false), class(0, 2));
    }
    for op in [CompareOp::Le, CompareOp::Gt] {
        assert_eq!(compared(op, 1, false), class(1, 2));
    }
    assert_eq!(compared(CompareOp::Lt, 1, true), class(1, 2));
    assert_eq!(compared(CompareOp::Le, 1, true), class(0, 2));
    // A comparison with something far off: the ceiling is not below the floor.
    assert_eq!(compared(CompareOp::Le, 5, false), class(5, 5));
}

/// x := now + 3; y := x; z is never compared; the expression compares y.
fn copied(compare: impl Fn(&mut Build, Expr) -> Expr) -> (Program, [VarId; 3]) {
    let mut b = Build::new("t");
    let actor = b.actor("a", 1);
    let truth = b.truth("T", None);
    let vars = ["x", "y", "z"].map(|name| b.attribute(truth, name, Type::Time));
    let [x, y, z] = vars;
    let set = vec![b.set(x, vec![], now(3)), b.set(z, vec![], now(1))];
    b.rule("set", actor, testing::yes(), set);
    let slot = b.slot("t");
    let read = b.get(x, vec![]);
    let bound = b.stmt(StmtKind::Let(slot, read));
    let copy = b.set(y, vec![], expr(ExprKind::Slot(slot), Type::Time));
    b.rule("copy", actor, testing::yes(), vec![bound, copy]);
    let y_read = b.get(y, vec![]);
    let claim = compare(&mut b, y_read);
    b.property("claim", PropertyKind::Always(claim));
    (b.program, vars)
}

#[test]
fn copies_carry_floors_back_and_ceilings_on() {
    let (program, [x, y, z]) = copied(|_, y| cmp(CompareOp::Le, y, now(-1)));
    let classes = TimeClasses::of(&program);
    assert_eq!(classes.var(x), class(-1, 3));
    assert_eq!(classes.var(y), class(-1, 3));
    assert_eq!(classes.var(z), TimeClass { floor: None, ceiling: 0 });
    assert_eq!(classes.var(z).saturate(7), 0);
    assert_eq!(classes.var(x).saturate(-5), -1);
}

#[test]
fn parameters_of_definitions_are_followed() {
    // let a = now + 2 in let b = y in (if … then b else b) < a
    let (program, [x, ..]) = copied(|b, y| {
        let (a, c) = (b.slot("a"), b.slot("c"));
        let read = |slot| expr(ExprKind::Slot(slot), Type::Time);
        let either = ExprKind::If(Box::new(testing::yes()), Box::new(read(c)), Box::new(read(c)));
        let less = cmp(CompareOp::Lt, expr(either, Type::Time), read(a));
        let inner = expr(ExprKind::Let(c, Box::new(y), Box::new(less)), Type::Bool);
        expr(ExprKind::Let(a, Box::new(now(2)), Box::new(inner)), Type::Bool)
    });
    assert_eq!(TimeClasses::of(&program).var(x), class(1, 3));
}

#[test]
fn skew_widens_both_ends() {
    let mut program = testing::skewed();
    assert_eq!(TimeClasses::of(&program).var(VarId(0)), class(-2, 3));
    if let FaultKind::Skew { by, .. } = &mut program.faults[arch_ir::FaultId(0)].kind {
        *by = 4;
    }
    assert_eq!(TimeClasses::of(&program).var(VarId(0)), class(-5, 6));
}
