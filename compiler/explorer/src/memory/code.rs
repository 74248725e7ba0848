//! Giving back the memory that the program's own code takes.
//!
//! When a search is large, most of the code that ran before it, a parser's and a compiler's perhaps, will not be run again:
//! megabytes that the system keeps mapped until somebody else needs memory.
#![allow(unsafe_code, reason = "advice on a memory map")]

use rustix::mm::{Advice, madvise};
use std::ffi::c_void;
use std::ops::Range;

/// Unmaps the pages of this program's code. Those that are needed again come back when they are run: from the system's cache
/// of files, in some microseconds.
pub(crate) fn give_back_code() {
    let Some(code) = own_code() else { return };
    let start: *mut c_void = std::ptr::with_exposed_provenance_mut(code.start);
    // SAFETY: the whole map is of a file that is mapped privately, to be read and run; nobody writes to it, so what is
    // dropped is what the file has, and the next access reads it again. Code that runs meanwhile just does that.
    let _ = unsafe { madvise(start, code.len(), Advice::LinuxDontNeed) };
}

/// The map with this function's code.
fn own_code() -> Option<Range<usize>> {
    let here = (own_code as fn() -> Option<Range<usize>>) as usize;
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    maps.lines().filter_map(code).find(|code| code.contains(&here))
}

/// The addresses of a line of `/proc/self/maps`, if it is of a file's code that nobody can have written to.
fn code(line: &str) -> Option<Range<usize>> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    let (permissions, inode) = (fields.next()?, fields.nth(2)?);
    (permissions == "r-xp" && inode != "0").then_some(address(start)?..address(end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_given_back() {
        let line = "55d0c0400000-55d0c0500000 r-xp 00004000 fe:00 1234 /usr/bin/a program";
        assert_eq!(code(line), Some(0x55d0_c040_0000..0x55d0_c050_0000));
        for other in
            ["rw-p 00004000 fe:00 1234 /a", "rwxp 0 fe:00 1234 /a", "r--p 0 fe:00 1234 /a", "r-xp 0 00:00 0"]
        {
            assert_eq!(code(&format!("55d0c0400000-55d0c0500000 {other}")), None, "{other}");
        }
        assert_eq!(code(""), None);
    }

    /// Kilobytes of this program's code that are mapped.
    fn resident() -> u64 {
        let start = format!("{:x}-", own_code().expect("this program has code").start);
        let maps = std::fs::read_to_string("/proc/self/smaps").expect("the system tells");
        let map = maps.lines().skip_while(|line| !line.starts_with(&start));
        let size = map.skip(1).find_map(|line| line.strip_prefix("Rss:")).expect("a size");
        size.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    #[test]
    fn code_is_given_back_and_runs_all_the_same() {
        let mut sum = 0u64;
        for byte in own_code().expect("this program has code").step_by(4096) {
            // SAFETY: the map can be read.
            sum += u64::from(unsafe { *std::ptr::with_exposed_provenance::<u8>(byte) });
        }
        assert!(sum > 0);
        let all = resident();
        give_back_code();
        // What is needed to ask, and by other tests meanwhile, has come back.
        let left = resident();
        assert!(left < all, "{left} of {all} kB");
    }
}
