//! What journals are checked against: a program, what it stores, and the small worlds in which its steps are evaluated.

use crate::closed::{Openness, openness};
use crate::event::KeyValues;
use crate::operation::{Operation, operations};
use crate::properties::judged;
use crate::schema::schema;
use arch_base::{Idx, IndexVec};
use arch_codegen::{Layout, Refusal, instance_name};
use arch_ir::ghosts::Unseen;
use arch_ir::{Program, SortId, StmtKind, TruthId, Type, Value};
use arch_runtime::Schema;
use arch_runtime::value as rt;
use hashbrown::HashMap;
use smol_str::SmolStr;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many instances of an open sort the worlds have, from small to large. An event takes the first that it fits in.
pub const SIZES: [u32; 4] = [3, 6, 16, 48];

/// The members of sorts that have a closed list.
pub type MemberLists = Vec<(String, Vec<String>)>;

/// A property that is not judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unjudged {
    /// Its name.
    pub name: String,
    /// Why.
    pub why: String,
}

/// A program to check journals against.
#[derive(Debug)]
pub struct Subject {
    pub(crate) layout: Layout,
    pub(crate) schema: Arc<Schema>,
    pub(crate) tick: i64,
    /// The program in worlds of every size.
    pub(crate) worlds: Vec<Program>,
    /// The same without ghost truth; empty where no step hears of it.
    pub(crate) blind: Vec<Program>,
    pub(crate) open: Vec<Openness>,
    /// The instances that are known before any event.
    pub(crate) known: Vec<Vec<SmolStr>>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) by_name: HashMap<SmolStr, usize>,
    pub(crate) unjudged: Vec<Unjudged>,
    /// For each variable of the program, whether it is ghost truth.
    pub(crate) ghosts: Vec<bool>,
    /// For each kind of the layout, what the parts of its keys can be.
    pub(crate) keys: Vec<Vec<KeyValues>>,
    /// For each kind of the layout, whether its rows hold ordinals.
    pub(crate) holds_ordinals: Vec<bool>,
}

/// Why a program's journals cannot be checked.
#[derive(Debug)]
pub enum Unusable {
    /// No service is made of it.
    NotGenerated(Vec<Refusal>),
    /// Names that no database takes.
    Names(String),
    /// A list of members that fits no sort of the program.
    Members(String),
}

impl Subject {
    /// Prepares a program. `hash` is what a service made from it writes into its journal, `tick` its tick in milliseconds.
    ///
    /// # Errors
    /// There are no services of such programs.
    pub fn new(program: &Program, hash: &str, tick: i64, members: &MemberLists) -> Result<Subject, Unusable> {
        Subject::assuming(program, hash, tick, members, &[])
    }

    /// The same, where what some ghost truth rules out may happen all the same: nothing is said of it.
    ///
    /// # Errors
    /// As for [`Subject::new`]; a name is not one of ghost truth.
    pub fn assuming(
        program: &Program,
        hash: &str,
        tick: i64,
        members: &MemberLists,
        assumed: &[String],
    ) -> Result<Subject, Unusable> {
        let gone = Unseen::only(program, ghosts_named(program, assumed)?);
        let left = gone.left();
        let layout = Layout::of(program).map_err(Unusable::NotGenerated)?;
        let schema = schema(program, &layout, hash).map_err(|e| Unusable::Names(e.to_string()))?;
        let mut open = openness(program);
        let known = known(program, &mut open, members)?;
        let (quiet, unjudged) = without_environment(&left, &open, &gone);
        let operations = operations(&quiet, &layout);
        let by_name = operations.iter().enumerate().map(|(i, o)| (o.name.clone(), i)).collect();
        let worlds = SIZES.iter().map(|size| sized(&quiet, &open, &known, *size));
        // A set of very many instances has too many values to be a type: then there are no worlds of that size.
        let worlds: Vec<Program> = worlds.take_while(|p| arch_ir::validate::validate(p).is_ok()).collect();
        if worlds.is_empty() {
            return Err(Unusable::Names("the spec is too large to be evaluated".into()));
        }
        let without = |p: &Program| Unseen::of(p).left();
        let blind = if hears(&quiet) { worlds.iter().map(without).collect() } else { Vec::new() };
        let ghosts = program.vars.iter().map(|v| is_ghost(program, v)).collect();
        let keys = layout
            .kinds
            .iter()
            .map(|k| k.keys.iter().map(|c| key_values(program, &c.ty)).collect())
            .collect();
        let holds = |k: &arch_codegen::Kind| k.columns.iter().any(|c| program.holds_ordinal(&c.ty));
        let holds_ordinals = layout.kinds.iter().map(holds).collect();
        Ok(Subject {
            layout,
            schema,
            tick,
            worlds,
            blind,
            open,
            known,
            operations,
            by_name,
            unjudged,
            ghosts,
            keys,
            holds_ordinals,
        })
    }

    /// Whether an operation hears of what ghost truth says.
    pub(crate) fn hears(&self, operation: &Operation) -> bool {
        let step = operation.step.map(|s| &self.program().protocols[operation.protocol].steps[s]);
        step.is_some_and(|step| answers(&Unseen::of(self.program()), step))
    }

    /// What the service stores.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The properties that are judged.
    #[must_use]
    pub fn judged(&self) -> Vec<&str> {
        self.program().properties.iter().map(|p| p.name.as_str()).collect()
    }

