//! A port for a server of our own.

use std::net::TcpListener;

/// A free port that is not among those which systems give to outgoing connections: a client that connects to such a port
/// again and again while the server is down in the end connects to itself, and has the port.
pub fn free_port() -> u16 {
    let mut candidates = std::iter::repeat_with(|| fastrand::u16(15_000..30_000));
    candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("ports are tried for ever")
}
