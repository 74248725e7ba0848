//! The audit of random specs is what trying everything by the oracle finds; that of the complete specs is on record.

use arch_base::SourceMap;
use arch_ir::Program;
use arch_sema::Setting;
use archc::audit::{self, Audit, Class};
use archc::cli::Engine;
use archc::engines::Request;
use archc::pipeline::{auditable, limits};
use archc::progress::Progress;
use archc_tests::agreement::{campaign, front_end};
use archc_tests::audit::Naive;
use archc_tests::generate::spec;
use archc_tests::minimise::minimise;
use archc_tests::{repository, with_stack};
use std::collections::BTreeMap;
use std::fs;
use std::sync::atomic::AtomicBool;

/// Spaces with more states are passed over.
const MAX_STATES: u64 = 60;

/// An audit one of whose variants has more states is passed over.
const MAX_VARIANT: u64 = 100_000;

/// Specs with more parts are passed over: there are too many pairs.
const MAX_PARTS: usize = 24;

fn audited(program: &Program, sources: &SourceMap, symmetry: bool, max_states: Option<u64>) -> Audit {
    let (interrupt, progress) = (AtomicBool::new(false), Progress::new("test"));
    let request = Request {
        engine: Engine::Explorer,
        threads: 2,
        symmetry,
        compact: false,
        limits: limits(&archc::cli::LimitArgs { max_states, ..archc::cli::LimitArgs::default() }),
        interrupt: &interrupt,
        progress: &progress,
    };
    audit::audit(program, &[], &request, sources)
}

fn sources(text: &str) -> SourceMap {
    let mut sources = SourceMap::default();
    sources.add("random.arch".to_owned(), text.to_owned());
    sources
}

/// The classes that were compared, or what is wrong.
fn compared(text: &str) -> Result<Vec<Class>, String> {
    let Ok(program) = front_end(text, None) else { return Ok(Vec::new()) };
    let sources = sources(text);
    let Ok(naive) = Naive::new(&program, MAX_STATES) else { return Ok(Vec::new()) };
    if audit::items(&program, [], &sources).len() > MAX_PARTS {
        return Ok(Vec::new());
    }
    let mut classes = Vec::new();
    for symmetry in [true, false] {
        let audit = audited(&program, &sources, symmetry, Some(MAX_VARIANT));
        if audit.open.is_some() {
            return Ok(Vec::new());
        }
        match naive.compare(&audit) {
            Ok(agreed) => agreed.map_err(|e| format!("symmetry {symmetry}: {e}"))?,
            Err(_) => return Ok(Vec::new()),
        }
        classes = audit.items.iter().map(|i| i.class).collect();
    }
    Ok(classes)
}

#[test]
fn random_specs_agree_with_trying_everything() {
    let (seeds, end) = campaign(250);
    let (mut counts, mut failures) = (BTreeMap::<Class, usize>::new(), Vec::new());
    with_stack(move || {
        for seed in seeds {
            if end.is_some_and(|end| std::time::Instant::now() > end) || failures.len() > 2 {
                break;
            }
            let spec = spec(seed);
            match compared(&spec.text()) {
                Ok(classes) => classes.into_iter().for_each(|c| *counts.entry(c).or_default() += 1),
                Err(difference) => {
                    let small = minimise(&spec.items, &|text| compared(text).is_err());
                    failures.push(format!("seed {seed}: {difference}\n{small}"));
                }
            }
        }
        println!("{counts:?}");
        assert!(failures.is_empty(), "{}", failures.join("\n\n"));
        for class in [Class::LoadBearing, Class::Redundant, Class::Unobserved] {
            assert!(counts.get(&class).is_some_and(|n| *n > 20), "{class:?}: {counts:?}");
        }
    });
}

/// A line per part: what it is, and what breaks without it.
fn table(audit: &Audit) -> String {
    let line = |a: &audit::Audited| {
        let property = a.breaks.as_ref().map_or(String::new(), |p| {
            let steps = p.trace.as_ref().map_or(0, |t| t.steps.len());
            format!(" {} {steps}", p.name)
        });
        let masks: Vec<&str> = a.masked_by.iter().map(|m| m.by.as_str()).collect();
        let masks = if masks.is_empty() { String::new() } else { format!(" ({})", masks.join(", ")) };
        format!("{:<12} {}{property}{masks}\n", a.class.word(), a.item.id)
    };
    audit.items.iter().map(line).collect()
}

#[test]
fn the_complete_specs() {
    with_stack(|| {
        // Without crashes: the whole of I15 takes a minute of a development build.
        let calm = Setting { name: "CRASHES".to_owned(), value: "0".to_owned() };
        let specs = [
            ("specs/I02_claim_lease.arch", Some("quick"), Vec::new()),
            ("specs/I05_append_log.arch", Some("quick"), Vec::new()),
            ("specs/I15_execution_fleet.arch", None, vec![calm]),
            ("specs/tour/lease.arch", None, Vec::new()),
        ];
        for (path, instance, settings) in specs {
            let mut sources = SourceMap::default();
            let text = fs::read_to_string(repository(path)).expect("a spec");
            let file = sources.add(path.to_owned(), text);
            let (program, _) =
                auditable(file, &sources, settings, instance.map(str::to_owned)).expect("a model");
            let audit = audited(&program, &sources, true, None);
            let name = path.rsplit('/').next().unwrap_or(path).replace(".arch", "");
            insta::assert_snapshot!(format!("audit_{name}"), table(&audit));
        }
    });
}
