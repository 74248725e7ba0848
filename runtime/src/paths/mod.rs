//! Paths through a finite model, driven through a service's router: after every request the rows in the store are the state that
//! the model is in, and what the model does not do is refused for the same reason.
//!
//! A path begins in an initial state, and takes what a service can be asked for: steps, answers of steps whose guard is false,
//! runs that begin; and lets the clock tick. Faults are no requests. A state that only a fault leads to is written into an empty
//! store, and the path begins there. Paths are chosen so that first every kind of event is taken (operation, whether its guard
//! was false, where the run goes), then as many edges of the state graph as the budget allows.

pub(crate) mod ask;
mod behaviour;
mod follow;
#[cfg(any(feature = "simulation", feature = "properties"))]
pub(crate) mod foresee;
mod graph;
pub(crate) mod lens;
pub(crate) mod session;
mod walk;

#[cfg(any(feature = "simulation", feature = "properties"))]
pub(crate) use graph::starts_there;

pub use behaviour::Behaviour;

use crate::client::Asks;
use crate::model::{Event, Model};
use crate::service::Service;
use graph::Graph;
use session::{Begins, Session};
use std::collections::BTreeSet;
use std::fmt;
use walk::Walk;

/// When services that follow a model begin; a multiple of every tick that is a divisor of a day.
pub(crate) const START: i64 = 20_000 * 86_400_000;

/// A number that an environment variable says.
#[cfg(any(feature = "simulation", feature = "properties"))]
pub(crate) fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// How much is driven.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// The most states of the model that are looked at.
    pub states: usize,
    /// The most requests and ticks.
    pub requests: usize,
}

/// Which store the service has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Kept {
    /// In memory.
    Memory,
    /// In an SQLite file of its own.
    #[cfg(feature = "sqlite")]
    Sqlite,
}

impl Kept {
    /// The stores that need nothing else.
    pub const ALL: &[Kept] = &[
        Kept::Memory,
        #[cfg(feature = "sqlite")]
        Kept::Sqlite,
    ];
}

/// What requests are sent by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Over {
    /// HTTP and JSON.
    Http,
    /// gRPC.
    #[cfg(feature = "grpc")]
    Grpc,
}

/// What was driven.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// States of the model that were looked at, and whether those are all.
    pub states: (usize, bool),
    /// Edges that were taken, of all between those states.
    pub edges: (usize, usize),
    /// Kinds of event that were taken, of all between those states.
    pub kinds: (usize, usize),
    /// Kinds of refusal that were seen: operation and what was false.
    pub refusals: usize,
    /// Paths, and how many of them begin behind a fault.
    pub paths: (usize, usize),
    /// Requests and ticks.
    pub requests: usize,
    /// Operations that are in no edge.
    pub never: Vec<String>,
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = if self.states.1 { "all" } else { "the first" };
        write!(
            f,
            "{} of {} edges between {all} {} states, {} of {} kinds of event, {} kinds of refusal; {} paths, {} of them \
             from behind a fault, {} requests",
            self.edges.0,
            self.edges.1,
            self.states.0,
            self.kinds.0,
            self.kinds.1,
            self.refusals,
            self.paths.0,
            self.paths.1,
            self.requests
        )?;
        if self.never.is_empty() { Ok(()) } else { write!(f, "; never asked for: {}", self.never.join(", ")) }
    }
}

