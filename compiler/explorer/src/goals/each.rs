//! All states of a finished search, wherever they are to be had from: the table, or, where it holds fingerprints, one
//! more search.

use crate::keys::Keys;
use crate::limits::Stop;
use crate::order::{End, Met, Order};
use crate::system::System;
use crate::visited::Set;

/// A state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Each<'a> {
    /// Where it is stored.
    pub slot: u64,
    /// What is kept of it.
    pub kept: &'a [u64],
    /// Bytes that going over the states takes now.
    pub bytes: u64,
}

/// Calls `f` with every state until it fails.
pub(super) fn each<S: System, K: Keys>(
    system: &S,
    set: &Set<K>,
    mut f: impl FnMut(Each<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut result = Ok(());
    if K::EXACT {
        set.table.each(|slot, key| {
            result = f(Each { slot, kept: &[key], bytes: 0 });
            result.is_ok()
        });
        return result;
    }
    let order = Order::new(system, set)?;
    let mut taken = order.bytes();
    let end = order.run(&mut |met| {
        match met {
            Met::State { slot, key, state, .. } => {
                result = f(Each { slot, kept: K::keep(&key, state), bytes: taken });
            }
            Met::Batch { bytes } => taken = bytes,
            _ => {}
        }
        result.is_ok()
    });
    if end == End::Refused { Err(Stop::Memory) } else { result }
}
