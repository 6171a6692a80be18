//! Whose the tasks are in the store, and what lanes cost here.

use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::store::{RegisterTasks, TaskOwner};
use laneway_core::verdict::Calibration;

use crate::observer::Happening;
use crate::options::Concurrency;
use crate::protocol::{AppManifest, RunnerCosts};

/// The wish to make an application's tasks its own.
pub(crate) fn of(
    app: &AppManifest,
    calibration: Option<Calibration>,
    take_over: bool,
) -> RegisterTasks {
    RegisterTasks {
        application: app.identity.clone(),
        tasks: app.tasks.iter().map(|task| (task.name.clone(), task.facts())).collect(),
        calibration,
        take_over,
    }
}

/// Refuses when tasks belong to other applications: each would run the other's jobs.
pub(crate) fn check(others: &[TaskOwner], identity: &str) -> Result<(), Error> {
    let Some(TaskOwner { task, application }) = others.first() else {
        return Ok(());
    };
    let what = match others.len() - 1 {
        0 => format!("the task `{task}` belongs to another application in this store"),
        more => format!("the task `{task}` and {more} more belong to other applications here"),
    };
    Err(Error::new(Code::TaskOfAnotherApp, what).why(format!(
        "`{task}` is of `{application}`, and this is `{identity}`: each would run the other's jobs"
    )))
}

/// What is told of tasks that were taken over.
pub(crate) fn taken_over(tasks: Vec<TaskOwner>) -> Option<Happening> {
    (!tasks.is_empty()).then_some(Happening::TookOver { tasks })
}

/// What lanes cost here, as far as it was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Costs {
    /// Of the lanes of the main runner.
    pub(crate) main: Option<RunnerCosts>,
    /// The shortest start of a process runner.
    pub(crate) process_start: Option<Duration>,
    /// The shortest way to an idle process runner and back.
    pub(crate) process_dispatch: Option<Duration>,
    /// How often that was measured.
    pub(crate) process_answers: u32,
}

impl Costs {
    /// What the verdict reckons with; what was not measured has its usual value.
    pub(crate) fn calibration(&self, concurrency: Concurrency) -> Option<Calibration> {
        let main = self.main?;
        let usual = Calibration::default();
        Some(Calibration {
            async_dispatch: main.async_dispatch,
            thread_dispatch: main.thread_dispatch,
            process_dispatch: self.process_dispatch.unwrap_or(usual.process_dispatch),
            process_start: self.process_start.unwrap_or(usual.process_start),
            encode_per_mebibyte: main.encode_per_mebibyte,
            cores: u32::try_from(concurrency.processes.max(1)).unwrap_or(u32::MAX),
            threads_max: u32::try_from(concurrency.threads).unwrap_or(u32::MAX),
            has_gil: main.has_gil,
        })
    }
}

#[cfg(test)]
mod tests {
    use laneway_core::job::TaskName;

    use super::*;

    fn owner(task: &str, application: &str) -> TaskOwner {
        let task = TaskName::new(task).unwrap();
        TaskOwner { task, application: application.to_owned() }
    }

    #[test]
    fn tasks_of_others_are_refused_with_the_first_owner() {
        assert_eq!(check(&[], "blog:app"), Ok(()));
        let one = check(&[owner("mail.send", "shop:app")], "blog:app").unwrap_err();
        assert_eq!(one.code(), Code::TaskOfAnotherApp);
        assert!(one.what().contains("`mail.send` belongs to another"), "{one}");
        assert!(one.reason().contains("`shop:app`"), "{one}");
        let two = [owner("a", "shop:app"), owner("b", "store:app")];
        let two = check(&two, "blog:app").unwrap_err();
        assert!(two.what().contains("`a` and 1 more belong"), "{two}");
    }

    #[test]
    fn there_is_no_calibration_without_the_main_runners_costs() {
        let costs = Costs { process_start: Some(Duration::from_millis(80)), ..Costs::default() };
        assert_eq!(costs.calibration(Concurrency::default()), None);
        let main = RunnerCosts {
            async_dispatch: Duration::from_micros(5),
            thread_dispatch: Duration::from_micros(50),
            encode_per_mebibyte: Duration::from_micros(900),
            has_gil: true,
        };
        let costs = Costs { main: Some(main), ..costs };
        let calibration = costs.calibration(Concurrency::default()).unwrap();
        assert_eq!(calibration.process_start, Duration::from_millis(80));
        assert_eq!(calibration.process_dispatch, Calibration::default().process_dispatch);
    }
}
