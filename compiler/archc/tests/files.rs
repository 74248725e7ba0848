//! Files and directories as they come: missing, empty, unreadable, no text, loops, closed pipes.

mod common;

use common::{Dir, specs};
use std::io::Read;
use std::process::Stdio;

#[test]
fn a_missing_file_is_an_error_and_the_others_are_checked() {
    let dir = Dir::with(&[("a.arch", specs::HOLDS)]);
    let run = dir.archc(&["check", "nope.arch", "a.arch"]).expect(2).quiet();
    assert!(run.headline().starts_with("INVALID nope.arch · 1 error"), "{}", run.stdout);
    assert!(run.stdout.contains("cannot read nope.arch: no such file or directory"), "{}", run.stdout);
    assert!(run.stdout.contains("HOLDS a.arch"), "{}", run.stdout);
}

#[test]
fn every_format_reports_missing_files_and_parse_errors() {
    let dir = Dir::with(&[("b.arch", specs::BROKEN)]);
    for format in ["text", "json", "junit", "sarif", "github"] {
        let run = dir.archc(&["check", "nope.arch", "b.arch", "--format", format]).expect(2).quiet();
        assert!(run.stdout.contains("cannot read nope.arch"), "{format}: {}", run.stdout);
        assert!(run.stdout.contains("E0901") || format == "junit", "{format}: {}", run.stdout);
        assert!(run.stdout.contains("E0001") || format == "junit", "{format}: {}", run.stdout);
    }
}

#[test]
fn directories_are_searched_in_order() {
    let dir = Dir::with(&[
        ("s/b.arch", specs::BROKEN),
        ("s/a/z.arch", specs::BROKEN),
        ("s/c.arch", specs::BROKEN),
        ("s/notes.txt", "not a spec"),
    ]);
    let run = dir.archc(&["check", "s"]).expect(2);
    let files: Vec<&str> = run
        .stdout
        .lines()
        .filter_map(|l| l.strip_prefix("INVALID "))
        .filter_map(|l| l.split(" · ").next())
        .collect();
    assert_eq!(files, ["s/a/z.arch", "s/b.arch", "s/c.arch"]);
}

#[test]
fn a_directory_without_specs_is_an_error() {
    let dir = Dir::with(&[("empty/notes.txt", "")]);
    let run = dir.archc(&["check", "empty"]).expect(2).quiet();
    assert!(run.stdout.contains("no *.arch files below empty"), "{}", run.stdout);
}

#[cfg(unix)]
#[test]
fn links_that_loop_are_followed_once() {
    let dir = Dir::with(&[("s/a.arch", specs::BROKEN)]);
    std::os::unix::fs::symlink(dir.path().join("s"), dir.path().join("s/again")).unwrap();
    let run = dir.archc(&["check", "s"]).expect(2);
    assert_eq!(run.stdout.matches("INVALID ").count(), 1, "{}", run.stdout);
}

#[test]
fn a_file_that_is_no_text_is_an_error() {
    let dir = Dir::new();
    dir.write("a.arch", b"archetype\n\xff\xfe");
    let run = dir.archc(&["check", "a.arch"]).expect(2).quiet();
    assert!(run.stdout.contains("error[E0902]: a.arch is not UTF-8: byte 10, on line 2"), "{}", run.stdout);
}

#[test]
fn a_huge_file_is_an_error() {
    let dir = Dir::new();
    dir.write("a.arch", &vec![b' '; (archc::load::MAX_BYTES + 1) as usize]);
    let run = dir.archc(&["check", "a.arch"]).expect(2).quiet();
    assert!(run.stdout.contains("error[E0903]"), "{}", run.stdout);
}

#[test]
fn an_empty_file_is_no_success() {
    let dir = Dir::with(&[("a.arch", "")]);
    let run = dir.archc(&["check", "a.arch"]).expect(3).quiet();
    assert!(run.headline().contains(" a.arch · "), "{run:?}");
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let dir = Dir::with(&[("a.arch", specs::HOLDS)]);
    let path = dir.path().join("a.arch");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&path).is_ok() {
        return; // The superuser may read everything.
    }
    let run = dir.archc(&["check", "a.arch"]).expect(2).quiet();
    assert!(run.stdout.contains("permission denied"), "{}", run.stdout);
}

#[test]
fn a_closed_pipe_ends_quietly_and_is_no_success() {
    let files: Vec<(String, &str)> = (0..50).map(|i| (format!("{i}.arch"), specs::VIOLATED)).collect();
    let dir = Dir::new();
    for (name, text) in &files {
        dir.write(name, text.as_bytes());
    }
    let mut child = dir
        .command(&["check", "."])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0_u8; 8];
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut first).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!(&first, b"VIOLATED");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(matches!(output.status.code(), Some(1 | 3)), "{:?}", output.status);
}

#[test]
fn nothing_is_written_to_disk() {
    let dir = Dir::with(&[("a.arch", specs::HOLDS)]);
    dir.archc(&["check", "a.arch"]);
    dir.archc(&["fmt", "--check", "a.arch"]);
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["a.arch"]);
}

#[test]
fn colour_follows_the_user() {
    let dir = Dir::with(&[("a.arch", specs::INVALID)]);
    let plain = dir.archc(&["check", "a.arch"]).stdout;
    assert!(!plain.contains('\x1b'));
    assert!(!dir.archc(&["check", "a.arch", "--color", "never"]).stdout.contains('\x1b'));
    assert!(
        dir.archc(&["--color", "always", "check", "a.arch"])
            .stdout
            .contains("\x1b[1;31mINVALID\x1b[0m a.arch")
    );
}
