//! What a program is: typed data with spans, produced by `sema`, read by every back end.

use crate::value::Value;
use arch_base::{IndexVec, Span, define_index};

define_index! {
    /// An actor or id type.
    pub struct SortId;
    /// An enum, declared, inline or `tri`.
    pub struct EnumId;
    /// A record type.
    pub struct RecordId;
    /// A tagged union.
    pub struct UnionId;
    /// A kind of ordinal.
    pub struct OrdinalId;
    /// A truth object.
    pub struct TruthId;
    /// A stored attribute of a truth object, or a local of an actor.
    pub struct VarId;
    /// A protocol.
    pub struct ProtocolId;
    /// A role in one protocol.
    pub struct RoleId;
    /// A run variable of one protocol.
    pub struct RunVarId;
    /// A step of one protocol.
    pub struct StepId;
    /// A chain of one protocol; 0 is the main chain, the others are branches.
    pub struct ChainId;
    /// A fault.
    pub struct FaultId;
    /// A property.
    pub struct PropertyId;
    /// A variable of an expression or effect: quantified, `let`, `pick`. Unique in the program.
    pub struct SlotId;
}

/// A whole program: one spec with one choice of constants.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// `I02`, or the file's stem.
    pub name: String,
    /// Actors and id types.
    pub sorts: IndexVec<SortId, Sort>,
    /// Enums.
    pub enums: IndexVec<EnumId, Enum>,
    /// Records.
    pub records: IndexVec<RecordId, Record>,
    /// Tagged unions.
    pub unions: IndexVec<UnionId, Union>,
    /// Kinds of ordinal.
    pub ordinals: IndexVec<OrdinalId, Named>,
    /// Truth objects, for names and places; their attributes are in `vars`.
    pub truths: IndexVec<TruthId, Truth>,
    /// Stored attributes and locals.
    pub vars: IndexVec<VarId, Var>,
    /// Protocols; each step of a `rules` block is one of its own.
    pub protocols: IndexVec<ProtocolId, Protocol>,
    /// Faults, in order.
    pub faults: IndexVec<FaultId, Fault>,
    /// Upper bounds on when steps happen.
    pub deadlines: Vec<Deadline>,
    /// Properties, in order.
    pub properties: IndexVec<PropertyId, Property>,
    /// Built-in checks that are on.
    pub builtin: Builtin,
    /// Names of slots, for display.
    pub slots: IndexVec<SlotId, String>,
    /// The slots of `ghost pick`s: what happens outside, which no service is told.
    pub ghost_picks: std::collections::BTreeSet<SlotId>,
    /// Guards and other declarations that engines need not know.
    pub expectations: Vec<Expected>,
    /// Warnings that the spec accepts.
    pub accepted: Vec<Accepted>,
}

/// A name with the place of its declaration.
#[derive(Clone, PartialEq, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where it is declared.
    pub span: Span,
}

/// An actor or id type: a finite set of instances.
#[derive(Clone, Debug)]
pub struct Sort {
    /// Its name.
    pub name: String,
    /// How many instances; at least one.
    pub size: u32,
    /// Whether it is an actor (an id type otherwise).
    pub actor: bool,
    /// Whether `next` and `prev` are defined.
    pub ring: bool,
    /// Whether an instance may take part in several unfinished runs of one protocol.
    pub concurrent: bool,
    /// Where it is declared.
    pub span: Span,
}

/// An enum.
#[derive(Clone, Debug)]
pub struct Enum {
    /// Its name; for an inline one, the attribute's.
    pub name: String,
    /// Its constants.
    pub constants: Vec<String>,
    /// Where it is declared.
    pub span: Span,
}

/// A record type.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
    /// Where it is declared.
    pub span: Span,
}

/// A typed name.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A tagged union.
#[derive(Clone, Debug)]
pub struct Union {
    /// Its name.
    pub name: String,
    /// Its variants.
    pub variants: Vec<Variant>,
    /// Where it is declared.
    pub span: Span,
}

