//! Each rule on a profile that asks for it, and on one that nearly does.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::profile::{
    GilWait, InLine, Interpreter, Measurement, Occupancy, Place, ProfileKey, Site, step_square,
};

mod bursts;
mod needless;
mod pipeline;
mod properties;
mod starved_host;
mod turning_points;
mod undone;

fn millis(millis: f64) -> Duration {
    Duration::from_secs_f64(millis / 1e3)
}

fn task() -> TaskName {
    TaskName::new("report").unwrap()
}

/// A run by what it does, in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Work {
    cpu: f64,
    blocked: f64,
    awaited: f64,
    run_delay: f64,
    encode: f64,
    wait: f64,
    args_bytes: u64,
    peers: u32,
}

impl Work {
    fn measure(self, factor: f64) -> Measurement {
        let part = |value: f64| millis(value * factor);
        let step = part(self.cpu + self.blocked);
        Measurement {
            wall: part(self.cpu + self.blocked + self.awaited + self.run_delay),
            cpu: part(self.cpu),
            blocked: part(self.blocked),
            awaited: part(self.awaited),
            run_delay: Some(part(self.run_delay)),
            step_max: step,
            step_sum: step,
            step_square_sum: step_square(step),
            encode: part(self.encode),
            wait: Some(part(self.wait)),
            args_bytes: self.args_bytes,
            peers: self.peers,
            ..Measurement::default()
        }
    }
}

/// So many runs, ten a second, each up to a quarter longer or shorter than the others.
/// How much longer the slowest run of a [`profile`] takes than the mean one.
const SLOWEST: f64 = 1.2;

fn profile(lane: Lane, runs: u32, work: Work) -> Profile {
    let mut profile = Profile::new(ProfileKey {
        task: task(),
        lane,
        size_bucket: SizeBucket::of(work.args_bytes),
        interpreter: Interpreter::new("cpython-3.13"),
    });
    for run in 0..runs {
        let factor = SLOWEST - 0.1 * f64::from(4 - run % 5);
        profile.record(&work.measure(factor), Timestamp::from_micros(i64::from(run) * 100_000));
    }
    profile
}

fn gil_bound(mut profile: Profile, cores_used: f64) -> Profile {
    profile.occupancy = Occupancy {
        busy: Duration::from_secs(10),
        cpu: millis(10_000.0 * cores_used),
        contended: Duration::from_secs(10),
        contended_cpu: millis(10_000.0 * cores_used),
    };
    profile
}

fn ask(profiles: &[Profile], facts: &TaskFacts) -> Advice {
    ask_on(4, profiles, facts)
}

fn ask_on(cores: u32, profiles: &[Profile], facts: &TaskFacts) -> Advice {
    let calibration = Calibration { cores, ..Calibration::default() };
    let task = task();
    advise(&Question { task: &task, profiles, calibration: &calibration, facts, lag: None })
}

fn lag_bill(profiles: &[Profile], loop_time: Duration) -> Vec<LagShare> {
    let attempts = profiles.iter().map(|profile| (profile, InLine::Attempts));
    crate::profile::lag_bill(attempts, loop_time)
}

fn coroutine() -> TaskFacts {
    TaskFacts::new(Form::AsyncDef, Lane::Async)
}

fn function(lane: Lane, concurrency: u32) -> TaskFacts {
    TaskFacts { concurrency: Some(concurrency), ..TaskFacts::new(Form::Def, lane) }
}

#[test]
fn too_few_runs_or_too_little_time_is_said_honestly() {
    let work = Work { cpu: 1.0, blocked: 200.0, ..Work::default() };
    for (runs, change, sentence) in [
        (0, Change::CollectMore, "not enough evidence (0 of 20 runs)"),
        (19, Change::CollectMore, "not enough evidence (19 of 20 runs)"),
        (20, Change::Offload { to: Lane::Thread }, "take it off the loop, into the thread lane"),
    ] {
        let advice = ask(&[profile(Lane::Async, runs, work)], &coroutine());
        assert_eq!((&advice.change, advice.sentence().as_str()), (&change, sentence));
        let is_unknown =
            advice.kind == Kind::Unknown && advice.turning_points[0].then == Then::Verdict;
        assert_eq!(is_unknown, runs < 20);
    }
    let short = Work { blocked: 50.0, ..Work::default() };
    let advice = ask(&[profile(Lane::Async, 25, short)], &coroutine());
    assert_eq!(advice.sentence(), "not enough evidence (1.3s of 2s of run time)");
    let unseen = ask(&[], &coroutine());
    assert_eq!((unseen.change, unseen.doubts), (Change::CollectMore, Vec::new()));
}

