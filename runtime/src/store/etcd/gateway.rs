//! etcd's JSON gateway: its transactions over HTTP.
//!
//! Every member serves its key-value API as JSON beside gRPC (`/v3/…`), 64-bit numbers as texts and bytes in base64. The crates
//! that speak gRPC to it need `protoc` to be built, which a generated service must not.

use crate::client::{NoAnswer, Transport, transport};
use crate::store::StoreError;
use axum::http::{Request, Response, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::Full;
use hyper::body::Bytes;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The most bytes of an answer: a kind that is read as a whole comes in one.
const MOST: usize = 256 << 20;

/// The members of a cluster.
pub(super) struct Gateway {
    transport: Box<dyn Transport>,
    /// `http://host:port`
    members: Vec<String>,
    /// The one that is asked first.
    first: AtomicUsize,
    user: Option<User>,
    timeout: Duration,
}

/// Who asks, and as what they are known for a while.
struct User {
    name: String,
    password: String,
    token: Mutex<Option<String>>,
}

/// Where a cluster is, and as whom and under which keys it is used: `etcd://[user:password@]host:port[,host:port…]/prefix`.
pub(super) struct Address {
    /// Hosts with ports.
    pub(super) hosts: Vec<String>,
    /// Name and password.
    pub(super) user: Option<(String, String)>,
    /// What all keys begin with; ends with `/`.
    pub(super) prefix: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Address, StoreError> {
        let wrong = |what: &str| {
            StoreError::Unavailable(format!(
                "the URL is wrong: {what}: `etcd://host:2379/prefix` is expected"
            ))
        };
        let rest = url.strip_prefix("etcd://").ok_or_else(|| wrong("it is none of etcd"))?;
        let (place, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = match place.rsplit_once('@') {
            None => (None, place),
            Some((user, hosts)) => {
                let (name, password) = user.split_once(':').ok_or_else(|| wrong("no password"))?;
                let part = |text: &str| {
                    let text = percent_encoding::percent_decode_str(text).decode_utf8();
                    text.map(String::from).map_err(|_| wrong("name or password is no UTF-8"))
                };
                (Some((part(name)?, part(password)?)), hosts)
            }
        };
        let hosts: Vec<String> = hosts.split(',').map(str::to_owned).collect();
        let is_host = |host: &String| {
            let uri = format!("http://{host}/").parse::<axum::http::Uri>();
            uri.is_ok_and(|uri| uri.host().is_some_and(|h| !h.is_empty()) && uri.port_u16().is_some())
        };
        if !hosts.iter().all(is_host) {
            return Err(wrong("no host and port"));
        }
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            return Err(wrong("no prefix, which keeps services of one cluster apart"));
        }
        Ok(Address { hosts, user, prefix: format!("{prefix}/") })
    }
}

/// Bytes, in base64.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Bin(pub(super) Vec<u8>);

impl From<&str> for Bin {
    fn from(text: &str) -> Bin {
        Bin(text.into())
    }
}

impl From<String> for Bin {
    fn from(text: String) -> Bin {
        Bin(text.into())
    }
}

impl Bin {
    pub(super) fn text(&self) -> Result<&str, StoreError> {
        std::str::from_utf8(&self.0).map_err(|_| StoreError::Corrupt("a key or value is no UTF-8".into()))
    }
}

impl Serialize for Bin {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bin {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Bin, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        STANDARD.decode(text.as_bytes()).map(Bin).map_err(D::Error::custom)
    }
}

/// A revision: the number of the transaction that changed something last, over all keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Revision(pub(super) u64);

impl Serialize for Revision {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Revision {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Revision, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
        text.parse().map(Revision).map_err(D::Error::custom)
    }
}

/// What is done if all of it is true.
#[derive(Serialize, Debug, Default)]
pub(super) struct Txn {
    pub(super) compare: Vec<Compare>,
    pub(super) success: Vec<Op>,
}

/// That a key was last changed by this revision; 0: that it is not there.
#[derive(Clone, Serialize, Debug)]
pub(super) struct Compare {
    key: Bin,
    target: &'static str,
    mod_revision: Revision,
}

impl Compare {
    pub(super) fn unchanged(key: Bin, since: Revision) -> Compare {
        // The result that is asked for is `EQUAL`, which is the default.
        Compare { key, target: "MOD", mod_revision: since }
    }
}

/// One operation of a transaction.
#[derive(Clone, Serialize, Debug)]
pub(super) enum Op {
    #[serde(rename = "request_range")]
    Range(Range),
    #[serde(rename = "request_put")]
    Put(KeyValue),
    #[serde(rename = "request_delete_range")]
    Delete(Only),
}

impl Op {
    pub(super) fn put(key: impl Into<Bin>, value: impl Into<Bin>) -> Op {
        Op::Put(KeyValue { key: key.into(), value: value.into() })
    }

    pub(super) fn delete(key: impl Into<Bin>) -> Op {
        Op::Delete(Only { key: key.into() })
    }
}

#[derive(Clone, Serialize, Debug)]
pub(super) struct KeyValue {
    key: Bin,
    value: Bin,
}

#[derive(Clone, Serialize, Debug)]
pub(super) struct Only {
    key: Bin,
}

/// What is read.
#[derive(Clone, Serialize, Debug, Default)]
pub(super) struct Range {
    key: Bin,
    #[serde(skip_serializing_if = "Option::is_none")]
    range_end: Option<Bin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Revision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<Revision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_create_revision: Option<Revision>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_order: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_target: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    count_only: bool,
}

impl Range {
    /// One key.
    pub(super) fn one(key: impl Into<Bin>) -> Range {
        Range { key: key.into(), ..Range::default() }
    }

    /// All keys that begin with this text, in their order. Texts end with a character that is not the greatest.
    pub(super) fn below(prefix: &str) -> Range {
        let mut end = prefix.as_bytes().to_vec();
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        Range { range_end: Some(Bin(end)), ..Range::one(prefix) }
    }

    /// Only those before this key.
    pub(super) fn before(mut self, end: String) -> Range {
        self.range_end = Some(end.into());
        self
    }

    /// No more than so many.
    pub(super) fn limit(mut self, limit: usize) -> Range {
        self.limit = Some(Revision(limit as u64));
        self
    }

    /// As of this revision.
    pub(super) fn at(mut self, revision: Revision) -> Range {
        self.revision = Some(revision);
        self
    }

    /// Those that were made after a revision, in the order in which they were.
    pub(super) fn made_after(mut self, revision: Revision) -> Range {
        self.min_create_revision = Some(Revision(revision.0 + 1));
        (self.sort_order, self.sort_target) = (Some("ASCEND"), Some("CREATE"));
        self
    }

    /// How many there are, without them.
    pub(super) fn count(mut self) -> Range {
        self.count_only = true;
        self
    }
}

/// What came of a transaction.
#[derive(Deserialize, Debug)]
pub(super) struct Done {
    header: Header,
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    responses: Vec<OpDone>,
}

impl Done {
    /// The revision that it made, or at which it read.
    pub(super) fn revision(&self) -> Revision {
        self.header.revision
    }

    /// What its ranges found, in order.
    pub(super) fn found(self) -> impl Iterator<Item = Found> {
        self.responses.into_iter().filter_map(|response| response.response_range)
    }
}

#[derive(Deserialize, Debug)]
struct Header {
    revision: Revision,
}

#[derive(Deserialize, Debug)]
struct OpDone {
    response_range: Option<Found>,
}

/// What a range found.
#[derive(Deserialize, Debug, Default)]
pub(super) struct Found {
    #[serde(default)]
    pub(super) kvs: Vec<Kv>,
    #[serde(default)]
    pub(super) count: Revision,
}

/// A key with its value.
#[derive(Clone, Deserialize, Debug)]
pub(super) struct Kv {
    pub(super) key: Bin,
    #[serde(default)]
    pub(super) value: Bin,
    pub(super) create_revision: Revision,
    pub(super) mod_revision: Revision,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing has happened.
    Not(StoreError),
    /// Nothing has happened, and would not at another time: it is too much, or makes no sense.
    Refused(String),
    /// It may have happened.
    Unknown(String),
}

impl From<Failure> for StoreError {
    /// Of what changes nothing.
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Not(error) => error,
            Failure::Refused(why) | Failure::Unknown(why) => StoreError::Unavailable(why),
        }
    }
}

