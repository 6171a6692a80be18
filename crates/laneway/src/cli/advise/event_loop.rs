//! An application's event loop: what each task on it costs the others, and who is beside whom.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_core::job::TaskName;
use laneway_core::profile::{InLine, LagShare, Loops, Profile, lag_bill};

/// The loop of an application, or the mean one where several ran.
#[derive(Debug)]
pub(super) struct EventLoop {
    bill: Vec<LagShare>,
    /// On which of them each task ran.
    ran_on: BTreeMap<TaskName, Loops>,
}

impl EventLoop {
    /// The loop that these profiles are of, with how many can stand in line, and the time it had.
    pub(super) fn of(profiles: Vec<(&Profile, InLine)>, time: Duration) -> Self {
        let mut ran_on: BTreeMap<TaskName, Loops> = BTreeMap::new();
        for (profile, _) in &profiles {
            ran_on.entry(profile.key.task.clone()).or_default().merge(&profile.loops);
        }
        Self { bill: lag_bill(profiles, time), ran_on }
    }

    /// What a task costs the others.
    pub(super) fn share(&self, task: &TaskName) -> Option<&LagShare> {
        self.bill.iter().find(|share| &share.task == task)
    }

    /// What a task and those beside it cost each other. One that is not on the loops where the task
    /// runs now, since it went to another worker or did not run again, makes it wait no more.
    pub(super) fn neighbours(&self, task: &TaskName) -> Vec<LagShare> {
        let own = self.ran_on.get(task);
        let is_beside = |share: &&LagShare| {
            let loops = own.zip(self.ran_on.get(&share.task));
            loops.is_none_or(|(own, other)| own.are_shared_with(other))
        };
        self.bill.iter().filter(is_beside).cloned().collect()
    }
}
