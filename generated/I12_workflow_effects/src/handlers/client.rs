//! What `client` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `client`.
#[derive(Clone, Debug, Default)]
pub struct Client;

impl ClientHandlers for Client {
    async fn main_begin(
        &self,
        _call: &Call,
        _request: MainBeginRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn start_workflow(
        &self,
        _call: &Call,
        _request: StartWorkflowRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