/// A variant of a union.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Its tag.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A type.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// `bool`
    Bool,
    /// A bounded integer. Expressions have the widest range; only what is stored is bounded.
    Int(IntType),
    /// An enum, `tri` included.
    Enum(EnumId),
    /// An instance of a sort.
    Id(SortId),
    /// `T?`; never nested.
    Optional(Box<Type>),
    /// An ordinal.
    Ordinal(OrdinalId),
    /// An instant.
    Time,
    /// A run of a protocol (bound by a quantifier over its runs; never stored).
    Run(ProtocolId),
    /// `set of T max n`; without `max` the element type must be enumerable ([`Program::cardinality`]).
    Set(Box<Type>, Option<u32>),
    /// `map K -> V`, total; K is enumerable.
    Map(Box<Type>, Box<Type>),
    /// `seq of T max n`
    Seq(Box<Type>, u32),
    /// A record.
    Record(RecordId),
    /// A tagged union.
    Union(UnionId),
    /// The type of `null` alone, which every optional accepts.
    Null,
    /// A part of a sketch that has no type yet; never in a program that is explored.
    Unknown,
}

/// A bounded integer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct IntType {
    /// Lowest value.
    pub lo: i64,
    /// Highest value; at least `lo`.
    pub hi: i64,
    /// What happens to an effect that leaves the range.
    pub policy: RangePolicy,
}

/// What happens to an effect that leaves a bounded integer, or makes a set or sequence too long.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RangePolicy {
    /// Reported as a violation of the built-in check `bounds`; the step leads nowhere.
    Report,
    /// The nearest bound is stored.
    Clamp,
    /// Stored modulo the size of the range.
    Wrap,
    /// The step is not enabled, and the verdict says so.
    Cut,
}

/// A truth object.
#[derive(Clone, Debug)]
pub struct Truth {
    /// Its name.
    pub name: String,
    /// Where it is held, for partitions.
    pub place: Option<SortId>,
    /// Whether it exists for properties only.
    pub ghost: bool,
    /// Where it is declared.
    pub span: Span,
}

/// A stored attribute of a truth object or a local of an actor: an array over its keys.
#[derive(Clone, Debug)]
pub struct Var {
    /// `LeaseState.expiry_at`, `claimant.my_epoch`.
    pub name: String,
    /// What it belongs to.
    pub owner: VarOwner,
    /// The types of its keys, each enumerable; none for an unkeyed truth object, the actor for a local.
    pub keys: Vec<Type>,
    /// The type of one element.
    pub ty: Type,
    /// How each element starts.
    pub init: Init,
    /// Where it is declared.
    pub span: Span,
}

/// What a variable belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VarOwner {
    /// A truth object.
    Truth(TruthId),
    /// An actor; reset by its crashes.
    Local(SortId),
}

/// How a variable starts.
#[derive(Clone, Debug)]
pub enum Init {
    /// With this value for every key. `keys` are slots that hold the key (so that `my_id = self`
    /// can be said); the expression reads nothing else.
    Value {
        /// A slot for each key.
        keys: Vec<SlotId>,
        /// The value.
        value: Expr,
    },
    /// With any value of its type, each element on its own.
    Any,
}

/// A protocol: a graph of steps, executed as runs.
#[derive(Clone, Debug)]
pub struct Protocol {
    /// Its name; `rules` steps are named after their operation.
    pub name: String,
    /// There is a run for each combination of instances of these.
    pub subjects: Vec<Subject>,
    /// Runs per subject; at least one.
    pub copies: u32,
    /// Whether a start that finds no idle copy is left out (and the verdict says so), not reported.
    pub copies_cut: bool,
    /// Whether a run re-arms after any outcome.
    pub repeats: bool,
    /// Whether starts are weakly fair.
    pub daemon: bool,
    /// Whether it is a step of a `rules` block: always idle, nothing stored.
    pub rule: bool,
    /// Where its runs belong, if they are sub-runs: the steps of an `each` or `spawn`.
    pub parent: Option<Parent>,
    /// Its roles that are not subjects.
    pub roles: IndexVec<RoleId, Role>,
    /// Its run variables.
    pub vars: IndexVec<RunVarId, RunVar>,
    /// The `let`s of the head, read together by the begin event. With none there is no such event.
    pub begin: Vec<(RunVarId, Expr)>,
    /// Its steps, main chain first, in order.
    pub steps: IndexVec<StepId, Step>,
    /// Its chains; 0 is the main one.
    pub chains: IndexVec<ChainId, Chain>,
    /// Where it is declared.
    pub span: Span,
}

/// Where sub-runs belong. Their protocol's subjects are the parent's, then the keys; copies go with copies.
///
/// A sub-run begins only while its parent run is at the position (or before `loop` steps before it) and the sub-runs
/// that come before are done: at an earlier position, or of an earlier protocol at the same one. The parent's step there
/// is reached only when all its sub-runs have ended as `done`; sub-runs of a run that is elsewhere are idle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parent {
    /// The protocol whose runs have sub-runs.
    pub protocol: ProtocolId,
    /// The position in its main chain at which they happen; at least 1, or the protocol has a begin event.
    pub position: u32,
}

