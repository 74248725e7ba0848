//! Configuration: file and environment, and errors that name the key.
#![cfg(feature = "http")]

use arch_runtime::settings::{AuthMode, Settings, SettingsError, load};
use std::time::Duration;

fn of(file: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("claims.toml");
    std::fs::write(&path, file).expect("the file is written");
    let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    load("claims", Some(&path), variables)
}

fn wrong(file: &str, variables: &[(&str, &str)]) -> String {
    of(file, variables).expect_err("it is wrong").to_string()
}

#[test]
fn every_key_has_a_default() {
    let settings = load("claims", None, []).expect("nothing need be set");
    assert_eq!(settings.store.url, "sqlite:claims.db");
    assert_eq!(settings.auth.mode, AuthMode::Off);
    assert!(settings.http.listen.ip().is_loopback());
}

#[test]
fn the_environment_comes_after_the_file() {
    let file = "[http]\nlisten = \"127.0.0.1:1\"\nbody_limit = 10\nbody_timeout = \"250ms\"\n[members]\nnode = [\"n1\"]\n";
    let set = [
        ("CLAIMS__HTTP__BODY_LIMIT", "20"),
        ("CLAIMS__STORE__URL", "memory:"),
        ("CLAIMS__MEMBERS__DISK", "d1, d2"),
        ("CLAIMS__MONITOR__SAMPLE", "0.5"),
        ("CLAIMSX", "not ours"),
        ("PATH", "not ours"),
    ];
    let settings = of(file, &set).expect("it is right");
    assert_eq!(settings.http.listen.port(), 1);
    assert_eq!(settings.http.body_limit, 20);
    assert_eq!(settings.http.body_timeout, Duration::from_millis(250));
    assert_eq!(settings.store.url, "memory:");
    assert_eq!(settings.members["node"].0, ["n1"]);
    assert_eq!(settings.members["disk"].0, ["d1", "d2"]);
    assert!((settings.monitor.sample - 0.5).abs() < 1e-9);
}

