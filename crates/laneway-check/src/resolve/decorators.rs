//! What decorators make of a function.

use super::{Resolver, Value};
use crate::knowledge::{Kind, NodeId};
use crate::program::Place;
use crate::summary::{Expr, ExprId, Scope, ScopeKind};

/// What a call of a decorated function does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoration {
    /// It runs the function, or nothing is known of the decorators.
    Plain,
    /// It has the function run elsewhere.
    Cut,
    /// It is a call of a library's function, such as `async_to_sync`.
    Known(NodeId),
    /// It gives a coroutine of this wrapper.
    Async(Place),
    /// It runs this wrapper, which runs the function.
    Sync(Place),
}

impl Resolver<'_> {
    /// What the name of a function means behind its decorators.
    pub(super) fn decorated(&self, function: Place) -> Option<Value> {
        match self.decoration(function) {
            Decoration::Cut => None,
            Decoration::Known(node) => Some(Value::Known(node)),
            _ => Some(Value::Function(function)),
        }
    }

    /// What the decorators of a function make of it.
    pub(crate) fn decoration(&self, function: Place) -> Decoration {
        let Some(scope) = self.program.scope(function) else { return Decoration::Plain };
        if scope.decorators.is_empty() {
            return Decoration::Plain;
        }
        if let Some(known) = self.decorations.borrow().get(&function) {
            return *known;
        }
        let (decoration, is_complete) =
            self.questions.is_complete(|| self.first_decoration(function, scope));
        if is_complete {
            self.decorations.borrow_mut().insert(function, decoration);
        }
        decoration
    }

    fn first_decoration(&self, function: Place, scope: &Scope) -> Decoration {
        let outer = Place { file: function.file, scope: scope.parent };
        let is_async = scope.kind == ScopeKind::Async;
        let all = scope.decorators.iter();
        all.map(|it| self.one_decorator(outer, *it, is_async))
            .find(|it| *it != Decoration::Plain)
            .unwrap_or(Decoration::Plain)
    }

    fn one_decorator(&self, outer: Place, decorator: ExprId, is_async: bool) -> Decoration {
        let summary = self.program.summary(outer.file);
        // `@sync_to_async(thread_sensitive=True)` is a call of the decorator's maker.
        let maker = match summary.expr(decorator) {
            Expr::Call { function, .. } => *function,
            _ => decorator,
        };
        for value in self.values(outer, maker).iter() {
            if let Value::Known(node) = value {
                match self.knowledge.entry(*node).map(|entry| entry.kind) {
                    Some(Kind::Offload) => return Decoration::Cut,
                    Some(Kind::Loop) => return Decoration::Known(*node),
                    _ => {}
                }
            }
        }
        for value in self.values(outer, decorator).iter() {
            if let Value::Function(maker) = value
                && let Some(decoration) = self.wrapper(*maker, is_async)
            {
                return decoration;
            }
        }
        Decoration::Plain
    }

    /// What a decorator of the program puts in the place of the function.
    fn wrapper(&self, decorator: Place, is_async: bool) -> Option<Decoration> {
        let scope = self.program.scope(decorator)?;
        if scope.kind != ScopeKind::Function {
            return None;
        }
        let returned = scope.returns.iter().flat_map(|it| self.values(decorator, *it).to_vec());
        let wrappers: Vec<Place> = returned
            .filter_map(|value| match value {
                Value::Function(wrapper) => Some(wrapper),
                _ => None,
            })
            .filter(|wrapper| self.program.outer(*wrapper) == Some(decorator))
            .collect();
        // A decorator that has a wrapper for each kind takes the one of the function's own.
        let fitting = wrappers.iter().find(|wrapper| self.is_async(**wrapper) == is_async);
        let wrapper = *fitting.or(wrappers.first())?;
        Some(match (self.is_async(wrapper), self.calls_parameter(wrapper, decorator)) {
            (true, _) => Decoration::Async(wrapper),
            (false, true) => Decoration::Sync(wrapper),
            (false, false) => Decoration::Cut,
        })
    }

    /// Whether a wrapper itself calls what its decorator was given, and does not await it.
    pub(crate) fn calls_parameter(&self, wrapper: Place, decorator: Place) -> bool {
        let summary = self.program.summary(wrapper.file);
        self.program.calls(wrapper).filter(|call| !call.used.is_asynchronous()).any(|call| {
            let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
            let callees = self.values(wrapper, *function);
            callees.iter().any(|it| matches!(it, Value::Parameter(place, _) if *place == decorator))
        })
    }

    /// Whether a method is read like an attribute.
    pub(crate) fn is_property(&self, function: Place) -> bool {
        self.decorator_names(function)
            .any(|name| matches!(name, "property" | "cached_property" | "hybrid_property"))
    }

    /// Whether a function keeps its answers.
    pub(crate) fn is_cached(&self, function: Place) -> bool {
        self.decorator_names(function)
            .any(|name| matches!(name, "lru_cache" | "cache" | "cached_property" | "cached"))
    }

    /// The last names of a function's decorators.
    pub(crate) fn decorator_names(&self, function: Place) -> impl Iterator<Item = &str> {
        let summary = self.program.summary(function.file);
        let decorators = self.program.scope(function).map(|scope| scope.decorators.as_slice());
        decorators.unwrap_or_default().iter().filter_map(|decorator| {
            match summary.expr(*decorator) {
                Expr::Call { function, .. } => summary.last_name(*function),
                _ => summary.last_name(*decorator),
            }
        })
    }
}
