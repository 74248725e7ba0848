//! One step: the phases of an operation in their order.

use super::{Action, Guard, Moved, Picks, Stop, Tx};
use crate::value::Value;

/// Sees the states within a step.
pub trait Watch<'a> {
    /// The choices are made; nothing else.
    fn chosen(&mut self, _tx: &Tx<'a>, _me: &Value) {}
    /// The `let`s are made: what `old` reads.
    fn read(&mut self, _tx: &Tx<'a>) {}
    /// The effect (of the step or its reject) is done; the run has not moved.
    fn done(&mut self, _tx: &Tx<'a>) {}
}

/// Sees nothing.
#[derive(Clone, Copy, Default, Debug)]
pub struct Watching;

impl Watch<'_> for Watching {}

/// What came of a step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Performed {
    /// It executed.
    Step(Moved),
    /// Its guard was false, and it answered so.
    Reject(Moved),
    /// Its guard was false: nothing happens.
    Denied(Guard),
}

/// Takes a step of a run with these choices. What it writes is in `tx` afterwards; bounds that it exceeded, too.
///
/// # Errors
/// It is not to be taken: the run is elsewhere, somebody is busy or down, a choice or pick is impossible, a bound cuts.
pub fn perform<'a>(
    action: &Action,
    tx: &mut Tx<'a>,
    run: &[Value],
    choices: &[Value],
    picks: &mut Picks,
    watch: &mut impl Watch<'a>,
) -> Result<Performed, Stop> {
    let before = tx.clone();
    let me = (action.choose)(tx, run, choices)?;
    if let Some(id) = acting(&me) {
        tx.act(&action.actor, id)?;
    }
    watch.chosen(tx, &me);
    let guard = (action.guard)(tx, run, &me);
    if guard.holds() {
        (action.lets)(tx, run, &me)?;
        watch.read(tx);
        (action.effect)(tx, run, &me, picks)?;
        watch.done(tx);
        return (action.conclude)(tx, &before, run, &me).map(Performed::Step);
    }
    if !action.rejects {
        return Ok(Performed::Denied(guard));
    }
    (action.reject)(tx, run, &me, picks)?;
    watch.done(tx);
    (action.refuse)(tx, run, &me).map(Performed::Reject)
}

/// The acting instance: what a step's actor is, or the first part of it where a rule keeps its choices there.
#[must_use]
pub fn acting(me: &Value) -> Option<&str> {
    match me {
        Value::Id(id) => Some(id),
        Value::Record(parts) => parts.first().and_then(acting),
        _ => None,
    }
}
