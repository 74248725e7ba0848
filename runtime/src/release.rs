//! What a process gives back when it ends: the rows of which an instance that lives in it is the owner.
//!
//! Nothing of this is done behind the spec's back. A row is given back by a step of the spec, with its guard, in one transaction,
//! and with a journal entry like any other. What is added here only refuses: in that transaction, the step must take the instance
//! out of an owner's place where it stands; who has lost the row meanwhile changes nothing.

use crate::engine::{Engine, Failure};
use crate::schema::KindId;
use crate::service::{Call, Handler, HandlerError, Operation, Prepared, Service};
use crate::store::{BoxFuture, Decision, Denial, Effects, Settled, Snapshot, Step, TxId, Verdict, Versioned};
use crate::truth::Truth;
use crate::value::{Row, RowKey, Value};
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What a denial names when the step would take nothing from its actor.
pub const NOT_HELD: &str = "held";

/// From a row who acts, and the request; none if nobody can ask because of this row.
pub type Asking = Arc<dyn Fn(&RowKey, &Versioned) -> Option<(SmolStr, Row)> + Send + Sync>;

/// A step by which an actor's instance ceases to own something.
#[derive(Clone)]
pub struct Release {
    /// The operation.
    pub op: SmolStr,
    /// The kind whose rows say who can ask for it.
    pub rows: KindId,
    /// Who can, by one of these rows, and how.
    pub asking: Asking,
    /// The attributes that have an owner, which the step sets to null: kind and column.
    pub owners: Vec<(KindId, usize)>,
    /// Whether the step says nothing else: what was owned is as it was before. Other steps also say that work is done, or failed, and
    /// are only taken by a process that ends if the configuration names them (`drain.release`).
    pub only: bool,
}

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Release { op, owners, only, .. } = self;
        f.debug_struct("Release")
            .field("op", op)
            .field("owners", owners)
            .field("only", only)
            .finish_non_exhaustive()
    }
}

/// The instances that live in this process: what they own is given back when it ends. Clones are of one list, so whoever starts
/// and stops workers keeps one.
#[derive(Clone, Default, Debug)]
pub struct Hosted(Arc<Mutex<BTreeSet<(SmolStr, SmolStr)>>>);

impl Hosted {
    /// An actor's instance lives here from now on.
    pub fn add(&self, actor: impl Into<SmolStr>, id: impl Into<SmolStr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert((actor.into(), id.into()));
    }

    /// It lives elsewhere, or nowhere.
    pub fn remove(&self, actor: impl Into<SmolStr>, id: impl Into<SmolStr>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(actor.into(), id.into()));
    }

    /// All of them: actor and instance.
    #[must_use]
    pub fn all(&self) -> BTreeSet<(SmolStr, SmolStr)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A configuration of what is given back that makes no sense.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReleaseError {
    /// There is no such step, or it takes nothing from its actor.
    #[error("drain.release: `{op}` is no step by which its actor gives something back{}", such(steps))]
    Step {
        /// What was named.
        op: SmolStr,
        /// The steps that are.
        steps: Vec<SmolStr>,
    },
    /// An actor without a step.
    #[error("hosts.{0}: the spec has no actor `{0}` that does anything")]
    Actor(SmolStr),
    /// An actor that cannot give anything back.
    #[error(
        "hosts.{actor}: no step of the spec does nothing but give back what a `{actor}` owns{}",
        ending(ends)
    )]
    Nothing {
        /// The actor.
        actor: SmolStr,
        /// The steps that end its ownership and say something else, too.
        ends: Vec<SmolStr>,
    },
}

fn such(steps: &[SmolStr]) -> String {
    match steps {
        [] => "; the spec has none".into(),
        steps => format!("; those are: {}", steps.join(", ")),
    }
}

fn ending(steps: &[SmolStr]) -> String {
    match steps {
        [] => ", so nothing would happen when the process ends".into(),
        steps => format!(
            "; `{}` ends it and says something of the work, too: if that is so when the process ends, name it in drain.release",
            steps.join("`, `")
        ),
    }
}

impl Service {
    /// The same, with an instance that lives in this process.
    #[must_use]
    pub fn hosting(self, actor: impl Into<SmolStr>, id: impl Into<SmolStr>) -> Service {
        self.hosted.add(actor, id);
        self
    }

