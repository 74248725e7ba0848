//! The same transition systems as hand-written stateright models, and a main that explores one of them.
//!
//! `stateright-models MODEL [--packed] [--dfs] [--threads N] [NAME=VALUE …]` prints one line of JSON:
//! `{"distinct":…,"generated":…,"violated":[…]}`. `generated` counts initial states too.

mod fenced_lease;
mod log_shipping;
mod philosophers;
mod replicated_keys;
mod two_phase_commit;

use clap::Parser;
use stateright::{Checker, Model};
use std::fmt::Debug;
use std::hash::Hash;
use std::process::ExitCode;

/// Explores a hand-written stateright model.
#[derive(Parser)]
struct Args {
    /// Which transition system
    model: String,
    /// States packed into integers by hand
    #[arg(long)]
    packed: bool,
    /// Depth first instead of breadth first
    #[arg(long)]
    dfs: bool,
    /// Threads of the search
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Constants of the model
    #[arg(value_parser = setting)]
    settings: Vec<(String, usize)>,
}

fn setting(text: &str) -> Result<(String, usize), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let value = value.parse().map_err(|_| "expected a number after `=`")?;
    Ok((name.to_owned(), value))
}

impl Args {
    /// The value of a constant; an error for the user if it is not given.
    fn get(&self, name: &str) -> Result<usize, String> {
        let found = self.settings.iter().find(|(n, _)| n == name).map(|(_, v)| *v);
        found.ok_or_else(|| format!("{} needs {name}=VALUE", self.model))
    }

    fn explore<M>(&self, model: M)
    where
        M: Model + Send + Sync + 'static,
        M::State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
        M::Action: Clone + Debug + PartialEq + Send + Sync,
    {
        let builder = model.checker().threads(self.threads);
        if self.dfs { print(builder.spawn_dfs().join()) } else { print(builder.spawn_bfs().join()) }
    }

    fn run(&self) -> Result<(), String> {
        match (self.model.as_str(), self.packed) {
            ("two_phase_commit", false) => {
                self.explore(two_phase_commit::natural::TwoPhaseCommit { rms: self.get("N")? })
            }
            ("two_phase_commit", true) => {
                self.explore(two_phase_commit::packed::TwoPhaseCommit { rms: self.get("N")? })
            }
            ("philosophers", false) => {
                self.explore(philosophers::natural::Philosophers { n: self.get("N")? })
            }
            ("philosophers", true) => self.explore(philosophers::packed::Philosophers { n: self.get("N")? }),
            ("fenced_lease", false) => self.explore(fenced_lease::natural::FencedLease(self.lease()?)),
            ("fenced_lease", true) => self.explore(fenced_lease::packed::FencedLease(self.lease()?)),
            ("log_shipping", false) => self.explore(log_shipping::natural::LogShipping(self.shipping()?)),
            ("log_shipping", true) => self.explore(log_shipping::packed::LogShipping(self.shipping()?)),
            ("replicated_keys", false) => {
                self.explore(replicated_keys::natural::ReplicatedKeys(self.keys()?))
            }
            ("replicated_keys", true) => self.explore(replicated_keys::packed::ReplicatedKeys(self.keys()?)),
            _ => return Err(format!("there is no model `{}`", self.model)),
        }
        Ok(())
    }

    fn lease(&self) -> Result<fenced_lease::Size, String> {
        Ok(fenced_lease::Size {
            clients: self.get("CLIENTS")?,
            shards: self.get("SHARDS")?,
            epochs: self.get("EPOCHS")?,
            ttl: self.get("TTL")?,
            values: self.get("VALUES")?,
        })
    }

    fn shipping(&self) -> Result<log_shipping::Size, String> {
        Ok(log_shipping::Size {
            followers: self.get("FOLLOWERS")?,
            length: self.get("LENGTH")?,
            depth: self.get("DEPTH")?,
            values: self.get("VALUES")?,
        })
    }

    fn keys(&self) -> Result<replicated_keys::Size, String> {
        Ok(replicated_keys::Size {
            replicas: self.get("REPLICAS")?,
            keys: self.get("KEYS")?,
            versions: self.get("VERSIONS")?,
            values: self.get("VALUES")?,
        })
    }
}

fn print<M: Model>(checker: impl Checker<M>)
where
    M::State: Clone + Debug + PartialEq + Hash,
    M::Action: Clone + Debug + PartialEq,
{
    let violated: Vec<_> = checker.discoveries().into_keys().collect();
    let (distinct, generated) = (checker.unique_state_count(), checker.state_count());
    println!("{}", serde_json::json!({ "distinct": distinct, "generated": generated, "violated": violated }));
}

fn main() -> ExitCode {
    match Args::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}
