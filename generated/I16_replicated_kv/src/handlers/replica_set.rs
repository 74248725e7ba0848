//! What `replica_set` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `replica_set`.
#[derive(Clone, Debug, Default)]
pub struct ReplicaSet;

impl ReplicaSetHandlers for ReplicaSet {
    async fn replicate(
        &self,
        _call: &Call,
        _request: ReplicateRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn take_over(
        &self,
        _call: &Call,
        request: TakeOverRequest,
    ) -> Result<TakeOverChoices, HandlerError> {
        request.choices()
    }
}