    /// Chooses what is given back: by these steps, or if none is named by those that do nothing else.
    ///
    /// # Errors
    /// A step that gives nothing back; an instance that is hosted, and for whom no step is left.
    pub fn releasing(&mut self, steps: &[SmolStr]) -> Result<(), ReleaseError> {
        let named = |op: &SmolStr| self.releases.iter().any(|release| release.op == *op);
        if let Some(op) = steps.iter().find(|op| !named(op)) {
            let all = self.releases.iter().map(|release| release.op.clone()).collect();
            return Err(ReleaseError::Step { op: op.clone(), steps: all });
        }
        let chosen = |r: &Release| if steps.is_empty() { r.only } else { steps.contains(&r.op) };
        let of = |release: &Release, actor: &SmolStr| {
            self.operation(&release.op).is_some_and(|operation| operation.actor == *actor)
        };
        for (actor, _) in self.hosted.all() {
            if self.operations.iter().all(|operation| operation.actor != actor) {
                return Err(ReleaseError::Actor(actor));
            }
            if !self.releases.iter().any(|r| chosen(r) && of(r, &actor)) {
                let ends = self.releases.iter().filter(|r| of(r, &actor)).map(|r| r.op.clone()).collect();
                return Err(ReleaseError::Nothing { actor, ends });
            }
        }
        self.releases = self.releases.iter().filter(|r| chosen(r)).cloned().collect();
        Ok(())
    }
}

impl Engine {
    /// Gives back what the instances that live in this process own; how many rows.
    ///
    /// # Errors
    /// The first failure, after everything was tried.
    pub async fn release(&self) -> Result<usize, Failure> {
        let hosted = self.service().hosted.all();
        if hosted.is_empty() {
            return Ok(0);
        }
        let (mut released, mut failure) = (0, None);
        for release in &self.service().releases {
            match self.release_by(release, &hosted).await {
                Ok(rows) => released += rows,
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(released), Err)
    }

    async fn release_by(
        &self,
        release: &Release,
        hosted: &BTreeSet<(SmolStr, SmolStr)>,
    ) -> Result<usize, Failure> {
        let Some(op) = self.service().operation(&release.op) else { return Ok(0) };
        let rows = self.store().scan(release.rows).await?;
        let asked = rows.iter().filter_map(|(row, versioned)| (release.asking)(row, versioned));
        let asked = asked.filter(|(id, _)| hosted.contains(&(op.actor.clone(), id.clone())));
        let (mut released, mut failure) = (0, None);
        for (id, request) in asked {
            let given_back = Arc::new(AtomicUsize::new(0));
            let handler = Releasing {
                inner: op.handler.clone(),
                owners: release.owners.clone(),
                given_back: given_back.clone(),
            };
            let releasing = Operation { handler: Arc::new(handler), ..op.clone() };
            match self.execute(&releasing, call(op, id, request), None).await {
                Ok(Settled { verdict: Verdict::Applied(_), .. }) => {
                    released += given_back.load(Ordering::SeqCst);
                }
                // Somebody else has it by now.
                Ok(_) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(released), Err)
    }
}

fn call(op: &Operation, id: SmolStr, request: Row) -> Call {
    Call {
        tx: TxId::fresh(),
        actor: op.actor.clone(),
        id,
        request,
        caller: "drain".into(),
        request_id: "drain".into(),
        trace: None,
        fence: None,
        delivery: None,
        truth: Truth::default(),
    }
}

/// An operation that is denied where it takes nothing from its actor.
struct Releasing {
    inner: Arc<dyn Handler>,
    owners: Vec<(KindId, usize)>,
    /// How many rows the last evaluation of its step gave back: the one that was committed, if one was.
    given_back: Arc<AtomicUsize>,
}

impl Handler for Releasing {
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
        Box::pin(async move {
            let prepared = self.inner.prepare(call).await?;
            let (owners, given_back) = (self.owners.clone(), self.given_back.clone());
            let (me, step) = (Value::Id(call.id.clone()), prepared.step);
            let step: Step = Arc::new(move |snapshot| {
                let decision = step(snapshot);
                let Decision::Apply(effects) = &decision else { return decision };
                let rows = taken_from(&me, &owners, snapshot, effects);
                given_back.store(rows, Ordering::SeqCst);
                if rows > 0 {
                    return decision;
                }
                Decision::Deny(Denial { failed: vec![NOT_HELD.into()], record: false })
            });
            Ok(Prepared { step, ..prepared })
        })
    }

    fn run(&self, call: &Call) -> Option<RowKey> {
        self.inner.run(call)
    }
}

/// How many rows a step takes from an owner.
fn taken_from(me: &Value, owners: &[(KindId, usize)], snapshot: &Snapshot<'_>, effects: &Effects) -> usize {
    let is_taken = |(row, values): &&(RowKey, Row)| {
        owners.iter().filter(|(kind, _)| *kind == row.kind).any(|(_, column)| {
            let before = snapshot.get(row).and_then(|values| values.get(*column));
            before == Some(me) && values.get(*column) == Some(&Value::Null)
        })
    };
    effects.writes.iter().filter(is_taken).count()
}
