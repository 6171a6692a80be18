//! How a job looks in the server: its body, which never changes, and its standing. The scripts'
//! `prelude.lua` has the same layouts.

use std::time::Duration;

use laneway_core::clock::{Timestamp, micros};
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::interrupt::{INTERRUPTS_MAX_DEFAULT, OnInterrupt};
use laneway_core::job::{Failure, Lane, Priority, QueueName, State, TaskName};
use laneway_core::limit::Rate;
use laneway_core::store::{JobRecord, NewJob, UniqueKey, UniqueScope};
use serde::{Deserialize, Serialize};

use crate::fault::damaged;

/// Time beyond timeout and grace after which an attempt counts as hung.
const DEADLINE_MARGIN: Duration = Duration::from_secs(60);

/// The last instant that the scripts can tell apart from its neighbours: Lua's numbers are exact up
/// to here.
const TIME_MAX: i64 = (1 << 53) - 1;

/// The bytes of a standing that every job has.
const STANDING_BYTES: usize = 46;

/// The bytes of an identity as text.
pub(crate) const ID_BYTES: usize = 26;

/// What jobs of one call of a task share: a `MessagePack` array whose last elements may be missing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) task: TaskName,
    pub(crate) queue: QueueName,
    pub(crate) lane: u8,
    pub(crate) priority: i8,
    /// The name of the policy in the hash `policy`; empty for the default one.
    #[serde(default)]
    pub(crate) policy: String,
    #[serde(default, with = "or_false")]
    pub(crate) limit: Option<String>,
    /// 0 when the key is free once the job has ended, 1 when the job keeps it.
    #[serde(default, with = "or_false")]
    scope: Option<u8>,
    #[serde(default, with = "or_false")]
    key: Option<String>,
    #[serde(default)]
    on_interrupt: u8,
    #[serde(default = "interrupts_max_default")]
    interrupts_max: u32,
    /// Microseconds from a claim to the attempt's deadline; 0 for none.
    #[serde(default)]
    span: i64,
}

const fn interrupts_max_default() -> u32 {
    INTERRUPTS_MAX_DEFAULT
}

/// A value that may be missing is `false` where it is: in Lua, what follows a nil in an array is
/// lost.
mod or_false {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either<T> {
        Value(T),
        Missing(bool),
    }

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => value.serialize(serializer),
            None => false.serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Ok(match Option::<Either<T>>::deserialize(deserializer)? {
            Some(Either::Value(value)) => Some(value),
            Some(Either::Missing(_)) | None => None,
        })
    }
}

impl Default for Head {
    /// What stands in for a head that cannot be read.
    fn default() -> Self {
        Self {
            task: TaskName::stand_in(""),
            queue: QueueName::stand_in(""),
            lane: 0,
            priority: 0,
            policy: String::new(),
            limit: None,
            scope: None,
            key: None,
            on_interrupt: 0,
            interrupts_max: INTERRUPTS_MAX_DEFAULT,
            span: 0,
        }
    }
}

impl Head {
    /// The head of a job whose policy is stored under this name.
    pub(crate) fn of(job: &NewJob, policy: String) -> Self {
        let span = job.policy.timeout.map(|timeout| {
            timeout.saturating_add(job.policy.grace).saturating_add(DEADLINE_MARGIN)
        });
        Self {
            task: job.task.clone(),
            queue: job.queue.clone(),
            lane: job.lane as u8,
            priority: job.priority.value(),
            policy,
            limit: job.limit.as_ref().map(|limit| limit.key.clone()),
            scope: job.unique.as_ref().map(|key| match key.scope {
                UniqueScope::Unfinished => 0,
                UniqueScope::Kept => 1,
            }),
            key: job.unique.as_ref().map(|key| key.text.clone()),
            on_interrupt: u8::from(job.policy.on_interrupt == OnInterrupt::Park),
            interrupts_max: job.policy.interrupts_max,
            span: span.map_or(0, |span| micros(span).min(TIME_MAX)),
        }
    }

    /// Its unique key.
    pub(crate) fn unique(&self) -> Option<UniqueKey> {
        let scope = match self.scope? {
            0 => UniqueScope::Unfinished,
            _ => UniqueScope::Kept,
        };
        Some(UniqueKey { scope, text: self.key.clone().unwrap_or_default() })
    }

