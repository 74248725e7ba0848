//! The machine as a stateright model, and our explorer as a stateright checker.
//!
//! This is the only crate that knows stateright. [`model`] is the model, [`properties`] are the functions
//! that stateright judges states with, [`run`](mod@run) runs stateright's own engines, [`explorer`] is
//! ours behind stateright's interface, [`serve`](mod@serve) is stateright's page for walking through states.

pub mod explorer;
pub mod model;
pub mod properties;
pub mod run;
pub mod serve;

pub use explorer::Explorer;
pub use model::{SpecAction, SpecModel, SpecState};
pub use run::{Engine, run};
pub use serve::serve;
