//! The functions of a plan: some that expand a state together, one that judges it.
//!
//! They are called as [`crate::call`] says. Whatever is rare (an event that leads nowhere, a violated claim, a state
//! that has to be settled) is only noted: the interpreter does it once more.

use crate::nodes::Nodes;
use arch_check::native::NOWHERE;
use arch_check::plan::{Action, Id, Outcome, Plan};
use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Value, types};
use cranelift_frontend::{FunctionBuilder, Variable};
use std::ops::Range;

/// Actions of a group that a function does.
pub(crate) type Piece = (usize, Range<u32>);

/// Nodes after which a function is long enough: the time to compile one grows faster than its length.
const LONG: usize = 3_000;

/// Actions that need at most so many nodes together are done without a branch: whether an action is enabled is hard to
/// predict, and a branch that is predicted wrong costs more than computing what is not needed.
const FLAT: usize = 40;

/// Cuts all actions into functions, by the nodes that each needs at most.
pub(crate) fn pieces(plan: &Plan, sizes: &[usize]) -> Vec<Vec<Piece>> {
    let (mut all, mut now, mut size) = (Vec::new(), Vec::<Piece>::new(), 0);
    for (g, group) in plan.groups.iter().enumerate() {
        let mut start = group.actions.start;
        for action in group.actions.clone() {
            size += sizes[action as usize];
            if size > LONG {
                now.push((g, start..action + 1));
                all.push(std::mem::take(&mut now));
                (start, size) = (action + 1, 0);
            }
        }
        if start < group.actions.end {
            now.push((g, start..group.actions.end));
        }
    }
    all.push(now);
    all
}

/// Builds the body of a function.
pub(crate) struct Body<'p, 'b, 'f> {
    plan: &'p Plan,
    /// The nodes that each action needs at most.
    sizes: &'p [usize],
    b: &'b mut FunctionBuilder<'f>,
    nodes: Nodes<'p>,
}

/// What `expand` is given beside the state.
struct Out {
    states: Value,
    actions: Value,
    flags: Value,
    rare: Value,
    /// How many states there are.
    count: Variable,
}

const MEMORY: MemFlagsData = MemFlagsData::trusted();

