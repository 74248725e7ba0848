//! Random sequences of requests to a service, with its model as the reference: what happens must be what the model does, and what is
//! refused must be refused for the model's reason. A sequence that shows a difference is shrunk to one from which nothing can be left
//! out ([proptest-state-machine](https://docs.rs/proptest-state-machine)).
//!
//! A sequence is of requests and ticks, not of events: whatever is left out, the model says what the rest must be answered.

use crate::client::Asks;
use crate::model::{Model, State, StateSource, Transition};
use crate::paths::ask::Asked;
use crate::paths::foresee::{Foreseen, arbitrary, enabled, foresee};
use crate::paths::session::{Begins, Session};
use crate::paths::{Kept, Over, starts_there, variable};
use crate::service::Service;
use proptest::prelude::any;
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Strategy, Union};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use proptest_state_machine::Sequential;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The longest sequence.
const LONGEST: usize = 40;

/// The longest wait, in ticks.
const WAIT: u32 = 4;

/// The most sequences that are tried for a shorter one.
const SHRINKING: u32 = 4_000;

/// What is tested.
pub struct Sequences {
    model: Arc<Model>,
    service: Box<dyn Fn() -> Service>,
    client: Vec<(&'static str, Asks)>,
    expected: Vec<&'static str>,
}

/// What was tested.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tested {
    /// Sequences.
    pub sequences: usize,
    /// Requests that had an outcome.
    pub granted: usize,
    /// Requests that were refused.
    pub refused: usize,
    /// Ticks of the clock.
    pub ticks: usize,
}

impl fmt::Display for Tested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tested { sequences, granted, refused, ticks } = self;
        write!(
            f,
            "{sequences} sequences: {granted} requests with an outcome, {refused} refused, {ticks} ticks"
        )
    }
}

/// A part of a sequence.
#[derive(Clone)]
enum Move {
    /// So many ticks pass: a lease is to run out now and then.
    Wait(u32),
    Ask(Asked),
}

impl fmt::Debug for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Move::Wait(1) => f.write_str("the clock ticks"),
            Move::Wait(ticks) => write!(f, "the clock ticks {ticks} times"),
            Move::Ask(asked) => write!(f, "{} is asked for {}", asked.op, asked.body),
        }
    }
}

impl Sequences {
    /// A service, its model, and the operations of its client. The service's handlers take every choice from the request.
    #[must_use]
    pub fn new(
        model: Model,
        service: impl Fn() -> Service + 'static,
        client: Vec<(&'static str, Asks)>,
    ) -> Sequences {
        Sequences { model: Arc::new(model), service: Box::new(service), client, expected: Vec::new() }
    }

    /// Claims that the spec expects to be violated.
    #[must_use]
    pub fn expecting(mut self, expected: &[&'static str]) -> Sequences {
        self.expected = expected.to_vec();
        self
    }

    /// Tries so many sequences on a store, `ARCH_CASES` times as many if that is set; `ARCH_SEED` chooses others.
    ///
    /// # Errors
    /// The shortest sequence found that shows a difference, and the difference.
    ///
    /// # Panics
    /// There is no thread to run it on, or no folder for a database.
    pub fn run(&self, kept: Kept, cases: u32) -> Result<Tested, String> {
        let (seed, times) = (variable("ARCH_SEED").unwrap_or(0), variable("ARCH_CASES").unwrap_or(1));
        let times = u32::try_from(times).unwrap_or(u32::MAX);
        let config = Config {
            cases: cases.saturating_mul(times),
            max_shrink_iters: SHRINKING,
            failure_persistence: None,
            ..Config::default()
        };
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let tested = RefCell::new(Tested::default());
        let longest = RefCell::new(None);
        let failed = TestRunner::new_with_rng(config, random).run(
            &sequences(&self.model),
            |(initial, moves, seen)| {
                let result = self.follow(kept, initial, &moves, seen.as_deref(), &mut tested.borrow_mut());
                if result.is_err() {
                    longest.borrow_mut().get_or_insert(moves.len());
                }
                result.map_err(TestCaseError::fail)
            },
        );
        match failed {
            Ok(()) => Ok(tested.into_inner()),
            Err(TestError::Abort(why)) => Err(format!("too many sequences were no sequences: {why}")),
            Err(TestError::Fail(why, (_, moves, _))) => {
                let of = longest.into_inner().unwrap_or(moves.len());
                let told = moves.iter().enumerate().map(|(n, m)| format!("  {}. {m:?}\n", n + 1));
                let told: String = told.collect();
                Err(format!("{kept:?}: {why}\n{told}(shrunk to {} of {of}; ARCH_SEED={seed})", moves.len()))
            }
        }
    }

    fn follow(
        &self,
        kept: Kept,
        initial: State,
        moves: &[Move],
        seen: Option<&AtomicUsize>,
        tested: &mut Tested,
    ) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let begins = Begins::Watched;
            let service = (self.service)();
            let start =
                Session::start(&self.model, service, (Over::Http, &self.client), kept, &initial, begins);
            let mut session = start.await?;
            let mut state = initial;
            let mut result = Ok(());
            for part in moves {
                seen.map(|seen| seen.fetch_add(1, Ordering::SeqCst));
                match self.take(&mut session, &state, part, tested).await {
                    Ok(next) => state = next,
                    Err(wrong) => {
                        result = Err(wrong);
                        break;
                    }
                }
            }
            session.close();
            tested.sequences += 1;
            result
        })
    }

    /// Takes a part of a sequence, and the service must do what the model does.
    async fn take(
        &self,
        session: &mut Session,
        state: &State,
        part: &Move,
        tested: &mut Tested,
    ) -> Result<State, String> {
        let (model, what) = (&*self.model, format!("{part:?}"));
        let asked = match part {
            Move::Wait(ticks) => return self.wait(session, state.clone(), *ticks, tested).await,
            Move::Ask(asked) => asked,
        };
        match foresee(model, state, asked) {
            Foreseen::Moves(transition) => {
                session.granted(model, asked, &what).await?;
                tested.granted += 1;
                self.comes(session, *transition, &what).await
            }
            Foreseen::Refused(codes) => {
                let refused = (asked.op.clone(), codes);
                session.refused(asked, &refused).await?;
                session.unchanged(model, state, &refused).await?;
                tested.refused += 1;
                Ok(state.clone())
            }
            Foreseen::Open => Ok(state.clone()),
        }
    }

    async fn wait(
        &self,
        session: &mut Session,
        mut state: State,
        ticks: u32,
        tested: &mut Tested,
    ) -> Result<State, String> {
        for _ in 0..ticks {
            session.tick();
            tested.ticks += 1;
            let passing = self.model.passing(&state, &StateSource::new(&self.model, &state));
            match passing {
                Some(transition) => state = self.comes(session, transition, "the clock ticks").await?,
                None => session.came_to(&self.model, &state).await?,
            }
        }
        Ok(state)
    }

    /// After an event the service is where its model is, and nothing is violated.
    async fn comes(&self, session: &Session, by: Transition, what: &str) -> Result<State, String> {
        let to = by.next.map_err(|excess| format!("{what} exceeds a bound: {excess:?}"))?;
        session.came_to(&self.model, &to).await?;
        self.holds(&by.violated)?;
        self.holds(&self.model.always_violations(&to))?;
        Ok(to)
    }

    /// Whether nothing is violated but what the spec expects.
    fn holds(&self, violated: &[usize]) -> Result<(), String> {
        let unexpected = self.model.unexpected(violated, &self.expected);
        unexpected.map_or(Ok(()), |names| Err(format!("violated is {names}")))
    }
}

