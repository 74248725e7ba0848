//! Who may do what: bearer tokens, client certificates, and identities bound to instances.
#![cfg(all(feature = "jwt", feature = "tls"))]

#[path = "support/http.rs"]
mod http;

use arch_runtime::client::{CallError, ClientTls, Endpoint, Key, Patience};
use arch_runtime::engine::{Engine, Limits};
use arch_runtime::journal::Cursor;
use arch_runtime::outbox::{DispatchPolicy, Dispatcher, Letter, Standing};
use arch_runtime::serve::auth::{Authenticate, Jwt, JwtError, JwtOptions, Spiffe};
use arch_runtime::serve::{
    App, ConnectionLimits, HttpDeliver, Metrics, Receiver, Server, Targets, router, tls,
};
use arch_runtime::settings::{Target, Tls};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::store::{Policy, Store, transact};
use arch_runtime::testing::{sample, service};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};
use tower::ServiceExt;

fn app(auth: impl Authenticate) -> (Arc<MemoryStore>, Arc<App>) {
    let store = Arc::new(MemoryStore::new(sample::schema()));
    let engine = Engine::new(Arc::new(service::service()), store.clone(), Limits::default());
    let engine = Arc::new(engine.expect("the sample makes sense"));
    (store, Arc::new(App::new(engine, Arc::new(Metrics::default()), Arc::new(auth))))
}

async fn commits(store: &MemoryStore) -> usize {
    store.journal(Cursor::START, 100).await.expect("the journal can be read").entries.len()
}

/// `secret` and `other`, 32 bytes each, as symmetric keys.
fn jwks(path: &Path, id: &str, key: &str) {
    let set = json!({ "keys": [{ "kty": "oct", "kid": id, "alg": "HS256", "k": key }] });
    std::fs::write(path, set.to_string()).expect("the keys are written");
}

const SECRET: (&[u8], &str) =
    (b"01234567890123456789012345678901", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE");
const OTHER: (&[u8], &str) =
    (b"abcdefghijabcdefghijabcdefghij12", "YWJjZGVmZ2hpamFiY2RlZmdoaWphYmNkZWZnaGlqMTI");

fn token(key: &[u8], id: &str, algorithm: Algorithm, claims: &Value) -> String {
    let header = Header { kid: Some(id.into()), ..Header::new(algorithm) };
    encode(&header, claims, &EncodingKey::from_secret(key)).expect("claims can be signed")
}

fn claims(change: &[(&str, Value)]) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let mut claims = json!({ "sub": "client/c1", "aud": "sample", "iss": "us", "exp": now + 600 });
    for (name, value) in change {
        claims[*name] = value.clone();
    }
    claims
}

/// Status of a request to act as somebody.
async fn act(app: &Arc<App>, token: Option<&str>, body: &str) -> u16 {
    let mut request = Request::post("/v1/counter/count").header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let response = router(app.clone()).oneshot(request).await.expect("the router answers");
    let status = response.status().as_u16();
    assert_eq!(status == 401, response.headers().contains_key("www-authenticate"));
    let body = response.into_body().collect().await.expect("it is whole").to_bytes();
    assert!(!String::from_utf8_lossy(&body).contains("panicked"));
    status
}

