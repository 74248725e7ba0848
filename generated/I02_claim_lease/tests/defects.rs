//! Simulation and random sequences notice what is wrong with a service: each test puts one defect in, and something must go red.

use arch_runtime::journal::{Cursor, Entry};
use arch_runtime::model::{Verdict as Judged, explore};
use arch_runtime::outbox::{Delivery, MessageId, Settlement};
use arch_runtime::paths::Kept;
use arch_runtime::properties::Sequences;
use arch_runtime::schema::{KindId, Schema};
use arch_runtime::service::{Call, Handler, HandlerError, Prepared, Service};
use arch_runtime::simulation::Simulation;
use arch_runtime::step::{Choose, Guard, Moved, Operation, Picks, Serving, Spec, Stop, Tx};
use arch_runtime::store::memory::MemoryStore;
use arch_runtime::store::{
    BoxFuture, IdempotencyKey, JournalPage, Meta, OutboxStatus, Replayed, Store, StoreError,
    Transition, TxId, Verdict, Versioned,
};
use arch_runtime::value::{Row, RowKey};
use i02_claim_lease::generated::client::table;
use i02_claim_lease::generated::main::Commit;
use i02_claim_lease::generated::model::model;
use i02_claim_lease::generated::rows::MainKey;
use i02_claim_lease::generated::service::plain;
use i02_claim_lease::generated::spec::{schema, spec};
use i02_claim_lease::generated::types::Claimant;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What the first seeds find.
fn found(simulation: &Simulation) -> String {
    let mut seeds = 0..40;
    let found = seeds.find_map(|seed| Some((seed, simulation.run(seed).err()?)));
    let (seed, what) = found.expect("a seed that finds it");
    println!("seed {seed}: {what}");
    what
}

fn contains(found: &str, any_of: &[&str]) {
    assert!(any_of.iter().any(|part| found.contains(part)), "{found}");
}

#[test]
fn without_a_defect_nothing_is_found() {
    let simulation = Simulation::new(model(), plain(), table());
    for seed in 0..10 {
        simulation
            .run(seed)
            .unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
}

/// What is wrong with a store.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// It writes no idempotency records.
    Forgets,
    /// It takes it for granted that a commit whose fate is unknown has happened.
    Trusts,
    /// It answers a repeated request with another outcome.
    Misremembers,
    /// It acknowledges, and commits nothing.
    Pretends,
}

struct Defective(Arc<MemoryStore>, Wrong);

fn over(wrong: Wrong) -> Simulation {
    let between = move |store| Arc::new(Defective(store, wrong)) as Arc<dyn Store>;
    Simulation::new(model(), plain(), table()).over(between)
}

impl Defective {
    async fn attempt(&self, transition: &Arc<Transition>) -> Result<Verdict, StoreError> {
        let mut transition = Transition::clone(transition);
        if self.1 == Wrong::Forgets {
            transition.meta.idempotency = None;
        }
        match self.0.attempt(&Arc::new(transition)).await {
            Err(StoreError::Ambiguous { would }) if self.1 == Wrong::Trusts => {
                Ok(Verdict::Applied(*would))
            }
            Err(StoreError::Ambiguous { .. }) if self.1 == Wrong::Pretends => {
                Err(StoreError::Unavailable("it has not happened".into()))
            }
            other => other,
        }
    }

    async fn replay(&self, key: &IdempotencyKey) -> Result<Option<Replayed>, StoreError> {
        let kept = self.0.replay(key).await?;
        Ok(kept.map(|mut reply| {
            if self.1 == Wrong::Misremembers {
                reply.tx = TxId::fresh();
            }
            reply
        }))
    }
}

impl Store for Defective {
    fn schema(&self) -> &Arc<Schema> {
        self.0.schema()
    }

