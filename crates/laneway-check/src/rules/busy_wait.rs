//! LW404: a loop that asks again and again, with short sleeps, instead of being told.

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use crate::program::Place;
use crate::rules::Rule;
use crate::summary::{Call, Expr, Loop, LoopId, LoopKind, ScopeKind, Use};

/// A sleep of at most so many seconds is short.
const SHORT_SECONDS: f64 = 1.0;
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
                let others = others(checkup, place, id);
                if others == 0 {
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
    drafts.into_iter().for_each(|draft| checkup.add(draft));
}

/// `while not ready:` around nothing but the sleep.
fn is_waiting(it: &Loop) -> bool {
    it.kind == LoopKind::While
        && !it.facts.is_endless
        && it.facts.statements == 1
        && it.facts.awaits == 1
}

fn others(checkup: &Checkup<'_>, place: Place, id: LoopId) -> usize {
    let summary = checkup.program.summary(place.file);
    let Some(around) = summary.loop_at(id) else { return 0 };
    let body = checkup.program.calls(place).filter(|call| {
        let start = summary.node(call.expr).span.start;
        call.inside == Some(id) && start >= around.head.end
    });
    body.count().saturating_sub(1)
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
