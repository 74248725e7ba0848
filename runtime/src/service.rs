//! What a service is, as data: operations with the types of their requests, statuses of their outcomes, guards by id, and the
//! code of its user. Generated code builds one [`Service`]; [`crate::engine`] executes it and [`crate::serve`] puts it on a socket.

use crate::fencing::FencingToken;
use crate::handover::{NoTurn, Turn};
use crate::journal::Entry;
use crate::outbox::MessageId;
pub use crate::release::{Asking, Hosted, Release, ReleaseError};
use crate::schema::Schema;
use crate::store::{BoxFuture, Json, Plan, Step, TxId};
use crate::trace_context::TraceContext;
use crate::truth::Truth;
use crate::value::{Field, Row, RowKey, Type};
use smol_str::SmolStr;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Finds the plan and the step of a journal entry again, from its operation, actor, run and input; none for an operation that the
/// spec does not have.
pub type Steps = Arc<dyn Fn(&Entry) -> Option<(Arc<Plan>, Step)> + Send + Sync>;

/// How rows start.
pub type Initial = Arc<dyn Fn(&RowKey) -> Option<Row> + Send + Sync>;

/// A service.
#[derive(Clone)]
pub struct Service {
    /// Its name, in lower case: the prefix of its environment variables, the name of its configuration file.
    pub name: SmolStr,
    /// Its version, of the crate that it was built from.
    pub version: SmolStr,
    /// What it stores; knows the spec's hash.
    pub schema: Arc<Schema>,
    /// What can be asked of it.
    pub operations: Vec<Operation>,
    /// The text of every guard atom, for humans.
    pub guards: Vec<Guard>,
    /// Its OpenAPI document, served as it is.
    pub openapi: &'static str,
    /// How it is asked over gRPC (feature `grpc`); none if it is not.
    pub rpc: Option<Rpc>,
    /// Finds steps again, to check a journal.
    pub steps: Steps,
    /// How a row starts that was never written, to show it to who looks at it; none if that is not known.
    pub initial: Initial,
    /// The steps by which an instance that lives in this process gives back what it owns when the process ends.
    pub releases: Vec<Release>,
    /// These instances.
    pub hosted: Hosted,
}

/// The gRPC services of a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rpc {
    /// Its `.proto` file, served as it is.
    pub proto: &'static str,
    /// A method for each operation.
    pub methods: &'static [Method],
}

/// A gRPC method.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Method {
    /// The operation: `main.claim`.
    pub op: &'static str,
    /// Where it is served: `/jobs.v1.Main/Claim`.
    pub path: &'static str,
    /// Every outcome that it can have.
    pub outcomes: &'static [&'static str],
}

/// A guard atom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Guard {
    /// Its id, as denials name it: `main.claim#1`.
    pub id: SmolStr,
    /// Its text in the spec.
    pub text: SmolStr,
}

/// An operation.
#[derive(Clone)]
pub struct Operation {
    /// Its name, as plans and journals have it: `main.claim`.
    pub name: SmolStr,
    /// Where it is served: `/v1/main/claim`.
    pub path: SmolStr,
    /// The actor that does it: `worker`.
    pub actor: SmolStr,
    /// The fields of its request, besides `self`, the actor's instance.
    pub request: Vec<Field>,
    /// The fields of its reply.
    pub reply: Vec<Field>,
    /// Outcomes that are not plain success.
    pub outcomes: Vec<Outcome>,
    /// What it reads and writes.
    pub plan: Arc<Plan>,
    /// What happens before the step.
    pub handler: Arc<dyn Handler>,
    /// How it is asked for when a run has come to it; or why it cannot be, by the run alone.
    pub turn: Result<Turn, NoTurn>,
}

impl Operation {
    /// The fields of its request as it is sent: `self` first.
    #[must_use]
    pub fn body(&self) -> Vec<Field> {
        let own = Field { name: "self".into(), ty: Type::id(&self.actor).optional() };
        std::iter::once(own).chain(self.request.iter().cloned()).collect()
    }

    /// What an outcome means to who asked.
    #[must_use]
    pub fn class(&self, outcome: &str) -> Class {
        class(&self.outcomes, outcome)
    }

