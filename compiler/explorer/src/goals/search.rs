//! Depth first through all states, for one group of goals.
//!
//! The traversal is Tarjan's (1972) for strongly connected components, whose states can all reach the same. It leaves
//! out most of the work where goals are in reach, which is the rule: as soon as a state is met that can reach
//! every goal, all states on Tarjan's stack can, for each of them leads to the state that is being expanded;
//! and a state on the present path can reach every goal as soon as states behind it on the path have them all. So
//! deep searches are rare, and what a component has in common has to be computed only where a goal is out of reach.
//!
//! Every goal is every goal under any renaming, so all of this is so in quotients as well; but there the states of a
//! component can reach goals of different names. Where a component has renamings inside or behind it, what its
//! states can reach is the least solution of what its edges say, found by going over them until nothing changes.
//!
//! Every state is expanded once for each group of goals. Memory beside the sets is for the stacks.

use super::desk::{Desk, Next};
use super::each::{Each, each};
use super::known::{Known, Mask};
use super::{Goals, add};
use crate::keys::{Kept, Keys};
use crate::limits::{Stop, StopSign};
use crate::memory::push;
use crate::paths::Marks;
use crate::visited::Set;
use hashbrown::HashMap;

/// A state on the present path.
#[derive(Clone, Copy, Debug)]
struct Frame<const W: usize> {
    /// Where its states are on Tarjan's stack.
    position: usize,
    /// The lowest position that it leads back to.
    low: usize,
    /// Goals that it can reach, as far as is known.
    goals: Mask<W>,
    /// Where its successors begin that are not looked at yet.
    open: usize,
    /// The renaming on the way from the state before it.
    by: u32,
    /// Whether there is a renaming behind it.
    renames: bool,
}

/// A search under way.
pub(super) struct Search<'a, S: Goals, K: Keys, const W: usize> {
    system: &'a S,
    set: &'a Set<K>,
    sign: StopSign<'a>,
    most: u64,
    /// The goals of the group.
    group: &'a [usize],
    /// For each goal its place in the group, if it is in it.
    places: Vec<usize>,
    /// All goals of the group.
    all: Mask<W>,
    /// By slot: goals that a state can reach; marked once that is final.
    known: Known<W>,
    path: Vec<Frame<W>>,
    /// States whose component is not complete, by slot, with what is kept of them; and where each of them is.
    stack: Vec<u64>,
    kept: Kept,
    positions: HashMap<u64, usize>,
    /// Successors of states on the path, with what is kept of them.
    open: Vec<Next>,
    open_kept: Kept,
    /// Bytes that going over all states takes.
    passing: u64,
    desk: Desk<S, K>,
    expanded: u64,
}

/// What the successors of a state say.
enum Look {
    /// One of them can reach every goal.
    Able,
    More,
}

impl<'a, S: Goals, K: Keys, const W: usize> Search<'a, S, K, W> {
    pub(super) fn new(
        system: &'a S,
        set: &'a Set<K>,
        sign: StopSign<'a>,
        most: u64,
        group: &'a [usize],
    ) -> Result<Self, Stop> {
        let end = set.table.end();
        if end.saturating_mul(Known::<W>::width(group.len()) as u64) > most {
            return Err(Stop::Memory);
        }
        let mut places = vec![usize::MAX; system.goal_count()];
        group.iter().enumerate().for_each(|(place, goal)| places[*goal] = place);
        Ok(Search {
            system,
            set,
            sign,
            most,
            group,
            places,
            all: Mask::first(group.len()),
            known: Known::new(group.len(), end)?,
            path: Vec::new(),
            stack: Vec::new(),
            kept: Kept::new(set.keys.kept_words()),
            positions: HashMap::new(),
            open: Vec::new(),
            open_kept: Kept::new(set.keys.kept_words()),
            passing: 0,
            desk: Desk::new(system, set)?,
            expanded: 0,
        })
    }

    /// For each goal of the group the states that have to be able to reach it and are not.
    pub(super) fn find(mut self) -> Result<Vec<Option<Marks>>, Stop> {
        each(self.system, self.set, |Each { slot, kept, bytes }| {
            self.passing = bytes;
            if self.known.get(slot).1 { Ok(()) } else { self.from(slot, kept) }
        })?;
        self.marks()
    }

