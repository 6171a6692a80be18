//! LW404: a loop that asks again and again, with short sleeps, instead of being told.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{Call, Expr, Loop, LoopId, LoopKind, ScopeKind, Use};

/// A sleep of at most so many seconds is short.
const SHORT_SECONDS: f64 = 1.0;
/// Calls that ask for a state.
const QUESTIONS: &[&str] = &[
    "sleep",
    "done",
    "is_set",
    "result",
    "empty",
    "is_alive",
    "exists",
    "poll",
    "ready",
    "locked",
    "cancelled",
    "full",
    "len",
];
const SLEEPS: &[&str] = &["asyncio.sleep", "anyio.sleep", "trio.sleep"];

pub(super) fn check(checkup: &mut Checkup<'_>) {
    let program = checkup.program;
    let mut drafts = Vec::new();
    for (file, source) in program.files().filter(|(file, _)| checkup.is_wanted(*file)) {
        for call in source.summary.calls.iter().filter(|it| it.used == Use::Awaited) {
            let place = Place { file, scope: call.scope };
            let Some(id) = call.inside else { continue };
            let Some(around) = source.summary.loop_at(id) else { continue };
            let is_async = program.scope(place).is_some_and(|scope| scope.kind == ScopeKind::Async);
            if is_async && is_waiting(around) && is_short_sleep(checkup, place, call) {
                // Whatever else the loop calls is work, not waiting.
                if is_idle(checkup, place, id) {
                    let function = short_name(checkup, place);
                    let message = format!(
                        "`{function}` asks again and again whether something has happened, instead of being told"
                    );
                    let draft = Draft::new(Rule::Lw404, place, around.head, message);
                    drafts
                        .push(draft.suggest("wait for an `asyncio.Event` or `asyncio.Condition`"));
                }
            }
        }
    }
    checkup.extend(drafts);
}

/// `while not ready:` around nothing but the sleep.
fn is_waiting(it: &Loop) -> bool {
    let facts = it.facts;
    let is_bare = !facts.is_endless && facts.statements == 1;
    let asks = facts.is_endless && facts.statements == 2 && facts.exits > 0;
    it.kind == LoopKind::While && facts.awaits == 1 && (is_bare || asks)
}

/// Whether the body calls nothing but the sleep and questions for a state.
fn is_idle(checkup: &Checkup<'_>, place: Place, id: LoopId) -> bool {
    let summary = checkup.program.summary(place.file);
    let Some(around) = summary.loop_at(id) else { return false };
    let mut body = checkup.program.calls(place).filter(|call| {
        let start = summary.node(call.expr).span.start;
        call.inside == Some(id) && start >= around.head.end
    });
    body.all(|call| checkup.called_name(place, call).is_some_and(|name| QUESTIONS.contains(&name)))
}

fn is_short_sleep(checkup: &Checkup<'_>, place: Place, call: &Call) -> bool {
    let summary = checkup.program.summary(place.file);
    let Expr::Call { function, arguments } = summary.expr(call.expr) else { return false };
    if !checkup.is_any_of(place, *function, SLEEPS) {
        return false;
    }
    let seconds = arguments.first().and_then(|it| summary.literal(it.value));
    seconds.and_then(|text| text.parse::<f64>().ok()).is_some_and(|it| it <= SHORT_SECONDS)
}
