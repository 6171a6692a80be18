//! LW101–LW107, LW110, LW201 and LW401: calls that keep an event loop from turning.
//!
//! A finding stands at the blocking call, once, however many async functions reach it.

use rustc_hash::FxHashSet;

use super::draft::{Change, Checkup, Draft, Edit};
use crate::finding::{Confidence, Tier};
use crate::graph::Site;
use crate::knowledge::{Entry, Kind, Lane};
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{
    Call, Expr, LoopId, LoopKind, Meaning, Scope, ScopeId, ScopeKind, Span, Summary, Use,
};

mod guess;
mod once;
mod states;
mod ways;

pub(crate) use guess::Elsewhere;
pub(crate) use ways::Ways;

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let graph = checkup.graph;
    let mut seen = FxHashSet::default();
    for site in &graph.sites {
        if !checkup.is_wanted(site.place.file) {
            continue;
        }
        let Some(entry) = site.callee.entry(checkup.resolver.knowledge) else { continue };
        let is_new =
            |seen: &mut FxHashSet<_>| seen.insert((site.place, site.expr, site.is_implicit));
        if entry.kind.blocks()
            && (is_done(checkup, site) || states::cannot_wait(checkup, site, entry))
        {
            continue;
        }
        if entry.kind.blocks() && is_new(&mut seen) {
            checkup.extend(blocking(checkup, site, entry));
        } else if entry.kind == Kind::Loop
            && !asks_for_loop(checkup, site.place)
            && is_new(&mut seen)
        {
            checkup.extend(loop_in_loop(checkup, site));
        }
    }
    imports(checkup);
}

fn blocking(checkup: &Checkup<'_>, site: &Site, entry: &Entry) -> Option<Draft> {
    let name = called(checkup, site);
    let own_rule = entry.rule.unwrap_or(Rule::Lw105);
    let mut draft = reached(checkup, site, own_rule, (&name, &entry.what))?;
    let summary = checkup.program.summary(site.place.file);
    let severity = match summary.expr(site.expr) {
        Expr::Call { arguments, .. } => entry.severity_with(summary, arguments),
        _ => entry.severity(),
    };
    draft.tier = tier(checkup, &draft, severity);
    draft.suggestion = Some(suggestion(checkup, &draft, &name, entry));
    if draft.way.is_empty() {
        draft.edit = rename(checkup, site, entry);
    }
    Some(draft)
}

/// Whether it is the result of a future that has one: the function has asked it `done()` before, or
/// is called back by it.
fn is_done(checkup: &Checkup<'_>, site: &Site) -> bool {
    let summary = checkup.program.summary(site.place.file);
    let Expr::Call { function, .. } = summary.expr(site.expr) else { return false };
    let Expr::Attribute(future, method) = summary.expr(*function) else { return false };
    if site.is_implicit || !matches!(summary.text(*method), "result" | "exception") {
        return false;
    }
    let Some(written) = summary.dotted(*future) else { return false };
    let around = summary.node(site.expr).span;
    let asked = checkup.program.calls(site.place).any(|call| {
        let Expr::Call { function, .. } = summary.expr(call.expr) else { return false };
        let Expr::Attribute(object, method) = summary.expr(*function) else { return false };
        // In `f.result() if f.done() else None` the question comes later in the text.
        let is_before = summary.node(call.expr).span.start < around.start
            || call.used == Use::Tested && is_beside(checkup, site.place, (around, call));
        summary.text(*method) == "done"
            && is_before
            && summary.dotted(*object).as_ref() == Some(&written)
    });
    let is_callback = || {
        let parameter = checkup.program.scope(site.place).and_then(|it| it.parameters.first());
        let is_sync = !checkup.is_async(site.place);
        is_sync
            && checkup.graph.entries.contains(&site.place)
            && parameter.is_some_and(|it| summary.text(it.name) == written)
    };
    asked || is_callback()
}

/// Whether a question decides an expression on the same line.
fn is_beside(checkup: &Checkup<'_>, place: Place, (expr, question): (Span, &Call)) -> bool {
    let Some(scope) = checkup.program.scope(place) else { return false };
    let asked = checkup.span(place, question.expr);
    checkup.program.nodes_within(place.file, scope.span).any(|node| {
        let is_choice = matches!(node.expr, Expr::Either(_));
        let has = |it: Span| node.span.start <= it.start && it.end <= node.span.end;
        is_choice && has(expr) && has(asked)
    })
}

/// Whether a function, or one that leads to it, asks first whether a loop runs already.
fn asks_for_loop(checkup: &Checkup<'_>, place: Place) -> bool {
    const QUESTIONS: &[&str] =
        &["get_running_loop", "is_running", "_get_running_loop", "current_async_library"];
    let way = checkup.reach.way(place);
    let mut functions = way.iter().map(|edge| edge.callee).chain([place]);
    functions.any(|function| {
        checkup.program.calls(function).any(|call| {
            checkup.called_name(function, call).is_some_and(|name| QUESTIONS.contains(&name))
        })
    })
}

