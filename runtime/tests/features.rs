//! Says which tests there are not, because the runtime is built without what they need: a test that was compiled out must not look
//! like one that passed.

use std::io::Write;

/// A file of tests, whether it is compiled, and the features that it needs.
const FILES: &[(&str, bool, &str)] = &[
    ("auth.rs (tokens, client certificates)", cfg!(all(feature = "jwt", feature = "tls")), "jwt,tls"),
    ("cli.rs", cfg!(all(feature = "http", feature = "sqlite", unix)), "http,sqlite"),
    (
        "client.rs, monitor.rs, outbox.rs, serve.rs, server.rs, settings.rs, simulation.rs",
        cfg!(feature = "http"),
        "http",
    ),
    ("etcd.rs (the etcd store)", cfg!(feature = "etcd"), "etcd"),
    ("grpc.rs", cfg!(feature = "grpc"), "grpc"),
    ("postgres.rs (the PostgreSQL store)", cfg!(feature = "postgres"), "postgres-tls"),
    ("sqlite.rs, sqlite_kill.rs", cfg!(feature = "sqlite"), "sqlite"),
    ("telemetry.rs", cfg!(all(feature = "otel", feature = "sqlite", unix)), "otel,sqlite"),
];

/// Past the capture of the test's output.
#[test]
fn tests_that_were_not_compiled_are_said_on_stderr() {
    let missing = FILES.iter().filter(|(_, compiled, _)| !compiled);
    let text: String = missing
        .map(|(file, _, features)| {
            let features: Vec<String> =
                features.split(',').map(|name| format!("arch-runtime/{name}")).collect();
            format!("\n*** NOT RUN: runtime/tests/{file}: needs --features {}\n", features.join(","))
        })
        .collect();
    std::io::stderr().write_all(text.as_bytes()).expect("somebody listens");
}

/// Every file of tests that is compiled under a condition is in the list above, and in the one below.
#[test]
fn no_file_of_tests_is_left_out_silently() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for entry in std::fs::read_dir(folder).expect("the folder of this file").flatten() {
        let name = entry.file_name().into_string().expect("text");
        let Ok(text) = std::fs::read_to_string(entry.path()) else { continue };
        if text.lines().any(|line| line.starts_with("#![cfg(")) {
            assert!(
                FILES.iter().any(|(files, ..)| files.contains(&name)),
                "{name} is compiled under a condition"
            );
        }
    }
}

/// In the summary, these are ignored, with the reason.
macro_rules! not_run {
    ($($name:ident, $missing:meta, $reason:literal;)*) => { $(
        #[cfg($missing)]
        #[test]
        #[ignore = $reason]
        fn $name() {
            panic!($reason);
        }
    )* };
}

not_run! {
    auth_rs_was_not_compiled, not(all(feature = "jwt", feature = "tls")), "needs --features arch-runtime/jwt,arch-runtime/tls";
    cli_rs_was_not_compiled, not(all(feature = "http", feature = "sqlite", unix)), "needs --features arch-runtime/http,arch-runtime/sqlite";
    etcd_rs_was_not_compiled, not(feature = "etcd"), "needs --features arch-runtime/etcd";
    grpc_rs_was_not_compiled, not(feature = "grpc"), "needs --features arch-runtime/grpc";
    postgres_rs_was_not_compiled, not(feature = "postgres"), "needs --features arch-runtime/postgres-tls";
    serve_rs_and_others_were_not_compiled, not(feature = "http"), "needs --features arch-runtime/http";
    sqlite_rs_was_not_compiled, not(feature = "sqlite"), "needs --features arch-runtime/sqlite";
    telemetry_rs_was_not_compiled, not(all(feature = "otel", feature = "sqlite", unix)), "needs --features arch-runtime/otel,arch-runtime/sqlite";
}
