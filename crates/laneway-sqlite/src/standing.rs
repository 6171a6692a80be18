//! Where a job stands: the few numbers that travel with it from table to table.

use laneway_core::id::{JobId, Token};
use laneway_core::job::{Failure, Payload, State};
use laneway_core::store::UniqueScope;
use rusqlite::{OptionalExtension, Row, params};

use crate::fault::Result;
use crate::transaction::Tx;
use crate::value::{self, Identity, damaged};

/// The job holds a unique key that is freed when it ends.
pub(crate) const MARK_UNIQUE: i64 = 1;
/// The table `trace` has a row for the job.
pub(crate) const MARK_TRACE: i64 = 2;
/// The table `progress` has a row for the job.
pub(crate) const MARK_PROGRESS: i64 = 4;

/// What changes in the life of a job and is needed to hand it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    pub(crate) token: i64,
    pub(crate) failures: i64,
    pub(crate) interrupts: i64,
    pub(crate) handbacks: i64,
    pub(crate) marks: i64,
}

impl Standing {
    /// Reads `token, failures, interrupts, handbacks, marks` from column `first` on.
    pub(crate) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            token: row.get(first)?,
            failures: row.get(first + 1)?,
            interrupts: row.get(first + 2)?,
            handbacks: row.get(first + 3)?,
            marks: row.get(first + 4)?,
        })
    }

    pub(crate) const fn has(&self, mark: i64) -> bool {
        self.marks & mark != 0
    }

    pub(crate) fn token(&self) -> Token {
        Token(u64::try_from(self.token).unwrap_or(0))
    }
}

/// A count as the domain has it.
pub(crate) fn count(column: i64) -> u32 {
    u32::try_from(column).unwrap_or(u32::MAX)
}

/// What of a job never changes, but its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Body {
    pub(crate) seq: i64,
    pub(crate) id: JobId,
    pub(crate) task: i64,
    pub(crate) queue: i64,
    pub(crate) lane: i64,
    pub(crate) urgency: i64,
    pub(crate) policy: i64,
    pub(crate) gate: Option<i64>,
    pub(crate) unique: Option<(i64, String)>,
}

const BODY: &str = "SELECT seq, id, task, queue, lane, urgency, policy, gate,
    unique_scope, unique_key FROM job";

impl Body {
    pub(crate) fn by_id(tx: &Tx<'_>, id: JobId) -> Result<Option<Self>> {
        let mut statement = tx.connection.prepare_cached(&format!("{BODY} WHERE id = ?1"))?;
        Ok(statement.query_row([value::job_bytes(id)], Self::read).optional()?)
    }

    pub(crate) fn by_seq(tx: &Tx<'_>, seq: i64) -> Result<Self> {
        let mut statement = tx.connection.prepare_cached(&format!("{BODY} WHERE seq = ?1"))?;
        let found = statement.query_row([seq], Self::read).optional()?;
        found.ok_or_else(|| damaged(format!("job number {seq} stands somewhere but has no body")))
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let scope: Option<i64> = row.get(8)?;
        let key: Option<String> = row.get(9)?;
        Ok(Self {
            seq: row.get(0)?,
            id: value::job_id(row.get(1)?),
            task: row.get(2)?,
            queue: row.get(3)?,
            lane: row.get(4)?,
            urgency: row.get(5)?,
            policy: row.get(6)?,
            gate: row.get(7)?,
            unique: scope.zip(key),
        })
    }

    /// Whether its unique key is freed when it ends.
    pub(crate) fn frees_key(&self) -> bool {
        let unfinished = value::scope_column(UniqueScope::Unfinished);
        self.unique.as_ref().is_some_and(|(scope, _)| *scope == unfinished)
    }
}

/// How a job comes to its end.
#[derive(Debug)]
pub(crate) struct Ending<'a> {
    pub(crate) state: State,
    pub(crate) failure: Option<Failure>,
    pub(crate) result: Option<&'a Payload>,
    /// When the attempt that ended was claimed; `None` takes it from the trace.
    pub(crate) claimed_at: Option<i64>,
    /// How long the attempt took; `None` takes it from the trace.
    pub(crate) wall: Option<i64>,
}

impl Ending<'_> {
    /// The end of a job that failed without an attempt.
    pub(crate) const fn failed(failure: Failure) -> Self {
        Self {
            state: State::Failed,
            failure: Some(failure),
            result: None,
            claimed_at: None,
            wall: None,
        }
    }
}

/// What is known of a job's last attempt.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) claimed_at: Option<i64>,
    pub(crate) wall: Option<i64>,
    pub(crate) failure: Option<Vec<u8>>,
}

/// Which job, as far as every table knows it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject {
    pub(crate) seq: i64,
    pub(crate) id: JobId,
    pub(crate) queue: i64,
}

impl From<&Body> for Subject {
    fn from(body: &Body) -> Self {
        Self { seq: body.seq, id: body.id, queue: body.queue }
    }
}