    fn attempt<'a>(
        &'a self,
        transition: &'a Arc<Transition>,
    ) -> BoxFuture<'a, Result<Verdict, StoreError>> {
        Box::pin(self.attempt(transition))
    }

    fn find(&self, tx: TxId) -> BoxFuture<'_, Result<Option<Entry>, StoreError>> {
        self.0.find(tx)
    }

    fn read<'a>(
        &'a self,
        rows: &'a [RowKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Versioned>>, StoreError>> {
        self.0.read(rows)
    }

    fn scan(&self, kind: KindId) -> BoxFuture<'_, Result<Vec<(RowKey, Versioned)>, StoreError>> {
        self.0.scan(kind)
    }

    fn journal(&self, at: Cursor, n: usize) -> BoxFuture<'_, Result<JournalPage, StoreError>> {
        self.0.journal(at, n)
    }

    fn replay<'a>(
        &'a self,
        key: &'a IdempotencyKey,
    ) -> BoxFuture<'a, Result<Option<Replayed>, StoreError>> {
        Box::pin(self.replay(key))
    }

    fn claim(&self, n: usize, of: Duration) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.0.claim(n, of)
    }

    fn settle<'a>(
        &'a self,
        message: MessageId,
        attempt: u32,
        how: &'a Settlement,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.0.settle(message, attempt, how)
    }

    fn outbox(&self) -> BoxFuture<'_, Result<OutboxStatus, StoreError>> {
        self.0.outbox()
    }

    fn sweep(&self, limit: usize) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.0.sweep(limit)
    }

    fn health(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.0.health()
    }
}

#[test]
fn a_store_that_writes_no_idempotency_records() {
    contains(
        &found(&over(Wrong::Forgets)),
        &[
            "it was executed 2 times",
            "asked again",
            "is in the journal",
        ],
    );
}

#[test]
fn a_store_that_trusts_in_lost_commits() {
    contains(&found(&over(Wrong::Trusts)), &["is not in the journal"]);
}

#[test]
fn a_store_that_answers_repeated_requests_otherwise() {
    contains(
        &found(&over(Wrong::Misremembers)),
        &["asked again", "is not in the journal"],
    );
}

/// A commit whose fate is unknown is no commit that has not happened: asked again, the client is told of the one that has. But
/// for an outcome `retry`, of which nothing is kept under the key: that is asked for again, and may be refused then.
#[test]
fn a_store_that_takes_unknown_commits_for_none_is_saved_by_idempotency_keys() {
    let simulation = over(Wrong::Pretends);
    let told = (0..10).map(|seed| simulation.run(seed));
    let wrong: Vec<String> = told.filter_map(Result::err).collect();
    for wrong in &wrong {
        let of_retry =
            wrong.contains("repair.reject_commit") && wrong.ends_with("it is in the journal");
        assert!(of_retry, "{wrong}");
    }
    assert!(wrong.len() < 4, "{}", wrong.join("\n"));
}

/// A handler that does by itself what the step is to do in its transaction.
struct Eager {
    handler: Arc<dyn Handler>,
    store: Arc<Mutex<Option<Arc<MemoryStore>>>>,
    plan: Arc<arch_runtime::store::Plan>,
}

impl Handler for Eager {
    fn prepare<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Prepared, HandlerError>> {
        Box::pin(async move {
            let prepared = self.handler.prepare(call).await?;
            let store = self.store.lock().expect("nobody panics here").clone();
            let meta = Meta {
                tx: TxId::fresh(),
                actor: call.actor.clone(),
                id: call.id.clone(),
                run: prepared.run.clone(),
                input: prepared.input.clone(),
                idempotency: None,
                trace: None,
            };
            let effect = Arc::new(Transition {
                plan: self.plan.clone(),
                keys: prepared.keys.clone(),
                meta,
                step: prepared.step.clone(),
            });
            if let Some(store) = store {
                // Whatever comes of it: that is what is wrong with it.
                _ = store.attempt(&effect).await;
            }
            Ok(prepared)
        })
    }
}

#[test]
fn a_handler_that_applies_an_effect_outside_of_the_commit() {
    let store = Arc::<Mutex<Option<Arc<MemoryStore>>>>::default();
    let mut service = plain();
    for operation in &mut service.operations {
        operation.handler = Arc::new(Eager {
            handler: operation.handler.clone(),
            store: store.clone(),
            plan: operation.plan.clone(),
        });
    }
    let simulation = Simulation::new(model(), service, table()).over(move |memory| {
        *store.lock().expect("nobody panics here") = Some(memory.clone());
        memory
    });
    contains(&found(&simulation), &["nobody asked for"]);
}

