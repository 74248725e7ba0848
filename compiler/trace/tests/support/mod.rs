//! Journals of generated services: random requests on a memory store, by the generated steps.

use arch_base::FileId;
use arch_ir::Program;
use arch_runtime::journal::{Cursor, Entry, write_end, write_entry, write_header};
use arch_runtime::step::{Action, ChoiceKind, Environment, Members, Protocol, Spec};
use arch_runtime::store::memory::{FaultPlan, MemoryStore, NoFaults};
use arch_runtime::store::{Json, Meta, Store, StoreError, Transition, TxId, Verdict};
use arch_runtime::time::SimClock;
use arch_runtime::value::{Field, Type, TypedFields, Value};
use arch_runtime::{Instant, Schema};
use arch_trace::Subject;
use std::sync::Arc;
use std::time::Duration;

/// A spec with the crate that was generated from it.
pub struct Case {
    pub name: &'static str,
    pub instance: Option<&'static str>,
    /// Constants that are set.
    pub settings: &'static [(&'static str, &'static str)],
    pub spec: fn() -> Spec,
    pub schema: fn() -> Arc<Schema>,
    #[allow(dead_code, reason = "the example does not ask")]
    /// How many journals it takes until every operation was taken.
    pub seeds: u64,
    /// How many instances of each type there are.
    pub instances: usize,
    /// Ghost truth of which random answers know nothing.
    pub assumed: &'static [&'static str],
}

pub const CASES: [Case; 5] = [
    Case {
        name: "I02_claim_lease",
        instance: Some("quick"),
        settings: &[],
        spec: i02_claim_lease::generated::spec::spec,
        schema: i02_claim_lease::generated::spec::schema,
        seeds: 2,
        instances: 4,
        assumed: &[],
    },
    Case {
        name: "I05_append_log",
        instance: Some("quick"),
        settings: &[],
        spec: i05_append_log::generated::spec::spec,
        schema: i05_append_log::generated::spec::schema,
        seeds: 2,
        instances: 3,
        assumed: &[],
    },
    Case {
        name: "I15_execution_fleet",
        instance: None,
        settings: &[],
        spec: i15_execution_fleet::generated::spec::spec,
        schema: i15_execution_fleet::generated::spec::schema,
        seeds: 30,
        instances: 1,
        assumed: &[],
    },
    Case {
        name: "I11_control_plane",
        instance: None,
        settings: &[("CHANGES", "1"), ("LOSSES", "1"), ("DUPLICATES", "1")],
        spec: i11_control_plane::generated::spec::spec,
        schema: i11_control_plane::generated::spec::schema,
        seeds: 40,
        instances: 2,
        assumed: &[],
    },
    Case {
        name: "I12_workflow_effects",
        instance: None,
        settings: &[],
        spec: i12_workflow_effects::generated::spec::spec,
        schema: i12_workflow_effects::generated::spec::schema,
        seeds: 6,
        instances: 5,
        assumed: &["Network", "Provider", "World"],
    },
];

/// Says what some fields of a request of an operation are.
pub type Answer<'a> = &'a mut dyn FnMut(&str, &[Field], &mut [Value], &mut fastrand::Rng);

impl Case {
    /// What its journals are checked against.
    pub fn subject(&self) -> Subject {
        self.assuming(self.assumed)
    }

    /// The same, where nothing is said of some ghost truth.
    pub fn assuming(&self, assumed: &[&str]) -> Subject {
        self.judging(self.instance, assumed)
    }

    /// The same with other constants, as if they were those of the service.
    pub fn judging(&self, instance: Option<&str>, assumed: &[&str]) -> Subject {
        let program = self.program(instance);
        let hash = (self.schema)().spec().clone();
        let assumed: Vec<String> = assumed.iter().map(|name| (*name).to_owned()).collect();
        Subject::assuming(&program, &hash, 1_000, &Vec::new(), &assumed).expect("services are made of it")
    }

    fn program(&self, instance: Option<&str>) -> Program {
        let path = format!("{}/../../specs/{}.arch", env!("CARGO_MANIFEST_DIR"), self.name);
        let text = std::fs::read_to_string(path).expect("a spec");
        let module = arch_grammar::parse(FileId(0), &text).expect("it parses");
        let set = |(name, value): &(&str, &str)| arch_sema::Setting {
            name: (*name).into(),
            value: (*value).into(),
        };
        let settings = self.settings.iter().map(set).collect();
        let options = arch_sema::Options { instance: instance.map(str::to_owned), settings };
        arch_sema::analyze(&module, &options).program.expect("a model")
    }

    pub fn environment(&self) -> Environment {
        let spec = Arc::new((self.spec)());
        let closed = spec.sorts.iter().filter(|sort| sort.closed);
        let members = Members::new(closed.map(|sort| (sort.name.clone(), sort.instances.clone())));
        Environment { members: Arc::new(members), schema: (self.schema)(), spec }
    }

    /// The journal of so many requests, many of which are denied.
    pub async fn journal(&self, seed: u64, requests: usize) -> Vec<Entry> {
        self.faulty_journal(seed, requests, NoFaults).await
    }

