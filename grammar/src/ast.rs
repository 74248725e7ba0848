//! The syntax tree: what was written, unresolved and untyped.
//!
//! Names are strings with spans; nothing here knows what they refer to. Every node that a diagnostic
//! may point at has a span. Comments are kept beside the tree ([`Module::comments`]) and put back by
//! the formatter.

use arch_base::{FileId, Span};
use std::fmt;

/// A name as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ident {
    /// The text.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// A quoted text, without its quotes and with escapes resolved (`\"` and `\\`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Text {
    /// The text.
    pub value: String,
    /// Where it stands, with its quotes.
    pub span: Span,
}

/// A `// …` comment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comment {
    /// The text with its slashes, without the line end and trailing blanks.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

/// One `.arch` file.
#[derive(Clone, PartialEq, Debug)]
pub struct Module {
    /// The file.
    pub file: FileId,
    /// `archetype I02 "…"`, at most one, first.
    pub header: Option<Header>,
    /// The declarations, in order.
    pub items: Vec<Item>,
    /// All comments, in order.
    pub comments: Vec<Comment>,
}

/// `archetype I02 "Claim / Lease" { entities: ClaimState, LeaseState }`.
#[derive(Clone, PartialEq, Debug)]
pub struct Header {
    /// `I02`.
    pub id: Ident,
    /// The title.
    pub title: Option<Text>,
    /// The entries between braces.
    pub fields: Vec<HeaderField>,
    /// The whole header.
    pub span: Span,
}

/// `source of truth: ClaimState, LeaseState` or `write paths: "claim", "renew"`.
#[derive(Clone, PartialEq, Debug)]
pub struct HeaderField {
    /// The words before the colon.
    pub key: Vec<Ident>,
    /// The values after it.
    pub values: Vec<HeaderValue>,
    /// The whole entry.
    pub span: Span,
}

/// A value of a header entry.
#[derive(Clone, PartialEq, Debug)]
pub enum HeaderValue {
    /// A name.
    Name(Ident),
    /// Free text.
    Text(Text),
}

/// A declaration.
#[derive(Clone, PartialEq, Debug)]
pub struct Item {
    /// What it declares.
    pub kind: ItemKind,
    /// The whole declaration.
    pub span: Span,
}

/// The kinds of declaration.
#[derive(Clone, PartialEq, Debug)]
pub enum ItemKind {
    /// `const N = 3`
    Const(Const),
    /// `ordinal Epoch, Term`
    Ordinal(Vec<Ident>),
    /// `enum S { A, B }`
    Enum(EnumDecl),
    /// `record R { f: T }`
    Record(RecordDecl),
    /// `one of M { Prepared(rm: rm), Commit }`
    Union(UnionDecl),
    /// `id task * 2`
    Id(SortDecl),
    /// `actor worker * 2 concurrent { my_epoch: Epoch }`
    Actor(SortDecl),
    /// `role holder is claimant`
    Role(RoleDecl),
    /// `truth X[task] at store { a: T }`
    Truth(TruthDecl),
    /// `view X at verifier refreshed by fetch`
    View(ViewDecl),
    /// `protocol main for each task, repeats { … }`
    Protocol(Protocol),
    /// `rules for each rm { rm[a {…}] … }`
    Rules(Rules),
    /// `on claim requires {P} { … }`; `extend S requires {P}` is one without a body
    On(OnDecl),
    /// `rejects put => retry { … }`
    Rejects(Rejects),
    /// `branch step_down after claim`
    Branch(BranchDecl),
    /// `loop heartbeat`
    Loop(Vec<OpRef>),
    /// `each drop_entry: edge`
    Each(EachDecl),
    /// `spawn run_task for each task`
    Spawn(SpawnDecl),
    /// `join complete_checkpoint`
    Join(OpRef),
    /// `split S after 2`
    Split(SplitDecl),
    /// `fair renew, commit` or `unfair sweep`
    Fairness(FairnessDecl),
    /// `urgent S`, `deadline S within 2`, `pace heartbeat every 2`
    Timing(TimingDecl),
    /// `outcome stale ends`
    Outcome(OutcomeDecl),
    /// `faults { … }`
    Faults(Vec<FaultDecl>),
    /// `define …`
    Define(DefineDecl),
    /// `property p: …`
    Property(PropertyDecl),
    /// `failure "…" { … }`
    Failure(FailureDecl),
    /// `instance large { N = 6 }`
    Instance(InstanceDecl),
    /// `expect violated p`, outside any instance
    Expect(Expectation),
    /// `redundant term 1 of commit "why"`
    Redundant(RedundantDecl),
    /// `allow stuck "why"`: switches a built-in check off, or accepts a warning
    Allow(AllowDecl),
    /// `use "I02.arch" as ownership with { … }` and `refines …`: reserved
    Composition(CompositionDecl),
}

