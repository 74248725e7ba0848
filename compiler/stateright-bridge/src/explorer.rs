//! Our explorer behind stateright's interface for checkers.

use crate::model::{SpecAction, SpecModel, SpecState};
use arch_check::check::explore_machine;
use arch_check::{Options, Scratch};
use arch_explorer::Exploration;
use stateright::{Checker, Path};
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::thread::JoinHandle;

/// An exploration that is over.
pub struct Explorer {
    model: SpecModel,
    explored: Exploration<Scratch>,
}

impl Explorer {
    /// Explores a model until everything is known, a limit is reached or `interrupt` is set.
    #[must_use]
    pub fn explore(model: SpecModel, options: &Options, interrupt: &AtomicBool) -> Explorer {
        let explored = explore_machine(model.machine(), options, interrupt, &mut |_| {});
        Explorer { model, explored }
    }

    /// What was explored.
    #[must_use]
    pub fn explored(&self) -> &Exploration<Scratch> {
        &self.explored
    }

    /// A shortest path to a state.
    fn path(&self, state: u32) -> Option<Path<SpecState, SpecAction>> {
        let (initial, steps) = self.explored.store.path(state);
        let initial = SpecState::new(self.model.machine(), self.explored.store.state(initial));
        let actions: Vec<SpecAction> = steps.iter().map(|(action, _)| SpecAction(*action)).collect();
        Path::from_actions(&self.model, initial, &actions)
    }
}

impl Checker<SpecModel> for Explorer {
    fn model(&self) -> &SpecModel {
        &self.model
    }

    fn state_count(&self) -> usize {
        let reached = self.explored.transitions - self.explored.nowhere;
        usize::try_from(u64::from(self.explored.initial) + reached).unwrap_or(usize::MAX)
    }

    fn unique_state_count(&self) -> usize {
        self.explored.store.len()
    }

    fn max_depth(&self) -> usize {
        self.explored.depth as usize + 1
    }

    fn discoveries(&self) -> HashMap<&'static str, Path<SpecState, SpecAction>> {
        let judged = self.model.judged().iter().filter_map(|j| Some((j.name, j.finding?)));
        let found = judged.filter_map(|(name, f)| Some((name, self.explored.found[f as usize]?)));
        found.filter_map(|(name, found)| Some((name, self.path(found.state)?))).collect()
    }

    fn handles(&mut self) -> Vec<JoinHandle<()>> {
        Vec::new()
    }

    fn is_done(&self) -> bool {
        self.explored.stopped.is_none()
    }
}
