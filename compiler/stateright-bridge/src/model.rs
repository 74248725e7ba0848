//! A machine as a `stateright::Model`.

use crate::properties::{self, Judged};
use arch_check::{CompileError, Machine, Scratch};
use arch_explorer::{Successors, System};
use stateright::{Model, Property};
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// A packed state that can show itself.
#[derive(Clone)]
pub struct SpecState {
    words: Box<[u64]>,
    machine: Arc<Machine>,
}

impl SpecState {
    /// A state of a machine.
    #[must_use]
    pub fn new(machine: &Arc<Machine>, words: &[u64]) -> SpecState {
        SpecState { words: words.into(), machine: machine.clone() }
    }

    /// The packed words.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

impl PartialEq for SpecState {
    fn eq(&self, other: &SpecState) -> bool {
        self.words == other.words
    }
}

impl Eq for SpecState {}

impl Hash for SpecState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.words.hash(state);
    }
}

impl fmt::Debug for SpecState {
    /// The parts of the state by name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = self.machine.program().cells(&self.machine.decode(&self.words));
        let mut map = f.debug_map();
        for (name, value) in &cells {
            map.entry(&format_args!("{name}"), &format_args!("{value}"));
        }
        map.finish()
    }
}

/// An event, by the number of its action.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SpecAction(pub u32);

/// A thread's memory: what it expanded last.
struct Desk {
    scratch: Scratch,
    state: Option<Box<[u64]>>,
    successors: Successors,
    /// What was found on the state itself.
    judged: Vec<u32>,
    /// How often each action was an event of a state that stateright expanded.
    executed: Vec<u64>,
    /// Findings of the state or of one of its events.
    found: BTreeSet<u32>,
}

/// What a run of one of stateright's engines counts and decides.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Set when exploration is to end: no state has actions any more.
    pub stop: AtomicBool,
    /// Expanded states.
    pub expanded: AtomicU64,
    /// Expanded states after which exploration ends; 0 for no limit.
    pub most: AtomicU64,
    /// Events that lead to no state.
    pub nowhere: AtomicU64,
    /// Whether only the first violation of each property is told to stateright, which keeps the last.
    pub first_only: AtomicBool,
    /// For each property 1 when its violation was told.
    told: Vec<AtomicU32>,
}

/// A machine as a model.
pub struct SpecModel {
    machine: Arc<Machine>,
    judged: Vec<Judged>,
    pub(crate) tally: Tally,
    desks: Mutex<Vec<(ThreadId, Arc<Mutex<Desk>>)>>,
}

impl SpecModel {
    /// A model of a machine.
    ///
    /// # Errors
    ///
    /// When the program has more properties than stateright's function pointers can be made for
    /// ([`properties::MOST`]).
    pub fn new(machine: Arc<Machine>) -> Result<SpecModel, CompileError> {
        let judged = properties::of(&machine)?;
        let tally = Tally {
            stop: AtomicBool::new(false),
            expanded: AtomicU64::new(0),
            most: AtomicU64::new(0),
            nowhere: AtomicU64::new(0),
            first_only: AtomicBool::new(false),
            told: judged.iter().map(|_| AtomicU32::new(0)).collect(),
        };
        Ok(SpecModel { machine, judged, tally, desks: Mutex::default() })
    }

    /// The machine.
    #[must_use]
    pub fn machine(&self) -> &Arc<Machine> {
        &self.machine
    }

    /// What stateright judges, in the order of its properties.
    #[must_use]
    pub fn judged(&self) -> &[Judged] {
        &self.judged
    }

    /// The state, expanded by this thread.
    fn with<T>(&self, state: &SpecState, f: impl FnOnce(&mut Desk) -> T) -> T {
        let desk = self.desk();
        let mut desk = lock(&desk);
        if desk.state.as_deref() != Some(state.words()) {
            desk.expand(&self.machine, state.words());
        }
        f(&mut desk)
    }

    fn desk(&self) -> Arc<Mutex<Desk>> {
        let me = std::thread::current().id();
        let mut desks = lock(&self.desks);
        if let Some((_, desk)) = desks.iter().find(|(id, _)| *id == me) {
            return desk.clone();
        }
        let successors = Successors::new(self.machine.words(), self.machine.actions());
        let executed = vec![0; self.machine.actions()];
        let desk = Desk {
            scratch: self.machine.scratch(),
            state: None,
            successors,
            judged: Vec::new(),
            executed,
            found: BTreeSet::new(),
        };
        let desk = Arc::new(Mutex::new(desk));
        desks.push((me, desk.clone()));
        desk
    }

