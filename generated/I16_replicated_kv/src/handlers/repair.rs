//! What `repair` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `repair`.
#[derive(Clone, Debug, Default)]
pub struct Repair;

impl RepairHandlers for Repair {
    async fn anti_entropy(
        &self,
        _call: &Call,
        _request: AntiEntropyRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
