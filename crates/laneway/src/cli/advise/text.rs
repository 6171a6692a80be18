//! Advice for people: a block for each task with a change to make, a line for each other one.

use std::time::Duration;

use anstyle::Style;
use laneway_core::profile::{Blockage, LagShare, Site};
use laneway_core::verdict::{
    Confidence, Delay, Estimate, Kind, Mobility, Predicted, Prediction, SizeAdvice, Spread,
};

use super::bar::{bar, legend};
use super::edit::Edit;
use super::headline::headline;
use super::page::{Block, Page, flowed, nearby, wrapped};
use super::survey::{Case, Level};
use crate::cli::humane::{counted, instant, now, span};
use crate::cli::output::{CYAN, DIM, GREEN, PLAIN, RED, YELLOW, plain};
use crate::cli::table_text::{Cell, lines};

/// The innermost frames of a stack that a block shows.
const FRAMES_SHOWN: usize = 4;

/// A range this narrow, as a share of its number, is left out.
const EXACT: f64 = 0.02;

/// The block of a task: its verdict, the evidence, the edit, and what would change it.
pub(in crate::cli) fn block<'a>(case: &Case, page: Page<'a>) -> Block<'a> {
    let mut block = head(case, page);
    add_evidence(case, &mut block);
    if let Some(site) = &case.advice.site {
        add_site("line", site, FRAMES_SHOWN, &mut block);
    }
    add_change(case, &mut block);
    add_auto(case, &mut block);
    let mut label = "doubt";
    for doubt in &case.advice.doubts {
        block.row(label, doubt.as_str());
        label = "";
    }
    let mut label = "turns";
    for point in &case.advice.turning_points {
        block.row(label, &point.to_string());
        label = "";
    }
    block
}

/// The name of the task and the verdict in one sentence.
pub(super) fn head<'a>(case: &Case, page: Page<'a>) -> Block<'a> {
    let advice = &case.advice;
    let rule = advice
        .rule
        .map_or_else(String::new, |rule| format!("{} {}, ", rule.as_str(), rule.entry().name));
    let confidence = match advice.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let sentence = headline(case, page.folder);
    let text = plain(&format!("{sentence} ({rule}{confidence} confidence)"));
    let name = advice.task.as_str();
    let style = style_of(case.level());
    let mut block = Block::new(page);
    if name.chars().count() + 2 + text.chars().count() <= page.width {
        block.lines.push(format!("{CYAN}{name}{CYAN:#}  {style}{text}{style:#}"));
        return block;
    }
    block.lines.push(format!("{CYAN}{name}{CYAN:#}"));
    for line in wrapped(&text, page.width - 2) {
        block.lines.push(format!("  {style}{line}{style:#}"));
    }
    block
}

const fn style_of(level: Level) -> Style {
    match level {
        Level::Error => RED,
        Level::Warning => YELLOW,
        Level::Hint => CYAN,
        Level::Well => GREEN,
        Level::Unknown => PLAIN,
    }
}

fn add_evidence(case: &Case, block: &mut Block<'_>) {
    let advice = &case.advice;
    let evidence = &advice.evidence;
    block.row("runs", &runs(case));
    if advice.sufficiency.runs == 0 {
        return;
    }
    let Spread { mean, p50, p95, longest } = evidence.wall;
    let [p50, p95, mean, longest] = [p50, p95, mean, longest].map(span);
    block.row("wall", &format!("p50 {p50}, p95 {p95}, mean {mean}, longest {longest}"));
    let Page { has_unicode, .. } = block.page;
    let room = block.page.room();
    block.rows("time", [bar(evidence, room, has_unicode)]);
    let entries = legend(evidence, has_unicode);
    block.rows("", flowed(entries.iter().map(String::as_str), "   ", room));
    if let Some(cores) = evidence.cores_used {
        block.row("cores", &format!("runs side by side use {cores:.2} cores"));
    }
    if let Some(lag) = &advice.lag {
        let (busy, share) = (lag.busy_share * 100.0, lag.lag_share * 100.0);
        let text = format!(
            "keeps its event loop busy {busy:.1} % of the time and causes {share:.0} % of its lag: \
             everybody else there waits {} more on average",
            span(lag.lag)
        );
        block.row("loop", &text);
    }
    if let Some(delay) = &case.delay {
        block.row("delay", &delayed(delay));
    }
}

