//! Liveness on random specs: the explorer, the oracle, and trying everything agree, and every lasso is a real one.

use arch_check::{Machine, Options};
use arch_ir::report::{Limits, PropertyVerdict};
use archc_tests::agreement::{campaign, front_end};
use archc_tests::generate::spec;
use archc_tests::liveness::{check_lassos, compare_with_brute_force};
use archc_tests::minimise::minimise;
use std::sync::atomic::AtomicBool;

/// Spaces with more states are passed over.
const MAX_STATES: u64 = 150;

/// How many properties were violated and held, or what is wrong.
fn judge(text: &str) -> Result<(usize, usize), String> {
    let Ok(program) = front_end(text, None) else { return Ok((0, 0)) };
    if !program.properties.iter().any(|p| p.kind.is_liveness()) {
        return Ok((0, 0));
    }
    let limits = Limits { max_states: Some(MAX_STATES), ..Limits::default() };
    let Ok(machine) = Machine::compile(&program) else { return Ok((0, 0)) };
    let options = Options { threads: 1, limits, symmetry: false };
    let report = arch_check::check(&program, &machine, &options, &AtomicBool::new(false), &mut |_| {});
    if !report.complete() {
        return Ok((0, 0));
    }
    check_lassos(&program, &report)?;
    compare_with_brute_force(&program, &report)
}

#[test]
fn random_specs_agree_with_trying_everything() {
    let (seeds, end) = campaign(1_500);
    let (mut violated, mut held, mut failures) = (0, 0, Vec::new());
    for seed in seeds {
        if end.is_some_and(|end| std::time::Instant::now() > end) || failures.len() > 2 {
            break;
        }
        let spec = spec(seed);
        match judge(&spec.text()) {
            Ok((v, h)) => (violated, held) = (violated + v, held + h),
            Err(difference) => {
                let small = minimise(&spec.items, &|text| judge(text).is_err());
                failures.push(format!("seed {seed}: {difference}\n{small}"));
            }
        }
    }
    println!("{violated} properties violated, {held} held");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    assert!(violated > 100 && held > 100, "{violated} violated, {held} held");
}

#[test]
fn a_limit_leaves_liveness_open() {
    let text = "truth X { a: bool }\nactor p\nprotocol one, repeats, daemon { p[go] => retry }\n\
                on go { X.a := not X.a }\nproperty live: always eventually X.a\n";
    let program = front_end(text, None).expect("a program");
    let machine = Machine::compile(&program).expect("a machine");
    let verdict = |limits: Limits| {
        let options = Options { threads: 1, limits, symmetry: false };
        let report = arch_check::check(&program, &machine, &options, &AtomicBool::new(false), &mut |_| {});
        (report.results[0].verdict.clone(), report.complete())
    };
    assert_eq!(verdict(Limits::default()), (PropertyVerdict::Holds, true));
    let states = Limits { max_states: Some(1), ..Limits::default() };
    assert_eq!(verdict(states), (PropertyVerdict::Inconclusive, false));
    // Enough for the search, not for the graph.
    let open = (0..24).map(|i| verdict(Limits { max_memory: Some(1 << i), ..Limits::default() }));
    assert!(open.clone().all(|(v, complete)| complete == (v == PropertyVerdict::Holds)));
    assert!(open.clone().any(|(v, _)| v == PropertyVerdict::Holds));
    assert!(open.into_iter().any(|(v, _)| v == PropertyVerdict::Inconclusive));
}
