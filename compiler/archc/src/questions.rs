//! Exploring a program, and on the way what it says that may be about nothing ([`arch_ir::observe`]).
//!
//! Nearly every question is answered by the first few thousand states, and a question that is open costs a little in
//! every state. So a first exploration asks all of them and ends early; if that was not yet everything, a second one
//! asks only what is still open. The engines that others wrote are not asked: they take few properties.

use crate::cli::Engine;
use crate::engines::{self, Refusal, Request};
use arch_ir::Program;
use arch_ir::observe::{Questions, questions};
use arch_ir::report::{Limits, Report, Stop};

/// The states that the first exploration looks at.
const FIRST_STATES: u64 = 5_000;

/// What exploring a program found.
#[derive(Clone, Debug)]
pub struct Explored {
    /// What was found of its properties.
    pub report: Report,
    /// What was asked.
    pub questions: Questions,
    /// For each question whether the answer is yes; no otherwise, if the report is complete.
    pub yes: Vec<bool>,
}

/// Explores a program and answers all questions about it.
///
/// # Errors
///
/// When the engine cannot take the program at all.
pub fn explore(program: &Program, request: &Request<'_>) -> Result<Explored, Refusal> {
    let asks = matches!(request.engine, Engine::Explorer | Engine::Oracle) && program.builtin.coverage;
    let questions = if asks { questions(program) } else { Questions::default() };
    let states = request.limits.max_states;
    let early = asks && request.engine == Engine::Explorer && states.is_none_or(|n| n > FIRST_STATES);
    let limits = |max_states| Limits { max_states, ..request.limits.clone() };
    let run = |program: &Program, limits| {
        engines::explore(program, &Request { limits, progress: request.progress, ..*request })
    };
    let first = if early { Some(FIRST_STATES) } else { states };
    let Ok(explored) = answered(program, questions, |asking| run(asking, limits(first))) else {
        // If it is a question that the engine cannot take, there is an answer to the rest.
        return answered(program, Questions::default(), |program| run(program, limits(states)));
    };
    if early && explored.report.stopped == Some(Stop::States) {
        return explored.continued(program, |asking| run(asking, limits(states)));
    }
    Ok(explored)
}

/// Explores a program with all questions.
///
/// # Errors
///
/// Those of the engine.
pub fn answered<E>(
    program: &Program,
    questions: Questions,
    explore: impl FnOnce(&Program) -> Result<Report, E>,
) -> Result<Explored, E> {
    let all: Vec<usize> = (0..questions.list.len()).collect();
    let mut yes = vec![false; all.len()];
    let mut report = explore(&questions.put(program, &all))?;
    questions.take(program, &all, &mut report, &mut yes);
    Ok(Explored { report, questions, yes })
}

impl Explored {
    /// Explores once more, with the questions that are still open.
    fn continued<E>(
        mut self,
        program: &Program,
        explore: impl FnOnce(&Program) -> Result<Report, E>,
    ) -> Result<Explored, E> {
        let open: Vec<usize> = (0..self.yes.len()).filter(|n| !self.yes[*n]).collect();
        self.report = explore(&self.questions.put(program, &open))?;
        self.questions.take(program, &open, &mut self.report, &mut self.yes);
        Ok(self)
    }
}
