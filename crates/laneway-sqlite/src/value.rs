//! How the domain's values look in a column.

use std::time::Duration;

use laneway_core::clock::{Timestamp, micros};
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Failure, Lane, Priority, State};
use laneway_core::policy::Policy;
use laneway_core::store::UniqueScope;

use crate::fault::{Fault, Result};

/// Column values of 16 bytes, in the order of creation.
pub(crate) type Identity = [u8; 16];

pub(crate) const fn job_bytes(id: JobId) -> Identity {
    id.bits().to_be_bytes()
}

pub(crate) const fn job_id(bytes: Identity) -> JobId {
    JobId::from_bits(u128::from_be_bytes(bytes))
}

pub(crate) const fn session_bytes(id: SessionId) -> Identity {
    id.bits().to_be_bytes()
}

pub(crate) const fn session_id(bytes: Identity) -> SessionId {
    SessionId::from_bits(u128::from_be_bytes(bytes))
}

pub(crate) const fn lane_column(lane: Lane) -> i64 {
    lane as i64
}

pub(crate) fn lane(column: i64) -> Result<Lane> {
    pick(&Lane::ALL, column, "lane")
}

pub(crate) const fn state_column(state: State) -> i64 {
    state as i64
}

pub(crate) fn state(column: i64) -> Result<State> {
    pick(&State::ALL, column, "state")
}

fn pick<T: Copy>(all: &[T], column: i64, noun: &str) -> Result<T> {
    usize::try_from(column)
        .ok()
        .and_then(|index| all.get(index).copied())
        .ok_or_else(|| damaged(format!("{column} is not a {noun}")))
}

pub(crate) const fn scope_column(scope: UniqueScope) -> i64 {
    match scope {
        UniqueScope::Unfinished => 0,
        UniqueScope::Kept => 1,
    }
}

pub(crate) fn scope(column: i64) -> Result<UniqueScope> {
    pick(&[UniqueScope::Unfinished, UniqueScope::Kept], column, "scope")
}

/// The priority times −1: the most urgent job has the smallest number.
pub(crate) fn urgency(priority: Priority) -> i64 {
    -i64::from(priority.value())
}

pub(crate) fn priority(urgency: i64) -> Result<Priority> {
    Priority::new(-urgency).map_err(|_| damaged(format!("{urgency} is not an urgency")))
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

pub(crate) fn count_column(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(crate) fn failure_column(failure: &Failure) -> Result<Vec<u8>> {
    encode(failure)
}

pub(crate) fn failure(column: &[u8]) -> Result<Failure> {
    rmp_serde::from_slice(column).map_err(|error| damaged(format!("a failure: {error}")))
}

pub(crate) fn policy_column(policy: &Policy) -> Result<Vec<u8>> {
    encode(policy)
}

pub(crate) fn policy(column: &[u8]) -> Result<Policy> {
    decode(column, "a policy")
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(column: &[u8], what: &str) -> Result<T> {
    rmp_serde::from_slice(column).map_err(|error| damaged(format!("{what}: {error}")))
}

/// Fields travel with their names, so that a later version can add some.
pub(crate) fn encode(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(|error| {
        Fault::Known(Error::new(Code::Internal, "a value cannot be stored").why(error.to_string()))
    })
}

/// What is stored is not what this crate writes.
pub(crate) fn damaged(why: impl Into<String>) -> Fault {
    Fault::Known(Error::new(Code::StoreCorrupt, "the database holds what cannot be read").why(why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_and_lane_survives_its_column() {
        for one in State::ALL {
            assert_eq!(state(state_column(one)).unwrap(), one);
        }
        for one in Lane::ALL {
            assert_eq!(lane(lane_column(one)).unwrap(), one);
        }
        assert!(state(7).is_err() && lane(-1).is_err());
    }

    #[test]
    fn a_policy_survives_its_column() {
        let one = Policy { timeout: Some(Duration::from_millis(1_500)), ..Policy::default() };
        assert_eq!(policy(&policy_column(&one).unwrap()).unwrap(), one);
    }
}
