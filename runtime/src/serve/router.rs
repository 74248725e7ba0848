//! The routes of a service.

use super::auth::{Authenticate, Identity, Peer};
use super::execute::{Asked, execute};
#[cfg(feature = "grpc")]
use super::grpc;
use super::metrics::Metrics;
use super::problem::Problem;
use super::reply::answered;
use super::request::{self, RequestLimits};
use super::{look, probes};
use crate::engine::Engine;
use crate::value::Field;
use crate::wire::{TRANSACTIONS, TRUTH};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use axum::routing::{get, post};
use std::any::Any;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::task::TaskTracker;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer};

/// What requests need.
pub struct App {
    /// The service with its store.
    pub engine: Arc<Engine>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who finds out who asks.
    pub auth: Arc<dyn Authenticate>,
    /// Limits of a request.
    pub limits: RequestLimits,
    /// Calls that are being executed, also those for which nobody waits any more.
    pub calls: TaskTracker,
    /// Whether the service is going away.
    pub draining: AtomicBool,
}

impl App {
    /// A service without limits of its own on who asks.
    #[must_use]
    pub fn new(engine: Arc<Engine>, metrics: Arc<Metrics>, auth: Arc<dyn Authenticate>) -> App {
        let (limits, calls, draining) =
            (RequestLimits::default(), TaskTracker::new(), AtomicBool::new(false));
        App { engine, metrics, auth, limits, calls, draining }
    }

    /// Who asks.
    pub(super) fn identity(&self, peer: &Peer, headers: &HeaderMap) -> Result<Identity, Problem> {
        self.auth.authenticate(peer, headers).map_err(|e| Problem::unauthenticated(e.to_string()))
    }

    /// Whether the service is going away.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The routes of a service. Requests carry their [`Peer`] as an extension; without one they come from nowhere in particular.
pub fn router(app: Arc<App>) -> Router {
    let mut router = Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics_of_who_is_known))
        .route("/openapi.json", get(probes::openapi))
        .route(&format!("{TRANSACTIONS}/{{tx}}"), get(probes::transaction))
        .route(&format!("{TRUTH}/{{*row}}"), get(look::truth))
        .with_state(app.clone());
    for (index, op) in app.engine.service().operations.iter().enumerate() {
        let route = Arc::new(Route { app: app.clone(), index, fields: op.body() });
        let handle = move |request: Request<Body>| {
            let route = route.clone();
            async move { route.handle(request).await.unwrap_or_else(|problem| problem.response()) }
        };
        router = router.route(&op.path, post(handle));
    }
    #[cfg(feature = "grpc")]
    let router = grpc::routes(router, &app);
    let metrics = app.metrics.clone();
    router
        .fallback(|request: Request<Body>| async move { nothing(&request) })
        .method_not_allowed_fallback(|| async { not_allowed().response() })
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::map_response(move |response: Response<Body>| {
            metrics.responded(response.status().as_u16());
            std::future::ready(response)
        }))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, FreshId))
        .layer(axum::middleware::map_request(|request| std::future::ready(plain_request_id(request))))
}

/// What orchestrators and scrapers ask for, and nothing else: for an address that only they reach, where nobody need be known.
pub(super) fn probes(app: &Arc<App>) -> Router {
    Router::new()
        .route("/livez", get(probes::livez))
        .route("/readyz", get(probes::readyz))
        .route("/metrics", get(probes::metrics))
        .with_state(app.clone())
        .fallback(|request: Request<Body>| async move { not_found(&request).response() })
        .layer(CatchPanicLayer::custom(panicked))
}

/// The route of one operation.
struct Route {
    app: Arc<App>,
    index: usize,
    fields: Vec<Field>,
}

impl Route {
    async fn handle(&self, request: Request<Body>) -> Result<Response<Body>, Problem> {
        let (app, index) = (&self.app, self.index);
        let (parts, body) = request.into_parts();
        let (headers, patience) = (&parts.headers, app.limits.reply_timeout);
        let peer = parts.extensions.get::<Peer>().cloned().unwrap_or_else(nowhere);
        let identity = &app.identity(&peer, headers)?;
        request::check_content_type(headers)?;
        let body = request::read_body(headers, body, &app.limits).await?;
        let row = request::row(&self.fields, &body)?;
        let settled = execute(app, Asked { index, row, headers, identity, patience }).await?;
        let service = app.engine.service();
        Ok(answered(service, &service.operations[index], &settled)?.response())
    }
}

pub(super) fn nowhere() -> Peer {
    Peer { address: SocketAddr::from(([0, 0, 0, 0], 0)), certificate: None }
}

fn nothing(request: &Request<Body>) -> Response<Body> {
    #[cfg(feature = "grpc")]
    if grpc::is_grpc(request.headers()) {
        return grpc::unimplemented(request.uri().path());
    }
    not_found(request).response()
}

fn not_found(request: &Request<Body>) -> Problem {
    let detail = format!("nothing is served at {}", request.uri().path());
    Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such path", detail)
}

fn not_allowed() -> Problem {
    let detail = "operations take POST, everything else takes GET";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed", detail)
}

fn panicked(panic: Box<dyn Any + Send>) -> Response<Body> {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(panic = text, "serving a request panicked");
    Problem::internal("serving the request panicked").response()
}

#[derive(Clone, Copy)]
struct FreshId;

impl MakeRequestId for FreshId {
    fn make_request_id<B>(&mut self, _: &Request<B>) -> Option<RequestId> {
        let id = uuid::Uuid::now_v7().simple().to_string();
        id.parse().ok().map(RequestId::new)
    }
}

/// Drops request ids that would not be good in a log: too long, or with odd characters.
fn plain_request_id(mut request: Request<Body>) -> Request<Body> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:/".contains(b);
    let odd = |v: &axum::http::HeaderValue| v.is_empty() || v.len() > 128 || !v.as_bytes().iter().all(plain);
    if request.headers().get(&REQUEST_ID).is_some_and(odd) {
        request.headers_mut().remove(&REQUEST_ID);
    }
    request
}
