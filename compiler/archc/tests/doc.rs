//! `archc doc`: what is written, what the pages say of what was checked, and whose folder it is.

mod common;

use common::{Dir, Run, specs};

const FINE: &str = r#"
archetype I99 "A lock <b>" {}
truth Job { owner: worker?, twice: bool }
actor worker * 2
protocol main for each worker, repeats {
  worker[take {Job.owner = null}] -> worker[finish {Job.owner = self}] => done
}
on take { if Job.owner != null { Job.twice := true }; Job.owner := self }
on finish { Job.owner := null }
property never_twice: always Job.twice = false
failure "taken twice" { prevented by guard of take else violates never_twice }
"#;

fn documented(dir: &Dir, arguments: &[&str]) -> Run {
    dir.archc(&[&["doc", "specs", "--out", "site"], arguments].concat())
}

fn pages(dir: &Dir) -> Vec<String> {
    let entries = std::fs::read_dir(dir.path().join("site")).expect("the site");
    let mut names: Vec<String> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_site_says_what_was_checked() {
    let dir = Dir::with(&[("specs/lock.arch", FINE)]);
    let run = documented(&dir, &["--audit"]).expect(0);
    assert!(run.stdout.contains("HOLDS specs/lock.arch"), "{}", run.stdout);
    assert!(run.stdout.contains("written site/index.html of 1 spec"), "{}", run.stdout);
    assert_eq!(pages(&dir), [".archc-doc", "index.html", "lock.html"]);
    let page = dir.read("site/lock.html");
    for said in
        ["A lock &lt;b&gt;", "taken twice: without guard of take, never_twice is violated", "load-bearing"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    // The same again is the same.
    documented(&dir, &["--audit", "--threads", "1"]).expect(0);
    assert_eq!(dir.read("site/lock.html"), page);
}

#[test]
fn without_checking_there_are_no_verdicts() {
    let dir = Dir::with(&[("specs/lock.arch", FINE)]);
    let run = documented(&dir, &["--no-check"]).expect(0);
    assert!(run.stdout.contains("NOT CHECKED specs/lock.arch"), "{}", run.stdout);
    let page = dir.read("site/lock.html");
    assert!(!page.contains(">holds<") && !page.contains(">shown<"), "{page}");
    documented(&dir, &["--no-check", "--audit"]).expect(2);
}

#[test]
fn what_is_wrong_decides_the_exit_status_and_is_on_the_page() {
    let broken = FINE.replace("always Job.twice = false", "always Job.owner = null");
    let dir = Dir::with(&[("specs/a.arch", &broken), ("specs/b.arch", "truth {"), ("specs/c.arch", FINE)]);
    let run = documented(&dir, &[]).expect(2);
    assert!(run.stderr.contains("specs/b.arch gets no page"), "{}", run.stderr);
    assert_eq!(pages(&dir), [".archc-doc", "a.html", "c.html", "index.html"]);
    assert!(dir.read("site/a.html").contains("violated"));
    std::fs::remove_file(dir.path().join("specs/b.arch")).expect("the file");
    documented(&dir, &[]).expect(1);
    let dir = Dir::with(&[("specs/a.arch", specs::HUGE)]);
    documented(&dir, &["--max-states", "100"]).expect(3);
    assert!(dir.read("site/a.html").contains("open"), "nothing holds of what was not explored");
}

#[test]
fn only_a_folder_of_ours_is_written_to() {
    let dir = Dir::with(&[("specs/lock.arch", FINE), ("site/mine.txt", "keep")]);
    let run = documented(&dir, &["--no-check"]).expect(2);
    assert!(run.stderr.contains("was not written by `archc doc`"), "{}", run.stderr);
    assert_eq!(pages(&dir), ["mine.txt"]);
    std::fs::remove_file(dir.path().join("site/mine.txt")).expect("the file");
    documented(&dir, &["--no-check"]).expect(0);
    // What somebody puts there later stays; the page of a spec that is gone does not.
    dir.write("site/mine.txt", b"keep");
    std::fs::rename(dir.path().join("specs/lock.arch"), dir.path().join("specs/key.arch")).expect("the file");
    documented(&dir, &["--no-check"]).expect(0);
    assert_eq!(pages(&dir), [".archc-doc", "index.html", "key.html", "mine.txt"]);
    let run = dir.archc(&["doc", "specs", "--out", "specs/key.arch"]).expect(2);
    assert!(run.stderr.contains("cannot write to specs/key.arch"), "{}", run.stderr);
}

#[test]
fn nothing_is_written_for_nothing() {
    let dir = Dir::with(&[("specs/readme.txt", "no spec")]);
    documented(&dir, &[]).expect(2);
    assert!(dir.archc(&["doc", "gone.arch", "--out", "site"]).expect(2).stderr.contains("gone.arch"));
    assert!(!dir.path().join("site").exists());
}
