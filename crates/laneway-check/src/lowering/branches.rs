//! Branches: what must be so where their code runs, and what the code around a call needs of it.

use ruff_python_ast::{
    BoolOp, CmpOp, ExceptHandler, Expr as AstExpr, ExprBoolOp, ExprCompare, ExprIf, Stmt, StmtIf,
    StmtTry, UnaryOp,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::Lowering;
use crate::summary::{Branch, BranchId, Comparison, Condition, Expr, ExprId, Meaning, Name, Use};

/// Exceptions by which a library says that no loop runs.
const NO_LOOP: &[&str] =
    &["RuntimeError", "AsyncLibraryNotFoundError", "NoEventLoopError", "Exception"];

/// Tests of whether a value can be awaited.
const ASKS_AWAITABLE: &[&str] = &["isawaitable", "iscoroutine", "isfuture"];

/// How many names are followed from what is awaited to the call that gave it.
const STEPS_MAX: u8 = 4;

impl Lowering<'_> {
    /// What follows in the same block runs only so.
    pub(super) fn branch(&mut self, condition: Condition) {
        let id = BranchId(u32::try_from(self.summary.branches.len()).unwrap_or(u32::MAX));
        self.summary.branches.push(Branch { parent: self.branch, condition });
        self.branch = Some(id);
    }

    /// What follows in the same block runs only when a test came out so.
    pub(super) fn assume(&mut self, test: &AstExpr, lowered: ExprId, holds: bool, at: TextSize) {
        match test {
            AstExpr::UnaryOp(it) if it.op == UnaryOp::Not => {
                if let Expr::Not(inner) = *self.summary.expr(lowered) {
                    self.nested(|lowering| lowering.assume(&it.operand, inner, !holds, at));
                }
            }
            AstExpr::BoolOp(it) => {
                // Which of the operands of the other outcome decided it, is not known.
                if (it.op == BoolOp::And) == holds
                    && let Expr::Either(parts) = self.summary.expr(lowered)
                {
                    let parts = parts.clone();
                    for (operand, part) in it.values.iter().zip(parts) {
                        self.nested(|lowering| lowering.assume(operand, part, holds, at));
                    }
                }
            }
            _ => {
                let condition =
                    if holds { Condition::Holds(lowered) } else { Condition::Fails(lowered) };
                self.branch(condition);
                if holds {
                    self.narrow(lowered, at);
                }
            }
        }
    }

    /// `isinstance(x, T)`.
    fn narrow(&mut self, lowered: ExprId, at: TextSize) {
        let Expr::Call { function, arguments } = self.summary.expr(lowered) else { return };
        if self.summary.last_name(*function) != Some("isinstance") {
            return;
        }
        let [object, class] = &**arguments else { return };
        let (value, class) = (object.value, class.value);
        if let Expr::Name(name) = self.summary.expr(value) {
            let name = self.summary.text(*name).to_owned();
            self.bind(&name, at.to_u32(), Meaning::Narrowed { value, class });
        }
    }

    pub(super) fn conditional(&mut self, statement: &StmtIf) {
        let outer = self.branch;
        self.raised_by_flag(statement);
        let test = self.used(&statement.test, Use::Tested);
        let is_guard = is_guard(&statement.test);
        self.guards += u32::from(is_guard);
        let end = statement.body.last().map_or(statement.range().end(), |it| it.range().end());
        self.body_under(Some((&*statement.test, test)), &statement.body, end);
        self.guards -= u32::from(is_guard);
        let mut tests = vec![(&*statement.test, test, leaves(&statement.body))];
        for clause in &statement.elif_else_clauses {
            if let Some((test, lowered, _)) = tests.last() {
                self.assume(test, *lowered, false, clause.range().start());
            }
            let test = clause.test.as_ref().map(|test| (test, self.used(test, Use::Tested)));
            self.body_under(test, &clause.body, clause.range().end());
            if let Some((test, lowered)) = test {
                tests.push((test, lowered, leaves(&clause.body)));
            }
        }
        // After a body that returns or raises, its test has failed.
        self.branch = outer;
        for (test, lowered, _) in tests.iter().take_while(|(.., leaves)| *leaves) {
            self.assume(test, *lowered, false, statement.range().end());
        }
        if let ([(test, lowered, false)], [clause]) =
            (tests.as_slice(), statement.elif_else_clauses.as_slice())
            && leaves(&clause.body)
        {
            self.assume(test, *lowered, true, statement.range().end());
        }
    }

    /// A body that runs when its test, if it has one, holds.
    fn body_under(&mut self, test: Option<(&AstExpr, ExprId)>, body: &[Stmt], end: TextSize) {
        let outer = self.branch;
        let block_end = std::mem::replace(&mut self.block_end, end.to_u32());
        if let Some((test, lowered)) = test {
            self.assume(test, lowered, true, test.range().end());
        }
        self.suite(body);
        self.block_end = block_end;
        self.branch = outer;
    }

    pub(super) fn choice(&mut self, choice: &ExprIf, used: Use) -> ExprId {
        let outer = self.branch;
        let test = self.used(&choice.test, Use::Tested);
        let block_end = self.block_end;
        // The body comes first in the text.
        self.block_end = choice.body.range().end().to_u32();
        self.assume(&choice.test, test, true, choice.range().start());
        let body = self.used(&choice.body, used);
        self.branch = outer;
        self.block_end = choice.range().end().to_u32();
        self.assume(&choice.test, test, false, choice.orelse.range().start());
        let other = self.used(&choice.orelse, used);
        self.block_end = block_end;
        self.branch = outer;
        self.add(choice.range(), Expr::Either(Box::new([body, other])))
    }

    pub(super) fn operands(&mut self, operation: &ExprBoolOp) -> ExprId {
        let outer = self.branch;
        let block_end = std::mem::replace(&mut self.block_end, operation.range().end().to_u32());
        let mut parts = Vec::with_capacity(operation.values.len());
        for operand in &operation.values {
            let part = self.expression(operand);
            parts.push(part);
            self.assume(operand, part, operation.op == BoolOp::And, operand.range().end());
        }
        self.block_end = block_end;
        self.branch = outer;
        self.add(operation.range(), Expr::Either(parts.into()))
    }

    pub(super) fn compare(&mut self, comparison: &ExprCompare) -> ExprId {
        let left = self.expression(&comparison.left);
        let mut last = left;
        for part in &comparison.comparators {
            last = self.expression(part);
        }
        let expr = match &*comparison.ops {
            [CmpOp::Is | CmpOp::Eq] => Expr::Compare(left, Comparison::Same, last),
            [CmpOp::IsNot | CmpOp::NotEq] => Expr::Compare(left, Comparison::Different, last),
            _ => Expr::Other,
        };
        self.add(comparison.range(), expr)
    }

    pub(super) fn try_statement(&mut self, statement: &StmtTry) {
        let outer = self.branch;
        let before = self.facts.awaits;
        let calls = self.summary.calls.len();
        let taken = |name: &str| statement.handlers.iter().any(|it| takes(it, name));
        if taken("BlockingIOError") {
            self.branch(Condition::WithoutWaiting);
        }
        if taken("RuntimeError") {
            self.branch(Condition::WithoutLoop);
        }
        let end = statement.body.last().map_or(statement.range().end(), |it| it.range().end());
        self.block(&statement.body, end);
        self.branch = outer;
        let span = self.span(TextRange::new(statement.range().start(), end));
        let guarded = (span, self.facts.awaits - before);
        let asks = self.asks_for_loop(calls);
        let had_asked = std::mem::replace(&mut self.asks, asks);
        let mut is_handled = false;
        for ExceptHandler::ExceptHandler(handler) in &statement.handlers {
            is_handled = self.handler(handler, guarded, is_handled);
            self.branch = outer;
        }
        self.asks = had_asked;
        self.block(&statement.orelse, statement.range().end());
        self.suite(&statement.finalbody);
        // Who found a loop has left: the rest is for threads without one.
        if asks && (leaves(&statement.body) || leaves(&statement.orelse)) {
            self.branch(Condition::NoLoop);
        }
    }

    /// Whether the calls since one of them ask for the running loop.
    fn asks_for_loop(&self, from: usize) -> bool {
        let calls = self.summary.calls.get(from..).unwrap_or_default();
        calls.iter().filter(|call| call.scope == self.scope).any(|call| {
            let Expr::Call { function, .. } = self.summary.expr(call.expr) else { return false };
            let name = self.summary.last_name(*function);
            matches!(name, Some("get_running_loop" | "current_async_library"))
        })
    }

    /// Whether a handler is for a thread in which no loop runs.
    pub(super) fn finds_no_loop(&self, exceptions: &[ExprId]) -> bool {
        let is_meant =
            |it: &ExprId| self.summary.last_name(*it).is_some_and(|name| NO_LOOP.contains(&name));
        self.asks && (exceptions.is_empty() || exceptions.iter().any(is_meant))
    }

    /// The calls that give a value are used so, also by way of a name.
    pub(super) fn want(&mut self, value: ExprId, used: Use) {
        self.want_within(value, used, STEPS_MAX);
    }

    fn want_within(&mut self, value: ExprId, used: Use, steps: u8) {
        let Some(steps) = steps.checked_sub(1) else { return };
        match self.summary.expr(value) {
            Expr::Call { .. } => {
                let at = self.summary.calls.partition_point(|call| call.expr < value);
                if let Some(call) = self.summary.calls.get_mut(at).filter(|it| it.expr == value) {
                    call.used = used;
                }
            }
            Expr::Name(name) => {
                let used = if self.is_asked(*name) { Use::Asked } else { used };
                for value in self.bound(*name, self.summary.node(value).span.start) {
                    self.want_within(value, used, steps);
                }
            }
            Expr::Either(parts) | Expr::Sequence(parts) => {
                for part in parts.clone() {
                    self.want_within(part, used, steps);
                }
            }
            Expr::Starred(inner) => {
                let inner = *inner;
                self.want_within(inner, used, steps);
            }
            Expr::Comprehension { element, .. } => {
                let element = *element;
                self.want_within(element, used, steps);
            }
            _ => {}
        }
    }

    /// Whether this runs only where a test has shown that the value of a name can be awaited: it
    /// may as well be something else.
    fn is_asked(&self, name: Name) -> bool {
        self.summary.conditions(self.branch).any(|condition| {
            let Condition::Holds(test) = condition else { return false };
            let Expr::Call { function, arguments } = self.summary.expr(test) else { return false };
            let is_test =
                self.summary.last_name(*function).is_some_and(|it| ASKS_AWAITABLE.contains(&it));
            let is_own = |value: ExprId| *self.summary.expr(value) == Expr::Name(name);
            is_test && arguments.first().is_some_and(|it| is_own(it.value))
        })
    }

    /// The values that a name of this scope may have at an offset.
    fn bound(&self, name: Name, at: u32) -> Vec<ExprId> {
        let start = self.summary.scope(self.scope).map_or(0, |scope| scope.span.start);
        let before = self.summary.bindings.iter().rev().take_while(|it| it.at >= start);
        let own = before.filter(|it| it.scope == self.scope && it.name == name && it.at <= at);
        let mut found = Vec::new();
        for binding in own {
            if let Meaning::Value { value: Some(value), .. } = binding.meaning {
                found.push(value);
            }
            if at < binding.block_end {
                break;
            }
        }
        found
    }

    /// `gather(f(), g())`, `create_task(f())`: the arguments are awaited.
    pub(super) fn want_arguments(&mut self, call: ExprId) {
        let Expr::Call { function, arguments } = self.summary.expr(call) else { return };
        let Some(name) = self.summary.last_name(*function) else { return };
        let count = match name {
            "gather" | "as_completed" => arguments.len(),
            "wait_for" | "create_task" | "ensure_future" | "shield" => 1,
            _ => return,
        };
        if !self.is_of_loop(*function) {
            return;
        }
        let positional = arguments.iter().filter(|it| it.keyword.is_none());
        let values: Vec<ExprId> = positional.take(count).map(|it| it.value).collect();
        for value in values {
            self.want(value, Use::Awaited);
        }
    }

    /// Whether a function is by its name one of asyncio, of a loop or of a group of tasks.
    fn is_of_loop(&self, function: ExprId) -> bool {
        let Expr::Attribute(object, _) = self.summary.expr(function) else { return true };
        let owner = match self.summary.expr(*object) {
            Expr::Call { function, .. } => self.summary.last_name(*function),
            _ => self.summary.last_name(*object),
        };
        let owner = owner.unwrap_or("").to_ascii_lowercase();
        ["asyncio", "loop", "group", "tg"].iter().any(|part| owner.contains(part))
    }
}