    /// The properties that are not, with the reason.
    #[must_use]
    pub fn unjudged(&self) -> &[Unjudged] {
        &self.unjudged
    }

    pub(crate) fn program(&self) -> &Program {
        &self.worlds[0]
    }

    pub(crate) fn ordinals(&self) -> usize {
        self.program().ordinals.len()
    }
}

/// The program as a service has it: what the environment does is not asked of it, and only what can be judged is claimed.
fn without_environment(program: &Program, open: &[Openness], gone: &Unseen<'_>) -> (Program, Vec<Unjudged>) {
    let mut quiet = program.clone();
    let mut unjudged = Vec::new();
    quiet.faults = IndexVec::default();
    quiet.deadlines.clear();
    let mut kept = IndexVec::default();
    for property in &program.properties {
        let assumed = property.exprs().into_iter().find_map(|(_, e)| gone.first_read(e));
        let assumed = assumed.map(|(_, name)| format!("it reads {name}, of which nothing is known"));
        match assumed.map_or_else(|| judged(program, open, property), Err) {
            Ok(()) => _ = kept.push(property.clone()),
            Err(why) => unjudged.push(Unjudged { name: property.name.clone(), why }),
        }
    }
    quiet.properties = kept;
    (quiet, unjudged)
}

/// The ghost truth of these names.
fn ghosts_named(program: &Program, names: &[String]) -> Result<BTreeSet<TruthId>, Unusable> {
    let ghosts = || program.truths.iter_enumerated().filter(|(_, t)| t.ghost);
    let found = |name: &String| {
        let all: Vec<&str> = ghosts().map(|(_, t)| t.name.as_str()).collect();
        let unknown =
            || Unusable::Members(format!("`{name}` is no ghost truth; there is {}", all.join(", ")));
        ghosts().find(|(_, t)| t.name == *name).map(|(id, _)| id).ok_or_else(unknown)
    };
    names.iter().map(found).collect()
}

/// Whether some step of a program hears of what ghost truth says.
fn hears(program: &Program) -> bool {
    let unseen = Unseen::of(program);
    program.protocols.iter().any(|p| p.steps.iter().any(|step| answers(&unseen, step)))
}

fn answers(unseen: &Unseen<'_>, step: &arch_ir::Step) -> bool {
    let mut found = false;
    for stmt in step.effects() {
        stmt.visit(&mut |s| {
            found |= matches!(&s.kind, StmtKind::Pick(binder) if unseen.is_answer(binder));
        });
    }
    found
}

fn is_ghost(program: &Program, var: &arch_ir::Var) -> bool {
    matches!(var.owner, arch_ir::VarOwner::Truth(id) if program.truths[id].ghost)
}

/// The instances that are known before any event.
fn known(
    program: &Program,
    open: &mut [Openness],
    members: &MemberLists,
) -> Result<Vec<Vec<SmolStr>>, Unusable> {
    for (name, list) in members {
        let sort = program.sorts.iter_enumerated().find(|(_, s)| s.name == *name);
        let (id, _) =
            sort.ok_or_else(|| Unusable::Members(format!("the spec has no actor or id type {name}")))?;
        if list.is_empty() {
            return Err(Unusable::Members(format!("no members of {name} are given")));
        }
        open[id.index()] = Openness::Closed;
    }
    let list = |(id, sort): (SortId, &arch_ir::Sort)| {
        let given = members.iter().find(|(name, _)| *name == sort.name).map(|(_, list)| list);
        match (given, open[id.index()]) {
            (Some(list), _) => list.iter().map(SmolStr::from).collect(),
            (None, Openness::Open) => Vec::new(),
            (None, Openness::Named(size)) => {
                (0..size).map(|n| instance_name(program, id, n).into()).collect()
            }
            (None, Openness::Closed) => {
                (0..sort.size).map(|n| instance_name(program, id, n).into()).collect()
            }
        }
    };
    Ok(program.sorts.iter_enumerated().map(list).collect())
}

/// The program with so many instances of every open sort.
fn sized(program: &Program, open: &[Openness], known: &[Vec<SmolStr>], size: u32) -> Program {
    let mut program = program.clone();
    for (id, sort) in program.sorts.iter_mut().enumerate() {
        let named = known[id].len() as u32;
        sort.size = match open[id] {
            Openness::Closed => named,
            Openness::Open | Openness::Named(_) => size + named,
        };
    }
    program
}

/// What a part of a key can be: keys are instances, or of a type whose values can be listed.
fn key_values(program: &Program, ty: &Type) -> KeyValues {
    let stored = crate::schema::type_of(program, ty);
    let outside = |value: &Value| match (value, &stored) {
        (Value::Bool(b), _) => rt::Value::Bool(*b),
        (Value::Enum(n), rt::Type::Enum(e)) => rt::Value::Enum(e.constants[*n as usize].clone()),
        (Value::Int(n), _) => rt::Value::Int(*n),
        _ => rt::Value::Null,
    };
    match ty {
        Type::Id(sort) => KeyValues::Ids(*sort),
        ty => KeyValues::List(
            program.values(ty).unwrap_or_default().into_iter().map(|v| (v.clone(), outside(&v))).collect(),
        ),
    }
}
