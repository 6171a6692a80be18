//! The report as one page of HTML with charts. It loads nothing and runs no script.

use std::path::Path;
use std::time::Duration;

use laneway_core::profile::Blockage;

use super::report::{Blocker, LoopSplit, Report, TaskRow};
use super::text::edit;
use crate::cli::advise::blocked_line::Instead;
use crate::cli::advise::page::{Page, nearby};
use crate::cli::advise::survey::Case;
use crate::cli::advise::text::block;
use crate::cli::humane::{counted, span};
use crate::profiling::{LoopPart, Slice};

const STYLE: &str = include_str!("html/page.css");

/// The height of the timeline in its own unit: a slice that is all busy fills it.
const HEIGHT: f64 = 100.0;

/// The width of the text in an advice.
const COLUMNS: usize = 96;

pub(super) fn page(report: &Report, folder: &Path) -> String {
    let loops: String = report.loops.iter().map(event_loop).collect();
    let tasks: String = report.tasks.iter().map(task).collect();
    let blockers = report.blockers();
    let blocked: String = blockers.iter().map(|blocker| blocker_card(blocker, folder)).collect();
    let blocked = if blockers.is_empty() {
        "<p class=\"plus\">No step blocked an event loop.</p>".to_owned()
    } else {
        blocked
    };
    let advice: String = report.advice().into_iter().map(|case| advice(case, folder)).collect();
    let advice = if advice.is_empty() {
        "<p>Nothing to change, or too little was seen: a verdict needs 20 runs and 2 s of work.</p>"
            .to_owned()
    } else {
        advice
    };
    let command = escaped(&report.command);
    let head = format!(
        "{}, exit status {}; a newcomer waits {} for its turn on the loop on average",
        time(report.duration),
        report.status,
        span(report.lag())
    );
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{command}</title>\n<style>\n{STYLE}</style></head><body>\n\
         <h1>{command}</h1><p class=\"faint\">{head}</p>\n\
         <h2>Event loops</h2>\n{loops}\
         <h2>Endpoints and tasks</h2>\n{legend}{tasks}\
         <h2>What blocks</h2>\n{blocked}\n<h2>Advice</h2>\n{advice}\n\
         <p class=\"faint\">Written by laneway {version}.</p>\n</body></html>\n",
        legend = legend(&[
            ("cpu", "cpu"),
            ("blocked", "blocked"),
            ("gil", "waiting for the GIL"),
            ("queue", "waiting for a core"),
            ("awaited", "awaited"),
        ]),
        version = crate::VERSION,
    )
}

/// Text as HTML.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            sign if sign.is_control() && sign != '\n' => safe.push('\u{fffd}'),
            sign => safe.push(sign),
        }
    }
    safe
}

fn time(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    span(Duration::from_millis(if millis >= 1_000 { millis / 100 * 100 } else { millis }))
}

fn nanos(nanos: u64) -> String {
    time(Duration::from_nanos(nanos))
}

fn legend(entries: &[(&str, &str)]) -> String {
    let entry = |(class, name): &(&str, &str)| {
        format!("<span><i class=\"{class}\"></i>{}</span>", escaped(name))
    };
    format!("<p class=\"legend faint\">{}</p>\n", entries.iter().map(entry).collect::<String>())
}

/// A bar of shares.
fn bar(parts: &[(&str, f64)]) -> String {
    let part = |(class, share): &(&str, f64)| {
        format!("<i class=\"{class}\" style=\"width:{:.2}%\"></i>", share * 100.0)
    };
    format!("<div class=\"bar\">{}</div>", parts.iter().map(part).collect::<String>())
}

fn event_loop((process, seen): &(u32, LoopPart)) -> String {
    let split = LoopSplit::of(seen);
    let classes = ["cpu", "blocked", "callbacks", "queue", "idle"];
    let share = |part: u64| ratio(part, seen.wall);
    let parts: Vec<(&str, f64)> =
        classes.iter().zip(split.parts()).map(|(class, (_, part))| (*class, share(part))).collect();
    let number = |(name, part)| {
        let percent = share(part) * 100.0;
        format!("<div><b>{percent:.0} %</b><span>{name}, {}</span></div>", nanos(part))
    };
    let numbers: Vec<String> = split.parts().into_iter().map(number).collect();
    let names: Vec<(&str, &str)> =
        classes.iter().zip(split.parts()).map(|(class, (name, _))| (*class, name)).collect();
    format!(
        "<div class=\"card\"><h3>{kind} <span class=\"faint\">process {process}</span></h3>\n\
         <p class=\"faint\">ran {wall}: {steps}, longest {longest}</p>\n{bar}{legend}\
         <div class=\"numbers\">{numbers}</div>\n{timeline}</div>\n",
        kind = escaped(&seen.kind),
        wall = nanos(seen.wall),
        steps = counted(seen.steps_count, "step"),
        longest = nanos(seen.steps_longest),
        numbers = numbers.concat(),
        bar = bar(&parts),
        legend = legend(&names),
        timeline = timeline(seen),
    )
}

/// How busy the loop was in each slice of time.
fn timeline(seen: &LoopPart) -> String {
    let bars: String =
        seen.timeline.iter().enumerate().map(|(at, slice)| drawn(at, slice, seen)).collect();
    let count = seen.timeline.len();
    let slices = u64::try_from(count).unwrap_or(u64::MAX);
    format!(
        "<p class=\"faint\">Over time, {slice} a bar: computing, blocked, waiting for a core</p>\n\
         <svg class=\"timeline\" viewBox=\"0 0 {count} {HEIGHT}\" preserveAspectRatio=\"none\" \
         role=\"img\" aria-label=\"how busy the event loop was over time\">{bars}</svg>\n\
         <div class=\"axis faint\"><span>0 s</span><span>{end}</span></div>",
        slice = nanos(seen.slice),
        end = nanos(seen.slice.saturating_mul(slices)),
    )
}

