//! Seeds, each in a process of its own: only a fresh process replays one exactly.

use super::faults::KINDS;
use super::{Happened, Simulation};
use crate::paths::variable;
use std::collections::BTreeMap;
use std::ops::Range;
use std::process::Command;

/// Before what a process says of its seed.
const MARK: &str = "happened: ";

/// How a test binary runs one seed.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// The package.
    pub package: &'static str,
    /// The test binary.
    pub binary: &'static str,
    /// The test that calls [`Seeds::one`]; it is ignored unless it is asked for.
    pub test: &'static str,
}

impl Seeds {
    /// Runs the seed that `ARCH_SEED` says, 0 if it says none.
    ///
    /// # Panics
    /// Something is wrong.
    pub fn one(&self, simulation: &Simulation) {
        let seed = variable("ARCH_SEED").unwrap_or(0);
        match simulation.run(seed) {
            Ok(happened) => {
                println!("{happened}\n{MARK}{}", serde_json::to_string(&happened).unwrap_or_default());
            }
            Err(wrong) => panic!("seed {seed}: {wrong}"),
        }
    }

    /// Runs so many seeds, or as many as `ARCH_SEEDS` says.
    ///
    /// # Panics
    /// Something is wrong: with the command that shows it again. Or so many seeds have too few faults to say anything.
    pub fn all(&self, seeds: u64) {
        let asked = variable("ARCH_SEEDS").unwrap_or(seeds);
        let mut faults: BTreeMap<String, u64> = BTreeMap::new();
        for seed in 0..asked {
            let happened = self.fresh(seed);
            println!("{happened}");
            for (name, n) in happened.faults {
                *faults.entry(name).or_default() += n;
            }
        }
        println!("{asked} seeds: {faults:?}");
        let missing: Vec<_> = KINDS.iter().filter(|kind| !faults.contains_key(**kind)).collect();
        assert!(missing.is_empty() || asked < seeds, "no seed had {missing:?}");
    }

    /// Runs seeds twice, and the same must happen.
    ///
    /// # Panics
    /// It does not, or something else is wrong.
    pub fn replay(&self, seeds: Range<u64>) {
        for seed in seeds {
            let (first, second) = (self.fresh(seed), self.fresh(seed));
            assert!(first.steps > 0 && !first.answers.is_empty(), "nothing happened: {first}");
            assert_eq!(first, second, "seed {seed} is not replayed");
        }
    }

    fn fresh(&self, seed: u64) -> Happened {
        let output = Command::new(std::env::current_exe().expect("it runs"))
            .args([self.test, "--exact", "--ignored", "--nocapture"])
            .env("ARCH_SEED", seed.to_string())
            .output()
            .expect("it can be run again");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find_map(|line| line.split_once(MARK));
        let happened = line.and_then(|(_, line)| serde_json::from_str(line).ok());
        match happened {
            Some(happened) if output.status.success() => happened,
            _ => panic!(
                "{text}{}\nseed {seed} failed; it fails again with\n  ARCH_SEED={seed} cargo test -p {} --test {} -- {} --exact --ignored --nocapture",
                String::from_utf8_lossy(&output.stderr),
                self.package,
                self.binary,
                self.test
            ),
        }
    }
}
