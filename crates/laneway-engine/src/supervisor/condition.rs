//! How the worker is, in one line for people.

use laneway_core::job::Lane;

use super::{Course, Supervisor};
use crate::clock::Moment;
use crate::fleet::Role;

impl Supervisor {
    /// Such as `async 12/1000, thread 0/40, process 2/2, loop blocked 4.2 s`.
    pub(crate) fn condition(&self, now: Moment) -> String {
        let places = self.options.concurrency;
        let mut words = vec![
            format!("async {}/{}", self.attempts.held(Lane::Async), places.async_jobs),
            format!("thread {}/{}", self.attempts.held(Lane::Thread), places.threads),
            format!("process {}/{}", self.attempts.held(Lane::Process), places.processes),
        ];
        let blocked = self.fleet.of_role(Role::Main).filter_map(|r| r.blocked_for(now)).max();
        if let Some(blocked) = blocked {
            words.push(format!("loop blocked {:.1} s", blocked.as_secs_f64()));
        }
        if self.course != Course::Running {
            words.push("draining".to_owned());
        }
        words.join(", ")
    }
}
