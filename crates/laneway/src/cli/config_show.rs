//! `laneway config show`.

use clap::{Args, Subcommand};
use laneway_core::error::Error;
use serde_json::{Value, json};

use super::Context;
use super::output::DIM;
use super::table_text::{Cell, lines};
use crate::config::{Origin, Row};

/// Commands of `laneway config`.
#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting and its value
    Show(ShowArgs),
}

/// Arguments of `laneway config show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Say where each value comes from
    #[arg(long)]
    origin: bool,
}

impl ConfigCommand {
    pub(super) fn run(self, context: &mut Context) -> Result<u8, Error> {
        let Self::Show(arguments) = self;
        let settings = context.settings()?;
        let output = &mut context.output;
        for warning in &settings.warnings {
            output.warning(warning);
        }
        let rows = settings.rows();
        if output.is_json() {
            let file = settings.file.map(|path| path.display().to_string());
            let settings: Vec<_> = rows.iter().map(view).collect();
            output.json(json!({ "file": file, "settings": settings }));
            return Ok(0);
        }
        let mut heads = vec!["setting", "value", "origin", "what it is"];
        if !arguments.origin {
            heads.retain(|head| *head != "origin");
        }
        let cells: Vec<_> = rows.iter().map(|row| cells(row, arguments.origin)).collect();
        for line in lines(&heads, &cells) {
            output.line(&line);
        }
        match settings.file {
            Some(path) => output.detail(&format!("read {}", path.display())),
            None => output.detail("no configuration file was found"),
        }
        Ok(0)
    }
}

fn cells(row: &Row, has_origin: bool) -> Vec<Cell> {
    let mut cells = vec![Cell::text(row.entry.key), Cell::text(shown(&row.value))];
    if has_origin {
        let cell = Cell::text(row.origin.to_string());
        cells.push(if row.origin == Origin::Default { cell.styled(DIM) } else { cell });
    }
    cells.push(Cell::text(row.entry.doc.trim_end_matches('.')).styled(DIM));
    cells
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

fn view(row: &Row) -> Value {
    json!({
        "key": row.entry.key,
        "value": row.value,
        "origin": row.origin.to_string(),
        "is_default": row.origin == Origin::Default,
        "env": row.entry.env,
        "flag": row.entry.flag,
        "doc": row.entry.doc,
    })
}
