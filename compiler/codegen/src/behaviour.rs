//! A behaviour of a program as a Rust test of its crate: each event as the call that tells it.

use crate::File;
use crate::gen_::Gen;
use crate::layout::Layout;
use crate::model::instance_name;
use crate::names::ident;
use crate::project::Crate;
use crate::refusal::Refusal;
use crate::serve::{Asked, Op};
use arch_base::{Idx, SourceMap};
use arch_ir::{Event, FaultId, FaultKind, Field, Program, RunRef, SortId, StepId, Type, Value};
use serde_json::{Map, Value as Json, json};

/// The call that tells an event: a method of the runtime's `Behaviour`, and its arguments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// `ask`
    pub method: &'static str,
    /// Texts.
    pub arguments: Vec<String>,
}

impl Call {
    fn new<const N: usize>(method: &'static str, arguments: [String; N]) -> Call {
        Call { method, arguments: arguments.into() }
    }
}

/// What a test says of a behaviour.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// The name of the test and of its file.
    pub name: String,
    /// The property that is violated.
    pub property: String,
    /// That, in the words of the spec.
    pub words: String,
    /// Where it was found, a sentence for each line.
    pub origin: Vec<String>,
    /// The events as archc tells them.
    pub told: Vec<String>,
    /// The events as calls.
    pub calls: Vec<Call>,
}

/// The calls that tell events.
///
/// # Errors
/// Names that no code is made of; an event that cannot be told to a service, and why.
pub fn calls(program: &Program, sources: &SourceMap, events: &[Event]) -> Result<Vec<Call>, String> {
    let said =
        |refusals: Vec<Refusal>| refusals.into_iter().map(|r| r.message).collect::<Vec<_>>().join("; ");
    let layout = Layout::of(program).map_err(said)?;
    let r#gen = Gen::new(program, layout, sources, "");
    let ops = r#gen.served().map_err(said)?.into_iter().flat_map(|actor| actor.ops).collect();
    let teller = Teller { program, layout: &r#gen.layout, ops };
    events.iter().map(|event| teller.call(event)).collect()
}

struct Teller<'p> {
    program: &'p Program,
    layout: &'p Layout,
    ops: Vec<Op>,
}

