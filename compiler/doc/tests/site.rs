//! The site of the catalogue: whole, offline, the same each time, and silent about what nobody checked.

use arch_base::SourceMap;
use arch_doc::found::{Answer, Failure, Found, Step, Tone, Trace, Verdict};
use arch_doc::{Page, Spec, missing_fields, site};
use arch_grammar::ast::{ItemKind, Module};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The specs of the catalogue, by the names that readers know them by.
fn catalogue() -> Vec<(String, String)> {
    let mut files = Vec::new();
    for folder in ["specs", "specs/classics", "specs/tour"] {
        let entries = std::fs::read_dir(root().join(folder)).expect("the folder is there");
        for entry in entries.flatten().filter(|e| e.path().extension().is_some_and(|x| x == "arch")) {
            let name = format!("{folder}/{}", entry.file_name().to_string_lossy());
            files.push((name, std::fs::read_to_string(entry.path()).expect("is text")));
        }
    }
    files.sort();
    assert!(files.len() > 20, "the search for specs is broken");
    files
}

/// The site of these texts, with what was found of each.
fn rendered(files: &[(String, String)], found: impl Fn(&Module) -> Found) -> Vec<Page> {
    let mut sources = SourceMap::default();
    let modules: Vec<Module> = files
        .iter()
        .map(|(name, text)| {
            let file = sources.add(name.clone(), text.clone());
            arch_grammar::parse(file, text).unwrap_or_else(|e| panic!("{name} parses: {e:#?}"))
        })
        .collect();
    let specs: Vec<Spec<'_>> = files
        .iter()
        .zip(&modules)
        .map(|((name, text), module)| Spec { file: name.clone(), text, module, found: found(module) })
        .collect();
    site(&specs)
}

fn unchecked(files: &[(String, String)]) -> Vec<Page> {
    rendered(files, |_| Found::default())
}

fn one(name: &str, text: &str) -> Vec<(String, String)> {
    vec![(name.to_owned(), text.to_owned())]
}

/// What stands in an attribute, everywhere.
fn attributes<'p>(page: &'p str, name: &str) -> Vec<&'p str> {
    let start = format!(" {name}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_link_leads_somewhere_and_nothing_leads_outside() {
    let pages = unchecked(&catalogue());
    let ids: BTreeMap<&str, BTreeSet<&str>> = pages
        .iter()
        .map(|p| (p.name.as_str(), attributes(&p.contents, "id").into_iter().collect()))
        .collect();
    let mut followed = 0;
    for page in &pages {
        for link in attributes(&page.contents, "href") {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() { page.name.as_str() } else { target };
            let there = ids.get(target).unwrap_or_else(|| panic!("{}: {link} is no page", page.name));
            assert!(anchor.is_empty() || there.contains(anchor), "{}: no {link}", page.name);
            followed += 1;
        }
        assert_eq!(attributes(&page.contents, "src"), [""; 0], "{}", page.name);
        assert!(!page.contents.contains("url("), "{}", page.name);
        assert!(!page.contents.contains("<script"), "{}", page.name);
    }
    assert!(followed > 200, "the search for links is broken: {followed}");
}

#[test]
fn the_same_specs_give_the_same_bytes() {
    let files = catalogue();
    let first = unchecked(&files);
    for _ in 0..4 {
        assert!(first == unchecked(&files), "a page differs from one run to the next");
    }
}

#[test]
fn what_nobody_checked_has_no_verdict() {
    for page in unchecked(&catalogue()) {
        for tone in ["good", "bad"] {
            let tag = format!("class=\"tag {tone}\"");
            assert!(!page.contents.contains(&tag), "{} shows a verdict", page.name);
        }
        assert!(page.contents.to_lowercase().contains("not checked"), "{}", page.name);
    }
}

#[test]
fn every_archetype_has_a_page_with_its_truth_and_protocols() {
    let files = catalogue();
    let pages = unchecked(&files);
    assert_eq!(pages.len(), files.len() + 1);
    let mut sources = SourceMap::default();
    for ((name, text), page) in files.iter().zip(&pages[1..]) {
        let module = arch_grammar::parse(sources.add(name.clone(), text.clone()), text).expect("parses");
        for item in &module.items {
            let named = match &item.kind {
                ItemKind::Truth(truth) => &truth.name.name,
                ItemKind::Protocol(protocol) => &protocol.name.name,
                ItemKind::Property(property) => &property.name.name,
                _ => continue,
            };
            // Not in the source that is folded at the end: that has everything.
            let told = page.contents.split("id=\"source\"").next().unwrap_or_default();
            assert!(told.contains(named.as_str()), "{name}: {named} is not told");
        }
        let drawn = page.contents.matches("<svg").count();
        let protocols =
            module.items.iter().filter(|i| matches!(i.kind, ItemKind::Protocol(_) | ItemKind::Rules(_)));
        assert_eq!(drawn, protocols.count(), "{name}");
    }
    assert!(pages[0].contents.contains("<svg"), "the index has the graph");
}

