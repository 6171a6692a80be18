//! `laneway advise` and `laneway explain` on profiles like those that workers write.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use laneway::AnyStore;
use laneway::core::clock::{Clock, Timestamp};
use laneway::core::id::SessionId;
use laneway::core::job::{Lane, TaskName};
use laneway::core::profile::{
    Blockage, Interpreter, Measurement, Occupancy, Place, Profile, ProfileKey, Site, SizeBucket,
    step_square,
};
use laneway::core::store::{AddProfiles, Durability, OpenSession, RegisterTasks, Store};
use laneway::core::verdict::{Calibration, Form, TaskFacts};
use laneway_sqlite::{Location, SqliteOptions, SqliteStore};
use serde_json::{Value, json};

use crate::bench::Bench;

#[path = "advise/edits.rs"]
mod edits;
#[path = "advise/names.rs"]
mod names;
#[path = "advise/neighbours.rs"]
mod neighbours;

/// The application of every task here.
const APPLICATION: &str = "shop.tasks:app";

/// A run by what it does, in milliseconds.
#[derive(Clone, Copy, Default)]
struct Work {
    cpu: f64,
    blocked: f64,
    awaited: f64,
    run_delay: f64,
    encode: f64,
    wait: f64,
    peers: u32,
}

fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1e3)
}

fn name(task: &str) -> TaskName {
    TaskName::new(task).unwrap()
}

/// So many runs, ten a second, each up to a fifth longer or shorter than the others.
fn profile(task: &str, lane: Lane, runs: u32, work: Work) -> Profile {
    let mut profile = Profile::new(ProfileKey {
        task: name(task),
        lane,
        size_bucket: SizeBucket::of(100),
        interpreter: Interpreter::new("cpython-3.13"),
    });
    for run in 0..runs {
        let factor = 0.8 + 0.1 * f64::from(run % 5);
        let part = |value: f64| millis(value * factor);
        let on_loop = if lane == Lane::Async { work.cpu + work.blocked } else { 0.0 };
        let measurement = Measurement {
            wall: part(work.cpu + work.blocked + work.awaited + work.run_delay),
            cpu: part(work.cpu),
            blocked: part(work.blocked),
            awaited: part(work.awaited),
            run_delay: Some(part(work.run_delay)),
            step_max: part(on_loop),
            step_sum: part(on_loop),
            step_square_sum: step_square(part(on_loop)),
            encode: part(work.encode),
            wait: Some(part(work.wait)),
            args_bytes: 100,
            peers: work.peers,
            ..Measurement::default()
        };
        profile.record(&measurement, Timestamp::from_micros(i64::from(run) * 100_000));
    }
    profile
}

/// A place as the watchdog finds it, with the stack from the outermost frame to the innermost.
fn site(folder: &Path, line: u32, blockage: Blockage, longest: f64) -> Site {
    let file = folder.join("shop/tasks.py").display().to_string();
    let stack = format!("/lib/runner.py:1 main\n{file}:{line} fetch\n/lib/requests/api.py:73 get");
    Site::new(Place::new(&file, line, "fetch"), blockage, millis(longest))
        .with_stack(&stack, Some(false))
}