/// Drives a service on each of these stores along paths through its model.
///
/// `service` makes the service, with handlers that take every choice from the request; `client` are the operations of its typed
/// client, by which it is asked: every outcome and run must be of their types.
///
/// # Errors
/// The first difference, with the path to it.
///
/// # Panics
/// There is no thread to run it on, or no folder for a database.
pub fn drive(
    model: &Model,
    service: impl Fn() -> Service,
    client: &[(&'static str, Asks)],
    stores: &[Kept],
    budget: Budget,
) -> Result<Vec<(Kept, Coverage)>, String> {
    drive_over(Over::Http, model, service, client, stores, budget)
}

/// The same, with requests that are sent by something else: the same paths.
///
/// # Errors
/// The first difference, with the path to it.
///
/// # Panics
/// There is no thread to run it on, or no folder for a database.
pub fn drive_over(
    over: Over,
    model: &Model,
    service: impl Fn() -> Service,
    client: &[(&'static str, Asks)],
    stores: &[Kept],
    budget: Budget,
) -> Result<Vec<(Kept, Coverage)>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let graph = Graph::of(model, budget.states);
    let mut list = Vec::new();
    for kept in stores.iter().copied() {
        let start =
            |at: u32, begins| Session::start(model, service(), (over, client), kept, graph.state(at), begins);
        let (seen, looked) = (BTreeSet::new(), BTreeSet::new());
        let mut drive = Drive { graph: &graph, walk: Walk::of(&graph), model, seen, looked };
        let coverage = runtime.block_on(drive.all(&start, budget)).map_err(|e| format!("{kept:?}: {e}"))?;
        list.push((kept, Coverage { never: never(&graph, &service()), ..coverage }));
    }
    Ok(list)
}

fn never(graph: &Graph, service: &Service) -> Vec<String> {
    let names = service.operations.iter().map(|op| op.name.to_string());
    names.filter(|name| graph.kinds().all(|kind| kind.0 != *name)).collect()
}

/// The most requests and ticks of one path, so that there are several.
const LENGTH: usize = 400;

/// How many states are asked what they refuse.
const LOOKED_AT: usize = 400;

struct Drive<'g> {
    graph: &'g Graph,
    walk: Walk<'g>,
    model: &'g Model,
    /// Refusals that were seen.
    seen: BTreeSet<ask::Refused>,
    looked: BTreeSet<u32>,
}

impl Drive<'_> {
    async fn all<F>(&mut self, start: &F, budget: Budget) -> Result<Coverage, String>
    where
        F: AsyncFn(u32, Begins) -> Result<Session, String>,
    {
        let mut coverage = Coverage::default();
        while let Some((at, route)) = self.walk.begin() {
            let seeded = !self.graph.is_initial(at);
            let mut session = start(at, if seeded { Begins::Seeded } else { Begins::Watched }).await?;
            coverage.paths.0 += 1;
            coverage.paths.1 += usize::from(seeded);
            let left = budget.requests - coverage.requests;
            self.path(&mut session, at, route, left.min(LENGTH)).await?;
            coverage.requests += session.requests();
            session.close();
            if coverage.requests >= budget.requests {
                break;
            }
        }
        coverage.states = (self.graph.len(), self.graph.is_complete());
        coverage.edges = self.walk.edges();
        coverage.kinds = self.walk.kinds();
        coverage.refusals = self.seen.len();
        Ok(coverage)
    }

    async fn path(
        &mut self,
        session: &mut Session,
        mut at: u32,
        mut route: Vec<usize>,
        most: usize,
    ) -> Result<(), String> {
        self.refusals(session, at).await?;
        while session.requests() < most {
            if route.is_empty() {
                route = self.walk.on(at);
            }
            if route.is_empty() {
                return Ok(());
            }
            let edge = route.remove(0);
            let (event, to) = self.graph.edge(at, edge);
            match event {
                Event::Tick => session.tick(),
                event => session.take(self.model, event).await?,
            }
            session.compare(self.model, event, self.graph.state(to)).await?;
            self.walk.taken(at, edge);
            at = to;
            self.refusals(session, at).await?;
        }
        Ok(())
    }

    /// Asks for what a state refuses, where nothing refused so before.
    async fn refusals(&mut self, session: &mut Session, at: u32) -> Result<(), String> {
        if self.looked.len() >= LOOKED_AT || !self.looked.insert(at) {
            return Ok(());
        }
        let state = self.graph.state(at);
        for (refused, asked) in ask::refusals(self.model, state) {
            if self.seen.insert(refused.clone()) {
                session.refused(&asked, &refused).await?;
                session.unchanged(self.model, state, &refused).await?;
            }
        }
        Ok(())
    }
}
