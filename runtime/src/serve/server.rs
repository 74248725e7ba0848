//! The life of a server: bind, serve, drain.

use super::listen::{Accept, ConnectionLimits, Listening, accept};
use super::router::{App, router};
use crate::outbox::Dispatcher;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often replies are forgotten whose time is over, and how many at a time.
const SWEEP: Duration = Duration::from_secs(10);
const SWEEP_AT_MOST: usize = 10_000;

/// How a service goes away.
#[derive(Clone, Copy, Debug)]
pub struct DrainPolicy {
    /// How long it serves on after it has said that it is not ready, so that load balancers can notice.
    pub delay: Duration,
    /// How long requests in flight may take from then on.
    pub deadline: Duration,
}

impl Default for DrainPolicy {
    fn default() -> Self {
        DrainPolicy { delay: Duration::from_secs(3), deadline: Duration::from_secs(20) }
    }
}

/// How a server stopped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped {
    /// Whether every request in flight was finished.
    pub drained: bool,
    /// How many leases were given back.
    pub released: usize,
}

/// Serves an [`App`].
pub struct Server {
    app: Arc<App>,
    limits: ConnectionLimits,
    drain: DrainPolicy,
    dispatcher: Option<Dispatcher>,
    probes: Option<TcpListener>,
    #[cfg(feature = "tls")]
    tls: Option<super::tls::Acceptor>,
}

impl Server {
    /// A server with the usual limits.
    #[must_use]
    pub fn new(app: Arc<App>) -> Server {
        Server {
            app,
            limits: ConnectionLimits::default(),
            drain: DrainPolicy::default(),
            dispatcher: None,
            probes: None,
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// With these limits of connections.
    #[must_use]
    pub fn limits(mut self, limits: ConnectionLimits) -> Server {
        self.limits = limits;
        self
    }

    /// Going away like this.
    #[must_use]
    pub fn drain(mut self, drain: DrainPolicy) -> Server {
        self.drain = drain;
        self
    }

    /// Delivering the outbox's messages meanwhile.
    #[must_use]
    pub fn dispatch(mut self, dispatcher: Dispatcher) -> Server {
        self.dispatcher = Some(dispatcher);
        self
    }

    /// Serving probes and metrics there, too: without TLS, to everybody, and until the very end.
    #[must_use]
    pub fn probes(mut self, listener: TcpListener) -> Server {
        self.probes = Some(listener);
        self
    }

    /// Over TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, tls: super::tls::Acceptor) -> Server {
        self.tls = Some(tls);
        self
    }

    /// Serves until `stop` is ready, then drains: says that it is not ready, goes on for a while, accepts no more, waits for
    /// what is in flight, gives back leases.
    pub async fn run(self, listener: impl Accept, stop: impl Future<Output = ()>) -> Stopped {
        let Server { app, limits, drain, dispatcher, probes, .. } = self;
        let (halt, end) = (CancellationToken::new(), CancellationToken::new());
        let probing = probes.map(|listener| {
            let probing = Listening {
                router: super::router::probes(&app),
                limits,
                #[cfg(feature = "tls")]
                tls: None,
                stop: end.clone(),
                connections: TaskTracker::new(),
            };
            tokio::spawn(accept(listener, Arc::new(probing)))
        });
        let listening = Arc::new(Listening {
            router: router(app.clone()),
            limits,
            #[cfg(feature = "tls")]
            tls: self.tls,
            stop: halt.clone(),
            connections: TaskTracker::new(),
        });
        let accepting = tokio::spawn(accept(listener, listening.clone()));
        let dispatching = dispatcher.map(|dispatcher| {
            let halt = halt.clone();
            tokio::spawn(async move { dispatcher.run(halt.cancelled()).await })
        });
        let monitor = app.engine.monitor().cloned();
        let monitoring = monitor.map(|monitor| tokio::spawn(async move { monitor.run().await }));
        let sweeping = tokio::spawn(sweep(app.clone()));
        stop.await;
        app.draining.store(true, Ordering::SeqCst);
        tracing::info!(delay = ?drain.delay, "draining");
        tokio::time::sleep(drain.delay).await;
        halt.cancel();
        // The loop ends at once; a panic in it was reported when it happened.
        let _ = accepting.await;
        let drained =
            tokio::time::timeout(drain.deadline, finish(&app, &listening, dispatching)).await.is_ok();
        if !drained {
            tracing::warn!(deadline = ?drain.deadline, "requests in flight were left");
        }
        let released = release(&app).await;
        sweeping.abort();
        end.cancel();
        if let Some(probing) = probing {
            let _ = probing.await;
        }
        if let Some(monitoring) = monitoring {
            monitoring.abort();
        }
        Stopped { drained, released }
    }
}

/// Forgets replies whose time is over, for ever.
async fn sweep(app: Arc<App>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if let Err(error) = app.engine.store().sweep(SWEEP_AT_MOST).await {
            tracing::warn!(%error, "old replies cannot be forgotten");
        }
    }
}

async fn finish(app: &App, listening: &Listening, dispatching: Option<tokio::task::JoinHandle<()>>) {
    listening.connections.close();
    listening.connections.wait().await;
    if let Some(dispatching) = dispatching {
        let _ = dispatching.await;
    }
    app.calls.close();
    app.calls.wait().await;
}

async fn release(app: &App) -> usize {
    match app.engine.release().await {
        Ok(released) => released,
        Err(error) => {
            tracing::warn!(%error, "not everything that was held could be given back; leases will run out");
            0
        }
    }
}
