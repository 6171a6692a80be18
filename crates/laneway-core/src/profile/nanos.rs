//! Durations on the wire as whole nanoseconds: one integer instead of a pair, five bytes for
//! anything under four seconds.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// Whole nanoseconds; the longest that fits when there are more.
pub(crate) fn of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// A whole number as the nearest float.
#[expect(clippy::cast_precision_loss, reason = "statistics need 53 bits at most")]
pub(crate) const fn approximate(number: u64) -> f64 {
    number as f64
}

/// Seconds as a duration: nothing for what is negative or no number, the longest for what is too
/// long.
pub(crate) fn from_seconds(seconds: f64) -> Duration {
    let seconds = if seconds.is_nan() { 0.0 } else { seconds.max(0.0) };
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

pub(crate) fn serialize<S: Serializer>(
    duration: &Duration,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(of(*duration))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Duration, D::Error> {
    u64::deserialize(deserializer).map(Duration::from_nanos)
}

/// The same for a duration that may be unknown.
pub(crate) mod optional {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        duration.map(super::of).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
    }
}
