//! Progress on stderr, and only when somebody watches: stdout carries the report alone.

use crate::outcome::thousands;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How far an exploration is, whatever the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// Distinct states found.
    pub states: u64,
    /// States found and not yet expanded.
    pub frontier: u64,
    /// Distance from the initial states.
    pub depth: u32,
    /// Bytes of memory, where the engine counts them.
    pub bytes: u64,
    /// How full the table of states is, in percent; 0 where the engine has none.
    pub load: u32,
}

/// A line on the terminal while a spec is checked; it vanishes when dropped.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    begun: Instant,
}

impl Progress {
    /// Progress of one spec.
    #[must_use]
    pub fn new(file: &str) -> Progress {
        let bar = if std::io::stderr().is_terminal() {
            spinner(file)
        } else {
            ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
        };
        Progress { bar, begun: Instant::now() }
    }

    /// Shows how far it is.
    pub fn show(&self, snapshot: Snapshot) {
        if self.bar.is_hidden() {
            return;
        }
        let millis = self.begun.elapsed().as_millis().max(1) as u64;
        self.bar.set_message(line(snapshot, millis));
    }
}

/// What is shown after so many milliseconds.
fn line(snapshot: Snapshot, millis: u64) -> String {
    let mut line = format!(
        "{} states · {}/s · frontier {} · depth {}",
        thousands(snapshot.states),
        thousands(snapshot.states.saturating_mul(1000) / millis),
        thousands(snapshot.frontier),
        snapshot.depth
    );
    if snapshot.bytes > 0 {
        line.push_str(&format!(" · {}", size(snapshot.bytes)));
    }
    if snapshot.load > 0 {
        line.push_str(&format!(" · table {} % full", snapshot.load));
    }
    line
}

/// A number of bytes for people.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.into_iter().find(|(shift, _)| bytes >> shift > 0) {
        Some((shift, unit)) => format!("{:.1} {unit}", bytes as f64 / f64::from(1u32 << shift)),
        None => format!("{bytes} bytes"),
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn spinner(file: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner} {elapsed_precise} {prefix} {msg}");
    let bar = ProgressBar::new_spinner().with_prefix(file.to_owned());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_how_far_it_is_and_what_it_takes() {
        let snapshot =
            Snapshot { states: 12_345, frontier: 678, depth: 9, bytes: 5 << 20 | 1 << 19, load: 43 };
        let expected = "12,345 states · 6,172/s · frontier 678 · depth 9 · 5.5 MiB · table 43 % full";
        assert_eq!(line(snapshot, 2000), expected);
        assert_eq!(
            line(Snapshot { bytes: 0, load: 0, ..snapshot }, 2000),
            expected.split(" · 5.5").next().unwrap()
        );
        assert_eq!((size(100), size(2048)), ("100 bytes".to_owned(), "2.0 KiB".to_owned()));
    }
}
