//! A histogram of durations that can be merged and stays small.
//!
//! Buckets are log-linear as in `HdrHistogram` (Gil Tene): each doubling is cut into eight equal
//! parts. A bucket is represented by the value whose relative error is the same at both of its
//! ends, and an overfull histogram collapses its *lowest* buckets, both as in `DDSketch` (Masson,
//! Rim and Lee, 2019). Collapsing the lowest is exact under merging: the highest buckets of a union
//! lie at least as high as those of its parts, so whatever a part has collapsed would be collapsed
//! in the union, too. Hence the order of merges never matters.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::nanos;
use super::varint::{push_varint, take_varint};

/// The most buckets in use; at eight a doubling, at least nine doublings below the longest value
/// keep their own bucket.
pub const BUCKETS_MAX: usize = 72;

/// The largest relative error of a quantile: half a bucket's width.
pub const RELATIVE_ERROR: f64 = 1.0 / 17.0;

/// Logarithms are kept in millionths, as integers: sums of floats depend on their order.
const LOGARITHM_UNIT: f64 = 1e6;

/// Durations below this count as this in logarithms; below it the clocks' noise is all there is.
const LOGARITHM_FLOOR_NANOS: u64 = 1_000;

/// What [`logarithms`] gives for the floor.
const LOGARITHMS_OF_FLOOR: (u64, u64) = (6_907_755, 47_717_083);

/// How often which duration was seen, its sum, and the moments of its logarithm.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Histogram {
    /// Bucket and count, sorted by bucket, at most [`BUCKETS_MAX`].
    buckets: Vec<(u16, u32)>,
    count: u64,
    sum_nanos: u64,
    longest_nanos: u64,
    logarithm_sum: u64,
    logarithm_square_sum: u64,
}

impl Histogram {
    /// Adds one duration.
    pub fn record(&mut self, duration: Duration) {
        let value = nanos::of(duration);
        self.add(bucket_of(value), 1);
        self.collapse();
        let (logarithm, logarithm_square) = logarithms(value);
        self.count = self.count.saturating_add(1);
        self.sum_nanos = self.sum_nanos.saturating_add(value);
        self.longest_nanos = self.longest_nanos.max(value);
        self.logarithm_sum = self.logarithm_sum.saturating_add(logarithm);
        self.logarithm_square_sum = self.logarithm_square_sum.saturating_add(logarithm_square);
    }

    /// Adds all that `other` saw.
    pub fn merge(&mut self, other: &Self) {
        for &(bucket, count) in &other.buckets {
            self.add(bucket, count);
        }
        self.collapse();
        self.count = self.count.saturating_add(other.count);
        self.sum_nanos = self.sum_nanos.saturating_add(other.sum_nanos);
        self.longest_nanos = self.longest_nanos.max(other.longest_nanos);
        self.logarithm_sum = self.logarithm_sum.saturating_add(other.logarithm_sum);
        self.logarithm_square_sum =
            self.logarithm_square_sum.saturating_add(other.logarithm_square_sum);
    }

    fn add(&mut self, bucket: u16, count: u32) {
        match self.buckets.binary_search_by_key(&bucket, |&(at, _)| at) {
            Ok(place) => {
                if let Some((_, seen)) = self.buckets.get_mut(place) {
                    *seen = seen.saturating_add(count);
                }
            }
            Err(place) => self.buckets.insert(place, (bucket, count)),
        }
    }

    /// Lays the lowest buckets together until there are no more than [`BUCKETS_MAX`].
    fn collapse(&mut self) {
        let surplus = self.buckets.len().saturating_sub(BUCKETS_MAX);
        if surplus == 0 {
            return;
        }
        let collapsed =
            self.buckets.drain(..surplus).fold(0_u32, |sum, (_, count)| sum.saturating_add(count));
        if let Some((_, lowest)) = self.buckets.first_mut() {
            *lowest = lowest.saturating_add(collapsed);
        }
    }

