//! Loops with the vector instructions that this processor has.
#![allow(unsafe_code, reason = "functions for some processors only")]

use super::compare::{Compare, Seen};

/// A loop over flat arrays.
pub(crate) trait Loop {
    /// Runs it; inlined, so that it is compiled for where it is called. `C` compares lines with what there is.
    fn run<C: Compare>(self);
}

/// Runs a loop with the widest vectors there are. The safe twin is [`Loop::run`] with [`Seen`].
#[inline]
pub(crate) fn vectorized(job: impl Loop) {
    #[cfg(all(target_arch = "x86_64", not(loom)))]
    if is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl") {
        // SAFETY: the processor has what the function is compiled for.
        return unsafe { run_avx512(job) };
    }
    job.run::<Seen>();
}

/// 64-bit multiplications of vectors came with AVX-512.
#[cfg(all(target_arch = "x86_64", not(loom)))]
#[target_feature(enable = "avx512f,avx512dq,avx512vl")]
fn run_avx512(job: impl Loop) {
    job.run::<super::compare::Wide>();
}
