//! What a step reads and writes: typed rows, read through a source, written to a buffer.

use super::{Key, Record};
use crate::schema::{KindId, Schema};
use crate::store::Snapshot;
use crate::time::Instant;
use crate::value::{Row, RowKey, Type, Value};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The instances of actor and id types that have a closed list of them. All others are open: whoever shows up.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Members(BTreeMap<SmolStr, Arc<[SmolStr]>>);

impl Members {
    /// These lists, by the type's name.
    #[must_use]
    pub fn new(lists: impl IntoIterator<Item = (SmolStr, Vec<SmolStr>)>) -> Members {
        Members(lists.into_iter().map(|(sort, all)| (sort, all.into())).collect())
    }

    /// The members of a type, if it is closed.
    #[must_use]
    pub fn of(&self, sort: &str) -> Option<&[SmolStr]> {
        self.0.get(sort).map(|all| &**all)
    }

    /// The members of a type that the spec quantifies over.
    ///
    /// # Panics
    /// The type is open: a service checks its configuration before it starts.
    #[must_use]
    pub fn all(&self, sort: &str) -> &[SmolStr] {
        self.of(sort)
            .unwrap_or_else(|| panic!("members.{sort} is not configured, and a step asks for all of them"))
    }

    /// The member at a position; an open type has those that the spec names called as in its model.
    ///
    /// # Panics
    /// The spec names no such member.
    #[must_use]
    pub fn nth(&self, sort: &str, n: usize, model: &[&str]) -> SmolStr {
        let listed = self.of(sort).and_then(|all| all.get(n)).cloned();
        listed.unwrap_or_else(|| model[n].into())
    }

    /// The next member on a ring.
    #[must_use]
    pub fn neighbour(&self, sort: &str, id: &str, back: bool) -> SmolStr {
        let all = self.all(sort);
        let at = all.iter().position(|m| m == id).unwrap_or(0);
        let by = if back { all.len() - 1 } else { 1 };
        all[(at + by) % all.len()].clone()
    }

    /// All lists.
    pub fn lists(&self) -> impl Iterator<Item = (&SmolStr, &[SmolStr])> {
        self.0.iter().map(|(sort, all)| (sort, &**all))
    }
}

/// Where a step's rows and time come from.
pub trait Source {
    /// What is stored.
    fn schema(&self) -> &Schema;

    /// A row; none if it was never written.
    fn get(&self, row: &RowKey) -> Option<&Row>;

    /// The keys of all rows of a kind that were written.
    fn keys(&self, kind: KindId) -> Vec<Box<[Value]>>;

    /// The clock, which stands between two ticks.
    fn now(&self) -> Instant;

    /// The length of a tick in milliseconds.
    fn tick(&self) -> i64;

    /// Whether an instance can act.
    fn is_up(&self, _sort: &str, _id: &str) -> bool {
        true
    }

    /// By how many ticks an instance's clock is ahead.
    fn skew(&self, _sort: &str, _id: &str) -> i64 {
        0
    }

    /// The greatest ordinal of a kind that is alive before the step, if that is known: in a model. A service counts instead.
    fn greatest(&self, _ordinal: &str) -> Option<u64> {
        None
    }

    /// Whether `advance` must find nothing greater alive.
    fn checks_advances(&self) -> bool {
        true
    }

    /// Whether ghost truth exists: in a model.
    fn has_ghosts(&self) -> bool {
        false
    }
}

/// A store's snapshot as the source of a step.
pub struct SnapshotSource<'a> {
    /// The snapshot.
    pub snapshot: &'a Snapshot<'a>,
    /// What is stored.
    pub schema: &'a Schema,
    /// The length of a tick in milliseconds.
    pub tick: i64,
}

impl Source for SnapshotSource<'_> {
    fn schema(&self) -> &Schema {
        self.schema
    }

    fn get(&self, row: &RowKey) -> Option<&Row> {
        self.snapshot.get(row)
    }

    fn keys(&self, kind: KindId) -> Vec<Box<[Value]>> {
        self.snapshot.all(kind).map(|(key, _)| key.into()).collect()
    }

    /// The clock of a spec ticks: between two ticks it stands, as it does in the model, whose states the service must not leave.
    fn now(&self) -> Instant {
        let tick = self.tick.max(1);
        Instant::from_millis(self.snapshot.now().millis().div_euclid(tick) * tick)
    }

    fn tick(&self) -> i64 {
        self.tick
    }
}

