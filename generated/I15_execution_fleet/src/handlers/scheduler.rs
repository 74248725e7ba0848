//! What `scheduler` does before each of its steps. This file is yours: it is written once.
//!
//! A method makes the choices that the spec leaves open. It may wait for the network; it runs at least once for each
//! request, outside the transaction. Guards and effects are in the generated step.

use crate::generated::handlers::*;
use arch_runtime::service::{Call, HandlerError};

/// The handlers of `scheduler`.
#[derive(Clone, Debug, Default)]
pub struct Scheduler;

impl SchedulerHandlers for Scheduler {
    async fn main_begin(
        &self,
        _call: &Call,
        _request: MainBeginRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }

    async fn place(
        &self,
        _call: &Call,
        request: PlaceRequest,
    ) -> Result<PlaceChoices, HandlerError> {
        request.choices()
    }

    async fn repair_reassign(
        &self,
        _call: &Call,
        request: RepairReassignRequest,
    ) -> Result<RepairReassignChoices, HandlerError> {
        request.choices()
    }

    async fn preemption_reassign(
        &self,
        _call: &Call,
        request: PreemptionReassignRequest,
    ) -> Result<PreemptionReassignChoices, HandlerError> {
        request.choices()
    }
}
