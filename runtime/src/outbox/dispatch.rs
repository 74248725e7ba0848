//! The dispatcher: takes messages that are due, and delivers them side by side.
//!
//! Messages to one target are delivered a few at a time; the others that were taken wait in its line. So a target that hangs holds
//! back its own messages and nobody else's, and the dispatcher goes on taking. A message that waits for long is let go, and comes up
//! again when its lease has run out: that counts as taking it, but a message is only ever given up when a delivery of it has failed.

use super::{Answer, Deliver, Delivery, DispatchPolicy, Settlement};
use crate::store::{Store, StoreError};
use smol_str::SmolStr;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The part of the lease that a message may wait in line, and that after which its delivery is broken off.
const IN_LINE: f32 = 0.3;
const AT_MOST: f32 = 0.8;

/// What one round of a dispatcher did.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Round {
    /// Messages taken.
    pub taken: usize,
    /// Accepted by their receivers.
    pub delivered: usize,
    /// To be tried again.
    pub retried: usize,
    /// Given up.
    pub dead: usize,
    /// Taken over by somebody else while they were being delivered.
    pub lost: usize,
    /// Let go, because their target was busy for too long.
    pub let_go: usize,
}

/// Takes messages that are due and delivers them.
pub struct Dispatcher {
    worker: Arc<Worker>,
}

/// What each delivery needs.
struct Worker {
    store: Arc<dyn Store>,
    deliver: Arc<dyn Deliver>,
    policy: DispatchPolicy,
}

/// How a delivery ended.
enum Ended {
    /// The message has been settled so, unless somebody else has it by now.
    Settled(Settlement, bool),
    LetGo,
}

type Deliveries = JoinSet<Result<Ended, StoreError>>;

/// The targets that messages were taken for, each with the deliveries that may be begun.
#[derive(Default)]
struct Lines(HashMap<SmolStr, Arc<Semaphore>>);

impl Dispatcher {
    /// A dispatcher for a store. Any number of them may run.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, deliver: Arc<dyn Deliver>, policy: DispatchPolicy) -> Dispatcher {
        Dispatcher { worker: Arc::new(Worker { store, deliver, policy }) }
    }

    /// Delivers what is due now, one batch of it, and waits until it is settled.
    ///
    /// # Errors
    /// The store fails. Messages that were taken come up again when their lease has run out.
    pub async fn round(&self) -> Result<Round, StoreError> {
        let (_going, going) = watch::channel(());
        let (mut lines, mut deliveries) = (Lines::default(), Deliveries::new());
        let taken = self.take(&mut lines, &mut deliveries, &going).await?;
        let mut round = Round { taken, ..Round::default() };
        let mut failure = None;
        while let Some(done) = deliveries.join_next().await {
            match done {
                Ok(Ok(ended)) => round.count(&ended),
                Ok(Err(error)) => failure = Some(error),
                // The delivery panicked; the message comes up again when its lease has run out.
                Err(_) => round.lost += 1,
            }
        }
        failure.map_or(Ok(round), Err)
    }

    /// Delivers for ever; drop the future, or let `stop` become ready, to stop. Deliveries that were begun are finished first.
    pub async fn run(&self, stop: impl Future<Output = ()>) {
        let mut stop = std::pin::pin!(stop);
        let (end, going) = watch::channel(());
        let (mut lines, mut deliveries) = (Lines::default(), Deliveries::new());
        let mut failing = false;
        loop {
            let taken = self.take(&mut lines, &mut deliveries, &going).await;
            // A store that is down now may be up at the next look. Its failure is told once, not ten times a second.
            match &taken {
                Err(error) if !failing => tracing::error!(%error, "messages of the outbox cannot be taken"),
                Ok(_) if failing => tracing::info!("messages of the outbox are taken again"),
                _ => {}
            }
            failing = taken.is_err();
            lines.forget_idle(self.worker.policy.abreast);
            let idle = !matches!(taken, Ok(1..));
            let pause = if idle { self.worker.policy.poll } else { Duration::ZERO };
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = tokio::time::sleep(pause) => {}
            }
            while deliveries.try_join_next().is_some() {}
        }
        // Whoever waits in line lets go.
        drop(end);
        while deliveries.join_next().await.is_some() {}
    }

    /// Takes messages, as many as there is room for, and begins to deliver them; how many.
    async fn take(
        &self,
        lines: &mut Lines,
        deliveries: &mut Deliveries,
        going: &watch::Receiver<()>,
    ) -> Result<usize, StoreError> {
        let policy = &self.worker.policy;
        let room = policy.batch.min(policy.taken.saturating_sub(deliveries.len()));
        if room == 0 {
            return Ok(0);
        }
        // Before they are taken: their lease cannot have begun earlier.
        let since = Instant::now();
        let taken = self.worker.store.claim(room, policy.lease).await?;
        let count = taken.len();
        for delivery in taken {
            let line = lines.of(&delivery.message.target, policy.abreast);
            deliveries.spawn(self.worker.clone().deliver(delivery, line, since, going.clone()));
        }
        Ok(count)
    }
}

