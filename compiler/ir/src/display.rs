//! Names for everything that a trace shows: values, events, the cells of a state, expressions as written.

use crate::program::{
    ArithOp, Binder, CompareOp, Domain, Expr, ExprKind, FaultKind, Init, Place, Program, PropertyKind, Protocol,
    ProtocolId, SetOp, SortId, Stmt, StmtKind, StepId, Type,
};
use crate::state::{Delivery, Event, Excess, ExcessKind, RunRef, RunState, State, Status};
use crate::time::{TimeClass, TimeClasses};
use crate::types::PAST;
use crate::value::Value;
use arch_base::Idx;
use std::fmt;

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
            (Type::Run(protocol), Value::Run(run)) => self.run_name(RunRef { protocol: *protocol, run: *run }),
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
                format!("{} {}", record.name, self.show_fields(&record.fields, fields))
            }
            (Type::Union(id), Value::Variant(tag, fields)) => match self.unions[*id].variants.get(*tag as usize) {
                Some(variant) if variant.fields.is_empty() => variant.name.clone(),
                Some(variant) => format!("{} {}", variant.name, self.show_fields(&variant.fields, fields)),
                None => show_plain(value),
            },
            _ => show_plain(value),
        }
    }

    fn show_fields(&self, fields: &[crate::program::Field], values: &[Value]) -> String {
        let field = |(f, v): (&crate::program::Field, _)| format!("{}: {}", f.name, self.show_value(&f.ty, v));
        format!("{{ {} }}", join(fields.iter().zip(values).map(field)))
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
                let sent = if duplicated.is_some() { ", and its request stays on its way" } else { "" };
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

    fn show_choices(&self, protocol: ProtocolId, step: StepId, choices: &[Value], rejected: bool) -> Vec<String> {
        let p = &self.protocols[protocol];
        let step = &p.steps[step];
        let mut names: Vec<(String, Type)> = Vec::new();
        names.extend(step.binds.iter().map(|r| (p.roles[*r].name.clone(), Type::Id(p.roles[*r].sort))));
        names.extend(step.params.iter().map(|v| (p.vars[*v].name.clone(), p.vars[*v].ty.clone())));
        let effect = if rejected { step.reject.as_ref().map_or(&[][..], |r| &r.effect) } else { &step.effect[..] };
        // A pick that is skipped or repeated would shift the names of the others.
        let plain = !effect.iter().any(|s| matches!(s.kind, StmtKind::If(..) | StmtKind::For(..)));
        for stmt in effect.iter().filter(|_| plain) {
            if let StmtKind::Pick(b) = &stmt.kind {
                names.push((self.slots[b.slot].clone(), crate::walk::element_type(&b.domain).clone()));
            }
        }
        let named = choices.iter().enumerate().map(|(i, value)| match names.get(i) {
            Some((name, ty)) => format!("{name} = {}", self.show_value(ty, value)),
            None => show_plain(value),
        });
        named.collect()
    }

    fn actor_name(&self, protocol: ProtocolId, step: StepId, actor: u32) -> String {
        let p = &self.protocols[protocol];
        let sort = match p.steps[step].actor {
            crate::program::Actor::Subject(i) => p.subjects.get(i as usize).map(|s| s.sort),
            crate::program::Actor::Role(role) => p.roles.get(role).map(|r| r.sort),
        };
        sort.map_or_else(|| actor.to_string(), |sort| self.instance_name(sort, actor))
    }

    fn fault_instance(&self, fault: crate::program::FaultId, n: u32) -> String {
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
            FaultKind::Crash { sort: s, down } if *down == crate::program::Down::Stops => format!("crash {} stops", sort(s)),
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
                let names: Vec<String> = var.keys.iter().zip(keys).map(|(ty, k)| self.show_value(ty, k)).collect();
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
            Status::Ended(n) => format!("ended {}", protocol.endings().get(n as usize).copied().unwrap_or("?")),
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
                cells.push((format!("{instance} ({name})"), if *cut { "cut off" } else { "connected" }.to_owned()));
            }
            for (n, delivery) in (1..).zip(&state.pending[i]) {
                let step = self.fault_step(crate::program::FaultId::new(i));
                cells.push((format!("pending {step}{}", numbered(n)), self.show_delivery(&fault.kind, delivery)));
            }
        }
        cells
    }

    fn show_delivery(&self, kind: &FaultKind, delivery: &Delivery) -> String {
        let FaultKind::Duplicate { protocol, step, vars, roles, locals } = kind else { return String::new() };
        let p = &self.protocols[*protocol];
        let times = TimeClasses::of(self);
        let mut parts = vec![format!("from {}", self.actor_name(*protocol, *step, delivery.actor))];
        for (role, bound) in roles.iter().zip(&delivery.roles) {
            let bound = bound.map_or("null".to_owned(), |n| self.instance_name(p.roles[*role].sort, n));
            parts.push(format!("{} = {bound}", p.roles[*role].name));
        }
        for (id, value) in vars.iter().zip(&delivery.vars) {
            let value = self.show_timed(&p.vars[*id].ty, value, times.run_var(*protocol, *id));
            parts.push(format!("{} = {value}", p.vars[*id].name));
        }
        for (id, value) in locals.iter().zip(&delivery.locals) {
            let name = self.vars[*id].name.rsplit('.').next().unwrap_or_default();
            parts.push(format!("{name} = {}", self.show_timed(&self.vars[*id].ty, value, times.var(*id))));
        }
        format!("{} of {}", join(parts.into_iter()), self.run_name(RunRef { protocol: *protocol, run: delivery.run }))
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
        Writer { program: self, protocol: protocol.and_then(|p| self.protocols.get(p)) }.expr(e, Level::Lowest)
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
        Value::Record(list) | Value::Variant(_, list) => format!("{{ {} }}", join(list.iter().map(show_plain))),
    }
}