#[test]
fn nothing_in_a_spec_is_markup() {
    let text = "archetype I99 \"<script>alert(1)</script>\" {\n  entities: X\n}\n\n// <b>bold</b> & more\n\ntruth X { a: bool }  \
                // <i>\n\nactor c\n\nprotocol main {\n  c[go {X.a = false and 1 < 2}] => done\n}\n\
                failure \"<img>\" { prevented by guard of go else violates p }\nproperty p: always X.a = false\n";
    for page in unchecked(&one("specs/<x>.arch", text)) {
        for raw in ["<script", "<b>bold", "<i>", "<img"] {
            assert!(!page.contents.contains(raw), "{}: {raw}", page.name);
        }
    }
}

#[test]
fn a_header_that_lacks_a_canonical_entry_is_told() {
    let text = "archetype I99 \"T\" {\n  entities: X\n  sequence: \"a -> b\"\n}\n\ntruth X { a: bool }\n";
    let module = arch_grammar::parse(SourceMap::default().add("x", text), text).expect("parses");
    let missing = missing_fields(&module);
    assert_eq!(
        missing,
        ["source of truth", "write paths", "read paths", "bottlenecks", "input", "output", "decorator"]
    );
    let page = &unchecked(&one("x.arch", text))[1];
    for field in missing {
        assert!(page.contents.contains(&format!("<b>{field}</b>")), "{field}");
    }
}

#[test]
fn pages_of_equal_names_are_kept_apart() {
    let files: Vec<(String, String)> = ["a/x.arch", "b/x.arch", "index.arch"]
        .map(|name| (name.to_owned(), "truth X { a: bool }\n".to_owned()))
        .into();
    let names: Vec<String> = unchecked(&files).into_iter().map(|p| p.name).collect();
    assert_eq!(names, ["index.html", "x.html", "x-2.html", "index-2.html"]);
}

/// What a check could have found of the tour's spec.
fn found(module: &Module) -> Found {
    let clause = module.items.iter().find_map(|item| match &item.kind {
        ItemKind::Failure(failure) => Some((failure.name.value.clone(), failure.clauses[0].span)),
        _ => None,
    });
    let step = |actor: &str, operation: &str, change: &str| Step {
        actor: Some(actor.to_owned()),
        operation: Some(operation.to_owned()),
        run: Some(format!("main[{actor}]")),
        event: format!("{actor}[{operation}] in main[{actor}]"),
        because: vec!["X.a = false".to_owned()],
        changes: vec![change.to_owned()],
        problem: None,
    };
    let tick = Step { event: "tick".to_owned(), ..Step::default() };
    let trace = Trace {
        initial: vec!["X.a = false".to_owned()],
        steps: vec![
            step("client1", "acquire", "X.a: false → true"),
            tick,
            step("client2", "acquire", "X.a: true → false"),
        ],
        ending: vec!["violated always X.a < 3".to_owned()],
        back_to: Some(1),
    };
    let (name, clause) = clause.expect("the spec has a failure mode");
    let failure = Failure {
        name,
        clause,
        repair: false,
        setting: "without guard of go".to_owned(),
        property: "p".to_owned(),
        answer: Answer { word: "shown".to_owned(), tone: Tone::Good, why: "in 3 steps".to_owned() },
        shown: true,
        trace: Some(trace),
    };
    let verdict =
        Verdict { word: "HOLDS".to_owned(), tone: Tone::Good, parts: vec!["every depth".to_owned()] };
    Found { verdict: Some(verdict), failures: vec![failure], ..Found::default() }
}

/// A page without its style, which has nothing to do with the spec.
fn content(page: &Page) -> String {
    let body = page.contents.split_once("<body>").expect("has a body").1;
    body.replace("><", ">\n<")
}

#[test]
fn a_page_looks_as_it_did() {
    let text = "archetype I99 \"Example\" {\n  entities: X\n  input: I98\n}\n\n// A model of an example.\n\n\
                const N = 2  // how many\n\ntruth X { a: bool }  // the only one\n\nactor client * N\nactor reaper\n\n\
                protocol main for each client, repeats {\n  loop renew\n  client[go {X.a = false}] ->\n    client[renew] ->\n    \
                client[commit {X.a = true}] => done\n    |-> reaper[reap {X.a = true}] => requeue\n}\n\non go { X.a := true }\n\
                rejects commit => retry\n\nfaults { crash client at most 1 }\n\n// Nobody goes twice.\nproperty p: always X.a = false\n\n\
                failure \"gone twice\" { prevented by guard of go else violates p }\n\ninstance quick { N = 1 }\n";
    let pages = rendered(&one("specs/example.arch", text), found);
    insta::assert_snapshot!(content(&pages[1]));
}
