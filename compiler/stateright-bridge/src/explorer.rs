//! Our explorer behind stateright's interface for checkers.

use crate::model::{SpecAction, SpecModel, SpecState};
use arch_check::check::search_machine;
use arch_check::{Options, Scratch};
use arch_explorer::{Exploration, Limits, Target, paths};
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
        let explored = search_machine(model.machine(), options, interrupt, &mut |_| {});
        Explorer { model, explored }
    }

    /// What was explored.
    #[must_use]
    pub fn explored(&self) -> &Exploration<Scratch> {
        &self.explored
    }

    /// A path as stateright has it: to the state that a finding is made on, without the event that it is made on.
    fn path(&self, finding: u32, path: &arch_explorer::Path) -> Option<Path<SpecState, SpecAction>> {
        let state = |words: &[u64]| SpecState::new(self.model.machine(), words);
        let mut actions: Vec<SpecAction> = path.steps.iter().map(|(action, _)| SpecAction(*action)).collect();
        let last = path.steps.iter().rev().nth(1).and_then(|(_, to)| to.as_deref()).unwrap_or(&path.initial);
        if !actions.is_empty() && self.model.finds(&state(last), finding) {
            actions.pop();
        }
        Path::from_actions(&self.model, state(&path.initial), &actions)
    }
}

impl Checker<SpecModel> for Explorer {
    fn model(&self) -> &SpecModel {
        &self.model
    }

    fn state_count(&self) -> usize {
        let reached = self.explored.transitions - self.explored.nowhere;
        usize::try_from(self.explored.initial + reached).unwrap_or(usize::MAX)
    }

    fn unique_state_count(&self) -> usize {
        usize::try_from(self.explored.states).unwrap_or(usize::MAX)
    }

    fn max_depth(&self) -> usize {
        self.explored.depth as usize + 1
    }

    fn discoveries(&self) -> HashMap<&'static str, Path<SpecState, SpecAction>> {
        let judged = self.model.judged().iter().filter_map(|j| Some((j.name, j.finding?)));
        let found: Vec<_> = judged.filter(|(_, f)| self.explored.found[*f as usize].is_some()).collect();
        let targets: Vec<_> = found.iter().map(|(_, f)| Target::Finding(vec![*f])).collect();
        let machine = &**self.model.machine();
        // What there is no memory for is not shown.
        let paths = paths(machine, &self.explored, &targets, &Limits::default(), &AtomicBool::new(false))
            .unwrap_or_default();
        let paths = found.into_iter().zip(paths);
        paths.filter_map(|((name, f), path)| Some((name, self.path(f, &path?)?))).collect()
    }

    fn handles(&mut self) -> Vec<JoinHandle<()>> {
        Vec::new()
    }

    fn is_done(&self) -> bool {
        self.explored.stopped.is_none()
    }
}