fn loop_in_loop(checkup: &Checkup<'_>, site: &Site) -> Option<Draft> {
    let name = called(checkup, site);
    let what = "runs an event loop, which Python refuses where one runs already";
    let mut draft = reached(checkup, site, Rule::Lw401, (&name, what))?;
    draft.rule = Rule::Lw401;
    draft.tier = Tier::Error;
    Some(draft.suggest("make the functions on the way async and `await` the coroutine"))
}

/// The library's name of what is called, or as it is written.
fn called(checkup: &Checkup<'_>, site: &Site) -> String {
    let knowledge = checkup.resolver.knowledge;
    match site.callee {
        crate::graph::Callee::Named(node) => {
            let path = knowledge.path(node);
            path.strip_prefix("builtins.").unwrap_or(path).to_owned()
        }
        crate::graph::Callee::Every(class) => {
            let summary = checkup.program.summary(site.place.file);
            let member = match summary.expr(site.expr) {
                Expr::Call { function, .. } => summary.last_name(*function).unwrap_or("…"),
                _ => "…",
            };
            format!("{}.{member}", knowledge.path(class))
        }
    }
}

/// A draft with the way from the nearest async function to the call, if there is one.
fn reached(
    checkup: &Checkup<'_>,
    site: &Site,
    rule: Rule,
    (name, what): (&str, &str),
) -> Option<Draft> {
    let place = site.place;
    let ways::Way { edges: way, is_of_others } = ways::way(checkup, site)?;
    let span = checkup.span(place, site.expr);
    let function = short_name(checkup, place);
    let is_certain = site.is_certain && way.iter().all(|edge| edge.is_certain);
    let mut draft = if let Some(first) = way.first() {
        let entry = short_name(checkup, first.caller);
        let calls = way.len();
        let plural = if calls == 1 { "call" } else { "calls" };
        let rule = if rule == Rule::Lw401 { rule } else { Rule::Lw110 };
        let message = format!(
            "`{name}` {what}, on the event loop of `{entry}`, which reaches it in {calls} {plural}"
        );
        Draft::new(rule, place, span, message)
    } else if checkup.is_async(place) {
        let message = format!("`{name}` {what}, on the event loop, in `{function}`");
        Draft::new(rule, place, span, message)
    } else {
        let rule = if rule == Rule::Lw401 { rule } else { Rule::Lw110 };
        let message = format!("`{name}` {what}, on the event loop, which calls `{function}` back");
        Draft::new(rule, place, span, message)
    };
    draft.entry_points = checkup.reach.entries_of(place).len();
    let choke_point = checkup.reach.choke_point(place);
    draft.choke_point = (!way.is_empty() && choke_point != place).then_some(choke_point);
    draft.way = way;
    draft.call = Some(name.to_owned());
    draft.confidence = if is_certain { Confidence::High } else { Confidence::Medium };
    draft.is_of_others = is_of_others;
    Some(draft)
}

/// A function's name with its class.
pub(super) fn short_name(checkup: &Checkup<'_>, place: Place) -> String {
    let name = |place: Place| {
        let scope = checkup.program.scope(place);
        scope.map_or("", |scope| checkup.program.summary(place.file).text(scope.name))
    };
    match checkup.program.class_of(place) {
        Some(class) => format!("{}.{}", name(class), name(place)),
        None => name(place).to_owned(),
    }
}

/// Less bad behind a cache, where only start-up, a command or an example comes by, and where the
/// way goes through a base class of several that may be meant.
fn tier(checkup: &Checkup<'_>, draft: &Draft, tier: Tier) -> Tier {
    if draft.is_of_others || draft.way.iter().any(|edge| guess::is_elsewhere(checkup, edge)) {
        return Tier::Hint;
    }
    let is_guess = draft.way.iter().any(|edge| guess::is_guess(checkup, edge));
    let tier = if is_guess { tier.lowered() } else { tier };
    let functions = draft.way.iter().map(|edge| edge.callee);
    let is_cached = functions.into_iter().any(|it| checkup.resolver.is_cached(it));
    let tier = if is_cached { tier.lowered() } else { tier };
    let entries = checkup.reach.entries_of(draft.place);
    let is_aside =
        |it: &Place| once::runs_once(checkup, *it) || checkup.program.is_example(it.file);
    let starts = !entries.is_empty() && entries.iter().all(is_aside);
    if starts { tier.lowered() } else { tier }
}

