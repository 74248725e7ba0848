//! Calling compiled functions: the only unsafe code of this crate.
//!
//! # SAFETY
//!
//! A function is called through the signature that it was compiled with. What it reads and writes is bounded by how
//! [`crate::functions`] builds it: `words` words of the state; at most one state of `words` words and one number
//! for each action of the plan, one flag for each step and cut, for each action one note behind the count of notes;
//! for a judgement one number for each thing that can be found. Every slice is asserted to be that long before
//! the call. A function starts no thread, keeps no pointer, cannot trap (no operation of a plan can) and returns.
//! Its code stays mapped as long as the [`Memory`] that it came from, which lives in the same value.
//!
//! The safe twin is the interpreter (`arch_check::code`); the agreement suite and `tests/twin.rs` run both.
#![allow(unsafe_code)]

use cranelift_jit::JITModule;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// State, states, actions, flags, notes, how many states there are; how many there are then.
type Expand = unsafe extern "C" fn(*const u64, *mut u64, *mut u32, *mut u8, *mut u32, u64) -> u64;
/// State, findings; how many there are.
type Judge = unsafe extern "C" fn(*const u64, *mut u32) -> u64;

/// The memory of functions.
pub(crate) struct Memory(Mutex<Option<JITModule>>);

impl Memory {
    pub(crate) fn new(module: JITModule) -> Memory {
        Memory(Mutex::new(Some(module)))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let module = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(module) = module {
            // SAFETY: who owns the memory owns the functions, so nobody calls them any more.
            unsafe { module.free_memory() }
        }
    }
}

/// How much room functions need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) words: usize,
    pub(crate) actions: usize,
    pub(crate) flags: usize,
    pub(crate) findings: usize,
}

/// Compiled functions with their memory.
pub(crate) struct Functions {
    expand: Vec<Expand>,
    judge: Option<Judge>,
    sizes: Sizes,
    _memory: Memory,
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} functions, {:?}", self.expand.len(), self.sizes)
    }
}

/// The addresses of functions.
pub(crate) struct Addresses {
    pub(crate) expand: Vec<*const u8>,
    pub(crate) judge: Option<*const u8>,
}

impl Functions {
    /// Functions at these addresses, of a module that was built for them.
    pub(crate) fn new(addresses: &Addresses, sizes: Sizes, module: JITModule) -> Functions {
        // SAFETY: `module.rs` declared what is at these addresses with these signatures, and the host's convention.
        let expand = |at: &*const u8| unsafe { std::mem::transmute::<*const u8, Expand>(*at) };
        // SAFETY: as above.
        let judge = |at: *const u8| unsafe { std::mem::transmute::<*const u8, Judge>(at) };
        Functions {
            expand: addresses.expand.iter().map(expand).collect(),
            judge: addresses.judge.map(judge),
            sizes,
            _memory: Memory::new(module),
        }
    }

    /// Writes the successors of a state; how many there are.
    #[inline]
    pub(crate) fn expand(
        &self,
        state: &[u64],
        states: &mut [u64],
        actions: &mut [u32],
        flags: &mut [u8],
        notes: &mut [u32],
    ) -> usize {
        let Sizes { words, actions: most, flags: noted, .. } = self.sizes;
        assert!(state.len() == words && states.len() >= most * words && actions.len() >= most);
        assert!(flags.len() >= noted && notes.len() > 2 * most);
        let mut count = 0;
        for function in &self.expand {
            // SAFETY: the slices have room for all that all functions write together, as asserted above.
            count = unsafe {
                function(
                    state.as_ptr(),
                    states.as_mut_ptr(),
                    actions.as_mut_ptr(),
                    flags.as_mut_ptr(),
                    notes.as_mut_ptr(),
                    count,
                )
            };
        }
        count as usize
    }

    /// Writes what is found on a state; how much that is. None if there is no function for it.
    #[inline]
    pub(crate) fn judge(&self, state: &[u64], found: &mut [u32]) -> Option<usize> {
        let judge = self.judge?;
        assert!(state.len() == self.sizes.words && found.len() > self.sizes.findings);
        // SAFETY: there is room for every finding and, since it writes before it counts, for one more.
        Some(unsafe { judge(state.as_ptr(), found.as_mut_ptr()) } as usize)
    }
}