fn drawn(at: usize, slice: &Slice, seen: &LoopPart) -> String {
    let length = seen.slice / 1_000;
    let mut top = HEIGHT;
    let mut bars = String::new();
    let parts = [("cpu", slice.cpu), ("blocked", slice.blocked()), ("queue", slice.run_delay)];
    for (class, part) in parts {
        let height = (ratio(part.into(), length) * HEIGHT).min(top);
        if height >= 0.5 {
            top -= height;
            bars.extend([format!(
                "<rect class=\"{class}\" x=\"{at}\" y=\"{top:.1}\" width=\".9\" \
                 height=\"{height:.1}\"/>"
            )]);
        }
    }
    let tip = format!(
        "computing {}, blocked {}, without a core {}",
        nanos(u64::from(slice.cpu) * 1_000),
        nanos(u64::from(slice.blocked()) * 1_000),
        nanos(u64::from(slice.run_delay) * 1_000)
    );
    if bars.is_empty() { bars } else { format!("<g>{bars}<title>{tip}</title></g>") }
}

#[expect(clippy::cast_precision_loss, reason = "a share of a chart's width")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn task(row: &TaskRow) -> String {
    let advice = &row.case.advice;
    let evidence = &advice.evidence;
    let shares = evidence.shares;
    let own = evidence.own_blocked_share.unwrap_or(1.0);
    let parts = [
        ("cpu", shares.cpu),
        ("blocked", shares.blocked * own),
        ("gil", shares.blocked * (1.0 - own)),
        ("queue", shares.run_delay),
        ("awaited", shares.awaited + shares.turn),
    ];
    let lag = advice.lag.as_ref();
    let unfinished = match row.unfinished {
        0 => String::new(),
        count => format!(", {count} of them unfinished"),
    };
    format!(
        "<div class=\"card\"><h3>{name} <span class=\"faint\">{kind}</span></h3>\n{bar}\
         <p class=\"faint\">{runs}{unfinished}, {errors}, p50 {p50}, p95 {p95}; longest step \
         {step}; {busy:.0} % of the loop's time, {lag:.0} % of the \
         waiting that others do</p></div>\n",
        name = escaped(advice.task.as_str()),
        kind = if row.is_endpoint { "endpoint" } else { "task" },
        bar = bar(&parts),
        runs = counted(row.profile.runs(), "run"),
        errors = counted(row.errors, "error"),
        p50 = span(evidence.wall.p50),
        p95 = span(evidence.wall.p95),
        step = span(row.profile.step_max.longest()),
        busy = lag.map_or(0.0, |lag| lag.busy_share * 100.0),
        lag = lag.map_or(0.0, |lag| lag.lag_share * 100.0),
    )
}

fn blocker_card(blocker: &Blocker<'_>, folder: &Path) -> String {
    let site = blocker.site;
    let what = match site.blockage {
        Blockage::Cpu => "computes",
        Blockage::Call => "waits in a blocking call",
        Blockage::Gil => "waits for the GIL",
        Blockage::Starved => "waits for a core",
    };
    let stack: Vec<&str> = site.stack.lines().map(|frame| nearby(frame.trim(), folder)).collect();
    let change = edit(site, folder).map_or_else(String::new, |(now, instead)| match instead {
        Instead::Words(words) => format!("<p>To do: {}</p>", escaped(words)),
        Instead::Twin(instead, _) | Instead::InThread(instead) => format!(
            "<pre><span class=\"minus\">- {}</span>\n<span class=\"plus\">+ {}</span></pre>",
            escaped(&now),
            escaped(&instead)
        ),
    });
    format!(
        "<div class=\"card\"><h3>{file}:{line} <span class=\"faint\">in {function}, for \
         {task}</span></h3>\n<p>{what}, {count}, {total} in all, longest {longest}</p>{change}\
         <details><summary class=\"faint\">stack</summary><pre>{stack}</pre></details></div>\n",
        file = escaped(nearby(&site.place.file, folder)),
        line = site.place.line,
        function = escaped(&site.place.function),
        task = escaped(blocker.task),
        count = counted(site.count, "time"),
        total = span(site.total),
        longest = span(site.longest),
        stack = escaped(&stack.join("\n")),
    )
}

fn advice(case: &Case, folder: &Path) -> String {
    let page = Page { folder, width: COLUMNS, has_unicode: true };
    let lines = block(case, page).lines.join("\n");
    let text = escaped(&anstream::adapter::strip_str(&lines).to_string());
    format!("<div class=\"card\"><pre>{text}</pre></div>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_names_cannot_leave_its_place_in_the_page() {
        assert_eq!(escaped("<b onx=\"1\">&\u{1b}"), "&lt;b onx=&quot;1&quot;&gt;&amp;\u{fffd}");
    }

    #[test]
    fn a_slice_is_drawn_within_its_height_and_an_idle_one_not_at_all() {
        let seen = LoopPart { slice: 100_000_000, ..LoopPart::default() };
        let full = Slice { wall: 100_000, steps: 100_000, cpu: 90_000, run_delay: 60_000 };
        let text = drawn(3, &full, &seen);
        assert!(text.contains("x=\"3\" y=\"10.0\""), "{text}");
        assert!(text.contains("y=\"0.0\" width=\".9\" height=\"10.0\""), "{text}");
        assert_eq!(drawn(0, &Slice::default(), &seen), "");
    }
}
