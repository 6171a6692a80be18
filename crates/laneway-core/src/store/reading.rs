//! Reading a stored job part by part, so that one part which cannot be read spoils no other.

use crate::error::{Code, Error};
use crate::job::{Failure, QueueName, TaskName};

/// The most that is said of a part.
const FLAW_CHARS_MAX: usize = 300;

/// Notes what of a job cannot be read, and puts stand-ins in its place.
#[derive(Debug, Default)]
pub struct Reading(Vec<String>);

impl Reading {
    /// What was read, or what stands in for it.
    pub fn part<T, E: Into<Error>>(
        &mut self,
        read: Result<T, E>,
        stand_in: impl FnOnce() -> T,
    ) -> T {
        read.unwrap_or_else(|error| {
            self.note(&error.into());
            stand_in()
        })
    }

    /// What was read, or the default of its kind.
    pub fn or_default<T: Default, E: Into<Error>>(&mut self, read: Result<T, E>) -> T {
        self.part(read, T::default)
    }

    /// The name of a task, or what stands in for it.
    pub fn task(&mut self, text: &str) -> TaskName {
        self.part(TaskName::new(text), || TaskName::stand_in(text))
    }

    /// The name of a queue, or what stands in for it.
    pub fn queue(&mut self, text: &str) -> QueueName {
        self.part(QueueName::new(text), || QueueName::stand_in(text))
    }

    /// Notes that a part cannot be read.
    pub fn note(&mut self, error: &Error) {
        let flaw = flaw(error);
        if !self.0.contains(&flaw) {
            self.0.push(flaw);
        }
    }

    /// All that cannot be read; `None` when everything can.
    pub fn flaws(self) -> Option<String> {
        if self.0.is_empty() { None } else { Some(self.0.join("; ")) }
    }
}

/// The failure of a job that its store cannot read.
pub fn unreadable(error: &Error) -> Failure {
    Failure::new(Code::JobUnreadable, format!("the store cannot read it: {}", flaw(error)))
}

/// Whether an error tells of what a store holds, and not of the store: then it concerns one job.
pub fn is_of_content(error: &Error) -> bool {
    matches!(
        error.code(),
        Code::StoreCorrupt | Code::StorePartForeign | Code::InvalidSetting | Code::InvalidArgument
    )
}

/// What an error says of a part. The names of stores' own errors say nothing that matters here.
fn flaw(error: &Error) -> String {
    let text = match error.code() {
        Code::StoreCorrupt if !error.reason().is_empty() => error.reason(),
        _ => error.what(),
    };
    // What stands where a name should be may have any length.
    match text.char_indices().nth(FLAW_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_that_cannot_be_read_is_told_once_and_has_a_stand_in() {
        let damaged = || Error::new(Code::StoreCorrupt, "it cannot be read").why("7 is not a lane");
        let mut reading = Reading::default();
        assert_eq!(reading.part::<_, Error>(Ok(1), || 9), 1);
        assert_eq!(reading.part(Err(damaged()), || 9), 9);
        assert_eq!(reading.or_default::<u8, _>(Err(damaged())), 0);
        assert_eq!(reading.task(" a").as_str(), "(unreadable) \" a\"");
        assert_eq!(reading.queue("mail").as_str(), "mail");
        let flaws = reading.flaws().unwrap();
        assert_eq!(flaws, "7 is not a lane; \" a\" cannot be the name of a task");
        assert_eq!(Reading::default().flaws(), None);
        let long = unreadable(&TaskName::new("x".repeat(100_000)).unwrap_err());
        assert!(long.message.len() < 1_000, "{}", long.message);
    }

    #[test]
    fn a_server_that_is_away_is_no_flaw_of_a_job() {
        assert!(is_of_content(&TaskName::new("").unwrap_err()));
        assert!(!is_of_content(&Error::new(Code::StoreUnavailable, "it is away")));
    }
}
