//! What `from module import *` brings: from all modules that lead to each other so, each seen once.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Question, Resolver, Value, Values, set};
use crate::program::{FileId, Place};
use crate::summary::ScopeId;

/// The modules from which each module has names so, directly or by way of others.
#[derive(Debug, Default)]
pub(super) struct Stars(RefCell<FxHashMap<FileId, Rc<[FileId]>>>);

impl Resolver<'_> {
    /// What a name means that a module has from modules of the program.
    pub(super) fn starred(&self, module: FileId, name: &str) -> Values {
        if self.program.summary(module).stars.is_empty() {
            return Values::default();
        }
        let question = Question::Starred(module, self.questions.word(name));
        self.questions.ask(question, || {
            let sources = self.sources(module);
            let mut with_name = sources.iter().filter(|it| self.has_own(**it, name));
            match (with_name.next(), with_name.next()) {
                (None, _) => Values::default(),
                (Some(only), None) => self.own_member(*only, name),
                _ => self.nearest(module, name),
            }
        })
    }

    /// What each way meets first: a module with a name of its own hides those behind it.
    fn nearest(&self, module: FileId, name: &str) -> Values {
        let mut found = Vec::new();
        self.each_source(module, |source| {
            let hides = self.has_own(source, name);
            if hides {
                found.extend(self.own_member(source, name).iter());
            }
            !hides
        });
        set(found)
    }

    fn sources(&self, module: FileId) -> Rc<[FileId]> {
        if let Some(known) = self.stars.0.borrow().get(&module) {
            return known.clone();
        }
        let mut all = Vec::new();
        self.each_source(module, |source| {
            all.push(source);
            true
        });
        let sources: Rc<[FileId]> = all.into();
        self.stars.0.borrow_mut().insert(module, sources.clone());
        sources
    }

    /// Goes to all modules from which a module has names, in the order of its lines, and behind
    /// those that say so.
    fn each_source(&self, module: FileId, mut goes_on: impl FnMut(FileId) -> bool) {
        let mut seen = FxHashSet::from_iter([module]);
        let mut open = self.direct_sources(module);
        open.reverse();
        while let Some(source) = open.pop() {
            if seen.insert(source) && goes_on(source) {
                open.extend(self.direct_sources(source).into_iter().rev());
            }
        }
    }

    fn direct_sources(&self, module: FileId) -> Vec<FileId> {
        let stars = self.program.summary(module).stars.iter();
        let paths = stars.filter_map(|(star, level)| {
            let star = star.map_or("", |star| self.text(module, star));
            self.program.absolute(module, star, *level)
        });
        paths.filter_map(|path| self.program.module(&path, module)).collect()
    }

    /// Whether a module has a name without any `*`: bound there, or as a module below it.
    pub(super) fn has_own(&self, module: FileId, name: &str) -> bool {
        let place = Place { file: module, scope: ScopeId::MODULE };
        let own = self.program.name(module, name);
        own.is_some_and(|own| !self.program.bindings(place, own).is_empty())
            || self.below(module, name).is_some()
    }

    /// What such a name means.
    pub(super) fn own_member(&self, module: FileId, name: &str) -> Values {
        let place = Place { file: module, scope: ScopeId::MODULE };
        let own = self.program.name(module, name);
        let bindings = own.map(|own| self.program.bindings(place, own)).unwrap_or_default();
        if bindings.is_empty() {
            return set(self.below(module, name).map(Value::Module).into_iter().collect());
        }
        self.union(place, &bindings)
    }

    fn below(&self, module: FileId, name: &str) -> Option<FileId> {
        let file = self.program.file(module).filter(|file| file.is_package)?;
        self.program.module(&format!("{}.{name}", file.module), module)
    }
}
