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
    async fn main_deliver_effect(
        &self,
        _call: &Call,
        _request: MainDeliverEffectRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn main_deliver_effect_2(
        &self,
        _call: &Call,
        request: MainDeliverEffect2Request,
    ) -> Result<MainDeliverEffect2Choices, HandlerError> {
        request.choices()
    }

    async fn record_result(
        &self,
        _call: &Call,
        _request: RecordResultRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
