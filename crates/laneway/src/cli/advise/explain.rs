//! `laneway explain` of a task: everything that is known of it.

use laneway_core::profile::{Blockage, Profile};
use laneway_core::verdict::RuleEntry;

use super::page::{Block, Page, wrapped};
use super::survey::{Case, seen};
use super::text::{add_site, block, duration_of, sizes};
use super::trace::{Comparison, Outcome, Step, trace};
use crate::cli::humane::{counted, instant, now, span};
use crate::cli::output::{CYAN, DIM, Output};
use crate::cli::table_text::{Cell, lines};

/// All frames of a stack.
const ALL_FRAMES: usize = usize::MAX;

/// Everything known of a task, for people.
pub(super) fn write_task(case: &Case, page: Page<'_>, output: &mut Output) {
    let mut text = block(case, page);
    text.gap();
    if let Some(application) = &case.application {
        text.row("app", application);
    }
    text.row("costs", &costs(case));
    text.lines.iter().for_each(|line| output.line(line));
    write_rules(&trace(case), page, output);
    for profile in &seen(&case.profiles) {
        write_profile(profile, page, output);
    }
}

fn costs(case: &Case) -> String {
    let costs = &case.calibration;
    let origin = if case.is_calibrated {
        "measured by a worker of this application"
    } else {
        "not calibrated: those of a two-core machine stand in"
    };
    let [coroutine, thread, process] =
        [costs.async_dispatch, costs.thread_dispatch, costs.process_dispatch].map(span);
    format!(
        "{origin}; a dispatch takes {coroutine} to a coroutine, {thread} to a thread, {process} \
         to a process, which starts in {}; 1 MiB is serialised in {}; {}, {} for threads, {}",
        span(costs.process_start),
        span(costs.encode_per_mebibyte),
        counted(costs.cores, "core"),
        counted(costs.threads_max, "place"),
        if costs.has_gil { "a GIL" } else { "no GIL" },
    )
}

fn write_rules(steps: &[Step], page: Page<'_>, output: &mut Output) {
    output.line("");
    output.line(&format!("{DIM}RULES, IN THE ORDER IN WHICH THEY ARE TRIED{DIM:#}"));
    let remark = "Each compares the end of the 95 % range that is worse for a change; the numbers \
                  below are the likely ones.";
    for line in wrapped(remark, page.width) {
        output.line(&format!("{DIM}{line}{DIM:#}"));
    }
    for step in steps {
        let RuleEntry { rule, name, condition, .. } = step.entry;
        let is_decisive = step.outcome == Outcome::Decides;
        let style = if is_decisive { CYAN } else { DIM };
        let outcome = step.outcome.as_str();
        output.line(&format!("{}  {name}: {style}{outcome}{style:#}", rule.as_str()));
        if matches!(step.outcome, Outcome::OutOfScope | Outcome::NotTried) {
            continue;
        }
        for line in wrapped(&format!("when {condition}"), page.width - 4) {
            output.line(&format!("    {line}"));
        }
        for comparison in &step.comparisons {
            let text = compared(comparison);
            for line in wrapped(&text, page.width - 6) {
                output.line(&format!("      {DIM}{line}{DIM:#}"));
            }
        }
    }
}

fn compared(comparison: &Comparison) -> String {
    let Comparison { name, measured, limit, unit, source, .. } = comparison;
    let measured = measured.map_or_else(
        || "is not known".to_owned(),
        |measured| format!("is {}", quantity(measured, unit)),
    );
    format!("{name} {measured}, the limit {} ({source})", quantity(*limit, unit))
}

/// A number in the unit of its threshold.
pub(super) fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "s" => duration_of(value),
        "x" => format!("{value:.2}x"),
        "runs" | "at once" => format!("{value:.0} {unit}"),
        "cores" => format!("{value:.2} cores"),
        share if share.starts_with("of ") => format!("{:.0} % {share}", value * 100.0),
        other => format!("{value:.2} {other}"),
    }
}

fn write_profile(profile: &Profile, page: Page<'_>, output: &mut Output) {
    let key = &profile.key;
    let sizes = sizes(key.size_bucket.bytes_min(), key.size_bucket.bytes_max());
    output.line("");
    let runs = counted(profile.runs(), "run");
    let errors = counted(profile.errors_count, "error");
    let (lane, interpreter) = (key.lane, key.interpreter.as_str());
    let head = if profile.runs() == 0 {
        format!("in the {lane} lane, arguments of any size, {interpreter}: lines that were seen")
    } else {
        format!("in the {lane} lane, arguments of {sizes}, {interpreter}: {runs}, {errors}")
    };
    for line in wrapped(&head, page.width) {
        output.line(&format!("{CYAN}{line}{CYAN:#}"));
    }
    let rows = quantiles(profile);
    let heads = ["", "p50", "p90", "p95", "p99", "longest", "sum"];
    for line in lines(&heads, &rows).iter().filter(|_| !rows.is_empty()) {
        output.line(&format!("  {line}"));
    }
    let mut block = Block::new(page);
    add_circumstances(profile, &mut block);
    let mut label = "lines";
    for site in profile.sites.iter() {
        add_site(label, site, ALL_FRAMES, &mut block);
        label = "";
    }
    block.lines.iter().for_each(|line| output.line(line));
}

fn quantiles(profile: &Profile) -> Vec<Vec<Cell>> {
    let quantities = [
        ("wall", &profile.wall),
        ("cpu", &profile.cpu),
        ("blocked", &profile.blocked),
        ("awaited", &profile.awaited),
        ("run queue", &profile.run_delay),
        ("longest step", &profile.step_max),
        ("serialising", &profile.encode),
        ("wait to start", &profile.wait),
    ];
    let row = |(name, histogram): (&str, &laneway_core::profile::Histogram)| {
        let at = |share| Cell::right(Some(span(histogram.quantile(share))));
        let exact = |time| Cell::right(Some(span(time)));
        let mut cells = vec![Cell::text(name), at(0.5), at(0.9), at(0.95), at(0.99)];
        cells.extend([exact(histogram.longest()), exact(histogram.sum())]);
        cells
    };
    quantities.into_iter().filter(|(_, histogram)| !histogram.is_empty()).map(row).collect()
}

fn add_circumstances(profile: &Profile, block: &mut Block<'_>) {
    let now = now();
    if let (Some(first), Some(last)) = (profile.first_at, profile.last_at) {
        block.row("from", &instant(first, now));
        block.row("to", &instant(last, now));
    }
    let mut errors: Vec<String> =
        profile.errors.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    if profile.errors.others() > 0 {
        errors.push(format!("others {}", profile.errors.others()));
    }
    if !errors.is_empty() {
        block.row("errors", &errors.join(", "));
    }
    let gil = profile.gil;
    if !gil.blocked.is_zero() {
        let text =
            format!("{} of {} blocked was a wait for it", span(gil.waited), span(gil.blocked));
        block.row("GIL", &text);
    }
    let starved = profile.sites.total(Blockage::Starved);
    if !starved.is_zero() {
        block.row("host", &format!("steps waited {} for a core", span(starved)));
    }
}
