//! Programs written by hand, without the language: for tests of the interpreter and of engines.
//!
//! [`Build`] declares; the free functions are expressions; [`samples`] are small programs that between them
//! use every construct.

use crate::program::{
    Actor, ArithOp, Binder, Chain, ChainId, CompareOp, Deadline, Domain, Down, Enum, EnumId, Expr, ExprKind,
    Fairness, Fault, FaultId, FaultKind, Handover, Init, IntType, Named, OrdinalId, Outcome, Parent, Place,
    Program, Property, PropertyId, PropertyKind, Protocol, ProtocolId, RangePolicy, Reject, Role, RoleId,
    RunVar, RunVarId, SlotId, Sort, SortId, Step, StepClaim, StepId, Stmt, StmtKind, Subject, Truth, TruthId,
    Type, Var, VarId, VarOwner, Window,
};
use crate::value::Value;
use arch_base::{FileId, Span};

/// A program in the making; every declaration has a span of its own.
#[derive(Debug, Default)]
pub struct Build {
    /// The program so far.
    pub program: Program,
    spans: u32,
}

impl Build {
    /// An empty program without built-in checks of runs.
    #[must_use]
    pub fn new(name: &str) -> Build {
        let mut build = Build::default();
        build.program.name = name.to_owned();
        build
    }

    /// A span that nothing else has.
    pub fn span(&mut self) -> Span {
        self.spans += 1;
        Span::new(FileId(0), self.spans, self.spans + 1)
    }

    /// An actor.
    pub fn actor(&mut self, name: &str, size: u32) -> SortId {
        self.sort(name, size, true)
    }

    /// An id type.
    pub fn id(&mut self, name: &str, size: u32) -> SortId {
        self.sort(name, size, false)
    }

    fn sort(&mut self, name: &str, size: u32, actor: bool) -> SortId {
        let span = self.span();
        let sort = Sort { name: name.to_owned(), size, actor, ring: false, concurrent: false, span };
        self.program.sorts.push(sort)
    }

    /// An enum.
    pub fn enumeration(&mut self, name: &str, constants: &[&str]) -> EnumId {
        let constants = constants.iter().map(|c| (*c).to_owned()).collect();
        let span = self.span();
        self.program.enums.push(Enum { name: name.to_owned(), constants, span })
    }

    /// A kind of ordinal.
    pub fn ordinal(&mut self, name: &str) -> OrdinalId {
        let span = self.span();
        self.program.ordinals.push(Named { name: name.to_owned(), span })
    }

    /// A truth object.
    pub fn truth(&mut self, name: &str, place: Option<SortId>) -> TruthId {
        let span = self.span();
        self.program.truths.push(Truth { name: name.to_owned(), place, ghost: false, span })
    }

    /// An attribute of a truth object without keys, with the default value of its type.
    pub fn attribute(&mut self, truth: TruthId, name: &str, ty: Type) -> VarId {
        self.keyed(truth, name, Vec::new(), ty)
    }

    /// An attribute of a keyed truth object, with the default value of its type.
    pub fn keyed(&mut self, truth: TruthId, name: &str, keys: Vec<Type>, ty: Type) -> VarId {
        let name = format!("{}.{name}", self.program.truths[truth].name);
        self.var(name, VarOwner::Truth(truth), keys, ty)
    }

    /// A local of an actor, with the default value of its type.
    pub fn local(&mut self, sort: SortId, name: &str, ty: Type) -> VarId {
        let name = format!("{}.{name}", self.program.sorts[sort].name);
        self.var(name, VarOwner::Local(sort), vec![Type::Id(sort)], ty)
    }

    fn var(&mut self, name: String, owner: VarOwner, keys: Vec<Type>, ty: Type) -> VarId {
        let span = self.span();
        let value = lit(self.program.default_value(&ty), ty.clone());
        let init = Init::Value { keys: Vec::new(), value };
        self.program.vars.push(Var { name, owner, keys, ty, init, span })
    }

    /// A variable of expressions.
    pub fn slot(&mut self, name: &str) -> SlotId {
        self.program.slots.push(name.to_owned())
    }

    /// A binder over all values of a type.
    pub fn binder(&mut self, name: &str, ty: Type) -> Binder {
        Binder { slot: self.slot(name), domain: Domain::Type(ty), filter: None }
    }

