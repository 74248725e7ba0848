//! What the interpreter finds, in the words of generated code: states as rows, events by the names of operations.

use super::listing::{Listing, counts_line, event_line};
use arch_base::Idx;
use arch_codegen::{ColumnOf, KindOf, Layout, instance_name};
use arch_ir::eval::{Interpreter, Transition};
use arch_ir::explore::explore_states;
use arch_ir::report::{Limits, PropertyResult, PropertyVerdict, Report};
use arch_ir::{
    Event, Excess, ExcessKind, FaultKind, Field, Program, ProtocolId, RunRef, RunState, SortId, State, Type,
    Value,
};
use arch_runtime::model as rm;
use arch_runtime::step as rs;
use arch_runtime::value as rt;
use arch_runtime::{Instant, KindId, RowKey};
use std::sync::Arc;

/// What the interpreter finds in a program of at most so many states, as its generated model is to list it; none if there are more.
///
/// # Panics
///
/// Names of the program cannot be laid out: it was not generated.
#[must_use]
pub fn expected(program: &Program, most: u64) -> Option<Listing> {
    let limits = Limits { max_states: Some(most), ..Limits::default() };
    let (report, states) = explore_states(program, &limits);
    if report.stopped.is_some() {
        return None;
    }
    let mirror = Mirror { program, layout: Layout::of(program).expect("it was generated") };
    let interpreter = Interpreter::new(program);
    let mut listing = Listing::default();
    for state in &states {
        let shown = mirror.state(state);
        let found = interpreter.successors(state);
        let mut events: Vec<String> =
            found.transitions.iter().map(|t| mirror.transition(&shown, state, t)).collect();
        if !found.cut.is_empty() {
            events.push("something is cut".to_owned());
        }
        events.sort();
        listing.states.insert(format!("{shown:?}"), events);
    }
    listing.summary = summary(&report);
    Some(listing)
}

/// What is known of a program as a whole, as its generated model is to say it.
#[must_use]
pub fn summary(report: &Report) -> Vec<String> {
    let counts =
        counts_line(report.distinct_states, report.transitions, report.depth, !report.cut.is_empty());
    std::iter::once(counts).chain(report.results.iter().map(told)).collect()
}

fn told(result: &PropertyResult) -> String {
    let liveness = ["leads to", "eventually", "always eventually"].contains(&result.kind);
    let verdict = match &result.verdict {
        _ if liveness => "not judged".to_owned(),
        PropertyVerdict::Holds => "holds".to_owned(),
        PropertyVerdict::Violated => {
            format!("violated after {}", result.trace.as_ref().map_or(0, |t| t.steps.len()))
        }
        _ => "not judged".to_owned(),
    };
    format!("{}: {verdict}", result.name)
}

/// A program with the names of its generated code.
struct Mirror<'p> {
    program: &'p Program,
    layout: Layout,
}

