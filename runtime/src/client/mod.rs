//! A client of a service: one request is one transition, however often it has to be sent.
//!
//! [`Endpoint`] knows where the service is, who asks, and how long to insist ([`Patience`]). A request gets one idempotency key and
//! keeps it while it is repeated: where no answer comes, and where the answer says that asking again may help. What the service
//! has decided (an outcome, a guard that is false, a request that makes no sense) is never asked again. [`CallError`] says what was
//! tried, how often, and what came last.
//!
//! Generated crates have a `ServiceClient` with a method for each operation, which is a [`Connection`] with types.

mod answer;
mod connection;
mod endpoint;
mod error;
#[cfg(feature = "grpc")]
mod grpc;
mod patience;
pub(crate) mod transport;

pub use crate::step::{Ask, Outcome};
pub use crate::wire::{FailedGuard, ReadVersion};
pub use answer::Answer;
#[cfg(any(test, feature = "model"))]
pub use connection::{Asks, Told, asks};
pub use connection::{Connection, Reply, Seen};
#[cfg(feature = "tls")]
pub use endpoint::ClientTls;
pub use endpoint::{Endpoint, EndpointError, Key, KeyError};
pub use error::{CallError, Denied, GaveUp, Last, Refused, Strange, Tried};
pub use patience::Patience;
pub use transport::{NoAnswer, Transport};
