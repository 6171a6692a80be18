//! The table of all settings: the one place where a setting is declared.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::job::QueueName;

use super::file::Discovered;
use super::value::{Bytes, LogFormat, Program, Value};
use super::{Layers, Origin, Sourced, Sources};
use crate::store_url::StoreUrl;

/// What is fixed for one setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Its key in the configuration file; a dot stands for a table.
    pub key: &'static str,
    /// The environment variable.
    pub env: &'static str,
    /// The flag of `laneway worker`, or of every command; `None` when there is none.
    pub flag: Option<&'static str>,
    /// The default, written as in an environment variable.
    pub default: Option<&'static str>,
    /// What a value looks like.
    pub form: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// A setting as it stands, for people.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What is fixed for it.
    pub entry: &'static Entry,
    /// Its value, without secrets.
    pub value: serde_json::Value,
    /// Where the value comes from.
    pub origin: Origin,
}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+
        $field:ident: $type:ty = $key:literal, $env:literal, $flag:expr, $default:expr;)*) => {
        /// Every setting with its value.
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $field: Sourced<$type>,)*
            /// The folder of the configuration file, else of `pyproject.toml`, else the working
            /// directory.
            pub project: PathBuf,
            /// The configuration file, if there is one.
            pub file: Option<PathBuf>,
            /// What is odd but not wrong, such as an unknown environment variable.
            pub warnings: Vec<String>,
        }

        /// Every setting, in the order in which they are shown.
        pub const ENTRIES: &[Entry] = &[$(Entry {
            key: $key,
            env: $env,
            flag: $flag,
            default: $default,
            form: <$type as Value>::FORM,
            doc: concat!($($doc),+).trim_ascii(),
        },)*];

        impl Settings {
            pub(super) fn resolve(
                sources: &Sources,
                discovered: Discovered,
            ) -> Result<Self, Error> {
                if let Some(file) = &discovered.file {
                    refuse_unknown_keys(file)?;
                }
                let layers = Layers {
                    sources,
                    file: discovered.file.as_ref(),
                    project: &discovered.project,
                };
                let settings = Self {
                    $($field: layers.resolve(entry($key)?)?,)*
                    warnings: sources.unknown_variables(ENTRIES),
                    file: discovered.file.as_ref().map(|file| file.path().to_owned()),
                    project: discovered.project.clone(),
                };
                settings.check_bounds()?;
                Ok(settings)
            }

            /// Every setting with its value and origin, for people.
            pub fn rows(&self) -> Vec<Row> {
                let values = [$((self.$field.value.show(), &self.$field.origin),)*];
                ENTRIES
                    .iter()
                    .zip(values)
                    .map(|(entry, (value, origin))| Row { entry, value, origin: origin.clone() })
                    .collect()
            }
        }
    };
}

