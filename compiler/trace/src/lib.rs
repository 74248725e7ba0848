//! Whether a service's journal is a behaviour of its spec.
//!
//! The journal's versions prove that it is a serial execution ([`arch_runtime::journal`]); here every event of it is judged by
//! [`arch_ir::eval`], the interpreter that defines what a spec means: guard, branch, effect, outcome, and the properties that
//! can be judged on the rows that an event touches. No generated code takes part, so it works for every spec of which a
//! service could be made, whoever wrote the service.
//!
//! An event is put into a small world ([`world`]) in which it looks like many others, and what the interpreter said of one is
//! remembered for all: the interpreter is slow, and is asked seldom. How and why it is exact: docs/internals/trace-check.md.

mod cases;
mod check;
mod closed;
mod evaluate;
mod event;
mod explain;
mod ghosts;
mod index;
mod judge;
mod operation;
mod ordinals;
mod properties;
mod schema;
mod subject;
mod world;

pub use arch_codegen::{Refusal, spec_hash};
pub use check::{Checked, Trouble, check, check_by};
pub use judge::{Conformance, Findings};
pub use schema::{schema, type_of};
pub use subject::{MemberLists, Subject, Unjudged, Unusable};
