//! What `sweeper` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `sweeper`.
#[derive(Clone, Debug, Default)]
pub struct Sweeper;

impl SweeperHandlers for Sweeper {
    async fn find_expired(
        &self,
        _call: &Call,
        _request: FindExpiredRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn delete_expired(
        &self,
        _call: &Call,
        request: DeleteExpiredRequest,
    ) -> Result<DeleteExpiredChoices, HandlerError> {
        request.choices()
    }
}
