//! Asks a running service whether it is ready: for containers that have no other client.

use super::CliError;
use crate::client::transport::{self, Transport};
use crate::settings::Settings;
use axum::http::{Request, Uri};
use http_body_util::Full;
use hyper::body::Bytes;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn check(settings: &Settings) -> Result<(), CliError> {
    let said = match (settings.http.probes, &settings.tls) {
        (Some(probes), _) => ask("http", here(probes), &transport::plain(transport::MOST)).await,
        (None, None) => ask("http", here(settings.http.listen), &transport::plain(transport::MOST)).await,
        // Whoever asks needs a client's certificate, which this process does not have.
        (None, Some(tls)) if tls.client_authority.is_some() => connected(here(settings.http.listen)).await,
        (None, Some(tls)) => over_tls(here(settings.http.listen), tls).await,
    };
    println!("{}", said.map_err(CliError::Bad)?);
    Ok(())
}

/// What `/readyz` says; an error, if that is not "ready".
async fn ask(scheme: &str, address: SocketAddr, by: &impl Transport) -> Result<String, String> {
    let uri: Uri = format!("{scheme}://{address}/readyz").parse().map_err(|e| format!("{address}: {e}"))?;
    let request = Request::get(uri).body(Full::new(Bytes::new())).map_err(|e| e.to_string())?;
    let answer = tokio::time::timeout(PATIENCE, by.send(request)).await;
    let answer = answer.map_err(|_| format!("{address} does not answer within {PATIENCE:?}"))?;
    let answer = answer.map_err(|e| format!("{address} does not answer: {e}"))?;
    let (status, body) = (answer.status(), String::from_utf8_lossy(answer.body()).into_owned());
    if status.is_success() { Ok(body) } else { Err(format!("status {status}: {body}")) }
}

#[cfg(feature = "tls")]
async fn over_tls(address: SocketAddr, tls: &crate::settings::Tls) -> Result<String, String> {
    let config = crate::serve::tls::pinned(&tls.certificate).map_err(|e| e.to_string())?;
    ask("https", address, &transport::encrypted(config, transport::MOST)).await
}

#[cfg(not(feature = "tls"))]
async fn over_tls(address: SocketAddr, _: &crate::settings::Tls) -> Result<String, String> {
    connected(address).await
}

/// Whether somebody listens, which is all that can be seen; and it says so.
async fn connected(address: SocketAddr) -> Result<String, String> {
    let connecting = tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(address)).await;
    let connecting = connecting.map_err(|_| format!("{address} does not answer within {PATIENCE:?}"))?;
    connecting.map_err(|e| format!("{address} does not answer: {e}"))?;
    Ok(format!(
        "{address} accepts connections. Whether the service is ready is not known: it asks for a client's certificate; \
         http.probes gives it an address where it can be asked without"
    ))
}

/// Where the service is from here: an address that means "all" is this machine.
fn here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}
