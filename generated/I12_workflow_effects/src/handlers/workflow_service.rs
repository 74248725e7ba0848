//! What `workflow_service` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `workflow_service`.
#[derive(Clone, Debug, Default)]
pub struct WorkflowService;

impl WorkflowServiceHandlers for WorkflowService {
    async fn transition(
        &self,
        _call: &Call,
        _request: TransitionRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