#[test]
fn r0_a_short_function_needs_no_lane() {
    let work = Work { cpu: 0.05, wait: 0.2, ..Work::default() };
    let advice = ask(&[profile(Lane::Thread, 500, work)], &function(Lane::Thread, 8));
    assert_eq!((advice.rule, advice.kind), (Some(Rule::R0), Kind::Trivial));
    assert_eq!((advice.better_lane, advice.change), (None, Change::CallDirectly));
    let many = gil_bound(profile(Lane::Thread, 50_000, work), 1.0);
    assert_eq!(ask(&[many], &function(Lane::Thread, 8)).rule, Some(Rule::R0));
    let alone = Work { cpu: 40.0, ..Work::default() };
    let advice = ask(&[profile(Lane::Thread, 60, alone)], &function(Lane::Thread, 1));
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R0), None));
}

/// Arguments of a plain function are decoded within its wall time, and counted once.
#[test]
fn what_the_loop_of_a_coroutine_decodes_is_evidence_too() {
    let work = Work { cpu: 1.0, encode: 2.0, ..Work::default() };
    let on_loop = ask(&[profile(Lane::Async, 800, work)], &coroutine()).sufficiency;
    assert!(on_loop.is_enough() && on_loop.wall == Duration::from_millis(2_400), "{on_loop:?}");
    let in_thread = ask(&[profile(Lane::Thread, 800, work)], &function(Lane::Thread, 1));
    assert_eq!(in_thread.sufficiency.wall, Duration::from_millis(800));
}

#[test]
fn r1_a_blocking_coroutine_goes_to_an_async_library_or_a_thread() {
    let work = Work { cpu: 1.0, blocked: 60.0, awaited: 10.0, ..Work::default() };
    let mut profile = profile(Lane::Async, 100, work);
    let place = Place::new("shop/tasks.py", 12, "report");
    profile.sites.record(&Site::new(place, Blockage::Call, millis(60.0)));
    let advice = ask(&[profile.clone()], &coroutine());
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R1), Some(Lane::Thread)));
    assert_eq!((advice.kind, advice.confidence), (Kind::IoBound, Confidence::High));
    assert_eq!(advice.site.unwrap().place.line, 12);
    let prediction = advice.prediction.unwrap();
    assert_eq!(prediction.of, Predicted::LoopTime);
    assert!((prediction.before_seconds.likely - 0.061).abs() < 1e-4, "{prediction:?}");
    assert!(prediction.after_seconds.high < 0.002 && prediction.gain.low > 20.0);
    assert_eq!(advice.turning_points[0].limit.measure, Measure::BlockedP95);

    let library = String::from("httpx.AsyncClient");
    let facts = TaskFacts { async_library: Some(library.clone()), ..coroutine() };
    let advice = ask(&[profile], &facts);
    assert_eq!(advice.change, Change::UseAsyncLibrary { library });
    assert_eq!(advice.better_lane, None);
}

/// Threads that compute most of the time get one core's work done, processes that of all cores.
#[test]
fn r1_a_coroutine_that_blocks_and_computes_goes_where_more_gets_done() {
    let advised = |cpu, blocked| {
        let work = Work { cpu, blocked, encode: 0.5, ..Work::default() };
        let advice = ask_on(2, &[profile(Lane::Async, 100, work)], &coroutine());
        (advice.rule, advice.better_lane)
    };
    assert_eq!(advised(60.0, 30.0), (Some(Rule::R1), Some(Lane::Process)));
    assert_eq!(advised(30.0, 60.0), (Some(Rule::R1), Some(Lane::Thread)));
    let work = Work { cpu: 60.0, blocked: 30.0, ..Work::default() };
    let stuck = TaskFacts { can_go_to_process: Some(false), ..coroutine() };
    let advice = ask_on(2, &[profile(Lane::Async, 100, work)], &stuck);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R1), Some(Lane::Thread)));
    let twin = TaskFacts { async_library: Some("httpx.AsyncClient".to_owned()), ..coroutine() };
    let advice = ask_on(2, &[profile(Lane::Async, 100, Work { encode: 0.5, ..work })], &twin);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R1), Some(Lane::Process)));
}

