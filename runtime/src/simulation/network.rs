//! The simulated network: where the server listens, how clients get there, what keeps them from it.

use crate::client::transport::{MOST, chain, whole};
use crate::client::{NoAnswer, Transport};
use crate::serve::Accept;
use crate::store::BoxFuture;
use axum::http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use std::io;
use std::net::SocketAddr;
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

/// The server's name.
pub(super) const SERVER: &str = "server";

/// A client's name.
pub(super) fn client(number: usize) -> String {
    format!("client{number}")
}

/// Where the server listens.
pub(super) struct Socket(TcpListener);

impl Socket {
    pub async fn bind() -> io::Result<Socket> {
        TcpListener::bind("0.0.0.0:80").await.map(Socket)
    }
}

impl Accept for Socket {
    type Io = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

/// The way to the server: a connection for each attempt.
pub(super) struct Wire;

impl Transport for Wire {
    fn send(&self, request: Request<Full<Bytes>>) -> BoxFuture<'_, Result<Response<Bytes>, NoAnswer>> {
        Box::pin(async move {
            let lost = |why: String, sent| NoAnswer { why, sent };
            let stream = TcpStream::connect((SERVER, 80)).await.map_err(|e| lost(chain(&e), false))?;
            let (mut sender, connection) =
                handshake(TokioIo::new(stream)).await.map_err(|e| lost(chain(&e), false))?;
            tokio::spawn(connection);
            let answer = sender.send_request(on_its_way(request)).await;
            whole(answer.map_err(|e| lost(chain(&e), true))?, MOST).await
        })
    }
}

/// As a request is written to a connection: the path alone, and the host beside it.
fn on_its_way(mut request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let path = request.uri().path_and_query().cloned();
    *request.uri_mut() = path.map_or_else(Uri::default, Uri::from);
    request.headers_mut().insert(header::HOST, HeaderValue::from_static(SERVER));
    request
}

/// How often a step cuts a client off, in 2¹⁶.
const RATE: u16 = 40;

/// The longest time for which it is, in steps.
const LASTS: u64 = 2_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// Nothing arrives any more.
    Cut {
        left: u64,
    },
    /// What is sent arrives when it is over.
    Held {
        left: u64,
    },
}

/// What keeps clients from the server for a while, besides single broken links.
pub(super) struct Troubles {
    of: Vec<Trouble>,
    cuts: u64,
    holds: u64,
}

impl Troubles {
    pub fn new(clients: usize) -> Troubles {
        Troubles { of: vec![Trouble::None; clients], cuts: 0, holds: 0 }
    }

    /// A step passes.
    pub fn step(&mut self, sim: &Sim<'_>, random: &mut fastrand::Rng) {
        for number in 0..self.of.len() {
            let name = client(number);
            self.of[number] = match self.of[number] {
                Trouble::None if random.u16(..) < RATE => {
                    let left = random.u64(1..LASTS);
                    if random.bool() {
                        sim.partition(SERVER, name.as_str());
                        self.cuts += 1;
                        Trouble::Cut { left }
                    } else {
                        sim.hold(SERVER, name.as_str());
                        self.holds += 1;
                        Trouble::Held { left }
                    }
                }
                Trouble::None => Trouble::None,
                Trouble::Cut { left: 0 } => {
                    sim.repair(SERVER, name.as_str());
                    Trouble::None
                }
                Trouble::Held { left: 0 } => {
                    sim.release(SERVER, name.as_str());
                    Trouble::None
                }
                Trouble::Cut { left } => Trouble::Cut { left: left - 1 },
                Trouble::Held { left } => Trouble::Held { left: left - 1 },
            };
        }
    }

    pub fn counts(&self) -> Vec<(String, u64)> {
        vec![("partition".into(), self.cuts), ("delay".into(), self.holds)]
    }
}