    pub(crate) fn lane(&self) -> Result<Lane, Error> {
        let lane = Lane::ALL.get(usize::from(self.lane)).copied();
        lane.ok_or_else(|| damaged(format!("{} is not a lane", self.lane)))
    }

    pub(crate) fn priority(&self) -> Result<Priority, Error> {
        Priority::new(self.priority.into())
            .map_err(|_| damaged(format!("{} is not a priority", self.priority)))
    }
}

/// What of a job never changes, its head still packed.
#[derive(Debug, Default)]
pub(crate) struct Body<'b> {
    pub(crate) enqueued_at: Timestamp,
    pub(crate) head: &'b [u8],
    pub(crate) args: &'b [u8],
}

impl<'b> Body<'b> {
    pub(crate) fn read(bytes: &'b [u8]) -> Result<Self, Error> {
        let mut rest = Rest(bytes);
        rest.u64()?;
        let enqueued_at = rest.instant()?;
        rest.u64()?;
        rest.u8()?;
        let length = usize::from(u16::from_be_bytes(rest.take()?));
        Ok(Self { enqueued_at, head: rest.slice(length)?, args: rest.0 })
    }
}

/// Where a job stands.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) state: State,
    marks: u8,
    pub(crate) failures: u32,
    pub(crate) interrupts: u32,
    pub(crate) handbacks: u32,
    pub(crate) token: Token,
    /// Since when it is ready, until when it is scheduled, or when it ended.
    pub(crate) at: Timestamp,
    pub(crate) claimed_at: Option<Timestamp>,
    pub(crate) wall: Option<Duration>,
    pub(crate) session: Option<SessionId>,
}

impl Standing {
    /// Of a job that was never claimed and is ready since it was enqueued.
    pub(crate) fn new_at(enqueued_at: Timestamp) -> Self {
        Self {
            state: State::Ready,
            marks: 0,
            failures: 0,
            interrupts: 0,
            handbacks: 0,
            token: Token::default(),
            at: enqueued_at,
            claimed_at: None,
            wall: None,
            session: None,
        }
    }

    /// Reads a standing; what is left is the result of a succeeded job.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let mut rest = Rest(bytes);
        let number = rest.u8()?;
        let state = State::ALL.get(usize::from(number)).copied();
        let state = state.ok_or_else(|| damaged(format!("{number} is not a state")))?;
        let mut standing = Self {
            state,
            marks: rest.u8()?,
            failures: rest.u32()?,
            interrupts: rest.u32()?,
            handbacks: rest.u32()?,
            token: Token(rest.u64()?),
            at: rest.instant()?,
            claimed_at: Some(rest.instant()?).filter(|at| *at != Timestamp::default()),
            wall: rest.u64()?.checked_sub(1).map(Duration::from_micros),
            session: None,
        };
        debug_assert_eq!(bytes.len() - rest.0.len(), STANDING_BYTES);
        if state == State::Running {
            let _deadline = rest.u64()?;
            let _place = rest.u32()?;
            standing.session = Some(session_id(rest.slice(ID_BYTES)?)?);
        }
        Ok((standing, rest.0))
    }

    /// Whether somebody wants the running job cancelled.
    pub(crate) const fn is_cancel_asked(&self) -> bool {
        self.marks & 1 != 0
    }
}

/// The standing of a job that comes from another store; it is not running.
pub(crate) fn restored(job: &JobRecord, state: State, at: Timestamp) -> Vec<u8> {
    let marks = u8::from(job.failure.is_some()) * 2 + u8::from(job.progress.is_some()) * 4;
    let mut bytes = vec![state as u8, marks];
    for count in [job.failures, job.interrupts, job.handbacks] {
        bytes.extend(count.to_be_bytes());
    }
    bytes.extend(job.token.0.to_be_bytes());
    bytes.extend(instant(at).to_be_bytes());
    bytes.extend(job.claimed_at.map_or(0, instant).to_be_bytes());
    bytes.extend(job.wall.map_or(0, |wall| span(wall) + 1).to_be_bytes());
    bytes
}

/// A rate as the scripts read it.
pub(crate) fn rate_text(rate: Rate) -> String {
    format!("{}/{}/{}", rate.count(), micros(rate.per()), rate.burst())
}

