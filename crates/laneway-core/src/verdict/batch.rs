//! One function over many items: which lane finishes first?
//!
//! This is the verdict for a script. It has seen only the first items, and a wrong answer costs one
//! run and not an outage, so it needs less evidence than [`advise`](super::advise); but it keeps
//! the dead band, and in doubt it calls the function in a plain loop.

use std::time::Duration;

use serde::Serialize;

use super::cost::{CostModel, Prediction, Target};
use super::estimate::Estimate;
use super::evidence::Evidence;
use super::facts::{Calibration, TaskFacts};
use super::thresholds::{BATCH_SAVED_MIN, GAIN_MIN};
use crate::job::Lane;
use crate::profile::Profile;
use crate::profile::nanos::approximate;

/// Where the items of a batch go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// One after another where the script is: no lane needed.
    Inline,
    /// Into a lane.
    Lane(Lane),
}

/// A batch of which the first items have run.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// What the first items measured, run one after another.
    pub first: &'a Profile,
    /// Items that are left.
    pub items_left: u64,
    /// What is known of the function; its `concurrency` is the most items wanted at once.
    pub facts: &'a TaskFacts,
    /// What lanes cost on this machine.
    pub calibration: &'a Calibration,
}

/// What the rest of a batch takes in one place.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Forecast {
    /// The place.
    pub placement: Placement,
    /// Seconds until the last item is done, with its 95 % range.
    pub seconds: Estimate,
    /// How many times less that is than one after another.
    pub gain: Estimate,
}

/// The forecasts for the rest of a batch, the one to choose first: a lane when its gain clears the
/// dead band at the worse end of its range and saves what a person would notice, else inline.
pub fn forecast(batch: &Batch<'_>) -> Vec<Forecast> {
    let wanted = u32::try_from(batch.items_left).unwrap_or(u32::MAX).max(1);
    let concurrency = batch.facts.concurrency.map_or(wanted, |most| most.min(wanted));
    let facts = TaskFacts { concurrency: Some(concurrency), ..batch.facts.clone() };
    let evidence = Evidence::of(batch.first, &facts, batch.calibration);
    let costs = CostModel::of(batch.first, &evidence, &facts, batch.calibration);
    let items = approximate(batch.items_left);
    let inline = Forecast {
        placement: Placement::Inline,
        seconds: costs.inline_time().times(items),
        gain: Estimate::exact(1.0),
    };
    let mut lanes: Vec<_> = [Target::Thread, Target::Process]
        .into_iter()
        .filter(|target| *target != Target::Process || batch.facts.can_go_to_process != Some(false))
        .map(|target| in_lane(batch, &costs, target))
        .collect();
    lanes.sort_by(|a, b| b.gain.low.total_cmp(&a.gain.low));
    let is_worth_it =
        |lane: &Forecast| lane.gain.low >= GAIN_MIN && lane.saved_from(&inline) >= BATCH_SAVED_MIN;
    let place = lanes.iter().take_while(|lane| is_worth_it(lane)).count();
    lanes.insert(place, inline);
    lanes
}

impl Forecast {
    /// Seconds that are saved at the least: the two share their uncertainty.
    fn saved_from(&self, inline: &Self) -> f64 {
        inline.seconds.low - self.seconds.low
    }
}

fn in_lane(batch: &Batch<'_>, costs: &CostModel, target: Target) -> Forecast {
    let Prediction { before_seconds, after_seconds, .. } = costs.predict_from_inline(target);
    let items = approximate(batch.items_left);
    let start = match target {
        Target::Process => batch.calibration.process_start,
        Target::AsyncLibrary | Target::Thread => Duration::ZERO,
    };
    // However many run at once, the last one takes its own time.
    let tail = costs.inline_time();
    let total = |after: f64, one: f64| start.as_secs_f64() + (after * items).max(one);
    let seconds = Estimate {
        low: total(after_seconds.low, tail.low),
        likely: total(after_seconds.likely, tail.likely),
        high: total(after_seconds.high, tail.high),
    };
    let gain = |before: f64, after: f64| before * items / after.max(1e-9);
    // The ends belong together: a batch that computes more does so inline, too.
    let ends = [
        gain(before_seconds.low, seconds.low),
        gain(before_seconds.likely, seconds.likely),
        gain(before_seconds.high, seconds.high),
    ];
    let gain = Estimate {
        low: ends.iter().copied().fold(f64::INFINITY, f64::min),
        likely: gain(before_seconds.likely, seconds.likely),
        high: ends.iter().copied().fold(0.0, f64::max),
    };
    Forecast { placement: Placement::Lane(target.lane()), seconds, gain }
}
