//! Tasks and policies by their numbers. They are never deleted, so what is known stays true.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use laneway_core::error::Error;
use laneway_core::job::TaskName;
use laneway_core::policy::Policy;

use crate::value;

/// Policies made for single calls could be many; beyond this the memory of them starts anew.
const POLICIES_MAX: usize = 4_096;

/// What this process knows of the tables `task` and `policy`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    tasks: RwLock<HashMap<i32, TaskName>>,
    policies: RwLock<HashMap<i32, Arc<Policy>>>,
}

impl Names {
    /// Those of the numbers that are not known yet, each once: tasks and policies.
    pub(crate) fn without_known(
        &self,
        tasks: Vec<i32>,
        policies: Vec<i32>,
    ) -> (Vec<i32>, Vec<i32>) {
        let known = self.tasks.read().unwrap_or_else(PoisonError::into_inner);
        let tasks = only(tasks, |task| !known.contains_key(task));
        let known = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        let policies = only(policies, |policy| !known.contains_key(policy));
        (tasks, policies)
    }

    pub(crate) fn learn_task(&self, number: i32, name: &str) -> Result<(), Error> {
        let name = TaskName::new(name)?;
        self.tasks.write().unwrap_or_else(PoisonError::into_inner).insert(number, name);
        Ok(())
    }

    pub(crate) fn learn_policy(&self, number: i32, body: &str) -> Result<(), Error> {
        let policy = Arc::new(value::policy(body)?);
        let mut policies = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        if policies.len() >= POLICIES_MAX {
            policies.clear();
        }
        policies.insert(number, policy);
        Ok(())
    }

    pub(crate) fn task(&self, number: i32) -> Result<TaskName, Error> {
        let tasks = self.tasks.read().unwrap_or_else(PoisonError::into_inner);
        let found = tasks.get(&number).cloned();
        found.ok_or_else(|| value::damaged(format!("there is no task {number}")))
    }

    pub(crate) fn policy(&self, number: i32) -> Result<Arc<Policy>, Error> {
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        let found = policies.get(&number).cloned();
        found.ok_or_else(|| value::damaged(format!("there is no policy {number}")))
    }
}

fn only(mut numbers: Vec<i32>, is_wanted: impl Fn(&i32) -> bool) -> Vec<i32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.retain(is_wanted);
    numbers
}
