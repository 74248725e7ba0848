//! A service on a socket: HTTP and JSON.
//!
//! `POST` to an operation's path; who asks is authenticated ([`auth`]), its request is read within limits (`request`) and executed
//! (`execute`) by the [`crate::engine::Engine`]; verdicts become replies (`reply`), everything else `application/problem+json` (`problem`).
//! Beside the operations there are `/livez`, `/readyz`, `/metrics`, `/openapi.json` and `/v1/transactions/{tx}` (`probes`), and
//! `/v1/truth/{kind}/{key…}` (`look`).
//! With the feature `grpc`, services that have it are served over gRPC by the same functions (`grpc`).
//! [`Server`] accepts connections (`listen`) and takes them down in order (`server`).

pub mod auth;
mod deliver;
mod execute;
#[cfg(feature = "grpc")]
mod grpc;
mod listen;
mod look;
mod metrics;
mod probes;
mod problem;
mod reply;
mod request;
mod router;
mod server;
#[cfg(feature = "tls")]
pub mod tls;

pub use deliver::{HttpDeliver, Receiver, Targets};
pub use listen::{Accept, ConnectionLimits};
pub use metrics::Metrics;
pub use problem::Problem;
pub use request::{DecodeError, RequestLimits, decode};
pub use router::{App, router};
pub use server::{DrainPolicy, Server, Stopped};
