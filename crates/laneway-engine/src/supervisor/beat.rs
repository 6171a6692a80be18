//! What is looked at several times a second while there is work: loops and memory.

use std::time::Duration;

use super::{Command, Supervisor};
use crate::clock::Moment;
use crate::fleet::{Doom, Life, Ping, Role, RunnerId};
use crate::observer::Happening;
use crate::protocol::{RunnerKind, ToRunner};

/// How often that is.
pub(super) const BEAT: Duration = Duration::from_millis(200);

impl Supervisor {
    pub(super) fn beat(&mut self, now: Moment) {
        if self.beat_at.is_some_and(|at| now >= at) {
            self.beat_at = None;
            self.ping_loops(now);
            self.measure_memory();
        }
        if self.beat_at.is_none() && self.needs_beat() {
            self.beat_at = Some(now.plus(BEAT));
        }
    }

    fn needs_beat(&self) -> bool {
        let watches_memory = self.watches_memory();
        self.fleet.iter().any(|runner| match runner.role {
            Role::Main | Role::Isolated => runner.held > 0 || runner.ping.is_some(),
            Role::Process => watches_memory,
        })
    }

    fn watches_memory(&self) -> bool {
        self.options.memory_bytes_max.is_some() || self.options.recycle_memory_bytes.is_some()
    }

    /// Asks the loops that have work for a sign of life, and takes back what a blocked one has not
    /// read.
    fn ping_loops(&mut self, now: Moment) {
        let mut blocked = Vec::new();
        for runner in self.fleet.iter_mut() {
            if runner.role == Role::Process || runner.ready_at.is_none() {
                continue;
            }
            if let Some(since) = runner.blocked_for(now) {
                let Some(ping) = runner.ping.as_mut().filter(|ping| !ping.is_noticed) else {
                    continue;
                };
                ping.is_noticed = true;
                let waiting = runner.unstarted;
                runner.untold_block = Some((since, waiting));
                if waiting > 0 && runner.life != Life::Ending {
                    // It is told of when it is known what could be taken back.
                    self.commands.push_back(Command::TakeBack(runner.id));
                } else {
                    blocked.push(runner.id);
                }
            } else if runner.ping.is_none() && runner.held > 0 && runner.life != Life::Ending {
                self.pings += 1;
                runner.ping = Some(Ping { number: self.pings, sent_at: now, is_noticed: false });
                self.commands.push_back(Command::Send(runner.id, ToRunner::Ping(self.pings)));
            }
        }
        for id in blocked {
            self.tell_of_blocked_loop(id, 0);
        }
    }

    fn measure_memory(&mut self) {
        if !self.watches_memory() {
            return;
        }
        let processes = self.fleet.of_role(Role::Process).filter(|r| r.ready_at.is_some());
        self.commands.extend(processes.map(|runner| Command::Measure(runner.id)));
    }

    pub(super) fn runner_measured(&mut self, id: RunnerId, resident_bytes: u64, now: Moment) {
        let is_over = |max: Option<u64>| max.is_some_and(|max| resident_bytes > max);
        if is_over(self.options.memory_bytes_max) {
            self.commands.push_back(Command::TakeBack(id));
            self.kill(id, Doom::Memory(resident_bytes));
            let why = "it uses more memory than it may";
            let kind = RunnerKind::Process;
            self.happenings.push(Happening::RunnerRetired { runner: id.0, kind, why });
        } else if is_over(self.options.recycle_memory_bytes) {
            self.commands.push_back(Command::TakeBack(id));
            self.retire(id, "it uses more memory than a new one should", now);
        }
    }
}
