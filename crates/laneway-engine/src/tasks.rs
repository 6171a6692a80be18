//! The tasks of the application that a runner has imported.

use std::collections::HashMap;

use laneway_core::error::Error;
use laneway_core::job::{Lane, QueueName, TaskName};
use laneway_core::verdict::Mobility;

use crate::protocol::AppManifest;

/// A task as its runners number it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KnownTask {
    /// Its place in the manifest.
    pub(crate) index: u32,
    /// The lane it is declared for.
    pub(crate) lane: Lane,
    /// Whether its attempts may run in threads instead of processes, or the other way round.
    pub(crate) is_movable: bool,
}

/// The tasks of one manifest by name.
#[derive(Debug)]
pub(crate) struct TaskTable {
    manifest: AppManifest,
    by_name: HashMap<TaskName, KnownTask>,
}

impl TaskTable {
    pub(crate) fn new(manifest: AppManifest) -> Self {
        let by_name = (0..)
            .zip(&manifest.tasks)
            .map(|(index, task)| {
                let is_movable = task.mobility == Some(Mobility::Movable);
                (task.name.clone(), KnownTask { index, lane: task.lane, is_movable })
            })
            .collect();
        Self { manifest, by_name }
    }

    pub(crate) const fn manifest(&self) -> &AppManifest {
        &self.manifest
    }

    pub(crate) fn get(&self, task: &TaskName) -> Option<KnownTask> {
        self.by_name.get(task).copied()
    }

    /// The queues that the tasks name, in their order, and the default one.
    pub(crate) fn queues(&self) -> Vec<QueueName> {
        let mut queues: Vec<QueueName> = Vec::new();
        for queue in self.manifest.tasks.iter().map(|task| &task.queue) {
            if !queues.contains(queue) {
                queues.push(queue.clone());
            }
        }
        let default = QueueName::default_queue();
        if !queues.contains(&default) {
            queues.push(default);
        }
        queues
    }

    /// The error for a task that is not here.
    pub(crate) fn unknown(&self, task: &TaskName) -> Error {
        let names = self.by_name.keys().map(TaskName::as_str);
        Error::new(
            laneway_core::error::Code::TaskUnknown,
            format!("the task `{task}` is not known to this worker"),
        )
        .why(format!("`{}` has {} tasks", self.manifest.name, self.by_name.len()))
        .closest(task.as_str(), names)
    }
}