/// gRPC's codes, as far as they mean something here.
mod code {
    pub(super) const INVALID_ARGUMENT: u32 = 3;
    pub(super) const PERMISSION_DENIED: u32 = 7;
    pub(super) const FAILED_PRECONDITION: u32 = 9;
    pub(super) const OUT_OF_RANGE: u32 = 11;
    pub(super) const UNAUTHENTICATED: u32 = 16;
}

/// An error as the gateway says it (with the message once more as `error`).
#[derive(Deserialize, Debug)]
struct Refusal {
    code: u32,
    message: String,
}

impl Gateway {
    pub(super) fn new(
        address: Address,
        tls: Option<&std::path::Path>,
        timeout: Duration,
    ) -> Result<Gateway, StoreError> {
        let scheme = if tls.is_some() { "https" } else { "http" };
        Ok(Gateway {
            transport: transport_by(tls)?,
            members: address.hosts.iter().map(|host| format!("{scheme}://{host}")).collect(),
            first: AtomicUsize::new(0),
            user: address.user.map(|(name, password)| User { name, password, token: Mutex::default() }),
            timeout,
        })
    }

    /// Does a transaction, once.
    pub(super) async fn txn(&self, txn: &Txn) -> Result<Done, Failure> {
        self.ask("/v3/kv/txn", txn).await
    }

