//! `archc generate`: what it writes, what it leaves alone, what it refuses.

mod common;

use common::Dir;

const LEASE: &str = r#"ordinal Epoch
truth Lease { owner: worker?, epoch: Epoch }
actor worker * 2

protocol main for each worker, repeats {
  worker[take {Lease.owner = null}] -> worker[give {Lease.owner = self}] => done
}

on take {
  Lease.owner := self
  advance Lease.epoch
}
on give { Lease.owner := null }

property owned: reachable Lease.owner != null
"#;

fn lease() -> Dir {
    Dir::with(&[("lease.arch", LEASE)])
}

const GENERATE: &[&str] = &["generate", "lease.arch", "--out", "out"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    GENERATE.iter().chain(more).copied().collect()
}

#[test]
fn a_crate_is_written_and_then_fresh() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    assert!(dir.read("out/src/generated/handlers.rs").contains("pub trait WorkerHandlers"));
    assert!(dir.read("out/src/handlers/worker.rs").contains("impl WorkerHandlers for Worker"));
    assert!(dir.read("out/openapi.json").contains("/v1/main/take"));
    let again = dir.archc(GENERATE).expect(0);
    assert_eq!(again.stdout, "nothing has changed\n");
    let check = dir.archc(&with(&["--check"])).expect(0);
    assert_eq!(check.stdout, "");
}

#[test]
fn a_changed_spec_is_drift_until_it_is_generated() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    dir.write("out/src/handlers/worker.rs", b"// mine\n");
    dir.write("lease.arch", LEASE.replace("give", "yield_it").as_bytes());
    let check = dir.archc(&with(&["--check"])).expect(4);
    assert!(check.stdout.contains("-    fn give("), "{}", check.stdout);
    assert!(check.stdout.contains("+    fn yield_it("), "{}", check.stdout);
    let updated = dir.archc(GENERATE).expect(0);
    assert!(updated.stdout.contains("update src/generated/handlers.rs"), "{}", updated.stdout);
    assert!(
        updated.stdout.contains("lacks:") && updated.stdout.contains("async fn yield_it("),
        "{}",
        updated.stdout
    );
    assert_eq!(dir.read("out/src/handlers/worker.rs"), "// mine\n");
}

#[test]
fn what_was_changed_by_hand_is_not_overwritten() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    let path = "out/src/generated/rows.rs";
    let edited = dir.read(path).replace("Lease", "Mine");
    dir.write(path, edited.as_bytes());
    let refused = dir.archc(GENERATE).expect(4);
    assert!(refused.stderr.contains("rows.rs was changed by hand"), "{}", refused.stderr);
    assert_eq!(dir.read(path), edited);
    dir.archc(&with(&["--force", "--dry-run"])).expect(0);
    assert_eq!(dir.read(path), edited);
    dir.archc(&with(&["--force"])).expect(0);
    assert_ne!(dir.read(path), edited);
}

#[test]
fn files_that_nothing_makes_any_more_go() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    dir.write("lease.arch", LEASE.replace("protocol main", "protocol lease").as_bytes());
    let updated = dir.archc(GENERATE).expect(0);
    assert!(updated.stdout.contains("delete src/generated/main.rs"), "{}", updated.stdout);
    assert!(!dir.path().join("out/src/generated/main.rs").exists());
}

#[test]
fn what_cannot_be_generated_is_said_and_nothing_is_written() {
    let dir = Dir::with(&[(
        "lease.arch",
        "truth Seen[edge] { fresh: bool }\nactor hub\nactor edge * 2\n\nprotocol purge, repeats {\n  each drop: edge\n  \
         hub[start] -> edge[drop {Seen.fresh = true}] => done\n}\n\non start { for e in edge { Seen[e].fresh := true } }\non drop { Seen.fresh := false }\n",
    )]);
    let refused = dir.archc(GENERATE).expect(2);
    assert!(refused.stderr.contains("error[E0801]: sub-runs"), "{}{}", refused.stdout, refused.stderr);
    assert!(!dir.path().join("out").exists());
}

