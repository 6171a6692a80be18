//! A file's expressions by where they stand and by their names: a long file is not read through
//! for each question.

use std::cell::OnceCell;

use rustc_hash::FxHashSet;

use super::{FileId, Program};
use crate::summary::{Expr, ExprId, Name, Node, Span, Summary};

/// What is found by, each made when somebody asks.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// All expressions, in the order in which they begin.
    by_start: OnceCell<Vec<u32>>,
    /// Those that are a name alone.
    by_name: OnceCell<Vec<(Name, ExprId)>>,
    /// What is called.
    called: OnceCell<FxHashSet<ExprId>>,
}

impl Program {
    /// The expressions of a file that lie within a piece of its text.
    pub(crate) fn nodes_within(&self, file: FileId, span: Span) -> impl Iterator<Item = &Node> {
        let summary = self.summary(file);
        let start = |at: u32| summary.node(ExprId(at)).span.start;
        let all = self.nodes(file).map(|nodes| nodes.by_start.get_or_init(|| by_start(summary)));
        let all = all.map(Vec::as_slice).unwrap_or_default();
        let from = all.partition_point(|at| start(*at) < span.start);
        let inside = all.iter().skip(from).map(|at| summary.node(ExprId(*at)));
        let inside = inside.take_while(move |node| node.span.start <= span.end);
        inside.filter(move |node| node.span.end <= span.end)
    }

    /// Where a name stands in a file, other than as an attribute.
    pub(crate) fn named(&self, file: FileId, name: Name) -> impl Iterator<Item = ExprId> {
        let summary = self.summary(file);
        let all = self.nodes(file).map(|nodes| nodes.by_name.get_or_init(|| by_name(summary)));
        let all = all.map(Vec::as_slice).unwrap_or_default();
        let from = all.partition_point(|(it, _)| *it < name);
        let same = all.iter().skip(from).take_while(move |(it, _)| *it == name);
        same.map(|(_, expr)| *expr)
    }

    /// Whether an expression is what a call calls.
    pub(crate) fn is_called(&self, file: FileId, expr: ExprId) -> bool {
        let summary = self.summary(file);
        let called = self.nodes(file).map(|nodes| nodes.called.get_or_init(|| called(summary)));
        called.is_some_and(|called| called.contains(&expr))
    }

    fn nodes(&self, file: FileId) -> Option<&Nodes> {
        self.index(file).map(|index| &index.nodes)
    }
}

fn by_start(summary: &Summary) -> Vec<u32> {
    let mut all: Vec<u32> = (0..).take(summary.nodes.len()).collect();
    all.sort_by_key(|at| summary.node(ExprId(*at)).span.start);
    all
}

fn by_name(summary: &Summary) -> Vec<(Name, ExprId)> {
    let nodes = (0..).map(ExprId).zip(&summary.nodes);
    let mut all: Vec<_> = nodes
        .filter_map(|(expr, node)| match node.expr {
            Expr::Name(name) => Some((name, expr)),
            _ => None,
        })
        .collect();
    all.sort_unstable();
    all
}

fn called(summary: &Summary) -> FxHashSet<ExprId> {
    let calls = summary.calls.iter().filter_map(|call| match summary.expr(call.expr) {
        Expr::Call { function, .. } => Some(*function),
        _ => None,
    });
    calls.collect()
}
