//! Configuration: a TOML file, then environment variables (`CLAIMS__STORE__URL`), each key checked and named when it is wrong.

mod check;
mod load;
mod redact;
mod target;
mod text;

pub use load::{SettingsError, load};
pub(crate) use redact::redacted;
pub use target::{Secret, Target};

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that can be set. Every key has a default.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The socket and its limits.
    pub http: Http,
    /// TLS; none means plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<Tls>,
    /// Who may ask.
    pub auth: Auth,
    /// Where the truth is.
    pub store: StoreSettings,
    /// Limits of an operation.
    pub operation: OperationSettings,
    /// How the service goes away.
    pub drain: Drain,
    /// The online conformance monitor.
    pub monitor: MonitorSettings,
    /// Steps that the service takes by itself.
    pub handover: HandoverSettings,
    /// How messages are delivered.
    pub outbox: Outbox,
    /// What is logged.
    pub log: Log,
    /// Where spans go.
    pub telemetry: Telemetry,
    /// The members of sorts that some guard looks at as a whole.
    pub members: BTreeMap<SmolStr, Names>,
    /// The instances that live in this process, by their actor: what they own is given back when it ends.
    pub hosts: BTreeMap<SmolStr, Names>,
}

impl Settings {
    /// The lists of `[members]`, by the name of the type.
    pub fn member_lists(&self) -> impl Iterator<Item = (&SmolStr, &[SmolStr])> {
        self.members.iter().map(|(sort, all)| (sort, &all.0[..]))
    }
}

/// `[http]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Where to listen. Port 0: any free one.
    pub listen: SocketAddr,
    /// The most bytes of a request's body.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    #[serde(with = "text::duration")]
    pub body_timeout: Duration,
    /// How long headers may take to arrive, and how long a connection may be idle.
    #[serde(with = "text::duration")]
    pub header_timeout: Duration,
    /// How long a client waits for its reply.
    #[serde(with = "text::duration")]
    pub reply_timeout: Duration,
    /// The most connections.
    pub connections: usize,
    /// Where else to listen, for `/livez`, `/readyz` and `/metrics` alone, without TLS and for everybody. None: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<SocketAddr>,
}

/// `[tls]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The certificate chain (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// Whose client certificates are believed (PEM); with it, clients must show one.
    pub client_authority: Option<PathBuf>,
    /// How long a handshake may take.
    #[serde(with = "text::duration", default = "handshake")]
    pub handshake_timeout: Duration,
}

fn handshake() -> Duration {
    Duration::from_secs(10)
}

/// How who asks is authenticated.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMode {
    /// Not at all; on a loopback address only.
    #[default]
    Off,
    /// By bearer tokens (`auth.jwks`).
    Jwt,
    /// By client certificates (`tls.client_authority`).
    Mtls,
}

/// `[auth]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// How.
    pub mode: AuthMode,
    /// The keys that sign tokens: a JWKS file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks: Option<PathBuf>,
    /// Who must have issued a token (`iss`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// For whom a token must be (`aud`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// The trust domain of client certificates: `spiffe://<trust_domain>/<actor>/<instance>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_domain: Option<String>,
}

/// `[store]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSettings {
    /// `sqlite:<path>`, `postgres://…`, `etcd://host:2379/prefix`, or `memory:` (gone when the process ends). None:
    /// `sqlite:<service>.db`.
    pub url: String,
    /// The most connections to a server.
    pub connections: usize,
    /// Whose certificate the store's server must show (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_authority: Option<PathBuf>,
}

/// `[operation]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperationSettings {
    /// How long a handler may prepare.
    #[serde(with = "text::duration")]
    pub prepare_timeout: Duration,
    /// For how long replies are kept for requests that are repeated with their idempotency key.
    #[serde(with = "text::duration")]
    pub keep_replies: Duration,
    /// How often a conflict with another transaction is retried.
    pub retries: usize,
}

/// `[drain]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Drain {
    /// How long to serve on after `/readyz` says no.
    #[serde(with = "text::duration")]
    pub delay: Duration,
    /// How long requests in flight may take from then on.
    #[serde(with = "text::duration")]
    pub deadline: Duration,
    /// The steps by which the instances of `[hosts]` give back what they own. None: those of the spec that do nothing else.
    pub release: Names,
}

/// `[monitor]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MonitorSettings {
    /// Whether the journal is checked while the service runs.
    pub enabled: bool,
    /// The part of the events whose step is evaluated again, 0 to 1.
    pub sample: f64,
}

/// `[handover]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HandoverSettings {
    /// The steps that are handed over: when a commit leaves a run at one of them, it writes a message to it.
    pub steps: Names,
    /// How long after a step that is taken once more, or an outcome `requeue`, the message is due.
    #[serde(with = "text::duration")]
    pub pause: Duration,
}

/// `[outbox]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbox {
    /// Where messages go that no operation takes, or of which somebody else is told, by the name of the step.
    pub targets: BTreeMap<SmolStr, Target>,
    /// After how many attempts a message is given up.
    pub attempts: u32,
    /// How long one delivery may take.
    #[serde(with = "text::duration")]
    pub lease: Duration,
    /// How often to look for messages.
    #[serde(with = "text::duration")]
    pub poll: Duration,
}

/// `[log]`
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For humans or machines.
    pub format: LogFormat,
    /// What is logged: `info`, `arch_runtime=debug`, …
    pub filter: String,
}

/// `[telemetry]`
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The OpenTelemetry collector that spans are sent to, by OTLP over HTTP: `http://localhost:4318`. None: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// The form of log lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For humans.
    Text,
    /// One JSON object a line.
    Json,
}

/// A list of names: `["n1", "n2"]`, or `"n1,n2"` in the environment.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Names(pub Vec<SmolStr>);

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            body_limit: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            reply_timeout: Duration::from_secs(30),
            connections: 1_024,
            probes: None,
        }
    }
}

impl Default for StoreSettings {
    fn default() -> Self {
        StoreSettings { url: String::new(), connections: 16, tls_authority: None }
    }
}

impl Default for OperationSettings {
    fn default() -> Self {
        OperationSettings {
            prepare_timeout: Duration::from_secs(10),
            keep_replies: Duration::from_secs(24 * 60 * 60),
            retries: 12,
        }
    }
}

impl Default for Drain {
    fn default() -> Self {
        Drain { delay: Duration::from_secs(3), deadline: Duration::from_secs(20), release: Names::default() }
    }
}

impl Default for MonitorSettings {
    fn default() -> Self {
        MonitorSettings { enabled: true, sample: 1.0 }
    }
}

impl Default for HandoverSettings {
    fn default() -> Self {
        HandoverSettings { steps: Names::default(), pause: Duration::from_secs(1) }
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox {
            targets: BTreeMap::new(),
            attempts: 20,
            lease: Duration::from_secs(30),
            poll: Duration::from_millis(100),
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Log { format: LogFormat::Text, filter: "info".into() }
    }
}