type Random = Sequential<State, Move, BoxedStrategy<State>, BoxedStrategy<Move>>;

/// All sequences.
fn sequences(model: &Arc<Model>) -> Random {
    let initial: Vec<State> =
        model.initial_states().into_iter().filter(|state| starts_there(model, state)).collect();
    let [of, to, legal] = [model, model, model].map(Arc::clone);
    Sequential::new(
        (1..=LONGEST).into(),
        move || select(initial.clone()).boxed(),
        move |state: &State, part| match part {
            Move::Wait(ticks) => waits(&legal, state.clone(), *ticks).is_some(),
            Move::Ask(asked) => !matches!(foresee(&legal, state, asked), Foreseen::Open),
        },
        move |state| moves(&of, state),
        move |state, part| after(&to, state, part),
    )
}

/// What may come next: every operation that can do something as often as every other, ticks, and what is refused.
fn moves(model: &Arc<Model>, state: &State) -> BoxedStrategy<Move> {
    let can = enabled(model, state).into_values();
    let mut all: Vec<(u32, BoxedStrategy<Move>)> =
        can.map(|asked| (4, select(asked).prop_map(Move::Ask).no_shrink().boxed())).collect();
    let (model, state) = (model.clone(), state.clone());
    let refused = any::<u64>().prop_map(move |seed| {
        let request = arbitrary(&model, &state, &mut fastrand::Rng::with_seed(seed));
        request.map_or(Move::Wait(1), Move::Ask)
    });
    all.push((4, refused.no_shrink().boxed()));
    all.push((4, (1..=WAIT).prop_map(Move::Wait).boxed()));
    Union::new_weighted(all).boxed()
}

/// The state after so many ticks; none if a step has to happen before.
fn waits(model: &Model, mut state: State, ticks: u32) -> Option<State> {
    for _ in 0..ticks {
        if model.is_overdue(&state) {
            return None;
        }
        let passing = model.passing(&state, &StateSource::new(model, &state));
        state = passing.and_then(|transition| transition.next.ok()).unwrap_or(state);
    }
    Some(state)
}

fn after(model: &Model, state: State, part: &Move) -> State {
    let next = match part {
        Move::Wait(ticks) => waits(model, state.clone(), *ticks),
        Move::Ask(asked) => match foresee(model, &state, asked) {
            Foreseen::Moves(transition) => transition.next.ok(),
            _ => None,
        },
    };
    next.unwrap_or(state)
}
