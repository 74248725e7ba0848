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

/// Whoever gives, gives: also what somebody else has taken meanwhile.
const ZOMBIE: &str = r#"const FENCED = true
ordinal Epoch
truth Lease { owner: worker?, until: time, epoch: Epoch }
actor worker * 2 { mine: Epoch }

protocol main for each worker, repeats {
  worker[take {Lease.owner = null or Lease.until < now}] ->
    worker[give {not FENCED or Lease.epoch = mine}] => done
}

on take {
  Lease.owner := self
  Lease.until := now + 1
  advance Lease.epoch
  mine := Lease.epoch
}
on give { Lease.owner := null }
rejects give => stale
outcome stale ends

faults { crash worker at most 1 }

property own: at give: Lease.owner = self
property known: at give: Lease.epoch >= mine

failure "zombie" { prevented by guard of give else violates own }

instance unfenced {
  FENCED = false
  expect violated own
}
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
fn what_its_owner_moved_or_deleted_stays_away() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    let (handlers, moved) = (dir.path().join("out/src/handlers/worker.rs"), "out/src/handlers/worker/mod.rs");
    let text = dir.read("out/src/handlers/worker.rs");
    std::fs::remove_file(&handlers).expect("it is there");
    dir.write(moved, text.as_bytes());
    assert_eq!(dir.archc(GENERATE).expect(0).stdout, "nothing has changed\n");
    assert!(!handlers.exists());
    // What is new is written, what is asked for comes back.
    dir.write("lease.arch", LEASE.replace("worker", "clerk").as_bytes());
    let updated = dir.archc(GENERATE).expect(0);
    assert!(updated.stdout.contains("create src/handlers/clerk.rs"), "{}", updated.stdout);
    std::fs::remove_file(dir.path().join("out/src/main.rs")).expect("it is there");
    assert!(!dir.archc(GENERATE).expect(0).stdout.contains("main.rs"));
    dir.archc(&with(&["--force", "--dry-run"])).expect(0);
    assert!(dir.archc(&with(&["--force"])).expect(0).stdout.contains("create src/main.rs"));
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
        "truth Seen[edge] { fresh: bool }\nactor hub\nactor edge * 2\nfaults { crash edge }\n\nprotocol purge, repeats {\n  \
         hub[start {no e in edge where crashed(e)}] => done\n}\n\non start { for e in edge { Seen[e].fresh := true } }\n",
    )]);
    let refused = dir.archc(GENERATE).expect(2);
    assert!(
        refused.stderr.contains("error[E0801]: a step that asks whether an instance is down"),
        "{}{}",
        refused.stdout,
        refused.stderr
    );
    assert!(!dir.path().join("out").exists());
}