    /// A protocol with a run for each combination of subjects and no steps yet.
    pub fn protocol(&mut self, name: &str, subjects: &[SortId]) -> ProtocolId {
        let subject = |sort: &SortId| Subject { name: self.program.sorts[*sort].name.clone(), sort: *sort };
        let subjects = subjects.iter().map(subject).collect();
        let span = self.span();
        self.program.protocols.push(Protocol {
            name: name.to_owned(),
            subjects,
            copies: 1,
            copies_cut: false,
            parent: None,
            repeats: false,
            daemon: false,
            rule: false,
            roles: Default::default(),
            vars: Default::default(),
            begin: Vec::new(),
            steps: Default::default(),
            chains: Default::default(),
            span,
        })
    }

    /// A rule with one step, acted by the only instance of a sort or by each as subject.
    pub fn rule(&mut self, name: &str, actor: SortId, guard: Expr, effect: Vec<Stmt>) -> ProtocolId {
        let id = self.protocol(name, &[actor]);
        let step = self.step(id, name, Actor::Subject(0), guard, effect);
        self.chain(id, &[step], "done", false);
        self.program.protocols[id].rule = true;
        self.program.protocols[id].repeats = true;
        id
    }

    /// A role of a protocol.
    pub fn role(&mut self, protocol: ProtocolId, name: &str, sort: SortId) -> RoleId {
        let span = self.span();
        self.program.protocols[protocol].roles.push(Role { name: name.to_owned(), sort, span })
    }

    /// A run variable with the default value of its type.
    pub fn run_var(&mut self, protocol: ProtocolId, name: &str, ty: Type) -> RunVarId {
        let span = self.span();
        let init = self.program.default_value(&ty);
        self.program.protocols[protocol].vars.push(RunVar { name: name.to_owned(), ty, init, span })
    }

    /// A step, not in any chain yet.
    pub fn step(
        &mut self,
        protocol: ProtocolId,
        name: &str,
        actor: Actor,
        guard: Expr,
        effect: Vec<Stmt>,
    ) -> StepId {
        let span = self.span();
        let atoms =
            vec![crate::program::Atom { id: format!("{name}#1"), expr: guard.clone(), path: Vec::new() }];
        self.program.protocols[protocol].steps.push(Step {
            name: name.to_owned(),
            actor,
            binds: Vec::new(),
            params: Vec::new(),
            guard,
            atoms,
            lets: Vec::new(),
            effect,
            loops: false,
            reject: None,
            fairness: Fairness::Weak,
            span,
            name_span: span,
        })
    }

    /// A step to be changed.
    pub fn edit(&mut self, protocol: ProtocolId, step: StepId) -> &mut Step {
        &mut self.program.protocols[protocol].steps[step]
    }

    /// The main chain.
    pub fn chain(&mut self, protocol: ProtocolId, steps: &[StepId], word: &str, ends: bool) -> ChainId {
        self.add_chain(protocol, steps, word, ends, None)
    }

    /// A branch that may be taken at positions `from..=to`.
    pub fn branch(
        &mut self,
        protocol: ProtocolId,
        steps: &[StepId],
        (word, ends): (&str, bool),
        (from, to): (u32, u32),
    ) -> ChainId {
        let window = Window { from, to, at_start: false, detached: false };
        self.add_chain(protocol, steps, word, ends, Some(window))
    }

    fn add_chain(
        &mut self,
        protocol: ProtocolId,
        steps: &[StepId],
        word: &str,
        ends: bool,
        window: Option<Window>,
    ) -> ChainId {
        let span = self.span();
        let outcome = Outcome { word: word.to_owned(), ends, then: None };
        self.program.protocols[protocol].chains.push(Chain { steps: steps.to_vec(), outcome, window, span })
    }

    /// A fault.
    pub fn fault(&mut self, kind: FaultKind, budget: Option<u32>) -> FaultId {
        let span = self.span();
        self.program.faults.push(Fault { kind, budget, span })
    }

    /// A property.
    pub fn property(&mut self, name: &str, kind: PropertyKind) -> PropertyId {
        let span = self.span();
        self.program.properties.push(Property {
            name: name.to_owned(),
            binders: Vec::new(),
            kind,
            span,
            quiet: false,
        })
    }