    /// The outcomes that ask for the request to be repeated.
    #[must_use]
    pub fn retried(&self) -> Arc<[SmolStr]> {
        let retried = self.outcomes.iter().filter(|o| matches!(o.class, Class::Retry { .. }));
        retried.map(|o| o.name.clone()).collect()
    }
}

/// What an outcome means where these are the ones that are not plain success.
pub(crate) fn class(outcomes: &[Outcome], outcome: &str) -> Class {
    outcomes.iter().find(|o| o.name == outcome).map_or(Class::Done, |o| o.class)
}

/// An outcome.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Its name, as steps give it.
    pub name: SmolStr,
    /// What it means to who asked.
    pub class: Class,
}

/// What an outcome means to who asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// It is done: 200.
    Done,
    /// Not now, ask again: 503 with `Retry-After`.
    Retry {
        /// When to ask again.
        after: Duration,
    },
    /// Accepted, done later: 202.
    Requeue,
}

/// The code of the service's user around an operation.
pub trait Handler: Send + Sync + 'static {
    /// Everything before the step: may wait for the network, and makes the spec's nondeterministic choices. Runs at least
    /// once; a request that is repeated under its idempotency key after the commit is answered without it.
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>>;

    /// The run that a call is about, if the request says it: what the handler asks of others is fenced by it.
    fn run(&self, _call: &Call) -> Option<RowKey> {
        None
    }
}

impl<F> Handler for F
where
    F: Fn(&Call) -> Result<Prepared, HandlerError> + Send + Sync + 'static,
{
    /// A handler that waits for nothing.
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
        Box::pin(std::future::ready(self(call)))
    }
}

/// One request to an operation, checked against its types.
#[derive(Clone, Debug)]
pub struct Call {
    /// The transaction that it will be, if it is one.
    pub tx: TxId,
    /// The actor.
    pub actor: SmolStr,
    /// Its instance; who asks has been authenticated as it.
    pub id: SmolStr,
    /// The request, in the order of [`Operation::request`].
    pub request: Row,
    /// Who asks, as it was authenticated: the scope of idempotency keys.
    pub caller: SmolStr,
    /// The request's id, for logs.
    pub request_id: SmolStr,
    /// The distributed trace that it belongs to. What a handler asks by a client goes on in it by itself; another library is
    /// told by the text of this, as `traceparent`.
    pub trace: Option<TraceContext>,
    /// The right under which it was sent.
    pub fence: Option<FencingToken>,
    /// The message whose delivery it is.
    pub delivery: Option<MessageId>,
    /// What handlers can read: [`Call::truth`]; the engine sets it.
    pub(crate) truth: Truth,
}

/// What the step needs.
#[derive(Clone)]
pub struct Prepared {
    /// The rows that it reads, as far as they are known.
    pub keys: Vec<RowKey>,
    /// The run that moves.
    pub run: Option<RowKey>,
    /// The request with the choices that were made, for the journal.
    pub input: Json,
    /// The transition function.
    pub step: Step,
}

/// A handler that refuses, or fails.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct HandlerError {
    /// The HTTP status, 400 to 599; anything else is answered as 500.
    pub status: u16,
    /// A stable word for it: `quota-exceeded`.
    pub kind: SmolStr,
    /// What went wrong. Shown to who asked.
    pub detail: String,
}

impl HandlerError {
    /// The request makes no sense to the handler (400).
    pub fn invalid(detail: impl Into<String>) -> HandlerError {
        HandlerError { status: 400, kind: "invalid-request".into(), detail: detail.into() }
    }

    /// There is nothing that the request could be about (404).
    pub fn not_found(detail: impl Into<String>) -> HandlerError {
        HandlerError { status: 404, kind: "not-found".into(), detail: detail.into() }
    }

    /// Something that the handler needs is not there now (503).
    pub fn unavailable(detail: impl Into<String>) -> HandlerError {
        HandlerError { status: 503, kind: "unavailable".into(), detail: detail.into() }
    }

    /// A failure of the handler itself (500).
    pub fn internal(detail: impl Into<String>) -> HandlerError {
        HandlerError { status: 500, kind: "internal".into(), detail: detail.into() }
    }