/// What there is a run for each of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name in the protocol.
    pub name: String,
    /// Its type.
    pub sort: SortId,
}

/// A role: an instance that a run binds.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its actor.
    pub sort: SortId,
    /// Where it is declared.
    pub span: Span,
}

/// A variable of a run. It has its initial value whenever the run is idle or ended.
#[derive(Clone, Debug)]
pub struct RunVar {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// Its value while nothing was assigned.
    pub init: Value,
    /// Where it is declared.
    pub span: Span,
}

/// Who acts in a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// The run's subject, by position.
    Subject(u32),
    /// A bound role.
    Role(RoleId),
}

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The operation; the second half of a split step has the name of the first.
    pub name: String,
    /// Who acts.
    pub actor: Actor,
    /// Roles that this step binds, in order: any instance, before the guard is evaluated.
    pub binds: Vec<RoleId>,
    /// Parameters that are chosen here, in order: any value, before the guard is evaluated.
    pub params: Vec<RunVarId>,
    /// When it is legal: the conjunction of the line's guard and of `requires`.
    pub guard: Expr,
    /// What the guard is made of with `and`, `or` and `not`, in order of writing; see [`crate::guard`].
    pub atoms: Vec<Atom>,
    /// `let x = e at STEP`: evaluated in order before the effect, on the state before the step.
    pub lets: Vec<(RunVarId, Expr)>,
    /// The effect.
    pub effect: Vec<Stmt>,
    /// Whether the run may execute it zero or more times (`loop`).
    pub loops: bool,
    /// What it does instead of waiting when its guard is false.
    pub reject: Option<Reject>,
    /// Its fairness.
    pub fairness: Fairness,
    /// The whole step, as written in the chain.
    pub span: Span,
    /// The operation's name in the chain.
    pub name_span: Span,
}

/// What a guard is made of with `and`, `or` and `not`: a comparison, a quantifier, the use of a definition.
#[derive(Clone, Debug)]
pub struct Atom {
    /// Its stable identity, `main.commit#1`.
    pub id: String,
    /// What it says.
    pub expr: Expr,
    /// Where it stands in the guard: which operand of each `and`, `or` and `not`, from the outside in.
    pub path: Vec<u32>,
}

/// What a step answers when its guard is false.
#[derive(Clone, Debug)]
pub struct Reject {
    /// The outcome that the run has.
    pub outcome: Outcome,
    /// The effect.
    pub effect: Vec<Stmt>,
    /// The declaration.
    pub span: Span,
}

/// How a step is treated in infinite behaviours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fairness {
    /// Not at all.
    Unfair,
    /// Weakly.
    Weak,
    /// Strongly.
    Strong,
}

/// A chain of steps with its outcome.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Its steps; at least one.
    pub steps: Vec<StepId>,
    /// What the run has at its end.
    pub outcome: Outcome,
    /// Where it may be taken; none for the main chain.
    pub window: Option<Window>,
    /// Where it is written.
    pub span: Span,
}

/// Where a branch may be taken.
#[derive(Clone, Debug)]
pub struct Window {
    /// Positions of the main chain, `from..=to`, at which a started run may take it. A run *is at*
    /// position p when steps 0..p were executed (loop steps: passed) and p is next.
    pub from: u32,
    /// See `from`.
    pub to: u32,
    /// Whether an idle run of a protocol without begin event may take it as its first step.
    pub at_start: bool,
    /// Whether the run stays where it is (the branch then has one step).
    pub detached: bool,
}

/// A word after `=>` with what it does.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The word.
    pub word: String,
    /// What it does to the run itself.
    pub ends: bool,
    /// What else it does.
    pub then: Option<Handover>,
}

/// `starts main at launch`, `resumes main at launch`.
#[derive(Clone, Debug)]
pub struct Handover {
    /// The protocol that a run is started or resumed of.
    pub protocol: ProtocolId,
    /// The position in its main chain.
    pub position: u32,
    /// Whether a further run begins (else the subject's one run is moved).
    pub starts: bool,
    /// For each subject of that protocol, what it is.
    pub subjects: Vec<Expr>,
    /// Roles of that protocol that moving there unbinds: those first used at or after the position.
    pub unbinds: Vec<RoleId>,
}

