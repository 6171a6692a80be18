//! `laneway export` and `laneway import`.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::PathBuf;

use clap::Args;
use laneway_core::error::{Code, Error};
use serde_json::json;

use super::humane::{counted, now};
use super::{Context, NEGATIVE, block_on};
use crate::transfer::{self, Exported, Imported};

/// Arguments of `laneway import`.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// What `laneway export` wrote; standard input when it is left out or `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

pub(super) fn export(context: &mut Context) -> Result<u8, Error> {
    let exported = block_on(async {
        let store = context.store().await?;
        transfer::export(&store, &mut context.output.data(), now()).await
    });
    let output = &mut context.output;
    let Exported { jobs, running, sessions, unreadable } = match exported {
        Ok(exported) => exported,
        // The end of the output tells why.
        Err(_) if output.is_broken() => return Ok(0),
        Err(error) => return Err(error),
    };
    if sessions > 0 {
        output.warning(&format!(
            "{} open meanwhile: what changes after a job was read is not in the export; stop all \
             workers and producers for a picture that is exact",
            if sessions == 1 { "1 session was".to_owned() } else { format!("{sessions} were") }
        ));
    }
    if running > 0 {
        output.warning(&format!(
            "{} running: an import counts such an attempt as interrupted",
            if running == 1 { "1 job was".to_owned() } else { format!("{running} jobs were") }
        ));
    }
    if unreadable > 0 {
        output.warning(&format!(
            "{} failed, for the store cannot read all of it (LW2013)",
            if unreadable == 1 {
                "1 job is exported as".to_owned()
            } else {
                format!("{unreadable} jobs are exported as")
            }
        ));
    }
    output.note(&format!("exported {}", counted(jobs, "job")));
    Ok(0)
}

pub(super) fn import(arguments: &ImportArgs, context: &mut Context) -> Result<u8, Error> {
    let lines = lines(arguments)?;
    let url = context.settings()?.store;
    let imported = block_on(async {
        let store = crate::connect(&url.value).await?;
        transfer::import(&store, lines).await
    })?;
    write(&imported, context);
    Ok(if imported.kept_out.is_empty() { 0 } else { NEGATIVE })
}

fn lines(arguments: &ImportArgs) -> Result<Box<dyn BufRead>, Error> {
    match &arguments.file {
        Some(path) if path.as_os_str() != "-" => {
            let file = File::open(path).map_err(|error| {
                Error::new(Code::InvalidArgument, format!("`{}` cannot be read", path.display()))
                    .why(error.to_string())
                    .fix("name a file that `laneway export` wrote")
            })?;
            Ok(Box::new(BufReader::new(file)))
        }
        _ if io::stdin().is_terminal() => {
            Err(Error::new(Code::InvalidArgument, "nothing is named that could be imported")
                .why("standard input is a terminal")
                .fix("write `laneway import jobs.jsonl`, or `laneway export … | laneway import`"))
        }
        _ => Ok(Box::new(BufReader::new(io::stdin()))),
    }
}

fn write(imported: &Imported, context: &mut Context) {
    let output = &mut context.output;
    let Imported { added, known, kept_out, interrupted, paused } = imported;
    if output.is_json() {
        let kept_out: Vec<_> = kept_out
            .iter()
            .map(|(job, holder)| json!({ "id": job.to_string(), "holder": holder.to_string() }))
            .collect();
        return output.json(json!({
            "added": added,
            "known": known,
            "kept_out": kept_out,
            "interrupted": interrupted,
            "paused": paused,
        }));
    }
    output.line(&format!(
        "{} added, {known} known before, {} paused",
        counted(*added, "job"),
        counted(*paused, "queue")
    ));
    if *interrupted > 0 {
        output.warning(&format!(
            "{} counted as interrupted: they were running when they were exported",
            counted(*interrupted, "attempt")
        ));
    }
    for (job, holder) in kept_out {
        output.problem(&format!(
            "job {job} was left out: its unique key is held by job {holder} of this store"
        ));
    }
}
