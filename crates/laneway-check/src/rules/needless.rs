//! LW501, LW502 and LW503: async, threads and libraries that do not gain what they cost.

use rustc_hash::{FxHashMap, FxHashSet};

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::knowledge::Kind;
use crate::program::{FileId, Place, Program, SourceFile};
use crate::resolve::Value;
use crate::rules::Rule;
use crate::summary::{
    Call, Expr, ExprId, ImportStatement, Meaning, Name, Scope, ScopeId, ScopeKind,
};

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    let passed = Passed::of(program);
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for (at, scope) in (0..).zip(&source.summary.scopes) {
            let place = Place { file, scope: ScopeId(at) };
            drafts.extend(async_for_nothing(checkup, place, scope, &passed));
        }
        drafts.extend(libraries(checkup, file, source));
        for call in &source.summary.calls {
            let place = Place { file, scope: call.scope };
            drafts.extend(thread_for_nothing(checkup, place, call));
        }
    }
    checkup.extend(drafts);
}

/// Names and attributes that are handed on somewhere without being called: whoever gets them may
/// want an `async def`.
#[derive(Default)]
struct Passed<'a> {
    /// Of each file, which of its names stand somewhere without being called.
    named: Vec<Vec<bool>>,
    /// Names that a file imports and hands on.
    imports: FxHashSet<&'a str>,
    reads: FxHashMap<&'a str, Vec<(Place, ExprId)>>,
}

impl<'a> Passed<'a> {
    fn of(program: &'a Program) -> Self {
        let mut passed = Self::default();
        for (file, source) in program.files() {
            let summary = &source.summary;
            let mut is_called = vec![false; summary.nodes.len()];
            for call in &summary.calls {
                if let Expr::Call { function, .. } = summary.expr(call.expr)
                    && let Some(flag) = is_called.get_mut(function.0 as usize)
                {
                    *flag = true;
                }
            }
            // Each name of a file once: names are many, strings are few.
            let mut is_named = vec![false; summary.names.len()];
            for (node, is_called) in summary.nodes.iter().zip(is_called) {
                if let Expr::Name(name) = &node.expr
                    && !is_called
                    && let Some(flag) = is_named.get_mut(name.0 as usize)
                {
                    *flag = true;
                }
            }
            for binding in &summary.bindings {
                if let Meaning::From { name, .. } = binding.meaning
                    && is_named.get(binding.name.0 as usize) == Some(&true)
                {
                    passed.imports.insert(summary.text(name));
                }
            }
            passed.named.push(is_named);
            for (expr, scope) in &summary.reads {
                if let Some(name) = summary.last_name(*expr) {
                    let place = Place { file, scope: *scope };
                    passed.reads.entry(name).or_default().push((place, *expr));
                }
            }
        }
        passed
    }

    /// Whether the file of a function, or one that imports its name, hands the name on.
    fn is_named(&self, program: &Program, file: FileId, name: &str) -> bool {
        let has = |file: FileId, name: Name| {
            let named = self.named.get(file.0 as usize);
            named.and_then(|named| named.get(name.0 as usize)) == Some(&true)
        };
        let is_star = |source: &SourceFile| !source.summary.stars.is_empty();
        program.name(file, name).is_some_and(|own| has(file, own))
            || self.imports.contains(name)
            || program.files().any(|(other, source)| {
                is_star(source) && program.name(other, name).is_some_and(|own| has(other, own))
            })
    }

    /// Whether a function may be handed on: by its name, or as an attribute that is nothing else.
    fn may_have(&self, checkup: &Checkup<'_>, function: Place, name: &str) -> bool {
        let is_method = checkup.program.class_of(function).is_some();
        if !is_method && self.is_named(checkup.program, function.file, name) {
            return true;
        }
        let reads = self.reads.get(name).map(Vec::as_slice).unwrap_or_default();
        reads.iter().any(|(place, expr)| {
            let summary = checkup.program.summary(place.file);
            let Expr::Attribute(object, _) = summary.expr(*expr) else { return true };
            let objects = checkup.values(*place, *object);
            let values = checkup.values(*place, *expr);
            // An object of a known class has an attribute of this name that is no function.
            objects.is_empty()
                || values.iter().any(
                    |it| matches!(it, Value::Function(it) | Value::Method(it) if *it == function),
                )
        })
    }
}