/// A fault.
#[derive(Clone, Debug)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// How often, in one behaviour; none: any number of times.
    pub budget: Option<u32>,
    /// Where it is declared.
    pub span: Span,
}

/// The kinds of fault.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultKind {
    /// An instance loses its locals and leaves its runs.
    Crash {
        /// The actor.
        sort: SortId,
        /// Whether it is down afterwards: for good (`Stops`), until a restart event (`Restarts`: some
        /// expression reads `crashed` of it), or not at all (`Instant`).
        down: Down,
    },
    /// The hand-off to a step disappears.
    Lose {
        /// The protocol.
        protocol: ProtocolId,
        /// The step.
        step: StepId,
    },
    /// A step's request arrives once more.
    Duplicate {
        /// The protocol.
        protocol: ProtocolId,
        /// The step.
        step: StepId,
        /// Run variables that its guard, lets, effect or properties read: of its own protocol, or of the one that
        /// its runs belong to.
        vars: Vec<(ProtocolId, RunVarId)>,
        /// Roles that they read, the acting one included, in the same way.
        roles: Vec<(ProtocolId, RoleId)>,
        /// The acting instance's locals that they read.
        locals: Vec<VarId>,
    },
    /// Each instance's clock is off by a constant, chosen at the start.
    Skew {
        /// The actor.
        sort: SortId,
        /// By at most so many ticks either way.
        by: u32,
    },
    /// An instance of `from` is cut off.
    Partition {
        /// The actor whose instances are cut off.
        from: SortId,
        /// The actor that they are cut off from (may be the same: the cut ones among themselves are connected).
        to: SortId,
    },
}

/// What a crash leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Down {
    /// The instance is up again in the same event.
    Instant,
    /// It is down until a restart event.
    Restarts,
    /// It is down for good.
    Stops,
}

/// A step that must happen within so many ticks of being enabled without interruption.
#[derive(Clone, Debug)]
pub struct Deadline {
    /// The protocol.
    pub protocol: ProtocolId,
    /// The step.
    pub step: StepId,
    /// Ticks; 0 for `urgent`.
    pub within: u32,
    /// Where it is declared.
    pub span: Span,
}

/// A property.
#[derive(Clone, Debug)]
pub struct Property {
    /// Its name.
    pub name: String,
    /// `for each x in D:` in front of it; the property must hold for every combination.
    pub binders: Vec<Binder>,
    /// What is claimed.
    pub kind: PropertyKind,
    /// Where it is declared.
    pub span: Span,
    /// Whether nobody wants to see the behaviour that decides it: so with [`crate::observe`].
    pub quiet: bool,
}

/// What a property claims.
#[derive(Clone, Debug)]
pub enum PropertyKind {
    /// Holds in every state.
    Always(Expr),
    /// Holds whenever one of the steps executes, before its effect (`after: false`) or after it.
    Step {
        /// Which steps, with the claim as resolved in each.
        at: Vec<StepClaim>,
        /// After the effect, before the run moves on; `old(x)` is the value before the step.
        after: bool,
    },
    /// Never decreases in any step.
    Monotonic(Expr),
    /// Some state satisfies it.
    Reachable(Expr),
    /// From every reachable state, such a state can be reached.
    AlwaysPossible(Expr),
    /// Every state with the first is followed by one with the second.
    LeadsTo(Expr, Expr),
    /// Every behaviour has such a state.
    Eventually(Expr),
    /// Every behaviour has such states for ever.
    AlwaysEventually(Expr),
}

impl PropertyKind {
    /// Whether it claims something of infinite behaviours.
    #[must_use]
    pub fn is_liveness(&self) -> bool {
        matches!(
            self,
            PropertyKind::LeadsTo(..) | PropertyKind::Eventually(_) | PropertyKind::AlwaysEventually(_)
        )
    }
}

/// A claim about one step.
#[derive(Clone, Debug)]
pub struct StepClaim {
    /// The protocol.
    pub protocol: ProtocolId,
    /// The step.
    pub step: StepId,
    /// What is claimed; names of the step's run and actor may be read.
    pub claim: Expr,
}

/// Built-in checks that a spec has not switched off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Builtin {
    /// No stuck state.
    pub stuck: bool,
    /// No stranded run.
    pub stranded: bool,
    /// Effects stay within ranges, sizes and runs. Cannot be switched off.
    pub bounds: bool,
    /// `advance` finds no greater value alive.
    pub advances: bool,
    /// Every step executes, every guard is sometimes false (warnings).
    pub coverage: bool,
}

