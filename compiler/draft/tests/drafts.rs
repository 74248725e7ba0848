//! Drafts of the notes: every archetype, in the shapes in which notes are pasted.
//!
//! `UPDATE_GOLDEN=1 cargo test -p arch-draft` rewrites the expected drafts.

use arch_base::FileId;
use arch_draft::{Draft, DraftError, draft};
use std::path::{Path, PathBuf};

const ARCHETYPES: &str = include_str!("fixtures/archetypes.txt");
const MARKDOWN: &str = include_str!("fixtures/markdown.md");
const FRAGMENT: &str = include_str!("fixtures/fragment.txt");

fn drafts(notes: &str) -> Vec<Draft> {
    draft(notes).unwrap_or_else(|e| panic!("{e}"))
}

/// The text without white space, so that layout does not matter.
fn dense(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// The step lines of the notes, by archetype.
fn step_lines(notes: &str) -> Vec<(String, String)> {
    let mut id = String::new();
    let mut lines = Vec::new();
    for line in notes.lines() {
        if line.ends_with('#') && line.starts_with('I') {
            id = line.chars().take(3).collect();
        }
        let body = line.trim().trim_start_matches("|->").trim();
        let actor = body.split('[').next().unwrap_or_default();
        let step = body.contains('[') && actor.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        if step {
            lines.push((id.clone(), dense(line)));
        }
    }
    lines
}

fn assert_canonical(name: &str, text: &str) {
    let module = arch_grammar::parse(FileId(0), text).unwrap_or_else(|e| panic!("{name}: {e:?}"));
    assert_eq!(arch_grammar::print(&module, text), text, "{name} is not laid out canonically");
}

fn golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{name} differs; UPDATE_GOLDEN=1 accepts it");
}

#[test]
fn every_archetype_of_the_notes_drafts_canonically() {
    let all = drafts(ARCHETYPES);
    let ids: Vec<String> = all.iter().filter_map(|d| d.id.clone()).collect();
    let expected: Vec<String> = (1..=21).map(|n| format!("I{n:02}")).collect();
    assert_eq!(ids, expected);
    for draft in &all {
        let name = draft.id.clone().unwrap_or_default();
        assert_canonical(&name, &draft.text);
        assert!(
            draft.warnings.iter().all(|w| w.contains("only the constant")),
            "{name}: {:?}",
            draft.warnings
        );
        golden(&format!("{name}.arch"), &draft.text);
    }
}

#[test]
fn no_line_of_a_protocol_is_changed() {
    let all = drafts(ARCHETYPES);
    let lines = step_lines(ARCHETYPES);
    assert!(lines.len() > 90, "only {} step lines", lines.len());
    for (id, line) in lines {
        let draft =
            all.iter().find(|d| d.id.as_ref() == Some(&id)).unwrap_or_else(|| panic!("no draft of {id}"));
        assert!(dense(&draft.text).contains(&line), "{id} lacks {line}");
    }
}

#[test]
fn drafting_is_deterministic() {
    assert_eq!(drafts(ARCHETYPES), drafts(ARCHETYPES));
}

#[test]
fn markdown_with_fences_and_typographic_arrows() {
    let all = drafts(MARKDOWN);
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].title.as_deref(), Some("Claim / Lease"));
    assert!(all[0].warnings.is_empty(), "{:?}", all[0].warnings);
    golden("markdown.arch", &all[0].text);
}

#[test]
fn a_fragment_declares_what_its_list_lacks_and_reports_what_is_broken() {
    let all = drafts(FRAGMENT);
    assert_eq!((all.len(), &all[0].id), (1, &None));
    assert!(all[0].text.contains("truth LocalCounter { value: 0..3 }"), "{}", all[0].text);
    assert!(all[0].text.contains("// not listed in the notes"), "{}", all[0].text);
    let broken = all[0].warnings.iter().find(|w| w.contains("Broken protocol"));
    assert!(broken.is_some_and(|w| w.contains("generator[issue_id")), "{:?}", all[0].warnings);
}

#[test]
fn steps_without_a_heading_are_the_main_protocol() {
    let all = drafts("a[x {X.v = expected_v}] ->\n  b[y] => done\n");
    assert!(all[0].text.contains("protocol main {"), "{}", all[0].text);
    assert_eq!(all[0].warnings.len(), 1);
}

