//! Runs that are handed over from step to step, by the outbox: from the first to the last, once, and never late.

use arch_runtime::client::Endpoint;
use arch_runtime::engine::{Engine, Limits};
use arch_runtime::handover::HandOver;
use arch_runtime::journal::{Cursor, Entry, Replay, audit};
use arch_runtime::monitor::{Monitor, MonitorOptions};
use arch_runtime::outbox::{Answer as Said, Deliver, DispatchPolicy, Dispatcher};
use arch_runtime::serve::auth::Open;
use arch_runtime::serve::{App, HttpDeliver, Metrics, Targets, router};
use arch_runtime::service::{Call, HandlerError, Service};
use arch_runtime::simulation::Simulation;
use arch_runtime::store::Store;
use arch_runtime::store::memory::{MemoryStore, NoFaults};
use arch_runtime::store::sqlite::{Options, SqliteStore};
use arch_runtime::time::SimClock;
use arch_runtime::{Instant, SmolStr};
use i12_workflow_effects::generated::client::{ServiceClient, table};
use i12_workflow_effects::generated::handlers::*;
use i12_workflow_effects::generated::model::model;
use i12_workflow_effects::generated::rows::{
    EffectResultState, Main, MainKey, MainStatus, WorkflowState,
};
use i12_workflow_effects::generated::service::{plain, service};
use i12_workflow_effects::generated::spec::schema;
use i12_workflow_effects::generated::types::{
    Answer, Client, Reconciler, Stage, Workflow, WorkflowService,
};
use i12_workflow_effects::handlers;
use std::sync::Arc;
use std::time::Duration;

/// Every step of `main`.
const ALL: [&str; 5] = [
    "main.start_workflow",
    "main.transition",
    "main.deliver_effect",
    "main.deliver_effect_2",
    "main.record_result",
];

const PAUSE: Duration = Duration::from_secs(10);

/// Calls the provider, who says yes.
struct Calls;

impl WorkerHandlers for Calls {
    async fn main_deliver_effect(
        &self,
        call: &Call,
        _request: MainDeliverEffectRequest,
    ) -> Result<(), HandlerError> {
        assert!(call.delivery.is_none() || call.fence.is_some());
        Ok(())
    }

    async fn main_deliver_effect_2(
        &self,
        _call: &Call,
        request: MainDeliverEffect2Request,
    ) -> Result<MainDeliverEffect2Choices, HandlerError> {
        assert_eq!(request.heard, None, "the caller cannot know");
        Ok(MainDeliverEffect2Choices { heard: Answer::Ok })
    }

    async fn record_result(
        &self,
        _call: &Call,
        _request: RecordResultRequest,
    ) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// The service with these workers.
fn made(workers: &[&str]) -> Service {
    let (sort, all) = (
        SmolStr::from("worker"),
        workers.iter().copied().map(SmolStr::from),
    );
    let all: Vec<SmolStr> = all.collect();
    let members = (!all.is_empty()).then_some((&sort, &all[..]));
    let made = service(
        "workflows",
        "0.1.0",
        members,
        handlers::client::Client,
        handlers::workflow_service::WorkflowService,
        Calls,
        handlers::reconciler::Reconciler,
    );
    made.expect("no list is missing")
}

fn steps(names: &[&str]) -> Vec<SmolStr> {
    names.iter().copied().map(SmolStr::from).collect()
}

/// A service whose every commit is checked.
struct World {
    store: Arc<dyn Store>,
    engine: Arc<Engine>,
    client: ServiceClient,
}

fn world(store: Arc<dyn Store>, handed_over: &[&str]) -> World {
    let service = Arc::new(made(&["w"]));
    let to = HandOver::new(&service, &steps(handed_over), PAUSE).expect("they can be handed over");
    let options = MonitorOptions {
        panic: true,
        ..MonitorOptions::default()
    };
    let monitor = Monitor::new(&service, store.clone(), options);
    let engine = Engine::new(service, store.clone(), Limits::default()).expect("it makes sense");
    let engine = Arc::new(engine.monitored(monitor).handing_over(to));
    let app = App::new(engine.clone(), Arc::new(Metrics::default()), Arc::new(Open));
    let client = ServiceClient::new(Endpoint::over(router(Arc::new(app))));
    World {
        store,
        engine,
        client,
    }
}

impl World {
    fn deliver(&self) -> HttpDeliver {
        HttpDeliver::new(self.engine.clone(), Targets::default())
    }

    fn dispatcher(&self, policy: DispatchPolicy) -> Dispatcher {
        Dispatcher::new(self.store.clone(), Arc::new(self.deliver()), policy)
    }

    /// Delivers until nothing is due; how many messages that was.
    async fn dispatch(&self) -> usize {
        let dispatcher = self.dispatcher(DispatchPolicy::default());
        let mut all = 0;
        loop {
            let round = dispatcher.round().await.expect("the store is there");
            assert_eq!((round.retried, round.dead, round.lost), (0, 0, 0));
            if round.taken == 0 {
                return all;
            }
            all += round.delivered;
        }
    }

