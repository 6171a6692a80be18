//! What happens once: start-up, commands of a command line, and imports that came before.

use rustc_hash::FxHashSet;

use crate::program::{FileId, Place};
use crate::resolve::Value;
use crate::rules::Checkup;
use crate::summary::{Call, Expr, ExprId, Meaning, ScopeId, ScopeKind, Summary, Use};

/// Functions that run once, before or after a service does its work.
const START_UP_NAMES: &[&str] =
    &["lifespan", "startup", "on_startup", "shutdown", "on_shutdown", "app_lifespan"];
const START_UP_DECORATORS: &[&str] =
    &["on_event", "on_startup", "on_shutdown", "before_serving", "after_serving", "while_serving"];

/// Libraries of command lines, and how a function becomes a command of one.
const COMMAND_LINES: &[&str] = &["typer", "click", "cyclopts", "asyncclick", "rich_click"];
const COMMAND_DECORATORS: &[&str] = &["command", "callback", "default", "add_command"];

/// What a function awaits that starts a server and stays until it stops.
const SERVES: &[&str] = &["serve", "serve_http", "serve_forever", "run_server"];

/// How far callers are asked, and how many modules are looked through.
const CALLERS_MAX: u8 = 6;
const MODULES_MAX: usize = 400;

/// Whether an async function runs once in the life of its loop: at its start or end, or as a
/// command that has the loop for itself.
pub(super) fn runs_once(checkup: &Checkup<'_>, function: Place) -> bool {
    runs_once_within(checkup, function, CALLERS_MAX)
}

fn runs_once_within(checkup: &Checkup<'_>, function: Place, steps: u8) -> bool {
    let Some(scope) = checkup.program.scope(function) else { return false };
    let summary = checkup.program.summary(function.file);
    let name = summary.text(scope.name);
    if START_UP_NAMES.contains(&name)
        || checkup.resolver.decorator_names(function).any(|it| START_UP_DECORATORS.contains(&it))
        || is_command(checkup, function)
        || serves(checkup, function)
    {
        return true;
    }
    let Some(steps) = steps.checked_sub(1) else { return false };
    let is_plain = scope.parent == ScopeId::MODULE
        && scope.kind == ScopeKind::Async
        && checkup.resolver.decorator_names(function).all(|it| it == "asynccontextmanager");
    if !is_plain {
        return false;
    }
    // Sync functions that run it by `asyncio.run` are not on a loop; those of its file are seen.
    let own = summary.calls.iter().filter(|call| calls_name(summary, call, scope.name));
    let callers: Vec<Place> = own
        .map(|call| Place { file: function.file, scope: call.scope })
        .chain(checkup.graph.awaited_by.get(&function).into_iter().flatten().copied())
        .collect();
    !callers.is_empty()
        && callers.iter().all(|caller| {
            is_command(checkup, *caller) || {
                let entries = checkup.reach.entries_of(*caller);
                !entries.is_empty()
                    && entries
                        .iter()
                        .all(|it| *it != function && runs_once_within(checkup, *it, steps))
            }
        })
}

/// Whether a function awaits a server: what else it does comes before or after.
fn serves(checkup: &Checkup<'_>, function: Place) -> bool {
    checkup.program.calls(function).any(|call| {
        call.used == Use::Awaited
            && call.inside.is_none()
            && checkup.called_name(function, call).is_some_and(|name| SERVES.contains(&name))
    })
}

fn calls_name(summary: &Summary, call: &Call, name: crate::summary::Name) -> bool {
    match summary.expr(call.expr) {
        Expr::Call { function, .. } => *summary.expr(*function) == Expr::Name(name),
        _ => false,
    }
}

/// Whether a function is a command of typer, click or cyclopts.
fn is_command(checkup: &Checkup<'_>, function: Place) -> bool {
    let Some(scope) = checkup.program.scope(function) else { return false };
    scope.decorators.iter().any(|it| makes_command(checkup, function.file, *it))
        || checkup.commands.get_or_init(|| registered(checkup)).contains(&function)
}

