//! Judges events: what was asked before is remembered, what is new is asked of the interpreter.

use crate::cases::{Cases, outside, written};
use crate::evaluate::{Oracle, Verdict};
use crate::event::{Fetched, Scene, View};
use crate::explain;
use crate::ghosts::{Case, Ghosts};
use crate::index::Index;
use crate::operation::Operation;
use crate::ordinals::Alive;
use crate::subject::Subject;
use crate::world::Misfit;
use arch_base::Idx;
use arch_ir::{PropertyId, Value};
use arch_runtime::journal::{Entry, Judge, State};
use arch_runtime::value as rt;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::rc::Rc;

/// Why ghost truth is not known any more.
const TOO_MANY: &str = "there are too many cases of what happened outside";

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
    /// The first event that may have violated a property, which depends on what nobody heard of; and the property.
    pub perhaps: Option<(u64, String)>,
}

/// Judges the events of a journal by the semantics of the checker.
pub struct Conformance<'s> {
    subject: &'s Subject,
    oracle: Oracle<'s>,
    scene: Scene,
    ghosts: Ghosts,
    index: Index,
    alive: Alive,
    memory: Memory,
    events: u64,
    /// Whether what is kept account of is that of the state: not before the first event, nor after one that was not judged.
    abreast: bool,
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
            ghosts: Ghosts::default(),
            index: Index::default(),
            alive: Alive::default(),
            memory: Memory { verdicts: hashbrown::HashMap::new(), most: REMEMBERED },
            events: 0,
            abreast: false,
            findings: Findings::default(),
        }
    }

    /// The same, asking the interpreter of every event: for tests, as it is slow.
    #[must_use]
    pub fn forgetful(mut self) -> Conformance<'s> {
        self.memory.most = 0;
        self
    }

    /// The state that an earlier version of the spec left, if there is one.
    fn begin(&mut self, before: &State) {
        self.abreast = true;
        self.index = Index::of(self.subject, before);
        self.alive = Alive::of(self.subject, before);
        let kinds = 0..self.subject.layout.stored;
        if kinds.into_iter().any(|k| before.rows(arch_runtime::KindId(k as u16)).next().is_some()) {
            self.lose_ghosts("events before it are of an earlier version of the spec");
        }
    }

    fn lose_ghosts(&mut self, why: &str) {
        if self.subject.ghosts.contains(&true) {
            self.findings.ghosts_lost.get_or_insert((self.events, why.to_owned()));
        }
    }

    /// Judges an event, and what it does to ghost truth.
    fn assess(&mut self, before: &State, event: &Entry, operation: &'s Operation) -> Result<(), Refusal> {
        let inputs = inputs(operation, event).map_err(Refusal::plain)?;
        let (subject, floor, none) = (self.subject, self.oracle.floor, Case::new());
        let (ghosts, index) = (&self.ghosts, &self.index);
        let view = View { subject, before, ghosts, case: &none, index, event, operation };
        let fetched = self.scene.set(view, floor, &inputs)?;
        on_ticks(view, &self.scene)?;
        self.alive.check(subject, operation, &self.scene.world).map_err(Refusal::plain)?;
        let lost = self.findings.ghosts_lost.is_some();
        let cases = match () {
            () if lost => None,
            () if ghosts.are_certain() => Some(vec![Case::new()]),
            () => ghosts.cases(&outside(view, &self.scene, &fetched)),
        };
        let Some(cases) = cases else {
            let asked = blindly(&mut self.memory, &self.oracle, view, &mut self.scene, &fetched)?;
            self.findings.asked += u64::from(asked);
            self.lose_ghosts(TOO_MANY);
            return Ok(());
        };
        // Nearly always there is one case, and one thing that can have happened in it.
        if cases.iter().all(Case::is_empty) {
            let (asked, verdict) =
                self.memory.verdict(&self.oracle, view, &mut self.scene, &fetched, false)?;
            self.findings.asked += u64::from(asked);
            let real = |writes: &[_]| writes.iter().map(|w| written(view, &self.scene, w)).collect();
            let writes: Option<Vec<_>> = verdict.certain().map(real);
            if let Some(writes) = writes.filter(|writes| ghosts.are_known(writes)) {
                self.ghosts.write(writes);
                return Ok(());
            }
        }
        let (mut found, mut covered) = (Cases::default(), true);
        for case in &cases {
            let (view, again) = (View { case, ..view }, !case.is_empty());
            let other = if again { self.scene.set(view, floor, &inputs)? } else { Vec::new() };
            let fetched = if again { &other } else { &fetched };
            let (asked, verdict) =
                self.memory.verdict(&self.oracle, view, &mut self.scene, fetched, false)?;
            self.findings.asked += u64::from(asked);
            covered &= found.add(view, &self.scene, fetched, &verdict);
        }
        if found.broken.is_empty() {
            return Err(refusal(&self.oracle, view, &mut self.scene, &inputs));
        }
        let (violated, perhaps) = found.properties();
        if let Some(told) = violated.first() {
            let fetched = self.scene.set(view, floor, &inputs)?;
            return Err(violation(view, &self.scene, &fetched, *told));
        }
        self.suspect(perhaps.first());
        if !(self.ghosts.settle(found.after) && covered) {
            self.lose_ghosts(TOO_MANY);
        }
        Ok(())
    }

    fn suspect(&mut self, property: Option<&PropertyId>) {
        let Some(property) = property else { return };
        let name = &self.subject.program().properties[*property].name;
        self.findings.perhaps.get_or_insert_with(|| (self.events, name.clone()));
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
    fn pass(&mut self, _: &State, _: &Entry) {
        self.events += 1;
        self.abreast = false;
    }

    fn judge(&mut self, before: &State, event: &Entry) -> Result<(), String> {
        self.events += 1;
        if !self.abreast {
            self.begin(before);
        }
        let subject = self.subject;
        let refused = match operation(subject, event) {
            Err(why) => Refusal::plain(why),
            Ok(operation) => match self.assess(before, event, operation) {
                Ok(()) => {
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

/// What was asked before is remembered.
struct Memory {
    verdicts: hashbrown::HashMap<Box<[Value]>, Rc<Verdict>>,
    most: usize,
}

impl Memory {
    /// What the interpreter says of an event, and whether it was asked.
    fn verdict(
        &mut self,
        oracle: &Oracle<'_>,
        view: View<'_>,
        scene: &mut Scene,
        fetched: &[Fetched<'_>],
        blind: bool,
    ) -> Result<(bool, Rc<Verdict>), Misfit> {
        scene.form.push(Value::Bool(blind));
        let told = self.remembered(oracle, view, scene, fetched, blind);
        scene.form.pop();
        told
    }

    /// The same, by the form that the scene has.
    fn remembered(
        &mut self,
        oracle: &Oracle<'_>,
        view: View<'_>,
        scene: &mut Scene,
        fetched: &[Fetched<'_>],
        blind: bool,
    ) -> Result<(bool, Rc<Verdict>), Misfit> {
        if let Some(verdict) = self.verdicts.get(scene.form.as_slice()) {
            return Ok((false, verdict.clone()));
        }
        let verdict = Rc::new(oracle.judge(view, scene, fetched, blind)?);
        if self.verdicts.len() >= self.most {
            self.verdicts.clear();
        }
        // Why an event is refused is told of it alone.
        if self.most > 0 && *verdict != Verdict::Refused {
            self.verdicts.insert(scene.form.clone().into(), verdict.clone());
        }
        Ok((true, verdict))
    }
}

/// The names of the ghost truth that an operation is about.
fn outside_names(view: View<'_>) -> Vec<&str> {
    let ghosts = view.operation.kinds.iter().filter(|kind| **kind >= view.subject.layout.stored);
    ghosts.map(|kind| view.subject.layout.kinds[*kind].name.as_str()).collect()
}

/// Why an event fits in no case.
fn refusal(oracle: &Oracle<'_>, view: View<'_>, scene: &mut Scene, inputs: &[Option<rt::Value>]) -> Refusal {
    let fetched = match scene.set(view, oracle.floor, inputs) {
        Ok(fetched) => fetched,
        Err(misfit) => return misfit.into(),
    };
    let mut because = Vec::new();
    let blind = view.subject.hears(view.operation).then(|| oracle.judge(view, scene, &fetched, true));
    if let Some(Ok(Verdict::Fits { .. })) = blind {
        because.push(explain::impossible(view, inputs, &outside_names(view)));
    }
    because.extend(explain::refused(oracle, view, scene, &fetched, false));
    Refusal { because, property: None, large: false }
}

fn violation(view: View<'_>, scene: &Scene, fetched: &[Fetched<'_>], property: PropertyId) -> Refusal {
    let name = &view.subject.program().properties[property].name;
    let because = explain::violated(view, scene, fetched, name);
    Refusal { because, property: Some(name.clone()), large: false }
}

/// Judges an event where nothing is known of ghost truth; whether the interpreter was asked.
fn blindly(
    memory: &mut Memory,
    oracle: &Oracle<'_>,
    view: View<'_>,
    scene: &mut Scene,
    fetched: &[Fetched<'_>],
) -> Result<bool, Refusal> {
    let (asked, verdict) = memory.verdict(oracle, view, scene, fetched, true)?;
    match &*verdict {
        Verdict::Refused => {
            let because = explain::refused(oracle, view, scene, fetched, true);
            Err(Refusal { because, property: None, large: false })
        }
        Verdict::Fits { violated, .. } => match violated.iter().find(|p| !reads_ghosts(view.subject, **p)) {
            Some(told) => Err(violation(view, scene, fetched, *told)),
            None => Ok(asked),
        },
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

/// The members of a JSON object, not read yet.
struct Members<'j>(Vec<(&'j str, &'j RawValue)>);

impl<'j> Deserialize<'j> for Members<'j> {
    fn deserialize<D: Deserializer<'j>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'j> Visitor<'j> for Object {
            type Value = Members<'j>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'j>>(self, mut from: A) -> Result<Members<'j>, A::Error> {
                let mut members = Vec::with_capacity(4);
                while let Some(member) = from.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Object)
    }
}

/// The choices and picks that the request says, in the order of the operation's.
fn inputs(operation: &Operation, event: &Entry) -> Result<Vec<Option<rt::Value>>, String> {
    let asked = operation.choices.len() + operation.picks.len();
    if asked == 0 || event.input.is_null() {
        return Ok(vec![None; asked]);
    }
    let Members(fields) =
        serde_json::from_str(event.input.text()).map_err(|e| format!("`in` is no object: {e}"))?;
    let value = |choice: &crate::operation::Choice| {
        let raw = fields.iter().rev().find(|(name, _)| *name == choice.name).filter(|_| choice.said);
        let Some((_, raw)) = raw else { return Ok(None) };
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
