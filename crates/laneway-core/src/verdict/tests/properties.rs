//! What holds for every profile.

use super::super::thresholds::{BLOCKED_P95, CPU_STEP_P95};
use super::*;
use crate::profile::RELATIVE_ERROR;

fn work() -> impl Strategy<Value = Work> {
    let part = || prop_oneof![Just(0.0), 0.01..2.0_f64, 2.0..400.0_f64];
    (part(), part(), part(), part(), (part(), part()), 0_u32..3).prop_map(
        |(cpu, blocked, awaited, run_delay, (encode, wait), peers)| Work {
            cpu,
            blocked,
            awaited,
            run_delay,
            encode,
            wait,
            args_bytes: 100,
            peers,
        },
    )
}

fn facts() -> impl Strategy<Value = TaskFacts> {
    let twin = prop_oneof![Just(None), Just(Some(String::from("httpx")))];
    let lane = prop::sample::select(Lane::ALL.to_vec());
    let yes_no_unknown = prop::sample::select(vec![None, Some(true), Some(false)]);
    (lane, any::<bool>(), yes_no_unknown, twin, 1_u32..200).prop_map(
        |(lane, is_thread_unsafe, can_go_to_process, async_library, concurrency)| TaskFacts {
            is_thread_unsafe,
            can_go_to_process,
            async_library,
            concurrency: Some(concurrency),
            ..TaskFacts::new(if lane == Lane::Async { Form::AsyncDef } else { Form::Def }, lane)
        },
    )
}