    /// `at STEP: claim`, or `after`.
    pub fn claim(
        &mut self,
        name: &str,
        protocol: ProtocolId,
        step: StepId,
        claim: Expr,
        after: bool,
    ) -> PropertyId {
        self.property(name, PropertyKind::Step { at: vec![StepClaim { protocol, step, claim }], after })
    }

    /// An assignment.
    pub fn set(&mut self, var: VarId, keys: Vec<Expr>, value: Expr) -> Stmt {
        let place = Place::Var(var, keys, self.program.vars[var].ty.clone());
        self.stmt(StmtKind::Assign(place, value))
    }

    /// An assignment to a run variable.
    pub fn set_run_var(&mut self, protocol: ProtocolId, var: RunVarId, value: Expr) -> Stmt {
        let place = Place::RunVar(var, self.program.protocols[protocol].vars[var].ty.clone());
        self.stmt(StmtKind::Assign(place, value))
    }

    /// `advance`
    pub fn advance(&mut self, var: VarId, keys: Vec<Expr>, kind: OrdinalId) -> Stmt {
        let place = Place::Var(var, keys, self.program.vars[var].ty.clone());
        self.stmt(StmtKind::Advance(place, kind))
    }

    /// A statement.
    pub fn stmt(&mut self, kind: StmtKind) -> Stmt {
        Stmt { kind, span: self.span() }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, var: VarId, keys: Vec<Expr>) -> Expr {
        expr(ExprKind::Var(var, keys), self.program.vars[var].ty.clone())
    }

    /// The value of a variable of the run.
    #[must_use]
    pub fn get_run_var(&self, protocol: ProtocolId, var: RunVarId) -> Expr {
        expr(ExprKind::RunVar(var), self.program.protocols[protocol].vars[var].ty.clone())
    }
}

/// An expression.
#[must_use]
pub fn expr(kind: ExprKind, ty: Type) -> Expr {
    Expr { kind, ty, span: Span::default() }
}

/// A constant.
#[must_use]
pub fn lit(value: Value, ty: Type) -> Expr {
    expr(ExprKind::Literal(value), ty)
}

/// `null`
#[must_use]
pub fn null() -> Expr {
    lit(Value::Null, Type::Null)
}

/// An integer.
#[must_use]
pub fn int(n: i64) -> Expr {
    lit(Value::Int(n), range(i64::MIN, i64::MAX, RangePolicy::Report))
}

/// `true`
#[must_use]
pub fn yes() -> Expr {
    Expr::bool(true, Span::default())
}

/// `now + k`
#[must_use]
pub fn now(k: i64) -> Expr {
    expr(ExprKind::Instant(k), Type::Time)
}

/// `self`
#[must_use]
pub fn me(sort: SortId) -> Expr {
    expr(ExprKind::SelfId, Type::Id(sort))
}

/// `old(e)`
#[must_use]
pub fn old(e: Expr) -> Expr {
    let ty = e.ty.clone();
    expr(ExprKind::Old(Box::new(e)), ty)
}

/// A comparison.
#[must_use]
pub fn cmp(op: CompareOp, a: Expr, b: Expr) -> Expr {
    expr(ExprKind::Compare(op, Box::new(a), Box::new(b)), Type::Bool)
}

/// `a = b`
#[must_use]
pub fn eq(a: Expr, b: Expr) -> Expr {
    cmp(CompareOp::Eq, a, b)
}

/// `a < b`
#[must_use]
pub fn lt(a: Expr, b: Expr) -> Expr {
    cmp(CompareOp::Lt, a, b)
}

/// `not a`
#[must_use]
pub fn not(a: Expr) -> Expr {
    expr(ExprKind::Not(Box::new(a)), Type::Bool)
}

/// `a and b …`
#[must_use]
pub fn and(list: Vec<Expr>) -> Expr {
    expr(ExprKind::And(list), Type::Bool)
}

/// `a or b …`
#[must_use]
pub fn or(list: Vec<Expr>) -> Expr {
    expr(ExprKind::Or(list), Type::Bool)
}

/// `a + b`
#[must_use]
pub fn add(a: Expr, b: Expr) -> Expr {
    expr(
        ExprKind::Arith(ArithOp::Add, Box::new(a), Box::new(b)),
        range(i64::MIN, i64::MAX, RangePolicy::Report),
    )
}

/// `lo..hi`
#[must_use]
pub fn range(lo: i64, hi: i64, policy: RangePolicy) -> Type {
    Type::Int(IntType { lo, hi, policy })
}

