//! A folder with a store, and the command run in it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use laneway::AnyStore;
use laneway::core::error::Error;
use laneway::core::id::{JobId, SessionId};
use laneway::core::job::{Failure, Lane, Payload, Priority, QueueName, TaskName};
use laneway::core::policy::Policy;
use laneway::core::store::{
    Claim, ClaimedJob, Due, LaneSlots, NewJob, OpenSession, Outcome, Settle, Settlement, Store,
    Timing,
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The session under which the bench runs jobs by hand.
const SESSION: SessionId = SessionId::from_bits(7);

/// The command under test.
const PROGRAM: &str = env!("CARGO_BIN_EXE_laneway");

/// A user, and a group, who own nothing.
const NOBODY: u32 = 65_534;

pub(crate) struct Bench {
    folder: TempDir,
    runtime: Runtime,
}

/// What a command left behind.
pub(crate) struct Done {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), runtime }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The command, in the folder and with an environment of its own.
    pub(crate) fn command(&self, words: &str) -> Command {
        self.command_of(Path::new(PROGRAM), words)
    }

    fn command_of(&self, program: &Path, words: &str) -> Command {
        let mut command = Command::new(program);
        command.args(words.split_whitespace()).current_dir(self.folder.path()).env_clear();
        command.env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Done {
        Done::of(self.command(words).output().unwrap())
    }

    /// The command as a user for whom the modes of files count. They do not for root, so root runs
    /// a copy of it, in this folder, as the user `nobody`.
    pub(crate) fn unprivileged(&self, words: &str) -> Command {
        let folder = self.path("");
        if fs::metadata(&folder).unwrap().uid() != 0 {
            return self.command(words);
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let program = self.path("laneway");
        // Written by another process: a file that this one has open for writing, or a child that
        // another test has just forked, could not be run.
        let mut copy = Command::new("/bin/cp");
        assert!(copy.arg(PROGRAM).arg(&program).status().unwrap().success());
        let mut command = self.command_of(&program, words);
        command.uid(NOBODY).gid(NOBODY);
        command
    }

    pub(crate) fn default_store(&self) -> PathBuf {
        self.path(".laneway/laneway.db")
    }

    pub(crate) fn store(&self) -> AnyStore {
        self.wait(async { laneway::connect(&laneway::StoreUrl::file(self.default_store())).await })
    }

    pub(crate) fn wait<T>(&self, future: impl Future<Output = Result<T, Error>>) -> T {
        self.runtime.block_on(future).unwrap()
    }

    /// Enqueues ready jobs of `task` in `queue`, with ids `first`, `first + 1`, ….
    pub(crate) fn enqueue(
        &self,
        task: &str,
        queue: &str,
        ids: std::ops::Range<u128>,
    ) -> Vec<JobId> {
        let ids: Vec<JobId> = ids.map(job_id).collect();
        let jobs = ids.iter().map(|id| new_job(*id, task, queue)).collect();
        self.wait(self.store().enqueue(jobs));
        ids
    }

    /// Claims every ready job of a queue.
    pub(crate) fn claim(&self, queue: &str) -> Vec<ClaimedJob> {
        let store = self.store();
        let open = OpenSession {
            session: SESSION,
            worker: "bench-worker".to_owned(),
            lease: Duration::from_secs(600),
        };
        let claim = Claim {
            session: SESSION,
            call: u64::from(std::process::id()) + fresh(),
            queues: Arc::from([QueueName::new(queue).unwrap()]),
            slots: vec![LaneSlots { lane: Lane::Async, count: 100 }],
        };
        self.wait(async {
            store.open_session(open).await?;
            store.claim(claim).await
        })
        .jobs
    }

    /// Claims every ready job of a queue and ends each attempt like this.
    pub(crate) fn end(&self, queue: &str, outcome: &Outcome) {
        let entries: Vec<_> = self
            .claim(queue)
            .into_iter()
            .map(|job| Settlement {
                job: job.id,
                token: job.token,
                outcome: outcome.clone(),
                timing: Some(Timing { wall: Duration::from_millis(1_500), cpu: None }),
            })
            .collect();
        assert!(!entries.is_empty(), "there must be jobs to end");
        self.wait(self.store().settle(Settle { session: SESSION, entries }));
    }
}

impl Done {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The JSON objects on standard output; each must carry the schema number.
    pub(crate) fn objects(&self) -> Vec<Value> {
        let objects: Vec<Value> =
            self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(objects.iter().all(|object| object["schema"] == 1), "{}", self.out);
        objects
    }

    #[track_caller]
    pub(crate) fn expect(&self, status: i32) -> &Self {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn expect_error(&self, status: i32, code: &str) -> &Self {
        self.expect(status);
        assert!(self.err.contains(&format!("error[{code}]: ")), "{}", self.err);
        assert!(self.err.contains("\n  fix: "), "{}", self.err);
        self
    }
}

/// A failure as the Python side reports it.
pub(crate) fn failure() -> Failure {
    Failure {
        code: "LW2010".to_owned(),
        kind: "ValueError".to_owned(),
        message: "no such card \u{1b}[31m".to_owned(),
        traceback: "Traceback (most recent call last):\n  File \"shop.py\", line 3\n".to_owned(),
    }
}

pub(crate) fn succeed() -> Outcome {
    Outcome::Succeed(Payload(vec![0x2a]))
}

pub(crate) fn job_id(number: u128) -> JobId {
    // The store lists jobs by id, so that tests need ids of a known order.
    JobId::from_bits((1_700_000_000_000_u128 << 80) + number)
}

fn fresh() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

pub(crate) fn new_job(id: JobId, task: &str, queue: &str) -> NewJob {
    NewJob {
        id,
        task: TaskName::new(task).unwrap(),
        queue: QueueName::new(queue).unwrap(),
        lane: Lane::Async,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: Arc::new(Policy::default()),
        limit: None,
        // {"order_id": 42, "lang": "de"}
        args: Payload(b"\x82\xa8order_id\x2a\xa4lang\xa2de".to_vec()),
    }
}
