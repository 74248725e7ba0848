//! Names for everything that a trace shows: values, events, the cells of a state, expressions as written.

mod dump;
mod picks;
mod writer;

use crate::program::{Expr, FaultKind, Program, Protocol, ProtocolId, SortId, StepId, Stmt, Type};
use crate::state::{Delivery, Event, Excess, ExcessKind, RunRef, RunState, State, Status};
use crate::time::{TimeClass, TimeClasses};
use crate::types::PAST;
use crate::value::Value;
use arch_base::Idx;
use writer::{Level, Writer};

impl Program {
    /// A value as it is written; instants relative to `now`, ordinals as `#rank`.
    #[must_use]
    pub fn show_value(&self, ty: &Type, value: &Value) -> String {
        match (ty, value) {
            (_, Value::Null) => "null".to_owned(),
            (Type::Optional(inner), _) => self.show_value(inner, value),
            (Type::Enum(id), Value::Enum(n)) => {
                self.enums[*id].constants.get(*n as usize).cloned().unwrap_or_else(|| n.to_string())
            }
            (Type::Id(sort), Value::Id(n)) => self.instance_name(*sort, *n),
            (Type::Run(protocol), Value::Run(run)) => {
                self.run_name(RunRef { protocol: *protocol, run: *run })
            }
            (Type::Set(element, _), Value::Set(set)) => {
                format!("{{{}}}", join(set.iter().map(|v| self.show_value(element, v))))
            }
            (Type::Seq(element, _), Value::Seq(list)) => {
                format!("[{}]", join(list.iter().map(|v| self.show_value(element, v))))
            }
            (Type::Map(key, element), Value::Map(map)) => {
                let entry = |(k, v)| format!("{}: {}", self.show_value(key, k), self.show_value(element, v));
                format!("{{{}}}", join(map.iter().map(entry)))
            }
            (Type::Record(id), Value::Record(fields)) => {
                let record = &self.records[*id];
                format!("{}{}", record.name, self.show_fields(&record.fields, fields))
            }
            (Type::Union(id), Value::Variant(tag, fields)) => {
                match self.unions[*id].variants.get(*tag as usize) {
                    Some(variant) if variant.fields.is_empty() => variant.name.clone(),
                    Some(variant) => format!("{}{}", variant.name, self.show_fields(&variant.fields, fields)),
                    None => show_plain(value),
                }
            }
            _ => show_plain(value),
        }
    }

    fn show_fields(&self, fields: &[crate::program::Field], values: &[Value]) -> String {
        let field =
            |(f, v): (&crate::program::Field, _)| format!("{}: {}", f.name, self.show_value(&f.ty, v));
        format!("({})", join(fields.iter().zip(values).map(field)))
    }

    /// A run: `main[task1]`, `main[task1].2` for its second copy, `main` when there is only one.
    #[must_use]
    pub fn run_name(&self, run: RunRef) -> String {
        let protocol = &self.protocols[run.protocol];
        let (subjects, copy) = self.run_subjects(protocol, run.run);
        let names = protocol.subjects.iter().zip(subjects).map(|(s, n)| self.instance_name(s.sort, n));
        let mut name = protocol.name.clone();
        if !protocol.subjects.is_empty() {
            name += &format!("[{}]", join(names));
        }
        if protocol.copies > 1 {
            name += &format!(".{}", copy + 1);
        }
        name
    }

