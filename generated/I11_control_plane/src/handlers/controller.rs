//! What `controller` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `controller`.
#[derive(Clone, Debug, Default)]
pub struct Controller;

impl ControllerHandlers for Controller {
    async fn advance_wave(
        &self,
        _call: &Call,
        _request: AdvanceWaveRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn rollback(&self, _call: &Call, _request: RollbackRequest) -> Result<(), HandlerError> {
        Ok(())
    }
}
