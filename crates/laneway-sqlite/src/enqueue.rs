//! Adding jobs.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::id::JobId;
use laneway_core::job::{QueueName, State, TaskName};
use laneway_core::limit::Limit;
use laneway_core::policy::Policy;
use laneway_core::store::{Due, Enqueued, NewJob, UniqueKey};
use rusqlite::{CachedStatement, OptionalExtension, params};

use crate::fault::Result;
use crate::standing::{Body, INTO_READY, MARK_UNIQUE, Standing};
use crate::transaction::Tx;
use crate::value;

/// What the job before had: the jobs of a batch mostly share it.
#[derive(Default)]
pub(crate) struct Shared {
    task: Option<(TaskName, i64)>,
    queue: Option<(QueueName, i64)>,
    policy: Option<(Arc<Policy>, i64)>,
    limit: Option<(Arc<Limit>, i64)>,
}

/// Adds jobs; those whose id or unique key is known are not added again.
pub(crate) fn enqueue(tx: &mut Tx<'_>, jobs: &[NewJob]) -> Result<Vec<Enqueued>> {
    let connection = tx.connection;
    let mut shared = Shared::default();
    let mut into_job = connection.prepare_cached(INTO_JOB)?;
    let mut into_ready = connection.prepare_cached(INTO_READY)?;
    let mut answers = Vec::with_capacity(jobs.len());
    let mut ready = (0, 0);
    for job in jobs {
        if let Some(holder) = holder(tx, job, job.unique.as_ref(), &shared)? {
            answers.push(Enqueued { id: holder, created: false });
            continue;
        }
        let Some(body) = shared.insert_body(tx, &mut into_job, (job, tx.now))? else {
            answers.push(Enqueued { id: job.id, created: false });
            continue;
        };
        answers.push(Enqueued { id: job.id, created: true });
        let due_at = due_at(job.due, tx.now);
        if body.gate.is_none() && body.unique.is_none() && due_at <= tx.now {
            let (lane, urgency, now) = (body.lane, body.urgency, tx.now.as_micros());
            into_ready.execute(params![body.queue, lane, urgency, body.seq, 0, 0, 0, 0, 0, now])?;
            if ready.0 != body.queue {
                tx.count(ready.0, State::Ready, std::mem::take(&mut ready.1));
                ready.0 = body.queue;
            }
            ready.1 += 1;
        } else {
            place(tx, &body, due_at)?;
        }
    }
    if ready.1 > 0 {
        tx.count(ready.0, State::Ready, ready.1);
        tx.changes.ready = true;
    }
    Ok(answers)
}

/// The job that stands in the way of a new one, where adding it might change more than its own
/// rows: a job that is not added brings neither a rate nor a queue. Of all others the insert tells.
/// `key` is the one that the job will hold.
pub(crate) fn holder(
    tx: &mut Tx<'_>,
    job: &NewJob,
    key: Option<&UniqueKey>,
    shared: &Shared,
) -> Result<Option<JobId>> {
    let connection = tx.connection;
    let is_plain = key.is_none() && job.limit.is_none();
    if is_plain && shared.knows_queue(tx, &job.queue)? {
        return Ok(None);
    }
    let id = value::job_bytes(job.id);
    let mut known = connection.prepare_cached("SELECT 1 FROM job WHERE id = ?1")?;
    if known.exists([id])? {
        return Ok(Some(job.id));
    }
    let Some(key) = key else {
        return Ok(None);
    };
    let mut find = connection.prepare_cached(HOLDER)?;
    let scope = value::scope_column(key.scope);
    Ok(find
        .query_row(params![job.task.as_str(), scope, key.text], |row| row.get(0).map(value::job_id))
        .optional()?)
}

fn due_at(due: Due, now: Timestamp) -> Timestamp {
    match due {
        Due::Now => now,
        Due::After(wait) => now.plus(wait),
        Due::At(instant) => instant,
    }
}

/// Puts a new job where it waits, with all that can be special about it.
fn place(tx: &mut Tx<'_>, body: &Body, due_at: Timestamp) -> Result<()> {
    let standing = Standing { marks: hold_key(tx, body)?, ..Standing::default() };
    if let Some(gate) = body.gate {
        tx.count_gate(gate, 1);
    }
    if due_at > tx.now {
        tx.make_scheduled(body, standing, due_at.as_micros())
    } else {
        tx.make_ready(body, standing, tx.now.as_micros())
    }
}

