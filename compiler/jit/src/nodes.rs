//! Nodes of a plan as values of Cranelift.
//!
//! A node is either a 64-bit value or, where it is a truth value, a flag, which branches and choices take as it is.
//! What was computed is used again within the blocks that it dominates: a [`Scope`] is left with them.

use arch_check::plan::{Graph, Id, Op};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlagsData, Value, types};
use cranelift_frontend::FunctionBuilder;

/// What was computed so far, to be forgotten together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope(usize);

/// Values of nodes in the function under construction.
pub(crate) struct Nodes<'p> {
    graph: &'p Graph,
    /// Where the words of the state are.
    state: Value,
    values: Vec<Option<Value>>,
    flags: Vec<Option<Value>>,
    computed: Vec<(Id, bool)>,
}

impl<'p> Nodes<'p> {
    pub(crate) fn new(graph: &'p Graph, state: Value) -> Nodes<'p> {
        let none = vec![None; graph.len()];
        Nodes { graph, state, values: none.clone(), flags: none, computed: Vec::new() }
    }

    pub(crate) fn enter(&self) -> Scope {
        Scope(self.computed.len())
    }

    /// Forgets what was computed since a scope was entered.
    pub(crate) fn leave(&mut self, scope: Scope) {
        for (id, flag) in self.computed.drain(scope.0..) {
            let list = if flag { &mut self.flags } else { &mut self.values };
            list[id.0 as usize] = None;
        }
    }

    /// A node as a 64-bit value.
    pub(crate) fn value(&mut self, b: &mut FunctionBuilder<'_>, id: Id) -> Value {
        if let Some(value) = self.values[id.0 as usize] {
            return value;
        }
        let value = self.compute(b, id);
        self.values[id.0 as usize] = Some(value);
        self.computed.push((id, false));
        value
    }

    /// Whether a node is not 0, as a flag.
    pub(crate) fn flag(&mut self, b: &mut FunctionBuilder<'_>, id: Id) -> Value {
        if let Some(flag) = self.flags[id.0 as usize] {
            return flag;
        }
        let flag = self.compute_flag(b, id);
        self.flags[id.0 as usize] = Some(flag);
        self.computed.push((id, true));
        flag
    }

    fn is_truth(&self, id: Id) -> bool {
        self.graph.bits(id) <= 1
    }

    fn compute_flag(&mut self, b: &mut FunctionBuilder<'_>, id: Id) -> Value {
        match self.graph.op(id) {
            Op::Eq(x, y) if self.is_bit(x, y) => self.test(b, IntCC::NotEqual, x),
            Op::Eq(x, y) => self.compare(b, IntCC::Equal, x, y),
            Op::Lt(x, y) => self.compare(b, IntCC::SignedLessThan, x, y),
            Op::Le(x, y) => self.compare(b, IntCC::SignedLessThanOrEqual, x, y),
            Op::And(x, y) if self.is_truth(x) && self.is_truth(y) && self.graph.constant(y).is_none() => {
                let (x, y) = (self.flag(b, x), self.flag(b, y));
                b.ins().band(x, y)
            }
            Op::Or(x, y) if self.is_truth(x) && self.is_truth(y) => {
                let (x, y) = (self.flag(b, x), self.flag(b, y));
                b.ins().bor(x, y)
            }
            Op::Xor(x, one) if self.graph.constant(one) == Some(1) && self.is_truth(x) => {
                match self.graph.op(x) {
                    Op::Eq(p, q) if self.is_bit(p, q) => self.test(b, IntCC::Equal, p),
                    Op::Eq(p, q) => self.compare(b, IntCC::NotEqual, p, q),
                    Op::Lt(p, q) => self.compare(b, IntCC::SignedGreaterThanOrEqual, p, q),
                    Op::Le(p, q) => self.compare(b, IntCC::SignedGreaterThan, p, q),
                    _ if !self.is_made_of_flags(x) => self.test(b, IntCC::Equal, x),
                    _ => {
                        let (x, one) = (self.flag(b, x), b.ins().iconst(types::I8, 1));
                        b.ins().bxor(x, one)
                    }
                }
            }
            _ => self.test(b, IntCC::NotEqual, id),
        }
    }

    /// Whether a node is equal to a constant with one bit, which is the only one that it can have.
    fn is_bit(&self, x: Id, y: Id) -> bool {
        self.graph.constant(y).is_some_and(|bit| bit.is_power_of_two() && self.graph.bits(x) == bit)
    }

    /// Whether a node is 0, or is not. Bits of a field are looked at where they are.
    fn test(&mut self, b: &mut FunctionBuilder<'_>, how: IntCC, id: Id) -> Value {
        let (of, bits) = match self.graph.op(id) {
            Op::And(x, mask) => match (self.graph.op(x), self.graph.constant(mask)) {
                (Op::Shr(word, by), Some(mask)) => (word, mask << by),
                _ => (id, u64::MAX),
            },
            Op::Shr(word, by) => (word, u64::MAX << by),
            _ => (id, u64::MAX),
        };
        let mut value = self.value(b, of);
        if bits != u64::MAX {
            let bits = b.ins().iconst(types::I64, bits as i64);
            value = b.ins().band(value, bits);
        }
        let zero = b.ins().iconst(types::I64, 0);
        b.ins().icmp(how, value, zero)
    }

    /// Whether a truth value is made of others: then it is a flag as long as it can be.
    fn is_made_of_flags(&self, id: Id) -> bool {
        match self.graph.op(id) {
            Op::And(x, y) => self.is_truth(x) && self.is_truth(y) && self.graph.constant(y).is_none(),
            Op::Or(x, y) => self.is_truth(x) && self.is_truth(y),
            Op::Xor(x, one) => self.graph.constant(one) == Some(1) && self.is_truth(x),
            Op::Lt(..) | Op::Le(..) => true,
            // The bit itself is had for less.
            Op::Eq(x, y) => !self.is_bit(x, y),
            _ => false,
        }
    }

    fn compare(&mut self, b: &mut FunctionBuilder<'_>, how: IntCC, x: Id, y: Id) -> Value {
        let (x, y) = (self.value(b, x), self.value(b, y));
        b.ins().icmp(how, x, y)
    }

    fn compute(&mut self, b: &mut FunctionBuilder<'_>, id: Id) -> Value {
        if self.is_made_of_flags(id) {
            let flag = self.flag(b, id);
            return b.ins().uextend(types::I64, flag);
        }
        match self.graph.op(id) {
            Op::Const(value) => b.ins().iconst(types::I64, value as i64),
            Op::Word(word) => {
                // The state does not change while a function runs.
                let flags = MemFlagsData::trusted().with_readonly().with_can_move();
                b.ins().load(types::I64, flags, self.state, word as i32 * 8)
            }
            Op::Eq(x, _) => {
                let place = i64::from(self.graph.bits(x).trailing_zeros());
                let (x, place) = (self.value(b, x), b.ins().iconst(types::I64, place));
                b.ins().ushr(x, place)
            }
            Op::Lt(..) | Op::Le(..) => unreachable!("a comparison is made of flags"),
            Op::Select(c, x, y) => {
                let (c, x, y) = (self.flag(b, c), self.value(b, x), self.value(b, y));
                b.ins().select(c, x, y)
            }
            Op::Shl(x, by) => {
                let (x, by) = (self.value(b, x), b.ins().iconst(types::I64, i64::from(by)));
                b.ins().ishl(x, by)
            }
            Op::Shr(x, by) => {
                let (x, by) = (self.value(b, x), b.ins().iconst(types::I64, i64::from(by)));
                b.ins().ushr(x, by)
            }
            Op::Bit(x) => {
                let (x, one) = (self.value(b, x), b.ins().iconst(types::I64, 1));
                b.ins().ishl(one, x)
            }
            Op::Count(x) => {
                let x = self.value(b, x);
                b.ins().popcnt(x)
            }
            op @ (Op::Add(x, y)
            | Op::Sub(x, y)
            | Op::Mul(x, y)
            | Op::AddSat(x, y)
            | Op::SubSat(x, y)
            | Op::MulSat(x, y)
            | Op::Mod(x, y)
            | Op::Rem(x, y)
            | Op::Min(x, y)
            | Op::Max(x, y)
            | Op::And(x, y)
            | Op::Or(x, y)
            | Op::Xor(x, y)) => {
                let (x, y) = (self.value(b, x), self.value(b, y));
                binary(b, op, x, y)
            }
        }
    }
}

fn binary(b: &mut FunctionBuilder<'_>, op: Op, x: Value, y: Value) -> Value {
    match op {
        Op::Add(..) => b.ins().iadd(x, y),
        Op::Sub(..) => b.ins().isub(x, y),
        Op::Mul(..) => b.ins().imul(x, y),
        Op::AddSat(..) => add_saturating(b, x, y),
        Op::SubSat(..) => sub_saturating(b, x, y),
        Op::MulSat(..) => mul_saturating(b, x, y),
        Op::Mod(..) => modulo(b, x, y),
        // The divisor is a constant that is not 0.
        Op::Rem(..) => b.ins().urem(x, y),
        Op::Min(..) => b.ins().smin(x, y),
        Op::Max(..) => b.ins().smax(x, y),
        Op::And(..) => b.ins().band(x, y),
        Op::Or(..) => b.ins().bor(x, y),
        Op::Xor(..) => b.ins().bxor(x, y),
        _ => unreachable!("{op:?} has not two operands that are values"),
    }
}

/// The limit on the side of a number: the greatest for those that are not negative, else the least.
fn limit(b: &mut FunctionBuilder<'_>, like: Value) -> Value {
    let by = b.ins().iconst(types::I64, 63);
    let (sign, most) = (b.ins().sshr(like, by), b.ins().iconst(types::I64, i64::MAX));
    b.ins().bxor(sign, most)
}

/// `limit` where `overflow` is negative, else `value`.
fn unless_negative(b: &mut FunctionBuilder<'_>, overflow: Value, limit: Value, value: Value) -> Value {
    let zero = b.ins().iconst(types::I64, 0);
    let over = b.ins().icmp(IntCC::SignedLessThan, overflow, zero);
    b.ins().select(over, limit, value)
}

fn add_saturating(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    // It overflows when both have the same sign and the sum has the other.
    let sum = b.ins().iadd(x, y);
    let (p, q) = (b.ins().bxor(x, sum), b.ins().bxor(y, sum));
    let (overflow, limit) = (b.ins().band(p, q), limit(b, x));
    unless_negative(b, overflow, limit, sum)
}

fn sub_saturating(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let difference = b.ins().isub(x, y);
    let (p, q) = (b.ins().bxor(x, y), b.ins().bxor(x, difference));
    let (overflow, limit) = (b.ins().band(p, q), limit(b, x));
    unless_negative(b, overflow, limit, difference)
}

fn mul_saturating(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let (low, high) = (b.ins().imul(x, y), b.ins().smulhi(x, y));
    let by = b.ins().iconst(types::I64, 63);
    let sign = b.ins().sshr(low, by);
    let fits = b.ins().icmp(IntCC::Equal, high, sign);
    let signs = b.ins().bxor(x, y);
    let limit = limit(b, signs);
    b.ins().select(fits, low, limit)
}

fn modulo(b: &mut FunctionBuilder<'_>, x: Value, y: Value) -> Value {
    let (zero, one) = (b.ins().iconst(types::I64, 0), b.ins().iconst(types::I64, 1));
    // By 1 the remainder is 0, which is what a divisor that is not positive has to give.
    let positive = b.ins().icmp(IntCC::SignedGreaterThan, y, zero);
    let divisor = b.ins().select(positive, y, one);
    let remainder = b.ins().srem(x, divisor);
    let more = b.ins().iadd(remainder, divisor);
    unless_negative(b, remainder, more, remainder)
}
