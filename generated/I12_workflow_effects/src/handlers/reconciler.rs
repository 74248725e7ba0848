//! What `reconciler` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `reconciler`.
#[derive(Clone, Debug, Default)]
pub struct Reconciler;

impl ReconcilerHandlers for Reconciler {
    async fn replay_outbox(
        &self,
        _call: &Call,
        _request: ReplayOutboxRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn resume_workflow(
        &self,
        _call: &Call,
        _request: ResumeWorkflowRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
