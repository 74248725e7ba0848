//! What a claimant owns that lives in a process that ends. Only `commit` gives it up, and says that something was done; so it is
//! asked for only by who names it.

use arch_runtime::SmolStr;
use arch_runtime::client::{CallError, Endpoint};
use arch_runtime::engine::{Engine, Limits};
use arch_runtime::journal::Cursor;
use arch_runtime::serve::auth::Open;
use arch_runtime::serve::{App, Metrics, router};
use arch_runtime::service::ReleaseError;
use arch_runtime::store::Store;
use arch_runtime::store::memory::{MemoryStore, NoFaults};
use arch_runtime::time::SimClock;
use i02_claim_lease::generated::client::ServiceClient;
use i02_claim_lease::generated::handlers::{ClaimRequest, ReclaimRequest};
use i02_claim_lease::generated::rows::ClaimState;
use i02_claim_lease::generated::service::plain;
use i02_claim_lease::generated::spec::schema;
use i02_claim_lease::generated::types::{Claimant, Reaper};
use std::sync::Arc;
use std::time::Duration;

const COMMIT: SmolStr = SmolStr::new_static("main.commit");

struct World {
    clock: Arc<SimClock>,
    store: Arc<MemoryStore>,
    engine: Arc<Engine>,
    client: ServiceClient,
}

/// The service in which `claimant1` lives.
fn world() -> World {
    let mut service = plain().hosting("claimant", "claimant1");
    service
        .releasing(&[COMMIT])
        .expect("it gives up what is owned");
    let clock = Arc::new(SimClock::at(arch_runtime::Instant::from_millis(
        1_000_000_000,
    )));
    let store = Arc::new(MemoryStore::simulated(schema(), clock.clone(), NoFaults));
    let engine = Engine::new(Arc::new(service), store.clone(), Limits::default());
    let engine = Arc::new(engine.expect("it makes sense"));
    let app = App::new(engine.clone(), Arc::new(Metrics::default()), Arc::new(Open));
    let client = ServiceClient::new(Endpoint::over(router(Arc::new(app))));
    World {
        clock,
        store,
        engine,
        client,
    }
}

impl World {
    async fn claim(&self, name: &str) -> Result<(), CallError> {
        let me = Claimant(name.into());
        self.client.claim(&ClaimRequest { me }).await.map(|_| ())
    }

    async fn owner(&self) -> Option<Claimant> {
        let seen = self.client.look::<ClaimState>(&()).await;
        seen.expect("it is shown").row.owner_id
    }

    async fn commits(&self) -> usize {
        let page = self.store.journal(Cursor::START, 100).await;
        page.expect("it can be read").entries.len()
    }
}

#[test]
fn who_hosts_is_told_what_would_end_an_ownership() {
    let mut service = plain().hosting("claimant", "claimant1");
    let error = service
        .releasing(&[])
        .expect_err("no step gives back, and nothing else");
    let expected = ReleaseError::Nothing {
        actor: "claimant".into(),
        ends: vec![COMMIT],
    };
    assert_eq!(error, expected);
    assert!(
        error.to_string().contains("name it in drain.release"),
        "{error}"
    );
    let renew = plain().releasing(&["main.renew".into()]);
    assert!(matches!(renew, Err(ReleaseError::Step { .. })), "{renew:?}");
}

#[tokio::test]
async fn what_is_owned_is_given_back() {
    let world = world();
    world.claim("claimant1").await.expect("it is free");
    assert_eq!(world.engine.release().await.expect("the store is there"), 1);
    assert_eq!(world.owner().await, None);
    // There is nothing left to give.
    assert_eq!(world.engine.release().await.expect("the store is there"), 0);
    assert_eq!(world.commits().await, 2);
}

#[tokio::test]
async fn what_others_own_is_not() {
    let world = world();
    world.claim("claimant2").await.expect("it is free");
    assert_eq!(world.engine.release().await.expect("the store is there"), 0);
    assert_eq!(world.owner().await, Some(Claimant("claimant2".into())));
    // Whose claim was taken away knows nothing of it: `commit` would be rejected, and is not even tried.
    world.clock.advance(Duration::from_secs(10));
    world.claim("claimant1").await.expect("the lease is over");
    world.clock.advance(Duration::from_secs(10));
    let reaper = ReclaimRequest {
        me: Reaper("reaper".into()),
    };
    world
        .client
        .reclaim(&reaper)
        .await
        .expect("the lease is over");
    let before = world.commits().await;
    assert_eq!(world.engine.release().await.expect("the store is there"), 0);
    assert_eq!(world.commits().await, before);
}
