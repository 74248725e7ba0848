//! A judge that evaluates every step again: what was committed is what the step says, or the event does not fit.

use super::{Entry, Judge, State};
use crate::schema::Schema;
use crate::store::{Evaluation, Plan, Step, Transition, evaluate};
use crate::store::{IdempotencyKey, Meta};
use std::sync::Arc;

/// Evaluates steps again.
///
/// `steps` finds the step of an event from its operation and input; none is an operation that the spec does not have.
pub struct Replay<F> {
    schema: Arc<Schema>,
    steps: F,
}

impl<F: FnMut(&Entry) -> Option<(Arc<Plan>, Step)>> Replay<F> {
    /// A judge for journals of this schema.
    #[must_use]
    pub fn new(schema: Arc<Schema>, steps: F) -> Replay<F> {
        Replay { schema, steps }
    }

    /// What the step says now.
    fn again(&mut self, before: &State, event: &Entry) -> Result<Entry, String> {
        let (plan, step) =
            (self.steps)(event).ok_or_else(|| format!("the spec has no operation {}", event.op))?;
        let read = before.read_rows(event);
        let idempotency: Option<IdempotencyKey> = None;
        let meta = Meta {
            tx: event.tx,
            actor: event.actor.clone(),
            id: event.id.clone(),
            run: event.run.clone(),
            input: event.input.clone(),
            idempotency,
            trace: None,
        };
        let transition = Transition { plan, keys: Vec::new(), meta, step };
        let evaluation = evaluate(&self.schema, &transition, event.now, &read).map_err(|e| e.to_string())?;
        let entry = match evaluation {
            Evaluation::Commit(prepared) => prepared.entry,
            Evaluation::Deny { entry, .. } => entry,
            Evaluation::Widen(rows) => {
                return Err(format!("the step reads {}, the event did not", rows[0].text(&self.schema)));
            }
        };
        Ok(Entry { seq: event.seq, ..entry })
    }
}

impl<F: FnMut(&Entry) -> Option<(Arc<Plan>, Step)>> Judge for Replay<F> {
    fn judge(&mut self, before: &State, event: &Entry) -> Result<(), String> {
        let again = self.again(before, event)?;
        let list = |words: &[smol_str::SmolStr]| words.join(", ");
        match (&again.denied, &event.denied) {
            (Some(failed), None) => return Err(format!("its guard was false: {}", list(failed))),
            (None, Some(_)) => return Err("it was denied, though its guard was true".into()),
            (Some(a), Some(b)) if a != b => {
                return Err(format!("false of its guard was {}, not {}", list(a), list(b)));
            }
            _ => {}
        }
        for (a, b) in again.writes.iter().zip(&event.writes) {
            if a != b {
                let row = b.row.text(&self.schema);
                let kind = self.schema.kind(b.row.kind);
                let json = |values| kind.row_to_json(values).unwrap_or_default();
                return Err(if a.row == b.row {
                    format!("it wrote {row} {}, the step says {}", json(&b.values), json(&a.values))
                } else {
                    format!("it wrote {row}, the step says {}", a.row.text(&self.schema))
                });
            }
        }
        if again.writes.len() != event.writes.len() {
            return Err(format!(
                "it wrote {} rows, the step says {}",
                event.writes.len(),
                again.writes.len()
            ));
        }
        if (&again.branch, &again.outcome) != (&event.branch, &event.outcome) {
            return Err(format!("its outcome is {}, the step says {}", event.outcome, again.outcome));
        }
        // What is handed over comes after that, and depends on how the service was configured then.
        if !event.next.starts_with(&again.next) {
            return Err(format!(
                "its messages go to {}, the step says {}",
                list(&event.next),
                list(&again.next)
            ));
        }
        Ok(())
    }
}
