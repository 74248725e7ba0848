//! Liveness on random specs: the explorer, the oracle, and trying everything agree, and every lasso is a real one.

use arch_check::{Machine, Options};
use arch_ir::Program;
use arch_ir::report::{Limits, Liveness, PropertyVerdict, Report};
use archc_tests::agreement::{campaign, front_end};
use archc_tests::generate::spec;
use archc_tests::liveness::{check_lassos, compare_with_brute_force};
use archc_tests::minimise::minimise;
use archc_tests::{repository, specs_below};
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
    let options = Options { limits, symmetry: true, ..Options::default() };
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

/// What the header of a case says of its properties beside their verdicts:
/// `//@ needs p: main.commit (strong), tick` (a smallest set of assumptions; nothing: none),
/// `//@ lasso p: path=1 cycle=2` (how many steps), `//@ vacuous p`.
fn check_header(text: &str, program: &Program, report: &Report) -> Result<usize, String> {
    let mut said = 0;
    for line in text.lines().filter_map(|l| l.strip_prefix("//@ ")) {
        let Some((word, rest)) = line.split_once(' ').filter(|(word, _)| *word != "check:") else { continue };
        let (name, what) = rest.split_once(':').unwrap_or((rest, ""));
        let result = report.result(name).ok_or_else(|| format!("no property {name}"))?;
        let live = result.liveness.as_ref().ok_or_else(|| format!("{name} was not judged"))?;
        let found = match word {
            "needs" => shown(program, live),
            "vacuous" if live.vacuous => String::new(),
            "lasso" => {
                live.lasso.as_ref().zip(result.trace.as_ref()).map_or(String::new(), |(lasso, trace)| {
                    format!("path={} cycle={}", lasso.back_to, trace.steps.len() - lasso.back_to as usize)
                })
            }
            _ => "something else".to_owned(),
        };
        if found != what.trim() {
            return Err(format!("`{line}`, and it is `{found}`"));
        }
        said += 1;
    }
    Ok(said)
}

fn shown(program: &Program, live: &Liveness) -> String {
    let Some(needs) = live.needs.as_ref().filter(|n| n.smallest) else { return "not known".to_owned() };
    let names = needs.assumptions.iter().map(|(assumption, strong)| {
        format!("{}{}", program.show_assumption(*assumption), if *strong { " (strong)" } else { "" })
    });
    names.collect::<Vec<_>>().join(", ")
}

#[test]
fn cases_with_known_answers() {
    let (mut cases, mut said, mut failures) = (0, 0, Vec::new());
    for path in specs_below(&repository("tests/cases/check")) {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        if !name.starts_with("live_") {
            continue;
        }
        cases += 1;
        let text = std::fs::read_to_string(&path).expect("a case");
        let program = front_end(&text, None).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let machine = Machine::compile(&program).expect("a machine");
        let options = Options::default();
        let report = arch_check::check(&program, &machine, &options, &AtomicBool::new(false), &mut |_| {});
        let judged = match check_header(&text, &program, &report) {
            Ok(n) if report.complete() => {
                said += n;
                check_lassos(&program, &report).and_then(|()| compare_with_brute_force(&program, &report))
            }
            Ok(_) => Ok((0, 0)),
            Err(e) => Err(e),
        };
        failures.extend(judged.err().map(|e| format!("{name}: {e}")));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(cases >= 60 && said >= 60, "{cases} cases say {said} things");
}

#[test]
fn a_limit_leaves_liveness_open() {
    let text = "truth X { a: bool }\nactor p\nprotocol one, repeats, daemon { p[go] => retry }\n\
                on go { X.a := not X.a }\nproperty live: always eventually X.a\n";
    let program = front_end(text, None).expect("a program");
    let machine = Machine::compile(&program).expect("a machine");
    let verdict = |limits: Limits| {
        let options = Options { limits, symmetry: true, ..Options::default() };
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

/// Not even what is asked for is known before there is a state.
#[test]
fn a_limit_leaves_possibilities_open() {
    let text = "truth X { a: bool }\nactor p\nprotocol one, repeats { p[go] => retry }\n\
                on go { X.a := false }\nproperty never_true: reachable X.a\n";
    let program = front_end(text, None).expect("a program");
    let machine = Machine::compile(&program).expect("a machine");
    let verdict = |limits: Limits| {
        let options = Options { limits, ..Options::default() };
        let report = arch_check::check(&program, &machine, &options, &AtomicBool::new(false), &mut |_| {});
        report.results[0].verdict.clone()
    };
    assert_eq!(verdict(Limits::default()), PropertyVerdict::Violated);
    let open: Vec<_> =
        (0..24).map(|i| verdict(Limits { max_memory: Some(1 << i), ..Limits::default() })).collect();
    assert_eq!((&open[0], &open[23]), (&PropertyVerdict::Inconclusive, &PropertyVerdict::Violated));
    assert!(!open.contains(&PropertyVerdict::Holds), "{open:?}");
    let none = Limits { max_states: Some(0), ..Limits::default() };
    let oracle = arch_ir::explore::explore(&program, &none, &AtomicBool::new(false));
    assert_eq!(oracle.results[0].verdict, PropertyVerdict::Inconclusive);
}