/// `T?`
#[must_use]
pub fn optional(ty: Type) -> Type {
    Type::Optional(Box::new(ty))
}

/// Programs that between them use every construct.
#[must_use]
pub fn samples() -> Vec<Program> {
    let mut list = vec![
        expiry(0),
        expiry(1),
        lease(),
        ordinals(false),
        ordinals(true),
        assignment(false, false),
        assignment(true, false),
        assignment(false, true),
        branches(),
        detached(),
        compare_and_set(),
        stale_reader(),
        fan_out(),
        requeue(2, false),
        requeue(1, false),
        requeue(1, true),
        resumed(),
        urgent(0),
        urgent(1),
        picks(),
        partitioned(),
        lossy(),
        skewed(),
        any_start(),
    ];
    let policies = [RangePolicy::Report, RangePolicy::Clamp, RangePolicy::Wrap, RangePolicy::Cut];
    list.extend(policies.map(counter));
    list.extend([Down::Instant, Down::Restarts, Down::Stops].map(crashing));
    list
}

/// An expiry that is set again when it has passed; with `k`, that much later.
#[must_use]
pub fn expiry(k: i64) -> Program {
    let mut b = Build::new("expiry");
    let actor = b.actor("a", 1);
    let truth = b.truth("Lease", None);
    let at = b.attribute(truth, "expiry_at", Type::Time);
    let set = b.set(at, vec![], now(2));
    let guard = lt(b.get(at, vec![]), now(k));
    b.rule("set", actor, guard, vec![set]);
    b.program
}

/// Leases with epochs: claim, renew, commit; step down; reclaim after expiry; crash and duplicate.
#[must_use]
pub fn lease() -> Program {
    let mut b = Build::new("lease");
    let epoch = b.ordinal("Epoch");
    let (claimant, reaper) = (b.actor("claimant", 2), b.actor("reaper", 1));
    let (claim, lease) = (b.truth("ClaimState", None), b.truth("LeaseState", None));
    let (owner_epoch, sink) = (b.truth("OwnerEpoch", None), b.truth("SinkState", None));
    let owner = b.attribute(claim, "owner_id", optional(Type::Id(claimant)));
    let expiry = b.attribute(lease, "expiry_at", Type::Time);
    let current = b.attribute(owner_epoch, "current", Type::Ordinal(epoch));
    let accepted = b.attribute(sink, "accepted", Type::Ordinal(epoch));
    let my_epoch = b.local(claimant, "my_epoch", Type::Ordinal(epoch));
    let mine = |b: &Build| b.get(my_epoch, vec![me(claimant)]);
    let expired = |b: &Build| lt(b.get(expiry, vec![]), now(0));
    let fresh = |b: &Build| eq(b.get(current, vec![]), mine(b));

    let main = b.protocol("main", &[claimant]);
    b.program.protocols[main].repeats = true;
    let subject = Actor::Subject(0);
    let guard = or(vec![eq(b.get(owner, vec![]), null()), expired(&b)]);
    let value = b.get(current, vec![]);
    let effect = vec![
        b.set(owner, vec![], me(claimant)),
        b.set(expiry, vec![], now(2)),
        b.advance(current, vec![], epoch),
        b.set(my_epoch, vec![me(claimant)], value),
    ];
    let claim = b.step(main, "claim", subject, guard, effect);
    let (guard, effect) = (fresh(&b), vec![b.set(expiry, vec![], now(2))]);
    let renew = b.step(main, "renew", subject, guard, effect);
    let (guard, value) = (fresh(&b), mine(&b));
    let effect = vec![b.set(accepted, vec![], value), b.set(owner, vec![], null())];
    let commit = b.step(main, "commit", subject, guard, effect);
    let guard = not(fresh(&b));
    let step_down = b.step(main, "step_down", subject, guard, vec![]);
    b.chain(main, &[claim, renew, commit], "done", true);
    b.branch(main, &[step_down], ("retry", false), (1, 2));

    let guard = and(vec![expired(&b), not(eq(b.get(owner, vec![]), null()))]);
    let effect = vec![b.set(owner, vec![], null()), b.advance(current, vec![], epoch)];
    b.rule("reclaim", reaper, guard, effect);
    b.fault(FaultKind::Crash { sort: claimant, down: Down::Instant }, Some(1));
    let kind = FaultKind::Duplicate {
        protocol: main,
        step: commit,
        vars: vec![],
        roles: vec![],
        locals: vec![my_epoch],
    };
    b.fault(kind, Some(1));
    let claimed = cmp(CompareOp::Ge, mine(&b), b.get(accepted, vec![]));
    b.claim("no_zombie", main, commit, claimed, false);
    let value = b.get(current, vec![]);
    b.property("epoch_grows", PropertyKind::Monotonic(value));
    let free = eq(b.get(owner, vec![]), null());
    b.property("rediscovered", PropertyKind::AlwaysPossible(free));
    b.program
}

