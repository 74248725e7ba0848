//! How one request gets to a service: over HTTP, or to a router in this process.

use crate::store::BoxFuture;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body as HttpBody, Bytes};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{Connect, HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::error::Error;
use std::time::Duration;
use tower::ServiceExt;

/// The most bytes of an answer of a service.
pub(crate) const MOST: usize = 1 << 20;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// No answer came.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{why}")]
pub struct NoAnswer {
    /// Why.
    pub why: String,
    /// Whether the request may have reached the service.
    pub sent: bool,
}

/// Sends one request, once.
pub trait Transport: Send + Sync + 'static {
    /// The answer, whole.
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>>;

    /// The status of the answer, for whoever needs no more of it.
    fn status(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<StatusCode, NoAnswer>> {
        Box::pin(async move { self.send(request).await.map(|answer| answer.status()) })
    }
}

/// Over HTTP, with connections that are kept.
struct Http<C> {
    client: Client<C, Full<Bytes>>,
    /// The most bytes of an answer.
    most: usize,
    /// For gRPC, which needs trailers.
    #[cfg(feature = "grpc")]
    http2: Client<C, Full<Bytes>>,
}

impl<C: Connect + Clone + Send + Sync + 'static> Http<C> {
    /// By what connects, and what connects for HTTP/2.
    fn by(connector: C, _http2: impl FnOnce() -> C, most: usize) -> Http<C> {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new());
        Http {
            most,
            #[cfg(feature = "grpc")]
            http2: builder.clone().http2_only(true).build(_http2()),
            client: builder.build(connector),
        }
    }

    fn client(&self, _request: &Request<Full<Bytes>>) -> &Client<C, Full<Bytes>> {
        #[cfg(feature = "grpc")]
        if _request.headers().get("content-type").is_some_and(|kind| kind == crate::wire::grpc::MEDIA_TYPE) {
            return &self.http2;
        }
        &self.client
    }
}

fn connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    connector
}

/// As everybody on the way can read it.
pub(crate) fn plain(most: usize) -> impl Transport {
    Http::by(connector(), connector, most)
}

/// Over TLS.
#[cfg(feature = "tls")]
pub(crate) fn encrypted(config: tokio_rustls::rustls::ClientConfig, most: usize) -> impl Transport {
    let mut connector = connector();
    connector.enforce_http(false);
    let builder = || {
        let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(config.clone());
        builder.https_only()
    };
    // Each offers its own protocol alone, so the other end cannot choose the wrong one.
    let http1 = builder().enable_http1().wrap_connector(connector.clone());
    #[cfg(feature = "grpc")]
    let http2 = || builder().enable_http2().wrap_connector(connector);
    #[cfg(not(feature = "grpc"))]
    let http2 = || http1.clone();
    Http::by(http1.clone(), http2, most)
}

impl<C: Connect + Clone + Send + Sync + 'static> Transport for Http<C> {
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        Box::pin(async move {
            let answer = self.client(&request).request(request).await;
            let answer = answer.map_err(|e| NoAnswer { sent: !e.is_connect(), why: chain(&e) })?;
            whole(answer, self.most).await
        })
    }

    /// Its body is not waited for, however long it is.
    fn status(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<StatusCode, NoAnswer>> {
        Box::pin(async move {
            let answer = self.client(&request).request(request).await;
            answer.map(|a| a.status()).map_err(|e| NoAnswer { sent: !e.is_connect(), why: chain(&e) })
        })
    }
}

/// In this process: for tests of a service without a socket.
impl Transport for Router {
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        let router = self.clone();
        Box::pin(async move {
            match router.oneshot(request.map(Body::new)).await {
                Ok(answer) => whole(answer, MOST).await,
                Err(never) => match never {},
            }
        })
    }
}

/// An answer with all of its body.
pub(crate) async fn whole<B>(answer: Response<B>, most: usize) -> Result<Response<Bytes>, NoAnswer>
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (mut head, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await;
    let body =
        body.map_err(|e| NoAnswer { why: format!("the answer broke off: {}", chain(&*e)), sent: true })?;
    // Of what has trailers, which only gRPC does, they are headers that came late.
    head.headers.extend(body.trailers().cloned().unwrap_or_default());
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// An error with what caused it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some say what their cause says.
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
