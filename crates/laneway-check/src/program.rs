//! The files of a run as one program: which module is which file, and where names are bound.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::lines::Lines;
use crate::summary::{
    AttributeBinding, Binding, Call, ExprId, Loop, Meaning, Name, Scope, ScopeId, ScopeKind,
    Summary, With,
};

mod nodes;

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

/// The bindings and calls of a file, by scope, as numbers of the summary's tables.
#[derive(Debug, Default)]
struct Index {
    bindings: ByName,
    calls: ByScope,
    withs: ByScope,
    loops: ByScope,
    reads: ByScope,
    /// Assignments to attributes, by where they stand.
    assigned: ByScope,
    /// The same, by the class in whose methods they stand.
    attributes: ByName,
    nodes: nodes::Nodes,
}

/// Rows of a table by a scope and a name, in the order of both.
#[derive(Debug, Default)]
struct ByName(Vec<(ScopeId, Name, u32)>);

impl ByName {
    fn of(mut rows: Vec<(ScopeId, Name, u32)>) -> Self {
        rows.sort_unstable();
        rows.dedup();
        Self(rows)
    }

    fn rows(&self, scope: ScopeId, name: Name) -> impl Iterator<Item = usize> {
        let from = self.0.partition_point(|row| (row.0, row.1) < (scope, name));
        let rows = self.0.get(from..).unwrap_or_default();
        let rows = rows.iter().take_while(move |row| (row.0, row.1) == (scope, name));
        rows.map(|row| row.2 as usize)
    }
}

/// Rows of a table by their scope.
#[derive(Debug, Default)]
struct ByScope {
    /// Where the rows of each scope begin, and where those of the last one end.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

impl ByScope {
    /// From the scopes of all rows.
    fn of(scopes: usize, of_rows: impl Iterator<Item = ScopeId> + Clone) -> Self {
        let mut starts = vec![0_u32; scopes + 2];
        for scope in of_rows.clone() {
            if let Some(count) = starts.get_mut(scope.0 as usize + 2) {
                *count += 1;
            }
        }
        let mut all = 0;
        for start in &mut starts {
            all += *start;
            *start = all;
        }
        // What begins one place later is filled from its start on, and ends where it should begin.
        let mut rows = vec![0_u32; all as usize];
        for (row, scope) in (0..).zip(of_rows) {
            if let Some(next) = starts.get_mut(scope.0 as usize + 1)
                && let Some(place) = rows.get_mut(*next as usize)
            {
                *place = row;
                *next += 1;
            }
        }
        Self { starts, rows }
    }

    fn rows(&self, scope: ScopeId) -> impl Iterator<Item = usize> {
        let bound = |at: usize| self.starts.get(at).map_or(0, |bound| *bound as usize);
        let scope = scope.0 as usize;
        let rows = self.rows.get(bound(scope)..bound(scope + 1)).unwrap_or_default();
        rows.iter().map(|row| *row as usize)
    }
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

    /// Whether a file shows how the program is used, by the name of a folder or its own.
    pub(crate) fn is_example(&self, id: FileId) -> bool {
        let Some(file) = self.file(id) else { return false };
        let is_word = |part: &str| {
            let part = part.strip_suffix(".py").unwrap_or(part);
            matches!(part.split('_').next(), Some("example" | "examples"))
        };
        // The module of a package begins at the package, not at the folder around it; what lies
        // above the folder that was checked says nothing of the program.
        if Path::new(&*file.path).is_relative() {
            file.path.split(['/', '\\']).any(is_word)
        } else {
            file.module.split('.').any(is_word)
        }
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
        self.summary(file).names.find(text)
    }

    /// The bindings of a name in one scope, in the order of the text.
    pub(crate) fn bindings(&self, place: Place, name: Name) -> Vec<&Binding> {
        let summary = self.summary(place.file);
        let rows = self.index(place.file).map(|index| index.bindings.rows(place.scope, name));
        rows.into_iter().flatten().filter_map(|at| summary.bindings.get(at)).collect()
    }

