//! Taking all jobs from one store to another: as lines of JSON, through the verbs of the port.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, Write};

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::interrupt::event_after;
use laneway_core::job::{Failure, QueueName, State};
use laneway_core::store::{BATCH_MAX, JobRecord, ListJobs, Store};
use laneway_core::transition::{Event, next};
use tokio::task::JoinSet;

mod line;

pub use line::{Line, read, write};

/// The bytes of arguments and results from which on a batch is restored.
const BATCH_BYTES: usize = 4 * 1_024 * 1_024;

/// Jobs that are read at once: over a network, most of a read is waiting.
const READS_AT_ONCE: usize = 32;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// Jobs.
    pub jobs: u64,
    /// Those of them that were running.
    pub running: u64,
    /// Sessions that were open when it began: jobs may have changed meanwhile.
    pub sessions: u64,
    /// Jobs of which something cannot be read: they stand there as failed, with what can be.
    pub unreadable: u64,
}

/// What became of the lines that were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Imported {
    /// Jobs that were added.
    pub added: u64,
    /// Jobs that the store knew.
    pub known: u64,
    /// Jobs whose unique key another job of the store holds, and that job.
    pub kept_out: Vec<(JobId, JobId)>,
    /// Jobs that were running, and whose attempt counts as interrupted.
    pub interrupted: u64,
    /// Queues that were paused.
    pub paused: u64,
}

/// Writes every job of a store, the oldest first, and which queues are paused.
///
/// Each job is told as it stands at one instant, but two jobs not at the same one: an exact picture
/// needs a store that nobody uses.
///
/// # Errors
/// What the store answers, and `LW1023` when `out` cannot be written.
pub async fn export(
    store: &impl Store,
    out: &mut impl Write,
    now: Timestamp,
) -> Result<Exported, Error> {
    let sessions = u64::try_from(store.sessions().await?.len()).unwrap_or(u64::MAX);
    let mut exported = Exported { sessions, ..Exported::default() };
    write(out, &Line::Begin { exported_at: now })?;
    for queue in store.queues().await? {
        write(out, &Line::Queue { name: queue.name, is_paused: queue.is_paused })?;
    }
    let mut ids = ids(store).await?;
    ids.reverse();
    for some in ids.chunks(READS_AT_ONCE) {
        for job in records(store, some).await? {
            exported.jobs += 1;
            let is_read = job.unreadable.is_none();
            exported.running += u64::from(job.state == State::Running && is_read);
            exported.unreadable += u64::from(!is_read);
            write(out, &Line::Job(Box::new(runnable(job, now))))?;
        }
    }
    write(out, &Line::End { jobs: exported.jobs })?;
    out.flush().map_err(|error| line::unwritable(&error))?;
    Ok(exported)
}

/// The job as another store may take it: what stands in for an unreadable part must not run.
fn runnable(job: JobRecord, now: Timestamp) -> JobRecord {
    let Some(flaws) = job.unreadable.as_ref().filter(|_| !job.state.is_terminal()) else {
        return job;
    };
    let failure = Failure::new(Code::JobUnreadable, format!("it could not be exported: {flaws}"));
    JobRecord {
        state: State::Failed,
        failure: Some(failure),
        due_at: None,
        finished_at: Some(now),
        session: None,
        cancel_asked: false,
        ..job
    }
}

/// The ids of all jobs, the newest first.
async fn ids(store: &impl Store) -> Result<Vec<JobId>, Error> {
    let mut ids = Vec::new();
    let mut list = ListJobs { jobs_max: BATCH_MAX, ..ListJobs::default() };
    loop {
        let page = store.list_jobs(list.clone()).await?;
        ids.extend(page.jobs.iter().map(|job| job.id));
        list.after = page.next;
        if list.after.is_none() {
            return Ok(ids);
        }
    }
}

/// What the store knows of these jobs, in their order. One that is gone has ended and was pruned
/// since it was listed.
async fn records(store: &impl Store, ids: &[JobId]) -> Result<Vec<JobRecord>, Error> {
    let mut reading = JoinSet::new();
    for (place, id) in ids.iter().copied().enumerate() {
        let store = store.clone();
        reading.spawn(async move { (place, store.job(id).await) });
    }
    let mut found = BTreeMap::new();
    while let Some(read) = reading.join_next().await {
        let (place, job) = read.map_err(|error| {
            Error::new(Code::Internal, "a job could not be read").why(error.to_string())
        })?;
        found.extend(job?.map(|job| (place, job)));
    }
    Ok(found.into_values().collect())
}