    pub async fn faulty_journal(&self, seed: u64, requests: usize, faults: impl FaultPlan) -> Vec<Entry> {
        self.answered_journal(seed, requests, faults, &mut |_, _, _, _| ()).await
    }

    /// The same, where somebody else says what some fields are.
    pub async fn answered_journal(
        &self,
        seed: u64,
        requests: usize,
        faults: impl FaultPlan,
        answer: Answer<'_>,
    ) -> Vec<Entry> {
        let clock = Arc::new(SimClock::at(Instant::from_millis(1_700_000_000_000)));
        let store = MemoryStore::simulated((self.schema)(), clock.clone(), faults);
        let environment = self.environment();
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..requests {
            if random.u8(0..3) == 0 {
                clock.advance(Duration::from_millis(random.u64(0..2_500)));
            }
            let transition = self.request(&environment, &store, &mut random, answer).await;
            match store.attempt(&transition).await {
                Ok(Verdict::Applied(_) | Verdict::Denied(_)) | Err(StoreError::Conflict(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        let mut entries = Vec::new();
        let mut cursor = Cursor::START;
        loop {
            let page = store.journal(cursor, 1_000).await.expect("it can be read");
            if page.entries.is_empty() {
                return entries;
            }
            entries.extend(page.entries);
            cursor = page.next;
        }
    }

    async fn request(
        &self,
        environment: &Environment,
        store: &MemoryStore,
        random: &mut fastrand::Rng,
        answer: Answer<'_>,
    ) -> Arc<Transition> {
        let spec = &environment.spec;
        let all: Vec<(&Protocol, &Action)> = spec
            .protocols
            .iter()
            .flat_map(|p| p.begin.iter().chain(&p.actions).map(move |a| (p, a)))
            .collect();
        let (protocol, action) = all[random.usize(0..all.len())];
        let fields = action.fields(protocol);
        let mut values: Vec<Value> =
            fields.iter().map(|f| self.value(&environment.members, &f.ty, random)).collect();
        answer(&action.name, &fields, &mut values, random);
        let request = action.request(protocol, &values).expect("as many values as fields");
        let run = Action::run_row(protocol, &request.run);
        let bound = match &run {
            Some(row) => store.read(std::slice::from_ref(row)).await.expect("it can be read").remove(0),
            None => None,
        };
        // Who acts: a role that is chosen now or was bound before, or a subject.
        let chosen = action.choices.iter().zip(&request.choices).find_map(|(c, v)| match &c.kind {
            ChoiceKind::Role { sort, .. } if *sort == action.actor => Some(v.clone()),
            _ => None,
        });
        let column = protocol.roles.iter().find(|(_, sort)| *sort == action.actor).map(|(c, _)| *c);
        let before =
            bound.as_ref().zip(column).map(|(row, c)| row.row[c].clone()).filter(|v| *v != Value::Null);
        let subject = protocol.subjects.iter().zip(&request.run).find(|((_, s), _)| *s == action.actor);
        let id = before.or(chosen).or(subject.map(|(_, v)| v.clone()));
        let id = match id {
            Some(Value::Id(id)) => id,
            _ => "nobody".into(),
        };
        let input = Json::of(&TypedFields(&fields, &values)).expect("plain values");
        let keys = environment.keys(&action.name, &request);
        let meta = Meta {
            tx: TxId(random.u128(..)),
            actor: action.actor.clone(),
            id,
            run,
            input,
            idempotency: None,
            trace: None,
        };
        let step = environment.step(&action.name, meta.id.clone(), request).expect("an operation");
        Arc::new(Transition { plan: Arc::new(action.plan()), keys, meta, step })
    }

    fn value(&self, members: &Members, ty: &Type, random: &mut fastrand::Rng) -> Value {
        match ty {
            Type::Id(sort) if members.of(sort).is_some() => {
                let all = members.all(sort);
                Value::Id(all[random.usize(0..all.len())].clone())
            }
            Type::Bool => Value::Bool(random.bool()),
            Type::Int { lo, hi } => Value::Int(random.i64(*lo..=*hi)),
            Type::Enum(e) => Value::Enum(e.constants[random.usize(0..e.constants.len())].clone()),
            Type::Id(sort) => {
                let of = if sort == "worker" { 3 } else { self.instances };
                Value::id(format!("{}-{}", &sort[..1], random.usize(0..of)))
            }
            other => panic!("no random {}", other.describe()),
        }
    }
}

/// Entries as a trace.
pub fn text(schema: &Schema, entries: &[Entry]) -> String {
    let mut text = Vec::new();
    write_header(&mut text, schema, true, &[]).expect("memory");
    for entry in entries {
        write_entry(&mut text, entry.seq, entry.tx, &entry.body(schema).expect("it fits")).expect("memory");
    }
    let last = entries.last().map_or(0, |e| e.seq);
    write_end(&mut text, entries.len() as u64, last).expect("memory");
    String::from_utf8(text).expect("JSON is UTF-8")
}
