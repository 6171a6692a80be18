//! Handing out jobs.

use std::sync::Arc;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Lane, Payload, QueueName, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{Claim, Claimed, ClaimedJob, unreadable};
use laneway_core::transition;
use rusqlite::{Row, params, params_from_iter};

use crate::fault::Result;
use crate::session::{OpenRow, open_row};
use crate::settle::{Running, take_running};
use crate::standing::{Ending, MARK_PROGRESS, Standing, Subject, count, identity};
use crate::sweep::promote;
use crate::transaction::Tx;
use crate::value::{self, count_column};

/// Time beyond timeout and grace after which an attempt counts as hung.
const DEADLINE_MARGIN: std::time::Duration = std::time::Duration::from_secs(60);

/// The most due jobs that one claim makes ready, so that it stays short; the rest follows with the
/// next claim or sweep.
const PROMOTE_MAX: usize = 2_000;

/// A queue that a claim asks for and that is not paused.
struct Source {
    /// Its place in the claim's order.
    rank: usize,
    id: i64,
    name: QueueName,
}

/// A job that a claim takes.
struct Taken {
    rank: usize,
    seq: i64,
    urgency: i64,
    lane: Lane,
    task: i64,
    policy: i64,
    ready_at: i64,
    standing: Standing,
    id: JobId,
    args: Vec<u8>,
}

/// What one claim has found so far.
struct Hand<'a> {
    sources: Vec<Source>,
    /// Free places, by lane.
    room: [usize; 3],
    /// Lanes that were asked for, even for no job at all.
    lanes: Vec<Lane>,
    claim: &'a Claim,
    session: OpenRow,
    jobs: Vec<ClaimedJob>,
    /// Whether a job could not be read: its place is still free then.
    has_unreadable: bool,
}

/// What must be read of a job to hand it out.
struct Content {
    standing: Standing,
    task: TaskName,
    policy: Arc<Policy>,
}

/// Takes ready jobs.
pub(crate) fn claim(tx: &mut Tx<'_>, claim: &Claim) -> Result<Claimed> {
    let session = open_row(tx, claim.session)?.ok_or_else(|| session_lost(claim.session))?;
    let is_repeated = session.calls.contains(&claim.call);
    let mut hand = Hand {
        sources: sources(tx, &claim.queues)?,
        room: [0; 3],
        lanes: Vec::new(),
        claim,
        session,
        jobs: Vec::new(),
        has_unreadable: false,
    };
    for slots in &claim.slots {
        if let Some(room) = hand.room.get_mut(slots.lane as usize) {
            *room = slots.count;
        }
        if !hand.lanes.contains(&slots.lane) {
            hand.lanes.push(slots.lane);
        }
    }
    if is_repeated {
        hand.take_again(tx)?;
    } else {
        promote(tx, PROMOTE_MAX)?;
        hand.take_limited(tx)?;
        hand.take_ready(tx)?;
        if !hand.jobs.is_empty() {
            hand.session.remember_call(tx, claim.call)?;
        }
    }
    let next_due_at = if hand.has_unreadable { Some(tx.now) } else { hand.next_due_at(tx)? };
    Ok(Claimed { jobs: hand.jobs, next_due_at, now: tx.now })
}

/// The refusal of a session that is not open.
pub(crate) fn session_lost(session: SessionId) -> Error {
    Error::new(Code::SessionLost, format!("session {session} is not open"))
        .why("its lease ran out and it was swept, or it was closed or never opened")
}

fn sources(tx: &mut Tx<'_>, queues: &[QueueName]) -> Result<Vec<Source>> {
    let connection = tx.connection;
    let mut paused = connection.prepare_cached("SELECT is_paused FROM queue WHERE id = ?1")?;
    let mut sources: Vec<Source> = Vec::with_capacity(queues.len());
    for (rank, name) in queues.iter().enumerate() {
        let Some(id) = tx.names.known_queue_id(connection, name)? else {
            continue;
        };
        let is_paused: bool = paused.query_row([id], |row| row.get(0))?;
        if !is_paused && !sources.iter().any(|source| source.id == id) {
            sources.push(Source { rank, id, name: name.clone() });
        }
    }
    Ok(sources)
}

