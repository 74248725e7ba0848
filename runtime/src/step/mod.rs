//! Steps as generated code writes them: typed rows over a snapshot, and the phases of an operation.
//!
//! Generated code gives structs for rows ([`Record`]) and, for each step of the spec, its phases ([`Operation`]): choose, guard,
//! lets, effect, conclude or reject. [`perform`] is the one place that puts them together: the service's transactions, the
//! model ([`crate::model`]) and the replay of a journal all call it, so that they cannot differ.

mod action;
mod ask;
mod bounds;
mod perform;
mod picks;
mod record;
mod serving;
mod transition;
mod tx;
mod typed;

pub use action::{
    Action, Acts, Choice, ChoiceKind, KindCode, Moved, Operation, Parent, Protocol, Sort, Spec,
};
#[cfg(any(feature = "grpc", all(feature = "http", any(test, feature = "model"))))]
pub(crate) use ask::asked;
#[cfg(feature = "http")]
pub(crate) use ask::body;
pub use ask::{Ask, Outcome, Run};
pub use bounds::Policy;
pub use perform::{Performed, Watch, Watching, acting, perform};
pub use picks::{Domain, Picks};
pub use record::{Key, Record};
pub use serving::{Choose, Serving, text};
pub use transition::{Environment, Request};
#[cfg(any(test, feature = "model"))]
pub(crate) use tx::visit_ordinals;
pub use tx::{Excess, Guard, Members, SnapshotSource, Source, Stop, Tx};
pub use typed::{Nobody, Total, Typed, item, known, less, less_or_equal};