proptest! {
    #[test]
    fn a_move_is_advised_only_when_its_gain_clears_the_band(
        work in work(), facts in facts(), runs in 0_u32..200, cores in 0.5..2.0_f64,
    ) {
        let advice = ask(&[gil_bound(profile(facts.lane, runs, work), cores)], &facts);
        if let Some(prediction) = advice.prediction {
            let Prediction { before_seconds, after_seconds, gain, saved_seconds, .. } = prediction;
            for range in [before_seconds, after_seconds, gain, saved_seconds] {
                prop_assert!(range.low <= range.likely && range.likely <= range.high, "{range:?}");
            }
        }
        if advice.better_lane.is_some() {
            prop_assert!(advice.prediction.unwrap().clears(), "{advice:?}");
            prop_assert!(advice.sufficiency.is_enough());
            prop_assert_ne!(advice.better_lane, Some(facts.lane));
            let is_stuck = facts.can_go_to_process == Some(false);
            prop_assert!(!(is_stuck && advice.better_lane == Some(Lane::Process)));
        }
        if advice.change == Change::CollectMore {
            prop_assert_eq!(advice.kind, Kind::Unknown);
        }
    }

    #[test]
    fn a_starved_host_acquits_all_code_but_what_blocks_a_loop_on_any_host(
        work in work(), facts in facts(), runs in 20_u32..200, extra in 1.4..9.0_f64,
    ) {
        let own = work.cpu + work.blocked + work.awaited + 0.01;
        let starved = Work { run_delay: own * extra, ..work };
        let facts = TaskFacts { is_thread_unsafe: false, ..facts };
        let ask = |work| ask(&[profile(facts.lane, runs, work)], &facts);
        let advice = ask(starved);
        prop_assume!(advice.sufficiency.is_enough());
        // One run in five is the slowest, so that it is the one that a limit for one in 20 is for.
        let [cpu, blocked] = [work.cpu, work.blocked].map(|millis| millis / 1e3 * SLOWEST);
        // A histogram cannot tell what lies this close below a limit from what lies on it.
        let is_near = |seconds: f64, limit: f64| {
            (limit * (1.0 - RELATIVE_ERROR)..limit).contains(&seconds)
        };
        prop_assume!(!is_near(cpu, CPU_STEP_P95) && !is_near(blocked, BLOCKED_P95));
        let blocks = blocked >= BLOCKED_P95 || cpu >= CPU_STEP_P95;
        if facts.lane == Lane::Async && blocks {
            let rested = ask(Work { run_delay: 0.0, ..work });
            let is_blamed = advice.rule != Some(Rule::R7) && advice.rule.is_some();
            // With less time in all there may be no verdict on the same runs without their waits.
            if is_blamed && rested.sufficiency.is_enough() {
                prop_assert!(matches!(rested.rule, Some(Rule::R1 | Rule::R2)), "{rested:?}");
                prop_assert!(advice.confidence < Confidence::High);
                let gain = |advice: &Advice| advice.prediction.map(|seen| seen.gain.likely);
                prop_assert!(advice.rule != rested.rule || gain(&advice) <= gain(&rested));
            }
        } else {
            prop_assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R7), None));
        }
    }

    /// A tenth more than what any rule asks for, so that no range reaches below it.
    #[test]
    fn what_computes_long_on_a_loop_is_never_acquitted(
        cpu in 20.0..400.0_f64, awaited in 0.0..100.0_f64, run_delay in 0.0..4_000.0_f64,
    ) {
        let work = Work { cpu, awaited, run_delay, encode: 0.1, ..Work::default() };
        let advice = ask(&[profile(Lane::Async, 150, work)], &coroutine());
        prop_assert_eq!((advice.rule, advice.better_lane), (Some(Rule::R2), Some(Lane::Process)));
    }

    #[test]
    fn every_turning_point_lies_ahead(
        work in work(), facts in facts(), runs in 0_u32..200, cores in 0.5..2.0_f64,
    ) {
        let advice = ask(&[gil_bound(profile(facts.lane, runs, work), cores)], &facts);
        for point in &advice.turning_points {
            for limit in [point.limit].iter().chain(&point.and) {
                let is_ahead = match limit.direction {
                    Direction::Above => limit.now <= limit.threshold,
                    Direction::Below => limit.now >= limit.threshold,
                };
                prop_assert!(is_ahead, "{point}");
            }
        }
        let facts = TaskFacts { concurrency: None, ..facts };
        let advice = ask(&[profile(facts.lane, runs, work)], &facts);
        prop_assert!(advice.evidence.concurrency <= f64::from(runs.max(1)));
    }

    #[test]
    fn more_blocking_never_turns_a_function_towards_a_process(
        work in work(), more in 0.0..500.0_f64, concurrency in 1_u32..100,
    ) {
        let facts = function(Lane::Thread, concurrency);
        let work = Work { run_delay: 0.0, awaited: 0.0, ..work };
        let blocked = work.blocked + more;
        let ask = |work| ask(&[gil_bound(profile(Lane::Thread, 100, work), 1.0)], &facts);
        let (less, more) = (ask(work), ask(Work { blocked, ..work }));
        // Evidence is complete for both or the comparison says nothing.
        if less.sufficiency.is_enough() && less.better_lane != Some(Lane::Process)
            && less.rule != Some(Rule::R0)
        {
            prop_assert_ne!(more.better_lane, Some(Lane::Process), "{:?}", less);
        }
    }

    #[test]
    fn more_blocking_never_acquits_a_coroutine(work in work(), more in 0.0..500.0_f64) {
        let work = Work { run_delay: 0.0, ..work };
        let blocked = work.blocked + more;
        let ask = |work| ask(&[profile(Lane::Async, 100, work)], &coroutine());
        let (less, more) = (ask(work), ask(Work { blocked, ..work }));
        if less.rule == Some(Rule::R1) {
            prop_assert_eq!(more.rule, Some(Rule::R1));
        }
    }

    #[test]
    fn more_of_the_same_evidence_never_takes_an_advice_back(
        work in work(), facts in facts(), runs in 20_u32..100, cores in 0.9..1.1_f64,
    ) {
        let once = gil_bound(profile(facts.lane, runs, work), cores);
        let mut twice = once.clone();
        twice.merge(&once);
        let (before, after) = (ask(&[once], &facts), ask(&[twice], &facts));
        if before.better_lane.is_some() {
            prop_assert_eq!(before.better_lane, after.better_lane);
            prop_assert!(after.confidence >= before.confidence);
        }
    }

    #[test]
    fn the_order_of_profiles_does_not_matter(
        works in prop::collection::vec(work(), 1..6), facts in facts(),
    ) {
        let mut profiles: Vec<_> = works
            .iter()
            .zip(0_u64..)
            .map(|(work, size)| {
                let args_bytes = 1 << (size * 3);
                profile(facts.lane, 60, Work { args_bytes, ..*work })
            })
            .collect();
        let there = if facts.lane == Lane::Thread { Lane::Process } else { Lane::Thread };
        profiles.push(profile(there, 60, works[0]));
        let forwards = ask(&profiles, &facts);
        profiles.reverse();
        prop_assert_eq!(forwards, ask(&profiles, &facts));
    }
}
