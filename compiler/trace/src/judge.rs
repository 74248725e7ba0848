//! Judges events: what was asked before is remembered, what is new is asked of the interpreter.

use crate::evaluate::{GhostWrite, Oracle, Verdict};
use crate::event::{Fetched, Ghosts, Scene, View};
use crate::explain;
use crate::index::Index;
use crate::operation::Operation;
use crate::ordinals::Alive;
use crate::subject::Subject;
use crate::world::Misfit;
use arch_base::Idx;
use arch_ir::{PropertyId, Value};
use arch_runtime::journal::{Entry, Judge, State};
use arch_runtime::value as rt;
use std::collections::BTreeMap;
use std::rc::Rc;

/// How many answers are remembered.
const REMEMBERED: usize = 1 << 16;

/// What was found of a trace so far.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Why the last event was refused, line by line.
    pub because: Vec<String>,
    /// The property that it violated, if it is the step's.
    pub property: Option<String>,
    /// How often the interpreter was asked.
    pub asked: u64,
    /// How many events were not evaluated, with the first reason.
    pub skipped: Option<(u64, String)>,
    /// Since which event ghost truth is not known, and why.
    pub ghosts_lost: Option<(u64, String)>,
}

/// Judges the events of a journal by the semantics of the checker.
pub struct Conformance<'s> {
    subject: &'s Subject,
    oracle: Oracle<'s>,
    scene: Scene,
    ghosts: Ghosts,
    index: Index,
    alive: Alive,
    remembered: hashbrown::HashMap<Box<[Value]>, Rc<Verdict>>,
    memory: usize,
    events: u64,
    /// What was found.
    pub findings: Findings,
}

impl<'s> Conformance<'s> {
    /// A judge of the journals of a program.
    #[must_use]
    pub fn new(subject: &'s Subject) -> Conformance<'s> {
        Conformance {
            subject,
            oracle: Oracle::new(subject),
            scene: Scene::default(),
            ghosts: vec![hashbrown::HashMap::new(); subject.layout.kinds.len() - subject.layout.stored],
            index: Index::default(),
            alive: Alive::default(),
            remembered: hashbrown::HashMap::new(),
            memory: REMEMBERED,
            events: 0,
            findings: Findings::default(),
        }
    }

    /// The same, asking the interpreter of every event: for tests, as it is slow.
    #[must_use]
    pub fn forgetful(mut self) -> Conformance<'s> {
        self.memory = 0;
        self
    }

    /// The state that an earlier version of the spec left, if there is one.
    fn begin(&mut self, before: &State) {
        self.index = Index::of(self.subject, before);
        self.alive = Alive::of(self.subject, before);
        let kinds = 0..self.subject.layout.stored;
        if kinds.into_iter().any(|k| before.rows(arch_runtime::KindId(k as u16)).next().is_some()) {
            self.lose_ghosts("the journal begins with events of an earlier version of the spec");
        }
    }

    fn lose_ghosts(&mut self, why: &str) {
        if self.subject.ghosts.contains(&true) {
            self.findings.ghosts_lost.get_or_insert((self.events, why.to_owned()));
        }
    }

    fn assess(
        &mut self,
        before: &State,
        event: &Entry,
        operation: &'s Operation,
    ) -> Result<Rc<Verdict>, Refusal> {
        let inputs = inputs(operation, event).map_err(Refusal::plain)?;
        let (subject, floor) = (self.subject, self.oracle.floor);
        let view = View { subject, before, ghosts: &self.ghosts, index: &self.index, event, operation };
        let fetched = self.scene.set(view, floor, &inputs)?;
        on_ticks(view, &self.scene)?;
        self.alive.check(subject, operation, &self.scene.world).map_err(Refusal::plain)?;
        if let Some(verdict) = self.remembered.get(self.scene.form.as_slice()) {
            if let Some(refusal) = objection(
                &self.oracle,
                view,
                &self.scene,
                &fetched,
                verdict,
                self.findings.ghosts_lost.is_some(),
            ) {
                return Err(refusal);
            }
            return Ok(verdict.clone());
        }
        self.findings.asked += 1;
        let verdict = Rc::new(self.oracle.judge(view, &self.scene, &fetched)?);
        if let Some(refusal) = objection(
            &self.oracle,
            view,
            &self.scene,
            &fetched,
            &verdict,
            self.findings.ghosts_lost.is_some(),
        ) {
            return Err(refusal);
        }
        if self.remembered.len() >= self.memory {
            self.remembered.clear();
        }
        if self.memory > 0 {
            self.remembered.insert(self.scene.form.clone().into(), verdict.clone());
        }
        Ok(verdict)
    }

    fn settle(&mut self, verdict: &Verdict) {
        match verdict {
            Verdict::Fits { ghosts: Some(writes), .. } => writes.iter().for_each(|w| self.write_ghost(w)),
            Verdict::Fits { ghosts: None, .. } => {
                self.lose_ghosts("the request does not say which of several things the step did");
            }
            Verdict::Refused => {}
        }
    }

    fn write_ghost(&mut self, write: &GhostWrite) {
        let (program, kind) = (self.subject.program(), &self.subject.layout.kinds[write.kind]);
        let real = |columns: &[arch_codegen::Column], values: &[Value]| -> Vec<rt::Value> {
            columns.iter().zip(values).map(|(c, v)| self.scene.world.real(program, &c.ty, v)).collect()
        };
        let (key, row) = (real(&kind.keys, &write.key), real(&kind.columns, &write.values));
        self.ghosts[write.kind - self.subject.layout.stored].insert(key.into(), row);
    }

