//! A range of addresses, reserved once and committed from its start on: grows without being moved or copied.
//!
//! Large regions ask for huge pages, which halve the cost of random access and make the first touch six
//! times cheaper. The twin without unsafe code is the `Vec` of [`super::Lines`], which tests run
//! beside this.
#![allow(unsafe_code, reason = "memory maps")]

use super::{LINE_BYTES, Line, Refused};
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};
use std::ffi::c_void;
use std::ptr::null_mut;

/// Bytes of a huge page.
const HUGE: usize = 2 << 20;

/// A growing array of lines, 0 at first.
#[derive(Debug)]
pub(super) struct Region {
    map: *mut c_void,
    reserved: usize,
    /// The first huge page in the map.
    base: *mut Line,
    committed: usize,
}

// SAFETY: the region owns its map; lines are shared as atomics only.
unsafe impl Send for Region {}
// SAFETY: as above.
unsafe impl Sync for Region {}

impl Region {
    /// Reserves addresses: as many of `bytes` as the system gives, at least `least`.
    pub(super) fn reserve(bytes: usize, least: usize) -> Result<Region, Refused> {
        let mut reserved = bytes.max(least).next_multiple_of(HUGE) + HUGE;
        loop {
            let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
            // SAFETY: a new anonymous map at an address of the system's choice touches no other memory.
            match unsafe { mmap_anonymous(null_mut(), reserved, ProtFlags::empty(), flags) } {
                Ok(map) => {
                    let base = map.wrapping_byte_add(map.align_offset(HUGE)).cast();
                    return Ok(Region { map, reserved, base, committed: 0 });
                }
                Err(_) if reserved / 2 >= least + HUGE => reserved = (reserved / 2).next_multiple_of(HUGE),
                Err(_) => return Err(Refused),
            }
        }
    }

    /// Makes the first `lines` lines usable; new ones are 0.
    pub(super) fn commit(&mut self, lines: usize) -> Result<(), Refused> {
        let bytes = lines.checked_mul(LINE_BYTES).ok_or(Refused)?.next_multiple_of(HUGE);
        if bytes <= self.committed {
            return Ok(());
        }
        if bytes > self.reserved - HUGE {
            return Err(Refused);
        }
        let (start, len) = (self.base.wrapping_byte_add(self.committed).cast(), bytes - self.committed);
        // SAFETY: `start..start + len` is in the map, behind what is committed, and nobody uses it yet.
        unsafe {
            mprotect(start, len, MprotectFlags::READ | MprotectFlags::WRITE).map_err(|_| Refused)?;
            // Only advice: without huge pages everything works, slower.
            #[cfg(target_os = "linux")]
            let _ = madvise(start, len, Advice::LinuxHugepage);
            #[cfg(not(target_os = "linux"))]
            let _ = madvise(start, len, Advice::Normal);
        }
        self.committed = bytes;
        Ok(())
    }

    /// The first `lines` lines, which must be committed.
    #[inline]
    pub(super) fn lines(&self, lines: usize) -> &[Line] {
        assert!(lines * LINE_BYTES <= self.committed);
        // SAFETY: the memory is committed, aligned to huge pages, zeroed by the system (all bit patterns are
        // valid atomics) and lives as long as `self`; it is only ever shared as atomics.
        unsafe { std::slice::from_raw_parts(self.base, lines) }
    }

    /// Bytes in use.
    pub(super) fn bytes(&self) -> usize {
        self.committed
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the map is this region's own, and no borrow of its lines outlives it. Failing would only
        // leak addresses.
        let _ = unsafe { munmap(self.map, self.reserved) };
    }
}
