//! `laneway queues`.

use clap::{Args, Subcommand};
use laneway_core::error::{Code, Error};
use laneway_core::job::{QueueName, State};
use laneway_core::store::{QueueRecord, Store};
use serde_json::json;

use super::humane::{age, state_style};
use super::output::{Output, YELLOW};
use super::table_text::{Cell, lines};
use super::{Context, block_on};
use crate::store::AnyStore;
use crate::view;

mod serve;

/// Commands of `laneway queues`.
#[derive(Debug, Subcommand)]
pub(super) enum QueuesCommand {
    /// Show every queue with its jobs
    List,
    /// Stop handing out jobs; new ones still line up
    Pause(QueueArgs),
    /// Hand out jobs again
    Resume(QueueArgs),
    /// Answer over HTTP how many jobs wait, for an autoscaler
    Serve(serve::ServeArgs),
}

/// Arguments of the commands that change queues.
#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    /// The queues
    #[arg(required = true, value_name = "QUEUE")]
    queues: Vec<String>,
}

impl QueuesCommand {
    pub(super) fn run(self, context: &mut Context) -> Result<u8, Error> {
        if let Self::Serve(arguments) = self {
            return block_on(async { serve::run(&arguments, context).await.map(|()| 0) });
        }
        block_on(async {
            let store = context.store().await?;
            let output = &mut context.output;
            match self {
                Self::List => show(&store.queues().await?, output),
                Self::Pause(arguments) => change(&store, &arguments, true, output).await?,
                Self::Resume(arguments) => change(&store, &arguments, false, output).await?,
                Self::Serve(_) => {}
            }
            Ok(0)
        })
    }
}

fn show(queues: &[QueueRecord], output: &mut Output) {
    if output.is_json() {
        return queues.iter().for_each(|queue| output.json(view::queue(queue)));
    }
    write_table(queues, output);
}

/// Writes the table of queues, which `laneway status` shows as well.
pub(super) fn write_table(queues: &[QueueRecord], output: &mut Output) {
    if queues.is_empty() {
        return output.note("no job was ever enqueued here");
    }
    let states = State::ALL.map(State::as_str);
    let heads: Vec<&str> =
        ["queue", "condition"].into_iter().chain(states).chain(["oldest"]).collect();
    let rows: Vec<_> = queues.iter().map(row).collect();
    for line in lines(&heads, &rows) {
        output.line(&line);
    }
}

fn row(queue: &QueueRecord) -> Vec<Cell> {
    let condition = Cell::text(condition(queue.is_paused));
    let condition = if queue.is_paused { condition.styled(YELLOW) } else { condition };
    let counts = State::ALL.map(|state| {
        let count = queue.counts.get(state);
        let cell = Cell::count(count);
        if count == 0 { cell } else { cell.styled(state_style(state)) }
    });
    let mut cells = vec![Cell::text(queue.name.as_str()), condition];
    cells.extend(counts);
    cells.push(Cell::right(queue.oldest_ready.map(age)));
    cells
}

async fn change(
    store: &AnyStore,
    arguments: &QueueArgs,
    is_paused: bool,
    output: &mut Output,
) -> Result<(), Error> {
    let known = store.queues().await?;
    let queues = known_queues(&arguments.queues, &known)?;
    for queue in queues {
        if is_paused {
            store.pause_queue(queue.clone()).await?;
        } else {
            store.resume_queue(queue.clone()).await?;
        }
        if output.is_json() {
            output.json(json!({ "name": queue.as_str(), "is_paused": is_paused }));
        } else {
            output.line(&format!("{queue}  {}", condition(is_paused)));
        }
    }
    Ok(())
}

const fn condition(is_paused: bool) -> &'static str {
    if is_paused { "paused" } else { "open" }
}

/// The queues with these names; all must exist, because a slip of the hand would pause nothing.
fn known_queues(names: &[String], known: &[QueueRecord]) -> Result<Vec<QueueName>, Error> {
    names
        .iter()
        .map(|name| {
            let found = known.iter().find(|queue| queue.name.as_str() == name);
            found.map(|queue| queue.name.clone()).ok_or_else(|| unknown(name, known))
        })
        .collect()
}

fn unknown(name: &str, known: &[QueueRecord]) -> Error {
    let names = || known.iter().map(|queue| queue.name.as_str());
    let why = match known {
        [] => "no job was ever enqueued in this store".to_owned(),
        _ => format!("the store has {}", names().collect::<Vec<_>>().join(", ")),
    };
    Error::new(Code::QueueUnknown, format!("there is no queue `{name}`"))
        .why(why)
        .closest(name, names())
}
