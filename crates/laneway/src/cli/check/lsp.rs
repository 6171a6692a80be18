//! `laneway check --lsp`: findings in an editor, over the Language Server Protocol.
//!
//! One thread takes messages, keeps the program in memory and checks it when the editor has been
//! quiet for a moment; two threads of the library read and write. What is told belongs to the texts
//! that the editor has open, and to the disk for all other files.

use std::ops::ControlFlow;
use std::time::Duration;

use gen_lsp_types::{
    ChangeNotifications, CodeActionKind, CodeActionOptions, CodeActionProvider, InitializeParams,
    InitializeResult, PositionEncodingKind, Save, SaveOptions, ServerCapabilities, ServerInfo,
    TextDocumentSync, TextDocumentSyncKind, TextDocumentSyncOptions,
    WorkspaceFoldersServerCapabilities, WorkspaceOptions,
};
use laneway_core::error::{Code, Error};
use lsp_server::{Connection, ErrorCode, Response};

use super::CheckArgs;
use crate::cli::Context;

mod action;
mod client;
mod diagnostic;
mod project;
mod server;
mod text;
mod uri;

use client::Client;
use server::Server;

/// How long the editor must have sent nothing before the program is checked again.
const QUIET: Duration = Duration::from_millis(25);
/// How often it is asked whether the editor still lives.
const LIFE_SIGN: Duration = Duration::from_secs(2);
/// The exit status of a server whose editor went away without a word.
const ABANDONED: u8 = 1;

/// How serving ends.
enum End {
    /// The editor said so, or closed its end.
    Said(u8),
    /// The editor is gone, but somebody else holds its end open, so that reading would never end.
    Abandoned,
}

pub(super) fn run(arguments: &CheckArgs, context: &Context) -> Result<u8, Error> {
    let (connection, threads) = Connection::stdio();
    let end = serve(connection, arguments, context)?;
    match end {
        End::Said(status) => {
            // What could not be read or written ends the connection, which was seen already.
            drop(threads.join());
            Ok(status)
        }
        End::Abandoned => leave(),
    }
}

/// Ends the process at once.
#[expect(clippy::exit, reason = "the thread that writes may hold standard output for ever")]
fn leave() -> ! {
    std::process::exit(ABANDONED.into())
}

fn serve(connection: Connection, arguments: &CheckArgs, context: &Context) -> Result<End, Error> {
    // The editor may close its end before it has said anything.
    let Ok((id, params)) = connection.initialize_start() else { return Ok(End::Said(ABANDONED)) };
    let params: InitializeParams = match serde_json::from_value(params) {
        Ok(params) => params,
        Err(error) => {
            let refusal = Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string());
            drop(connection.sender.send(refusal.into()));
            return Err(Error::new(Code::InvalidArgument, "the editor's first message is wrong")
                .why(error.to_string())
                .fix("use a client of the Language Server Protocol 3.17"));
        }
    };
    let result = InitializeResult {
        capabilities: capabilities(),
        server_info: Some(ServerInfo {
            name: "laneway check".to_owned(),
            version: Some(crate::VERSION.to_owned()),
        }),
    };
    let client = Client::new(connection, &params);
    client.answer(Response::new_ok(id, result));
    let mut server = Server::new(arguments, &context.sources, client, &params);
    loop {
        let wait = if server.is_stale() { QUIET } else { LIFE_SIGN };
        match server.client.receive(wait) {
            Some(Ok(message)) => {
                if let ControlFlow::Break(status) = server.take(message) {
                    return Ok(End::Said(status));
                }
            }
            Some(Err(())) => return Ok(End::Said(server.status_of_end())),
            None if server.is_stale() => server.check(),
            None if server.client.is_alive() => {}
            None => return Ok(End::Abandoned),
        }
        if server.is_overdue() {
            server.check();
        }
    }
}

fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        save: Some(Save::SaveOptions(SaveOptions { include_text: Some(false) })),
        ..TextDocumentSyncOptions::default()
    };
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QuickFix, action::FIX_ALL]),
        ..CodeActionOptions::default()
    };
    let folders = WorkspaceFoldersServerCapabilities {
        supported: Some(true),
        change_notifications: Some(ChangeNotifications::Bool(true)),
    };
    ServerCapabilities {
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(TextDocumentSync::Options(sync)),
        code_action_provider: Some(CodeActionProvider::CodeActionOptions(actions)),
        workspace: Some(WorkspaceOptions {
            workspace_folders: Some(folders),
            ..WorkspaceOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}