impl Worker {
    /// Delivers a message when its target has room, and settles it. What goes wrong is logged here, where it is known of which message.
    async fn deliver(
        self: Arc<Self>,
        delivery: Delivery,
        line: Arc<Semaphore>,
        since: Instant,
        mut going: watch::Receiver<()>,
    ) -> Result<Ended, StoreError> {
        let (id, target, lease) = (delivery.id, delivery.message.target.clone(), self.policy.lease);
        let _turn = tokio::select! {
            biased;
            turn = line.acquire_owned() => turn.ok(),
            _ = going.changed() => return Ok(Ended::LetGo),
            () = tokio::time::sleep_until(since + lease.mul_f32(IN_LINE)) => {
                tracing::debug!(%id, %target, "its target is busy: it is let go, and comes up again");
                return Ok(Ended::LetGo);
            }
        };
        let answer =
            tokio::time::timeout_at(since + lease.mul_f32(AT_MOST), self.deliver.deliver(&delivery)).await;
        let answer = answer
            .unwrap_or_else(|_| Answer::Later(format!("no answer within {:?}", lease.mul_f32(AT_MOST))));
        let settlement = self.policy.settlement(delivery.tries, answer);
        let settled = self.store.settle(id, delivery.attempt, &settlement).await;
        match (&settled, &settlement) {
            (Err(error), _) => {
                tracing::error!(%id, %target, %error, "a message was delivered or not, and the store cannot be told");
            }
            (Ok(true), Settlement::Dead { error }) => {
                tracing::warn!(%id, %target, %error, "a message is given up: it is dead");
            }
            (Ok(true), Settlement::Retry { after, error }) => {
                tracing::debug!(%id, %target, ?after, %error, "a message is tried again");
            }
            _ => {}
        }
        settled.map(|last| Ended::Settled(settlement, last))
    }
}

impl Lines {
    fn of(&mut self, target: &SmolStr, abreast: usize) -> Arc<Semaphore> {
        self.0.entry(target.clone()).or_insert_with(|| Arc::new(Semaphore::new(abreast))).clone()
    }

    /// Forgets the targets that nothing is delivered to, where there are many.
    fn forget_idle(&mut self, abreast: usize) {
        if self.0.len() > 1_000 {
            self.0.retain(|_, line| line.available_permits() < abreast);
        }
    }
}

impl Round {
    fn count(&mut self, ended: &Ended) {
        let of = match ended {
            Ended::Settled(Settlement::Delivered, true) => &mut self.delivered,
            Ended::Settled(Settlement::Retry { .. }, true) => &mut self.retried,
            Ended::Settled(Settlement::Dead { .. }, true) => &mut self.dead,
            Ended::Settled(_, false) => &mut self.lost,
            Ended::LetGo => &mut self.let_go,
        };
        *of += 1;
    }
}
