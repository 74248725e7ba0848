//! A worker, as a process of its own: `worker NAME [URL]`. It claims a job, works, renews its lease meanwhile, and says when it is
//! done; if it was too slow, somebody else has the job by then, and its result does not count.

use job_queue::primes;
use job_queue::queue::Queue;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often a lease is renewed: it lasts two seconds.
const RENEW: Duration = Duration::from_millis(700);

/// How long to wait when there is nothing to do.
const IDLE: Duration = Duration::from_millis(300);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        eprintln!("usage: worker NAME [URL]");
        std::process::exit(2);
    };
    let url = arguments.next();
    let queue = Queue::at(url.as_deref().unwrap_or("http://127.0.0.1:8080"));
    // Whoever had this name before may have died over a job.
    if queue.step("give_up", &name).is_done() {
        println!("{name} gives up what it had before");
    }
    loop {
        let claimed = queue.step("claim", &name);
        match claimed.body["reply"]["job"].as_str() {
            Some(job) if claimed.is_done() => work(&queue, &name, job),
            // Nothing to do, or somebody else was faster.
            _ => thread::sleep(IDLE),
        }
    }
}

fn work(queue: &Queue, name: &str, job: &str) {
    println!("{name} claims {job}");
    let found = while_renewing(queue, name, |go_on| {
        primes::count(primes::limit(job)?, go_on)
    });
    let Some(found) = found else {
        return println!("{name} loses {job}");
    };
    match queue.step("finish", name).outcome() {
        "done" => println!("{name} finishes {job}: {found} primes"),
        outcome => println!("{name} is too late with {job}: {outcome}"),
    }
}

/// Works, as long as the lease can be renewed.
fn while_renewing<T>(queue: &Queue, name: &str, work: impl FnOnce(&dyn Fn() -> bool) -> T) -> T {
    let (mine, working) = (AtomicBool::new(true), AtomicBool::new(true));
    thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            while working.load(Ordering::Relaxed) {
                thread::park_timeout(RENEW);
                if working.load(Ordering::Relaxed)
                    && queue.step("renew", name).outcome() != "at_renew"
                {
                    return mine.store(false, Ordering::Relaxed);
                }
            }
        });
        let done = work(&|| mine.load(Ordering::Relaxed));
        working.store(false, Ordering::Relaxed);
        renewing.thread().unpark();
        done
    })
}
