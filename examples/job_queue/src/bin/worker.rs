//! A worker, as a process of its own: `worker NAME [URL]`. It claims a job, works, renews its lease meanwhile, and says when it is
//! done; if it was too slow, somebody else has the job by then, and its result does not count.
//!
//! It ends when the service is not answering for long. Whoever starts it again need not know what it was doing: it begins by
//! giving up what it had.

use arch_runtime::client::{CallError, Endpoint, Patience};
use job_queue::generated::client::{FinishOutcome, RenewOutcome, ServiceClient};
use job_queue::generated::handlers::{ClaimRequest, FinishRequest, GiveUpRequest, RenewRequest};
use job_queue::generated::rows::{Processing, ProcessingKey, ProcessingStatus};
use job_queue::generated::types::{Job, Worker};
use job_queue::primes;
use std::convert::Infallible;
use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::sleep;

/// How often a lease is renewed.
const RENEW: Duration = Duration::from_millis(700);

/// How long a lease lasts: whoever could not renew it for so long has lost it.
const LEASE: Duration = Duration::from_secs(2);

/// How long to wait when there is nothing to do.
const IDLE: Duration = Duration::from_millis(300);

#[tokio::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        eprintln!("usage: worker NAME [URL]");
        return ExitCode::from(2);
    };
    let url = arguments.next();
    let url = url.as_deref().unwrap_or("http://127.0.0.1:8080");
    match serve(&name, url).await {
        Ok(never) => match never {},
        Err(error) => {
            eprintln!("{name} stops: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does one job after the other.
async fn serve(name: &str, url: &str) -> Result<Infallible, Box<dyn Error>> {
    let endpoint = Endpoint::at(url)?;
    let at_work = At {
        me: Worker(name.into()),
        renewing: ServiceClient::new(endpoint.clone().patience(Patience::of(LEASE))),
        queue: ServiceClient::new(endpoint),
    };
    at_work.give_up_what_it_had().await?;
    loop {
        match at_work.claim().await? {
            Some(job) => at_work.work(&job).await?,
            None => sleep(IDLE).await,
        }
    }
}

/// A worker at a queue.
struct At {
    me: Worker,
    queue: ServiceClient,
    /// The same queue, asked for as long as a lease lasts.
    renewing: ServiceClient,
}

impl At {
    /// Whoever had this name before may have died over a job.
    async fn give_up_what_it_had(&self) -> Result<(), CallError> {
        let (me, worker) = (self.me.clone(), self.me.clone());
        let key = ProcessingKey { worker };
        let Processing { status, job } = self.queue.look::<Processing>(&key).await?.row;
        if status == ProcessingStatus::AtRenew {
            self.queue.give_up(&GiveUpRequest { me }).await?;
            println!("{} gives up {}", self.me.0, job.0);
        }
        Ok(())
    }

    /// A job, if there is one.
    async fn claim(&self) -> Result<Option<Job>, CallError> {
        let request = ClaimRequest {
            me: self.me.clone(),
            job: None,
        };
        match self.queue.claim(&request).await {
            Ok(reply) => Ok(Some(reply.run.job)),
            // Somebody else was faster.
            Err(CallError::Denied(_)) => Ok(None),
            // The handler found nothing to do.
            Err(CallError::Refused(refused)) if refused.status == 404 => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn work(&self, job: &Job) -> Result<(), CallError> {
        let (name, Job(task)) = (&self.me.0, job);
        println!("{name} claims {task}");
        let Some(found) = self.while_renewing(job).await else {
            println!("{name} loses {task}");
            return Ok(());
        };
        let request = FinishRequest {
            me: self.me.clone(),
        };
        match self.queue.finish(&request).await?.outcome {
            FinishOutcome::Done => println!("{name} finishes {task}: {found} primes"),
            FinishOutcome::Stale => println!("{name} is too late with {task}"),
        }
        Ok(())
    }

    /// Counts primes, as long as the lease can be renewed.
    async fn while_renewing(&self, job: &Job) -> Option<usize> {
        let mine = Arc::new(AtomicBool::new(true));
        let (limit, go_on) = (primes::limit(&job.0)?, mine.clone());
        let count = move || primes::count(limit, || go_on.load(Ordering::Relaxed));
        let mut counting = tokio::task::spawn_blocking(count);
        loop {
            tokio::select! {
                found = &mut counting => return found.ok().flatten(),
                () = sleep(RENEW) => mine.store(self.renew().await, Ordering::Relaxed),
            }
        }
    }

    /// Whether the lease is renewed.
    async fn renew(&self) -> bool {
        let request = RenewRequest {
            me: self.me.clone(),
        };
        let renewed = self.renewing.renew(&request).await;
        renewed.is_ok_and(|reply| reply.outcome == RenewOutcome::AtRenew)
    }
}