impl Teller<'_> {
    fn call(&self, event: &Event) -> Result<Call, String> {
        Ok(match event {
            Event::Begin(run) => self.begin(*run)?,
            Event::Step { run, step, actor, choices, duplicated } => {
                let method = if duplicated.is_some() { "ask_twice" } else { "ask" };
                self.step(method, *run, *step, *actor, choices)?
            }
            Event::Reject { run, step, actor, choices } => {
                self.step("ask_in_vain", *run, *step, *actor, choices)?
            }
            Event::Crash(fault, n) => Call::new("crash", [self.instance_of(*fault, *n)?]),
            Event::Restart(fault, n) => Call::new("restart", [self.instance_of(*fault, *n)?]),
            Event::Lose(_, run) => {
                Call::new("lose", [self.program.protocols[run.protocol].name.clone(), self.run(*run)])
            }
            Event::Deliver { fault, run, .. } => match self.program.faults[*fault].kind {
                FaultKind::Duplicate { step, .. } => {
                    let op = self.layout.protocol(run.protocol).ops[step.index()].clone();
                    Call::new("arrives_again", [op, self.run(*run)])
                }
                _ => return Err("only duplicates arrive again".into()),
            },
            Event::Cut(..) | Event::Heal(..) => return Err("no service is told of partitions".into()),
            Event::Tick => Call::new("tick", []),
        })
    }

    fn instance_of(&self, fault: FaultId, n: u32) -> Result<String, String> {
        match self.program.faults[fault].kind {
            FaultKind::Crash { sort, .. } => Ok(instance_name(self.program, sort, n)),
            _ => Err("only crashes take somebody down".into()),
        }
    }

    /// The key of a run.
    fn key(&self, RunRef { protocol, run }: RunRef) -> Vec<Json> {
        let declared = &self.program.protocols[protocol];
        let (subjects, copy) = self.program.run_subjects(declared, run);
        let ids = declared.subjects.iter().zip(subjects).map(|(s, n)| self.id(s.sort, n));
        ids.chain((declared.copies > 1).then(|| json!(copy))).collect()
    }

    fn run(&self, run: RunRef) -> String {
        let word = |part: Json| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
        self.key(run).into_iter().map(word).collect::<Vec<_>>().join(", ")
    }

    fn id(&self, sort: SortId, n: u32) -> Json {
        Json::String(instance_name(self.program, sort, n))
    }

    fn op(&self, name: &str) -> Result<&Op, String> {
        self.ops.iter().find(|op| op.name == name).ok_or_else(|| format!("{name} is no operation"))
    }

    fn begin(&self, run: RunRef) -> Result<Call, String> {
        let op = self.op(&format!("{}.begin", self.program.protocols[run.protocol].name))?;
        let key = self.key(run);
        let me = op.keys.iter().position(|k| k.me).map_or_else(|| self.id(op.sort, 0), |n| key[n].clone());
        Ok(Call::new("ask", [op.name.clone(), body(me, said(&op.keys, key))]))
    }

    fn step(
        &self,
        method: &'static str,
        run: RunRef,
        step: StepId,
        actor: u32,
        choices: &[Value],
    ) -> Result<Call, String> {
        let op = self.op(&self.layout.protocol(run.protocol).ops[step.index()])?;
        let rejected = method == "ask_in_vain";
        let names = self.program.choice_names(run.protocol, step, choices, rejected);
        let mut given = Vec::new();
        for (value, named) in choices.iter().zip(names) {
            let (name, ty) = named.ok_or_else(|| format!("what {} picks in a loop has no name", op.name))?;
            given.push((name, self.value(&ty, value)?));
        }
        let open = op.open.iter().map(|asked| {
            let of = given.iter().find(|(name, _)| *name == asked.name).map(|(_, value)| Ok(value.clone()));
            // What is picked in a branch that is not taken is anything.
            of.unwrap_or_else(|| self.anything(&asked.ty))
        });
        let open = open.collect::<Result<Vec<Json>, String>>()?;
        let fields = said(&op.keys, self.key(run)).into_iter().chain(said(&op.open, open)).collect();
        let me = self.id(self.program.protocols[run.protocol].acting_sort(step), actor);
        Ok(Call::new(method, [op.name.clone(), body(me, fields)]))
    }

    fn anything(&self, ty: &Type) -> Result<Json, String> {
        let value = self.program.values(ty).and_then(|all| all.into_iter().next());
        value.map_or(Ok(Json::Null), |value| self.value(ty, &value))
    }

    /// A value as requests have it.
    fn value(&self, ty: &Type, value: &Value) -> Result<Json, String> {
        Ok(match (ty, value) {
            (_, Value::Null) => Json::Null,
            (Type::Optional(inner), _) => self.value(inner, value)?,
            (_, Value::Bool(b)) => json!(b),
            (_, Value::Int(n)) => json!(n),
            (Type::Enum(id), Value::Enum(n)) => json!(self.program.enums[*id].constants[*n as usize]),
            (Type::Id(sort), Value::Id(n)) => self.id(*sort, *n),
            (Type::Set(of, _), Value::Set(all)) => self.list(of, all)?,
            (Type::Seq(of, _), Value::Seq(all)) => self.list(of, all)?,
            (Type::Map(key, of), Value::Map(all)) => {
                let pair = |(k, v): (&Value, &Value)| Ok(json!([self.value(key, k)?, self.value(of, v)?]));
                let default = self.program.default_value(of);
                Json::Array(
                    all.iter().filter(|(_, v)| **v != default).map(pair).collect::<Result<_, String>>()?,
                )
            }
            (Type::Record(id), Value::Record(values)) => {
                self.fields(&self.program.records[*id].fields, values)?
            }
            (Type::Union(id), Value::Variant(tag, values)) => {
                let variant = &self.program.unions[*id].variants[*tag as usize];
                json!({ variant.name.clone(): self.fields(&variant.fields, values)? })
            }
            // Numbers of ordinals and instants differ between a model and a service.
            _ => {
                return Err(
                    "a request that carries an ordinal or an instant cannot be made of a model's".into()
                );
            }
        })
    }

    fn list<'v>(&self, ty: &Type, all: impl IntoIterator<Item = &'v Value>) -> Result<Json, String> {
        all.into_iter().map(|v| self.value(ty, v)).collect::<Result<Vec<_>, _>>().map(Json::Array)
    }

    fn fields(&self, fields: &[Field], values: &[Value]) -> Result<Json, String> {
        let pairs = fields.iter().zip(values).map(|(f, v)| Ok((f.name.clone(), self.value(&f.ty, v)?)));
        pairs.collect::<Result<Map<_, _>, String>>().map(Json::Object)
    }
}

