//! Why an event does not fit, in the names and values of the trace.

use crate::evaluate::{Oracle, Staged, get};
use crate::event::{DENIED, Fetched, REJECT, STEP, Scene, View, said};
use crate::subject::Subject;
use crate::world::Misfit;
use arch_base::Idx;
use arch_codegen::{Column, ColumnOf, KindOf};
use arch_ir::eval::{AtomTruth, Transition};
use arch_ir::{Event, State, Status, StepId, Value};
use arch_runtime::value as rt;

/// The most rows that are listed.
const MAX_ROWS: usize = 12;

/// Why an event is not what its step does.
pub fn refused(
    oracle: &Oracle<'_>,
    view: View<'_>,
    scene: &Scene,
    fetched: &[Fetched<'_>],
    blind: bool,
) -> Vec<String> {
    let staged = match oracle.stage(view, scene, fetched, blind) {
        Ok(staged) => staged,
        Err(Misfit::Large(why) | Misfit::Wrong(why)) => return vec![why],
    };
    let teller = Teller { view, scene, fetched, staged: &staged, subject: view.subject };
    let mut told = teller.reasons();
    told.extend(teller.alternatives(oracle));
    told
}

/// Which property an event violated, with what it touches.
pub fn violated(view: View<'_>, scene: &Scene, fetched: &[Fetched<'_>], property: &str) -> Vec<String> {
    let mut told = vec![format!("the property {property} is violated")];
    told.extend(fetched.iter().take(MAX_ROWS).filter_map(|row| {
        let values = row.row?;
        let kind = &view.subject.layout.kinds[row.kind];
        let key = scene.key(view, row);
        let name = name(view, scene, row.kind, key);
        let written = view.event.writes.iter().find(|w| {
            usize::from(w.row.kind.0) == row.kind && local_key(view, scene, row.kind, &w.row.key) == key
        });
        let was = attributes(&kind.columns, values);
        Some(match written {
            None => format!("{name} is {was}"),
            Some(write) => {
                format!("{name} was {was} and became {}", attributes(&kind.columns, &write.values))
            }
        })
    }));
    told
}

/// An event that the step allows, and that nothing outside can have led to.
pub fn impossible(view: View<'_>, inputs: &[Option<rt::Value>], outside: &[&str]) -> String {
    let heard = view.operation.picks.iter().zip(&inputs[view.operation.choices.len()..]);
    let heard = heard.filter_map(|(pick, value)| Some(format!("{} = {}", pick.name, show(value.as_ref()?))));
    let heard: Vec<String> = heard.collect();
    format!(
        "the spec's environment cannot have answered {}, as far as the journal tells of {}",
        heard.join(", "),
        outside.join(", ")
    )
}

struct Teller<'t, 'o, 's> {
    view: View<'t>,
    scene: &'t Scene,
    fetched: &'t [Fetched<'t>],
    staged: &'t Staged<'o, 's>,
    subject: &'t Subject,
}

