//! The engines agree: on random specs, on the specs of the project, on the small cases.

use arch_ir::report::{PropertyVerdict, Report};
use archc_tests::agreement::{campaign, compare, count_states, front_end, instances};
use archc_tests::expected::Expected;
use archc_tests::generate::spec;
use archc_tests::minimise::minimise;
use archc_tests::{repository, specs_below};
use std::collections::BTreeMap;

/// Spaces with more states are compared in their first states only.
const MAX_STATES: u64 = 700;

/// The most states of a spec of the project that the oracle is asked for.
const MAX_SPEC_STATES: u64 = 6_000;

/// What is counted over a campaign.
#[derive(Default)]
struct Tally {
    tried: usize,
    accepted: usize,
    partly: usize,
    not_packed: BTreeMap<String, usize>,
    states: Vec<u64>,
    features: BTreeMap<&'static str, usize>,
    /// How often each kind of property holds, and is violated.
    kinds: BTreeMap<&'static str, (usize, usize)>,
    rejected: BTreeMap<String, usize>,
}

impl Tally {
    fn verdicts(&mut self, report: &Report) {
        for result in &report.results {
            let kind = if result.kind == "built-in" { result.name.clone() } else { result.kind.to_owned() };
            let kind = match kind.as_str() {
                "bounds" => "bounds",
                "advances" => "advances",
                "stuck" => "stuck",
                "stranded" => "stranded",
                _ => result.kind,
            };
            let counts = self.kinds.entry(kind).or_default();
            match result.verdict {
                PropertyVerdict::Holds => counts.0 += 1,
                PropertyVerdict::Violated => counts.1 += 1,
                _ => {}
            }
        }
    }

    fn median(&self) -> u64 {
        let mut states = self.states.clone();
        states.sort_unstable();
        states.get(states.len() / 2).copied().unwrap_or(0)
    }
}

fn disagree(text: &str) -> bool {
    front_end(text, None).is_ok_and(|program| compare(&program, MAX_STATES).is_err())
}

#[test]
fn random_specs() {
    let mut tally = Tally::default();
    let (seeds, end) = campaign(300);
    let mut failures = Vec::new();
    for seed in seeds {
        if end.is_some_and(|end| std::time::Instant::now() > end) || failures.len() > 4 {
            break;
        }
        if let Err(failure) = one(seed, &mut tally) {
            println!("{failure}\n");
            failures.push(failure);
        }
    }
    println!(
        "{} specs, {} accepted, {} compared in part; median of {} states; not packed: {:?}",
        tally.tried,
        tally.accepted,
        tally.partly,
        tally.median(),
        tally.not_packed
    );
    println!("{:?}\n{:?}", tally.kinds, tally.features);
    for (message, count) in &tally.rejected {
        println!("refused {count} times: {message}");
    }
    assert!(failures.is_empty(), "{} disagreements, the first: {}", failures.len(), failures[0]);
    well_distributed(&tally);
}

fn one(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let spec = spec(seed);
    let text = spec.text();
    tally.tried += 1;
    let program = match front_end(&text, None) {
        Ok(program) => program,
        Err(messages) => {
            let first = messages.first().cloned().unwrap_or_default();
            *tally.rejected.entry(first.chars().take(60).collect()).or_default() += 1;
            return Ok(());
        }
    };
    tally.accepted += 1;
    let compared = compare(&program, MAX_STATES).map_err(|difference| {
        let small = minimise(&spec.items, &disagree);
        let now = front_end(&small, None).map(|p| compare(&p, MAX_STATES).err());
        let now = now.ok().flatten().unwrap_or(difference);
        format!("seed {seed}: {now}\n{small}")
    })?;
    spec.features.iter().for_each(|f| *tally.features.entry(f).or_default() += 1);
    if let Some(why) = compared.not_packed {
        *tally.not_packed.entry(why).or_default() += 1;
    } else if compared.partly {
        tally.partly += 1;
    }
    if !compared.partly {
        tally.verdicts(&compared.report);
    }
    tally.states.push(compared.report.distinct_states);
    Ok(())
}

