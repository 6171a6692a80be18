//! Which lane finishes a batch first.

use super::*;

fn place(work: Work, items_left: u64, facts: &TaskFacts) -> Placement {
    let first = profile(Lane::Thread, 5, work);
    let calibration = Calibration { cores: 4, ..Calibration::default() };
    let forecasts =
        forecast(&Batch { first: &first, items_left, facts, calibration: &calibration });
    assert!(forecasts.iter().any(|forecast| forecast.placement == Placement::Inline));
    forecasts[0].placement
}

#[test]
fn waits_go_to_threads_computing_to_processes_and_trifles_stay() {
    let facts = TaskFacts::new(Form::Def, Lane::Thread);
    let waiting = Work { cpu: 1.0, blocked: 200.0, ..Work::default() };
    let computing = Work { cpu: 80.0, encode: 0.1, ..Work::default() };
    let trifle = Work { cpu: 0.002, ..Work::default() };
    for (work, items, placement) in [
        (waiting, 100, Placement::Lane(Lane::Thread)),
        (computing, 100, Placement::Lane(Lane::Process)),
        (trifle, 1_000_000, Placement::Inline),
        (waiting, 1, Placement::Inline),
        (computing, 3, Placement::Inline),
        (waiting, 0, Placement::Inline),
    ] {
        assert_eq!(place(work, items, &facts), placement, "{work:?} {items}");
    }
}

#[test]
fn what_cannot_leave_its_process_does_not() {
    let computing = Work { cpu: 80.0, encode: 0.1, ..Work::default() };
    let stuck =
        TaskFacts { can_go_to_process: Some(false), ..TaskFacts::new(Form::Def, Lane::Thread) };
    assert_eq!(place(computing, 1_000, &stuck), Placement::Inline);
    let dear = Work { cpu: 8.0, encode: 40.0, ..Work::default() };
    assert_eq!(place(dear, 1_000, &TaskFacts::new(Form::Def, Lane::Thread)), Placement::Inline);
}

proptest! {
    #[test]
    fn more_items_never_call_a_batch_back_from_its_lane(
        cpu in 0.0..100.0_f64, blocked in 0.0..100.0_f64, items in 1_u64..500,
    ) {
        let facts = TaskFacts::new(Form::Def, Lane::Thread);
        let work = Work { cpu, blocked, encode: 0.1, ..Work::default() };
        if place(work, items, &facts) != Placement::Inline {
            prop_assert_ne!(place(work, items * 2, &facts), Placement::Inline);
        }
    }
}
