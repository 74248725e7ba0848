//! What `reader` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `reader`.
#[derive(Clone, Debug, Default)]
pub struct Reader;

impl ReaderHandlers for Reader {
    async fn main_get(&self, _call: &Call, _request: MainGetRequest) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn read_get(
        &self,
        _call: &Call,
        request: ReadGetRequest,
    ) -> Result<ReadGetChoices, HandlerError> {
        request.choices()
    }
}
