//! Ctrl-C: the first asks for a partial report, the second ends the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit status of a process that a second Ctrl-C ends: 128 + SIGINT.
const KILLED: i32 = 130;

/// A flag that becomes true at the first Ctrl-C.
///
/// Where no handler can be installed the flag stays false and Ctrl-C ends the process as usual.
#[must_use]
pub fn install() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&flag);
    let handler = move || {
        if seen.swap(true, Ordering::SeqCst) {
            std::process::exit(KILLED);
        }
    };
    // Fails only if a handler exists already; then that one decides.
    drop(ctrlc::set_handler(handler));
    flag
}

/// Makes Ctrl-C the usual end of the process, for a command that has no other.
pub fn end_quietly() {
    drop(ctrlc::set_handler(|| std::process::exit(0)));
}
