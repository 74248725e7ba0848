//! One path: a service on an empty store whose clock the path has in hand.

use super::ask::{self, Asked, Refused};
use super::lens::{Lens, stored};
use super::{Kept, Over, START};
use crate::client::{Answer, Asks, CallError, Connection, Endpoint, Key};
use crate::engine::{Engine, Limits};
use crate::model::{Event, Model, State};
use crate::monitor::{Monitor, MonitorOptions};
use crate::schema::KindId;
use crate::serve::auth::Open;
use crate::serve::{App, Metrics, router};
use crate::service::Service;
use crate::store::memory::{MemoryStore, NoFaults};
use crate::store::{Decision, Effects, Json, Meta, Plan, Snapshot, Store, Transition, TxId};
use crate::time::{Instant, SimClock};
use crate::value::{Row, RowKey};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a service begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Begins {
    /// On an empty store, and the monitor looks at all it does.
    Watched,
    /// On an empty store; rows will be written that no step writes.
    Unwatched,
    /// With the rows of a state that it does not start in.
    Seeded,
}

/// A service at some state.
pub(crate) struct Session {
    store: Arc<dyn Store>,
    clock: Arc<SimClock>,
    now: Instant,
    tick: i64,
    connection: Connection,
    client: Vec<(&'static str, Asks)>,
    file: Option<PathBuf>,
    told: Vec<String>,
    requests: usize,
}

impl Session {
    /// A service on an empty store; with the rows of a state, if it is not where services start.
    pub async fn start(
        model: &Model,
        service: Service,
        (over, client): (Over, &[(&'static str, Asks)]),
        kept: Kept,
        state: &State,
        begins: Begins,
    ) -> Result<Session, String> {
        let tick = model.spec.tick;
        let now = Instant::from_millis(START - START.rem_euclid(tick));
        let clock = Arc::new(SimClock::at(now));
        let (store, file) = open(&service, kept, &clock)?;
        let service = Arc::new(service);
        let metrics = Arc::new(Metrics::default());
        let mut engine =
            Engine::new(service.clone(), store.clone(), Limits::default()).map_err(|e| e.to_string())?;
        // What was written from outside is no behaviour of the service.
        if begins == Begins::Watched {
            let options = MonitorOptions { panic: true, ..MonitorOptions::default() };
            engine = engine.monitored(Monitor::new(&service, store.clone(), options));
        }
        let app = App::new(Arc::new(engine), metrics, Arc::new(Open));
        let endpoint = match over {
            Over::Http => Endpoint::over(router(Arc::new(app))),
            #[cfg(feature = "grpc")]
            Over::Grpc => {
                let rpc = service.rpc.ok_or("the service is not asked over gRPC")?;
                Endpoint::over(router(Arc::new(app))).grpc(&model.spec, &rpc)
            }
        };
        let connection = Connection::new(endpoint, model.spec.clone());
        let mut session = Session {
            store,
            clock,
            now,
            tick,
            connection,
            client: client.to_vec(),
            file,
            told: Vec::new(),
            requests: 0,
        };
        if begins == Begins::Seeded {
            session.told.push("a state behind a fault".into());
            session.seed(model, state).await?;
        }
        session.same(model, state).await.map_err(|e| session.at("at the start", &e))?;
        Ok(session)
    }

    /// How many requests and ticks there were.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// Forgets the database.
    pub fn close(self) {
        let Session { store, file, connection, .. } = self;
        drop((connection, store));
        for ending in ["", "-wal", "-shm"].iter().filter(|_| file.is_some()) {
            let name = format!("{}{ending}", file.clone().unwrap_or_default().display());
            // What is left behind in the folder for temporary files harms nobody.
            _ = std::fs::remove_file(name);
        }
    }

    /// A tick passes.
    pub fn tick(&mut self) {
        self.requests += 1;
        self.clock.advance(Duration::from_millis(self.tick.unsigned_abs()));
        self.now = self.now.plus(Duration::from_millis(self.tick.unsigned_abs()));
    }

    /// Asks for an event.
    pub async fn take(&mut self, model: &Model, event: &Event) -> Result<(), String> {
        let asked = ask::event(model, event).ok_or_else(|| format!("{event} cannot be asked for"))?;
        self.granted(model, &asked, &event.to_string()).await
    }

    /// Asks for what must happen.
    pub async fn granted(&mut self, model: &Model, asked: &Asked, what: &str) -> Result<(), String> {
        let wrong = match self.ask(asked).await {
            Ok(run) => self.is_stored(model, asked, run).await.err(),
            Err(error) => Some(format!("{} is answered: {error}", asked.body)),
        };
        wrong.map_or(Ok(()), |wrong| Err(self.at(what, &wrong)))
    }

    /// The run that a reply shows is the one that is stored.
    async fn is_stored(&self, model: &Model, asked: &Asked, told: Option<Row>) -> Result<(), String> {
        let Some((told, (_, _, Some(key)))) = told.zip(asked.typed.as_ref()) else { return Ok(()) };
        let rows = self.store.read(std::slice::from_ref(key)).await.map_err(|e| e.to_string())?;
        let stored = rows.into_iter().next().flatten().map_or_else(|| model.initial(key), |row| row.row);
        if told == stored { Ok(()) } else { Err(format!("the reply has {told:?}, and the store {stored:?}")) }
    }

    /// Whether a request ends in an outcome, and the answer.
    pub async fn answer(&mut self, asked: &Asked) -> (bool, String) {
        match self.untyped(asked).await {
            Ok(answer) => (true, answered(&answer)),
            Err(error) => (false, error.to_string()),
        }
    }

    async fn untyped(&mut self, asked: &Asked) -> Result<Answer, CallError> {
        self.requests += 1;
        self.connection.endpoint().ask(&asked.op, &asked.body, &Key::fresh()).await
    }

    /// Asks by the typed client, if there is one for the operation; the run in the reply, if it is typed.
    async fn ask(&mut self, asked: &Asked) -> Result<Option<Row>, CallError> {
        let typed = self.client.iter().find(|(op, _)| *op == asked.op).zip(asked.typed.as_ref());
        let Some(((_, asks), (me, row, _))) = typed else {
            return self.untyped(asked).await.map(|_| None);
        };
        self.requests += 1;
        asks(&self.connection, &Key::fresh(), me, row).await.map(|told| told.run)
    }

    /// After an event, the rows are those of the state that it leads to.
    pub async fn compare(&mut self, model: &Model, event: &Event, state: &State) -> Result<(), String> {
        self.same(model, state).await.map_err(|e| self.at(&event.to_string(), &e))?;
        self.told.push(event.to_string());
        Ok(())
    }

    /// The rows are those of this state.
    #[cfg(feature = "properties")]
    pub async fn came_to(&self, model: &Model, state: &State) -> Result<(), String> {
        self.same(model, state).await.map_err(|e| format!("the service and its model differ: {e}"))
    }

    /// Asks for what is refused, which says why.
    pub async fn refused(&mut self, asked: &Asked, refused: &Refused) -> Result<(), String> {
        let answer = match self.ask(asked).await {
            Err(CallError::Denied(denied))
                if denied.failed.iter().map(|f| &*f.guard).eq(refused.1.iter()) =>
            {
                return Ok(());
            }
            Ok(_) => "an outcome".to_owned(),
            Err(error) => error.to_string(),
        };
        let what = format!("{} asked for {}", refused.0, asked.body);
        Err(self.at(&what, &format!("false is {:?}, and the answer is {answer}", refused.1)))
    }

    /// What was refused changed nothing.
    pub async fn unchanged(&self, model: &Model, state: &State, refused: &Refused) -> Result<(), String> {
        self.same(model, state).await.map_err(|e| self.at(&format!("{} was refused", refused.0), &e))
    }

    /// What happened so far, and what is wrong now.
    fn at(&self, event: &str, what: &str) -> String {
        let told = self.told.iter().enumerate().map(|(n, event)| format!("  {}. {event}\n", n + 1));
        format!("after\n{}{event}: {what}", told.collect::<String>())
    }

    /// Whether the store's rows are those of a state, as far as anything can tell.
    pub async fn same(&self, model: &Model, state: &State) -> Result<(), String> {
        let keys: Vec<RowKey> = stored(model, state).map(|(row, _)| row.clone()).collect();
        let rows = self.store.read(&keys).await.map_err(|e| e.to_string())?;
        let rows: HashMap<RowKey, Row> =
            keys.into_iter().zip(rows).filter_map(|(key, row)| Some((key, row?.row))).collect();
        Lens::at(model, self.now).same(state, |key| rows.get(key).cloned())
    }

    /// Writes the rows of a state, as nothing that is asked of the service would.
    pub async fn seed(&self, model: &Model, state: &State) -> Result<(), String> {
        let lens = Lens::at(model, self.now);
        let absolute = |row: &RowKey, values: &Row| lens.absolute(row.kind, values.clone());
        let writes: Vec<(RowKey, Row)> =
            stored(model, state).map(|(row, values)| (row.clone(), absolute(row, values))).collect();
        let keys: Vec<RowKey> = writes.iter().map(|(row, _)| row.clone()).collect();
        let mut kinds: Vec<KindId> = keys.iter().map(|row| row.kind).collect();
        kinds.dedup();
        let step = move |snapshot: &Snapshot<'_>| {
            writes.iter().for_each(|(row, _)| _ = snapshot.get(row));
            Decision::Apply(Effects {
                writes: writes.clone(),
                branch: None,
                outcome: "written".into(),
                messages: Vec::new(),
                reply: Json::null(),
            })
        };
        let meta = Meta {
            tx: TxId::fresh(),
            actor: "test".into(),
            id: "test".into(),
            run: None,
            input: Json::null(),
            idempotency: None,
            trace: None,
        };
        let plan = Arc::new(Plan { op: "test.seed".into(), scans: Vec::new(), writes: kinds });
        let transition = Arc::new(Transition { plan, keys, meta, step: Arc::new(step) });
        self.store.attempt(&transition).await.map(drop).map_err(|e| format!("a state cannot be written: {e}"))
    }
}

/// An answer in a few words.
fn answered(answer: &Answer) -> String {
    let Answer { status, outcome, run, .. } = answer;
    format!("{status}, outcome `{outcome}`, and the run is {}", run.text())
}

fn open(
    service: &Service,
    kept: Kept,
    clock: &Arc<SimClock>,
) -> Result<(Arc<dyn Store>, Option<PathBuf>), String> {
    let schema = service.schema.clone();
    match kept {
        Kept::Memory => Ok((Arc::new(MemoryStore::simulated(schema, clock.clone(), NoFaults)), None)),
        #[cfg(feature = "sqlite")]
        Kept::Sqlite => {
            use crate::store::sqlite::{Options, SqliteStore};
            let file = std::env::temp_dir().join(format!("arch-path-{}.db", TxId::fresh()));
            let options = Options { clock: clock.clone(), ..Options::default() };
            let store = SqliteStore::open(&file, schema, options).map_err(|e| e.to_string())?;
            Ok((Arc::new(store), Some(file)))
        }
    }
}