#[test]
fn guards_decide_types() {
    let guard = "X.a = null and X.b < now - ttl and X.c = READY and X.c != DONE and X.d = unknown and X.e > 0 \
                 and X.f = my_epoch and X.g = true and m.key_id in X.h and X.i absent and soon enough";
    let text = &drafts(&format!("Main protocol:\n\nw[go {{{guard}}}] => done\n"))[0].text;
    let wanted = [
        "b: time",
        "c: { READY, DONE }",
        "d: tri",
        "e: 0..3",
        "f: Epoch",
        "g: bool",
        "h: set of key",
        "ordinal Epoch",
        "id key * 2",
        "const ttl = 2",
        "my_epoch: Epoch",
        "truth X {",
        "a: a?",
        "define soon enough := Environment.soon_enough = true",
    ];
    for part in wanted {
        assert!(dense(text).contains(&dense(part)), "{part} is missing in\n{text}");
    }
}

#[test]
fn bad_input_is_refused_with_a_reason() {
    assert_eq!(draft(" \n\t"), Err(DraftError::Empty));
    assert_eq!(draft("a\u{0}b"), Err(DraftError::NotText));
    assert_eq!(draft("PK\u{3}\u{4}\u{FFFD}"), Err(DraftError::NotText));
    assert_eq!(draft("I02 Claim #\n\nno steps here"), Err(DraftError::NoProtocols));
    assert_eq!(draft(&"a".repeat(arch_grammar::MAX_BYTES + 1)), Err(DraftError::TooLong));
    let broken = draft("Main protocol:\n\na[b {X. = 1}] => done\n");
    assert!(matches!(&broken, Err(DraftError::Unreadable(why)) if why.len() == 1), "{broken:?}");
    assert!(broken.is_err_and(|e| e.to_string().contains("a[b {X. = 1}]")));
}

#[test]
fn no_cut_of_the_notes_panics() {
    for notes in [&ARCHETYPES[..6000], MARKDOWN, FRAGMENT] {
        for end in (0..notes.len()).filter(|i| notes.is_char_boundary(*i)).step_by(23) {
            let (head, tail) = notes.split_at(end);
            let _ = (draft(head), draft(tail));
        }
    }
}

fn specs() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("specs: {e}"));
    let files = entries.filter_map(Result::ok).map(|e| e.path());
    let mut specs: Vec<(String, PathBuf)> = files
        .filter(|p| p.extension().is_some_and(|x| x == "arch"))
        .filter_map(|p| Some((p.file_stem()?.to_str()?.get(..3)?.to_string(), p.clone())))
        .filter(|(id, _)| id.starts_with('I'))
        .collect();
    specs.sort();
    specs
}

#[test]
fn the_catalogue_keeps_every_line_of_the_notes() {
    let specs = specs();
    let lines = step_lines(ARCHETYPES);
    assert_eq!(specs.len(), 21);
    for (id, path) in &specs {
        let text = std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_canonical(&path.display().to_string(), &text);
        for (_, line) in lines.iter().filter(|(of, _)| of == id) {
            assert!(dense(&text).contains(line), "{} lacks {line}", path.display());
        }
    }
}

#[test]
fn pasted_lists_quotations_and_foreign_signs() {
    let notes = "# Locks\n\ntruth:\n• Lock: owner_id, expiry_at\n\n1. main\n\
                 client[take {Lock.owner_id == null || Lock.expiry_at < now}] —> client[write] ==> done\n\n\
                 2) repair:\n\n> sweeper[expire {Lock.expiry_at < now && Lock.owner_id ≠ null}] –> sweeper[notify] => requeue\n";
    let all = drafts(notes);
    let text = &all[0].text;
    for part in [
        "truth Lock { owner_id: client?, expiry_at: time }",
        "protocol main {",
        "client[take {Lock.owner_id = null or Lock.expiry_at < now}] ->",
        "protocol repair {",
        "sweeper[expire {Lock.expiry_at < now and Lock.owner_id != null}] ->",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert_canonical("pasted", text);
    assert!(all[0].warnings[0].contains("taken as `main`, `repair`"), "{:?}", all[0].warnings);
}

#[test]
fn steps_under_no_heading_are_not_lost_in_silence() {
    let notes = "Main protocol:\n\na[x {X.v = expected_v}] => done\n\nand then\n\nb[y {X.v = 1}] => done\n";
    let warnings = &drafts(notes)[0].warnings;
    assert!(warnings.iter().any(|w| w.contains("stands above `b[y {X.v = 1}] => done`")), "{warnings:?}");
}