    /// An event, as one line of a trace.
    #[must_use]
    pub fn show_event(&self, event: &Event) -> String {
        match event {
            Event::Begin(run) => format!("{} begins", self.run_name(*run)),
            Event::Step { run, step, actor, choices, duplicated } => {
                let sent =
                    if duplicated.is_some() { ", and a copy of its request is still on its way" } else { "" };
                format!("{}{sent}", self.show_step(*run, *step, *actor, choices, false))
            }
            Event::Reject { run, step, actor, choices } => {
                format!("{} is rejected", self.show_step(*run, *step, *actor, choices, true))
            }
            Event::Crash(fault, n) => format!("{} crashes", self.fault_instance(*fault, *n)),
            Event::Restart(fault, n) => format!("{} restarts", self.fault_instance(*fault, *n)),
            Event::Lose(fault, run) => format!("{} loses {}", self.run_name(*run), self.fault_step(*fault)),
            Event::Deliver { fault, run, actor, .. } => {
                let sender = self.fault_protocol(*fault).map(|(p, step)| self.actor_name(p, step, *actor));
                let sender = sender.unwrap_or_else(|| actor.to_string());
                format!("{sender}'s {} of {} arrives again", self.fault_step(*fault), self.run_name(*run))
            }
            Event::Cut(fault, n) => format!("{} is cut off", self.fault_instance(*fault, *n)),
            Event::Heal(fault, n) => format!("{} is connected again", self.fault_instance(*fault, *n)),
            Event::Tick => "tick".to_owned(),
        }
    }

    fn show_step(&self, run: RunRef, step: StepId, actor: u32, choices: &[Value], rejected: bool) -> String {
        let protocol = &self.protocols[run.protocol];
        let name = &protocol.steps[step].name;
        let mut text = format!("{}[{name}]", self.actor_name(run.protocol, step, actor));
        let many = self.run_count(run.protocol) > 1;
        if many && !protocol.rule {
            text += &format!(" in {}", self.run_name(run));
        }
        let chosen = self.show_choices(run.protocol, step, choices, rejected);
        if chosen.is_empty() { text } else { format!("{text} with {}", join(chosen.into_iter())) }
    }

    fn show_choices(
        &self,
        protocol: ProtocolId,
        step: StepId,
        choices: &[Value],
        rejected: bool,
    ) -> Vec<String> {
        let (declared, named) =
            (&self.protocols[protocol].steps[step], self.choice_names(protocol, step, choices, rejected));
        // Who acts is said already.
        let acting = declared.binds.iter().position(|r| declared.actor == crate::program::Actor::Role(*r));
        let told = choices.iter().zip(named).enumerate().filter(|(i, _)| Some(*i) != acting);
        let named = told.map(|(_, (value, name))| match name {
            Some((name, ty)) => format!("{name} = {}", self.show_value(&ty, value)),
            None => show_plain(value),
        });
        named.collect()
    }

    /// What each choice of an event is called, with its type: roles bound, parameters, what it picks. None where the values do not
    /// tell which pick was made.
    #[must_use]
    pub fn choice_names(
        &self,
        protocol: ProtocolId,
        step: StepId,
        choices: &[Value],
        rejected: bool,
    ) -> Vec<Option<(String, Type)>> {
        let p = &self.protocols[protocol];
        let step = &p.steps[step];
        let mut names: Vec<(String, Type)> = Vec::new();
        names.extend(step.binds.iter().map(|r| (p.roles[*r].name.clone(), Type::Id(p.roles[*r].sort))));
        names.extend(step.params.iter().map(|v| (p.vars[*v].name.clone(), p.vars[*v].ty.clone())));
        let effect =
            if rejected { step.reject.as_ref().map_or(&[][..], |r| &r.effect) } else { &step.effect[..] };
        let before = names.len().min(choices.len());
        let picked = picks::made(effect, &choices[before..]).into_iter().map(|binder| {
            binder.map(|b| (self.slots[b.slot].clone(), crate::walk::element_type(&b.domain).clone()))
        });
        names.into_iter().take(before).map(Some).chain(picked).collect()
    }

    fn actor_name(&self, protocol: ProtocolId, step: StepId, actor: u32) -> String {
        let p = &self.protocols[protocol];
        let sort = match p.steps[step].actor {
            crate::program::Actor::Subject(i) => p.subjects.get(i as usize).map(|s| s.sort),
            crate::program::Actor::Role(role) => p.roles.get(role).map(|r| r.sort),
        };
        sort.map_or_else(|| actor.to_string(), |sort| self.instance_name(sort, actor))
    }

