//! Serving until a signal.

use super::{CliError, io, store};
use crate::engine::{Engine, Limits};
use crate::handover::HandOver;
use crate::monitor::{Monitor, MonitorOptions};
use crate::outbox::{DispatchPolicy, Dispatcher};
use crate::serve::auth::{Authenticate, Open};
use crate::serve::{
    App, ConnectionLimits, DrainPolicy, HttpDeliver, Metrics, Receiver, RequestLimits, Server, Targets,
};
use crate::service::Service;
use crate::settings::{AuthMode, Settings};
use crate::store::{Policy, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Opens everything and serves until the process is told to stop.
pub(super) async fn serve(service: Service, settings: &Settings) -> Result<(), CliError> {
    let store = store::open(settings, service.schema.clone()).await?;
    let listener = TcpListener::bind(settings.http.listen).await.map_err(io(settings.http.listen))?;
    let address = listener.local_addr().map_err(io("the socket"))?;
    let (name, spec) = (service.name.clone(), service.schema.spec().clone());
    let mut server = start(service, store.clone(), settings)?;
    if let Some(probes) = settings.http.probes {
        let listener = TcpListener::bind(probes).await;
        let listener = listener.map_err(io(format!("http.probes: {probes}")))?;
        let address = listener.local_addr().map_err(io("the socket"))?;
        tracing::info!("probes and metrics are at http://{address}");
        server = server.probes(listener);
    }
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    tracing::info!(service = %name, %spec, "serving at {scheme}://{address}");
    let mut broken = None;
    let stop = async {
        tokio::select! {
            () = until_signal() => {}
            why = until_broken(&*store) => {
                tracing::error!(why, "going away: only another start mends the store");
                broken = Some(why);
            }
        }
    };
    let stopped = server.run(listener, stop).await;
    tracing::info!(drained = stopped.drained, released = stopped.released, "stopped");
    broken.map_or(Ok(()), |why| Err(StoreError::Unavailable(why).into()))
}

/// How often the store is asked whether it is of any use.
const LOOK: Duration = Duration::from_millis(500);

/// Ready when the store says that nothing but a restart mends it; why.
async fn until_broken(store: &dyn Store) -> String {
    loop {
        if let Some(why) = store.broken() {
            return why;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A server of a service over a store, as the configuration says, with the app that it serves.
///
/// # Errors
/// A file that the configuration names cannot be used; a step is listed that cannot be handed over; an instance lives here that
/// could give nothing back.
pub fn start(mut service: Service, store: Arc<dyn Store>, settings: &Settings) -> Result<Server, CliError> {
    host(&mut service, settings)?;
    let service = Arc::new(service);
    let metrics = Arc::new(Metrics::default());
    let limits = Limits {
        retry: Policy { retries: settings.operation.retries, ..Policy::default() },
        prepare: settings.operation.prepare_timeout,
        keep_replies: settings.operation.keep_replies,
    };
    let engine =
        Engine::new(service.clone(), store.clone(), limits).map_err(|e| CliError::Build(e.to_string()))?;
    let mut engine = engine.observed(metrics.clone()).handing_over(hand_over(&service, settings)?);
    if settings.monitor.enabled {
        let options = MonitorOptions { sample: settings.monitor.sample, panic: false };
        engine = engine.monitored(Monitor::new(&service, store.clone(), options));
    }
    let engine = Arc::new(engine);
    let mut app = App::new(engine.clone(), metrics, authenticator(settings)?);
    app.limits = RequestLimits {
        body: settings.http.body_limit,
        body_timeout: settings.http.body_timeout,
        reply_timeout: settings.http.reply_timeout,
    };
    let server = Server::new(Arc::new(app))
        .limits(connection_limits(settings))
        .drain(DrainPolicy { delay: settings.drain.delay, deadline: settings.drain.deadline })
        .dispatch(dispatcher(engine, store, settings)?);
    with_tls(server, settings)
}

/// What the configuration says of hand-overs.
pub(super) fn hand_over(service: &Service, settings: &Settings) -> Result<HandOver, CliError> {
    let said = &settings.handover;
    HandOver::new(service, &said.steps.0, said.pause).map_err(|e| CliError::Build(e.to_string()))
}

/// Chooses what is given back when the process ends, and by whom, and says so.
fn host(service: &mut Service, settings: &Settings) -> Result<(), CliError> {
    for (actor, ids) in &settings.hosts {
        ids.0.iter().for_each(|id| service.hosted.add(actor.clone(), id.clone()));
    }
    service.releasing(&settings.drain.release.0).map_err(|e| CliError::Build(e.to_string()))?;
    let hosted = service.hosted.all();
    if !hosted.is_empty() {
        let hosted: Vec<String> = hosted.iter().map(|(actor, id)| format!("{actor}/{id}")).collect();
        let by: Vec<&str> = service.releases.iter().map(|release| release.op.as_str()).collect();
        let (hosted, by) = (hosted.join(","), by.join(","));
        tracing::info!(hosted, by, "what these own is given back when the process ends");
    }
    Ok(())
}

fn connection_limits(settings: &Settings) -> ConnectionLimits {
    let defaults = ConnectionLimits::default();
    ConnectionLimits {
        connections: settings.http.connections,
        header_timeout: settings.http.header_timeout,
        handshake_timeout: settings.tls.as_ref().map_or(defaults.handshake_timeout, |t| t.handshake_timeout),
    }
}

fn dispatcher(
    engine: Arc<Engine>,
    store: Arc<dyn Store>,
    settings: &Settings,
) -> Result<Dispatcher, CliError> {
    let outbox = &settings.outbox;
    let mut targets = Targets::new();
    for (name, target) in &outbox.targets {
        let receiver = Receiver::of(target);
        let receiver = receiver.map_err(|e| CliError::Build(format!("outbox.targets.{name}.{e}")))?;
        targets.insert(name.clone(), receiver);
    }
    let policy = DispatchPolicy {
        attempts: outbox.attempts,
        lease: outbox.lease,
        poll: outbox.poll,
        ..DispatchPolicy::default()
    };
    Ok(Dispatcher::new(store, Arc::new(HttpDeliver::new(engine, targets)), policy))
}

fn authenticator(settings: &Settings) -> Result<Arc<dyn Authenticate>, CliError> {
    match settings.auth.mode {
        AuthMode::Off => Ok(Arc::new(Open)),
        AuthMode::Jwt => jwt(settings),
        AuthMode::Mtls => mtls(settings),
    }
}

#[cfg(feature = "jwt")]
fn jwt(settings: &Settings) -> Result<Arc<dyn Authenticate>, CliError> {
    use crate::serve::auth::{Jwt, JwtOptions};
    let auth = &settings.auth;
    let options = JwtOptions {
        jwks: auth.jwks.clone().unwrap_or_default(),
        issuer: auth.issuer.clone(),
        audience: auth.audience.clone().unwrap_or_default(),
    };
    let jwt = Jwt::new(options).map_err(|e| CliError::Build(e.to_string()))?;
    Ok(Arc::new(jwt))
}

#[cfg(not(feature = "jwt"))]
fn jwt(_: &Settings) -> Result<Arc<dyn Authenticate>, CliError> {
    Err(CliError::Build("auth.mode: \"jwt\" needs the feature `jwt` of arch-runtime".into()))
}

#[cfg(feature = "tls")]
fn mtls(settings: &Settings) -> Result<Arc<dyn Authenticate>, CliError> {
    let domain = settings.auth.trust_domain.clone().unwrap_or_default();
    Ok(Arc::new(crate::serve::auth::Spiffe::new(domain)))
}

#[cfg(not(feature = "tls"))]
fn mtls(_: &Settings) -> Result<Arc<dyn Authenticate>, CliError> {
    Err(CliError::Build("auth.mode: \"mtls\" needs the feature `tls` of arch-runtime".into()))
}

#[cfg(feature = "tls")]
fn with_tls(server: Server, settings: &Settings) -> Result<Server, CliError> {
    let Some(tls) = &settings.tls else { return Ok(server) };
    let acceptor = crate::serve::tls::acceptor(tls).map_err(|e| CliError::Build(e.to_string()))?;
    Ok(server.tls(acceptor))
}

#[cfg(not(feature = "tls"))]
fn with_tls(server: Server, _: &Settings) -> Result<Server, CliError> {
    Ok(server)
}

/// Ready when the process is told to stop: SIGTERM, or an interrupt from the keyboard.
pub async fn until_signal() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
            }
            Err(_) => drop(tokio::signal::ctrl_c().await),
        }
    }
    #[cfg(not(unix))]
    drop(tokio::signal::ctrl_c().await);
}