/// The stack tells which of the libraries blocked that the code names; without one they must agree.
#[test]
fn r1_names_the_twin_of_the_library_that_blocked() {
    let work = Work { cpu: 1.0, blocked: 60.0, awaited: 10.0, ..Work::default() };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let facts = TaskFacts { library_names: names(&["time.sleep", "redis.Redis"]), ..coroutine() };
    let advised = |stack: Option<&str>, facts: &TaskFacts| {
        let mut profile = profile(Lane::Async, 100, work);
        if let Some(stack) = stack {
            let place = Place::new("shop/tasks.py", 12, "report");
            let site = Site::new(place, Blockage::Call, millis(60.0)).with_stack(stack, None);
            profile.sites.record(&site);
        }
        ask(&[profile], facts).change
    };
    let twin = |library: &str| Change::UseAsyncLibrary { library: library.to_owned() };
    let own = "shop/tasks.py:12 report";
    let redis = format!("{own}\n/x/site-packages/redis/client.py:559 execute_command");
    assert_eq!(advised(Some(&redis), &facts), twin("redis.asyncio"));
    assert_eq!(advised(Some(own), &facts), twin("asyncio.sleep"));
    assert_eq!(advised(None, &facts), Change::Offload { to: Lane::Thread });
    let one = TaskFacts { library_names: names(&["redis.Redis"]), ..coroutine() };
    assert_eq!(advised(None, &one), twin("redis.asyncio"));
    assert_eq!(advised(Some(own), &one), Change::Offload { to: Lane::Thread });
}

/// One run in five blocks. The mean says a gain of 1.45; few runs cannot prove even 1.3.
#[test]
fn r1_waits_until_the_worse_end_of_the_range_clears_the_band() {
    let calm = Work { cpu: 20.0, awaited: 100.0, ..Work::default() };
    let facts = TaskFacts { can_go_to_process: Some(false), ..coroutine() };
    let advice = |rounds: i64| {
        let mut profile = profile(Lane::Async, 0, calm);
        for run in 0..rounds * 5 {
            let blocked = if run % 5 == 0 { 45.0 } else { 0.0 };
            let work = Work { blocked, ..calm };
            profile.record(&work.measure(1.0), Timestamp::from_micros(run * 100_000));
        }
        ask(&[profile], &facts)
    };
    let (few, many) = (advice(5), advice(500));
    assert_eq!(few.better_lane, None);
    let near =
        few.turning_points.iter().find(|point| point.limit.measure == Measure::Gain).unwrap();
    assert_eq!(near.then, Then::Applies(Rule::R1));
    assert!(near.limit.now > 1.0 && near.limit.now < 1.3, "{near:?}");
    assert_eq!((many.rule, many.better_lane), (Some(Rule::R1), Some(Lane::Thread)));
}

#[test]
fn r2_a_computing_coroutine_goes_to_a_process_while_the_gil_is_held() {
    let work = Work { cpu: 80.0, awaited: 30.0, encode: 0.5, ..Work::default() };
    let mut computing = profile(Lane::Async, 100, work);
    let advice = ask(&[computing.clone()], &coroutine());
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R2), Some(Lane::Process)));
    assert_eq!(advice.kind, Kind::CpuBound);
    let stuck = TaskFacts { can_go_to_process: Some(false), ..coroutine() };
    let advice = ask(&[computing.clone()], &stuck);
    assert_eq!((advice.better_lane, advice.change), (None, Change::AwaitMoreOften));

    let place = Place::new("shop/tasks.py", 30, "report");
    let site = Site::new(place, Blockage::Cpu, millis(80.0)).with_stack("zlib", Some(false));
    computing.sites.record(&site);
    let advice = ask(&[computing], &coroutine());
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R2), Some(Lane::Thread)));
}

