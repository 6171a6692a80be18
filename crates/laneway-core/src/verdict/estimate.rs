//! How well a number is known.

use serde::Serialize;

use super::thresholds::{GAIN_MIN, NORMAL_95, STUDENT_CORRECTION};
use crate::profile::Histogram;
use crate::profile::nanos::approximate;

/// A number with its 95 % range.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Estimate {
    /// The lower end.
    pub low: f64,
    /// The best guess.
    pub likely: f64,
    /// The upper end.
    pub high: f64,
}

impl Estimate {
    /// A number that is known exactly.
    pub const fn exact(value: f64) -> Self {
        Self { low: value, likely: value, high: value }
    }

    /// The mean of what a histogram saw, in seconds.
    ///
    /// The range is that of the central limit theorem on a logarithmic scale, `mean·exp(±t·cv/√n)`,
    /// which cannot become negative and holds for quantities that are mostly zero, too.
    pub fn mean_of(histogram: &Histogram) -> Self {
        let mean = histogram.mean().as_secs_f64();
        let count = approximate(histogram.count().max(1));
        let width =
            (student(histogram.count()) * histogram.relative_deviation() / count.sqrt()).exp();
        Self { low: mean / width, likely: mean, high: mean * width }
    }

    /// The duration below which a share `share` of all lies, in seconds; its range comes from the
    /// binomial distribution of how many lie below it and assumes nothing of the histogram's shape.
    pub fn quantile_of(histogram: &Histogram, share: f64) -> Self {
        let count = approximate(histogram.count().max(1));
        let width = NORMAL_95 * (share * (1.0 - share) / count).sqrt();
        let at = |share: f64| histogram.quantile(share).as_secs_f64();
        Self { low: at(share - width), likely: at(share), high: at((share + width).min(1.0)) }
    }

    /// The same number in another unit.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { low: self.low * factor, likely: self.likely * factor, high: self.high * factor }
    }
}

/// The factor of the standard error in a 95 % range for so many runs.
pub(super) fn student(count: u64) -> f64 {
    NORMAL_95 + STUDENT_CORRECTION / approximate(count.saturating_sub(1).max(1))
}

/// The runs after which the mean is known within the dead band of 1.3x at this log-deviation.
pub fn runs_for(log_deviation: f64) -> u64 {
    let runs = (NORMAL_95 * log_deviation / GAIN_MIN.ln()).powi(2).ceil().clamp(1.0, 1e9);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to one and a thousand million"
    )]
    let runs = runs as u64;
    runs
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_runs_needed_are_those_of_the_table_in_the_notes() {
        let runs = [0.3, 0.6, 1.0, 1.5].map(runs_for);
        assert_eq!(runs, [6, 21, 56, 126]);
        assert_eq!(runs_for(0.0), 1);
    }

    #[test]
    fn the_range_of_a_mean_narrows_with_the_runs() {
        let mut histogram = Histogram::default();
        let mut widths = Vec::new();
        for round in 0..3 {
            for millis in (1..=20_u64).cycle().take(20 * 10_usize.pow(round)) {
                histogram.record(Duration::from_millis(millis));
            }
            let mean = Estimate::mean_of(&histogram);
            assert!(mean.low < mean.likely && mean.likely < mean.high);
            widths.push(mean.high / mean.low);
        }
        assert!(widths[0] > widths[1] && widths[1] > widths[2], "{widths:?}");
    }

    #[test]
    fn the_lower_bound_of_a_high_quantile_ignores_one_outlier_in_twenty() {
        let mut histogram = Histogram::default();
        (0..19).for_each(|_| histogram.record(Duration::from_micros(50)));
        histogram.record(Duration::from_secs(1));
        let p95 = Estimate::quantile_of(&histogram, 0.95);
        assert!(p95.low < 0.001 && p95.high > 0.9, "{p95:?}");
    }
}
