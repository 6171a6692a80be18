//! `laneway status`.

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::store::{QueueRecord, SessionRecord, Store};
use serde_json::{Value, json};

use super::humane::{age, now};
use super::output::{DIM, Output, RED};
use super::table_text::{Cell, lines};
use super::{Context, block_on, queues};
use crate::config::Sourced;
use crate::store_url::StoreUrl;
use crate::view;

pub(super) fn run(context: &mut Context) -> Result<u8, Error> {
    let url = context.settings()?.store;
    let (queues, sessions) = block_on(async {
        let store = crate::connect_existing(&url.value).await?;
        Ok((store.queues().await?, store.sessions().await?))
    })?;
    let output = &mut context.output;
    if output.is_json() {
        output.json(status_view(&url, &queues, &sessions));
        return Ok(0);
    }
    output.line(&format!("{DIM}store{DIM:#}  {} ({})", url.value, url.origin));
    output.line("");
    queues::write_table(&queues, output);
    output.line("");
    write_workers(&sessions, now(), output);
    Ok(0)
}

fn status_view(
    url: &Sourced<StoreUrl>,
    queues: &[QueueRecord],
    sessions: &[SessionRecord],
) -> Value {
    json!({
        "store": { "url": url.value.to_string(), "origin": url.origin.to_string() },
        "queues": queues.iter().map(view::queue).collect::<Vec<_>>(),
        "workers": sessions.iter().map(view::session).collect::<Vec<_>>(),
    })
}

fn write_workers(sessions: &[SessionRecord], now: Timestamp, output: &mut Output) {
    if sessions.is_empty() {
        return output.note("no worker runs; start one with `laneway worker`");
    }
    let rows: Vec<_> = sessions.iter().map(|session| row(session, now)).collect();
    for line in lines(&["worker", "running", "up", "condition"], &rows) {
        output.line(&line);
    }
}

fn row(session: &SessionRecord, now: Timestamp) -> Vec<Cell> {
    let condition = if session.expires_at < now {
        let silent = age(now.since(session.expires_at));
        Cell::text(format!("lease expired {silent} ago")).styled(RED)
    } else {
        Cell::text(&session.condition)
    };
    vec![
        Cell::text(&session.worker),
        Cell::count(session.running),
        Cell::right(Some(age(now.since(session.opened_at)))),
        condition,
    ]
}
