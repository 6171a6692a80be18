//! The report as one JSON object. Durations are in milliseconds, under names that end so.

use std::path::Path;
use std::time::Duration;

use laneway_core::error::Error;
use serde_json::{Value, json};

use super::report::{Blocker, LoopSplit, Report, TaskRow};
use super::text::edit;
use crate::cli::advise::headline::headline;
use crate::cli::advise::json::advice;
use crate::profiling::LoopPart;
use crate::view::millis;

pub(super) fn report(report: &Report, folder: &Path) -> Result<Value, Error> {
    let advices =
        report.advice().into_iter().map(|case| advice(case, folder)).collect::<Result<_, _>>()?;
    Ok(json!({
        "command": report.command,
        "duration_ms": millis(report.duration),
        "exit_status": report.status,
        "loops": report.loops.iter().map(event_loop).collect::<Vec<_>>(),
        "lag_ms": millis(report.lag()),
        "starved_steps": report.acquitted.0,
        "starved_ms": millis(report.acquitted.1),
        "tasks": report.tasks.iter().map(|row| task(row, folder)).collect::<Vec<_>>(),
        "blockers":
            report.blockers().iter().map(|seen| blocker(seen, folder)).collect::<Vec<_>>(),
        "advice": Value::Array(advices),
    }))
}

fn blocker(Blocker { task, site }: &Blocker<'_>, folder: &Path) -> Value {
    let line = edit(site, folder);
    let edit = line.as_ref().and_then(|(now, instead)| {
        instead.code().map(|instead| json!({"now": now, "instead": instead}))
    });
    json!({
        "task": task,
        "file": site.place.file,
        "line": site.place.line,
        "function": site.place.function,
        "blockage": site.blockage,
        "count": site.count,
        "total_ms": millis(site.total),
        "longest_ms": millis(site.longest),
        "stack": site.stack,
        "gil_held": site.gil_held,
        "edit": edit,
        "to_do": line.as_ref().and_then(|(_, instead)| instead.words()),
    })
}

fn event_loop((process, seen): &(u32, LoopPart)) -> Value {
    let ms = |nanos| millis(Duration::from_nanos(nanos));
    let split = LoopSplit::of(seen);
    let slice = |slice: &crate::profiling::Slice| {
        json!([slice.wall, slice.steps, slice.cpu, slice.run_delay, slice.blocked()])
    };
    json!({
        "process": process,
        "kind": seen.kind,
        "wall_ms": ms(seen.wall),
        "steps": seen.steps_count,
        "steps_ms": ms(seen.steps),
        "cpu_ms": ms(split.cpu),
        "blocked_ms": ms(split.blocked),
        "callbacks_ms": ms(split.callbacks),
        "run_queue_ms": seen.run_delay.map(ms),
        "idle_ms": ms(split.idle),
        "longest_step_ms": ms(seen.steps_longest),
        "slice_ms": ms(seen.slice),
        "timeline_columns": ["wall_us", "steps_us", "cpu_us", "run_queue_us", "blocked_us"],
        "timeline": seen.timeline.iter().map(slice).collect::<Vec<_>>(),
    })
}

fn task(row: &TaskRow, folder: &Path) -> Value {
    let evidence = &row.case.advice.evidence;
    let lag = row.case.advice.lag.as_ref();
    json!({
        "name": row.case.advice.task.as_str(),
        "is_endpoint": row.is_endpoint,
        "runs": row.profile.runs(),
        "unfinished": row.unfinished,
        "errors": row.errors,
        "wall_p50_ms": millis(evidence.wall.p50),
        "wall_p95_ms": millis(evidence.wall.p95),
        "wall_longest_ms": millis(evidence.wall.longest),
        "longest_step_ms": millis(row.profile.step_max.longest()),
        "shares": evidence.shares,
        "busy_share": lag.map(|lag| lag.busy_share),
        "lag_share": lag.map(|lag| lag.lag_share),
        "lag_ms": lag.map(|lag| millis(lag.lag)),
        "verdict": headline(&row.case, folder),
    })
}

#[cfg(test)]
mod tests {
    use laneway_core::clock::Timestamp;
    use laneway_core::job::{Lane, TaskName};
    use laneway_core::profile::{
        Blockage, Interpreter, Measurement, Place, Profile, ProfileKey, Site, SizeBucket,
    };

    use super::*;
    use crate::profiling::{Part, TaskPart};

    /// Thirty runs of a task that sleeps in line 3 of a file in `folder`.
    fn sleeping(folder: &Path) -> Part {
        let text = "import time\nasync def nap():\n    time.sleep(0.12)\n";
        std::fs::write(folder.join("app.py"), text).unwrap();
        let key = ProfileKey {
            task: TaskName::new("nap").unwrap(),
            lane: Lane::Async,
            size_bucket: SizeBucket::of(0),
            interpreter: Interpreter::new("cpython-312"),
        };
        let mut profile = Profile::new(key);
        let blocked = Duration::from_millis(120);
        for run in 0..30 {
            let (wall, gil_wait) = (blocked, Some(Duration::ZERO));
            let run_delay = Some(Duration::ZERO);
            let (step_max, step_sum) = (blocked, blocked);
            let seen = Measurement {
                wall,
                blocked,
                gil_wait,
                run_delay,
                step_max,
                step_sum,
                ..Measurement::default()
            };
            profile.record(&seen, Timestamp::from_micros(run * 200_000));
        }
        let site = Site::new(Place::new("app.py", 3, "nap"), Blockage::Call, blocked);
        profile.sites.record(&site.with_stack("app.py:3 nap", None));
        Part {
            process: 1,
            interpreter: "cpython-312".to_owned(),
            loops: vec![LoopPart { wall: 6_000_000_000, ..LoopPart::default() }],
            tasks: vec![TaskPart { is_endpoint: false, unfinished: 0, at_once: 1, profile }],
            blocked: None,
            acquitted: (0, 0),
        }
    }

    /// The one said a thread, the other one to wait without blocking; and both said that a thread
    /// was the better lane.
    #[test]
    fn the_verdict_on_a_task_is_what_the_advice_on_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let parts = vec![sleeping(folder.path())];
        let seen = Report::new(&[], (Duration::from_secs(6), 0), parts, folder.path());
        let report = report(&seen, folder.path()).unwrap();
        let verdict = &report["tasks"][0]["verdict"];
        assert_eq!(verdict, "wait without blocking: `await asyncio.sleep(0.12)`");
        let advice = &report["advice"][0];
        assert_eq!(verdict, &advice["sentence"]);
        assert_eq!((&advice["rule"], &advice["better_lane"]), (&json!("R1"), &Value::Null));
        let change = json!({ "kind": "use_async_library", "library": "asyncio.sleep" });
        assert_eq!(advice["change"], change);
        assert_eq!(report["blockers"][0]["edit"]["instead"], "await asyncio.sleep(0.12)");
    }
}
