//! A service in whose process a worker lives gives back what the worker has when it is told to stop: nobody waits for the lease.

#[path = "support/subject.rs"]
mod subject;

use arch_runtime::client::{CallError, Endpoint, Patience};
use arch_trace::check;
use job_queue::generated::client::ServiceClient;
use job_queue::generated::handlers::{ClaimRequest, FinishRequest, SubmitRequest};
use job_queue::generated::rows::{JobTruth, Lease};
use job_queue::generated::types::{Job, JobState, Producer, Worker};
use std::fs;
use std::io::Cursor;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use subject::subject;

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_job-queue"));
    command.current_dir(folder);
    command
}

/// The service, which hosts `ann`; and a client of it.
fn serve(folder: &Path) -> (Child, ServiceClient) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one").to_string();
    drop(listener);
    let mut command = command(folder);
    command
        .env("JOB_QUEUE__HTTP__LISTEN", &address)
        .env("JOB_QUEUE__HOSTS__WORKER", "ann")
        .env("JOB_QUEUE__DRAIN__DELAY", "10ms")
        .stderr(Stdio::piped());
    let child = command.spawn().expect("it can be run");
    let endpoint = Endpoint::at(&format!("http://{address}")).expect("an address");
    let patience = Patience::of(Duration::from_secs(60));
    (child, ServiceClient::new(endpoint.patience(patience)))
}

fn terminate(child: Child) -> String {
    let mut kill = Command::new("kill");
    let kill = kill.args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.expect("it can be run").success());
    let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
    let told = String::from_utf8_lossy(&stderr).into_owned();
    assert!(status.success(), "{told}");
    told
}

fn worker(name: &str) -> Worker {
    Worker(name.into())
}

async fn claim(queue: &ServiceClient, name: &str, job: &Job) -> Result<(), CallError> {
    let (me, job) = (worker(name), Some(job.clone()));
    queue.claim(&ClaimRequest { me, job }).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_here_has_is_given_back_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (child, queue) = serve(folder.path());
    let jobs = ["primes-100", "primes-200"].map(|name| Job(name.into()));
    for job in jobs.clone() {
        let me = Producer("p".into());
        queue
            .submit(&SubmitRequest { me, job })
            .await
            .expect("it is new");
    }
    claim(&queue, "ann", &jobs[0]).await.expect("it is ready");
    claim(&queue, "bob", &jobs[1]).await.expect("it is ready");
    let told = terminate(child);
    assert!(told.contains("released=1"), "{told}");

    let (child, queue) = serve(folder.path());
    let ready = queue
        .look::<JobTruth>(&jobs[0])
        .await
        .expect("it is shown")
        .row;
    assert_eq!(ready.state, JobState::Ready, "nobody waits for ann's lease");
    let others = queue
        .look::<Lease>(&jobs[1])
        .await
        .expect("it is shown")
        .row;
    assert_eq!(others.owner, Some(worker("bob")), "bob lives elsewhere");
    // A job that somebody else has by now is not given back by who had it once.
    claim(&queue, "ann", &jobs[0]).await.expect("it is ready");
    tokio::time::sleep(Duration::from_secs(4)).await;
    claim(&queue, "cid", &jobs[0])
        .await
        .expect("ann's lease is over");
    let told = terminate(child);
    assert!(told.contains("released=0"), "{told}");
    let (child, queue) = serve(folder.path());
    let finished = queue.finish(&FinishRequest { me: worker("cid") }).await;
    finished.expect("it is cid's still");
    assert!(terminate(child).contains("released=0"));

    let export = ["trace", "export", "--out", "t.jsonl"];
    let exported = command(folder.path())
        .args(export)
        .status()
        .expect("it can be run");
    assert!(exported.success());
    let trace = fs::read(folder.path().join("t.jsonl")).expect("a trace");
    let text = String::from_utf8_lossy(&trace).into_owned();
    assert_eq!(
        text.matches("\"op\":\"processing.give_up\"").count(),
        1,
        "{text}"
    );
    let checked = check(&subject(), Cursor::new(trace), None);
    assert!(checked.is_ok(), "{checked:?}");
}
