//! `laneway jobs retry` and `laneway jobs cancel`: what a person decides about jobs.

use clap::Args;
use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::store::{BATCH_MAX, Cancelled, Requeued, Store};
use serde_json::json;

use super::{Filter, job_ids, pages, unknown_job};
use crate::cli::NEGATIVE;
use crate::cli::humane::counted;
use crate::cli::output::Output;
use crate::store::AnyStore;

/// Arguments of `laneway jobs retry` and `laneway jobs cancel`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DecideArgs {
    /// The jobs
    #[arg(
        value_name = "ID",
        required_unless_present_any = ["state", "queue", "task"],
        conflicts_with_all = ["state", "queue", "task"],
    )]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Do it, though the jobs are chosen by a filter
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Only tell which jobs it would be
    #[arg(long)]
    dry_run: bool,
}

/// What is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Run them again.
    Retry,
    /// End them.
    Cancel,
}

/// What became of one job.
struct Answer {
    id: JobId,
    /// The outcome's name, as in JSON.
    outcome: &'static str,
    /// The same for people.
    words: String,
    error: Option<Error>,
}

pub(super) async fn run(
    arguments: &DecideArgs,
    decision: Decision,
    store: &AnyStore,
    output: &mut Output,
) -> Result<u8, Error> {
    let filter = &arguments.filter;
    let is_bulk = arguments.ids.is_empty();
    let ids = if is_bulk { matching(filter, store).await? } else { job_ids(&arguments.ids)? };
    if arguments.dry_run {
        for id in &ids {
            write(
                output,
                &Answer { id: *id, outcome: "matched", words: String::new(), error: None },
            );
        }
        output.note(&format!("{} would be {}", counted(ids.len() as u64, "job"), decision.done()));
        return Ok(0);
    }
    if is_bulk && !arguments.yes {
        return Err(unconfirmed(decision, ids.len()));
    }
    let mut refused = 0_u64;
    let mut first_error = None;
    for batch in ids.chunks(BATCH_MAX) {
        for answer in decision.carry_out(batch, store).await? {
            write(output, &answer);
            refused += u64::from(answer.error.is_some());
            first_error = first_error.or(answer.error);
        }
    }
    match first_error {
        // A job that moved on between the listing and the decision is no mistake of the person's.
        Some(_) if is_bulk => {
            output.warning(&format!("{} had moved on meanwhile", counted(refused, "job")));
            Ok(NEGATIVE)
        }
        Some(error) => Err(error),
        None => Ok(0),
    }
}

impl Decision {
    const fn done(self) -> &'static str {
        match self {
            Self::Retry => "made ready again",
            Self::Cancel => "cancelled",
        }
    }

    async fn carry_out(self, ids: &[JobId], store: &AnyStore) -> Result<Vec<Answer>, Error> {
        let ids = ids.to_vec();
        Ok(match self {
            Self::Retry => {
                let answers = store.requeue(ids.clone()).await?;
                ids.into_iter().zip(answers).map(|(id, answer)| requeued(id, answer)).collect()
            }
            Self::Cancel => {
                let answers = store.cancel(ids.clone()).await?;
                ids.into_iter().zip(answers).map(|(id, answer)| cancelled(id, answer)).collect()
            }
        })
    }
}

fn requeued(id: JobId, answer: Requeued) -> Answer {
    let (outcome, words, error) = match answer {
        Requeued::Done => ("done", "ready".to_owned(), None),
        Requeued::Refused(state) => (
            "refused",
            format!("refused, it is {state}"),
            Some(
                Error::new(Code::StateForbids, format!("job `{id}` cannot be made ready again"))
                    .why(format!(
                        "it is {state}; only failed, cancelled and parked jobs can, unless \
                         another unfinished job has taken their unique key"
                    )),
            ),
        ),
        Requeued::Unknown => ("unknown", "unknown".to_owned(), Some(unknown_job(id))),
    };
    Answer { id, outcome, words, error }
}

fn cancelled(id: JobId, answer: Cancelled) -> Answer {
    let (outcome, words, error) = match answer {
        Cancelled::Done => ("done", "cancelled", None),
        Cancelled::Asked => ("asked", "running, its worker is asked to stop it", None),
        Cancelled::TooLate => (
            "too_late",
            "too late, it has ended",
            Some(
                Error::new(Code::StateForbids, format!("job `{id}` cannot be cancelled"))
                    .why("it has ended already"),
            ),
        ),
        Cancelled::Unknown => ("unknown", "unknown", Some(unknown_job(id))),
    };
    Answer { id, outcome, words: words.to_owned(), error }
}

fn write(output: &mut Output, answer: &Answer) {
    if output.is_json() {
        output.json(json!({ "id": answer.id.to_string(), "outcome": answer.outcome }));
    } else {
        output.line(format!("{}  {}", answer.id, answer.words).trim_end());
    }
}

async fn matching(filter: &Filter, store: &AnyStore) -> Result<Vec<JobId>, Error> {
    let mut ids = Vec::new();
    pages(store, filter.first_page()?, usize::MAX, |job| {
        ids.push(job.id);
    })
    .await?;
    Ok(ids)
}

fn unconfirmed(decision: Decision, count: usize) -> Error {
    let jobs = counted(count as u64, "job");
    Error::new(Code::InvalidArgument, format!("{jobs} would be {}", decision.done()))
        .why("the jobs are chosen by a filter, and nobody has said that these are the right ones")
        .fix("add `--yes` to do it, or `--dry-run` to see which jobs they are")
}