/// Who makes it wait, and for how long.
fn delayed(delay: &Delay) -> String {
    let of = |share: &LagShare| format!("`{}` ({:.0} %)", share.task, share.lag_share * 100.0);
    let by: Vec<String> = delay.by.iter().map(of).collect();
    format!(
        "waits up to {} for each of its turns on the event loop, on average, since others hold \
         it; of that lag cause: {}",
        span(delay.lag),
        by.join(", ")
    )
}

fn runs(case: &Case) -> String {
    let advice = &case.advice;
    let evidence = &advice.evidence;
    let kind = match advice.kind {
        Kind::IoBound => ", mostly waiting",
        Kind::CpuBound => ", mostly computing",
        Kind::Mixed => ", waiting and computing",
        Kind::Trivial => ", too short for a lane to matter",
        Kind::Unknown => "",
    };
    let rate = match evidence.rate {
        rate if rate >= 0.1 => format!(", {rate:.1} a second"),
        rate if rate > 0.0 => format!(", {:.1} an hour", rate * 3_600.0),
        _ => String::new(),
    };
    let (runs, errors) = (advice.sufficiency.runs, evidence.errors);
    let (runs, errors) = (counted(runs, "run"), counted(errors, "error"));
    let lane =
        if case.is_of_worker() { format!(" in the {} lane", advice.lane) } else { String::new() };
    format!("{runs}{lane}, {errors}{rate}{kind}")
}

/// A place that blocks, with the innermost frames of its stack.
pub(in crate::cli) fn add_site(label: &str, site: &Site, frames_max: usize, block: &mut Block<'_>) {
    let what = match site.blockage {
        Blockage::Cpu => "computes",
        Blockage::Call => "waits in a blocking call",
        Blockage::Gil => "waits for the GIL",
        Blockage::Starved => "waits for a core",
    };
    let place = &site.place;
    let times = counted(site.count, "time");
    let (total, longest) = (span(site.total), span(site.longest));
    let text = format!(
        "{}:{} in {}: {what}, {times}, {total} in all, longest {longest}",
        nearby(&place.file, block.page.folder),
        place.line,
        place.function
    );
    block.row(label, &text);
    let stack = plain(&site.stack);
    let folder = block.page.folder;
    let frames = stack.lines().map(str::trim).filter(|frame| !frame.is_empty());
    let frames: Vec<&str> = frames.map(|frame| nearby(frame, folder)).collect();
    let inner = frames.get(frames.len().saturating_sub(frames_max)..).unwrap_or_default();
    block.rows("", inner.iter().map(|frame| format!("{DIM}  {frame}{DIM:#}")));
}

/// What to write, and what that is predicted to change.
fn add_change(case: &Case, block: &mut Block<'_>) {
    if let Some(edit) = Edit::of(case, block.page.folder) {
        add_edit(&edit, block);
    }
    let mut label = "sizes";
    for size in &case.advice.by_size {
        block.row(label, &size_text(size));
        label = "";
    }
    if let Some(prediction) = &case.advice.prediction {
        block.row("gain", &gain(prediction));
    }
}

/// What the auto lane did, or why it does nothing.
fn add_auto(case: &Case, block: &mut Block<'_>) {
    let mut label = "auto";
    match &case.facts.mobility {
        None => return,
        Some(Mobility::Held { why }) => {
            block.row(label, &plain(&format!("stays in the {} lane: {why}", case.facts.lane)));
            label = "";
        }
        Some(Mobility::Movable) => {}
    }
    let moves = case.moves();
    if moves.is_empty() && !label.is_empty() {
        block.row(label, "may move between threads and processes; nothing spoke for it so far");
    }
    for (size, event) in moves {
        let sizes = sizes(size.bytes_min(), size.bytes_max());
        let text =
            format!("{} ({}, arguments of {sizes})", event.sentence(), instant(event.at, now()));
        block.row(label, &plain(&text));
        label = "";
    }
}

