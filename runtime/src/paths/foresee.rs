//! Random requests, and what a service must answer to a request when it is in some state.

use super::ask::{self, Acted, Asked};
use super::graph::is_asked_for;
use crate::model::{Event, Model, State, StateSource, Transition, with_changes};
use crate::schema::{KindId, Schema};
use crate::step::{Action, Acts, Performed, Picks, Protocol, Request, Source, Tx, acting, perform};
use crate::time::Instant;
use crate::value::{Row, RowKey, Value};
use smol_str::SmolStr;
use std::collections::BTreeMap;

/// What a service must answer.
pub(crate) enum Foreseen {
    /// This happens.
    Moves(Box<Transition>),
    /// It is refused for this.
    Refused(Vec<String>),
    /// It hangs on what the model alone sees: the service may do it, and for the model the environment does not answer so.
    Open,
}

/// What a service must answer to a request in a state.
pub(crate) fn foresee(model: &Model, state: &State, asked: &Asked) -> Foreseen {
    let Some((action, request, me)) = read(model, asked) else { return Foreseen::Open };
    let mut moves = model.transitions_of(state, &asked.op, &request.run).into_iter();
    if let Some(transition) = moves.find(|t| is_of(&t.event, &request, me)) {
        return match &transition.next {
            Ok(_) => Foreseen::Moves(Box::new(transition)),
            Err(_) => Foreseen::Refused(vec!["bounds".into()]),
        };
    }
    match unseen(model, state, action, &request, me) {
        Err(codes) => Foreseen::Refused(codes),
        Ok(_) => Foreseen::Open,
    }
}

/// The step, the request and who asks.
fn read<'a>(model: &'a Model, asked: &'a Asked) -> Option<(&'a Action, Request, &'a str)> {
    let (protocol, action) = model.spec.action(&asked.op)?;
    let (me, values, _) = asked.typed.as_ref()?;
    Some((action, action.request(protocol, values)?, me))
}

/// Whether an event is what a request asks for. Ordinals and instants are not compared: a model has its own.
pub(crate) fn is_of(event: &Event, request: &Request, who: &str) -> bool {
    match event {
        Event::Begin { run, .. } => *run == request.run,
        Event::Step { run, me, choices, picks, duplicated: None, .. } => {
            let given = |name: &str| request.picks.iter().find(|(n, _)| n == name).map(|(_, value)| value);
            *run == request.run
                && acting(me) == Some(who)
                && choices.len() == request.choices.len()
                && choices.iter().zip(&request.choices).all(|(a, b)| alike(a, b))
                && picks.iter().all(|(name, value)| given(name).is_none_or(|other| alike(value, other)))
        }
        _ => false,
    }
}

fn alike(a: &Value, b: &Value) -> bool {
    a == b || (is_relative(a) && is_relative(b))
}

fn is_relative(value: &Value) -> bool {
    match value {
        Value::Time(_) | Value::Ordinal(_) => true,
        Value::Set(all) => all.iter().any(is_relative),
        Value::Seq(all) | Value::Record(all) | Value::Variant(_, all) => all.iter().any(is_relative),
        Value::Map(all) => all.values().any(is_relative),
        _ => false,
    }
}

/// What a service does, which sees no ghost truth: the state that it leads to, or what is false.
pub(crate) fn unseen(
    model: &Model,
    state: &State,
    action: &Action,
    request: &Request,
    me: &str,
) -> Result<State, Vec<String>> {
    let source = Unseen(StateSource::new(model, state));
    let (mut tx, mut acted) = (Tx::new(&source, &model.members), Acted(None));
    let mut picks = Picks::given(request.picks.clone());
    let performed = perform(action, &mut tx, &request.run, &request.choices, &mut picks, &mut acted);
    if acted.0.is_some_and(|acts| acts != me) {
        return Err(vec!["self".into()]);
    }
    match performed {
        Ok(Performed::Denied(guard)) => Err(guard.failed().iter().map(|id| (*id).to_owned()).collect()),
        Ok(_) if !tx.excess().is_empty() => Err(vec!["bounds".into()]),
        Ok(_) => Ok(model.canonical(with_changes(state, &tx))),
        Err(stop) => Err(vec![stop.code()]),
    }
}

/// A state without its ghost truth.
struct Unseen<'a>(StateSource<'a>);

impl Source for Unseen<'_> {
    fn schema(&self) -> &Schema {
        self.0.schema()
    }

    fn get(&self, row: &RowKey) -> Option<&Row> {
        self.0.get(row)
    }

    fn keys(&self, kind: KindId) -> Vec<Box<[Value]>> {
        self.0.keys(kind)
    }

    fn now(&self) -> Instant {
        self.0.now()
    }

    fn tick(&self) -> i64 {
        self.0.tick()
    }

    fn greatest(&self, ordinal: &str) -> Option<u64> {
        self.0.greatest(ordinal)
    }
}

/// The requests that make something happen, by operation.
pub(crate) fn enabled(model: &Model, state: &State) -> BTreeMap<SmolStr, Vec<Asked>> {
    let mut all: BTreeMap<SmolStr, Vec<Asked>> = BTreeMap::new();
    for transition in model.successors(state).transitions {
        if is_asked_for(&transition.event)
            && transition.next.is_ok()
            && let Some(asked) = ask::event(model, &transition.event)
        {
            all.entry(asked.op.clone()).or_default().push(asked);
        }
    }
    all
}

/// Some request, which most states refuse. None if the model has no instance that could make it.
pub(crate) fn arbitrary(model: &Model, state: &State, random: &mut fastrand::Rng) -> Option<Asked> {
    let steps = model.spec.protocols.iter().enumerate();
    let steps: Vec<(usize, &Protocol, &Action)> =
        steps.flat_map(|(p, of)| of.begin.iter().chain(&of.actions).map(move |a| (p, of, a))).collect();
    let (p, protocol, action) = *one(random, &steps)?;
    let run = one(random, &model.runs(p))?.clone();
    let row = Action::run_row(protocol, &run).and_then(|row| state.rows.get(&row));
    let mut choices = Vec::new();
    for choice in &action.choices {
        // Often what the run has already: anything else is refused at once.
        let present = row.filter(|_| random.bool()).map(|row| &***row);
        choices.push(one(random, &model.choices(p, choice, present))?.clone());
    }
    let mut picks = Vec::new();
    for field in &action.picks {
        picks.push((field.name.as_str(), one(random, &model.values(&field.ty)?)?.clone()));
    }
    let me = match action.acts {
        Acts::Role(_) | Acts::Begins => Some(one(random, model.members.all(&action.actor))?.as_str()),
        _ => None,
    };
    Some(ask::request(model, protocol, action, &run, &choices, &picks, me))
}

fn one<'a, T>(random: &mut fastrand::Rng, list: &'a [T]) -> Option<&'a T> {
    if list.is_empty() { None } else { list.get(random.usize(..list.len())) }
}
