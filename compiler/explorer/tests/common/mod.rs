//! Random systems of any width, and a breadth-first search of them that is as plain as can be.

#![allow(dead_code, reason = "not every test file uses everything")]

pub mod named;

use arch_explorer::goals::Goals;
use arch_explorer::{Successors, System};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// A system whose states are numbers below `size`, spread over words by a fixed scramble.
pub struct Random {
    pub size: u64,
    pub actions: u64,
    pub seed: u64,
    pub widths: Vec<u32>,
    pub initial: Vec<u64>,
    /// How far events lead at most.
    pub reach: u64,
    pub goals: u64,
    /// Whether events never lead to smaller numbers.
    pub forward: bool,
    /// What is expected to be found.
    pub expected: Vec<u32>,
}

/// Found on states, on events, and on states when they are expanded.
pub const FINDINGS: usize = 6;

pub fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

impl Random {
    /// A system with so many bits per state, in words of several widths.
    pub fn new(seed: u64, bits: u32) -> Random {
        let mut widths = Vec::new();
        let mut left = bits;
        while left > 0 {
            let width = (1 + mix(seed + u64::from(left)) % 64).min(u64::from(left)) as u32;
            widths.push(width);
            left -= width;
        }
        let most = if bits >= 12 { 3000 } else { 1 << bits };
        let size = 1 + mix(seed) % most;
        let initial = (0..1 + mix(seed ^ 5) % 3).map(|i| mix(seed + i) % size).collect();
        Random {
            size,
            actions: 1 + mix(seed ^ 1) % 9,
            seed,
            widths,
            initial,
            reach: 1 + mix(seed ^ 2) % size,
            goals: 3,
            forward: false,
            expected: Vec::new(),
        }
    }

    /// The words of a number: its own bits somewhere, and bits made of it in the rest.
    pub fn state(&self, number: u64) -> Vec<u64> {
        let own = 64 - (self.size - 1).leading_zeros();
        let mut low = number;
        let mut left = own;
        let word = |(i, width): (usize, &u32)| {
            let take = left.min(*width);
            let bits = low & (1u64 << take).wrapping_sub(1);
            (low, left) = (low.checked_shr(take).unwrap_or(0), left - take);
            let made = if *width == take {
                0
            } else {
                mix(number / 8 + i as u64) & (u64::MAX >> (64 - (width - take)))
            };
            bits | made.checked_shl(take).unwrap_or(0)
        };
        self.widths.iter().enumerate().map(word).collect()
    }

    pub fn number(&self, state: &[u64]) -> u64 {
        let own = 64 - (self.size - 1).leading_zeros();
        let (mut number, mut at) = (0, 0);
        for (word, width) in state.iter().zip(&self.widths) {
            let take = (own - at).min(*width);
            number |= (word & (1u64 << take).wrapping_sub(1)) << at;
            at += take;
        }
        number
    }

    /// Where events of a number lead; `Some(None)` is nowhere.
    pub fn events(&self, number: u64) -> Vec<(u32, Option<u64>)> {
        let mut list = Vec::new();
        for action in 0..self.actions {
            let r = mix(self.seed ^ number << 8 ^ action << 50);
            let to = match r % 16 {
                0..5 => continue,
                5 => None,
                6 | 7 => Some(number),
                _ if self.forward => Some((number + mix(r) % self.reach).min(self.size - 1)),
                _ => Some((number + mix(r) % self.reach) % self.size),
            };
            list.push((action as u32, to));
        }
        list
    }

    /// Whether events of an action are ways to goals: all in every other system, most in others.
    pub fn leads_to_goals(&self, action: u32) -> bool {
        self.seed.is_multiple_of(2) || !mix(self.seed ^ u64::from(action) << 33).is_multiple_of(8)
    }

    pub fn on_event(&self, number: u64, action: u32) -> Vec<u32> {
        let r = mix(self.seed ^ number << 20 ^ u64::from(action) << 3 ^ 77);
        if r.is_multiple_of(97) { vec![(r >> 20) as u32 % 2] } else { vec![] }
    }

    pub fn on_state(&self, number: u64) -> Vec<u32> {
        let r = mix(self.seed ^ number << 21 ^ 99);
        if r.is_multiple_of(151) { vec![2 + (r >> 20) as u32 % 2] } else { vec![] }
    }

    pub fn on_expansion(&self, number: u64) -> Vec<u32> {
        if self.events(number).is_empty() { vec![4] } else { vec![] }
    }
}

impl System for Random {
    type Scratch = u64;

    fn widths(&self) -> &[u32] {
        &self.widths
    }

    fn actions(&self) -> usize {
        self.actions as usize
    }

    fn findings(&self) -> usize {
        FINDINGS
    }

    fn expects(&self, _: &[u64]) -> Vec<u32> {
        self.expected.clone()
    }

    fn scratch(&self) -> u64 {
        0
    }

    fn initial(&self, sink: &mut dyn FnMut(&[u64]) -> bool) {
        let _ = self.initial.iter().all(|n| sink(&self.state(*n)));
    }

