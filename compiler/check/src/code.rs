//! Straight-line code for nodes, and its interpreter.
//!
//! All code works on one array of 64-bit values: the cells of a state, then the constants, then room
//! for results. An assertion that fails ends a block, so that a disabled action costs little.

use crate::symbolic::dag::{Dag, N, Op, modulo};
use std::collections::BTreeMap;
use std::ops::Range;

/// What an instruction does with the values at `a`, `b` and `c`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Do {
    Add,
    Sub,
    Mul,
    Mod,
    Min,
    Max,
    Eq,
    Lt,
    Le,
    And,
    Or,
    Not,
    Select,
    Assert,
    AssertNot,
    AssertEq,
    AssertNe,
    AssertLt,
    AssertLe,
}

/// An instruction.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    act: Do,
    to: u32,
    a: u32,
    b: u32,
    c: u32,
}

/// A range of instructions.
pub type Block = Range<u32>;

/// Where a value is.
pub type Place = u32;

/// All code of a machine.
#[derive(Debug, Default)]
pub struct Code {
    instructions: Vec<Instruction>,
    constants: Vec<i64>,
    cells: usize,
    room: usize,
}

impl Code {
    /// An array to work on, with the constants in it.
    pub fn values(&self) -> Vec<i64> {
        let mut values = vec![0; self.cells];
        values.extend(&self.constants);
        values.resize(values.len() + self.room, 0);
        values
    }

    /// Runs a block; the failed assertion, if there is one.
    pub fn run(&self, block: &Block, values: &mut [i64]) -> Result<(), u32> {
        for (i, instruction) in self.instructions[block.start as usize..block.end as usize].iter().enumerate()
        {
            if !step(instruction, values) {
                return Err(block.start + i as u32);
            }
        }
        Ok(())
    }

    /// The constant at a place, if there is one.
    pub fn constant(&self, place: Place) -> Option<i64> {
        self.constants.get((place as usize).checked_sub(self.cells)?).copied()
    }

    /// Where code that is added next will be.
    pub fn here(&self) -> u32 {
        self.instructions.len() as u32
    }
}

/// Executes an instruction; false when it is an assertion that fails.
#[inline]
fn step(i: &Instruction, values: &mut [i64]) -> bool {
    let (a, b) = (values[i.a as usize], values[i.b as usize]);
    let result = match i.act {
        Do::Add => a.saturating_add(b),
        Do::Sub => a.saturating_sub(b),
        Do::Mul => a.saturating_mul(b),
        Do::Mod => modulo(a, b),
        Do::Min => a.min(b),
        Do::Max => a.max(b),
        Do::Eq => i64::from(a == b),
        Do::Lt => i64::from(a < b),
        Do::Le => i64::from(a <= b),
        Do::And => a & b,
        Do::Or => a | b,
        Do::Not => a ^ 1,
        Do::Select => {
            if a != 0 {
                b
            } else {
                values[i.c as usize]
            }
        }
        Do::Assert => return a != 0,
        Do::AssertNot => return a == 0,
        Do::AssertEq => return a == b,
        Do::AssertNe => return a != b,
        Do::AssertLt => return a < b,
        Do::AssertLe => return a <= b,
    };
    values[i.to as usize] = result;
    true
}

/// No place yet.
const NOWHERE: u32 = u32::MAX;

/// Writes code for the nodes of a graph.
pub struct Emitter<'d> {
    dag: &'d Dag,
    code: Code,
    /// For each node where its value is in the present unit.
    places: Vec<u32>,
    /// Nodes of the present unit.
    placed: Vec<N>,
    used: usize,
}

