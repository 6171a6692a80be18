//! Ages, durations and states as people like to read them.

use std::time::Duration;

use anstyle::Style;
use laneway_core::clock::Timestamp;
use laneway_core::duration;
use laneway_core::job::{Failure, State};

use super::output::{CYAN, DIM, GREEN, PLAIN, RED, YELLOW};

/// The instant now, by this machine's clock: good for ages that people read, and for nothing else.
pub(super) fn now() -> Timestamp {
    Timestamp::from_micros(jiff::Timestamp::now().as_microsecond())
}

/// A long duration in its two largest units, such as `3d 4h` or `12s`.
pub(super) fn age(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let pair = |large: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit} {small}{small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => pair(minutes, "m", seconds % 60, "s"),
        3_600..86_400 => pair(hours, "h", minutes, "m"),
        _ => pair(days, "d", hours, "h"),
    }
}

/// An instant and how far from now it is, such as `2026-11-22T10:00:00Z (3m ago)`.
pub(super) fn instant(at: Timestamp, now: Timestamp) -> String {
    let text = crate::view::rfc3339(at);
    if at > now {
        return format!("{text} (in {})", age(at.since(now)));
    }
    format!("{text} ({} ago)", age(now.since(at)))
}

/// A short duration, exact to its tenth.
pub(super) fn span(span: Duration) -> String {
    duration::format(span)
}

/// A count with its noun, such as `1 job` or `3 jobs`.
pub(super) fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

/// A failure in one line, with its code: `LW2010: ValueError: no such card`.
pub(super) fn headline(failure: &Failure) -> String {
    joined([&failure.code, &failure.kind, &failure.message])
}

/// A failure where there is little room: its code stands in when no exception says more.
pub(super) fn reason(failure: &Failure) -> String {
    match failure.kind.as_str() {
        "" => joined([&failure.code, "", &failure.message]),
        kind => joined(["", kind, &failure.message]),
    }
}

fn joined(parts: [&str; 3]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(": ")
}

/// The colour of a state; the word says the same.
pub(super) const fn state_style(state: State) -> Style {
    match state {
        State::Scheduled | State::Ready => PLAIN,
        State::Running => CYAN,
        State::Succeeded => GREEN,
        State::Failed => RED,
        State::Cancelled => DIM,
        State::Parked => YELLOW,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_at_most_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (125, "2m 5s"),
            (3_600, "1h"),
            (3_700, "1h 1m"),
            (90_000, "1d 1h"),
            (864_000, "10d"),
        ] {
            assert_eq!(age(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn instants_say_whether_they_are_past() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let past = now.minus(Duration::from_secs(5));
        assert_eq!(instant(past, now), "2023-11-14T22:13:15Z (5s ago)");
        let future = now.plus(Duration::from_secs(61));
        assert_eq!(instant(future, now), "2023-11-14T22:14:21Z (in 1m 1s)");
    }

    #[test]
    fn a_failure_without_a_text_ends_with_its_kind() {
        let failure = |kind: &str, message: &str| Failure {
            code: "LW2010".to_owned(),
            kind: kind.to_owned(),
            message: message.to_owned(),
            traceback: String::new(),
        };
        for (kind, message, line, short) in [
            ("KeyError", "'x'", "LW2010: KeyError: 'x'", "KeyError: 'x'"),
            ("KeyError", "", "LW2010: KeyError", "KeyError"),
            ("", "it died", "LW2010: it died", "LW2010: it died"),
        ] {
            let failure = failure(kind, message);
            assert_eq!((headline(&failure), reason(&failure)), (line.into(), short.into()));
        }
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(
            (counted(1_u64, "job"), counted(0_u64, "job")),
            ("1 job".into(), "0 jobs".into())
        );
    }
}
