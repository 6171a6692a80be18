//! What a store answers, in a form in which answers can be compared.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, Token};
use laneway_core::job::{Failure, Lane, Payload, QueueName, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::profile::Profile;
use laneway_core::store::{
    Cancelled, Claim, ClaimedJob, Enqueued, Finished, JobRecord, ListJobs, QueueRecord,
    ReadProfiles, Registry, Renewed, Requeued, SessionRecord, Settled, Store, Sweep, Swept,
    TaskOwner,
};

use super::history::Request;

/// How many of the newest jobs are read one by one; all are read by lists, which say as much but
/// for arguments and results. On a server, reading each alone would be most of what a case costs.
const READ_ALONE: usize = 4;

/// The answer to one request.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Nothing,
    Refused(Code),
    Enqueued(Vec<Enqueued>),
    Claimed { jobs: Vec<Taken>, next_due_at: Option<Timestamp>, now: Timestamp },
    Settled(Vec<Settled>),
    Swept(Swept),
    Pruned(usize),
    Cancelled(Vec<Cancelled>),
    Requeued(Vec<Requeued>),
    Renewed(Renewed),
    Owners(Vec<TaskOwner>),
    Read(Box<Dump>),
}

/// A claimed job.
#[derive(Debug, PartialEq)]
pub(super) struct Taken {
    pub(super) id: JobId,
    pub(super) token: Token,
    names: (TaskName, QueueName, Lane),
    counts: (u32, u32, u32),
    policy: Arc<Policy>,
    args: Payload,
    ready_at: Timestamp,
}

/// All that can be read.
#[derive(Debug, PartialEq)]
pub(super) struct Dump {
    jobs: Vec<JobRecord>,
    listed: Vec<JobRecord>,
    finished: Vec<Finished>,
    queues: Vec<QueueRecord>,
    sessions: Vec<SessionRecord>,
    registry: Registry,
    profiles: Vec<Profile>,
}

/// Makes a call and tells its answer.
pub(super) async fn ask(store: &impl Store, request: &Request) -> Answer {
    try_ask(store, request).await.unwrap_or_else(|error| Answer::Refused(error.code()))
}

async fn try_ask(store: &impl Store, request: &Request) -> Result<Answer, Error> {
    Ok(match request {
        Request::Enqueue(jobs) => Answer::Enqueued(store.enqueue(jobs.clone()).await?),
        Request::Claim { claim, is_repeated } => claimed(store, claim, *is_repeated).await?,
        Request::Settle(settle) => Answer::Settled(store.settle(settle.clone()).await?),
        Request::Sweep { jobs_max } => Answer::Swept(sweep(store, *jobs_max).await?),
        Request::Prune(prune) => Answer::Pruned(store.prune(*prune).await?),
        Request::Cancel(jobs) => Answer::Cancelled(store.cancel(jobs.clone()).await?),
        Request::Requeue(jobs) => Answer::Requeued(requeued(store, jobs).await?),
        Request::Renew(renew) => {
            let mut renewed = store.renew_session(renew.clone()).await?;
            renewed.cancel.sort_unstable();
            Answer::Renewed(renewed)
        }
        Request::Read(ids) => Answer::Read(Box::new(dump(store, ids).await?)),
        Request::Progress(session, reports) => {
            nothing(store.report_progress(*session, reports.clone()).await)?
        }
        Request::Pause(queue) => nothing(store.pause_queue(queue.clone()).await)?,
        Request::Resume(queue) => nothing(store.resume_queue(queue.clone()).await)?,
        Request::Open(open) => nothing(store.open_session(open.clone()).await)?,
        Request::Register(register) => {
            Answer::Owners(store.register_tasks(register.clone()).await?)
        }
        Request::AddProfiles(add) => nothing(store.add_profiles(add.clone()).await)?,
        Request::Close(session) => nothing(store.close_session(*session).await)?,
    })
}

fn nothing(answer: Result<(), Error>) -> Result<Answer, Error> {
    answer.map(|()| Answer::Nothing)
}

