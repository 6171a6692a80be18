//! LW304 and LW305: too much at once, and one after the other without need.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::knowledge::Kind;
use crate::program::Place;
use crate::resolve::Value;
use crate::rules::Rule;
use crate::summary::{Argument, Call, Expr, ExprId, Loop, LoopKind, Summary};

mod outgoing;

/// Parts of names that show that somebody bounds how much runs at once.
const BOUNDS: &[&str] = &[
    "sem",
    "limit",
    "batch",
    "chunk",
    "throttle",
    "bucket",
    "window",
    "slice",
    "worker",
    "slot",
    "concurrency",
    "bounded",
];
/// Calls whose order matters, or which wait on purpose.
const ORDERED: &[&str] = &[
    "sleep",
    "send",
    "send_json",
    "send_text",
    "send_bytes",
    "write",
    "put",
    "publish",
    "drain",
    "wait",
    "wait_for",
    "acquire",
    "join",
    "read",
    "readline",
    "recv",
    "receive",
    "execute",
    "commit",
    "aclose",
    "close",
    "flush",
    "stop",
    "cancel",
    "gather",
    "__anext__",
    "anext",
    "emit",
    "click",
    "edit",
    "delete",
    "reply",
    "shutdown",
    "teardown",
    "cleanup",
    "disconnect",
    "checkpoint",
];

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for call in &source.summary.calls {
            let place = Place { file, scope: call.scope };
            if checkup.is_async(place) {
                let found = gather(checkup, place, call).into_iter();
                let found = found.chain(spawn(checkup, place, call));
                drafts.extend(found.map(|it| outgoing::weighed(checkup, place, call, it)));
            }
        }
        for it in &source.summary.loops {
            let place = Place { file, scope: it.scope };
            if checkup.is_async(place) {
                drafts.extend(one_by_one(checkup, place, it));
            }
        }
    }
    checkup.extend(drafts);
}

/// `asyncio.gather(*[fetch(url) for url in urls])`.
fn gather(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, arguments } = summary.expr(call.expr) else { return None };
    if !matches!(summary.last_name(*function)?, "gather" | "wait" | "as_completed")
        || !checkup.is_any_of(
            place,
            *function,
            &["asyncio.gather", "asyncio.wait", "asyncio.as_completed"],
        )
    {
        return None;
    }
    let Started { callee, arguments, iterated } =
        arguments.iter().find_map(|it| started(checkup, place, it))?;
    if is_trifle(checkup, place, callee, arguments) {
        return None;
    }
    if is_bounded(checkup, place, iterated) || function_is_bounded(checkup, place, callee) {
        return None;
    }
    let all = written(summary, iterated);
    let message = format!("as many calls at once as {all} has elements: nothing bounds them");
    let suggestion = "bound them with an `asyncio.Semaphore` in the coroutine, or use `laneway.map(…, concurrency=…)`";
    let span = checkup.span(place, call.expr);
    Some(Draft::new(Rule::Lw304, place, span, message).suggest(suggestion))
}

/// What is started for each element of something.
struct Started<'a> {
    callee: ExprId,
    /// What it is called with; `None` for the elements themselves.
    arguments: Option<&'a [Argument]>,
    iterated: ExprId,
}

/// What an argument starts for each element of what it unpacks, itself or through a local name.
/// What runs already is not started.
fn started<'a>(checkup: &Checkup<'a>, place: Place, argument: &Argument) -> Option<Started<'a>> {
    let summary = checkup.program.summary(place.file);
    let mut inner = match summary.expr(argument.value) {
        Expr::Starred(inner) => *inner,
        _ => argument.value,
    };
    if let Expr::Name(name) = summary.expr(inner) {
        let bindings = checkup.program.bindings(place, *name);
        let [only] = bindings.as_slice() else { return None };
        let crate::summary::Meaning::Value { value: Some(value), .. } = &only.meaning else {
            return None;
        };
        inner = *value;
    }
    match summary.expr(inner) {
        Expr::Comprehension { element, iterated } => {
            let Expr::Call { function, arguments } = summary.expr(*element) else { return None };
            let is_task = matches!(
                summary.last_name(*function),
                Some("create_task" | "ensure_future" | "wait_for" | "shield")
            );
            let inner = arguments.first().filter(|_| is_task).map(|it| summary.expr(it.value));
            let (callee, arguments) = match inner {
                Some(Expr::Call { function, arguments }) => (*function, arguments),
                _ => (*function, arguments),
            };
            Some(Started { callee, arguments: Some(arguments), iterated: *iterated })
        }
        Expr::Call { function, arguments } if summary.last_name(*function) == Some("map") => {
            let [callee, iterated] = &**arguments else { return None };
            let is_builtin = checkup.is_any_of(place, *function, &["builtins.map"]);
            let (callee, iterated) = (callee.value, iterated.value);
            is_builtin.then_some(Started { callee, arguments: None, iterated })
        }
        _ => None,
    }
}