#[test]
fn r2_a_task_with_short_steps_is_found_by_the_lag_it_causes() {
    let work = Work { cpu: 8.0, awaited: 30.0, encode: 0.1, ..Work::default() };
    let profiles = [profile(Lane::Async, 400, work)];
    assert_eq!(ask(&profiles, &coroutine()).rule, None);
    let bill = lag_bill(&profiles, Duration::from_secs(5));
    let (task, calibration, facts) = (task(), Calibration::default(), coroutine());
    let question = Question {
        task: &task,
        profiles: &profiles,
        calibration: &calibration,
        facts: &facts,
        lag: bill.first(),
    };
    let advice = advise(&question);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R2), Some(Lane::Process)));
    assert_eq!(advice.turning_points[0].limit.measure, Measure::Lag);
}

/// Many runs that come together make a long line of short steps.
#[test]
fn r2_sends_no_step_to_a_process_that_is_wasted_there() {
    let work = Work { cpu: 1.0, awaited: 30.0, encode: 0.05, ..Work::default() };
    let mut burst = profile(Lane::Async, 4_000, work);
    burst.in_line_sum = 200_000_000_000;
    let profiles = [burst];
    let bill = lag_bill(&profiles, Duration::from_secs(80));
    assert!(bill[0].lag > millis(2.0), "{bill:?}");
    let (task, calibration, facts) = (task(), Calibration::default(), coroutine());
    let lag = bill.first();
    let question = Question {
        task: &task,
        profiles: &profiles,
        calibration: &calibration,
        facts: &facts,
        lag,
    };
    assert_eq!(advise(&question).change, Change::Keep);
}

/// A library for matrices uses all cores as it is.
#[test]
fn what_computes_in_threads_of_its_own_goes_to_no_process() {
    let own_threads = |mut profile: Profile, share| {
        profile.other_threads_cpu = profile.cpu.sum().mul_f64(share);
        profile
    };
    let work = Work { cpu: 40.0, encode: 0.1, wait: 30.0, ..Work::default() };
    let needless = TaskFacts { has_await: Some(false), ..coroutine() };
    for (lane, facts) in [
        (Lane::Async, coroutine()),
        (Lane::Async, needless),
        (Lane::Thread, function(Lane::Thread, 8)),
    ] {
        let runs = gil_bound(profile(lane, 100, work), 1.0);
        let (alone, many) = (own_threads(runs.clone(), 0.1), own_threads(runs, 0.9));
        assert_eq!(ask(&[alone], &facts).better_lane, Some(Lane::Process));
        let advice = ask(&[many], &facts);
        assert_eq!(advice.better_lane, None);
        assert!(advice.doubts.contains(&Doubt::OwnThreads));
    }
}

#[test]
fn r4_threads_that_take_turns_with_the_gil_become_processes() {
    let alone = profile(Lane::Thread, 40, Work { cpu: 80.0, encode: 0.2, ..Work::default() });
    let crowd =
        Work { cpu: 80.0, blocked: 240.0, wait: 30.0, peers: 3, encode: 0.2, ..Work::default() };
    let mut whole = profile(Lane::Thread, 80, crowd);
    whole.merge(&alone);
    let facts = function(Lane::Thread, 8);
    let advice = ask(&[gil_bound(whole.clone(), 0.97)], &facts);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R4), Some(Lane::Process)));
    assert_eq!((advice.kind, advice.confidence), (Kind::CpuBound, Confidence::High));
    let gain = advice.prediction.unwrap().gain;
    assert!(gain.low > 3.0 && gain.high < 4.5, "{gain:?}");

    assert_eq!(ask(&[gil_bound(whole.clone(), 1.8)], &facts).better_lane, None);
    assert_eq!(ask(&[whole.clone()], &facts).better_lane, None);
    let stuck = TaskFacts { can_go_to_process: Some(false), ..facts.clone() };
    assert_eq!(ask(&[gil_bound(whole.clone(), 0.97)], &stuck).better_lane, None);
    // Its arguments are decoded where it runs, in any lane, and that is part of its CPU time.
    let dear = profile(Lane::Thread, 200, Work { cpu: 80.0, encode: 70.0, ..Work::default() });
    let advice = ask(&[gil_bound(dear, 0.97)], &facts);
    assert_eq!(advice.better_lane, Some(Lane::Process));
}

