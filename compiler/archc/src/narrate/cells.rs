//! A state as named values, so that two states can be compared line by line.

use arch_base::Idx;
use arch_ir::eval::Interpreter;
use arch_ir::time::TimeClass;
use arch_ir::{
    FaultId, FaultKind, Program, RoleId, RunRef, RunState, RunVarId, SortId, State, Status, Type, Value,
    VarId, VarOwner,
};

/// A part of a state that has a name and a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NamedCell {
    /// Which part.
    pub key: CellKey,
    /// `LeaseState.expiry_at`, `main(claimant1)`.
    pub name: String,
    /// Its value, shown.
    pub value: String,
    /// For a set, its elements, shown.
    pub elements: Option<Vec<String>>,
    /// For a map, its keys and values, shown.
    pub entries: Option<Vec<(String, String)>>,
    /// Whether it is as anybody would expect of an initial state.
    pub boring: bool,
}

/// Which part of a state a cell is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CellKey {
    /// An element of a variable.
    Var(VarId, usize),
    /// Where a run is.
    Status(RunRef),
    /// A role of a run.
    Role(RunRef, RoleId),
    /// A variable of a run.
    RunVar(RunRef, RunVarId),
    /// Whether an instance is down.
    Down(SortId, usize),
    /// By how much an instance's clock is ahead.
    Skew(SortId, usize),
    /// Whether an instance is cut off.
    Cut(FaultId, usize),
    /// How many duplicates are on their way.
    Pending(FaultId),
}

/// All cells of a state, in the order of the program. Budgets and deadlines are bookkeeping, not cells.
#[must_use]
pub fn cells(interpreter: &Interpreter<'_>, state: &State) -> Vec<NamedCell> {
    let mut all = Vec::new();
    variables(interpreter, state, &mut all);
    for (protocol, _) in interpreter.program().protocols.iter_enumerated().filter(|(_, p)| !p.rule) {
        for (number, run) in (0..interpreter.program().run_count(protocol)).zip(state.protocol(protocol)) {
            run_cells(interpreter, RunRef { protocol, run: number }, run, &mut all);
        }
    }
    faults(interpreter.program(), state, &mut all);
    all
}

fn variables(interpreter: &Interpreter<'_>, state: &State, all: &mut Vec<NamedCell>) {
    let program = interpreter.program();
    for (id, var) in program.vars.iter_enumerated() {
        let default = program.default_value(&var.ty);
        let tuples = program.key_tuples(&var.keys);
        for (i, (keys, value)) in tuples.iter().zip(state.var(id)).enumerate() {
            all.push(NamedCell {
                key: CellKey::Var(id, i),
                name: variable_name(program, id, keys),
                value: timed(program, &var.ty, value, interpreter.times().var(id)),
                elements: elements(program, &var.ty, value),
                entries: entries(program, &var.ty, value),
                boring: *value == default || is_past(value),
            });
        }
    }
}

/// A value; an instant that no guard can tell from earlier ones is `past`.
fn timed(program: &Program, ty: &Type, value: &Value, class: TimeClass) -> String {
    match (value, class.floor) {
        (Value::Time(t), Some(floor)) if *t <= floor => "past".to_owned(),
        (Value::Time(_), None) => "some time".to_owned(),
        _ => program.show_value(ty, value),
    }
}

fn elements(program: &Program, ty: &Type, value: &Value) -> Option<Vec<String>> {
    match (ty, value) {
        (Type::Set(element, _), Value::Set(set)) => {
            Some(set.iter().map(|v| program.show_value(element, v)).collect())
        }
        _ => None,
    }
}

fn entries(program: &Program, ty: &Type, value: &Value) -> Option<Vec<(String, String)>> {
    let (Type::Map(key, element), Value::Map(map)) = (ty, value) else { return None };
    Some(map.iter().map(|(k, v)| (program.show_value(key, k), program.show_value(element, v))).collect())
}

fn is_past(value: &Value) -> bool {
    matches!(value, Value::Time(t) if *t <= 0)
}

/// `Lease[task1].owner` for `Lease.owner` keyed by task; `worker1.my_epoch` for a local.
fn variable_name(program: &Program, id: VarId, keys: &[Value]) -> String {
    let var = &program.vars[id];
    let shown: Vec<String> = var.keys.iter().zip(keys).map(|(ty, k)| program.show_value(ty, k)).collect();
    match (var.owner, var.name.split_once('.')) {
        _ if keys.is_empty() => var.name.clone(),
        (VarOwner::Local(_), Some((_, attribute))) => format!("{}.{attribute}", shown.join(", ")),
        (VarOwner::Truth(_), Some((truth, attribute))) => {
            format!("{truth}[{}].{attribute}", shown.join(", "))
        }
        (_, None) => format!("{}[{}]", var.name, shown.join(", ")),
    }
}

