use proptest::prelude::*;

use super::*;

fn key(task: &str, lane: Lane) -> ProfileKey {
    ProfileKey {
        task: TaskName::new(task).unwrap(),
        lane,
        size_bucket: SizeBucket::of(100),
        interpreter: Interpreter::new("cpython-3.13"),
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_micros(millis * 1_000)
}

fn run(wall_millis: u64, cpu_millis: u64, peers: u32) -> Measurement {
    let cpu = Duration::from_millis(cpu_millis);
    let wall = Duration::from_millis(wall_millis.max(cpu_millis));
    Measurement {
        wall,
        cpu,
        blocked: wall.saturating_sub(cpu),
        run_delay: peers.is_multiple_of(2).then_some(Duration::from_micros(3)),
        gil_wait: (peers > 3).then_some(Duration::from_millis(1)),
        step_max: cpu,
        step_sum: cpu,
        step_square_sum: step_square(cpu),
        peers,
        is_error: peers == 5,
        ..Measurement::default()
    }
}

fn profile(runs: &[(u64, u64, u32)]) -> Profile {
    let mut profile = Profile::new(key("mail", Lane::Thread));
    for &(wall, cpu, peers) in runs {
        profile.record(&run(wall, cpu, peers), at(i64::try_from(wall * 7).unwrap()));
    }
    profile
}

#[test]
fn a_measurement_is_small_on_the_wire_and_survives_it() {
    let run = Measurement { children_cpu: Some(Duration::from_millis(3)), ..run(250, 3, 0) };
    let encoded = rmp_serde::to_vec(&run).unwrap();
    assert!(encoded.len() < 60, "{} bytes", encoded.len());
    assert_eq!(rmp_serde::from_slice::<Measurement>(&encoded).unwrap(), run);
}

#[test]
fn a_typical_profile_is_small() {
    let mut profile = Profile::new(key("mail", Lane::Async));
    for i in 0..10_000_u64 {
        profile.record(&run(40 + i * 7_919 % 120, i * 104_729 % 9, 1), at(0));
    }
    let place = Place::new("shop/tasks.py", 12, "mail");
    profile.sites.record(
        &Site::new(place, Blockage::Call, Duration::from_millis(60)).with_stack("mail", None),
    );
    let encoded = rmp_serde::to_vec(&profile).unwrap();
    assert!(encoded.len() < 700, "{} bytes", encoded.len());
}

#[test]
fn size_buckets_double() {
    for (bytes, min, max) in
        [(0, 0, 0), (1, 1, 1), (2, 2, 3), (1_000, 512, 1_023), (u64::MAX, 1 << 63, u64::MAX)]
    {
        let bucket = SizeBucket::of(bytes);
        assert_eq!((bucket.bytes_min(), bucket.bytes_max()), (min, max), "{bytes}");
    }
}

#[test]
fn the_fullest_profile_keeps_its_bound() {
    let mut full = Profile::new(ProfileKey {
        task: TaskName::new("t".repeat(200)).unwrap(),
        lane: Lane::Process,
        size_bucket: SizeBucket::of(u64::MAX),
        interpreter: Interpreter::new(&"i".repeat(500)),
    });
    for shift in 0..64 {
        for part in 8..16_u64 {
            let span = Duration::from_nanos((part << 60) >> shift);
            let run = Measurement {
                gil_wait: Some(span),
                run_delay: Some(span),
                process_cpu: Some(Duration::from_nanos(u64::MAX)),
                children_cpu: Some(span),
                ..Measurement {
                    wall: span,
                    cpu: span,
                    blocked: span,
                    awaited: span,
                    step_max: span,
                    step_sum: span,
                    step_square_sum: u64::MAX,
                    encode: span,
                    args_bytes: u64::MAX,
                    result_bytes: u64::MAX,
                    wait: Some(span),
                    ..Measurement::default()
                }
            };
            full.record(&run, Timestamp::from_micros(i64::MAX));
            let place =
                Place::new(&format!("{}{shift}", "f".repeat(500)), u32::MAX, &"g".repeat(500));
            full.sites.record(
                &Site::new(place, Blockage::Starved, span)
                    .with_stack(&"s".repeat(9_000), Some(true)),
            );
            full.errors.record(&format!("{}{shift}", "e".repeat(500)));
        }
    }
    full.occupancy = Occupancy {
        busy: Duration::from_nanos(u64::MAX),
        cpu: Duration::from_nanos(u64::MAX),
        contended: Duration::from_nanos(u64::MAX),
        contended_cpu: Duration::from_nanos(u64::MAX),
    };
    for at in 0..20 {
        let kind = MoveKind::Undone { harm: Harm::NewError { kind: "k".repeat(500) } };
        let at = Timestamp::from_micros(i64::MAX - at);
        let (from, to) = (Lane::Process, Lane::Process);
        full.moves.record(Move { at, from, to, kind, runs: u64::MAX });
    }
    for id in 0..40 {
        full.loops.ran(
            LoopId(u32::MAX - id),
            Timestamp::from_micros(i64::MIN),
            at(i64::MAX / 1_000),
        );
    }
    for _ in 0..40 {
        let same = full.clone();
        full.merge(&same);
    }
    let encoded = rmp_serde::to_vec(&full).unwrap();
    assert!(encoded.len() <= ENCODED_BYTES_MAX, "{} bytes", encoded.len());
    let read: Profile = rmp_serde::from_slice(&encoded).unwrap();
    assert_eq!(rmp_serde::to_vec(&read).unwrap(), encoded);
}

fn moved(second: i64) -> Move {
    let (from, to) = (Lane::Process, Lane::Thread);
    let kind = MoveKind::Kept { gain: 1.5 };
    Move { at: Timestamp::from_micros(second * 1_000_000), from, to, kind, runs: 20 }
}

#[test]
fn the_latest_moves_stay_in_any_order_of_merges_and_each_counts_once() {
    let of = |seconds: &[i64]| {
        let mut moves = Moves::default();
        for second in seconds {
            moves.record(moved(*second));
        }
        moves
    };
    let (one, other) = (of(&[1, 5, 9, 13, 2]), of(&[13, 3, 4, 20, 7, 8]));
    let (mut left, mut right) = (one.clone(), other.clone());
    left.merge(&other);
    right.merge(&one);
    assert_eq!(left, right);
    assert_eq!(left, of(&[9, 13, 20]));
}

/// Stored profiles are read by later releases.
#[test]
fn a_profile_from_before_there_were_moves_can_be_read() {
    let mut before = profile_from_before_there_were_loops();
    before[2] -= 1;
    assert_eq!(before.pop(), Some(0x90), "the empty list of moves");
    assert_eq!(rmp_serde::from_slice::<Profile>(&before).unwrap(), profile(&[(5, 3, 0)]));
}

#[test]
fn a_profile_from_before_there_were_loops_can_be_read() {
    let before = profile_from_before_there_were_loops();
    assert_eq!(rmp_serde::from_slice::<Profile>(&before).unwrap(), profile(&[(5, 3, 0)]));
}

#[test]
fn a_profile_from_before_lines_were_seen_can_be_read() {
    let before = profile_from_before_lines_were_seen();
    assert_eq!(rmp_serde::from_slice::<Profile>(&before).unwrap(), profile(&[(5, 3, 0)]));
}

fn profile_from_before_lines_were_seen() -> Vec<u8> {
    let mut before = rmp_serde::to_vec(&profile(&[(5, 3, 0)])).unwrap();
    assert_eq!(before[0], 0xdc, "an array with a length of two bytes");
    before[2] -= 1;
    assert_eq!(before.pop(), Some(0x00), "nothing stood in line");
    before
}

fn profile_from_before_there_were_loops() -> Vec<u8> {
    let mut before = profile_from_before_lines_were_seen();
    before[2] -= 1;
    assert!(before.ends_with(&[0x92, 0x90, 0x00]), "no loops, and no time of others");
    before.truncate(before.len() - 3);
    before
}

#[test]
fn cores_used_is_told_only_from_attempts_side_by_side() {
    let alone = Occupancy {
        busy: Duration::from_secs(9),
        cpu: Duration::from_secs(9),
        ..Occupancy::default()
    };
    assert_eq!(alone.cores_used(), None);
    let mut shared = Occupancy {
        busy: Duration::from_secs(1),
        cpu: Duration::from_secs(1),
        contended: Duration::from_secs(1),
        contended_cpu: Duration::from_millis(970),
    };
    shared.merge(&alone);
    assert!((shared.cores_used().unwrap() - 0.97).abs() < 1e-9);
    assert!((shared.contended_share() - 0.1).abs() < 1e-9);
}

#[test]
fn kinds_of_errors_are_bounded_and_their_total_is_exact() {
    let mut errors = ErrorCounts::default();
    for kind in 0..20 {
        errors.record(&format!("Error{}", kind % 9));
    }
    assert_eq!((errors.iter().count(), errors.total()), (KINDS_MAX, 20));
    assert_eq!(errors.others(), 20 - errors.iter().map(|(_, count)| count).sum::<u64>());
}

/// The bill of tasks of which it is not known how many can stand in line.
fn lag_bill<'a>(
    profiles: impl IntoIterator<Item = &'a Profile>,
    loop_time: Duration,
) -> Vec<LagShare> {
    super::lag_bill(profiles.into_iter().map(|profile| (profile, InLine::Unknown)), loop_time)
}

