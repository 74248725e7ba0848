//! What `worker` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `worker`.
#[derive(Clone, Debug, Default)]
pub struct Worker;

impl WorkerHandlers for Worker {
    async fn launch(&self, _call: &Call, _request: LaunchRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn heartbeat(
        &self,
        _call: &Call,
        _request: HeartbeatRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn complete(&self, _call: &Call, _request: CompleteRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn stop(&self, _call: &Call, _request: StopRequest) -> Result<(), HandlerError> {
        Ok(())
    }
}
