//! Stateright's page for walking through the states of a model.

use crate::model::SpecModel;
use arch_check::{CompileError, Machine};
use stateright::Model;
use std::net::{TcpListener, ToSocketAddrs};
use std::sync::Arc;

/// Serves the page until the process ends.
///
/// # Errors
///
/// When stateright cannot judge the program's properties, or the address cannot be listened at.
pub fn serve(machine: Arc<Machine>, address: &str) -> Result<(), CompileError> {
    let model = SpecModel::new(machine)?;
    let cannot = |e: std::io::Error| CompileError::new(format!("cannot listen at {address}: {e}"));
    let addresses: Vec<_> = address.to_socket_addrs().map_err(cannot)?.collect();
    // Stateright gives up without a word when the address is taken, so it is tried first.
    drop(TcpListener::bind(&addresses[..]).map_err(cannot)?);
    let _checker = model.checker().serve(&addresses[..]);
    Ok(())
}