fn show_offset(ticks: i64) -> String {
    match ticks {
        0 => String::new(),
        n if n > 0 => format!("+{n}"),
        n => n.to_string(),
    }
}

/// How tightly an expression binds; weaker ones get parentheses inside stronger ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Lowest,
    Or,
    And,
    Not,
    Compare,
    Sum,
    Product,
    Atom,
}

struct Writer<'p> {
    program: &'p Program,
    protocol: Option<&'p Protocol>,
}

impl Writer<'_> {
    /// The expression, in parentheses when it binds more weakly than its surroundings ask.
    fn expr(&self, e: &Expr, within: Level) -> String {
        let (text, level) = self.leveled(e);
        if level < within { format!("({text})") } else { text }
    }

    fn leveled(&self, e: &Expr) -> (String, Level) {
        use ExprKind as K;
        let x = |e: &Expr, level| self.expr(e, level);
        match &e.kind {
            K::Not(a) => (format!("not {}", x(a, Level::Not)), Level::Not),
            K::And(list) if list.is_empty() => ("true".to_owned(), Level::Atom),
            K::Or(list) if list.is_empty() => ("false".to_owned(), Level::Atom),
            K::And(list) => (self.chain(list, " and ", Level::And), Level::And),
            K::Or(list) => (self.chain(list, " or ", Level::Or), Level::Or),
            K::If(c, a, b) => {
                let parts = (x(c, Level::Or), x(a, Level::Or), x(b, Level::Lowest));
                (format!("if {} then {} else {}", parts.0, parts.1, parts.2), Level::Lowest)
            }
            K::Compare(op, a, b) => {
                (format!("{} {} {}", x(a, Level::Sum), compare_word(*op), x(b, Level::Sum)), Level::Compare)
            }
            K::In(a, b) => (format!("{} in {}", x(a, Level::Sum), x(b, Level::Sum)), Level::Compare),
            K::RunAt(p, r, step) => {
                let name = self.program.protocols[*p].steps[*step].name.clone();
                (format!("{} at {name}", x(r, Level::Atom)), Level::Compare)
            }
            K::Arith(op, a, b) => self.arith(*op, a, b),
            K::Concat(a, b) => (format!("{} + {}", x(a, Level::Sum), x(b, Level::Product)), Level::Sum),
            K::SetOp(op, a, b) => self.set_op(*op, a, b),
            K::Instant(k) if *k != 0 => (format!("now {} {}", if *k < 0 { "-" } else { "+" }, k.abs()), Level::Sum),
            K::All(binder, body) => (self.quantified("all", binder, body), Level::Lowest),
            K::Any(binder, body) => (self.quantified("any", binder, body), Level::Lowest),
            K::Let(slot, a, body) => {
                let name = &self.program.slots[*slot];
                (format!("let {name} = {} in {}", x(a, Level::Or), x(body, Level::Lowest)), Level::Lowest)
            }
            _ => (self.atom(e), Level::Atom),
        }
    }

    fn chain(&self, list: &[Expr], word: &str, level: Level) -> String {
        // A part of the same word keeps its parentheses: it was written so.
        let inner = if level == Level::And { Level::Not } else { Level::And };
        let single = if list.len() == 1 { level } else { inner };
        list.iter().map(|e| self.expr(e, single)).collect::<Vec<_>>().join(word)
    }

    fn arith(&self, op: ArithOp, a: &Expr, b: &Expr) -> (String, Level) {
        let (word, level) = match op {
            ArithOp::Add => ("+", Level::Sum),
            ArithOp::Sub => ("-", Level::Sum),
            ArithOp::Mul => ("*", Level::Product),
            ArithOp::Mod => ("mod", Level::Product),
            ArithOp::Min | ArithOp::Max => {
                let name = if op == ArithOp::Min { "min" } else { "max" };
                return (format!("{name}({}, {})", self.whole(a), self.whole(b)), Level::Atom);
            }
        };
        let right = if level == Level::Sum { Level::Product } else { Level::Atom };
        (format!("{} {word} {}", self.expr(a, level), self.expr(b, right)), level)
    }

    fn set_op(&self, op: SetOp, a: &Expr, b: &Expr) -> (String, Level) {
        let (word, level) = match op {
            SetOp::Union => ("+", Level::Sum),
            SetOp::Difference => ("-", Level::Sum),
            SetOp::Intersection => ("*", Level::Product),
        };
        let right = if level == Level::Sum { Level::Product } else { Level::Atom };
        (format!("{} {word} {}", self.expr(a, level), self.expr(b, right)), level)
    }

    fn whole(&self, e: &Expr) -> String {
        self.expr(e, Level::Lowest)
    }

    fn tight(&self, e: &Expr) -> String {
        self.expr(e, Level::Atom)
    }

    fn list(&self, list: &[Expr]) -> String {
        join(list.iter().map(|e| self.whole(e)))
    }

    fn quantified(&self, word: &str, binder: &Binder, body: &Expr) -> String {
        format!("{word} {}: {}", self.binder(binder), self.whole(body))
    }

    fn binder(&self, binder: &Binder) -> String {
        let domain = match &binder.domain {
            Domain::Type(ty) => self.program.show_type(ty),
            Domain::Range(lo, hi) => format!("{lo}..{hi}"),
            Domain::Set(set) => self.expr(set, Level::Sum),
            Domain::Runs(p) => self.program.protocols[*p].name.clone(),
        };
        let name = &self.program.slots[binder.slot];
        let filter = binder.filter.as_ref().map_or(String::new(), |f| format!(" where {}", self.expr(f, Level::Or)));
        format!("{name} in {domain}{filter}")
    }

    /// Names, literals, calls and whatever else needs no parentheses.
    fn atom(&self, e: &Expr) -> String {
        use ExprKind as K;
        let program = self.program;
        match &e.kind {
            K::Literal(value) => program.show_value(&e.ty, value),
            K::Instant(_) => "now".to_owned(),
            K::Slot(slot) => program.slots[*slot].clone(),
            K::SelfId => "self".to_owned(),
            K::Var(var, keys) => self.variable(*var, keys),
            K::Old(a) => format!("old({})", self.whole(a)),
            K::SetLit(list) => format!("{{{}}}", self.list(list)),
            K::SetOf(body, binder) => format!("{{{} for {}}}", self.whole(body), self.binder(binder)),
            K::TypeSet(ty) => program.show_type(ty),
            K::Size(a) => format!("size({})", self.whole(a)),
            K::Count(binder) => format!("(count {})", self.binder(binder)),
            K::Extreme(greatest, body, binder) => {
                let word = if *greatest { "max" } else { "min" };
                format!("{word}({} for {})", self.whole(body), self.binder(binder))
            }
            K::MapGet(a, b) | K::SeqGet(a, b) => format!("{}[{}]", self.tight(a), self.whole(b)),
            K::MapSet(a, k, v) => format!("{} with [{}] = {}", self.tight(a), self.whole(k), self.whole(v)),
            K::MapAll(a) => format!("{{_: {}}}", self.whole(a)),
            K::SeqLit(list) => format!("[{}]", self.list(list)),
            K::Tail(a) => format!("tail({})", self.whole(a)),
            _ => self.compound(e),
        }
    }

    fn compound(&self, e: &Expr) -> String {
        use ExprKind as K;
        let program = self.program;
        match &e.kind {
            K::RecordLit(id, list) => {
                format!("{} {}", program.records[*id].name, self.fields(&program.records[*id].fields, list))
            }
            K::VariantLit(id, tag, list) => match program.unions[*id].variants.get(*tag as usize) {
                Some(v) if list.is_empty() => v.name.clone(),
                Some(v) => format!("{} {}", v.name, self.fields(&v.fields, list)),
                None => "?".to_owned(),
            },
            K::Field(a, i) => format!("{}.{}", self.tight(a), self.field_name(&a.ty, None, *i)),
            K::IsVariant(a, tag) => format!("{} is {}", self.tight(a), self.tag_name(&a.ty, *tag)),
            K::VariantField(a, tag, i) => format!("{}.{}", self.tight(a), self.field_name(&a.ty, Some(*tag), *i)),
            K::Crashed(_, a) => format!("crashed({})", self.whole(a)),
            K::Connected(a, _, b, _) => format!("connected({}, {})", self.whole(a), self.whole(b)),
            K::Neighbour(_, back, a) => format!("{}({})", if *back { "prev" } else { "next" }, self.whole(a)),
            K::RunUnfinished(_, r) => format!("unfinished({})", self.whole(r)),
            _ => self.run_name(e),
        }
    }

    /// What belongs to a run.
    fn run_name(&self, e: &Expr) -> String {
        use ExprKind as K;
        let protocols = &self.program.protocols;
        let unknown = || "?".to_owned();
        match &e.kind {
            K::Subject(i) => {
                self.protocol.and_then(|p| p.subjects.get(*i as usize)).map_or_else(unknown, |s| s.name.clone())
            }
            K::Role(role) => self.protocol.and_then(|p| p.roles.get(*role)).map_or_else(unknown, |r| r.name.clone()),
            K::RunVar(var) => self.protocol.and_then(|p| p.vars.get(*var)).map_or_else(unknown, |v| v.name.clone()),
            K::RunSubject(p, r, i) => {
                let subject = protocols[*p].subjects.get(*i as usize);
                format!("{}.{}", self.tight(r), subject.map_or("?", |s| &s.name))
            }
            K::RunRole(p, r, role) => format!("{}.{}", self.tight(r), protocols[*p].roles[*role].name),
            K::RunVarOf(p, r, var) => format!("{}.{}", self.tight(r), protocols[*p].vars[*var].name),
            _ => unknown(),
        }
    }

    fn fields(&self, fields: &[crate::program::Field], list: &[Expr]) -> String {
        let field = |(f, e): (&crate::program::Field, &Expr)| format!("{}: {}", f.name, self.whole(e));
        format!("{{ {} }}", join(fields.iter().zip(list).map(field)))
    }

    fn field_name(&self, ty: &Type, tag: Option<u32>, i: u32) -> String {
        let program = self.program;
        let fields = match (ty.unwrap_optional(), tag) {
            (Type::Record(id), _) => &program.records[*id].fields[..],
            (Type::Union(id), Some(tag)) => program.unions[*id].variants.get(tag as usize).map_or(&[][..], |v| &v.fields),
            _ => &[],
        };
        fields.get(i as usize).map_or_else(|| i.to_string(), |f| f.name.clone())
    }

    fn tag_name(&self, ty: &Type, tag: u32) -> String {
        let variant = match ty.unwrap_optional() {
            Type::Union(id) => self.program.unions[*id].variants.get(tag as usize),
            _ => None,
        };
        variant.map_or_else(|| tag.to_string(), |v| v.name.clone())
    }

    /// A truth attribute with its keys; a local of the acting instance bare.
    fn variable(&self, var: crate::program::VarId, keys: &[Expr]) -> String {
        let declared = &self.program.vars[var];
        let attribute = declared.name.split_once('.').map(|(_, a)| a);
        match (declared.owner, keys) {
            (crate::program::VarOwner::Local(_), [key]) => {
                let attribute = attribute.unwrap_or(&declared.name);
                let own = matches!(key.kind, ExprKind::SelfId);
                if own { attribute.to_owned() } else { format!("{}.{attribute}", self.tight(key)) }
            }
            _ => element_name(declared, &keys.iter().map(|k| self.whole(k)).collect::<Vec<_>>()),
        }
    }

    fn place(&self, place: &Place) -> String {
        match place {
            Place::Var(var, keys, _) => self.variable(*var, keys),
            Place::RunVar(var, _) => {
                self.protocol.and_then(|p| p.vars.get(*var)).map_or("?".to_owned(), |v| v.name.clone())
            }
        }
    }

    fn block(&self, stmts: &[Stmt]) -> String {
        let stmts: Vec<String> = stmts.iter().map(|s| self.stmt(s)).collect();
        if stmts.is_empty() { "{ }".to_owned() } else { format!("{{ {} }}", stmts.join("; ")) }
    }

    fn stmt(&self, stmt: &Stmt) -> String {
        match &stmt.kind {
            StmtKind::Assign(place, value) => format!("{} := {}", self.place(place), self.whole(value)),
            StmtKind::Advance(place, _) => format!("advance {}", self.place(place)),
            StmtKind::If(c, then, other) if other.is_empty() => format!("if {} {}", self.whole(c), self.block(then)),
            StmtKind::If(c, then, other) => {
                format!("if {} {} else {}", self.whole(c), self.block(then), self.block(other))
            }
            StmtKind::For(binder, body) => format!("for {} {}", self.binder(binder), self.block(body)),
            StmtKind::Let(slot, value) => format!("let {} = {}", self.program.slots[*slot], self.whole(value)),
            StmtKind::Pick(binder) => format!("pick {}", self.binder(binder)),
        }
    }
}

