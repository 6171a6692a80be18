//! What is done with each message of the editor.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gen_lsp_types::{
    CodeActionParams, Diagnostic, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
    DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, InitializeParams, PublishDiagnosticsParams, Uri, WorkspaceFolder,
    WorkspaceFolders,
};
use laneway_core::error::Error;
use lsp_server::{ErrorCode, Message, Notification, Request, Response};
use serde::de::DeserializeOwned;

use super::super::CheckArgs;
use super::action::{self, Target};
use super::client::Client;
use super::project::Project;
use super::text::Text;
use super::uri::{path_of, uri_of};
use crate::config::Sources;

/// An editor that never falls quiet, as while a key is held down, is answered all the same.
const STALE_MAX: Duration = Duration::from_millis(300);

/// What makes a folder a project, for a file that is opened without a folder.
const MARKS: &[&str] = &["laneway.toml", "pyproject.toml", "setup.py", "setup.cfg", ".git"];

/// A text that the editor has open.
struct Document {
    /// As the editor spells it.
    uri: Uri,
    version: i32,
    text: Text,
    /// Whether something was said of this version.
    is_told: bool,
}

pub(super) struct Server<'a> {
    arguments: &'a CheckArgs,
    sources: &'a Sources,
    pub(super) client: Client,
    projects: Vec<Project>,
    /// Whether the editor opened no folder, so that each file's project is looked for.
    is_without_folder: bool,
    documents: BTreeMap<PathBuf, Document>,
    published: BTreeMap<PathBuf, Vec<Diagnostic>>,
    /// Files that were written to, and have not been looked at since.
    touched: BTreeSet<PathBuf>,
    /// Since when what was said is not true any more.
    stale_since: Option<Instant>,
    /// What was wrong with the settings when they were used last, so that it is said once.
    trouble: Option<String>,
    is_shut_down: bool,
}

impl<'a> Server<'a> {
    pub(super) fn new(
        arguments: &'a CheckArgs,
        sources: &'a Sources,
        client: Client,
        params: &InitializeParams,
    ) -> Self {
        let projects: Vec<Project> = folders(params).into_iter().map(Project::of_folder).collect();
        Self {
            arguments,
            sources,
            client,
            is_without_folder: projects.is_empty(),
            projects,
            documents: BTreeMap::new(),
            published: BTreeMap::new(),
            touched: BTreeSet::new(),
            stale_since: None,
            trouble: None,
            is_shut_down: false,
        }
    }

    /// Takes a message; breaks with the exit status after the last one.
    pub(super) fn take(&mut self, message: Message) -> ControlFlow<u8> {
        match message {
            Message::Request(request) => {
                let response = self.request(request);
                self.client.answer(response);
            }
            Message::Notification(it) if it.method == "exit" => {
                return ControlFlow::Break(self.status_of_end());
            }
            Message::Notification(notification) => self.notification(notification),
            // To our request to watch files: it watches, or it does not.
            Message::Response(_) => {}
        }
        ControlFlow::Continue(())
    }

    /// The exit status when the editor says no more: that of a failure if it did not say why.
    pub(super) const fn status_of_end(&self) -> u8 {
        if self.is_shut_down { 0 } else { super::ABANDONED }
    }

    pub(super) const fn is_stale(&self) -> bool {
        self.stale_since.is_some()
    }

    pub(super) fn is_overdue(&self) -> bool {
        self.stale_since.is_some_and(|since| since.elapsed() > STALE_MAX)
    }

    fn request(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        if self.is_shut_down {
            let why = "the server was shut down".to_owned();
            return Response::new_err(id, ErrorCode::InvalidRequest as i32, why);
        }
        match method.as_str() {
            "shutdown" => {
                self.is_shut_down = true;
                Response::new_ok(id, ())
            }
            "textDocument/codeAction" => match serde_json::from_value(params) {
                Ok(params) => {
                    // Actions belong to the text that the editor has.
                    if self.is_stale() {
                        self.check();
                    }
                    Response::new_ok(id, self.actions(&params))
                }
                Err(error) => {
                    Response::new_err(id, ErrorCode::InvalidParams as i32, error.to_string())
                }
            },
            _ => {
                let why = format!("`{method}` is not a request to this server");
                Response::new_err(id, ErrorCode::MethodNotFound as i32, why)
            }
        }
    }

