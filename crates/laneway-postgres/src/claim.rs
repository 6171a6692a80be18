//! Handing out jobs.

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::id::Token;
use laneway_core::job::{Lane, Payload, QueueName};
use laneway_core::store::{
    Claim, Claimed, ClaimedJob, Outcome, Settlement, is_of_content, unreadable,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::names::Names;
use crate::value::{self, Identity};

/// Takes ready jobs.
pub(crate) fn claim(claim: &Claim, now: Option<i64>) -> Call {
    let mut lanes: Vec<i16> = Vec::new();
    let mut counts: Vec<i32> = Vec::new();
    for slots in &claim.slots {
        let lane = value::lane_column(slots.lane);
        let count = value::count_column(slots.count);
        let known = lanes.iter().position(|known| *known == lane);
        if let Some(known) = known.and_then(|at| counts.get_mut(at)) {
            *known = count;
        } else {
            lanes.push(lane);
            counts.push(count);
        }
    }
    Call::function("claim_jobs")
        .with(Identity::from(claim.session), Type::UUID)
        .with(claim.call.cast_signed(), Type::INT8)
        .with(queues(claim).iter().map(ToString::to_string).collect::<Vec<_>>(), Type::TEXT_ARRAY)
        .with(lanes, Type::INT2_ARRAY)
        .with(counts, Type::INT4_ARRAY)
        .with(now, Type::INT8)
}

/// The queues of a claim, each once.
fn queues(claim: &Claim) -> Vec<&QueueName> {
    let mut queues: Vec<&QueueName> = Vec::with_capacity(claim.queues.len());
    for queue in claim.queues.iter() {
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    queues
}

/// The names and policies of an answer that must be known to read it.
pub(crate) fn unknown(rows: &[Row], names: &Names) -> Result<(Vec<i32>, Vec<i32>), Error> {
    let mut tasks = Vec::new();
    let mut policies = Vec::new();
    for row in rows {
        if let Some(task) = column::<Option<i32>>(row, 3)? {
            tasks.push(task);
        }
        if let Some(policy) = column::<Option<i32>>(row, 4)? {
            policies.push(policy);
        }
    }
    Ok(names.without_known(tasks, policies))
}

/// The order of an answer: by queue in the order asked, then by urgency, then by age.
type Rank = (i32, i16, i64);

/// Reads the answer of a claim: the jobs that can be read, and the ends of the others.
pub(crate) fn claimed(
    claim: &Claim,
    rows: &[Row],
    names: &Names,
) -> Result<(Claimed, Vec<Settlement>), Error> {
    let queues = queues(claim);
    let mut claimed = Claimed::default();
    let mut unreadable = Vec::new();
    let mut jobs: Vec<(Rank, ClaimedJob)> = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(id) = column::<Option<Identity>>(row, 0)? else {
            claimed.next_due_at = value::instant(column(row, 1)?);
            claimed.now = Timestamp::from_micros(column(row, 2)?);
            continue;
        };
        let place: i32 = column::<Option<i32>>(row, 5)?.unwrap_or(0);
        let rank = (place, column(row, 7)?, column(row, 1)?);
        let queue = usize::try_from(place).ok().and_then(|place| queues.get(place.wrapping_sub(1)));
        let queue = queue.ok_or_else(|| value::damaged("a job of a queue that was not asked"))?;
        let token: i64 = column(row, 2)?;
        let token = Token(token.unsigned_abs());
        match job(row, (id, token), queue, names) {
            Ok(job) => jobs.push((rank, job)),
            Err(error) if is_of_content(&error) => unreadable.push(failed(id, token, &error)),
            Err(error) => return Err(error),
        }
    }
    jobs.sort_by_key(|(rank, _)| *rank);
    claimed.jobs = jobs.into_iter().map(|(_, job)| job).collect();
    if !unreadable.is_empty() {
        // There may be others for the places that stay free.
        claimed.next_due_at = Some(claimed.now);
    }
    Ok((claimed, unreadable))
}

/// The end of a job that cannot be read.
fn failed(id: Identity, token: Token, error: &Error) -> Settlement {
    let outcome = Outcome::Fail(unreadable(error));
    Settlement { job: id.job(), token, outcome, timing: None }
}

fn job(
    row: &Row,
    (id, token): (Identity, Token),
    queue: &QueueName,
    names: &Names,
) -> Result<ClaimedJob, Error> {
    let lane: Lane = value::lane(column(row, 6)?)?;
    Ok(ClaimedJob {
        id: id.job(),
        token,
        task: names.task(column(row, 3)?)?,
        queue: queue.clone(),
        lane,
        failures: value::count(column(row, 8)?),
        interrupts: value::count(column(row, 9)?),
        handbacks: value::count(column(row, 10)?),
        policy: names.policy(column(row, 4)?)?,
        args: Payload(column(row, 12)?),
        ready_at: Timestamp::from_micros(column(row, 11)?),
    })
}