/// `asyncio.create_task(…)` for each of any number of things.
fn spawn(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let around = call.inside.and_then(|at| summary.loop_at(at))?;
    if around.kind != LoopKind::For || around.facts.awaits > 0 || around.facts.exits > 0 {
        return None;
    }
    let Expr::Call { function, arguments } = summary.expr(call.expr) else { return None };
    if !matches!(summary.last_name(*function)?, "create_task" | "ensure_future") {
        return None;
    }
    let is_spawn = checkup.values(place, *function).iter().all(|value| match value {
        Value::Known(node) => {
            checkup.resolver.knowledge.entry(*node).is_some_and(|it| it.kind == Kind::Spawn)
        }
        _ => false,
    });
    let is_bounded = is_bounded(checkup, place, around.subject)
        || arguments.first().is_some_and(|it| starts_trifle(checkup, place, it.value))
        || arguments.first().is_some_and(|it| callee_is_bounded(checkup, place, it.value));
    if !is_spawn || is_bounded {
        return None;
    }
    let all = written(summary, around.subject);
    let message = format!("as many tasks at once as {all} has elements: nothing bounds them");
    let suggestion = "bound them with an `asyncio.Semaphore` in the coroutine, or with a fixed number of workers and a queue";
    let span = checkup.span(place, call.expr);
    Some(Draft::new(Rule::Lw304, place, span, message).suggest(suggestion))
}

fn starts_trifle(checkup: &Checkup<'_>, place: Place, started: ExprId) -> bool {
    match checkup.program.summary(place.file).expr(started) {
        Expr::Call { function, arguments } => is_trifle(checkup, place, *function, Some(arguments)),
        _ => false,
    }
}

/// What is started waits for something of this process, and holds nothing meanwhile: by its name,
/// unless it is a function of the program.
fn is_trifle(
    checkup: &Checkup<'_>,
    place: Place,
    callee: ExprId,
    arguments: Option<&[Argument]>,
) -> bool {
    let summary = checkup.program.summary(place.file);
    let is_named_so = match summary.last_name(callee) {
        Some("sleep") => true,
        // Whoever says what to wait for asks somebody else.
        Some("wait") => arguments.is_some_and(|all| {
            all.iter().all(|it| it.keyword.is_some_and(|name| summary.text(name) == "timeout"))
        }),
        _ => false,
    };
    is_named_so
        && checkup
            .values(place, callee)
            .iter()
            .all(|it| !matches!(it, Value::Function(_) | Value::Method(_)))
}

fn written(summary: &Summary, expr: ExprId) -> String {
    match summary.dotted(expr) {
        Some(name) => format!("`{name}`"),
        None => "what is iterated".to_owned(),
    }
}

/// What is iterated is small by its form, or somebody thought of a bound.
fn is_bounded(checkup: &Checkup<'_>, place: Place, iterated: ExprId) -> bool {
    let summary = checkup.program.summary(place.file);
    let is_small = match summary.expr(iterated) {
        Expr::Sequence(_) | Expr::Literal(_) | Expr::Subscript(..) => true,
        Expr::Name(name) => {
            let bindings = checkup.program.bindings(place, *name);
            let module = Place { file: place.file, scope: crate::summary::ScopeId::MODULE };
            let module = checkup.program.bindings(module, *name);
            let mut bindings = bindings.iter().chain(&module);
            // A display of the text or a constant of the module is as long as somebody wrote it.
            bindings.any(|binding| match &binding.meaning {
                crate::summary::Meaning::Value { value: Some(value), .. } => {
                    matches!(summary.expr(*value), Expr::Sequence(_) | Expr::Subscript(..))
                }
                _ => false,
            })
        }
        Expr::Call { function, arguments } => {
            let name = summary.last_name(*function).unwrap_or("");
            let is_fixed =
                name == "range" && arguments.iter().all(|it| is_fixed(summary, it.value));
            let inner = arguments.first().map(|it| it.value);
            is_fixed
                || matches!(name, "enumerate" | "zip" | "list" | "sorted" | "reversed" | "set")
                    && inner.is_some_and(|it| is_bounded(checkup, place, it))
        }
        _ => false,
    };
    is_small || mentions_bound(checkup, place)
}

/// A literal, or a constant by its name.
fn is_fixed(summary: &Summary, expr: ExprId) -> bool {
    match summary.expr(expr) {
        Expr::Literal(_) => true,
        Expr::Name(name) => {
            let text = summary.text(*name);
            let lower = text.to_ascii_lowercase();
            let is_constant = text.chars().all(|it| !it.is_lowercase());
            is_constant || BOUNDS.iter().any(|it| lower.contains(it))
        }
        _ => false,
    }
}

/// Whether the function itself speaks of semaphores, batches and the like.
fn mentions_bound(checkup: &Checkup<'_>, place: Place) -> bool {
    let summary = checkup.program.summary(place.file);
    let Some(scope) = checkup.program.scope(place) else { return false };
    let nodes = checkup.program.nodes_within(place.file, scope.span);
    let mut names = nodes.filter_map(|node| match &node.expr {
        Expr::Name(name) | Expr::Attribute(_, name) => Some(summary.text(*name)),
        _ => None,
    });
    names.any(|name| {
        let name = name.to_ascii_lowercase();
        BOUNDS.iter().any(|bound| name.contains(bound))
    })
}