/// Jobs of a lane are compared in their order, with a limit and without apart. The next due time is
/// compared when the claim had room for more, and did not only repeat an answer.
async fn claimed(store: &impl Store, claim: &Claim, is_repeated: bool) -> Result<Answer, Error> {
    let mut answer = store.claim(claim.clone()).await?;
    answer.jobs.sort_by(|a, b| (a.lane, &a.task).cmp(&(b.lane, &b.task)));
    let is_full = claim.slots.iter().any(|slots| {
        answer.jobs.iter().filter(|job| job.lane == slots.lane).count() >= slots.count
    });
    let now = answer.now;
    let next_due_at = answer.next_due_at.filter(|_| !is_full && !is_repeated);
    let jobs = answer.jobs.into_iter().map(taken).collect();
    Ok(Answer::Claimed { jobs, next_due_at: next_due_at.map(|at| at.max(now)), now })
}

fn taken(job: ClaimedJob) -> Taken {
    Taken {
        id: job.id,
        token: job.token,
        names: (job.task, job.queue, job.lane),
        counts: (job.failures, job.interrupts, job.handbacks),
        policy: job.policy,
        args: job.args,
        ready_at: job.ready_at,
    }
}

/// Sweeps until nothing is left, in rounds of a given size. How many jobs became ready because they
/// were due depends on earlier claims and is left out.
async fn sweep(store: &impl Store, jobs_max: usize) -> Result<Swept, Error> {
    let mut total = Swept::default();
    for _ in 0..1_000 {
        let swept = store.sweep(Sweep { jobs_max }).await?;
        total.sessions_expired += swept.sessions_expired;
        total.released += swept.released;
        total.parked += swept.parked;
        total.failed += swept.failed;
        if !swept.more {
            return Ok(total);
        }
    }
    panic!("sweeping never ends");
}

/// A due job may be called scheduled or ready.
async fn requeued(store: &impl Store, jobs: &[JobId]) -> Result<Vec<Requeued>, Error> {
    let answers = store.requeue(jobs.to_vec()).await?;
    let waiting = Requeued::Refused(State::Scheduled);
    let plain = |answer| {
        if answer == waiting { Requeued::Refused(State::Ready) } else { answer }
    };
    Ok(answers.into_iter().map(plain).collect())
}

async fn dump(store: &impl Store, ids: &[JobId]) -> Result<Dump, Error> {
    let mut jobs = Vec::new();
    for id in ids.iter().rev().take(READ_ALONE) {
        jobs.extend(store.job(*id).await?.map(comparable));
    }
    let mut finished = store.finished(ids.to_vec()).await?;
    finished.sort_by_key(|finished| finished.id);
    for finished in &mut finished {
        finished.failure = finished.failure.take().map(without_wording);
    }
    let mut sessions = store.sessions().await?;
    sessions.sort_by_key(|record| (record.opened_at, record.session));
    let queues = store.queues().await?;
    let registry = store.registry().await?;
    let profiles = store.profiles(ReadProfiles::default()).await?;
    let listed = listed(store).await?;
    Ok(Dump { jobs, listed, finished, queues, sessions, registry, profiles })
}

async fn listed(store: &impl Store) -> Result<Vec<JobRecord>, Error> {
    let mut listed = Vec::new();
    let mut list = ListJobs { jobs_max: 7, ..ListJobs::default() };
    loop {
        let page = store.list_jobs(list.clone()).await?;
        listed.extend(page.jobs.into_iter().map(comparable));
        assert!(listed.len() <= 10_000, "the pages never end");
        list.after = page.next;
        if list.after.is_none() {
            return Ok(listed);
        }
    }
}

/// Leaves out what a store may keep or forget: the progress of an attempt that is over, and time
/// and failure of earlier attempts.
fn comparable(record: JobRecord) -> JobRecord {
    let is_over = record.state.is_terminal() || record.state == State::Parked;
    JobRecord {
        progress: record.progress.filter(|_| record.state == State::Running),
        wall: record.wall.filter(|_| record.state == State::Succeeded),
        failure: record.failure.filter(|_| is_over).map(without_wording),
        ..record
    }
}

/// What a store finds by itself is compared by its code, what it was told word by word.
fn without_wording(failure: Failure) -> Failure {
    if failure.code == Code::TaskRaised.to_string() {
        return failure;
    }
    Failure {
        code: failure.code,
        kind: String::new(),
        message: String::new(),
        traceback: String::new(),
    }
}
