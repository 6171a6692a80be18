//! `laneway jobs list`.

use clap::Args;
use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::job::State;
use laneway_core::store::JobRecord;

use super::{Filter, pages};
use crate::cli::humane::{age, now, reason, span, state_style};
use crate::cli::output::{DIM, Output};
use crate::cli::table_text::{Cell, lines};
use crate::store::AnyStore;
use crate::view;

/// The longest remark in a list, in characters.
const REMARK_CHARS_MAX: usize = 60;

/// Arguments of `laneway jobs list`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    #[command(flatten)]
    filter: Filter,
    /// The most jobs
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
    /// Begin after this job, the last of the list before
    #[arg(long, value_name = "ID")]
    after: Option<String>,
}

pub(super) async fn run(
    arguments: &ListArgs,
    store: &AnyStore,
    output: &mut Output,
) -> Result<u8, Error> {
    let mut list = arguments.filter.first_page()?;
    list.after = arguments.after.as_ref().map(|id| id.parse()).transpose()?;
    let mut jobs = Vec::new();
    let rest = pages(store, list, arguments.limit, |job| {
        if output.is_json() {
            output.json(view::listed_job(&job));
        } else {
            jobs.push(job);
        }
    })
    .await?;
    if !output.is_json() {
        write_table(&jobs, output);
    }
    if let Some(after) = rest {
        output.note(&format!("there are more: add `--after {after}`"));
    }
    Ok(0)
}

fn write_table(jobs: &[JobRecord], output: &mut Output) {
    if jobs.is_empty() {
        return output.note("no job matches");
    }
    let now = now();
    let heads = ["id", "state", "task", "queue", "lane", "age", "took", "remark"];
    let rows: Vec<_> = jobs.iter().map(|job| row(job, now)).collect();
    for line in lines(&heads, &rows) {
        output.line(&line);
    }
}

fn row(job: &JobRecord, now: Timestamp) -> Vec<Cell> {
    vec![
        Cell::text(job.id.to_string()),
        Cell::text(job.state.as_str()).styled(state_style(job.state)),
        Cell::text(job.task.as_str()),
        Cell::text(job.queue.as_str()),
        Cell::text(job.lane.as_str()),
        Cell::right(Some(age(now.since(job.enqueued_at)))),
        Cell::right(job.wall.map(span)),
        Cell::text(shortened(&remark(job, now))).styled(DIM),
    ]
}

/// What one should know of a job beyond its state.
fn remark(job: &JobRecord, now: Timestamp) -> String {
    let mut parts = Vec::new();
    if let Some(flaws) = &job.unreadable {
        parts.push(format!("unreadable: {flaws}"));
    }
    if let Some(due_at) = job.due_at.filter(|_| job.state == State::Scheduled) {
        let left = due_at.since(now);
        parts.push(if left.is_zero() { "due".to_owned() } else { format!("due in {}", age(left)) });
    }
    if job.state == State::Running {
        if job.cancel_asked {
            parts.push("asked to stop".to_owned());
        }
        parts.extend(job.progress.as_ref().map(progress));
    }
    if job.state != State::Succeeded {
        parts.extend(job.failure.as_ref().map(reason));
    }
    parts.join(", ")
}

/// How far a job is, for people.
pub(super) fn progress((done, of, note): &(f64, Option<f64>, String)) -> String {
    let steps = of.map_or_else(|| done.to_string(), |of| format!("{done} of {of}"));
    if note.is_empty() { steps } else { format!("{steps} ({note})") }
}

fn shortened(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(REMARK_CHARS_MAX) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or(line)),
        None => line.to_owned(),
    }
}
