//! How fast journals are checked: `cargo run --release -p arch-trace --example trace_speed [REQUESTS]`.
//!
//! Events per second of the thread that judges, and ratios to parsing the lines alone, in one run. Whole traces are parsed by a
//! thread of their own meanwhile, which is not counted: with two processors the slower of the two decides.

#[path = "../tests/support/mod.rs"]
mod support;

use arch_runtime::journal::{Accept, Entry, check_trace};
use arch_trace::check;
use support::{CASES, text};

/// Seconds that this thread was on a processor: the machine may be busy with something else.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let requests = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(400_000);
    for case in &CASES[..2] {
        let entries = case.journal(1, requests).await;
        let (schema, subject) = ((case.schema)(), case.subject());
        let trace = text(&schema, &entries);
        let timed = |what: &str, f: &mut dyn FnMut()| {
            let best = (0..5)
                .map(|_| {
                    let start = processor();
                    f();
                    processor() - start
                })
                .fold(f64::INFINITY, f64::min);
            println!("{}: {what}: {:.0} events/s", case.name, entries.len() as f64 / best);
            best
        };
        println!("{}: {} events, {} bytes each", case.name, entries.len(), trace.len() / entries.len());
        let parse = timed("parsed", &mut || {
            let lines = trace.lines().skip(1).filter(|l| !l.starts_with("{\"end\""));
            assert!(lines.map(|l| Entry::from_line(l, &schema)).all(|e| e.is_ok()));
        });
        let order = timed("put in order", &mut || {
            check_trace(trace.as_bytes(), &schema, Accept).expect("it is in order");
        });
        let mut asked = 0;
        let whole = timed("checked", &mut || {
            let found = check(&subject, trace.as_bytes(), None).expect("it conforms");
            asked = found.findings.asked;
        });
        println!(
            "{}: order {:.2}, checked {:.2} times parsing; the interpreter was asked {asked} times\n",
            case.name,
            order / parse,
            whole / parse
        );
    }
}