/// Two ordinals, one advanced, one copied from it; `behind` advances the copy instead.
#[must_use]
pub fn ordinals(behind: bool) -> Program {
    let mut b = Build::new("ordinals");
    let kind = b.ordinal("Version");
    let actor = b.actor("a", 1);
    let truth = b.truth("T", None);
    let x = b.attribute(truth, "x", Type::Ordinal(kind));
    let y = b.attribute(truth, "y", Type::Ordinal(kind));
    let bump = b.advance(x, vec![], kind);
    b.rule("bump", actor, yes(), vec![bump]);
    let value = b.get(x, vec![]);
    let copy = if behind { b.advance(y, vec![], kind) } else { b.set(y, vec![], value) };
    b.rule("copy", actor, yes(), vec![copy]);
    for (name, var) in [("x_grows", x), ("y_grows", y)] {
        let value = b.get(var, vec![]);
        b.property(name, PropertyKind::Monotonic(value));
    }
    b.program
}

/// Two tasks, two workers: a run binds a worker and lets it finish; `twice` repeats the binding.
#[must_use]
pub fn assignment(concurrent: bool, twice: bool) -> Program {
    let mut b = Build::new("assignment");
    let (task, worker) = (b.id("task", 2), b.actor("worker", 2));
    b.program.sorts[worker].concurrent = concurrent;
    let main = b.protocol("main", &[task]);
    b.program.protocols[main].repeats = true;
    let role = b.role(main, "worker", worker);
    let assign = b.step(main, "assign", Actor::Role(role), yes(), vec![]);
    let finish = b.step(main, "finish", Actor::Role(role), yes(), vec![]);
    b.edit(main, assign).binds = vec![role];
    if twice {
        b.edit(main, finish).binds = vec![role];
    }
    b.chain(main, &[assign, finish], "done", true);
    b.program
}

/// `a -> loop l -> c -> e => done`, with a branch `d` at c only.
#[must_use]
pub fn branches() -> Program {
    let mut b = Build::new("branches");
    let actor = b.actor("p", 1);
    let main = b.protocol("main", &[actor]);
    let steps: Vec<StepId> =
        ["a", "l", "c", "e", "d"].iter().map(|n| b.step(main, n, Actor::Subject(0), yes(), vec![])).collect();
    b.edit(main, steps[1]).loops = true;
    b.chain(main, &steps[..4], "done", true);
    b.branch(main, &steps[4..], ("gone", true), (2, 2));
    b.program
}

/// A detached branch that assigns a run variable.
#[must_use]
pub fn detached() -> Program {
    let mut b = Build::new("detached");
    let actor = b.actor("p", 1);
    let main = b.protocol("main", &[actor]);
    let seen = b.run_var(main, "seen", Type::Bool);
    let given = b.run_var(main, "given", Type::Bool);
    let start = b.step(main, "start", Actor::Subject(0), yes(), vec![]);
    let value = b.get_run_var(main, given);
    let note = vec![b.set_run_var(main, seen, value)];
    let note = b.step(main, "note", Actor::Subject(0), yes(), note);
    b.edit(main, note).params = vec![given];
    let guard = b.get_run_var(main, seen);
    let stop = b.step(main, "stop", Actor::Subject(0), guard, vec![]);
    b.chain(main, &[start, stop], "done", true);
    let branch = b.branch(main, &[note], ("noted", false), (1, 1));
    if let Some(window) = &mut b.program.protocols[main].chains[branch].window {
        window.detached = true;
    }
    b.program
}

