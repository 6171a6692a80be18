//! When waits for a core acquit the code, and when not.

use super::*;

#[test]
fn r7_a_starved_host_acquits_the_code() {
    let starved = Work { cpu: 60.0, blocked: 20.0, run_delay: 152.0, ..Work::default() };
    let calm = Work { cpu: 4.0, blocked: 1.0, awaited: 20.0, run_delay: 152.0, ..starved };
    for (lane, facts) in [
        (Lane::Thread, function(Lane::Thread, 8)),
        (Lane::Process, function(Lane::Process, 8)),
        (Lane::Async, coroutine()),
    ] {
        let work = if lane == Lane::Async { calm } else { starved };
        let mut profile = gil_bound(profile(lane, 100, work), 0.97);
        let place = Place::new("shop/tasks.py", 12, "report");
        profile.sites.record(&Site::new(place, Blockage::Starved, millis(150.0)));
        let advice = ask(&[profile], &facts);
        assert_eq!((advice.rule, &advice.change), (Some(Rule::R7), &Change::RelieveHost));
        assert_eq!((advice.better_lane, advice.site), (None, None));
    }
}

/// What a coroutine computes or blocks is measured without its waits for a core.
#[test]
fn r7_does_not_acquit_what_blocks_its_loop_on_any_host() {
    for run_delay in [62.0, 200.0, 2_000.0] {
        for (work, rule) in [
            (Work { cpu: 176.0, encode: 0.1, run_delay, ..Work::default() }, Rule::R2),
            (
                Work { cpu: 2.0, blocked: 60.0, awaited: 9.0, run_delay, ..Work::default() },
                Rule::R1,
            ),
        ] {
            let mut starved = profile(Lane::Async, 100, work);
            let place = Place::new("shop/tasks.py", 12, "report");
            starved.sites.record(&Site::new(place, Blockage::Starved, millis(150.0)));
            let advice = ask(&[starved], &coroutine());
            assert_eq!(advice.rule, Some(rule), "{work:?}");
            assert!(matches!(advice.change, Change::Offload { .. }));
            assert_eq!(advice.confidence, Confidence::Medium);
            assert_eq!(advice.doubts, [Doubt::ScarceCores]);
            let rested =
                ask(&[profile(Lane::Async, 100, Work { run_delay: 0.0, ..work })], &coroutine());
            let gain = |advice: &Advice| advice.prediction.unwrap().gain;
            assert_eq!((rested.rule, rested.confidence), (Some(rule), Confidence::High));
            assert!(gain(&advice).likely < gain(&rested).likely / 1.2);
            assert!(gain(&advice).high < gain(&rested).high);
        }
    }
}

#[test]
fn no_confidence_is_high_near_the_share_that_acquits() {
    let confidence = |share: f64| {
        let work = Work { cpu: 100.0 * (1.0 - share), run_delay: 100.0 * share, ..Work::default() };
        let advice = ask(&[profile(Lane::Process, 100, work)], &function(Lane::Process, 8));
        (advice.rule, advice.confidence)
    };
    assert_eq!(confidence(0.15), (None, Confidence::High));
    assert_eq!(confidence(0.24), (None, Confidence::Medium));
    assert_eq!(confidence(0.26), (Some(Rule::R7), Confidence::Medium));
    assert_eq!(confidence(0.4), (Some(Rule::R7), Confidence::High));
}

#[test]
fn r7_threads_that_use_all_cores_wait_for_each_other_and_not_for_others() {
    let full = Work { cpu: 50.0, run_delay: 450.0, wait: 5.0, peers: 39, ..Work::default() };
    let profile = profile(Lane::Thread, 100, full);
    let rule = |cores_used| {
        let advice =
            ask_on(2, &[gil_bound(profile.clone(), cores_used)], &function(Lane::Thread, 40));
        (advice.rule, advice.better_lane)
    };
    assert_eq!(rule(1.95), (None, None));
    assert_eq!(rule(1.2), (Some(Rule::R7), None));
}

#[test]
fn r7_does_not_acquit_threads_that_wait_longer_for_the_gil_than_for_a_core() {
    let crowd = Work { cpu: 10.0, blocked: 60.0, run_delay: 40.0, wait: 5.0, ..Work::default() };
    let mut runs = gil_bound(profile(Lane::Thread, 100, crowd), 1.0);
    let facts = function(Lane::Thread, 40);
    assert_eq!(ask(std::slice::from_ref(&runs), &facts).rule, Some(Rule::R7));
    let blocked = runs.blocked.sum();
    runs.gil = GilWait { blocked, waited: blocked };
    let advice = ask(&[runs], &facts);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R4), Some(Lane::Process)));
}