impl Hand<'_> {
    /// Takes from the lines of limits whose gate is open, the gate first that has waited longest.
    fn take_limited(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        for gate in self.open_gates(tx)? {
            if self.room_in_all() == 0 {
                break;
            }
            let budget = tx.gate(gate)?;
            let most = u32::try_from(self.room_in_all()).unwrap_or(u32::MAX);
            let permits = budget.rate.grant(budget.tat, tx.now, most).granted;
            let wanted =
                self.wanted_of(tx, gate, usize::try_from(permits).unwrap_or(usize::MAX))?;
            if wanted.is_empty() {
                self.mend_lines(tx, gate, permits)?;
                continue;
            }
            let count = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
            let grant = budget.rate.grant(budget.tat, tx.now, count);
            tx.spend(gate, grant.tat)?;
            self.leave_line(tx, gate, &wanted)?;
            self.start(tx, wanted)?;
        }
        Ok(())
    }

    /// The best jobs of a limit's lines, no more than there are permits and room for.
    fn wanted_of(&self, tx: &Tx<'_>, gate: i64, permits: usize) -> Result<Vec<Taken>> {
        let mut wanted = Vec::new();
        let mut room = self.room;
        for source in &self.sources {
            let left = permits.saturating_sub(wanted.len());
            let mut line = Vec::new();
            for lane in &self.lanes {
                let count = room.get(*lane as usize).copied().unwrap_or(0).min(left);
                line.extend(waiting(tx, Some(gate), source, *lane, count)?);
            }
            line.sort_by_key(|taken| (taken.urgency, taken.seq));
            line.truncate(left);
            for taken in &line {
                if let Some(room) = room.get_mut(taken.lane as usize) {
                    *room = room.saturating_sub(1);
                }
            }
            wanted.append(&mut line);
        }
        Ok(wanted)
    }

    /// Puts the lines of a gate right that were open and gave nothing, since somebody has changed
    /// by hand what is stored: they would stay the first of the open ones, in the way of others.
    fn mend_lines(&self, tx: &mut Tx<'_>, gate: i64, permits: u32) -> Result<()> {
        if permits == 0 {
            return tx.move_lines(gate);
        }
        for source in &self.sources {
            for lane in &self.lanes {
                // For a lane that is full by now nobody has looked.
                if self.room.get(*lane as usize).is_some_and(|room| *room > 0) {
                    tx.leave_deleted(gate, source.id, value::lane_column(*lane))?;
                }
            }
        }
        Ok(())
    }

    /// How many places are free in all lanes together.
    fn room_in_all(&self) -> usize {
        self.room.iter().fold(0, |sum, room| sum.saturating_add(*room))
    }

    /// The limits with a permit and a waiting job, the one first that has waited longest. Each has
    /// a job for its line and a permit for it, unless jobs of other lines take its permits: more of
    /// them than there is room for in all lanes do not matter.
    fn open_gates(&self, tx: &Tx<'_>) -> Result<Vec<i64>> {
        let mut open: Vec<(i64, i64)> = Vec::new();
        let mut find = tx.connection.prepare_cached(OPEN_GATES)?;
        let most = count_column(self.room_in_all());
        for source in &self.sources {
            for lane in &self.lanes {
                if self.room.get(*lane as usize).copied().unwrap_or(0) == 0 {
                    continue;
                }
                let key = [source.id, value::lane_column(*lane), tx.now.as_micros(), most];
                let mut rows = find.query(key)?;
                while let Some(row) = rows.next()? {
                    open.push((row.get(0)?, row.get(1)?));
                }
            }
        }
        open.sort_unstable();
        open.dedup();
        Ok(open.into_iter().map(|(_, gate)| gate).collect())
    }

    fn leave_line(&self, tx: &mut Tx<'_>, gate: i64, taken: &[Taken]) -> Result<()> {
        let connection = tx.connection;
        let mut leave = connection.prepare_cached(
            "DELETE FROM limited WHERE gate = ?1 AND queue = ?2 AND lane = ?3 AND urgency = ?4
             AND seq = ?5",
        )?;
        let mut lines = Vec::new();
        for job in taken {
            let (queue, lane) = (self.queue_of(job), value::lane_column(job.lane));
            leave.execute([gate, queue, lane, job.urgency, job.seq])?;
            if !lines.contains(&(queue, lane)) {
                lines.push((queue, lane));
            }
        }
        for (queue, lane) in lines {
            tx.close_line_if_empty(gate, queue, lane)?;
        }
        Ok(())
    }

    fn queue_of(&self, taken: &Taken) -> i64 {
        self.sources.iter().find(|source| source.rank == taken.rank).map_or(0, |source| source.id)
    }

    /// Takes from the ready lines, queue by queue.
    fn take_ready(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        for index in 0..self.sources.len() {
            let Some(source) = self.sources.get(index) else {
                break;
            };
            let mut all = Vec::new();
            for lane in &self.lanes {
                let room = self.room.get(*lane as usize).copied().unwrap_or(0);
                let line = waiting(tx, None, source, *lane, room)?;
                if let Some(last) = line.last() {
                    let key = [source.id, value::lane_column(*lane), last.urgency, last.seq];
                    let before = key.get(..3).unwrap_or_default();
                    let mut earlier = tx.connection.prepare_cached(LEAVE_EARLIER)?;
                    earlier.execute(params_from_iter(before))?;
                    tx.connection.prepare_cached(LEAVE)?.execute(key)?;
                }
                all.extend(line);
            }
            all.sort_by_key(|taken| (taken.urgency, taken.seq));
            self.start(tx, all)?;
        }
        Ok(())
    }

    /// Makes jobs that have left their line running.
    fn start(&mut self, tx: &mut Tx<'_>, taken: Vec<Taken>) -> Result<()> {
        let connection = tx.connection;
        let mut into_running = connection.prepare_cached(INTO_RUNNING)?;
        let now = tx.now.as_micros();
        for job in taken {
            let queue = self.queue_of(&job);
            let Content { standing, task, policy } = match content(tx, &job) {
                Ok(content) => content,
                Err(fault) => {
                    self.fail(tx, &job, &fault.into_content()?)?;
                    continue;
                }
            };
            into_running.execute(params![
                value::job_bytes(job.id),
                job.seq,
                self.session.id,
                self.claim.call.cast_signed(),
                count_column(self.jobs.len()),
                queue,
                standing.token,
                standing.failures,
                standing.interrupts,
                standing.handbacks,
                standing.marks,
                job.ready_at,
                now,
                deadline(&policy, tx.now).map(Timestamp::as_micros),
            ])?;
            tx.count(queue, State::Ready, -1);
            tx.count(queue, State::Running, 1);
            if let Some(room) = self.room.get_mut(job.lane as usize) {
                *room = room.saturating_sub(1);
            }
            let name = self.sources.iter().find(|source| source.id == queue);
            let Some(name) = name.map(|source| source.name.clone()) else {
                continue;
            };
            self.jobs.push(ClaimedJob {
                id: job.id,
                token: standing.token(),
                task,
                queue: name,
                lane: job.lane,
                failures: count(standing.failures),
                interrupts: count(standing.interrupts),
                handbacks: count(standing.handbacks),
                policy,
                args: Payload(job.args),
                ready_at: Timestamp::from_micros(job.ready_at),
            });
        }
        Ok(())
    }

    /// Fails a job that has left its line and cannot be read.
    fn fail(&mut self, tx: &mut Tx<'_>, job: &Taken, error: &Error) -> Result<()> {
        let queue = self.queue_of(job);
        tx.count(queue, State::Ready, -1);
        let subject = Subject { seq: job.seq, id: job.id, queue };
        tx.make_finished(subject, job.standing, Ending::failed(unreadable(error)))?;
        self.has_unreadable = true;
        Ok(())
    }

    /// Takes what this very claim took already and its session still holds.
    fn take_again(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        for held in held_since(tx, &self.session, self.claim)? {
            match held {
                (_, Ok(job)) => self.jobs.push(job),
                (id, Err(fault)) => {
                    let error = fault.into_content()?;
                    if let Some(running) = take_running(tx, id)? {
                        let Running { subject, standing, claimed_at, .. } = running;
                        let ending = Ending::failed(unreadable(&error));
                        let ending = Ending { claimed_at: Some(claimed_at), ..ending };
                        tx.make_finished(subject, standing, ending)?;
                    }
                    self.has_unreadable = true;
                }
            }
        }
        Ok(())
    }

    /// When a claim like this one finds something next, if nothing else happens.
    fn next_due_at(&self, tx: &Tx<'_>) -> Result<Option<Timestamp>> {
        let mut scheduled = tx
            .connection
            .prepare_cached("SELECT min(due_at) FROM scheduled WHERE queue = ?1 AND lane = ?2")?;
        let mut limited = tx
            .connection
            .prepare_cached("SELECT min(next_at) FROM line WHERE queue = ?1 AND lane = ?2")?;
        let mut earliest: Option<i64> = None;
        for source in &self.sources {
            for lane in &self.lanes {
                let key = [source.id, value::lane_column(*lane)];
                let due: Option<i64> = scheduled.query_row(key, |row| row.get(0))?;
                let open: Option<i64> = limited.query_row(key, |row| row.get(0))?;
                let open = open.map(|at| at.max(tx.now.as_micros()));
                earliest = [earliest, due, open].into_iter().flatten().min();
            }
        }
        Ok(value::instant(earliest))
    }
}