/// `const N = 3`
#[derive(Clone, PartialEq, Debug)]
pub struct Const {
    /// Its name.
    pub name: Ident,
    /// Its default value.
    pub value: Expr,
}

/// `enum S { A, B }`
#[derive(Clone, PartialEq, Debug)]
pub struct EnumDecl {
    /// Its name.
    pub name: Ident,
    /// Its constants, in order.
    pub variants: Vec<Ident>,
}

/// `record R { f: T }`
#[derive(Clone, PartialEq, Debug)]
pub struct RecordDecl {
    /// Its name.
    pub name: Ident,
    /// Its fields, in order.
    pub fields: Vec<FieldDecl>,
}

/// A typed name: a field of a record or of a message, or a parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldDecl {
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: Type,
}

/// `one of M { Prepared(rm: rm), OneB(acc: acceptor, bal: Ballot) key (acc, bal), Commit }`
#[derive(Clone, PartialEq, Debug)]
pub struct UnionDecl {
    /// Its name.
    pub name: Ident,
    /// Its variants, in order.
    pub variants: Vec<VariantDecl>,
}

/// One variant of a tagged union.
#[derive(Clone, PartialEq, Debug)]
pub struct VariantDecl {
    /// Its tag.
    pub name: Ident,
    /// Its fields; none when written without parentheses.
    pub fields: Vec<FieldDecl>,
    /// The fields that identify it in a set, if named.
    pub key: Vec<Ident>,
}

/// `id task * 2` or `actor worker * N ring concurrent { locals }`
#[derive(Clone, PartialEq, Debug)]
pub struct SortDecl {
    /// Its name.
    pub name: Ident,
    /// How many instances; one when unsaid.
    pub count: Option<Expr>,
    /// `ring`: instances have neighbours `next(x)` and `prev(x)`.
    pub ring: Option<Span>,
    /// `concurrent`: an instance may take part in several unfinished runs of a protocol (actors only).
    pub concurrent: Option<Span>,
    /// An actor's locals.
    pub locals: Vec<AttrDecl>,
}

/// `role holder is claimant` (the same instance) or `role follower: node` (bound on its own)
#[derive(Clone, PartialEq, Debug)]
pub struct RoleDecl {
    /// Its name.
    pub name: Ident,
    /// The actor.
    pub actor: Ident,
    /// Whether written `is`.
    pub same_instance: bool,
}

/// `truth X[task, node] at store { a: T = v, d := e }`
#[derive(Clone, PartialEq, Debug)]
pub struct TruthDecl {
    /// Its name.
    pub name: Ident,
    /// What it is keyed by.
    pub keys: Vec<TruthKey>,
    /// The actor that holds it.
    pub place: Option<Ident>,
    /// `ghost`: for properties only.
    pub ghost: Option<Span>,
    /// Its attributes.
    pub attrs: Vec<AttrDecl>,
}

/// What a truth object is keyed by.
#[derive(Clone, PartialEq, Debug)]
pub struct TruthKey {
    /// What initial values and derived attributes call it: `c` of `Cell[c: 0..8]`.
    pub name: Option<Ident>,
    /// Its type.
    pub ty: Type,
}

/// An attribute of a truth object or a local of an actor.
#[derive(Clone, PartialEq, Debug)]
pub struct AttrDecl {
    /// Its name.
    pub name: Ident,
    /// Its type; a sketch may leave it out.
    pub ty: Option<Type>,
    /// How it starts, or what it is derived from.
    pub value: Option<AttrValue>,
    /// The whole declaration.
    pub span: Span,
}

