//! Generated code does what the interpreter says: the finite models of random programs, state by state.

use arch_check::{Machine, Options};
use arch_ir::Program;
use arch_ir::report::Limits;
use archc_tests::agreement::{campaign, front_end, instances};
use archc_tests::generate::spec;
use archc_tests::generated::listing::Listing;
use archc_tests::generated::mirror::{expected, summary};
use archc_tests::generated::workspace::{Programs, Said};
use archc_tests::{repository, specs_below};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Programs with more states are left out.
const MAX_STATES: u64 = 700;

/// Constructs that have to be among what is compared.
const FEATURES: &str = "advance, any, bind role, branch, crash, duplicate, each, for each, head let, join, let statement, \
    locals, loop, mod, now comparison, old, optional, ordinal, pick, placed, range, rejects, repeats, ring, runs as domain, seq, set, \
    spawn";

/// What is compared, and what is not.
#[derive(Default)]
struct Campaign {
    compared: Vec<(String, Listing)>,
    refused: BTreeMap<String, usize>,
    large: usize,
    features: BTreeMap<&'static str, usize>,
}

impl Campaign {
    fn add(&mut self, seed: u64, programs: &mut Programs) {
        let spec = spec(seed);
        let Ok(program) = front_end(&spec.text(), None) else { return };
        let name = format!("seed_{seed}");
        if let Err(refusals) = programs.add(&name, &spec.text(), &program) {
            *self.refused.entry(refusals[0].message.clone()).or_default() += 1;
            return;
        }
        let Some(listing) = expected(&program, MAX_STATES) else {
            self.large += 1;
            return programs.drop_last();
        };
        spec.features.iter().for_each(|f| *self.features.entry(*f).or_default() += 1);
        self.compared.push((name, listing));
    }

    fn is_well_distributed(&self, tried: u64) {
        let count = self.compared.len() as u64;
        assert!(count * 4 > tried, "only {count} of {tried} programs were compared: {:?}", self.refused);
        for feature in FEATURES.split(',').map(str::trim).filter(|_| tried >= 120) {
            assert!(self.features.contains_key(feature), "`{feature}` is in none of {count} programs");
        }
    }
}

#[test]
fn random_programs_do_what_the_interpreter_says() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("generated");
    let mut programs = Programs::new(&folder, Said::Everything).expect("a folder");
    let (mut campaign, seeds) = (Campaign::default(), campaign(120).0);
    let tried = seeds.end - seeds.start;
    seeds.for_each(|seed| campaign.add(seed, &mut programs));
    let Campaign { compared, refused, large, features } = &campaign;
    println!("{} programs, {large} too large, refused: {refused:#?}\n{features:?}", compared.len());
    let found = programs.run(MAX_STATES).unwrap_or_else(|e| panic!("{e}"));
    let different = compared.iter().zip(&found).filter(|((_, expected), found)| expected.text() != **found);
    let told: Vec<String> = different
        .map(|((name, expected), found)| format!("{name}: {}", difference(&expected.text(), found)))
        .collect();
    assert!(told.is_empty(), "{} of {} differ:\n{}", told.len(), compared.len(), told.join("\n"));
    campaign.is_well_distributed(tried);
}

/// Archetypes of which no code is made; why is in docs/STATUS.md.
const REFUSED: [&str; 3] = ["i01_coordination_metadata", "i04_frontier_scan", "i17_traffic_steering"];

/// Specs with more states would take too long here.
const MAX_SPEC_STATES: u64 = 80_000;

/// What the checker finds in a spec of the repository, in its instance `quick` if it has one.
fn found(program: &Program) -> Listing {
    let machine = Machine::compile(program).expect("specs can be packed");
    let limits = Limits { max_states: Some(MAX_SPEC_STATES), ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let report = arch_check::check(program, &machine, &options, &AtomicBool::new(false), &mut |_| {});
    assert_eq!(report.stopped, None, "it has more states");
    Listing { summary: summary(&report), ..Listing::default() }
}

/// Every spec of the repository, but for those in `generated/`, whose crates are tested there.
#[test]
fn specs_do_what_the_checker_says() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("specs");
    let mut programs = Programs::new(&folder, Said::Summary).expect("a folder");
    let (mut refused, mut compared) = (Vec::new(), Vec::new());
    for path in specs_below(&repository("specs")) {
        let stem = path.file_stem().and_then(|s| s.to_str()).expect("text");
        let (name, text) = (stem.to_lowercase(), std::fs::read_to_string(&path).expect("it can be read"));
        if repository("generated").join(stem).exists() {
            continue;
        }
        let quick = instances(&text).iter().any(|i| i == "quick").then_some("quick");
        let program = front_end(&text, quick).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        match programs.add(&name, &text, &program) {
            Ok(()) => compared.push((name, found(&program).text())),
            Err(_) => refused.push(name),
        }
    }
    assert_eq!(refused, REFUSED);
    assert!(compared.len() >= 20, "{}", compared.len());
    let told = programs.run(MAX_SPEC_STATES).unwrap_or_else(|e| panic!("{e}"));
    for ((name, expected), told) in compared.iter().zip(&told) {
        assert_eq!(expected, told, "{name}");
    }
}

/// The first line that differs, with the state that it is about.
fn difference(expected: &str, found: &str) -> String {
    let lines = expected.lines().zip(found.lines());
    let mut state = "";
    for (oracle, generated) in lines {
        if oracle != generated {
            return format!("{state}\n  oracle:    {oracle}\n  generated: {generated}");
        }
        if !oracle.starts_with(' ') {
            state = oracle;
        }
    }
    format!("{} lines, {} of the generated code", expected.lines().count(), found.lines().count())
}