    /// How many durations were recorded.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Whether nothing was recorded.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their exact sum.
    pub const fn sum(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos)
    }

    /// Their exact mean; zero when there are none.
    pub fn mean(&self) -> Duration {
        Duration::from_nanos(self.sum_nanos.checked_div(self.count).unwrap_or(0))
    }

    /// The longest, exactly.
    pub const fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest_nanos)
    }

    /// The duration below which a share `share` of all lies, within [`RELATIVE_ERROR`]; zero when
    /// there are none.
    pub fn quantile(&self, share: f64) -> Duration {
        let total: u64 = self.buckets.iter().map(|&(_, count)| u64::from(count)).sum();
        let rank = (share.clamp(0.0, 1.0) * nanos::approximate(total)).ceil().max(1.0);
        let mut seen = 0;
        for &(bucket, count) in &self.buckets {
            seen += u64::from(count);
            if nanos::approximate(seen) >= rank {
                return Duration::from_nanos(representative(bucket).min(self.longest_nanos));
            }
        }
        self.longest()
    }

    /// The standard deviation divided by the mean, from the buckets; zero for fewer than two.
    pub fn relative_deviation(&self) -> f64 {
        let total: u64 = self.buckets.iter().map(|&(_, count)| u64::from(count)).sum();
        if total < 2 || self.sum_nanos == 0 {
            return 0.0;
        }
        let moment = |power: i32| -> f64 {
            let terms = self.buckets.iter().map(|&(bucket, count)| {
                f64::from(count) * nanos::approximate(representative(bucket)).powi(power)
            });
            terms.sum::<f64>() / nanos::approximate(total)
        };
        let mean = moment(1);
        let variance = (moment(2) - mean * mean).max(0.0);
        if mean > 0.0 { variance.sqrt() / mean } else { 0.0 }
    }

    /// The mean of the natural logarithm of nanoseconds; durations below a microsecond count as
    /// one.
    pub fn log_mean(&self) -> f64 {
        nanos::approximate(self.logarithm_sum)
            / LOGARITHM_UNIT
            / nanos::approximate(self.count.max(1))
    }

    /// The standard deviation of the natural logarithm; zero for fewer than two.
    pub fn log_deviation(&self) -> f64 {
        if self.count < 2 {
            return 0.0;
        }
        let count = nanos::approximate(self.count);
        let mean = self.log_mean();
        let square_mean = nanos::approximate(self.logarithm_square_sum) / LOGARITHM_UNIT / count;
        ((square_mean - mean * mean).max(0.0) * count / (count - 1.0)).sqrt()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(24 + 3 * self.buckets.len());
        for number in [
            self.count,
            self.sum_nanos,
            self.longest_nanos,
            self.logarithm_sum,
            self.logarithm_square_sum,
        ] {
            push_varint(&mut bytes, number);
        }
        let mut last = 0;
        for &(bucket, count) in &self.buckets {
            push_varint(&mut bytes, u64::from(bucket - last));
            push_varint(&mut bytes, u64::from(count));
            last = bucket;
        }
        bytes
    }

    fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut next = || take_varint(&mut bytes);
        let mut histogram = Self {
            buckets: Vec::new(),
            count: next()?,
            sum_nanos: next()?,
            longest_nanos: next()?,
            logarithm_sum: next()?,
            logarithm_square_sum: next()?,
        };
        let mut bucket = 0_u16;
        while !bytes.is_empty() {
            let step = u16::try_from(take_varint(&mut bytes)?).ok()?;
            let count = u32::try_from(take_varint(&mut bytes)?).ok()?;
            if (step == 0 && !histogram.buckets.is_empty())
                || histogram.buckets.len() == BUCKETS_MAX
            {
                return None;
            }
            bucket = bucket.checked_add(step).filter(|&bucket| bucket <= BUCKET_LAST)?;
            histogram.buckets.push((bucket, count));
        }
        Some(histogram)
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.to_bytes())
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = serde_bytes::ByteBuf::deserialize(deserializer)?;
        Self::from_bytes(&bytes)
            .ok_or_else(|| serde::de::Error::custom("the bytes are no histogram of durations"))
    }
}

const BUCKET_LAST: u16 = 61 * 8 + 7;

/// The logarithm of a value and its square, in [`LOGARITHM_UNIT`]s. Most of what is recorded is
/// nothing at all, and then neither is computed.
fn logarithms(value: u64) -> (u64, u64) {
    if value <= LOGARITHM_FLOOR_NANOS {
        return LOGARITHMS_OF_FLOOR;
    }
    let logarithm = nanos::approximate(value).ln();
    (fixed(logarithm), fixed(logarithm * logarithm))
}

/// A non-negative logarithm in [`LOGARITHM_UNIT`]s.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of at least 1,000 and at most 2^64 is positive and below 45"
)]
fn fixed(logarithm: f64) -> u64 {
    (logarithm * LOGARITHM_UNIT).round() as u64
}

fn bucket_of(value: u64) -> u16 {
    let Some(exponent) = value.checked_ilog2().filter(|&exponent| exponent >= 3) else {
        return u16::try_from(value).unwrap_or(0);
    };
    let part = (value >> (exponent - 3)) & 7;
    u16::try_from(u64::from(exponent - 2) * 8 + part).unwrap_or(BUCKET_LAST)
}

/// The value whose relative error is the same at both ends of a bucket: their harmonic mean,
/// written so that it cannot overflow.
fn representative(bucket: u16) -> u64 {
    if bucket < 8 {
        return u64::from(bucket);
    }
    let shift = u32::from(bucket / 8 - 1);
    let low = (8 + u128::from(bucket % 8)) << shift;
    let high = low + (1 << shift);
    u64::try_from(low + low * (high - low) / (low + high)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
