//! Reading jobs.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, Token};
use laneway_core::job::{Failure, Lane, Payload, Priority, State};
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::Policy;
use laneway_core::store::{Finished, JobRecord, ListJobs, Page, Reading, UniqueKey, unreadable};
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use crate::fault::{Fault, Result};
use crate::standing::{count, identity};
use crate::value::{self, count_column};

/// Up to so many jobs of the wanted states are gathered and sorted; of more, the newest are soon
/// found by walking all jobs from the newest on.
const GATHER_MAX: i64 = 20_000;

/// Everything known of one job.
pub(crate) fn job(connection: &Connection, id: JobId) -> Result<Option<JobRecord>> {
    let sql = format!("SELECT {COLUMNS}, job.args, f.result {TABLES} WHERE job.id = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([value::job_bytes(id)])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut record = record(row)?;
    record.args = Payload(row.get(FIRST_PAYLOAD)?);
    record.result = row.get::<_, Option<Vec<u8>>>(FIRST_PAYLOAD + 1)?.map(Payload);
    Ok(Some(record))
}

/// The ends of those jobs that ended or were parked.
pub(crate) fn finished(connection: &Connection, jobs: &[JobId]) -> Result<Vec<Finished>> {
    let mut statement = connection.prepare_cached(
        "SELECT f.state, f.result, f.failure FROM job JOIN finished AS f ON f.seq = job.seq
         WHERE job.id = ?1",
    )?;
    let mut ends = Vec::new();
    for id in jobs {
        let mut rows = statement.query([value::job_bytes(*id)])?;
        if let Some(row) = rows.next()? {
            let failure: Option<Vec<u8>> = row.get(2)?;
            ends.push(Finished {
                id: *id,
                state: value::state(row.get(0)?)?,
                result: row.get::<_, Option<Vec<u8>>>(1)?.map(Payload),
                failure: failure.as_deref().map(|kept| told(value::failure(kept))).transpose()?,
            });
        }
    }
    Ok(ends)
}

/// A failure as it is kept, or that it cannot be read.
fn told(failure: Result<Failure>) -> Result<Failure> {
    failure.or_else(|fault| Ok(unreadable(&fault.into_content()?)))
}

/// Jobs that match, newest first. The caller has begun a transaction, so that one state is seen.
pub(crate) fn list(connection: &Connection, list: &ListJobs) -> Result<Page> {
    let mut conditions = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    if let Some(after) = list.after {
        conditions.push("job.id < ?");
        values.push(Value::Blob(value::job_bytes(after).to_vec()));
    }
    if let Some(queue) = &list.queue {
        conditions.push("job.queue = (SELECT id FROM queue WHERE name = ?)");
        values.push(Value::Text(queue.as_str().to_owned()));
    }
    if let Some(task) = &list.task {
        conditions.push("job.task = (SELECT id FROM task WHERE name = ?)");
        values.push(Value::Text(task.as_str().to_owned()));
    }
    let states = states_condition(connection, list)?;
    if let Some(states) = &states {
        conditions.push(states);
    }
    let wanted = if conditions.is_empty() { String::from("1") } else { conditions.join(" AND ") };
    let sql = format!("SELECT {COLUMNS} {TABLES} WHERE {wanted} ORDER BY job.id DESC LIMIT ?");
    values.push(Value::Integer(count_column(list.jobs_max.saturating_add(1))));
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut page = Page::default();
    while let Some(row) = rows.next()? {
        if page.jobs.len() == list.jobs_max {
            page.next = page.jobs.last().map(|job| job.id);
            break;
        }
        page.jobs.push(record(row)?);
    }
    Ok(page)
}

/// The condition that picks states, by whichever way is cheaper for their number.
fn states_condition(connection: &Connection, list: &ListJobs) -> Result<Option<String>> {
    if list.states.is_empty() || State::ALL.iter().all(|state| list.states.contains(state)) {
        return Ok(None);
    }
    let mut wanted: Vec<State> = list.states.clone();
    wanted.sort_unstable();
    wanted.dedup();
    let numbers: Vec<String> =
        wanted.iter().map(|state| value::state_column(*state).to_string()).collect();
    let numbers = numbers.join(", ");
    let jobs: Option<i64> = connection
        .prepare_cached(&format!("SELECT sum(jobs) FROM census WHERE state IN ({numbers})"))?
        .query_row([], |row| row.get(0))?;
    if wanted.contains(&State::Succeeded) || jobs.unwrap_or(0) > GATHER_MAX {
        return Ok(Some(format!("{STATE} IN ({numbers})")));
    }
    let places: Vec<String> = wanted.iter().map(|state| place(*state)).collect();
    Ok(Some(format!("job.id IN ({})", places.join(" UNION ALL "))))
}

/// The ids of the jobs in a state.
fn place(state: State) -> String {
    const BODY: &str = "SELECT body.id FROM job AS body WHERE body.seq IN";
    match state {
        State::Scheduled => format!("{BODY} (SELECT seq FROM scheduled)"),
        State::Ready => {
            format!("{BODY} (SELECT seq FROM ready UNION ALL SELECT seq FROM limited)")
        }
        State::Running => String::from("SELECT id FROM running"),
        State::Succeeded | State::Failed | State::Cancelled | State::Parked => {
            format!("SELECT id FROM finished WHERE state = {}", value::state_column(state))
        }
    }
}

fn record(row: &Row<'_>) -> Result<JobRecord> {
    let mut reading = Reading::default();
    let mut read = Parts(&mut reading);
    let token: i64 = row.get(7)?;
    let policy: Option<Vec<u8>> = row.get(10)?;
    let session: Option<value::Identity> = row.get(17)?;
    let failure: Option<Vec<u8>> = row.get(22)?;
    let (task, queue) = (read.text(row, 2)?, read.text(row, 3)?);
    let policy = policy.ok_or_else(|| value::damaged("its policy is missing"));
    let mut record = JobRecord {
        id: identity(row, 1)?,
        task: read.0.task(&task),
        queue: read.0.queue(&queue),
        lane: read.part(value::lane(row.get(4)?), || Lane::Async)?,
        priority: read.part(value::priority(row.get(5)?), Priority::default)?,
        state: value::state(row.get(6)?)?,
        token: Token(token.unsigned_abs()),
        failures: count(row.get(8)?),
        interrupts: count(row.get(9)?),
        policy: Arc::new(read.part(policy.and_then(|body| value::policy(&body)), Policy::default)?),
        handbacks: count(row.get(FIRST_OF_LIMIT - 3)?),
        limit: read.part(limit(row), || None)?,
        unique: read.part(unique(row), || None)?,
        enqueued_at: Timestamp::from_micros(row.get(12)?),
        due_at: value::instant(row.get(13)?),
        claimed_at: value::instant(row.get(14)?),
        finished_at: value::instant(row.get(15)?),
        wall: row.get::<_, Option<i64>>(16)?.map(value::span),
        session: session.map(value::session_id),
        cancel_asked: row.get(18)?,
        progress: read.part(progress(row), || None)?,
        failure: failure.map(|kept| read.part(value::failure(&kept), no_failure)).transpose()?,
        args: Payload::default(),
        result: None,
        unreadable: None,
    };
    if token < 0 {
        reading.note(&damage(format!("{token} is not the token of a job")));
    }
    record.unreadable = reading.flaws();
    Ok(record)
}

/// The parts of a row, of which some may be unreadable.
struct Parts<'r>(&'r mut Reading);

