//! Asks a running service whether it is ready: for containers that have no other client.

use super::CliError;
use crate::settings::Settings;
use axum::body::Bytes;
use axum::http::Uri;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

pub(super) async fn check(settings: &Settings) -> Result<(), CliError> {
    if settings.tls.is_some() {
        return connected(settings).await;
    }
    let address = here(settings);
    let uri: Uri = format!("http://{address}/readyz").parse().map_err(|e| CliError::Bad(format!("{e}")))?;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let asked = async {
        let response = client.get(uri).await.map_err(|e| format!("{address} does not answer: {e}"))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        if status.is_success() { Ok(body) } else { Err(format!("status {status}: {body}")) }
    };
    match tokio::time::timeout(Duration::from_secs(5), asked).await {
        Ok(Ok(body)) => {
            println!("{body}");
            Ok(())
        }
        Ok(Err(why)) => Err(CliError::Bad(why)),
        Err(_) => Err(CliError::Bad(format!("{address} does not answer within 5s"))),
    }
}

/// Behind TLS the process has no certificate of a client's to ask with: whether it listens is all that can be seen.
async fn connected(settings: &Settings) -> Result<(), CliError> {
    let address = here(settings);
    match tokio::net::TcpStream::connect(address).await {
        Ok(_) => {
            println!("{address} accepts connections");
            Ok(())
        }
        Err(e) => Err(CliError::Bad(format!("{address} does not answer: {e}"))),
    }
}

/// Where the service is from here: an address that means "all" is this machine.
fn here(settings: &Settings) -> std::net::SocketAddr {
    let mut address = settings.http.listen;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
