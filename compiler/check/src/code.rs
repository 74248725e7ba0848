//! Straight-line code for the nodes of a plan, and its interpreter.
//!
//! All code works on one array of 64-bit values: the words of a state, then the constants, then room for
//! results. An assertion that fails ends a block, so that a disabled action costs little.

use crate::plan::{Graph, Id, Op};
use crate::symbolic::dag::modulo;
use std::collections::BTreeMap;
use std::ops::Range;

/// What an instruction does with the values at `a`, `b` and `c`; where it says so, `c` is a number itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Do {
    Add,
    Sub,
    Mul,
    AddSat,
    SubSat,
    MulSat,
    Mod,
    Rem,
    Min,
    Max,
    Eq,
    Lt,
    Le,
    And,
    Or,
    Xor,
    /// By `c`.
    Shl,
    /// By `c`.
    Shr,
    Select,
    Bit,
    Count,
    /// `a` shifted down by `c`, of that the bits in `b`.
    Field,
    /// The bits of `a` that are in `b`, and those of `c`.
    Keep,
    /// `a`, and `b` shifted up by `c`.
    Insert,
    /// Whether the bits of `a` that are in `b` are `c`.
    Masked,
    Assert,
    AssertNot,
    AssertEq,
    AssertNe,
    AssertLt,
    AssertLe,
    AssertMasked,
    AssertOther,
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
    constants: Vec<u64>,
    words: usize,
    room: usize,
}

impl Code {
    /// An array to work on, with the constants in it.
    #[must_use]
    pub fn values(&self) -> Vec<u64> {
        let mut values = vec![0; self.words];
        values.extend(&self.constants);
        values.resize(values.len() + self.room, 0);
        values
    }

    /// Runs a block; the failed assertion, if there is one.
    #[inline]
    pub fn run(&self, block: &Block, values: &mut [u64]) -> Result<(), u32> {
        for (i, instruction) in self.instructions[block.start as usize..block.end as usize].iter().enumerate()
        {
            if !step(instruction, values) {
                return Err(block.start + i as u32);
            }
        }
        Ok(())
    }

    /// The constant at a place, if there is one.
    #[must_use]
    pub fn constant(&self, place: Place) -> Option<i64> {
        self.constants.get((place as usize).checked_sub(self.words)?).map(|v| *v as i64)
    }
}

/// Executes an instruction; false when it is an assertion that fails.
#[inline(always)]
fn step(i: &Instruction, values: &mut [u64]) -> bool {
    let (a, b) = (values[i.a as usize], values[i.b as usize]);
    let (x, y) = (a as i64, b as i64);
    let result = match i.act {
        Do::Add => a.wrapping_add(b),
        Do::Sub => a.wrapping_sub(b),
        Do::Mul => a.wrapping_mul(b),
        Do::AddSat => x.saturating_add(y) as u64,
        Do::SubSat => x.saturating_sub(y) as u64,
        Do::MulSat => x.saturating_mul(y) as u64,
        Do::Mod => modulo(x, y) as u64,
        Do::Rem => a.checked_rem(b).unwrap_or(0),
        Do::Min => x.min(y) as u64,
        Do::Max => x.max(y) as u64,
        Do::Eq => u64::from(a == b),
        Do::Lt => u64::from(x < y),
        Do::Le => u64::from(x <= y),
        Do::And => a & b,
        Do::Or => a | b,
        Do::Xor => a ^ b,
        Do::Shl => a << (i.c & 63),
        Do::Shr => a >> (i.c & 63),
        Do::Select => {
            if a != 0 {
                b
            } else {
                values[i.c as usize]
            }
        }
        Do::Bit => 1 << (a & 63),
        Do::Count => u64::from(a.count_ones()),
        Do::Field => a >> (i.c & 63) & b,
        Do::Keep => a & b | values[i.c as usize],
        Do::Insert => a | b << (i.c & 63),
        Do::Masked => u64::from(a & b == values[i.c as usize]),
        Do::Assert => return a != 0,
        Do::AssertNot => return a == 0,
        Do::AssertEq => return a == b,
        Do::AssertNe => return a != b,
        Do::AssertLt => return x < y,
        Do::AssertLe => return x <= y,
        Do::AssertMasked => return a & b == values[i.c as usize],
        Do::AssertOther => return a & b != values[i.c as usize],
    };
    values[i.to as usize] = result;
    true
}

