//! Two-phase commit with a message set, written by hand: as many states as its TLA+ version has.

mod common;

use arch_ir::testing::{Build, add, cmp, eq, expr, lit, me, yes};
use arch_ir::{
    CompareOp, Domain, Expr, ExprKind, Field, Program, PropertyKind, Record, RecordId, SetOp, SortId, Stmt,
    Type, Value, VarId,
};

/// Kinds of message.
const PREPARED: u32 = 0;
const COMMIT: u32 = 1;
const ABORT: u32 = 2;

struct Model {
    b: Build,
    rm: SortId,
    state: VarId,
    tm: VarId,
    prepared: VarId,
    messages: VarId,
    status: Type,
    phase: Type,
    message: Type,
}

fn model(size: u32) -> Model {
    let mut b = Build::new("two_phase_commit");
    let rm = b.actor("rm", size);
    let status = Type::Enum(b.enumeration("Status", &["WORKING", "PREPARED", "COMMITTED", "ABORTED"]));
    let phase = Type::Enum(b.enumeration("Phase", &["INIT", "COMMITTED", "ABORTED"]));
    let kind = Type::Enum(b.enumeration("Kind", &["PREPARED", "COMMIT", "ABORT"]));
    let span = b.span();
    let field = |name: &str, ty: Type| Field { name: name.to_owned(), ty };
    // Commit and Abort come from the manager: their sender is null.
    let fields = vec![field("kind", kind), field("sender", Type::Optional(Box::new(Type::Id(rm))))];
    b.program.records.push(Record { name: "Message".to_owned(), fields, span });
    let message = Type::Record(RecordId(0));
    let truth = b.truth("T", None);
    let state = b.local(rm, "state", status.clone());
    let tm = b.attribute(truth, "tm", phase.clone());
    let prepared = b.attribute(truth, "prepared", Type::Set(Box::new(Type::Id(rm)), None));
    let messages = b.attribute(truth, "messages", Type::Set(Box::new(message.clone()), None));
    Model { b, rm, state, tm, prepared, messages, status, phase, message }
}

impl Model {
    fn record(&self, kind: u32, sender: Expr) -> Expr {
        let kind = lit(Value::Enum(kind), Type::Enum(arch_ir::EnumId(2)));
        expr(ExprKind::RecordLit(RecordId(0), vec![kind, sender]), self.message.clone())
    }

    fn by_manager(&self, kind: u32) -> Expr {
        self.record(kind, arch_ir::testing::null())
    }

    fn sent(&self, message: Expr) -> Expr {
        expr(ExprKind::In(Box::new(message), Box::new(self.b.get(self.messages, vec![]))), Type::Bool)
    }

    fn add_to(&mut self, set: VarId, element: Expr) -> Stmt {
        let ty = self.b.program.vars[set].ty.clone();
        let one = expr(ExprKind::SetLit(vec![element]), ty.clone());
        let both = ExprKind::SetOp(SetOp::Union, Box::new(self.b.get(set, vec![])), Box::new(one));
        self.b.set(set, vec![], expr(both, ty))
    }

    fn my_state(&self) -> Expr {
        self.b.get(self.state, vec![me(self.rm)])
    }

    fn status(&self, n: u32) -> Expr {
        lit(Value::Enum(n), self.status.clone())
    }

    fn phase(&self, n: u32) -> Expr {
        lit(Value::Enum(n), self.phase.clone())
    }

    fn in_phase(&self, n: u32) -> Expr {
        eq(self.b.get(self.tm, vec![]), self.phase(n))
    }

    fn move_to(&mut self, n: u32) -> Stmt {
        let status = self.status(n);
        self.b.set(self.state, vec![me(self.rm)], status)
    }

