//! What `downstream_writer` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `downstream_writer`.
#[derive(Clone, Debug, Default)]
pub struct DownstreamWriter;

impl DownstreamWriterHandlers for DownstreamWriter {
    async fn reject_commit(
        &self,
        _call: &Call,
        _request: RejectCommitRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
