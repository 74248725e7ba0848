//! A spec as a table: its protocols, and the phases of each step.

use super::{Guard, Key, Members, Picks, Record, Stop, Tx, Typed};
use crate::schema::{KindId, Schema};
use crate::value::{Field, Row, Type, Value};
use smol_str::SmolStr;
use std::sync::Arc;

/// A step of the spec, in phases. [`super::perform`] puts them together.
pub trait Operation: 'static {
    /// The run.
    type Run: Key;
    /// The acting instance.
    type Me: Typed;
    /// Roles bound and parameters chosen.
    type Choices: Key;
    /// Whether it answers when its guard is false.
    const REJECTS: bool = false;

    /// Whether the run has reached it and may take part; makes the choices; says who acts.
    ///
    /// # Errors
    /// It cannot be taken now, or not with these choices.
    fn choose(tx: &mut Tx<'_>, run: &Self::Run, choices: Self::Choices) -> Result<Self::Me, Stop>;

    /// Whether it is legal.
    fn guard(tx: &Tx<'_>, run: &Self::Run, me: &Self::Me) -> Guard;

    /// What the run reads when it executes.
    ///
    /// # Errors
    /// A bound that cuts.
    fn lets(_tx: &mut Tx<'_>, _run: &Self::Run, _me: &Self::Me) -> Result<(), Stop> {
        Ok(())
    }

    /// What it does to the truth.
    ///
    /// # Errors
    /// A pick without element, a bound that cuts.
    fn effect(tx: &mut Tx<'_>, run: &Self::Run, me: &Self::Me, picks: &mut Picks) -> Result<(), Stop>;

    /// Where the run goes.
    ///
    /// # Errors
    /// A bound that cuts.
    fn conclude(tx: &mut Tx<'_>, before: &Tx<'_>, run: &Self::Run, me: &Self::Me) -> Result<Moved, Stop>;

    /// What it does instead when its guard is false: the effect.
    ///
    /// # Errors
    /// As for the effect.
    fn reject(_tx: &mut Tx<'_>, _run: &Self::Run, _me: &Self::Me, _picks: &mut Picks) -> Result<(), Stop> {
        Err(Stop::NotReached)
    }

    /// Where the run goes then.
    ///
    /// # Errors
    /// As for [`Operation::conclude`].
    fn refuse(_tx: &mut Tx<'_>, _run: &Self::Run, _me: &Self::Me) -> Result<Moved, Stop> {
        Err(Stop::NotReached)
    }
}

/// Where a run went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moved {
    /// The outcome, or the step that the run is at now.
    pub outcome: &'static str,
    /// The branch that the step is on, if it is not the main chain.
    pub branch: Option<&'static str>,
}

/// What a choice is made for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ChoiceKind {
    /// A role: an instance of this type, kept in this column of the run.
    Role {
        /// The actor type.
        sort: SmolStr,
        /// The column of the run.
        column: usize,
    },
    /// A parameter, kept in this column of the run (none in rules, which keep nothing).
    Param {
        /// The column of the run.
        column: Option<usize>,
        /// Whether the first step chooses it for all.
        first: bool,
    },
}

/// A choice.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Its name and type.
    pub field: Field,
    /// What it is made for.
    pub kind: ChoiceKind,
}

