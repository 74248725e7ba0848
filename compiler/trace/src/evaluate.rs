//! Asks the interpreter what a step does in an event's world.

use crate::event::{DENIED, Fetched, REJECT, STEP, Scene, View, said};
use crate::subject::Subject;
use crate::world::{Misfit, NOWHERE};
use arch_base::Idx;
use arch_codegen::{ColumnOf, KindOf};
use arch_ir::eval::{Interpreter, Transition};
use arch_ir::{Event, Program, PropertyId, RunRef, RunState, State, Status, Value};

/// A write to ghost truth: kind, key, attributes, all in the world of the event.
#[derive(Clone, PartialEq, Debug)]
pub struct GhostWrite {
    /// The kind's position in the layout.
    pub kind: usize,
    /// Its key.
    pub key: Vec<Value>,
    /// Its attributes.
    pub values: Vec<Value>,
}

/// What came of an event.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It is what the step does.
    Fits {
        /// What it does to ghost truth: each of the things that the journal leaves open.
        outside: Vec<Vec<GhostWrite>>,
        /// The properties that it breaks, whatever happened outside.
        violated: Vec<PropertyId>,
        /// Those that it may have broken.
        perhaps: Vec<PropertyId>,
    },
    /// It is not.
    Refused,
}

impl Verdict {
    /// What an event does to ghost truth that is what its step does, breaks nothing, and leaves nothing open.
    pub fn certain(&self) -> Option<&[GhostWrite]> {
        match self {
            Verdict::Fits { outside, violated, perhaps } if violated.is_empty() && perhaps.is_empty() => {
                let [writes] = outside.as_slice() else { return None };
                Some(writes)
            }
            _ => None,
        }
    }
}

type Worlds<'s> = Vec<(Interpreter<'s>, State)>;

/// The programs of all worlds with their interpreters.
pub struct Oracle<'s> {
    subject: &'s Subject,
    worlds: Worlds<'s>,
    /// The same without ghost truth: where nothing is known of it.
    blind: Worlds<'s>,
    /// Instants before this many ticks from now are all alike.
    pub floor: i64,
}

/// An event as the interpreter sees it.
pub struct Staged<'o, 's> {
    /// The interpreter of its world.
    pub interpreter: &'o Interpreter<'s>,
    /// The program of its world.
    pub program: &'s Program,
    /// The state before it, as far as it matters.
    pub before: State,
    /// The state after it, as the journal has it.
    pub claimed: State,
    /// The run.
    pub run: RunRef,
    /// Whether the interpreter knows nothing of ghost truth.
    blind: bool,
}