impl Teller<'_, '_, '_> {
    fn reasons(&self) -> Vec<String> {
        let op = &self.view.operation.name;
        let transitions = self.staged.transitions(self.view, self.scene);
        let said = said(self.view.operation, self.view.event);
        if said == DENIED {
            return vec![format!("it was denied, and {op} can be taken: its guard is true")];
        }
        if transitions.is_empty() {
            return self.why_disabled();
        }
        let wanted: Vec<&Transition> = transitions.iter().filter(|t| kind_of(t) & said != 0).collect();
        let Some(nearest) =
            wanted.iter().copied().min_by_key(|t| self.differences(t).len()).or(transitions.first())
        else {
            return Vec::new();
        };
        if kind_of(nearest) & said == 0 {
            return self.other_outcome(nearest);
        }
        if let Err(excess) = &nearest.outcome {
            return vec![format!("{op} leaves a bound: {}", self.staged.program.show_excess(excess))];
        }
        self.differences(nearest)
    }

    /// The step was rejected where the event says that it executed, or the other way round, or the outcome is another.
    fn other_outcome(&self, transition: &Transition) -> Vec<String> {
        let (view, operation) = (self.view, self.view.operation);
        let out = match kind_of(transition) {
            REJECT => operation.rejected.as_deref().unwrap_or_default(),
            _ => &operation.moved.0,
        };
        let branch = |b: &Option<smol_str::SmolStr>| {
            b.as_ref().map_or(String::new(), |b| format!(" on the branch {b}"))
        };
        let expected = if kind_of(transition) == REJECT { String::new() } else { branch(&operation.moved.1) };
        let said = branch(&view.event.branch);
        let mut told =
            vec![format!("it came to {}{said}, the step comes to {out}{expected}", view.event.outcome)];
        told.extend(self.false_atoms(&transition.event));
        told
    }

    fn false_atoms(&self, event: &Event) -> Vec<String> {
        let atoms = self.staged.interpreter.atoms_at(&self.staged.before, event);
        atoms.iter().filter(|a| !a.wanted).map(|a| self.atom(a)).collect()
    }

    /// `false: main.commit#1, OwnerEpoch.current = my_epoch (OwnerEpoch.current is 4, my_epoch is 3)`; `true: …` of what the
    /// guard wants to be false.
    fn atom(&self, atom: &AtomTruth) -> String {
        let program = self.staged.program;
        let protocol = Some(self.view.operation.protocol);
        let values = atom
            .operands
            .iter()
            .map(|(e, v)| format!("{} is {}", program.show_expr(protocol, e), self.value(&e.ty, v)));
        let values: Vec<String> = values.collect();
        let values = if values.is_empty() { String::new() } else { format!(" ({})", values.join(", ")) };
        format!("{}: {}, {}{values}", atom.holds, atom.id, program.show_expr(protocol, &atom.expr))
    }

    fn value(&self, ty: &arch_ir::Type, value: &Value) -> String {
        show(&self.scene.world.real(self.staged.program, ty, value))
    }

    /// Why the step cannot be taken at all.
    fn why_disabled(&self) -> Vec<String> {
        let (staged, operation) = (self.staged, self.view.operation);
        let at = self.where_the_run_is();
        let Some(step) = operation.step else {
            return vec![format!("{} cannot be taken: {at}", operation.name)];
        };
        let fates = staged.interpreter.why_disabled(&staged.before, staged.run, step);
        let mine = fates.iter().filter(|f| self.is_as_asked(&f.choices)).collect::<Vec<_>>();
        if fates.is_empty() || mine.is_empty() {
            let others = staged.interpreter.step_raw(&staged.before, staged.run, Some(step));
            let who = others.iter().find_map(|t| self.actor(&t.event));
            return match who.filter(|who| *who != self.view.event.id) {
                Some(who) => {
                    vec![format!("{} is {who}'s to take, not {}'s", operation.name, self.view.event.id)]
                }
                None => vec![format!("{} cannot be taken by {}: {at}", operation.name, self.view.event.id)],
            };
        }
        let mut told = Vec::new();
        for fate in mine {
            let actor = &self.scene.world.ids[fate.actor.0.index()];
            if actor.get(fate.actor.1 as usize).is_some_and(|a| *a != self.view.event.id) {
                told.push(format!("{} is {}'s to take", operation.name, actor[fate.actor.1 as usize]));
            } else if !fate.guard {
                told.push(format!("the guard of {} is false", operation.name));
                told.extend(fate.atoms.iter().filter(|a| !a.wanted).map(|a| self.atom(a)));
            } else {
                told.push(format!(
                    "the guard of {} is true, but its effect finds nothing to pick as asked",
                    operation.name
                ));
            }
        }
        told.dedup();
        told
    }

    fn is_as_asked(&self, choices: &[Value]) -> bool {
        choices.iter().zip(&self.scene.given).all(|(c, g)| *g == crate::world::NOWHERE || c == g)
    }

    fn actor(&self, event: &Event) -> Option<String> {
        let (Event::Step { run, step, actor, .. } | Event::Reject { run, step, actor, .. }) = event else {
            return None;
        };
        let sort = self.staged.program.protocols[run.protocol].acting_sort(*step);
        self.scene.world.ids[sort.index()].get(*actor as usize).map(ToString::to_string)
    }

    fn where_the_run_is(&self) -> String {
        let Some(run) = &self.view.event.run else { return "it is a rule".into() };
        let id = self.view.operation.protocol;
        let state = &self.staged.before.runs[id.index()][self.staged.run.run as usize];
        let statuses = &self.subject.layout.protocol(id).statuses;
        let word = statuses.iter().find(|s| s.status == state.status).map_or("nowhere", |s| s.word.as_str());
        let busy = matches!(state.status, Status::Idle)
            && self.view.operation.runs.iter().any(|r| r.mentioning.is_some());
        let busy = if busy { ", or somebody takes part in another unfinished run" } else { "" };
        format!("{} is {word}{busy}", run.text(&self.subject.schema))
    }

    /// What the event wrote otherwise than the step.
    fn differences(&self, transition: &Transition) -> Vec<String> {
        let Some(after) = &transition.raw else { return Vec::new() };
        let mut told = Vec::new();
        let stored = self.fetched.iter().filter(|row| row.kind < self.subject.layout.stored);
        for row in stored {
            let key = self.scene.key(self.view, row);
            let of = |state: &State| get(self.subject, self.staged.program, state, row.kind, key);
            let (says, wrote) = (of(after), of(&self.staged.claimed));
            told.extend(self.difference(row.kind, key, &says, &wrote, &of(&self.staged.before)));
        }
        let foreign = self.view.event.writes.iter().filter(|w| {
            let kind = usize::from(w.row.kind.0);
            !self.view.operation.kinds.contains(&kind)
        });
        told.extend(foreign.map(|w| {
            format!("it wrote {}, which the step does not touch", w.row.text(&self.subject.schema))
        }));
        if told.is_empty() {
            told.push("it wrote something else than the step does".into());
        }
        told
    }

    fn difference(
        &self,
        kind: usize,
        key: &[Value],
        says: &[Value],
        wrote: &[Value],
        before: &[Value],
    ) -> Option<String> {
        if says == wrote {
            return None;
        }
        let declared = &self.subject.layout.kinds[kind];
        let name = name(self.view, self.scene, kind, key);
        let columns = declared.columns.iter().zip(says.iter().zip(wrote)).filter(|(_, (a, b))| a != b);
        let parts = columns.map(|(c, (says, wrote))| {
            format!(
                "{} is {}, the step says {}",
                c.name,
                self.column(kind, c, wrote, key),
                self.column(kind, c, says, key)
            )
        });
        let parts: Vec<String> = parts.collect();
        let what = if wrote == before { "it did not write" } else { "it wrote" };
        Some(format!("{what} {name}: {}", parts.join("; ")))
    }

    fn column(&self, kind: usize, column: &Column, value: &Value, key: &[Value]) -> String {
        let declared = &self.subject.layout.kinds[kind];
        match (column.of, declared.of, value) {
            (ColumnOf::Status, KindOf::Run(id), Value::Enum(n)) => {
                self.subject.layout.protocol(id).statuses[*n as usize].word.clone()
            }
            (_, _, &crate::world::NOWHERE) => self.written(kind, column, key),
            (_, _, value) => self.value(&column.ty, value),
        }
    }

    /// A value that this world does not have, as the event wrote it.
    fn written(&self, kind: usize, column: &Column, key: &[Value]) -> String {
        let mut writes = self.view.event.writes.iter();
        let write = writes.find(|w| {
            usize::from(w.row.kind.0) == kind && local_key(self.view, self.scene, kind, &w.row.key) == key
        });
        let at = self.subject.layout.kinds[kind].columns.iter().position(|c| c.name == column.name);
        write.zip(at).and_then(|(w, at)| w.values.get(at)).map_or_else(|| "?".into(), show)
    }

    /// What the run could do instead, and whether that is what the event did.
    fn alternatives(&self, oracle: &Oracle<'_>) -> Vec<String> {
        let id = self.view.operation.protocol;
        let steps = self.staged.program.protocols[id].steps.indices();
        let mut told = Vec::new();
        for step in steps.filter(|s| Some(*s) != self.view.operation.step) {
            told.extend(self.alternative(oracle, step));
        }
        told
    }

    fn alternative(&self, oracle: &Oracle<'_>, step: StepId) -> Option<String> {
        let possible = self.staged.interpreter.step_raw(&self.staged.before, self.staged.run, Some(step));
        let possible: Vec<Transition> = possible.into_iter().filter(|t| t.outcome.is_ok()).collect();
        if possible.is_empty() {
            return None;
        }
        let op = &self.subject.layout.protocol(self.view.operation.protocol).ops[step.index()];
        let operation = &self.subject.operations[*self.subject.by_name.get(op.as_str())?];
        let view = View { operation, ..self.view };
        Some(match possible.iter().any(|t| oracle.fits(self.staged, view, t)) {
            true => format!("it is what {op} does"),
            false => format!("{op} could be taken"),
        })
    }
}