#[tokio::test]
async fn tokens_bind_their_bearer_to_an_instance() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.json");
    jwks(&path, "k1", SECRET.1);
    let options = JwtOptions { jwks: path.clone(), issuer: Some("us".into()), audience: "sample".into() };
    let (store, app) = app(Jwt::new(options).expect("the keys can be read"));
    let hs256 = |change: &[(&str, Value)]| token(SECRET.0, "k1", Algorithm::HS256, &claims(change));
    let own = r#"{"self": "c1"}"#;
    assert_eq!(act(&app, Some(&hs256(&[])), own).await, 200);
    assert_eq!(act(&app, Some(&hs256(&[])), "{}").await, 200, "self is who asks");
    let both = hs256(&[("arch_actors", json!(["client/c1", "client/c2"]))]);
    assert_eq!(act(&app, Some(&both), r#"{"self": "c2"}"#).await, 200);
    assert_eq!(commits(&store).await, 3);

    assert_eq!(act(&app, Some(&both), "{}").await, 400, "which of them?");
    assert_eq!(act(&app, Some(&hs256(&[])), r#"{"self": "c2"}"#).await, 403);
    assert_eq!(act(&app, Some(&hs256(&[("sub", json!("worker/c1"))])), own).await, 403);
    assert_eq!(act(&app, Some(&hs256(&[("sub", json!("c1"))])), own).await, 403);
    assert_eq!(act(&app, Some(&hs256(&[("arch_actors", json!([]))])), own).await, 403);
    assert_eq!(act(&app, None, own).await, 401);
    for wrong in [
        hs256(&[("exp", json!(1))]),
        hs256(&[("aud", json!("another"))]),
        hs256(&[("iss", json!("them"))]),
        hs256(&[("nbf", json!(99_999_999_999u64))]),
        hs256(&[("sub", Value::Null)]),
        token(OTHER.0, "k1", Algorithm::HS256, &claims(&[])),
        token(SECRET.0, "k2", Algorithm::HS256, &claims(&[])),
        token(SECRET.0, "k1", Algorithm::HS384, &claims(&[])),
        "x".into(),
        "a.b.c".into(),
        // {"alg":"none"}, no signature
        format!("eyJhbGciOiJub25lIn0.{}.", hs256(&[]).split('.').nth(1).expect("claims")),
    ] {
        assert_eq!(act(&app, Some(&wrong), own).await, 401, "{wrong}");
    }
    assert_eq!(commits(&store).await, 3);

    // Keys may be changed while the service runs.
    std::thread::sleep(Duration::from_millis(20));
    jwks(&path, "k2", OTHER.1);
    assert_eq!(act(&app, Some(&token(OTHER.0, "k2", Algorithm::HS256, &claims(&[]))), own).await, 200);
    assert_eq!(act(&app, Some(&hs256(&[])), own).await, 401);
}

#[tokio::test]
async fn a_key_that_was_taken_out_is_worth_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.json");
    jwks(&path, "k1", SECRET.1);
    let options = JwtOptions { jwks: path.clone(), issuer: None, audience: "sample".into() };
    let jwt = Jwt::new(options).expect("the keys can be read").rereading(Duration::ZERO);
    let (_, app) = app(jwt);
    let stolen = token(SECRET.0, "k1", Algorithm::HS256, &claims(&[]));
    let own = r#"{"self": "c1"}"#;
    assert_eq!(act(&app, Some(&stolen), own).await, 200);
    // What is broken is not believed.
    std::fs::write(&path, "{").expect("it is written");
    assert_eq!(act(&app, Some(&stolen), own).await, 200);
    jwks(&path, "k2", OTHER.1);
    assert_eq!(act(&app, Some(&stolen), own).await, 401, "nobody has shown a token of k2 yet");
    // What is counted is for who is known, too.
    let metrics = Request::get("/metrics").body(Body::empty()).expect("a request");
    let metrics = router(app).oneshot(metrics).await.expect("the router answers");
    assert_eq!(metrics.status().as_u16(), 401);
}

#[test]
fn keys_that_are_none_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("keys.json");
    let new = || Jwt::new(JwtOptions { jwks: path.clone(), issuer: None, audience: "a".into() }).err();
    assert!(matches!(new(), Some(JwtError::File { .. })));
    for wrong in ["", "{", "[]", r#"{"keys": []}"#, r#"{"keys": [{"kty": "magic"}]}"#] {
        std::fs::write(&path, wrong).expect("it is written");
        assert!(matches!(new(), Some(JwtError::Keys { .. })), "{wrong}");
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: CertificateDer<'static>,
    pem: String,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    let certificate = params.self_signed(&key).expect("a certificate");
    let (der, pem) = (certificate.der().clone(), certificate.pem());
    Authority { issuer: Issuer::new(params, key), certificate: der, pem }
}

impl Authority {
    fn sign(&self, names: Vec<SanType>) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.subject_alt_names = names;
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate"), key)
    }

    fn client(&self, uri: &str) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let (certificate, key) = self.sign(vec![SanType::URI(uri.try_into().expect("a URI"))]);
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        Some((vec![certificate.der().clone()], key))
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("it is written");
    path
}

/// The certificate and the key of `client/c1`, as files.
fn own(authority: &Authority, folder: &Path) -> (PathBuf, PathBuf) {
    let uri = "spiffe://example.org/client/c1".try_into().expect("a URI");
    let (certificate, key) = authority.sign(vec![SanType::URI(uri)]);
    (write(folder, "c1.pem", &certificate.pem()), write(folder, "c1.key", &key.serialize_pem()))
}

/// A server, for a client that believes an authority and has a certificate, if it has one.
fn endpoint(to: SocketAddr, authority: &Path, certificate: Option<(PathBuf, PathBuf)>) -> Endpoint {
    let tls = ClientTls { authority: authority.to_owned(), certificate };
    let address = format!("https://localhost:{}", to.port());
    let endpoint = Endpoint::over_tls(&address, &tls).expect("the files are right");
    endpoint.patience(Patience::of(Duration::from_millis(400)))
}

/// Certificate, key and authority of a server, as files.
fn files(authority: &Authority, folder: &Path) -> Tls {
    let (certificate, key) = authority.sign(vec![SanType::DnsName("localhost".try_into().expect("a name"))]);
    let file = |name: &str, text: &str| write(folder, name, text);
    Tls {
        certificate: file("server.pem", &certificate.pem()),
        key: file("server.key", &key.serialize_pem()),
        client_authority: Some(file("ca.pem", &authority.pem)),
        handshake_timeout: Duration::from_millis(300),
    }
}

/// A server with TLS that believes client certificates of an authority.
async fn start(authority: &Authority, folder: &Path) -> (Arc<MemoryStore>, SocketAddr) {
    let settings = files(authority, folder);
    let (store, app) = app(Spiffe::new("example.org"));
    let acceptor = tls::acceptor(&settings).expect("the files are right").rereading(Duration::ZERO);
    let limits = ConnectionLimits { handshake_timeout: settings.handshake_timeout, ..Default::default() };
    let server = Server::new(app).limits(limits).tls(acceptor);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(server.run(listener, std::future::pending()));
    (store, address)
}

type Client = Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>;

/// A request over TLS; none if there is no connection.
async fn over_tls(to: SocketAddr, authority: &Authority, client: Client, body: &str) -> Option<u16> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate.clone()).expect("a certificate");
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("the usual versions").with_root_certificates(roots);
    let config = match client {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).expect("they belong together"),
    };
    let stream = TcpStream::connect(to).await.ok()?;
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let request = http::text("POST", "/v1/counter/count", &[], body);
    http::exchange(stream, &request).await.map(|(status, _)| status)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_bind_their_holder_to_an_instance() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (authority(), authority());
    let (store, to) = start(&ours, folder.path()).await;
    let c1 = || ours.client("spiffe://example.org/client/c1");
    assert_eq!(over_tls(to, &ours, c1(), r#"{"self": "c1"}"#).await, Some(200));
    assert_eq!(over_tls(to, &ours, c1(), "{}").await, Some(200));
    assert_eq!(over_tls(to, &ours, c1(), r#"{"self": "c2"}"#).await, Some(403));
    let foreign = ours.client("spiffe://example.com/client/c1");
    assert_eq!(over_tls(to, &ours, foreign, "{}").await, Some(401), "another trust domain");
    let worker = ours.client("spiffe://example.org/worker/c1");
    assert_eq!(over_tls(to, &ours, worker, r#"{"self": "c1"}"#).await, Some(403));
    let forged = theirs.client("spiffe://example.org/client/c1");
    assert_eq!(over_tls(to, &ours, forged, "{}").await, None, "another authority");
    assert_eq!(over_tls(to, &ours, None, "{}").await, None, "no certificate");
    assert_eq!(http::ask(to, &http::text("POST", "/v1/counter/count", &[], "{}")).await, None, "no TLS");
    assert_eq!(commits(&store).await, 2);
    // Who does not go on with the handshake keeps nobody else waiting, and is sent away.
    let mut stalled = TcpStream::connect(to).await.expect("it accepts");
    assert_eq!(over_tls(to, &ours, c1(), "{}").await, Some(200));
    let mut nothing = Vec::new();
    let closed = tokio::io::AsyncReadExt::read_to_end(&mut stalled, &mut nothing);
    assert!(tokio::time::timeout(Duration::from_secs(3), closed).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_is_known_by_its_certificate() {
    let folder = tempfile::tempdir().expect("a folder");
    let (ours, theirs) = (authority(), authority());
    let (store, to) = start(&ours, folder.path()).await;
    let own = own(&ours, folder.path());
    let (ca, other) = (folder.path().join("ca.pem"), write(folder.path(), "other.pem", &theirs.pem));
    let count = async |endpoint: &Endpoint, id: &str| {
        endpoint.ask("counter.count", &json!({ "self": id }).to_string(), &Key::fresh()).await
    };
    let c1 = endpoint(to, &ca, Some(own.clone()));
    assert!(count(&c1, "c1").await.is_ok());
    let Err(CallError::Refused(refused)) = count(&c1, "c2").await else { panic!("it is c1") };
    assert_eq!(refused.status, 403);
    // A service that another authority signed is not spoken to.
    let error = count(&endpoint(to, &other, Some(own)), "c1").await.expect_err("another authority");
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    assert!(error.nothing_changed(), "{error}");
    let error = count(&endpoint(to, &ca, None), "c1").await.expect_err("no certificate");
    assert!(matches!(error, CallError::GaveUp(_)), "{error}");
    assert_eq!(commits(&store).await, 1);
    let missing = ClientTls { authority: folder.path().join("none.pem"), certificate: None };
    let missing = Endpoint::over_tls("https://localhost", &missing).err().map(|e| e.to_string());
    assert!(missing.is_some_and(|e| e.contains("authority: ") && e.contains("none.pem")));
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_authorities_may_be_exchanged() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (authority(), authority());
    let (store, to) = start(&old, folder.path()).await;
    let c1 = "spiffe://example.org/client/c1";
    assert_eq!(over_tls(to, &old, old.client(c1), "{}").await, Some(200));
    // A key that is not the certificate's: what there was is kept.
    write(folder.path(), "server.key", &new.sign(Vec::new()).1.serialize_pem());
    assert_eq!(over_tls(to, &old, old.client(c1), "{}").await, Some(200));
    files(&new, folder.path());
    assert_eq!(over_tls(to, &new, new.client(c1), "{}").await, Some(200));
    assert_eq!(over_tls(to, &new, old.client(c1), "{}").await, None, "its authority is believed no more");
    assert_eq!(over_tls(to, &old, new.client(c1), "{}").await, None, "the server has another certificate");
    assert_eq!(commits(&store).await, 3);
}

/// Delivers one message to an operation of a server that asks for tokens, over TLS; what becomes of it.
async fn delivered(to: SocketAddr, authority: &Path, token_file: Option<PathBuf>) -> Letter {
    let target = Target {
        url: format!("https://localhost:{}/v1/counter/count", to.port()),
        token: None,
        token_file,
        authority: Some(authority.to_owned()),
    };
    let targets = Targets::from([("audit.released".into(), Receiver::of(&target).expect("it can be used"))]);
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    let engine = Engine::new(Arc::new(service::service()), store.clone(), Limits::default());
    let engine = Arc::new(engine.expect("the sample makes sense"));
    let (item, client) = ("a".to_owned(), "c".to_owned());
    let acquire = sample::Request::Acquire { item: item.clone(), client: client.clone() };
    for op in [acquire, sample::Request::Release { item, client }] {
        transact(&*store, op.transition(), &Policy::default()).await.expect("it is committed");
    }
    let deliver = HttpDeliver::new(engine, targets);
    let dispatcher = Dispatcher::new(store.clone(), Arc::new(deliver), DispatchPolicy::default());
    assert_eq!(dispatcher.round().await.expect("the store is there").taken, 1);
    let dead = store.letters(true, None, 1).await.expect("they can be looked at");
    let waiting = store.letters(false, None, 1).await.expect("they can be looked at");
    dead.into_iter().chain(waiting).next().expect("the message")
}

/// A receiver that knows nobody without a token answers 401 at first, and what the message says after that.
#[tokio::test(flavor = "multi_thread")]
async fn messages_go_out_over_tls_with_a_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let ours = authority();
    let tls = Tls { client_authority: None, ..files(&ours, folder.path()) };
    let keys = folder.path().join("keys.json");
    jwks(&keys, "k1", SECRET.1);
    let options = JwtOptions { jwks: keys, issuer: None, audience: "sample".into() };
    let (_, app) = app(Jwt::new(options).expect("the keys can be read"));
    let server = Server::new(app).tls(tls::acceptor(&tls).expect("the files are right"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let to = listener.local_addr().expect("it has one");
    tokio::spawn(server.run(listener, std::future::pending()));
    let ca = folder.path().join("ca.pem");
    let unknown = delivered(to, &ca, None).await;
    assert!(matches!(unknown.standing, Standing::Waiting { .. }), "it may be known later: {unknown:?}");
    assert!(unknown.error.is_some_and(|e| e.ends_with("status 401")));
    let token = write(folder.path(), "token", &token(SECRET.0, "k1", Algorithm::HS256, &claims(&[])));
    let known = delivered(to, &ca, Some(token)).await;
    assert_eq!(known.standing, Standing::Dead, "{known:?}");
    assert!(known.error.is_some_and(|e| e.ends_with("status 400")), "an item is no request to count");
    let theirs = write(folder.path(), "theirs.pem", &authority().pem);
    let unsafe_one = delivered(to, &theirs, None).await;
    assert!(unsafe_one.error.is_some_and(|e| e.contains("invalid peer certificate")));
}

#[cfg(feature = "grpc")]
mod over_grpc {
    use super::*;
    use arch_runtime::step::{Action, Guard, Moved, Nobody, Operation, Picks, Protocol, Spec, Stop, Tx};

    /// `counter.count` as clients know it, who execute nothing.
    struct Count;

    impl Operation for Count {
        type Run = ();
        type Me = Nobody;
        type Choices = ();

        fn choose(_: &mut Tx<'_>, (): &(), (): ()) -> Result<Nobody, Stop> {
            Err(Stop::NotReached)
        }

        fn guard(_: &Tx<'_>, (): &(), _: &Nobody) -> Guard {
            Guard::new()
        }

        fn effect(_: &mut Tx<'_>, (): &(), _: &Nobody, _: &mut Picks) -> Result<(), Stop> {
            Err(Stop::NotReached)
        }

        fn conclude(_: &mut Tx<'_>, _: &Tx<'_>, (): &(), _: &Nobody) -> Result<Moved, Stop> {
            Err(Stop::NotReached)
        }
    }

    fn spec() -> Spec {
        let counter = Protocol {
            name: "counter".into(),
            kind: None,
            subjects: Vec::new(),
            copies: 1,
            parent: None,
            roles: Vec::new(),
            unfinished: Vec::new(),
            start: Vec::new(),
            broken: None,
            begin: None,
            actions: vec![Action::of::<Count>("counter.count", "client")],
        };
        let (schema, protocols) = (sample::schema(), vec![counter]);
        Spec {
            stored: schema.kinds().count(),
            schema,
            kinds: Vec::new(),
            sorts: Vec::new(),
            protocols,
            tick: 1_000,
        }
    }

    fn grpc(endpoint: Endpoint) -> Endpoint {
        endpoint.grpc(&spec(), &service::service().rpc.expect("the sample has gRPC"))
    }

    async fn count(endpoint: &Endpoint, body: &Value) -> Result<(), CallError> {
        endpoint.ask("counter.count", &body.to_string(), &Key::fresh()).await.map(|_| ())
    }

    fn status(told: Result<(), CallError>) -> u16 {
        match told {
            Ok(()) => 200,
            Err(CallError::Refused(refused)) => refused.status,
            Err(other) => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn tokens_bind_their_bearer_to_an_instance() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("keys.json");
        jwks(&path, "k1", SECRET.1);
        let options = JwtOptions { jwks: path, issuer: Some("us".into()), audience: "sample".into() };
        let (store, app) = app(Jwt::new(options).expect("the keys can be read"));
        let nobody = grpc(Endpoint::over(router(app)));
        let with = |key: &[u8]| {
            let token = token(key, "k1", Algorithm::HS256, &claims(&[]));
            nobody.clone().bearer(&token).expect("it can be sent")
        };
        assert_eq!(status(count(&with(SECRET.0), &json!({ "self": "c1" })).await), 200);
        assert_eq!(status(count(&with(SECRET.0), &json!({ "self": "c2" })).await), 403);
        assert_eq!(status(count(&with(OTHER.0), &json!({ "self": "c1" })).await), 401);
        assert_eq!(status(count(&nobody, &json!({ "self": "c1" })).await), 401);
        assert_eq!(commits(&store).await, 1);
    }

    /// Over HTTP/2 by TLS, as a certificate; and over HTTP on the same port.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_client_is_known_by_its_certificate() {
        let folder = tempfile::tempdir().expect("a folder");
        let ours = authority();
        let (store, to) = start(&ours, folder.path()).await;
        let ca = folder.path().join("ca.pem");
        let http = endpoint(to, &ca, Some(own(&ours, folder.path())));
        let c1 = grpc(http.clone());
        assert_eq!(status(count(&c1, &json!({ "self": "c1" })).await), 200);
        assert_eq!(status(count(&c1, &json!({ "self": "c2" })).await), 403);
        assert_eq!(status(count(&http, &json!({ "self": "c1" })).await), 200);
        let error = count(&grpc(endpoint(to, &ca, None)), &json!({ "self": "c1" }))
            .await
            .expect_err("no certificate");
        assert!(matches!(error, CallError::GaveUp(_)), "{error}");
        assert_eq!(commits(&store).await, 2);
    }
}
