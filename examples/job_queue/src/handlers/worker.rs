//! What happens before a worker claims, renews and finishes.

use crate::generated::handlers::*;
use crate::generated::rows::{JobTruth, Lease};
use crate::generated::types::{Job, JobState};
use arch_runtime::service::{Call, HandlerError};
use arch_runtime::time::{Clock, SystemClock};

/// The workers.
#[derive(Clone, Debug, Default)]
pub struct Worker;

impl WorkerHandlers for Worker {
    /// A worker may say which job it wants. If it does not, it gets the first one that is ready, or whose lease ran out.
    ///
    /// Somebody else may be faster: then the guard of `claim` refuses, and the worker asks again.
    async fn claim(
        &self,
        call: &Call,
        request: ClaimRequest,
    ) -> Result<ClaimChoices, HandlerError> {
        let job = match request.job {
            Some(job) => job,
            None => next(call).await?,
        };
        Ok(ClaimChoices { job })
    }

    async fn renew(&self, _call: &Call, _request: RenewRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn give_up(&self, _call: &Call, _request: GiveUpRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn finish(&self, _call: &Call, _request: FinishRequest) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// A job that can be claimed, as far as one can see.
async fn next(call: &Call) -> Result<Job, HandlerError> {
    let jobs = call.truth().all::<JobTruth>().await?;
    let in_state = |state| jobs.iter().filter(move |(_, job)| job.state == state);
    if let Some((job, _)) = in_state(JobState::Ready).next() {
        return Ok(job.clone());
    }
    let now = SystemClock::default().wall();
    for (job, _) in in_state(JobState::Leased) {
        let lease = call.truth().get::<Lease>(job).await?;
        if lease.is_some_and(|lease| lease.expires < now) {
            return Ok(job.clone());
        }
    }
    Err(HandlerError::not_found("no job can be claimed now"))
}