/// A task that blocks its loop, one that computes on it, threads that take turns with the GIL, a
/// process that waits, waits in threads, a starved host, and a task that is too new.
fn tasks(folder: &Path) -> Vec<(TaskFacts, Profile)> {
    let coroutine = || TaskFacts::new(Form::AsyncDef, Lane::Async);
    let function = |lane, concurrency| TaskFacts {
        concurrency: Some(concurrency),
        ..TaskFacts::new(Form::Def, lane)
    };
    let blocking = Work { cpu: 1.0, blocked: 60.0, awaited: 10.0, ..Work::default() };
    let short_of_cores = Work { cpu: 176.0, run_delay: 62.0, encode: 0.1, ..Work::default() };
    let mut fetch = profile("shop.fetch", Lane::Async, 100, blocking);
    (0..40).for_each(|_| fetch.sites.record(&site(folder, 9, Blockage::Call, 72.0)));
    let computing = Work { cpu: 30.0, awaited: 20.0, encode: 0.5, ..Work::default() };
    let waiting = Work { cpu: 2.0, blocked: 300.0, encode: 0.1, ..Work::default() };
    let starved = Work { cpu: 60.0, blocked: 20.0, run_delay: 152.0, ..Work::default() };
    let calm = Work { cpu: 1.0, awaited: 40.0, ..Work::default() };
    let simple = Work { cpu: 1.0, blocked: 200.0, ..Work::default() };
    vec![
        (coroutine(), fetch),
        (coroutine(), profile("shop.render", Lane::Async, 100, computing)),
        (function(Lane::Thread, 8), crowd()),
        (function(Lane::Process, 32), profile("shop.upload", Lane::Process, 100, waiting)),
        (
            TaskFacts { async_library: Some("asyncpg".to_owned()), ..function(Lane::Thread, 20) },
            profile("shop.query", Lane::Thread, 100, simple),
        ),
        (function(Lane::Thread, 8), profile("shop.starved", Lane::Thread, 100, starved)),
        (coroutine(), profile("shop.spin", Lane::Async, 100, short_of_cores)),
        (coroutine(), profile("shop.calm", Lane::Async, 100, calm)),
        (coroutine(), profile("shop.fresh", Lane::Async, 7, blocking)),
    ]
}

/// Threads that compute in turn, and a few runs that were alone.
fn crowd() -> Profile {
    let alone = Work { cpu: 80.0, encode: 0.2, ..Work::default() };
    let beside = Work { blocked: 240.0, wait: 30.0, peers: 3, ..alone };
    let mut profile_of_all = profile("shop.parse", Lane::Thread, 80, beside);
    profile_of_all.merge(&profile("shop.parse", Lane::Thread, 40, alone));
    profile_of_all.occupancy = Occupancy {
        busy: Duration::from_secs(10),
        cpu: Duration::from_millis(9_700),
        contended: Duration::from_secs(10),
        contended_cpu: Duration::from_millis(9_700),
    };
    profile_of_all
}

fn fill(bench: &Bench, store: &AnyStore, tasks: Vec<(TaskFacts, Profile)>, is_calibrated: bool) {
    let session = SessionId::from_bits(9);
    let facts: BTreeMap<TaskName, TaskFacts> =
        tasks.iter().map(|(facts, profile)| (profile.key.task.clone(), facts.clone())).collect();
    let calibration = Calibration { cores: 4, ..Calibration::default() };
    let register = RegisterTasks {
        application: APPLICATION.to_owned(),
        tasks: facts,
        calibration: is_calibrated.then_some(calibration),
        take_over: false,
    };
    let open =
        OpenSession { session, worker: "measuring".to_owned(), lease: Duration::from_secs(600) };
    let profiles = tasks.into_iter().map(|(_, profile)| profile);
    let profiles = profiles.filter(|profile| profile.runs() > 0).collect();
    bench.wait(async {
        store.register_tasks(register).await?;
        store.open_session(open).await?;
        store.add_profiles(AddProfiles { session, call: 1, profiles }).await
    });
}

fn measured() -> Bench {
    let bench = Bench::new();
    fill(&bench, &bench.store(), tasks(&bench.path("")), true);
    bench
}