    /// What the event wrote is there from now on.
    fn note(&mut self, before: &State, event: &Entry) {
        for write in &event.writes {
            let was = before.get(&write.row).map(|r| &r.values);
            self.index.written(self.subject, &write.row, was, &write.values);
            self.alive.written(self.subject, &write.row, was, &write.values);
        }
    }

    fn skip(&mut self, operation: &Operation, why: String) {
        let (count, _) = self.findings.skipped.get_or_insert((0, why));
        *count += 1;
        if operation.kinds.iter().any(|k| *k >= self.subject.layout.stored) {
            self.lose_ghosts("an event was not evaluated");
        }
    }
}

/// Why an event is refused.
pub struct Refusal {
    pub because: Vec<String>,
    pub property: Option<String>,
    large: bool,
}

impl Refusal {
    pub fn plain(because: String) -> Refusal {
        Refusal { because: vec![because], property: None, large: false }
    }
}

impl From<Misfit> for Refusal {
    fn from(misfit: Misfit) -> Refusal {
        match misfit {
            Misfit::Large(why) => Refusal { large: true, ..Refusal::plain(why) },
            Misfit::Wrong(why) => Refusal::plain(why),
        }
    }
}

impl Judge for Conformance<'_> {
    fn judge(&mut self, before: &State, event: &Entry) -> Result<(), String> {
        if self.events == 0 {
            self.begin(before);
        }
        self.events += 1;
        let subject = self.subject;
        let refused = match operation(subject, event) {
            Err(why) => Refusal::plain(why),
            Ok(operation) => match self.assess(before, event, operation) {
                Ok(verdict) => {
                    self.settle(&verdict);
                    self.note(before, event);
                    return Ok(());
                }
                Err(refusal) if refusal.large => {
                    self.skip(operation, refusal.because.join("; "));
                    self.note(before, event);
                    return Ok(());
                }
                Err(refusal) => refusal,
            },
        };
        self.findings.because.clone_from(&refused.because);
        self.findings.property.clone_from(&refused.property);
        Err(refused.because.join("\n  "))
    }
}

/// What is wrong with an event that was judged.
fn objection(
    oracle: &Oracle<'_>,
    view: View<'_>,
    scene: &Scene,
    fetched: &[Fetched<'_>],
    verdict: &Verdict,
    ghosts_lost: bool,
) -> Option<Refusal> {
    match verdict {
        Verdict::Refused => Some(Refusal {
            because: explain::refused(oracle, view, scene, fetched),
            property: None,
            large: false,
        }),
        Verdict::Fits { violated, .. } => {
            let told = violated.iter().find(|p| !ghosts_lost || !reads_ghosts(view.subject, **p))?;
            let property = &view.subject.program().properties[*told];
            let because = explain::violated(view, scene, fetched, &property.name);
            Some(Refusal { because, property: Some(property.name.clone()), large: false })
        }
    }
}

fn reads_ghosts(subject: &Subject, property: PropertyId) -> bool {
    let mut found = false;
    for (_, root) in subject.program().properties[property].exprs() {
        root.visit(&mut |e| {
            found |= matches!(&e.kind, arch_ir::ExprKind::Var(var, _) if subject.ghosts[var.index()]);
        });
    }
    found
}

/// The operation of an event, which moves a run of its protocol.
fn operation<'s>(subject: &'s Subject, event: &Entry) -> Result<&'s Operation, String> {
    let at = subject.by_name.get(&event.op);
    let at = at.ok_or_else(|| format!("the spec has no operation {}", event.op))?;
    let operation = &subject.operations[*at];
    let kind = subject.layout.protocol(operation.protocol).kind;
    match (&event.run, kind) {
        (Some(run), Some(kind)) if usize::from(run.kind.0) == kind => Ok(operation),
        (None, None) => Ok(operation),
        (Some(run), _) => Err(format!("{} does not move {}", event.op, run.text(&subject.schema))),
        (None, _) => Err(format!("it does not say which run of {} moves", event.op)),
    }
}

/// The choices and picks that the request says, in the order of the operation's.
fn inputs(operation: &Operation, event: &Entry) -> Result<Vec<Option<rt::Value>>, String> {
    use serde::de::DeserializeSeed;
    let asked = operation.choices.len() + operation.picks.len();
    if asked == 0 || event.input.is_null() {
        return Ok(vec![None; asked]);
    }
    let fields: BTreeMap<&str, &serde_json::value::RawValue> =
        serde_json::from_str(event.input.text()).map_err(|e| format!("`in` is no object: {e}"))?;
    let value = |choice: &crate::operation::Choice| {
        let Some(raw) = fields.get(choice.name.as_str()) else { return Ok(None) };
        let mut from = serde_json::Deserializer::from_str(raw.get());
        let read = rt::ValueSeed(&choice.stored).deserialize(&mut from);
        read.map(Some).map_err(|e| format!("`in.{}`: {e}", choice.name))
    };
    operation.choices.iter().chain(&operation.picks).map(value).collect()
}

/// Whether the clock of the spec can have made the instants that an event wrote.
fn on_ticks(view: View<'_>, scene: &Scene) -> Result<(), Refusal> {
    for write in &view.event.writes {
        let kind = &view.subject.layout.kinds[usize::from(write.row.kind.0)];
        for (column, value) in kind.columns.iter().zip(&write.values) {
            if let rt::Value::Time(t) = value
                && !scene.world.is_on_tick(*t)
            {
                let row = write.row.text(&view.subject.schema);
                let what = format!(
                    "it wrote {row}.{} {}, which is between two ticks of {} ms",
                    column.name,
                    t.millis(),
                    view.subject.tick
                );
                return Err(Refusal::plain(what));
            }
        }
    }
    Ok(())
}
