//! Everything at once: the service, three workers, twelve jobs; the worker that claims the long one is killed while it works. In
//! the end every job is done once, and the journal says how.
//!
//! `demo [FOLDER]`: the database, the log and the trace are left in the folder, which is a new one if none is named.
//! `JOB_QUEUE__STORE__URL` names another store; it must not have these jobs yet.

use job_queue::generated::client::ServiceClient;
use job_queue::generated::handlers::SubmitRequest;
use job_queue::generated::types::{Job, Producer};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

const WORKERS: [&str; 3] = ["ann", "bob", "cid"];

/// Whoever claims this one is killed; it is long enough for that.
const LONG: &str = "primes-3000000";

const JOBS: [u64; 12] = [
    3_000_000, 1_000, 2_000, 3_000, 4_000, 5_000, 6_000, 7_000, 8_000, 9_000, 10_000, 20_000,
];

/// When to give up.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let fresh = || env::temp_dir().join(format!("job-queue-demo-{}", std::process::id()));
    let folder = env::args_os().nth(1).map_or_else(fresh, PathBuf::from);
    match demo(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A process that ends with the demo.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn demo(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let service = serve(folder, &address)?;
    let url = format!("http://{address}");
    submit(&url)?;
    println!("{} jobs are submitted to {url}", JOBS.len());
    let (tell, told) = channel();
    let mut workers = BTreeMap::new();
    for name in WORKERS {
        workers.insert(name.to_owned(), hire(name, &url, tell.clone())?);
    }
    let (start, mut done) = (Instant::now(), BTreeSet::new());
    while done.len() < JOBS.len() {
        let left = PATIENCE.saturating_sub(start.elapsed());
        let line = told
            .recv_timeout(left)
            .map_err(|_| io::Error::other("not all jobs were done"))?;
        println!("{line}");
        match line.split(' ').collect::<Vec<_>>()[..] {
            // `DROP` kills it: no word to the service, and its lease stays.
            [name, "claims", LONG] if workers.len() == WORKERS.len() => {
                workers.remove(name);
                println!("{name} is killed");
            }
            [_, "finishes", job, ..] if !done.insert(job.to_owned()) => {
                return Err(io::Error::other(format!("{job} was done twice")));
            }
            _ => {}
        }
    }
    drop((workers, service));
    println!("every job is done, once");
    export(folder)
}

/// Hands in every job. The service may be starting still: the client is patient.
fn submit(url: &str) -> io::Result<()> {
    let queue = ServiceClient::at(url).map_err(io::Error::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for job in JOBS.map(|limit| Job(format!("primes-{limit}").into())) {
        let me = Producer("producer".into());
        let submitted = runtime.block_on(queue.submit(&SubmitRequest { me, job }));
        submitted.map_err(io::Error::other)?;
    }
    Ok(())
}

/// A command of the service, which is built beside this program.
fn service(folder: &Path) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?.with_file_name("job-queue"));
    command.current_dir(folder);
    Ok(command)
}

fn serve(folder: &Path, address: &str) -> io::Result<Running> {
    let log = fs::File::create(folder.join("job-queue.log"))?;
    let mut command = service(folder)?;
    command.env("JOB_QUEUE__HTTP__LISTEN", address).stderr(log);
    Ok(Running(command.spawn()?))
}

/// A worker whose lines are told.
fn hire(name: &str, url: &str, tell: Sender<String>) -> io::Result<Running> {
    let mut command = Command::new(env::current_exe()?.with_file_name("worker"));
    let mut child = command.args([name, url]).stdout(Stdio::piped()).spawn()?;
    let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
    thread::spawn(move || {
        let lines = lines.into_iter().flatten().map_while(Result::ok);
        lines
            .take_while(|line| tell.send(line.clone()).is_ok())
            .count()
    });
    Ok(Running(child))
}

/// The journal, as a trace.
fn export(folder: &Path) -> io::Result<()> {
    let trace = folder.join("trace.jsonl");
    let mut command = service(folder)?;
    let status = command
        .args(["trace", "export", "--out", "trace.jsonl"])
        .status()?;
    if !status.success() {
        return Err(io::Error::other("the journal was not exported"));
    }
    println!("the trace is in {}", trace.display());
    Ok(())
}
