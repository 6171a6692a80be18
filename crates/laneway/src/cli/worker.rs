//! `laneway worker`.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use laneway_core::error::{Code, Error};
use laneway_core::job::QueueName;
use laneway_engine::protocol::AppManifest;
use laneway_engine::{Concurrency, Happening, Launch, WorkerOptions};

use super::python::{self, Python};
use super::{Context, runtime};
use crate::config::{Bytes, Origin, Settings, Sourced, Sources, table};
use crate::endpoint::{Board, Condition, Endpoint};
use crate::store_url::StoreUrl;

mod event;
mod journal;
mod shutdown;

pub(super) use event::tell_failure;

use journal::{Journal, Start};
use shutdown::Shutdown;

/// The environment variable by which runners are told the worker's store.
const STORE_OF_WORKER: &str = "LANEWAY_WORKER_STORE";

/// The environment variable by which runners are told the most bytes of a result.
const PAYLOAD_MAX_OF_WORKER: &str = "LANEWAY_WORKER_PAYLOAD_MAX";

/// Arguments of `laneway worker`.
#[derive(Debug, Args)]
pub(super) struct WorkerArgs {
    /// The application: `module:app` or a file such as `shop/tasks.py`
    app: Option<String>,
    /// A queue to serve, the preferred first; may be repeated
    #[arg(long, short)]
    queue: Vec<String>,
    /// The worker's name in `laneway status`
    #[arg(long)]
    name: Option<String>,
    /// Make tasks this application's own that belong to another one in the store, as after a move
    #[arg(long)]
    take_over: bool,
    /// The Python that runs the tasks
    #[arg(long, value_name = "PROGRAM")]
    python: Option<String>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    times: TimeArgs,
    /// The form of the log on standard error: `text` or `json`
    #[arg(long, value_name = "FORM", help_heading = "Output")]
    log: Option<String>,
    /// Answer `/live`, `/ready` and `/queues` over HTTP here, such as `127.0.0.1:9090`
    #[arg(long, value_name = "ADDRESS", help_heading = "Output")]
    listen: Option<String>,
    /// Which events `--json` writes to standard output
    #[arg(long, value_name = "WHICH", default_value = "lifecycle", help_heading = "Output")]
    events: Events,
    /// Drain when standard input is closed
    #[arg(long)]
    stop_on_stdin_eof: bool,
}

/// How much at once.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Attempts that wait on the event loop at once [default: 1000]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    concurrency_async: Option<String>,
    /// Threads that run blocking attempts [default: 40]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    concurrency_thread: Option<String>,
    /// Processes that compute [default: one for each core]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    concurrency_process: Option<String>,
    /// Replace a process runner after so many attempts [default: never]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    recycle_jobs: Option<String>,
    /// Replace a process runner that has grown beyond this, such as `512MiB`
    #[arg(long, value_name = "BYTES")]
    recycle_memory: Option<String>,
    /// Kill a process runner that grows beyond this, such as `2GiB`
    #[arg(long, value_name = "BYTES")]
    memory_max: Option<String>,
}

/// When.
#[derive(Debug, Args)]
#[command(next_help_heading = "Times")]
struct TimeArgs {
    /// How long the store waits for a silent worker [default: 10s]
    #[arg(long, value_name = "DURATION")]
    lease: Option<String>,
    /// How long a stopping worker waits for running attempts [default: 30s]
    #[arg(long, value_name = "DURATION")]
    drain_timeout: Option<String>,
    /// How often to look for the jobs of dead workers [default: 5s]
    #[arg(long, value_name = "DURATION")]
    sweep_every: Option<String>,
    /// How long ended jobs are kept [default: 7d]
    #[arg(long, value_name = "DURATION")]
    retention: Option<String>,
}

/// Which events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Events {
    /// What happens to the worker, its runners and the store
    Lifecycle,
    /// Also the end of every attempt
    Attempts,
}

/// Everything that is decided before anything starts.
struct Plan {
    settings: Settings,
    python: Python,
    options: WorkerOptions,
}

