//! Serves on SQLite, or on PostgreSQL if `store.url` says so; `--help` lists what else it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    arch_runtime::cli::main(i16_replicated_kv::NAME, i16_replicated_kv::service)
}
