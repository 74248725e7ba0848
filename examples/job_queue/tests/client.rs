//! The generated client against the service on a socket, over HTTP and over gRPC: typed outcomes, false guards, what is
//! committed, and who may see it.

use arch_runtime::client::{CallError, Endpoint, Key};
use arch_runtime::engine::{Engine, Limits};
use arch_runtime::fencing::{FencingToken, Gate};
use arch_runtime::serve::auth::{
    Acts, Authenticate, HeaderMap, Identity, Open, Peer, Unauthenticated,
};
use arch_runtime::serve::{App, Metrics, Server, router};
use arch_runtime::service::{Call, HandlerError};
use arch_runtime::store::memory::MemoryStore;
use axum::Router;
use axum::http::StatusCode;
use job_queue::generated::client::{
    ClaimOutcome, FinishOutcome, RenewOutcome, ServiceClient, SubmitOutcome,
};
use job_queue::generated::handlers::{
    ClaimChoices, ClaimRequest, FinishRequest, GiveUpRequest, RenewRequest, SubmitRequest,
    WorkerHandlers,
};
use job_queue::generated::rows::{
    JobTruth, Lease, Processing, ProcessingKey, ProcessingStatus, Tokens, WorkerLocals,
};
use job_queue::generated::service::service;
use job_queue::generated::types::{Job, JobState, Producer, Token, Worker};
use job_queue::handlers;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// The service in memory, with these workers.
fn app(worker: impl WorkerHandlers, auth: impl Authenticate) -> Arc<App> {
    let made = service("jobs", "0.1.0", [], handlers::producer::Producer, worker);
    let made = made.expect("no list of instances is needed");
    let store = Arc::new(MemoryStore::new(made.schema.clone()));
    let engine = Engine::new(Arc::new(made), store, Limits::default()).expect("it makes sense");
    let (engine, metrics) = (Arc::new(engine), Arc::new(Metrics::default()));
    Arc::new(App::new(engine, metrics, Arc::new(auth)))
}

/// The service on a free port.
async fn start(auth: impl Authenticate) -> SocketAddr {
    let app = app(handlers::worker::Worker, auth);
    let listener = TcpListener::bind("127.0.0.1:0").await;
    let listener = listener.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(Server::new(app).run(listener, std::future::pending()));
    address
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::at(&format!("http://{address}")).expect("an address")
}

/// A client of each kind.
fn clients(address: SocketAddr) -> [ServiceClient; 2] {
    let endpoint = endpoint(address);
    [
        ServiceClient::new(endpoint.clone()),
        ServiceClient::over_grpc(endpoint),
    ]
}

fn submit(job: &str) -> SubmitRequest {
    SubmitRequest {
        me: Producer("p".into()),
        job: Job(job.into()),
    }
}

fn claim(worker: &str, job: &str) -> ClaimRequest {
    ClaimRequest {
        me: Worker(worker.into()),
        job: Some(Job(job.into())),
    }
}

const JOB: &str = "primes-100";

/// A worker that tells somebody elsewhere of what it is about to finish: over HTTP, over gRPC, and under a token of its own.
struct Tells(Endpoint);

impl WorkerHandlers for Tells {
    async fn claim(&self, _: &Call, request: ClaimRequest) -> Result<ClaimChoices, HandlerError> {
        let job = request.job.ok_or_else(|| HandlerError::invalid("which?"))?;
        Ok(ClaimChoices { job })
    }

