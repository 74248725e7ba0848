//! Memory that grows in place and can be refused. All unsafe code of the crate is in this folder.

#[cfg(target_os = "linux")]
mod code;
mod compare;
mod lines;
mod prefetch;
#[cfg(unix)]
mod region;
mod vectors;

#[cfg(loom)]
pub(crate) use loom::{hint::spin_loop, sync::atomic::AtomicU64};
#[cfg(not(loom))]
pub(crate) use std::{hint::spin_loop, sync::atomic::AtomicU64};

#[cfg(target_os = "linux")]
pub(crate) use code::give_back_code;
pub(crate) use compare::{Compare, Seen};
pub(crate) use lines::{LINE_BYTES, Line, Lines};
pub(crate) use prefetch::prefetch;
pub(crate) use vectors::{Loop, vectorized};

/// The system refused memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refused;

impl From<std::collections::TryReserveError> for Refused {
    fn from(_: std::collections::TryReserveError) -> Refused {
        Refused
    }
}

/// Unmaps the pages of this program's code: does nothing on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) fn give_back_code() {}

/// Adds an item to a list.
///
/// # Errors
///
/// When the system refuses the memory.
#[inline]
pub(crate) fn push<T>(list: &mut Vec<T>, item: T) -> Result<(), Refused> {
    if list.len() == list.capacity() {
        list.try_reserve(1)?;
    }
    list.push(item);
    Ok(())
}

/// A list of `len` copies of `item`.
///
/// # Errors
///
/// When the system refuses the memory.
pub(crate) fn filled<T: Clone>(item: T, len: usize) -> Result<Vec<T>, Refused> {
    let mut list = Vec::new();
    list.try_reserve_exact(len)?;
    list.resize(len, item);
    Ok(list)
}