settings! {
    /// Where jobs live.
    store: StoreUrl = "store", "LANEWAY_STORE", Some("--store"),
        Some("sqlite:///.laneway/laneway.db");
    /// The application that `laneway worker` runs: `module:app` or a file.
    app: Option<String> = "app", "LANEWAY_APP", Some("APP"), None;
    /// The queues that the worker serves, the preferred first; all queues of its tasks by default.
    queues: Option<Vec<QueueName>> = "queues", "LANEWAY_QUEUES", Some("--queue"), None;
    /// The worker's name in `laneway status`; host, process and application by default.
    name: Option<String> = "name", "LANEWAY_NAME", Some("--name"), None;
    /// Attempts that wait on the event loop at once.
    concurrency_async: u32 = "concurrency.async", "LANEWAY_CONCURRENCY_ASYNC",
        Some("--concurrency-async"), Some("1000");
    /// Threads that run blocking attempts.
    concurrency_thread: u32 = "concurrency.thread", "LANEWAY_CONCURRENCY_THREAD",
        Some("--concurrency-thread"), Some("40");
    /// Processes that compute; one for each core by default.
    concurrency_process: Option<u32> = "concurrency.process", "LANEWAY_CONCURRENCY_PROCESS",
        Some("--concurrency-process"), None;
    /// How long the store waits for a silent worker before it gives its jobs to others.
    lease: Duration = "lease", "LANEWAY_LEASE", Some("--lease"), Some("10s");
    /// How long a stopping worker waits for running attempts.
    drain_timeout: Duration = "drain_timeout", "LANEWAY_DRAIN_TIMEOUT", Some("--drain-timeout"),
        Some("30s");
    /// How often a worker looks for the jobs of dead workers.
    sweep_every: Duration = "sweep_every", "LANEWAY_SWEEP_EVERY", Some("--sweep-every"), Some("5s");
    /// How long ended jobs are kept.
    retention: Duration = "retention", "LANEWAY_RETENTION", Some("--retention"), Some("7d");
    /// The most bytes of a job's arguments or of its result.
    payload_max: Bytes = "payload_max", "LANEWAY_PAYLOAD_MAX", None, Some("1MiB");
    /// Attempts after which a process runner is replaced; 0 for never.
    recycle_jobs: u32 = "recycle_jobs", "LANEWAY_RECYCLE_JOBS", Some("--recycle-jobs"), Some("0");
    /// Memory above which a process runner is replaced after its attempt.
    recycle_memory: Option<Bytes> = "recycle_memory", "LANEWAY_RECYCLE_MEMORY",
        Some("--recycle-memory"), None;
    /// Memory above which a process runner is killed.
    memory_max: Option<Bytes> = "memory_max", "LANEWAY_MEMORY_MAX", Some("--memory-max"), None;
    /// The Python that runs the tasks; found by itself by default.
    python: Option<Program> = "python", "LANEWAY_PYTHON", Some("--python"), None;
    /// Where the worker answers probes and autoscalers over HTTP; nowhere by default.
    listen: Option<SocketAddr> = "listen", "LANEWAY_LISTEN", Some("--listen"), None;
    /// The form of the worker's log.
    log: LogFormat = "log", "LANEWAY_LOG", Some("--log"), Some("text");
}

/// The shortest lease: a beat of a quarter of it must survive a busy machine.
const LEASE_MIN: Duration = Duration::from_secs(1);

/// The shortest time between two sweeps.
const SWEEP_EVERY_MIN: Duration = Duration::from_millis(100);

impl Settings {
    /// The path of the application when the configuration file names it as a file, relative to that
    /// file; else the text as it is.
    pub fn app_ref(&self) -> Option<String> {
        let app = self.app.value.as_ref()?;
        let Origin::File { path, .. } = &self.app.origin else {
            return Some(app.clone());
        };
        let names_file = Path::new(app.as_str()).extension().is_some_and(|ending| ending == "py");
        let folder = path.parent().filter(|_| names_file);
        Some(folder.map_or_else(|| app.clone(), |dir| dir.join(app).display().to_string()))
    }

    fn check_bounds(&self) -> Result<(), Error> {
        at_least("lease", &self.lease, LEASE_MIN)?;
        at_least("sweep_every", &self.sweep_every, SWEEP_EVERY_MIN)
    }
}

fn at_least(key: &str, found: &Sourced<Duration>, least: Duration) -> Result<(), Error> {
    if found.value >= least {
        return Ok(());
    }
    let (value, least) = (found.value.show(), least.show());
    Err(Error::new(Code::InvalidSetting, format!("`{key}` is too short"))
        .why(format!("{} gives {value}, but the least is {least}", found.origin))
        .fix(format!("set `{key}` to {least} or more")))
}

/// The entry of a key.
///
/// # Errors
/// `LW1020` when there is no such setting.
pub fn entry(key: &str) -> Result<&'static Entry, Error> {
    ENTRIES.iter().find(|entry| entry.key == key).ok_or_else(|| {
        Error::new(Code::UnknownSetting, format!("there is no setting `{key}`"))
            .closest(key, ENTRIES.iter().map(|entry| entry.key))
    })
}

fn refuse_unknown_keys(file: &super::ConfigFile) -> Result<(), Error> {
    // `laneway check` reads the table of its own, and is as strict with it.
    for (key, line) in file.keys().filter(|(key, _)| !key.starts_with("check.")) {
        entry(key)
            .map_err(|error| error.why(format!("{}:{line} sets it", file.path().display())))?;
    }
    Ok(())
}
