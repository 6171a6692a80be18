//! `laneway jobs wait`.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;
use laneway_core::job::State;
use laneway_core::store::{BATCH_MAX, Finished, Store, Wake, Watch};
use laneway_core::{duration, store};

use super::{job_ids, unknown_job};
use crate::cli::NEGATIVE;
use crate::cli::humane::{counted, headline, span, state_style};
use crate::cli::output::{Output, plain};
use crate::store::AnyStore;
use crate::view;

/// Arguments of `laneway jobs wait`.
#[derive(Debug, Args)]
pub(in crate::cli) struct WaitArgs {
    /// The jobs
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// How long to wait at most, such as `30s`; for ever by default
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    timeout: Option<Duration>,
}

/// Prints each job as it ends; the exit status is 1 when one of them did not succeed.
pub(super) async fn run(
    arguments: &WaitArgs,
    store: &AnyStore,
    output: &mut Output,
) -> Result<u8, Error> {
    let mut pending: BTreeSet<JobId> = job_ids(&arguments.ids)?.into_iter().collect();
    for id in &pending {
        if store.job(*id).await?.is_none() {
            return Err(unknown_job(*id));
        }
    }
    let mut status = 0;
    let waiting = wait_for_all(store, &mut pending, |end| {
        if end.state != State::Succeeded {
            status = NEGATIVE;
        }
        write(output, end);
    });
    let Some(timeout) = arguments.timeout else {
        waiting.await?;
        return Ok(status);
    };
    match tokio::time::timeout(timeout, waiting).await {
        Ok(ended) => ended.map(|()| status),
        Err(_) => Err(too_late(timeout, pending.len())),
    }
}

/// Waits until all have ended. A subscription wakes it, so that it asks only when there is news.
async fn wait_for_all(
    store: &AnyStore,
    pending: &mut BTreeSet<JobId>,
    mut each: impl FnMut(&Finished),
) -> Result<(), Error> {
    // The subscription begins before the first look, so that no end falls between the two.
    let mut watch = store.watch().await?;
    let mut news: Vec<JobId> = pending.iter().copied().collect();
    loop {
        for batch in news.chunks(BATCH_MAX) {
            for end in store.finished(batch.to_vec()).await? {
                if pending.remove(&end.id) {
                    each(&end);
                }
            }
        }
        if pending.is_empty() {
            return Ok(());
        }
        let wake = watch.next().await?;
        news = possibly_ended(&wake, pending);
    }
}

fn possibly_ended(wake: &Wake, pending: &BTreeSet<JobId>) -> Vec<JobId> {
    if wake.finished_others {
        return pending.iter().copied().collect();
    }
    wake.finished.iter().copied().filter(|id| pending.contains(id)).collect()
}

fn write(output: &mut Output, end: &store::Finished) {
    if output.is_json() {
        return output.json(view::finished(end));
    }
    let style = state_style(end.state);
    let state = format!("{style}{}{style:#}", end.state);
    let remark = match (&end.result, &end.failure) {
        (Some(result), _) => view::encoded(result).to_string(),
        (None, Some(failure)) => headline(failure),
        (None, None) => String::new(),
    };
    let line = format!("{}  {state}  {}", end.id, plain(&remark).replace('\n', "\\n"));
    output.line(line.trim_end());
}

fn too_late(timeout: Duration, pending: usize) -> Error {
    let jobs = counted(pending as u64, "job");
    Error::new(Code::ResultTimeout, format!("{jobs} did not end within {}", span(timeout)))
}
