//! How the worker is, in one line for people.

use std::time::Duration;

use laneway_core::job::Lane;

use super::{Course, Supervisor};
use crate::clock::Moment;
use crate::fleet::{Role, Runner, Standstill};
use crate::observer::Blocker;

/// A loop may have turned for so long without having answered yet.
const ROUND_TRIP: Duration = Duration::from_millis(100);

impl Supervisor {
    /// Such as `async 12/1000, thread 0/40, process 2/2, 3 claimed ahead, loop blocked 4.2 s by
    /// shop.pay at pay.py:7`.
    pub(crate) fn condition(&self, now: Moment) -> String {
        let places = self.options.concurrency;
        let running = self.attempts.running();
        let mut words = vec![
            format!("async {}/{}", running.get(Lane::Async), places.async_jobs),
            format!("thread {}/{}", running.get(Lane::Thread), places.threads),
            format!("process {}/{}", running.get(Lane::Process), places.processes),
        ];
        let begun: usize = Lane::ALL.iter().map(|lane| running.get(*lane)).sum();
        let ahead = self.attempts.len().saturating_sub(begun);
        if ahead > 0 {
            words.push(format!("{ahead} claimed ahead"));
        }
        if let Some((blocked, runner)) = self.most_blocked(now) {
            let by = runner.standstill.as_ref().map(|by| blame(by, blocked, now));
            let by = by.unwrap_or_default();
            words.push(format!("loop blocked {:.1} s{by}", blocked.as_secs_f64()));
        }
        if self.course != Course::Running {
            words.push("draining".to_owned());
        }
        words.join(", ")
    }

    /// Whether an event loop does not turn.
    pub(crate) fn is_blocked(&self, now: Moment) -> bool {
        self.most_blocked(now).is_some()
    }

    fn most_blocked(&self, now: Moment) -> Option<(Duration, &Runner)> {
        let loops = self.fleet.iter().filter(|runner| runner.role != Role::Process);
        let blocked = loops.filter_map(|runner| Some((runner.blocked_for(now)?, runner)));
        blocked.max_by_key(|(blocked, _)| *blocked)
    }
}

/// Such as ` by shop.pay at shop/pay.py:7`; when the present step took only a part of the time,
/// such as `, at last 0.3 s by shop.pay at shop/pay.py:7`: the steps before it were others'.
fn blame(by: &Standstill, blocked: Duration, now: Moment) -> String {
    let Blocker { task, place, since } = by.blocker();
    let at = place.map_or_else(String::new, |place| format!(" at {}:{}", place.file, place.line));
    let before = blocked.saturating_sub(now.since(by.seen_at)).saturating_sub(since);
    if before > ROUND_TRIP {
        return format!(", at last {:.1} s by {task}{at}", since.as_secs_f64());
    }
    format!(" by {task}{at}")
}