/// Why a step does not happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// The run is elsewhere.
    NotReached,
    /// This role or subject takes part in another unfinished run of the protocol.
    Busy(&'static str),
    /// This role is bound to another instance, or this parameter was chosen otherwise before.
    Chosen(&'static str),
    /// What was chosen is not of its type.
    Mistyped(&'static str),
    /// The acting instance is down.
    Down,
    /// Nothing is said of this pick, which has so many elements.
    Pick(&'static str, usize),
    /// This pick has no such element.
    NoElement(&'static str),
    /// A bound that cuts exploration.
    Cut,
}

/// A bound that an effect exceeded. The step then leads nowhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Excess {
    /// A bounded integer was given this value.
    Range(i64),
    /// A set or sequence was given this many elements.
    Size(usize),
    /// A further run was to begin and all copies were unfinished.
    Runs,
    /// `advance` found a greater value alive.
    Advance,
}

/// What came of a guard.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Guard {
    failed: Vec<&'static str>,
    refused: bool,
}

impl Guard {
    /// A guard without conditions.
    #[must_use]
    pub fn new() -> Guard {
        Guard::default()
    }

    /// One conjunct with its atoms, each with whether it says what the conjunct wants of it.
    #[must_use]
    pub fn need(mut self, holds: bool, atoms: &[(&'static str, bool)]) -> Guard {
        if !holds {
            self.refused = true;
            self.failed.extend(atoms.iter().filter(|(_, wanted)| !wanted).map(|(id, _)| *id));
        }
        self
    }

    /// Whether all conjuncts hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.refused
    }

    /// The identities of the atoms that keep it from holding.
    #[must_use]
    pub fn failed(&self) -> &[&'static str] {
        &self.failed
    }
}

/// A step's view: what the source has, and over it what the step wrote.
#[derive(Clone)]
pub struct Tx<'a> {
    source: &'a dyn Source,
    members: &'a Members,
    changed: BTreeMap<RowKey, Row>,
    skew: i64,
    excess: Vec<Excess>,
}

impl<'a> Tx<'a> {
    /// A view of a source.
    #[must_use]
    pub fn new(source: &'a dyn Source, members: &'a Members) -> Tx<'a> {
        Tx { source, members, changed: BTreeMap::new(), skew: 0, excess: Vec::new() }
    }

    /// The view itself, however it is held.
    #[must_use]
    pub fn view(&self) -> &Tx<'a> {
        self
    }

    /// The closed lists of instances.
    #[must_use]
    pub fn members(&self) -> &'a Members {
        self.members
    }

    /// What is stored.
    #[must_use]
    pub fn schema(&self) -> &'a Schema {
        self.source.schema()
    }

    /// Whether ghost truth exists here.
    #[must_use]
    pub fn has_ghosts(&self) -> bool {
        self.source.has_ghosts()
    }

    /// A row as it is now.
    ///
    /// # Panics
    /// The source has a row that is not of its kind.
    #[must_use]
    pub fn get<R: Record>(&self, key: &R::Key) -> R {
        if !R::has_key(key) {
            return R::outside(self.members);
        }
        let row = R::row_key(key);
        match self.changed.get(&row).or_else(|| self.source.get(&row)) {
            Some(row) => R::from_row(row).expect("rows are of their kinds"),
            None => R::initial(key, self.members),
        }
    }

    /// Changes a row; there is none at a key outside the key's type.
    pub fn update<R: Record>(&mut self, key: &R::Key, change: impl FnOnce(&mut R)) {
        if R::has_key(key) {
            let mut row = self.get::<R>(key);
            change(&mut row);
            self.changed.insert(R::row_key(key), row.to_row());
        }
    }

    /// The keys of all rows of a kind that were ever written.
    #[must_use]
    pub fn written<R: Record>(&self) -> Vec<R::Key> {
        let mut keys: BTreeSet<Box<[Value]>> = self.source.keys(R::KIND).into_iter().collect();
        keys.extend(self.changed.keys().filter(|row| row.kind == R::KIND).map(|row| row.key.clone()));
        keys.iter().filter_map(|key| R::Key::from_parts(key)).collect()
    }

    /// The clock of the acting instance, so many ticks later.
    #[must_use]
    pub fn instant(&self, ticks: i64) -> Instant {
        let by = (ticks + self.skew) * self.source.tick();
        Instant::from_millis(self.source.now().millis().saturating_add(by))
    }

    /// Has an instance act: expressions see its clock.
    ///
    /// # Errors
    /// [`Stop::Down`]
    pub fn act(&mut self, sort: &str, id: &str) -> Result<(), Stop> {
        self.skew = self.source.skew(sort, id);
        if self.source.is_up(sort, id) { Ok(()) } else { Err(Stop::Down) }
    }

    /// Expressions see the clock of this instance.
    pub fn clock_of(&mut self, sort: &str, id: &str) {
        self.skew = self.source.skew(sort, id);
    }

    /// Expressions see the true clock.
    pub fn true_clock(&mut self) {
        self.skew = 0;
    }

    /// The same view with the true clock, which properties see.
    #[must_use]
    pub fn unskewed(&self) -> Tx<'a> {
        Tx { skew: 0, ..self.clone() }
    }

    /// Whether an instance is down.
    #[must_use]
    pub fn is_down(&self, sort: &str, id: &str) -> bool {
        !self.source.is_up(sort, id)
    }

    /// An ordinal for `advance x`: greater than x, and, where everything alive is known, than all of it and all in `scope`.
    ///
    /// A service knows what is alive only if the step looks through `holders`, the kinds that hold such ordinals: it does where
    /// the spec allows greater ones than x to be alive.
    pub fn advance(&mut self, ordinal: &str, present: Option<u64>, scope: &[u64], holders: &[KindId]) -> u64 {
        let in_model = self.source.greatest(ordinal);
        let mut greatest = in_model.unwrap_or_else(|| self.greatest_stored(ordinal, present, holders));
        if in_model.is_some() || !holders.is_empty() {
            greatest = scope.iter().copied().fold(greatest, u64::max).max(self.greatest_written(ordinal));
        }
        if in_model.is_some() && present.is_some_and(|n| n < greatest) && self.source.checks_advances() {
            self.exceed(Excess::Advance);
        }
        greatest + 1
    }

    fn greatest_written(&self, ordinal: &str) -> u64 {
        self.changed
            .iter()
            .fold(0, |found, (row, values)| found.max(self.greatest_in(row.kind, values, ordinal)))
    }

    /// The greatest ordinal in rows of these kinds, and `present`.
    fn greatest_stored(&self, ordinal: &str, present: Option<u64>, holders: &[KindId]) -> u64 {
        let mut greatest = present.unwrap_or(0);
        for kind in holders {
            for key in self.source.keys(*kind) {
                let row = self.source.get(&RowKey { kind: *kind, key });
                greatest = greatest.max(row.map_or(0, |row| self.greatest_in(*kind, row, ordinal)));
            }
        }
        greatest
    }

    fn greatest_in(&self, kind: KindId, values: &[Value], ordinal: &str) -> u64 {
        let mut greatest = 0;
        for (column, value) in self.schema().kind(kind).columns.iter().zip(values) {
            visit_ordinals(&column.ty, value, ordinal, &mut |n| greatest = greatest.max(n));
        }
        greatest
    }

    /// Notes an excess.
    pub fn exceed(&mut self, excess: Excess) {
        self.excess.push(excess);
    }

    /// The bounds exceeded, in order.
    #[must_use]
    pub fn excess(&self) -> &[Excess] {
        &self.excess
    }

    /// What was written, whether it changed or not.
    #[must_use]
    pub fn changed(&self) -> &BTreeMap<RowKey, Row> {
        &self.changed
    }

    /// Puts a row where the source has another.
    pub fn put(&mut self, row: RowKey, values: Row) {
        self.changed.insert(row, values);
    }

    /// The row as it is now, as stores keep it; none if it was never written.
    #[must_use]
    pub fn raw(&self, row: &RowKey) -> Option<&Row> {
        self.changed.get(row).or_else(|| self.source.get(row))
    }
}