fn suggestion(checkup: &Checkup<'_>, draft: &Draft, name: &str, entry: &Entry) -> String {
    let module = name.split('.').next().unwrap_or(name);
    let library = checkup.resolver.knowledge.library(module);
    let twin = match (&entry.twin, library) {
        (Some(twin), _) => Some(format!("use `{twin}`")),
        (None, Some(library)) => Some(format!("use {}", library.instead)),
        (None, None) => None,
    };
    let moved = match draft.way.last() {
        Some(_) => {
            let place = draft.choke_point.unwrap_or(draft.place);
            format!("`{}`", short_name(checkup, place))
        }
        None => "it".to_owned(),
    };
    let moved = match entry.lane {
        Lane::Thread => Some(format!("run {moved} in a thread (`await asyncio.to_thread(…)`)")),
        Lane::Process => {
            Some(format!("run {moved} in a process (`loop.run_in_executor` with a process pool)"))
        }
        Lane::None => None,
    };
    match (twin, moved) {
        (Some(twin), Some(moved)) => format!("{twin}, or {moved}"),
        (Some(only), None) | (None, Some(only)) => only,
        (None, None) => "leave it out of code that an event loop runs".to_owned(),
    }
}

/// `time.sleep(1)` → `await asyncio.sleep(1)`, where the text stands in the async function itself.
fn rename(checkup: &Checkup<'_>, site: &Site, entry: &Entry) -> Option<Edit> {
    let name = entry.rename.clone()?;
    if site.is_implicit || !site.is_certain || !checkup.is_async(site.place) {
        return None;
    }
    let summary = checkup.program.summary(site.place.file);
    let Expr::Call { function, .. } = summary.expr(site.expr) else { return None };
    let call = checkup.program.calls(site.place).find(|call| call.expr == site.expr)?;
    // In a comprehension an `await` would change what the comprehension is.
    let is_plain = call.inside.is_none_or(|at| is_statement_loop(summary, at));
    if !is_plain || summary.dotted(*function).is_none() || !is_free(checkup, site.place, &name) {
        return None;
    }
    let is_operand = !matches!(call.used, Use::Discarded | Use::Assigned(_));
    let function = summary.node(*function).span;
    let call = summary.node(site.expr).span;
    let title = format!("await `{name}` instead");
    Some(Edit { title, change: Change::Rename { function, call, name, is_operand } })
}

/// Whether the module that a new name needs is called nothing else here.
fn is_free(checkup: &Checkup<'_>, place: Place, name: &str) -> bool {
    let module = name.rsplit_once('.').map_or(name, |(module, _)| module);
    let first = module.split('.').next().unwrap_or(module);
    let Some(own) = checkup.program.name(place.file, first) else { return true };
    let summary = checkup.program.summary(place.file);
    summary.bindings.iter().filter(|it| it.name == own).all(|it| {
        matches!(it.meaning, Meaning::Module(bound) if summary.text(bound) == first)
            && it.scope == ScopeId::MODULE
    })
}

fn is_statement_loop(summary: &Summary, at: LoopId) -> bool {
    summary.loop_at(at).is_some_and(|it| it.kind == LoopKind::While || it.span != it.head)
}

/// LW106: modules whose first import takes long, imported where a loop runs.
fn imports(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for import in source.summary.imports.iter().filter(|it| it.scope != ScopeId::MODULE) {
            let place = Place { file, scope: import.scope };
            let module = import.module.map_or("", |module| source.summary.text(module));
            let root = module.split('.').next().unwrap_or("");
            let is_heavy = import.level == 0 && HEAVY.contains(&root) && !import.is_guarded;
            let is_direct =
                program.scope(place).is_some_and(|scope: &Scope| scope.kind == ScopeKind::Async);
            if is_heavy && is_direct && program.module(root, file).is_none() {
                let message = format!(
                    "the first `import {root}` takes hundreds of milliseconds, on the event loop, in `{}`",
                    short_name(checkup, place)
                );
                let mut draft = Draft::new(Rule::Lw106, place, import.span, message);
                if once::is_imported_before(checkup, file, root) {
                    draft.tier = Tier::Hint;
                }
                drafts.push(draft.suggest("import it at the top of the module"));
            }
        }
    }
    checkup.extend(drafts);
}

/// Packages whose first import takes longer than a request may.
const HEAVY: &[&str] = &[
    "torch",
    "tensorflow",
    "transformers",
    "pandas",
    "scipy",
    "sklearn",
    "matplotlib",
    "keras",
    "jax",
    "cv2",
    "spacy",
    "nltk",
    "sympy",
    "numba",
    "xgboost",
    "lightgbm",
    "pyarrow",
    "polars",
    "dask",
    "ray",
    "langchain",
    "diffusers",
    "sentence_transformers",
    "datasets",
    "onnxruntime",
];