impl Parts<'_> {
    /// A part, or what stands in for it. What SQLite itself refuses is no flaw of a job.
    fn part<T>(&mut self, read: Result<T>, stand_in: impl FnOnce() -> T) -> Result<T> {
        read.or_else(|fault| {
            self.0.note(&fault.into_content()?);
            Ok(stand_in())
        })
    }

    /// A text, empty where there is none.
    fn text(&mut self, row: &Row<'_>, column: usize) -> Result<String> {
        let text = row.get::<_, Option<String>>(column).map_err(Fault::from);
        Ok(self.part(text, || None)?.unwrap_or_default())
    }
}

fn damage(why: String) -> Error {
    Error::new(Code::StoreCorrupt, "the database holds what cannot be read").why(why)
}

fn no_failure() -> Failure {
    Failure::new(Code::JobUnreadable, "why it failed cannot be read")
}

fn progress(row: &Row<'_>) -> Result<Option<(f64, Option<f64>, String)>> {
    Ok(match row.get(19)? {
        Some(done) => Some((done, row.get(20)?, row.get(21)?)),
        None => None,
    })
}

/// The limit, at the rate that its gate has now.
fn limit(row: &Row<'_>) -> Result<Option<Limit>> {
    let Some(key) = row.get(11)? else {
        return Ok(None);
    };
    let Some(count) = row.get::<_, Option<u32>>(FIRST_OF_LIMIT)? else {
        return Err(damage(String::from("its limit is missing")).into());
    };
    let per = value::span(row.get(FIRST_OF_LIMIT + 1)?);
    let rate = Rate::new(count, per, row.get(FIRST_OF_LIMIT + 2)?)?;
    Ok(Some(Limit { key, rate }))
}