    fn manager(&mut self) {
        let manager = self.b.actor("manager", 1);
        let all = expr(ExprKind::TypeSet(Type::Id(self.rm)), Type::Set(Box::new(Type::Id(self.rm)), None));
        let guard = arch_ir::testing::and(vec![self.in_phase(0), eq(self.b.get(self.prepared, vec![]), all)]);
        for (name, guard, phase, kind) in
            [("commit", guard, 1, COMMIT), ("abort", self.in_phase(0), 2, ABORT)]
        {
            let (to, message) = (self.phase(phase), self.by_manager(kind));
            let effect = vec![self.b.set(self.tm, vec![], to), self.add_to(self.messages, message)];
            self.b.rule(name, manager, guard, effect);
        }
    }

    fn resource_managers(&mut self) {
        let rm = self.rm;
        let mine = self.record(PREPARED, me(rm));
        let guard = arch_ir::testing::and(vec![self.in_phase(0), self.sent(mine.clone())]);
        let effect = vec![self.add_to(self.prepared, me(rm))];
        self.b.rule("receive_prepared", rm, guard, effect);
        let guard = eq(self.my_state(), self.status(0));
        let effect = vec![self.move_to(1), self.add_to(self.messages, mine)];
        self.b.rule("prepare", rm, guard.clone(), effect);
        let effect = vec![self.move_to(3)];
        self.b.rule("choose_to_abort", rm, guard, effect);
        for (name, kind, status) in [("receive_commit", COMMIT, 2), ("receive_abort", ABORT, 3)] {
            let guard = self.sent(self.by_manager(kind));
            let effect = vec![self.move_to(status)];
            self.b.rule(name, rm, guard, effect);
        }
    }

    fn consistent(&mut self) {
        let (rm, state) = (self.rm, self.state);
        let count = |m: &mut Model, n: u32| {
            let mut binder = m.b.binder("r", Type::Id(rm));
            let key = expr(ExprKind::Slot(binder.slot), Type::Id(rm));
            let is = eq(m.b.get(state, vec![key]), m.status(n));
            binder.domain = Domain::Type(Type::Id(rm));
            binder.filter = Some(Box::new(is));
            expr(ExprKind::Count(binder), arch_ir::testing::int(0).ty)
        };
        let (committed, aborted) = (count(self, 2), count(self, 3));
        let zero = || arch_ir::testing::int(0);
        let none = arch_ir::testing::or(vec![eq(committed, zero()), eq(aborted, zero())]);
        self.b.property("consistent", PropertyKind::Always(none));
        let (prepared, one) = (count(self, 1), add(zero(), arch_ir::testing::int(1)));
        let some = cmp(CompareOp::Ge, prepared, one);
        self.b.property("prepares", PropertyKind::Reachable(some));
        self.b.property("true", PropertyKind::Always(yes()));
    }
}

fn two_phase_commit(size: u32) -> Program {
    let mut model = model(size);
    model.manager();
    model.resource_managers();
    model.consistent();
    model.b.program.builtin.stuck = false;
    model.b.program.builtin.stranded = false;
    model.b.program
}

#[test]
fn three_resource_managers_agree_with_the_oracle() {
    let report = common::agree(&two_phase_commit(3));
    assert_eq!(report.distinct_states, 288);
}

#[test]
fn the_counts_of_tla() {
    for (size, states) in [(3, 288), (5, 8_832)] {
        let program = two_phase_commit(size);
        let report = common::checked(&program, &common::machine(&program), 2);
        assert_eq!(report.distinct_states, states);
        assert_eq!(common::verdict(&report, "consistent"), arch_ir::report::PropertyVerdict::Holds);
    }
}

#[test]
fn seven_resource_managers() {
    let program = two_phase_commit(7);
    let machine = common::machine(&program);
    let start = std::time::Instant::now();
    let report = common::checked(&program, &machine, 1);
    println!("{} bits, {} actions, {:?}", machine.bits(), machine.actions(), start.elapsed());
    assert_eq!((report.distinct_states, report.transitions), (296_448, 2_744_705));
}
