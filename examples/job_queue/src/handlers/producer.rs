//! What happens before a job is submitted.

use crate::generated::handlers::*;
use crate::primes;
use arch_runtime::service::{Call, HandlerError};

/// Whoever has work to be done.
#[derive(Clone, Debug, Default)]
pub struct Producer;

impl ProducerHandlers for Producer {
    /// A job that no worker understands would be claimed again and again.
    async fn submit(&self, _call: &Call, request: SubmitRequest) -> Result<(), HandlerError> {
        match primes::limit(&request.job.0) {
            Some(_) => Ok(()),
            None => Err(HandlerError::invalid(
                "a job is called `primes-N`, N at most 10000000",
            )),
        }
    }
}