    /// Decides everything about a state.
    fn from(&mut self, slot: u64, kept: &[u64]) -> Result<(), Stop> {
        self.kept.push(kept)?;
        self.enter(Next { slot, by: 0 })?;
        while let Some(frame) = self.path.last().copied() {
            if self.open.len() == frame.open {
                self.leave(frame)?;
            } else if let Some(next) = self.open.pop() {
                let last = self.open.len();
                match self.look(next) {
                    Some(Look::Able) => self.all_able(),
                    Some(Look::More) => self.open_kept.truncate(last),
                    None => {
                        self.kept.push(self.open_kept.get(last))?;
                        self.open_kept.truncate(last);
                        self.enter(next)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Begins the state that was kept last: puts it on the path and looks at its successors.
    fn enter(&mut self, Next { slot, by }: Next) -> Result<(), Stop> {
        self.check()?;
        let position = self.stack.len();
        push(&mut self.stack, slot)?;
        self.positions.try_reserve(1).map_err(|_| Stop::Memory)?;
        self.positions.insert(slot, position);
        let open = self.open.len();
        let frame = Frame { position, low: position, goals: Mask::NONE, open, by, renames: by != 0 };
        push(&mut self.path, frame)?;
        let goals = self.expand(position)?;
        self.reach(goals);
        for i in 0..self.desk.next.len() {
            let next = self.desk.next[i];
            match self.look(next) {
                Some(Look::Able) => {
                    self.all_able();
                    return Ok(());
                }
                Some(Look::More) => {}
                None => {
                    push(&mut self.open, next)?;
                    self.open_kept.push(self.desk.kept.get(i))?;
                }
            }
        }
        Ok(())
    }

    /// Expands a state on the stack onto the desk; the goals that it is in.
    fn expand(&mut self, position: usize) -> Result<Mask<W>, Stop> {
        self.desk.expand(self.system, self.set, self.kept.get(position))?;
        let mut goals = Mask::NONE;
        for (place, goal) in self.group.iter().enumerate() {
            if self.desk.in_goals[*goal].1 {
                goals.add(place);
            }
        }
        Ok(goals)
    }

    /// What a successor of the last state on the path says of it; none if it is new.
    fn look(&mut self, Next { slot, by, .. }: Next) -> Option<Look> {
        let (goals, done) = self.known.get(slot);
        if done {
            if goals == self.all {
                return Some(Look::Able);
            }
            self.note_renaming(by);
            let goals = self.before(by, goals);
            self.reach(goals);
            return Some(Look::More);
        }
        let position = *self.positions.get(&slot)?;
        self.note_renaming(by);
        if let Some(frame) = self.path.last_mut() {
            frame.low = frame.low.min(position);
        }
        Some(Look::More)
    }

    fn note_renaming(&mut self, by: u32) {
        if let Some(frame) = self.path.last_mut() {
            frame.renames |= by != 0;
        }
    }

    /// The goals that a renaming makes these of.
    fn before(&self, by: u32, goals: Mask<W>) -> Mask<W> {
        before(self.system, &self.desk.scratch, self.group, &self.places, by, goals)
    }

    /// The last state on the path can reach goals, and so can all before it.
    fn reach(&mut self, mut goals: Mask<W>) {
        for i in (0..self.path.len()).rev() {
            let frame = &mut self.path[i];
            let more = frame.goals.or(goals);
            if more == frame.goals {
                return;
            }
            frame.goals = more;
            let by = frame.by;
            if more == self.all {
                self.known.set(self.stack[frame.position], more, true);
            }
            goals = self.before(by, more);
        }
    }

    /// Every state on the stack can reach every goal.
    fn all_able(&mut self) {
        for slot in self.stack.drain(..) {
            self.known.set(slot, self.all, true);
        }
        self.kept.truncate(0);
        self.positions.clear();
        self.path.clear();
        self.open.clear();
        self.open_kept.truncate(0);
    }

    /// Ends the last state on the path; its component, too, if it is its first.
    fn leave(&mut self, frame: Frame<W>) -> Result<(), Stop> {
        let slot = self.stack[frame.position];
        let complete = frame.low == frame.position;
        let goals = match complete {
            true => self.complete(&frame)?,
            false => {
                let (known, done) = self.known.get(slot);
                self.known.set(slot, known.or(frame.goals), done);
                frame.goals
            }
        };
        self.path.pop();
        if let Some(before) = self.path.last_mut() {
            before.renames |= frame.renames;
            if !complete {
                before.low = before.low.min(frame.low);
            }
        }
        let goals = self.before(frame.by, goals);
        self.reach(goals);
        Ok(())
    }

    /// Makes final what the states of a component can reach; what its first one can.
    fn complete(&mut self, frame: &Frame<W>) -> Result<Mask<W>, Stop> {
        let slot = self.stack[frame.position];
        if frame.renames && frame.goals != self.all {
            let (known, done) = self.known.get(slot);
            self.known.set(slot, known.or(frame.goals), done);
            while self.sweep(frame.position)? {}
            for i in frame.position..self.stack.len() {
                let slot = self.stack[i];
                self.known.set(slot, self.known.get(slot).0, true);
            }
        } else {
            (frame.position..self.stack.len()).for_each(|i| self.known.set(self.stack[i], frame.goals, true));
        }
        for slot in self.stack.drain(frame.position..) {
            self.positions.remove(&slot);
        }
        self.kept.truncate(frame.position);
        Ok(self.known.get(slot).0)
    }

    /// Looks once more at the edges of the states of a component; whether more is known now.
    fn sweep(&mut self, position: usize) -> Result<bool, Stop> {
        let mut changed = false;
        for i in (position..self.stack.len()).rev() {
            self.check()?;
            let slot = self.stack[i];
            let (known, done) = self.known.get(slot);
            if known == self.all {
                continue;
            }
            let mut goals = known.or(self.expand(i)?);
            for next in &self.desk.next {
                let behind = self.known.get(next.slot).0;
                let scratch = &self.desk.scratch;
                goals = goals.or(before(self.system, scratch, self.group, &self.places, next.by, behind));
            }
            changed |= goals != known;
            self.known.set(slot, goals, done);
        }
        Ok(changed)
    }

    fn check(&mut self) -> Result<(), Stop> {
        self.expanded += 1;
        if !self.expanded.is_multiple_of(1 << 10) {
            return Ok(());
        }
        let stacks = self.stack.capacity() * 8 + self.open.capacity() * size_of::<Next>();
        let kept = self.kept.bytes() + self.open_kept.bytes() + self.passing;
        let bytes = stacks + self.path.capacity() * size_of::<Frame<W>>() + self.positions.allocation_size();
        if bytes as u64 + kept + self.known.bytes() > self.most {
            return Err(Stop::Memory);
        }
        self.sign.read().map_or(Ok(()), Err)
    }

    /// For each goal of the group the states that have to be able to reach it and are not.
    fn marks(mut self) -> Result<Vec<Option<Marks>>, Stop> {
        let mut marks: Vec<Option<Marks>> = self.group.iter().map(|_| None).collect();
        let end = self.set.table.end();
        each(self.system, self.set, |Each { slot, kept, .. }| {
            let missing = self.all.without(self.known.get(slot).0);
            if !missing.is_empty() {
                let in_goals = self.desk.in_goals(self.system, self.set, kept);
                for (place, mark) in marks.iter_mut().enumerate() {
                    if missing.has(place) && in_goals[self.group[place]].0 {
                        add(mark, slot, end)?;
                    }
                }
            }
            Ok(())
        })?;
        Ok(marks)
    }
}

/// The goals of a group that a renaming makes these of.
#[inline]
fn before<S: Goals, const W: usize>(
    system: &S,
    scratch: &S::Scratch,
    group: &[usize],
    places: &[usize],
    by: u32,
    goals: Mask<W>,
) -> Mask<W> {
    if by == 0 || goals.is_empty() {
        return goals;
    }
    let renamed = system.renamed(by, scratch);
    let mut before = Mask::NONE;
    for (place, goal) in group.iter().enumerate() {
        if goals.has(places[renamed[*goal] as usize]) {
            before.add(place);
        }
    }
    before
}