/// What stands after an attribute's type.
#[derive(Clone, PartialEq, Debug)]
pub enum AttrValue {
    /// `= v`
    Init(Expr),
    /// `= any`: every value of its type
    Any(Span),
    /// `:= e`: derived, not stored
    Derived(Expr),
}

/// `view X at verifier refreshed by fetch_bundle`
#[derive(Clone, PartialEq, Debug)]
pub struct ViewDecl {
    /// The truth object that is cached.
    pub truth: Ident,
    /// The actor that has the copy.
    pub actor: Ident,
    /// The operations that refresh it.
    pub refreshed_by: Vec<OpRef>,
}

/// A type as written.
#[derive(Clone, PartialEq, Debug)]
pub struct Type {
    /// What it is.
    pub kind: TypeKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of type.
#[derive(Clone, PartialEq, Debug)]
pub enum TypeKind {
    /// `bool`, `tri`, `time`, or a declared name.
    Named(Ident),
    /// `lo..hi`, with what happens to an effect that leaves it.
    Range(Box<Expr>, Box<Expr>, Option<RangePolicy>),
    /// `{ ABSENT, READY }`
    Enum(Vec<Ident>),
    /// `T?`
    Optional(Box<Type>),
    /// `set of T max n`
    Set(Box<Type>, Option<Box<Expr>>),
    /// `map K -> V`
    Map(Box<Type>, Box<Type>),
    /// `seq of T max n`
    Seq(Box<Type>, Box<Expr>),
}

/// What happens to an effect that leaves a bounded integer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RangePolicy {
    /// The nearest bound is stored.
    Clamp,
    /// Modulo the size of the range.
    Wrap,
    /// The step is disabled, and the report says so.
    Cut,
}

/// `operation` or `protocol.operation`
#[derive(Clone, PartialEq, Debug)]
pub struct OpRef {
    /// The protocol, if named.
    pub protocol: Option<Ident>,
    /// The operation.
    pub operation: Ident,
}

impl OpRef {
    /// Where it stands.
    #[must_use]
    pub fn span(&self) -> Span {
        self.protocol.as_ref().map_or(self.operation.span, |p| p.span.to(self.operation.span))
    }
}

/// `protocol main for each task, runs 2 cut, repeats, daemon { head… chain branches… }`
#[derive(Clone, PartialEq, Debug)]
pub struct Protocol {
    /// Its name.
    pub name: Ident,
    /// What there is a run for each of.
    pub subjects: Vec<Subject>,
    /// `runs n`: runs per subject; one when unsaid.
    pub runs: Option<Expr>,
    /// `cut` after `runs n`: a further run that no copy is free for does not begin.
    pub runs_cut: Option<Span>,
    /// `repeats`
    pub repeats: Option<Span>,
    /// `daemon`
    pub daemon: Option<Span>,
    /// The declarations before the chain.
    pub head: Vec<HeadItem>,
    /// The main chain.
    pub main: Chain,
    /// The `|->` branches, in order.
    pub branches: Vec<Chain>,
}

/// `for each task` (named `task`) or one of `for each (i: node, j: node)`
#[derive(Clone, PartialEq, Debug)]
pub struct Subject {
    /// The name it has in the protocol; the type's own when not given.
    pub name: Ident,
    /// Its actor or id type.
    pub sort: Ident,
}

/// A declaration in a protocol's head.
#[derive(Clone, PartialEq, Debug)]
pub enum HeadItem {
    /// `let expected = KeyState.version` or `let x = e at STEP`
    Let {
        /// The run variable.
        name: Ident,
        /// What is read.
        value: Expr,
        /// When; at the beginning of the run when unsaid.
        at: Option<OpRef>,
    },
    /// `var next: Offset`
    Var(FieldDecl),
    /// `any v: T`
    Any(FieldDecl),
    /// `bind worker at place`
    BindRole {
        /// The role.
        role: Ident,
        /// The step that binds it.
        at: OpRef,
    },
    /// `bind KeyMaterialState = self.signing_key`
    BindTruth {
        /// The keyed truth object.
        truth: Ident,
        /// The key it means in this protocol.
        key: Expr,
    },
    /// Any of the declarations about steps (`branch`, `loop`, `fair`, …), about this protocol.
    Item(Item),
}

