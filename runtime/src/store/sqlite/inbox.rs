//! What waits for the writer.
//!
//! Clients of a batch are answered together and come back together. So the writer says how many it expects, and only the
//! last of them wakes it: one wake-up for a batch, and no batch for the first alone while the others wait for it.

use super::batch::Job;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// Jobs in the order in which they came.
pub(super) struct Inbox {
    /// How many more jobs may wait; closed when nobody takes any.
    room: Semaphore,
    waiting: Mutex<Waiting>,
    enough: Condvar,
}

struct Waiting {
    jobs: Vec<Job>,
    /// The writer sleeps until so many are there; none while it works.
    wanted: Option<usize>,
    /// Nobody can put in any more.
    closed: bool,
}

/// How long to wait for jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Company {
    /// How many are expected.
    pub(super) expected: usize,
    /// For how long; after that it goes on with what is there, or waits for the first.
    pub(super) patience: Duration,
}

impl Inbox {
    /// An empty one in which at most `room` jobs wait.
    pub(super) fn new(room: usize) -> Inbox {
        let waiting = Waiting { jobs: Vec::new(), wanted: None, closed: false };
        Inbox { room: Semaphore::new(room), waiting: Mutex::new(waiting), enough: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in a job, when there is room; false if nobody takes any.
    pub(super) async fn put(&self, job: Job) -> bool {
        let Ok(room) = self.room.acquire().await else { return false };
        let mut waiting = self.lock();
        if waiting.closed {
            return false;
        }
        room.forget();
        waiting.jobs.push(job);
        let wake = waiting.wanted.is_some_and(|n| waiting.jobs.len() >= n);
        if wake {
            waiting.wanted = None;
        }
        drop(waiting);
        if wake {
            self.enough.notify_one();
        }
        true
    }

    /// Takes what is there, at least one and at most `most`; none when it is closed and empty.
    pub(super) fn take(&self, most: usize, company: Company) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        let until = Instant::now() + company.patience;
        while waiting.jobs.len() < company.expected && !waiting.closed {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            waiting.wanted = Some(company.expected);
            waiting = self.enough.wait_timeout(waiting, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        while waiting.jobs.is_empty() && !waiting.closed {
            waiting.wanted = Some(1);
            waiting = self.enough.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        waiting.wanted = None;
        let rest = waiting.jobs.len().min(most);
        let rest = waiting.jobs.split_off(rest);
        let taken = std::mem::replace(&mut waiting.jobs, rest);
        drop(waiting);
        self.room.add_permits(taken.len());
        (!taken.is_empty()).then_some(taken)
    }

    /// Nothing more is put in; what is there is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.enough.notify_one();
    }

    /// Whether nobody takes anything any more.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Nothing more is taken: who waits is told so by their answer being dropped.
    pub(super) fn abandon(&self) {
        self.close();
        let left = std::mem::take(&mut self.lock().jobs);
        drop(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::sync::oneshot;

    fn job() -> Job {
        Job::write(oneshot::channel::<Result<(), _>>().0, |_, _, _, _| Ok(()))
    }

    fn company(expected: usize, patience: Duration) -> Company {
        Company { expected, patience }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn jobs_are_taken_in_parts_and_make_room() {
        let inbox = Inbox::new(3);
        for _ in 0..3 {
            assert!(inbox.put(job()).await);
        }
        let full = tokio::time::timeout(Duration::from_millis(20), inbox.put(job())).await;
        assert!(full.is_err(), "there was no room");
        assert_eq!(inbox.take(2, company(1, LONG)).map(|jobs| jobs.len()), Some(2));
        assert!(inbox.put(job()).await);
        assert_eq!(inbox.take(9, company(1, LONG)).map(|jobs| jobs.len()), Some(2));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_expects_company_is_woken_by_the_last() {
        let inbox = Arc::new(Inbox::new(9));
        let writer = {
            let inbox = inbox.clone();
            tokio::task::spawn_blocking(move || inbox.take(9, company(3, LONG)).map(|jobs| jobs.len()))
        };
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            assert!(inbox.put(job()).await);
        }
        assert_eq!(writer.await.expect("it does not panic"), Some(3));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_does_not_come_is_not_waited_for_longer_than_patience() {
        let inbox = Arc::new(Inbox::new(9));
        assert!(inbox.put(job()).await);
        let few = inbox.take(9, company(5, Duration::from_millis(5)));
        assert_eq!(few.map(|jobs| jobs.len()), Some(1));
        let writer = {
            let inbox = inbox.clone();
            let idle = company(5, Duration::from_millis(5));
            tokio::task::spawn_blocking(move || inbox.take(9, idle).map(|jobs| jobs.len()))
        };
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(inbox.put(job()).await, "the first wakes who has waited for more in vain");
        assert_eq!(writer.await.expect("it does not panic"), Some(1));
    }

    #[tokio::test]
    async fn what_is_there_when_it_is_closed_is_taken() {
        let inbox = Inbox::new(9);
        assert!(inbox.put(job()).await);
        inbox.close();
        assert!(!inbox.put(job()).await);
        assert_eq!(inbox.take(9, company(5, LONG)).map(|jobs| jobs.len()), Some(1));
        assert!(inbox.take(9, company(1, LONG)).is_none());
    }

    #[tokio::test]
    async fn who_waits_for_a_writer_that_is_gone_is_told() {
        let inbox = Inbox::new(9);
        let (answer, answered) = oneshot::channel::<Result<(), _>>();
        assert!(inbox.put(Job::write(answer, |_, _, _, _| Ok(()))).await);
        inbox.abandon();
        assert!(answered.await.is_err());
    }
}
