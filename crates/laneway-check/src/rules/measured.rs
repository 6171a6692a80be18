//! What was measured, put to the findings; and LW002: lines that blocked and that reading did not
//! find, with what kept it from seeing them.

use rustc_hash::FxHashMap;

use super::blocking::short_name;
use super::draft::{Checkup, Draft};
use super::unresolved;
use crate::evidence::{Cause, Cost, Evidence, Frame, Locator, Sighting, Spotted};
use crate::finding::{Confidence, Finding, Location};
use crate::program::{FileId, Place};
use crate::rules::Rule;
use crate::summary::{Call, Expr, ExprId, Span};

/// Rules that say that a loop stands still.
const OF_LOOPS: &[Rule] = &[
    Rule::Lw101,
    Rule::Lw102,
    Rule::Lw103,
    Rule::Lw104,
    Rule::Lw105,
    Rule::Lw106,
    Rule::Lw107,
    Rule::Lw110,
    Rule::Lw201,
    Rule::Lw202,
    Rule::Lw401,
    Rule::Lw403,
    Rule::Lw404,
];

/// Gives each draft what it cost, and adds one for each line that no draft is about. Lines of
/// files that are not part of the program come back as findings, since they have no place in it.
pub(crate) fn check(checkup: &mut Checkup<'_>, evidence: &Evidence) -> Vec<Finding> {
    let locator = Locator::new(checkup.program);
    let mut unseen: Vec<(Spotted, Cost, &Sighting)> = Vec::new();
    let mut foreign: Vec<(&Frame, Cost)> = Vec::new();
    for sighting in &evidence.sightings {
        let Some(spot) = locator.spot(sighting) else {
            let known = foreign.iter_mut().find(|(frame, _)| **frame == sighting.frame);
            match known {
                Some((_, cost)) => cost.add(sighting, evidence.loop_time),
                None => foreign.push((&sighting.frame, cost(sighting, evidence))),
            }
            continue;
        };
        if let Some(at) = draft_at(checkup, spot, sighting) {
            if let Some(draft) = checkup.drafts.get_mut(at) {
                let cost = draft.measured.get_or_insert_with(Cost::default);
                cost.add(sighting, evidence.loop_time);
            }
            continue;
        }
        let is_there = |it: &Spotted| (it.place, it.line) == (spot.place, spot.line);
        match unseen.iter_mut().find(|(it, ..)| is_there(it)) {
            Some((_, cost, _)) => cost.add(sighting, evidence.loop_time),
            None => unseen.push((spot, cost(sighting, evidence), sighting)),
        }
    }
    let lost = unresolved::by_call(checkup);
    let drafts = unseen.into_iter().map(|(spot, cost, sighting)| {
        let mut draft = missed(checkup, spot, sighting, &lost);
        draft.measured = Some(cost);
        draft
    });
    let drafts: Vec<Draft> = drafts.collect();
    checkup.extend(drafts);
    foreign.into_iter().map(|(frame, cost)| outside(frame, cost)).collect()
}

fn cost(sighting: &Sighting, evidence: &Evidence) -> Cost {
    let mut cost = Cost::default();
    cost.add(sighting, evidence.loop_time);
    cost
}

/// The draft that is about a line: of several that whose call the stack goes on with.
fn draft_at(checkup: &Checkup<'_>, spot: Spotted, sighting: &Sighting) -> Option<usize> {
    if spot.has_moved {
        return None;
    }
    let drafts = checkup.drafts.iter().enumerate();
    let mut found = drafts.filter(|(_, draft)| {
        OF_LOOPS.contains(&draft.rule)
            && draft.place.file == spot.place.file
            && covers(checkup, draft, spot.line)
    });
    let called = inner(spot, sighting).map(Frame::last_name);
    let first = found.next()?;
    let is_called = |draft: &Draft| {
        let last = draft.call.as_deref().and_then(|call| call.rsplit('.').next());
        last.is_some() && last == called
    };
    if is_called(first.1) {
        return Some(first.0);
    }
    Some(found.find(|(_, draft)| is_called(draft)).unwrap_or(first).0)
}

/// Whether a draft speaks of a line; that of a hot loop speaks of all its body.
fn covers(checkup: &Checkup<'_>, draft: &Draft, line: u32) -> bool {
    let Some(source) = checkup.program.file(draft.place.file) else { return false };
    let body = |span: Span| {
        let loops = source.summary.loops.iter();
        loops.filter(|it| it.head.start == span.start).map(|it| it.span).next()
    };
    let span = match draft.rule {
        Rule::Lw202 => body(draft.span).unwrap_or(draft.span),
        _ => draft.span,
    };
    let (first, _) = source.lines.line(span.start);
    let (last, _) = source.lines.line(span.end);
    (first..=last).contains(&line)
}

/// The frame that the line called.
fn inner(spot: Spotted, sighting: &Sighting) -> Option<&Frame> {
    sighting.stack.get(spot.depth? + 1)
}

