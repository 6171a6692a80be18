//! The report as words for a terminal.

use std::time::Duration;

use laneway_core::profile::Site;

use super::report::{Blocker, LoopSplit, Report, TaskRow};
use crate::cli::advise::bar::bar;
use crate::cli::advise::blocked_line::{BlockedLine, Instead};
use crate::cli::advise::page::{Block, Page, nearby, wrapped};
use crate::cli::advise::text::{add_site, block};
use crate::cli::humane::{counted, span};
use crate::cli::output::{CYAN, DIM, GREEN, RED, plain};
use crate::cli::table_text::{self, Cell};
use crate::profiling::LoopPart;

/// How many of each the terminal shows; the other formats have all.
const ROWS_SHOWN: usize = 20;
const BLOCKERS_SHOWN: usize = 8;

/// The innermost frames of a stack.
const FRAMES_SHOWN: usize = 6;

/// The width of a bar in the table.
const BAR: usize = 20;

pub(super) fn lines(report: &Report, page: Page<'_>) -> Vec<String> {
    let mut lines = vec![format!(
        "{CYAN}{}{CYAN:#}  {}, exit status {}",
        plain(&report.command).replace('\n', " "),
        span(tenths(report.duration)),
        report.status
    )];
    lines.extend(loops(report, page));
    lines.push(String::new());
    lines.extend(tasks(report, page));
    let blockers = report.blockers();
    for blocker in blockers.iter().take(BLOCKERS_SHOWN) {
        lines.push(String::new());
        lines.extend(blocked(blocker, page));
    }
    if let Some(left) = blockers.len().checked_sub(BLOCKERS_SHOWN).filter(|left| *left > 0) {
        let text = format!(
            "and {} blocked for less time; `--html FILE` and `--json` show all",
            counted(left as u64, "more line")
        );
        lines.push(String::new());
        lines.extend(wrapped(&text, page.width).iter().map(|line| format!("{DIM}{line}{DIM:#}")));
    }
    if blockers.is_empty() {
        lines.push(String::new());
        lines.push(format!("{GREEN}no step blocked an event loop{GREEN:#}"));
    }
    for case in report.advice() {
        lines.push(String::new());
        lines.extend(block(case, page).lines);
    }
    lines
}

/// A duration that nobody reads to the microsecond.
fn tenths(duration: Duration) -> Duration {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(if millis >= 1_000 { millis / 100 * 100 } else { millis })
}

fn nanos(nanos: u64) -> String {
    span(tenths(Duration::from_nanos(nanos)))
}

fn loops(report: &Report, page: Page<'_>) -> Vec<String> {
    let mut block = Block::new(page);
    for (process, seen) in &report.loops {
        block.row("loop", &loop_line(*process, seen));
        let split = LoopSplit::of(seen);
        let part = |(name, part): (&str, u64)| {
            let percent = (part * 100).checked_div(seen.wall).unwrap_or(0);
            format!("{name} {} ({percent} %)", nanos(part))
        };
        let parts: Vec<String> = split.parts().into_iter().map(part).collect();
        block.row("", &parts.join(", "));
    }
    block.row("lag", &format!("a newcomer waits {} for its turn on average", span(report.lag())));
    if report.acquitted.0 > 0 {
        let text = format!(
            "{} took long only because the host gave no core, {} in all: not the code's fault",
            counted(report.acquitted.0, "step"),
            span(tenths(report.acquitted.1))
        );
        block.row("host", &text);
    }
    block.lines
}

fn loop_line(process: u32, seen: &LoopPart) -> String {
    format!(
        "{} in process {process} ran {}: {}, longest {}",
        seen.kind,
        nanos(seen.wall),
        counted(seen.steps_count, "step"),
        nanos(seen.steps_longest)
    )
}

fn tasks(report: &Report, page: Page<'_>) -> Vec<String> {
    let rows: Vec<Vec<Cell>> = report.tasks.iter().take(ROWS_SHOWN).map(row).collect();
    let heads = ["endpoint or task", "runs", "errors", "p50", "p95", "loop", "lag"];
    let mut table = table_text::lines(&heads, &rows).into_iter();
    let mut lines: Vec<String> = table.next().into_iter().collect();
    // The bars stand behind the table, since its cells have one colour each.
    for (row, line) in report.tasks.iter().zip(table) {
        let drawn = bar(&row.case.advice.evidence, BAR, page.has_unicode);
        lines.push(format!("{line}  {drawn}"));
    }
    let signs = if page.has_unicode {
        ["█", "▓", "▚", "░", "─"]
    } else {
        ["#", "X", "~", ".", "-"]
    };
    let [cpu, blocked, queue, awaited, turn] = signs;
    lines.push(format!(
        "{DIM}{cpu} cpu  {blocked} blocked  {queue} run queue  {awaited} awaited  {turn} its turn; \
         loop: share of its time, lag: share of the waiting that it causes{DIM:#}"
    ));
    if let Some(left) = report.tasks.len().checked_sub(ROWS_SHOWN).filter(|left| *left > 0) {
        lines.push(format!(
            "{DIM}and {left} more, which took less; `--html FILE` and `--json` show \
             all{DIM:#}"
        ));
    }
    lines
}

fn row(row: &TaskRow) -> Vec<Cell> {
    let evidence = &row.case.advice.evidence;
    let percent = |share: f64| Cell::right(Some(format!("{:.0} %", share * 100.0)));
    let lag = row.case.advice.lag.as_ref();
    vec![
        Cell::text(row.case.advice.task.as_str()),
        Cell::count(row.profile.runs()),
        Cell::count(row.errors),
        Cell::right(Some(span(evidence.wall.p50))),
        Cell::right(Some(span(evidence.wall.p95))),
        percent(lag.map_or(0.0, |lag| lag.busy_share)),
        percent(lag.map_or(0.0, |lag| lag.lag_share)),
    ]
}

fn blocked(blocker: &Blocker<'_>, page: Page<'_>) -> Vec<String> {
    let mut block = Block::new(page);
    for line in wrapped(&plain(&format!("{} blocks the event loop", blocker.task)), page.width) {
        block.lines.push(format!("{RED}{line}{RED:#}"));
    }
    add_site("line", blocker.site, FRAMES_SHOWN, &mut block);
    if let Some(line) = BlockedLine::of(blocker.site, page.folder) {
        let elsewhere = (line.place != blocker.site.place)
            .then(|| format!("{}:{}", nearby(&line.place.file, page.folder), line.place.line));
        match line.instead {
            Instead::Words(words) => {
                let place = elsewhere.map_or_else(String::new, |place| format!("{place}: "));
                block.row("to do", &format!("{place}{words}"));
            }
            Instead::Twin(instead, _) | Instead::InThread(instead) => {
                let mut label = "edit";
                if let Some(place) = elsewhere {
                    block.row(std::mem::take(&mut label), &place);
                }
                let (now, instead) = (plain(&line.now), plain(&instead));
                block.rows(label, [format!("- {now}"), format!("+ {instead}")]);
            }
        }
    }
    block.lines
}

/// The line that blocks as it stands, and what to do about it.
pub(super) fn edit(site: &Site, folder: &std::path::Path) -> Option<(String, Instead)> {
    let line = BlockedLine::of(site, folder).filter(|line| line.place == site.place)?;
    Some((line.now, line.instead))
}
