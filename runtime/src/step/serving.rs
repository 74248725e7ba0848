//! A spec's steps as the operations of a service: decodes requests, asks the user's code for what a step leaves open, and
//! finds the step of a journal entry again.

use super::ask::asked;
use super::{Action, Acts, Choice, ChoiceKind, Environment, Members, Protocol, Request, Spec};
use crate::handover::{self, NoTurn, Part, Turn};
use crate::journal::Entry;
use crate::schema::{KindId, Schema};
use crate::service::{
    Asking, Call, Class, Guard, Handler, HandlerError, Initial, Operation, Outcome, Prepared, Release, Steps,
};
use crate::store::{BoxFuture, Json, Plan, Step};
use crate::value::{Field, FieldsSeed, Row, RowKey, Type, TypedFields, Value};
use crate::wire;
use serde::de::DeserializeSeed;
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;

/// When a caller whose outcome is `retry` is to ask again.
const RETRY: Duration = Duration::from_secs(1);

/// The user's code before a step.
pub trait Choose: Send + Sync + 'static {
    /// From the request (the run's key, then every choice and pick, null where the caller left it open) the choices and
    /// picks that the step is taken with.
    fn choose<'a>(&'a self, call: &'a Call, request: Row) -> BoxFuture<'a, Result<Row, HandlerError>>;
}

/// What is served of a spec.
#[derive(Clone)]
pub struct Serving(Environment);