/// No place yet.
const NOWHERE: u32 = u32::MAX;

/// An operand: a node, or a number.
#[derive(Clone, Copy, Debug)]
enum Operand {
    Node(Id),
    Number(u32),
}

/// An instruction whose operands need not have places yet.
type Form = (Do, [Operand; 3]);

const NONE: Operand = Operand::Number(0);

/// Writes code for the nodes of a graph.
pub struct Emitter<'g> {
    graph: &'g Graph,
    code: Code,
    /// For each node where its value is in the present unit.
    places: Vec<u32>,
    /// Nodes of the present unit.
    placed: Vec<Id>,
    used: usize,
}

impl<'g> Emitter<'g> {
    /// Code over so many words.
    #[must_use]
    pub fn new(graph: &'g Graph, words: usize) -> Emitter<'g> {
        let mut emitter = Emitter {
            graph,
            code: Code { words, ..Code::default() },
            places: vec![NOWHERE; graph.len()],
            placed: Vec::new(),
            used: 0,
        };
        emitter.place_leaves();
        emitter
    }

    fn place_leaves(&mut self) {
        let mut known: BTreeMap<u64, u32> = BTreeMap::new();
        for n in 0..self.graph.len() as u32 {
            match self.graph.op(Id(n)) {
                Op::Word(word) => self.places[n as usize] = word,
                Op::Const(value) => {
                    let next = (self.code.words + self.code.constants.len()) as u32;
                    let place = *known.entry(value).or_insert(next);
                    if place == next {
                        self.code.constants.push(value);
                    }
                    self.places[n as usize] = place;
                }
                _ => {}
            }
        }
        // Instructions read two places even when they need one or none.
        if self.code.words + self.code.constants.len() == 0 {
            self.code.constants.push(0);
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
    #[must_use]
    pub fn here(&self) -> u32 {
        self.code.instructions.len() as u32
    }

    /// All the code.
    #[must_use]
    pub fn finish(self) -> Code {
        self.code
    }

    fn push(&mut self, act: Do, to: u32, operands: [Operand; 3]) {
        let [a, b, c] = operands.map(|o| match o {
            Operand::Node(id) => self.places[id.0 as usize],
            Operand::Number(number) => number,
        });
        self.code.instructions.push(Instruction { act, to, a, b, c });
    }

    fn is_open(&self, id: Id) -> bool {
        self.places[id.0 as usize] == NOWHERE
    }

    /// Adds code that computes a node, unless it is computed already; where its value is.
    pub fn value(&mut self, id: Id) -> Place {
        let mut open = vec![id];
        while let Some(&top) = open.last() {
            if !self.is_open(top) {
                open.pop();
                continue;
            }
            let form = self.form(top);
            let before = open.len();
            open.extend(self.missing(&form));
            if open.len() == before {
                open.pop();
                self.compute(top, form);
            }
        }
        self.places[id.0 as usize]
    }

    fn missing(&self, (_, operands): &Form) -> impl Iterator<Item = Id> {
        let open = operands.map(|o| match o {
            Operand::Node(id) if self.is_open(id) => Some(id),
            _ => None,
        });
        open.into_iter().flatten()
    }

    fn compute(&mut self, id: Id, (act, operands): Form) {
        let place = (self.code.words + self.code.constants.len() + self.used) as u32;
        self.used += 1;
        self.code.room = self.code.room.max(self.used);
        self.push(act, place, operands);
        self.places[id.0 as usize] = place;
        self.placed.push(id);
    }

    /// The instruction for a node: one for two nodes where there is one and the inner value is not there anyway.
    fn form(&self, id: Id) -> Form {
        use Operand::{Node, Number};
        let open = |id: Id| self.is_open(id).then(|| self.graph.op(id));
        let is_constant = |id: Id| self.graph.constant(id).is_some();
        let two = |act: Do, a: Id, b: Id| (act, [Node(a), Node(b), NONE]);
        match self.graph.op(id) {
            Op::Const(_) | Op::Word(_) => (Do::Or, [Node(id), Node(id), NONE]),
            Op::Add(a, b) => two(Do::Add, a, b),
            Op::Sub(a, b) => two(Do::Sub, a, b),
            Op::Mul(a, b) => two(Do::Mul, a, b),
            Op::AddSat(a, b) => two(Do::AddSat, a, b),
            Op::SubSat(a, b) => two(Do::SubSat, a, b),
            Op::MulSat(a, b) => two(Do::MulSat, a, b),
            Op::Mod(a, b) => two(Do::Mod, a, b),
            Op::Rem(a, b) => two(Do::Rem, a, b),
            Op::Min(a, b) => two(Do::Min, a, b),
            Op::Max(a, b) => two(Do::Max, a, b),
            Op::Eq(a, b) => match open(a) {
                Some(Op::And(x, mask)) if is_constant(mask) => (Do::Masked, [Node(x), Node(mask), Node(b)]),
                _ => two(Do::Eq, a, b),
            },
            Op::Lt(a, b) => two(Do::Lt, a, b),
            Op::Le(a, b) => two(Do::Le, a, b),
            Op::And(a, b) => match open(a) {
                Some(Op::Shr(x, by)) => (Do::Field, [Node(x), Node(b), Number(by)]),
                _ => two(Do::And, a, b),
            },
            Op::Or(a, b) => match (open(a), open(b)) {
                (Some(Op::And(x, mask)), _) if is_constant(mask) => {
                    (Do::Keep, [Node(x), Node(mask), Node(b)])
                }
                (_, Some(Op::And(x, mask))) if is_constant(mask) => {
                    (Do::Keep, [Node(x), Node(mask), Node(a)])
                }
                (_, Some(Op::Shl(x, by))) => (Do::Insert, [Node(a), Node(x), Number(by)]),
                (Some(Op::Shl(x, by)), _) => (Do::Insert, [Node(b), Node(x), Number(by)]),
                _ => two(Do::Or, a, b),
            },
            Op::Xor(a, b) => two(Do::Xor, a, b),
            Op::Shl(a, by) => (Do::Shl, [Node(a), NONE, Number(by)]),
            Op::Shr(a, by) => (Do::Shr, [Node(a), NONE, Number(by)]),
            Op::Select(c, t, e) => (Do::Select, [Node(c), Node(t), Node(e)]),
            Op::Bit(a) => (Do::Bit, [Node(a), NONE, NONE]),
            Op::Count(a) => (Do::Count, [Node(a), NONE, NONE]),
        }
    }

    /// Adds code that fails unless a node is true.
    pub fn assert(&mut self, id: Id) {
        loop {
            let form = self.assertion(id);
            let missing: Vec<Id> = self.missing(&form).collect();
            if missing.is_empty() {
                return self.push(form.0, 0, form.1);
            }
            for id in missing {
                self.value(id);
            }
        }
    }

    fn assertion(&self, id: Id) -> Form {
        let (wanted, inner) = match self.graph.op(id) {
            Op::Xor(inner, one) if self.graph.constant(one) == Some(1) => (false, inner),
            _ => (true, id),
        };
        let form = if self.is_open(inner) { self.form(inner) } else { (Do::Or, [NONE; 3]) };
        match (form, wanted) {
            ((Do::Masked, operands), true) => (Do::AssertMasked, operands),
            ((Do::Masked, operands), false) => (Do::AssertOther, operands),
            ((Do::Eq, operands), true) => (Do::AssertEq, operands),
            ((Do::Eq, operands), false) => (Do::AssertNe, operands),
            ((Do::Lt, operands), true) => (Do::AssertLt, operands),
            ((Do::Le, operands), true) => (Do::AssertLe, operands),
            ((Do::Lt, [a, b, c]), false) => (Do::AssertLe, [b, a, c]),
            ((Do::Le, [a, b, c]), false) => (Do::AssertLt, [b, a, c]),
            (_, true) => (Do::Assert, [Operand::Node(inner), NONE, NONE]),
            (_, false) => (Do::AssertNot, [Operand::Node(inner), NONE, NONE]),
        }
    }
}
