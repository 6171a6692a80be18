//! What becomes of an exception that a handler has taken.

use ruff_python_ast::{
    Arguments, ExceptHandlerExceptHandler, Expr as AstExpr, ExprCall, Stmt, StmtAssign, StmtIf,
};

use super::Lowering;
use crate::summary::{Expr, HandlerEnd, Name, ScopeId};

/// Methods that give an exception to somebody who waits for it.
const TELLS: &[&str] = &["throw", "athrow", "put", "put_nowait", "send", "send_nowait"];

/// How deep the statements of a handler are looked into.
const LEVELS_MAX: u8 = 30;

/// An exception that a handler puts aside under another name.
pub(super) struct Kept {
    scope: ScopeId,
    name: Name,
    handler: usize,
}

impl Lowering<'_> {
    /// Remembers under which name a handler puts its exception aside, or the fact that there was
    /// one: it may be raised later.
    pub(super) fn keep(&mut self, handler: &ExceptHandlerExceptHandler) {
        let index = self.summary.handlers.len();
        for statement in &handler.body {
            let Stmt::Assign(assign) = statement else { continue };
            let [AstExpr::Name(target)] = assign.targets.as_slice() else { continue };
            let is_flag = matches!(&*assign.value, AstExpr::BooleanLiteral(it) if it.value);
            if is_flag || is_own(handler, &assign.value) {
                let name = self.name(&target.id);
                self.kept.push(Kept { scope: self.scope, name, handler: index });
            }
        }
    }

    /// A handler whose exception is raised after all has raised it.
    pub(super) fn raised(&mut self, exception: Option<&AstExpr>) {
        if let Some(AstExpr::Name(name)) = exception {
            self.raised_under(&name.id, true);
        }
    }

    /// `if was_cancelled: raise`, and nothing else that decides it.
    pub(super) fn raised_by_flag(&mut self, statement: &StmtIf) {
        if !self.kept.is_empty()
            && let AstExpr::Name(name) = &*statement.test
            && let Some(Stmt::Raise(_)) = statement.body.last()
        {
            self.raised_under(&name.id, false);
        }
    }

    /// Whether one of the calls since one of them is `task.uncancel()`: the loop and `timeout` know
    /// then that the cancellation is over.
    pub(super) fn takes_cancellation_back(&self, from: usize) -> bool {
        let calls = self.summary.calls.get(from..).unwrap_or_default();
        calls.iter().filter(|call| call.scope == self.scope).any(|call| {
            let Expr::Call { function, .. } = self.summary.expr(call.expr) else { return false };
            self.summary.last_name(*function) == Some("uncancel")
        })
    }

    fn raised_under(&mut self, name: &str, is_itself: bool) {
        let name = self.name(name);
        for kept in self.kept.iter().filter(|it| it.scope == self.scope && it.name == name) {
            let Some(handler) = self.summary.handlers.get_mut(kept.handler) else { continue };
            // Who keeps the exception itself ends the loop; a flag behind the loop may be too late.
            let leaves = matches!(handler.end, HandlerEnd::Leaves | HandlerEnd::Decides);
            if is_itself || leaves || handler.inside == self.inside {
                handler.end = HandlerEnd::Raises;
            } else if handler.end != HandlerEnd::Raises {
                handler.end = HandlerEnd::Tells;
            }
        }
    }
}

/// How a handler goes on.
pub(super) fn end(handler: &ExceptHandlerExceptHandler) -> HandlerEnd {
    let body = &handler.body;
    let leaves = matches!(body.last(), Some(Stmt::Return(_) | Stmt::Break(_)));
    let decides = leaves_by_test(body);
    let tells = || hands_on(handler, body);
    match (leaves, decides) {
        _ if raises(body) || settles(handler, body) => HandlerEnd::Raises,
        (true, _) | (_, true) if tells() => HandlerEnd::Raises,
        (true, _) => HandlerEnd::Leaves,
        (_, true) => HandlerEnd::Decides,
        _ if tells() => HandlerEnd::Tells,
        _ => HandlerEnd::GoesOn,
    }
}

/// Whether a `raise` stands in the body, other than in a function defined there.
fn raises(body: &[Stmt]) -> bool {
    any_of(body, LEVELS_MAX, &|statement| matches!(statement, Stmt::Raise(_)))
}