fn kind_of(transition: &Transition) -> i64 {
    if matches!(transition.event, Event::Reject { .. }) { REJECT } else { STEP }
}

fn local_key(view: View<'_>, scene: &Scene, kind: usize, key: &[rt::Value]) -> Vec<Value> {
    let keys = view.subject.layout.kinds[kind].keys.iter().zip(key);
    keys.map(|(k, v)| scene.world.local(view.subject.program(), &k.ty, v)).collect()
}

/// `ClaimState`, `main/w1`
fn name(view: View<'_>, scene: &Scene, kind: usize, key: &[Value]) -> String {
    let declared = &view.subject.layout.kinds[kind];
    let parts = declared.keys.iter().zip(key);
    let parts = parts.map(|(k, v)| format!("/{}", show(&scene.world.real(view.subject.program(), &k.ty, v))));
    format!("{}{}", declared.name, parts.collect::<String>())
}

fn attributes(columns: &[Column], values: &[rt::Value]) -> String {
    let parts = columns.iter().zip(values).map(|(c, v)| format!("{}: {}", c.name, show(v)));
    format!("{{{}}}", parts.collect::<Vec<_>>().join(", "))
}

/// A value as people write it.
fn show(value: &rt::Value) -> String {
    let list = |all: &mut dyn Iterator<Item = &rt::Value>| all.map(show).collect::<Vec<_>>().join(", ");
    match value {
        rt::Value::Null => "null".into(),
        rt::Value::Bool(b) => b.to_string(),
        rt::Value::Int(n) => n.to_string(),
        rt::Value::Enum(word) | rt::Value::Id(word) => word.to_string(),
        rt::Value::Ordinal(n) => n.to_string(),
        rt::Value::Time(t) if *t == arch_runtime::Instant::PAST => "the past".into(),
        rt::Value::Time(t) => t.millis().to_string(),
        rt::Value::Set(all) => format!("{{{}}}", list(&mut all.iter())),
        rt::Value::Seq(all) => format!("[{}]", list(&mut all.iter())),
        rt::Value::Record(all) => format!("({})", list(&mut all.iter())),
        rt::Value::Variant(tag, all) => format!("{tag}({})", list(&mut all.iter())),
        rt::Value::Map(all) => {
            let pairs = all.iter().map(|(k, v)| format!("{}: {}", show(k), show(v)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}
