//! What was measured, read from where it is: a report of `laneway profile --json`, or a store.

use std::fs;
use std::path::Path;
use std::time::Duration;

use laneway_check::{Cause, Cost, Evidence, Frame, Sighting};
use laneway_core::duration;
use laneway_core::error::{Code, Error};
use laneway_core::job::Lane;
use laneway_core::profile::{Blockage, Profile, Site};
use laneway_core::store::{ReadProfiles, Store};
use serde::Deserialize;

use super::super::advise::survey::loop_time;
use super::super::block_on;
use super::super::humane::counted;
use crate::store_url::StoreUrl;

/// A report has one line a blocker and a few numbers a second of its run.
const REPORT_BYTES_MAX: u64 = 256 << 20;

/// What is read of a report.
#[derive(Debug, Deserialize)]
struct Report {
    loops: Vec<Loop>,
    blockers: Vec<Blocker>,
}

#[derive(Debug, Deserialize)]
struct Loop {
    wall_ms: f64,
}

#[derive(Debug, Deserialize)]
struct Blocker {
    task: String,
    file: String,
    line: u32,
    function: String,
    blockage: Blockage,
    count: u64,
    total_ms: f64,
    longest_ms: f64,
    stack: String,
}

/// Reads a report or a store; a URL is that of a store, everything else a file.
pub(super) fn read(source: &str, folder: &Path) -> Result<Evidence, Error> {
    if source.contains("://") {
        of_store(&StoreUrl::parse(source, folder)?)
    } else {
        of_report(&folder.join(source))
    }
}

fn of_report(path: &Path) -> Result<Evidence, Error> {
    let unreadable = |why: String| {
        let what = format!("the measurements `{}` cannot be read", path.display());
        Error::new(Code::InvalidArgument, what).why(why).fix(
            "write them with `laneway profile --json --out FILE -- COMMAND`, or name a store by its URL",
        )
    };
    let about = fs::metadata(path).map_err(|error| unreadable(error.to_string()))?;
    if !about.is_file() || about.len() > REPORT_BYTES_MAX {
        return Err(unreadable("it is no file of a report".to_owned()));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let report: Report =
        serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    let loop_time = report.loops.iter().map(|seen| millis(seen.wall_ms)).sum();
    let sightings = report.blockers.into_iter().filter_map(|blocker| {
        let Blocker { task, file, line, function, .. } = blocker;
        Some(Sighting {
            frame: Frame { file, line, function },
            stack: stack(&blocker.stack),
            task,
            cause: cause(blocker.blockage)?,
            count: blocker.count,
            total: millis(blocker.total_ms),
            longest: millis(blocker.longest_ms),
        })
    });
    Ok(Evidence { sightings: sightings.collect(), loop_time })
}

/// A number that somebody else wrote; nonsense counts as nothing.
fn millis(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1e3).unwrap_or_default()
}

fn of_store(url: &StoreUrl) -> Result<Evidence, Error> {
    let profiles = block_on(async {
        let store = crate::connect_existing(url).await?;
        store.profiles(ReadProfiles { task: None, within: None }).await
    })?;
    // What blocks a thread or a process of its own keeps no loop.
    let on_loops: Vec<&Profile> =
        profiles.iter().filter(|profile| profile.key.lane == Lane::Async).collect();
    let sightings = on_loops.iter().flat_map(|profile| {
        let task = profile.key.task.as_str();
        profile.sites.iter().filter_map(move |site| sighting(task, site))
    });
    Ok(Evidence { sightings: sightings.collect(), loop_time: loop_time(&on_loops) })
}

fn sighting(task: &str, site: &Site) -> Option<Sighting> {
    Some(Sighting {
        frame: Frame {
            file: site.place.file.clone(),
            line: site.place.line,
            function: site.place.function.clone(),
        },
        stack: stack(&site.stack),
        task: task.to_owned(),
        cause: cause(site.blockage)?,
        count: site.count,
        total: site.total,
        longest: site.longest,
    })
}

/// A starved host is nobody's fault.
const fn cause(blockage: Blockage) -> Option<Cause> {
    match blockage {
        Blockage::Cpu => Some(Cause::Computes),
        Blockage::Call => Some(Cause::Waits),
        Blockage::Gil => Some(Cause::WaitsForGil),
        Blockage::Starved => None,
    }
}

/// The frames of a stack, a line each: `FILE:LINE FUNCTION`.
fn stack(text: &str) -> Vec<Frame> {
    let frame = |line: &str| {
        let (place, function) = line.trim().rsplit_once(' ')?;
        let (file, line) = place.rsplit_once(':')?;
        let line = line.parse().ok()?;
        Some(Frame { file: file.to_owned(), line, function: function.to_owned() })
    };
    text.lines().filter_map(frame).collect()
}

/// A cost in words, such as `9 times, 1.2s in all, 320ms at most; 48s an hour, 1.3 % of the loop`.
pub(super) fn in_words(cost: &Cost) -> String {
    let mut text = format!(
        "seen {}, {} in all, {} at most",
        counted(cost.count, "time"),
        duration::format(cost.total),
        duration::format(cost.longest)
    );
    if let (Some(share), Some(hourly)) = (cost.share(), cost.per_hour()) {
        let hourly = duration::format(hourly);
        text = format!("{text}; {hourly} of an hour, {:.1} % of the loop's time", share * 100.0);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_from_the_text_of_a_stack() {
        let text = "/srv/app.py:12 main\n/srv/a folder/db.py:3 Pool.get\nnonsense\n";
        let frames = stack(text);
        assert_eq!(frames.len(), 2);
        assert_eq!((frames[1].file.as_str(), frames[1].line), ("/srv/a folder/db.py", 3));
        assert_eq!(frames[1].function, "Pool.get");
    }

    #[test]
    fn a_cost_is_told_by_the_hour() {
        let cost = Cost {
            count: 9,
            total: Duration::from_millis(1_200),
            longest: Duration::from_millis(320),
            loop_time: Duration::from_secs(90),
            tasks: Vec::new(),
        };
        assert_eq!(
            in_words(&cost),
            "seen 9 times, 1.2s in all, 320ms at most; 48s of an hour, 1.3 % of the loop's time"
        );
        let unknown = Cost { loop_time: Duration::ZERO, count: 1, ..cost };
        assert_eq!(in_words(&unknown), "seen 1 time, 1.2s in all, 320ms at most");
    }
}