impl Default for Builtin {
    fn default() -> Self {
        Builtin { stuck: true, stranded: true, bounds: true, advances: true, coverage: true }
    }
}

/// `expect violated p`.
#[derive(Clone, PartialEq, Debug)]
pub struct Expected {
    /// The property's name, or that of a built-in check.
    pub property: String,
    /// Where it is said.
    pub span: Span,
}

/// `allow W0802 at STEP "why"`: a warning that is as it is meant to be.
#[derive(Clone, PartialEq, Debug)]
pub struct Accepted {
    /// The code.
    pub code: String,
    /// The steps that it is accepted of, by protocol; everywhere, if none.
    pub steps: Vec<(ProtocolId, StepId)>,
    /// Where it is said.
    pub span: Span,
}

/// A variable with what it ranges over.
#[derive(Clone, Debug)]
pub struct Binder {
    /// The variable.
    pub slot: SlotId,
    /// What it ranges over.
    pub domain: Domain,
    /// `where P`.
    pub filter: Option<Box<Expr>>,
}

impl Binder {
    /// Of a variable over the runs of a protocol: whether its filter lets only unfinished ones through.
    #[must_use]
    pub fn is_about_unfinished(&self, protocol: ProtocolId) -> bool {
        let mine = |r: &Expr| matches!(r.kind, ExprKind::Slot(slot) if slot == self.slot);
        let filter = self.filter.as_deref().map(Expr::conjuncts).unwrap_or_default();
        filter.into_iter().any(|c| match &c.kind {
            ExprKind::RunUnfinished(p, r) => *p == protocol && mine(r),
            // At a step of its own, or of its sub-runs.
            ExprKind::RunAt(_, r, _) => mine(r),
            _ => false,
        })
    }
}

/// What a variable ranges over.
#[derive(Clone, Debug)]
pub enum Domain {
    /// All values of an enumerable type, in order.
    Type(Type),
    /// `lo..hi`, both included.
    Range(i64, i64),
    /// The elements of a set, in order.
    Set(Box<Expr>),
    /// The runs of a protocol.
    Runs(ProtocolId),
}

/// A typed expression. Total: every well-typed expression has a value in every state.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Type,
    /// Where it is written.
    pub span: Span,
}