    /// Does all of this if a key was last changed by this revision (0: is not there); whether it was.
    pub(super) async fn if_unchanged(
        &self,
        key: Bin,
        since: Revision,
        success: Vec<Op>,
    ) -> Result<bool, StoreError> {
        let compare = vec![Compare::unchanged(key, since)];
        Ok(self.txn(&Txn { compare, success }).await?.succeeded)
    }

    /// What ranges find, all of it as of one revision, and which.
    pub(super) async fn read(&self, ranges: Vec<Range>) -> Result<(Revision, Vec<Found>), StoreError> {
        let (mut at, mut all) = (None, Vec::with_capacity(ranges.len()));
        for some in ranges.chunks(RANGES) {
            let pinned = |range: &Range| match at {
                Some(at) => range.clone().at(at),
                None => range.clone(),
            };
            let success: Vec<Op> = some.iter().map(pinned).map(Op::Range).collect();
            let done = self.reading(&Txn { success, ..Txn::default() }).await?;
            at.get_or_insert(done.revision());
            all.extend(done.found());
        }
        if all.len() != ranges.len() {
            return Err(StoreError::Unavailable("etcd did not answer everything that was asked".into()));
        }
        Ok((at.unwrap_or_default(), all))
    }

    /// Does what changes nothing: another member is asked where one gives no answer.
    async fn reading(&self, txn: &Txn) -> Result<Done, Failure> {
        for _ in 1..self.members.len() {
            match self.txn(txn).await {
                Err(Failure::Unknown(why)) => tracing::debug!(why, "another member of etcd is asked"),
                known => return known,
            }
        }
        self.txn(txn).await
    }