/// Adds the jobs of an export to a store, and pauses the queues that were paused. Whatever is there
/// already is left as it is, so an import that broke off may be repeated.
///
/// # Errors
/// What the store answers; `LW1023` with the number of the line when a line is not of an export,
/// and when the end is missing: what stood before is added then.
pub async fn import(store: &impl Store, lines: impl BufRead) -> Result<Imported, Error> {
    let mut importing = Importing::new(store);
    let mut exported_at = None;
    let mut seen = 0;
    let mut is_complete = false;
    for line in read(lines) {
        match line? {
            Line::Begin { exported_at: at } => exported_at = Some(at),
            Line::Queue { name, is_paused: true } => importing.pause(name).await?,
            Line::Queue { .. } => {}
            Line::Job(job) => {
                seen += 1;
                let at = exported_at.ok_or_else(|| line::unreadable(1, "it does not begin one"))?;
                importing.add(*job, at).await?;
            }
            Line::End { jobs } if jobs == seen => is_complete = true,
            Line::End { jobs } => return Err(incomplete(&format!("{seen} of its {jobs} jobs"))),
        }
    }
    importing.restore().await?;
    if is_complete {
        Ok(importing.imported)
    } else {
        Err(incomplete(&format!("{seen} jobs and no line of the kind `end`")))
    }
}

fn incomplete(what: &str) -> Error {
    Error::new(Code::InvalidArgument, "the export is not complete")
        .why(format!("it holds {what}; those jobs were imported"))
        .fix("export again, and import the whole: what is there already is left as it is")
}

struct Importing<'a, S> {
    store: &'a S,
    imported: Imported,
    batch: Vec<JobRecord>,
    /// The bytes of the batch's arguments and results.
    batch_bytes: usize,
    /// The jobs of the batch that were running.
    interrupted: BTreeSet<JobId>,
}

impl<'a, S: Store> Importing<'a, S> {
    fn new(store: &'a S) -> Self {
        Self {
            store,
            imported: Imported::default(),
            batch: Vec::new(),
            batch_bytes: 0,
            interrupted: BTreeSet::new(),
        }
    }

    async fn pause(&mut self, queue: QueueName) -> Result<(), Error> {
        self.imported.paused += 1;
        self.store.pause_queue(queue).await
    }

    async fn add(&mut self, job: JobRecord, exported_at: Timestamp) -> Result<(), Error> {
        self.batch_bytes += payload_bytes(&job);
        if job.state == State::Running {
            self.interrupted.insert(job.id);
            self.batch.push(interrupted(job, exported_at)?);
        } else {
            self.batch.push(job);
        }
        if self.batch.len() >= BATCH_MAX || self.batch_bytes >= BATCH_BYTES {
            self.restore().await?;
        }
        Ok(())
    }

    async fn restore(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        let interrupted = std::mem::take(&mut self.interrupted);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = batch.iter().map(|job| job.id).collect();
        let answers = self.store.restore(batch).await?;
        for (id, answer) in ids.into_iter().zip(answers) {
            if answer.created {
                self.imported.added += 1;
                self.imported.interrupted += u64::from(interrupted.contains(&id));
            } else if answer.id == id {
                self.imported.known += 1;
            } else {
                self.imported.kept_out.push((id, answer.id));
            }
        }
        Ok(())
    }
}

fn payload_bytes(job: &JobRecord) -> usize {
    job.args.0.len() + job.result.as_ref().map_or(0, |result| result.0.len())
}

/// What the importer says of an attempt that was under way.
const INTERRUPTED: &str = "it was running when its store was exported";

/// A running job as its store would leave it when its worker is gone: nobody knows how far the
/// attempt got, so its policy says what becomes of it.
fn interrupted(job: JobRecord, at: Timestamp) -> Result<JobRecord, Error> {
    let interrupts = job.interrupts.saturating_add(1);
    let event = match event_after(job.policy.on_interrupt, interrupts, job.policy.interrupts_max) {
        // Somebody wants it cancelled, so it does not come back.
        Event::Release if job.cancel_asked => Event::Cancel,
        event => event,
    };
    let state = next(job.state, event).ok_or_else(|| {
        Error::new(Code::Internal, format!("a {} job cannot {event}", job.state.as_str()))
    })?;
    let failure = match event {
        Event::Fail => Failure::new(
            Code::JobPoisonous,
            format!("interrupted {interrupts} times, at last: {INTERRUPTED}"),
        ),
        Event::Park => Failure::new(Code::OutcomeUnknown, INTERRUPTED),
        Event::Cancel => Failure::new(Code::JobCancelled, INTERRUPTED),
        _ => Failure::new(Code::RunnerDied, INTERRUPTED),
    };
    let finished_at = (state != State::Ready).then_some(at);
    Ok(JobRecord {
        state,
        interrupts,
        failure: Some(failure),
        finished_at,
        session: None,
        cancel_asked: false,
        ..job
    })
}

#[cfg(test)]
mod tests;
