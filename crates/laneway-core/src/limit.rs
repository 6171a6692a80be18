//! Rate limits: the generic cell rate algorithm (ITU-T I.371, as described for software by Brandur
//! Leach, *Rate Limiting, Cells, and GCRA*, 2015).
//!
//! A limit keeps one number, the *theoretical arrival time* (TAT): the instant at which its budget
//! is full again. Each permit moves it one interval ahead; a permit is granted while the TAT is at
//! most
//! `burst − 1` intervals ahead of now.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Timestamp, micros};
use crate::duration;
use crate::error::{Code, Error};

/// So many starts in so much time, at most `burst` of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    count: u32,
    per: Duration,
    burst: u32,
}

/// A rate and the key under which all jobs share it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limit {
    /// Jobs with the same key share one budget, across queues, tasks and workers.
    pub key: String,
    /// The budget.
    pub rate: Rate,
}

impl Rate {
    /// `count` starts in `per`, at most `burst` at once.
    ///
    /// # Errors
    /// `LW1021` when a number is zero or the interval between two starts is under a microsecond.
    pub fn new(count: u32, per: Duration, burst: u32) -> Result<Self, Error> {
        let rate = Self { count, per, burst };
        if count == 0 || burst == 0 || rate.interval_micros() == 0 {
            return Err(Error::new(
                Code::InvalidSetting,
                format!(
                    "a rate of {count} in {} with burst {burst} is not usable",
                    duration::format(per)
                ),
            )
            .why("count and burst must be at least 1, and the rate at most one million a second")
            .fix("write for example `Rate(\"25/s\", burst=5)`"));
        }
        Ok(rate)
    }

    /// Starts in each [`per`](Self::per).
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The time in which [`count`](Self::count) starts are allowed.
    pub const fn per(&self) -> Duration {
        self.per
    }

    /// The most starts at one instant.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// The time between two starts at an even pace.
    fn interval_micros(&self) -> i64 {
        micros(self.per) / i64::from(self.count.max(1))
    }

    /// How many of `wanted` permits are granted `now`, what the TAT becomes, and when the next
    /// permit can be had.
    pub fn grant(&self, tat: Timestamp, now: Timestamp, wanted: u32) -> Grant {
        let interval = self.interval_micros();
        let start = tat.max(now).as_micros();
        let horizon = now.as_micros().saturating_add(interval.saturating_mul(self.burst.into()));
        let room = horizon.saturating_sub(start).max(0) / interval;
        let granted = u32::try_from(room).unwrap_or(u32::MAX).min(wanted);
        let tat = start.saturating_add(interval.saturating_mul(granted.into()));
        let next = tat.saturating_sub(interval.saturating_mul(i64::from(self.burst) - 1));
        Grant {
            granted,
            tat: Timestamp::from_micros(tat),
            next_at: Timestamp::from_micros(next).max(now),
        }
    }
}

impl FromStr for Rate {
    type Err = Error;

    /// Reads `25/s`, `100/m`, `3/10s`; the burst is one second's worth, at least 1.
    fn from_str(text: &str) -> Result<Self, Error> {
        let malformed = || {
            Error::new(Code::InvalidSetting, format!("`{text}` is not a rate"))
                .why("a rate is a whole number, a slash and a unit or duration")
                .fix("write for example `25/s`, `100/m` or `3/10s`")
        };
        let (count, per) = text.split_once('/').ok_or_else(malformed)?;
        let count: u32 = count.trim().parse().map_err(|_| malformed())?;
        let per = per.trim();
        let has_number = per.starts_with(|c: char| c.is_ascii_digit());
        let per = if has_number { per.to_owned() } else { format!("1{per}") };
        let per = duration::parse(&per).map_err(|_| malformed())?;
        let a_second = f64::from(count) / per.as_secs_f64().max(1e-9);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "float casts saturate, and the value lies between 1 and count"
        )]
        let burst = a_second.floor().clamp(1.0, f64::from(count.max(1))) as u32;
        Self::new(count, per, burst)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} burst {}", self.count, duration::format(self.per), self.burst)
    }
}

/// The answer to a request for permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Permits granted; they are spent.
    pub granted: u32,
    /// The limit's new theoretical arrival time, to be stored.
    pub tat: Timestamp,
    /// The first instant, not before now, at which a further permit can be had.
    pub next_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_micros(millis * 1_000)
    }

    #[test]
    fn a_full_budget_grants_its_burst_and_then_one_an_interval() {
        let rate = Rate::new(10, Duration::from_secs(1), 3).unwrap();
        let first = rate.grant(at(0), at(1_000), 9);
        assert_eq!((first.granted, first.next_at), (3, at(1_100)));
        let early = rate.grant(first.tat, at(1_099), 9);
        assert_eq!((early.granted, early.tat), (0, first.tat));
        let next = rate.grant(first.tat, at(1_100), 9);
        assert_eq!((next.granted, next.next_at), (1, at(1_200)));
    }

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, count, seconds, burst) in [
            ("25/s", 25, 1, 25),
            ("100/m", 100, 60, 1),
            ("3/10s", 3, 10, 1),
            ("120/2s", 120, 2, 60),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate, Rate::new(count, Duration::from_secs(seconds), burst).unwrap());
        }
        for text in ["", "25", "x/s", "0/s", "5/parsec", "-1/s", "2000000/s"] {
            let code = text.parse::<Rate>().unwrap_err().code();
            assert_eq!(code, Code::InvalidSetting, "{text}");
        }
    }

    proptest! {
        /// The promise users rely on: in any window of length `w`, at most `burst + w / interval`
        /// starts.
        #[test]
        fn no_window_ever_sees_more_than_the_burst_and_the_pace(
            count in 1_u32..200,
            burst in 1_u32..50,
            steps in prop::collection::vec((0_i64..300, 0_u32..40), 1..120),
        ) {
            let rate = Rate::new(count, Duration::from_secs(1), burst).unwrap();
            let interval = 1_000_000 / i64::from(count);
            let (mut now, mut tat) = (at(5_000), Timestamp::default());
            let mut starts: Vec<i64> = Vec::new();
            for (millis, wanted) in steps {
                now = now.plus(Duration::from_millis(millis.unsigned_abs()));
                let grant = rate.grant(tat, now, wanted);
                tat = grant.tat;
                prop_assert!(grant.next_at >= now);
                starts.extend((0..grant.granted).map(|_| now.as_micros()));
            }
            for (i, from) in starts.iter().enumerate() {
                for (seen, to) in starts.iter().skip(i).enumerate() {
                    let allowed = i64::from(burst) + (to - from) / interval;
                    prop_assert!(i64::try_from(seen).unwrap() < allowed);
                }
            }
        }
    }
}
