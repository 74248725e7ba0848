//! What clients do: choose a request, and insist on its answer.

use super::Simulation;
use super::happened::Answers;
use super::ledger::is_kept;
use super::network::Wire;
use super::shadow::Shadow;
use crate::client::{Asks, CallError, Connection, Endpoint, Key, Patience, Transport};
use crate::model::Model;
use crate::paths::START;
use crate::paths::ask::Asked;
use crate::paths::foresee::{Foreseen, arbitrary, enabled, foresee};
use crate::service::Service;
use crate::step::Spec;
use crate::store::TxId;
use crate::store::memory::MemoryStore;
use crate::time::Instant;
use crate::value::Row;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a client insists: for ever, as far as a simulation is concerned.
const PATIENCE: Patience = Patience {
    total: Duration::from_secs(1_000_000),
    attempt: Duration::from_millis(500),
    min_pause: Duration::from_millis(5),
    max_pause: Duration::from_millis(200),
};

/// How many requests in a hundred are for something that most states refuse.
const ARBITRARY: u8 = 20;

/// How often a request is made up before the client gives in.
const TRIES: usize = 1_000;

/// How many answered requests in a hundred are sent again at once.
const AGAIN: u8 = 10;

/// What all clients know.
pub(super) struct World {
    pub store: Arc<MemoryStore>,
    spec: Spec,
    service: Service,
    client: Vec<(&'static str, Asks)>,
    seen: Mutex<Seen>,
}

struct Seen {
    shadow: Shadow,
    /// How much of the journal was followed.
    entries: usize,
    wrong: Option<String>,
    answers: Vec<Answered>,
}

/// A request with its answer.
#[derive(Clone)]
pub(super) struct Answered {
    pub client: usize,
    pub key: SmolStr,
    pub op: SmolStr,
    asked: Asked,
    pub told: Told,
}

/// What was answered.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Told {
    Outcome { tx: TxId, outcome: SmolStr, at: Instant, run: Option<Row> },
    Denied { lost: u32, failed: String },
    Wrong(String),
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: ", self.key, self.op, self.asked.body)?;
        match &self.told {
            Told::Outcome { outcome, at, run, .. } => {
                write!(f, "{outcome} at {}", at.millis() - START)?;
                run.as_ref().map_or(Ok(()), |run| write!(f, ", the run is {run:?}"))
            }
            Told::Denied { failed, .. } => write!(f, "denied, false is {failed}"),
            Told::Wrong(what) => f.write_str(what),
        }
    }
}

