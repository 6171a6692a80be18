//! What a job costs that does nothing: `cargo run --release -p laneway-engine --example
//! no_op_jobs`.
//!
//! Runs jobs on scripted runners from a database file and prints, as one line of JSON, the rate and
//! the CPU time of this process: supervisor and store together, without the runner and the
//! producer.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::job::{Lane, Payload, Priority, QueueName, TaskName};
use laneway_core::store::{Due, Durability, NewJob, Store};
use laneway_engine::{Ending, Happening, Launch, Phase, WorkerOptions};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};
use tokio::sync::{mpsc, watch};

const JOBS: usize = 50_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut runner: PathBuf = std::env::current_exe()?;
    runner.set_file_name("scripted_runner");
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(SqliteOptions {
        path: Location::File(folder.path().join("jobs.db")),
        durability: Durability::Os,
        clock: Arc::new(SystemClock),
    })?;
    for lane in Lane::ALL {
        let (wall, cpu) = runtime.block_on(run(store.clone(), lane, runner.clone()))?;
        let jobs = u32::try_from(JOBS)?;
        writeln!(
            std::io::stdout(),
            r#"{{"lane":"{lane}","jobs":{JOBS},"jobs_per_second":{:.0},"cpu_us_per_job":{:.2}}}"#,
            f64::from(jobs) / wall.as_secs_f64(),
            cpu.as_secs_f64() * 1e6 / f64::from(jobs),
        )?;
    }
    Ok(())
}

/// The time from the first claim to the last end, and the CPU time of this process in it.
async fn run(
    store: SqliteStore,
    lane: Lane,
    runner: PathBuf,
) -> Result<(Duration, Duration), Box<dyn std::error::Error>> {
    for _ in 0..JOBS / 1_000 {
        store.enqueue((0..1_000).map(|_| job(lane)).collect::<Result<_, Error>>()?).await?;
    }
    let options =
        WorkerOptions { runner_command: Some(vec![runner.into()]), ..WorkerOptions::default() };
    let launch = Launch::start(options).await?;
    let (phase, shutdown) = watch::channel(Phase::Running);
    let (finished, mut is_finished) = mpsc::channel(1);
    let mut left = JOBS;
    let observer = move |happening: &Happening| {
        if let Happening::AttemptEnded(ended) = happening
            && ended.ending == Ending::Succeeded
        {
            left -= 1;
            if left == 0 {
                finished.try_send(()).ok();
            }
        }
    };
    let (begun, used) = (now(), cpu_time());
    let worker = tokio::spawn(launch.run(store, shutdown, observer));
    is_finished.recv().await;
    let (wall, cpu) = (begun.elapsed(), cpu_time().saturating_sub(used));
    phase.send_replace(Phase::Drain);
    worker.await??;
    Ok((wall, cpu))
}

fn job(lane: Lane) -> Result<NewJob, Error> {
    Ok(NewJob {
        id: JobId::from_bits(fastrand::u128(..)),
        task: TaskName::new(format!("{lane}.do"))?,
        queue: QueueName::new("work")?,
        lane,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: Arc::default(),
        limit: None,
        args: Payload(vec![0x80]),
    })
}

fn cpu_time() -> Duration {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let nanos = u32::try_from(spent.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(spent.tv_sec).unwrap_or_default(), nanos)
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> Instant {
    Instant::now()
}