impl Tx<'_> {
    /// Puts a job into its line: that of its limit, or that of its queue and lane.
    pub(crate) fn make_ready(
        &mut self,
        body: &Body,
        standing: Standing,
        ready_at: i64,
    ) -> Result<()> {
        if let Some(gate) = body.gate {
            self.connection.prepare_cached(INTO_LIMITED)?.execute(params![
                body.queue,
                body.lane,
                body.urgency,
                body.seq,
                standing.token,
                standing.failures,
                standing.interrupts,
                standing.handbacks,
                standing.marks,
                ready_at,
                gate,
            ])?;
            self.open_line(gate, body.queue, body.lane)?;
        } else {
            self.connection.prepare_cached(INTO_READY)?.execute(params![
                body.queue,
                body.lane,
                body.urgency,
                body.seq,
                standing.token,
                standing.failures,
                standing.interrupts,
                standing.handbacks,
                standing.marks,
                ready_at,
            ])?;
        }
        self.count(body.queue, State::Ready, 1);
        self.changes.ready = true;
        Ok(())
    }

    /// Puts a job aside until a time.
    pub(crate) fn make_scheduled(
        &mut self,
        body: &Body,
        standing: Standing,
        due_at: i64,
    ) -> Result<()> {
        self.connection.prepare_cached(INTO_SCHEDULED)?.execute(params![
            body.seq,
            body.queue,
            body.lane,
            due_at,
            standing.token,
            standing.failures,
            standing.interrupts,
            standing.handbacks,
            standing.marks,
        ])?;
        self.count(body.queue, State::Scheduled, 1);
        self.changes.ready = true;
        Ok(())
    }

    /// Ends a job that has left the table where it stood, or parks it.
    pub(crate) fn make_finished(
        &mut self,
        subject: Subject,
        standing: Standing,
        ending: Ending<'_>,
    ) -> Result<()> {
        let mut standing = standing;
        let Ending { state, failure, result, mut claimed_at, mut wall } = ending;
        if standing.has(MARK_TRACE) {
            let trace = self.take_trace(subject.seq)?;
            claimed_at = claimed_at.or(trace.claimed_at);
            wall = wall.or(trace.wall);
            standing.marks &= !MARK_TRACE;
        }
        if standing.has(MARK_UNIQUE) && state.is_terminal() {
            self.connection.prepare_cached(FREE_KEY)?.execute([subject.seq])?;
            standing.marks &= !MARK_UNIQUE;
        }
        let failure = failure.as_ref().map(value::failure_column).transpose()?;
        let number = self.number_finished(subject.id)?;
        self.connection.prepare_cached(INTO_FINISHED)?.execute(params![
            number,
            subject.seq,
            value::job_bytes(subject.id),
            subject.queue,
            value::state_column(state),
            standing.token,
            standing.failures,
            standing.interrupts,
            standing.handbacks,
            standing.marks,
            claimed_at,
            self.now.as_micros(),
            wall,
            failure,
            result.map(|payload| &payload.0),
        ])?;
        self.count(subject.queue, state, 1);
        Ok(())
    }

    /// Keeps what is known of the last attempt of a job that goes on.
    pub(crate) fn put_trace(&mut self, seq: i64, trace: &Trace) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT OR REPLACE INTO trace (seq, claimed_at, wall, failure) VALUES (?1, ?2, ?3, ?4)",
        )?;
        statement.execute(params![seq, trace.claimed_at, trace.wall, trace.failure])?;
        Ok(())
    }

    /// Takes out what is known of the last attempt.
    pub(crate) fn take_trace(&mut self, seq: i64) -> Result<Trace> {
        let mut find = self
            .connection
            .prepare_cached("SELECT claimed_at, wall, failure FROM trace WHERE seq = ?1")?;
        let trace = find
            .query_row([seq], |row| {
                Ok(Trace { claimed_at: row.get(0)?, wall: row.get(1)?, failure: row.get(2)? })
            })
            .optional()?;
        self.connection.prepare_cached("DELETE FROM trace WHERE seq = ?1")?.execute([seq])?;
        Ok(trace.unwrap_or_default())
    }

    /// Forgets how far an earlier attempt was.
    pub(crate) fn drop_progress(&mut self, seq: i64) -> Result<()> {
        self.connection.prepare_cached("DELETE FROM progress WHERE seq = ?1")?.execute([seq])?;
        Ok(())
    }
}

/// Adds a job to its line; also used by `enqueue` for whole batches.
pub(crate) const INTO_READY: &str = "INSERT INTO ready (queue, lane, urgency, seq, token, failures,
    interrupts, handbacks, marks, ready_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const INTO_LIMITED: &str = "INSERT INTO limited (queue, lane, urgency, seq, token, failures,
    interrupts, handbacks, marks, ready_at, gate)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";

const INTO_SCHEDULED: &str = "INSERT INTO scheduled (seq, queue, lane, due_at, token, failures,
    interrupts, handbacks, marks) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

/// Adds a job that has ended or is parked; also used by `restore`.
pub(crate) const INTO_FINISHED: &str =
    "INSERT INTO finished (n, seq, id, queue, state, token, failures,
    interrupts, handbacks, marks, claimed_at, finished_at, wall, failure, result)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const FREE_KEY: &str = "DELETE FROM unique_key WHERE (task, scope, text) =
    (SELECT task, unique_scope, unique_key FROM job WHERE seq = ?1) AND seq = ?1";

/// The identity of a job as a column holds it.
pub(crate) fn identity(row: &Row<'_>, column: usize) -> rusqlite::Result<JobId> {
    row.get::<_, Identity>(column).map(value::job_id)
}
