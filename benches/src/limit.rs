//! The machine's own limit: how many random 64-byte lines it can look at in a second.
//!
//! An exact search must look at least once at the place where each successor would be. With huge pages and a ring
//! of prefetches that many places ahead, this is as fast as a table of a given size can be probed at all.

use crate::measure::{self, Measurement};
use crate::prefetch::prefetch;
use crate::{Failure, Judge};
use clap::Parser;
use memmap2::{Advice, MmapMut};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// A cache line.
const LINE: usize = 64;
/// Lines that are on their way at any time; more does not help on the machines tried.
const AHEAD: usize = 32;

/// Enough for a second or so.
const PROBES: u64 = 50_000_000;

/// What is probed.
#[derive(Parser)]
pub struct Args {
    /// Bytes of the table
    #[arg(long, value_name = "BYTES")]
    bytes: usize,
    /// Threads that probe it
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Probes of each thread
    #[arg(long, value_name = "N", default_value_t = PROBES)]
    probes: u64,
}

/// What `probe` prints.
#[derive(Serialize, Deserialize)]
struct Answer {
    probes_per_second: f64,
    hits: u64,
}

/// Probes a table and prints the rate as JSON.
pub fn probe(args: &Args) -> Result<(), Failure> {
    let lines = args.bytes / LINE;
    if lines == 0 || args.threads == 0 {
        return Err(Failure::usage("a table has at least 64 bytes, and somebody must probe it"));
    }
    let table = table(lines).map_err(|e| Failure::wrong(format!("no table of {} bytes: {e}", args.bytes)))?;
    let (view, start) = (table.as_ref(), Instant::now());
    let hits = std::thread::scope(|scope| {
        let seeds = 1..=args.threads as u64;
        let workers: Vec<_> =
            seeds.map(|s| scope.spawn(move || probes(view, lines, args.probes, s))).collect();
        workers.into_iter().map(|w| w.join().expect("probing does not panic")).sum()
    });
    let all = args.probes * args.threads as u64;
    let answer = Answer { probes_per_second: all as f64 / start.elapsed().as_secs_f64(), hits };
    println!("{}", serde_json::to_string(&answer).expect("numbers can be printed"));
    Ok(())
}

/// So many lines in huge pages, all of them touched.
fn table(lines: usize) -> std::io::Result<MmapMut> {
    let mut table = MmapMut::map_anon(lines * LINE)?;
    #[cfg(target_os = "linux")]
    table.advise(Advice::HugePage)?;
    table.chunks_mut(4096).for_each(|page| page[0] = 1);
    Ok(table)
}

/// Looks for random numbers in the lines where they would be. The result keeps the work from being optimised away.
fn probes(table: &[u8], lines: usize, count: u64, seed: u64) -> u64 {
    let mut ring = [(0_usize, 0_u64); AHEAD];
    let (mut state, mut hits) = (seed << 48, 0);
    for i in 0..count {
        let slot = &mut ring[i as usize % AHEAD];
        hits += u64::from(holds(&table[slot.0..slot.0 + LINE], slot.1));
        let random = next(&mut state);
        let line = ((u128::from(random) * lines as u128) >> 64) as usize;
        prefetch(&table[line * LINE]);
        *slot = (line * LINE, random | 1 << 63);
    }
    hits
}

/// Whether one of the eight words of a line is this one.
fn holds(line: &[u8], word: u64) -> bool {
    let (words, _) = line.as_chunks::<8>();
    words.iter().fold(false, |found, w| found | (u64::from_ne_bytes(*w) == word))
}

/// SplitMix64, Steele, Lea and Flood 2014: fast, and random enough for addresses.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// Probes per second of so many threads in a table of so many bytes; the median of three.
pub fn rate(bytes: u64, threads: usize, judge: Judge, scratch: &Path) -> Result<f64, Failure> {
    let mut rates = Vec::new();
    for _ in 0..3 {
        let (_, without) = process(bytes, threads, 0, scratch)?;
        let (answer, with) = process(bytes, threads, PROBES, scratch)?;
        let cpu = with.cpu.saturating_sub(without.cpu).as_secs_f64() / threads as f64;
        rates.push(match judge {
            Judge::Wall => answer.probes_per_second as u64,
            Judge::Cpu => (PROBES as f64 * threads as f64 / cpu.max(1e-9)) as u64,
        });
    }
    Ok(measure::median(&rates).unwrap_or(0) as f64)
}

/// A process of its own: what it allocates would count as the memory of whatever the harness starts next.
fn process(
    bytes: u64,
    threads: usize,
    probes: u64,
    scratch: &Path,
) -> Result<(Answer, Measurement), Failure> {
    let wrong = |e: String| Failure::wrong(format!("the probe of {bytes} bytes: {e}"));
    let mut command = Command::new(std::env::current_exe().map_err(|e| wrong(e.to_string()))?);
    command.args(["probe", "--bytes", &bytes.to_string(), "--threads", &threads.to_string()]);
    command.args(["--probes", &probes.to_string()]);
    let output = scratch.join("probe.json");
    let (status, measurement) = measure::run_short(command, &output).map_err(|e| wrong(e.to_string()))?;
    let text = std::fs::read_to_string(output).unwrap_or_default();
    let answer = serde_json::from_str(&text).map_err(|e| wrong(format!("{status}, {e}: {text}")))?;
    Ok((answer, measurement))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_in_its_line_only() {
        let mut line = [0; LINE];
        line[56..].copy_from_slice(&7_u64.to_ne_bytes());
        assert!(holds(&line, 7));
        assert!(!holds(&line, 8));
    }

    #[test]
    fn probes_find_what_is_everywhere() {
        let table = [0xff; 4 * LINE];
        assert_eq!(probes(&table, 4, 100, 1), 0);
        assert!(holds(&table[..LINE], u64::MAX));
    }
}
