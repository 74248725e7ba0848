//! Which states cannot reach a goal any more, without the graph.
//!
//! The edges of a large graph take several times the memory of its states, so they are not kept: states are
//! expanded once more, depth first, and what is known of each is one byte beside its slot in the visited set:
//! which of up to [`GROUP`] goals it can reach.
//!
//! The traversal is Tarjan's (1972) for strongly connected components, whose states can all reach the same. It leaves
//! out most of the work where goals are in reach, which is the rule: as soon as a state is met that can reach
//! every goal, all states on Tarjan's stack can, for each of them leads to the state that is being expanded;
//! and a state on the present path can reach every goal as soon as states behind it on the path have them all. So
//! deep searches are rare, and what a component has in common has to be computed only where a goal is out of reach.
//!
//! Every state is expanded once for each group of goals. Memory beside that byte is for the stack.

use crate::bits::Bits;
use crate::keys::Keys;
use crate::limits::{Stop, StopSign};
use crate::memory::{Refused, filled, push};
use crate::paths::Marks;
use crate::search::Exploration;
use crate::successors::Successors;
use crate::system::System;
use crate::visited::{Kind, Set};
use hashbrown::HashMap;

/// Goals that are looked at together.
pub const GROUP: usize = 7;

/// What is known of a state is final.
const DONE: u8 = 1 << GROUP;

/// A system with goals: sets of states.
pub trait Goals: System {
    /// The number of goals.
    fn goal_count(&self) -> usize;

    /// Adds for each goal whether a state has to be able to reach it, and whether it is in it.
    fn in_goals(&self, state: &[u64], scratch: &mut Self::Scratch, out: &mut Vec<(bool, bool)>);
}

/// For each goal the states that have to be able to reach it and are not; none if there are none. Every
/// reachable state must have been found.
///
/// # Errors
///
/// When a limit is reached or the caller interrupts.
pub fn unable<S: Goals>(
    system: &S,
    explored: &Exploration<S::Scratch>,
    limits: &crate::Limits,
    interrupt: &std::sync::atomic::AtomicBool,
) -> Result<Vec<Option<Marks>>, Stop> {
    let sign = StopSign { limits, interrupt };
    let most = limits.max_memory.unwrap_or(u64::MAX).saturating_sub(explored.statistics.visited_bytes);
    match &explored.visited.0 {
        Kind::Nothing => Err(Stop::Memory),
        Kind::Packed(set) => all_groups(system, set, sign, most),
        Kind::Tree(set) => all_groups(system, set, sign, most),
    }
}

fn all_groups<S: Goals, K: Keys>(
    system: &S,
    set: &Set<K>,
    sign: StopSign<'_>,
    most: u64,
) -> Result<Vec<Option<Marks>>, Stop> {
    let mut marks = Vec::new();
    for first in (0..system.goal_count()).step_by(GROUP) {
        let mut search = Search::new(system, set, sign, most, first)?;
        search.run()?;
        marks.extend(search.marks()?);
    }
    Ok(marks)
}

impl From<Refused> for Stop {
    fn from(_: Refused) -> Stop {
        Stop::Memory
    }
}

/// A state on the present path.
#[derive(Clone, Copy, Debug)]
struct Frame {
    /// Where its states are on Tarjan's stack.
    position: usize,
    /// The lowest position that it leads back to.
    low: usize,
    /// Goals that it can reach, as far as is known.
    goals: u8,
    /// Where its successors begin that are not looked at yet.
    open: usize,
}

/// A search under way.
struct Search<'a, S: Goals, K: Keys> {
    system: &'a S,
    set: &'a Set<K>,
    sign: StopSign<'a>,
    most: u64,
    first: usize,
    /// All goals of the group.
    all: u8,
    /// By slot: goals that a state can reach, with [`DONE`] once that is final.
    known: Vec<u8>,
    path: Vec<Frame>,
    /// States whose component is not complete, by slot; and where each of them is.
    stack: Vec<u64>,
    positions: HashMap<u64, usize>,
    /// Slots and keys of successors of states on the path.
    open: Vec<(u64, u64)>,
    /// For each goal the last state on the path of which it is known that it can reach it: one more than its place.
    last: [usize; GROUP],
    /// So many states at the beginning of the path are known to reach all goals.
    able: usize,
    desk: Desk<S, K>,
    expanded: u64,
}