/// LW501.
fn async_for_nothing(
    checkup: &Checkup<'_>,
    place: Place,
    scope: &Scope,
    passed: &Passed<'_>,
) -> Option<Draft> {
    let facts = scope.facts;
    let is_bare = scope.kind == ScopeKind::Async
        && facts.awaits == 0
        && facts.yields == 0
        && !facts.is_stub
        && scope.decorators.is_empty();
    if !is_bare {
        return None;
    }
    let summary = checkup.program.summary(place.file);
    let name = summary.text(scope.name);
    let is_needed = name.starts_with("__")
        || needs_loop(checkup, place)
        || returns_awaitable(checkup, place, scope)
        || passed.may_have(checkup, place, name);
    if is_needed {
        return None;
    }
    if let Some(class) = checkup.program.class_of(place) {
        let class_scope = checkup.program.scope(class)?;
        // A base or a subclass may want it async.
        if !class_scope.bases.is_empty() || !checkup.resolver.overrides(place).is_empty() {
            return None;
        }
    }
    let message = format!(
        "`{}` awaits nothing: each call pays for a coroutine, and looks as if it let others run",
        short_name(checkup, place)
    );
    let span = crate::summary::Span { start: scope.name_span.start, end: scope.name_span.end };
    Some(Draft::new(Rule::Lw501, place, span, message).suggest("make it a plain `def`"))
}

/// What it gives is awaited by its callers.
fn returns_awaitable(checkup: &Checkup<'_>, place: Place, scope: &Scope) -> bool {
    scope.returns.iter().any(|value| {
        checkup.values(place, *value).iter().any(|it| matches!(it, Value::Coroutine(_)))
    })
}

/// It may only be called where a loop runs.
fn needs_loop(checkup: &Checkup<'_>, place: Place) -> bool {
    const NAMES: &[&str] =
        &["create_task", "ensure_future", "get_running_loop", "current_task", "get_event_loop"];
    checkup
        .program
        .calls(place)
        .any(|call| checkup.called_name(place, call).is_some_and(|name| NAMES.contains(&name)))
}

/// LW502.
fn libraries(checkup: &Checkup<'_>, file: FileId, source: &SourceFile) -> Vec<Draft> {
    let summary = &source.summary;
    let functions = |kind| summary.scopes.iter().filter(|it| it.kind == kind).count();
    let (asynchronous, plain) = (functions(ScopeKind::Async), functions(ScopeKind::Function));
    if asynchronous == 0 || asynchronous <= plain {
        return Vec::new();
    }
    let place = Place { file, scope: ScopeId::MODULE };
    let mut drafts = Vec::new();
    for import in summary.imports.iter().filter(|it| it.level == 0 && !it.is_guarded) {
        let module = import.module.map_or("", |module| summary.text(module));
        let Some(library) = checkup.resolver.knowledge.library(module) else { continue };
        let used = import.names.iter().map(|name| format!("{module}.{}", summary.text(*name)));
        let mut used: Vec<String> = used.collect();
        used.push(module.to_owned());
        let is_async_use = used.iter().any(|name| {
            library.async_when.iter().any(|it| name == it || name.starts_with(&format!("{it}.")))
                || name.to_ascii_lowercase().contains("async")
                || name.contains(".aio")
        });
        if !is_called(source, import)
            || is_async_use
            || library.async_when.iter().any(|it| spells(source, it))
        {
            continue;
        }
        let message = format!(
            "`{}` blocks the thread that calls it, and {asynchronous} of the {} functions here are async",
            library.name,
            asynchronous + plain
        );
        let draft = Draft::new(Rule::Lw502, place, import.span, message);
        drafts.push(draft.suggest(format!("use {}", library.instead)));
    }
    drafts
}

