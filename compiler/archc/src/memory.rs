//! How much memory an exploration may take when the user does not say: enough to leave the machine usable.

use std::fs;

/// Three quarters of the memory that is available, or none where the system does not tell.
///
/// Running into this limit ends in a report; running out of memory would end in no report at all.
#[must_use]
pub fn default_limit() -> Option<u64> {
    let bytes = [available(), group_limit()].into_iter().flatten().min()?;
    Some(bytes / 4 * 3)
}

/// What Linux estimates can be allocated without swapping (proc_meminfo(5)).
fn available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limit of a container (cgroup v2); `max` where there is none.
fn group_limit() -> Option<u64> {
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}
