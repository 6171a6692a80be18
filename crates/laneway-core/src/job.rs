//! Words for a job and its attempts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Code, Error};

/// The longest accepted name of a task, queue or limit key, in bytes.
pub const NAME_BYTES_MAX: usize = 200;

/// About how many bytes of a text that is no name are shown in its place.
const STAND_IN_BYTES: usize = 100;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $noun:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a name: 1 to 200 bytes, no control characters, no white space at the ends.
            ///
            /// # Errors
            /// `LW1021` when the text cannot be a name.
            pub fn new(text: impl AsRef<str>) -> Result<Self, Error> {
                let text = text.as_ref();
                if is_name(text) {
                    return Ok(Self(Arc::from(text)));
                }
                Err(Error::new(
                    Code::InvalidSetting,
                    format!(concat!("{:?} cannot be the name of a ", $noun), text),
                )
                .why("a name has 1 to 200 bytes, no control characters and no blanks at its ends")
                .fix("choose a shorter, plain name such as `mail` or `billing.charge`"))
            }

            /// The name that is shown where a stored text, or nothing at all, is no name.
            pub fn stand_in(text: &str) -> Self {
                Self(Arc::from(stand_in(text)))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            /// Refuses a text that is no name, as `new` does.
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(|error| D::Error::custom(error.what()))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// The name under which a task is registered.
    TaskName,
    "task"
);
name!(
    /// The name of a queue: a line of ready jobs that workers subscribe to.
    QueueName,
    "queue"
);

impl QueueName {
    /// The queue of tasks that name none.
    pub fn default_queue() -> Self {
        Self(Arc::from("default"))
    }
}

fn stand_in(text: &str) -> String {
    if text.is_empty() {
        return String::from("(unreadable)");
    }
    let mut name = String::from("(unreadable) \"");
    for character in text.chars() {
        if name.len() > STAND_IN_BYTES {
            name.push('…');
            break;
        }
        name.extend(character.escape_debug());
    }
    name + "\""
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= NAME_BYTES_MAX
        && text.trim().len() == text.len()
        && !text.chars().any(char::is_control)
}

/// Where a job stands. The legal changes are in [`crate::transition`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Waits for a time: a delay the user asked for, or a retry.
    Scheduled,
    /// May start as soon as a worker, and its limit if it has one, has room.
    Ready,
    /// Claimed by a worker; an attempt is under way or about to be.
    Running,
    /// Ended with a result.
    Succeeded,
    /// Ended with an error after its last permitted attempt.
    Failed,
    /// Ended because somebody asked for it.
    Cancelled,
    /// Waits for a person: its outcome is unknown and its policy forbids to guess, or no worker
    /// knows its task.
    Parked,
}

impl State {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 7] = [
        Self::Scheduled,
        Self::Ready,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Parked,
    ];

    /// Whether the job has ended: succeeded, failed or cancelled.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// The state's name in every output and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Parked => "parked",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            Error::new(Code::InvalidArgument, format!("`{text}` is not a job state"))
                .why(format!("the states are {}", names.join(", ")))
                .closest(text, names)
        })
    }
}

/// Where an attempt's code runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// On one event loop, thousands at once.
    Async,
    /// In a thread of the async lane's process.
    Thread,
    /// In a process of its own, one attempt at a time.
    Process,
}

impl Lane {
    /// Every lane.
    pub const ALL: [Self; 3] = [Self::Async, Self::Thread, Self::Process];

    /// The lane's name in every output and store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::Thread => "thread",
            Self::Process => "process",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Lane {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str);
            Error::new(Code::InvalidSetting, format!("`{text}` is not a lane"))
                .why(format!("the lanes are {}", names.join(", ")))
                .closest(text, names)
        })
    }
}

/// How urgent a job is within its queue: −100 to 100, higher first, 0 by default.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Priority(i8);

impl Priority {
    /// Takes a priority between −100 and 100.
    ///
    /// # Errors
    /// `LW1021` when it is outside.
    pub fn new(value: i64) -> Result<Self, Error> {
        i8::try_from(value).ok().filter(|v| (-100..=100).contains(v)).map(Self).ok_or_else(|| {
            Error::new(Code::InvalidSetting, format!("priority {value} is out of range"))
                .why("a priority lies between -100 and 100; higher runs first")
                .fix("use a value such as 0 (the default) or 10")
        })
    }

    /// The number.
    pub const fn value(self) -> i8 {
        self.0
    }
}

/// Encoded arguments or an encoded result: `MessagePack`, opaque to everything but the two ends.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Payload(#[serde(with = "serde_bytes")] pub Vec<u8>);

impl fmt::Debug for Payload {
    /// Shows the length only: payloads may hold secrets and must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// Why an attempt ended badly, as a person will read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The code of the error page, such as `LW2010`.
    pub code: String,
    /// The exception's type, such as `requests.exceptions.Timeout`; empty when there was none.
    pub kind: String,
    /// The exception's message, or what happened.
    pub message: String,
    /// The traceback, shortened; empty when there is none.
    pub traceback: String,
}

impl Failure {
    /// A failure that Laneway itself found.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.to_string(),
            kind: String::new(),
            message: message.into(),
            traceback: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_text_that_is_no_name_is_not_read_as_one() {
        let read =
            |text: &str| rmp_serde::from_slice::<TaskName>(&rmp_serde::to_vec(&text).unwrap());
        assert_eq!(read("shop.mail").unwrap().as_str(), "shop.mail");
        let error = read(" shop.mail").unwrap_err();
        assert!(error.to_string().contains("cannot be the name of a task"), "{error}");
    }

    #[test]
    fn what_stands_in_for_a_name_is_a_name() {
        let long = "\u{e9}".repeat(500);
        for text in ["", " ", "a\0b\u{85}", "\u{3000}", "\u{202e}abc\u{a0}", long.as_str()] {
            let name = TaskName::stand_in(text);
            assert_eq!(TaskName::new(&name).unwrap(), name);
        }
        assert_eq!(QueueName::stand_in("a\n").as_str(), "(unreadable) \"a\\n\"");
        assert_eq!(QueueName::stand_in("").as_str(), "(unreadable)");
    }
}
