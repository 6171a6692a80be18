//! What a worker can be told.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::job::QueueName;

/// How a worker shall work.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The Python interpreter that runners use.
    pub python: PathBuf,
    /// The application, as `module:app` or a path.
    pub app: String,
    /// The whole command that starts a runner, in place of `PYTHON -m laneway._runner`. The
    /// runner's arguments are added to it.
    pub runner_command: Option<Vec<OsString>>,
    /// Environment variables that runners get besides those of this process.
    pub runner_environment: Vec<(OsString, OsString)>,
    /// The queues to work on, the preferred first; `None` for every queue that the application's
    /// tasks name, and `default`.
    pub queues: Option<Vec<QueueName>>,
    /// The worker's name, shown to people.
    pub name: String,
    /// Whether the application gets the tasks that belong to another one in the store.
    pub take_over: bool,
    /// How many attempts may run at once.
    pub concurrency: Concurrency,
    /// For how long the session lives without a renewal; it is renewed four times as often.
    pub lease: Duration,
    /// The time between two sweeps for dead workers.
    pub sweep_every: Duration,
    /// The time that running attempts get when the worker is asked to end.
    pub drain_timeout: Duration,
    /// For how long ended jobs are kept.
    pub retention: Duration,
    /// The attempts after which a process runner is replaced; `None` for never.
    pub recycle_jobs: Option<u64>,
    /// The resident memory over which a process runner is replaced between two attempts.
    pub recycle_memory_bytes: Option<u64>,
    /// The resident memory over which a process runner is killed.
    pub memory_bytes_max: Option<u64>,
    /// Where the worker's randomness (jitter, identities) starts.
    pub seed: u64,
}

/// How many attempts may run at once in each lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    /// On the event loop.
    pub async_jobs: usize,
    /// In threads.
    pub threads: usize,
    /// In processes of their own.
    pub processes: usize,
}

impl Default for Concurrency {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { async_jobs: 1_000, threads: 40, processes: cores }
    }
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            python: PathBuf::from("python3"),
            app: String::new(),
            runner_command: None,
            runner_environment: Vec::new(),
            queues: None,
            name: format!("worker-{}", std::process::id()),
            take_over: false,
            concurrency: Concurrency::default(),
            lease: Duration::from_secs(10),
            sweep_every: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
            retention: Duration::from_secs(7 * 86_400),
            recycle_jobs: None,
            recycle_memory_bytes: None,
            memory_bytes_max: None,
            seed: fastrand::u64(..),
        }
    }
}

impl WorkerOptions {
    /// Refuses what cannot work.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let refuse = |what: &str, fix: &str| {
            Err(Error::new(Code::InvalidSetting, what)
                .why("the worker could never do a job with it")
                .fix(fix))
        };
        let Concurrency { async_jobs, threads, processes } = self.concurrency;
        if async_jobs + threads + processes == 0 {
            return refuse("the concurrency of every lane is 0", "give at least one lane a place");
        }
        if self.queues.as_ref().is_some_and(Vec::is_empty) {
            return refuse("the list of queues is empty", "name a queue, or leave the list out");
        }
        if self.lease < Duration::from_secs(1) {
            return refuse("the lease is shorter than 1s", "use a lease of at least `1s`");
        }
        if self.sweep_every.is_zero() {
            return refuse("the time between two sweeps is 0", "use for example `5s`");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_could_never_work_are_refused() {
        let idle = Concurrency { async_jobs: 0, threads: 0, processes: 0 };
        for bad in [
            WorkerOptions { concurrency: idle, ..WorkerOptions::default() },
            WorkerOptions { queues: Some(Vec::new()), ..WorkerOptions::default() },
            WorkerOptions { lease: Duration::from_millis(10), ..WorkerOptions::default() },
            WorkerOptions { sweep_every: Duration::ZERO, ..WorkerOptions::default() },
        ] {
            assert_eq!(bad.check().unwrap_err().code(), Code::InvalidSetting, "{bad:?}");
        }
        assert_eq!(WorkerOptions::default().check(), Ok(()));
    }
}