/// Two clients that read a version and write if it is still there, else retry.
#[must_use]
pub fn compare_and_set() -> Program {
    let mut b = Build::new("compare_and_set");
    let kind = b.ordinal("Version");
    let client = b.actor("client", 2);
    let truth = b.truth("KeyState", None);
    let version = b.attribute(truth, "version", Type::Ordinal(kind));
    let main = b.protocol("main", &[client]);
    let expected = b.run_var(main, "expected", Type::Ordinal(kind));
    let read = b.get(version, vec![]);
    b.program.protocols[main].begin = vec![(expected, read)];
    let guard = eq(b.get(version, vec![]), b.get_run_var(main, expected));
    let put = vec![b.advance(version, vec![], kind)];
    let put = b.step(main, "put", Actor::Subject(0), guard, put);
    let span = b.span();
    let outcome = Outcome { word: "retry".to_owned(), ends: false, then: None };
    b.edit(main, put).reject = Some(Reject { outcome, effect: vec![], span });
    b.chain(main, &[put], "done", true);
    let grows = cmp(CompareOp::Gt, b.get(version, vec![]), old(b.get(version, vec![])));
    b.claim("grows", main, put, grows, true);
    b.program
}

/// An ordinal that is set back before it is advanced: what `old` reads must count as alive.
#[must_use]
pub fn stale_reader() -> Program {
    let mut b = Build::new("stale_reader");
    let kind = b.ordinal("Version");
    let actor = b.actor("a", 1);
    let truth = b.truth("T", None);
    let x = b.attribute(truth, "x", Type::Ordinal(kind));
    let base = b.attribute(truth, "base", Type::Ordinal(kind));
    let bump = b.advance(x, vec![], kind);
    b.rule("bump", actor, yes(), vec![bump]);
    let value = b.get(base, vec![]);
    let reset = vec![b.set(x, vec![], value), b.advance(x, vec![], kind)];
    b.rule("reset", actor, yes(), reset);
    let value = b.get(x, vec![]);
    b.property("x_grows", PropertyKind::Monotonic(value));
    b.program.builtin.advances = false;
    b.program
}

/// A job that every task of it has to go through two steps for, by any worker, before it can close; workers crash,
/// a job can be cancelled in between, and what the job read at its start is what its tasks compare with.
#[must_use]
pub fn fan_out() -> Program {
    let mut b = Build::new("fan_out");
    let (task, worker, client) = (b.id("task", 2), b.actor("worker", 2), b.actor("client", 1));
    let truth = b.truth("Job", None);
    let wanted = b.attribute(truth, "wanted", Type::Bool);
    let done = b.attribute(truth, "done", range(0, 3, RangePolicy::Wrap));
    let main = b.protocol("main", &[client]);
    b.program.protocols[main].repeats = true;
    let seen = b.run_var(main, "seen", Type::Bool);
    let open = b.step(main, "open", Actor::Subject(0), yes(), vec![]);
    let value = b.get(wanted, vec![]);
    b.edit(main, open).lets = vec![(seen, value)];
    let close = b.step(main, "close", Actor::Subject(0), yes(), vec![]);
    b.chain(main, &[open, close], "done", true);
    let cancel = b.step(main, "cancel", Actor::Subject(0), yes(), vec![]);
    b.branch(main, &[cancel], ("cancelled", false), (1, 1));
    let tasks = b.protocol("main.tasks", &[client, task]);
    b.program.protocols[tasks].parent = Some(Parent { protocol: main, position: 1 });
    let role = b.role(tasks, "worker", worker);
    let parent = expr(ExprKind::ParentRun, Type::Run(main));
    let guard = expr(ExprKind::RunVarOf(main, Box::new(parent), seen), Type::Bool);
    let guard = eq(guard, b.get(wanted, vec![]));
    let take = b.step(tasks, "take", Actor::Role(role), guard, vec![]);
    b.edit(tasks, take).binds = vec![role];
    let more = add(b.get(done, vec![]), int(1));
    let set = vec![b.set(done, vec![], more)];
    let finish = b.step(tasks, "finish", Actor::Role(role), yes(), set);
    b.chain(tasks, &[take, finish], "done", true);
    let other = not(b.get(wanted, vec![]));
    let set = vec![b.set(wanted, vec![], other)];
    b.rule("change", client, yes(), set);
    b.fault(FaultKind::Crash { sort: worker, down: Down::Instant }, Some(1));
    let two = expr(ExprKind::Arith(ArithOp::Mod, Box::new(b.get(done, vec![])), Box::new(int(2))), int(0).ty);
    let all = eq(two, int(0));
    b.claim("whole", main, close, all, false);
    b.program
}