/// Whether a function enters a semaphore or lock of asyncio.
fn enters_bound(checkup: &Checkup<'_>, function: Place) -> bool {
    if outgoing::is_pooled(checkup, function) {
        return true;
    }
    let entered = checkup.program.withs(function).filter(|with| with.is_async);
    let mut values = entered
        .flat_map(|with| &with.contexts)
        .flat_map(|context| checkup.values(function, *context).to_vec());
    values.any(|value| {
        matches!(value, Value::Object(class) if {
            let path = checkup.resolver.knowledge.path(class);
            ["Semaphore", "Lock", "Limiter"].iter().any(|end| path.ends_with(end))
        })
    })
}

/// Whether the coroutine that is called for each element bounds itself.
fn callee_is_bounded(checkup: &Checkup<'_>, place: Place, element: ExprId) -> bool {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, .. } = summary.expr(element) else { return false };
    function_is_bounded(checkup, place, *function)
}

/// Whether a coroutine function bounds itself.
fn function_is_bounded(checkup: &Checkup<'_>, place: Place, function: ExprId) -> bool {
    let summary = checkup.program.summary(place.file);
    let callees = checkup.values(place, function);
    let mut functions = callees.iter().filter_map(|value| match value {
        Value::Function(function) | Value::Method(function) => Some(*function),
        _ => None,
    });
    // Work of unknown methods may bound itself, too: clients have pools.
    let is_unknown_method = callees.is_empty() && !matches!(summary.expr(function), Expr::Name(_));
    is_unknown_method
        || functions.any(|it| mentions_bound(checkup, it) || enters_bound(checkup, it))
}

/// `for url in urls: await fetch(url)`.
fn one_by_one(checkup: &Checkup<'_>, place: Place, it: &Loop) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let facts = it.facts;
    if !matches!(it.kind, LoopKind::For | LoopKind::Comprehension)
        || facts.awaits != 1
        || facts.exits > 0
        || facts.carries
    {
        return None;
    }
    if facts.statements > 3 || is_bounded_quietly(summary, it.subject) {
        return None;
    }
    let awaited = facts.only_await?;
    let Expr::Await(inner) = summary.expr(awaited) else { return None };
    let Expr::Call { function, arguments } = summary.expr(*inner) else { return None };
    let name = summary.last_name(*function)?;
    let uses_target = arguments.iter().any(|argument| mentions(summary, argument.value, it));
    // A method of the element itself is as independent as a call with it.
    let is_of_target = match summary.expr(*function) {
        Expr::Attribute(object, _) => mentions(summary, *object, it),
        _ => false,
    };
    let is_ordered = ORDERED.contains(&name) || name.starts_with("send");
    if is_ordered || !(uses_target || is_of_target) || changes(name) {
        return None;
    }
    let function = short_name(checkup, place);
    let message = format!(
        "`{name}` is awaited for one element after the other in `{function}`, though none needs the one before"
    );
    let suggestion =
        "run them at once within a bound (`asyncio.TaskGroup` with a semaphore, or `laneway.map`)";
    let span = checkup.span(place, awaited);
    Some(Draft::new(Rule::Lw305, place, span, message).suggest(suggestion))
}

/// Verbs of calls whose order somebody may count on.
fn changes(name: &str) -> bool {
    const VERBS: &[&str] = &[
        "send",
        "write",
        "put",
        "post",
        "patch",
        "delete",
        "update",
        "insert",
        "create",
        "save",
        "set",
        "add",
        "remove",
        "push",
        "publish",
        "execute",
        "commit",
        "start",
        "stop",
        "close",
        "run",
        "apply",
        "process",
        "handle",
        "register",
        "unregister",
        "install",
        "migrate",
        "do",
        "step",
        "next",
        "advance",
        "move",
        "append",
        "upload",
        "emit",
        "notify",
        "on",
        "call",
        "disconnect",
        "connect",
        "wait",
        "async",
        "invoke",
        "store",
        "mark",
        "reload",
        "unload",
    ];
    let name = name.trim_start_matches('_');
    VERBS.iter().any(|verb| {
        name.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    })
}

fn is_bounded_quietly(summary: &Summary, subject: ExprId) -> bool {
    matches!(summary.expr(subject), Expr::Sequence(_) | Expr::Literal(_))
}

/// Whether an expression names a target of the loop.
fn mentions(summary: &Summary, expr: ExprId, it: &Loop) -> bool {
    match summary.expr(expr) {
        Expr::Name(name) => it.targets.contains(name),
        Expr::Attribute(object, _) => mentions(summary, *object, it),
        Expr::Subscript(value, index) => {
            mentions(summary, *value, it) || mentions(summary, *index, it)
        }
        Expr::Call { arguments, .. } => {
            arguments.iter().any(|argument| mentions(summary, argument.value, it))
        }
        Expr::Either(parts) | Expr::Sequence(parts) => {
            parts.iter().any(|part| mentions(summary, *part, it))
        }
        Expr::Binary(left, right) => mentions(summary, *left, it) || mentions(summary, *right, it),
        Expr::Starred(inner) => mentions(summary, *inner, it),
        _ => false,
    }
}
