//! The files of a run as one program: which module is which file, and where names are bound.

use std::cell::OnceCell;
use std::path::PathBuf;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::lines::Lines;
use crate::summary::{
    AttributeBinding, Binding, Call, ExprId, Loop, Meaning, Name, Scope, ScopeId, ScopeKind,
    Summary, With,
};

/// A file of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(pub(crate) u32);

/// A scope of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: FileId,
    pub(crate) scope: ScopeId,
}

/// A file with its summary.
#[derive(Debug)]
pub(crate) struct SourceFile {
    /// The path as it is shown.
    pub(crate) path: Arc<str>,
    pub(crate) real_path: PathBuf,
    /// The dotted name of the module.
    pub(crate) module: String,
    pub(crate) is_package: bool,
    pub(crate) summary: Summary,
    pub(crate) lines: Lines,
    /// What the file holds, where that is kept; else it is read again when it is shown.
    pub(crate) text: Option<Arc<str>>,
}

/// The bindings and calls of a file, by scope.
#[derive(Debug, Default)]
pub(crate) struct Index {
    bindings: FxHashMap<(ScopeId, Name), Vec<u32>>,
    names: FxHashMap<Box<str>, Name>,
    inside: FxHashMap<ScopeId, Inside>,
    /// Assignments to attributes, by the class in whose methods they stand.
    attributes: FxHashMap<(ScopeId, Name), Vec<u32>>,
}

/// What stands in one scope, as numbers of the summary's tables.
#[derive(Debug, Default)]
struct Inside {
    calls: Vec<u32>,
    withs: Vec<u32>,
    loops: Vec<u32>,
    reads: Vec<u32>,
}

/// All files.
#[derive(Debug)]
pub(crate) struct Program {
    files: Vec<SourceFile>,
    indexes: Vec<OnceCell<Index>>,
    modules: FxHashMap<String, Vec<FileId>>,
    /// What stands before a dot in the name of a module.
    namespaces: FxHashSet<String>,
}

impl Program {
    pub(crate) fn new(files: Vec<SourceFile>) -> Self {
        let mut modules: FxHashMap<String, Vec<FileId>> = FxHashMap::default();
        let mut namespaces = FxHashSet::default();
        for (at, file) in files.iter().enumerate() {
            let id = FileId(u32::try_from(at).unwrap_or(u32::MAX));
            modules.entry(file.module.clone()).or_default().push(id);
            let mut name = file.module.as_str();
            while let Some((package, _)) = name.rsplit_once('.') {
                if !namespaces.insert(package.to_owned()) {
                    break;
                }
                name = package;
            }
        }
        let indexes = files.iter().map(|_| OnceCell::new()).collect();
        Self { files, indexes, modules, namespaces }
    }

    /// The files, to make another program of them.
    pub(crate) fn into_files(self) -> Vec<SourceFile> {
        self.files
    }

    /// Puts another text of the same module in the place of a file.
    pub(crate) fn replace(&mut self, id: FileId, file: SourceFile) {
        let at = id.0 as usize;
        if let (Some(old), Some(index)) = (self.files.get_mut(at), self.indexes.get_mut(at)) {
            debug_assert_eq!(old.module, file.module, "a file of another module is another file");
            *old = file;
            *index = OnceCell::new();
        }
    }

