//! What `admin` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `admin`.
#[derive(Clone, Debug, Default)]
pub struct Admin;

impl AdminHandlers for Admin {
    async fn main_begin(
        &self,
        _call: &Call,
        _request: MainBeginRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn mutate_config(
        &self,
        _call: &Call,
        request: MutateConfigRequest,
    ) -> Result<MutateConfigChoices, HandlerError> {
        request.choices()
    }
}
