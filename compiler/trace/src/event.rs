//! An event with everything that its step looks at, in a small world of its own.

use crate::ghosts::{Case, Ghosts};
use crate::index::Index;
use crate::operation::{Operation, RunsRead};
use crate::subject::Subject;
use crate::world::{Misfit, NOWHERE, World};
use arch_base::Idx;
use arch_codegen::{ColumnOf, KindOf};
use arch_ir::{Actor, SortId, Type, Value};
use arch_runtime::KindId;
use arch_runtime::journal::{Entry, State};
use arch_runtime::value as rt;
use smol_str::SmolStr;

/// The most rows that an event's world may have.
const MAX_ROWS: usize = 8_192;
/// How often rows are followed to the rows that they name.
const MAX_ROUNDS: usize = 6;

/// A row of the world.
#[derive(Clone, Copy, Debug)]
pub struct Fetched<'b> {
    /// Its kind's position in the layout.
    pub kind: usize,
    /// Where its key begins in [`Scene::keys`].
    key: usize,
    /// Its attributes; none if it was never written.
    pub row: Option<&'b [rt::Value]>,
}

/// An event in its world. Reused from event to event.
#[derive(Debug, Default)]
pub struct Scene {
    /// The names.
    pub world: World,
    /// The keys of the rows, in this world.
    keys: Vec<Value>,
    /// For each sort, how many of its instances are keys.
    keyed: Vec<usize>,
    /// The choices and picks that the request says; [`NOWHERE`] where it does not.
    pub given: Vec<Value>,
    /// What is the same for events that are alike.
    pub form: Vec<Value>,
    outside: Vec<rt::Value>,
    counts: Vec<usize>,
}

/// What an event is looked at with.
#[derive(Clone, Copy)]
pub struct View<'b> {
    /// The program and its layout.
    pub subject: &'b Subject,
    /// The state before the event.
    pub before: &'b State,
    /// Ghost truth before the event.
    pub ghosts: &'b Ghosts,
    /// Of what it may be, the case that is looked at.
    pub case: &'b Case,
    /// Who takes part in which unfinished run.
    pub index: &'b Index,
    /// The event.
    pub event: &'b Entry,
    /// Its operation.
    pub operation: &'b Operation,
}

impl<'b> View<'b> {
    fn run_key(&self) -> &'b [rt::Value] {
        self.event.run.as_ref().map_or(&[], |run| &*run.key)
    }

    /// The sort of who acts; none where nobody in particular does.
    pub fn acting(&self) -> Option<SortId> {
        let protocol = &self.subject.program().protocols[self.operation.protocol];
        let step = self
            .operation
            .step
            .or_else(|| protocol.chains.get(arch_ir::ChainId(0))?.steps.first().copied())?;
        match (self.operation.step, protocol.steps[step].actor) {
            (None, Actor::Role(_)) => None,
            _ => Some(protocol.acting_sort(step)),
        }
    }

    fn row(&self, kind: usize, key: &[rt::Value]) -> Option<&'b [rt::Value]> {
        if kind < self.subject.layout.stored {
            return self.before.row(KindId(kind as u16), key).map(|r| r.values.as_slice());
        }
        self.ghosts.row(kind - self.subject.layout.stored, key, self.case)
    }
}