/// A task's run can be given up while it lives on; its successor is a further copy.
#[must_use]
pub fn requeue(copies: u32, cut: bool) -> Program {
    let mut b = Build::new("requeue");
    let (task, worker) = (b.id("task", 1), b.actor("worker", 2));
    let main = b.protocol("main", &[task]);
    b.program.protocols[main].copies = copies;
    b.program.protocols[main].copies_cut = cut;
    let role = b.role(main, "worker", worker);
    let launch = b.step(main, "launch", Actor::Role(role), yes(), vec![]);
    b.edit(main, launch).binds = vec![role];
    let run = b.step(main, "run", Actor::Role(role), yes(), vec![]);
    b.chain(main, &[launch, run], "done", true);
    let monitor = b.actor("monitor", 1);
    let expire = b.protocol("expire", &[task]);
    let role = b.role(expire, "monitor", monitor);
    let suspect = b.step(expire, "suspect", Actor::Role(role), yes(), vec![]);
    b.edit(expire, suspect).binds = vec![role];
    let chain = b.chain(expire, &[suspect], "requeue", true);
    let subject = expr(ExprKind::Subject(0), Type::Id(task));
    b.program.protocols[expire].chains[chain].outcome.then = Some(Handover {
        protocol: main,
        position: 0,
        starts: true,
        subjects: vec![subject],
        unbinds: vec![],
    });
    b.program
}

/// A task's run is moved back to its first step, wherever it is.
#[must_use]
pub fn resumed() -> Program {
    let mut program = requeue(1, false);
    program.name = "resumed".to_owned();
    let expire = &mut program.protocols[ProtocolId(1)];
    expire.repeats = true;
    if let Some(handover) = &mut expire.chains[ChainId(0)].outcome.then {
        handover.starts = false;
        handover.unbinds = vec![RoleId(0)];
    }
    program
}

/// A step that must happen within so many ticks of being enabled.
#[must_use]
pub fn urgent(within: u32) -> Program {
    let mut b = Build::new("urgent");
    let actor = b.actor("a", 1);
    let truth = b.truth("Lease", None);
    let at = b.attribute(truth, "expiry_at", Type::Time);
    let main = b.protocol("main", &[actor]);
    b.program.protocols[main].repeats = true;
    let set = vec![b.set(at, vec![], now(1))];
    let grant = b.step(main, "grant", Actor::Subject(0), yes(), set);
    let expired = cmp(CompareOp::Le, b.get(at, vec![]), now(0));
    let expire = b.step(main, "expire", Actor::Subject(0), expired, vec![]);
    b.chain(main, &[grant, expire], "done", true);
    let span = b.span();
    b.program.deadlines.push(Deadline { protocol: main, step: expire, within, span });
    let late = cmp(CompareOp::Gt, b.get(at, vec![]), now(-2));
    b.claim("in_time", main, expire, late, false);
    b.program
}

/// An effect that picks, loops and branches.
#[must_use]
pub fn picks() -> Program {
    let mut b = Build::new("picks");
    let result = b.enumeration("Result", &["OK", "AMBIGUOUS", "FAILED"]);
    let (actor, node) = (b.actor("a", 1), b.id("node", 2));
    let truth = b.truth("T", None);
    let last = b.attribute(truth, "last", Type::Enum(result));
    let marks = b.keyed(truth, "marks", vec![Type::Id(node)], range(0, 2, RangePolicy::Clamp));
    let pick = b.binder("r", Type::Enum(result));
    let picked = expr(ExprKind::Slot(pick.slot), Type::Enum(result));
    let each = b.binder("n", Type::Id(node));
    let key = || expr(ExprKind::Slot(each.slot), Type::Id(node));
    let more = add(b.get(marks, vec![key()]), int(1));
    let mark = b.set(marks, vec![key()], more);
    let every = b.stmt(StmtKind::For(each.clone(), vec![mark]));
    let ok = eq(picked.clone(), lit(Value::Enum(0), Type::Enum(result)));
    let branch = b.stmt(StmtKind::If(ok, vec![every], vec![]));
    let effect = vec![b.stmt(StmtKind::Pick(pick)), b.set(last, vec![], picked), branch];
    b.rule("call", actor, yes(), effect);
    b.program
}

