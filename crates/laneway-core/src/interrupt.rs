//! What becomes of an attempt that ended without a word: its runner crashed, its worker was killed,
//! or its lease ran out.

use serde::{Deserialize, Serialize};

use crate::transition::Event;

/// What a task's author says about running it again when nobody knows how far it got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnInterrupt {
    /// Run it again: the task is idempotent.
    #[default]
    Retry,
    /// Park it as *interrupted, outcome unknown*, until a person decides.
    Park,
}

/// How often a job may be interrupted before it fails as poison, by default.
pub const INTERRUPTS_MAX_DEFAULT: u32 = 3;

/// The event that follows an interruption.
///
/// `interrupts` counts this interruption too. A job that was interrupted `interrupts_max` times
/// fails: most likely it kills its runner, and would do so for ever.
pub const fn event_after(on_interrupt: OnInterrupt, interrupts: u32, interrupts_max: u32) -> Event {
    match on_interrupt {
        OnInterrupt::Park => Event::Park,
        OnInterrupt::Retry if interrupts >= interrupts_max => Event::Fail,
        OnInterrupt::Retry => Event::Release,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interrupted_job_runs_again_until_it_counts_as_poison() {
        let events: Vec<_> = (1..=4).map(|n| event_after(OnInterrupt::Retry, n, 3)).collect();
        assert_eq!(events, [Event::Release, Event::Release, Event::Fail, Event::Fail]);
    }

    #[test]
    fn a_job_that_must_not_be_guessed_about_is_parked_at_once() {
        assert_eq!(event_after(OnInterrupt::Park, 1, 3), Event::Park);
        assert_eq!(event_after(OnInterrupt::Park, 9, 3), Event::Park);
    }
}