/// Constructs that a campaign of any length has to have.
const FEATURES: &str = "= any, actor subject, advance, all, any, any in a rule, arithmetic, bind role, bool, \
    branch after, branch at, branch at start, branch before, branch detached, clamp, comprehension, concat, \
    concurrent, connected(), count, crash, crash stops, crashed(), cut, daemon, deadline, define, \
    derived attribute, duplicate, each, element assigned, enum, fair, field assigned, for, for each, head let, id, \
    id subject, if expression, if statement, implies, in, is VARIANT, join, keyed, let at, let statement, locals, \
    loop, lose, map, min max, mod, no, no subject, not, now comparison, old, optional, optional id, \
    optional ordinal, optional time, ordinal, outcome ends, outcome resumes, outcome starts, pace, partition, \
    pick, placed, r at STEP, range, record, rejects, repeats, requires, ring, role is, role of, rules, \
    runs as domain, runs n, runs n cut, seq, set, set as domain, set max, set of ordinals, set operation, spawn, \
    several instances, skew, split, tail, time, tri, two keys, two subjects, unfair, unbounded fault, unfinished(), \
    union, unkeyed, urgent, var, wrap";

fn well_distributed(tally: &Tally) {
    assert!(tally.accepted * 10 > tally.tried * 9, "{} of {} accepted", tally.accepted, tally.tried);
    assert!(tally.partly * 2 < tally.accepted, "{} of {} are too large", tally.partly, tally.accepted);
    assert!(tally.not_packed.values().sum::<usize>() * 20 < tally.accepted, "{:?}", tally.not_packed);
    if tally.tried < 250 {
        return;
    }
    assert!(tally.median() > 20, "a median of {} states", tally.median());
    for feature in FEATURES.split(',').map(str::trim) {
        let count = tally.features.get(feature).copied().unwrap_or(0);
        assert!(count * 100 > tally.accepted, "`{feature}` is in {count} of {} specs", tally.accepted);
    }
    for (kind, (holds, violated)) in &tally.kinds {
        assert!(*holds > 5 && *violated > 5, "`{kind}` holds {holds} times, is violated {violated} times");
    }
    assert_eq!(tally.kinds.len(), 13, "{:?}", tally.kinds);
}

#[test]
fn specs_of_the_project() {
    let (mut whole, mut failures) = (0, Vec::new());
    for path in specs_below(&repository("specs")) {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_owned();
        let text = std::fs::read_to_string(&path).expect("a spec");
        let chosen = std::iter::once(None).chain(instances(&text).into_iter().map(Some));
        for instance in chosen {
            let shown = format!("{name}:{}", instance.as_deref().unwrap_or("default"));
            let Ok(program) = front_end(&text, instance.as_deref()) else {
                println!("skipped {shown}: a sketch");
                continue;
            };
            let whole_space = count_states(&program, MAX_SPEC_STATES).is_some();
            match compare(&program, if whole_space { MAX_SPEC_STATES } else { MAX_STATES }) {
                Ok(compared) if compared.partly => {
                    println!("{shown}: more than {MAX_SPEC_STATES} states, only {MAX_STATES} were compared");
                }
                Ok(compared) => {
                    println!("{shown}: {} states", compared.report.distinct_states);
                    whole += 1;
                }
                Err(difference) => failures.push(format!("{shown}: {difference}")),
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(whole >= 2, "only {whole} specs were compared as a whole");
}

#[test]
fn small_cases() {
    let mut failures = Vec::new();
    let mut count = 0;
    for path in specs_below(&repository("tests/cases/check")) {
        let text = std::fs::read_to_string(&path).expect("a case");
        let expected = Expected::all(&text);
        assert!(!expected.is_empty(), "{} has no `//@ check`", path.display());
        for expected in expected {
            count += 1;
            if let Err(difference) = case(&text, &expected) {
                failures.push(format!("{}: {difference}", path.display()));
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}

fn case(text: &str, expected: &Expected) -> Result<(), String> {
    let program = front_end(text, expected.instance.as_deref()).map_err(|m| m.join("; "))?;
    let compared = compare(&program, MAX_SPEC_STATES)?;
    if let Some(why) = compared.not_packed {
        return Err(why);
    }
    expected.compare(&compared.report)
}