/// The fields of a request, but for who acts.
fn said(asked: &[Asked], values: Vec<Json>) -> Vec<(String, Json)> {
    asked.iter().zip(values).filter(|(a, _)| !a.me).map(|(a, value)| (a.name.clone(), value)).collect()
}

fn body(me: Json, fields: Vec<(String, Json)>) -> String {
    let fields = std::iter::once(("self".to_owned(), me)).chain(fields);
    Json::Object(fields.collect()).to_string()
}

/// The longest line of rustfmt's defaults, which users have.
const WIDTH: usize = 100;

/// The test.
#[must_use]
pub fn counterexample(told: &Counterexample, package: &Crate) -> File {
    let (property, library) = (&told.property, &package.lib_name);
    let comment = |line: &String| format!("//! {}\n", line.split_whitespace().collect::<Vec<_>>().join(" "));
    let origin: String = told.origin.iter().map(comment).collect();
    let events = told.told.iter().enumerate().map(|(n, event)| comment(&format!("{}. {event}", n + 1)));
    let calls: String = told.calls.iter().map(statement).collect();
    let name = ident(&told.name);
    let text = format!(
        "//! `{property}`: {words}\n//!\n{origin}//!\n\
         //! It fails as long as the service goes this way and the property is violated on it. This file is yours.\n//!\n\
         {events}\nuse arch_runtime::paths::{{Behaviour, Kept}};\n\
         use {library}::generated::model::model;\nuse {library}::generated::service::plain;\n\n\
         #[test]\nfn {name}() {{\n{new}{calls}    \
         match behaviour.is_gone(&model(), plain, Kept::ALL) {{\n        \
         Ok(instead) => println!(\"{{instead}}\"),\n        \
         Err(violated) => panic!(\"{{violated}}\"),\n    }}\n}}\n",
        words = told.words.split_whitespace().collect::<Vec<_>>().join(" "),
        events = events.collect::<String>(),
        new = lines("let mut behaviour = Behaviour::violating", &[literal(property), literal(&told.words)]),
    );
    File { path: format!("tests/{}.rs", told.name), text }
}

fn statement(call: &Call) -> String {
    let arguments: Vec<String> = call.arguments.iter().map(|a| literal(a)).collect();
    lines(&format!("behaviour.{}", call.method), &arguments)
}

/// A statement as rustfmt has it.
fn lines(call: &str, arguments: &[String]) -> String {
    let line = format!("    {call}({});\n", arguments.join(", "));
    if line.trim_end().chars().count() <= WIDTH {
        return line;
    }
    let arguments: String = arguments.iter().map(|a| format!("        {a},\n")).collect();
    format!("    {call}(\n{arguments}    );\n")
}

/// A text in Rust: raw where it has quotes, as JSON has.
fn literal(text: &str) -> String {
    if text.contains('"') && !text.contains("\"#") && !text.contains(char::is_control) {
        format!("r#\"{text}\"#")
    } else {
        format!("{text:?}")
    }
}
