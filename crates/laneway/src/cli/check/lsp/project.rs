//! A folder that the editor has open: its settings, its code, and what was said of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use gen_lsp_types::Diagnostic;
use laneway_check::{Finding, Knowledge, Replacement, Workspace};
use laneway_core::error::Error;

use super::super::settings::CheckSettings;
use super::super::{Answer, CheckArgs};
use super::diagnostic::{self, Files};
use super::text::Text;
use crate::config::Sources;

/// A finding as the editor knows it.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) finding: Finding,
    pub(super) diagnostic: Diagnostic,
}

/// A folder, or a single file where no folder is open.
pub(super) struct Project {
    root: PathBuf,
    /// The paths that are checked; the whole folder when empty.
    paths: Vec<PathBuf>,
    /// Nothing before its settings could be read.
    checker: Option<Checker>,
    shown: BTreeMap<PathBuf, Vec<Shown>>,
    problems: BTreeMap<PathBuf, Vec<Diagnostic>>,
}

struct Checker {
    settings: CheckSettings,
    knowledge: Knowledge,
    workspace: Workspace,
    texts: Texts,
}

/// The texts of files with findings, with the beginnings of their lines.
#[derive(Debug, Default)]
struct Texts(BTreeMap<PathBuf, Text>);

impl Project {
    pub(super) const fn of_folder(root: PathBuf) -> Self {
        Self::of_paths(root, Vec::new())
    }

    pub(super) fn of_file(path: &Path) -> Self {
        let root = path.parent().unwrap_or(path).to_owned();
        Self::of_paths(root, vec![path.to_owned()])
    }

    const fn of_paths(root: PathBuf, paths: Vec<PathBuf>) -> Self {
        Self { root, paths, checker: None, shown: BTreeMap::new(), problems: BTreeMap::new() }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Whether a file may be one of this project's.
    pub(super) fn contains(&self, path: &Path) -> bool {
        if self.paths.is_empty() {
            path.starts_with(&self.root)
        } else {
            self.paths.iter().any(|it| it == path)
        }
    }

    /// Reads the settings; the code, too, when they say that it is other code than before. Open
    /// texts have to be opened again then, which the answer tells.
    pub(super) fn load(&mut self, arguments: &CheckArgs, sources: &Sources) -> Result<bool, Error> {
        let mut sources = sources.clone();
        sources.folder.clone_from(&self.root);
        let settings = CheckSettings::of_paths(arguments, &self.paths, &sources)?;
        let knowledge = settings.knowledge()?;
        let old = self.checker.take().map(|checker| checker.workspace);
        let kept = old.and_then(|mut it| it.adopt(settings.options()).then_some(it));
        let is_new = kept.is_none();
        let workspace = kept.unwrap_or_else(|| {
            let mut workspace = Workspace::new(settings.options().clone());
            workspace.refresh(&BTreeSet::new());
            workspace
        });
        self.checker = Some(Checker { settings, knowledge, workspace, texts: Texts::default() });
        Ok(is_new)
    }

    /// Looks at the disk.
    pub(super) fn refresh(&mut self, touched: &BTreeSet<PathBuf>) {
        if let Some(checker) = &mut self.checker {
            checker.workspace.refresh(touched);
        }
    }

    /// Takes a text that was opened just now; looks at the disk first when the file is not known.
    pub(super) fn open(&mut self, path: &Path, text: &Text) {
        let Some(Checker { workspace, .. }) = &mut self.checker else { return };
        if !workspace.open(path, text.as_arc()) {
            workspace.refresh(&BTreeSet::new());
            workspace.open(path, text.as_arc());
        }
    }

    /// Takes a text that was edited. A file that is left out stays out.
    pub(super) fn edit(&mut self, path: &Path, text: &Text) {
        if let Some(checker) = &mut self.checker {
            checker.workspace.open(path, text.as_arc());
        }
    }

    pub(super) fn close(&mut self, path: &Path) {
        if let Some(checker) = &mut self.checker {
            checker.workspace.close(path);
        }
    }

    /// Checks all of it.
    pub(super) fn check(&mut self, shows_related: bool) -> Result<(), Error> {
        let Some(Checker { settings, knowledge, workspace, texts }) = &mut self.checker else {
            return Ok(());
        };
        let report = workspace.report(knowledge);
        let answer = Answer::of(&report, settings)?;
        let mut files = Reader { settings, workspace, texts };
        self.problems.clear();
        for problem in &report.problems {
            let path = files.path(&problem.path);
            self.problems.entry(path).or_default().push(diagnostic::of_problem(problem));
        }
        self.shown.clear();
        for finding in answer.shown {
            let diagnostic = diagnostic::of_finding(finding, &mut files, shows_related);
            let path = files.path(&finding.location.path);
            let finding = finding.clone();
            self.shown.entry(path).or_default().push(Shown { finding, diagnostic });
        }
        Ok(())
    }

    /// What is to be said of each file.
    pub(super) fn diagnostics(&self) -> BTreeMap<&Path, Vec<Diagnostic>> {
        let mut all: BTreeMap<&Path, Vec<Diagnostic>> = BTreeMap::new();
        for (path, shown) in &self.shown {
            all.entry(path).or_default().extend(shown.iter().map(|it| it.diagnostic.clone()));
        }
        for (path, problems) in &self.problems {
            all.entry(path).or_default().extend(problems.iter().cloned());
        }
        all
    }

    pub(super) fn shown(&self, path: &Path) -> &[Shown] {
        self.shown.get(path).map_or(&[], Vec::as_slice)
    }

    pub(super) fn text_of(&self, path: &Path) -> Option<Text> {
        self.checker.as_ref()?.workspace.text(path).map(Text::new)
    }

    pub(super) fn answer(&self, finding: &Finding, reason: &str) -> Option<Replacement> {
        self.checker.as_ref()?.workspace.answer(finding, reason)
    }

    /// Whether a file says what is to be checked here; any may, before settings could be read.
    pub(super) fn depends_on(&self, path: &Path) -> bool {
        self.checker.as_ref().is_none_or(|checker| checker.settings.depend_on(path))
    }
}

/// The files of a workspace, with texts that are kept as long as they stay the same.
struct Reader<'a> {
    settings: &'a CheckSettings,
    workspace: &'a Workspace,
    texts: &'a mut Texts,
}

impl Files for Reader<'_> {
    fn path(&self, shown: &str) -> PathBuf {
        self.settings.folder.join(shown)
    }

    fn text(&mut self, shown: &str) -> Option<Text> {
        let path = self.path(shown);
        let text = self.workspace.text(&path)?;
        match self.texts.0.get(&path) {
            Some(known) if std::sync::Arc::ptr_eq(known.as_arc(), &text) => Some(known.clone()),
            _ => {
                let known = Text::new(text);
                self.texts.0.insert(path, known.clone());
                Some(known)
            }
        }
    }
}