/// `commit` whose fence is not looked at: its guard is true.
struct Unfenced;

impl Operation for Unfenced {
    type Run = MainKey;
    type Me = Claimant;
    type Choices = ();
    const REJECTS: bool = true;

    fn choose(tx: &mut Tx<'_>, run: &MainKey, choices: ()) -> Result<Claimant, Stop> {
        Commit::choose(tx, run, choices)
    }

    fn guard(_: &Tx<'_>, _: &MainKey, _: &Claimant) -> Guard {
        Guard::new()
    }

    fn effect(
        tx: &mut Tx<'_>,
        run: &MainKey,
        me: &Claimant,
        picks: &mut Picks,
    ) -> Result<(), Stop> {
        Commit::effect(tx, run, me, picks)
    }

    fn conclude(
        tx: &mut Tx<'_>,
        before: &Tx<'_>,
        run: &MainKey,
        me: &Claimant,
    ) -> Result<Moved, Stop> {
        Commit::conclude(tx, before, run, me)
    }
}

/// The spec with the weakened step.
fn weakened(mut spec: Spec) -> Spec {
    let actions = spec.protocols.iter_mut().flat_map(|p| &mut p.actions);
    for action in actions.filter(|action| action.name == "main.commit") {
        *action = action.doing::<Unfenced>();
    }
    spec
}

/// Takes every choice from the request, of a step that leaves none open.
struct Nothing;

impl Choose for Nothing {
    fn choose<'a>(&'a self, _: &'a Call, _: Row) -> BoxFuture<'a, Result<Row, HandlerError>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
}

/// The service whose `commit` is weakened, in what it does and in how it is checked afterwards.
fn unfenced() -> Service {
    let mut service = plain();
    let weak = weakened(spec());
    let lists = spec().sorts;
    let lists = lists.iter().filter(|sort| sort.closed);
    let lists = lists.map(|sort| (&sort.name, &sort.instances[..]));
    let serving = Serving::new(weak, schema(), lists).expect("a service");
    for operation in service
        .operations
        .iter_mut()
        .filter(|op| op.name == "main.commit")
    {
        *operation = serving.operation("main.commit", Nothing);
    }
    service.steps = serving.steps();
    service
}

#[test]
fn a_fence_that_the_service_ignores() {
    let simulation = Simulation::new(model(), unfenced(), table());
    contains(&found(&simulation), &["the model comes to another state"]);
    let sequences = Sequences::new(model(), unfenced, table());
    let found = sequences.run(Kept::Memory, 200).expect_err("a difference");
    println!("{found}");
    assert!(found.contains("main.commit is asked for"), "{found}");
    // Claim, wait, reclaimed or claimed by another, commit: a sequence from which nothing can be left out.
    assert!(found.contains("(shrunk to "), "{found}");
    let length = found.lines().filter(|line| line.starts_with("  ")).count();
    assert!(length <= 8, "{found}");
}

/// The recipe of docs/generate.md.
#[test]
fn without_the_fence_a_zombie_commits() {
    let mut model = model();
    model.spec = weakened(model.spec);
    let report = explore(&model, 2_000_000);
    let violated = report.violated();
    let zombie = violated.iter().find(|found| found.name == "no_zombie");
    let Some(Judged::Violated(events)) = zombie.map(|found| &found.verdict) else {
        panic!("it holds: {violated:?}")
    };
    // Two claims, the lease of the first over between them, and both commits.
    assert!((5..=9).contains(&events.len()), "{events:?}");
}

#[test]
fn a_guard_that_is_weakened_in_the_step_and_so_in_the_model() {
    let mut model = model();
    model.spec = weakened(model.spec);
    let simulation = Simulation::new(model.clone(), unfenced(), table());
    contains(&found(&simulation), &["it violates "]);
    let sequences = Sequences::new(model, unfenced, table());
    let found = sequences.run(Kept::Memory, 200).expect_err("a violation");
    println!("{found}");
    assert!(found.contains("violated is "), "{found}");
}
