//! The `archc` command; everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    archc::run()
}