/// Takes a job's unique key, and gives the mark that its standing bears for that.
pub(crate) fn hold_key(tx: &Tx<'_>, body: &Body) -> Result<i64> {
    let Some((scope, key)) = &body.unique else {
        return Ok(0);
    };
    tx.connection
        .prepare_cached("INSERT INTO unique_key (task, scope, text, seq) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![body.task, scope, key, body.seq])?;
    Ok(if body.frees_key() { MARK_UNIQUE } else { 0 })
}

impl Shared {
    fn knows_queue(&self, tx: &mut Tx<'_>, queue: &QueueName) -> Result<bool> {
        if self.queue.as_ref().is_some_and(|(name, _)| name == queue) {
            return Ok(true);
        }
        Ok(tx.names.known_queue_id(tx.connection, queue)?.is_some())
    }

    /// Stores what never changes of a job, unless its id is known.
    pub(crate) fn insert_body(
        &mut self,
        tx: &mut Tx<'_>,
        into_job: &mut CachedStatement<'_>,
        (job, enqueued_at): (&NewJob, Timestamp),
    ) -> Result<Option<Body>> {
        let mut body = Body {
            seq: 0,
            id: job.id,
            task: self.task(tx, job)?,
            queue: self.queue(tx, job)?,
            lane: value::lane_column(job.lane),
            urgency: value::urgency(job.priority),
            policy: self.policy(tx, job)?,
            gate: self.gate(tx, job)?,
            unique: job
                .unique
                .as_ref()
                .map(|key| (value::scope_column(key.scope), key.text.clone())),
        };
        let added = into_job.execute(params![
            value::job_bytes(job.id),
            body.task,
            body.queue,
            body.lane,
            body.urgency,
            body.policy,
            body.gate,
            enqueued_at.as_micros(),
            body.unique.as_ref().map(|(scope, _)| scope),
            body.unique.as_ref().map(|(_, key)| key),
            job.args.0,
        ])?;
        if added == 0 {
            return Ok(None);
        }
        body.seq = tx.connection.last_insert_rowid();
        Ok(Some(body))
    }

    fn task(&mut self, tx: &mut Tx<'_>, job: &NewJob) -> Result<i64> {
        if let Some((name, id)) = &self.task
            && *name == job.task
        {
            return Ok(*id);
        }
        let id = tx.names.task_id(tx.connection, &job.task)?;
        self.task = Some((job.task.clone(), id));
        Ok(id)
    }

    fn queue(&mut self, tx: &mut Tx<'_>, job: &NewJob) -> Result<i64> {
        if let Some((name, id)) = &self.queue
            && *name == job.queue
        {
            return Ok(*id);
        }
        let id = tx.names.queue_id(tx.connection, &job.queue)?;
        self.queue = Some((job.queue.clone(), id));
        Ok(id)
    }

    fn policy(&mut self, tx: &mut Tx<'_>, job: &NewJob) -> Result<i64> {
        if let Some((policy, id)) = &self.policy
            && Arc::ptr_eq(policy, &job.policy)
        {
            return Ok(*id);
        }
        let id = tx.names.policy_id(tx.connection, &job.policy)?;
        self.policy = Some((job.policy.clone(), id));
        Ok(id)
    }

    fn gate(&mut self, tx: &mut Tx<'_>, job: &NewJob) -> Result<Option<i64>> {
        let Some(limit) = &job.limit else {
            return Ok(None);
        };
        if let Some((known, id)) = &self.limit
            && Arc::ptr_eq(known, limit)
        {
            return Ok(Some(*id));
        }
        let id = tx.put_gate(limit)?;
        self.limit = Some((limit.clone(), id));
        Ok(Some(id))
    }
}

pub(crate) const INTO_JOB: &str =
    "INSERT INTO job (id, task, queue, lane, urgency, policy, gate, enqueued_at,
    unique_scope, unique_key, args) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
    ON CONFLICT (id) DO NOTHING";

const HOLDER: &str = "SELECT job.id FROM task
    JOIN unique_key AS held ON held.task = task.id AND held.scope = ?2 AND held.text = ?3
    JOIN job ON job.seq = held.seq WHERE task.name = ?1";
