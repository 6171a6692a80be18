//! The pace of starts within one process: the `rate=` of `laneway.map`.

use laneway_core::clock::Timestamp;
use laneway_core::limit::{Grant, Rate};
use pyo3::prelude::*;

use crate::error::raised;
use crate::template::rate;

/// Tells when the next start is allowed, by the same rule as a store's limits.
#[pyclass(module = "laneway._native")]
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// The instant at which the budget is full again.
    tat: Timestamp,
}

impl Pace {
    /// Asks for starts; gives the answer, and the seconds until a further one is allowed.
    fn ask(&self, now: f64, wanted: u32) -> (Grant, f64) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a cast of a float ends at the bound of the integer"
        )]
        let now = Timestamp::from_micros((now * 1e6).round() as i64);
        let grant = self.rate.grant(self.tat, now, wanted);
        (grant, grant.next_at.since(now).as_secs_f64())
    }
}

#[pymethods]
impl Pace {
    #[new]
    fn new(starts: i64, per: f64, burst: i64) -> PyResult<Self> {
        let rate = rate(starts, per, burst).map_err(raised)?;
        Ok(Self { rate, tat: Timestamp::default() })
    }

    /// Seconds between two starts at an even pace.
    #[getter]
    fn interval(&self) -> f64 {
        self.rate.per().as_secs_f64() / f64::from(self.rate.count())
    }

    /// Seconds until a start is allowed.
    fn wait(&self, now: f64) -> f64 {
        self.ask(now, 0).1
    }

    /// Starts if it is allowed: 0 if it is counted, else the seconds to wait.
    fn take(&mut self, now: f64) -> f64 {
        let (grant, wait) = self.ask(now, 1);
        if grant.granted == 0 {
            return wait;
        }
        self.tat = grant.tat;
        0.0
    }
}
