//! `tests/cases/<stage>/{ok,err}/*.arch`: each file with what the stage makes of it, as a snapshot beside it.
//!
//! A case of `sema/err` that is named `E0102_…` must give that code. A new case is a new file; `INSTA_UPDATE=always cargo test -p archc-tests --test cases` writes its snapshot.

use arch_base::SourceMap;
use archc_tests::{Checked, check, repository, specs_below, with_stack};
use std::path::Path;

#[test]
fn parse_ok() {
    for_each_case("parse/ok", |name, text| {
        let mut sources = SourceMap::default();
        let file = sources.add(name.to_owned(), text.to_owned());
        let module = arch_grammar::parse(file, text).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        arch_grammar::print(&module, text)
    });
}

#[test]
fn parse_err() {
    for_each_case("parse/err", |name, text| {
        let mut sources = SourceMap::default();
        let file = sources.add(name.to_owned(), text.to_owned());
        assert!(arch_grammar::parse(file, text).is_err(), "{name} is parsed");
        check(name, text).rendered()
    });
}

#[test]
fn sema_ok() {
    for_each_case("sema/ok", |name, text| {
        let found = check(name, text);
        assert!(!found.has_errors(), "{name}:\n{}", found.rendered());
        let program = found.program.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{}{}{program}", verdict(&found), found.rendered())
    });
}

#[test]
fn sema_err() {
    for_each_case("sema/err", |name, text| {
        let found = check(name, text);
        assert!(!found.diagnostics.is_empty(), "{name}: nothing is said");
        if let Some((code, _)) = name.split_once('_').filter(|(code, _)| is_code(code)) {
            assert!(found.has(code), "{name}:\n{}", found.rendered());
        }
        found.rendered()
    });
}

fn is_code(word: &str) -> bool {
    word.len() == 5 && word.starts_with(['E', 'W', 'N']) && word[1..].bytes().all(|b| b.is_ascii_digit())
}

fn verdict(found: &Checked) -> &'static str {
    if found.sketch { "a sketch\n\n" } else { "a model\n\n" }
}

fn for_each_case(stage: &'static str, result: fn(&str, &str) -> String) {
    with_stack(move || {
        let directory = repository("tests/cases").join(stage);
        for path in specs_below(&directory) {
            let text = std::fs::read_to_string(&path).expect("a case");
            let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
            let shown =
                format!("{}\n──── {stage} ────\n{}", text.trim_end(), result(&format!("{name}.arch"), &text));
            compare(path.parent().unwrap_or(&directory), name, &shown);
        }
    });
}

fn compare(directory: &Path, name: &str, shown: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(directory);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, shown));
}
