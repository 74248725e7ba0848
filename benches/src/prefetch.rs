//! The one instruction that safe Rust does not have: a request to bring a cache line near.
//!
//! It is the only unsafe code outside the explorer. Without it the benchmark of the machine's limit would measure
//! how many misses the processor finds by itself.

/// Asks for the cache line of this byte; has no other effect.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[allow(unsafe_code)]
pub fn prefetch(byte: &u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a prefetch of any address, even an invalid one, has no effect that the program can see, and this
    // address comes from a reference. SSE is part of every x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(byte).cast()) }
}

/// Elsewhere nothing is asked for; the record says which processor it was.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub fn prefetch(_byte: &u8) {}