    async fn renew(&self, _: &Call, _: RenewRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn give_up(&self, _: &Call, _: GiveUpRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn finish(&self, _: &Call, _: FinishRequest) -> Result<(), HandlerError> {
        // What comes back does not matter.
        _ = self.0.ask("elsewhere.note", "{}", &Key::fresh()).await;
        let over_grpc = ServiceClient::over_grpc(self.0.clone());
        _ = over_grpc.submit(&submit(JOB)).await;
        let lease = FencingToken::parse("Lease/j1/5").expect("a token");
        let fenced = self.0.clone().fenced(lease);
        _ = fenced.ask("elsewhere.note", "{}", &Key::fresh()).await;
        Ok(())
    }
}

/// What a handler asks of others says on behalf of which run, and as of when, so that they can refuse whoever was replaced.
#[tokio::test]
async fn what_a_handler_asks_carries_the_token_of_its_run() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let hear = move |headers: HeaderMap| async move {
        let token = headers
            .get("fencing-token")
            .map(|token| token.to_str().expect("text").to_owned());
        tell.send(token).expect("somebody listens");
        StatusCode::BAD_REQUEST
    };
    let elsewhere = Endpoint::over(Router::new().fallback(hear));
    let router = router(app(Tells(elsewhere.clone()), Open));
    let client = ServiceClient::new(Endpoint::over(router.clone()));
    let finish = FinishRequest {
        me: Worker("ann".into()),
    };
    let gate = Gate::default();
    let mut tokens = Vec::new();
    for n in [0, 1] {
        let job = format!("primes-{}", 100 + n);
        client.submit(&submit(&job)).await.expect("it is new");
        client
            .claim(&claim("ann", &job))
            .await
            .expect("it is ready");
        client.finish(&finish).await.expect("it is ann's");
        let expected = format!("jobs:processing/ann/{}", 1 + 2 * n);
        for expected in [&expected, &expected, "Lease/j1/5"] {
            assert_eq!(told.recv().await.flatten().as_deref(), Some(expected));
        }
        tokens.push(FencingToken::parse(&expected).expect("a token"));
        assert_eq!(gate.accept(&tokens[n]), Ok(()));
    }
    assert!(
        gate.accept(&tokens[0]).is_err(),
        "it is of an earlier visit"
    );
    // A run that was handed over is asked about as it was then, not as it is when the handler comes to ask.
    let late =
        Endpoint::over(router).fenced(FencingToken::parse("processing/ann/3").expect("a token"));
    let late = ServiceClient::new(late).finish(&finish).await;
    assert!(
        late.is_err_and(|e| matches!(e, CallError::Denied(denied) if denied.is_false("run.moved")))
    );
    assert_eq!(
        told.recv().await.flatten().as_deref(),
        Some("jobs:processing/ann/3")
    );
    // Nobody acts for a run here.
    _ = elsewhere.ask("elsewhere.note", "{}", &Key::fresh()).await;
    while let Ok(token) = told.try_recv() {
        assert_ne!(token.as_deref(), Some("jobs:processing/ann/4"));
        if token.is_none() {
            return;
        }
    }
    panic!("it has a token");
}

#[tokio::test]
async fn outcomes_runs_and_false_guards_have_types() {
    for n in 0..2 {
        let [.., client] = &clients(start(Open).await)[..=n] else {
            panic!("there are two")
        };
        they_have_types(client).await;
    }
}

async fn they_have_types(client: &ServiceClient) {
    let (key, job) = (Key::fresh(), Job(JOB.into()));
    let submitted = client.connection().ask_under(&key, &submit(JOB)).await;
    let submitted = submitted.expect("it is new");
    assert_eq!(submitted.outcome, SubmitOutcome::Done);
    let again = client.connection().ask_under(&key, &submit(JOB)).await;
    assert!(again.is_ok_and(|again| again.replayed && again.tx == submitted.tx));
    let claimed = client.claim(&claim("ann", JOB)).await.expect("it is ready");
    assert_eq!(claimed.outcome, ClaimOutcome::AtRenew);
    assert_eq!(
        claimed.run,
        Processing {
            status: ProcessingStatus::AtRenew,
            job
        }
    );
    let Err(CallError::Denied(denied)) = client.claim(&claim("bob", JOB)).await else {
        panic!("it is ann's")
    };
    assert_eq!(denied.op, "processing.claim");
    let failed: Vec<&str> = denied.failed.iter().map(|f| &*f.guard).collect();
    assert_eq!(failed, ["processing.claim#1", "processing.claim#4"]);
    assert_eq!(denied.failed[1].text, "Lease[job].expires < now");
    let lease = denied.reads.iter().find(|r| r.row == "Lease/primes-100");
    assert_eq!(lease.map(|r| r.version), Some(1));
    // What the handler refuses is no guard.
    let Err(CallError::Refused(refused)) = client.submit(&submit("tea")).await else {
        panic!("no worker understands it")
    };
    assert_eq!((refused.status, &*refused.kind), (400, "invalid-request"));
    let me = Worker("ann".into());
    let renewed = client.renew(&RenewRequest { me: me.clone() }).await;
    assert!(renewed.is_ok_and(|r| r.outcome == RenewOutcome::AtRenew));
    let finished = client.finish(&FinishRequest { me }).await;
    assert!(finished.is_ok_and(|r| r.outcome == FinishOutcome::Done));
}

#[tokio::test]
async fn one_key_is_one_transition_whichever_way_it_comes() {
    let [http, grpc] = clients(start(Open).await);
    let key = Key::fresh();
    let first = grpc.connection().ask_under(&key, &submit(JOB)).await;
    let first = first.expect("it is new");
    let again = http.connection().ask_under(&key, &submit(JOB)).await;
    let again = again.expect("it is known");
    assert_eq!(
        (again.tx, again.at, again.outcome, again.run, again.replayed),
        (first.tx, first.at, first.outcome, first.run, true)
    );
    let Err(CallError::Refused(reused)) = grpc
        .connection()
        .ask_under(&key, &submit("primes-200"))
        .await
    else {
        panic!("another request under the same key")
    };
    assert_eq!(
        (reused.status, &*reused.kind),
        (422, "idempotency-key-reused")
    );
}

#[tokio::test]
async fn what_is_committed_can_be_looked_at() {
    // Rows are looked at over HTTP by a client of gRPC, too.
    let [_, client] = clients(start(Open).await);
    let (job, ann) = (Job(JOB.into()), Worker("ann".into()));
    let before = client.look::<JobTruth>(&job).await.expect("it is shown");
    assert_eq!((before.row.state, before.version), (JobState::New, 0));
    client.submit(&submit(JOB)).await.expect("it is new");
    client.claim(&claim("ann", JOB)).await.expect("it is ready");
    let after = client.look::<JobTruth>(&job).await.expect("it is shown");
    assert_eq!((after.row.state, after.version), (JobState::Leased, 2));
    let lease = client.look::<Lease>(&job).await.expect("it is shown");
    assert_eq!(
        (lease.row.owner, lease.row.token),
        (Some(ann.clone()), Token(1))
    );
    assert!(lease.row.expires > lease.now && lease.now >= after.now);
    let tokens = client.look::<Tokens>(&()).await.expect("it is shown");
    assert_eq!((tokens.row.last, tokens.version), (Token(1), 1));
    let own = client
        .look::<WorkerLocals>(&ann)
        .await
        .expect("it is shown");
    assert_eq!(own.row.my_token, Token(1));
    let run = client
        .look::<Processing>(&ProcessingKey { worker: ann })
        .await;
    assert!(run.is_ok_and(|run| run.row.status == ProcessingStatus::AtRenew && run.row.job == job));
    // Whatever a key is made of.
    let odd = Job("a/b c?%41#é".into());
    let odd = client.look::<JobTruth>(&odd).await.expect("it is shown");
    assert_eq!(odd.version, 0);
}

/// Knows nobody but ann.
struct Ann;

impl Authenticate for Ann {
    fn authenticate(&self, _: &Peer, headers: &HeaderMap) -> Result<Identity, Unauthenticated> {
        match headers.get("authorization").map(|v| v.as_bytes()) {
            Some(b"Bearer ann") => Ok(Identity {
                name: "ann".into(),
                acts: Acts::As(vec![("worker".into(), "ann".into())]),
            }),
            _ => Err(Unauthenticated("who are you?".into())),
        }
    }
}

#[tokio::test]
async fn the_truth_is_everybodys_and_where_one_is_ones_own() {
    let address = start(Ann).await;
    let [stranger, over_grpc] = clients(address);
    let ann = endpoint(address).bearer("ann").expect("a token");
    let ann_over_grpc = ServiceClient::over_grpc(ann.clone());
    let ann = ServiceClient::new(ann);
    let job = Job(JOB.into());
    let run = |worker: &str| ProcessingKey {
        worker: Worker(worker.into()),
    };
    let status = |error: CallError| match error {
        CallError::Refused(refused) => refused.status,
        other => panic!("{other}"),
    };
    let seen = stranger.look::<JobTruth>(&job).await;
    assert_eq!(seen.map_err(status).err(), Some(401));
    assert!(ann.look::<JobTruth>(&job).await.is_ok());
    assert!(ann.look::<Processing>(&run("ann")).await.is_ok());
    let seen = ann.look::<Processing>(&run("bob")).await;
    assert_eq!(seen.map_err(status).err(), Some(403));
    let seen = ann.look::<WorkerLocals>(&Worker("bob".into())).await;
    assert_eq!(seen.map_err(status).err(), Some(403));
    // Who may act is the same over both.
    for stranger in [stranger, over_grpc] {
        let told = stranger.claim(&claim("ann", JOB)).await;
        assert_eq!(told.map_err(status).err(), Some(401));
    }
    for ann in [ann, ann_over_grpc] {
        let told = ann.claim(&claim("bob", JOB)).await;
        assert_eq!(told.map_err(status).err(), Some(403));
        let told = ann.claim(&claim("ann", JOB)).await;
        assert!(matches!(told, Err(CallError::Denied(_))), "{told:?}");
    }
}
