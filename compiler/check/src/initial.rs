//! The initial states.

use crate::error::CompileError;
use crate::layout::{Layout, Shape};
use crate::symbolic::action::Compiler;
use crate::symbolic::dag::Dag;
use crate::symbolic::sym::{Builder, ElementsCache};
use crate::values::write;
use arch_ir::{Init, Program, RunState, State, Value};

/// The initial states: one, with the values that parts of it take.
#[derive(Clone, Debug, Default)]
pub(crate) struct Initial {
    state: State,
    /// For each variable element or offset that takes several values: which, and they.
    columns: Vec<(Column, Vec<Value>)>,
}

#[derive(Clone, Copy, Debug)]
enum Column {
    Var(u32, u32),
    Skew(u32, u32),
}

impl Column {
    fn put(self, state: &mut State, value: Value) {
        match (self, value) {
            (Column::Var(var, element), value) => state.vars[var as usize][element as usize] = value,
            (Column::Skew(sort, n), Value::Int(offset)) => state.skew[sort as usize][n as usize] = offset,
            (Column::Skew(..), _) => {}
        }
    }
}

impl Initial {
    /// Those of a program.
    pub(crate) fn of(program: &Program, layout: &Layout) -> Result<Initial, CompileError> {
        let builder = Builder { program, dag: Dag::default(), elements: ElementsCache::default(), work: 0 };
        let mut c = Compiler::new(layout, builder);
        let mut cells = vec![0; layout.cells.len()];
        let mut start = Initial { state: blank_state(program, layout), columns: Vec::new() };
        for (v, var) in program.vars.iter().enumerate() {
            let mut list = Vec::new();
            for keys in program.key_tuples(&var.keys) {
                if let Init::Any = var.init {
                    let all = program.values(&var.ty).unwrap_or_else(|| vec![program.default_value(&var.ty)]);
                    start.columns.push((Column::Var(v as u32, list.len() as u32), all));
                }
                list.push(c.initial_value(var, &keys)?);
            }
            let shapes = layout.vars[v].iter().zip(&list);
            if !shapes.into_iter().all(|(shape, value)| write(shape, Some(value), &layout.cells, &mut cells))
            {
                return Err(CompileError::at(var.span, "an initial value does not fit its variable"));
            }
            start.state.vars.push(list);
        }
        for (sort, shapes) in layout.skew.iter().enumerate() {
            for (n, shape) in shapes.iter().enumerate() {
                if let Shape::Cell(_, cell) = shape {
                    let cell = &layout.cells[*cell as usize];
                    let offsets = (cell.lo..=cell.hi).map(Value::Int).collect();
                    start.columns.push((Column::Skew(sort as u32, n as u32), offsets));
                }
            }
        }
        Ok(start)
    }

    /// Passes every one, in order, until `sink` answers false.
    pub(crate) fn each(&self, sink: &mut dyn FnMut(&State) -> bool) {
        let mut at = vec![0; self.columns.len()];
        let mut state = self.state.clone();
        loop {
            for ((column, values), i) in self.columns.iter().zip(&at) {
                column.put(&mut state, values[*i].clone());
            }
            let more = sink(&state);
            let last = (0..at.len()).rev().find(|i| at[*i] + 1 < self.columns[*i].1.len());
            let (true, Some(last)) = (more, last) else { return };
            at[last] += 1;
            at[last + 1..].fill(0);
        }
    }
}

/// A state with everything but the variables.
fn blank_state(program: &Program, layout: &Layout) -> State {
    let runs = program.protocols.iter_enumerated();
    State {
        vars: Vec::new(),
        runs: runs
            .map(|(p, protocol)| vec![RunState::idle(protocol); program.run_count(p) as usize])
            .collect(),
        down: layout.down.iter().map(|list| vec![false; list.len()]).collect(),
        skew: layout.skew.iter().map(|list| vec![0; list.len()]).collect(),
        budgets: program
            .faults
            .iter()
            .zip(&layout.budgets)
            .map(|(f, b)| f.budget.filter(|_| b.is_some()))
            .collect(),
        cut: layout.cut.iter().map(|list| vec![false; list.len()]).collect(),
        pending: program.faults.iter().map(|_| Vec::new()).collect(),
        waits: layout.waits.iter().map(|list| vec![0; list.len()]).collect(),
    }
}