/// The text of one task's block, with its lines joined as they were before they were broken.
fn block(text: &str, task: &str) -> String {
    let block = text.split("\n\n").find(|block| block.starts_with(task)).unwrap();
    block.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn advice_is_a_block_for_each_task_that_has_something_to_do() {
    let bench = measured();
    bench.write(
        "shop/tasks.py",
        &format!(
            "import asyncio\n{}async def fetch(url):\n    page = requests.get(url, timeout=5).json()\n",
            "#\n".repeat(6)
        ),
    );
    let done = bench.run("advise");
    let out = &done.expect(0).out;
    let fetch = block(out, "shop.fetch");
    for text in [
        "take it off the loop, into the thread lane (R1 blocking in async, high confidence)",
        "100 runs in the async lane, 0 errors, 10.0 a second, mostly waiting",
        "# cpu 1 % X blocked 85 % . awaited 14 %",
        "of its lag",
        "shop/tasks.py:9 in fetch: waits in a blocking call, 40 times, 2.9s in all, longest 72ms",
        "shop/tasks.py:9 fetch /lib/requests/api.py:73 get edit shop/tasks.py:9 ",
        "- page = requests.get(url, timeout=5).json()",
        "+ page = (await asyncio.to_thread(requests.get, url, timeout=5)).json()",
        "61ms (",
        "if the p95 of blocked time fell below 5ms",
    ] {
        assert!(fetch.contains(text), "{text}\n{out}");
    }
    let parse = block(out, "shop.parse");
    for text in [
        "move it to the process lane (R4 bound by the GIL, high confidence)",
        "g GIL",
        "runs side by side use 0.97 cores",
        "+ @app.task(lane=\"process\")",
        "+ def parse(...):",
    ] {
        assert!(parse.contains(text), "{text}\n{out}");
    }
    assert!(block(out, "shop.render").contains("(R2 computing in async"), "{out}");
    assert!(block(out, "shop.upload").contains("+ @app.task(lane=\"thread\")"), "{out}");
    assert!(block(out, "shop.starved").contains("the code is not to blame"), "{out}");
    let is_code = |line: &&str| line.trim_start().starts_with(['+', '-']);
    let mut words = out.lines().filter(|line| !is_code(line));
    assert!(words.all(|line| line.chars().count() <= 80), "{out}");
    assert!(!out.contains('\u{1b}') && out.is_ascii(), "{out}");
}

#[test]
fn tasks_without_a_change_take_one_line_below_the_others() {
    let out = measured().run("advise").expect(0).out.clone();
    let at = |text: &str| out.find(text).unwrap_or_else(|| panic!("{text}\n{out}"));
    let line = |start: &str| out.lines().find(|line| line.starts_with(start)).unwrap().to_owned();
    assert!(line("shop.query").contains("keep it in the thread lane"), "{out}");
    assert!(line("shop.fresh").contains("not enough evidence (7 of 20 runs)"), "{out}");
    let order = ["shop.fetch", "shop.starved", "NOTHING TO CHANGE", "TOO EARLY TO SAY"].map(at);
    assert!(order.is_sorted(), "{out}");
}

#[test]
fn a_task_that_its_neighbours_delay_is_told_who_they_are() {
    let bench = measured();
    let out = bench.run("advise").expect(0).out.clone();
    let calm = block(&out, "shop.calm");
    for text in [
        "keep it in the async lane; others on its event loop delay it (high confidence)",
        "delay waits up to 40ms for each of its turns on the event loop, on average, since \
         others hold it; of that lag cause: `shop.spin` (86 %), `shop.fetch` (10 %)",
    ] {
        assert!(calm.contains(text), "{text}\n{out}");
    }
    assert!(!block(&out, "shop.spin").contains(" delay "), "{out}");
    let explained = bench.run("explain shop.calm").expect(0).out.clone();
    assert!(block(&explained, "shop.calm").contains("delay waits up to 40ms"), "{explained}");
    let objects = bench.run("advise shop.calm --json").expect(0).objects();
    assert_eq!(objects[0]["delayed_by"]["by"][0]["task"], "shop.spin");
    assert_eq!(objects[0]["delayed_by"]["lag_ms"], 40.0);
    assert_eq!(objects[0]["has_change"], false);
}

/// The watchdog's lines of attempts that did not end have no size of arguments.
#[test]
fn lines_without_a_size_are_told_beside_the_runs_of_their_lane() {
    let bench = Bench::new();
    let facts = TaskFacts::new(Form::AsyncDef, Lane::Async);
    let blocking = Work { cpu: 1.0, blocked: 60.0, ..Work::default() };
    let runs = profile("shop.fetch", Lane::Async, 100, blocking);
    let mut lines = profile("shop.fetch", Lane::Async, 0, blocking);
    lines.key.size_bucket = SizeBucket::of(0);
    lines.sites.record(&site(&bench.path(""), 9, Blockage::Call, 72.0));
    let store = bench.store();
    let session = SessionId::from_bits(9);
    fill(&bench, &store, vec![(facts, runs)], true);
    bench.wait(async {
        store.add_profiles(AddProfiles { session, call: 2, profiles: vec![lines] }).await
    });
    let out = bench.run("explain shop.fetch").expect(0).out.clone();
    assert!(!out.contains(" 0 runs") && out.matches("arguments of ").count() == 1, "{out}");
    assert!(out.contains("lines    shop/tasks.py:9 in fetch"), "{out}");
}

#[test]
fn a_named_task_gets_its_block_whatever_the_verdict() {
    let bench = measured();
    let out = bench.run("advise shop.query shop.fresh").expect(0).out.clone();
    let query = block(&out, "shop.query");
    assert!(query.contains("keep it in the thread lane (R6 many waits"), "{out}");
    let turn = "reached 64 (now 20), R6 (many waits) would advise another lane";
    assert!(query.contains(turn), "{out}");
    assert!(block(&out, "shop.fresh").contains("not enough evidence (7 of 20 runs)"), "{out}");
    assert!(!out.contains("shop.fetch"), "{out}");
}

#[test]
fn signs_and_width_follow_the_terminal() {
    let bench = measured();
    let mut command = bench.command("advise shop.fetch --color always");
    let output = command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "60").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.contains("\u{1b}[") && out.contains("▓▓▓"), "{out}");
    let bare = anstream::adapter::strip_str(&out).to_string();
    assert!(bare.lines().all(|line| line.chars().count() <= 60), "{bare}");
}

