//! `--learn`: what stacks taught, as a file of knowledge for a person to read and keep.

use laneway_check::{Cost, Kind, Lane, Lesson, Lessons};
use serde_json::{Value, json};

use super::super::humane::counted;
use super::super::output::{Output, plain};
use super::evidence::in_words;
use super::json::cost as cost_view;

const HEAD: &str = "\
# Functions of libraries that kept an event loop from turning while this project ran, written by
# `laneway check --learn`. Read each entry, put this file into the project, and name it in
# `knowledge` of `[tool.laneway.check]`: reading finds their other calls from then on.";

/// A library's function is an error from here on: requests notice.
const LONG_MILLIS: u128 = 100;

/// Writes the entries to standard output, and counts them in words.
pub(super) fn write(lessons: &Lessons, output: &mut Output) {
    if output.is_json() {
        for lesson in &lessons.learned {
            output.json(view(lesson));
        }
    } else {
        output.line(HEAD);
        for lesson in &lessons.learned {
            output.line("");
            output.line(&entry(lesson));
        }
        if !lessons.left.is_empty() {
            output.line("\n# Nothing was learned from these lines:");
        }
        for left in &lessons.left {
            output.line(&comment(&format!("{}: {}; {}", left.at, left.why, in_words(&left.cost))));
        }
    }
    output.note(&format!(
        "{} learned; {} taught nothing",
        counted_entries(lessons.learned.len()),
        counted(lessons.left.len(), "line")
    ));
}

fn counted_entries(count: usize) -> String {
    if count == 1 { "1 entry".to_owned() } else { format!("{count} entries") }
}

const fn kind(lesson: &Lesson) -> (&'static str, &'static str, &'static str) {
    match lesson.kind {
        Kind::CpuHeld => ("cpu-held", "LW201", "computes"),
        _ => ("wait", "LW105", "waits"),
    }
}

const fn lane(lane: Lane) -> &'static str {
    match lane {
        Lane::Thread => "thread",
        Lane::Process => "process",
        Lane::None => "none",
    }
}

const fn tier(cost: &Cost) -> u8 {
    if cost.longest.as_millis() >= LONG_MILLIS { 1 } else { 2 }
}

fn what(lesson: &Lesson) -> String {
    let (.., verb) = kind(lesson);
    let longest = laneway_core::duration::format(lesson.cost.longest);
    format!("{verb}, {longest} at most when it was measured")
}

fn note(lesson: &Lesson) -> String {
    let callers: Vec<&str> = lesson.callers.iter().map(String::as_str).take(5).collect();
    let tasks: Vec<&str> = lesson.cost.tasks.iter().map(String::as_str).take(5).collect();
    format!("{}; at {}; for {}", in_words(&lesson.cost), callers.join(", "), tasks.join(", "))
}

fn entry(lesson: &Lesson) -> String {
    let (kind, rule, _) = kind(lesson);
    let text = |text: &str| toml::Value::String(plain(text)).to_string();
    let names: Vec<String> = lesson.names.iter().map(|name| text(name)).collect();
    let lines = [
        "[[entry]]".to_owned(),
        format!("names = [{}]", names.join(", ")),
        format!("kind = {}", text(kind)),
        format!("tier = {}", tier(&lesson.cost)),
        format!("rule = {}", text(rule)),
        format!("what = {}", text(&what(lesson))),
        format!("lane = {}", text(lane(lesson.lane))),
        format!("note = {}", text(&note(lesson))),
    ];
    lines.join("\n")
}

fn view(lesson: &Lesson) -> Value {
    let (kind, rule, _) = kind(lesson);
    json!({
        "names": lesson.names,
        "kind": kind,
        "tier": tier(&lesson.cost),
        "rule": rule,
        "what": what(lesson),
        "lane": lane(lesson.lane),
        "callers": lesson.callers,
        "measured": cost_view(&lesson.cost),
    })
}

/// What comes from a store is no line of TOML, whatever it holds.
fn comment(text: &str) -> String {
    format!("# {}", plain(text).replace('\n', " "))
}
