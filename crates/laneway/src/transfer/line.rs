//! A line of an export: one JSON object that says everything.
//!
//! Times are microseconds since the Unix epoch and spans are microseconds, so that no rounding
//! changes them. Arguments and results are base64 of their very bytes.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use laneway_core::clock::{Timestamp, micros};
use laneway_core::error::{Code, Error};
use laneway_core::id::Token;
use laneway_core::job::{Failure, Lane, Payload, Priority, QueueName, State, TaskName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::Policy;
use laneway_core::store::{JobRecord, UniqueKey, UniqueScope};
use serde::{Deserialize, Serialize};

/// The version of the format; a later one that older readers cannot understand has a higher number.
const SCHEMA: u32 = 1;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub enum Line {
    /// The first.
    Begin {
        /// By the clock of the machine that exported.
        exported_at: Timestamp,
    },
    /// A queue.
    Queue {
        /// Its name.
        name: QueueName,
        /// Whether it is paused.
        is_paused: bool,
    },
    /// A job.
    Job(Box<JobRecord>),
    /// The last: without it, the export was cut off.
    End {
        /// How many jobs it holds.
        jobs: u64,
    },
}

/// Writes a line.
///
/// # Errors
/// `LW1023` when `out` cannot be written.
pub fn write(out: &mut impl Write, line: &Line) -> Result<(), Error> {
    let body = Body::of(line);
    let written = serde_json::to_writer(&mut *out, &Object { schema: SCHEMA, body })
        .map_err(io::Error::from)
        .and_then(|()| out.write_all(b"\n"));
    written.map_err(|error| unwritable(&error))
}

/// Reads lines; empty ones are passed over.
pub fn read(lines: impl BufRead) -> impl Iterator<Item = Result<Line, Error>> {
    let numbered = lines.lines().enumerate();
    numbered.filter_map(|(index, line)| {
        let number = index + 1;
        match line {
            Ok(text) if text.trim().is_empty() => None,
            Ok(text) => Some(parse(&text).map_err(|why| unreadable(number, &why))),
            Err(error) => Some(Err(unreadable(number, &error.to_string()))),
        }
    })
}

pub(super) fn unwritable(error: &io::Error) -> Error {
    Error::new(Code::InvalidArgument, "the export cannot be written")
        .why(error.to_string())
        .fix("make room where it is written, and export again: nothing was changed in the store")
}

pub(super) fn unreadable(number: usize, why: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("line {number} is not of an export"))
        .why(why)
        .fix("import what `laneway export` wrote; jobs of whole batches before it were added")
}

fn parse(text: &str) -> Result<Line, String> {
    let version: Version = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if version.schema != SCHEMA {
        return Err(format!("its schema is {}, and this build reads {SCHEMA}", version.schema));
    }
    let object: Object = serde_json::from_str(text).map_err(|error| error.to_string())?;
    object.body.into_line().map_err(|error| format!("{}: {}", error.what(), error.reason()))
}

#[derive(Deserialize)]
struct Version {
    schema: u32,
}

#[derive(Serialize, Deserialize)]
struct Object {
    schema: u32,
    #[serde(flatten)]
    body: Body,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Body {
    Begin { laneway: String, exported_at_us: i64 },
    Queue { name: String, is_paused: bool },
    Job(Box<Job>),
    End { jobs: u64 },
}

#[derive(Serialize, Deserialize)]
struct Job {
    id: String,
    task: String,
    queue: String,
    lane: Lane,
    priority: i64,
    state: State,
    token: u64,
    failures: u32,
    interrupts: u32,
    handbacks: u32,
    policy: Policy,
    limit: Option<JobLimit>,
    unique: Option<JobKey>,
    enqueued_at_us: i64,
    due_at_us: Option<i64>,
    claimed_at_us: Option<i64>,
    finished_at_us: Option<i64>,
    wall_us: Option<i64>,
    cancel_asked: bool,
    progress: Option<JobProgress>,
    failure: Option<Failure>,
    args: String,
    result: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct JobLimit {
    key: String,
    count: u32,
    per_us: i64,
    burst: u32,
}

#[derive(Serialize, Deserialize)]
struct JobKey {
    scope: Scope,
    text: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Unfinished,
    Kept,
}

#[derive(Serialize, Deserialize)]
struct JobProgress {
    /// JSON has no number that is none: `null` stands for it.
    done: Option<f64>,
    of: Option<f64>,
    note: String,
}

impl Body {
    fn of(line: &Line) -> Self {
        match line {
            Line::Begin { exported_at } => Self::Begin {
                laneway: crate::VERSION.to_owned(),
                exported_at_us: exported_at.as_micros(),
            },
            Line::Queue { name, is_paused } => {
                Self::Queue { name: name.to_string(), is_paused: *is_paused }
            }
            Line::Job(record) => Self::Job(Box::new(Job::of(record))),
            Line::End { jobs } => Self::End { jobs: *jobs },
        }
    }