    /// A client begins a run.
    async fn begin(&self, workflow: &str, copy: i64) {
        let (me, workflow) = (Client("client".into()), Workflow(workflow.into()));
        let begun = self
            .client
            .main_begin(&MainBeginRequest { me, workflow, copy })
            .await;
        begun.expect("it is idle");
    }

    async fn entries(&self) -> Vec<Entry> {
        let page = self.store.journal(Cursor::START, 1_000).await;
        page.expect("the journal can be read").entries
    }

    /// The operations of a workflow, in order, each with what it wrote messages to.
    async fn history(&self, workflow: &str) -> Vec<(String, Vec<SmolStr>)> {
        let key = format!("\"workflow\":\"{workflow}\"");
        let entries = self.entries().await.into_iter();
        let of = entries.filter(|entry| entry.input.text().contains(&key));
        of.map(|entry| (entry.op.to_string(), entry.next)).collect()
    }

    async fn run(&self, workflow: &str, copy: i64) -> Main {
        let key = MainKey {
            workflow: Workflow(workflow.into()),
            copy,
        };
        self.client
            .look::<Main>(&key)
            .await
            .expect("it is shown")
            .row
    }

    /// What is stored is what the journal says, and the steps of a service that hands nothing over say it again.
    async fn conforms(&self) {
        let outbox = self.store.outbox().await.expect("it can be asked");
        assert_eq!((outbox.pending, outbox.dead), (0, 0));
        let again = made(&["w"]).steps;
        let judge = Replay::new(self.store.schema().clone(), move |entry: &Entry| {
            again(entry)
        });
        let validator = audit(&*self.store, judge)
            .await
            .expect("it is a serial execution");
        assert_eq!(validator.count() as usize, self.entries().await.len());
    }
}

async fn goes_by_itself(store: Arc<dyn Store>) {
    let world = world(store, &ALL);
    for workflow in ["a", "b", "c"] {
        world.begin(workflow, 0).await;
    }
    // `w` takes part in one run at a time; the others are handed over again until their turn has come.
    let dispatcher = world.dispatcher(DispatchPolicy {
        min_pause: Duration::from_millis(1),
        max_pause: Duration::from_millis(5),
        attempts: 1_000,
        ..DispatchPolicy::default()
    });
    while world.store.outbox().await.expect("it can be asked").pending > 0 {
        let round = dispatcher.round().await.expect("the store is there");
        assert_eq!(round.dead, 0);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    for workflow in ["a", "b", "c"] {
        assert_eq!(world.run(workflow, 0).await.status, MainStatus::Done);
        let key = Workflow(workflow.into());
        let state = world
            .client
            .look::<WorkflowState>(&key)
            .await
            .expect("it is shown")
            .row;
        let result = world
            .client
            .look::<EffectResultState>(&key)
            .await
            .expect("it is shown")
            .row;
        assert_eq!(
            (state.state, result.provider_result),
            (Stage::Completed, Answer::Ok)
        );
        let ops = std::iter::once("main.begin").chain(ALL).map(String::from);
        let next = ALL
            .iter()
            .map(|op| vec![SmolStr::from(*op)])
            .chain([vec![]]);
        assert_eq!(
            world.history(workflow).await,
            ops.zip(next).collect::<Vec<_>>()
        );
    }
    world.conforms().await;
}

#[tokio::test]
async fn a_run_goes_from_its_first_step_to_its_last_in_memory() {
    goes_by_itself(Arc::new(MemoryStore::new(schema()))).await;
}

#[tokio::test]
async fn a_run_goes_from_its_first_step_to_its_last_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(&folder.path().join("a.db"), schema(), Options::default());
    goes_by_itself(Arc::new(store.expect("it can be opened"))).await;
}

#[tokio::test]
async fn without_being_listed_nothing_is_handed_over() {
    let world = world(Arc::new(MemoryStore::new(schema())), &["main.transition"]);
    world.begin("a", 0).await;
    assert_eq!(world.dispatch().await, 0);
    assert_eq!(world.run("a", 0).await.status, MainStatus::AtStartWorkflow);
    world.conforms().await;
}

/// A message that two dispatchers have at the same time.
#[tokio::test]
async fn what_is_delivered_twice_happens_once() {
    let world = world(
        Arc::new(MemoryStore::new(schema())),
        &["main.start_workflow"],
    );
    world.begin("a", 0).await;
    let first = world
        .store
        .claim(9, Duration::from_millis(1))
        .await
        .expect("the store is there");
    tokio::time::sleep(Duration::from_millis(20)).await;
    let second = world
        .store
        .claim(9, Duration::from_secs(9))
        .await
        .expect("the store is there");
    assert_eq!((first.len(), second.len()), (1, 1));
    let (one, other) = (world.deliver(), world.deliver());
    let (one, other) = tokio::join!(one.deliver(&first[0]), other.deliver(&second[0]));
    // Who comes while the other is at it is told to come again, and then it is done.
    for said in [one, other] {
        assert!(
            said == Said::Accepted
                || matches!(&said, Said::Later(why) if why.contains("in progress")),
            "{said:?}"
        );
    }
    assert_eq!(world.deliver().deliver(&first[0]).await, Said::Accepted);
    let ops: Vec<String> = world
        .history("a")
        .await
        .into_iter()
        .map(|(op, _)| op)
        .collect();
    assert_eq!(ops, ["main.begin", "main.start_workflow"]);
}

/// A message is still under way when somebody else takes the step.
#[tokio::test]
async fn a_run_that_has_moved_on_is_left_alone() {
    let world = world(
        Arc::new(MemoryStore::new(schema())),
        &["main.start_workflow", "main.transition"],
    );
    world.begin("a", 0).await;
    let (me, workflow) = (Client("client".into()), Workflow("a".into()));
    let asked = StartWorkflowRequest {
        me,
        workflow: workflow.clone(),
        copy: 0,
    };
    world
        .client
        .start_workflow(&asked)
        .await
        .expect("it has begun");
    let me = WorkflowService("workflow_service".into());
    let asked = TransitionRequest {
        me,
        workflow,
        copy: 0,
    };
    world
        .client
        .transition(&asked)
        .await
        .expect("it has started");
    // Both have nothing to do any more, and are no dead letters.
    assert_eq!(world.dispatch().await, 2);
    assert_eq!(world.entries().await.len(), 3);
    assert_eq!(world.run("a", 0).await.status, MainStatus::AtDeliverEffect);
    world.conforms().await;
}

/// `resume_workflow` starts another run where the first one is, whose outcome is `requeue`: it is handed over after a pause.
#[tokio::test]
async fn requeue_hands_over_after_a_pause() {
    let clock = Arc::new(SimClock::at(Instant::from_millis(1_000_000)));
    let store = MemoryStore::simulated(schema(), clock.clone(), NoFaults);
    let world = world(
        Arc::new(store),
        &[
            "main.start_workflow",
            "main.deliver_effect",
            "main.transition",
        ],
    );
    world.begin("a", 0).await;
    let me = Reconciler("reconciler".into());
    let resume = ResumeWorkflowRequest {
        me,
        workflow: Workflow("a".into()),
    };
    let (me, workflow) = (Client("client".into()), Workflow("a".into()));
    let started = world
        .client
        .start_workflow(&StartWorkflowRequest {
            me,
            workflow,
            copy: 0,
        })
        .await;
    started.expect("it has begun");
    // What is under way to the first run is lost for an hour.
    let held = world
        .store
        .claim(9, Duration::from_secs(3_600))
        .await
        .expect("the store is there");
    assert_eq!(held.len(), 2);
    world
        .client
        .resume_workflow(&resume)
        .await
        .expect("a run is free");
    assert_eq!(world.run("a", 1).await.status, MainStatus::AtTransition);
    clock.advance(PAUSE - Duration::from_secs(1));
    assert_eq!(world.dispatch().await, 0);
    clock.advance(Duration::from_secs(2));
    assert_eq!(
        world.dispatch().await,
        2,
        "the transition, and the delivery"
    );
    assert_eq!(world.run("a", 1).await.status, MainStatus::AtDeliverEffect2);
}

#[test]
fn what_cannot_be_handed_over_is_refused() {
    let refused = |workers: &[&str], names: &[&str]| {
        HandOver::new(&made(workers), &steps(names), PAUSE)
            .expect_err("it is refused")
            .to_string()
    };
    assert_eq!(
        refused(&[], &["main.nope"]),
        "handover.steps: the spec has no step `main.nope`"
    );
    assert_eq!(
        refused(&[], &["main.transition", "main.transition"]),
        "handover.steps: `main.transition` is listed twice"
    );
    let begins = "handover.steps: `repair.replay_outbox` cannot be handed over: it begins a run, and no step leads to it";
    assert_eq!(refused(&[], &["repair.replay_outbox"]), begins);
    let freely = "handover.steps: `main.deliver_effect` cannot be handed over: it binds its worker freely: \
        neither the run nor `members.worker` says who acts";
    assert_eq!(refused(&[], &["main.deliver_effect"]), freely);
    assert_eq!(refused(&["v", "w"], &["main.deliver_effect"]), freely);
    // The only one, and whoever an earlier step bound.
    let accepted = |workers: &[&str], names: &[&str]| {
        HandOver::new(&made(workers), &steps(names), PAUSE).is_ok()
    };
    assert!(accepted(&["w"], &["main.deliver_effect"]));
    assert!(accepted(&[], &["main.record_result"]));
}

/// The server takes steps by itself while everything goes wrong: each message leads to one commit of its step at most, and the
/// journal is a behaviour of the model.
#[test]
fn it_survives_everything() {
    let steps = [
        "main.start_workflow",
        "main.transition",
        "main.record_result",
    ];
    let simulation = Simulation::new(model(), plain(), table()).handing_over(&steps);
    let mut handed_over = 0;
    for seed in 0..12 {
        let happened = simulation
            .run(seed)
            .unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
        println!("{happened}");
        handed_over += happened.handed_over;
    }
    assert!(handed_over >= 12, "{handed_over}");
}