#[test]
fn the_crate_may_be_renamed_and_asked_from_elsewhere() {
    let dir = lease();
    dir.archc(&with(&["--name", "first"])).expect(0);
    assert!(dir.read("out/tests/generated/main.rs").contains("use first::generated"));
    assert!(dir.read("out/src/generated/types.rs").contains("from ../lease.arch"));
    let manifest = dir.read("out/Cargo.toml").replace("\"first\"", "\"my-leases\"");
    dir.write("out/Cargo.toml", manifest.as_bytes());
    dir.archc(GENERATE).expect(0);
    assert!(dir.read("out/tests/generated/main.rs").contains("use my_leases::generated"));
    let spec = dir.path().join("lease.arch");
    let (spec, out) = (spec.display().to_string(), dir.path().join("out").display().to_string());
    let elsewhere = common::Dir::with(&[]);
    assert_eq!(elsewhere.archc(&["generate", &spec, "--out", &out, "--check"]).expect(0).stdout, "");
}

#[test]
fn the_runtime_is_carried_along_unless_it_lies_elsewhere() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    assert!(dir.read("out/Cargo.toml").contains(r#"path = "vendor/arch-runtime""#));
    assert!(!dir.read("out/vendor/arch-runtime/Cargo.toml").contains("workspace"));
    dir.archc(&["generate", "lease.arch", "--out", "other", "--runtime-path", "lib/rt"]).expect(0);
    assert!(dir.read("other/Cargo.toml").contains(r#"path = "../lib/rt""#));
    dir.archc(&["generate", "lease.arch", "--out", "other"]).expect(0);
    assert!(!dir.path().join("other/vendor").exists());
}

#[test]
fn a_manifest_that_is_none_is_said() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    dir.write("out/.arch/manifest.json", br#"{"archc": "", "spec": "", "files": {"../x": ""}}"#);
    let refused = dir.archc(GENERATE).expect(2);
    assert!(refused.stderr.contains("which is outside"), "{}", refused.stderr);
}

/// Cargo on a generated crate, with what the workspace has compiled: nothing is fetched.
fn cargo(folder: &std::path::Path, args: &[&str]) -> std::process::Output {
    let workspace = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if !folder.join("Cargo.lock").exists() {
        std::fs::copy(workspace.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let mut command = std::process::Command::new(cargo);
    // Profiles are the workspace's, so that its dependencies are compiled already.
    command.args([
        "--config",
        "profile.dev.opt-level=1",
        "--config",
        "profile.dev.package.\"*\".opt-level=2",
    ]);
    command.args(args).current_dir(folder).env("CARGO_TARGET_DIR", target);
    command.output().unwrap()
}

fn succeeded(output: &std::process::Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_crate_builds_with_its_own_runtime_and_passes_its_tests_and_knows_its_database() {
    let dir = Dir::with(&[("lease.arch", LEASE)]);
    let generate = ["generate", "lease.arch", "--out", "own-lease"];
    dir.archc(&generate).expect(0);
    let folder = dir.path().join("own-lease");
    let told = succeeded(&cargo(&folder, &["test", "--offline", "--quiet", "--", "--nocapture"]));
    for kept in ["Memory: ", "Sqlite: "] {
        assert!(told.contains(kept), "the router is driven: {told}");
    }
    succeeded(&cargo(&folder, &["run", "--offline", "--quiet", "--", "migrate"]));
    // A longer tick is another spec to a database: its leases would be of another length.
    dir.archc(&[&generate[..], &["--tick", "2s"]].concat()).expect(0);
    let refused = cargo(&folder, &["run", "--offline", "--quiet", "--", "trace", "export"]);
    assert_eq!(refused.status.code(), Some(4), "{}", String::from_utf8_lossy(&refused.stderr));
}