/// Without attempts that ran alone, waits for the GIL look like input and output. Saying so is
/// better than moving a task that waits into a lane with four places.
#[test]
fn r4_does_not_guess_what_a_crowd_waits_for() {
    let crowd = Work { cpu: 80.0, blocked: 240.0, wait: 30.0, peers: 3, ..Work::default() };
    let advice =
        ask(&[gil_bound(profile(Lane::Thread, 80, crowd), 0.97)], &function(Lane::Thread, 8));
    assert_eq!(advice.better_lane, None);
    assert!(advice.doubts.contains(&Doubt::GilWaitUnknown));
}

/// Threads that let go of the GIL at every turn and queue for it anew use little of a core.
#[test]
fn r4_threads_that_wait_for_the_gil_longer_than_they_work_become_processes() {
    let crowd =
        Work { cpu: 10.0, blocked: 60.0, wait: 30.0, peers: 3, encode: 0.1, ..Work::default() };
    let mut seen = gil_bound(profile(Lane::Thread, 100, crowd), 0.6);
    let facts = function(Lane::Thread, 8);
    assert_eq!(ask(std::slice::from_ref(&seen), &facts).better_lane, None);
    for (share, lane) in [(0.95, Some(Lane::Process)), (0.05, None)] {
        let blocked = seen.blocked.sum();
        seen.gil = GilWait { blocked, waited: blocked.mul_f64(share) };
        let advice = ask(std::slice::from_ref(&seen), &facts);
        assert_eq!(advice.better_lane, lane, "{share}");
        assert!(!advice.doubts.contains(&Doubt::GilWaitUnknown));
    }
}

#[test]
fn r4_threads_that_wait_for_nothing_but_the_gil_are_bound_by_it_on_few_cores_too() {
    let crowd =
        Work { cpu: 10.0, blocked: 8.0, wait: 30.0, peers: 3, encode: 0.1, ..Work::default() };
    let mut seen = gil_bound(profile(Lane::Thread, 200, crowd), 0.7);
    let facts = function(Lane::Thread, 8);
    assert_eq!(ask(std::slice::from_ref(&seen), &facts).better_lane, None);
    for (share, lane) in [(0.9, Some(Lane::Process)), (0.1, None)] {
        let blocked = seen.blocked.sum();
        seen.gil = GilWait { blocked, waited: blocked.mul_f64(share) };
        assert_eq!(ask(std::slice::from_ref(&seen), &facts).better_lane, lane, "{share}");
    }
}

#[test]
fn r4_threads_that_end_before_the_next_one_begins_are_bound_while_a_line_stands_before_them() {
    let facts = function(Lane::Thread, 8);
    for (wait, lane) in [(30.0, Some(Lane::Process)), (0.0, None)] {
        let quick = Work { cpu: 10.0, wait, peers: 1, encode: 0.1, ..Work::default() };
        let mut seen = profile(Lane::Thread, 300, quick);
        seen.occupancy = Occupancy {
            busy: Duration::from_secs(3),
            cpu: millis(2_900.0),
            ..Occupancy::default()
        };
        assert_eq!(ask(&[seen], &facts).better_lane, lane, "{wait}");
    }
}

#[test]
fn r5_a_process_for_small_or_waiting_work_becomes_a_thread() {
    let waiting = Work { cpu: 2.0, blocked: 300.0, encode: 0.1, ..Work::default() };
    let advice = ask(&[profile(Lane::Process, 100, waiting)], &function(Lane::Process, 32));
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R5), Some(Lane::Thread)));
    let dear = Work { cpu: 80.0, encode: 70.0, ..Work::default() };
    let advice = ask(&[profile(Lane::Process, 200, dear)], &function(Lane::Process, 32));
    assert_eq!((advice.rule, advice.better_lane), (None, None));
    let computing = Work { cpu: 200.0, blocked: 5.0, encode: 0.1, ..Work::default() };
    let advice = ask(&[profile(Lane::Process, 100, computing)], &function(Lane::Process, 32));
    assert_eq!((advice.rule, advice.better_lane), (None, None));
    let mixed = profile(
        Lane::Process,
        200,
        Work { cpu: 5.0, blocked: 15.0, encode: 0.1, ..Work::default() },
    );
    let advised = |cores| {
        ask_on(cores, std::slice::from_ref(&mixed), &function(Lane::Process, 32)).better_lane
    };
    assert_eq!((advised(2), advised(4)), (Some(Lane::Thread), None));
    let unsafe_facts = TaskFacts { is_thread_unsafe: true, ..function(Lane::Process, 32) };
    let advice = ask(&[profile(Lane::Process, 100, waiting)], &unsafe_facts);
    assert_eq!(advice.better_lane, None);
}