    /// What says that a cluster cannot be written now.
    pub(super) async fn alarms(&self) -> Result<Vec<String>, StoreError> {
        #[derive(Deserialize)]
        struct Alarm {
            alarm: String,
        }
        #[derive(Deserialize)]
        struct Alarms {
            #[serde(default)]
            alarms: Vec<Alarm>,
        }
        let asked: Alarms =
            self.ask("/v3/maintenance/alarm", &serde_json::json!({ "action": "GET" })).await?;
        Ok(asked.alarms.into_iter().map(|a| a.alarm).collect())
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|e| Failure::Unknown(e.to_string()))?;
        let body = Bytes::from(body);
        let first = self.once(path, &body).await;
        let Some(user) = &self.user else { return answer(first?) };
        let first = first?;
        if first.status().is_success() || !refusal(&first).wants_token() {
            return answer(first);
        }
        // No token yet, or one that has expired: nothing was done.
        self.sign_in(user).await?;
        answer(self.once(path, &body).await?)
    }

    async fn sign_in(&self, user: &User) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let body = serde_json::json!({ "name": user.name, "password": user.password }).to_string();
        let signed = self.once("/v3/auth/authenticate", &Bytes::from(body)).await;
        let token: Token = signed.and_then(answer).map_err(|failure| Failure::Not(failure.into()))?;
        *user.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.token);
        Ok(())
    }

    /// The answer of the first member that can be reached.
    async fn once(&self, path: &str, body: &Bytes) -> Result<Response<Bytes>, Failure> {
        let first = self.first.load(Ordering::Relaxed);
        let mut why = String::new();
        for i in 0..self.members.len() {
            let member = (first + i) % self.members.len();
            match self.of(&self.members[member], path, body).await {
                Ok(answer) => return Ok(answer),
                Err(gone) => {
                    // Whoever comes next asks another one.
                    self.first.store((member + 1) % self.members.len(), Ordering::Relaxed);
                    if gone.sent {
                        return Err(Failure::Unknown(gone.why));
                    }
                    why = gone.why;
                }
            }
        }
        Err(Failure::Not(StoreError::Unavailable(why)))
    }

    async fn of(&self, member: &str, path: &str, body: &Bytes) -> Result<Response<Bytes>, NoAnswer> {
        let mut request =
            Request::post(format!("{member}{path}")).header(header::CONTENT_TYPE, "application/json");
        if let Some(user) = &self.user
            && let Some(token) = &*user.token.lock().unwrap_or_else(PoisonError::into_inner)
        {
            request = request.header(header::AUTHORIZATION, token);
        }
        let unsent = |e: axum::http::Error| NoAnswer { why: e.to_string(), sent: false };
        let request = request.body(Full::new(body.clone())).map_err(unsent)?;
        match tokio::time::timeout(self.timeout, self.transport.send(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(NoAnswer { why: format!("{member} did not answer in time"), sent: true }),
        }
    }
}

/// How many ranges are read at once: etcd takes 128 operations in a transaction unless it is told otherwise.
const RANGES: usize = 100;

#[cfg(feature = "tls")]
fn transport_by(tls: Option<&std::path::Path>) -> Result<Box<dyn Transport>, StoreError> {
    let Some(authority) = tls else { return Ok(Box::new(transport::plain(MOST))) };
    let config = crate::serve::tls::client("store.tls_authority", authority, None);
    let config = config.map_err(|e| StoreError::Unavailable(e.to_string()))?;
    Ok(Box::new(transport::encrypted(config, MOST)))
}

#[cfg(not(feature = "tls"))]
fn transport_by(tls: Option<&std::path::Path>) -> Result<Box<dyn Transport>, StoreError> {
    match tls {
        None => Ok(Box::new(transport::plain(MOST))),
        Some(_) => Err(StoreError::Unavailable("TLS needs the feature `tls` of arch-runtime".into())),
    }
}

impl Refusal {
    /// Whether who asks has no token, or one that has expired or is older than the last change of users.
    fn wants_token(&self) -> bool {
        self.code == code::UNAUTHENTICATED
            || ["user name is empty", "auth store is old"].iter().any(|words| self.message.contains(words))
    }
}

fn refusal(answer: &Response<Bytes>) -> Refusal {
    serde_json::from_slice(answer.body()).unwrap_or_else(|_| Refusal {
        code: 0,
        message: format!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body()).trim()),
    })
}

fn answer<T: DeserializeOwned>(answer: Response<Bytes>) -> Result<T, Failure> {
    if answer.status().is_success() {
        let read = serde_json::from_slice(answer.body());
        return read.map_err(|e| Failure::Unknown(format!("etcd's answer is none: {e}")));
    }
    let Refusal { code, message } = refusal(&answer);
    Err(match code {
        code::INVALID_ARGUMENT => Failure::Refused(message),
        // The revision that was to be read at is gone: everything has to be read anew.
        code::OUT_OF_RANGE => Failure::Not(StoreError::Conflict(message)),
        code::PERMISSION_DENIED | code::FAILED_PRECONDITION | code::UNAUTHENTICATED => {
            Failure::Not(StoreError::Unavailable(message))
        }
        // A leader that is gone may have passed it on before. The transaction that uses up the space is refused with
        // `RESOURCE_EXHAUSTED`, and has happened.
        _ => Failure::Unknown(message),
    })
}
