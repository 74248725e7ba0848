//! Generated code does what the interpreter says: the finite models of random programs, state by state.

use archc_tests::agreement::{campaign, front_end};
use archc_tests::generate::spec;
use archc_tests::generated::listing::Listing;
use archc_tests::generated::mirror::expected;
use archc_tests::generated::workspace::Programs;
use std::collections::BTreeMap;
use std::path::Path;

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
    let mut programs = Programs::new(&folder).expect("a folder");
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