/// A hundred at once, once an hour, are one in half a minute on average.
#[test]
fn what_comes_in_bursts_is_wanted_at_once() {
    let burst = |wait| {
        let work = Work { cpu: 2.0, blocked: 48.0, wait, encode: 0.1, ..Work::default() };
        let mut profile = profile(Lane::Process, 100, work);
        profile.first_at = Some(Timestamp::from_micros(0));
        profile.last_at = Some(Timestamp::from_micros(3_600_000_000));
        ask(&[profile], &TaskFacts::new(Form::Def, Lane::Process))
    };
    let advice = burst(600.0);
    assert!((40.0..60.0).contains(&advice.evidence.concurrency), "{:?}", advice.evidence);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R5), Some(Lane::Thread)));
    let calm = burst(0.2);
    assert!(calm.evidence.concurrency < 1.1, "{:?}", calm.evidence);
    assert_eq!(calm.better_lane, None);
}

#[test]
fn r6_many_waits_at_once_become_async_and_few_are_fine() {
    let work = Work { cpu: 1.0, blocked: 200.0, ..Work::default() };
    let profiles = [profile(Lane::Thread, 100, work)];
    let library = Some(String::from("aiohttp"));
    let facts = |concurrency| TaskFacts {
        async_library: library.clone(),
        ..function(Lane::Thread, concurrency)
    };
    let many = ask(&profiles, &facts(500));
    assert_eq!((many.rule, many.better_lane), (Some(Rule::R6), Some(Lane::Async)));
    for (concurrency, wanted, turns) in [
        (64, &facts(64), true),
        (20, &facts(20), true),
        (20, &function(Lane::Thread, 20), false),
        (500, &function(Lane::Thread, 500), false),
    ] {
        let advice = ask(&profiles, wanted);
        assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R6), None), "{concurrency}");
        assert_eq!(advice.change, Change::Keep);
        assert_eq!(!advice.turning_points.is_empty(), turns, "{:?}", advice.turning_points);
    }
}

/// They all waited long and then ended in one second.
#[test]
fn no_more_runs_are_wanted_at_once_than_there_were() {
    let work = Work { cpu: 1.0, blocked: 200.0, wait: 9_000.0, ..Work::default() };
    let mut burst = profile(Lane::Thread, 250, work);
    burst.first_at = Some(Timestamp::from_micros(0));
    burst.last_at = Some(Timestamp::from_micros(1_000_000));
    let advice = ask(&[burst], &TaskFacts::new(Form::Def, Lane::Thread));
    assert!((200.0..=250.0).contains(&advice.evidence.concurrency), "{:?}", advice.evidence);
}

#[test]
fn r8_what_is_not_thread_safe_gets_a_serial_thread_without_further_evidence() {
    let facts = TaskFacts { is_thread_unsafe: true, ..function(Lane::Thread, 8) };
    let advice = ask(&[], &facts);
    assert_eq!((advice.rule, advice.change), (Some(Rule::R8), Change::SerialThread));
    let alone = TaskFacts { is_thread_unsafe: true, ..function(Lane::Thread, 1) };
    assert_eq!(ask(&[], &alone).rule, None);
}

