//! `laneway jobs show`.

use clap::Args;
use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::store::{JobRecord, Store};

use super::list::progress;
use super::unknown_job;
use crate::cli::humane::{counted, headline, instant, now, span, state_style};
use crate::cli::output::{DIM, Output, plain};
use crate::store::AnyStore;
use crate::view;

/// Arguments of `laneway jobs show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// The job
    id: String,
}

pub(super) async fn run(
    arguments: &ShowArgs,
    store: &AnyStore,
    output: &mut Output,
) -> Result<u8, Error> {
    let id = arguments.id.parse()?;
    let job = store.job(id).await?.ok_or_else(|| unknown_job(id))?;
    if output.is_json() {
        output.json(view::job(&job));
        return Ok(0);
    }
    let style = state_style(job.state);
    output.line(&format!("job {}  {style}{}{style:#}", job.id, job.state));
    for (name, text) in rows(&job, now()) {
        output.line(&format!("  {DIM}{name:<10}{DIM:#}  {}", plain(&text)));
    }
    if let Some(failure) = job.failure.as_ref().filter(|failure| !failure.traceback.is_empty()) {
        output.line("");
        for line in plain(&failure.traceback).lines() {
            output.line(&format!("  {line}"));
        }
    }
    Ok(0)
}

fn rows(job: &JobRecord, now: Timestamp) -> Vec<(&'static str, String)> {
    let at = |time: Timestamp| instant(time, now);
    let mut rows = vec![
        ("task", job.task.to_string()),
        ("queue", format!("{}, priority {}", job.queue, job.priority.value())),
        ("lane", job.lane.to_string()),
        ("attempts", attempts(job)),
        ("policy", policy(job)),
        ("enqueued", at(job.enqueued_at)),
    ];
    let mut add = |name, text: Option<String>| rows.extend(text.map(|text| (name, text)));
    add("limit", job.limit.as_ref().map(|limit| limit.key.clone()));
    add("due", job.due_at.map(at));
    add("claimed", job.claimed_at.map(at));
    add("finished", job.finished_at.map(at));
    add("took", job.wall.map(span));
    add("session", job.session.map(|session| session.to_string()));
    add("cancel", job.cancel_asked.then(|| "its worker is asked to stop it".to_owned()));
    add("progress", job.progress.as_ref().map(progress));
    add("arguments", Some(view::encoded(&job.args).to_string()));
    add("result", job.result.as_ref().map(|result| view::encoded(result).to_string()));
    add("failure", job.failure.as_ref().map(headline));
    add("unreadable", job.unreadable.clone());
    rows
}

fn attempts(job: &JobRecord) -> String {
    format!(
        "{}, {} (token {})",
        counted(job.failures, "failure"),
        counted(job.interrupts, "interruption"),
        job.token.0
    )
}

fn policy(job: &JobRecord) -> String {
    let policy = &job.policy;
    let timeout = policy.timeout.map_or_else(
        || "no timeout".to_owned(),
        |timeout| format!("timeout {} and {} grace", span(timeout), span(policy.grace)),
    );
    format!("at most {}, {timeout}", counted(policy.retry.attempts_max, "attempt"))
}
