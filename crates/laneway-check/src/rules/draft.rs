//! What rules are given, and what they leave: findings that know places of the text, not lines.

use std::cell::OnceCell;

use rustc_hash::FxHashSet;

use crate::evidence::Cost;
use crate::finding::{Confidence, Tier};
use crate::graph::{Edge, Graph, Reach};
use crate::program::{FileId, Place, Program};
use crate::resolve::{Resolver, Value};
use crate::rules::{Elsewhere, Rule, Ways};
use crate::summary::{Call, Expr, ExprId, ScopeKind, Span};

/// What rules look at, and where they put what they find.
#[derive(Debug)]
pub(crate) struct Checkup<'a> {
    pub(crate) program: &'a Program,
    pub(crate) resolver: &'a Resolver<'a>,
    pub(crate) graph: &'a Graph,
    pub(crate) reach: &'a Reach<'a>,
    /// Which files findings are wanted of, by their number.
    pub(crate) wanted: &'a [bool],
    /// Functions that a call made commands of a command line, once somebody asked.
    pub(crate) commands: OnceCell<FxHashSet<Place>>,
    /// What parameters get of other classes, as far as somebody asked.
    pub(crate) elsewhere: Elsewhere,
    /// The ways that are shown, as far as somebody asked.
    pub(crate) ways: Ways,
    pub(crate) drafts: Vec<Draft>,
    /// How many places a comment answers that no draft was made for.
    pub(crate) answered: usize,
}

/// A finding without lines and columns.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) rule: Rule,
    pub(crate) tier: Tier,
    pub(crate) confidence: Confidence,
    pub(crate) place: Place,
    pub(crate) span: Span,
    pub(crate) message: String,
    pub(crate) call: Option<String>,
    pub(crate) way: Vec<Edge>,
    /// Whether what stands behind a base class on the way is of another class by all that is said.
    pub(crate) is_of_others: bool,
    pub(crate) entry_points: usize,
    pub(crate) choke_point: Option<Place>,
    pub(crate) suggestion: Option<String>,
    pub(crate) edit: Option<Edit>,
    /// Other places of the same trouble.
    pub(crate) others: Vec<(FileId, Span)>,
    /// What stays the same when lines move, where the call and its function do not say it.
    pub(crate) identity: Option<String>,
    pub(crate) measured: Option<Cost>,
}

/// A change of the text that keeps its meaning.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) title: String,
    pub(crate) change: Change,
}

#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// `await` this dotted name in the place of the called one.
    Rename { function: Span, call: Span, name: String, is_operand: bool },
    /// Keep the task that a call gives until it is done.
    Keep { call: Span },
}

impl Draft {
    pub(crate) fn new(rule: Rule, place: Place, span: Span, message: String) -> Self {
        Self {
            rule,
            tier: rule.entry().tier,
            confidence: Confidence::High,
            place,
            span,
            message,
            call: None,
            way: Vec::new(),
            is_of_others: false,
            entry_points: 0,
            choke_point: None,
            suggestion: None,
            edit: None,
            others: Vec::new(),
            identity: None,
            measured: None,
        }
    }

    pub(crate) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }
}

impl<'a> Checkup<'a> {
    pub(crate) fn is_wanted(&self, file: FileId) -> bool {
        self.wanted.get(file.0 as usize).copied().unwrap_or(false)
    }

    pub(crate) fn span(&self, place: Place, expr: ExprId) -> Span {
        self.program.summary(place.file).node(expr).span
    }

    pub(crate) fn values(&self, place: Place, expr: ExprId) -> crate::resolve::Values {
        self.resolver.values(place, expr)
    }

    /// What a call calls.
    pub(crate) fn callees(&self, place: Place, call: &Call) -> crate::resolve::Values {
        match self.program.summary(place.file).expr(call.expr) {
            Expr::Call { function, .. } => self.resolver.values(place, *function),
            _ => crate::resolve::Values::default(),
        }
    }

    /// The path of a library's name, if a value is one.
    pub(crate) fn path(&self, value: Value) -> Option<&'a str> {
        match value {
            Value::Known(node) => Some(self.resolver.knowledge.path(node)),
            _ => None,
        }
    }

    /// Whether an expression certainly means a library's name out of these.
    pub(crate) fn is_any_of(&self, place: Place, expr: ExprId, paths: &[&str]) -> bool {
        let values = self.values(place, expr);
        !values.is_empty()
            && values.iter().all(|value| self.path(*value).is_some_and(|it| paths.contains(&it)))
    }

    /// The last name of what is called.
    pub(crate) fn called_name(&self, place: Place, call: &Call) -> Option<&'a str> {
        let program: &'a Program = self.program;
        let summary = program.summary(place.file);
        match summary.expr(call.expr) {
            Expr::Call { function, .. } => summary.last_name(*function),
            _ => None,
        }
    }

    /// Whether a scope's code runs in an async function, lambdas and comprehensions aside.
    pub(crate) fn is_async(&self, place: Place) -> bool {
        self.program.scope(place).is_some_and(|scope| scope.kind == ScopeKind::Async)
    }

    pub(crate) fn extend(&mut self, drafts: impl IntoIterator<Item = Draft>) {
        for draft in drafts {
            self.add(draft);
        }
    }

    pub(crate) fn add(&mut self, draft: Draft) {
        if self.is_wanted(draft.place.file) {
            self.drafts.push(draft);
        }
    }
}
