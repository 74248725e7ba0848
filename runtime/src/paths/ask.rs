//! What is asked of a service: events of a model as requests, and what a state refuses.

use crate::model::{Event, Model, State, StateSource, tuples};
use crate::step::{Action, Acts, Performed, Picks, Protocol, Stop, Tx, Watch, acting, body, perform};
use crate::value::{Field, Row, RowKey, Value};
use smol_str::SmolStr;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The operation.
    pub op: SmolStr,
    /// The body.
    pub body: String,
    /// Where it is made from values: who asks, and these; and the run that it is about.
    pub typed: Option<(SmolStr, Row, Option<RowKey>)>,
}

/// What refuses: the operation, and what is false.
pub(crate) type Refused = (SmolStr, Vec<String>);

/// The request that makes an event happen.
pub(crate) fn event(model: &Model, event: &Event) -> Option<Asked> {
    match event {
        Event::Begin { protocol, run } => {
            let (protocol, action) = model.spec.action(&format!("{protocol}.begin"))?;
            Some(request(model, protocol, action, run, &[], &[], None))
        }
        Event::Step { op, run, me, choices, picks, .. } => {
            let (protocol, action) = model.spec.action(op)?;
            Some(request(model, protocol, action, run, choices, picks, acting(me)))
        }
        _ => None,
    }
}

/// What an event says of its request: the operation, and the fields of the body that it gives.
pub(super) fn said(
    model: &Model,
    event: &Event,
) -> Option<(SmolStr, serde_json::Map<String, serde_json::Value>)> {
    let asked = self::event(model, event)?;
    let mut body: serde_json::Map<_, _> = serde_json::from_str(&asked.body).ok()?;
    if let (Event::Step { picks, .. }, Some((_, action))) = (event, model.spec.action(&asked.op)) {
        let given = |name: &str| picks.iter().any(|(pick, _)| *pick == name);
        action.picks.iter().filter(|p| !given(&p.name)).for_each(|p| _ = body.remove(p.name.as_str()));
    }
    Some((asked.op, body))
}

/// A request for a step.
pub(super) fn request(
    model: &Model,
    protocol: &Protocol,
    action: &Action,
    run: &[Value],
    choices: &[Value],
    picks: &[(&str, Value)],
    me: Option<&str>,
) -> Asked {
    // What is picked in a branch that is not taken is anything.
    let picked = |field: &Field| {
        let given = picks.iter().find(|(name, _)| *name == field.name).map(|(_, v)| v.clone());
        given.or_else(|| model.values(&field.ty)?.into_iter().next()).unwrap_or(Value::Null)
    };
    let mut values: Vec<Value> = run.iter().chain(choices).cloned().collect();
    values.extend(action.picks.iter().map(picked));
    let me = match action.acts {
        Acts::Subject(n) => run[n].clone(),
        Acts::Choice(n) => choices[n].clone(),
        Acts::Role(_) | Acts::Begins => {
            Value::id(me.unwrap_or_else(|| model.members.all(&action.actor)[0].as_str()))
        }
    };
    let body = body(protocol, action, me.clone(), &values).expect("values of their types");
    let Value::Id(me) = me else { unreachable!("who acts is an instance") };
    Asked { op: action.name.clone(), body, typed: Some((me, values, Action::run_row(protocol, run))) }
}

/// What a state refuses, with a request for each.
pub(super) fn refusals(model: &Model, state: &State) -> Vec<(Refused, Asked)> {
    let source = StateSource::new(model, state);
    let mut found = Vec::new();
    for (p, protocol) in model.spec.protocols.iter().enumerate() {
        for run in model.runs(p) {
            for action in protocol.begin.iter().chain(&protocol.actions) {
                let row = Action::run_row(protocol, &run).and_then(|row| state.rows.get(&row));
                let columns: Vec<Vec<Value>> =
                    action.choices.iter().map(|c| model.choices(p, c, row.map(|r| &***r))).collect();
                for choices in tuples(&columns) {
                    let (codes, me) = refusal(&source, action, &run, &choices);
                    if !codes.is_empty() {
                        let me = me.as_deref();
                        let asked = request(model, protocol, action, &run, &choices, &[], me);
                        found.push(((action.name.clone(), codes), asked));
                    }
                }
            }
        }
    }
    found
}

/// Who acted.
pub(super) struct Acted(pub Option<String>);

impl<'a> Watch<'a> for Acted {
    fn chosen(&mut self, _tx: &Tx<'a>, me: &Value) {
        self.0 = acting(me).map(str::to_owned);
    }
}

/// What keeps a step from being taken (nothing if it can be), and who would take it.
fn refusal(
    source: &StateSource<'_>,
    action: &Action,
    run: &[Value],
    choices: &[Value],
) -> (Vec<String>, Option<String>) {
    let (mut tx, mut acted) = (source.tx(), Acted(None));
    let codes = match perform(action, &mut tx, run, choices, &mut Picks::given(Vec::new()), &mut acted) {
        Ok(Performed::Denied(guard)) => guard.failed().iter().map(|id| (*id).to_owned()).collect(),
        Ok(_) if !tx.excess().is_empty() => vec!["bounds".to_owned()],
        // What it picks is for the handler to say.
        Ok(_) | Err(Stop::Pick(..)) => Vec::new(),
        Err(stop) => vec![stop.code()],
    };
    (codes, acted.0)
}
