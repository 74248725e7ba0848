//! What servers of our own have in common: a port, and what is said when there is no server.

use std::io::Write;
use std::net::TcpListener;

/// Says, past the capture of the test's output, that a test did not run: it must not look like one that did. CI has no excuse.
pub fn not_run(server: &str, package: &str) {
    let text = format!("\n*** NOT RUN: no {server} (apt-get install {package})\n\n");
    let _ = std::io::stderr().write_all(text.as_bytes());
    assert!(std::env::var_os("CI").is_none(), "CI must install {package}");
}

/// A free port that is not among those which systems give to outgoing connections: a client that connects to such a port
/// again and again while the server is down in the end connects to itself, and has the port.
pub fn free_port() -> u16 {
    let mut candidates = std::iter::repeat_with(|| fastrand::u16(15_000..30_000));
    candidates.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("ports are tried for ever")
}
