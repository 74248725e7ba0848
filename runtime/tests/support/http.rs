//! A client that knows just enough HTTP to see what a server does on the wire.

use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request as text, closing the connection after it.
pub fn text(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if method == "POST" {
        text += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// Sends a request over a connection; status and body, or none if the connection ends without a reply.
pub async fn exchange(io: impl AsyncRead + AsyncWrite, request: &str) -> Option<(u16, String)> {
    let mut io = std::pin::pin!(io);
    io.write_all(request.as_bytes()).await.ok()?;
    let mut reply = Vec::new();
    // A connection that is cut in the middle of a reply is no reply.
    io.read_to_end(&mut reply).await.ok()?;
    let reply = String::from_utf8(reply).ok()?;
    let status = reply.get(9..12)?.parse().ok()?;
    Some((status, reply.split_once("\r\n\r\n")?.1.to_owned()))
}

/// Sends a request over a connection of its own.
#[allow(dead_code, reason = "a simulation has no sockets")]
pub async fn ask(to: SocketAddr, request: &str) -> Option<(u16, String)> {
    exchange(TcpStream::connect(to).await.ok()?, request).await
}
