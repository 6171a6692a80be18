//! When a runner is started.

use std::time::Duration;

use super::{Command, Course, Supervisor};
use crate::clock::Moment;
use crate::deadlines::Due;
use crate::fleet::{Life, Role};
use crate::restart::Restart;

/// The time a runner has for importing the application.
pub(crate) const READY_TIME: Duration = Duration::from_secs(30);

/// The most main runners at once: the present one, and those that are retired or blocked.
const MAINS_MAX: usize = 4;

impl Supervisor {
    /// Starts the runners that are missing, or notes when they may be started.
    pub(super) fn start_runners(&mut self, now: Moment) {
        self.start_at = None;
        if self.course != Course::Running {
            return;
        }
        for role in Role::ALL {
            let missing = self.missing(role, now);
            let not_before = self.restart(role).not_before();
            if missing > 0 && now < not_before {
                self.start_at = Some(self.start_at.map_or(not_before, |at| at.min(not_before)));
                continue;
            }
            for _ in 0..missing {
                let id = self.fleet.start(role, now);
                self.deadlines.add(now.plus(READY_TIME), Due::Ready(id));
                self.commands.push_back(Command::Start(id, role));
            }
        }
    }

    fn missing(&self, role: Role, now: Moment) -> usize {
        match role {
            Role::Main => usize::from(self.is_main_missing(now)),
            Role::Isolated => {
                let has_one = self.fleet.of_role(role).any(|runner| runner.life < Life::Worn);
                usize::from(!has_one && !self.waiting.isolated.is_empty())
            }
            Role::Process => {
                let alive = self.fleet.of_role(role).filter(|r| r.life != Life::Ending).count();
                let idle = self
                    .fleet
                    .of_role(role)
                    .filter(|runner| runner.life < Life::Worn && runner.held == 0)
                    .count();
                let wanted = self.waiting.process.len().saturating_sub(idle);
                wanted.min(self.options.concurrency.processes.saturating_sub(alive))
            }
        }
    }

    /// A blocked main runner is replaced when jobs wait for it; one that is worn or gone, always.
    fn is_main_missing(&self, now: Moment) -> bool {
        let mains = || self.fleet.of_role(Role::Main);
        if mains().any(|runner| runner.life == Life::Starting) || mains().count() >= MAINS_MAX {
            return false;
        }
        let ready = || mains().filter(|runner| runner.life == Life::Ready);
        if ready().any(|runner| runner.blocked_for(now).is_none()) {
            return false;
        }
        ready().next().is_none() || !self.waiting.main.is_empty()
    }

    pub(super) fn restart(&mut self, role: Role) -> &mut Restart {
        match role {
            Role::Main => &mut self.restarts.main,
            Role::Isolated => &mut self.restarts.isolated,
            Role::Process => &mut self.restarts.process,
        }
    }
}