/// What states are expanded on.
struct Desk<S: System, K: Keys> {
    scratch: S::Scratch,
    local: K::Local,
    state: Vec<u64>,
    successors: Successors,
    in_goals: Vec<(bool, bool)>,
    images: Vec<u64>,
    keys: Vec<u64>,
    slots: Vec<u64>,
}

/// What the successors of a state say.
enum Look {
    /// One of them can reach every goal.
    Able,
    More,
}

impl<'a, S: Goals, K: Keys> Search<'a, S, K> {
    fn new(
        system: &'a S,
        set: &'a Set<K>,
        sign: StopSign<'a>,
        most: u64,
        first: usize,
    ) -> Result<Self, Stop> {
        let end = set.table.end();
        if end > most {
            return Err(Stop::Memory);
        }
        let words = system.widths().len();
        Ok(Search {
            system,
            set,
            sign,
            most,
            first,
            all: ((1u32 << GROUP.min(system.goal_count() - first)) - 1) as u8,
            known: filled(0, end as usize)?,
            path: Vec::new(),
            stack: Vec::new(),
            positions: HashMap::new(),
            open: Vec::new(),
            last: [0; GROUP],
            able: 0,
            desk: Desk {
                scratch: system.scratch(),
                local: set.keys.local(),
                state: vec![0; words],
                successors: Successors::with_room(words, system.actions()).map_err(|_| Stop::Memory)?,
                in_goals: Vec::new(),
                images: Vec::new(),
                keys: Vec::new(),
                slots: Vec::new(),
            },
            expanded: 0,
        })
    }

    fn run(&mut self) -> Result<(), Stop> {
        let set = self.set;
        let mut result = Ok(());
        set.table.each(|slot, key| {
            if self.known[slot as usize] & DONE == 0 {
                result = self.from(slot, key);
            }
            result.is_ok()
        });
        result
    }

    /// Decides everything about a state.
    fn from(&mut self, slot: u64, key: u64) -> Result<(), Stop> {
        self.enter(slot, key)?;
        while let Some(frame) = self.path.last().copied() {
            if self.open.len() == frame.open {
                self.leave(frame);
            } else if let Some((slot, key)) = self.open.pop() {
                match self.look(slot) {
                    Some(Look::Able) => self.all_able(),
                    Some(Look::More) => {}
                    None => self.enter(slot, key)?,
                }
            }
        }
        Ok(())
    }

    /// Begins a state: puts it on the path and looks at its successors.
    fn enter(&mut self, slot: u64, key: u64) -> Result<(), Stop> {
        self.check()?;
        let position = self.stack.len();
        push(&mut self.stack, slot)?;
        self.positions.try_reserve(1).map_err(|_| Stop::Memory)?;
        self.positions.insert(slot, position);
        push(&mut self.path, Frame { position, low: position, goals: 0, open: self.open.len() })?;
        let goals = self.expand(key)?;
        self.reach(goals);
        for i in 0..self.desk.slots.len() {
            let slot = self.desk.slots[i];
            match self.look(slot) {
                Some(Look::Able) => {
                    self.all_able();
                    return Ok(());
                }
                Some(Look::More) => {}
                None => push(&mut self.open, (slot, self.desk.keys[i]))?,
            }
        }
        Ok(())
    }

    /// Expands a state into slots and keys on the desk; the goals that it is in.
    fn expand(&mut self, key: u64) -> Result<u8, Stop> {
        let Desk { scratch, local, state, successors, in_goals, images, keys, slots } = &mut self.desk;
        self.set.keys.unpack(key, state, local);
        in_goals.clear();
        self.system.in_goals(state, scratch, in_goals);
        let group = in_goals.iter().skip(self.first).take(GROUP).enumerate();
        let goals = group.fold(0, |goals, (i, (_, inside))| goals | u8::from(*inside) << i);
        successors.clear();
        successors.reserve().map_err(|_| Stop::Memory)?;
        self.system.expand(state, scratch, successors);
        images.clear();
        keys.clear();
        slots.clear();
        for next in successors.states().chunks_exact(state.len().max(1)) {
            let key = self.set.keys.find(next, local);
            debug_assert!(key.is_some(), "every reachable state was found");
            if let Some(key) = key {
                keys.push(key);
                images.push(self.set.table.image(key));
            }
        }
        self.set.table.find(images, |_, slot| slots.extend(slot));
        debug_assert_eq!(slots.len(), keys.len(), "every reachable state was found");
        Ok(goals)
    }

