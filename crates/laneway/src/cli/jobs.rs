//! `laneway jobs`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::job::{QueueName, State, TaskName};
use laneway_core::store::{BATCH_MAX, JobRecord, ListJobs, Store};

use super::{Context, block_on};
use crate::store::AnyStore;

mod decide;
mod list;
mod show;
mod wait;

/// Commands of `laneway jobs`.
#[derive(Debug, Subcommand)]
pub(super) enum JobsCommand {
    /// List jobs, the newest first
    List(list::ListArgs),
    /// Show everything known of a job
    Show(show::ShowArgs),
    /// Make failed, cancelled and parked jobs ready again
    Retry(decide::DecideArgs),
    /// Cancel waiting jobs at once, and ask the workers of running ones
    Cancel(decide::DecideArgs),
    /// Wait until jobs have ended
    Wait(wait::WaitArgs),
}

/// Which jobs are meant.
#[derive(Debug, Args)]
pub(super) struct Filter {
    /// Only jobs in this state; may be repeated
    #[arg(long, value_delimiter = ',', value_parser = state_parser())]
    state: Vec<State>,
    /// Only jobs of this queue
    #[arg(long, short)]
    queue: Option<String>,
    /// Only jobs of this task
    #[arg(long, short)]
    task: Option<String>,
}

impl JobsCommand {
    pub(super) fn run(self, context: &mut Context) -> Result<u8, Error> {
        block_on(async {
            let store = context.store().await?;
            let output = &mut context.output;
            match self {
                Self::List(arguments) => list::run(&arguments, &store, output).await,
                Self::Show(arguments) => show::run(&arguments, &store, output).await,
                Self::Retry(arguments) => {
                    decide::run(&arguments, decide::Decision::Retry, &store, output).await
                }
                Self::Cancel(arguments) => {
                    decide::run(&arguments, decide::Decision::Cancel, &store, output).await
                }
                Self::Wait(arguments) => wait::run(&arguments, &store, output).await,
            }
        })
    }
}

impl Filter {
    fn first_page(&self) -> Result<ListJobs, Error> {
        Ok(ListJobs {
            states: self.state.clone(),
            queue: self.queue.as_ref().map(QueueName::new).transpose()?,
            task: self.task.as_ref().map(TaskName::new).transpose()?,
            after: None,
            jobs_max: BATCH_MAX,
        })
    }
}

/// Jobs that match, page by page, at most `jobs_max`; and where the rest begins.
async fn pages(
    store: &AnyStore,
    mut list: ListJobs,
    jobs_max: usize,
    mut each: impl FnMut(JobRecord),
) -> Result<Option<JobId>, Error> {
    let mut left = jobs_max;
    while left > 0 {
        list.jobs_max = left.min(BATCH_MAX);
        let page = store.list_jobs(list.clone()).await?;
        left = left.saturating_sub(page.jobs.len());
        page.jobs.into_iter().for_each(&mut each);
        list.after = page.next;
        if list.after.is_none() {
            break;
        }
    }
    Ok(list.after)
}

fn job_ids(texts: &[String]) -> Result<Vec<JobId>, Error> {
    texts.iter().map(|text| text.parse()).collect()
}

fn unknown_job(id: JobId) -> Error {
    Error::new(Code::JobUnknown, format!("the store keeps no job `{id}`"))
        .why("it never came here, or it ended so long ago that it was deleted")
}

fn state_parser() -> impl TypedValueParser<Value = State> {
    PossibleValuesParser::new(State::ALL.map(State::as_str)).try_map(|text| text.parse::<State>())
}