fn compare_word(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::Ne => "!=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
    }
}

/// A readable dump, for snapshots.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "program {}", self.name)?;
        for sort in &self.sorts {
            let words = [(sort.ring, " ring"), (sort.concurrent, " concurrent")];
            let words: String = words.into_iter().filter(|(is, _)| *is).map(|(_, w)| w).collect();
            writeln!(f, "{} {} * {}{words}", if sort.actor { "actor" } else { "id" }, sort.name, sort.size)?;
        }
        for list in &self.enums {
            writeln!(f, "enum {} {{ {} }}", list.name, list.constants.join(", "))?;
        }
        for ordinal in &self.ordinals {
            writeln!(f, "ordinal {}", ordinal.name)?;
        }
        self.write_vars(f)?;
        self.protocols.indices().try_for_each(|id| self.write_protocol(f, id))?;
        for fault in &self.faults {
            let budget = fault.budget.map_or("unbounded".to_owned(), |n| format!("at most {n}"));
            writeln!(f, "fault {} {budget}", self.show_fault(&fault.kind))?;
        }
        for deadline in &self.deadlines {
            let step = &self.protocols[deadline.protocol].steps[deadline.step].name;
            writeln!(f, "deadline {step} within {}", deadline.within)?;
        }
        self.write_properties(f)
    }
}

