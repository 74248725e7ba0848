//! Rows of a service beside the states of its model: instants from now on in ticks, ordinals by rank.

use crate::model::{Model, State};
use crate::schema::KindId;
use crate::time::Instant;
use crate::value::{Row, RowKey, Type, Value};
use std::sync::Arc;

/// What time it is for the service whose rows are looked at.
#[derive(Clone, Copy)]
pub(crate) struct Lens<'m> {
    model: &'m Model,
    now: Instant,
}

impl<'m> Lens<'m> {
    /// At this time, rounded down to a tick, as every step sees it.
    pub fn at(model: &'m Model, now: Instant) -> Lens<'m> {
        let tick = model.spec.tick.max(1);
        Lens { model, now: Instant::from_millis(now.millis().div_euclid(tick) * tick) }
    }

    /// How many ticks from one time to the next.
    #[cfg(feature = "simulation")]
    pub fn ticks_since(self, earlier: Lens<'_>) -> i64 {
        (self.now.millis() - earlier.now.millis()) / self.model.spec.tick.max(1)
    }

    /// Whether a service's rows (none where they were never written) are those of a state, as far as anything can tell.
    pub fn same(self, state: &State, row: impl Fn(&RowKey) -> Option<Row>) -> Result<(), String> {
        let model = self.model;
        let mut found = bare(model, state);
        for (key, values) in &mut found.rows {
            *values = Arc::new(match row(key) {
                Some(row) => self.relative(key.kind, row),
                None => model.initial(key),
            });
        }
        let (found, expected) = (model.canonical(found), model.canonical(bare(model, state)));
        let different = found.rows.iter().filter(|(row, values)| expected.rows[*row] != **values);
        let told: Vec<String> = different
            .map(|(row, values)| {
                let name = row.text(&model.spec.schema);
                format!("{name} is {values:?}, and in the model {:?}", expected.rows[row])
            })
            .collect();
        if told.is_empty() { Ok(()) } else { Err(told.join("; ")) }
    }

    /// A service's row as the model has it.
    fn relative(self, kind: KindId, row: Row) -> Row {
        let ticks = |t: Instant| (t.millis() - self.now.millis()).div_euclid(self.model.spec.tick.max(1));
        let relative = |t: Instant| if t == Instant::PAST { t } else { Instant::from_millis(ticks(t)) };
        in_time(self.model, kind, row, &relative)
    }

    /// A model's row as the service has it.
    pub fn absolute(self, kind: KindId, row: Row) -> Row {
        let real = |t: Instant| Instant::from_millis(self.now.millis() + t.millis() * self.model.spec.tick);
        in_time(self.model, kind, row, &real)
    }
}

/// The rows of a state that a service stores.
pub(crate) fn stored<'s>(
    model: &Model,
    state: &'s State,
) -> impl Iterator<Item = (&'s RowKey, &'s Arc<Row>)> {
    let stored = model.spec.stored;
    state.rows.iter().filter(move |(row, _)| usize::from(row.kind.0) < stored)
}

/// A state without what a service does not have.
fn bare(model: &Model, state: &State) -> State {
    State {
        rows: stored(model, state).map(|(row, values)| (row.clone(), values.clone())).collect(),
        pending: vec![Vec::new(); state.pending.len()],
        ..state.clone()
    }
}

/// A row with every instant replaced.
fn in_time(model: &Model, kind: KindId, row: Row, time: &dyn Fn(Instant) -> Instant) -> Row {
    let key = RowKey::new(kind, []);
    let state = State { rows: [(key.clone(), Arc::new(row))].into(), ..State::default() };
    let mapped = model.map(state, &|ty, _, value| match (ty, value) {
        (Type::Time, Value::Time(t)) => Value::Time(time(*t)),
        _ => value.clone(),
    });
    Row::clone(&mapped.rows[&key])
}