/// Whether anything of an import is called here, rather than handed to a thread.
fn is_called(source: &SourceFile, import: &ImportStatement) -> bool {
    let summary = &source.summary;
    let bound: Vec<&str> = if import.names.is_empty() {
        let module = import.module.map_or("", |module| summary.text(module));
        let bindings = summary.bindings.iter().filter(|it| it.at == import.span.end);
        let names = bindings.map(|it| summary.text(it.name));
        names.chain(module.split('.').next()).collect()
    } else {
        import.names.iter().map(|name| summary.text(*name)).collect()
    };
    summary.calls.iter().any(|call| {
        let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
        let root = summary.dotted(*function);
        root.is_some_and(|name| name.split('.').next().is_some_and(|it| bound.contains(&it)))
    })
}

/// Whether the file names the last part of a dotted name somewhere.
fn spells(source: &SourceFile, dotted: &str) -> bool {
    let last = dotted.rsplit('.').next().unwrap_or(dotted);
    source.summary.names.find(last).is_some()
}

/// LW503.
fn thread_for_nothing(checkup: &Checkup<'_>, place: Place, call: &Call) -> Option<Draft> {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, arguments } = summary.expr(call.expr) else { return None };
    let name = summary.last_name(*function)?;
    if !matches!(name, "to_thread" | "run_in_threadpool" | "run_sync") {
        return None;
    }
    let is_thread = checkup.values(place, *function).iter().any(|value| match value {
        Value::Known(node) => {
            let entry = checkup.resolver.knowledge.entry(*node);
            entry.is_some_and(|it| it.kind == Kind::Offload && !it.process)
        }
        _ => false,
    });
    let work = arguments.first().filter(|_| is_thread)?.value;
    let values = checkup.values(place, work);
    let (why, name) = match &*values {
        [Value::Function(callee) | Value::Method(callee)] => {
            (gain(checkup, *callee)?, short_name(checkup, *callee))
        }
        [] => {
            let name = summary.dotted(work).filter(|name| TRIFLES.contains(&name.as_str()))?;
            (Loss::Trivial, name)
        }
        _ => return None,
    };
    let (message, suggestion) = match why {
        Loss::Trivial => (
            format!("`{name}` is done sooner than a thread begins with it (about 40 µs)"),
            "call it here",
        ),
        Loss::HoldsGil => (
            format!(
                "`{name}` computes in Python: in a thread it still takes the GIL from the loop"
            ),
            "run it in a process (`loop.run_in_executor` with a process pool)",
        ),
    };
    let span = checkup.span(place, call.expr);
    Some(Draft::new(Rule::Lw503, place, span, message).suggest(suggestion))
}

/// Functions that are done at once, or take as long as what they are given.
const TRIFLES: &[&str] = &[
    "len",
    "range",
    "append",
    "int",
    "str",
    "float",
    "abs",
    "min",
    "max",
    "enumerate",
    "zip",
    "isinstance",
    "round",
    "bool",
    "ord",
    "chr",
    "id",
    "hash",
    "type",
    "divmod",
    "repr",
];

enum Loss {
    Trivial,
    HoldsGil,
}

/// Why a thread gains nothing for a function, if it does not.
fn gain(checkup: &Checkup<'_>, function: Place) -> Option<Loss> {
    let scope = checkup.program.scope(function)?;
    if scope.kind == ScopeKind::Async || !scope.decorators.is_empty() || scope.facts.yields > 0 {
        return None;
    }
    let summary = checkup.program.summary(function.file);
    let loops = checkup.program.loops(function).count();
    let calls: Vec<&Call> = checkup.program.calls(function).collect();
    let is_plain = |call: &&Call| {
        let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
        matches!(
            summary.last_name(*function),
            Some(
                "len"
                    | "range"
                    | "append"
                    | "int"
                    | "str"
                    | "float"
                    | "abs"
                    | "min"
                    | "max"
                    | "enumerate"
                    | "zip"
                    | "isinstance"
                    | "round"
            )
        )
    };
    // An attribute may be a property, and anything may stand behind it.
    let is_simple = calls.iter().all(is_plain)
        && checkup.program.withs(function).next().is_none()
        && checkup.program.reads(function).next().is_none();
    if !is_simple {
        return None;
    }
    match (loops, scope.facts.statements) {
        (0, 0..=3) => Some(Loss::Trivial),
        (0, _) => None,
        _ => Some(Loss::HoldsGil),
    }
}
