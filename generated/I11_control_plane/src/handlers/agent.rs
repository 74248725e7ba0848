//! What `agent` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `agent`.
#[derive(Clone, Debug, Default)]
pub struct Agent;

impl AgentHandlers for Agent {
    async fn apply(&self, _call: &Call, _request: ApplyRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn ack(&self, _call: &Call, _request: AckRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn refetch_snapshot(
        &self,
        _call: &Call,
        _request: RefetchSnapshotRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