fn deadline(policy: &Arc<Policy>, now: Timestamp) -> Option<Timestamp> {
    policy.timeout.map(|timeout| now.plus(timeout).plus(policy.grace).plus(DEADLINE_MARGIN))
}

/// What of a job is needed to hand it out.
fn content(tx: &mut Tx<'_>, job: &Taken) -> Result<Content> {
    let policy = tx.names.policy(tx.connection, job.policy)?;
    let task = tx.names.task(tx.connection, job.task)?;
    Ok(Content { standing: next_standing(tx, job)?, task, policy })
}

/// The standing of a job under its new claim; what an earlier attempt reported is over.
fn next_standing(tx: &mut Tx<'_>, job: &Taken) -> Result<Standing> {
    debug_assert!(transition::next(State::Ready, transition::Event::Claim).is_some());
    let mut standing = job.standing;
    let token = standing.token.checked_add(1).filter(|token| *token > 0);
    standing.token = token
        .ok_or_else(|| value::damaged(format!("{} is not the token of a job", standing.token)))?;
    if standing.has(MARK_PROGRESS) {
        tx.drop_progress(job.seq)?;
        standing.marks &= !MARK_PROGRESS;
    }
    Ok(standing)
}

/// The best jobs of a line, at most `count`.
fn waiting(
    tx: &Tx<'_>,
    gate: Option<i64>,
    source: &Source,
    lane: Lane,
    count: usize,
) -> Result<Vec<Taken>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let key = [source.id, value::lane_column(lane), count_column(count), gate.unwrap_or(0)];
    let mut statement = match gate {
        Some(_) => tx.connection.prepare_cached(FROM_LIMITED)?,
        None => tx.connection.prepare_cached(FROM_READY)?,
    };
    let key = if gate.is_some() { &key[..] } else { key.get(..3).unwrap_or_default() };
    let mut rows = statement.query(params_from_iter(key))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Taken {
            rank: source.rank,
            lane,
            urgency: row.get(0)?,
            seq: row.get(1)?,
            standing: Standing::read(row, 2)?,
            ready_at: row.get(7)?,
            id: identity(row, 8)?,
            task: row.get(9)?,
            policy: row.get(10)?,
            args: row.get(11)?,
        });
    }
    Ok(found)
}

