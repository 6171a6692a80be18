//! Who delays whom on an event loop, and for how long that is said.

use laneway::core::profile::{LoopId, Loops};

use super::*;

/// A task that waits, and one that keeps the loop from it.
fn two(loops: [Loops; 2], lane_of_spin: Lane) -> Vec<(TaskFacts, Profile)> {
    let calm = Work { cpu: 1.0, awaited: 40.0, ..Work::default() };
    let spin = Work { cpu: 176.0, encode: 0.1, ..Work::default() };
    let [of_calm, of_spin] = loops;
    let on_loop =
        |task: &str, work, loops| Profile { loops, ..profile(task, Lane::Async, 100, work) };
    vec![
        (TaskFacts::new(Form::AsyncDef, Lane::Async), on_loop("shop.calm", calm, of_calm)),
        (TaskFacts::new(Form::Def, lane_of_spin), on_loop("shop.spin", spin, of_spin)),
    ]
}

/// Loops by their number and the first and last second in which a task ran there.
fn loops(stretches: &[(u32, i64, i64)]) -> Loops {
    let at = |second: i64| Timestamp::from_micros(second * 1_000_000);
    let mut loops = Loops::default();
    for &(id, first, last) in stretches {
        loops.ran(LoopId(id), at(first), at(last));
    }
    loops
}

fn advice(tasks: Vec<(TaskFacts, Profile)>) -> Vec<Value> {
    let bench = Bench::new();
    fill(&bench, &bench.store(), tasks, true);
    bench.run("advise shop.calm shop.spin --json").expect(0).objects()
}

fn of<'a>(objects: &'a [Value], task: &str) -> &'a Value {
    objects.iter().find(|object| object["task"] == task).unwrap()
}

/// Its measurements of before stay for 14 days.
#[test]
fn a_task_that_left_the_loop_is_said_to_delay_nobody() {
    let before = advice(two([Loops::default(), Loops::default()], Lane::Async));
    assert_eq!(of(&before, "shop.calm")["delayed_by"]["by"][0]["task"], "shop.spin");
    assert!(!of(&before, "shop.spin")["lag"].is_null());
    let after = advice(two([Loops::default(), Loops::default()], Lane::Process));
    let calm = of(&after, "shop.calm");
    assert_eq!(calm["delayed_by"], Value::Null, "{calm}");
    assert_eq!(calm["sentence"], "keep it in the async lane");
    assert_eq!(of(&after, "shop.spin")["lag"], Value::Null);
}

/// Two workers serve a queue each, and neither has the other one's task on its loop; or the worker
/// started again, and one of the tasks is not in its code any more.
#[test]
fn a_task_is_delayed_by_those_who_are_where_it_runs_now() {
    let before = &[(1, 0, 10)];
    let together = advice(two([loops(before), loops(before)], Lane::Async));
    assert_eq!(of(&together, "shop.calm")["delayed_by"]["by"][0]["task"], "shop.spin");
    for of_spin in [loops(&[(1, 1, 9), (3, 20, 90)]), loops(before)] {
        let of_calm = loops(&[(1, 0, 10), (2, 20, 90)]);
        let parted = advice(two([of_calm, of_spin], Lane::Async));
        assert_eq!(of(&parted, "shop.calm")["delayed_by"], Value::Null);
    }
}

/// Nobody runs it, and nobody knows beside whom it ran.
#[test]
fn a_task_that_no_application_has_delays_nobody_and_is_not_delayed() {
    let bench = Bench::new();
    let store = bench.store();
    let tasks = two([Loops::default(), Loops::default()], Lane::Async);
    let profiles = tasks.iter().map(|(_, profile)| profile.clone()).collect();
    fill(&bench, &store, Vec::new(), true);
    let session = SessionId::from_bits(9);
    bench.wait(store.add_profiles(AddProfiles { session, call: 2, profiles }));
    let objects = bench.run("advise --json").expect(0).objects();
    assert_eq!(of(&objects, "shop.calm")["delayed_by"], Value::Null);
    assert_eq!(of(&objects, "shop.calm")["application"], Value::Null);
}
