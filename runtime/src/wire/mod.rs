//! What goes over the wire, as both ends have it: the server writes it, the client reads it.

#[cfg(feature = "grpc")]
pub mod grpc;

use crate::store::Json;
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::borrow::Cow;
#[cfg(feature = "http")]
use std::time::Duration;

/// What the `type` of every problem begins with.
pub const PROBLEM: &str = "urn:arch:problem:";

/// Where a committed transaction can be looked up.
pub const TRANSACTIONS: &str = "/v1/transactions";

/// Where committed rows can be looked at: `/v1/truth/Lease/j1`.
pub const TRUTH: &str = "/v1/truth";

/// Where the `.proto` file is served, by services that have gRPC.
pub const PROTO: &str = "/service.proto";

/// The words of problems that clients decide by.
pub mod problem {
    /// The guard is false.
    pub const GUARD_DENIED: &str = "guard-denied";
    /// Others were faster, again and again.
    pub const STORE_CONFLICT: &str = "store-conflict";
    /// A request under this idempotency key is being executed.
    pub const KEY_IN_USE: &str = "idempotency-key-in-use";
    /// The idempotency key was used for another request.
    pub const KEY_REUSED: &str = "idempotency-key-reused";
    /// Whether it was committed is not known yet.
    pub const UNKNOWN_OUTCOME: &str = "unknown-outcome";
}

/// Says that a reply was given before.
pub const REPLAYED: &str = "idempotency-replayed";

/// How `Retry-After` says a pause: in whole seconds, rounded up.
#[cfg(feature = "http")]
pub(crate) fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}

/// Where an operation is served: `main.claim` at `/v1/main/claim`.
#[must_use]
pub fn path(op: &str) -> String {
    format!("/v1/{}", op.replace('.', "/"))
}

/// What an operation answers. The same bytes when it is replayed.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Reply<'a> {
    /// The outcome, or the step that the run is at now.
    pub outcome: Cow<'a, str>,
    /// The transaction.
    pub tx: Cow<'a, str>,
    /// When, in milliseconds since 1970: the time that the step saw.
    pub at: i64,
    /// The run after the step.
    pub reply: Cow<'a, Json>,
}

/// A conjunct of a guard that was false.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct FailedGuard {
    /// Its id: `main.claim#1`.
    pub guard: SmolStr,
    /// Its text in the spec.
    pub text: SmolStr,
}

/// What was read, in which version.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct ReadVersion {
    /// The row: `Lease/j1`; or `Lease/*`, all of a kind.
    pub row: String,
    /// Its version, 0 if it was never written; of all rows of a kind, the sum of theirs.
    pub version: u64,
}

/// A committed row as of one moment.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// The row: `Lease/j1`.
    pub row: String,
    /// How often it was written.
    pub version: u64,
    /// When, by the store's clock, in milliseconds since 1970.
    pub now: i64,
    /// Its attributes; those that it starts with, if it was never written.
    pub value: Option<Json>,
}
