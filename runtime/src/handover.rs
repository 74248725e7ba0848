//! Hand-over to the next actor: a commit that leaves a run at a step which is listed writes a message to that step.
//!
//! A message is about one *visit* of a run to a step: its fencing token is the run's row in the version that the run has
//! there. When the run has moved on the message has nothing to do any more, which is decided within the transaction, by the
//! version. So there is one message for each visit and step, whatever the run does meanwhile, and none is executed late.
//!
//! Messages are put beside what the step says, here and nowhere else: the spec knows of none, so whoever evaluates a journal's
//! steps again needs no configuration.

use crate::fencing::FencingToken;
use crate::outbox::Message;
use crate::schema::{KindClass, KindId, Schema};
use crate::service::{Call, Class, Operation, Service, class};
use crate::store::{Decision, Denial, Effects, Json, Snapshot, Step};
use crate::value::{Field, Row, RowKey, TypedFields, Value};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;

/// What a denial names when the run has moved on since the hand-over.
pub const MOVED: &str = "run.moved";

/// The column of a run that says where it is.
const STATUS: usize = 0;

/// When runs have reached an operation, and how it is then asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Turn {
    /// The runs.
    pub runs: KindId,
    /// Their statuses.
    pub at: Vec<SmolStr>,
    /// Who acts, if the run says so.
    pub actor: Option<Part>,
    /// Who acts if the run does not: the only instance that there is.
    pub only: Option<SmolStr>,
    /// Where each field of the request is in the run; none is left to the handler.
    pub request: Vec<Option<Part>>,
}

/// A part of a run's row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// Of its key, by position.
    Key(usize),
    /// An attribute, by position.
    Column(usize),
}

impl Part {
    fn of(self, run: &RowKey, values: &[Value]) -> Value {
        let found = match self {
            Part::Key(n) => run.key.get(n),
            Part::Column(n) => values.get(n),
        };
        found.cloned().unwrap_or(Value::Null)
    }
}

impl Turn {
    fn is_reached(&self, run: &RowKey, values: &[Value]) -> bool {
        let status = values.get(STATUS);
        run.kind == self.runs && matches!(status, Some(Value::Enum(at)) if self.at.contains(at))
    }

    /// How it is asked for when a run has come to it: who acts, and the request; none if the run is elsewhere, or does not say who.
    #[must_use]
    pub fn ask(&self, run: &RowKey, values: &[Value]) -> Option<(SmolStr, Row)> {
        let asked = self.is_reached(run, values).then(|| self.asked(run, values))??;
        match asked.split_first() {
            Some((Value::Id(me), request)) => Some((me.clone(), request.to_vec())),
            _ => None,
        }
    }

    /// `self` and the request; none if nobody is known who acts.
    fn asked(&self, run: &RowKey, values: &[Value]) -> Option<Row> {
        let bound = self.actor.map(|part| part.of(run, values)).filter(|who| *who != Value::Null);
        let me = bound.or_else(|| self.only.clone().map(Value::Id))?;
        let rest = self.request.iter().map(|part| part.map_or(Value::Null, |part| part.of(run, values)));
        Some(std::iter::once(me).chain(rest).collect())
    }
}

/// Why an operation cannot be handed over.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoTurn {
    /// Rules keep no runs.
    #[error("it is a rule, which has no run that could have come to it")]
    Rule,
    /// No commit leaves a run there.
    #[error("it begins a run, and no step leads to it")]
    Begins,
    /// The step binds who acts.
    #[error("it binds its {actor} freely: neither the run nor `members.{actor}` says who acts")]
    Anybody {
        /// The actor.
        actor: SmolStr,
    },
}

/// A list of hand-overs that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HandOverError {
    /// There is no such operation.
    #[error("handover.steps: the spec has no step `{0}`")]
    Unknown(SmolStr),
    /// It is there twice.
    #[error("handover.steps: `{0}` is listed twice")]
    Twice(SmolStr),
    /// It cannot be handed over.
    #[error("handover.steps: `{op}` cannot be handed over: {why}")]
    Unfit {
        /// The operation.
        op: SmolStr,
        /// Why not.
        why: NoTurn,
    },
}

/// The steps that are handed over.
#[derive(Clone, Debug, Default)]
pub struct HandOver {
    to: Vec<Successor>,
    pause: Duration,
}

#[derive(Clone, Debug)]
struct Successor {
    op: SmolStr,
    body: Vec<Field>,
    turn: Turn,
}

impl HandOver {
    /// To these operations of a service. `pause` is between a step and its own repetition.
    ///
    /// # Errors
    /// The first operation that there is not, or that cannot be handed over.
    pub fn new(service: &Service, steps: &[SmolStr], pause: Duration) -> Result<HandOver, HandOverError> {
        let mut to: Vec<Successor> = Vec::new();
        for name in steps {
            let op = service.operation(name).ok_or_else(|| HandOverError::Unknown(name.clone()))?;
            if to.iter().any(|known| known.op == *name) {
                return Err(HandOverError::Twice(name.clone()));
            }
            let unfit = |why: &NoTurn| HandOverError::Unfit { op: name.clone(), why: why.clone() };
            let turn = op.turn.as_ref().map_err(unfit)?.clone();
            to.push(Successor { op: name.clone(), body: op.body(), turn });
        }
        Ok(HandOver { to, pause })
    }

