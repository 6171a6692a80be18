//! When a runner that died is started again.

use std::time::Duration;

use crate::clock::Moment;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);
const PROVEN: Duration = Duration::from_secs(30);

/// Deaths in a row, none of which got as far as being ready, after which starting is given up.
pub(crate) const UNREADY_DEATHS_MAX: u32 = 5;

/// How far a runner got before it died.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Died {
    /// It was never ready.
    Unready,
    /// It ran attempts. They bear the blame and are counted as interrupted, which ends soon;
    /// slowing the lane down would punish the other jobs.
    AtWork,
    /// It was ready for so long and ran nothing.
    Idle(Duration),
}

/// The pace at which runners of one role are started again.
#[derive(Debug, Default)]
pub(crate) struct Restart {
    unready: u32,
    delay: Duration,
    not_before: Moment,
}

impl Restart {
    /// Notes a death.
    pub(crate) fn died(&mut self, how: Died, now: Moment) {
        self.unready = if how == Died::Unready { self.unready + 1 } else { 0 };
        self.delay = match how {
            Died::AtWork => FIRST,
            Died::Idle(lived) if lived >= PROVEN => FIRST,
            Died::Unready | Died::Idle(_) => (self.delay * 2).clamp(FIRST, LONGEST),
        };
        self.not_before = now.plus(self.delay);
    }

    /// Notes that a runner got ready.
    pub(crate) const fn ready(&mut self) {
        self.unready = 0;
    }

    /// Whether it makes no sense to go on.
    pub(crate) const fn is_hopeless(&self) -> bool {
        self.unready >= UNREADY_DEATHS_MAX
    }

    /// The moment from which the next start is allowed.
    pub(crate) const fn not_before(&self) -> Moment {
        self.not_before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(deaths: &[Died]) -> Vec<u128> {
        let (mut restart, now) = (Restart::default(), Moment::default());
        deaths
            .iter()
            .map(|how| {
                restart.died(*how, now);
                restart.not_before().since(now).as_millis()
            })
            .collect()
    }

    #[test]
    fn the_pauses_double_up_to_ten_seconds_and_start_anew_after_a_long_life() {
        let short = Died::Idle(Duration::from_secs(1));
        let long = Died::Idle(Duration::from_secs(31));
        let waits = delays(&[short, short, short, long, short, Died::AtWork, Died::AtWork]);
        assert_eq!(waits, [100, 200, 400, 100, 200, 100, 100]);
        assert_eq!(delays(&[short; 9]).last(), Some(&10_000));
    }

    #[test]
    fn five_deaths_before_being_ready_are_hopeless_but_not_with_a_ready_one_between() {
        let mut restart = Restart::default();
        for _ in 0..4 {
            restart.died(Died::Unready, Moment::default());
        }
        assert!(!restart.is_hopeless());
        restart.ready();
        for _ in 0..4 {
            restart.died(Died::Unready, Moment::default());
        }
        assert!(!restart.is_hopeless());
        restart.died(Died::Unready, Moment::default());
        assert!(restart.is_hopeless());
    }
}