    pub(crate) fn fault_instance(&self, fault: crate::program::FaultId, n: u32) -> String {
        match &self.faults[fault].kind {
            FaultKind::Crash { sort, .. } | FaultKind::Skew { sort, .. } => self.instance_name(*sort, n),
            FaultKind::Partition { from, .. } => self.instance_name(*from, n),
            FaultKind::Lose { .. } | FaultKind::Duplicate { .. } => n.to_string(),
        }
    }

    fn fault_protocol(&self, fault: crate::program::FaultId) -> Option<(ProtocolId, StepId)> {
        match &self.faults[fault].kind {
            FaultKind::Lose { protocol, step } | FaultKind::Duplicate { protocol, step, .. } => {
                Some((*protocol, *step))
            }
            _ => None,
        }
    }

    fn fault_step(&self, fault: crate::program::FaultId) -> String {
        self.fault_protocol(fault).map_or(String::new(), |(p, s)| self.protocols[p].steps[s].name.clone())
    }

    /// A fault as it is declared, without its budget: `crash worker`, `partition a from b`.
    #[must_use]
    pub fn show_fault(&self, kind: &FaultKind) -> String {
        let sort = |s: &SortId| self.sorts[*s].name.clone();
        let step = |p: &ProtocolId, s: &StepId| self.protocols[*p].steps[*s].name.clone();
        match kind {
            FaultKind::Crash { sort: s, down } if *down == crate::program::Down::Stops => {
                format!("crash {} stops", sort(s))
            }
            FaultKind::Crash { sort: s, .. } => format!("crash {}", sort(s)),
            FaultKind::Lose { protocol, step: s } => format!("lose {}", step(protocol, s)),
            FaultKind::Duplicate { protocol, step: s, .. } => format!("duplicate {}", step(protocol, s)),
            FaultKind::Skew { sort: s, by } => format!("skew {} by {by}", sort(s)),
            FaultKind::Partition { from, to } => format!("partition {} from {}", sort(from), sort(to)),
        }
    }

    /// What was exceeded, as a sentence without a full stop.
    #[must_use]
    pub fn show_excess(&self, excess: &Excess) -> String {
        match excess.kind {
            ExcessKind::Range(n) => format!("{n} is outside the range"),
            ExcessKind::Size(n) => format!("{n} elements are too many"),
            ExcessKind::Runs => "all copies of the run are unfinished".to_owned(),
            ExcessKind::Advance => "a greater value is alive".to_owned(),
        }
    }

    /// Every visible cell of a state, with its name and value, in a fixed order: two states of a program have
    /// the same cells except for pending deliveries and what runs that have not begun do not have.
    #[must_use]
    pub fn cells(&self, state: &State) -> Vec<(String, String)> {
        let times = TimeClasses::of(self);
        let mut cells = self.variable_cells(state, &times);
        for protocol in self.protocols.indices().filter(|p| !self.protocols[*p].rule) {
            for (run, run_state) in (0..).zip(state.protocol(protocol)) {
                cells.extend(self.run_cells(RunRef { protocol, run }, run_state, &times));
            }
        }
        cells.extend(self.fault_cells(state));
        cells.extend(self.wait_cells(state));
        cells
    }

    fn variable_cells(&self, state: &State, times: &TimeClasses) -> Vec<(String, String)> {
        let mut cells = Vec::new();
        for (id, var) in self.vars.iter_enumerated() {
            for (keys, value) in self.key_tuples(&var.keys).iter().zip(state.var(id)) {
                let names: Vec<String> =
                    var.keys.iter().zip(keys).map(|(ty, k)| self.show_value(ty, k)).collect();
                cells.push((element_name(var, &names), self.show_timed(&var.ty, value, times.var(id))));
            }
        }
        cells
    }

    fn run_cells(&self, run: RunRef, state: &RunState, times: &TimeClasses) -> Vec<(String, String)> {
        let name = self.run_name(run);
        let protocol = &self.protocols[run.protocol];
        let mut cells = vec![(format!("{name} at"), self.show_status(protocol, state.status))];
        for (role, bound) in protocol.roles.iter().zip(&state.roles) {
            let bound = bound.map_or("null".to_owned(), |n| self.instance_name(role.sort, n));
            cells.push((format!("{name}.{}", role.name), bound));
        }
        for ((id, var), value) in protocol.vars.iter_enumerated().zip(&state.vars) {
            let class = times.run_var(run.protocol, id);
            cells.push((format!("{name}.{}", var.name), self.show_timed(&var.ty, value, class)));
        }
        cells
    }