    fn notification(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            "initialized" => self.begin(),
            "textDocument/didOpen" => read(params, |it| self.open(it)),
            "textDocument/didChange" => read(params, |it| self.change(it)),
            "textDocument/didSave" => read(params, |it| self.save(&it)),
            "textDocument/didClose" => read(params, |it| self.close(&it)),
            "workspace/didChangeWatchedFiles" => {
                read(params, |it| self.disk_changed(&it));
            }
            "workspace/didChangeWorkspaceFolders" => {
                read(params, |it| self.folders_changed(it));
            }
            // The protocol lets a server pass over what it does not know.
            _ => {}
        }
    }

    fn begin(&mut self) {
        if self.client.watches_files {
            self.client.watch_files();
        }
        for at in 0..self.projects.len() {
            self.load(at);
        }
    }

    /// Reads the settings of a project, and its code if need be.
    fn load(&mut self, at: usize) {
        self.mark();
        let Some(project) = self.projects.get_mut(at) else { return };
        match project.load(self.arguments, self.sources) {
            Ok(is_new) => {
                self.trouble = None;
                if is_new {
                    for (path, document) in &self.documents {
                        if project.contains(path) {
                            project.open(path, &document.text);
                        }
                    }
                }
            }
            Err(error) => self.complain(&error),
        }
    }

    /// Says what is wrong with settings, once.
    fn complain(&mut self, error: &Error) {
        let text = error.to_string();
        if self.trouble.as_ref() != Some(&text) {
            self.client.show(error);
            self.trouble = Some(text);
        }
    }

    fn open(&mut self, params: DidOpenTextDocumentParams) {
        let document = params.text_document;
        let Some(path) = path_of(&document.uri) else { return };
        if path.extension().is_none_or(|it| it != "py") {
            return;
        }
        if self.is_without_folder && self.owner(&path).is_none() {
            self.projects.push(nearest_project(&path));
            self.load(self.projects.len() - 1);
        }
        let text = Text::new(document.text.into());
        self.mark();
        if let Some(project) = self.project_of(&path) {
            project.open(&path, &text);
        }
        let (uri, version) = (document.uri, document.version);
        self.documents.insert(path, Document { uri, version, text, is_told: false });
    }

    fn change(&mut self, params: DidChangeTextDocumentParams) {
        let changed = params.text_document;
        let Some(path) = path_of(&changed.text_document_identifier.uri) else { return };
        let Some(document) = self.documents.get_mut(&path) else { return };
        for event in params.content_changes {
            document.text = document.text.changed(event);
        }
        document.version = changed.version;
        document.is_told = false;
        let text = document.text.clone();
        self.mark();
        if let Some(project) = self.project_of(&path) {
            project.edit(&path, &text);
        }
    }

    fn save(&mut self, params: &DidSaveTextDocumentParams) {
        let Some(path) = path_of(&params.text_document.uri) else { return };
        if let Some(document) = self.documents.get_mut(&path) {
            document.is_told = false;
        }
        self.mark();
        // An editor that tells of changes on the disk does so for the saved file, too.
        if !self.client.watches_files {
            self.touched.insert(path);
        }
    }

    fn close(&mut self, params: &DidCloseTextDocumentParams) {
        let Some(path) = path_of(&params.text_document.uri) else { return };
        if self.documents.remove(&path).is_some() {
            self.mark();
            if let Some(project) = self.project_of(&path) {
                project.close(&path);
            }
        }
    }

    fn disk_changed(&mut self, params: &DidChangeWatchedFilesParams) {
        self.mark();
        self.touched.extend(params.changes.iter().filter_map(|change| path_of(&change.uri)));
    }

    /// Looks at the disk, if something was written there: once for all that came in one burst.
    fn look(&mut self) {
        let touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return;
        }
        for at in 0..self.projects.len() {
            let Some(project) = self.projects.get_mut(at) else { continue };
            project.refresh(&touched);
            if touched.iter().any(|path| project.depends_on(path)) {
                self.load(at);
            }
        }
    }

    fn folders_changed(&mut self, params: DidChangeWorkspaceFoldersParams) {
        self.mark();
        let paths = |folders: Vec<WorkspaceFolder>| -> Vec<PathBuf> {
            folders.iter().filter_map(|it| path_of(&it.uri)).collect()
        };
        let removed = paths(params.event.removed);
        self.projects.retain(|project| !removed.iter().any(|it| it == project.root()));
        for root in paths(params.event.added) {
            self.projects.push(Project::of_folder(root));
            self.load(self.projects.len() - 1);
        }
    }

    /// The project of a file: the innermost one, where one folder lies in another.
    fn owner(&self, path: &Path) -> Option<usize> {
        let projects = self.projects.iter().enumerate();
        let owners = projects.filter(|(_, project)| project.contains(path));
        owners.max_by_key(|(_, project)| project.root().as_os_str().len()).map(|(at, _)| at)
    }

    fn project_of(&mut self, path: &Path) -> Option<&mut Project> {
        self.owner(path).and_then(|at| self.projects.get_mut(at))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "how long an editor was not answered is nobody else's to know"
    )]
    fn mark(&mut self) {
        self.stale_since.get_or_insert_with(Instant::now);
    }

    /// Checks all projects and says what has changed.
    pub(super) fn check(&mut self) {
        self.look();
        self.stale_since = None;
        for at in 0..self.projects.len() {
            let Some(project) = self.projects.get_mut(at) else { continue };
            if let Err(error) = project.check(self.client.shows_related) {
                self.complain(&error);
            }
        }
        self.publish();
    }

    fn publish(&mut self) {
        let mut news: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for (at, project) in self.projects.iter().enumerate() {
            for (path, diagnostics) in project.diagnostics() {
                if self.owner(path) == Some(at) {
                    news.insert(path.to_owned(), diagnostics);
                }
            }
        }
        let mut paths: Vec<PathBuf> = news.keys().chain(self.published.keys()).cloned().collect();
        let untold = self.documents.iter().filter(|(_, document)| !document.is_told);
        paths.extend(untold.map(|(path, _)| path.clone()));
        paths.sort();
        paths.dedup();
        for path in paths {
            let new = news.get(&path).cloned().unwrap_or_default();
            let old = self.published.get(&path).map_or(&[][..], Vec::as_slice);
            let is_untold = self.documents.get(&path).is_some_and(|document| !document.is_told);
            if new == old && !is_untold {
                continue;
            }
            let document = self.documents.get_mut(&path);
            let (uri, version) = match document {
                Some(document) => {
                    document.is_told = true;
                    (document.uri.clone(), Some(document.version))
                }
                None => (uri_of(&path), None),
            };
            self.client.publish(PublishDiagnosticsParams { uri, version, diagnostics: new });
        }
        news.retain(|_, diagnostics| !diagnostics.is_empty());
        self.published = news;
    }

    fn actions(&self, params: &CodeActionParams) -> Vec<gen_lsp_types::CodeActionResponse> {
        let uri = &params.text_document.uri;
        let Some(path) = path_of(uri) else { return Vec::new() };
        let project = self.owner(&path).and_then(|at| self.projects.get(at));
        let Some(project) = project else { return Vec::new() };
        let target = Target {
            path: &path,
            uri: uri.clone(),
            version: self.documents.get(&path).map(|document| document.version),
            knows_versions: self.client.knows_versions,
        };
        action::actions(project, &target, params.range, &params.context)
    }
}

/// Takes what a notification says; one that cannot be read has no answer in which to say so.
fn read<T: DeserializeOwned>(params: serde_json::Value, take: impl FnOnce(T)) {
    if let Ok(params) = serde_json::from_value(params) {
        take(params);
    }
}

/// The folders that the editor has open.
fn folders(params: &InitializeParams) -> Vec<PathBuf> {
    let folders = &params.workspace_folders_initialize_params.workspace_folders;
    if let Some(WorkspaceFolders::WorkspaceFolderList(folders)) = folders {
        return folders.iter().filter_map(|folder| path_of(&folder.uri)).collect();
    }
    #[expect(deprecated, reason = "older editors say it so")]
    params.root_uri.iter().filter_map(path_of).collect()
}

/// The project of a file that was opened without a folder.
fn nearest_project(path: &Path) -> Project {
    let is_project = |folder: &&Path| MARKS.iter().any(|mark| folder.join(mark).exists());
    match path.ancestors().skip(1).find(is_project) {
        Some(root) => Project::of_folder(root.to_owned()),
        None => Project::of_file(path),
    }
}
