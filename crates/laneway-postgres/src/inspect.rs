//! Reading jobs.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, Token};
use laneway_core::job::{Failure, Lane, Payload, State};
use laneway_core::limit::{Limit, Rate};
use laneway_core::store::{Finished, JobRecord, ListJobs, Page, Reading, UniqueKey, unreadable};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::control::identities;
use crate::enqueue::column;
use crate::value::{self, Identity};

/// Asks for everything known of one job.
pub(crate) fn job(id: JobId) -> Call {
    Call::question(format!("SELECT {COLUMNS}, job.args, f.result {TABLES} WHERE job.id = $1"))
        .with(Identity::from(id), Type::UUID)
}

pub(crate) fn found(rows: &[Row]) -> Result<Option<JobRecord>, Error> {
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let mut record = record(row)?;
    record.args = Payload(column(row, FIRST_PAYLOAD)?);
    record.result = column::<Option<Vec<u8>>>(row, FIRST_PAYLOAD + 1)?.map(Payload);
    Ok(Some(record))
}

/// Asks for the ends of those jobs that ended or were parked.
pub(crate) fn finished(jobs: &[JobId]) -> Call {
    Call::question(
        "SELECT job.id, f.state, f.result, f.failure
         FROM {schema}.job JOIN {schema}.finished f ON f.seq = job.seq WHERE job.id = ANY ($1)",
    )
    .with(identities(jobs), Type::UUID_ARRAY)
}

pub(crate) fn ends(rows: &[Row]) -> Result<Vec<Finished>, Error> {
    let end = |row| {
        let failure: Option<&str> = column(row, 3)?;
        Ok(Finished {
            id: column::<Identity>(row, 0)?.job(),
            state: value::state(column(row, 1)?)?,
            result: column::<Option<Vec<u8>>>(row, 2)?.map(Payload),
            failure: failure.map(|kept| value::failure(kept).unwrap_or_else(|e| unreadable(&e))),
        })
    };
    rows.iter().map(end).collect()
}

/// Asks for jobs that match, newest first, and for one more to see whether there are more.
pub(crate) fn list(list: &ListJobs) -> Call {
    let mut conditions = vec![
        "($1 IS NULL OR job.id < $1)",
        "($2 IS NULL OR line.queue = (SELECT id FROM {schema}.queue WHERE name = $2))",
        "($3 IS NULL OR job.task = (SELECT id FROM {schema}.task WHERE name = $3))",
    ];
    let states = states_condition(list);
    conditions.extend(states.as_deref());
    let conditions = conditions.join(" AND ");
    let limit = i64::try_from(list.jobs_max).unwrap_or(i64::MAX).saturating_add(1);
    Call::question(format!(
        "SELECT {COLUMNS} {TABLES} WHERE {conditions} ORDER BY job.id DESC LIMIT $4"
    ))
    .with(list.after.map(Identity::from), Type::UUID)
    .with(list.queue.as_ref().map(ToString::to_string), Type::TEXT)
    .with(list.task.as_ref().map(ToString::to_string), Type::TEXT)
    .with(limit, Type::INT8)
}

/// The condition that picks states. Succeeded jobs are mostly the many, so a list with them walks
/// all jobs from the newest on; the others are gathered from their own tables.
fn states_condition(list: &ListJobs) -> Option<String> {
    let wanted: Vec<State> =
        State::ALL.into_iter().filter(|state| list.states.contains(state)).collect();
    if wanted.is_empty() || wanted.len() == State::ALL.len() {
        return None;
    }
    if wanted.contains(&State::Succeeded) {
        let numbers: Vec<String> =
            wanted.iter().map(|state| value::state_column(*state).to_string()).collect();
        return Some(format!("{STATE} IN ({})", numbers.join(", ")));
    }
    let places: Vec<String> = wanted.into_iter().map(place).collect();
    Some(format!("job.seq IN ({})", places.join(" UNION ALL ")))
}

/// The places of the jobs in a state.
fn place(state: State) -> String {
    match state {
        State::Scheduled => String::from("SELECT seq FROM {schema}.scheduled"),
        State::Ready => String::from(
            "SELECT seq FROM {schema}.ready UNION ALL SELECT seq FROM {schema}.limited",
        ),
        State::Running => String::from("SELECT seq FROM {schema}.running"),
        State::Succeeded | State::Failed | State::Cancelled | State::Parked => format!(
            "SELECT seq FROM {{schema}}.finished WHERE state = {}",
            value::state_column(state)
        ),
    }
}

pub(crate) fn page(list: &ListJobs, rows: &[Row]) -> Result<Page, Error> {
    let mut page = Page::default();
    for row in rows.iter().take(list.jobs_max) {
        page.jobs.push(record(row)?);
    }
    if rows.len() > list.jobs_max {
        page.next = page.jobs.last().map(|job| job.id);
    }
    Ok(page)
}