    /// The status that is answered.
    #[must_use]
    pub fn status(&self) -> u16 {
        if (400..600).contains(&self.status) { self.status } else { 500 }
    }
}

/// A description that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ServiceError {
    /// Two operations with one name or one path.
    #[error("two operations are called `{0}`")]
    Duplicate(SmolStr),
    /// A path that cannot be served.
    #[error(
        "operation {op} cannot be served at `{path}`: a path starts with `/v` and has no `{{`, `}}`, `*`, `?` or `#`"
    )]
    Path {
        /// The operation.
        op: SmolStr,
        /// Its path.
        path: SmolStr,
    },
    /// A plan that belongs to another operation.
    #[error("operation {op} has the plan of {plan}")]
    Plan {
        /// The operation.
        op: SmolStr,
        /// The operation that its plan names.
        plan: SmolStr,
    },
    /// A request whose fields cannot be told apart from `self` or each other.
    #[error("operation {op} has a request field `{field}` twice")]
    Field {
        /// The operation.
        op: SmolStr,
        /// The field.
        field: SmolStr,
    },
    /// A name that cannot be the prefix of environment variables.
    #[error("`{0}` cannot name a service: lower-case letters, digits, `-` and `_`, starting with a letter")]
    Name(SmolStr),
    /// A service that is asked over gRPC, by a runtime that cannot.
    #[error("gRPC needs the feature `grpc` of arch-runtime: add it to the dependency in Cargo.toml")]
    NoGrpc,
    /// An operation without a gRPC method, or a method without an operation.
    #[error("`{0}` is a gRPC method or an operation, and not both")]
    Method(SmolStr),
    /// A release of an operation that there is not.
    #[error("what is owned is given back by `{0}`, which is no operation")]
    Release(SmolStr),
}

impl Service {
    /// The operation with this name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|o| o.name == name)
    }

    /// Whether the description makes sense. A service is only served if it does.
    ///
    /// # Errors
    /// The first thing that does not.
    pub fn check(&self) -> Result<(), ServiceError> {
        let mut names = self.name.chars();
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if !names.next().is_some_and(|c| c.is_ascii_lowercase()) || !names.all(plain) {
            return Err(ServiceError::Name(self.name.clone()));
        }
        let mut seen = HashSet::new();
        for op in &self.operations {
            if !seen.insert(&op.name) || !seen.insert(&op.path) {
                return Err(ServiceError::Duplicate(op.name.clone()));
            }
            op.check()?;
        }
        self.check_methods()?;
        match self.releases.iter().find(|r| self.operation(&r.op).is_none()) {
            Some(release) => Err(ServiceError::Release(release.op.clone())),
            None => Ok(()),
        }
    }

    fn check_methods(&self) -> Result<(), ServiceError> {
        let Some(rpc) = self.rpc else { return Ok(()) };
        if !cfg!(feature = "grpc") {
            return Err(ServiceError::NoGrpc);
        }
        let methods: HashSet<&str> = rpc.methods.iter().map(|m| m.op).collect();
        let operations: HashSet<&str> = self.operations.iter().map(|op| &*op.name).collect();
        match methods.symmetric_difference(&operations).min() {
            Some(odd) => Err(ServiceError::Method((*odd).into())),
            None => Ok(()),
        }
    }
}

impl Operation {
    fn check(&self) -> Result<(), ServiceError> {
        let op = || self.name.clone();
        let plain =
            !self.path.contains(['{', '}', '*', '?', '#']) && !self.path.contains(char::is_whitespace);
        if !self.path.starts_with("/v") || !plain {
            return Err(ServiceError::Path { op: op(), path: self.path.clone() });
        }
        if self.plan.op != self.name {
            return Err(ServiceError::Plan { op: op(), plan: self.plan.op.clone() });
        }
        let mut fields = HashSet::from(["self"]);
        match self.request.iter().find(|f| !fields.insert(&f.name)) {
            Some(field) => Err(ServiceError::Field { op: op(), field: field.name.clone() }),
            None => Ok(()),
        }
    }
}
