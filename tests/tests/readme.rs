//! The README says what is so: its spec holds, breaks as shown, and its figures are the checker's.

use arch_base::SourceMap;
use arch_check::{Machine, Options as CheckOptions, check};
use arch_ir::report::{PropertyVerdict, Report};
use arch_sema::{Options, Setting};
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the workspace")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).expect("the file is there")
}

/// The verdicts on a text with these settings.
fn report(text: &str, settings: &[(&str, &str)]) -> Report {
    let mut map = SourceMap::default();
    let file = map.add("README.arch", text);
    let module = arch_grammar::parse(file, text).expect("parses");
    let settings = settings.iter().map(|(n, v)| Setting { name: (*n).into(), value: (*v).into() }).collect();
    let analysis = arch_sema::analyze(&module, &Options { instance: None, settings });
    let program = analysis.program.unwrap_or_else(|| panic!("is complete: {:#?}", analysis.diagnostics));
    let machine = Machine::compile(&program).expect("compiles");
    check(&program, &machine, &CheckOptions::default(), &AtomicBool::new(false), &mut |_| {})
}

/// The blocks between "```arch" and "```".
fn arch_blocks(markdown: &str) -> Vec<&str> {
    markdown.split("```arch\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_tour_holds_and_breaks_as_shown() {
    let readme = read("README.md");
    let spec = arch_blocks(&readme)[0];
    let fenced = report(spec, &[]);
    assert!(fenced.results.iter().all(|r| r.verdict == PropertyVerdict::Holds), "{:#?}", fenced.results);
    let unfenced = report(spec, &[("FENCED", "false")]);
    assert_eq!(unfenced.distinct_states, 105);
    let zombie = unfenced.result("no_zombie_write").expect("is stated");
    assert_eq!(zombie.verdict, PropertyVerdict::Violated);
    assert_eq!(zombie.trace.as_ref().map(|t| t.steps.len()), Some(7));
}

#[test]
fn the_tour_is_the_file_that_it_names() {
    let code = |text: &str| -> Vec<String> {
        let line = |l: &str| l.split("//").next().unwrap_or_default().trim_end().to_owned();
        text.lines().map(line).filter(|l| !l.is_empty()).collect()
    };
    assert_eq!(code(arch_blocks(&read("README.md"))[0]), code(&read("specs/tour/lease.arch")));
}

#[test]
fn the_first_command_prints_the_figures_that_the_readme_shows() {
    let found = report(&read("specs/I02_claim_lease.arch"), &[]);
    assert!(found.results.iter().all(|r| r.verdict == PropertyVerdict::Holds));
    assert_eq!(found.distinct_states, 16_789);
    assert!(read("README.md").contains("13 properties · 6 failure modes shown · all 16,789 states"));
}

#[test]
fn the_language_reference_has_a_whole_spec_that_is_complete() {
    let reference = read("docs/language.md");
    let whole = arch_blocks(&reference)
        .into_iter()
        .find(|b| b.starts_with("archetype I02") && b.contains("protocol"));
    let whole = whole.expect("section 2 has a whole spec");
    let mut map = SourceMap::default();
    let file = map.add("language.arch", whole);
    let module = arch_grammar::parse(file, whole).expect("parses");
    let analysis = arch_sema::analyze(&module, &Options::default());
    assert!(analysis.program.is_some(), "{:#?}", analysis.diagnostics);
}
