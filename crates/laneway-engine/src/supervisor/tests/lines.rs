//! How long attempts stand in line for their first step on an event loop.

use laneway_core::profile::{Interpreter, Measurement, Profile, ProfileKey, SizeBucket};

use super::*;
use crate::protocol::FirstStep;

fn done(attempt: u64, in_line_us: u64) -> Done {
    Done {
        attempt,
        end: End::Returned(Payload::default()),
        wall_us: Some(30_000),
        cpu_us: Some(1_000),
        first_step: Some(FirstStep { in_line_us, took_us: 30_000 }),
    }
}

fn measured() -> FromRunner {
    let mut profile = Profile::new(ProfileKey {
        task: TaskName::new("async.do").unwrap(),
        lane: Lane::Async,
        size_bucket: SizeBucket::of(1),
        interpreter: Interpreter::new("cpython-313"),
    });
    profile.record(&Measurement::default(), Timestamp::default());
    FromRunner::Measured(vec![profile])
}

fn waits(rig: &mut Rig) -> Vec<Duration> {
    let mut happenings = Vec::new();
    rig.supervisor.take_happenings(&mut happenings);
    let wait = |happening| match happening {
        Happening::AttemptEnded(ended) => ended.wait,
        _ => None,
    };
    happenings.into_iter().filter_map(wait).collect()
}

/// A supervisor that was held up reads of the start and of the end at once: the line was over when
/// the step began, however late that is heard of.
#[test]
fn a_start_that_is_read_late_makes_no_line_longer() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 2);
    rig.pass(Duration::from_millis(100));
    rig.start(1, &[1, 2]);
    rig.say(1, FromRunner::Done(vec![done(1, 0), done(2, 30_000)]));
    assert_eq!(waits(&mut rig), [70, 70].map(Duration::from_millis));
}

/// Three jobs that come together, are read 20 ms later by a loop that was blocked, and block it for
/// 30 ms each: the second and the third stood in line for its first step all that time, which was
/// nobody's wait.
#[test]
fn the_wait_of_a_batch_goes_on_until_the_first_step_of_each() {
    let mut rig = Rig::new();
    rig.claim(Lane::Async, 3);
    rig.pass(Duration::from_millis(20));
    rig.start(1, &[1, 2, 3]);
    rig.pass(Duration::from_millis(90));
    let ends = [0, 30_000, 60_000].into_iter().zip(1..).map(|(line, attempt)| done(attempt, line));
    rig.say(1, FromRunner::Done(ends.collect()));
    assert_eq!(waits(&mut rig), [20, 50, 80].map(Duration::from_millis));
    rig.say(1, measured());
    rig.taken();
    rig.pass(Duration::from_secs(3));
    let added = rig.taken().into_iter().find_map(|command| match command {
        Command::AddProfiles(add) => add.profiles.into_iter().next(),
        _ => None,
    });
    assert_eq!(added.unwrap().in_line_sum, (20_000 + 50_000 + 80_000) * 30_000);
}