/// Whether a body ends by leaving its block.
fn leaves(body: &[Stmt]) -> bool {
    match body.last() {
        Some(Stmt::Return(_) | Stmt::Raise(_) | Stmt::Continue(_) | Stmt::Break(_)) => true,
        Some(Stmt::With(it)) => {
            let swallows = it.items.iter().any(|it| is_suppress(&it.context_expr));
            !swallows && leaves(&it.body)
        }
        _ => false,
    }
}

/// Whether a context takes exceptions: what follows the `with` runs whatever is raised in it.
fn is_suppress(context: &AstExpr) -> bool {
    const SUPPRESS: &[&str] = &["suppress", "raises", "assertRaises", "assertRaisesRegex"];
    let AstExpr::Call(call) = context else { return false };
    match &*call.func {
        AstExpr::Name(it) => SUPPRESS.contains(&it.id.as_str()),
        AstExpr::Attribute(it) => SUPPRESS.contains(&it.attr.as_str()),
        _ => false,
    }
}

/// Whether a handler names an exception.
fn takes(handler: &ExceptHandler, name: &str) -> bool {
    let ExceptHandler::ExceptHandler(handler) = handler;
    let is_named = |it: &AstExpr| match it {
        AstExpr::Name(it) => it.id.as_str() == name,
        AstExpr::Attribute(it) => it.attr.as_str() == name,
        _ => false,
    };
    match handler.type_.as_deref() {
        Some(AstExpr::Tuple(all)) => all.elts.iter().any(is_named),
        Some(one) => is_named(one),
        None => false,
    }
}

/// `if TYPE_CHECKING:` and `if __name__ == "__main__":` are about another time than the loop's.
fn is_guard(test: &AstExpr) -> bool {
    match test {
        AstExpr::Name(name) => name.id.as_str() == "TYPE_CHECKING",
        AstExpr::Attribute(attribute) => attribute.attr.as_str() == "TYPE_CHECKING",
        AstExpr::Compare(comparison) => {
            matches!(&*comparison.left, AstExpr::Name(name) if name.id.as_str() == "__name__")
        }
        _ => false,
    }
}