impl<'s> Oracle<'s> {
    /// The oracle of a program.
    pub fn new(subject: &'s Subject) -> Oracle<'s> {
        let (worlds, blind) = (worlds(&subject.worlds), worlds(&subject.blind));
        let floor = floor(subject.program(), worlds[0].0.times());
        Oracle { subject, worlds, blind, floor }
    }

    /// Puts an event before the interpreter: `blind` of one that knows nothing of ghost truth.
    pub fn stage(
        &self,
        view: View<'_>,
        scene: &Scene,
        fetched: &[Fetched<'_>],
        blind: bool,
    ) -> Result<Staged<'_, 's>, Misfit> {
        let large = |ids: &[usize], program: &Program| {
            ids.iter().zip(program.sorts.iter()).all(|(n, sort)| *n <= sort.size as usize)
        };
        let ids: Vec<usize> = scene.world.ids.iter().map(Vec::len).collect();
        let at = self.subject.worlds.iter().position(|p| large(&ids, p));
        let at = at.ok_or_else(|| Misfit::Large("its world is too large".into()))?;
        // Where reality never asks ghost truth, it does not matter that it is wrong.
        let blind = blind && !self.blind.is_empty();
        let (programs, worlds) =
            if blind { (&self.subject.blind, &self.blind) } else { (&self.subject.worlds, &self.worlds) };
        let (program, (interpreter, first)) = (&programs[at], &worlds[at]);
        let mut before = first.clone();
        for row in fetched {
            let Some(values) = row.row else { continue };
            let local: Vec<Value> =
                values.iter().enumerate().map(|(i, v)| scene.column(self.subject, row.kind, i, v)).collect();
            put(self.subject, program, &mut before, row.kind, scene.key(view, row), &local);
        }
        let mut claimed = before.clone();
        for write in &view.event.writes {
            let kind = usize::from(write.row.kind.0);
            let keys = self.subject.layout.kinds[kind].keys.iter().zip(&write.row.key);
            let key: Vec<Value> = keys.map(|(k, v)| scene.world.local(program, &k.ty, v)).collect();
            let local: Vec<Value> = write
                .values
                .iter()
                .enumerate()
                .map(|(i, v)| scene.column(self.subject, kind, i, v))
                .collect();
            put(self.subject, program, &mut claimed, kind, &key, &local);
        }
        let run = self.run(view, scene, program);
        Ok(Staged { interpreter, program, before, claimed, run, blind })
    }

    fn run(&self, view: View<'_>, scene: &Scene, program: &Program) -> RunRef {
        let id = view.operation.protocol;
        let key: Vec<Value> = match &view.event.run {
            None => Vec::new(),
            Some(run) => {
                let keys = self.subject.layout.kinds[usize::from(run.kind.0)].keys.iter().zip(&run.key);
                keys.map(|(k, v)| scene.world.local(program, &k.ty, v)).collect()
            }
        };
        RunRef { protocol: id, run: run_number(program, id, &key) }
    }

    /// Judges an event.
    pub fn judge(
        &self,
        view: View<'_>,
        scene: &Scene,
        fetched: &[Fetched<'_>],
        blind: bool,
    ) -> Result<Verdict, Misfit> {
        let staged = self.stage(view, scene, fetched, blind)?;
        let transitions = staged.transitions(view, scene);
        if said(view.operation, view.event) == DENIED {
            let possible = transitions.iter().any(|t| t.outcome.is_ok());
            let fits = Verdict::Fits { outside: vec![Vec::new()], violated: Vec::new(), perhaps: Vec::new() };
            return Ok(if possible { Verdict::Refused } else { fits });
        }
        let fitting: Vec<&Transition> = transitions.iter().filter(|t| self.fits(&staged, view, t)).collect();
        if fitting.is_empty() {
            return Ok(Verdict::Refused);
        }
        let mut outside: Vec<_> =
            fitting.iter().map(|t| self.ghost_writes(&staged, view, scene, fetched, t)).collect();
        outside.dedup();
        let broken: Vec<_> = fitting.iter().map(|t| self.violated(&staged, view, t)).collect();
        let (violated, perhaps) = surely(&broken);
        Ok(Verdict::Fits { outside, violated, perhaps })
    }

    /// Whether a transition is what the event says it did.
    pub fn fits(&self, staged: &Staged<'_, '_>, view: View<'_>, transition: &Transition) -> bool {
        let says = said(view.operation, view.event);
        let kind = if matches!(transition.event, Event::Reject { .. }) { REJECT } else { STEP };
        let Some(after) = transition.raw.as_ref().filter(|_| transition.outcome.is_ok()) else {
            return false;
        };
        let real = self.subject.ghosts.iter().zip(after.vars.iter().zip(&staged.claimed.vars));
        says & kind != 0
            && after.runs == staged.claimed.runs
            && real.into_iter().all(|(ghost, (a, b))| *ghost || a == b)
    }

    fn ghost_writes(
        &self,
        staged: &Staged<'_, '_>,
        view: View<'_>,
        scene: &Scene,
        fetched: &[Fetched<'_>],
        transition: &Transition,
    ) -> Vec<GhostWrite> {
        let Some(after) = &transition.raw else { return Vec::new() };
        let ghosts = fetched.iter().filter(|row| row.kind >= self.subject.layout.stored);
        let mut list = Vec::new();
        for row in ghosts {
            let key = scene.key(view, row);
            let was = get(self.subject, staged.program, &staged.before, row.kind, key);
            let is = get(self.subject, staged.program, after, row.kind, key);
            if was != is {
                list.push(GhostWrite { kind: row.kind, key: key.to_vec(), values: is });
            }
        }
        list
    }

    fn violated(&self, staged: &Staged<'_, '_>, view: View<'_>, transition: &Transition) -> Vec<PropertyId> {
        let mut violated = transition.violated.clone();
        if let Some(after) = &transition.raw {
            violated.extend(staged.interpreter.always_violations(after));
        }
        violated.retain(|p| view.operation.relevant.contains(p));
        violated.sort();
        violated.dedup();
        violated
    }
}

impl Staged<'_, '_> {
    /// What the step can do with what the request says.
    pub fn transitions(&self, view: View<'_>, scene: &Scene) -> Vec<Transition> {
        let all = self.interpreter.step_raw(&self.before, self.run, view.operation.step);
        let choices = view.operation.choices.len();
        let asked = view.operation.choices.iter().chain(&view.operation.picks);
        let given = scene.given.iter().zip(asked).filter(|(_, choice)| choice.said || !self.blind);
        let given: Vec<Value> = given.map(|(value, _)| value.clone()).collect();
        all.into_iter()
            .filter(|t| chosen(&t.event, &given, choices) && self.acts(view, scene, &t.event))
            .collect()
    }

    /// Whether it is the instance that acted.
    fn acts(&self, view: View<'_>, scene: &Scene, event: &Event) -> bool {
        let (Event::Step { actor, .. } | Event::Reject { actor, .. }) = event else { return true };
        let sort = self.program.protocols[self.run.protocol]
            .acting_sort(view.operation.step.unwrap_or(arch_ir::StepId(0)));
        scene.world.ids[sort.index()].get(*actor as usize) == Some(&view.event.id)
    }
}

fn worlds(programs: &[Program]) -> Worlds<'_> {
    let world = |program| {
        let interpreter = Interpreter::new(program);
        let first = interpreter.first_state_raw();
        (interpreter, first)
    };
    programs.iter().map(world).collect()
}

/// What is in all lists, and what is in some of them only.
pub fn surely(lists: &[Vec<PropertyId>]) -> (Vec<PropertyId>, Vec<PropertyId>) {
    let mut all: Vec<PropertyId> = lists.iter().flatten().copied().collect();
    all.sort();
    all.dedup();
    all.into_iter().partition(|p| lists.iter().all(|list| list.contains(p)))
}

/// Whether an event made the choices and picks that the request says. A pick that is not reached is not asked about.
fn chosen(event: &Event, given: &[Value], choices: usize) -> bool {
    let (Event::Step { choices: made, .. } | Event::Reject { choices: made, .. }) = event else {
        return true;
    };
    let agrees = |(made, given): (&Value, &Value)| *given == NOWHERE || made == given;
    let (asked, picks) = given.split_at(choices.min(given.len()));
    let (chosen, picked) = made.split_at(choices.min(made.len()));
    let in_order = picked.iter().zip(picks).all(agrees);
    let unknown = picks.contains(&NOWHERE);
    let some = picked.len() == picks.len() && in_order;
    chosen.iter().zip(asked).all(agrees)
        && (some || picked.len() != picks.len() && (unknown || picked.iter().all(|p| picks.contains(p))))
}

/// The earliest instant, in ticks from now, that some comparison can tell from all earlier ones.
fn floor(program: &Program, times: &arch_ir::time::TimeClasses) -> i64 {
    let vars = program.vars.indices().map(|v| times.var(v));
    let runs = program
        .protocols
        .iter_enumerated()
        .flat_map(|(p, protocol)| protocol.vars.indices().map(move |v| times.run_var(p, v)));
    vars.chain(runs).filter_map(|class| class.floor).min().unwrap_or(0).min(0) - 1
}

/// The number of a run, from its key.
pub fn run_number(program: &Program, id: arch_ir::ProtocolId, key: &[Value]) -> u32 {
    let protocol = &program.protocols[id];
    let subject = |v: &Value| if let Value::Id(n) = v { *n } else { 0 };
    let subjects: Vec<u32> = key.iter().take(protocol.subjects.len()).map(subject).collect();
    let copy = match key.get(protocol.subjects.len()) {
        Some(Value::Int(copy)) => u32::try_from(*copy).unwrap_or(0),
        _ => 0,
    };
    program.run_number(protocol, &subjects, copy)
}

/// Puts a row into a state; a row outside of it is none.
fn put(
    subject: &Subject,
    program: &Program,
    state: &mut State,
    kind: usize,
    key: &[Value],
    values: &[Value],
) {
    let declared = &subject.layout.kinds[kind];
    if let KindOf::Run(id) = declared.of {
        let run = run_number(program, id, key);
        if let Some(to) = state.runs[id.index()].get_mut(run as usize) {
            *to = run_state(subject, program, kind, values);
        }
        return;
    }
    for (column, value) in declared.columns.iter().zip(values) {
        let ColumnOf::Var(var) = column.of else { continue };
        let at = program.key_position(&program.vars[var].keys, key);
        if let Some(element) = at.and_then(|at| state.vars[var.index()].get_mut(at)) {
            element.clone_from(value);
        }
    }
}

fn run_state(subject: &Subject, program: &Program, kind: usize, values: &[Value]) -> RunState {
    let declared = &subject.layout.kinds[kind];
    let KindOf::Run(id) = declared.of else { unreachable!("a kind of runs") };
    let mut run = RunState::idle(&program.protocols[id]);
    for (column, value) in declared.columns.iter().zip(values) {
        match (column.of, value) {
            (ColumnOf::Status, Value::Enum(n)) => {
                run.status = subject.layout.protocol(id).statuses[*n as usize].status;
            }
            (ColumnOf::Status, _) => run.status = Status::Ended(u32::MAX),
            (ColumnOf::Role(role), Value::Id(n)) => run.roles[role.index()] = Some(*n),
            (ColumnOf::Role(role), _) => run.roles[role.index()] = None,
            (ColumnOf::RunVar(var), value) => run.vars[var.index()] = value.clone(),
            _ => {}
        }
    }
    run
}

/// A row of truth in a state.
pub fn get(subject: &Subject, program: &Program, state: &State, kind: usize, key: &[Value]) -> Vec<Value> {
    let declared = &subject.layout.kinds[kind];
    if let KindOf::Run(id) = declared.of {
        let run = &state.runs[id.index()][run_number(program, id, key) as usize];
        return declared.columns.iter().map(|column| of_run(subject, id, run, column.of)).collect();
    }
    let element = |column: &arch_codegen::Column| match column.of {
        ColumnOf::Var(var) => {
            let at = program.key_position(&program.vars[var].keys, key);
            at.and_then(|at| state.vars[var.index()].get(at)).cloned().unwrap_or(NOWHERE)
        }
        _ => NOWHERE,
    };
    declared.columns.iter().map(element).collect()
}

fn of_run(subject: &Subject, id: arch_ir::ProtocolId, run: &RunState, column: ColumnOf) -> Value {
    match column {
        ColumnOf::Status => {
            let at = subject.layout.protocol(id).statuses.iter().position(|s| s.status == run.status);
            at.map_or(NOWHERE, |n| Value::Enum(n as u32))
        }
        ColumnOf::Role(role) => run.roles[role.index()].map_or(Value::Null, Value::Id),
        ColumnOf::RunVar(var) => run.vars[var.index()].clone(),
        _ => NOWHERE,
    }
}
