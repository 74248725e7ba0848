//! The memory store: the suite of every store, faults, and proof that the suite can fail.

use arch_runtime::Instant;
use arch_runtime::store::memory::{Fault, MemoryStore, RandomFaults, ScriptedFaults};
use arch_runtime::store::{Policy, Store, StoreError, Verdict, transact};
use arch_runtime::testing::conformance::CHECKS;
use arch_runtime::testing::hammer::{self, Load, hammer};
use arch_runtime::testing::sample::{self, Request};
use arch_runtime::time::{Clock, SimClock};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    for (name, check) in CHECKS {
        println!("{name}");
        check(Arc::new(MemoryStore::new(sample::schema()))).await;
    }
}

fn scripted(faults: &[Option<Fault>]) -> (Arc<SimClock>, MemoryStore) {
    let clock = Arc::new(SimClock::at(Instant::from_millis(1_000_000)));
    let faults = ScriptedFaults(faults.iter().copied().collect());
    (clock.clone(), MemoryStore::simulated(sample::schema(), clock, faults))
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_retried_and_bounded() {
    let (_, store) = scripted(&[Some(Fault::Conflict); 3]);
    let settled =
        transact(&store, Request::Count.transition(), &Policy::default()).await.expect("it is retried");
    assert_eq!(settled.conflicts, 3);
    let (_, store) = scripted(&[Some(Fault::Conflict); 30]);
    let policy = Policy { retries: 5, ..Policy::default() };
    let error = transact(&store, Request::Count.transition(), &policy).await.expect_err("it gives up");
    assert!(matches!(error, StoreError::Conflict(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn unknown_commits_are_looked_up_never_repeated() {
    for (fault, times) in [(Fault::LostReply, 1), (Fault::LostCommit, 1)] {
        let (_, store) = scripted(&[Some(fault), Some(Fault::Unavailable), Some(Fault::Unavailable)]);
        let transition = Request::Count.transition();
        let tx = transition.meta.tx;
        let settled = transact(&store, transition, &Policy::default()).await.expect("it is resolved");
        assert!(settled.resolved);
        let Verdict::Applied(applied) = settled.verdict else { panic!("it was not applied") };
        assert_eq!(applied.entry.tx, tx);
        let page = store.journal(Default::default(), 10).await.expect("the journal can be read");
        assert_eq!(page.entries.len(), times, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_cannot_be_looked_up_stays_unknown() {
    let mut faults = vec![Some(Fault::LostReply)];
    faults.resize(50, Some(Fault::Unavailable));
    let (_, store) = scripted(&faults);
    let error = transact(&store, Request::Count.transition(), &Policy::default()).await.expect_err("unknown");
    let StoreError::Ambiguous { would } = error else { panic!("{error}") };
    store.heal();
    assert!(store.find(would.entry.tx).await.expect("the journal can be asked").is_some());
}

#[tokio::test]
async fn crashes_leave_all_or_nothing() {
    for (fault, there) in [(Fault::CrashBefore, false), (Fault::CrashAfter, true)] {
        let (_, store) = scripted(&[Some(fault)]);
        let transition = Request::Count.transition();
        let tx = transition.meta.tx;
        let mut crashes = store.crashes();
        let policy = Policy::default();
        tokio::select! {
            result = transact(&store, transition, &policy) => panic!("it returned {result:?}"),
            crash = crashes.changed() => crash.expect("the store is there"),
        }
        let found = store.find(tx).await.expect("the journal can be asked");
        assert_eq!(found.is_some(), there, "{fault:?}");
    }
}

#[tokio::test]
async fn clock_jumps_do_not_turn_back_the_time() {
    let (clock, store) =
        scripted(&[None, Some(Fault::ClockJump(3_600_000)), Some(Fault::ClockJump(-9_999_999))]);
    let mut nows = Vec::new();
    for _ in 0..3 {
        let settled =
            transact(&store, Request::Count.transition(), &Policy::default()).await.expect("it works");
        let Verdict::Applied(applied) = settled.verdict else { panic!("it was not applied") };
        nows.push(applied.entry.now.millis());
    }
    assert_eq!(nows, [1_000_000, 4_600_000, 4_600_000]);
    assert!(clock.wall().millis() < 1_000_000);
}

#[tokio::test(start_paused = true)]
async fn any_faults_leave_a_serial_journal() {
    let mut injected = 0;
    for seed in 0..40 {
        let clock = Arc::new(SimClock::at(Instant::from_millis(1_000_000)));
        let memory = MemoryStore::simulated(sample::schema(), clock, RandomFaults::new(seed, 0.3));
        let memory = Arc::new(memory);
        let store: Arc<dyn Store> = memory.clone();
        let tally = hammer(&store, Load { clients: 6, requests: 40, rows: 2, seed }).await;
        injected += tally.conflicts + tally.resolved + tally.failed;
        memory.heal();
        hammer::check(&*store, &tally).await.unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
    assert!(injected > 1_000, "only {injected} faults had an effect");
}
