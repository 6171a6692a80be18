//! `laneway queues serve`: the endpoint for an autoscaler, without a worker.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use laneway_core::error::{Code, Error};
use serde_json::json;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::Context;
use crate::endpoint::{Board, Condition, Endpoint};

/// Arguments of `laneway queues serve`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ServeArgs {
    /// Where to answer, such as `0.0.0.0:9090`
    #[arg(value_name = "ADDRESS")]
    address: SocketAddr,
}

pub(super) async fn run(arguments: &ServeArgs, context: &mut Context) -> Result<(), Error> {
    let mut ends = Ends::listen()?;
    let endpoint = Endpoint::bind(arguments.address).await?;
    let address = endpoint.address();
    let url = context.settings()?.store;
    let board = Arc::new(Board::without_worker());
    board.set_store(crate::connect(&url.value).await?);
    board.set_condition(Condition::Ready);
    if context.output.is_json() {
        context.output.json(json!({ "listen": address.to_string() }));
    }
    let store = format!("{} ({})", url.value, url.origin);
    context.output.note(&format!("http://{address}/queues tells the queues of {store}"));
    tokio::select! {
        never = endpoint.serve(board) => match never {},
        () = ends.next() => Ok(()),
    }
}

/// The signals that end it.
struct Ends {
    interrupt: Signal,
    terminate: Signal,
}

impl Ends {
    fn listen() -> Result<Self, Error> {
        let unavailable = |error: io::Error| {
            Error::new(Code::Internal, "signals cannot be watched").why(error.to_string())
        };
        let listen = |kind| signal(kind).map_err(unavailable);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
