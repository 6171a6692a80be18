//! How the domain's values look in a column.

use std::error::Error as StdError;
use std::time::Duration;

use laneway_core::clock::{Timestamp, micros};
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Failure, Lane, Priority, State};
use laneway_core::policy::Policy;
use laneway_core::store::UniqueScope;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// An identity as a value of the type `uuid`, which sorts like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Identity(pub(crate) u128);

impl From<JobId> for Identity {
    fn from(id: JobId) -> Self {
        Self(id.bits())
    }
}

impl From<SessionId> for Identity {
    fn from(id: SessionId) -> Self {
        Self(id.bits())
    }
}

impl Identity {
    pub(crate) const fn job(self) -> JobId {
        JobId::from_bits(self.0)
    }

    pub(crate) const fn session(self) -> SessionId {
        SessionId::from_bits(self.0)
    }
}

impl ToSql for Identity {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.0.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }

    to_sql_checked!();
}

impl FromSql<'_> for Identity {
    fn from_sql(_: &Type, raw: &[u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(u128::from_be_bytes(raw.try_into()?)))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::UUID
    }
}

pub(crate) fn lane_column(lane: Lane) -> i16 {
    match lane {
        Lane::Async => 0,
        Lane::Thread => 1,
        Lane::Process => 2,
    }
}

pub(crate) fn lane(column: i16) -> Result<Lane, Error> {
    pick(&Lane::ALL, column, "lane")
}

pub(crate) fn state_column(state: State) -> i16 {
    match state {
        State::Scheduled => 0,
        State::Ready => 1,
        State::Running => 2,
        State::Succeeded => 3,
        State::Failed => 4,
        State::Cancelled => 5,
        State::Parked => 6,
    }
}

pub(crate) fn state(column: i16) -> Result<State, Error> {
    pick(&State::ALL, column, "state")
}

fn pick<T: Copy>(all: &[T], column: i16, noun: &str) -> Result<T, Error> {
    usize::try_from(column)
        .ok()
        .and_then(|index| all.get(index).copied())
        .ok_or_else(|| damaged(format!("{column} is not a {noun}")))
}

pub(crate) const fn scope_column(scope: UniqueScope) -> i16 {
    match scope {
        UniqueScope::Unfinished => 0,
        UniqueScope::Kept => 1,
    }
}

pub(crate) fn scope(column: i16) -> Result<UniqueScope, Error> {
    pick(&[UniqueScope::Unfinished, UniqueScope::Kept], column, "scope of a key")
}

/// The priority times −1: the most urgent job has the smallest number.
pub(crate) fn urgency(priority: Priority) -> i16 {
    -i16::from(priority.value())
}

pub(crate) fn priority(urgency: i16) -> Result<Priority, Error> {
    Priority::new(-i64::from(urgency)).map_err(|_| damaged(format!("{urgency} is not an urgency")))
}

/// A span in microseconds.
pub(crate) fn span(column: i64) -> Duration {
    Duration::from_micros(u64::try_from(column).unwrap_or(0))
}

pub(crate) fn span_column(span: Duration) -> i64 {
    micros(span)
}

pub(crate) fn instant(column: Option<i64>) -> Option<Timestamp> {
    column.map(Timestamp::from_micros)
}

/// A count as a column holds it; what is beyond is as good as all.
pub(crate) fn count_column(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// A count as the domain has it.
pub(crate) fn count(column: i32) -> u32 {
    u32::try_from(column).unwrap_or(0)
}

/// A text as the server can hold it: without the character NUL.
pub(crate) fn text(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// A failure as JSON, which the functions of the schema read, too.
pub(crate) fn failure_column(failure: &Failure) -> Result<String, Error> {
    json(&Failure {
        code: text(&failure.code),
        kind: text(&failure.kind),
        message: text(&failure.message),
        traceback: text(&failure.traceback),
    })
}

pub(crate) fn failure(column: &str) -> Result<Failure, Error> {
    serde_json::from_str(column).map_err(|error| damaged(format!("a failure: {error}")))
}

pub(crate) fn policy_column(policy: &Policy) -> Result<String, Error> {
    json(policy)
}

pub(crate) fn policy(column: &str) -> Result<Policy, Error> {
    serde_json::from_str(column).map_err(|error| damaged(format!("a policy: {error}")))
}

fn json(value: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| not_storable(&error))
}

pub(crate) fn decode<T: DeserializeOwned>(column: &[u8], what: &str) -> Result<T, Error> {
    rmp_serde::from_slice(column).map_err(|error| damaged(format!("{what}: {error}")))
}

/// Fields travel with their names, so that a later version can add some.
pub(crate) fn encode(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    rmp_serde::to_vec_named(value).map_err(|error| not_storable(&error))
}

fn not_storable(error: &dyn StdError) -> Error {
    Error::new(Code::Internal, "a value cannot be stored").why(error.to_string())
}

/// What is stored is not what this crate writes.
pub(crate) fn damaged(why: impl Into<String>) -> Error {
    Error::new(Code::StoreCorrupt, "the database holds what cannot be read").why(why)
}