    /// The step of a call, with the messages that it is to write; denied when the call is a hand-over that is over.
    pub(crate) fn around(
        self: &Arc<Self>,
        op: &Operation,
        call: &Call,
        run: Option<&RowKey>,
        schema: &Arc<Schema>,
        step: Step,
    ) -> Step {
        let visit = call.fence.as_ref().and_then(|fence| Visit::of(fence, schema));
        let visit = visit.filter(|visit| Some(&visit.run) == run);
        if visit.is_none() && self.to.is_empty() {
            return step;
        }
        let (hand_over, schema, delivered) = (self.clone(), schema.clone(), call.delivery.is_some());
        let (name, outcomes) = (op.name.clone(), op.outcomes.clone());
        Arc::new(move |snapshot| {
            if let Some(visit) = &visit
                && snapshot.version(&visit.run) != visit.version
            {
                return Decision::Deny(Denial { failed: vec![MOVED.into()], record: false });
            }
            let mut decision = step(snapshot);
            if let Decision::Apply(effects) = &mut decision {
                let handed_over = visit.as_ref().filter(|_| delivered).map(|visit| &visit.run);
                let taken = (&name, class(&outcomes, &effects.outcome));
                let messages = hand_over.after(&schema, snapshot, effects, taken, handed_over);
                effects.messages.extend(messages);
            }
            decision
        })
    }

    /// The messages of a commit of an operation. `delivered` is the run whose hand-over it comes from, if it does.
    #[must_use]
    pub fn messages(
        &self,
        schema: &Schema,
        snapshot: &Snapshot<'_>,
        effects: &Effects,
        op: &Operation,
        delivered: Option<&RowKey>,
    ) -> Vec<Message> {
        self.after(schema, snapshot, effects, (&op.name, op.class(&effects.outcome)), delivered)
    }

    /// The messages of a commit of the operation of this name, whose outcome means this.
    fn after(
        &self,
        schema: &Schema,
        snapshot: &Snapshot<'_>,
        effects: &Effects,
        (op, class): (&SmolStr, Class),
        delivered: Option<&RowKey>,
    ) -> Vec<Message> {
        let delay = |to: &Successor| match class {
            Class::Retry { after } => after,
            Class::Requeue => self.pause,
            Class::Done if to.op == *op => self.pause,
            Class::Done => Duration::ZERO,
        };
        let mut messages = Vec::new();
        for (run, values) in &effects.writes {
            // The version in which it is written now.
            let visit = Visit { run: run.clone(), version: snapshot.version(run) + 1 };
            for to in self.to.iter().filter(|to| to.turn.is_reached(run, values)) {
                messages.extend(to.message(schema, &visit, values, delay(to)));
            }
        }
        // A run that has not changed has its messages still, but for the one that is being delivered. That one stays, too,
        // if its outcome is `retry`.
        if let Some(run) = delivered
            && !matches!(class, Class::Retry { .. })
            && effects.writes.iter().all(|(row, _)| row != run)
            && let Some(values) = snapshot.get(run)
            && let Some(to) = self.to.iter().find(|to| to.op == *op && to.turn.is_reached(run, values))
        {
            let visit = Visit { run: run.clone(), version: snapshot.version(run) };
            messages.extend(to.message(schema, &visit, values, delay(to)));
        }
        messages
    }
}

impl Successor {
    fn message(&self, schema: &Schema, visit: &Visit, values: &[Value], delay: Duration) -> Option<Message> {
        let Some(asked) = self.turn.asked(&visit.run, values) else {
            let run = visit.run.text(schema);
            tracing::warn!(op = %self.op, run, "not handed over: the run does not say who acts");
            return None;
        };
        let payload = Json::of(&TypedFields(&self.body, &asked)).expect("parts of rows are of their types");
        Some(Message { target: self.op.clone(), payload, delay, fence: Some(visit.token(schema)) })
    }
}

/// A run as it was when it was handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Visit {
    /// Its row.
    pub(crate) run: RowKey,
    /// The version of its row.
    pub(crate) version: u64,
}

impl Visit {
    /// What a token says; none if it is not about a run.
    pub(crate) fn of(token: &FencingToken, schema: &Schema) -> Option<Visit> {
        let run = RowKey::parse(&token.resource, schema).ok()?;
        let is_run = schema.kind(run.kind).class == KindClass::Run;
        is_run.then_some(Visit { run, version: token.epoch })
    }

    fn token(&self, schema: &Schema) -> FencingToken {
        FencingToken { resource: self.run.text(schema), epoch: self.version }
    }
}
