//! Tasks and policies by their numbers. They are never deleted, so what is known stays true; what
//! cannot be read is asked for again, for somebody may mend it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use laneway_core::error::{Code, Error};
use laneway_core::job::TaskName;
use laneway_core::policy::Policy;

use crate::value;

/// Policies made for single calls could be many; beyond this the memory of them starts anew.
const POLICIES_MAX: usize = 4_096;

/// What this process knows of the tables `task` and `policy`.
#[derive(Debug, Default)]
pub(crate) struct Names {
    tasks: RwLock<HashMap<i32, Result<TaskName, Error>>>,
    policies: RwLock<HashMap<i32, Result<Arc<Policy>, Error>>>,
}

impl Names {
    /// Those of the numbers that are not known yet, each once: tasks and policies.
    pub(crate) fn without_known(
        &self,
        tasks: Vec<i32>,
        policies: Vec<i32>,
    ) -> (Vec<i32>, Vec<i32>) {
        let known = self.tasks.read().unwrap_or_else(PoisonError::into_inner);
        let tasks = only(tasks, |task| !known.get(task).is_some_and(Result::is_ok));
        drop(known);
        let mut known = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        // Here and not where one is learned: what the caller is about to read must stay.
        if known.len() >= POLICIES_MAX {
            known.clear();
        }
        let policies = only(policies, |policy| !known.get(policy).is_some_and(Result::is_ok));
        (tasks, policies)
    }

    /// Remembers a task by its name; `None` says that the database has none of this number.
    pub(crate) fn learn_task(&self, number: i32, name: Option<&str>) {
        let missing = || value::damaged(format!("there is no task {number}"));
        let name = name.ok_or_else(missing).and_then(TaskName::new);
        self.tasks.write().unwrap_or_else(PoisonError::into_inner).insert(number, name);
    }

    /// Remembers a policy by what is stored; `None` says that the database has none of this number.
    pub(crate) fn learn_policy(&self, number: i32, body: Option<&str>) {
        let missing = || value::damaged(format!("there is no policy {number}"));
        let policy = body.ok_or_else(missing).and_then(value::policy).map(Arc::new);
        self.policies.write().unwrap_or_else(PoisonError::into_inner).insert(number, policy);
    }

    pub(crate) fn task(&self, number: i32) -> Result<TaskName, Error> {
        let tasks = self.tasks.read().unwrap_or_else(PoisonError::into_inner);
        tasks.get(&number).cloned().unwrap_or_else(|| Err(forgotten()))
    }

    pub(crate) fn policy(&self, number: i32) -> Result<Arc<Policy>, Error> {
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        policies.get(&number).cloned().unwrap_or_else(|| Err(forgotten()))
    }
}

/// Another call has made room at this very moment. That says nothing of the job; the same call may
/// be repeated.
fn forgotten() -> Error {
    Error::new(Code::StoreLocked, "the names and policies of jobs are being read anew")
        .why("thousands of policies are in use")
        .fix("nothing: the call is made again")
}

fn only(mut numbers: Vec<i32>, is_wanted: impl Fn(&i32) -> bool) -> Vec<i32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.retain(is_wanted);
    numbers
}