fn unique(row: &Row<'_>) -> Result<Option<UniqueKey>> {
    let scope: Option<i64> = row.get(FIRST_OF_LIMIT - 2)?;
    let text: Option<String> = row.get(FIRST_OF_LIMIT - 1)?;
    let key = scope.zip(text);
    key.map(|(scope, text)| Ok(UniqueKey { scope: value::scope(scope)?, text })).transpose()
}

const STATE: &str = "coalesce(f.state, iif(r.id IS NOT NULL, 2, iif(s.seq IS NOT NULL, 0, 1)))";

const COLUMNS: &str = "job.seq, job.id, task.name, queue.name, job.lane, job.urgency,
    coalesce(f.state, iif(r.id IS NOT NULL, 2, iif(s.seq IS NOT NULL, 0, 1))),
    coalesce(f.token, r.token, s.token, l.token, w.token, 0),
    coalesce(f.failures, r.failures, s.failures, l.failures, w.failures, 0),
    coalesce(f.interrupts, r.interrupts, s.interrupts, l.interrupts, w.interrupts, 0),
    policy.body, iif(job.gate IS NULL, NULL, coalesce(gate.key, '')), job.enqueued_at, s.due_at,
    coalesce(f.claimed_at, r.claimed_at, trace.claimed_at), f.finished_at,
    coalesce(f.wall, trace.wall), session.uuid, coalesce(r.cancel_asked, 0),
    progress.done, progress.total, progress.note, coalesce(f.failure, trace.failure),
    coalesce(f.handbacks, r.handbacks, s.handbacks, l.handbacks, w.handbacks, 0),
    job.unique_scope, job.unique_key, gate.count, gate.per, gate.burst";

/// The number of the first column of the rate of a limit in [`COLUMNS`].
const FIRST_OF_LIMIT: usize = 26;

/// The number of the first column after [`COLUMNS`].
const FIRST_PAYLOAD: usize = 29;

// LEFT JOIN keeps `job` the outermost table, whose order is the list's, and a job whose name or
// policy somebody has deleted in sight.
const TABLES: &str = "FROM job
    LEFT JOIN task ON task.id = job.task
    LEFT JOIN queue ON queue.id = job.queue
    LEFT JOIN policy ON policy.id = job.policy
    LEFT JOIN gate ON gate.id = job.gate
    LEFT JOIN finished AS f ON f.seq = job.seq
    LEFT JOIN running AS r ON r.id = job.id
    LEFT JOIN session ON session.id = r.session
    LEFT JOIN scheduled AS s ON s.seq = job.seq
    LEFT JOIN limited AS l ON l.gate = job.gate AND l.queue = job.queue AND l.lane = job.lane
        AND l.urgency = job.urgency AND l.seq = job.seq
    LEFT JOIN ready AS w ON w.queue = job.queue AND w.lane = job.lane
        AND w.urgency = job.urgency AND w.seq = job.seq
    LEFT JOIN trace ON trace.seq = job.seq
    LEFT JOIN progress ON progress.seq = job.seq";