fn record(row: &Row) -> Result<JobRecord, Error> {
    let mut read = Reading::default();
    let token: i64 = column(row, 6)?;
    let failure: Option<&str> = column(row, 21)?;
    let text = |index| column::<Option<&str>>(row, index).map(Option::unwrap_or_default);
    let policy = column::<Option<&str>>(row, 9)?;
    let policy = policy.ok_or_else(|| value::damaged("its policy is missing"));
    let mut record = JobRecord {
        id: column::<Identity>(row, 0)?.job(),
        task: read.task(text(1)?),
        queue: read.queue(text(2)?),
        lane: read.part(column(row, 3).and_then(value::lane), || Lane::Async),
        priority: read.or_default(column(row, 4).and_then(value::priority)),
        state: value::state(column(row, 5)?)?,
        token: Token(token.unsigned_abs()),
        failures: value::count(column(row, 7)?),
        interrupts: value::count(column(row, 8)?),
        handbacks: value::count(column(row, 22)?),
        policy: Arc::new(read.or_default(policy.and_then(value::policy))),
        limit: read.or_default(limit(row)),
        unique: read.or_default(unique(row)),
        enqueued_at: Timestamp::from_micros(column(row, 11)?),
        due_at: value::instant(column(row, 12)?),
        claimed_at: value::instant(column(row, 13)?),
        finished_at: value::instant(column(row, 14)?),
        wall: column::<Option<i64>>(row, 15)?.map(value::span),
        session: column::<Option<Identity>>(row, 16)?.map(Identity::session),
        cancel_asked: column(row, 17)?,
        progress: read.or_default(progress(row)),
        failure: failure.map(|kept| read.part(value::failure(kept), no_failure)),
        args: Payload::default(),
        result: None,
        unreadable: None,
    };
    record.unreadable = read.flaws();
    Ok(record)
}

fn no_failure() -> Failure {
    Failure::new(Code::JobUnreadable, "why it failed cannot be read")
}

fn progress(row: &Row) -> Result<Option<(f64, Option<f64>, String)>, Error> {
    Ok(match column::<Option<f64>>(row, 18)? {
        Some(done) => Some((done, column(row, 19)?, column(row, 20)?)),
        None => None,
    })
}

/// The limit at the rate that is there now.
fn limit(row: &Row) -> Result<Option<Limit>, Error> {
    let Some(key) = column::<Option<String>>(row, 10)? else {
        return Ok(None);
    };
    if column::<Option<i64>>(row, 23)?.is_none() {
        return Err(value::damaged("its limit is missing"));
    }
    let number = |index| -> Result<u32, Error> {
        Ok(u32::try_from(column::<i64>(row, index)?).unwrap_or(u32::MAX))
    };
    let rate = Rate::new(number(23)?, value::span(column(row, 24)?), number(25)?)?;
    Ok(Some(Limit { key, rate }))
}

fn unique(row: &Row) -> Result<Option<UniqueKey>, Error> {
    let Some(text) = column::<Option<Vec<u8>>>(row, 27)? else {
        return Ok(None);
    };
    let text = String::from_utf8(text)
        .map_err(|_| value::damaged("a unique key is not a text in UTF-8"))?;
    Ok(Some(UniqueKey { scope: value::scope(column(row, 26)?)?, text }))
}

const STATE: &str = "coalesce(f.state, CASE WHEN r.id IS NOT NULL THEN 2
    WHEN s.seq IS NOT NULL THEN 0 ELSE 1 END)";

const COLUMNS: &str = "job.id, task.name, queue.name, line.lane, line.urgency,
    coalesce(f.state, CASE WHEN r.id IS NOT NULL THEN 2
        WHEN s.seq IS NOT NULL THEN 0 ELSE 1 END)::smallint,
    coalesce(f.token, r.token, s.token, l.token, w.token, 0),
    coalesce(f.failures, r.failures, s.failures, l.failures, w.failures, 0),
    coalesce(f.interrupts, r.interrupts, s.interrupts, l.interrupts, w.interrupts, 0),
    policy.body, CASE WHEN job.gate IS NOT NULL THEN coalesce(gate.key, '') END,
    job.enqueued_at, s.due_at,
    coalesce(f.claimed_at, r.claimed_at, trace.claimed_at), f.finished_at,
    coalesce(f.wall, trace.wall), session.uuid, coalesce(r.cancel_asked, false),
    progress.done, progress.total, progress.note, coalesce(f.failure, trace.failure),
    coalesce(f.handbacks, r.handbacks, s.handbacks, l.handbacks, w.handbacks, 0),
    gate.count, gate.per, gate.burst, job.unique_scope, job.unique_key";

/// The number of the first column after [`COLUMNS`].
const FIRST_PAYLOAD: usize = 28;

// A job whose name, line or policy somebody has deleted is read all the same.
const TABLES: &str = "FROM {schema}.job
    LEFT JOIN {schema}.task ON task.id = job.task
    LEFT JOIN {schema}.line ON line.id = job.line
    LEFT JOIN {schema}.queue ON queue.id = line.queue
    LEFT JOIN {schema}.policy ON policy.id = job.policy
    LEFT JOIN {schema}.gate ON gate.id = job.gate
    LEFT JOIN {schema}.finished f ON f.seq = job.seq
    LEFT JOIN {schema}.running r ON r.id = job.id
    LEFT JOIN {schema}.session ON session.id = r.session
    LEFT JOIN {schema}.scheduled s ON s.seq = job.seq
    LEFT JOIN {schema}.limited l ON l.gate = job.gate AND l.line = job.line AND l.seq = job.seq
    LEFT JOIN {schema}.ready w ON w.line = job.line AND w.seq = job.seq
    LEFT JOIN {schema}.trace ON trace.seq = job.seq
    LEFT JOIN {schema}.progress ON progress.seq = job.seq";
