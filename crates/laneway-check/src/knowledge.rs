//! What is known of functions and types of libraries: data in `knowledge/*.toml`, as one tree of
//! dotted names.
//!
//! An entry says what a call does to the thread that makes it; a type says where its objects come
//! from. A project adds its own files of the same form.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

mod embedded;
pub(crate) mod file;

pub(crate) use file::{Entry, File, Library, Predicate};
pub use file::{Kind, Lane};

use crate::finding::Tier;
use crate::summary::{Argument, Expr, Summary};

/// A dotted name of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

#[derive(Debug, Default)]
struct Node {
    path: String,
    children: FxHashMap<Box<str>, NodeId>,
    entry: Option<usize>,
    /// What holds for every member that is not named itself.
    every: Option<usize>,
    alias: Option<NodeId>,
    /// The type of what a call gives.
    made: Option<NodeId>,
    /// The type of what a call with such arguments gives.
    made_when: Vec<(Vec<Predicate>, NodeId)>,
    /// The type of the value that the name means.
    value: Option<NodeId>,
    bases: Vec<NodeId>,
    enter: Option<NodeId>,
    is_type: bool,
    is_unpicklable: bool,
}

/// All that is known.
#[derive(Debug)]
pub struct Knowledge {
    nodes: Vec<Node>,
    entries: Vec<Entry>,
    libraries: Vec<Library>,
}

/// What is wrong with a file of the knowledge base.
#[derive(Debug, Clone)]
pub struct KnowledgeError {
    /// Which file.
    pub file: String,
    /// What is wrong with it.
    pub message: String,
}

/// A member of a type, as it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Member {
    Named(NodeId),
    /// The type has it only as one of all its members.
    Every(NodeId),
}

fn parse(name: &str, text: &str) -> Result<File, KnowledgeError> {
    toml::from_str(text)
        .map_err(|error| KnowledgeError { file: name.to_owned(), message: error.to_string() })
}

impl Knowledge {
    const ROOT: NodeId = NodeId(0);

    /// What every build carries, and a project's own files as pairs of a name and a text.
    pub fn load(own: &[(String, String)]) -> Result<Self, KnowledgeError> {
        let mut base =
            Self { nodes: vec![Node::default()], entries: Vec::new(), libraries: Vec::new() };
        // Reading the texts takes longer than all that follows.
        let embedded: Vec<_> =
            embedded::FILES.par_iter().map(|(name, text)| parse(name, text)).collect();
        let own = own.iter().map(|(name, text)| parse(name, text));
        for file in embedded.into_iter().chain(own) {
            base.add(file?);
        }
        Ok(base)
    }

    fn add(&mut self, file: File) {
        for alias in file.alias {
            let meant = self.node(&alias.is);
            let id = self.raw_node(&alias.name);
            self.at_mut(id, |node| node.alias = Some(meant));
        }
        for kind in file.types {
            self.add_type(&kind);
        }
        for entry in file.entry {
            self.add_entry(entry);
        }
        self.libraries.extend(file.library);
    }

    fn add_type(&mut self, kind: &file::Type) {
        let id = self.node(&kind.name);
        for maker in kind.made_by.iter().flat_map(|maker| file::expand(maker)) {
            let maker = self.node(&maker);
            self.at_mut(maker, |node| {
                if kind.when.is_empty() {
                    node.made = Some(id);
                } else {
                    node.made_when.push((kind.when.clone(), id));
                }
            });
        }
        for method in &kind.quiet {
            self.node(&format!("{}.{method}", kind.name));
        }
        for (method, result) in &kind.methods {
            let result = self.node(result);
            let method = self.node(&format!("{}.{method}", kind.name));
            self.at_mut(method, |node| node.made = Some(result));
        }
        for (attribute, value) in &kind.attributes {
            let value = self.node(value);
            let attribute = self.node(&format!("{}.{attribute}", kind.name));
            self.at_mut(attribute, |node| node.value = Some(value));
        }
        let bases: Vec<NodeId> = kind.bases.iter().map(|base| self.node(base)).collect();
        let enter = kind.enter.as_deref().map(|enter| self.node(enter));
        self.at_mut(id, |node| {
            node.is_type = true;
            node.is_unpicklable |= kind.unpicklable;
            node.bases.extend(bases);
            node.enter = enter.or(node.enter);
        });
    }

    fn add_entry(&mut self, entry: Entry) {
        let index = self.entries.len();
        for name in entry.names.iter().flat_map(|name| file::expand(name)) {
            if let Some(class) = name.strip_suffix(".*") {
                let id = self.node(class);
                self.at_mut(id, |node| node.every = Some(index));
            } else {
                let id = self.node(&name);
                self.at_mut(id, |node| node.entry = Some(index));
            }
        }
        self.entries.push(entry);
    }