/// `app.command`, or `app.command("name")`, which makes a command of what it is given.
fn makes_command(checkup: &Checkup<'_>, file: FileId, decorator: ExprId) -> bool {
    let summary = checkup.program.summary(file);
    let maker = match summary.expr(decorator) {
        Expr::Call { function, .. } => *function,
        _ => decorator,
    };
    let is_named = summary.last_name(maker).is_some_and(|name| COMMAND_DECORATORS.contains(&name));
    is_named && is_of_command_line(checkup, file, maker)
}

/// The functions that a module hands to `app.command(…)` or `app.command("name")(…)`.
fn registered(checkup: &Checkup<'_>) -> FxHashSet<Place> {
    let program = checkup.program;
    let mut found = FxHashSet::default();
    for (file, source) in program.files() {
        let summary = &source.summary;
        if COMMAND_DECORATORS.iter().all(|name| program.name(file, name).is_none()) {
            continue;
        }
        let module = Place { file, scope: ScopeId::MODULE };
        for call in program.calls(module) {
            let Expr::Call { function, arguments } = summary.expr(call.expr) else { continue };
            if !makes_command(checkup, file, *function) {
                continue;
            }
            for value in arguments.iter().flat_map(|it| checkup.values(module, it.value).to_vec()) {
                if let Value::Function(command) = value {
                    found.insert(command);
                }
            }
        }
    }
    found
}

/// Whether the object behind a decorator comes from a file that has to do with command lines.
fn is_of_command_line(checkup: &Checkup<'_>, file: FileId, decorator: ExprId) -> bool {
    let summary = checkup.program.summary(file);
    if imports_any(summary, COMMAND_LINES) {
        return true;
    }
    let mut root = decorator;
    while let Expr::Attribute(inner, _) = summary.expr(root) {
        root = *inner;
    }
    let Expr::Name(name) = summary.expr(root) else { return false };
    let module = Place { file, scope: ScopeId::MODULE };
    checkup.program.bindings(module, *name).iter().any(|binding| {
        let Meaning::From { module, level, .. } = binding.meaning else { return false };
        let module = module.map_or("", |module| summary.text(module));
        let path = checkup.program.absolute(file, module, level);
        let other = path.and_then(|path| checkup.program.module(&path, file));
        other.is_some_and(|it| imports_any(checkup.program.summary(it), COMMAND_LINES))
    })
}

fn imports_any(summary: &Summary, packages: &[&str]) -> bool {
    summary.imports.iter().filter(|it| it.level == 0).any(|import| {
        let module = import.module.map_or("", |module| summary.text(module));
        packages.contains(&root(module))
    })
}

fn root(module: &str) -> &str {
    module.split('.').next().unwrap_or(module)
}

/// Whether a file, or a module of the program that it imports at once, imports a package when it
/// is imported itself: another import of the package finds it loaded.
pub(super) fn is_imported_before(checkup: &Checkup<'_>, file: FileId, package: &str) -> bool {
    let program = checkup.program;
    let mut open = vec![file];
    let mut seen: FxHashSet<FileId> = open.iter().copied().collect();
    while let Some(file) = open.pop() {
        let summary = program.summary(file);
        let at_once = |scope: ScopeId| scope == ScopeId::MODULE;
        for import in summary.imports.iter().filter(|it| at_once(it.scope) && !it.is_guarded) {
            let module = import.module.map_or("", |module| summary.text(module));
            if import.level == 0 && root(module) == package {
                return true;
            }
            let Some(path) = program.absolute(file, module, import.level) else { continue };
            let below = import.names.iter().map(|name| format!("{path}.{}", summary.text(*name)));
            for path in below.chain([path.clone()]) {
                if let Some(next) = program.module(&path, file)
                    && seen.len() < MODULES_MAX
                    && seen.insert(next)
                {
                    open.push(next);
                }
            }
        }
    }
    false
}