/// `a[x {…}] -> b[y] => done`
#[derive(Clone, PartialEq, Debug)]
pub struct Chain {
    /// Its steps; at least one.
    pub steps: Vec<Step>,
    /// The word after `=>`, if there is one.
    pub outcome: Option<Ident>,
    /// From the first step to the outcome.
    pub span: Span,
}

/// `actor[operation {guard}]`
#[derive(Clone, PartialEq, Debug)]
pub struct Step {
    /// Who acts: an actor or a role.
    pub actor: Ident,
    /// What is done.
    pub operation: Ident,
    /// When it is legal.
    pub guard: Option<Expr>,
    /// The whole step.
    pub span: Span,
}

/// `rules for each rm { rm[a {…}] rm[b {…}] }`
#[derive(Clone, PartialEq, Debug)]
pub struct Rules {
    /// What there is an instance of each step for.
    pub subjects: Vec<Subject>,
    /// `any` parameters and annotations.
    pub head: Vec<HeadItem>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// `on OP requires {P} { effects }`
#[derive(Clone, PartialEq, Debug)]
pub struct OnDecl {
    /// The operation.
    pub target: OpRef,
    /// A guard that the protocol line does not carry.
    pub requires: Option<Expr>,
    /// The effects; none for `extend`.
    pub body: Option<Block>,
}

/// `rejects put => retry { … }`
#[derive(Clone, PartialEq, Debug)]
pub struct Rejects {
    /// The operation that answers instead of waiting.
    pub target: OpRef,
    /// The outcome that it answers with.
    pub outcome: Ident,
    /// The effect of doing so.
    pub body: Option<Block>,
}

/// `{ statements }`
#[derive(Clone, PartialEq, Debug)]
pub struct Block {
    /// The statements, in order.
    pub statements: Vec<Stmt>,
    /// With its braces.
    pub span: Span,
}

/// An effect statement.
#[derive(Clone, PartialEq, Debug)]
pub struct Stmt {
    /// What it does.
    pub kind: StmtKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of statement.
#[derive(Clone, PartialEq, Debug)]
pub enum StmtKind {
    /// `place := value`
    Assign(Expr, Expr),
    /// `advance place`
    Advance(Expr),
    /// `if c as label { … } else { … }`; `else if` is a block with one `if`
    If {
        /// The condition.
        condition: Expr,
        /// Its label, for failure modes.
        label: Option<Ident>,
        /// When it holds.
        then: Block,
        /// When it does not.
        otherwise: Option<Block>,
    },
    /// `for x in D where P { … }`
    For {
        /// The variable and its domain.
        binder: Binder,
        /// What is done for each.
        body: Block,
    },
    /// `let x = e`
    Let(Ident, Expr),
    /// `pick r in {OK, AMBIGUOUS}`
    Pick {
        /// `ghost`: it happens unseen.
        ghost: Option<Span>,
        /// The variable.
        name: Ident,
        /// What it can be.
        from: Expr,
    },
    /// `todo`: the effect is not written yet
    Todo,
}

/// `x in D where P`
#[derive(Clone, PartialEq, Debug)]
pub struct Binder {
    /// The variable.
    pub name: Ident,
    /// What it ranges over: a type's name, a set, a range, a protocol's runs.
    pub domain: Box<Expr>,
    /// `where P`
    pub filter: Option<Box<Expr>>,
}

/// `branch S after|at|before T`, `branch S at start`, `branch S detached`
#[derive(Clone, PartialEq, Debug)]
pub struct BranchDecl {
    /// The branch, named by its first operation.
    pub target: OpRef,
    /// Where it may be taken.
    pub window: BranchWindow,
}

/// Where a branch may be taken.
#[derive(Clone, PartialEq, Debug)]
pub enum BranchWindow {
    /// Once T was executed.
    After(OpRef),
    /// While the run waits at T.
    At(OpRef),
    /// Until T was executed.
    Before(OpRef),
    /// Also as the first step of the run.
    AtStart(Span),
    /// Anywhere, leaving the run where it is.
    Detached(Span),
}

/// `each drop_entry: edge`
#[derive(Clone, PartialEq, Debug)]
pub struct EachDecl {
    /// The step.
    pub target: OpRef,
    /// The actor or id type whose every instance executes it.
    pub sort: Ident,
}

/// `spawn run_task for each task`
#[derive(Clone, PartialEq, Debug)]
pub struct SpawnDecl {
    /// The first step of the sub-runs.
    pub target: OpRef,
    /// What there is a sub-run for each of.
    pub subjects: Vec<Subject>,
}

/// `split S after 2`
#[derive(Clone, PartialEq, Debug)]
pub struct SplitDecl {
    /// The step.
    pub target: OpRef,
    /// How many statements the first half has.
    pub after: u32,
}

/// `fair S, T` or `unfair S`
#[derive(Clone, PartialEq, Debug)]
pub struct FairnessDecl {
    /// `fair` (strongly) or `unfair`.
    pub strong: bool,
    /// The steps.
    pub targets: Vec<OpRef>,
}

/// `urgent S`, `deadline S within d`, `pace S every d`
#[derive(Clone, PartialEq, Debug)]
pub struct TimingDecl {
    /// Which of the three.
    pub kind: TimingKind,
    /// The step.
    pub target: OpRef,
    /// `d`, in ticks; none for `urgent`.
    pub ticks: Option<Expr>,
}

/// The ways to bound when a step happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimingKind {
    /// Before the next tick.
    Urgent,
    /// Within so many ticks of being possible.
    Deadline,
    /// At least every so many ticks.
    Pace,
}

/// `outcome stale ends`, `outcome requeue starts main at launch`, `outcome requeue resumes main at launch`
#[derive(Clone, PartialEq, Debug)]
pub struct OutcomeDecl {
    /// The word.
    pub word: Ident,
    /// What it does.
    pub action: OutcomeAction,
}

/// What an outcome does.
#[derive(Clone, PartialEq, Debug)]
pub enum OutcomeAction {
    /// The run ends.
    Ends,
    /// The run re-arms at its start.
    Rearms,
    /// A further run begins at a step.
    Starts(Ident, OpRef),
    /// The subject's run moves to a step.
    Resumes(Ident, OpRef),
}

/// `crash A stops at most 1`
#[derive(Clone, PartialEq, Debug)]
pub struct FaultDecl {
    /// What happens.
    pub kind: FaultKind,
    /// How often; once when unsaid.
    pub budget: Option<FaultBudget>,
    /// The whole declaration.
    pub span: Span,
}

/// The kinds of fault.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultKind {
    /// `crash A` or `crash A stops`
    Crash {
        /// The actor.
        actor: Ident,
        /// Whether it never restarts.
        stops: bool,
    },
    /// `lose STEP`
    Lose(OpRef),
    /// `duplicate STEP`
    Duplicate(OpRef),
    /// `skew A by 1`
    Skew(Ident, Box<Expr>),
    /// `partition A from B`
    Partition(Ident, Ident),
}

