//! A model goes the way that a behaviour tells.

use super::ask;
use super::behaviour::{Behaviour, Part};
use super::graph::starts_there;
use crate::model::{Event, FaultKind, Model, State, Transition, listed};
use crate::step::{Excess, asked};
use crate::value::{Field, FieldsSeed, Type, Value};
use serde::de::DeserializeSeed;
use serde_json::{Map, Value as Json};

/// The most states that are looked at behind a behaviour, for properties of what is possible there.
const AHEAD: usize = 500_000;

/// The most ways that a model is followed on at once: they differ in the initial state, or in which copy arrives.
const WAYS: usize = 10_000;

/// Events of a model, and the states between them.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The initial state, then one for each event; the last event may lead to none, because it exceeds a bound.
    pub states: Vec<State>,
    pub events: Vec<Event>,
}

/// How far a model goes.
pub(super) enum Followed {
    /// To where the property is violated.
    Violated(Way),
    /// To an event that cannot happen.
    Stopped(Way),
    /// To the end, and nothing is violated.
    Through(Way),
}

impl Followed {
    pub fn way(&self) -> &Way {
        match self {
            Followed::Violated(way) | Followed::Stopped(way) | Followed::Through(way) => way,
        }
    }
}

/// Follows a behaviour from every initial state; first from those in which a service starts.
pub(super) fn follow(behaviour: &Behaviour, model: &Model) -> Result<Followed, String> {
    let property = behaviour.property.as_str();
    let start = |state: State| Way { states: vec![state], events: Vec::new() };
    let mut ways: Vec<Way> = model.initial_states().into_iter().map(start).collect();
    ways.sort_by_key(|way| !starts_there(model, &way.states[0]));
    let at_once = |way: &Way| violates_always(model, property, &way.states[0]);
    if let Some(way) = ways.iter().find(|way| at_once(way)) {
        return Ok(Followed::Violated(way.clone()));
    }
    for part in &behaviour.parts {
        let mut on: Vec<Way> = Vec::new();
        for way in &ways {
            let Some(state) = way.states.last() else { continue };
            let transitions = model.successors(state).transitions;
            for transition in transitions.into_iter().filter(|t| is(model, state, &t.event, part)) {
                let violated = violates(model, property, &transition);
                let mut longer = way.clone();
                longer.events.push(transition.event);
                longer.states.extend(transition.next.clone());
                if violated {
                    return Ok(Followed::Violated(longer));
                }
                if transition.next.is_ok() {
                    on.push(longer);
                }
            }
        }
        if on.len() > WAYS {
            return Err(format!("there are more than {WAYS} ways to follow at {part}"));
        }
        if on.is_empty() {
            return ways.into_iter().next().map(Followed::Stopped).ok_or_else(|| "no initial state".into());
        }
        ways = on;
    }
    for way in &ways {
        if ends_badly(model, property, way.states.last())? {
            return Ok(Followed::Violated(way.clone()));
        }
    }
    ways.into_iter().next().map(Followed::Through).ok_or_else(|| "no initial state".into())
}

fn violates_always(model: &Model, property: &str, state: &State) -> bool {
    model.always_violations(state).iter().any(|i| model.properties[*i].name == property)
}

fn violates(model: &Model, property: &str, transition: &Transition) -> bool {
    let named = transition.violated.iter().any(|i| model.properties[*i].name == property);
    match &transition.next {
        Err(Excess::Advance) => named || property == "advances",
        Err(_) => named || property == "bounds",
        Ok(next) => named || violates_always(model, property, next),
    }
}

/// Whether what a state makes impossible is what the property asks for.
fn ends_badly(model: &Model, property: &str, state: Option<&State>) -> Result<bool, String> {
    let Some(state) = state else { return Ok(false) };
    let missing = model.missing_ahead(property, state, AHEAD);
    missing.ok_or_else(|| format!("there are more than {AHEAD} states behind the behaviour"))
}

/// Whether an event is the one that was told.
fn is(model: &Model, state: &State, event: &Event, part: &Part) -> bool {
    match (event, part) {
        (Event::Tick, Part::Tick) => true,
        (Event::Begin { .. }, Part::Asked { op, body, rejected: false, twice: false }) => {
            is_asked(model, event, op, body)
        }
        (Event::Step { rejected, duplicated, .. }, Part::Asked { op, body, rejected: answered, twice }) => {
            rejected == answered && duplicated.is_some() == *twice && is_asked(model, event, op, body)
        }
        (Event::Deliver { fault, position, .. }, Part::Again { op, run }) => {
            delivers(model, *fault) == Some(op) && listed(&state.pending[*fault][*position].run) == *run
        }
        (Event::Crash(_, id), Part::Crash(told)) | (Event::Restart(_, id), Part::Restart(told)) => id == told,
        (Event::Lose(fault, lost), Part::Lost { protocol, run }) => {
            loses(model, *fault) == Some(protocol) && listed(lost) == *run
        }
        _ => false,
    }
}

