//! A behaviour that archc found, as a test: its events are asked of a service through its router, and the test fails as long as
//! the service goes that way and the property is violated on it.
//!
//! The model goes first. If it cannot take one of the events any more, or nothing is violated on the way, then the behaviour is
//! gone; the service is asked all the same, up to there and once more, and must do what the model does. Faults are no requests:
//! what one leaves is written into the store.

use super::ask::Asked;
use super::graph::starts_there;
use super::session::{Begins, Session};
use super::{Kept, Over, follow};
use crate::model::{Event, Model, State};
use crate::service::Service;
use follow::{Followed, Way};
use serde_json::{Map, Value as Json};
use std::fmt;

/// Events that lead to a violation, as they were told.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub(super) property: String,
    words: String,
    pub(super) parts: Vec<Part>,
}

/// One event.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// A request for an operation; whether it answers that its guard is false, and whether a copy of it stays on its way.
    Asked { op: String, body: Map<String, Json>, rejected: bool, twice: bool },
    /// A copy of a request of a run arrives.
    Again { op: String, run: String },
    /// An instance crashes.
    Crash(String),
    /// An instance is up again.
    Restart(String),
    /// The hand-off to the step that a run waits at disappears.
    Lost { protocol: String, run: String },
    /// The clock ticks.
    Tick,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Asked { op, body, rejected, twice } => {
                let body = serde_json::to_string(body).map_err(|_| fmt::Error)?;
                let answer = if *rejected { ", and its guard is false" } else { "" };
                let copy = if *twice { ", and a copy of it stays on its way" } else { "" };
                write!(f, "{op} is asked for {body}{answer}{copy}")
            }
            Part::Again { op, run } => write!(f, "a copy of {op} of {run} arrives"),
            Part::Crash(id) => write!(f, "{id} crashes"),
            Part::Restart(id) => write!(f, "{id} restarts"),
            Part::Lost { protocol, run } => write!(f, "a hand-off of {protocol} of {run} is lost"),
            Part::Tick => f.write_str("the clock ticks"),
        }
    }
}

impl Behaviour {
    /// One that violates a property, in the words of the spec.
    #[must_use]
    pub fn violating(property: &str, words: &str) -> Behaviour {
        Behaviour { property: property.into(), words: words.into(), parts: Vec::new() }
    }

    fn then(&mut self, part: Part) {
        self.parts.push(part);
    }

    fn asked(&mut self, op: &str, body: &str, rejected: bool, twice: bool) {
        let read = serde_json::from_str(body);
        let body = read.unwrap_or_else(|e| panic!("the body of {op} is no JSON object: {body}: {e}"));
        self.then(Part::Asked { op: op.into(), body, rejected, twice });
    }

    /// An operation is asked for with this body, and executes.
    ///
    /// # Panics
    /// The body is no JSON object; so for the next two.
    pub fn ask(&mut self, op: &str, body: &str) {
        self.asked(op, body, false, false);
    }

    /// An operation is asked for, and answers that its guard is false.
    pub fn ask_in_vain(&mut self, op: &str, body: &str) {
        self.asked(op, body, true, false);
    }

    /// An operation is asked for and executes; a copy of the request stays on its way.
    pub fn ask_twice(&mut self, op: &str, body: &str) {
        self.asked(op, body, false, true);
    }

    /// The copy of a request of a run arrives.
    pub fn arrives_again(&mut self, op: &str, run: &str) {
        self.then(Part::Again { op: op.into(), run: run.into() });
    }

    /// An instance crashes: its locals are lost, and it leaves its runs.
    pub fn crash(&mut self, id: &str) {
        self.then(Part::Crash(id.into()));
    }

    /// An instance that was down is up again.
    pub fn restart(&mut self, id: &str) {
        self.then(Part::Restart(id.into()));
    }

    /// The hand-off to the step that a run waits at disappears.
    pub fn lose(&mut self, protocol: &str, run: &str) {
        self.then(Part::Lost { protocol: protocol.into(), run: run.into() });
    }

    /// The clock ticks.
    pub fn tick(&mut self) {
        self.then(Part::Tick);
    }

