//! The commands besides check.

mod common;

use common::{Dir, specs};

#[test]
fn help_says_what_there_is() {
    let dir = Dir::new();
    let run = dir.archc(&["--help"]).expect(0).quiet();
    for command in ["check", "audit", "faults", "fmt", "explain", "draft", "explore", "completions"] {
        assert!(run.stdout.contains(command), "{command}");
        let help = dir.archc(&[command, "--help"]).expect(0).quiet().stdout;
        assert!(help.contains("Usage: archc"), "{help}");
    }
    let help = dir.archc(&["check", "--help"]).stdout;
    assert!(
        help.contains("Exit status") && help.contains("70  internal error") && help.contains("Examples:"),
        "{help}"
    );
    assert!(dir.archc(&["--version"]).expect(0).stdout.starts_with("archc 0."));
    dir.archc(&[]).expect(2);
}

#[test]
fn fmt_writes_in_place_and_only_once() {
    let dir = Dir::with(&[("a.arch", &specs::HOLDS.replace(" := ", ":="))]);
    let run = dir.archc(&["fmt", "--check", "a.arch"]).expect(1).quiet();
    assert_eq!(run.stdout, "a.arch: not in canonical layout\n");
    dir.archc(&["fmt", "a.arch"]).expect(0).quiet();
    let formatted = dir.read("a.arch");
    assert!(formatted.contains("Lock.owner := self"), "{formatted}");
    dir.archc(&["fmt", "--check", "a.arch"]).expect(0).quiet();
    dir.archc(&["fmt", "."]).expect(0).quiet();
    assert_eq!(dir.read("a.arch"), formatted);
}

#[test]
fn fmt_reads_stdin() {
    let dir = Dir::new();
    let run = dir.archc_with("truth   X{a:bool}\n", &["fmt", "-"]).expect(0).quiet();
    assert_eq!(run.stdout, "truth X { a: bool }\n");
    let run = dir.archc_with("truth X {", &["fmt", "-"]).expect(2);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("error[E0001]"), "{}", run.stderr);
}

#[test]
fn fmt_leaves_what_does_not_parse_alone() {
    let dir = Dir::with(&[("a.arch", specs::BROKEN), ("b.arch", "truth   X{a:bool}\n")]);
    let run = dir.archc(&["fmt", "a.arch", "b.arch", "c.arch"]).expect(2);
    assert!(run.stderr.contains("a.arch:1:") && run.stderr.contains("cannot read c.arch"), "{}", run.stderr);
    assert_eq!(dir.read("a.arch"), specs::BROKEN);
    assert_eq!(dir.read("b.arch"), "truth X { a: bool }\n");
}

#[cfg(unix)]
#[test]
fn fmt_keeps_links_and_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::with(&[("real.arch", "truth   X{a:bool}\n")]);
    let real = dir.path().join("real.arch");
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.arch", dir.path().join("link.arch")).unwrap();
    dir.archc(&["fmt", "link.arch"]).expect(0).quiet();
    assert!(dir.path().join("link.arch").is_symlink());
    assert_eq!(dir.read("real.arch"), "truth X { a: bool }\n");
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn explain_prints_pages_and_knows_near_codes() {
    let dir = Dir::new();
    let list = dir.archc(&["explain"]).expect(0).quiet().stdout;
    let run = dir.archc(&["explain", "nonsense"]).expect(2);
    assert_eq!(run.stdout, "");
    assert!(run.stderr.contains("no diagnostic has the code nonsense"), "{}", run.stderr);
    let Some(code) = list.split_whitespace().next() else { return };
    let page = dir.archc(&["explain", code]).expect(0).quiet().stdout;
    assert!(page.contains(code), "{page}");
    assert_eq!(dir.archc(&["explain", &code.to_lowercase()]).expect(0).stdout, page);
    let near = dir.archc(&["explain", &format!("{code}9")]).expect(2).stderr;
    assert!(near.contains("did you mean"), "{near}");
}

const NOTES: &str = "\
Source of truth in protocol:
- ClaimState: owner_id
- LeaseState: expiry_at

Main protocol:
claimant[claim {ClaimState.owner_id = null or LeaseState.expiry_at < now}] ->
  holder[commit {ClaimState.owner_id = me}] => done
";

#[test]
fn draft_makes_a_spec_of_notes() {
    let dir = Dir::with(&[("notes.txt", NOTES)]);
    let run = dir.archc(&["draft", "notes.txt"]).expect(0);
    assert!(
        run.stdout.contains("truth ClaimState") && run.stdout.contains("claimant[claim"),
        "{}",
        run.stdout
    );
    assert_eq!(dir.archc_with(NOTES, &["draft", "-"]).expect(0).stdout, run.stdout);
    let written = dir.archc(&["draft", "notes.txt", "--out", "specs"]).expect(0);
    let path = written.stdout.trim();
    assert_eq!(dir.read(path), run.stdout);
    let again = dir.archc(&["draft", "notes.txt", "--out", "specs"]).expect(2);
    assert!(again.stderr.contains("exists"), "{}", again.stderr);
}

#[test]
fn draft_of_nothing_is_2() {
    let dir = Dir::with(&[("empty.txt", "")]);
    assert_eq!(dir.archc(&["draft", "empty.txt"]).expect(2).stdout, "");
    assert_eq!(dir.archc(&["draft", "nope.txt"]).expect(2).stdout, "");
}

#[test]
fn explore_refuses_what_has_no_states() {
    let dir = Dir::with(&[("a.arch", specs::INVALID), ("b.arch", specs::SKETCH)]);
    assert!(dir.archc(&["explore", "a.arch"]).expect(2).stdout.starts_with("INVALID a.arch"));
    assert!(dir.archc(&["explore", "b.arch"]).expect(3).stdout.starts_with("SKETCH b.arch"));
    dir.archc(&["explore", "c.arch"]).expect(2);
    dir.archc(&["explore", "a.arch", "--address", "nowhere"]).expect(2);
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = Dir::new().archc(&["completions", shell]).expect(0).quiet();
        assert!(run.stdout.contains("max-states"), "{shell}");
    }
}