impl Serving {
    /// A spec, what is stored of it, and the members of types that have a closed list of them.
    ///
    /// # Errors
    /// A type of which some step asks for all instances has no list of them; which key of the configuration is missing.
    pub fn new<'a>(
        spec: Spec,
        schema: Arc<Schema>,
        lists: impl IntoIterator<Item = (&'a SmolStr, &'a [SmolStr])>,
    ) -> Result<Serving, String> {
        let lists: Vec<_> = lists.into_iter().map(|(sort, all)| (sort.clone(), all.to_vec())).collect();
        let given = |sort: &SmolStr| lists.iter().find(|(s, all)| s == sort && !all.is_empty());
        if let Some((sort, _)) = lists.iter().find(|(s, _)| spec.sorts.iter().all(|known| known.name != *s)) {
            return Err(format!("members.{sort}: the spec has no type of this name"));
        }
        if let Some(sort) = spec.sorts.iter().find(|s| s.closed && given(&s.name).is_none()) {
            let name = &sort.name;
            return Err(format!(
                "members.{name} is missing: a step looks at every `{name}`, so it must be known who they are"
            ));
        }
        let members = Members::new(lists);
        Ok(Serving(Environment { spec: Arc::new(spec), schema, members: Arc::new(members) }))
    }

    /// What is stored.
    #[must_use]
    pub fn schema(&self) -> Arc<Schema> {
        self.0.schema.clone()
    }

    /// The operation of a step, with the user's code.
    ///
    /// # Panics
    /// The spec has no step of this name: generated code names its own.
    #[must_use]
    pub fn operation(&self, name: &str, choose: impl Choose) -> Operation {
        let (protocol, action) = self.0.spec.action(name).expect("a step of the spec");
        let fields: Arc<[Field]> = action.fields(protocol).into();
        let outcomes = [
            Outcome { name: "retry".into(), class: Class::Retry { after: RETRY } },
            Outcome { name: "requeue".into(), class: Class::Requeue },
        ];
        let reply = protocol.kind.map_or_else(Vec::new, |kind| self.0.schema.kind(kind).columns.clone());
        let handler = Asked { serving: self.clone(), name: name.into(), fields: fields.clone(), choose };
        Operation {
            name: name.into(),
            path: wire::path(name).into(),
            actor: action.actor.clone(),
            request: asked(protocol, action).into_iter().map(|(_, field)| field).collect(),
            reply,
            outcomes: outcomes.into(),
            plan: Arc::new(action.plan()),
            handler: Arc::new(handler),
            turn: self.turn(protocol, action),
        }
    }

    /// When runs have reached a step, and how it is then asked for.
    fn turn(&self, protocol: &Protocol, action: &Action) -> Result<Turn, NoTurn> {
        let runs = protocol.kind.ok_or(NoTurn::Rule)?;
        if action.at.is_empty() {
            return Err(NoTurn::Begins);
        }
        let keys = protocol.keys().len();
        let role = |choice: &Choice| match choice.kind {
            ChoiceKind::Role { column, .. } => Some(column),
            ChoiceKind::Param { .. } => None,
        };
        // A step may bind who acts only where nobody did before.
        let earlier = protocol.actions.iter().take_while(|other| other.name != action.name);
        let bound: Vec<usize> = earlier.flat_map(|other| other.choices.iter().filter_map(role)).collect();
        let actor = match action.acts {
            Acts::Subject(n) => Some(Part::Key(n)),
            Acts::Role(column) => Some(Part::Column(column)),
            Acts::Choice(n) => role(&action.choices[n]).filter(|c| bound.contains(c)).map(Part::Column),
            Acts::Begins => None,
        };
        let only = self.only(&action.actor);
        if actor.is_none() && only.is_none() {
            return Err(NoTurn::Anybody { actor: action.actor.clone() });
        }
        let request = asked(protocol, action).into_iter().map(|(place, _)| match place.checked_sub(keys) {
            None => Some(Part::Key(place)),
            Some(n) => action.choices.get(n).and_then(role).map(Part::Column),
        });
        Ok(Turn { runs, at: action.at.clone(), actor, only, request: request.collect() })
    }

    /// The only instance of a type, if there is one: in the closed list, or else in the model.
    fn only(&self, sort: &SmolStr) -> Option<SmolStr> {
        let known = self.0.spec.sorts.iter().find(|known| known.name == *sort);
        match self.0.members.of(sort).or(known.map(|known| &known.instances[..])) {
            Some([one]) => Some(one.clone()),
            _ => None,
        }
    }

    /// How an operation that sets attributes of these kinds and columns to null, in which its actor is the owner of something, is
    /// asked for when the process ends: by runs that have come to it. None if runs do not say who acts. `only` as in [`Release`].
    #[must_use]
    pub fn release(&self, name: &str, owners: &[(KindId, usize)], only: bool) -> Option<Release> {
        let (protocol, action) = self.0.spec.action(name)?;
        let turn = self.turn(protocol, action).ok()?;
        let rows = turn.runs;
        let asking: Asking = Arc::new(move |run, stored| turn.ask(run, &stored.row));
        Some(Release { op: name.into(), rows, asking, owners: owners.to_vec(), only })
    }

    /// How rows start.
    #[must_use]
    pub fn initial(&self) -> Initial {
        let environment = self.0.clone();
        Arc::new(move |row| environment.initial(row))
    }

    /// Finds steps again.
    #[must_use]
    pub fn steps(&self) -> Steps {
        let serving = self.clone();
        Arc::new(move |entry| serving.again(entry))
    }

    fn again(&self, entry: &Entry) -> Option<(Arc<Plan>, Step)> {
        let (protocol, action) = self.0.spec.action(&entry.op)?;
        let fields = action.fields(protocol);
        let mut from = serde_json::Deserializer::from_str(entry.input.text());
        let values = FieldsSeed(&fields).deserialize(&mut from).ok()?;
        let request = action.request(protocol, &values)?;
        let step = self.0.step(&entry.op, entry.id.clone(), request)?;
        Some((Arc::new(action.plan()), step))
    }

    /// Whether the instances in a request exist, where their type has a closed list.
    fn known(&self, fields: &[Field], values: &[Value]) -> Result<(), HandlerError> {
        for (field, value) in fields.iter().zip(values) {
            let ty = if let Type::Optional(of) = &field.ty { of } else { &field.ty };
            if let (Type::Id(sort), Value::Id(id)) = (ty, value)
                && self.0.members.of(sort).is_some_and(|all| !all.contains(id))
            {
                return Err(HandlerError::invalid(format!("{}: `{id}` is no {sort}", field.name)));
            }
        }
        Ok(())
    }
}

