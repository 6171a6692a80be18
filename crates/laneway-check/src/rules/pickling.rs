//! LW601: what a process is given must be copied to it, and this cannot be.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::knowledge::Kind;
use crate::program::Place;
use crate::resolve::Value;
use crate::rules::Rule;
use crate::summary::{Argument, Call, Expr, ExprId, Scope, ScopeId, ScopeKind};

/// Types whose values live in one process only.
const TIED: &[&str] = &[
    "threading.Lock",
    "threading.RLock",
    "threading.Event",
    "threading.Condition",
    "threading.Thread",
    "socket.socket",
    "sqlite3.Connection",
    "sqlite3.Cursor",
    "requests.Session",
    "httpx.Client",
    "httpx.AsyncClient",
    "aiohttp.ClientSession",
    "asyncio.Lock",
    "asyncio.Event",
    "asyncio.Queue",
    "asyncio.Semaphore",
    "asyncio.Task",
    "asyncio.Future",
    "asyncio.AbstractEventLoop",
    "io.TextIOWrapper",
    "io.BufferedReader",
    "io.BufferedWriter",
    "sqlalchemy.orm.Session",
    "sqlalchemy.ext.asyncio.AsyncSession",
    "psycopg2.extensions.connection",
    "psycopg.Connection",
    "redis.Redis",
    "redis.asyncio.Redis",
];
/// Annotations of things that cannot be copied, by their last name.
const TIED_ANNOTATIONS: &[&str] = &[
    "Generator",
    "AsyncGenerator",
    "Iterator",
    "AsyncIterator",
    "Callable",
    "Coroutine",
    "Awaitable",
    "IO",
    "TextIO",
    "BinaryIO",
];

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for (at, scope) in (0..).zip(&source.summary.scopes) {
            if scope.kind == ScopeKind::Function && !scope.decorators.is_empty() {
                let place = Place { file, scope: ScopeId(at) };
                drafts.extend(task(checkup, place, scope));
            }
        }
        for call in &source.summary.calls {
            let place = Place { file, scope: call.scope };
            drafts.extend(submitted(checkup, place, call));
        }
    }
    checkup.extend(drafts);
}

/// A task of Laneway's process lane, by its decorator.
fn task(checkup: &Checkup<'_>, place: Place, scope: &Scope) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    if !is_process_task(checkup, place) {
        return None;
    }
    let outer = Place { file: place.file, scope: scope.parent };
    let of_parameter = scope.parameters.iter().find_map(|parameter| {
        let tied = tied(checkup, outer, parameter.annotation?)?;
        Some(format!("parameter `{}` is a `{tied}`", summary.text(parameter.name)))
    });
    let of_result = || {
        let tied = tied(checkup, outer, scope.returns_annotation?)?;
        Some(format!("the result is a `{tied}`"))
    };
    let what = of_parameter.or_else(of_result)?;
    let name = short_name(checkup, place);
    let message = format!("{what}, which cannot travel to the process that runs `{name}`");
    let suggestion =
        "pass plain data such as an id or a path, and open the resource inside the task";
    Some(Draft::new(Rule::Lw601, place, scope.name_span, message).suggest(suggestion))
}

fn is_process_task(checkup: &Checkup<'_>, function: Place) -> bool {
    let summary = checkup.program.summary(function.file);
    let Some(scope) = checkup.program.scope(function) else { return false };
    scope.decorators.iter().any(|decorator| {
        let Expr::Call { function, arguments } = summary.expr(*decorator) else { return false };
        summary.last_name(*function) == Some("task")
            && arguments.iter().any(|it| {
                it.keyword.is_some_and(|name| summary.text(name) == "lane")
                    && summary.literal(it.value) == Some("'process'")
            })
    })
}

fn tied(checkup: &Checkup<'_>, place: Place, annotation: ExprId) -> Option<String> {
    let summary = checkup.program.summary(place.file);
    let name = match summary.expr(annotation) {
        Expr::Subscript(generic, _) => summary.last_name(*generic),
        _ => summary.last_name(annotation),
    };
    if let Some(name) = name.filter(|name| TIED_ANNOTATIONS.contains(name)) {
        return Some(name.to_owned());
    }
    let values = checkup.resolver.annotation_values(place, annotation);
    values.into_iter().find_map(|value| tied_value(checkup, value))
}

fn tied_value(checkup: &Checkup<'_>, value: Value) -> Option<String> {
    let Value::Object(class) = value else { return None };
    let knowledge = checkup.resolver.knowledge;
    let path = knowledge.path(class);
    (knowledge.is_unpicklable(class) || TIED.contains(&path)).then(|| path.to_owned())
}

/// `pool.submit(lambda: …)` with a pool of processes.
fn submitted(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, arguments } = summary.expr(call.expr) else { return None };
    let method = summary.last_name(*function)?;
    let handed = match method {
        "submit" | "map" | "Process" | "apply_async" | "map_async" | "run_sync" => {
            let to_process = checkup.values(place, *function).iter().any(|value| match value {
                Value::Known(node) => {
                    let entry = checkup.resolver.knowledge.entry(*node);
                    entry.is_some_and(|it| it.kind == Kind::Offload && it.process)
                }
                _ => false,
            });
            to_process.then_some(arguments)?
        }
        "run_in_executor" => {
            let pool = arguments.first()?.value;
            let is_process = checkup.values(place, pool).iter().any(|value| {
                matches!(value, Value::Object(class)
                    if checkup.resolver.knowledge.path(*class).ends_with("ProcessPoolExecutor"))
            });
            arguments.get(1..).filter(|_| is_process)?
        }
        "enqueue" | "delay" | "call" => {
            let Expr::Attribute(object, _) = summary.expr(*function) else { return None };
            let values = checkup.values(place, *object);
            let [Value::Function(task)] = &*values else { return None };
            is_process_task(checkup, *task).then_some(arguments)?
        }
        _ => return None,
    };
    let (what, span) = handed.iter().find_map(|argument| unportable(checkup, place, argument))?;
    let message = format!("{what} cannot travel to another process");
    let suggestion = "pass a function of a module, and plain data";
    Some(Draft::new(Rule::Lw601, place, span, message).suggest(suggestion))
}

fn unportable(
    checkup: &Checkup<'_>,
    place: Place,
    argument: &Argument,
) -> Option<(String, crate::summary::Span)> {
    let span = checkup.span(place, argument.value);
    let values = checkup.values(place, argument.value);
    let [value] = &*values else { return None };
    match value {
        Value::Function(function) => {
            let scope = checkup.program.scope(*function)?;
            if scope.kind == ScopeKind::Lambda {
                return Some(("a lambda".to_owned(), span));
            }
            let outer = checkup.program.outer(*function)?;
            let is_local = checkup.program.scope(outer)?.kind.is_function();
            let name = short_name(checkup, *function);
            is_local.then(|| (format!("the local function `{name}`"), span))
        }
        other => tied_value(checkup, *other).map(|it| (format!("a `{it}`"), span)),
    }
}