/// Whether an event is what this request asks for: the request may also say what is not picked after all.
pub(super) fn is_asked(model: &Model, event: &Event, op: &str, body: &Map<String, Json>) -> bool {
    let Some((name, said)) = ask::said(model, event).filter(|(name, _)| name == op) else { return false };
    let picks = model.spec.action(&name).map(|(_, action)| &action.picks[..]).unwrap_or_default();
    let is_pick = |name: &String| picks.iter().any(|p| p.name == *name);
    said.iter().all(|(name, value)| body.get(name).unwrap_or(&Json::Null) == value)
        && body.iter().all(|(name, value)| said.contains_key(name) || value.is_null() || is_pick(name))
}

fn delivers(model: &Model, fault: usize) -> Option<&str> {
    match model.faults.get(fault)?.kind {
        FaultKind::Duplicate { protocol, action, .. } => {
            Some(&model.spec.protocols[protocol].actions[action].name)
        }
        _ => None,
    }
}

fn loses(model: &Model, fault: usize) -> Option<&str> {
    match model.faults.get(fault)?.kind {
        FaultKind::Lose { protocol, .. } => Some(&model.spec.protocols[protocol].name),
        _ => None,
    }
}

/// Whether the spec has everything that a behaviour speaks of; without, it would be gone for no good reason.
pub(super) fn known(behaviour: &Behaviour, model: &Model) -> Result<(), String> {
    let property = behaviour.property.as_str();
    let built_in = ["bounds", "advances", "stuck", "stranded"].contains(&property);
    if !built_in && model.properties.iter().all(|p| p.name != property) {
        return Err(nothing_said(&format!("it has no property `{property}`")));
    }
    for part in &behaviour.parts {
        unknown(model, part).map_or(Ok(()), |what| Err(nothing_said(&format!("{part}: {what}"))))?;
    }
    Ok(())
}

fn nothing_said(why: &str) -> String {
    format!("the spec has changed, and this test says nothing any more: {why}; make it again, or delete it")
}

fn unknown(model: &Model, part: &Part) -> Option<String> {
    let faults = 0..model.faults.len();
    let crashes = |id: &str| {
        let of = |fault: &FaultKind| matches!(fault, FaultKind::Crash { sort, .. } if model.members.all(sort).iter().any(|i| i == id));
        model.faults.iter().any(|fault| of(&fault.kind))
    };
    match part {
        Part::Asked { op, body, twice, .. } => {
            let copied = || faults.clone().any(|f| delivers(model, f) == Some(op));
            let why =
                if *twice && !copied() { Some("its request does not stay on its way".into()) } else { None };
            unreadable(model, op, body).or(why)
        }
        Part::Again { op, .. } => (!faults.clone().any(|f| delivers(model, f) == Some(op)))
            .then(|| "no fault delivers it again".into()),
        Part::Crash(id) | Part::Restart(id) => (!crashes(id)).then(|| "no fault crashes it".into()),
        Part::Lost { protocol, .. } => {
            (!faults.clone().any(|f| loses(model, f) == Some(protocol))).then(|| "no fault loses it".into())
        }
        Part::Tick => None,
    }
}

/// Why a request cannot be made of the model's operations and instances, if it cannot.
fn unreadable(model: &Model, op: &str, body: &Map<String, Json>) -> Option<String> {
    let Some((protocol, action)) = model.spec.action(op) else {
        return Some("there is no such operation".into());
    };
    let mut fields = vec![Field { name: "self".into(), ty: Type::id(&action.actor) }];
    fields.extend(asked(protocol, action).into_iter().map(|(_, field)| field));
    match FieldsSeed(&fields).deserialize(Json::Object(body.clone())) {
        Err(e) => Some(e.to_string()),
        Ok(values) => fields.iter().zip(&values).find_map(|(field, value)| stranger(model, field, value)),
    }
}

fn stranger(model: &Model, field: &Field, value: &Value) -> Option<String> {
    let ty = if let Type::Optional(of) = &field.ty { of } else { &field.ty };
    match (ty, value) {
        (Type::Id(sort), Value::Id(id)) if !model.members.all(sort).contains(id) => {
            Some(format!("the model has no {sort} `{id}`"))
        }
        _ => None,
    }
}
