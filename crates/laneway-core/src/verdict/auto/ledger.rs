//! What runs in one lane cost lately.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{FORGETTING, student};

/// The most kinds of errors that are told apart; beyond it every error is a known one.
const KINDS_MAX: usize = 32;

/// Moments of the logarithm of costs, in which old runs fade (an exponentially weighted mean with
/// the weights of the first runs corrected, so that the first run counts in full).
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Ledger {
    weight: f64,
    weight_square: f64,
    sum: f64,
    square_sum: f64,
    runs: f64,
    errors: BTreeSet<String>,
}

impl Ledger {
    pub(super) fn record(&mut self, cost: Duration, error: Option<&str>) {
        let keep = 1.0 - FORGETTING;
        let logarithm = cost.as_secs_f64().max(1e-6).ln();
        self.weight = self.weight * keep + 1.0;
        self.weight_square = self.weight_square * keep * keep + 1.0;
        self.sum = self.sum * keep + logarithm;
        self.square_sum = self.square_sum * keep + logarithm * logarithm;
        self.runs += 1.0;
        if let Some(kind) = error
            && self.errors.len() < KINDS_MAX
        {
            self.errors.insert(kind.to_owned());
        }
    }

    /// Makes every cost `factor` times what it was.
    pub(super) fn scale(&mut self, factor: f64) {
        let shift = factor.max(f64::MIN_POSITIVE).ln();
        self.square_sum += 2.0 * shift * self.sum + shift * shift * self.weight;
        self.sum += shift * self.weight;
    }

    /// Runs recorded.
    pub(super) const fn runs(&self) -> f64 {
        self.runs
    }

    pub(super) fn knows(&self, kind: &str) -> bool {
        self.errors.len() >= KINDS_MAX || self.errors.contains(kind)
    }

    /// The mean of the logarithm of a run's seconds.
    pub(super) fn log_mean(&self) -> f64 {
        if self.weight > 0.0 { self.sum / self.weight } else { 0.0 }
    }

    /// The square of the standard error of [`log_mean`](Self::log_mean), widened for few runs.
    fn error_square(&self, fallback: f64) -> f64 {
        let effective = self.effective_runs();
        let variance = if self.runs < 2.0 { fallback } else { self.variance() };
        variance / effective.max(1.0)
    }

    fn variance(&self) -> f64 {
        let mean = self.log_mean();
        (self.square_sum / self.weight.max(1e-9) - mean * mean).max(0.0)
    }

    /// How many runs of equal weight would know the mean as well.
    fn effective_runs(&self) -> f64 {
        if self.weight_square > 0.0 { self.weight * self.weight / self.weight_square } else { 0.0 }
    }

    /// How many times more a run costs here than in `other`: the ends of the 95 % range. Nothing is
    /// known, and the range is endless, until both have runs.
    pub(super) fn cost_against(&self, other: &Self) -> (f64, f64) {
        if self.runs < 1.0 || other.runs < 2.0 {
            return (0.0, f64::INFINITY);
        }
        // Three runs can lie close together by chance: the better known spread is the floor.
        let spread = other.variance();
        let own = self.error_square(spread).max(spread / self.effective_runs().max(1.0));
        let error = (own + other.error_square(spread)).sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count of runs, at least one"
        )]
        let runs = self.effective_runs().min(other.effective_runs()) as u64;
        let width = if runs < 2 { 4.0 } else { student(runs) } * error;
        let difference = self.log_mean() - other.log_mean();
        ((difference - width).exp(), (difference + width).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_costs_are_as_if_they_had_been_recorded_so() {
        let (mut scaled, mut direct) = (Ledger::default(), Ledger::default());
        for millis in [3, 50, 8, 120] {
            scaled.record(Duration::from_millis(millis), None);
            direct.record(Duration::from_millis(millis * 4), None);
        }
        scaled.scale(4.0);
        assert!((scaled.log_mean() - direct.log_mean()).abs() < 1e-9);
        assert!((scaled.variance() - direct.variance()).abs() < 1e-9);
    }

    #[test]
    fn old_runs_fade() {
        let mut ledger = Ledger::default();
        (0..500).for_each(|_| ledger.record(Duration::from_secs(1), None));
        (0..500).for_each(|_| ledger.record(Duration::from_secs(2), None));
        assert!((ledger.log_mean() - 2_f64.ln()).abs() < 1e-3);
        assert!(ledger.effective_runs() < 100.0);
    }

    #[test]
    fn the_range_of_a_ratio_holds_the_ratio_and_narrows() {
        let (mut one, mut two) = (Ledger::default(), Ledger::default());
        assert_eq!(one.cost_against(&two), (0.0, f64::INFINITY));
        let mut widths = Vec::new();
        for round in 0..60_u64 {
            one.record(Duration::from_millis(180 + round % 5 * 10), None);
            two.record(Duration::from_millis(90 + round % 5 * 5), None);
            if round > 3 {
                let (low, high) = one.cost_against(&two);
                assert!(low < 2.0 && 2.0 < high, "{low} {high}");
                widths.push(high / low);
            }
        }
        assert!(widths[0] > widths[50]);
    }
}
