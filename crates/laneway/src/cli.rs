//! The command line.
//!
//! Data goes to standard output and words to standard error. With `--json`, data is one object or
//! one object a line, each with `"schema": 1`. The exit status is 0 when all is well, 1 for a
//! negative answer, 2 for wrong usage or configuration, 3 when the store cannot be used, and 130 or
//! 143 after a signal.

use std::ffi::OsString;

use clap::{ArgAction, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use laneway_core::error::Error;

use crate::config::{self, Settings, Sources, table};
use crate::store::AnyStore;

mod advise;
mod check;
mod completions;
mod config_show;
mod doctor;
mod humane;
mod jobs;
mod migrate;
mod output;
mod profile;
mod python;
mod queues;
mod sarif;
mod status;
mod table_text;
mod transfer;
mod usage;
mod worker;

use output::Output;

/// The number that every JSON object of the command line carries as `schema`.
pub const SCHEMA: u32 = 1;

/// The exit status of a negative answer.
const NEGATIVE: u8 = 1;

/// A task engine for Python: async where it waits, processes where it computes.
#[derive(Debug, Parser)]
#[command(name = "laneway", version, propagate_version = false, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = false)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent flag of the command line"
)]
struct Global {
    /// The store's URL, such as `sqlite:///jobs.db`
    #[arg(long, global = true, value_name = "URL")]
    store: Option<String>,
    /// Write data as JSON
    #[arg(long, global = true)]
    json: bool,
    /// When to use colours; the environment's `NO_COLOR` is honoured
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Write errors only
    #[arg(long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Tell more
    #[arg(long, short, global = true, action = ArgAction::SetTrue)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    /// On a terminal only
    Auto,
    /// Even into a file or pipe
    Always,
    /// Not at all
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read Python code and say what blocks an event loop, and on which way it gets there
    Check(Box<check::CheckArgs>),
    /// Run the tasks of an application
    Worker(Box<worker::WorkerArgs>),
    /// Show queues and workers
    Status,
    /// Look at jobs and decide about them
    #[command(subcommand)]
    Jobs(jobs::JobsCommand),
    /// Look at queues, stop and resume them
    #[command(subcommand)]
    Queues(queues::QueuesCommand),
    /// Write every job of the store to standard output, as lines of JSON
    Export,
    /// Add the jobs of an export to the store; what is there already is left as it is
    Import(transfer::ImportArgs),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config_show::ConfigCommand),
    /// Say from measurements which tasks run in the wrong lane
    Advise(advise::AdviseArgs),
    /// Tell everything known of a task, or what a rule or an error code means
    Explain(advise::ExplainArgs),
    /// Run any asyncio program or ASGI server, and show where its time goes
    Profile(profile::ProfileArgs),
    /// Examine the installation and the store
    Doctor(doctor::DoctorArgs),
    /// Make or upgrade the tables of a store on a database server
    Migrate(migrate::MigrateArgs),
    /// Write completions for a shell
    Completions(completions::CompletionsArgs),
}

/// What every command is given.
struct Context {
    output: Output,
    sources: Sources,
}

impl Context {
    fn settings(&self) -> Result<Settings, Error> {
        config::load(&self.sources)
    }

    /// The configured store, which must exist.
    async fn store(&self) -> Result<AnyStore, Error> {
        crate::connect_existing(&self.settings()?.store.value).await
    }
}

/// Runs the command line; `arguments` begin with the program's name. Gives the exit status.
///
/// It blocks until the command has ended. `worker` handles the signals of this process meanwhile.
pub fn run(arguments: Vec<OsString>) -> u8 {
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage::answer(&error, Cli::command(), arguments),
    };
    let output = Output::new(&cli.global);
    let sources = match table::entry("store") {
        Ok(entry) => Sources::of_process().with_flag(entry, cli.global.store.clone()),
        Err(_) => Sources::of_process(),
    };
    let mut context = Context { output, sources };
    let is_worker = matches!(cli.command, Command::Worker(_));
    let answer = cli.command.run(&mut context);
    let status = answer.unwrap_or_else(|error| {
        if is_worker {
            worker::tell_failure(&error, &mut context.output);
        }
        context.output.error(&error);
        error.code().entry().exit
    });
    context.output.finish(status)
}

impl Command {
    fn run(self, context: &mut Context) -> Result<u8, Error> {
        match self {
            Self::Check(arguments) => check::run(&arguments, context),
            Self::Worker(arguments) => worker::run(*arguments, context),
            Self::Status => status::run(context),
            Self::Jobs(command) => command.run(context),
            Self::Queues(command) => command.run(context),
            Self::Export => transfer::export(context),
            Self::Import(arguments) => transfer::import(&arguments, context),
            Self::Config(command) => command.run(context),
            Self::Advise(arguments) => advise::run(&arguments, context),
            Self::Explain(arguments) => advise::explain(&arguments, context),
            Self::Profile(arguments) => profile::run(&arguments, context),
            Self::Doctor(arguments) => Ok(doctor::run(&arguments, context)),
            Self::Migrate(arguments) => migrate::run(&arguments, context),
            Self::Completions(arguments) => {
                completions::run(&arguments, Cli::command(), &mut context.output);
                Ok(0)
            }
        }
    }
}

/// Waits for a future on this thread.
fn block_on<F, T>(future: F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    runtime()?.block_on(future)
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::new(laneway_core::error::Code::Internal, "the runtime cannot be started")
            .why(error.to_string())
            .fix("raise the limit on open files (`ulimit -n`)")
    })
}

#[cfg(test)]
mod tests;