pub(super) fn run(arguments: WorkerArgs, context: &mut Context) -> Result<u8, Error> {
    let (events, stop_on_stdin_eof) = (arguments.events, arguments.stop_on_stdin_eof);
    let take_over = arguments.take_over;
    context.sources = with_flags(context.sources.clone(), arguments)?;
    let settings = context.settings()?;
    for warning in &settings.warnings {
        context.output.warning(warning);
    }
    let mut plan = Plan::make(settings, &context.sources)?;
    plan.options.take_over = take_over;
    let runtime = runtime()?;
    let journal = Journal::new(&mut context.output, plan.settings.log.value, events);
    let ended = runtime.block_on(async {
        let shutdown = Shutdown::listen(stop_on_stdin_eof)?;
        Box::pin(beside_endpoint(plan, shutdown, journal)).await
    });
    // What is still under way belongs to a worker that was told to end at once.
    runtime.shutdown_background();
    ended
}

/// Works, and answers probes meanwhile if that is wanted.
async fn beside_endpoint(
    plan: Plan,
    shutdown: Shutdown,
    journal: Journal<'_>,
) -> Result<u8, Error> {
    let board = Arc::new(Board::default());
    let Some(address) = plan.settings.listen.value else {
        return work(plan, shutdown, journal, (&board, None)).await;
    };
    let endpoint = Endpoint::bind(address).await?;
    let address = endpoint.address();
    tokio::select! {
        status = work(plan, shutdown, journal, (&board, Some(address))) => status,
        never = endpoint.serve(Arc::clone(&board)) => match never {},
    }
}

async fn work(
    plan: Plan,
    mut shutdown: Shutdown,
    mut journal: Journal<'_>,
    (board, listen): (&Board, Option<SocketAddr>),
) -> Result<u8, Error> {
    let Plan { settings, python, options } = plan;
    let launch = tokio::select! {
        launch = Launch::start(options.clone()) => {
            launch.map_err(|error| python::for_want_of_laneway(error, &python.path))?
        }
        stop = shutdown.next() => return Ok(stop.status_before_start()),
    };
    let url = store_of(&settings, launch.manifest())?;
    let store = crate::connect(&url.value).await?;
    journal.start(&Start {
        store: &url,
        manifest: launch.manifest(),
        queues: queues_of(&options, launch.manifest()),
        options: &options,
        python: &python,
        listen,
    });
    board.set_store(store.clone());
    let report = {
        let (phase, signals) = shutdown.phases();
        let observer = |happening: &_| {
            note_condition(board, happening);
            journal.happened(happening);
        };
        let running = launch.run(store, phase, observer);
        tokio::pin!(running);
        tokio::select! {
            report = &mut running => report?,
            // It never ends before the worker does, unless a second signal asks for the end at
            // once.
            stop = signals => return Ok(stop.status()),
        }
    };
    journal.end(&report);
    Ok(0)
}

/// Tells probes whether the worker takes jobs.
fn note_condition(board: &Board, happening: &Happening) {
    match happening {
        Happening::Ready { .. } | Happening::SessionOpened { .. } => {
            board.set_condition(Condition::Ready);
        }
        Happening::SessionLost { .. } => {
            board.set_condition(Condition::NotReady("its session is lost"));
        }
        Happening::Draining { .. } => board.set_condition(Condition::NotReady("draining")),
        _ => {}
    }
}

impl Plan {
    fn make(settings: Settings, sources: &Sources) -> Result<Self, Error> {
        let app = settings.app_ref().ok_or_else(|| {
            Error::new(Code::AppNotFound, "no application is named")
                .why("neither an argument, nor `LANEWAY_APP`, nor `app` in a configuration file")
                .fix("write `laneway worker module:app` or `laneway worker path/to/app.py`")
        })?;
        let python = python::find(&settings, sources)?;
        let name = settings.name.value.clone().unwrap_or_else(|| worker_name(&app));
        let options = options(&settings, &python, app, name);
        Ok(Self { settings, python, options })
    }
}

