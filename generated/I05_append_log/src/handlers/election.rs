//! What `election` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `election`.
#[derive(Clone, Debug, Default)]
pub struct Election;

impl ElectionHandlers for Election {
    async fn change_leader(
        &self,
        _call: &Call,
        request: ChangeLeaderRequest,
    ) -> Result<ChangeLeaderChoices, HandlerError> {
        request.choices()
    }
}
