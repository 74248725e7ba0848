//! Serves on SQLite, or on PostgreSQL if `store.url` says so; `--help` lists what else it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    arch_runtime::cli::main(i11_control_plane::NAME, i11_control_plane::service)
}
