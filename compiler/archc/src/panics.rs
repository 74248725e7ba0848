//! Panics are bugs of archc: one file's bug is reported as such, and the others are still checked.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::sync::Mutex;

/// Where a panic of any thread happened, until it is reported.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

thread_local! {
    /// Whether this thread runs inside [`caught`].
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Makes panics quiet unless RUST_BACKTRACE asks for more: what matters of them is in the report.
pub fn install_hook() {
    let usual = panic::take_hook();
    let wanted = std::env::var_os("RUST_BACKTRACE").is_some_and(|v| v != "0");
    panic::set_hook(Box::new(move |info| {
        if let Ok(mut place) = PLACE.lock() {
            place.get_or_insert_with(|| described(info));
        }
        if wanted || !INSIDE.get() {
            usual(info);
        }
    }));
}

/// The value, or what went wrong.
///
/// # Errors
///
/// When the work panicked: the message and the place of the panic.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    INSIDE.set(true);
    // Whatever the work left half done is dropped with it.
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(false);
    let place = PLACE.lock().ok().and_then(|mut place| place.take());
    result.map_err(|_| place.unwrap_or_else(|| "no message".to_owned()))
}

fn described(info: &PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(at) => format!("{message} ({}:{})", at.file(), at.line()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_panic_becomes_a_message() {
        super::install_hook();
        assert_eq!(super::caught(|| 1), Ok(1));
        let message = super::caught(|| panic!("out of cheese")).unwrap_err();
        assert!(message.starts_with("out of cheese ("), "{message}");
    }
}
