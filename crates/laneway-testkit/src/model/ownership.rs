//! Which application a task belongs to.

use laneway_core::store::{RegisterTasks, RegisteredTask, Registry, TaskOwner};

use super::state::State;

impl State {
    pub(super) fn register_tasks(&mut self, register: RegisterTasks) -> Vec<TaskOwner> {
        let RegisterTasks { application, tasks, calibration, take_over } = register;
        let others: Vec<_> = self
            .owners
            .iter()
            .filter(|(task, (owner, _))| *owner != application && tasks.contains_key(*task))
            .map(|(task, (owner, _))| TaskOwner { task: task.clone(), application: owner.clone() })
            .collect();
        if others.is_empty() || take_over {
            for (task, facts) in tasks {
                self.owners.insert(task, (application.clone(), facts));
            }
            if let Some(calibration) = calibration {
                self.calibrations.insert(application, calibration);
            }
        }
        others
    }

    pub(super) fn registry(&self) -> Registry {
        let tasks = self.owners.iter().map(|(task, (application, facts))| RegisteredTask {
            task: task.clone(),
            application: application.clone(),
            facts: facts.clone(),
        });
        Registry { tasks: tasks.collect(), calibrations: self.calibrations.clone() }
    }
}