/// A client whose step reads truth at a server that it can be cut off from.
#[must_use]
pub fn partitioned() -> Program {
    let mut b = Build::new("partitioned");
    let (client, server) = (b.actor("client", 2), b.actor("server", 1));
    let truth = b.truth("S", Some(server));
    let on = b.attribute(truth, "on", Type::Bool);
    let toggle = not(b.get(on, vec![]));
    let toggle = b.set(on, vec![], toggle);
    b.rule("toggle", client, yes(), vec![toggle]);
    b.fault(FaultKind::Partition { from: client, to: server }, Some(1));
    b.program
}

/// A hand-off that can be lost, and whose receiver can be rescued by nobody.
#[must_use]
pub fn lossy() -> Program {
    let mut b = Build::new("lossy");
    let (task, worker) = (b.id("task", 1), b.actor("worker", 2));
    let main = b.protocol("main", &[task]);
    let role = b.role(main, "worker", worker);
    let send = b.step(main, "send", Actor::Role(role), yes(), vec![]);
    b.edit(main, send).binds = vec![role];
    let receive = b.step(main, "receive", Actor::Role(role), yes(), vec![]);
    b.chain(main, &[send, receive], "done", true);
    b.fault(FaultKind::Lose { protocol: main, step: receive }, None);
    b.program
}

/// An expiry written by one clock and read by others.
#[must_use]
pub fn skewed() -> Program {
    let mut program = expiry(0);
    program.name = "skewed".to_owned();
    program.sorts[SortId(0)].size = 2;
    let kind = FaultKind::Skew { sort: SortId(0), by: 1 };
    program.faults.push(Fault { kind, budget: None, span: Span::default() });
    program
}

/// A variable for each node that starts anyhow, and properties of all of them.
#[must_use]
pub fn any_start() -> Program {
    let mut b = Build::new("any_start");
    let node = b.actor("node", 2);
    let level = b.local(node, "level", range(0, 2, RangePolicy::Report));
    b.program.vars[level].init = Init::Any;
    let at = |b: &Build, e: Expr| b.get(level, vec![e]);
    let down = add(at(&b, me(node)), int(-1));
    let guard = lt(int(0), at(&b, me(node)));
    let down = b.set(level, vec![me(node)], down);
    b.rule("sink", node, guard, vec![down]);
    for (name, reachable) in [("top", true), ("bottom", false)] {
        let binder = b.binder("n", Type::Id(node));
        let n = expr(ExprKind::Slot(binder.slot), Type::Id(node));
        let claim = eq(at(&b, n), int(if reachable { 2 } else { 0 }));
        let kind =
            if reachable { PropertyKind::Reachable(claim) } else { PropertyKind::AlwaysPossible(claim) };
        let id = b.property(name, kind);
        b.program.properties[id].binders = vec![binder];
    }
    b.program
}

/// A counter of `0..2` that is incremented for ever.
#[must_use]
pub fn counter(policy: RangePolicy) -> Program {
    let mut b = Build::new("counter");
    let actor = b.actor("a", 1);
    let truth = b.truth("T", None);
    let n = b.attribute(truth, "n", range(0, 2, policy));
    let more = add(b.get(n, vec![]), int(1));
    let more = b.set(n, vec![], more);
    b.rule("inc", actor, yes(), vec![more]);
    let small = lt(b.get(n, vec![]), int(3));
    b.property("small", PropertyKind::Always(small));
    b.program
}

/// A worker that takes a task, remembers it and may crash.
#[must_use]
pub fn crashing(down: Down) -> Program {
    let mut b = Build::new("crashing");
    let (task, worker) = (b.id("task", 1), b.actor("worker", 1));
    let busy = b.local(worker, "busy", Type::Bool);
    let main = b.protocol("main", &[task]);
    let role = b.role(main, "worker", worker);
    let set = vec![b.set(busy, vec![me(worker)], yes())];
    let take = b.step(main, "take", Actor::Role(role), yes(), set);
    b.edit(main, take).binds = vec![role];
    let set = vec![b.set(busy, vec![me(worker)], Expr::bool(false, Span::default()))];
    let finish = b.step(main, "finish", Actor::Role(role), yes(), set);
    b.chain(main, &[take, finish], "done", true);
    b.fault(FaultKind::Crash { sort: worker, down }, Some(1));
    b.program
}