    fn show_status(&self, protocol: &Protocol, status: Status) -> String {
        match status {
            Status::Idle => "idle".to_owned(),
            Status::At(chain, i) => {
                let step = protocol.chains.get(chain).and_then(|c| c.steps.get(i as usize));
                step.map_or("end".to_owned(), |s| protocol.steps[*s].name.clone())
            }
            Status::Ended(n) => {
                format!("ended {}", protocol.endings().get(n as usize).copied().unwrap_or("?"))
            }
        }
    }

    fn fault_cells(&self, state: &State) -> Vec<(String, String)> {
        let mut cells = Vec::new();
        for sort in self.sorts.indices() {
            for (n, down) in (0..).zip(&state.down[sort.index()]) {
                cells.push((self.instance_name(sort, n), if *down { "down" } else { "up" }.to_owned()));
            }
            for (n, skew) in (0..).zip(&state.skew[sort.index()]) {
                cells.push((format!("{} clock", self.instance_name(sort, n)), show_offset(*skew)));
            }
        }
        for (i, fault) in self.faults.iter().enumerate() {
            let name = self.show_fault(&fault.kind);
            cells.extend(state.budgets[i].map(|left| (format!("budget {name}"), left.to_string())));
            for (n, cut) in (0..).zip(&state.cut[i]) {
                let instance = self.fault_instance(crate::program::FaultId::new(i), n);
                cells.push((
                    format!("{instance} ({name})"),
                    if *cut { "cut off" } else { "connected" }.to_owned(),
                ));
            }
            for (n, delivery) in (1..).zip(&state.pending[i]) {
                let step = self.fault_step(crate::program::FaultId::new(i));
                cells.push((
                    format!("pending {step}{}", numbered(n)),
                    self.show_delivery(&fault.kind, delivery),
                ));
            }
        }
        cells
    }

    fn show_delivery(&self, kind: &FaultKind, delivery: &Delivery) -> String {
        let FaultKind::Duplicate { protocol, step, vars, roles, locals } = kind else { return String::new() };
        let times = TimeClasses::of(self);
        let mut parts = vec![format!("from {}", self.actor_name(*protocol, *step, delivery.actor))];
        for ((p, role), bound) in roles.iter().zip(&delivery.roles) {
            let role = &self.protocols[*p].roles[*role];
            let bound = bound.map_or("null".to_owned(), |n| self.instance_name(role.sort, n));
            parts.push(format!("{} = {bound}", role.name));
        }
        for ((p, id), value) in vars.iter().zip(&delivery.vars) {
            let var = &self.protocols[*p].vars[*id];
            let value = self.show_timed(&var.ty, value, times.run_var(*p, *id));
            parts.push(format!("{} = {value}", var.name));
        }
        for (id, value) in locals.iter().zip(&delivery.locals) {
            let name = self.vars[*id].name.rsplit('.').next().unwrap_or_default();
            parts.push(format!("{name} = {}", self.show_timed(&self.vars[*id].ty, value, times.var(*id))));
        }
        format!(
            "{} of {}",
            join(parts.into_iter()),
            self.run_name(RunRef { protocol: *protocol, run: delivery.run })
        )
    }

    fn wait_cells(&self, state: &State) -> Vec<(String, String)> {
        let mut cells = Vec::new();
        for (deadline, waits) in self.deadlines.iter().zip(&state.waits) {
            let step = &self.protocols[deadline.protocol].steps[deadline.step].name;
            for (run, wait) in (0..).zip(waits) {
                let run = self.run_name(RunRef { protocol: deadline.protocol, run });
                cells.push((format!("{run} waits for {step}"), wait.to_string()));
            }
        }
        cells
    }