/// Names of steps have dots, and names of types capitals: variables cannot be called so, but may hold a whole table.
#[test]
fn a_variable_may_hold_a_table() {
    let file = "[members]\nnode = [\"n1\"]\n[outbox.targets]\n\"main.kept\" = \"http://kept/in\"\n";
    let targets = r#"{ "main.record_result" = "http://h:1/in", "main.toldTwice" = { url = "http://t/in", token = "s3cret" } }"#;
    let set = [
        ("CLAIMS__OUTBOX__TARGETS", targets),
        ("CLAIMS__MEMBERS", r#"{ Edge = ["E1", "e2"], disk = "d1,d2" }"#),
        ("CLAIMS__HOSTS__WORKER", "w1, w2"),
        ("CLAIMS__DRAIN__RELEASE", "main.give_up"),
    ];
    let settings = of(file, &set).expect("it is right");
    let url = |name: &str| settings.outbox.targets[name].url.as_str();
    assert_eq!(url("main.record_result"), "http://h:1/in");
    assert_eq!((url("main.kept"), url("main.toldTwice")), ("http://kept/in", "http://t/in"));
    assert_eq!(settings.members["Edge"].0, ["E1", "e2"]);
    assert_eq!(
        (&settings.members["disk"].0[..], &settings.members["node"].0[..]),
        (&["d1".into(), "d2".into()][..], &["n1".into()][..])
    );
    assert_eq!(settings.hosts["worker"].0, ["w1", "w2"]);
    assert_eq!(settings.drain.release.0, ["main.give_up"]);
    assert!(!settings.to_toml().contains("s3cret") && settings.to_toml().contains("main.toldTwice"));
    assert!(!format!("{settings:?}").contains("s3cret"));
    let error = wrong("", &[("CLAIMS__OUTBOX__TARGETS", "{ main.told = }")]);
    assert!(error.starts_with("outbox.targets: ") && error.contains("CLAIMS__OUTBOX__TARGETS"), "{error}");
}

#[test]
fn targets_say_what_they_lack() {
    let of = |value: &str| wrong("", &[("CLAIMS__OUTBOX__TARGETS", &format!("{{ \"a.b\" = {value} }}"))]);
    let starts =
        |key: &str, error: String| assert!(error.starts_with(&format!("outbox.targets.{key}: ")), "{error}");
    starts("a.b", of("\"ftp://x\""));
    starts("a.b.authority", of("{ url = \"http://x\", authority = \"ca.pem\" }"));
    starts("a.b.token", of("{ url = \"http://x\", token = \"t\", token_file = \"f\" }"));
    assert!(of("{ uri = \"http://x\" }").contains("uri"));
    assert!(of("3").contains("a URL"), "{}", of("3"));
    if cfg!(feature = "tls") {
        starts("a.b.authority", of("\"https://x\""));
    } else {
        assert!(of("\"https://x\"").contains("needs the feature `tls`"));
    }
}

#[test]
fn a_collector_is_an_address() {
    let key = "CLAIMS__TELEMETRY__ENDPOINT";
    if cfg!(feature = "otel") {
        assert!(of("", &[(key, "http://localhost:4318")]).is_ok());
        let error = wrong("", &[(key, "localhost")]);
        assert!(error.starts_with("telemetry.endpoint: ") && error.contains("no `http://` URL"), "{error}");
    } else {
        let error = wrong("", &[(key, "http://localhost:4318")]);
        assert!(error.contains("needs the feature `otel`"), "{error}");
    }
}

#[test]
fn errors_name_the_key() {
    let starts = |key: &str, error: String| {
        assert!(error.starts_with(&format!("{key}: ")), "{error}");
        error
    };
    let error = starts("http.body_limit", wrong("[http]\nbody_limit = \"much\"\n", &[]));
    assert!(error.contains("CLAIMS__HTTP__BODY_LIMIT"), "{error}");
    starts("http.body_limit", wrong("", &[("CLAIMS__HTTP__BODY_LIMIT", "much")]));
    starts("http.body_limit", wrong("", &[("CLAIMS__HTTP__BODY_LIMIT", "0")]));
    starts("http.body_limit", wrong("[http]\nbody_limit = -1\n", &[]));
    let error = starts("http.body_timeout", wrong("[http]\nbody_timeout = \"soon\"\n", &[]));
    assert!(error.contains("`soon`"), "{error}");
    starts("http.listen", wrong("[http]\nlisten = \"nowhere\"\n", &[]));
    starts("auth.mode", wrong("[auth]\nmode = \"magic\"\n", &[]));
    starts("auth.mode", wrong("[http]\nlisten = \"0.0.0.0:80\"\n", &[]));
    starts("store.url", wrong("[store]\nurl = \"oracle:x\"\n", &[]));
    starts("monitor.sample", wrong("[monitor]\nsample = 2.0\n", &[]));
    starts("outbox.targets.a", wrong("[outbox.targets]\na = \"ftp://x\"\n", &[]));
    let error = wrong("[http]\nlisten_on = 3\n", &[]);
    assert!(error.starts_with("http") && error.contains("listen_on"), "{error}");
    let error = wrong("", &[("CLAIMS__STORAGE__URL", "x")]);
    assert!(error.contains("storage"), "{error}");
    assert!(wrong("[http\n", &[]).contains("claims.toml"));
    let missing =
        load("claims", Some(std::path::Path::new("no/such.toml")), []).expect_err("it is not there");
    assert!(missing.to_string().contains("no/such.toml"), "{missing}");
}

#[cfg(all(feature = "jwt", feature = "tls"))]
#[test]
fn authentication_lacks_nothing() {
    let jwt = "[auth]\nmode = \"jwt\"\n";
    assert!(wrong(jwt, &[]).starts_with("auth.jwks: "));
    assert!(wrong(jwt, &[("CLAIMS__AUTH__JWKS", "k.json")]).starts_with("auth.audience: "));
    let mtls = "[auth]\nmode = \"mtls\"\n";
    assert!(wrong(mtls, &[]).starts_with("auth.trust_domain: "));
    assert!(wrong(mtls, &[("CLAIMS__AUTH__TRUST_DOMAIN", "x.org")]).starts_with("tls.client_authority: "));
}

#[test]
fn what_is_printed_is_a_file_without_passwords() {
    let set = [("CLAIMS__HTTP__BODY_LIMIT", "7"), ("CLAIMS__MEMBERS__N", "a,b")];
    let settings = of("[log]\nformat = \"json\"\n", &set).expect("it is right");
    let again = of(&settings.to_toml(), &[]).expect("what is printed can be read");
    assert_eq!(format!("{settings:?}"), format!("{again:?}"));
    let mut secret = settings;
    secret.store.url = "postgres://me:secret@db/claims".into();
    assert!(secret.to_toml().contains("postgres://me:***@db/claims"), "{}", secret.to_toml());
}