/// How often a fault may happen.
#[derive(Clone, PartialEq, Debug)]
pub enum FaultBudget {
    /// `at most n`
    AtMost(Expr),
    /// `unbounded`
    Unbounded,
}

/// A definition.
#[derive(Clone, PartialEq, Debug)]
pub struct DefineDecl {
    /// Its form.
    pub form: DefineForm,
    /// The type that it is declared to have.
    pub ty: Option<Type>,
    /// What it stands for.
    pub body: Expr,
}

/// The forms of definition.
#[derive(Clone, PartialEq, Debug)]
pub enum DefineForm {
    /// `define name := e` or `define current at run_task := e`
    Name {
        /// The name.
        name: Ident,
        /// The step it is for, if for one only.
        at: Option<OpRef>,
    },
    /// `define name(x: T) := e`
    Function {
        /// The name.
        name: Ident,
        /// The parameters.
        parameters: Vec<FieldDecl>,
    },
    /// `define (v: Version) fresh := e`
    Postfix {
        /// The subject.
        subject: FieldDecl,
        /// The word.
        word: Ident,
    },
    /// `define quorum reachable := e` or `define quorum reachable at STEP := e`
    Phrase {
        /// Two words or more.
        words: Vec<Ident>,
        /// The step it is for, if for one only.
        at: Option<OpRef>,
    },
    /// `define (s: stage) upstream (t: stage) := e`: a relation for `all upstream T.a = v`
    Relation {
        /// The related key.
        left: FieldDecl,
        /// The word.
        word: Ident,
        /// The subject.
        right: FieldDecl,
    },
}