impl Scene {
    /// Puts an event into a world.
    pub fn set<'b>(
        &mut self,
        view: View<'b>,
        floor: i64,
        inputs: &[Option<rt::Value>],
    ) -> Result<Vec<Fetched<'b>>, Misfit> {
        self.world.begin(view.subject, view.event.now, floor);
        self.meet_request(view, inputs);
        self.meet_writes(view);
        view.operation.runs.iter().for_each(|read| self.meet_runs(view, read));
        let fetched = self.fetch(view)?;
        self.world.settle();
        let program = view.subject.program();
        for write in &view.event.writes {
            let columns = &view.subject.layout.kinds[usize::from(write.row.kind.0)].columns;
            columns.iter().zip(&write.values).for_each(|(c, v)| self.world.note_written(program, &c.ty, v));
        }
        self.describe(view, &fetched, inputs)?;
        Ok(fetched)
    }

    fn meet_key(&mut self, view: View<'_>, kind: usize, key: &[rt::Value]) {
        let program = view.subject.program();
        let keys = view.subject.layout.kinds[kind].keys.iter().zip(key);
        keys.for_each(|(k, v)| self.world.note(program, &k.ty, v, false));
    }

    fn meet_row(&mut self, view: View<'_>, kind: usize, row: &[rt::Value], alive: bool) {
        let columns = view.subject.layout.kinds[kind].columns.iter().zip(row);
        let columns = columns.filter(|(c, _)| c.of != ColumnOf::Status);
        columns.for_each(|(c, v)| self.world.note(view.subject.program(), &c.ty, v, alive));
    }

    /// The run, who acts, what the request says, and what the run has bound so far.
    fn meet_request(&mut self, view: View<'_>, inputs: &[Option<rt::Value>]) {
        let (program, operation) = (view.subject.program(), view.operation);
        if let Some(run) = &view.event.run {
            let kind = usize::from(run.kind.0);
            self.meet_key(view, kind, &run.key);
            if let Some(row) = view.row(kind, &run.key) {
                self.meet_row(view, kind, row, false);
            }
        }
        if let Some(sort) = view.acting() {
            self.world.meet(sort, &view.event.id);
        }
        for (choice, value) in operation.choices.iter().chain(&operation.picks).zip(inputs) {
            value.iter().for_each(|v| self.world.note(program, &choice.ty, v, false));
        }
    }

    fn meet_writes(&mut self, view: View<'_>) {
        for write in &view.event.writes {
            let kind = usize::from(write.row.kind.0);
            self.meet_key(view, kind, &write.row.key);
            self.meet_row(view, kind, &write.values, false);
        }
    }

    /// The runs that matter to who takes part in the event; all unfinished ones where it counts them all.
    fn meet_runs(&mut self, view: View<'_>, read: &RunsRead) {
        let Some(kind) = view.subject.layout.protocol(read.protocol).kind else { return };
        if !read.unfinished {
            return; // Their subjects are closed lists: all of them are met.
        }
        let Some(sorts) = &read.mentioning else {
            view.index.all(kind).for_each(|key| self.meet_key(view, kind, key));
            return;
        };
        for sort in sorts {
            for at in 0..self.world.ids[sort.index()].len() {
                let id = self.world.ids[sort.index()][at].clone();
                view.index.mentioning(kind, &id).for_each(|key| self.meet_key(view, kind, key));
            }
        }
    }

    /// All rows of the operation's kinds whose keys are met.
    fn fetch<'b>(&mut self, view: View<'b>) -> Result<Vec<Fetched<'b>>, Misfit> {
        for round in 0.. {
            self.keyed.clear();
            self.keyed.extend(self.world.ids.iter().map(Vec::len));
            self.fits(view, round)?;
            self.keys.clear();
            let mut fetched = Vec::with_capacity(16);
            for kind in &view.operation.kinds {
                self.fetch_kind(view, *kind, &mut fetched)?;
            }
            let grown = self.world.ids.iter().zip(&self.keyed).any(|(ids, keyed)| ids.len() > *keyed);
            if !grown || !view.operation.follows {
                self.fits(view, 0)?;
                return Ok(fetched);
            }
        }
        unreachable!("rounds are limited")
    }

    fn fits(&self, view: View<'_>, round: usize) -> Result<(), Misfit> {
        if round > MAX_ROUNDS {
            return Err(Misfit::Large(format!("it follows rows to rows more than {MAX_ROUNDS} times")));
        }
        let largest = view.subject.worlds.last().unwrap_or(view.subject.program());
        for (ids, (id, sort)) in self.world.ids.iter().zip(largest.sorts.iter_enumerated()) {
            if ids.len() > sort.size as usize {
                return Err(match view.subject.open[id.index()] {
                    crate::closed::Openness::Closed => Misfit::Wrong(format!(
                        "{} is not among the members of {}: {}",
                        ids.last().map_or("", SmolStr::as_str),
                        sort.name,
                        view.subject.known[id.index()].join(", ")
                    )),
                    _ => Misfit::Large(format!("it touches {} instances of {}", ids.len(), sort.name)),
                });
            }
        }
        Ok(())
    }

    fn fetch_kind<'b>(
        &mut self,
        view: View<'b>,
        kind: usize,
        fetched: &mut Vec<Fetched<'b>>,
    ) -> Result<(), Misfit> {
        let keys = &view.subject.keys[kind];
        self.counts.clear();
        self.counts.extend(keys.iter().map(|key| match key {
            KeyValues::Ids(sort) => self.keyed[sort.index()],
            KeyValues::List(list) => list.len(),
        }));
        let total = self.counts.iter().try_fold(1usize, |n, c| n.checked_mul(*c)).unwrap_or(usize::MAX);
        if fetched.len().saturating_add(total) > MAX_ROWS {
            return Err(Misfit::Large(format!("it touches more than {MAX_ROWS} rows")));
        }
        for n in 0..total {
            let start = self.keys.len();
            let mut rest = n;
            self.outside.clear();
            for (i, key) in keys.iter().enumerate() {
                let below: usize = self.counts[i + 1..].iter().product();
                let (at, left) = (rest / below, rest % below);
                rest = left;
                match key {
                    KeyValues::Ids(sort) => {
                        self.keys.push(Value::Id(at as u32));
                        self.outside.push(rt::Value::Id(self.world.ids[sort.index()][at].clone()));
                    }
                    KeyValues::List(list) => {
                        self.keys.push(list[at].0.clone());
                        self.outside.push(list[at].1.clone());
                    }
                }
            }
            let row = view.row(kind, &self.outside);
            if let Some(row) = row {
                self.meet_row(view, kind, row, true);
            }
            fetched.push(Fetched { kind, key: start, row });
        }
        Ok(())
    }

    /// The key of a row in this world.
    pub fn key(&self, view: View<'_>, row: &Fetched<'_>) -> &[Value] {
        &self.keys[row.key..row.key + view.subject.keys[row.kind].len()]
    }

    /// A row's attribute in this world.
    pub fn column(&self, subject: &Subject, kind: usize, column: usize, value: &rt::Value) -> Value {
        let declared = &subject.layout.kinds[kind];
        match (declared.columns[column].of, declared.of, value) {
            (ColumnOf::Status, KindOf::Run(id), rt::Value::Enum(word)) => {
                let found = subject.layout.protocol(id).statuses.iter().position(|s| s.word == *word);
                found.map_or(NOWHERE, |n| Value::Enum(n as u32))
            }
            (_, _, value) => self.world.local(subject.program(), &declared.columns[column].ty, value),
        }
    }

    /// What is the same for events that are alike.
    fn describe(
        &mut self,
        view: View<'_>,
        fetched: &[Fetched<'_>],
        inputs: &[Option<rt::Value>],
    ) -> Result<(), Misfit> {
        let (subject, operation, event) = (view.subject, view.operation, view.event);
        let program = subject.program();
        let mut form = std::mem::take(&mut self.form);
        form.clear();
        form.push(Value::Int(subject.by_name.get(&operation.name).copied().unwrap_or(0) as i64));
        form.push(Value::Int(said(operation, event)));
        form.extend(self.keyed.iter().map(|n| Value::Int(*n as i64)));
        if let Some(run) = &event.run {
            let keys = subject.layout.kinds[usize::from(run.kind.0)].keys.iter().zip(view.run_key());
            form.extend(keys.map(|(k, v)| self.world.local(program, &k.ty, v)));
        }
        if let Some(sort) = view.acting() {
            form.push(self.world.local(program, &Type::Id(sort), &rt::Value::Id(event.id.clone())));
        }
        self.given.clear();
        let choices = operation.choices.iter().chain(&operation.picks).zip(inputs);
        self.given.extend(choices.map(|(choice, value)| {
            value.as_ref().map_or(NOWHERE, |v| self.world.local(program, &choice.ty, v))
        }));
        form.extend_from_slice(&self.given);
        for row in fetched {
            match row.row {
                None => form.push(NOWHERE),
                Some(values) => {
                    for (i, value) in values.iter().enumerate() {
                        let local = self.column(subject, row.kind, i, value);
                        if local == NOWHERE {
                            let kind = &subject.layout.kinds[row.kind];
                            let what = format!(
                                "{}.{} is {value:?}, which the spec does not have",
                                kind.name, kind.columns[i].name
                            );
                            return Err(Misfit::Wrong(what));
                        }
                        form.push(local);
                    }
                }
            }
        }
        for write in &event.writes {
            let kind = usize::from(write.row.kind.0);
            form.push(Value::Int(kind as i64));
            let keys = subject.layout.kinds[kind].keys.iter().zip(&write.row.key);
            form.extend(keys.map(|(k, v)| self.world.local(program, &k.ty, v)));
            form.extend(write.values.iter().enumerate().map(|(i, v)| self.column(subject, kind, i, v)));
        }
        self.form = form;
        Ok(())
    }
}

/// What the event says came of it: the step, its rejection, a denial, something else.
pub fn said(operation: &Operation, event: &Entry) -> i64 {
    let (out, branch) = &operation.moved;
    let step = event.outcome == *out && event.branch == *branch;
    let rejected = operation.rejected.as_ref().is_some_and(|r| event.outcome == *r) && event.branch.is_none();
    match () {
        () if event.denied.is_some() => DENIED,
        () => i64::from(step) * STEP + i64::from(rejected) * REJECT,
    }
}

/// It says that the step executed; can be set beside [`REJECT`], where both have the same outcome.
pub const STEP: i64 = 1;
/// It says that it answered that its guard was false.
pub const REJECT: i64 = 2;
/// It says that it was denied.
pub const DENIED: i64 = 4;

/// What a part of a key can be.
#[derive(Clone, Debug)]
pub enum KeyValues {
    /// The instances that are met.
    Ids(SortId),
    /// These, each as the interpreter and as the store has it.
    List(Vec<(Value, rt::Value)>),
}
