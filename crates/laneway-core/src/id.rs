//! Identities of jobs and sessions: ULIDs, so that they sort by the time they were made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::clock::Timestamp;
use crate::error::{Code, Error};

macro_rules! ulid_identity {
    ($(#[$doc:meta])* $name:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(u128);

        impl $name {
            /// Makes an identity from the time and 80 random bits (the low ones of `random`).
            pub fn new(now: Timestamp, random: u128) -> Self {
                Self(Ulid::from_parts(now.as_millis(), random).0)
            }

            /// The identity with exactly these 128 bits.
            pub const fn from_bits(bits: u128) -> Self {
                Self(bits)
            }

            /// All 128 bits; their order is the order of creation.
            pub const fn bits(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut buffer = [0; ulid::ULID_LEN];
                f.pad(Ulid(self.0).array_to_str(&mut buffer))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                Ulid::from_string(text).map(|ulid| Self(ulid.0)).map_err(|_| {
                    Error::new(
                        Code::InvalidArgument,
                        format!(concat!("`{}` is not a ", $noun, " id"), text),
                    )
                    .why("an id has 26 letters and digits, such as `01JD3Z7Q6W8X9YK2M4N5P6R7S8`")
                    .fix("copy the id as `laneway jobs list` or `laneway status` shows it")
                })
            }
        }
    };
}

ulid_identity!(
    /// Names a job for as long as the store keeps it. The producer makes it, so that an enqueue
    /// whose answer was lost can be repeated without a second job.
    JobId,
    "job"
);
ulid_identity!(
    /// Names a worker's lease on life in the store.
    SessionId,
    "session"
);

/// A number that grows with every claim of a job and never goes back: the fence.
///
/// Whatever an attempt reports carries its token; a report whose token is not the job's present one
/// changes nothing.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Token(pub u64);

impl Token {
    /// The token of the next claim.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_time_and_survive_their_text_form() {
        let early = JobId::new(Timestamp::from_micros(1_000_000), u128::MAX);
        let late = JobId::new(Timestamp::from_micros(1_001_000), 0);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(late.to_string().parse::<JobId>().unwrap(), late);
    }

    #[test]
    fn a_text_that_is_no_id_is_refused_with_a_code() {
        assert_eq!("r-42".parse::<JobId>().unwrap_err().code(), Code::InvalidArgument);
    }
}