impl<'d> Emitter<'d> {
    /// Code over so many cells.
    pub fn new(dag: &'d Dag, cells: usize) -> Emitter<'d> {
        let mut emitter = Emitter {
            dag,
            code: Code { cells, ..Code::default() },
            places: vec![NOWHERE; dag.len()],
            placed: Vec::new(),
            used: 0,
        };
        emitter.place_leaves();
        emitter
    }

    fn place_leaves(&mut self) {
        let mut known: BTreeMap<i64, u32> = BTreeMap::new();
        for n in 0..self.dag.len() as u32 {
            match self.dag.op(N(n)) {
                Op::Cell(cell) => self.places[n as usize] = cell,
                Op::Const(value) => {
                    let next = (self.code.cells + self.code.constants.len()) as u32;
                    let place = *known.entry(value).or_insert(next);
                    if place == next {
                        self.code.constants.push(value);
                    }
                    self.places[n as usize] = place;
                }
                _ => {}
            }
        }
    }

    /// Ends a unit of blocks that run one after the other: their results are forgotten.
    pub fn end_unit(&mut self) {
        for n in self.placed.drain(..) {
            self.places[n.0 as usize] = NOWHERE;
        }
        self.used = 0;
    }

    /// Where code that is added next will be.
    pub fn here(&self) -> u32 {
        self.code.here()
    }

    /// All the code.
    pub fn finish(self) -> Code {
        self.code
    }

    fn push(&mut self, act: Do, to: u32, [a, b, c]: [u32; 3]) {
        self.code.instructions.push(Instruction { act, to, a, b, c });
    }

    /// Adds code that computes a node, unless it is computed already; where its value is.
    pub fn value(&mut self, n: N) -> Place {
        let mut open = vec![n];
        while let Some(&top) = open.last() {
            if self.places[top.0 as usize] != NOWHERE {
                open.pop();
                continue;
            }
            let missing = self.dag.operands(top).filter(|o| self.places[o.0 as usize] == NOWHERE);
            let before = open.len();
            open.extend(missing);
            if open.len() == before {
                open.pop();
                self.compute(top);
            }
        }
        self.places[n.0 as usize]
    }

    fn compute(&mut self, n: N) {
        let at = |n: N| self.places[n.0 as usize];
        let (act, operands) = match self.dag.op(n) {
            Op::Const(_) | Op::Cell(_) => return,
            Op::Add(a, b) => (Do::Add, [at(a), at(b), 0]),
            Op::Sub(a, b) => (Do::Sub, [at(a), at(b), 0]),
            Op::Mul(a, b) => (Do::Mul, [at(a), at(b), 0]),
            Op::Mod(a, b) => (Do::Mod, [at(a), at(b), 0]),
            Op::Min(a, b) => (Do::Min, [at(a), at(b), 0]),
            Op::Max(a, b) => (Do::Max, [at(a), at(b), 0]),
            Op::Eq(a, b) => (Do::Eq, [at(a), at(b), 0]),
            Op::Lt(a, b) => (Do::Lt, [at(a), at(b), 0]),
            Op::Le(a, b) => (Do::Le, [at(a), at(b), 0]),
            Op::And(a, b) => (Do::And, [at(a), at(b), 0]),
            Op::Or(a, b) => (Do::Or, [at(a), at(b), 0]),
            Op::Not(a) => (Do::Not, [at(a), 0, 0]),
            Op::Select(a, b, c) => (Do::Select, [at(a), at(b), at(c)]),
        };
        let place = (self.code.cells + self.code.constants.len() + self.used) as u32;
        self.used += 1;
        self.code.room = self.code.room.max(self.used);
        self.push(act, place, operands);
        self.places[n.0 as usize] = place;
        self.placed.push(n);
    }

    /// Adds code that fails unless a node is true.
    pub fn assert(&mut self, n: N) {
        match self.dag.op(n) {
            Op::Const(value) if value != 0 => {}
            Op::And(a, b) => {
                self.assert(a);
                self.assert(b);
            }
            Op::Eq(a, b) => self.assert_pair(Do::AssertEq, a, b),
            Op::Lt(a, b) => self.assert_pair(Do::AssertLt, a, b),
            Op::Le(a, b) => self.assert_pair(Do::AssertLe, a, b),
            Op::Not(inner) => match self.dag.op(inner) {
                Op::Eq(a, b) => self.assert_pair(Do::AssertNe, a, b),
                _ => {
                    let place = self.value(inner);
                    self.push(Do::AssertNot, 0, [place, 0, 0]);
                }
            },
            _ => {
                let place = self.value(n);
                self.push(Do::Assert, 0, [place, 0, 0]);
            }
        }
    }

    fn assert_pair(&mut self, act: Do, a: N, b: N) {
        let (a, b) = (self.value(a), self.value(b));
        self.push(act, 0, [a, b, 0]);
    }
}

/// Conditions that must all hold, taken apart, without those that always do.
pub fn conjuncts(dag: &Dag, conditions: &[N]) -> Vec<N> {
    let mut list = Vec::new();
    let mut open: Vec<N> = conditions.iter().rev().copied().collect();
    while let Some(n) = open.pop() {
        match dag.op(n) {
            Op::Const(value) if value != 0 => {}
            Op::And(a, b) => open.extend([b, a]),
            _ if list.contains(&n) => {}
            _ => list.push(n),
        }
    }
    list
}