/// `property name: for each x in D: form`
#[derive(Clone, PartialEq, Debug)]
pub struct PropertyDecl {
    /// Its name.
    pub name: Ident,
    /// The quantifiers in front.
    pub binders: Vec<Binder>,
    /// What is claimed.
    pub form: PropertyForm,
}

/// The forms of property.
#[derive(Clone, PartialEq, Debug)]
pub enum PropertyForm {
    /// `always P`
    Always(Expr),
    /// `never P`
    Never(Expr),
    /// `at STEP: P`
    At(OpRef, Expr),
    /// `after STEP: P`
    After(OpRef, Expr),
    /// `monotonic x`
    Monotonic(Expr),
    /// `reachable P`
    Reachable(Expr),
    /// `always possible P`
    AlwaysPossible(Expr),
    /// `P leads to Q`
    LeadsTo(Expr, Expr),
    /// `eventually P`
    Eventually(Expr),
    /// `always eventually P`
    AlwaysEventually(Expr),
    /// `use template(args)`
    Template(Ident, Vec<Expr>),
}

/// `failure "…" { clauses }`
#[derive(Clone, PartialEq, Debug)]
pub struct FailureDecl {
    /// Its name.
    pub name: Text,
    /// What prevents and repairs it.
    pub clauses: Vec<FailureClause>,
}

/// `prevented by X and Y else violates P`
#[derive(Clone, PartialEq, Debug)]
pub struct FailureClause {
    /// `repaired by` instead of `prevented by`.
    pub repair: bool,
    /// `repaired by X despite prevention`: the repair is needed with the preventions in place.
    pub despite: bool,
    /// What prevents or repairs it, together.
    pub by: Vec<Target>,
    /// The properties that fail without it.
    pub violates: Vec<Ident>,
    /// The whole clause.
    pub span: Span,
}

/// What a failure mode removes or changes.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// Which.
    pub kind: TargetKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of target.
#[derive(Clone, PartialEq, Debug)]
pub enum TargetKind {
    /// `guard of S`
    Guard(OpRef),
    /// `term n of S`
    Term(u32, OpRef),
    /// `branch S`
    Branch(OpRef),
    /// `protocol P`
    Protocol(Ident),
    /// `step S`
    Step(OpRef),
    /// `effect n of S`, `effect 2.1 of S`
    Effect(StatementPlace, OpRef),
    /// a label
    Label(Ident),
    /// `with NAME = v`
    WithConst(Ident, Expr),
    /// `with on S { … }`
    WithOn(Box<OnDecl>),
    /// `with order A before B`
    WithOrder(OpRef, OpRef),
    /// `with split S after n`
    WithSplit(SplitDecl),
    /// `with fault F`
    WithFault(Box<FaultDecl>),
    /// `fault F`, of a redundancy
    Fault(FaultKind),
    /// `budget of F`, of a redundancy
    Budget(FaultKind),
}

/// Where a statement stands in an effect: numbers from 1, from the outside in, each with the block of the one before
/// that it stands in. `2.else.1` is the first statement of the `else` of the second.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementPlace {
    /// The number of the outermost statement.
    pub first: u32,
    /// Whether the next is in the `else` of the one before, and its number.
    pub inner: Vec<(bool, u32)>,
}

impl fmt::Display for StatementPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first)?;
        self.inner
            .iter()
            .try_for_each(|(otherwise, n)| write!(f, ".{}{n}", if *otherwise { "else." } else { "" }))
    }
}

/// `instance large { N = 6, TTL = 3 expect violated p }`
#[derive(Clone, PartialEq, Debug)]
pub struct InstanceDecl {
    /// Its name.
    pub name: Ident,
    /// The constants that it sets.
    pub settings: Vec<(Ident, Expr)>,
    /// What is expected of it.
    pub expectations: Vec<Expectation>,
    /// `no failures`: failure modes are not executed in it.
    pub no_failures: Option<Span>,
}

