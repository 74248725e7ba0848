//! Independent explorations at the same time: each has one thread, so that what it finds and how never depends on how
//! many there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The results of all jobs, in order.
pub fn map<T: Sync, R: Send>(jobs: &[T], threads: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = jobs.iter().map(|_| Mutex::new(None)).collect();
    let worker = || {
        while let Some((job, result)) = {
            let number = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(number).zip(results.get(number))
        } {
            let done = work(job);
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(jobs.len()) {
            // Without a thread the others do its work.
            drop(thread::Builder::new().stack_size(crate::STACK).spawn_scoped(scope, worker));
        }
        worker();
    });
    let done = |r: Mutex<Option<R>>| r.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_iter().map(|r| done(r).expect("every job is done by one of the workers")).collect()
}
