//! The writer: one thread, one connection, one SQLite transaction for everybody who waits.

use super::codec::{self, error};
use super::inbox::{Company, Inbox};
use super::statements::Statements;
use super::{BATCH, Options, WRITER_GONE, queries};
use crate::schema::Schema;
use crate::store::sql::Tables;
use crate::store::{
    Denied, Evaluation, Prepared, ReadRows, StoreError, Transition, Verdict, WIDENINGS, evaluate,
};
use crate::time::{Clock, HighWater, Instant};
use rusqlite::{Connection, ErrorCode};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::oneshot;

/// Something to be done by the writer.
pub(super) enum Job {
    /// A transition.
    Transition(Arc<Transition>, oneshot::Sender<Result<Verdict, StoreError>>),
    /// Something else that writes, or must come after what was written before.
    Write(Box<dyn WriteJob>),
}

/// A job that is not a transition. May be run again when the transaction that it was part of could not be committed.
pub(super) trait WriteJob: Send {
    /// Does it; what it writes is committed later, or not.
    fn run(&mut self, writer: &Writer, now: Instant) -> Result<(), StoreError>;
    /// Answers, after the commit or with what went wrong.
    fn answer(self: Box<Self>, failure: Option<StoreError>);
}

struct Simple<T, F> {
    job: F,
    result: Option<T>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F> WriteJob for Simple<T, F>
where
    F: Fn(&Connection, &Schema, &Tables, Instant) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, writer: &Writer, now: Instant) -> Result<(), StoreError> {
        self.result = Some((self.job)(&writer.connection, &writer.schema, &writer.tables, now)?);
        Ok(())
    }

    fn answer(self: Box<Self>, failure: Option<StoreError>) {
        let result = match (failure, self.result) {
            (Some(failure), _) => Err(failure),
            (None, Some(result)) => Ok(result),
            (None, None) => Err(StoreError::Unavailable(WRITER_GONE.into())),
        };
        // Who does not wait any more need not know.
        let _ = self.answer.send(result);
    }
}

impl Job {
    /// A job that writes and is not a transition.
    pub(super) fn write<T: Send + 'static>(
        answer: oneshot::Sender<Result<T, StoreError>>,
        job: impl Fn(&Connection, &Schema, &Tables, Instant) -> Result<T, StoreError> + Send + 'static,
    ) -> Job {
        Job::Write(Box::new(Simple { job, result: None, answer }))
    }
}

/// A job with what came of it.
enum Done {
    Transition(Result<Verdict, StoreError>, oneshot::Sender<Result<Verdict, StoreError>>),
    Write(Box<dyn WriteJob>),
}

/// Why a batch was not committed.
enum Abort {
    /// Nothing of it was.
    Failed(StoreError),
    /// Nobody knows: the disk failed in the commit.
    Unknown(StoreError, Vec<Outcome>),
}

/// Why the store is of no use any more, which it then says for good: the disk failed in a commit, and what is on it is only known
/// when it is opened again.
pub(super) type Broken = Arc<OnceLock<String>>;

/// The writing side of the store.
pub(super) struct Writer {
    connection: Connection,
    schema: Arc<Schema>,
    tables: Arc<Tables>,
    clock: Arc<dyn Clock>,
    high_water: HighWater,
    batch: usize,
    sync_delay: Duration,
    broken: Broken,
}

