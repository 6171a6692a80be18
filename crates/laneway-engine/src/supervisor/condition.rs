//! How the worker is, in one line for people.

use laneway_core::job::Lane;

use super::{Course, Supervisor};
use crate::clock::Moment;
use crate::fleet::Role;
use crate::protocol::Stuck;

impl Supervisor {
    /// Such as `async 12/1000, thread 0/40, process 2/2, loop blocked 4.2 s by shop.pay at
    /// pay.py:7`.
    pub(crate) fn condition(&self, now: Moment) -> String {
        let places = self.options.concurrency;
        let mut words = vec![
            format!("async {}/{}", self.attempts.held(Lane::Async), places.async_jobs),
            format!("thread {}/{}", self.attempts.held(Lane::Thread), places.threads),
            format!("process {}/{}", self.attempts.held(Lane::Process), places.processes),
        ];
        let mains = self.fleet.of_role(Role::Main);
        let blocked = mains.filter_map(|runner| Some((runner.blocked_for(now)?, runner)));
        if let Some((blocked, runner)) = blocked.max_by_key(|(blocked, _)| *blocked) {
            let by = runner.stuck.as_ref().map(blame).unwrap_or_default();
            words.push(format!("loop blocked {:.1} s{by}", blocked.as_secs_f64()));
        }
        if self.course != Course::Running {
            words.push("draining".to_owned());
        }
        words.join(", ")
    }
}

/// Such as ` by shop.pay at shop/pay.py:7`.
fn blame(stuck: &Stuck) -> String {
    let place = stuck.place.as_ref();
    let at = place.map_or_else(String::new, |place| format!(" at {}:{}", place.file, place.line));
    format!(" by {}{at}", stuck.task)
}