#[test]
fn advice_is_data_too() {
    let bench = measured();
    let objects = bench.run("advise --json").expect(0).objects();
    assert_eq!(objects.len(), 9);
    let of = |task: &str| objects.iter().find(|object| object["task"] == task).unwrap();
    let fetch = of("shop.fetch");
    assert_eq!((&fetch["rule"], &fetch["better_lane"]), (&json!("R1"), &json!("thread")));
    assert_eq!(fetch["change"], json!({"kind": "offload", "to": "thread"}));
    assert_eq!((&fetch["has_change"], &fetch["is_calibrated"]), (&json!(true), &json!(true)));
    assert_eq!((&fetch["site"]["line"], &fetch["site"]["longest_ms"]), (&json!(9), &json!(72.0)));
    assert_eq!(fetch["edit"]["code"], json!(["await asyncio.to_thread(fn, ...)"]));
    assert_eq!(fetch["application"], APPLICATION);
    let p95 = fetch.pointer("/evidence/wall/p95_ms").unwrap().as_f64().unwrap();
    assert!((p95 - 85.2).abs() < 6.0, "{p95}");
    assert!(fetch["turning_points"][0]["text"].as_str().unwrap().starts_with("if the p95"));
    assert_eq!(of("shop.fresh")["change"]["kind"], "collect_more");
    assert_eq!(of("shop.fresh")["sufficiency"]["runs"], 7);
    assert_eq!(of("shop.query")["rule"], "R6");
    assert_eq!(objects.last().unwrap()["task"], "shop.fresh");
    assert!(!objects[0].to_string().contains("\"secs\""), "durations have a unit in their name");
    assert_eq!(bench.run("advise --format json").out, bench.run("advise --json").out);
}

#[test]
fn advice_is_sarif_for_code_scanning() {
    let bench = measured();
    let done = bench.run("advise --format sarif");
    let log: Value = serde_json::from_str(&done.expect(0).out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
    let known = ["$schema", "version", "runs"];
    assert!(log.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
    let driver = &log["runs"][0]["tool"]["driver"];
    assert_eq!(driver["name"], "laneway");
    let rules = driver["rules"].as_array().unwrap();
    let mut ids: Vec<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(rules.iter().all(|rule| rule["help"]["text"].as_str().unwrap().len() > 20));
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 6, "what needs no change is no result: {results:#?}");
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(ids[index], result["ruleId"]);
        let level = if result["ruleId"] == "R7" { "note" } else { "warning" };
        assert_eq!(result["level"], level);
        assert!(result["message"]["text"].as_str().unwrap().starts_with("`shop."));
        let logical = result.pointer("/locations/0/logicalLocations/0/fullyQualifiedName");
        assert_eq!(logical, result.pointer("/properties/task"));
    }
    let fetch = results.iter().find(|result| result["properties"]["task"] == "shop.fetch").unwrap();
    let physical = fetch.pointer("/locations/0/physicalLocation").unwrap();
    assert_eq!(
        physical["artifactLocation"],
        json!({"uri": "shop/tasks.py", "uriBaseId": "SRCROOT"})
    );
    assert_eq!(physical["region"], json!({"startLine": 9}));
    let inner = fetch.pointer("/stacks/0/frames/0/location/message/text").unwrap();
    assert_eq!(inner, "/lib/requests/api.py:73 get");
    assert!(log.pointer("/runs/0/originalUriBaseIds/SRCROOT").is_some());
    ids.sort_unstable();
    assert_eq!(ids, ["R0", "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8"]);
    bench.run("advise --json --format sarif").expect(2);
}

