//! Random small specs, as text: well typed, odd, and between them with every construct that is explored.
//!
//! The generator knows the types of what it writes, so that the front end accepts nearly everything. It
//! knows nothing of what a spec means. A spec depends on its seed alone.

mod claims;
mod effects;
mod exprs;
mod names;
mod numbers;
mod protocols;
mod segments;
mod types;
mod world;

use std::collections::BTreeSet;

/// A random spec.
#[derive(Clone, Debug)]
pub struct Spec {
    /// What it was made from.
    pub seed: u64,
    /// Its declarations.
    pub items: Vec<String>,
    /// The constructs in it.
    pub features: BTreeSet<&'static str>,
}

impl Spec {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.items.join("\n")
    }
}

/// The spec of a seed.
#[must_use]
pub fn spec(seed: u64) -> Spec {
    let mut maker = world::Maker::new(seed);
    maker.declare_types();
    maker.declare_actors();
    maker.declare_truth();
    maker.plan_faults();
    maker.plan_protocols();
    maker.write_world();
    maker.write_protocols();
    maker.write_faults();
    maker.write_fairness();
    maker.write_claims();
    Spec { seed, items: maker.items, features: maker.features }
}