impl World {
    pub fn new(of: &Simulation, store: Arc<MemoryStore>) -> World {
        let shadow = Shadow::new(of.model.clone(), of.expected.clone(), Instant::from_millis(START));
        let seen = Mutex::new(Seen { shadow, entries: 0, wrong: None, answers: Vec::new() });
        let (spec, service) = (of.model.spec.clone(), of.service.clone());
        World { store, spec, service, client: of.client.clone(), seen }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows what was committed.
    pub fn follow(&self) {
        let mut seen = self.seen();
        let new = self.store.committed(seen.entries);
        for entry in new {
            seen.entries += 1;
            if seen.wrong.is_none() {
                seen.wrong = seen.shadow.follow(&entry).err();
            }
        }
    }

    /// Whether the model could follow.
    pub fn is_conformant(&self) -> Result<(), String> {
        let wrong = self.seen().wrong.clone();
        wrong.map_or(Ok(()), |what| Err(format!("the journal is no behaviour of the model: {what}")))
    }

    pub fn followed(&self) -> (usize, Option<String>) {
        self.seen().shadow.followed()
    }

    /// The answers, by client.
    pub fn answers(&self) -> Vec<Answered> {
        let mut answers = self.seen().answers.clone();
        answers.sort_by_key(|a| a.client);
        answers
    }

    /// The last answers: for whoever looks at a simulation that does not go on.
    pub fn told(&self) -> String {
        let seen = self.seen();
        let wrong = seen.wrong.iter().map(|wrong| format!("\n  {wrong}"));
        let last = seen.answers.iter().rev().take(3).map(|answer| format!("\n  {answer}"));
        wrong.chain(last).collect()
    }

    fn connection(&self, by: impl Transport) -> Connection {
        Connection::new(Endpoint::over(by).patience(PATIENCE), self.spec.clone())
    }

    /// A request for what can happen now, most of the time.
    fn choose(&self, random: &mut fastrand::Rng) -> Option<Asked> {
        self.follow();
        let seen = self.seen();
        let (model, state): (&Model, _) = (seen.shadow.model(), seen.shadow.state());
        // An operation first: those with many choices are not to drown the others.
        let mut all: Vec<Vec<Asked>> = enabled(model, state).into_values().collect();
        if all.is_empty() || random.u8(..100) < ARBITRARY {
            // An answer that the environment does not give is no request of anybody.
            let mut any = std::iter::repeat_with(|| arbitrary(model, state, random)).take(TRIES).flatten();
            return any.find(|asked| !matches!(foresee(model, state, asked), Foreseen::Open));
        }
        let mut of_one = all.swap_remove(random.usize(..all.len()));
        Some(of_one.swap_remove(random.usize(..of_one.len())))
    }

    async fn ask(&self, connection: &Connection, key: &Key, asked: &Asked) -> (Told, bool) {
        let asks = self.client.iter().find(|(op, _)| *op == asked.op).zip(asked.typed.as_ref());
        let Some(((_, asks), (me, values, _))) = asks else {
            return (Told::Wrong("the client has no such operation".into()), false);
        };
        match asks(connection, key, me, values).await {
            Ok(told) => {
                let crate::client::Told { outcome, run, tx, at, replayed } = told;
                (Told::Outcome { tx, outcome: outcome.into(), at, run }, replayed)
            }
            Err(CallError::Denied(denied)) => {
                let failed: Vec<&str> = denied.failed.iter().map(|f| f.guard.as_str()).collect();
                (Told::Denied { lost: denied.tried.lost, failed: failed.join(", ") }, false)
            }
            Err(error) => (Told::Wrong(error.to_string()), false),
        }
    }

    /// Asks again under the key of an answer that is kept, which must be the same.
    async fn same(&self, connection: &Connection, answer: &Answered) -> Result<(), String> {
        let key = Key::of(&answer.key).map_err(|e| e.to_string())?;
        match self.ask(connection, &key, &answer.asked).await {
            (told, true) if told == answer.told => Ok(()),
            (told, replayed) => {
                let how = if replayed { "" } else { ", which is no reply from before" };
                Err(format!("{answer}; and asked again, {}{how}", Answered { told, ..answer.clone() }))
            }
        }
    }

    /// Asks for everything again, in the end.
    pub async fn ask_again(&self, by: impl Transport, answers: &[Answered]) -> Result<(), String> {
        let connection = self.connection(by);
        for answer in answers.iter().filter(|answer| self.is_replayed(answer)) {
            self.same(&connection, answer).await?;
        }
        Ok(())
    }

    fn is_replayed(&self, answer: &Answered) -> bool {
        matches!(&answer.told, Told::Outcome { outcome, .. } if is_kept(&self.service, &answer.op, outcome))
    }
}

/// A client, until it has made its requests.
pub(super) async fn run(number: usize, seed: u64, requests: usize, world: Arc<World>) -> turmoil::Result {
    let mut random = fastrand::Rng::with_seed(seed ^ ((number as u64 + 1) << 32));
    let connection = world.connection(Wire);
    for n in 0..requests {
        let asked = world.choose(&mut random).ok_or("the model has nothing to ask for")?;
        let key: SmolStr = format!("c{number}-{n}").into();
        let (told, _) = world.ask(&connection, &Key::of(&key)?, &asked).await;
        let answer = Answered { client: number, key, op: asked.op.clone(), asked, told };
        if let Told::Wrong(what) = &answer.told {
            return Err(format!("{answer}: {what}").into());
        }
        world.seen().answers.push(answer.clone());
        if random.u8(..100) < AGAIN && world.is_replayed(&answer) {
            world.same(&connection, &answer).await?;
        }
        tokio::time::sleep(Duration::from_millis(random.u64(..30))).await;
    }
    Ok(())
}

/// What was answered, by operation.
pub(super) fn summary(answers: &[Answered]) -> Vec<Answers> {
    let mut all: BTreeMap<&str, Answers> = BTreeMap::new();
    for answer in answers {
        let new = || Answers { op: answer.op.to_string(), committed: 0, denied: 0, told: Vec::new() };
        let of = all.entry(&answer.op).or_insert_with(new);
        match answer.told {
            Told::Outcome { .. } => of.committed += 1,
            _ => of.denied += 1,
        }
        of.told.push(answer.to_string());
    }
    all.into_values().collect()
}