/// One long step a second has a tenth of the busy time and nearly all of the lag.
#[test]
fn the_lag_bill_charges_steps_by_their_square() {
    let mut long = Profile::new(key("report", Lane::Async));
    let mut short = Profile::new(key("ping", Lane::Async));
    let mut thread = Profile::new(key("zip", Lane::Thread));
    for second in 0..10 {
        long.record(&run(60, 60, 0), at(second * 1_000));
        thread.record(&run(900, 900, 0), at(second * 1_000));
        for _ in 0..300 {
            short.record(&run(1, 1, 0), at(second * 1_000));
        }
    }
    let bill = lag_bill([&short, &long, &thread], Duration::from_secs(10));
    let tasks: Vec<_> = bill.iter().map(|share| share.task.as_str()).collect();
    assert_eq!(tasks, ["report", "ping"]);
    assert!(bill[0].lag_share > 0.9 && bill[0].busy_share < 0.07, "{bill:?}");
    let exact = (0.06_f64.powi(2) + 300.0 * 0.001_f64.powi(2)) / (2.0 * (1.0 - 0.36));
    let total: f64 = bill.iter().map(|share| share.lag.as_secs_f64()).sum();
    assert!((total - exact).abs() < 1e-6, "{total} {exact}");
    assert!(lag_bill([&long], Duration::ZERO).is_empty());
}