    /// Whether a service does not behave so any more; how it ends instead.
    ///
    /// `service` makes the service, with handlers that take every choice from the request.
    ///
    /// # Errors
    /// It does, and the property is violated; or it does something that the model does not do; or the spec has no such
    /// property, operation, instance or fault any more, so that the test says nothing.
    ///
    /// # Panics
    /// There is no thread to run it on, or no folder for a database.
    pub fn is_gone(
        &self,
        model: &Model,
        service: impl Fn() -> Service,
        stores: &[Kept],
    ) -> Result<String, String> {
        follow::known(self, model)?;
        let followed = follow::follow(self, model)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let mut last = String::new();
        for kept in stores.iter().copied() {
            let driven = runtime.block_on(self.drive(model, service(), kept, followed.way()));
            last = driven.map_err(|e| format!("{kept:?}: {e}"))?;
        }
        let (way, property) = (followed.way(), &self.property);
        match &followed {
            Followed::Violated(_) => Err(format!(
                "`{property}`: {}\n{}  on {stores:?} the service does so",
                self.words,
                self.told(way.events.len())
            )),
            Followed::Stopped(_) => {
                let (n, part) = (way.events.len() + 1, &self.parts[way.events.len()]);
                Ok(format!(
                    "`{property}` is not violated so any more: when {n}. {part}, it is answered {last}"
                ))
            }
            Followed::Through(_) => {
                Ok(format!("`{property}` is not violated any more: all {} events happen", way.events.len()))
            }
        }
    }

    /// The first events, a line for each.
    fn told(&self, most: usize) -> String {
        let lines =
            self.parts.iter().take(most).enumerate().map(|(n, part)| format!("  {}. {part}\n", n + 1));
        lines.collect()
    }

    /// Takes a service the way of the model, and asks for the event at which that ends; what is answered.
    async fn drive(&self, model: &Model, service: Service, kept: Kept, way: &Way) -> Result<String, String> {
        let written = |part: &Part| !matches!(part, Part::Asked { .. } | Part::Tick);
        let begins = match () {
            () if !starts_there(model, &way.states[0]) => Begins::Seeded,
            () if self.parts.iter().any(written) => Begins::Unwatched,
            () => Begins::Watched,
        };
        let mut session =
            Session::start(model, service, (Over::Http, &[]), kept, &way.states[0], begins).await?;
        for (n, (event, part)) in way.events.iter().zip(&self.parts).enumerate() {
            // Behind an exceeded bound there is no state: the service refuses what exceeds it.
            let Some(next) = way.states.get(n + 1) else { break };
            match (event, part) {
                (Event::Tick, _) => session.tick(),
                (event, Part::Asked { .. }) => session.take(model, event).await?,
                // No request does it.
                _ => session.seed(model, next).await?,
            }
            session.compare(model, event, next).await?;
        }
        let last = match self.parts.get(way.events.len()) {
            Some(Part::Asked { op, body, .. }) => {
                self.asked_in_the_end(model, &mut session, &way.states, op, body).await?
            }
            _ => "that cannot happen".to_owned(),
        };
        session.close();
        Ok(last)
    }

    /// The answer to a request that the model cannot take as it was told: nothing changes, or what the model does instead.
    async fn asked_in_the_end(
        &self,
        model: &Model,
        session: &mut Session,
        states: &[State],
        op: &str,
        body: &Map<String, Json>,
    ) -> Result<String, String> {
        let state = states.last().ok_or("no state")?;
        let body_text = serde_json::to_string(body).map_err(|e| e.to_string())?;
        let (done, answer) = session.answer(&Asked { op: op.into(), body: body_text, typed: None }).await;
        let transitions = model.successors(state).transitions;
        let instead = transitions.iter().filter(|t| follow::is_asked(model, &t.event, op, body));
        let mut wrong = session.same(model, state).await.err().filter(|_| !done);
        if done {
            wrong = Some("the model does not take it".into());
            for next in instead.filter_map(|t| t.next.as_ref().ok()) {
                match session.same(model, next).await {
                    Ok(()) => return Ok(format!("it is answered {answer}")),
                    Err(differs) => wrong = Some(differs),
                }
            }
        }
        match wrong {
            None => Ok(format!("it is answered {answer}")),
            Some(what) => Err(format!("{op} is asked for: {what}; it is answered {answer}")),
        }
    }
}
