//! Where a step leads: what the step's code does, and what its callers are told.

use crate::gen_::Gen;
use crate::layout::StatusName;
use arch_ir::{ChainId, Outcome, ProtocolId, Status, StepId};

/// What is answered by a branch that leaves the run where it is.
pub const AS_BEFORE: &str = "as before";

/// Where a run is after a step.
pub enum Concluded<'a> {
    /// Where it was: the branch is detached.
    AsBefore,
    /// At a step.
    At(&'a StatusName),
    /// It has an outcome.
    Ends(&'a Outcome),
}

/// A word that a reply has, and what it means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word {
    /// As replies have it.
    pub word: String,
    /// What it means.
    pub doc: String,
}

impl Gen<'_> {
    /// The chain of a step, and where it leads; none of a step that is on no chain.
    pub fn concluded(&self, id: ProtocolId, step: StepId) -> Option<(ChainId, Concluded<'_>)> {
        let (protocol, names) = (&self.program.protocols[id], self.layout.protocol(id));
        let loops = protocol.steps[step].loops;
        let (number, i) = protocol.place(step)?;
        let chain = &protocol.chains[number];
        let concluded = if chain.window.as_ref().is_some_and(|w| w.detached) {
            Concluded::AsBefore
        } else if i + 1 < chain.steps.len() || loops {
            let next = if loops { i } else { i + 1 };
            Concluded::At(names.variant(Status::At(number, next as u32)))
        } else {
            Concluded::Ends(&chain.outcome)
        };
        Some((number, concluded))
    }

    /// Every word that a step can answer with.
    pub fn words(&self, id: ProtocolId, step: StepId) -> Vec<Word> {
        let ends = |outcome: &Outcome, when: &str| Word {
            word: outcome.word.clone(),
            doc: format!("The outcome `{}`{when}.", outcome.word),
        };
        let concluded = self.concluded(id, step).map(|(_, concluded)| match concluded {
            Concluded::AsBefore => {
                Word { word: AS_BEFORE.into(), doc: "The run is where it was before.".into() }
            }
            Concluded::At(at) => at_word(at),
            Concluded::Ends(outcome) => ends(outcome, ""),
        });
        let mut words: Vec<Word> = concluded.into_iter().collect();
        if let Some(reject) = &self.program.protocols[id].steps[step].reject {
            match words.iter_mut().find(|w| w.word == reject.outcome.word) {
                Some(same) => same.doc.push_str(" Also where the guard is false."),
                None => words.push(ends(&reject.outcome, ": the guard is false")),
            }
        }
        words
    }
}

/// What a run answers that is at a step now.
pub fn at_word(at: &StatusName) -> Word {
    Word { word: at.word.clone(), doc: format!("The run is `{}` now.", at.word) }
}