/// One operation around the user's code.
struct Asked<C> {
    serving: Serving,
    name: SmolStr,
    fields: Arc<[Field]>,
    choose: C,
}

impl<C: Choose> Handler for Asked<C> {
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
        Box::pin(async move {
            let environment = &self.serving.0;
            let (protocol, action) = environment.spec.action(&self.name).ok_or_else(|| wrong("no step"))?;
            let keys = protocol.keys().len();
            let mut values = self.asked(protocol, action, call);
            self.serving.known(&self.fields, &values)?;
            let chosen = self.choose.choose(call, values.clone()).await?;
            values.truncate(keys);
            values.extend(chosen);
            for (field, value) in self.fields.iter().zip(&values) {
                field.ty.check(value).map_err(|e| wrong(format!("it chose {}: {e}", field.name)))?;
            }
            self.serving.known(&self.fields, &values)?;
            let request = action.request(protocol, &values).ok_or_else(|| wrong("too few choices"))?;
            prepared(environment, protocol, call, request, &TypedFields(&self.fields, &values), &self.name)
        })
    }

    fn run(&self, call: &Call) -> Option<RowKey> {
        let (protocol, action) = self.serving.0.spec.action(&self.name)?;
        let mut values = self.asked(protocol, action, call);
        values.truncate(protocol.keys().len());
        Action::run_row(protocol, &values)
    }
}

impl<C> Asked<C> {
    /// The run's key, then every choice and pick, as they are asked for: who acts is in a place of its own.
    fn asked(&self, protocol: &Protocol, action: &Action, call: &Call) -> Row {
        let mut values = vec![Value::Id(call.id.clone()); self.fields.len()];
        for ((place, _), value) in asked(protocol, action).into_iter().zip(&call.request) {
            values[place] = value.clone();
        }
        values
    }
}

fn prepared(
    environment: &Environment,
    protocol: &Protocol,
    call: &Call,
    request: Request,
    input: &TypedFields<'_>,
    name: &str,
) -> Result<Prepared, HandlerError> {
    let keys = environment.keys(name, &request);
    let run = Action::run_row(protocol, &request.run);
    let input = Json::of(input).map_err(wrong)?;
    let step = environment.step(name, call.id.clone(), request).ok_or_else(|| wrong("no step"))?;
    Ok(Prepared { keys, run, input, step })
}

fn wrong(what: impl ToString) -> HandlerError {
    HandlerError::internal(what.to_string())
}

/// What a denial says besides guards.
#[must_use]
pub fn text(spec: &Spec) -> Vec<Guard> {
    let guard = |id: String, text: String| Guard { id: id.into(), text: text.into() };
    let mut all = vec![
        guard("self".into(), "who asks is who the run has bound".into()),
        guard("run.elsewhere".into(), "the run has reached this step".into()),
        guard(handover::MOVED.into(), "the run is where it was when it was handed over".into()),
        guard("bounds".into(), "every value stays within its type".into()),
        guard("bounds.cut".into(), "every value stays within its type".into()),
    ];
    let mut named = |prefix: &str, name: &str, text: &str| {
        let id = format!("{prefix}{name}");
        if all.iter().all(|g| g.id != id) {
            all.push(guard(id, format!("`{name}` {text}")));
        }
    };
    for protocol in &spec.protocols {
        for (subject, _) in &protocol.subjects {
            named("busy.", subject, "takes part in no other run");
        }
        for action in &protocol.actions {
            for choice in &action.choices {
                named("busy.", &choice.field.name, "takes part in no other run");
                named("chosen.", &choice.field.name, "is what the run has");
            }
            for pick in &action.picks {
                named("pick.", &pick.name, "is one of those that can be picked");
            }
        }
    }
    all
}