    /// What a successor of the last state on the path says of it; none if it is new.
    fn look(&mut self, slot: u64) -> Option<Look> {
        let known = self.known[slot as usize];
        if known & DONE != 0 {
            if known & self.all == self.all {
                return Some(Look::Able);
            }
            self.reach(known & self.all);
            return Some(Look::More);
        }
        let position = *self.positions.get(&slot)?;
        if let Some(frame) = self.path.last_mut() {
            frame.low = frame.low.min(position);
        }
        Some(Look::More)
    }

    /// The last state on the path can reach goals, and so can all before it.
    fn reach(&mut self, goals: u8) {
        let at = self.path.len();
        let Some(frame) = self.path.last_mut() else { return };
        frame.goals |= goals;
        for (i, last) in self.last.iter_mut().enumerate() {
            if goals >> i & 1 != 0 {
                *last = at.max(*last);
            }
        }
        let goals = self.all.count_ones() as usize;
        let able = self.last[..goals].iter().copied().min().unwrap_or(0);
        for frame in &self.path[self.able.min(able)..able] {
            self.known[self.stack[frame.position] as usize] = self.all | DONE;
        }
        self.able = self.able.max(able);
    }

    /// Every state on the stack can reach every goal.
    fn all_able(&mut self) {
        for slot in self.stack.drain(..) {
            self.known[slot as usize] = self.all | DONE;
        }
        self.positions.clear();
        self.path.clear();
        self.open.clear();
        self.last = [0; GROUP];
        self.able = 0;
    }

    /// Ends the last state on the path; its component, too, if it is its first.
    fn leave(&mut self, frame: Frame) {
        self.path.pop();
        let at = self.path.len();
        self.able = self.able.min(at);
        self.last.iter_mut().for_each(|last| *last = (*last).min(at));
        if frame.low == frame.position {
            for slot in self.stack.drain(frame.position..) {
                self.known[slot as usize] = frame.goals | DONE;
                self.positions.remove(&slot);
            }
        } else if let Some(before) = self.path.last_mut() {
            before.low = before.low.min(frame.low);
        }
        self.reach(frame.goals);
    }

    fn check(&mut self) -> Result<(), Stop> {
        self.expanded += 1;
        if !self.expanded.is_multiple_of(1 << 10) {
            return Ok(());
        }
        let stacks = self.stack.capacity() * 8 + self.open.capacity() * 16;
        let bytes = stacks + self.path.capacity() * size_of::<Frame>() + self.positions.allocation_size();
        if bytes as u64 + self.known.len() as u64 > self.most {
            return Err(Stop::Memory);
        }
        self.sign.read().map_or(Ok(()), Err)
    }

    /// For each goal of the group the states that have to be able to reach it and are not.
    fn marks(mut self) -> Result<Vec<Option<Marks>>, Stop> {
        let mut marks: Vec<Option<Marks>> = (0..self.all.count_ones()).map(|_| None).collect();
        let mut result = Ok(());
        self.set.table.each(|slot, key| {
            let missing = self.all & !self.known[slot as usize];
            if missing != 0 {
                let Desk { scratch, local, state, in_goals, .. } = &mut self.desk;
                self.set.keys.unpack(key, state, local);
                in_goals.clear();
                self.system.in_goals(state, scratch, in_goals);
                for (i, mark) in marks.iter_mut().enumerate() {
                    if missing >> i & 1 != 0 && in_goals[self.first + i].0 {
                        result = add(mark, slot, self.known.len() as u64);
                    }
                }
            }
            result.is_ok()
        });
        result.map(|()| marks)
    }
}

fn add(marks: &mut Option<Marks>, slot: u64, end: u64) -> Result<(), Stop> {
    let marks = match marks {
        Some(marks) => marks,
        None => marks.insert(Marks(Bits::new(end)?)),
    };
    marks.0.add(slot);
    Ok(())
}
