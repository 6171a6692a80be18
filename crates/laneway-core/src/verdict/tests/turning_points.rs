//! What would change the verdict, in words.

use super::*;

#[test]
fn turning_points_are_sentences() {
    let work = Work { cpu: 1.0, blocked: 60.0, ..Work::default() };
    let advice = ask(&[profile(Lane::Async, 100, work)], &coroutine());
    let sentence = advice.turning_points[0].to_string();
    assert!(sentence.starts_with("if the p95 of blocked time fell below 5ms (now "), "{sentence}");
    assert!(sentence.ends_with("R1 (blocking in async) would no longer apply"), "{sentence}");
}

/// One of two conditions that hold was named, and when it had changed the rule still applied.
#[test]
fn turning_points_name_every_condition_that_would_have_to_change() {
    let advised = |cpu, blocked| {
        let work = Work { cpu, blocked, encode: 0.1, ..Work::default() };
        ask(&[profile(Lane::Process, 400, work)], &function(Lane::Process, 32))
    };
    let waiting = advised(4.0, 300.0);
    assert_eq!(waiting.turning_points[0].limit.measure, Measure::CpuShareOfWall);
    assert_eq!(waiting.turning_points[0].and, None);
    let small = advised(0.5, 20.0);
    assert_eq!(small.rule, Some(Rule::R5));
    let sentence = small.turning_points[0].to_string();
    let parts = ["if the CPU time a run reached 1.3ms (now ", ") and the CPU share of wall time"];
    assert!(parts.iter().all(|part| sentence.contains(part)), "{sentence}");
    assert!(sentence.ends_with(", R5 (process wasted) would no longer apply"), "{sentence}");

    let profiles = [profile(Lane::Async, 100, Work { cpu: 80.0, ..Work::default() })];
    let bill = lag_bill(&profiles, Duration::from_secs(20));
    let (task, calibration, facts) = (task(), Calibration::default(), coroutine());
    let lag = bill.first();
    let (profiles, calibration, facts) = (&profiles, &calibration, &facts);
    let long = advise(&Question { task: &task, profiles, calibration, facts, lag });
    assert_eq!(long.rule, Some(Rule::R2));
    let [point] = long.turning_points.as_slice() else { panic!("{long:?}") };
    assert_eq!(point.limit.measure, Measure::StepP95);
    assert_eq!(point.and.unwrap().measure, Measure::Lag);

    let brief = profile(Lane::Thread, 100, Work { cpu: 0.05, ..Work::default() });
    let brief = ask(&[brief], &function(Lane::Thread, 1));
    assert_eq!(brief.turning_points[0].limit.measure, Measure::WallP95);
    assert_eq!(brief.turning_points[0].and.unwrap().measure, Measure::WallTotal);
}
