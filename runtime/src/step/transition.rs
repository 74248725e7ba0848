//! Actions as transitions of a store.

use super::{
    Action, Members, Performed, Picks, Protocol, SnapshotSource, Spec, Stop, Tx, Watch, Watching, acting,
    perform,
};
use crate::schema::Schema;
use crate::store::{Decision, Denial, Effects, Json, Plan, ReadRows, Snapshot, Step};
use crate::time::Instant;
use crate::value::{Field, RowKey, TypedRow, Value};
use smol_str::SmolStr;
use std::sync::Arc;

/// One operation that is asked for, decoded.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Request {
    /// The run's key.
    pub run: Vec<Value>,
    /// Roles bound, then parameters.
    pub choices: Vec<Value>,
    /// What the effect is to pick, in order.
    pub picks: Vec<(String, Value)>,
}

impl Action {
    /// What it reads and writes.
    #[must_use]
    pub fn plan(&self) -> Plan {
        Plan { op: self.name.clone(), scans: self.scans.clone(), writes: self.writes.clone() }
    }

    /// The fields of a request: the run's key, the choices, the picks.
    #[must_use]
    pub fn fields(&self, protocol: &Protocol) -> Vec<Field> {
        let choices = self.choices.iter().map(|c| c.field.clone());
        protocol.keys().into_iter().chain(choices).chain(self.picks.iter().cloned()).collect()
    }

    /// A request from the values of its fields.
    #[must_use]
    pub fn request(&self, protocol: &Protocol, values: &[Value]) -> Option<Request> {
        let (run, rest) = values.split_at_checked(protocol.keys().len())?;
        let (choices, picks) = rest.split_at_checked(self.choices.len())?;
        let names = self.picks.iter().map(|f| f.name.to_string());
        if picks.len() != self.picks.len() {
            return None;
        }
        let picks = names.zip(picks.iter().cloned()).collect();
        Some(Request { run: run.to_vec(), choices: choices.to_vec(), picks })
    }

    /// The row of a run.
    #[must_use]
    pub fn run_row(protocol: &Protocol, run: &[Value]) -> Option<RowKey> {
        protocol.kind.map(|kind| RowKey::new(kind, run))
    }
}

/// What steps of a service need besides a snapshot.
#[derive(Clone)]
pub struct Environment {
    /// The spec.
    pub spec: Arc<Spec>,
    /// The kinds that the service stores.
    pub schema: Arc<Schema>,
    /// Closed lists of instances.
    pub members: Arc<Members>,
}

impl Environment {
    /// The transition function of an operation that this instance asks for.
    #[must_use]
    pub fn step(&self, name: &str, id: SmolStr, request: Request) -> Option<Step> {
        let environment = self.clone();
        let name = name.to_owned();
        self.spec.action(&name)?;
        Some(Arc::new(move |snapshot: &Snapshot<'_>| environment.decide(snapshot, &name, &id, &request)))
    }

    fn decide(&self, snapshot: &Snapshot<'_>, name: &str, id: &str, request: &Request) -> Decision {
        let Some((protocol, action)) = self.spec.action(name) else { return deny(vec!["operation".into()]) };
        let source = SnapshotSource { snapshot, schema: &self.schema, tick: self.spec.tick };
        let mut tx = Tx::new(&source, &self.members);
        let mut picks = Picks::given(request.picks.clone());
        let mut acted = Acted(None);
        let performed = perform(action, &mut tx, &request.run, &request.choices, &mut picks, &mut acted);
        // Who asks acts as itself, also where an earlier step said who is to act.
        if acted.0.is_some_and(|me| me != id) {
            return deny(vec!["self".into()]);
        }
        match performed {
            Ok(Performed::Denied(guard)) => deny(guard.failed().iter().map(|id| (*id).into()).collect()),
            Ok(Performed::Step(moved) | Performed::Reject(moved)) => match tx.excess().first() {
                None => Decision::Apply(self.effects(&tx, snapshot, protocol, request, moved)),
                Some(_) => deny(vec!["bounds".into()]),
            },
            Err(stop) => deny(vec![stop.code().into()]),
        }
    }

    fn effects(
        &self,
        tx: &Tx<'_>,
        snapshot: &Snapshot<'_>,
        protocol: &Protocol,
        request: &Request,
        moved: super::Moved,
    ) -> Effects {
        // A row that is as it was is no write: others need not wait for it.
        let writes = tx.changed().iter().filter(|(row, values)| match snapshot.get(row) {
            Some(before) => before != *values,
            None => self.initial(row).as_ref() != Some(*values),
        });
        let reply = Action::run_row(protocol, &request.run).and_then(|row| {
            let values = tx.raw(&row).cloned().or_else(|| self.initial(&row))?;
            Json::of(&TypedRow(self.schema.kind(row.kind), &values)).ok()
        });
        Effects {
            writes: writes.map(|(row, values)| (row.clone(), values.clone())).collect(),
            branch: moved.branch.map(Into::into),
            outcome: moved.outcome.into(),
            messages: Vec::new(),
            reply: reply.unwrap_or_else(Json::null),
        }
    }

    pub(super) fn initial(&self, row: &RowKey) -> Option<crate::value::Row> {
        let code = self.spec.kinds.get(usize::from(row.kind.0))?;
        (code.initial)(&row.key, &self.members)
    }

    /// The rows that an operation asks for, as far as they can be known without reading any.
    #[must_use]
    pub fn keys(&self, name: &str, request: &Request) -> Vec<RowKey> {
        let Some((_, action)) = self.spec.action(name) else { return Vec::new() };
        let scans = action.scans.iter().map(|kind| (*kind, Default::default())).collect();
        let nothing = ReadRows { rows: Default::default(), scans };
        let snapshot = Snapshot::new(Instant::PAST, &nothing);
        {
            let source = SnapshotSource { snapshot: &snapshot, schema: &self.schema, tick: self.spec.tick };
            let mut tx = Tx::new(&source, &self.members);
            let mut picks = Picks::given(request.picks.clone());
            // Whatever comes of it: what counts is what it asked for.
            let asked = std::panic::AssertUnwindSafe(|| {
                perform(action, &mut tx, &request.run, &request.choices, &mut picks, &mut Watching)
            });
            drop(std::panic::catch_unwind(asked));
        }
        let mut rows = snapshot.into_wanted().rows;
        rows.sort();
        rows.dedup();
        rows
    }
}

impl Stop {
    /// What a denial names.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Stop::NotReached => "run.elsewhere".into(),
            Stop::Busy(who) => format!("busy.{who}"),
            Stop::Chosen(what) => format!("chosen.{what}"),
            Stop::Mistyped(what) => format!("mistyped.{what}"),
            Stop::Down => "down".into(),
            Stop::Pick(name, _) => format!("pick.{name}.missing"),
            Stop::NoElement(name) => format!("pick.{name}"),
            Stop::Cut => "bounds.cut".into(),
        }
    }
}

/// Who acted.
struct Acted(Option<SmolStr>);

impl<'a> Watch<'a> for Acted {
    fn chosen(&mut self, _tx: &Tx<'a>, me: &Value) {
        self.0 = acting(me).map(SmolStr::from);
    }
}

fn deny(failed: Vec<SmolStr>) -> Decision {
    Decision::Deny(Denial { failed, record: false })
}