    fn expand(&self, state: &[u64], expanded: &mut u64, out: &mut Successors) {
        *expanded += 1;
        let number = self.number(state);
        assert_eq!(self.state(number), state, "a state that the system does not have");
        for (action, to) in self.events(number) {
            match to {
                Some(to) => out.push(action, &self.state(to)),
                None => out.nowhere(action),
            }
            self.on_event(number, action).into_iter().for_each(|f| out.find(f, Some(action)));
        }
        self.on_expansion(number).into_iter().for_each(|f| out.find(f, None));
    }

    fn judge(&self, state: &[u64], _: &mut u64, found: &mut Vec<u32>) {
        found.extend(self.on_state(self.number(state)));
    }
}

impl Goals for Random {
    fn goal_count(&self) -> usize {
        self.goals as usize
    }

    fn in_goals(&self, state: &[u64], _: &mut u64, out: &mut Vec<(bool, bool)>) {
        let number = self.number(state);
        out.extend((0..self.goals).map(|g| {
            let r = mix(self.seed ^ number << 22 ^ g << 7);
            (!r.is_multiple_of(3), (r >> 30).is_multiple_of(3 + g))
        }));
    }

    fn is_way(&self, action: u32) -> bool {
        self.leads_to_goals(action)
    }
}

/// A path: an initial state, then actions with the states that they lead to (none: nowhere).
pub type Path = (Vec<u64>, Vec<(u32, Option<Vec<u64>>)>);

/// What a plain search finds.
#[derive(Default, Debug)]
pub struct Plain {
    /// For each number its depth, and how it was reached first.
    pub states: BTreeMap<u64, (u32, Option<(u64, u32)>)>,
    /// In the order of discovery.
    pub order: Vec<u64>,
    pub transitions: u64,
    pub nowhere: u64,
    pub self_loops: u64,
    pub executed: Vec<u64>,
    pub levels: Vec<u64>,
    /// For each finding where it was made first: by a state that was found, or by an event.
    pub found: Vec<Option<(u32, u64, Option<u32>)>>,
}

impl Plain {
    pub fn of(system: &Random) -> Plain {
        let mut plain = Plain {
            executed: vec![0; system.actions as usize],
            found: vec![None; FINDINGS],
            ..Plain::default()
        };
        let mut queue = VecDeque::new();
        for number in &system.initial {
            plain.add(system, &mut queue, *number, 0, None);
        }
        while let Some(number) = queue.pop_front() {
            let depth = plain.states[&number].0;
            for found in system.on_expansion(number) {
                plain.find(found, depth, number, None);
            }
            for (action, to) in system.events(number) {
                plain.transitions += 1;
                plain.executed[action as usize] += 1;
                plain.nowhere += u64::from(to.is_none());
                plain.self_loops += u64::from(to == Some(number));
                for found in system.on_event(number, action) {
                    plain.find(found, depth + 1, number, Some(action));
                }
                if let Some(to) = to {
                    plain.add(system, &mut queue, to, depth + 1, Some((number, action)));
                }
            }
        }
        plain
    }

    fn add(
        &mut self,
        system: &Random,
        queue: &mut VecDeque<u64>,
        number: u64,
        depth: u32,
        from: Option<(u64, u32)>,
    ) {
        if self.states.contains_key(&number) {
            return;
        }
        self.states.insert(number, (depth, from));
        self.order.push(number);
        self.levels.resize(depth as usize + 1, 0);
        self.levels[depth as usize] += 1;
        queue.push_back(number);
        for found in system.on_state(number) {
            self.find(found, depth, number, None);
        }
    }

    fn find(&mut self, finding: u32, length: u32, number: u64, action: Option<u32>) {
        let new = (length, number, action);
        let slot = &self.found[finding as usize];
        if slot.is_none_or(|old| length < old.0) {
            self.found[finding as usize] = Some(new);
        }
    }

    /// The first state that has to be able to reach a goal and is not.
    pub fn first_unable(&self, system: &Random, goal: usize) -> Option<u64> {
        let in_goal = |number: u64| {
            let mut out = Vec::new();
            system.in_goals(&system.state(number), &mut 0, &mut out);
            out[goal]
        };
        let mut able: BTreeSet<u64> = self.order.iter().copied().filter(|n| in_goal(*n).1).collect();
        loop {
            let before = able.len();
            for number in self.order.iter().rev() {
                let leads = |(action, to): &(u32, Option<u64>)| {
                    system.leads_to_goals(*action) && to.is_some_and(|to| able.contains(&to))
                };
                if system.events(*number).iter().any(leads) {
                    able.insert(*number);
                }
            }
            if able.len() == before {
                return self.order.iter().copied().find(|n| !able.contains(n) && in_goal(*n).0);
            }
        }
    }

    /// The first path to a number.
    pub fn path(&self, system: &Random, number: u64) -> Path {
        let (mut at, mut steps) = (number, Vec::new());
        while let Some((from, action)) = self.states[&at].1 {
            steps.push((action, Some(system.state(at))));
            at = from;
        }
        steps.reverse();
        (system.state(at), steps)
    }
}
