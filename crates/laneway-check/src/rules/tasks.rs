//! LW301 and LW302: coroutines that never run, and tasks that nobody keeps.

use super::blocking::short_name;
use super::draft::{Change, Checkup, Draft, Edit};
use crate::knowledge::Kind;
use crate::program::Place;
use crate::resolve::{Decoration, Value};
use crate::rules::Rule;
use crate::summary::{Call, Expr, ScopeKind, Use};

/// Receivers whose `create_task` keeps the task itself.
const KEEPERS: &[&str] = &["tg", "taskgroup", "task_group", "group", "nursery", "tasks", "runner"];

/// Coroutine functions that are known for what they do with their callable.
const THREADS: &[&str] = &[
    "asyncio.to_thread",
    "anyio.to_thread.run_sync",
    "starlette.concurrency.run_in_threadpool",
    "fastapi.concurrency.run_in_threadpool",
];

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for call in &source.summary.calls {
            let place = Place { file, scope: call.scope };
            match call.used {
                Use::Discarded | Use::Tested => {
                    drafts.extend(dropped(checkup, place, call));
                }
                Use::Assigned(name) if source.summary.text(name) == "_" => {
                    drafts.extend(dropped(checkup, place, call));
                }
                _ => {}
            }
        }
    }
    checkup.extend(drafts);
}

fn dropped(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    if let Some(draft) = task(checkup, place, call) {
        return Some(draft);
    }
    let callees = checkup.callees(place, call);
    // Every meaning must be a coroutine: the other one may be what is meant here.
    let is_coroutine = !callees.is_empty() && callees.iter().all(|it| is_coroutine(checkup, *it));
    if !is_coroutine {
        return None;
    }
    let name = match callees.first()? {
        Value::Function(function) | Value::Method(function) => short_name(checkup, *function),
        Value::Known(node) => checkup.resolver.knowledge.path(*node).to_owned(),
        _ => return None,
    };
    let message = if call.used == Use::Tested {
        format!("`{name}(…)` is a coroutine here, which is always true: it is never awaited")
    } else {
        format!("`{name}(…)` makes a coroutine that is never awaited, so nothing of it runs")
    };
    let span = checkup.span(place, call.expr);
    let is_async = checkup.is_async(place);
    let suggestion = if is_async {
        "write `await` before it"
    } else {
        "await it in an async function, or start it with `asyncio.run(…)`"
    };
    Some(Draft::new(Rule::Lw301, place, span, message).suggest(suggestion))
}

fn is_coroutine(checkup: &Checkup<'_>, callee: Value) -> bool {
    match callee {
        Value::Function(function) | Value::Method(function) => {
            let Some(scope) = checkup.program.scope(function) else { return false };
            if scope.kind != ScopeKind::Async || scope.facts.yields > 0 {
                return false;
            }
            // A decorator may have made anything of it, a task for instance.
            let is_plain = checkup.resolver.decorator_names(function).all(|name| {
                matches!(name, "staticmethod" | "classmethod" | "override" | "abstractmethod")
            });
            is_plain && checkup.resolver.decoration(function) == Decoration::Plain
        }
        Value::Known(node) => {
            let knowledge = checkup.resolver.knowledge;
            knowledge.entry(node).is_some_and(|it| it.kind == Kind::Coroutine)
                || THREADS.contains(&knowledge.path(node))
        }
        _ => false,
    }
}

/// `asyncio.create_task(…)` as a statement.
fn task(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    let callees = checkup.callees(place, call);
    let is_spawn = |value: &Value| match value {
        Value::Known(node) => {
            checkup.resolver.knowledge.entry(*node).is_some_and(|it| it.kind == Kind::Spawn)
        }
        _ => false,
    };
    let is_known = !callees.is_empty() && callees.iter().all(is_spawn);
    if !(is_known || callees.is_empty() && looks_like_loop(checkup, place, call)) {
        return None;
    }
    let span = checkup.span(place, call.expr);
    let message = "nobody keeps this task: the event loop holds it weakly, so it may disappear before it is done, and its exception is lost".to_owned();
    let suggestion = "keep it in a set until it is done, or start it in an `asyncio.TaskGroup`";
    let mut draft = Draft::new(Rule::Lw302, place, span, message).suggest(suggestion);
    if call.used == Use::Discarded && is_known {
        draft.edit = Some(Edit {
            title: "keep the task in a set until it is done".to_owned(),
            change: Change::Keep { call: span },
        });
    }
    Some(draft)
}

/// `loop.create_task(…)` and `self.loop.create_task(…)` on an object of unknown type.
fn looks_like_loop(checkup: &Checkup<'_>, place: Place, call: &Call) -> bool {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
    let Expr::Attribute(object, name) = summary.expr(*function) else { return false };
    let object = summary.last_name(*object).unwrap_or("").to_ascii_lowercase();
    summary.text(*name) == "create_task"
        && (object == "loop" || object.ends_with("_loop"))
        && !KEEPERS.contains(&object.as_str())
}
