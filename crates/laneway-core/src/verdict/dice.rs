//! Random numbers for simulations: `SplitMix64` (Steele, Lea and Flood, 2014), so that a seed gives
//! the same run everywhere.

use crate::profile::nanos;

pub(super) struct Dice(pub(super) u64);

impl Dice {
    /// Uniform in `[0, 1)`.
    pub(super) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        nanos::approximate(bits >> 11) / nanos::approximate(1 << 53)
    }

    /// A log-normal factor with this log-deviation (Box and Muller).
    pub(super) fn lognormal(&mut self, deviation: f64) -> f64 {
        let (one, two) = (self.uniform().max(1e-12), self.uniform());
        (deviation * (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * two).cos()).exp()
    }
}