fn options(settings: &Settings, python: &Python, app: String, name: String) -> WorkerOptions {
    let defaults = WorkerOptions::default();
    let places = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let bytes = |setting: &Sourced<Option<Bytes>>| setting.value.map(|bytes| bytes.0);
    WorkerOptions {
        python: python.path.clone(),
        app,
        name,
        queues: settings.queues.value.clone(),
        concurrency: Concurrency {
            async_jobs: places(settings.concurrency_async.value),
            threads: places(settings.concurrency_thread.value),
            processes: settings
                .concurrency_process
                .value
                .map_or(defaults.concurrency.processes, places),
        },
        lease: settings.lease.value,
        sweep_every: settings.sweep_every.value,
        drain_timeout: settings.drain_timeout.value,
        retention: settings.retention.value,
        recycle_jobs: Some(u64::from(settings.recycle_jobs.value)).filter(|jobs| *jobs > 0),
        recycle_memory_bytes: bytes(&settings.recycle_memory),
        memory_bytes_max: bytes(&settings.memory_max),
        runner_environment: runner_environment(settings),
        ..defaults
    }
}

/// The store: what a flag names, else what the application itself names, else what the environment
/// or the configuration names, else the default. A client of the application chooses in the same
/// order, so that jobs go where the worker looks.
fn store_of(settings: &Settings, manifest: &AppManifest) -> Result<Sourced<StoreUrl>, Error> {
    match &manifest.store {
        Some(url) if !is_flag(&settings.store.origin) => Ok(Sourced {
            value: StoreUrl::parse(url, &settings.project)?,
            origin: Origin::App(manifest.name.clone()),
        }),
        _ => Ok(settings.store.clone()),
    }
}

const fn is_flag(origin: &Origin) -> bool {
    matches!(origin, Origin::Flag(_))
}

/// What a runner must know and cannot find out by itself: the largest result, and the worker's
/// store where a flag overrules the application: jobs that tasks enqueue must go where this worker
/// finds them.
fn runner_environment(settings: &Settings) -> Vec<(OsString, OsString)> {
    let payload_max = settings.payload_max.value.0.to_string();
    let mut variables = vec![(PAYLOAD_MAX_OF_WORKER.into(), payload_max.into())];
    if is_flag(&settings.store.origin) {
        let store = settings.store.value.expose();
        variables.push((STORE_OF_WORKER.into(), store.into()));
    }
    variables
}

/// The queues that the worker will serve.
fn queues_of(options: &WorkerOptions, manifest: &AppManifest) -> Vec<QueueName> {
    options.queues.clone().unwrap_or_else(|| {
        let named = manifest.tasks.iter().map(|task| task.queue.clone());
        let queues: BTreeSet<_> = named.chain([QueueName::default_queue()]).collect();
        queues.into_iter().collect()
    })
}

fn worker_name(app: &str) -> String {
    let system = rustix::system::uname();
    format!("{}:{}:{app}", system.nodename().to_string_lossy(), std::process::id())
}

fn with_flags(mut sources: Sources, arguments: WorkerArgs) -> Result<Sources, Error> {
    let WorkerArgs { app, queue, name, python, limits, times, listen, log, .. } = arguments;
    let queues = (!queue.is_empty()).then(|| queue.join(","));
    for (key, value) in [
        ("app", app),
        ("queues", queues),
        ("name", name),
        ("python", python),
        ("concurrency.async", limits.concurrency_async),
        ("concurrency.thread", limits.concurrency_thread),
        ("concurrency.process", limits.concurrency_process),
        ("recycle_jobs", limits.recycle_jobs),
        ("recycle_memory", limits.recycle_memory),
        ("memory_max", limits.memory_max),
        ("lease", times.lease),
        ("drain_timeout", times.drain_timeout),
        ("sweep_every", times.sweep_every),
        ("retention", times.retention),
        ("listen", listen),
        ("log", log),
    ] {
        sources = sources.with_flag(table::entry(key)?, value);
    }
    Ok(sources)
}
