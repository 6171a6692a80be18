//! Rate limits: the generic cell rate algorithm (ITU-T I.371, as described for software by Brandur
//! Leach, *Rate Limiting, Cells, and GCRA*, 2015).
//!
//! A limit keeps one number, the *theoretical arrival time* (TAT): the instant at which its budget
//! is full again. Each permit moves it one interval ahead; a permit is granted while the TAT is at
//! most `burst − 1` intervals ahead of now.

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
        if count == 0 || burst == 0 || micros(per) < i64::from(count) {
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

    /// The time in which the count of starts is allowed, in microseconds.
    fn per_micros(&self) -> i128 {
        i128::from(micros(self.per).max(1))
    }

    /// How many whole intervals fit into a time.
    fn starts_within(&self, micros: i128) -> i128 {
        micros.saturating_mul(self.count.into()).div_euclid(self.per_micros())
    }

    /// The least time in whole microseconds that so many intervals fit into.
    fn micros_for(&self, starts: i128) -> i128 {
        let count = i128::from(self.count.max(1));
        starts.saturating_mul(self.per_micros()).saturating_add(count - 1).div_euclid(count)
    }

    /// How many of `wanted` permits are granted `now`, what the TAT becomes, and when the next
    /// permit can be had.
    ///
    /// The interval need not be a whole number of microseconds, but the TAT is one. So what a grant
    /// costs is rounded up, and only once for all its permits: never too fast, and slower than the
    /// rate by less than a microsecond for each grant.
    pub fn grant(&self, tat: Timestamp, now: Timestamp, wanted: u32) -> Grant {
        let now_micros = i128::from(now.as_micros());
        let start = i128::from(tat.max(now).as_micros());
        // Of the burst is missing what the time up to the TAT stands for, and what of it is begun.
        let room = i128::from(self.burst) + self.starts_within(now_micros - start);
        let granted = u32::try_from(room.max(0)).unwrap_or(u32::MAX).min(wanted);
        let tat = start + self.micros_for(granted.into());
        // Rounding down what the rest of the burst allows makes the wait for the next one longer.
        let rest = -self.micros_for(1 - i128::from(self.burst));
        Grant { granted, tat: timestamp(tat), next_at: timestamp(tat - rest).max(now) }
    }
}

fn timestamp(micros: i128) -> Timestamp {
    Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
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

    /// 33 µs between two starts, which is what fits a whole number, would be 1 % too fast.
    #[test]
    fn an_interval_that_is_no_whole_number_of_microseconds_is_not_cut_short() {
        let rate = Rate::new(30_000, Duration::from_secs(1), 1).unwrap();
        let (mut tat, mut starts) = (Timestamp::default(), 0);
        for micros in 0..1_000_000 {
            let grant = rate.grant(tat, Timestamp::from_micros(5_000_000 + micros), 9);
            tat = grant.tat;
            starts += grant.granted;
        }
        assert!((29_000..=30_000).contains(&starts), "{starts}");
    }

    /// Starts that are granted together cost their sum, rounded once.
    #[test]
    fn starts_in_batches_keep_the_pace_of_an_uneven_interval() {
        let rate = Rate::new(700_000, Duration::from_secs(1), 7_000).unwrap();
        let (mut tat, mut starts) = (Timestamp::default(), 0);
        for millis in 0..1_000 {
            let grant = rate.grant(tat, at(5_000 + millis), u32::MAX);
            tat = grant.tat;
            starts += grant.granted;
        }
        assert!((705_000..=707_000).contains(&starts), "{starts}");
    }

    #[test]
    fn the_next_instant_that_is_told_is_the_first_with_a_permit() {
        for (count, burst) in [(30_000, 1), (30_000, 7), (3, 1), (3, 2), (999_999, 50)] {
            let rate = Rate::new(count, Duration::from_secs(1), burst).unwrap();
            let spent = rate.grant(Timestamp::default(), at(9_000), u32::MAX);
            assert_eq!(spent.granted, burst);
            let before = Timestamp::from_micros(spent.next_at.as_micros() - 1);
            assert_eq!(rate.grant(spent.tat, before, 1).granted, 0, "{rate}");
            assert_eq!(rate.grant(spent.tat, spent.next_at, 1).granted, 1, "{rate}");
        }
    }

    proptest! {
        /// The promise users rely on: in any window of length `w`, at most `burst + w / interval`
        /// starts.
        #[test]
        fn no_window_ever_sees_more_than_the_burst_and_the_pace(
            count in prop_oneof![1_u32..200, 1_u32..=1_000_000],
            burst in 1_u32..50,
            unit in prop_oneof![Just(1_u64), Just(1_000)],
            steps in prop::collection::vec((0_u64..300, 0_u32..40), 1..120),
        ) {
            let rate = Rate::new(count, Duration::from_secs(1), burst).unwrap();
            let (mut now, mut tat) = (at(5_000), Timestamp::default());
            let mut starts: Vec<i64> = Vec::new();
            for (units, wanted) in steps {
                now = now.plus(Duration::from_micros(units * unit));
                let grant = rate.grant(tat, now, wanted);
                tat = grant.tat;
                prop_assert!(grant.next_at >= now);
                starts.extend((0..grant.granted).map(|_| now.as_micros()));
            }
            for (i, from) in starts.iter().enumerate() {
                for (seen, to) in starts.iter().skip(i).enumerate() {
                    let allowed = i64::from(burst) + (to - from) * i64::from(count) / 1_000_000;
                    prop_assert!(i64::try_from(seen).unwrap() < allowed);
                }
            }
        }
    }
}
