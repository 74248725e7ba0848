//! Shorter paths to what a run found, by leaving out what they do not need.

use crate::paths::Path;
use crate::successors::Successors;
use crate::system::System;
use std::collections::BTreeMap;

/// States that may be expanded for it.
const EFFORT: usize = 100_000;

/// A path to the same finding that is as long or shorter: without cycles, and without events that can be left out in a row,
/// as far as the effort goes.
pub(super) fn shortened<S: System>(system: &S, scratch: &mut S::Scratch, path: &Path, finding: u32) -> Path {
    let mut replay = Replay {
        system,
        scratch,
        finding,
        successors: Successors::new(system.widths().len(), system.actions()),
        left: EFFORT,
    };
    let mut best = without_cycles(path);
    loop {
        let before = best.steps.len();
        let longest = before.next_power_of_two().trailing_zeros();
        (0..=longest).rev().for_each(|power| replay.leave_out(&mut best, 1 << power));
        if best.steps.len() == before {
            return best;
        }
    }
}

/// A path without what leads from a state back to it. The last event stays: the finding may be on it.
fn without_cycles(path: &Path) -> Path {
    let Some((last, before)) = path.steps.split_last() else { return path.clone() };
    let mut steps: Vec<(u32, Option<Vec<u64>>)> = Vec::new();
    let mut places = BTreeMap::from([(path.initial.clone(), 0)]);
    for (action, to) in before {
        steps.push((*action, to.clone()));
        let Some(to) = to else { continue };
        match places.get(to) {
            Some(place) => {
                let place = *place;
                steps.truncate(place);
                places.retain(|_, at| *at <= place);
            }
            None => drop(places.insert(to.clone(), steps.len())),
        }
    }
    steps.push(last.clone());
    Path { initial: path.initial.clone(), steps }
}

struct Replay<'a, S: System> {
    system: &'a S,
    scratch: &'a mut S::Scratch,
    finding: u32,
    successors: Successors,
    left: usize,
}

impl<S: System> Replay<'_, S> {
    /// Leaves out so many events in a row wherever that can be done.
    fn leave_out(&mut self, best: &mut Path, length: usize) {
        let mut at = 0;
        while at < best.steps.len() && self.left > 0 {
            let end = (at + length).min(best.steps.len());
            let kept = best.steps[..at].iter().chain(&best.steps[end..]);
            match self.path(&best.initial, kept.map(|(action, _)| *action)) {
                Some(path) if path.steps.len() < best.steps.len() => *best = without_cycles(&path),
                _ => at += (length / 4).max(1),
            }
        }
    }

    /// The path of these actions up to the first place where the finding is made; none if it is not made.
    fn path(&mut self, initial: &[u64], mut actions: impl Iterator<Item = u32>) -> Option<Path> {
        let mut path = Path { initial: initial.to_vec(), steps: Vec::new() };
        let mut state = initial.to_vec();
        loop {
            if self.is_judged(&state) {
                return Some(path);
            }
            self.left = self.left.checked_sub(1)?;
            self.successors.clear();
            self.system.expand(&state, self.scratch, &mut self.successors);
            let found = self.successors.found().iter().find(|f| f.finding == self.finding);
            if let Some(found) = found {
                let event = found.action.and_then(|a| self.event(a));
                path.steps.extend(event);
                return Some(path);
            }
            let (action, to) = self.event(actions.next()?)?;
            state = to?;
            path.steps.push((action, Some(state.clone())));
        }
    }

    fn is_judged(&mut self, state: &[u64]) -> bool {
        let mut found = Vec::new();
        self.system.judge(state, self.scratch, &mut found);
        found.contains(&self.finding)
    }

    fn event(&self, action: u32) -> Option<(u32, Option<Vec<u64>>)> {
        let event = self.successors.events().find(|(a, _)| *a == action);
        event.map(|(action, to)| (action, to.map(<[u64]>::to_vec)))
    }
}