/// It is what the tables and columns will be called that counts, and said before any database is made.
#[test]
fn names_that_no_database_takes_are_refused() {
    let long = "Ab".repeat(20);
    for (from, to, told) in [
        (
            "Lease",
            "ArchJournal",
            "`ArchJournal` would be stored in the table `arch_journal`, which cannot be",
        ),
        ("Lease", "SqliteX", "names that begin with `sqlite_` are SQLite's own"),
        ("Lease", long.as_str(), "names have at most 56 letters"),
        ("owner", "xmin", "`Lease.xmin` would be stored in the column `xmin`, which cannot be"),
        ("owner", "tableoid", "every table of PostgreSQL has a column of this name already"),
        ("owner", "CTID", "`Lease.CTID` would be stored in the column `ctid`, which cannot be"),
        ("main", "pg_class", "`pg_class` would be stored in the table `pg_class`, which cannot be"),
    ] {
        assert!(LEASE.contains(from));
        let dir = Dir::with(&[("lease.arch", &LEASE.replace(from, to))]);
        let refused = dir.archc(GENERATE).expect(2);
        assert!(refused.stderr.contains("error[E0801]"), "{to}: {}{}", refused.stdout, refused.stderr);
        assert!(refused.stderr.contains(told), "{to}: {}", refused.stderr);
        assert!(!dir.path().join("out").exists());
    }
    let page = Dir::new().archc(&["explain", "E0801"]).expect(0).stdout;
    for word in ["arch_", "sqlite_", "pg_", "xmin", "tableoid", "56"] {
        assert!(page.contains(word), "{word}: {page}");
    }
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
fn grpc_is_there_where_it_is_asked_for_and_stays() {
    let dir = lease();
    dir.archc(&with(&["--transport", "grpc"])).expect(0);
    let proto = dir.read("out/proto/lease.proto");
    assert!(proto.contains("rpc Take(TakeRequest) returns (TakeReply);"), "{proto}");
    assert!(dir.read("out/Cargo.toml").contains(r#"features = ["http", "grpc", "sqlite"]"#));
    assert!(dir.read("out/src/generated/client.rs").contains("pub fn over_grpc("));
    // From then on the crate says it.
    dir.archc(&with(&["--check"])).expect(0);
    let check = dir.archc(&with(&["--check", "--transport", "http"])).expect(4);
    assert!(check.stdout.contains("-syntax = \"proto3\";"), "{}", check.stdout);
    let without = dir.archc(&with(&["--transport", "http"])).expect(0);
    assert!(without.stdout.contains("delete proto/lease.proto"), "{}", without.stdout);
    assert!(without.stdout.contains("Cargo.toml still has the feature \"grpc\""), "{}", without.stdout);
    assert!(!dir.path().join("out/proto/lease.proto").exists());
    assert!(!dir.read("out/src/generated/client.rs").contains("grpc"));
}

#[test]
fn a_crate_that_lacks_the_feature_for_grpc_is_told() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    assert!(!dir.path().join("out/proto").exists());
    let told = dir.archc(&with(&["--transport", "http,grpc"])).expect(0);
    let lacks = "Cargo.toml lacks the feature \"grpc\" of arch-runtime";
    assert!(told.stdout.contains(lacks), "{}", told.stdout);
    let manifest = dir.read("out/Cargo.toml").replace("\"http\", ", "\"http\", \"grpc\", ");
    dir.write("out/Cargo.toml", manifest.as_bytes());
    assert_eq!(dir.archc(GENERATE).expect(0).stdout, "nothing has changed\n");
    let wrong = dir.archc(&with(&["--transport", "carrier-pigeon"])).expect(2);
    assert!(wrong.stderr.contains("carrier-pigeon"), "{}", wrong.stderr);
}

#[test]
fn a_manifest_that_is_none_is_said() {
    let dir = lease();
    dir.archc(GENERATE).expect(0);
    dir.write("out/.arch/manifest.json", br#"{"archc": "", "spec": "", "files": {"../x": ""}}"#);
    let refused = dir.archc(GENERATE).expect(2);
    assert!(refused.stderr.contains("which is outside"), "{}", refused.stderr);
}

/// A report of the spec, as a file.
fn report(dir: &Dir, args: &[&str], status: i32) {
    let check = [&["check", "zombie.arch", "--format", "json"], args].concat();
    dir.write("report.json", dir.archc(&check).expect(status).stdout.as_bytes());
}

const TESTED: &[&str] = &["generate", "zombie.arch", "--out", "out", "--test-from", "report.json"];

#[test]
fn a_counterexample_becomes_a_test() {
    let dir = Dir::with(&[("zombie.arch", ZOMBIE)]);
    report(&dir, &["--set", "FENCED=false"], 1);
    let unfenced = [TESTED, &["--set", "FENCED=false"]].concat();
    let made = dir.archc(&unfenced).expect(0);
    let path = "out/tests/counterexample_own.rs";
    assert!(made.stdout.contains("create tests/counterexample_own.rs"), "{}", made.stdout);
    let test = dir.read(path);
    assert!(test.contains("violated at give: Lease.owner = self"), "{test}");
    assert!(test.contains(r##"behaviour.ask("main.give", r#"{"self":"worker1"}"#);"##), "{test}");
    assert_eq!(dir.archc(&unfenced).expect(0).stdout, "nothing has changed\n");
    dir.write(path, b"// mine\n");
    let refused = dir.archc(&unfenced).expect(4);
    assert!(refused.stderr.contains("is another test"), "{}", refused.stderr);
    assert_eq!(dir.read(path), "// mine\n");
    dir.archc(&[&unfenced[..], &["--force"]].concat()).expect(0);
    assert_eq!(dir.read(path), test);
}

#[test]
fn failure_modes_and_faults_become_tests_where_a_service_can_be_asked_for_them() {
    let dir = Dir::with(&[("zombie.arch", ZOMBIE)]);
    report(&dir, &[], 0);
    dir.archc(TESTED).expect(0);
    assert!(dir.read("out/tests/failure_zombie_own.rs").contains("without guard of give"));
    let open = ZOMBIE.replace("FENCED = true", "FENCED = false");
    dir.write("zombie.arch", open.as_bytes());
    let faults = dir.archc(&["faults", "zombie.arch", "--format", "json"]).expect(0);
    dir.write("report.json", faults.stdout.as_bytes());
    dir.archc(&[TESTED, &["--only", "counterexample"]].concat()).expect(0);
    assert!(dir.path().join("out/tests/counterexample_own.rs").exists());
    let none = dir.archc(&[TESTED, &["--only", "skew"]].concat()).expect(2);
    assert!(none.stderr.contains("clocks are off in it"), "{}", none.stderr);
    let other = dir.archc(&[TESTED, &["--only", "nothing"]].concat()).expect(2);
    assert!(other.stderr.contains("counterexample_own"), "{}", other.stderr);
}

/// A report from which no test is made: what is said, and nothing is written.
#[track_caller]
fn refused(dir: &Dir, args: &[&str], said: &str) {
    let run = dir.archc(&[TESTED, args].concat()).expect(2);
    assert!(run.stderr.contains(said), "{}", run.stderr);
    assert!(!dir.path().join("out").exists(), "nothing is written");
}

#[test]
fn a_report_that_is_none_of_the_spec_is_refused() {
    let dir = Dir::with(&[("zombie.arch", ZOMBIE)]);
    refused(&dir, &[], "report.json: ");
    report(&dir, &["--set", "FENCED=false"], 1);
    refused(&dir, &[], "with --set FENCED=false, and the crate is generated with no --set");
    refused(&dir, &["--set", "FENCED=false", "--instance", "unfenced"], "with no --instance, and");
    let whole = dir.read("report.json");
    dir.write("report.json", &whole.as_bytes()[..whole.len() / 2]);
    refused(&dir, &["--set", "FENCED=false"], "this is no report");
    dir.write("report.json", whole.replace("worker1[give]", "worker1[grab]").as_bytes());
    refused(&dir, &["--set", "FENCED=false"], "does not happen in zombie.arch as it is now");
    dir.write("report.json", whole.replace("\"version\": 1", "\"version\": 7").as_bytes());
    refused(&dir, &["--set", "FENCED=false"], "of version 7");
    // Another version of the spec: the lease is longer, so the behaviour takes another tick.
    dir.write("report.json", whole.as_bytes());
    dir.write("zombie.arch", ZOMBIE.replace("now + 1", "now + 2").as_bytes());
    refused(&dir, &["--set", "FENCED=false"], "does not happen in zombie.arch as it is now");
    dir.write("zombie.arch", LEASE.as_bytes());
    report(&dir, &[], 0);
    refused(&dir, &[], "no property is violated in it");
}

/// Cargo on a generated crate, with what the workspace has compiled: nothing is fetched.
fn cargo(folder: &std::path::Path, args: &[&str]) -> std::process::Output {
    cargo_with(folder, args, None)
}

/// The same with an environment variable.
fn cargo_with(
    folder: &std::path::Path,
    args: &[&str],
    variable: Option<(&str, &str)>,
) -> std::process::Output {
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
    command.envs(variable).output().unwrap()
}

fn succeeded(output: &std::process::Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn failed(output: &std::process::Output) -> String {
    assert!(!output.status.success());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A folder that stays from run to run, so that the runtime in it is compiled again only when it changes; but for that, it is empty.
fn lasting(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    for left in std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
        if left.is_dir() && !left.ends_with("vendor") && !left.ends_with(".arch") {
            std::fs::remove_dir_all(left).unwrap();
        } else if left.is_file() {
            std::fs::remove_file(left).unwrap();
        }
    }
    folder
}

/// Without its fence, random sequences and the simulation find what archc found; a seed fails again by the command that it prints.
fn finds_by_chance(folder: &std::path::Path) {
    let test = ["test", "--offline", "--quiet", "--test", "generated", "--"];
    let told = failed(&cargo(folder, &[&test[..], &["properties::", "simulation::nothing"]].concat()));
    for word in ["violated is own", "main.give is asked for", "(shrunk to ", "it violates own"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let command = told.lines().find(|line| line.trim_start().starts_with("ARCH_SEED=")).expect("a command");
    let (seed, command) = command.trim().split_once(" cargo ").expect("a command");
    let wrong = told.lines().find(|line| line.contains("it violates own")).expect("what is wrong");
    let args: Vec<&str> = command.split(' ').collect();
    let args = [&args[..1], &["--offline"], &args[1..]].concat();
    let again = failed(&cargo_with(folder, &args, seed.split_once('=')));
    assert!(again.contains(wrong), "{wrong}: {again}");
}

#[test]
fn a_crate_builds_with_its_own_runtime_and_passes_its_tests_and_knows_its_database() {
    let dir = Dir::with(&[("zombie.arch", ZOMBIE)]);
    let folder = lasting("own-lease");
    let out = folder.display().to_string();
    report(&dir, &["--set", "FENCED=false"], 1);
    let generate = ["generate", "zombie.arch", "--out", &out];
    // The counterexample of the spec without its fence: the service does so, too.
    dir.archc(&[&generate[..], &["--set", "FENCED=false", "--test-from", "report.json"]].concat()).expect(0);
    let test = ["test", "--offline", "--quiet", "--test", "counterexample_own", "--", "--nocapture"];
    let told = failed(&cargo(&folder, &test));
    for word in ["`own`: violated at give: Lease.owner = self", "main.give is asked for", "[Memory, Sqlite]"]
    {
        assert!(told.contains(word), "{word}: {told}");
    }
    finds_by_chance(&folder);
    dir.archc(&generate).expect(0);
    let told = succeeded(&cargo(&folder, &["test", "--offline", "--quiet", "--", "--nocapture"]));
    for word in ["Memory: ", "Sqlite: ", "`own` is not violated so any more", "outcome `stale`"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    // A test that speaks of what there is no more says so.
    dir.write(
        "zombie.arch",
        ZOMBIE
            .replace("own:", "owner:")
            .replace("own }", "owner }")
            .replace("violated own", "violated owner")
            .as_bytes(),
    );
    dir.archc(&generate).expect(0);
    let told = failed(&cargo(&folder, &test));
    assert!(told.contains("this test says nothing any more"), "{told}");
    dir.write("zombie.arch", ZOMBIE.as_bytes());
    dir.archc(&generate).expect(0);
    // With the feature that its tests have, the runtime is not compiled again.
    let run = ["run", "--offline", "--quiet", "--features", "model,properties,simulation", "--"];
    succeeded(&cargo(&folder, &[&run[..], &["migrate"]].concat()));
    // A longer tick is another spec to a database: its leases would be of another length.
    dir.archc(&[&generate[..], &["--tick", "2s"]].concat()).expect(0);
    let refused = cargo(&folder, &[&run[..], &["trace", "export"]].concat());
    assert_eq!(refused.status.code(), Some(4), "{}", String::from_utf8_lossy(&refused.stderr));
}

/// A step that the spec did not have is a method that the user's handlers lack.
#[test]
fn a_new_step_is_a_compile_error_in_the_handlers() {
    let dir = Dir::with(&[("lease.arch", LEASE)]);
    let folder = lasting("new-step");
    // The runtime that the crate above has: it is compiled once.
    let runtime =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../runtime").canonicalize().unwrap();
    let (out, runtime) = (folder.display().to_string(), runtime.display().to_string());
    let generate = ["generate", "lease.arch", "--out", &out, "--runtime-path", &runtime];
    dir.archc(&generate).expect(0);
    succeeded(&cargo(&folder, &["check", "--offline", "--quiet"]));
    let more = LEASE.replace(
        "-> worker[give {Lease.owner = self}]",
        "-> worker[keep] -> worker[give {Lease.owner = self}]",
    );
    dir.write("lease.arch", more.replace("on give", "on keep {}\non give").as_bytes());
    let told = dir.archc(&generate).expect(0).stdout;
    assert!(told.contains("worker.rs lacks:") && told.contains("async fn keep("), "{told}");
    let told = failed(&cargo(&folder, &["check", "--offline", "--quiet"]));
    for word in ["error[E0046]", "missing: `keep`", "src/handlers/worker.rs"] {
        assert!(told.contains(word), "{word}: {told}");
    }
}

#[test]
fn a_model_that_is_too_large_for_tests_is_said() {
    let large = LEASE.replace("actor worker * 2", "const N = 2\nactor worker * N")
        + "truth Seen { n: 0..9999999 wrap }\n";
    let large = large
        .replace("on give { Lease.owner := null }", "on give { Lease.owner := null; Seen.n := Seen.n + 1 }");
    let dir = Dir::with(&[("lease.arch", &format!("{large}instance small {{ N = 1 }}\n"))]);
    let told = dir.archc(GENERATE).expect(0);
    for word in ["explores at most 2,000,000", "--instance small", "ARCH_STATES="] {
        assert!(told.stderr.contains(word), "{word}: {}", told.stderr);
    }
    // To check a crate is not to look at its model.
    assert_eq!(dir.archc(&with(&["--check"])).expect(0).stderr, "");
    assert_eq!(lease().archc(GENERATE).expect(0).stderr, "");
}
