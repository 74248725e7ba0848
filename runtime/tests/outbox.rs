//! The dispatcher: who hangs holds back nobody else, and what is given up is said.
#![cfg(feature = "http")]

use arch_runtime::outbox::{Answer, Deliver, Delivery, DispatchPolicy, Dispatcher, Message};
use arch_runtime::store::memory::{Fault, FaultPlan, MemoryStore};
use arch_runtime::store::{BoxFuture, Decision, Effects, Json, Policy, Store, transact};
use arch_runtime::testing::sample::{self, Request};
use arch_runtime::time::SimClock;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// `slow…` never answers, `no…` refuses for ever, everybody else has it at once.
#[derive(Default)]
struct Receivers {
    delivered: Mutex<Vec<String>>,
    begun: Mutex<usize>,
}

impl Deliver for Receivers {
    fn deliver<'a>(&'a self, delivery: &'a Delivery) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let target = delivery.message.target.to_string();
            if target.starts_with("slow") {
                *self.begun.lock().expect("nobody panics here") += 1;
                std::future::pending::<()>().await;
            }
            if target.starts_with("no") {
                return Answer::Never("it makes no sense to me".into());
            }
            self.delivered.lock().expect("nobody panics here").push(target);
            Answer::Accepted
        })
    }
}

impl Receivers {
    async fn have(&self, count: usize) {
        let has = || self.delivered.lock().expect("nobody panics here").len() >= count;
        let waiting = async {
            while !has() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(waited.is_ok(), "{:?} of {count}", self.delivered.lock());
    }
}

/// Commits messages to these targets.
async fn commit(store: &dyn Store, targets: &[&'static str]) {
    let mut transition = Request::Count.transition();
    let (step, targets) = (transition.step.clone(), targets.to_vec());
    transition.step = Arc::new(move |snapshot| match step(snapshot) {
        Decision::Apply(effects) => {
            let message = |target: &&str| Message {
                target: (*target).into(),
                payload: Json::null(),
                delay: Duration::ZERO,
                fence: None,
            };
            Decision::Apply(Effects { messages: targets.iter().map(message).collect(), ..effects })
        }
        other => other,
    });
    transact(store, transition, &Policy::default()).await.expect("it is committed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_holds_back_nobody_else() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    let receivers = Arc::new(Receivers::default());
    let policy = DispatchPolicy { abreast: 2, poll: Duration::from_millis(5), ..DispatchPolicy::default() };
    let dispatcher = Dispatcher::new(store.clone(), receivers.clone(), policy);
    let (stop, stopping) = tokio::sync::oneshot::channel::<()>();
    let running = tokio::spawn(async move { dispatcher.run(async { drop(stopping.await) }).await });
    commit(&*store, &["slow"; 40]).await;
    commit(&*store, &["quick"]).await;
    receivers.have(1).await;
    commit(&*store, &["slow", "quick", "other"]).await;
    receivers.have(3).await;
    // As many as there may be abreast; the others wait.
    assert_eq!(*receivers.begun.lock().expect("nobody panics here"), 2);
    // Who waits in line lets go when the dispatcher stops; what was begun is waited for.
    drop(stop);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!running.is_finished(), "two deliveries are under way");
    assert_eq!(*receivers.begun.lock().expect("nobody panics here"), 2, "and none is begun any more");
    running.abort();
}

/// A message that only waited is not given up: that its target is busy is nobody's answer.
#[tokio::test(start_paused = true)]
async fn who_waits_is_not_given_up() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(sample::schema()));
    let policy = DispatchPolicy {
        abreast: 1,
        attempts: 1,
        lease: Duration::from_secs(10),
        ..DispatchPolicy::default()
    };
    let dispatcher = Dispatcher::new(store.clone(), Arc::new(Receivers::default()), policy);
    commit(&*store, &["slow", "slow", "slow"]).await;
    let round = dispatcher.round().await.expect("the store is there");
    assert_eq!((round.taken, round.dead, round.let_go), (3, 1, 2));
    assert_eq!(store.outbox().await.expect("it can be asked").dead, 1);
}

/// A place for log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("nobody panics here").write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panics here")).into_owned()
    }
}

/// A store of which messages cannot be taken so many times.
struct Taking(usize);

impl FaultPlan for Taking {
    fn next(&mut self, op: &str) -> Option<Fault> {
        let fails = op == "claim" && self.0 > 0;
        self.0 -= usize::from(fails);
        fails.then_some(Fault::Unavailable)
    }
}

#[tokio::test]
async fn what_is_given_up_and_what_fails_is_in_the_log() {
    let lines = Lines::default();
    let to = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || to.clone()).finish();
    let _logging = tracing::subscriber::set_default(subscriber);
    let clock = Arc::new(SimClock::at(arch_runtime::Instant::from_millis(1_000_000)));
    let store: Arc<dyn Store> = Arc::new(MemoryStore::simulated(sample::schema(), clock, Taking(3)));
    commit(&*store, &["nobody"]).await;
    let policy = DispatchPolicy { poll: Duration::from_millis(5), ..DispatchPolicy::default() };
    let dispatcher = Dispatcher::new(store.clone(), Arc::new(Receivers::default()), policy);
    let all = async {
        while store.outbox().await.map_or(0, |status| status.dead) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = dispatcher.run(std::future::pending()) => {}
        done = tokio::time::timeout(Duration::from_secs(20), all) => assert!(done.is_ok(), "{}", lines.text()),
    }
    let letters = store.letters(true, None, 10).await.expect("they can be looked at");
    let id = letters[0].id.to_string();
    let text = lines.text();
    let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
    assert_eq!((count("cannot be taken"), count("are taken again")), (1, 1), "{text}");
    assert!(text.lines().any(|line| line.contains("ERROR") && line.contains("cannot be taken")), "{text}");
    let dead = text.lines().find(|line| line.contains("it is dead")).unwrap_or_else(|| panic!("{text}"));
    for part in ["WARN", &id, "nobody", "it makes no sense to me"] {
        assert!(dead.contains(part), "{part}: {dead}");
    }
}
