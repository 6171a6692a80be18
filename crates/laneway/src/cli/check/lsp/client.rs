//! The editor: what it can do, and what is said to it.

use std::cell::Cell;
use std::time::Duration;

use gen_lsp_types::{
    DidChangeWatchedFilesRegistrationOptions, FileSystemWatcher, GlobPattern, InitializeParams,
    MessageType, Notification as _, PublishDiagnosticsNotification, PublishDiagnosticsParams,
    Registration, RegistrationParams, RegistrationRequest, Request as _, ShowMessageNotification,
    ShowMessageParams,
};
use laneway_core::error::Error;
use lsp_server::{Connection, Message, Notification, Request, RequestId, Response};
use rustix::process::{Pid, test_kill_process};
use serde::Serialize;

/// What an editor is asked to watch: code, settings and knowledge, and what leaves files out.
const WATCHED: &[&str] = &["**/*.py", "**/*.toml", "**/.gitignore", "**/.ignore"];

/// The other end of the connection.
#[expect(clippy::struct_excessive_bools, reason = "each is one ability, independent of the others")]
pub(super) struct Client {
    connection: Connection,
    /// Whether something could not be said to it.
    is_deaf: Cell<bool>,
    process: Option<Pid>,
    /// Whether it tells of changes on the disk, when it is asked to.
    pub(super) watches_files: bool,
    /// Whether edits may name the version of the text they are for.
    pub(super) knows_versions: bool,
    pub(super) shows_related: bool,
}

impl Client {
    pub(super) fn new(connection: Connection, params: &InitializeParams) -> Self {
        let workspace = params.capabilities.workspace.as_ref();
        let watching = workspace.and_then(|it| it.did_change_watched_files.as_ref());
        let edits = workspace.and_then(|it| it.workspace_edit.as_ref());
        let documents = params.capabilities.text_document.as_ref();
        let diagnostics = documents.and_then(|it| it.publish_diagnostics.as_ref());
        let related = diagnostics.and_then(|it| it.diagnostics_capabilities.related_information);
        Self {
            connection,
            is_deaf: Cell::new(false),
            // An editor in another container has a number that means nothing here.
            process: params.process_id.and_then(Pid::from_raw).filter(|pid| exists(*pid)),
            watches_files: watching.and_then(|it| it.dynamic_registration) == Some(true),
            knows_versions: edits.and_then(|it| it.document_changes) == Some(true),
            shows_related: related == Some(true),
        }
    }

    /// The next message; nothing when none came in time, an error when none will come any more.
    pub(super) fn receive(&self, wait: Duration) -> Option<Result<Message, ()>> {
        match self.connection.receiver.recv_timeout(wait) {
            Ok(message) => Some(Ok(message)),
            Err(error) if error.is_timeout() && !self.is_deaf.get() => None,
            Err(_) => Some(Err(())),
        }
    }

    /// Whether the editor's process runs. It may have died while a child of it holds our input.
    pub(super) fn is_alive(&self) -> bool {
        self.process.is_none_or(exists)
    }

    pub(super) fn answer(&self, response: Response) {
        self.send(response.into());
    }

    pub(super) fn publish(&self, params: PublishDiagnosticsParams) {
        self.notify(PublishDiagnosticsNotification::METHOD.as_str(), params);
    }

    /// Shows an error, in full.
    pub(super) fn show(&self, error: &Error) {
        let mut message = format!("laneway [{}]: {}", error.code(), error.what());
        for part in [error.reason(), error.remedy()].into_iter().filter(|part| !part.is_empty()) {
            message.push('\n');
            message.push_str(part);
        }
        let params = ShowMessageParams { kind: MessageType::Error, message };
        self.notify(ShowMessageNotification::METHOD.as_str(), params);
    }

    /// Asks to be told of changes on the disk.
    pub(super) fn watch_files(&self) {
        let watchers = WATCHED.iter().map(|pattern| FileSystemWatcher {
            glob_pattern: GlobPattern::Pattern((*pattern).to_owned()),
            kind: None,
        });
        let options = DidChangeWatchedFilesRegistrationOptions { watchers: watchers.collect() };
        let registration = Registration {
            id: "files".to_owned(),
            method: "workspace/didChangeWatchedFiles".to_owned(),
            register_options: serde_json::to_value(options).ok(),
        };
        let params = RegistrationParams { registrations: vec![registration] };
        // Whether it agrees makes no difference: it tells, or it does not.
        let id = RequestId::from("watch-files".to_owned());
        let method = RegistrationRequest::METHOD.as_str().to_owned();
        self.send(Request::new(id, method, params).into());
    }

    fn notify(&self, method: &str, params: impl Serialize) {
        self.send(Notification::new(method.to_owned(), params).into());
    }

    fn send(&self, message: Message) {
        if self.connection.sender.send(message).is_err() {
            self.is_deaf.set(true);
        }
    }
}

fn exists(pid: Pid) -> bool {
    // That it belongs to somebody else is a sign of life, too.
    !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
}
