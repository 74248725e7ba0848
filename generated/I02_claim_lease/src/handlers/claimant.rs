//! What `claimant` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `claimant`.
#[derive(Clone, Debug, Default)]
pub struct Claimant;

impl ClaimantHandlers for Claimant {
    async fn claim(&self, _call: &Call, _request: ClaimRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn renew(&self, _call: &Call, _request: RenewRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn commit(&self, _call: &Call, _request: CommitRequest) -> Result<(), HandlerError> {
        Ok(())
    }
}