/// What a claim took whose answer was lost, without what was settled since.
fn held_since(
    tx: &mut Tx<'_>,
    session: &OpenRow,
    claim: &Claim,
) -> Result<Vec<(JobId, Result<ClaimedJob>)>> {
    let connection = tx.connection;
    let mut statement = connection.prepare_cached(HELD)?;
    let mut rows = statement.query([session.id, claim.call.cast_signed()])?;
    let mut jobs = Vec::new();
    while let Some(row) = rows.next()? {
        jobs.push((identity(row, 6)?, held_job(tx, row)));
    }
    Ok(jobs)
}

fn held_job(tx: &mut Tx<'_>, row: &Row<'_>) -> Result<ClaimedJob> {
    let standing = Standing::read(row, 0)?;
    Ok(ClaimedJob {
        id: identity(row, 6)?,
        token: standing.token(),
        task: tx.names.task(tx.connection, row.get(7)?)?,
        queue: QueueName::new(row.get::<_, String>(11)?)?,
        lane: value::lane(row.get(10)?)?,
        failures: count(standing.failures),
        interrupts: count(standing.interrupts),
        handbacks: count(standing.handbacks),
        policy: tx.names.policy(tx.connection, row.get(8)?)?,
        args: Payload(row.get(9)?),
        ready_at: Timestamp::from_micros(row.get(5)?),
    })
}

const OPEN_GATES: &str = "SELECT next_at, gate FROM line
    WHERE queue = ?1 AND lane = ?2 AND next_at <= ?3 ORDER BY next_at LIMIT ?4";

