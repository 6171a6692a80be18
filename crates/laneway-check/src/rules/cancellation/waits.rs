//! What a file awaits and what it cancels: who waits for a task of his own that he has cancelled
//! takes that task's cancellation.

use std::collections::BTreeSet;

use crate::summary::{Expr, ExprId, Handler, Meaning, ScopeId, Summary};

/// Calls that give all tasks of a collection, or one of them.
const COLLECTS: &[&str] =
    &["list", "set", "tuple", "sorted", "reversed", "values", "items", "copy", "pop"];

/// How many names are followed from one to the other.
const STEPS_MAX: u8 = 3;

/// The awaits and the cancellations of a file, in the order of the text: every handler asks.
pub(super) struct Waits {
    awaited: Vec<(u32, ExprId)>,
    /// Whose `cancel` is called where.
    cancelled: Vec<(u32, ScopeId, ExprId)>,
    /// Functions that ask whether something was cancelled.
    asking: BTreeSet<u32>,
}

impl Waits {
    pub(super) fn of(summary: &Summary) -> Self {
        let mut awaited = Vec::new();
        for node in &summary.nodes {
            if let Expr::Await(inner) = node.expr {
                awaited.push((node.span.start, inner));
            }
        }
        awaited.sort_unstable();
        let (mut cancelled, mut asking) = (Vec::new(), BTreeSet::new());
        for call in &summary.calls {
            let Expr::Call { function, .. } = summary.expr(call.expr) else { continue };
            let name = summary.last_name(*function);
            if let (Some("cancel"), Expr::Attribute(object, _)) = (name, summary.expr(*function)) {
                cancelled.push((summary.node(call.expr).span.start, call.scope, *object));
            }
            if name == Some("cancelled") {
                asking.insert(call.scope.0);
            }
        }
        Self { awaited, cancelled, asking }
    }

    /// Whether a function asks whether something was cancelled: then it tells its own cancellation
    /// from that one's.
    pub(super) fn asks(&self, scope: ScopeId) -> bool {
        self.asking.contains(&scope.0)
    }

    /// Whether all that is guarded is the wait for tasks, one of which the function has cancelled
    /// before.
    pub(super) fn are_of_own_tasks(&self, summary: &Summary, handler: &Handler) -> bool {
        if self.cancelled.iter().all(|(_, scope, _)| *scope != handler.scope) {
            return false;
        }
        let guarded = handler.guarded;
        let from = self.awaited.partition_point(|(at, _)| *at < guarded.start);
        let inside = self.awaited.iter().skip(from).take_while(|(at, _)| *at < guarded.end);
        let mut tasks = Vec::new();
        let mut count = 0;
        for (_, awaited) in inside {
            count += 1;
            if !add_tasks(summary, (handler.scope, *awaited), &mut tasks) {
                return false;
            }
        }
        // `async with` and `async for` await, too.
        count == handler.guarded_awaits
            && self.cancelled.iter().any(|(at, scope, object)| {
                *scope == handler.scope
                    && *at < guarded.end
                    && meanings(summary, *scope, *object).iter().any(|it| tasks.contains(it))
            })
    }
}

/// Adds the names of the tasks that are awaited, and says whether it is nothing but tasks.
fn add_tasks(
    summary: &Summary,
    (scope, awaited): (ScopeId, ExprId),
    tasks: &mut Vec<String>,
) -> bool {
    match summary.expr(awaited) {
        Expr::Name(_) | Expr::Attribute(..) | Expr::Subscript(..) => {
            tasks.extend(meanings(summary, scope, awaited));
            true
        }
        Expr::Starred(inner) => add_tasks(summary, (scope, *inner), tasks),
        Expr::Sequence(parts) => parts.iter().all(|it| add_tasks(summary, (scope, *it), tasks)),
        Expr::Call { function, arguments } => {
            let count = match summary.last_name(*function) {
                Some("gather") => arguments.len(),
                Some("wait" | "wait_for" | "shield") => 1,
                Some(name) if COLLECTS.contains(&name) => {
                    tasks.extend(meanings(summary, scope, awaited));
                    return true;
                }
                _ => return false,
            };
            let mut positional = arguments.iter().filter(|it| it.keyword.is_none()).take(count);
            positional.all(|it| add_tasks(summary, (scope, it.value), tasks))
        }
        _ => false,
    }
}

/// How a task or a collection of them is called, whichever of its elements is meant.
fn named(summary: &Summary, expr: ExprId) -> Option<String> {
    match summary.expr(expr) {
        Expr::Subscript(inner, _) | Expr::Starred(inner) => named(summary, *inner),
        Expr::Comprehension { iterated, .. } => named(summary, *iterated),
        Expr::Call { function, arguments } => {
            summary.last_name(*function).filter(|name| COLLECTS.contains(name))?;
            match (summary.expr(*function), &**arguments) {
                (Expr::Attribute(object, _), _) => named(summary, *object),
                (_, [only]) => named(summary, only.value),
                _ => None,
            }
        }
        _ => summary.dotted(expr),
    }
}

/// The names of a task: its own, that of the collection that it is an element of, and that of what
/// it was assigned from.
fn meanings(summary: &Summary, scope: ScopeId, task: ExprId) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![(task, STEPS_MAX)];
    while let Some((expr, steps)) = open.pop() {
        found.extend(named(summary, expr));
        let (Expr::Name(name), Some(steps)) = (summary.expr(expr), steps.checked_sub(1)) else {
            continue;
        };
        let loops =
            summary.loops.iter().filter(|it| it.scope == scope && it.targets.contains(name));
        open.extend(loops.map(|it| (it.subject, steps)));
        let own = summary.bindings.iter().filter(|it| it.scope == scope && it.name == *name);
        open.extend(own.filter_map(|it| match it.meaning {
            Meaning::Value { value: Some(value), .. } => Some((value, steps)),
            _ => None,
        }));
    }
    found
}
