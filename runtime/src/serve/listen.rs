//! Accepts connections: TLS handshakes off the accept loop, a limit on connections, none that only wait.

use super::auth::Peer;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Limits of connections.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// The most connections at a time; further ones wait in the kernel.
    pub connections: usize,
    /// How long the headers of a request may take to arrive, and how long a connection may be idle.
    pub header_timeout: Duration,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            connections: 1_024,
            header_timeout: Duration::from_secs(30),
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

/// Where connections come from: a socket, or a simulated one.
pub trait Accept: Send + 'static {
    /// A connection.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Io, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = TcpListener::accept(self).await?;
        // Replies are one write; waiting for more to send only delays them.
        stream.set_nodelay(true)?;
        Ok((stream, address))
    }
}

/// What every connection needs.
pub(super) struct Listening {
    pub(super) router: Router,
    pub(super) limits: ConnectionLimits,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<super::tls::Acceptor>,
    /// No more connections, and the present ones finish their request.
    pub(super) stop: CancellationToken,
    pub(super) connections: TaskTracker,
}

/// Accepts until it is told to stop.
pub(super) async fn accept(mut listener: impl Accept, listening: Arc<Listening>) {
    let room = Arc::new(Semaphore::new(listening.limits.connections));
    loop {
        let next = async {
            // A semaphore that is never closed.
            let permit = room.clone().acquire_owned().await.ok();
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = listening.stop.cancelled() => return,
            next = next => next,
        };
        match accepted {
            Ok((io, address)) => {
                listening.connections.spawn(connection(listening.clone(), io, address, permit));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of descriptors, most likely: some will be free soon.
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(feature = "tls")]
async fn connection<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    listening: Arc<Listening>,
    io: I,
    address: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
) {
    let Some(tls) = &listening.tls else {
        return serve(&listening, io, Peer { address, certificate: None }, permit).await;
    };
    match tokio::time::timeout(listening.limits.handshake_timeout, tls.current().accept(io)).await {
        Ok(Ok(stream)) => {
            let certificate = super::auth::Spiffe::uris(stream.get_ref().1.peer_certificates());
            serve(&listening, stream, Peer { address, certificate }, permit).await;
        }
        Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
    }
}

#[cfg(not(feature = "tls"))]
async fn connection<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    listening: Arc<Listening>,
    io: I,
    address: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
) {
    serve(&listening, io, Peer { address, certificate: None }, permit).await;
}

async fn serve<I: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    listening: &Listening,
    io: I,
    peer: Peer,
    permit: Option<OwnedSemaphorePermit>,
) {
    let _permit = permit;
    let address = peer.address;
    let asked = AtomicBool::new(false);
    let service = service_fn(|mut request: hyper::Request<Incoming>| {
        asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer.clone());
        listening.router.clone().oneshot(request.map(Body::new))
    });
    let mut builder = Builder::new(TokioExecutor::new());
    let limits = &listening.limits;
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_headers(64);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(16 * 1024)
        .max_concurrent_streams(128)
        .keep_alive_interval(Some(limits.header_timeout))
        .keep_alive_timeout(limits.header_timeout);
    let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(io), service));
    // Before the first request it is not known which HTTP it is, and no timeout of hyper's runs.
    let mut first = std::pin::pin!(tokio::time::sleep(limits.header_timeout));
    let mut waiting = true;
    let mut stopping = false;
    loop {
        tokio::select! {
            done = connection.as_mut() => {
                if let Err(error) = done {
                    tracing::debug!(%address, %error, "connection broke");
                }
                return;
            }
            () = &mut first, if waiting => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                waiting = false;
            }
            () = listening.stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
