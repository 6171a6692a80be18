//! What the auto lane found out counts more than what was predicted.

use super::*;
use crate::profile::{Harm, Move, MoveKind};

fn computing_in_threads(args_bytes: u64) -> Profile {
    let work = Work { cpu: 80.0, wait: 9.0, encode: 0.1, args_bytes, ..Work::default() };
    gil_bound(profile(Lane::Thread, 100, work), 1.0)
}

fn event(second: i64, (from, to): (Lane, Lane), kind: MoveKind) -> Move {
    Move { at: Timestamp::from_micros(second * 1_000_000), from, to, kind, runs: 60 }
}

const THERE: (Lane, Lane) = (Lane::Thread, Lane::Process);
const BACK: (Lane, Lane) = (Lane::Process, Lane::Thread);

fn slower() -> Harm {
    Harm::Slower { factor: 1.3 }
}

/// The advice went on to ask for the move with high confidence.
#[test]
fn a_move_that_was_undone_is_not_advised_again() {
    let facts = function(Lane::Thread, 8);
    let raised = Harm::NewError { kind: "PicklingError".to_owned() };
    for harm in [slower(), raised] {
        for events in [
            vec![
                event(1, THERE, MoveKind::Moved),
                event(2, BACK, MoveKind::Undone { harm: harm.clone() }),
            ],
            vec![event(1, THERE, MoveKind::CanaryRejected { harm: harm.clone() })],
            vec![
                event(1, THERE, MoveKind::CanaryRejected { harm: harm.clone() }),
                event(9, THERE, MoveKind::CanaryStarted { gain_low: 1.5 }),
            ],
        ] {
            let mut here = computing_in_threads(100);
            assert_eq!(ask(&[here.clone()], &facts).better_lane, Some(Lane::Process));
            for event in events {
                here.moves.record(event);
            }
            let advice = ask(&[here], &facts);
            assert_eq!((advice.better_lane, advice.change), (None, Change::Keep));
            assert_eq!(advice.doubts, [Doubt::MoveUndone]);
            assert_eq!(advice.confidence, Confidence::Medium);
        }
    }
}

#[test]
fn a_move_that_was_kept_later_is_not_held_against_its_lane() {
    let mut here = computing_in_threads(100);
    here.moves.record(event(1, BACK, MoveKind::Undone { harm: slower() }));
    here.moves.record(event(8, THERE, MoveKind::Moved));
    here.moves.record(event(9, THERE, MoveKind::Kept { gain: 1.9 }));
    // Where it is declared to run decides; it was moved by hand since.
    assert_eq!(ask(&[here], &function(Lane::Thread, 8)).better_lane, Some(Lane::Process));
}

/// Only arguments of the size that was tried are known to fare worse there.
#[test]
fn an_undone_move_counts_for_its_size_of_arguments() {
    let (mut small, large) = (computing_in_threads(100), computing_in_threads(1 << 20));
    small.moves.record(event(2, BACK, MoveKind::Undone { harm: slower() }));
    let advice = ask(&[small, large], &function(Lane::Thread, 8));
    assert_eq!((advice.better_lane, &advice.change), (None, &Change::SplitBySize));
    let lanes: Vec<_> = advice.by_size.iter().map(|size| size.better_lane).collect();
    assert_eq!(lanes, [None, Some(Lane::Process)]);
}