/// Whether the body gives its exception to who waits for the outcome: as the exception of a future,
/// or as what the function returns.
fn settles(handler: &ExceptHandlerExceptHandler, body: &[Stmt]) -> bool {
    any_of(body, LEVELS_MAX, &|statement| match statement {
        Stmt::Expr(it) => called_with(&it.value, &["set_exception"]).is_some(),
        Stmt::Assign(it) => called_with(&it.value, &["set_exception"]).is_some(),
        Stmt::Return(it) => it.value.as_deref().is_some_and(|value| is_own(handler, value)),
        _ => false,
    })
}

/// Whether the body gives its exception to somebody else: to a queue, a generator, or into an
/// object that others look at.
fn hands_on(handler: &ExceptHandlerExceptHandler, body: &[Stmt]) -> bool {
    any_of(body, LEVELS_MAX, &|statement| match statement {
        Stmt::Expr(it) => tells(handler, &it.value),
        Stmt::Assign(it) => {
            tells(handler, &it.value) || is_own(handler, &it.value) && is_into_object(it)
        }
        _ => false,
    })
}

/// `generator.throw(error)`, `queue.put_nowait((None, error))`.
fn tells(handler: &ExceptHandlerExceptHandler, value: &AstExpr) -> bool {
    let Some(arguments) = called_with(value, TELLS) else { return false };
    let is_given = |it: &AstExpr| match it {
        AstExpr::Tuple(it) => it.elts.iter().any(|part| is_own(handler, part)),
        AstExpr::Call(it) => it.arguments.args.iter().any(|part| is_own(handler, part)),
        _ => is_own(handler, it),
    };
    arguments.args.iter().any(is_given)
}

/// The arguments, if a value is a call of a method with one of these names.
fn called_with<'a>(value: &'a AstExpr, names: &[&str]) -> Option<&'a Arguments> {
    let AstExpr::Call(ExprCall { func, arguments, .. }) = awaited(value) else { return None };
    let AstExpr::Attribute(method) = &**func else { return None };
    names.contains(&method.attr.as_str()).then_some(arguments)
}

fn awaited(value: &AstExpr) -> &AstExpr {
    match value {
        AstExpr::Await(it) => &it.value,
        _ => value,
    }
}

/// Whether a value is the exception that the handler has taken.
fn is_own(handler: &ExceptHandlerExceptHandler, value: &AstExpr) -> bool {
    let own = handler.name.as_ref();
    matches!(value, AstExpr::Name(it) if own.is_some_and(|own| own.as_str() == it.id.as_str()))
}

fn is_into_object(assign: &StmtAssign) -> bool {
    assign.targets.iter().any(|it| matches!(it, AstExpr::Attribute(_) | AstExpr::Subscript(_)))
}

/// `if stopping: return`.
fn leaves_by_test(body: &[Stmt]) -> bool {
    let leaves = |body: &[Stmt]| matches!(body.last(), Some(Stmt::Return(_) | Stmt::Break(_)));
    any_of(body, LEVELS_MAX, &|statement| {
        matches!(statement, Stmt::If(it) if leaves(&it.body)
            || it.elif_else_clauses.iter().any(|clause| leaves(&clause.body)))
    })
}

/// Whether a statement of a body, or of one inside it that runs with it, is such.
fn any_of(body: &[Stmt], levels: u8, is_meant: &dyn Fn(&Stmt) -> bool) -> bool {
    let Some(levels) = levels.checked_sub(1) else { return false };
    let inside = |body: &[Stmt]| any_of(body, levels, is_meant);
    body.iter().any(|statement| match statement {
        _ if is_meant(statement) => true,
        Stmt::If(it) => {
            inside(&it.body) || it.elif_else_clauses.iter().any(|clause| inside(&clause.body))
        }
        Stmt::With(it) => inside(&it.body),
        Stmt::For(it) => inside(&it.body),
        Stmt::While(it) => inside(&it.body),
        Stmt::Try(it) => inside(&it.body) || inside(&it.finalbody) || inside(&it.orelse),
        Stmt::Match(it) => it.cases.iter().any(|case| inside(&case.body)),
        _ => false,
    })
}