/// A failure after something was written to the open transaction, or before.
struct Failure {
    error: StoreError,
    dirty: bool,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        schema: Arc<Schema>,
        tables: Arc<Tables>,
        clock: Arc<dyn Clock>,
        options: &Options,
        broken: Broken,
    ) -> Result<Writer, StoreError> {
        let high_water = HighWater::new(queries::mark(&connection)?, &*clock);
        let batch = if options.group_commit { BATCH } else { 1 };
        let sync_delay = options.sync_delay;
        Ok(Writer { connection, schema, tables, clock, high_water, batch, sync_delay, broken })
    }

    /// Works until nobody can ask any more.
    ///
    /// Those who were answered a moment ago are waited for: else the first of them would get a commit of its own while the
    /// others wait for it, and every other commit would be for one. Never for longer than a part of what a commit takes, and
    /// not at all when the last batch was one job: a single client does not wait.
    pub(super) fn run(mut self, inbox: &Inbox) {
        // Also when it panics.
        let _gone = Gone(inbox);
        let mut company = Company { expected: 1, patience: Duration::ZERO };
        while let Some(jobs) = inbox.take(self.batch, company) {
            let (expected, start) = (jobs.len(), std::time::Instant::now());
            self.batch(jobs);
            company = Company { expected, patience: (start.elapsed() / 4).min(COMPANY) };
        }
    }

    fn batch(&mut self, mut jobs: Vec<Job>) {
        if let Some(why) = self.broken.get() {
            let error = StoreError::Unavailable(why.clone());
            return jobs.into_iter().for_each(|job| refuse(job, error.clone()));
        }
        match self.together(&mut jobs) {
            Ok(done) => done.into_iter().for_each(Done::answer),
            Err(Abort::Unknown(error, outcomes)) => self.give_up(jobs, outcomes, &error),
            Err(Abort::Failed(error)) if jobs.len() == 1 => {
                jobs.into_iter().for_each(|job| refuse(job, error.clone()));
            }
            // One of them is to blame, or the disk is full: each alone, so that only who must fail fails.
            Err(Abort::Failed(_)) => jobs.into_iter().for_each(|job| self.batch(vec![job])),
        }
    }

    /// Evaluates all jobs in one transaction and commits it. On failure nothing of it is done, and the jobs are as they were.
    fn together(&mut self, jobs: &mut Vec<Job>) -> Result<Vec<Done>, Abort> {
        let begun = self.connection.execute_batch("BEGIN IMMEDIATE");
        begun.map_err(|e| Abort::Failed(error(e)))?;
        match self.evaluate_all(jobs) {
            Ok(results) => match self.connection.execute_batch("COMMIT") {
                Ok(()) => {
                    if !self.sync_delay.is_zero() {
                        std::thread::sleep(self.sync_delay);
                    }
                    Ok(pair(std::mem::take(jobs), results))
                }
                Err(e) => Err(self.commit_failed(e, results)),
            },
            Err(e) => {
                self.roll_back();
                Err(Abort::Failed(e))
            }
        }
    }

    fn commit_failed(&self, failure: rusqlite::Error, outcomes: Vec<Outcome>) -> Abort {
        // A failed sync says nothing about what is on the disk, and asking once more does not help: the kernel may
        // have dropped the pages (PostgreSQL's "fsyncgate", 2018). Everything else was undone by SQLite.
        let unknown = failure.sqlite_error_code() == Some(ErrorCode::SystemIoFailure);
        self.roll_back();
        if unknown { Abort::Unknown(error(failure), outcomes) } else { Abort::Failed(error(failure)) }
    }

    /// Whether SQLite has undone the open transaction by itself, as it may when a statement of it fails because the disk is full
    /// or broken, memory runs out, or it is interrupted; also a statement that only reads. What was written before is gone then,
    /// and every further statement would be committed at once, by itself.
    fn undone(&self) -> bool {
        self.connection.is_autocommit()
    }

    fn roll_back(&self) {
        if !self.undone() {
            // If this fails too, the next BEGIN says so.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
    }

    fn evaluate_all(&self, jobs: &mut [Job]) -> Result<Vec<Outcome>, StoreError> {
        let mark = queries::mark(&self.connection)?;
        let mut seq = queries::last_seq(&self.connection)?;
        let mut latest = mark;
        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut statements = Statements::new(&self.connection, &self.tables);
        for job in jobs {
            let now = self.high_water.now(&*self.clock, mark);
            match job {
                Job::Transition(transition, _) => {
                    match self.transition(&mut statements, transition, now, seq + 1) {
                        Ok((verdict, appended)) => {
                            seq += u64::from(appended);
                            latest = if appended { latest.max(now) } else { latest };
                            outcomes.push(Outcome::Verdict(Ok(verdict)));
                        }
                        Err(failure) if failure.dirty || self.undone() => return Err(failure.error),
                        Err(failure) => outcomes.push(Outcome::Verdict(Err(failure.error))),
                    }
                }
                // How much of it was done before it failed is not known.
                Job::Write(job) => {
                    job.run(self, now)?;
                    outcomes.push(Outcome::Written);
                }
            }
        }
        if latest > mark {
            queries::keep_mark(&self.connection, latest)?;
        }
        Ok(outcomes)
    }

    /// Evaluates one transition and writes what it says, with this place in the journal; whether it took the place.
    fn transition(
        &self,
        statements: &mut Statements<'_>,
        transition: &Transition,
        now: Instant,
        seq: u64,
    ) -> Result<(Verdict, bool), Failure> {
        let clean = |error| Failure { error, dirty: false };
        if let Some(key) = &transition.meta.idempotency
            && let Some(reply) = queries::known(statements, key, now).map_err(clean)?
        {
            return Ok((Verdict::Replayed(reply), false));
        }
        match self.decide(statements, transition, now).map_err(clean)? {
            Evaluation::Commit(prepared) => {
                let dirty = |error| Failure { error, dirty: true };
                let verdict = self.write(statements, transition, prepared, seq).map_err(dirty)?;
                Ok((verdict, true))
            }
            Evaluation::Deny { mut entry, record } => {
                if record {
                    entry.seq = seq;
                    queries::append(statements, &self.schema, &entry).map_err(clean)?;
                }
                Ok((Verdict::Denied(Denied { entry: Arc::new(entry) }), record))
            }
            Evaluation::Widen(_) => {
                let why = "it asks for further rows again and again";
                Err(clean(StoreError::invalid(&transition.plan.op, why)))
            }
        }
    }

    /// Reads what the step asks for until it has all.
    fn decide(
        &self,
        statements: &mut Statements<'_>,
        transition: &Transition,
        now: Instant,
    ) -> Result<Evaluation, StoreError> {
        let mut read = ReadRows::default();
        for kind in &transition.plan.scans {
            read.scans.insert(*kind, codec::scan(&self.connection, &self.schema, &self.tables, *kind)?);
        }
        let mut wanted = transition.keys.clone();
        for _ in 0..WIDENINGS {
            for row in wanted {
                if read.get(&row).is_none() {
                    let found = codec::read_row(statements, &self.schema, &row)?;
                    read.rows.insert(row, found);
                }
            }
            match evaluate(&self.schema, transition, now, &read)? {
                Evaluation::Widen(more) => wanted = more,
                decided => return Ok(decided),
            }
        }
        Ok(Evaluation::Widen(Vec::new()))
    }

    fn write(
        &self,
        statements: &mut Statements<'_>,
        transition: &Transition,
        mut prepared: Prepared,
        seq: u64,
    ) -> Result<Verdict, StoreError> {
        prepared.entry.seq = seq;
        let entry = &prepared.entry;
        if let Err(failure) = queries::append(statements, &self.schema, entry) {
            // Tried once more after it was committed: the journal's index of transactions refuses it.
            return match queries::find(&self.connection, &self.schema, entry.tx)? {
                Some(_) => Err(StoreError::Ambiguous { would: Box::new(prepared.applied(seq)) }),
                None => Err(failure),
            };
        }
        for write in &entry.writes {
            codec::write_row(statements, &self.schema, write, entry.now, &entry.id)?;
        }
        queries::post(statements, &prepared)?;
        if let Some(key) = transition.meta.idempotency.as_ref().filter(|k| k.keeps(&prepared.entry.outcome)) {
            queries::keep_key(statements, key, &prepared)?;
        }
        Ok(Verdict::Applied(prepared.applied(seq)))
    }

    /// Gives up until the database is opened again. What would have been committed may or may not be.
    fn give_up(&self, jobs: Vec<Job>, outcomes: Vec<Outcome>, failure: &StoreError) {
        let why = format!("the disk failed in a commit, and the database must be opened again: {failure}");
        // Before anybody is answered: who asks then is told.
        let _ = self.broken.set(why.clone());
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            let error = match outcome {
                Outcome::Verdict(Ok(Verdict::Applied(applied))) => {
                    StoreError::Ambiguous { would: Box::new(applied) }
                }
                _ => StoreError::Unavailable(why.clone()),
            };
            refuse(job, error);
        }
    }
}

/// The longest that a batch waits to become as large as the last.
const COMPANY: Duration = Duration::from_millis(2);

/// Tells those who wait for the writer that it is gone.
struct Gone<'a>(&'a Inbox);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// What came of a job, before the commit.
enum Outcome {
    Verdict(Result<Verdict, StoreError>),
    Written,
}

fn pair(jobs: Vec<Job>, outcomes: Vec<Outcome>) -> Vec<Done> {
    let done = |(job, outcome)| match (job, outcome) {
        (Job::Transition(_, answer), Outcome::Verdict(verdict)) => Done::Transition(verdict, answer),
        (Job::Write(job), Outcome::Written) => Done::Write(job),
        _ => unreachable!("outcomes are in the order of the jobs"),
    };
    jobs.into_iter().zip(outcomes).map(done).collect()
}

impl Done {
    fn answer(self) {
        match self {
            // Who does not wait any more need not know.
            Done::Transition(verdict, answer) => drop(answer.send(verdict)),
            Done::Write(job) => job.answer(None),
        }
    }
}

fn refuse(job: Job, error: StoreError) {
    match job {
        Job::Transition(_, answer) => drop(answer.send(Err(error))),
        Job::Write(job) => job.answer(Some(error)),
    }
}
