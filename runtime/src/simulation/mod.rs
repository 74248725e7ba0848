//! A service in a simulated world where everything goes wrong, from a seed.
//!
//! The service's real server runs in [turmoil](https://docs.rs/turmoil), on the store in memory with its fault plan: crashes of the
//! process before and after a commit, lost replies, commits whose fate is unknown, conflicts, outages, clock jumps in both
//! directions, restarts; and a network that delays, drops, holds back and is partitioned. Several clients ask by the generated
//! typed client, each request under one idempotency key, for what the spec allows in the state that the journal has come to, and
//! for what it denies. [`Simulation::run`] says what happened, or the first thing that is wrong:
//!
//! * Every acknowledged transition is in the journal as it was acknowledged, and no request is executed twice; nor is a step that
//!   is handed over.
//! * Asked again under the same key, the service gives the same answer.
//! * The journal is a serial execution, every step in it is the service's, and the tables are what it says.
//! * It is a behaviour of the *model*: the same rows after each event, and no claim violated on any state and step.
//!
//! A seed is replayed exactly by a fresh process only, so [`Seeds`] runs each in one of its own.

mod client;
mod faults;
mod happened;
mod ledger;
mod network;
mod seeds;
mod shadow;

pub use happened::{Answers, Happened};
pub use seeds::Seeds;

use crate::client::Asks;
use crate::engine::{Engine, Limits};
use crate::handover::HandOver;
use crate::journal::{Replay, audit};
use crate::model::Model;
use crate::monitor::{Monitor, MonitorOptions};
use crate::outbox::{DispatchPolicy, Dispatcher};
use crate::paths::START;
use crate::serve::auth::Open;
use crate::serve::{App, HttpDeliver, Metrics, Server, Targets};
use crate::service::Service;
use crate::store::Store;
use crate::store::memory::MemoryStore;
use crate::time::{Instant, SimClock};
use client::World;
use faults::Misfortunes;
use ledger::Ledger;
use network::{SERVER, Socket, Troubles};
use smol_str::SmolStr;
use std::sync::Arc;
use std::time::Duration;

/// A step of the simulation.
const STEP: Duration = Duration::from_millis(1);

/// The longest simulation, in its own time: whoever has no answer by then never gets one.
const LONGEST: Duration = Duration::from_secs(600);

/// Between a step that is handed over and its own repetition.
const PAUSE: Duration = Duration::from_millis(50);

/// How often a step restarts the server for no reason, in 2¹⁶.
const RESTARTS: u16 = 20;

type Between = Arc<dyn Fn(Arc<MemoryStore>) -> Arc<dyn Store> + Send + Sync>;