    fn at_mut(&mut self, id: NodeId, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(id.0 as usize) {
            change(node);
        }
    }

    fn at(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// The node of a dotted name, made when it is new; aliases on the way are followed.
    fn node(&mut self, path: &str) -> NodeId {
        let mut id = Self::ROOT;
        for part in path.split('.') {
            id = self.child_or_new(id, part);
            id = self.meant(id);
        }
        id
    }

    /// As `node`, but the last name is not followed.
    fn raw_node(&mut self, path: &str) -> NodeId {
        match path.rsplit_once('.') {
            Some((parent, last)) => {
                let parent = self.node(parent);
                self.child_or_new(parent, last)
            }
            None => self.child_or_new(Self::ROOT, path),
        }
    }

    fn child_or_new(&mut self, parent: NodeId, name: &str) -> NodeId {
        if let Some(child) = self.at(parent).and_then(|node| node.children.get(name)) {
            return *child;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let path = match self.at(parent) {
            Some(node) if !node.path.is_empty() => format!("{}.{name}", node.path),
            _ => name.to_owned(),
        };
        self.nodes.push(Node { path, ..Node::default() });
        self.at_mut(parent, |node| {
            node.children.insert(name.into(), id);
        });
        id
    }

    fn meant(&self, id: NodeId) -> NodeId {
        let mut id = id;
        // An alias of an alias is odd, and a ring of them a mistake.
        for _ in 0..4 {
            match self.at(id).and_then(|node| node.alias) {
                Some(next) => id = next,
                None => break,
            }
        }
        id
    }

    /// What is known under a name of a module, class or the root.
    pub(crate) fn child(&self, parent: NodeId, name: &str) -> Option<NodeId> {
        let child = self.at(parent)?.children.get(name)?;
        Some(self.meant(*child))
    }

    /// What is known under a dotted name.
    pub(crate) fn find(&self, path: &str) -> Option<NodeId> {
        path.split('.').try_fold(Self::ROOT, |id, part| self.child(id, part))
    }

    /// A member of a type, or of one of its bases.
    pub(crate) fn member(&self, class: NodeId, name: &str) -> Option<Member> {
        self.member_within(class, name, 8)
    }

    fn member_within(&self, class: NodeId, name: &str, levels: u8) -> Option<Member> {
        if let Some(child) = self.child(class, name) {
            return Some(Member::Named(child));
        }
        let node = self.at(class)?;
        if let Some(entry) = node.every.and_then(|index| self.entries.get(index)) {
            let is_plain = !name.starts_with('_') && !entry.except.iter().any(|it| it == name);
            return is_plain.then_some(Member::Every(class));
        }
        let levels = levels.checked_sub(1)?;
        node.bases.iter().find_map(|base| self.member_within(*base, name, levels))
    }

    /// What a call of the name does.
    pub(crate) fn entry(&self, id: NodeId) -> Option<&Entry> {
        self.at(id)?.entry.and_then(|index| self.entries.get(index))
    }

    /// What a call of any member does.
    pub(crate) fn every(&self, class: NodeId) -> Option<&Entry> {
        self.at(class)?.every.and_then(|index| self.entries.get(index))
    }

    /// The type of what a call of the name gives.
    pub(crate) fn made(&self, id: NodeId) -> Option<NodeId> {
        let node = self.at(id)?;
        let looks_like_class = || {
            let last = node.path.rsplit('.').next().unwrap_or("");
            last.starts_with(|first: char| first.is_ascii_uppercase()) && last.len() > 1
        };
        node.made.or_else(|| (node.is_type || looks_like_class()).then_some(id))
    }

    /// As `made`, for a call with these arguments.
    pub(crate) fn made_with(
        &self,
        id: NodeId,
        summary: &Summary,
        arguments: &[Argument],
    ) -> Option<NodeId> {
        let made_when = self.at(id).map(|node| node.made_when.as_slice()).unwrap_or_default();
        let fits = |when: &[Predicate]| when.iter().any(|it| it.holds(summary, arguments));
        let special = made_when.iter().find(|(when, _)| fits(when)).map(|(_, made)| *made);
        special.or_else(|| self.made(id))
    }

    /// As `made`, but only what the data says itself.
    pub(crate) fn made_by_data(&self, id: NodeId) -> Option<NodeId> {
        self.at(id)?.made
    }

    /// The type of the value that the name means.
    pub(crate) fn value(&self, id: NodeId) -> Option<NodeId> {
        self.at(id)?.value
    }

    /// The type of what `with` gives for an object of the type.
    pub(crate) fn entered(&self, class: NodeId) -> NodeId {
        self.at(class).and_then(|node| node.enter).unwrap_or(class)
    }

    /// Whether an object of the type cannot travel to another process.
    pub(crate) fn is_unpicklable(&self, class: NodeId) -> bool {
        self.at(class).is_some_and(|node| node.is_unpicklable)
    }

    /// The dotted name.
    pub(crate) fn path(&self, id: NodeId) -> &str {
        self.at(id).map_or("", |node| &node.path)
    }

    /// A library of the table, by its import name or the longest part of it.
    pub(crate) fn library(&self, module: &str) -> Option<&Library> {
        let mut name = module;
        loop {
            if let Some(library) = self.libraries.iter().find(|library| library.name == name) {
                return Some(library);
            }
            name = name.rsplit_once('.')?.0;
        }
    }

    /// Whether a call of this dotted name computes without the GIL; `None` where nothing is known,
    /// or where it does not compute.
    pub fn releases_gil(&self, name: &str) -> Option<bool> {
        let entry = self.find(name).and_then(|id| self.entry(id)).or_else(|| {
            let (class, member) = name.rsplit_once('.')?;
            match self.member(self.find(class)?, member)? {
                Member::Named(id) => self.entry(id),
                Member::Every(class) => self.every(class),
            }
        })?;
        match entry.kind {
            Kind::CpuReleased => Some(true),
            Kind::CpuHeld => Some(false),
            _ => None,
        }
    }

    /// How many names have an entry that says that a call of them blocks.
    pub fn blocking_names(&self) -> usize {
        let entries = self.entries.iter().filter(|entry| entry.kind.blocks());
        entries.flat_map(|entry| &entry.names).map(|name| file::expand(name).len()).sum()
    }
}

impl Entry {
    /// Whether a call with these arguments does what the entry says.
    pub(crate) fn is_guilty(&self, summary: &Summary, arguments: &[Argument]) -> bool {
        let holds = |predicate: &Predicate| predicate.holds(summary, arguments);
        let is_accused = self.convict.is_empty() || self.convict.iter().any(holds);
        is_accused && !self.acquit.iter().any(holds)
    }

    /// How bad a call with these arguments is.
    pub(crate) fn severity_with(&self, summary: &Summary, arguments: &[Argument]) -> Tier {
        let is_trifle = self.trifle.iter().any(|it| it.holds(summary, arguments));
        if is_trifle { Tier::Hint } else { self.severity() }
    }
}

impl Predicate {
    fn holds(&self, summary: &Summary, arguments: &[Argument]) -> bool {
        let value = self.value(summary, arguments);
        if let Some(wanted) = self.given {
            return value.is_some() == wanted;
        }
        let text = value.and_then(|value| written(summary, value));
        if let Some(bound) = self.below {
            return text.and_then(|it| it.parse::<f64>().ok()).is_some_and(|it| it < bound);
        }
        match (text, &self.is, &self.not) {
            (Some(text), Some(allowed), _) => allowed.contains(&text),
            (Some(text), None, Some(excluded)) => !excluded.contains(&text),
            _ => false,
        }
    }

    fn value(&self, summary: &Summary, arguments: &[Argument]) -> Option<crate::summary::ExprId> {
        let by_name = self.arg.as_deref().and_then(|name| {
            let named = |it: &&Argument| it.keyword.is_some_and(|it| summary.text(it) == name);
            arguments.iter().find(named)
        });
        by_name.or_else(|| positional(summary, arguments, self.at?)).map(|it| it.value)
    }
}

/// A literal as its source is written; constants such as `os.WNOHANG`, and flags of such, are as
/// good as literals.
fn written(summary: &Summary, value: crate::summary::ExprId) -> Option<String> {
    match summary.expr(value) {
        Expr::Literal(name) => Some(summary.text(*name).to_owned()),
        Expr::Either(parts) => {
            let parts: Option<Vec<String>> =
                parts.iter().map(|part| written(summary, *part)).collect();
            parts.map(|parts| parts.join(" | "))
        }
        _ => summary.dotted(value),
    }
}

/// The argument at a position, unless a `*…` stands before it.
pub(crate) fn positional<'a>(
    summary: &Summary,
    arguments: &'a [Argument],
    at: usize,
) -> Option<&'a Argument> {
    let before = arguments.iter().filter(|it| it.keyword.is_none()).take(at + 1);
    let known = before.take_while(|it| !matches!(summary.expr(it.value), Expr::Starred(_)));
    known.enumerate().find(|(index, _)| *index == at).map(|(_, argument)| argument)
}