    /// A value of a variable of this class: instants at its floor are past.
    fn show_timed(&self, ty: &Type, value: &Value, class: TimeClass) -> String {
        match (ty.unwrap_optional(), value, class.floor) {
            (Type::Time, Value::Time(_), None) => "some time".to_owned(),
            (Type::Time, Value::Time(t), Some(floor)) if *t <= floor => "past".to_owned(),
            _ => self.show_value(ty, value),
        }
    }

    /// An expression in the language's syntax; `protocol` is the one whose names it reads.
    #[must_use]
    pub fn show_expr(&self, protocol: Option<ProtocolId>, e: &Expr) -> String {
        Writer { program: self, protocol: protocol.and_then(|p| self.protocols.get(p)) }
            .expr(e, Level::Lowest)
    }

    /// A statement in the language's syntax.
    #[must_use]
    pub fn show_stmt(&self, protocol: ProtocolId, stmt: &Stmt) -> String {
        Writer { program: self, protocol: self.protocols.get(protocol) }.stmt(stmt)
    }

    /// A type in the language's syntax.
    #[must_use]
    pub fn show_type(&self, ty: &Type) -> String {
        match ty {
            Type::Bool => "bool".to_owned(),
            Type::Int(int) => format!("{}..{}", int.lo, int.hi),
            Type::Enum(id) => self.enums[*id].name.clone(),
            Type::Id(id) => self.sorts[*id].name.clone(),
            Type::Optional(inner) => format!("{}?", self.show_type(inner)),
            Type::Ordinal(id) => self.ordinals[*id].name.clone(),
            Type::Time => "time".to_owned(),
            Type::Run(id) => format!("run of {}", self.protocols[*id].name),
            Type::Set(element, None) => format!("set of {}", self.show_type(element)),
            Type::Set(element, Some(max)) => format!("set of {} max {max}", self.show_type(element)),
            Type::Map(key, value) => format!("map {} -> {}", self.show_type(key), self.show_type(value)),
            Type::Seq(element, max) => format!("seq of {} max {max}", self.show_type(element)),
            Type::Record(id) => self.records[*id].name.clone(),
            Type::Union(id) => self.unions[*id].name.clone(),
            Type::Null => "null".to_owned(),
            Type::Unknown => "todo".to_owned(),
        }
    }
}

/// `worker1.my_epoch` for a local, `ExecutionLeaseState[task1].owner_id` for a keyed attribute.
fn element_name(var: &crate::program::Var, keys: &[String]) -> String {
    let (owner, attribute) = var.name.split_once('.').unwrap_or((&var.name, ""));
    match (var.owner, keys) {
        (crate::program::VarOwner::Local(_), [key]) => format!("{key}.{attribute}"),
        (_, []) => var.name.clone(),
        (_, keys) if attribute.is_empty() => format!("{owner}[{}]", keys.join(", ")),
        (_, keys) => format!("{owner}[{}].{attribute}", keys.join(", ")),
    }
}

fn numbered(n: u32) -> String {
    if n == 1 { String::new() } else { format!(" {n}") }
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

fn show_plain(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Enum(n) | Value::Id(n) | Value::Run(n) => n.to_string(),
        Value::Ordinal(n) => format!("#{n}"),
        Value::Time(t) if *t <= PAST / 2 => "past".to_owned(),
        Value::Time(t) => format!("now{}", show_offset(*t)),
        Value::Set(set) => format!("{{{}}}", join(set.iter().map(show_plain))),
        Value::Map(map) => {
            format!("{{{}}}", join(map.iter().map(|(k, v)| format!("{}: {}", show_plain(k), show_plain(v)))))
        }
        Value::Seq(list) => format!("[{}]", join(list.iter().map(show_plain))),
        Value::Record(list) | Value::Variant(_, list) => {
            format!("{{ {} }}", join(list.iter().map(show_plain)))
        }
    }
}

fn show_offset(ticks: i64) -> String {
    match ticks {
        0 => String::new(),
        n if n > 0 => format!("+{n}"),
        n => n.to_string(),
    }
}