/// It sleeps, and wakes when its neighbours let it.
#[test]
fn a_coroutine_is_told_who_delays_it() {
    let named = |name: &str, runs, work| {
        let mut profile = profile(Lane::Async, runs, work);
        profile.key.task = TaskName::new(name).unwrap();
        profile
    };
    let victim = profile(Lane::Async, 100, Work { awaited: 300.0, ..Work::default() });
    let advice = ask(std::slice::from_ref(&victim), &coroutine());
    let profiles = [
        named("calm", 100, Work { cpu: 0.1, ..Work::default() }),
        named("rude", 20, Work { blocked: 400.0, ..Work::default() }),
        victim,
    ];
    let delay = |profiles: &[Profile]| Delay::of(&advice, &lag_bill(profiles, millis(10_000.0)));
    let seen = delay(&profiles).unwrap();
    assert_eq!((seen.by.len(), seen.by[0].task.as_str()), (1, "rude"));
    assert!(seen.lag > millis(100.0) && seen.lag <= millis(300.0), "{seen:?}");
    assert_eq!(delay(&profiles[..1]), None);
    let busy = Work { cpu: 100.0, ..Work::default() };
    assert_eq!(delay(&[named("report", 100, busy)]), None, "nobody delays himself");
    let thread = ask(&[profile(Lane::Thread, 100, busy)], &function(Lane::Thread, 8));
    assert_eq!(Delay::of(&thread, &lag_bill(&profiles, millis(10_000.0))), None);
}

#[test]
fn a_coroutine_that_awaits_is_left_alone() {
    let work = Work { cpu: 0.5, awaited: 200.0, ..Work::default() };
    let advice = ask(&[profile(Lane::Async, 100, work)], &coroutine());
    assert_eq!((advice.rule, advice.kind), (None, Kind::IoBound));
    assert_eq!((advice.better_lane, advice.change), (None, Change::Keep));
}

#[test]
fn small_arguments_stay_where_large_ones_move() {
    let large = Work { cpu: 200.0, encode: 1.0, args_bytes: 1 << 20, wait: 9.0, ..Work::default() };
    let small = Work { cpu: 0.02, blocked: 150.0, args_bytes: 100, wait: 9.0, ..Work::default() };
    let profiles = [
        gil_bound(profile(Lane::Thread, 300, large), 1.0),
        gil_bound(profile(Lane::Thread, 100, small), 1.0),
    ];
    let advice = ask(&profiles, &function(Lane::Thread, 32));
    assert_eq!((advice.better_lane, &advice.change), (None, &Change::SplitBySize));
    assert_eq!((advice.rule, advice.prediction), (Some(Rule::R4), None));
    let lanes: Vec<_> = advice.by_size.iter().map(|size| size.better_lane).collect();
    assert_eq!(lanes, [None, Some(Lane::Process)]);
}

#[test]
fn a_lane_that_was_measured_as_slower_is_not_advised() {
    let here = gil_bound(
        profile(Lane::Thread, 100, Work { cpu: 80.0, wait: 9.0, encode: 0.1, ..Work::default() }),
        1.0,
    );
    let facts = function(Lane::Thread, 8);
    assert_eq!(ask(std::slice::from_ref(&here), &facts).better_lane, Some(Lane::Process));
    let there = profile(Lane::Process, 100, Work { cpu: 900.0, encode: 0.1, ..Work::default() });
    let advice = ask(&[here, there], &facts);
    assert_eq!(advice.better_lane, None);
    assert!(advice.doubts.contains(&Doubt::MeasuredSlower));
}

#[test]
fn what_cannot_be_measured_lowers_the_confidence() {
    let work = Work { cpu: 1.0, blocked: 60.0, ..Work::default() };
    let mut blind = Profile::new(profile(Lane::Async, 0, work).key);
    for run in 0..100 {
        let measured = Measurement { run_delay: None, ..work.measure(1.0) };
        blind.record(&measured, Timestamp::from_micros(run * 100_000));
    }
    let advice = ask(&[blind], &coroutine());
    assert_eq!((advice.rule, advice.confidence), (Some(Rule::R1), Confidence::Medium));
    assert_eq!(advice.doubts, [Doubt::RunDelayUnknown]);
}

#[test]
fn the_table_names_each_rule_once_and_every_threshold_has_a_reason() {
    let mut rules: Vec<_> = RULES.iter().map(|entry| entry.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    assert_eq!(rules.len(), 9);
    for entry in &RULES {
        assert_eq!(entry.rule.entry(), entry);
    }
    let mut names: Vec<_> = THRESHOLDS.iter().map(|threshold| threshold.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), THRESHOLDS.len());
    assert!(THRESHOLDS.iter().all(|t| !t.reason.is_empty() && !t.source.is_empty()));
}