/// What is simulated.
#[derive(Clone)]
pub struct Simulation {
    model: Model,
    service: Service,
    client: Vec<(&'static str, Asks)>,
    expected: Vec<&'static str>,
    clients: usize,
    requests: usize,
    handed_over: Vec<SmolStr>,
    between: Between,
}

impl Simulation {
    /// A service, its model, and the operations of its client. The service's handlers take every choice from the request.
    #[must_use]
    pub fn new(model: Model, service: Service, client: Vec<(&'static str, Asks)>) -> Simulation {
        let between: Between = Arc::new(|store| store);
        let (expected, handed_over) = (Vec::new(), Vec::new());
        Simulation { model, service, client, expected, clients: 3, requests: 15, handed_over, between }
    }

    /// Claims that the spec expects to be violated.
    #[must_use]
    pub fn expecting(mut self, expected: &[&'static str]) -> Simulation {
        self.expected = expected.to_vec();
        self
    }

    /// With so many clients (otherwise 3), and so many requests of each (otherwise 15).
    #[must_use]
    pub fn sized(mut self, clients: usize, requests: usize) -> Simulation {
        (self.clients, self.requests) = (clients, requests);
        self
    }

    /// With these steps handed over: the server takes them by itself.
    #[must_use]
    pub fn handing_over(mut self, steps: &[&'static str]) -> Simulation {
        self.handed_over = steps.iter().map(|step| SmolStr::new_static(step)).collect();
        self
    }

    /// With something between the service and its store: to see that the checks notice what is wrong with it.
    #[must_use]
    pub fn over(
        mut self,
        between: impl Fn(Arc<MemoryStore>) -> Arc<dyn Store> + Send + Sync + 'static,
    ) -> Simulation {
        self.between = Arc::new(between);
        self
    }

    /// Runs a seed, on this thread; not within another runtime.
    ///
    /// # Errors
    /// The first thing that is wrong.
    ///
    /// # Panics
    /// There is no thread to run it on.
    pub fn run(&self, seed: u64) -> Result<Happened, String> {
        // The jitter of pauses.
        fastrand::seed(seed);
        let clock = Arc::new(SimClock::at(Instant::from_millis(START)));
        let faults = Misfortunes::new(seed, self.model.spec.tick);
        let counts = faults.counts();
        let memory = Arc::new(MemoryStore::simulated(self.service.schema.clone(), clock.clone(), faults));
        let ledger = Arc::new(Ledger::over((self.between)(memory.clone())));
        let world = Arc::new(World::new(self, memory.clone()));
        let Lived { steps, restarts, network } = self.live(seed, &world, &ledger, &clock)?;
        memory.heal();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (answers, handed_over) = runtime.block_on(self.check(&world, &ledger))?;
        let mut faults = counts.lock().expect("nobody panics here").clone();
        faults.extend(network);
        let (followed, blind) = world.followed();
        Ok(Happened { seed, steps, restarts, faults, followed, handed_over, blind, answers })
    }

    /// Until every client has its answers.
    fn live(
        &self,
        seed: u64,
        world: &Arc<World>,
        ledger: &Arc<Ledger>,
        clock: &SimClock,
    ) -> Result<Lived, String> {
        let mut sim = turmoil::Builder::new()
            .rng_seed(seed)
            .tick_duration(STEP)
            .max_message_latency(Duration::from_millis(15))
            .fail_rate(0.005)
            .repair_rate(0.5)
            .simulation_duration(LONGEST)
            .build();
        let (service, store) = (Arc::new(self.service.clone()), ledger.clone());
        let to = HandOver::new(&service, &self.handed_over, PAUSE).map_err(|e| e.to_string())?;
        sim.host(SERVER, move || serve(service.clone(), store.clone(), to.clone()));
        for number in 0..self.clients {
            sim.client(network::client(number), client::run(number, seed, self.requests, world.clone()));
        }
        let mut random = fastrand::Rng::with_seed(seed);
        // How fast the server's time goes, beside the network's: leases are to run out between some requests.
        let speed = [1, 10, 40, 150][random.usize(..4)];
        let mut troubles = Troubles::new(self.clients);
        let mut crashes = world.store.crashes();
        let (mut steps, mut restarts) = (0u64, 0u64);
        loop {
            let done = sim.step().map_err(|e| format!("the simulation ends: {e}{}", world.told()))?;
            if done {
                return Ok(Lived { steps, restarts, network: troubles.counts() });
            }
            steps += 1;
            clock.advance(STEP * speed);
            troubles.step(&sim, &mut random);
            // The store says that its caller's machine has crashed; or it just does.
            let crashed = crashes.has_changed().unwrap_or(false);
            crashes.mark_unchanged();
            if crashed || random.u16(..) < RESTARTS {
                restarts += 1;
                sim.bounce(SERVER);
            }
        }
    }

    /// The answers, and how many commits were handed over.
    async fn check(&self, world: &World, ledger: &Arc<Ledger>) -> Result<(Vec<Answers>, usize), String> {
        world.follow();
        let steps = self.service.steps.clone();
        let replay = Replay::new(self.service.schema.clone(), move |entry| steps(entry));
        let audited = audit(&*world.store, replay).await;
        audited.map_err(|e| format!("the journal is no serial execution of the service's steps: {e}"))?;
        world.is_conformant()?;
        let entries = world.store.committed(0);
        let answers = world.answers();
        if answers.len() != self.clients * self.requests {
            return Err(format!("{} requests were answered", answers.len()));
        }
        let handed_over = ledger.account(&self.service, &entries, &answers)?;
        let engine = Engine::new(Arc::new(self.service.clone()), ledger.clone(), limits());
        let app = app(Arc::new(engine.map_err(|e| e.to_string())?));
        world.ask_again(crate::serve::router(app), &answers).await?;
        Ok((client::summary(&answers), handed_over))
    }
}

/// What a world went through.
struct Lived {
    /// Of the simulation.
    steps: u64,
    /// Of the server.
    restarts: u64,
    /// What befell the network, and how often.
    network: Vec<(String, u64)>,
}

/// Replies are kept longer than any clock jumps.
fn limits() -> Limits {
    Limits { keep_replies: Duration::from_secs(3_600 * 100_000), ..Limits::default() }
}

fn app(engine: Arc<Engine>) -> Arc<App> {
    Arc::new(App::new(engine, Arc::new(Metrics::default()), Arc::new(Open)))
}

/// A process of the service, until it is killed.
async fn serve(service: Arc<Service>, store: Arc<dyn Store>, to: HandOver) -> turmoil::Result {
    let options = MonitorOptions { panic: true, ..MonitorOptions::default() };
    let monitor = Monitor::new(&service, store.clone(), options);
    let engine = Arc::new(Engine::new(service, store.clone(), limits())?.monitored(monitor).handing_over(to));
    let deliver = Arc::new(HttpDeliver::new(engine.clone(), Targets::new()));
    let dispatcher = Dispatcher::new(store, deliver, DispatchPolicy::default());
    let socket = Socket::bind().await?;
    Server::new(app(engine)).dispatch(dispatcher).run(socket, std::future::pending()).await;
    Ok(())
}