impl<'p, 'b, 'f> Body<'p, 'b, 'f> {
    /// The start of a function.
    pub(crate) fn new(
        plan: &'p Plan,
        sizes: &'p [usize],
        b: &'b mut FunctionBuilder<'f>,
    ) -> Body<'p, 'b, 'f> {
        let entry = b.create_block();
        b.append_block_params_for_function_params(entry);
        b.switch_to_block(entry);
        b.seal_block(entry);
        let state = b.block_params(entry)[0];
        Body { plan, sizes, b, nodes: Nodes::new(&plan.graph, state) }
    }

    fn parameter(&self, i: usize) -> Value {
        let entry = self.b.func.layout.entry_block().unwrap_or(Block::from_u32(0));
        self.b.block_params(entry)[i]
    }

    /// Does some of the actions.
    pub(crate) fn expand(mut self, pieces: &[Piece]) {
        let plan: &'p Plan = self.plan;
        let count = self.b.declare_var(types::I64);
        let first = self.parameter(5);
        self.b.def_var(count, first);
        let out = Out {
            states: self.parameter(1),
            actions: self.parameter(2),
            flags: self.parameter(3),
            rare: self.parameter(4),
            count,
        };
        for (group, actions) in pieces {
            let end = self.b.create_block();
            let scope = self.nodes.enter();
            self.require(&plan.groups[*group].conditions, end);
            let mut rest = actions.clone();
            while !rest.is_empty() {
                let alike = self.alike(rest.clone());
                rest.start = alike.end;
                if self.is_flat(alike.clone()) {
                    alike.for_each(|number| self.flat_action(number, &out));
                } else {
                    self.actions(alike, &out);
                }
            }
            self.nodes.leave(scope);
            self.b.ins().jump(end, &[]);
            self.enter(end);
        }
        let count = self.b.use_var(out.count);
        self.b.ins().return_(&[count]);
    }

    /// Goes on with a block to which no more jumps will be added.
    fn enter(&mut self, block: Block) {
        self.b.switch_to_block(block);
        self.b.seal_block(block);
    }

    /// Goes elsewhere unless all conditions hold.
    fn require(&mut self, conditions: &[Id], elsewhere: Block) {
        for id in conditions {
            let flag = self.nodes.flag(self.b, *id);
            let next = self.b.create_block();
            self.b.ins().brif(flag, next, &[], elsewhere, &[]);
            self.enter(next);
        }
    }

    /// The first of some actions with those behind it that ask the same of a state: a step with each of its choices,
    /// often.
    fn alike(&self, actions: Range<u32>) -> Range<u32> {
        let action = |i: u32| &self.plan.actions[i as usize];
        let first = action(actions.start);
        let same = |i: &u32| action(*i).base == first.base && action(*i).guard == first.guard;
        actions.start..actions.start + actions.take_while(same).count() as u32
    }

    /// Whether actions that ask the same are done without a branch.
    fn is_flat(&self, alike: Range<u32>) -> bool {
        let plain = |i: u32| {
            let action = &self.plan.actions[i as usize];
            let words = matches!(action.outcome, Outcome::Words(_));
            words && action.refused.is_none() && action.cuts.is_empty() && self.plan.tick != Some(i)
        };
        let size: usize = self.sizes[alike.start as usize..alike.end as usize].iter().sum();
        size <= FLAT && alike.into_iter().all(plain)
    }

    /// Does an action that is not even branched to: the state is written in any case, and counts if the action is enabled.
    fn flat_action(&mut self, number: u32, out: &Out) {
        let action = &self.plan.actions[number as usize];
        let conditions = [&action.base, &action.guard, &action.rest, &action.live];
        let enabled = conditions.into_iter().flatten().map(|id| self.nodes.flag(self.b, *id));
        let enabled: Vec<Value> = enabled.collect();
        let enabled = enabled.into_iter().reduce(|a, b| self.b.ins().band(a, b));
        self.lead_on(number, action, enabled, out);
    }

    /// Does actions that ask the same, which is asked once. What one computes the next ones need not compute again.
    fn actions(&mut self, alike: Range<u32>, out: &Out) {
        let plan: &'p Plan = self.plan;
        let first = &plan.actions[alike.start as usize];
        let end = self.b.create_block();
        let scope = self.nodes.enter();
        self.require(&first.base, end);
        let mut refused: Vec<u32> = alike.clone().filter_map(|i| plan.actions[i as usize].refused).collect();
        refused.dedup();
        if refused.is_empty() || first.guard.is_empty() {
            self.require(&first.guard, end);
        } else {
            let no = self.b.create_block();
            self.require(&first.guard, no);
            let asked = self.b.current_block();
            self.enter(no);
            let yes = self.b.ins().iconst(types::I8, 1);
            for step in refused {
                self.b.ins().store(MEMORY, yes, out.flags, step as i32);
            }
            self.b.ins().jump(end, &[]);
            asked.into_iter().for_each(|block| self.b.switch_to_block(block));
        }
        alike.for_each(|number| self.action(number, out));
        self.nodes.leave(scope);
        self.b.ins().jump(end, &[]);
        self.enter(end);
    }

    /// Does an action whose guard holds.
    fn action(&mut self, number: u32, out: &Out) {
        let action = &self.plan.actions[number as usize];
        let settles = matches!(action.outcome, Outcome::Cells(_));
        if action.rest.is_empty() && action.live.is_empty() && self.plan.tick != Some(number) && !settles {
            self.cuts(action, out);
            return self.lead_on(number, action, None, out);
        }
        let end = self.b.create_block();
        let scope = self.nodes.enter();
        self.require(&action.rest, end);
        self.cuts(action, out);
        self.require(&action.live, end);
        self.bounds(number, action, out, end);
        self.lead(number, action, out, end);
        self.nodes.leave(scope);
        self.b.ins().jump(end, &[]);
        self.enter(end);
    }

    /// Does an action that leads to a state if it is enabled (always if there is no such flag) and does not exceed its bounds,
    /// without going elsewhere: a state that is not to count is written over by the next one.
    fn lead_on(&mut self, number: u32, action: &Action, enabled: Option<Value>, out: &Out) {
        let Outcome::Words(changed) = &action.outcome else { unreachable!("it is not settled") };
        let count = self.b.use_var(out.count);
        let exceeded = self.any(&action.bounds, true).map(|exceeded| self.both(enabled, exceeded));
        if let Some(exceeded) = exceeded {
            let nowhere = self.b.ins().iconst(types::I64, i64::from(NOWHERE));
            self.note_if(exceeded, number, nowhere, out);
        }
        let new: Vec<(u32, Value)> =
            changed.iter().map(|(word, id)| (*word, self.nodes.value(self.b, *id))).collect();
        self.write(&new, count, out);
        let claims: Vec<Id> = action.claims.iter().map(|(id, _)| *id).collect();
        if let Some(violated) = self.any(&claims, false) {
            let mut violated = self.both(enabled, violated);
            if let Some(exceeded) = exceeded {
                violated = self.b.ins().band_not(violated, exceeded);
            }
            self.note_if(violated, number, count, out);
        }
        self.write_action(number, count, out);
        let mut more = match enabled {
            Some(enabled) => self.b.ins().uextend(types::I64, enabled),
            None => self.b.ins().iconst(types::I64, 1),
        };
        if let Some(exceeded) = exceeded {
            let less = self.b.ins().uextend(types::I64, exceeded);
            more = self.b.ins().isub(more, less);
        }
        let count = self.b.ins().iadd(count, more);
        self.b.def_var(out.count, count);
    }

    /// Whether both are true; the first may be missing, and is true then.
    fn both(&mut self, first: Option<Value>, second: Value) -> Value {
        first.map_or(second, |first| self.b.ins().band(first, second))
    }

    /// Notes an action in the rare case that it has to be looked at.
    fn note_if(&mut self, flag: Value, number: u32, state: Value, out: &Out) {
        let (rare, next) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(rare);
        self.b.ins().brif(flag, rare, &[], next, &[]);
        self.enter(rare);
        self.note(number, state, out);
        self.b.ins().jump(next, &[]);
        self.enter(next);
    }

    /// Writes the number of the action beside its state.
    fn write_action(&mut self, number: u32, count: Value, out: &Out) {
        let four = self.b.ins().iconst(types::I64, 4);
        let offset = self.b.ins().imul(count, four);
        let at = self.b.ins().iadd(out.actions, offset);
        let number = self.b.ins().iconst(types::I32, i64::from(number));
        self.b.ins().store(MEMORY, number, at, 0);
    }

    fn cuts(&mut self, action: &Action, out: &Out) {
        for (id, cut) in &action.cuts {
            let flag = self.nodes.flag(self.b, *id);
            let at = (self.plan.steps + cut) as i32;
            let known = self.b.ins().load(types::I8, MEMORY, out.flags, at);
            let now = self.b.ins().bor(known, flag);
            self.b.ins().store(MEMORY, now, out.flags, at);
        }
    }

    fn bounds(&mut self, number: u32, action: &Action, out: &Out, end: Block) {
        let Some(exceeded) = self.any(&action.bounds, true) else { return };
        let (rare, next) = (self.b.create_block(), self.b.create_block());
        self.b.set_cold_block(rare);
        self.b.ins().brif(exceeded, rare, &[], next, &[]);
        self.enter(rare);
        let nowhere = self.b.ins().iconst(types::I64, i64::from(NOWHERE));
        self.note(number, nowhere, out);
        self.b.ins().jump(end, &[]);
        self.enter(next);
    }

    /// Whether one of these is true, or else false; none if there are none.
    fn any(&mut self, ids: &[Id], wanted: bool) -> Option<Value> {
        let mut all: Option<Value> = None;
        for id in ids {
            let mut flag = self.nodes.flag(self.b, *id);
            if !wanted {
                let one = self.b.ins().iconst(types::I8, 1);
                flag = self.b.ins().bxor(flag, one);
            }
            all = Some(match all {
                Some(others) => self.b.ins().bor(others, flag),
                None => flag,
            });
        }
        all
    }

    /// Writes the state that an action leads to.
    fn lead(&mut self, number: u32, action: &Action, out: &Out, end: Block) {
        let count = self.b.use_var(out.count);
        match &action.outcome {
            Outcome::Words(changed) => {
                let new: Vec<(u32, Value)> =
                    changed.iter().map(|(word, id)| (*word, self.nodes.value(self.b, *id))).collect();
                if self.plan.tick == Some(number) {
                    self.require_change(&new, end);
                }
                self.write(&new, count, out);
                let claims: Vec<Id> = action.claims.iter().map(|(id, _)| *id).collect();
                if let Some(violated) = self.any(&claims, false) {
                    self.note_if(violated, number, count, out);
                }
            }
            Outcome::Cells(_) => self.note(number, count, out),
        }
        self.write_action(number, count, out);
        let one = self.b.ins().iconst(types::I64, 1);
        let count = self.b.ins().iadd(count, one);
        self.b.def_var(out.count, count);
    }

    /// Goes elsewhere if all words are as they were.
    fn require_change(&mut self, new: &[(u32, Value)], elsewhere: Block) {
        let mut changes = self.b.ins().iconst(types::I64, 0);
        for (word, value) in new {
            let old = self.old(*word);
            let change = self.b.ins().bxor(old, *value);
            changes = self.b.ins().bor(changes, change);
        }
        let next = self.b.create_block();
        self.b.ins().brif(changes, next, &[], elsewhere, &[]);
        self.enter(next);
    }

    fn old(&mut self, word: u32) -> Value {
        let flags = MEMORY.with_readonly().with_can_move();
        let state = self.parameter(0);
        self.b.ins().load(types::I64, flags, state, word as i32 * 8)
    }

    fn write(&mut self, new: &[(u32, Value)], count: Value, out: &Out) {
        let size = self.b.ins().iconst(types::I64, i64::from(self.plan.words) * 8);
        let offset = self.b.ins().imul(count, size);
        let at = self.b.ins().iadd(out.states, offset);
        for word in 0..self.plan.words {
            let changed = new.iter().find(|(w, _)| *w == word).map(|(_, value)| *value);
            let value = changed.unwrap_or_else(|| self.old(word));
            self.b.ins().store(MEMORY, value, at, word as i32 * 8);
        }
    }

    /// Notes an action that the interpreter has to look at, with the number of its state: pairs behind their count.
    fn note(&mut self, action: u32, state: Value, out: &Out) {
        let known = self.b.ins().load(types::I32, MEMORY, out.rare, 0);
        let one = self.b.ins().iconst(types::I32, 1);
        let more = self.b.ins().iadd(known, one);
        self.b.ins().store(MEMORY, more, out.rare, 0);
        let (wide, eight) = (self.b.ins().uextend(types::I64, known), self.b.ins().iconst(types::I64, 8));
        let offset = self.b.ins().imul(wide, eight);
        let at = self.b.ins().iadd(out.rare, offset);
        let action = self.b.ins().iconst(types::I32, i64::from(action));
        let state = self.b.ins().ireduce(types::I32, state);
        self.b.ins().store(MEMORY, action, at, 4);
        self.b.ins().store(MEMORY, state, at, 8);
    }

    /// Judges a state: the numbers of what is found go to the second parameter, their count is the result.
    pub(crate) fn judge(mut self) {
        let mut found = Vec::new();
        let plan: &'p Plan = self.plan;
        for (id, number) in &plan.judge.violated {
            let holds = self.nodes.flag(self.b, *id);
            let one = self.b.ins().iconst(types::I8, 1);
            found.push((self.b.ins().bxor(holds, one), *number));
        }
        for (exists, holds, number) in &plan.judge.hits {
            let (exists, holds) = (self.nodes.flag(self.b, *exists), self.nodes.flag(self.b, *holds));
            found.push((self.b.ins().band(exists, holds), *number));
        }
        let zero = self.b.ins().iconst(types::I64, 0);
        let any = found.iter().map(|(flag, _)| *flag).reduce(|a, b| self.b.ins().bor(a, b));
        let Some(any) = any else {
            self.b.ins().return_(&[zero]);
            return;
        };
        let (some, none) = (self.b.create_block(), self.b.create_block());
        self.b.ins().brif(any, some, &[], none, &[]);
        self.enter(none);
        self.b.ins().return_(&[zero]);
        self.enter(some);
        let mut count = zero;
        for (flag, number) in found {
            let four = self.b.ins().iconst(types::I64, 4);
            let offset = self.b.ins().imul(count, four);
            let list = self.parameter(1);
            let at = self.b.ins().iadd(list, offset);
            let number = self.b.ins().iconst(types::I32, i64::from(number));
            self.b.ins().store(MEMORY, number, at, 0);
            let more = self.b.ins().uextend(types::I64, flag);
            count = self.b.ins().iadd(count, more);
        }
        self.b.ins().return_(&[count]);
    }
}