/// The kinds of expression.
///
/// A value of type `T` is also one of `T?`; no conversion is written. Operators that need a `T` and are
/// given a `T?` that is null: comparisons by order are false; everything else is excluded by the type checker.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A constant.
    Literal(Value),
    /// The clock of the acting instance plus so many ticks (`now + 2`); in properties, the true clock.
    Instant(i64),
    /// A quantified, `let` or `pick` variable.
    Slot(SlotId),
    /// The acting instance.
    SelfId,
    /// A subject of the run, by position.
    Subject(u32),
    /// The instance that a role is bound to; null while it is not (type `Id?`), except where the type
    /// checker knows it bound (type `Id`).
    Role(RoleId),
    /// A run variable.
    RunVar(RunVarId),
    /// The run that a sub-run belongs to.
    ParentRun,
    /// A truth attribute or a local, at these keys.
    Var(VarId, Vec<Expr>),
    /// The value before the step, in effects and `after` claims.
    Old(Box<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// Conjunction, left to right; true when empty.
    And(Vec<Expr>),
    /// Disjunction, left to right; false when empty.
    Or(Vec<Expr>),
    /// `if c then a else b`; `a implies b` is `or(not a, b)`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A comparison. Equality is defined for all types, order for integers, enums, ordinals and instants.
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    /// Integer arithmetic, in 64 bits, saturating.
    Arith(ArithOp, Box<Expr>, Box<Expr>),
    /// `x in S`; S is a set or a domain.
    In(Box<Expr>, Box<Expr>),
    /// `{a, b}`
    SetLit(Vec<Expr>),
    /// `{e for x in D where P}`
    SetOf(Box<Expr>, Binder),
    /// All values of an enumerable type as a set (`S = claimant`, `x in claimant`).
    TypeSet(Type),
    /// Union, difference, intersection of sets.
    SetOp(SetOp, Box<Expr>, Box<Expr>),
    /// The number of elements of a set or sequence.
    Size(Box<Expr>),
    /// A map's value at a key.
    MapGet(Box<Expr>, Box<Expr>),
    /// A map like the first, with another value at a key.
    MapSet(Box<Expr>, Box<Expr>, Box<Expr>),
    /// A map with this value at every key.
    MapAll(Box<Expr>),
    /// `[a, b]`
    SeqLit(Vec<Expr>),
    /// `s + t`
    Concat(Box<Expr>, Box<Expr>),
    /// The element at a 0-based position, null when there is none.
    SeqGet(Box<Expr>, Box<Expr>),
    /// The sequence without its first element; empty when it is empty.
    Tail(Box<Expr>),
    /// A record from its fields.
    RecordLit(RecordId, Vec<Expr>),
    /// A variant from its tag and fields.
    VariantLit(UnionId, u32, Vec<Expr>),
    /// A field of a record, by position.
    Field(Box<Expr>, u32),
    /// Whether a union value has a tag.
    IsVariant(Box<Expr>, u32),
    /// A field of a variant, by tag and position; the default value of its type when the tag is another.
    VariantField(Box<Expr>, u32, u32),
    /// `all x in D where P: Q`; `no` is the negation of `any`.
    All(Binder, Box<Expr>),
    /// `any x in D where P: Q`
    Any(Binder, Box<Expr>),
    /// `count x in D where P`
    Count(Binder),
    /// The least (`false`) or greatest (`true`) value of `e for x in D where P`; null when there is none.
    Extreme(bool, Box<Expr>, Binder),
    /// `let x = e in body`: how a parameter of a definition is passed.
    Let(SlotId, Box<Expr>, Box<Expr>),
    /// `crashed(a)`
    Crashed(SortId, Box<Expr>),
    /// `connected(a, b)`
    Connected(Box<Expr>, SortId, Box<Expr>, SortId),
    /// `r at STEP`: the run is at this step (waiting for it, or it is the first and the run began). Where the step is
    /// one of its sub-runs' (the protocol is theirs): one of them is, which an idle one whose turn it is counts for.
    RunAt(ProtocolId, Box<Expr>, StepId),
    /// The run has begun and not ended.
    RunUnfinished(ProtocolId, Box<Expr>),
    /// A run's subject, by position.
    RunSubject(ProtocolId, Box<Expr>, u32),
    /// A run's role; null while unbound.
    RunRole(ProtocolId, Box<Expr>, RoleId),
    /// A run's variable.
    RunVarOf(ProtocolId, Box<Expr>, RunVarId),
    /// `next(x)` (`false`) or `prev(x)` (`true`) on a ring.
    Neighbour(SortId, bool, Box<Expr>),
}

/// Comparison operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
}

/// Integer operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ArithOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `mod` by a positive constant; the result is not negative
    Mod,
    /// the lesser
    Min,
    /// the greater
    Max,
}

/// Set operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SetOp {
    /// `+`
    Union,
    /// `-`
    Difference,
    /// `*`
    Intersection,
}

/// A statement of an effect.
#[derive(Clone, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Where it is written.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Clone, Debug)]
pub enum StmtKind {
    /// `place := value`. A path into a map, record or sequence is written as a new whole value
    /// ([`ExprKind::MapSet`], [`ExprKind::RecordLit`]).
    Assign(Place, Expr),
    /// `advance place`: a value of its ordinal greater than every one alive.
    Advance(Place, OrdinalId),
    /// `if c { … } else { … }`
    If(Expr, Vec<Stmt>, Vec<Stmt>),
    /// `for x in D where P { … }`: the domain and filter are evaluated before the first round.
    For(Binder, Vec<Stmt>),
    /// `let x = e`
    Let(SlotId, Expr),
    /// `pick x in D where P`: any element; when there is none the step is not enabled.
    Pick(Binder),
}

/// What is assigned.
#[derive(Clone, Debug)]
pub enum Place {
    /// A truth attribute or local at these keys.
    Var(VarId, Vec<Expr>, Type),
    /// A run variable.
    RunVar(RunVarId, Type),
}

impl Type {
    /// The type under `?`, or the type itself.
    #[must_use]
    pub fn unwrap_optional(&self) -> &Type {
        match self {
            Type::Optional(inner) => inner,
            other => other,
        }
    }

    /// Whether it is `T?` or the type of `null`.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        matches!(self, Type::Optional(_) | Type::Null)
    }
}

impl Expr {
    /// `true` or `false`.
    #[must_use]
    pub fn bool(value: bool, span: Span) -> Expr {
        Expr { kind: ExprKind::Literal(Value::Bool(value)), ty: Type::Bool, span }
    }
}