impl Program {
    fn write_vars(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for var in &self.vars {
            let keys = join(var.keys.iter().map(|k| self.show_type(k)));
            let keys = if keys.is_empty() { keys } else { format!("[{keys}]") };
            let init = match &var.init {
                Init::Any => "any".to_owned(),
                Init::Value { value, .. } => self.show_expr(None, value),
            };
            writeln!(f, "var {}{keys}: {} = {init}", var.name, self.show_type(&var.ty))?;
        }
        Ok(())
    }

    fn write_protocol(&self, f: &mut fmt::Formatter<'_>, id: ProtocolId) -> fmt::Result {
        let p = &self.protocols[id];
        let subjects = join(p.subjects.iter().map(|s| format!("{}: {}", s.name, self.sorts[s.sort].name)));
        let words = [(p.rule, " rule"), (p.repeats, " repeats"), (p.daemon, " daemon")];
        let words: String = words.into_iter().filter(|(is, _)| *is).map(|(_, w)| w).collect();
        writeln!(f, "protocol {}({subjects}) * {}{words}", p.name, p.copies)?;
        for role in &p.roles {
            writeln!(f, "  role {}: {}", role.name, self.sorts[role.sort].name)?;
        }
        for var in &p.vars {
            writeln!(f, "  var {}: {}", var.name, self.show_type(&var.ty))?;
        }
        for (var, value) in &p.begin {
            writeln!(f, "  let {} = {}", p.vars[*var].name, self.show_expr(Some(id), value))?;
        }
        for chain in &p.chains {
            let steps: Vec<&str> = chain.steps.iter().map(|s| p.steps[*s].name.as_str()).collect();
            let window = chain.window.as_ref().map_or(String::new(), |w| {
                let words = [(w.at_start, " at start"), (w.detached, " detached")];
                let words: String = words.into_iter().filter(|(is, _)| *is).map(|(_, w)| w).collect();
                format!(" |-> {}..={}{words}", w.from, w.to)
            });
            writeln!(f, "  chain{window} {} => {}", steps.join(" -> "), chain.outcome.word)?;
        }
        p.steps.indices().try_for_each(|step| self.write_step(f, id, step))
    }