#[test]
fn a_full_loop_has_a_finite_bill() {
    let mut profile = Profile::new(key("spin", Lane::Async));
    profile.record(&run(5_000, 5_000, 0), at(0));
    let bill = lag_bill([&profile], Duration::from_secs(5));
    assert_eq!(bill[0].lag, Duration::from_secs(50));
}

/// Sixty runs that block one after another, and whose ends are told together in the end: the rate
/// and the busy share were those of the moment in which they were told.
#[test]
fn a_profile_spans_from_the_first_start_to_the_last_end() {
    let mut profile = Profile::new(key("block", Lane::Async));
    for second in 1..=60 {
        profile.record(&run(1_000, 1_000, 0), at(second * 1_000));
    }
    assert_eq!(profile.span(), Duration::from_secs(60));
    let bill = lag_bill([&profile], profile.span());
    assert!((bill[0].busy_share - 1.0).abs() < 1e-9, "{bill:?}");
}

/// Four loops that were full for ten seconds made shares of 400 %.
#[test]
fn busy_shares_of_several_loops_never_add_up_to_more_than_the_whole() {
    let mut tasks = ["a", "b"].map(|task| Profile::new(key(task, Lane::Async)));
    for id in 0..4 {
        for second in 1..=10 {
            for profile in &mut tasks {
                profile.record(&run(500, 500, 0), at(second * 1_000));
                profile.loops.ran(LoopId(id), at((second - 1) * 1_000), at(second * 1_000));
            }
        }
    }
    let mut loops = tasks[0].loops.clone();
    loops.join(&tasks[1].loops);
    for (time, share) in [(loops.time(), 0.5), (Duration::from_secs(10), 0.5)] {
        let bill = lag_bill(&tasks, time);
        assert!(bill.iter().all(|of| (of.busy_share - share).abs() < 1e-9), "{time:?} {bill:?}");
    }
    let half = lag_bill(&tasks, loops.time() * 2);
    assert!((half[0].busy_share - 0.25).abs() < 1e-9, "{half:?}");
}

fn runs() -> impl Strategy<Value = Vec<(u64, u64, u32)>> {
    prop::collection::vec((0_u64..5_000, 0_u64..5_000, 0_u32..6), 0..30)
}

proptest! {
    #[test]
    fn the_order_of_merges_does_not_matter(a in runs(), b in runs(), c in runs()) {
        let mut left = profile(&a);
        left.merge(&profile(&b));
        left.merge(&profile(&c));
        let mut tail = profile(&c);
        tail.merge(&profile(&b));
        let mut right = tail;
        right.merge(&profile(&a));
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(&left, &profile(&[a, b, c].concat()));
        let encoded = rmp_serde::to_vec(&left).unwrap();
        prop_assert_eq!(rmp_serde::from_slice::<Profile>(&encoded).unwrap(), left);
    }

    #[test]
    fn shares_of_the_lag_add_up_to_one(a in runs(), b in runs()) {
        let mut one = Profile { key: key("a", Lane::Async), ..profile(&a) };
        let mut two = Profile { key: key("b", Lane::Async), ..profile(&b) };
        one.record(&run(2, 2, 0), at(0));
        two.record(&run(3, 3, 0), at(0));
        let bill = lag_bill([&one, &two], Duration::from_secs(100));
        let sum: f64 = bill.iter().map(|share| share.lag_share).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9);
        let swapped = lag_bill([&two, &one], Duration::from_secs(100));
        let tasks = |bill: &[LagShare]| -> Vec<_> {
            bill.iter().map(|share| share.task.clone()).collect()
        };
        prop_assert_eq!(tasks(&bill), tasks(&swapped));
    }
}