fn run_cells(interpreter: &Interpreter<'_>, reference: RunRef, run: &RunState, all: &mut Vec<NamedCell>) {
    let program = interpreter.program();
    let protocol = &program.protocols[reference.protocol];
    let name = program.run_name(reference);
    all.push(NamedCell {
        key: CellKey::Status(reference),
        name: name.clone(),
        value: status(program, reference, run),
        elements: None,
        entries: None,
        boring: run.status == Status::Idle,
    });
    for ((id, role), bound) in protocol.roles.iter_enumerated().zip(&run.roles) {
        all.push(NamedCell {
            key: CellKey::Role(reference, id),
            name: format!("{name}.{}", role.name),
            value: bound.map_or("unbound".to_owned(), |b| program.instance_name(role.sort, b)),
            elements: None,
            entries: None,
            boring: bound.is_none(),
        });
    }
    for ((id, var), value) in protocol.vars.iter_enumerated().zip(&run.vars) {
        let class = interpreter.times().run_var(reference.protocol, id);
        all.push(NamedCell {
            key: CellKey::RunVar(reference, id),
            name: format!("{name}.{}", var.name),
            value: timed(program, &var.ty, value, class),
            elements: elements(program, &var.ty, value),
            entries: entries(program, &var.ty, value),
            boring: *value == var.init || is_past(value),
        });
    }
}

/// `idle`, `at commit`, `done`.
fn status(program: &Program, reference: RunRef, run: &RunState) -> String {
    let protocol = &program.protocols[reference.protocol];
    match run.status {
        Status::Idle => "idle".to_owned(),
        Status::At(chain, position) => {
            let step = protocol.chains.get(chain).and_then(|c| c.steps.get(position as usize));
            step.map_or("at its end".to_owned(), |s| format!("at {}", protocol.steps[*s].name))
        }
        Status::Ended(word) => {
            protocol.endings().get(word as usize).map_or("ended".to_owned(), |word| (*word).to_owned())
        }
    }
}

fn faults(program: &Program, state: &State, all: &mut Vec<NamedCell>) {
    for sort in program.sorts.indices() {
        for (i, down) in state.down.get(sort.index()).into_iter().flatten().enumerate() {
            let name = instance(program, sort, i);
            all.push(flag(CellKey::Down(sort, i), name, *down, ["up", "down"]));
        }
        for (i, skew) in state.skew.get(sort.index()).into_iter().flatten().enumerate() {
            let name = format!("clock of {}", instance(program, sort, i));
            let value = if *skew == 0 { "exact".to_owned() } else { format!("{skew:+}") };
            all.push(NamedCell {
                key: CellKey::Skew(sort, i),
                name,
                value,
                elements: None,
                entries: None,
                boring: *skew == 0,
            });
        }
    }
    for (id, fault) in program.faults.iter_enumerated() {
        if let FaultKind::Partition { from, to } = &fault.kind {
            for (i, cut) in state.cut.get(id.index()).into_iter().flatten().enumerate() {
                let name = format!("{} to {}", instance(program, *from, i), program.sorts[*to].name);
                all.push(flag(CellKey::Cut(id, i), name, *cut, ["connected", "cut off"]));
            }
        }
        if let FaultKind::Duplicate { protocol, step, .. } = &fault.kind {
            let number = state.pending.get(id.index()).map_or(0, Vec::len);
            let name =
                format!("duplicates of {} on their way", program.protocols[*protocol].steps[*step].name);
            all.push(NamedCell {
                key: CellKey::Pending(id),
                name,
                value: number.to_string(),
                elements: None,
                entries: None,
                boring: number == 0,
            });
        }
    }
}

fn instance(program: &Program, sort: SortId, index: usize) -> String {
    program.instance_name(sort, u32::try_from(index).unwrap_or(u32::MAX))
}

fn flag(key: CellKey, name: String, set: bool, [unset_word, set_word]: [&str; 2]) -> NamedCell {
    NamedCell {
        key,
        name,
        value: (if set { set_word } else { unset_word }).to_owned(),
        elements: None,
        entries: None,
        boring: !set,
    }
}
