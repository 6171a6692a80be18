//! Coroutines that await nothing (R3).

use super::*;

#[test]
fn r3_a_coroutine_that_never_awaits_is_made_a_function() {
    let facts = TaskFacts { has_await: Some(false), ..coroutine() };
    let work = Work { cpu: 0.1, ..Work::default() };
    let advice = ask(&[profile(Lane::Async, 50, work)], &facts);
    assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R3), None));
    assert_eq!(ask(&[profile(Lane::Async, 49, work)], &facts).rule, None);
    assert_eq!(ask(&[profile(Lane::Async, 50, work)], &coroutine()).rule, None);
}

/// It stood in line for its first turn, 0.3 ms for 10 us of work, and was said to await 97 % of its
/// time: so it was not needless.
#[test]
fn what_awaits_nothing_is_not_said_to_await() {
    let work = Work { cpu: 0.01, awaited: 0.3, ..Work::default() };
    let runs = [profile(Lane::Async, 3_000, work)];
    let facts = |has_await| TaskFacts { has_await, ..coroutine() };
    let needless = ask(&runs, &facts(Some(false)));
    assert_eq!((needless.rule, &needless.change), (Some(Rule::R3), &Change::MakeDef));
    let shares = needless.evidence.shares;
    assert!(shares.awaited == 0.0 && shares.turn > 0.95, "{shares:?}");
    for (awaited, is_brief) in [(0.3, true), (5.0, false)] {
        let runs = profile(Lane::Async, 3_000, Work { awaited, ..work });
        let shares = ask(&[runs], &facts(None)).evidence.shares;
        assert_eq!((shares.awaited == 0.0, shares.turn > 0.95), (is_brief, is_brief));
    }
}

/// Each step is too short for the rules about blocking and computing; all of them together are not.
#[test]
fn r3_a_coroutine_that_never_awaits_is_given_the_lane_of_a_plain_function() {
    let facts = TaskFacts { has_await: Some(false), ..coroutine() };
    for (work, lane) in [
        (Work { cpu: 4.0, encode: 0.1, ..Work::default() }, Lane::Process),
        (Work { blocked: 3.0, encode: 0.1, ..Work::default() }, Lane::Thread),
    ] {
        let advice = ask(&[profile(Lane::Async, 900, work)], &facts);
        assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R3), Some(lane)));
        assert_eq!(advice.change, Change::Offload { to: lane });
        let few = ask(&[profile(Lane::Async, 100, work)], &facts);
        assert_eq!((few.rule, few.better_lane), (Some(Rule::R3), None));
        let other = ask(&[profile(Lane::Async, 900, work)], &coroutine());
        assert_eq!((other.rule, other.better_lane), (None, None));
    }
}