impl Mirror<'_> {
    fn id(&self, sort: SortId, n: u32) -> rt::Value {
        rt::Value::id(instance_name(self.program, sort, n))
    }

    fn name(&self, sort: SortId, n: u32) -> arch_runtime::SmolStr {
        instance_name(self.program, sort, n).into()
    }

    fn value(&self, ty: &Type, value: &Value) -> rt::Value {
        match (ty, value) {
            (_, Value::Null) => rt::Value::Null,
            (Type::Optional(inner), _) => self.value(inner, value),
            (_, Value::Bool(b)) => rt::Value::Bool(*b),
            (_, Value::Int(n)) => rt::Value::Int(*n),
            (Type::Enum(id), Value::Enum(n)) => {
                rt::Value::Enum(self.program.enums[*id].constants[*n as usize].as_str().into())
            }
            (Type::Id(sort), Value::Id(n)) => self.id(*sort, *n),
            (_, Value::Ordinal(rank)) => rt::Value::Ordinal(u64::from(*rank)),
            (_, Value::Time(ticks)) => rt::Value::Time(Instant::from_millis(*ticks)),
            (Type::Set(of, _), Value::Set(all)) => {
                rt::Value::Set(all.iter().map(|v| self.value(of, v)).collect())
            }
            (Type::Seq(of, _), Value::Seq(all)) => {
                rt::Value::Seq(all.iter().map(|v| self.value(of, v)).collect())
            }
            (Type::Map(key, of), Value::Map(all)) => {
                let default = self.program.default_value(of);
                let listed = all.iter().filter(|(_, v)| **v != default);
                rt::Value::Map(listed.map(|(k, v)| (self.value(key, k), self.value(of, v))).collect())
            }
            (Type::Record(id), Value::Record(values)) => {
                rt::Value::Record(self.fields(&self.program.records[*id].fields, values))
            }
            (Type::Union(id), Value::Variant(tag, values)) => {
                let variant = &self.program.unions[*id].variants[*tag as usize];
                rt::Value::Variant(variant.name.as_str().into(), self.fields(&variant.fields, values))
            }
            (ty, value) => unreachable!("{value:?} is no {ty:?}"),
        }
    }

    fn fields(&self, fields: &[Field], values: &[Value]) -> Vec<rt::Value> {
        fields.iter().zip(values).map(|(f, v)| self.value(&f.ty, v)).collect()
    }

    /// The key of a run.
    fn run(&self, RunRef { protocol, run }: RunRef) -> Vec<rt::Value> {
        let declared = &self.program.protocols[protocol];
        let (subjects, copy) = self.program.run_subjects(declared, run);
        let ids = declared.subjects.iter().zip(subjects).map(|(s, n)| self.id(s.sort, n));
        ids.chain((declared.copies > 1).then_some(rt::Value::Int(i64::from(copy)))).collect()
    }

    fn run_row(&self, id: ProtocolId, state: &RunState) -> rt::Row {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let role = |i: usize| {
            state.roles[i]
                .map_or(rt::Value::Null, |n| self.id(protocol.roles.iter().nth(i).expect("a role").sort, n))
        };
        let columns = &self.layout.kinds[names.kind.expect("runs are stored")].columns;
        let column = |of| match of {
            ColumnOf::Status => rt::Value::Enum(names.variant(state.status).word.as_str().into()),
            ColumnOf::Role(role_id) => role(arch_ir::RoleId::index(role_id)),
            ColumnOf::RunVar(var) => self.value(&protocol.vars[var].ty, &state.vars[var.index()]),
            other => unreachable!("{other:?} is no column of a run"),
        };
        columns.iter().map(|c| column(c.of)).collect()
    }

    fn rows(&self, state: &State) -> Vec<(RowKey, Arc<rt::Row>)> {
        let mut rows = Vec::new();
        for (n, kind) in self.layout.kinds.iter().enumerate() {
            let id = KindId(n as u16);
            if let KindOf::Run(protocol) = kind.of {
                for (run, has) in state.protocol(protocol).iter().enumerate() {
                    let key = self.run(RunRef { protocol, run: run as u32 });
                    rows.push((RowKey::new(id, key), Arc::new(self.run_row(protocol, has))));
                }
                continue;
            }
            let types: Vec<Type> = kind.keys.iter().map(|k| k.ty.clone()).collect();
            for (at, key) in self.program.key_tuples(&types).iter().enumerate() {
                let values = kind.columns.iter().map(|c| match c.of {
                    ColumnOf::Var(var) => self.value(&c.ty, &state.var(var)[at]),
                    other => unreachable!("{other:?} is no column of a truth object"),
                });
                let key: Vec<rt::Value> = types.iter().zip(key).map(|(ty, v)| self.value(ty, v)).collect();
                rows.push((RowKey::new(id, key), Arc::new(values.collect())));
            }
        }
        rows
    }

    fn state(&self, state: &State) -> rm::State {
        let sorts = || self.program.sorts.iter_enumerated();
        let mut down = Vec::new();
        let mut skew = Vec::new();
        for (id, sort) in sorts() {
            let name = || arch_runtime::SmolStr::from(sort.name.as_str());
            let downs = state.down[id.index()].iter().enumerate().filter(|(_, down)| **down);
            down.extend(downs.map(|(n, _)| (name(), self.name(id, n as u32))));
            let skews = state.skew[id.index()].iter().enumerate();
            skew.extend(skews.map(|(n, by)| (name(), self.name(id, n as u32), *by)));
        }
        down.sort();
        let faults = self.program.faults.indices();
        let mut pending: Vec<Vec<rm::Delivery>> = faults.map(|f| self.pending(state, f)).collect();
        pending.iter_mut().for_each(|list| list.sort());
        rm::State {
            rows: self.rows(state).into_iter().collect(),
            budgets: state.budgets.clone(),
            down,
            skew,
            pending,
            waits: state.waits.clone(),
        }
    }

    fn pending(&self, state: &State, fault: arch_ir::FaultId) -> Vec<rm::Delivery> {
        state.pending[fault.index()].iter().map(|d| self.delivery(fault, d)).collect()
    }

    fn delivery(&self, fault: arch_ir::FaultId, d: &arch_ir::Delivery) -> rm::Delivery {
        let FaultKind::Duplicate { protocol, step, vars, roles, locals } = &self.program.faults[fault].kind
        else {
            unreachable!("only duplicates are delivered")
        };
        let roles = roles.iter().zip(&d.roles).map(|((p, r), bound)| {
            let sort = self.program.protocols[*p].roles[*r].sort;
            (*p, bound.map_or(rt::Value::Null, |n| self.id(sort, n)))
        });
        let vars = vars.iter().zip(&d.vars);
        let vars =
            vars.map(|((p, v), value)| (*p, self.value(&self.program.protocols[*p].vars[*v].ty, value)));
        let (own, above): (Vec<_>, Vec<_>) = roles.chain(vars).partition(|(p, _)| p == protocol);
        let values = |list: Vec<(ProtocolId, rt::Value)>| list.into_iter().map(|(_, value)| value).collect();
        let locals = locals.iter().zip(&d.locals);
        rm::Delivery {
            run: self.run(RunRef { protocol: *protocol, run: d.run }),
            me: self.id(self.program.protocols[*protocol].acting_sort(*step), d.actor),
            columns: values(own),
            above: values(above),
            locals: locals.map(|(v, value)| self.value(&self.program.vars[*v].ty, value)).collect(),
        }
    }

    fn transition(&self, shown: &rm::State, before: &State, transition: &Transition) -> String {
        let event = self.event(shown, before, &transition.event);
        let next = transition.outcome.as_ref().map(|s| self.state(s)).map_err(excess);
        let mut violated: Vec<_> =
            transition.violated.iter().chain(&transition.excess_violates_always).copied().collect();
        violated.sort_unstable();
        violated.dedup();
        let violated: Vec<String> =
            violated.into_iter().map(|p| self.program.properties[p].name.clone()).collect();
        event_line(&event, shown, next.as_ref(), &violated)
    }

    fn step(&self, run: RunRef, step: arch_ir::StepId, actor: u32) -> (String, Vec<rt::Value>, rt::Value) {
        let sort = self.program.protocols[run.protocol].acting_sort(step);
        let op = self.layout.protocol(run.protocol).ops[step.index()].clone();
        (op, self.run(run), self.id(sort, actor))
    }

    fn event(&self, shown: &rm::State, before: &State, event: &Event) -> rm::Event {
        let step = |run, step, actor, rejected, duplicated: Option<arch_ir::FaultId>| {
            let (op, run, me) = self.step(run, step, actor);
            let duplicated = duplicated.map(|f| f.index());
            let (choices, picks) = (Vec::new(), Vec::new());
            rm::Event::Step { op: op.into(), run, me, choices, picks, rejected, duplicated }
        };
        let crashes = |fault: arch_ir::FaultId| match self.program.faults[fault].kind {
            FaultKind::Crash { sort, .. } => sort,
            _ => unreachable!("only crashes take somebody down"),
        };
        match event {
            Event::Begin(run) => rm::Event::Begin {
                protocol: self.program.protocols[run.protocol].name.as_str().into(),
                run: self.run(*run),
            },
            Event::Step { run, step: s, actor, duplicated, .. } => step(*run, *s, *actor, false, *duplicated),
            Event::Reject { run, step: s, actor, .. } => step(*run, *s, *actor, true, None),
            Event::Crash(fault, n) => rm::Event::Crash(fault.index(), self.name(crashes(*fault), *n)),
            Event::Restart(fault, n) => rm::Event::Restart(fault.index(), self.name(crashes(*fault), *n)),
            Event::Lose(fault, run) => rm::Event::Lose(fault.index(), self.run(*run)),
            Event::Deliver { fault, position, .. } => {
                let sent = self.delivery(*fault, &before.pending[fault.index()][*position as usize]);
                let list = &shown.pending[fault.index()];
                let position = list.iter().position(|d| *d == sent).expect("it is on its way");
                rm::Event::Deliver { fault: fault.index(), position, picks: Vec::new() }
            }
            Event::Cut(..) | Event::Heal(..) => unreachable!("partitions are refused"),
            Event::Tick => rm::Event::Tick,
        }
    }
}

fn excess(excess: &Excess) -> rs::Excess {
    match excess.kind {
        ExcessKind::Range(n) => rs::Excess::Range(n),
        ExcessKind::Size(n) => rs::Excess::Size(n as usize),
        ExcessKind::Runs => rs::Excess::Runs,
        ExcessKind::Advance => rs::Excess::Advance,
    }
}
