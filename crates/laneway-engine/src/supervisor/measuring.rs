//! What runners measure, and what becomes of it.

use std::sync::Arc;

use laneway_core::error::Error;
use laneway_core::job::{Lane, TaskName};
use laneway_core::profile::{Blockage, Profile};
use laneway_core::store::TaskOwner;

use super::{Command, Supervisor};
use crate::clock::Moment;
use crate::fleet::{Ping, Role, RunnerId};
use crate::observer::Happening;
use crate::protocol::{RunnerCosts, ToRunner};
use crate::registration;
use crate::tasks::TaskTable;

/// The quickest answer of an idle process runner counts; after so many it is told. The first ones
/// come while other runners still import the application, and are slow.
const PROCESS_ANSWERS: [u32; 3] = [5, 20, 80];

impl Supervisor {
    /// A loop turned, or an idle process runner has answered.
    pub(super) fn runner_ponged(&mut self, id: RunnerId, number: u64, now: Moment) {
        let Some(runner) = self.fleet.get_mut(id) else {
            return;
        };
        let Some(ping) = runner.ping.take_if(|ping| ping.number == number) else {
            return;
        };
        runner.standstill = None;
        // One that was given work meanwhile has answered after it.
        if runner.role == Role::Process && runner.held == 0 {
            let took = now.since(ping.sent_at);
            let least = self.costs.process_dispatch.map_or(took, |known| known.min(took));
            self.costs.process_dispatch = Some(least);
            self.costs.process_answers += 1;
            if PROCESS_ANSWERS.contains(&self.costs.process_answers) {
                self.register_costs();
            }
        }
    }

    /// How long it took to start tells what another process costs.
    pub(super) fn process_ready(&mut self, id: RunnerId, now: Moment) {
        if let Some(runner) = self.fleet.get(id) {
            let took = now.since(runner.started_at);
            let least = self.costs.process_start.map_or(took, |known| known.min(took));
            self.costs.process_start = Some(least);
        }
    }

    /// An idle process runner tells by its answers what it costs to reach one.
    pub(super) fn process_idle(&mut self, id: RunnerId, now: Moment) {
        let is_known = PROCESS_ANSWERS.iter().all(|count| self.costs.process_answers >= *count);
        let Some(runner) = self.fleet.get_mut(id).filter(|r| !is_known && r.ping.is_none()) else {
            return;
        };
        self.pings += 1;
        runner.ping = Some(Ping { number: self.pings, sent_at: now, is_noticed: true });
        self.commands.push_back(Command::Send(id, ToRunner::Ping(self.pings)));
    }

    pub(super) fn runner_calibrated(&mut self, costs: RunnerCosts) {
        self.costs.main = Some(costs);
        self.register_costs();
    }

    fn register_costs(&mut self) {
        let Some(calibration) = self.costs.calibration(self.options.concurrency) else {
            return;
        };
        // It tells of costs: what was taken over at the start may be another's by now.
        let request = registration::of(self.table.manifest(), Some(calibration), false);
        self.commands.push_back(Command::Register(request));
    }

    /// A new main runner may have imported other code. Its new tasks are not served before the
    /// store has said that they are no other application's.
    pub(super) fn application_loaded(&mut self, table: &Arc<TaskTable>) {
        if Arc::ptr_eq(table, &self.table) {
            return;
        }
        let names = table.manifest().tasks.iter().map(|task| task.name.clone());
        let new: Vec<_> = names.filter(|name| self.table.get(name).is_none()).collect();
        if new.is_empty() {
            return;
        }
        self.unregistered.extend(new);
        let request = registration::of(table.manifest(), None, self.options.take_over);
        self.commands.push_back(Command::Register(request));
    }

    /// The store has answered for these tasks. Only those that waited for the answer matter: with
    /// costs, all tasks are told again.
    pub(super) fn registered(
        &mut self,
        tasks: &[TaskName],
        answer: Result<Vec<TaskOwner>, Error>,
        now: Moment,
    ) {
        let take_over = self.options.take_over;
        let is_awaited = tasks.iter().any(|task| self.unregistered.contains(task));
        match answer {
            Ok(_) if !is_awaited => {}
            Ok(others) if take_over || others.is_empty() => {
                self.unregistered.retain(|task| !tasks.contains(task));
                self.happenings.extend(registration::taken_over(others));
            }
            Ok(others) => {
                let refused = registration::check(&others, &self.table.manifest().identity);
                self.happenings
                    .extend(refused.err().map(|error| Happening::TasksRefused { error }));
            }
            Err(error) => self.end_because_of(error, now),
        }
    }

    /// Adds up what a runner measured, and tells of places that block its loop.
    pub(super) fn runner_measured_attempts(&mut self, profiles: Vec<Profile>, now: Moment) {
        for profile in profiles.iter().filter(|profile| profile.key.lane == Lane::Async) {
            for site in profile.sites.iter().filter(|site| site.blockage != Blockage::Starved) {
                self.blame(&profile.key.task, site.clone(), true);
            }
        }
        self.consider_moves(&profiles, now);
        self.measurements.add(profiles, now);
    }

    /// What was measured is worth no more than a try later: the worker goes on without it.
    pub(super) fn profiles_added(&mut self, is_added: bool, now: Moment) {
        if is_added {
            self.measurements.confirmed();
        } else {
            self.measurements.failed(&mut self.rng, now);
        }
    }
}