fn add_edit(edit: &Edit, block: &mut Block<'_>) {
    let place = edit
        .place
        .as_ref()
        .map(|place| format!("{}:{}", nearby(&place.file, block.page.folder), place.line));
    if edit.code.is_empty() {
        // Words are no lines of code: they say what to do.
        let place = place.map_or_else(String::new, |place| format!("{place}: "));
        return block.row("to do", &plain(&format!("{place}{}", edit.note)));
    }
    let mut label = "edit";
    if let Some(place) = place {
        block.row(label, &place);
        label = "";
    }
    let (before, after) = (RED.get_fg_color(), GREEN.get_fg_color());
    let (before, after) = (Style::new().fg_color(before), Style::new().fg_color(after));
    let now = edit.now.iter().map(|line| format!("{before}- {}{before:#}", plain(line)));
    let code = edit.code.iter().map(|line| format!("{after}+ {}{after:#}", plain(line)));
    block.rows(label, now.chain(code).collect::<Vec<_>>());
    if !edit.note.is_empty() {
        block.row("", &edit.note);
    }
}

fn gain(prediction: &Prediction) -> String {
    let what = match prediction.of {
        Predicted::LoopTime => "time in which a run keeps the event loop from others",
        Predicted::TimePerRun => "time a run while as many as are wanted run at once",
    };
    let [low, likely, high] =
        [prediction.gain.low, prediction.gain.likely, prediction.gain.high].map(factor);
    let within = if low == high { String::new() } else { format!(" (95 %: {low} to {high})") };
    format!(
        "{what}: {} -> {}, {likely} times less{within}",
        range(prediction.before_seconds),
        range(prediction.after_seconds),
    )
}

/// A number of seconds with its range, such as `61ms (58.2ms to 64ms)`; without it where it is so
/// narrow that it says no more than the number.
fn range(seconds: Estimate) -> String {
    let is_exact = seconds.high - seconds.low <= EXACT * seconds.likely;
    let [low, likely, high] = [seconds.low, seconds.likely, seconds.high].map(duration_of);
    if is_exact { likely } else { format!("{likely} ({low} to {high})") }
}

pub(super) fn duration_of(seconds: f64) -> String {
    span(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::ZERO))
}

fn factor(times: f64) -> String {
    // Two digits are as much as a prediction can promise.
    match times {
        times if times >= 1_000.0 => format!("{:.0}00", times / 100.0),
        times if times >= 100.0 => format!("{:.0}0", times / 10.0),
        times if times >= 10.0 => format!("{times:.0}"),
        _ => format!("{times:.1}"),
    }
}

fn size_text(size: &SizeAdvice) -> String {
    let sizes = sizes(size.size_bucket.bytes_min(), size.size_bucket.bytes_max());
    let runs = counted(size.runs, "run");
    let verdict = match (size.better_lane, size.gain) {
        (Some(lane), Some(gain)) => {
            format!("better in the {lane} lane, {} times less", factor(gain.likely))
        }
        (Some(lane), None) => format!("better in the {lane} lane"),
        (None, _) => "well where they are".to_owned(),
    };
    format!("arguments of {sizes}: {runs}, {verdict}")
}

/// A range of sizes, such as `1024 to 2047 bytes`.
pub(super) fn sizes(min: u64, max: u64) -> String {
    if min == max { counted(min, "byte") } else { format!("{min} to {max} bytes") }
}

/// The tasks of one level in a line each.
pub(super) fn table(cases: &[&Case], head: &str, page: Page<'_>) -> Vec<String> {
    let rows: Vec<_> = cases.iter().map(|case| row(case, page)).collect();
    lines(&[head, "verdict", "runs", "p50", "p95"], &rows)
}

fn row(case: &Case, page: Page<'_>) -> Vec<Cell> {
    let advice = &case.advice;
    let time = |time: Duration| Cell::right((advice.sufficiency.runs > 0).then(|| span(time)));
    vec![
        Cell::text(advice.task.as_str()),
        Cell::text(headline(case, page.folder)),
        Cell::count(advice.sufficiency.runs),
        time(advice.evidence.wall.p50),
        time(advice.evidence.wall.p95),
    ]
}
