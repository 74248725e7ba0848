//! The model follows the journal: what a service commits must be a behaviour of its model.

use crate::journal::Entry;
use crate::model::{Model, State, StateSource};
use crate::paths::foresee::{is_of, unseen};
use crate::paths::lens::Lens;
use crate::paths::starts_there;
use crate::step::{Action, Request};
use crate::time::Instant;
use crate::value::{FieldsSeed, Row, RowKey};
use serde::de::DeserializeSeed;
use std::collections::HashMap;

/// Where the model is.
pub(super) struct Shadow {
    model: Model,
    expected: Vec<&'static str>,
    state: State,
    now: Instant,
    rows: HashMap<RowKey, Row>,
    followed: usize,
    blind: Option<String>,
}

impl Shadow {
    /// In the state in which a service starts.
    pub fn new(model: Model, expected: Vec<&'static str>, now: Instant) -> Shadow {
        let state = model.initial_states().into_iter().find(|state| starts_there(&model, state));
        let state = state.unwrap_or_default();
        Shadow { model, expected, state, now, rows: HashMap::new(), followed: 0, blind: None }
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    pub fn state(&self) -> &State {
        &self.state
    }

    /// How many events, and why claims are no longer judged.
    pub fn followed(&self) -> (usize, Option<String>) {
        (self.followed, self.blind.clone())
    }

    /// Follows an event.
    pub fn follow(&mut self, entry: &Entry) -> Result<(), String> {
        self.followed += 1;
        let what = |e: String| format!("event {} ({} by {}): {e}", entry.seq, entry.op, entry.id);
        self.wait_until(entry.now).map_err(what)?;
        for write in &entry.writes {
            self.rows.insert(write.row.clone(), write.values.clone());
        }
        self.state = self.after(entry).map_err(what)?;
        self.holds(&self.model.always_violations(&self.state)).map_err(what)
    }

    fn wait_until(&mut self, now: Instant) -> Result<(), String> {
        let ticks = Lens::at(&self.model, now).ticks_since(Lens::at(&self.model, self.now));
        self.now = now;
        for _ in 0..ticks {
            if self.blind.is_none() && self.model.is_overdue(&self.state) {
                self.blind = Some("a deadline ran out".into());
            }
            let source = StateSource::new(&self.model, &self.state);
            let Some(transition) = self.model.passing(&self.state, &source) else { return Ok(()) };
            self.holds(&transition.violated).map_err(|e| format!("before it the clock ticks: {e}"))?;
            self.state = transition.next.map_err(|e| format!("the clock cannot tick: {e:?}"))?;
            self.holds(&self.model.always_violations(&self.state))?;
        }
        Ok(())
    }

    /// The state after an event.
    fn after(&mut self, entry: &Entry) -> Result<State, String> {
        let (action, request) = decoded(&self.model, entry)?;
        let lens = Lens::at(&self.model, self.now);
        let same = |state: &State| lens.same(state, |row| self.rows.get(row).cloned());
        let mut different = None;
        for transition in self.model.transitions_of(&self.state, &entry.op, &request.run) {
            if !is_of(&transition.event, &request, &entry.id) {
                continue;
            }
            match transition.next {
                Ok(next) => match same(&next) {
                    Ok(()) => return self.holds(&transition.violated).map(|()| next),
                    Err(rows) => different = different.or(Some(rows)),
                },
                Err(excess) => different = different.or(Some(format!("it exceeds a bound: {excess:?}"))),
            }
        }
        if let Some(different) = different {
            return Err(format!("the model comes to another state: {different}"));
        }
        let next = unseen(&self.model, &self.state, action, &request, &entry.id)
            .map_err(|codes| format!("the model refuses it: false is {}", codes.join(", ")))?;
        same(&next).map_err(|rows| format!("its step comes to another state: {rows}"))?;
        let stale = || format!("the environment did not answer so at event {} ({})", entry.seq, entry.op);
        self.blind.get_or_insert_with(stale);
        Ok(next)
    }

    /// Whether nothing is violated but what the spec expects.
    fn holds(&self, violated: &[usize]) -> Result<(), String> {
        let unexpected = self.model.unexpected(violated, &self.expected).filter(|_| self.blind.is_none());
        unexpected.map_or(Ok(()), |names| Err(format!("it violates {names}")))
    }
}

/// The step of an event, and what was asked for.
fn decoded<'m>(model: &'m Model, entry: &Entry) -> Result<(&'m Action, Request), String> {
    let (protocol, action) = model.spec.action(&entry.op).ok_or("the spec has no such step")?;
    let fields = action.fields(protocol);
    let mut input = serde_json::Deserializer::from_str(entry.input.text());
    let values = FieldsSeed(&fields).deserialize(&mut input).map_err(|e| e.to_string())?;
    Ok((action, action.request(protocol, &values).ok_or("its input is that of another step")?))
}
