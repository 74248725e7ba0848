//! Two-phase commit with a message set, written by hand on packed states, to measure the engine alone:
//! `two_phase_commit N [THREADS]` prints counts, states per second and bytes per state.

use arch_explorer::{Limits, Successors, System, explore};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// N resource managers; 4N + 4 bits: two for the state of each, whether the manager knows it to be prepared, whether its
/// message is sent, then the manager's state (two) and whether Commit and Abort are sent.
struct TwoPhase {
    n: u32,
    widths: [u32; 1],
}

const PREPARED: u64 = 1;
const COMMITTED: u64 = 2;
const ABORTED: u64 = 3;

impl System for TwoPhase {
    type Scratch = ();

    fn widths(&self) -> &[u32] {
        &self.widths
    }

    fn actions(&self) -> usize {
        5 * self.n as usize + 2
    }

    fn findings(&self) -> usize {
        1
    }

    fn scratch(&self) {}

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        sink(&[0]);
    }

    #[inline]
    fn expand(&self, state: &[u64], (): &mut (), out: &mut Successors) {
        let (s, n) = (state[0], self.n);
        let (known, sent, end) = (2 * n, 3 * n, 4 * n);
        let all = (1 << n) - 1;
        let (init, commit, abort) = (s >> end & 3 == 0, s >> (end + 2) & 1 != 0, s >> (end + 3) & 1 != 0);
        let mut count = 0;
        let room = out.room();
        let mut push = |action: u32, state: u64| {
            (room.states[count], room.actions[count]) = (state, action);
            count += 1;
        };
        if init && s >> known & all == all {
            push(0, s | 1 << end | 1 << (end + 2));
        }
        if init {
            push(1, s | 2 << end | 1 << (end + 3));
        }
        for i in 0..n {
            let rm = s >> (2 * i) & 3;
            if init && s >> (sent + i) & 1 != 0 {
                push(2 + i, s | 1 << (known + i));
            }
            let to = |state: u64| s & !(3 << (2 * i)) | state << (2 * i);
            if rm == 0 {
                push(2 + n + i, to(PREPARED) | 1 << (sent + i));
                push(2 + 2 * n + i, to(ABORTED));
            }
            if commit {
                push(2 + 3 * n + i, to(COMMITTED));
            }
            if abort {
                push(2 + 4 * n + i, to(ABORTED));
            }
        }
        out.commit(count);
    }

    #[inline]
    fn judge(&self, state: &[u64], (): &mut (), found: &mut Vec<u32>) {
        let low = 0x5555_5555_5555_5555 & ((1 << (2 * self.n)) - 1);
        let (a, b) = (state[0] & low, state[0] >> 1 & low);
        if b & !a != 0 && b & a != 0 {
            found.push(0);
        }
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse::<u32>().ok());
    let (n, threads) = (numbers.next().unwrap_or(7), numbers.next().unwrap_or(1) as usize);
    let system = TwoPhase { n, widths: [4 * n + 4] };
    let limits = Limits { threads, ..Limits::default() };
    let begun = Instant::now();
    let explored = explore(&system, &limits, &AtomicBool::new(false), &mut |_| {});
    let seconds = begun.elapsed().as_secs_f64();
    let (states, statistics) = (explored.states, &explored.statistics);
    println!("{states} states, {} transitions, depth {}", explored.transitions, explored.depth);
    println!("found {:?}, stopped {:?}", explored.found, explored.stopped);
    println!(
        "{:.2} M states/s, {:.1} M transitions/s, {:.2} bytes/state in the set, {:.2} at the peak, {:.0} % growing",
        states as f64 / seconds / 1e6,
        explored.transitions as f64 / seconds / 1e6,
        statistics.visited_bytes as f64 / states as f64,
        statistics.peak_bytes as f64 / states as f64,
        100.0 * statistics.growing.as_secs_f64() / seconds,
    );
}