/// Calls `f` with every ordinal of a kind in a value.
pub(crate) fn visit_ordinals(ty: &Type, value: &Value, ordinal: &str, f: &mut dyn FnMut(u64)) {
    match (ty, value) {
        (Type::Ordinal(kind), Value::Ordinal(n)) if kind == ordinal => f(*n),
        (Type::Optional(inner), _) => visit_ordinals(inner, value, ordinal, f),
        (Type::Set { of, .. }, Value::Set(all)) => {
            all.iter().for_each(|v| visit_ordinals(of, v, ordinal, f));
        }
        (Type::Seq { of, .. }, Value::Seq(all)) => {
            all.iter().for_each(|v| visit_ordinals(of, v, ordinal, f));
        }
        (Type::Map { value: of, .. }, Value::Map(all)) => {
            all.values().for_each(|v| visit_ordinals(of, v, ordinal, f));
        }
        (Type::Record(record), Value::Record(fields)) => {
            let fields = record.fields.iter().zip(fields);
            fields.for_each(|(field, v)| visit_ordinals(&field.ty, v, ordinal, f));
        }
        (Type::Union(union), Value::Variant(tag, fields)) => {
            let types = union.variants.iter().find(|v| v.name == *tag).map_or(&[][..], |v| &v.fields);
            types.iter().zip(fields).for_each(|(field, v)| visit_ordinals(&field.ty, v, ordinal, f));
        }
        _ => {}
    }
}