    /// The calls that stand in one scope.
    pub(crate) fn calls(&self, place: Place) -> impl Iterator<Item = &Call> {
        let rows = self.index(place.file).map(|index| index.calls.rows(place.scope));
        let table = &self.summary(place.file).calls;
        rows.into_iter().flatten().filter_map(|at| table.get(at))
    }

    /// The `with` statements of one scope.
    pub(crate) fn withs(&self, place: Place) -> impl Iterator<Item = &With> {
        let rows = self.index(place.file).map(|index| index.withs.rows(place.scope));
        let table = &self.summary(place.file).withs;
        rows.into_iter().flatten().filter_map(|at| table.get(at))
    }

    /// The loops of one scope.
    pub(crate) fn loops(&self, place: Place) -> impl Iterator<Item = &Loop> {
        let rows = self.index(place.file).map(|index| index.loops.rows(place.scope));
        let table = &self.summary(place.file).loops;
        rows.into_iter().flatten().filter_map(|at| table.get(at))
    }

    /// The attributes that are read in one scope.
    pub(crate) fn reads(&self, place: Place) -> impl Iterator<Item = ExprId> {
        let rows = self.index(place.file).map(|index| index.reads.rows(place.scope));
        let table = &self.summary(place.file).reads;
        rows.into_iter().flatten().filter_map(|at| table.get(at)).map(|(expr, _)| *expr)
    }

    /// The assignments to attributes that stand in one scope.
    pub(crate) fn assigned(&self, place: Place) -> impl Iterator<Item = &AttributeBinding> {
        let rows = self.index(place.file).map(|index| index.assigned.rows(place.scope));
        let table = &self.summary(place.file).attributes;
        rows.into_iter().flatten().filter_map(|at| table.get(at))
    }

    /// The assignments to an attribute in the methods of a class.
    pub(crate) fn attributes(
        &self,
        class: Place,
        name: Name,
    ) -> impl Iterator<Item = &AttributeBinding> {
        let rows = self.index(class.file).map(|index| index.attributes.rows(class.scope, name));
        let table = &self.summary(class.file).attributes;
        rows.into_iter().flatten().filter_map(|at| table.get(at))
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
        let scopes = summary.scopes.len();
        let bindings = (0..).zip(&summary.bindings);
        let mut by_name: Vec<_> =
            bindings.clone().map(|(at, it)| (it.scope, it.name, at)).collect();
        for (_, outer) in bindings.filter(|(_, it)| matches!(it.meaning, Meaning::Outer { .. })) {
            by_name.extend(published(summary, outer));
        }
        let attributes = (0..).zip(&summary.attributes);
        let of_classes = attributes.filter_map(|(at, it)| {
            class_around(summary, it.scope).map(|class| (class, it.attribute, at))
        });
        Self {
            bindings: ByName::of(by_name),
            calls: ByScope::of(scopes, summary.calls.iter().map(|it| it.scope)),
            withs: ByScope::of(scopes, summary.withs.iter().map(|it| it.scope)),
            loops: ByScope::of(scopes, summary.loops.iter().map(|it| it.scope)),
            reads: ByScope::of(scopes, summary.reads.iter().map(|(_, scope)| *scope)),
            assigned: ByScope::of(scopes, summary.attributes.iter().map(|it| it.scope)),
            attributes: ByName::of(of_classes.collect()),
            nodes: nodes::Nodes::default(),
        }
    }
}

/// What a function assigns to a `global` name is a binding of the module, too.
fn published<'s>(
    summary: &'s Summary,
    outer: &'s Binding,
) -> impl Iterator<Item = (ScopeId, Name, u32)> + 's {
    let assigned = (0..).zip(&summary.bindings).filter(|(_, it)| {
        it.scope == outer.scope
            && it.name == outer.name
            && !matches!(it.meaning, Meaning::Outer { .. })
    });
    assigned.map(|(at, _)| (ScopeId::MODULE, outer.name, at))
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
