//! Which application a task belongs to.

use laneway_core::store::{RegisterTasks, TaskOwner};

use super::state::State;

impl State {
    pub(super) fn register_tasks(&mut self, register: RegisterTasks) -> Vec<TaskOwner> {
        let mut others = self.task_owners();
        others.retain(|owner| {
            owner.application != register.application && register.tasks.contains(&owner.task)
        });
        if others.is_empty() || register.take_over {
            for task in register.tasks {
                self.owners.insert(task, register.application.clone());
            }
        }
        others
    }

    pub(super) fn task_owners(&self) -> Vec<TaskOwner> {
        let owner = |(task, application): (&_, &String)| TaskOwner {
            task: Clone::clone(task),
            application: application.clone(),
        };
        self.owners.iter().map(owner).collect()
    }
}