    pub(crate) fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        let ids = (0..).map(FileId);
        ids.zip(&self.files)
    }

    pub(crate) fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    pub(crate) fn summary(&self, id: FileId) -> &Summary {
        static EMPTY: std::sync::LazyLock<Summary> = std::sync::LazyLock::new(Summary::default);
        self.files.get(id.0 as usize).map_or(&EMPTY, |file| &file.summary)
    }

    pub(crate) fn scope(&self, place: Place) -> Option<&Scope> {
        self.summary(place.file).scope(place.scope)
    }

    /// The file of a module, as seen from another file: the nearest one, when several are called
    /// the same.
    pub(crate) fn module(&self, name: &str, from: FileId) -> Option<FileId> {
        let found = self.modules.get(name)?;
        if let [only] = found.as_slice() {
            return Some(*only);
        }
        let here = self.file(from).map(|file| file.path.clone()).unwrap_or_default();
        let shared = |id: &FileId| {
            let there = self.file(*id).map(|file| file.path.clone()).unwrap_or_default();
            here.bytes().zip(there.bytes()).take_while(|(a, b)| a == b).count()
        };
        found.iter().copied().max_by_key(shared)
    }

    /// Whether modules of the program lie below a dotted name that is no file itself.
    pub(crate) fn is_namespace(&self, name: &str) -> bool {
        self.namespaces.contains(name)
    }

    /// The dotted name that an import means: relative ones begin at the file's package.
    pub(crate) fn absolute(&self, from: FileId, module: &str, level: u32) -> Option<String> {
        if level == 0 {
            return Some(module.to_owned());
        }
        let file = self.file(from)?;
        let mut package = file.module.as_str();
        let up = if file.is_package { level - 1 } else { level };
        for _ in 0..up {
            package = package.rsplit_once('.').map_or("", |(package, _)| package);
        }
        Some(match (package, module) {
            ("", module) => module.to_owned(),
            (package, "") => package.to_owned(),
            (package, module) => format!("{package}.{module}"),
        })
    }

    fn index(&self, id: FileId) -> Option<&Index> {
        let cell = self.indexes.get(id.0 as usize)?;
        Some(cell.get_or_init(|| Index::of(self.summary(id))))
    }

    /// The number that a text has in a file's table of strings.
    pub(crate) fn name(&self, file: FileId, text: &str) -> Option<Name> {
        self.index(file)?.names.get(text).copied()
    }

    /// The bindings of a name in one scope, in the order of the text.
    pub(crate) fn bindings(&self, place: Place, name: Name) -> Vec<&Binding> {
        let summary = self.summary(place.file);
        let index = self.index(place.file);
        let found = index.and_then(|index| index.bindings.get(&(place.scope, name)));
        found.into_iter().flatten().filter_map(|at| summary.bindings.get(*at as usize)).collect()
    }

    fn inside(&self, place: Place) -> Option<&Inside> {
        self.index(place.file)?.inside.get(&place.scope)
    }

    /// The calls that stand in one scope.
    pub(crate) fn calls(&self, place: Place) -> impl Iterator<Item = &Call> {
        let summary = self.summary(place.file);
        let found = self.inside(place).map(|inside| inside.calls.as_slice());
        found.unwrap_or_default().iter().filter_map(|at| summary.calls.get(*at as usize))
    }

    /// The `with` statements of one scope.
    pub(crate) fn withs(&self, place: Place) -> impl Iterator<Item = &With> {
        let summary = self.summary(place.file);
        let found = self.inside(place).map(|inside| inside.withs.as_slice());
        found.unwrap_or_default().iter().filter_map(|at| summary.withs.get(*at as usize))
    }

    /// The loops of one scope.
    pub(crate) fn loops(&self, place: Place) -> impl Iterator<Item = &Loop> {
        let summary = self.summary(place.file);
        let found = self.inside(place).map(|inside| inside.loops.as_slice());
        found.unwrap_or_default().iter().filter_map(|at| summary.loops.get(*at as usize))
    }

    /// The attributes that are read in one scope.
    pub(crate) fn reads(&self, place: Place) -> impl Iterator<Item = ExprId> {
        let summary = self.summary(place.file);
        let found = self.inside(place).map(|inside| inside.reads.as_slice());
        let reads = found.unwrap_or_default().iter();
        reads.filter_map(|at| summary.reads.get(*at as usize)).map(|(expr, _)| *expr)
    }

    /// The assignments to an attribute in the methods of a class.
    pub(crate) fn attributes(
        &self,
        class: Place,
        name: Name,
    ) -> impl Iterator<Item = &AttributeBinding> {
        let summary = self.summary(class.file);
        let index = self.index(class.file);
        let found = index.and_then(|index| index.attributes.get(&(class.scope, name)));
        found.into_iter().flatten().filter_map(|at| summary.attributes.get(*at as usize))
    }

    /// The class in which a function is a method.
    pub(crate) fn class_of(&self, function: Place) -> Option<Place> {
        let scope = self.scope(function)?;
        let parent = Place { file: function.file, scope: scope.parent };
        (self.scope(parent)?.kind == ScopeKind::Class).then_some(parent)
    }

    /// The function or module around a scope, which may be a lambda or a class.
    pub(crate) fn outer(&self, place: Place) -> Option<Place> {
        let scope = self.scope(place)?;
        (place.scope != ScopeId::MODULE).then_some(Place { file: place.file, scope: scope.parent })
    }

    /// The name of a scope with those around it and its module, such as `app.db.Pool.get`.
    pub(crate) fn qualified_name(&self, place: Place) -> String {
        let mut names = Vec::new();
        let mut at = Some(place);
        while let Some(here) = at.filter(|here| here.scope != ScopeId::MODULE) {
            if let Some(scope) = self.scope(here) {
                names.push(self.summary(here.file).text(scope.name));
            }
            at = self.outer(here);
        }
        names.push(self.file(place.file).map_or("", |file| &file.module));
        names.reverse();
        names.retain(|name| !name.is_empty());
        names.join(".")
    }
}

impl Index {
    fn of(summary: &Summary) -> Self {
        let mut index = Self::default();
        for (at, name) in (0..).zip(&summary.names) {
            index.names.insert(name.clone(), Name(at));
        }
        for (at, binding) in (0..).zip(&summary.bindings) {
            index.bindings.entry((binding.scope, binding.name)).or_default().push(at);
            if let Meaning::Outer { .. } = binding.meaning {
                index.publish(summary, binding);
            }
        }
        for (at, call) in (0..).zip(&summary.calls) {
            index.inside.entry(call.scope).or_default().calls.push(at);
        }
        for (at, with) in (0..).zip(&summary.withs) {
            index.inside.entry(with.scope).or_default().withs.push(at);
        }
        for (at, it) in (0..).zip(&summary.loops) {
            index.inside.entry(it.scope).or_default().loops.push(at);
        }
        for (at, (_, scope)) in (0..).zip(&summary.reads) {
            index.inside.entry(*scope).or_default().reads.push(at);
        }
        for (at, attribute) in (0..).zip(&summary.attributes) {
            if let Some(class) = class_around(summary, attribute.scope) {
                index.attributes.entry((class, attribute.attribute)).or_default().push(at);
            }
        }
        index
    }

    /// What a function assigns to a `global` name is a binding of the module, too.
    fn publish(&mut self, summary: &Summary, outer: &Binding) {
        let assigned = (0..).zip(&summary.bindings).filter(|(_, it)| {
            it.scope == outer.scope
                && it.name == outer.name
                && !matches!(it.meaning, Meaning::Outer { .. })
        });
        let assigned: Vec<u32> = assigned.map(|(at, _)| at).collect();
        self.bindings.entry((ScopeId::MODULE, outer.name)).or_default().extend(assigned);
    }
}

/// The class of the method in which a scope lies.
fn class_around(summary: &Summary, scope: ScopeId) -> Option<ScopeId> {
    let mut id = scope;
    while id != ScopeId::MODULE {
        let parent = summary.scope(id)?.parent;
        if summary.scope(parent)?.kind == ScopeKind::Class {
            return Some(parent);
        }
        id = parent;
    }
    None
}
