//! How fast a trace is checked: `cargo run --release -p arch-runtime --features testing --example validate_speed`.
//!
//! Prints events per second for parsing with the order, and with every step evaluated again.

use arch_runtime::journal::{Accept, Judge, check_trace, write_end, write_entry, write_header};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::store::{Policy, Store, transact};
use arch_runtime::testing::hammer::random_request;
use arch_runtime::testing::sample;
use std::time::Instant;

const EVENTS: usize = 300_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let store = MemoryStore::new(sample::schema());
    let mut random = fastrand::Rng::with_seed(1);
    let mut applied = 0;
    while applied < EVENTS {
        let request = random_request(&mut random, 50);
        let settled =
            transact(&store, request.transition(), &Policy::default()).await.expect("it is in memory");
        applied += usize::from(matches!(settled.verdict, arch_runtime::store::Verdict::Applied(_)));
    }
    let entries = store.journal(Default::default(), usize::MAX).await.expect("it is in memory").entries;
    let mut text = Vec::new();
    write_header(&mut text, &sample::schema(), true, &[]).expect("it is in memory");
    for entry in &entries {
        let body = entry.body(&sample::schema()).expect("entries can be JSON");
        write_entry(&mut text, entry.seq, entry.tx, &body).expect("it is in memory");
    }
    write_end(&mut text, entries.len() as u64, entries.len() as u64).expect("it is in memory");
    println!("{} events, {} bytes each", entries.len(), text.len() / entries.len());
    measure("order", &text, Accept);
    measure("order and steps", &text, sample::judge());
}

fn measure(what: &str, text: &[u8], judge: impl Judge) {
    let (start, busy) = (Instant::now(), processor());
    let count = check_trace(text, &sample::schema(), judge).expect("the trace is good").count() as f64;
    let (seconds, busy) = (start.elapsed().as_secs_f64(), processor() - busy);
    println!("{what}: {:.0} events/s, {:.0} per second of processor", count / seconds, count / busy);
}

/// Seconds of processor that this process has used; on a busy machine they say more than the wall. 0 where Linux's `/proc` is
/// not there.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