    /// What the workers noted besides findings.
    pub(crate) fn scratches(&self) -> Vec<Scratch> {
        lock(&self.desks).iter().map(|(_, desk)| lock(desk).scratch.clone()).collect()
    }

    /// How often each action was an event of an expanded state.
    pub(crate) fn executed(&self) -> Vec<u64> {
        let mut sum = vec![0; self.machine.actions()];
        for (_, desk) in lock(&self.desks).iter() {
            sum.iter_mut().zip(&lock(desk).executed).for_each(|(sum, n)| *sum += n);
        }
        sum
    }

    /// Whether a finding was made on a state or on one of its events.
    #[must_use]
    pub fn finds(&self, state: &SpecState, finding: u32) -> bool {
        self.with(state, |desk| desk.found.contains(&finding))
    }

    /// The first event of a state on which a finding is made; none if it is made on the state itself.
    #[must_use]
    pub fn event_with(&self, state: &SpecState, finding: u32) -> Option<u32> {
        self.with(state, |desk| {
            let mut found = desk.successors.found().iter().filter(|f| f.finding == finding);
            let on_state = desk.judged.contains(&finding) || found.clone().any(|f| f.action.is_none());
            found.find_map(|f| f.action).filter(|_| !on_state)
        })
    }

    /// Judges a property for stateright: whether it holds, or (for `sometimes`) is satisfied.
    pub(crate) fn judge(&self, index: usize, state: &SpecState) -> bool {
        let Some(judged) = self.judged.get(index) else { return true };
        let Some(finding) = judged.finding else { return true };
        let found = self.finds(state, finding);
        if found && self.tally.first_only.load(Ordering::Relaxed) {
            let first = self.tally.told[index].swap(1, Ordering::Relaxed) == 0;
            return if judged.sometimes { first } else { !first };
        }
        found == judged.sometimes
    }

    /// The event of an action in a state, in words.
    #[must_use]
    pub fn show(&self, state: &SpecState, action: SpecAction) -> String {
        self.machine.program().show_event(&self.machine.event(action.0, state.words()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Desk {
    fn expand(&mut self, machine: &Machine, words: &[u64]) {
        self.successors.clear();
        machine.expand(words, &mut self.scratch, &mut self.successors);
        self.judged.clear();
        machine.judge(words, &mut self.scratch, &mut self.judged);
        self.found =
            self.successors.found().iter().map(|f| f.finding).chain(self.judged.iter().copied()).collect();
        self.state = Some(words.into());
    }
}

impl Model for SpecModel {
    type State = SpecState;
    type Action = SpecAction;

    fn init_states(&self) -> Vec<SpecState> {
        let mut seen = BTreeSet::new();
        let mut states = Vec::new();
        self.machine.initial(&mut |words| {
            if seen.insert(words.to_vec()) {
                states.push(SpecState::new(&self.machine, words));
            }
            true
        });
        states
    }

    fn actions(&self, state: &SpecState, actions: &mut Vec<SpecAction>) {
        if self.tally.stop.load(Ordering::Relaxed) {
            return;
        }
        let most = self.tally.most.load(Ordering::Relaxed);
        let expanded = self.tally.expanded.fetch_add(1, Ordering::Relaxed) + 1;
        if most != 0 && expanded >= most {
            self.tally.stop.store(true, Ordering::Relaxed);
        }
        self.with(state, |desk| {
            for (action, _) in desk.successors.events() {
                desk.executed[action as usize] += 1;
                actions.push(SpecAction(action));
            }
        });
    }

    fn next_state(&self, state: &SpecState, action: SpecAction) -> Option<SpecState> {
        let next = self.with(state, |desk| {
            let led = desk.successors.events().find(|(a, _)| *a == action.0);
            led.and_then(|(_, words)| words.map(<[u64]>::to_vec))
        });
        if next.is_none() {
            self.tally.nowhere.fetch_add(1, Ordering::Relaxed);
        }
        next.map(|words| SpecState::new(&self.machine, &words))
    }

    fn format_action(&self, action: &SpecAction) -> String {
        self.machine.program().show_event(&self.machine.template(action.0))
    }

    fn properties(&self) -> Vec<Property<SpecModel>> {
        properties::functions(&self.judged)
    }
}
