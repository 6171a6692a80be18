//! A runner without Python, for tests: it speaks the whole protocol, and its jobs do what their
//! arguments say. Those that take time report progress when they begin.
//!
//! The arguments are plain text, one of: nothing (the arguments are the result), `sleep 50` (ends
//! early when asked to stop), `deaf 50` (does not), `block 50` (and nothing else in this process
//! goes on), `fail`, `fail final`, `crash`, `grow 64` (holds so many MiB more), `say 3` (reports
//! progress and waits to be stopped). Times are milliseconds.
//!
//! The application's name says how the runner begins: `refuse`, `die`, `old` (another protocol);
//! `live-once:PATH` dies when the file exists, and makes it.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{ExitCode, abort};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use laneway_core::error::{Code, Error};
use laneway_core::job::{Failure, Lane, Payload, QueueName, TaskName};
use laneway_core::verdict::Form;
use laneway_engine::protocol::{
    AppManifest, Done, End, FromRunner, HEADER_BYTES, Hello, PROTOCOL_VERSION, ProgressReport, Run,
    StopReason, TaskManifest, ToRunner, append_frame,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name);
        place.and_then(|place| arguments.get(place + 1)).cloned().unwrap_or_default()
    };
    // A process runner is sent this signal with every request to stop. Here it only must not kill.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let _guard = runtime.as_ref().map(tokio::runtime::Runtime::enter);
    let _stop = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::user_defined1());
    let socket = io::stdin().as_fd().try_clone_to_owned().map(UnixStream::from);
    let Ok(socket) = socket else {
        return ExitCode::FAILURE;
    };
    let (app, is_process) = (value("--app"), value("--kind") == "process");
    let runner = Runner { socket: Arc::new(socket), stops: Arc::default(), is_process };
    match runner.begin(&app).and_then(|()| runner.serve()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// Attempts that were asked to stop, and the bell that tells so.
type Stops = (Mutex<HashMap<u64, StopReason>>, Condvar);

#[derive(Debug, Clone)]
struct Runner {
    socket: Arc<UnixStream>,
    stops: Arc<Stops>,
    is_process: bool,
}

impl Runner {
    fn begin(&self, app: &str) -> io::Result<()> {
        let mut protocol = PROTOCOL_VERSION;
        match app.split_once(':').unwrap_or((app, "")) {
            ("refuse", _) => {
                let error = Error::new(Code::AppImportFailed, "the application cannot be imported");
                self.say(&FromRunner::Refused(error))?;
                return Err(io::ErrorKind::Other.into());
            }
            ("die", _) => return Err(io::ErrorKind::Other.into()),
            ("live-once", path) if Path::new(path).exists() => {
                return Err(io::ErrorKind::Other.into());
            }
            ("live-once", path) => std::fs::write(path, "")?,
            ("old", _) => protocol += 1,
            _ => {}
        }
        self.say(&FromRunner::Hello(Hello {
            protocol,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            python: "no Python".to_owned(),
            app: manifest(app).map_err(io::Error::other)?,
        }))
    }

    /// Reads and obeys, frame by frame.
    fn serve(&self) -> io::Result<()> {
        let mut workers = Vec::new();
        loop {
            match self.frame()? {
                ToRunner::Run(runs) => self.run(runs, &mut workers)?,
                ToRunner::Stop { attempt, reason } => self.stop(attempt, reason),
                ToRunner::Ping(number) => self.say(&FromRunner::Pong(number))?,
                ToRunner::Drain => {
                    let ended = workers.into_iter().map(thread::JoinHandle::join);
                    return ended
                        .collect::<thread::Result<()>>()
                        .map_err(|_| io::Error::other("panic"));
                }
            }
        }
    }

    /// Jobs that end at once are reported together, all others by a thread each.
    fn run(&self, runs: Vec<Run>, workers: &mut Vec<thread::JoinHandle<()>>) -> io::Result<()> {
        let started: Vec<u64> = runs.iter().map(|run| run.attempt).collect();
        self.say(&FromRunner::Started(started))?;
        let mut done = Vec::new();
        for run in runs {
            let takes_time =
                ["sleep", "deaf", "say"].iter().any(|w| run.args.0.starts_with(w.as_bytes()));
            if takes_time && !self.is_process {
                let runner = self.clone();
                workers.push(thread::spawn(move || {
                    let done = runner.execute(&run);
                    // The supervisor may be gone, and then this process has no purpose.
                    runner.say(&FromRunner::Done(vec![done])).unwrap_or_else(|_| abort());
                }));
            } else {
                done.push(self.execute(&run));
            }
        }
        if done.is_empty() {
            return Ok(());
        }
        self.say(&FromRunner::Done(done))
    }

    fn execute(&self, run: &Run) -> Done {
        let begun = now();
        let text = String::from_utf8_lossy(&run.args.0).into_owned();
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let number: u32 = rest.parse().unwrap_or_default();
        let time = Duration::from_millis(number.into());
        let result = End::Returned(run.args.clone());
        let end = match word {
            "sleep" => {
                self.report(run.attempt, 0, 1);
                self.wait(run.attempt, time).map_or(result, End::Stopped)
            }
            "deaf" | "block" => {
                self.report(run.attempt, 0, 1);
                nap(time);
                result
            }
            "fail" => End::Raised {
                failure: Failure {
                    kind: "ValueError".to_owned(),
                    ..Failure::new(Code::TaskRaised, "as asked")
                },
                retryable: rest != "final",
                after: None,
                is_wish: false,
            },
            "crash" => abort(),
            "grow" => {
                let megabytes = usize::try_from(number).unwrap_or_default();
                let held = vec![7_u8; megabytes << 20];
                self.report(run.attempt, 0, 1);
                let stop = self.wait(run.attempt, Duration::from_secs(60));
                let last = held.last().copied().into_iter().collect();
                stop.map_or(End::Returned(Payload(last)), End::Stopped)
            }
            "say" => self.progress(run.attempt, number).map_or(result, End::Stopped),
            _ => result,
        };
        let wall_us = u64::try_from(begun.elapsed().as_micros()).ok();
        Done { attempt: run.attempt, end, wall_us, cpu_us: None, first_step: None }
    }

    fn progress(&self, attempt: u64, steps: u32) -> Option<StopReason> {
        for step in 1..=steps {
            self.report(attempt, step, steps);
        }
        self.wait(attempt, Duration::from_secs(60))
    }

    fn report(&self, attempt: u64, step: u32, steps: u32) {
        let (done, of, note) = (step.into(), Some(steps.into()), format!("step {step}"));
        let report = ProgressReport { attempt, done, of, note };
        self.say(&FromRunner::Progress(vec![report])).unwrap_or_else(|_| abort());
    }

    /// Waits so long, or until the attempt is asked to stop.
    fn wait(&self, attempt: u64, time: Duration) -> Option<StopReason> {
        let until = now() + time;
        let mut is_asked = !self.is_process;
        while !is_asked {
            let left = until.checked_duration_since(now())?;
            is_asked = self.stop_comes(attempt, left.min(Duration::from_millis(20)));
        }
        let (stops, bell) = &*self.stops;
        let left = until.saturating_duration_since(now());
        let stops = stops.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = bell.wait_timeout_while(stops, left, |stops| !stops.contains_key(&attempt));
        asked.unwrap_or_else(PoisonError::into_inner).0.remove(&attempt)
    }

    fn stop(&self, attempt: u64, reason: StopReason) {
        let (stops, bell) = &*self.stops;
        stops.lock().unwrap_or_else(PoisonError::into_inner).insert(attempt, reason);
        bell.notify_all();
    }

    /// Looks whether the next frame asks this attempt to stop; jobs that wait stay in the socket.
    fn stop_comes(&self, attempt: u64, patience: Duration) -> bool {
        let mut expected = Vec::new();
        let stops = [StopReason::Timeout, StopReason::Cancel, StopReason::Shutdown];
        for reason in stops {
            expected.clear();
            let is_framed =
                append_frame(&mut expected, &ToRunner::Stop { attempt, reason }).is_ok();
            let mut seen = vec![0; expected.len()];
            let peeked = rustix::net::recv(
                &*self.socket,
                &mut seen[..],
                rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT,
            );
            if is_framed && peeked.is_ok() && seen == expected {
                return matches!(self.frame(), Ok(ToRunner::Stop { attempt, reason }) if {
                    self.stop(attempt, reason);
                    true
                });
            }
        }
        nap(patience);
        false
    }

    fn frame(&self) -> io::Result<ToRunner> {
        let mut header = [0; HEADER_BYTES];
        (&*self.socket).read_exact(&mut header)?;
        let length = usize::try_from(u32::from_le_bytes(header)).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        (&*self.socket).read_exact(&mut body)?;
        rmp_serde::from_slice(&body).map_err(io::Error::other)
    }

    fn say(&self, message: &FromRunner) -> io::Result<()> {
        let mut frame = Vec::new();
        append_frame(&mut frame, message).map_err(io::Error::other)?;
        let (stops, _) = &*self.stops;
        let _one_at_a_time = stops.lock().unwrap_or_else(PoisonError::into_inner);
        (&*self.socket).write_all(&frame)
    }
}

fn manifest(app: &str) -> Result<AppManifest, Error> {
    let tasks = Lane::ALL.into_iter().map(|lane| {
        let (name, queue) = (TaskName::new(format!("{lane}.do"))?, QueueName::new("work")?);
        Ok(TaskManifest {
            name,
            lane,
            queue,
            form: Form::Def,
            has_await: None,
            mobility: None,
            is_thread_unsafe: false,
            library_names: Vec::new(),
        })
    });
    let tasks = tasks.collect::<Result<_, Error>>()?;
    Ok(AppManifest { name: app.to_owned(), identity: app.to_owned(), store: None, tasks })
}

#[expect(clippy::disallowed_methods, reason = "this program stands for somebody else's code")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this program stands for somebody else's code")]
fn nap(time: Duration) {
    thread::sleep(time);
}