type Choose = fn(&mut Tx<'_>, &[Value], &[Value]) -> Result<Value, Stop>;
type Conclude = fn(&mut Tx<'_>, &Tx<'_>, &[Value], &Value) -> Result<Moved, Stop>;
type Phase = fn(&mut Tx<'_>, &[Value], &Value, &mut Picks) -> Result<(), Stop>;

/// Where it says who acts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acts {
    /// This subject of the run.
    Subject(usize),
    /// This choice: a role that the step binds.
    Choice(usize),
    /// A role that an earlier step bound, in this column of the run.
    Role(usize),
    /// Not in the request: the event that begins a run.
    Begins,
}

/// A step without its Rust types.
#[derive(Clone)]
pub struct Action {
    /// `main.claim`
    pub name: SmolStr,
    /// The acting actor type.
    pub actor: SmolStr,
    /// Where it says who acts.
    pub acts: Acts,
    /// The statuses that some commit gives a run and in which the run has reached it, if the sub-runs on the way are done.
    pub at: Vec<SmolStr>,
    /// Roles bound, then parameters.
    pub choices: Vec<Choice>,
    /// What its effect picks, in order of writing.
    pub picks: Vec<Field>,
    /// Kinds of which it looks through all rows.
    pub scans: Vec<KindId>,
    /// Kinds that it may write.
    pub writes: Vec<KindId>,
    /// Whether it answers when its guard is false.
    pub rejects: bool,
    pub(crate) choose: Choose,
    pub(crate) guard: fn(&Tx<'_>, &[Value], &Value) -> Guard,
    pub(crate) lets: fn(&mut Tx<'_>, &[Value], &Value) -> Result<(), Stop>,
    pub(crate) effect: Phase,
    pub(crate) conclude: Conclude,
    pub(crate) reject: Phase,
    pub(crate) refuse: fn(&mut Tx<'_>, &[Value], &Value) -> Result<Moved, Stop>,
}

impl Action {
    /// The action of an operation.
    #[must_use]
    pub fn of<O: Operation>(name: &'static str, actor: &'static str) -> Action {
        Action {
            name: SmolStr::new_static(name),
            actor: SmolStr::new_static(actor),
            acts: Acts::Begins,
            at: Vec::new(),
            choices: Vec::new(),
            picks: Vec::new(),
            scans: Vec::new(),
            writes: Vec::new(),
            rejects: O::REJECTS,
            choose: |tx, run, choices| {
                let run = run_of::<O>(run)?;
                let choices = O::Choices::from_parts(choices).ok_or(Stop::Mistyped("choices"))?;
                O::choose(tx, &run, choices).map(|me| me.to_value())
            },
            guard: |tx, run, me| O::guard(tx, &must(run_of::<O>(run)), &must(me_of::<O>(me))),
            lets: |tx, run, me| O::lets(tx, &run_of::<O>(run)?, &me_of::<O>(me)?),
            effect: |tx, run, me, picks| O::effect(tx, &run_of::<O>(run)?, &me_of::<O>(me)?, picks),
            conclude: |tx, before, run, me| O::conclude(tx, before, &run_of::<O>(run)?, &me_of::<O>(me)?),
            reject: |tx, run, me, picks| O::reject(tx, &run_of::<O>(run)?, &me_of::<O>(me)?, picks),
            refuse: |tx, run, me| O::refuse(tx, &run_of::<O>(run)?, &me_of::<O>(me)?),
        }
    }

    /// The same step, doing what another operation does: to see in a test what breaks. What the table says of it stays.
    #[must_use]
    pub fn doing<O: Operation>(&self) -> Action {
        let Action { name, actor, acts, at, choices, picks, scans, writes, .. } = self.clone();
        let other = Action::of::<O>("", "");
        Action { name, actor, acts, at, choices, picks, scans, writes, ..other }
    }

    /// Who acts is said there.
    #[must_use]
    pub fn by(mut self, acts: Acts) -> Action {
        self.acts = acts;
        self
    }

    /// Runs with these statuses have reached it.
    #[must_use]
    pub fn at(mut self, statuses: &[&'static str]) -> Action {
        self.at = statuses.iter().map(|status| SmolStr::new_static(status)).collect();
        self
    }

    /// With a role that it binds.
    #[must_use]
    pub fn binds(mut self, name: &str, sort: &str, column: usize) -> Action {
        let field = Field { name: name.into(), ty: Type::id(sort) };
        self.choices.push(Choice { field, kind: ChoiceKind::Role { sort: sort.into(), column } });
        self
    }

    /// With a parameter.
    #[must_use]
    pub fn param(mut self, name: &str, ty: Type, column: Option<usize>, first: bool) -> Action {
        let field = Field { name: name.into(), ty };
        self.choices.push(Choice { field, kind: ChoiceKind::Param { column, first } });
        self
    }

    /// With something that its effect picks.
    #[must_use]
    pub fn pick(mut self, name: &str, ty: Type) -> Action {
        self.picks.push(Field { name: name.into(), ty });
        self
    }

    /// Reads all rows of these kinds.
    #[must_use]
    pub fn scanning(mut self, kinds: &[KindId]) -> Action {
        self.scans = kinds.to_vec();
        self
    }

    /// Writes rows of these kinds.
    #[must_use]
    pub fn writing(mut self, kinds: &[KindId]) -> Action {
        self.writes = kinds.to_vec();
        self
    }
}

fn run_of<O: Operation>(run: &[Value]) -> Result<O::Run, Stop> {
    O::Run::from_parts(run).ok_or(Stop::Mistyped("run"))
}

fn me_of<O: Operation>(me: &Value) -> Result<O::Me, Stop> {
    O::Me::from_value(me).ok_or(Stop::Mistyped("self"))
}

/// A run and an actor that `choose` has seen.
fn must<T>(checked: Result<T, Stop>) -> T {
    checked.unwrap_or_else(|_| unreachable!("choose has read the same values"))
}

/// Where sub-runs belong: their keys are those of the run, then their own; copies go with copies.
#[derive(Clone, Debug)]
pub struct Parent {
    /// The protocol of the run, by position.
    pub protocol: usize,
    /// The status of the run while they happen. When it has another, they are idle.
    pub at: SmolStr,
    /// How many of their subjects are those of the run.
    pub subjects: usize,
}

/// A protocol.
#[derive(Clone)]
pub struct Protocol {
    /// Its name.
    pub name: SmolStr,
    /// Where its runs are kept; none for a rule.
    pub kind: Option<KindId>,
    /// The keys of its runs: name and type of each subject.
    pub subjects: Vec<(SmolStr, SmolStr)>,
    /// How many runs each combination of subjects has.
    pub copies: u32,
    /// Where its runs belong, if they are sub-runs.
    pub parent: Option<Parent>,
    /// The column of each role, with its type.
    pub roles: Vec<(usize, SmolStr)>,
    /// The statuses of runs that have begun and not ended.
    pub unfinished: Vec<SmolStr>,
    /// The statuses of runs that have chosen nothing: idle, or before the first step of the main chain.
    pub start: Vec<SmolStr>,
    /// The status of a run that a crash of its role or the loss of a hand-off ended; none where it is idle then.
    pub broken: Option<(SmolStr, SmolStr)>,
    /// Begins a run, if that is an event of its own.
    pub begin: Option<Action>,
    /// Its steps, by number.
    pub actions: Vec<Action>,
}

impl Protocol {
    /// The key of the run that a sub-run belongs to; none for runs that are no sub-runs.
    #[must_use]
    pub fn parent_key(&self, run: &[Value]) -> Option<Vec<Value>> {
        let parent = self.parent.as_ref()?;
        let copy = run.iter().skip(self.subjects.len());
        Some(run.iter().take(parent.subjects).chain(copy).cloned().collect())
    }

    /// The keys of its runs.
    #[must_use]
    pub fn keys(&self) -> Vec<Field> {
        let subject = |(name, sort): &(SmolStr, SmolStr)| Field { name: name.clone(), ty: Type::id(sort) };
        let copy = Field { name: "copy".into(), ty: Type::Int { lo: 0, hi: i64::from(self.copies) - 1 } };
        self.subjects.iter().map(subject).chain((self.copies > 1).then_some(copy)).collect()
    }
}

/// A kind as its struct makes it.
#[derive(Clone, Copy)]
pub struct KindCode {
    /// The row that was never written.
    pub initial: fn(&[Value], &Members) -> Option<Row>,
}

impl KindCode {
    /// Of a record.
    #[must_use]
    pub fn of<R: Record>() -> KindCode {
        KindCode {
            initial: |key, members| R::Key::from_parts(key).map(|key| R::initial(&key, members).to_row()),
        }
    }
}

/// An actor or id type.
#[derive(Clone, Debug)]
pub struct Sort {
    /// Its name.
    pub name: SmolStr,
    /// Whether it is an actor.
    pub actor: bool,
    /// Its instances in the model.
    pub instances: Vec<SmolStr>,
    /// Whether steps ask for all its instances: a service needs a closed list of them.
    pub closed: bool,
}

/// A whole spec.
#[derive(Clone)]
pub struct Spec {
    /// What is stored. Ghost truth comes last and is stored by models alone.
    pub schema: Arc<Schema>,
    /// How many kinds a service stores.
    pub stored: usize,
    /// How rows of each kind start.
    pub kinds: Vec<KindCode>,
    /// Actor and id types.
    pub sorts: Vec<Sort>,
    /// Protocols, in order.
    pub protocols: Vec<Protocol>,
    /// The length of a tick in milliseconds.
    pub tick: i64,
}

impl Spec {
    /// The members of every type, as the model has them.
    #[must_use]
    pub fn model_members(&self) -> Members {
        Members::new(self.sorts.iter().map(|s| (s.name.clone(), s.instances.clone())))
    }

    /// An action, by its name, with its protocol.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<(&Protocol, &Action)> {
        let mut all =
            self.protocols.iter().flat_map(|p| p.begin.iter().chain(&p.actions).map(move |a| (p, a)));
        all.find(|(_, a)| a.name == name)
    }
}