/// `expect violated p`
#[derive(Clone, PartialEq, Debug)]
pub struct Expectation {
    /// The property, or a built-in check such as `stuck`.
    pub property: Ident,
    /// Where it stands.
    pub span: Span,
}

/// `redundant term 1 of commit "why"`
#[derive(Clone, PartialEq, Debug)]
pub struct RedundantDecl {
    /// What nothing depends on.
    pub target: Target,
    /// Why it is there all the same.
    pub why: Text,
}

/// `allow stuck "why"`, `allow W0802 at commit "why"`
#[derive(Clone, PartialEq, Debug)]
pub struct AllowDecl {
    /// The built-in check, or the code of a warning.
    pub check: Ident,
    /// The step of which the warning is accepted.
    pub at: Option<OpRef>,
    /// Why.
    pub why: Option<Text>,
}

/// `use "I02.arch" …`, `refines "I01.arch" …`: reserved, kept as text
#[derive(Clone, PartialEq, Debug)]
pub struct CompositionDecl {
    /// `use` or `refines`.
    pub keyword: Ident,
    /// The other file.
    pub path: Text,
    /// The name it gets, for `use`.
    pub name: Option<Ident>,
    /// `{ claimant = worker }`
    pub mapping: Vec<(Ident, Expr)>,
}

/// An expression.
#[derive(Clone, PartialEq, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of expression.
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// `12`
    Int(i64),
    /// `true`, `false`
    Bool(bool),
    /// `null`
    Null,
    /// `unknown`
    Unknown,
    /// `self`
    SelfRef,
    /// `now`
    Now,
    /// One bare word, of any case: a variable, constant, role, type, enum constant, one-word phrase.
    Name(Ident),
    /// Two bare words or more on one line: a phrase, or a name with a postfix predicate.
    Phrase(Vec<Ident>),
    /// `X.a`
    Field(Box<Expr>, Ident),
    /// `X[task]`, `m[k]`
    Index(Box<Expr>, Vec<Expr>),
    /// `f(x)`, `X.a(k)`, `Prepared(rm: r)`, `old(x)`, `next(x)`, `crashed(a)`
    Call(Box<Expr>, Vec<Argument>),
    /// `X.a absent`, `X.version fresh`
    Postfix(Box<Expr>, Ident),
    /// `not e`, `-e`
    Unary(UnaryOp, Box<Expr>),
    /// `a = b`, `a and b`, …
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `m is OneB`
    Is(Box<Expr>, Ident),
    /// `r at STEP`
    RunAt(Box<Expr>, OpRef),
    /// `if a then b else c`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `lo..hi`
    Range(Box<Expr>, Box<Expr>),
    /// `{a, b}`
    Set(Vec<Expr>),
    /// `{e for x in D where P}`
    SetOf(Box<Expr>, Binder),
    /// `[a, b]`
    Seq(Vec<Expr>),
    /// `all x in D where P: Q`; `no x in D where P` has no body
    Quantified(Quantifier, Binder, Option<Box<Expr>>),
    /// `all T.a = v`, `no REL T.a = v`: over the keys of truth T; the claim is about `T.a`
    QuantifiedTruth(Quantifier, Option<Ident>, Box<Expr>),
    /// `count x in D where P`
    Count(Binder),
    /// `(e)`
    Paren(Box<Expr>),
}

/// An argument of a call.
#[derive(Clone, PartialEq, Debug)]
pub struct Argument {
    /// `name:` in front of it.
    pub name: Option<Ident>,
    /// Its value.
    pub value: Expr,
}

/// Unary operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum UnaryOp {
    /// `not`
    Not,
    /// `-`
    Neg,
}

/// Binary operators.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BinaryOp {
    /// `implies` (right associative, binds loosest)
    Implies,
    /// `or`
    Or,
    /// `and`
    And,
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
    /// `in`
    In,
    /// `not in`
    NotIn,
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `mod`
    Mod,
}

/// `all`, `any`, `no`
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Quantifier {
    /// `all`
    All,
    /// `any`
    Any,
    /// `no`
    No,
}
