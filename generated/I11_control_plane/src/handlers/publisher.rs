//! What `publisher` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `publisher`.
#[derive(Clone, Debug, Default)]
pub struct Publisher;

impl PublisherHandlers for Publisher {
    async fn publish_snapshot(
        &self,
        _call: &Call,
        _request: PublishSnapshotRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn joined_apply(
        &self,
        _call: &Call,
        _request: JoinedApplyRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn end_push(&self, _call: &Call, _request: EndPushRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn build_snapshot(
        &self,
        _call: &Call,
        _request: BuildSnapshotRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}