    fn into_line(self) -> Result<Line, Error> {
        Ok(match self {
            Self::Begin { exported_at_us, .. } => {
                Line::Begin { exported_at: Timestamp::from_micros(exported_at_us) }
            }
            Self::Queue { name, is_paused } => {
                Line::Queue { name: QueueName::new(name)?, is_paused }
            }
            Self::Job(job) => Line::Job(Box::new(job.into_record()?)),
            Self::End { jobs } => Line::End { jobs },
        })
    }
}

impl Job {
    fn of(record: &JobRecord) -> Self {
        let instant = |at: Option<Timestamp>| at.map(Timestamp::as_micros);
        Self {
            id: record.id.to_string(),
            task: record.task.to_string(),
            queue: record.queue.to_string(),
            lane: record.lane,
            priority: record.priority.value().into(),
            state: record.state,
            token: record.token.0,
            failures: record.failures,
            interrupts: record.interrupts,
            handbacks: record.handbacks,
            policy: (*record.policy).clone(),
            limit: record.limit.as_ref().map(JobLimit::of),
            unique: record.unique.as_ref().map(JobKey::of),
            enqueued_at_us: record.enqueued_at.as_micros(),
            due_at_us: instant(record.due_at),
            claimed_at_us: instant(record.claimed_at),
            finished_at_us: instant(record.finished_at),
            wall_us: record.wall.map(micros),
            cancel_asked: record.cancel_asked,
            progress: record.progress.as_ref().map(|(done, of, note)| JobProgress {
                done: done.is_finite().then_some(*done),
                of: *of,
                note: note.clone(),
            }),
            failure: record.failure.clone(),
            args: STANDARD.encode(&record.args.0),
            result: record.result.as_ref().map(|result| STANDARD.encode(&result.0)),
        }
    }

    fn into_record(self) -> Result<JobRecord, Error> {
        let instant = |at: Option<i64>| at.map(Timestamp::from_micros);
        Ok(JobRecord {
            id: self.id.parse()?,
            task: TaskName::new(self.task)?,
            queue: QueueName::new(self.queue)?,
            lane: self.lane,
            priority: Priority::new(self.priority)?,
            state: self.state,
            token: Token(self.token),
            failures: self.failures,
            interrupts: self.interrupts,
            handbacks: self.handbacks,
            policy: Arc::new(self.policy),
            limit: self.limit.map(JobLimit::into_limit).transpose()?,
            unique: self.unique.map(JobKey::into_key),
            enqueued_at: Timestamp::from_micros(self.enqueued_at_us),
            due_at: instant(self.due_at_us),
            claimed_at: instant(self.claimed_at_us),
            finished_at: instant(self.finished_at_us),
            wall: self.wall_us.map(span),
            session: None,
            cancel_asked: self.cancel_asked,
            progress: self
                .progress
                .map(|progress| (progress.done.unwrap_or(f64::NAN), progress.of, progress.note)),
            failure: self.failure,
            args: payload(&self.args)?,
            result: self.result.as_deref().map(payload).transpose()?,
            unreadable: None,
        })
    }
}

impl JobLimit {
    fn of(limit: &Limit) -> Self {
        let rate = limit.rate;
        Self {
            key: limit.key.clone(),
            count: rate.count(),
            per_us: micros(rate.per()),
            burst: rate.burst(),
        }
    }

    fn into_limit(self) -> Result<Limit, Error> {
        let rate = Rate::new(self.count, span(self.per_us), self.burst)?;
        Ok(Limit { key: self.key, rate })
    }
}

impl JobKey {
    fn of(key: &UniqueKey) -> Self {
        let scope = match key.scope {
            UniqueScope::Unfinished => Scope::Unfinished,
            UniqueScope::Kept => Scope::Kept,
        };
        Self { scope, text: key.text.clone() }
    }

    fn into_key(self) -> UniqueKey {
        let scope = match self.scope {
            Scope::Unfinished => UniqueScope::Unfinished,
            Scope::Kept => UniqueScope::Kept,
        };
        UniqueKey { scope, text: self.text }
    }
}

fn span(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

fn payload(text: &str) -> Result<Payload, Error> {
    STANDARD.decode(text).map(Payload).map_err(|error| {
        Error::new(Code::InvalidArgument, "arguments or a result are not base64")
            .why(error.to_string())
    })
}
