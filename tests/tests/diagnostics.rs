//! Every diagnostic has a page, and every page is true: its example produces the code, its fix does not.

use arch_base::Severity;
use arch_ir::Program;
use arch_ir::observe::questions;
use archc_tests::{Checked, check, with_stack};
use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;

/// Where the parser, the driver and the generator declare their codes.
const DECLARED: [&str; 3] = [
    include_str!("../../grammar/src/diagnostics.rs"),
    include_str!("../../compiler/archc/src/codes.rs"),
    include_str!("../../compiler/codegen/src/refusal.rs"),
];

/// What no spec text produces in a check: the driver's codes of files, command lines and machines, and what is said of a
/// spec that is to be generated (`archc`'s own tests do that).
const WITHOUT_TEXT: [&str; 10] =
    ["E0801", "E0901", "E0902", "E0903", "E0904", "E0905", "E0906", "E0907", "E0908", "E0999"];

/// Every code that archc can print.
fn codes() -> Vec<&'static str> {
    let declared = DECLARED.into_iter().flat_map(declared_in);
    declared.chain(arch_sema::codes::ALL.iter().map(|c| c.0)).collect()
}

/// The codes that a source file declares.
fn declared_in(source: &'static str) -> impl Iterator<Item = &'static str> {
    source.split("Code(\"").skip(1).filter_map(|rest| rest.split('"').next())
}

#[test]
fn codes_are_unique() {
    let all = codes();
    let distinct: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len());
}

/// What exploration warns of, `allow` can accept: the front end has to know the codes.
#[test]
fn warnings_of_exploration_can_be_accepted() {
    let declared = declared_in(DECLARED[1]).filter(|code| code.starts_with("W09"));
    assert_eq!(declared.collect::<Vec<_>>(), arch_sema::codes::EXPLORED);
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes: BTreeSet<&str> = codes().into_iter().collect();
    let pages: BTreeSet<&str> = archc::pages::all().iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.difference(&pages).copied().collect::<Vec<_>>(), [""; 0], "codes without a page");
    assert_eq!(pages.difference(&codes).copied().collect::<Vec<_>>(), [""; 0], "pages without a code");
}

#[test]
fn pages_have_one_shape() {
    for (code, page) in archc::pages::all() {
        let title = page.lines().next().unwrap_or_default();
        let start = format!("# {code}: ");
        assert!(title.starts_with(&start) && title.len() > start.len(), "{code}: {title}");
        assert_eq!(headings(page), ["## Example", "## Fix"], "{code}");
        let fence = if WITHOUT_TEXT.contains(code) { "```text\n" } else { "```arch\n" };
        assert_eq!(section(page, "## Example").matches(fence).count(), 1, "{code}");
        assert!(page.lines().all(|l| l.len() <= 130), "{code} has very long lines");
    }
}

#[test]
fn examples_produce_their_code() {
    for_each_spec_page(|code, page| {
        let found = checked(&text_of(section(page, "## Example")));
        assert!(found.has(code), "the example of {code} gives\n{}", found.rendered());
        let severity = found.diagnostics.iter().find(|d| d.code.0 == code).map(|d| d.severity);
        assert_eq!(severity, Some(severity_of(code)), "{code}");
    });
}

#[test]
fn examples_show_nothing_worse_than_their_code() {
    for_each_spec_page(|code, page| {
        let found = checked(&text_of(section(page, "## Example")));
        let other = found.diagnostics.iter().find(|d| d.severity == Severity::Error && d.code.0 != code);
        assert!(other.is_none(), "the example of {code} gives\n{}", found.rendered());
    });
}

#[test]
fn fixes_do_not_produce_it() {
    for_each_spec_page(|code, page| {
        let found = checked(&text_of(section(page, "## Fix")));
        assert!(!found.has(code) && !found.has_errors(), "the fix of {code} gives\n{}", found.rendered());
    });
}

fn for_each_spec_page(look: fn(&str, &str)) {
    with_stack(move || {
        for (code, page) in archc::pages::all().iter().filter(|(code, _)| !WITHOUT_TEXT.contains(code)) {
            look(code, page);
        }
    });
}

/// What the front end says, and what exploring every state adds.
fn checked(text: &str) -> Checked {
    let mut checked = check("example.arch", text);
    if let Some(program) = &checked.program {
        let limits = arch_ir::report::Limits { max_states: Some(100_000), ..Default::default() };
        let oracle = |asking: &Program| {
            Ok::<_, ()>(arch_ir::explore::explore(asking, &limits, &AtomicBool::new(false)))
        };
        let explored = archc::questions::answered(program, questions(program), oracle);
        let found = explored.map(|explored| archc::coverage::diagnostics(program, &explored, &[]));
        checked.diagnostics.extend(found.unwrap_or_default());
    }
    checked
}

fn severity_of(code: &str) -> Severity {
    match code.as_bytes()[0] {
        b'E' => Severity::Error,
        b'W' => Severity::Warning,
        _ => Severity::Note,
    }
}

fn headings(page: &str) -> Vec<&str> {
    page.lines().filter(|l| l.starts_with("## ")).collect()
}

/// The text under a heading, up to the next one.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let start = page.find(&format!("{heading}\n")).map_or(page.len(), |at| at + heading.len());
    let rest = &page[start..];
    rest.find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The spec in a section.
fn text_of(section: &str) -> String {
    let inside = section.split_once("```arch\n").and_then(|(_, rest)| rest.split_once("\n```"));
    let (text, _) = inside.unwrap_or_else(|| panic!("no ```arch block in {section}"));
    format!("{text}\n")
}