#[test]
fn a_build_can_fail_on_code_that_should_change_and_not_on_a_starved_host() {
    let bench = measured();
    bench.run("advise --fail").expect(1);
    bench.run("advise shop.fetch --fail --json").expect(1);
    bench.run("advise shop.calm shop.fresh shop.starved --fail").expect(0);
    // What computes on the loop does so on any host.
    let spin = bench.run("advise shop.spin --fail").expect(1).out.clone();
    assert!(spin.contains("R2 computing in async, medium"), "{spin}");
    assert!(block(&spin, "shop.spin").contains("in another lane it would wait, too"), "{spin}");
}

#[test]
fn without_measurements_it_says_how_to_get_some() {
    let bench = Bench::new();
    bench.store();
    let done = bench.run("advise");
    assert!(done.expect(0).err.contains("run a worker"), "{}", done.err);
    assert_eq!(done.out, "");
    assert_eq!(bench.run("advise --json").expect(0).out, "");
    let log: Value = serde_json::from_str(&bench.run("advise --format sarif").out).unwrap();
    assert_eq!(log["runs"][0]["results"], json!([]));

    let facts = TaskFacts::new(Form::Def, Lane::Thread);
    let unseen = profile("shop.unseen", Lane::Thread, 0, Work::default());
    fill(&bench, &bench.store(), vec![(facts, unseen)], false);
    let done = bench.run("advise");
    assert!(done.expect(0).out.contains("not enough evidence (0 of 20 runs)"), "{}", done.out);
    assert!(done.err.contains("run a worker"), "{}", done.err);
}

#[test]
fn costs_that_were_not_measured_are_marked() {
    let bench = Bench::new();
    fill(&bench, &bench.store(), tasks(&bench.path("")), false);
    let done = bench.run("advise");
    assert!(done.expect(0).err.contains("lanes are not calibrated for 9 tasks"), "{}", done.err);
    let objects = bench.run("advise shop.calm --json").objects();
    assert_eq!(objects[0]["is_calibrated"], false);
    let out = bench.run("explain shop.calm").expect(0).out.clone();
    assert!(out.contains("not calibrated: those of a"), "{out}");
}

/// The text of the table tells what a round trip cost on the machine of its notes.
#[test]
fn a_rule_is_explained_by_the_costs_that_it_reckoned_with() {
    for (is_calibrated, by) in
        [(true, "measured by a worker"), (false, "not measured here: that of a two-core machine")]
    {
        let bench = Bench::new();
        fill(&bench, &bench.store(), tasks(&bench.path("")), is_calibrated);
        let out = bench.run("explain shop.upload").expect(0).out.clone();
        let words: Vec<&str> = out.split_whitespace().collect();
        let text = words.join(" ");
        assert!(text.contains(&format!("(a round trip to a process takes 125us, {by}")), "{out}");
        assert!(!text.contains("92 to 157"), "{out}");
        let objects = bench.run("explain shop.upload --json").expect(0).objects();
        let compared = &objects[0]["rules"][5]["compared"][0];
        assert_eq!(compared["name"], "PROCESS_DISPATCHES");
        assert!(compared["source"].as_str().unwrap().contains(by), "{compared}");
    }
}