fn missed(
    checkup: &Checkup<'_>,
    spot: Spotted,
    sighting: &Sighting,
    lost: &FxHashMap<(Place, ExprId), String>,
) -> Draft {
    let name = short_name(checkup, spot.place);
    let (why, suggestion) = why(checkup, spot, sighting, lost);
    let message = format!(
        "`{name}` kept an event loop from turning here when it was measured, which reading did not see: {why}"
    );
    let span = line_span(checkup, spot).unwrap_or_default();
    let mut draft = Draft::new(Rule::Lw002, spot.place, span, message).suggest(suggestion);
    draft.way = checkup.reach.way(spot.place).into_iter().copied().collect();
    draft.entry_points = checkup.reach.entries_of(spot.place).len();
    let calls = calls_on(checkup, spot);
    draft.call = match (inner(spot, sighting), calls.as_slice()) {
        (Some(frame), _) => Some(frame.function.clone()),
        (None, [only]) => checkup.written_call(spot.place, only),
        (None, _) => None,
    };
    draft
}

fn line_span(checkup: &Checkup<'_>, spot: Spotted) -> Option<Span> {
    let source = checkup.program.file(spot.place.file)?;
    let (start, end) = (source.lines.start(spot.line)?, source.lines.end(spot.line)?);
    // From the first expression on, so that the indentation is not marked.
    let on_line = source.summary.nodes.iter().map(|node| node.span.start);
    let first = on_line.filter(|at| (start..end).contains(at)).min();
    Some(Span { start: first.unwrap_or(start), end })
}

fn calls_on<'c>(checkup: &'c Checkup<'_>, spot: Spotted) -> Vec<&'c Call> {
    let Some(source) = checkup.program.file(spot.place.file) else { return Vec::new() };
    let calls = checkup.program.calls(spot.place).filter(|call| {
        let span = source.summary.node(call.expr).span;
        let (first, _) = source.lines.line(span.start);
        let (last, _) = source.lines.line(span.end);
        (first..=last).contains(&spot.line)
    });
    calls.collect()
}

/// Why reading did not see it, and what to do.
fn why(
    checkup: &Checkup<'_>,
    spot: Spotted,
    sighting: &Sighting,
    lost: &FxHashMap<(Place, ExprId), String>,
) -> (String, String) {
    let in_thread = "run what blocks in a thread (`await asyncio.to_thread(…)`)";
    let in_process = "run it in a process (`loop.run_in_executor` with a process pool)";
    let usual = if sighting.cause == Cause::Computes { in_process } else { in_thread };
    if spot.has_moved {
        let why = "the line belongs to another function by now";
        return (why.into(), "measure the code that is checked".into());
    }
    if sighting.cause == Cause::WaitsForGil {
        let why = "it waited for a thread that computes and holds the GIL";
        return (why.into(), "move what computes in threads to processes".into());
    }
    if !checkup.graph.is_on_loop(spot.place) {
        let why = "no way from an async function to it was found";
        let next = "`--strict` shows the calls on which the way is lost";
        return (why.into(), format!("{usual}; {next}"));
    }
    let calls = calls_on(checkup, spot);
    let taught = format!("{usual}; `--learn` writes down that it blocks");
    let called = inner(spot, sighting);
    if let Some(lost) = calls.iter().find_map(|call| lost.get(&(spot.place, call.expr))) {
        return (lost.clone(), if called.is_some() { taught } else { usual.to_owned() });
    }
    if let Some(frame) = called {
        return (format!("nothing says that `{}` blocks", frame.function), taught);
    }
    if calls.is_empty() || sighting.cause == Cause::Computes {
        let why = "it computes, and reading cannot tell for how long";
        return (why.into(), usual.to_owned());
    }
    let why = "nothing says that what it calls blocks";
    (why.into(), taught)
}

/// A line of a file that was not read.
fn outside(frame: &Frame, cost: Cost) -> Finding {
    let location = Location {
        path: frame.file.as_str().into(),
        line: frame.line,
        column: 1,
        end_line: frame.line,
        end_column: 1,
        start: 0,
        end: 0,
    };
    let function = &frame.function;
    Finding {
        rule: Rule::Lw002,
        tier: Rule::Lw002.entry().tier,
        confidence: Confidence::High,
        function: function.clone(),
        message: format!(
            "`{function}` kept an event loop from turning here when it was measured, which reading did not see: the file is none of those that were read"
        ),
        call: None,
        chain: Vec::new(),
        entry_points: 0,
        choke_point: None,
        suggestion: Some("name its folder, too, or measure the code that is checked".to_owned()),
        fix: None,
        fingerprint: format!("{}:{}:{function}:", Rule::Lw002.code(), frame.file),
        others: Vec::new(),
        measured: Some(cost),
        location,
    }
}

impl Checkup<'_> {
    /// What a call calls, as it is written.
    fn written_call(&self, place: Place, call: &Call) -> Option<String> {
        let summary = self.program.summary(place.file);
        let Expr::Call { function, .. } = summary.expr(call.expr) else { return None };
        summary.dotted(*function)
    }

    /// Whether a comment of the code answers a rule at a span, or at the call by which an async
    /// function begins the way to it.
    pub(super) fn answers(&self, rule: Rule, place: Place, span: Span) -> bool {
        let way = self.reach.way(place);
        let first = way.first().map(|edge| (edge.caller.file, edge.expr));
        let called = first.map(|(file, expr)| (file, self.program.summary(file).node(expr).span));
        let own: (FileId, Span) = (place.file, span);
        [Some(own), called]
            .into_iter()
            .flatten()
            .any(|(file, span)| self.program.summary(file).is_answered(span.start, rule))
    }
}