// CROSS JOIN fixes the order of the tables: the line first, then the bodies of what was found.
const FROM_READY: &str = "SELECT r.urgency, r.seq, r.token, r.failures, r.interrupts, r.handbacks,
    r.marks, r.ready_at, job.id, job.task, job.policy, job.args
    FROM ready AS r CROSS JOIN job ON job.seq = r.seq
    WHERE r.queue = ?1 AND r.lane = ?2 ORDER BY r.urgency, r.seq LIMIT ?3";

const FROM_LIMITED: &str =
    "SELECT r.urgency, r.seq, r.token, r.failures, r.interrupts, r.handbacks,
    r.marks, r.ready_at, job.id, job.task, job.policy, job.args
    FROM limited AS r CROSS JOIN job ON job.seq = r.seq
    WHERE r.gate = ?4 AND r.queue = ?1 AND r.lane = ?2 ORDER BY r.urgency, r.seq LIMIT ?3";

// A claim takes the head of a line, so it leaves by two ranges: all of more urgent classes, and of
// the last class all up to the last job.
const LEAVE_EARLIER: &str = "DELETE FROM ready WHERE queue = ?1 AND lane = ?2 AND urgency < ?3";
const LEAVE: &str = "DELETE FROM ready
    WHERE queue = ?1 AND lane = ?2 AND urgency = ?3 AND seq <= ?4";

const INTO_RUNNING: &str = "INSERT INTO running (id, seq, session, call, place, queue, token,
    failures, interrupts, handbacks, marks, ready_at, claimed_at, deadline)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

const HELD: &str = "SELECT r.token, r.failures, r.interrupts, r.handbacks, r.marks, r.ready_at,
    job.id, job.task, job.policy, job.args, job.lane, queue.name
    FROM running AS r CROSS JOIN job ON job.seq = r.seq CROSS JOIN queue ON queue.id = r.queue
    WHERE r.session = ?1 AND r.call = ?2 ORDER BY r.place";

#[cfg(test)]
mod tests {
    use laneway_core::store::Durability;

    use super::*;
    use crate::names::Names;
    use crate::open::{Location, open_writer};
    use crate::transaction::Changes;

    /// With a limit for each of thousands of customers a claim that went through all of them would
    /// keep everybody else from writing for as long as that takes.
    #[test]
    fn a_claim_looks_at_no_more_limits_than_it_has_places_for() {
        let connection = open_writer(&Location::Memory, Durability::Memory).unwrap();
        let sql = "WITH RECURSIVE n (gate) AS (SELECT 1 UNION ALL SELECT gate + 1 FROM n LIMIT 50)
            INSERT INTO line (gate, queue, lane, next_at) SELECT gate, 1, 0, 100 - gate FROM n";
        connection.execute_batch(sql).unwrap();
        let (mut names, mut changes) = (Names::default(), Changes::default());
        let now = Timestamp::from_micros(1_000);
        let tx = Tx { connection: &connection, now, names: &mut names, changes: &mut changes };
        let queues: Arc<[QueueName]> = Arc::new([QueueName::default_queue()]);
        let session = SessionId::from_bits(1);
        let claim = Claim { session, call: 1, queues, slots: Vec::new() };
        let hand = Hand {
            sources: vec![Source { rank: 0, id: 1, name: QueueName::default_queue() }],
            room: [2, 3, 0],
            lanes: vec![Lane::Async, Lane::Thread],
            claim: &claim,
            session: OpenRow { id: 1, calls: Vec::new() },
            jobs: Vec::new(),
            has_unreadable: false,
        };
        assert_eq!(hand.open_gates(&tx).unwrap(), [50, 49, 48, 47, 46]);
    }

    /// A claim that sorted or scanned would become slow with the number of waiting jobs.
    #[test]
    fn a_claim_walks_the_head_of_its_lines_without_a_scan_or_a_sort() {
        let connection = open_writer(&Location::Memory, Durability::Memory).unwrap();
        for sql in [OPEN_GATES, FROM_READY, FROM_LIMITED, LEAVE, LEAVE_EARLIER] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps = plan.raw_query().mapped(|row| row.get::<_, String>(3));
            for step in steps.collect::<rusqlite::Result<Vec<_>>>().unwrap() {
                assert!(step.starts_with("SEARCH"), "{step} in {sql}");
            }
        }
    }
}
