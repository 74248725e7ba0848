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
        self.bar.set_message(format!(
            "{} states · {}/s · frontier {} · depth {}",
            thousands(snapshot.states),
            thousands(snapshot.states.saturating_mul(1000) / millis),
            thousands(snapshot.frontier),
            snapshot.depth
        ));
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