    fn write_step(&self, f: &mut fmt::Formatter<'_>, id: ProtocolId, step: StepId) -> fmt::Result {
        let p = &self.protocols[id];
        let step = &p.steps[step];
        let actor = match step.actor {
            crate::program::Actor::Subject(i) => p.subjects.get(i as usize).map_or("?", |s| &s.name),
            crate::program::Actor::Role(role) => p.roles.get(role).map_or("?", |r| &r.name),
        };
        let loops = if step.loops { "loop " } else { "" };
        writeln!(f, "  {loops}{actor}[{} {{{}}}]", step.name, self.show_expr(Some(id), &step.guard))?;
        let binds = step.binds.iter().map(|r| p.roles[*r].name.clone());
        let chosen = join(binds.chain(step.params.iter().map(|v| p.vars[*v].name.clone())));
        if !chosen.is_empty() {
            writeln!(f, "    chooses {chosen}")?;
        }
        for (var, value) in &step.lets {
            writeln!(f, "    let {} = {}", p.vars[*var].name, self.show_expr(Some(id), value))?;
        }
        for stmt in &step.effect {
            writeln!(f, "    {}", self.show_stmt(id, stmt))?;
        }
        if let Some(reject) = &step.reject {
            writeln!(f, "    rejects => {}", reject.outcome.word)?;
            reject.effect.iter().try_for_each(|s| writeln!(f, "      {}", self.show_stmt(id, s)))?;
        }
        Ok(())
    }

    fn write_properties(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for property in &self.properties {
            let writer = Writer { program: self, protocol: None };
            let binders: String =
                property.binders.iter().map(|b| format!("for each {}: ", writer.binder(b))).collect();
            let kind = crate::explore::kind_of(&property.kind);
            let claims = match &property.kind {
                PropertyKind::Step { at, .. } => {
                    let claim = |c: &crate::program::StepClaim| {
                        let step = &self.protocols[c.protocol].steps[c.step].name;
                        format!("{step}: {}", self.show_expr(Some(c.protocol), &c.claim))
                    };
                    join(at.iter().map(claim))
                }
                PropertyKind::LeadsTo(a, b) => {
                    format!("{}, {}", self.show_expr(None, a), self.show_expr(None, b))
                }
                PropertyKind::Always(e)
                | PropertyKind::Monotonic(e)
                | PropertyKind::Reachable(e)
                | PropertyKind::AlwaysPossible(e)
                | PropertyKind::Eventually(e)
                | PropertyKind::AlwaysEventually(e) => self.show_expr(None, e),
            };
            writeln!(f, "property {}: {binders}{kind} {claims}", property.name)?;
        }
        Ok(())
    }
}