/// The rate of a gate as the scripts store it.
pub(crate) fn gate_rate(bytes: &[u8]) -> Result<Rate, Error> {
    let mut rest = Rest(bytes);
    let (count, per, burst) = (rest.u32()?, rest.u64()?, rest.u32()?);
    Rate::new(count, Duration::from_micros(per), burst)
        .map_err(|error| damaged(error.what().to_owned()))
}

/// Bytes that are read from the front.
struct Rest<'b>(&'b [u8]);

impl<'b> Rest<'b> {
    fn slice(&mut self, length: usize) -> Result<&'b [u8], Error> {
        let (first, rest) =
            self.0.split_at_checked(length).ok_or_else(|| damaged("a record is cut short"))?;
        self.0 = rest;
        Ok(first)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (first, rest) =
            self.0.split_first_chunk().ok_or_else(|| damaged("a record is cut short"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, Error> {
        self.take().map(u64::from_be_bytes)
    }

    fn instant(&mut self) -> Result<Timestamp, Error> {
        self.u64().map(|micros| Timestamp::from_micros(micros.cast_signed()))
    }
}

pub(crate) fn job_id(text: &[u8]) -> Result<JobId, Error> {
    parsed(text, "a job's id")
}

pub(crate) fn session_id(text: &[u8]) -> Result<SessionId, Error> {
    parsed(text, "a session's id")
}

fn parsed<T: std::str::FromStr>(text: &[u8], what: &str) -> Result<T, Error> {
    let text = std::str::from_utf8(text).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| damaged(format!("{what} is not one")))
}

/// An instant that the scripts can reckon with.
pub(crate) fn instant(at: Timestamp) -> i64 {
    at.as_micros().clamp(-TIME_MAX, TIME_MAX)
}

/// A span that the scripts can reckon with.
pub(crate) fn span(duration: Duration) -> u64 {
    micros(duration).min(TIME_MAX).unsigned_abs()
}

pub(crate) fn failure(bytes: &[u8]) -> Result<Failure, Error> {
    decode(bytes, "a failure")
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T, Error> {
    rmp_serde::from_slice(bytes).map_err(|error| damaged(format!("{what}: {error}")))
}

/// Fields travel with their names, so that a later version can add some.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    rmp_serde::to_vec_named(value).map_err(|error| unencodable(&error))
}

/// Fields travel by their order, as the scripts read them.
pub(crate) fn encode_array(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    rmp_serde::to_vec(value).map_err(|error| unencodable(&error))
}

fn unencodable(error: &rmp_serde::encode::Error) -> Error {
    Error::new(Code::Internal, "a value cannot be stored").why(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_may_end_early_as_other_programs_write_it() {
        let short = rmp_serde::to_vec(&("shop.mail", "default", 1, 0)).unwrap();
        let head: Head = decode(&short, "a head").unwrap();
        assert_eq!((head.task.as_str(), head.lane().unwrap()), ("shop.mail", Lane::Thread));
        assert_eq!((head.limit, head.scope, head.interrupts_max), (None, None, 3));
    }

    #[test]
    fn a_head_survives_its_packing() {
        let head = Head {
            task: TaskName::new("shop.mail").unwrap(),
            queue: QueueName::new("urgent").unwrap(),
            lane: 2,
            priority: -7,
            policy: String::from("p"),
            limit: Some(String::from("smtp")),
            scope: Some(0),
            key: Some(String::from("k")),
            on_interrupt: 1,
            interrupts_max: 9,
            span: 5,
        };
        assert_eq!(decode::<Head>(&encode_array(&head).unwrap(), "a head").unwrap(), head);
        let plain = Head { limit: None, scope: None, key: None, ..head };
        assert_eq!(decode::<Head>(&encode_array(&plain).unwrap(), "a head").unwrap(), plain);
    }

    #[test]
    fn a_record_that_is_cut_short_is_reported() {
        assert_eq!(Body::read(&[0; 26]).unwrap_err().code(), Code::StoreCorrupt);
        assert_eq!(Standing::read(&[1; 45]).unwrap_err().code(), Code::StoreCorrupt);
        assert_eq!(Standing::read(&[9; 46]).unwrap_err().code(), Code::StoreCorrupt);
    }
}
