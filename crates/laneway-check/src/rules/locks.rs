//! LW403: a lock for threads that is held while the function waits.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::program::Place;
use crate::resolve::Value;
use crate::rules::Rule;
use crate::summary::ScopeKind;

/// Locks of threads and processes.
const LOCKS: &[&str] = &[
    "threading.Lock",
    "threading.RLock",
    "threading.Condition",
    "threading.Semaphore",
    "threading.BoundedSemaphore",
    "_thread.allocate_lock",
    "multiprocessing.Lock",
    "multiprocessing.RLock",
    "multiprocessing.Semaphore",
];

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for with in &source.summary.withs {
            let place = Place { file, scope: with.scope };
            let is_async = program.scope(place).is_some_and(|scope| scope.kind == ScopeKind::Async);
            if !is_async || with.is_async || with.awaits == 0 {
                continue;
            }
            for context in &with.contexts {
                let values = checkup.values(place, *context);
                let lock = values.iter().find_map(|value| lock(checkup, *value));
                let Some(lock) = lock.filter(|_| values.len() == 1) else { continue };
                let function = short_name(checkup, place);
                let message = format!(
                    "`{lock}` is held across an `await` in `{function}`: another task that wants it stops the loop, and with it the holder, for ever"
                );
                let draft = Draft::new(
                    Rule::Lw403,
                    place,
                    head(with.span, checkup.span(place, *context)),
                    message,
                );
                drafts.push(draft.suggest(
                    "use `asyncio.Lock` with `async with`, or let go of it before the `await`",
                ));
            }
        }
    }
    checkup.extend(drafts);
}

fn head(with: crate::summary::Span, context: crate::summary::Span) -> crate::summary::Span {
    crate::summary::Span { start: with.start, end: context.end }
}

fn lock(checkup: &Checkup<'_>, value: Value) -> Option<&'static str> {
    let Value::Object(class) = value else { return None };
    let path = checkup.resolver.knowledge.path(class);
    LOCKS.iter().find(|lock| **lock == path).copied()
}
