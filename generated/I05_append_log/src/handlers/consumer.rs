//! What `consumer` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `consumer`.
#[derive(Clone, Debug, Default)]
pub struct Consumer;

impl ConsumerHandlers for Consumer {
    async fn fetch(&self, _call: &Call, _request: FetchRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn process(
        &self,
        _call: &Call,
        request: ProcessRequest,
    ) -> Result<ProcessChoices, HandlerError> {
        request.choices()
    }

    async fn commit_progress(
        &self,
        _call: &Call,
        _request: CommitProgressRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn replay(
        &self,
        _call: &Call,
        request: ReplayRequest,
    ) -> Result<ReplayChoices, HandlerError> {
        request.choices()
    }
}
