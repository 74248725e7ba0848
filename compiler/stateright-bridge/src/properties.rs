//! Properties as stateright wants them: bare function pointers with static names.
//!
//! A program is known only at run time, so there is a table of functions, one for each position of the
//! list of properties, and names are leaked. A property of events is judged on states: a state violates it
//! when one of its events does.

use crate::model::{SpecModel, SpecState};
use arch_check::{CompileError, Finding, Machine};
use stateright::{Expectation, Property};

/// The most properties that can be judged by stateright's engines, the one that keeps them going included.
pub const MOST: usize = 64;

/// What keeps an engine going when everything else is decided.
const NEVER_DECIDED: &str = "the whole space is explored";

/// Something that stateright judges.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Its name.
    pub name: &'static str,
    /// The finding that decides it; none for what is never decided.
    pub finding: Option<u32>,
    /// Whether the finding is an example (else a counterexample).
    pub sometimes: bool,
}

/// What stateright judges of a machine.
///
/// # Errors
///
/// When there are more than [`MOST`] properties.
pub fn of(machine: &Machine) -> Result<Vec<Judged>, CompileError> {
    let mut list = vec![Judged { name: NEVER_DECIDED, finding: None, sometimes: false }];
    let count = machine.findings().len() + list.len();
    if count > MOST {
        let message = format!(
            "stateright's engines judge at most {} properties, and there are {}",
            MOST - 1,
            count - 1
        );
        return Err(CompileError::new(message));
    }
    for (i, finding) in machine.findings().iter().enumerate() {
        let sometimes = matches!(finding, Finding::Hit(..));
        let mut name = name_of(machine, *finding);
        while list.iter().any(|j| j.name == name) {
            name.push('\'');
        }
        list.push(Judged { name: Box::leak(name.into_boxed_str()), finding: Some(i as u32), sometimes });
    }
    Ok(list)
}

/// The name of a finding.
fn name_of(machine: &Machine, finding: Finding) -> String {
    let property = |id| machine.program().properties[id].name.clone();
    match finding {
        Finding::Violated(id) => property(id),
        Finding::Hit(id, 0) => property(id),
        Finding::Hit(id, n) => format!("{} ({})", property(id), n + 1),
        Finding::Bounds => "bounds".to_owned(),
        Finding::Advances => "advances".to_owned(),
        Finding::Stuck => "stuck".to_owned(),
    }
}

/// A function that judges states.
type Condition = fn(&SpecModel, &SpecState) -> bool;

fn condition<const INDEX: usize>(model: &SpecModel, state: &SpecState) -> bool {
    model.judge(INDEX, state)
}

macro_rules! conditions {
    ($($index:literal)*) => { [$(condition::<$index>),*] };
}

/// The function for each position.
const CONDITIONS: [Condition; MOST] = conditions!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);

/// The properties as stateright has them.
#[must_use]
pub fn functions(judged: &[Judged]) -> Vec<Property<SpecModel>> {
    let property = |(judged, condition): (&Judged, &Condition)| {
        let expectation = if judged.sometimes { Expectation::Sometimes } else { Expectation::Always };
        Property { expectation, name: judged.name, condition: *condition }
    };
    judged.iter().zip(&CONDITIONS).map(property).collect()
}