#[derive(Debug)]
struct Fixed(Timestamp);

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[test]
fn what_was_measured_before_the_asked_time_does_not_count() {
    let bench = Bench::new();
    let now = Timestamp::from_micros(jiff::Timestamp::now().as_microsecond());
    let path = bench.default_store();
    bench.store();
    let options = SqliteOptions {
        path: Location::File(path),
        durability: Durability::Os,
        clock: Arc::new(Fixed(now.minus(Duration::from_secs(5 * 3_600)))),
    };
    let store = AnyStore::Sqlite(SqliteStore::open(options).unwrap());
    fill(&bench, &store, tasks(&bench.path("")), true);
    let runs = |words: &str| {
        let objects = bench.run(&format!("advise shop.fetch --json {words}")).expect(0).objects();
        objects[0]["sufficiency"]["runs"].as_u64().unwrap()
    };
    assert_eq!((runs(""), runs("--since 8h"), runs("--since 2h")), (100, 100, 0));
    bench.run("advise --since yesterday").expect_error(2, "LW1023");
}

#[test]
fn everything_known_of_a_task_is_explained() {
    let bench = measured();
    let done = bench.run("explain shop.render");
    let out = &done.expect(0).out;
    let words = out.split_whitespace().collect::<Vec<_>>().join(" ");
    for text in [
        "app shop.tasks:app",
        "measured by a worker of this application",
        "R8 needs one thread: is about another form or lane",
        "R1 blocking in async: does not hold",
        "R2 computing in async: decides",
        "the limit 10ms (judgement; two switch intervals",
        "R7 starved host: was not tried",
        "R4 bound by the GIL: was not tried",
        "in the async lane, arguments of 64 to 127 bytes, cpython-3.13: 100 runs, 0 errors",
        "P50 P90 P95 P99 LONGEST SUM",
    ] {
        assert!(words.contains(text), "{text}\n{out}");
    }
    assert!(
        bench.run("explain shop.fetch").out.contains("/lib/runner.py"),
        "the whole stack is shown"
    );

    let objects = bench.run("explain shop.render --json").expect(0).objects();
    let outcomes: Vec<&Value> =
        objects[0]["rules"].as_array().unwrap().iter().map(|rule| &rule["outcome"]).collect();
    assert_eq!(outcomes[..4], ["out_of_scope", "does_not_hold", "decides", "not_tried"]);
    let compared = objects[0].pointer("/rules/2/compared/0").unwrap();
    assert_eq!(compared["name"], "CPU_STEP_P95");
    let (measured, limit) = (&compared["measured"], &compared["limit"]);
    assert!(measured.as_f64().unwrap() > 0.03 && limit == 0.01, "{compared}");
    let fresh = bench.run("explain shop.fresh --json").expect(0).objects();
    assert_eq!(fresh[0].pointer("/rules/2/outcome").unwrap(), "lacks_evidence");
    let wall = objects[0].pointer("/profiles/0/wall").unwrap();
    assert_eq!((&wall["count"], &wall["longest_ms"]), (&json!(100), &json!(60.0)));
    assert_eq!(objects[0]["calibration"]["thread_dispatch_ms"], 0.02);
}

#[test]
fn sizes_that_belong_in_different_lanes_are_told_apart() {
    let bench = Bench::new();
    let facts = TaskFacts { concurrency: Some(32), ..TaskFacts::new(Form::Def, Lane::Process) };
    let waiting = Work { cpu: 2.0, blocked: 300.0, encode: 0.1, ..Work::default() };
    let computing = Work { cpu: 400.0, encode: 0.1, ..Work::default() };
    let small = profile("shop.mixed", Lane::Process, 100, waiting);
    let mut large = profile("shop.mixed", Lane::Process, 300, computing);
    large.key.size_bucket = SizeBucket::of(100_000);
    fill(&bench, &bench.store(), vec![(facts.clone(), small), (facts, large)], true);
    let out = bench.run("advise shop.mixed").expect(0).out.clone();
    let mixed = block(&out, "shop.mixed");
    for text in [
        "run large and small arguments in different lanes",
        "arguments of 64 to 127 bytes: 100 runs, better in the thread lane",
        "arguments of 65536 to 131071 bytes: 300 runs, well where they are",
        "+ def mixed_thread(...): + return mixed(...) and enqueue that one for arguments of up \
         to about 127 bytes",
    ] {
        assert!(mixed.contains(text), "{text}\n{out}");
    }
    let objects = bench.run("advise shop.mixed --json").expect(0).objects();
    assert_eq!(objects[0]["by_size"][0]["size_bucket"], json!({"bytes_min": 64, "bytes_max": 127}));
}
