//! What happened in a simulation, in words that are the same whenever it happened the same way.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What happened in a simulation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Happened {
    /// Of which seed.
    pub seed: u64,
    /// How long it took, in milliseconds of its own time.
    pub steps: u64,
    /// How often the server was started again.
    pub restarts: u64,
    /// How often what went wrong.
    pub faults: BTreeMap<String, u64>,
    /// How many commits were followed in the model.
    pub followed: usize,
    /// How many of them the server made by itself, because their steps were handed over.
    pub handed_over: usize,
    /// Why claims were no longer judged after that, if they were not: what the environment answered was true when the request was
    /// made, and not when it was committed; or a deadline of the spec ran out.
    pub blind: Option<String>,
    /// What was answered, by operation.
    pub answers: Vec<Answers>,
}

/// The answers to the requests of one operation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Answers {
    /// The operation.
    pub op: String,
    /// How many had an outcome.
    pub committed: usize,
    /// How many were denied.
    pub denied: usize,
    /// Every answer with its request, by client.
    pub told: Vec<String>,
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Happened { seed, steps, restarts, faults, followed, handed_over, answers, .. } = self;
        let count = |of: fn(&Answers) -> usize| answers.iter().map(of).sum::<usize>();
        let (committed, denied) = (count(|a| a.committed), count(|a| a.denied));
        write!(
            f,
            "seed {seed}: {committed} requests with an outcome, {denied} denied, in {:.1}s; {followed} commits, {handed_over} handed over; {restarts} restarts",
            *steps as f64 / 1_000.0
        )?;
        faults.iter().try_for_each(|(name, n)| write!(f, ", {name} {n}"))?;
        self.blind.as_ref().map_or(Ok(()), |why| write!(f, "; claims judged only until {why}"))
    }
}
