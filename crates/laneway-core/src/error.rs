//! Errors that help: a code, what happened, why, and how to fix it.
//!
//! The shape follows the error catalogues of Restate and rustc: every [`Code`] has one page under
//! `docs/errors/`, and codes are never reused.

use std::fmt;

use serde::{Deserialize, Serialize};

mod registry;

pub use registry::{Code, Entry};

/// What went wrong, for people and programs.
///
/// It is boxed inside, so that a `Result` that carries it stays small.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Error(Box<Parts>);

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Parts {
    code: Code,
    what: String,
    why: String,
    fix: String,
}

impl Error {
    /// An error with its code and what happened: name the thing and its value, without a full stop.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        let fix = code.entry().fix.to_owned();
        Self(Box::new(Parts { code, what: what.into(), why: String::new(), fix }))
    }

    /// Adds the fact that decided it: what was seen and what was expected.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.0.why = why.into();
        self
    }

    /// Replaces the registry's general advice by a command or edit for this very case.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.0.fix = fix.into();
        self
    }

    /// Suggests the known name that is closest to `text`, when one is close.
    #[must_use]
    pub fn closest<'a>(self, text: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        match closest_name(text, known) {
            Some(name) => self.fix(format!("did you mean `{name}`?")),
            None => self,
        }
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened.
    pub fn what(&self) -> &str {
        &self.0.what
    }

    /// The fact that decided it; may be empty.
    pub fn reason(&self) -> &str {
        &self.0.why
    }

    /// What to do about it.
    pub fn remedy(&self) -> &str {
        &self.0.fix
    }

    /// Whether the same call may succeed when it is repeated later.
    pub fn is_retryable(&self) -> bool {
        self.0.code.entry().retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.0.code, self.0.what)?;
        if !self.0.why.is_empty() {
            write!(f, "\n  why: {}", self.0.why)?;
        }
        if !self.0.fix.is_empty() {
            write!(f, "\n  fix: {}", self.0.fix)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// The name in `known` that differs from `text` by the fewest edits, when these are few.
pub fn closest_name<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let edits_max = text.chars().count() / 3 + 1;
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .filter(|(edits, _)| *edits <= edits_max)
        .min()
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_what_why_and_fix() {
        let error = Error::new(Code::QueueUnknown, "there is no queue `mial`")
            .why("the store has the queues `default`, `mail`")
            .closest("mial", ["default", "mail"]);
        assert_eq!(
            error.to_string(),
            "error[LW4003]: there is no queue `mial`\n  \
             why: the store has the queues `default`, `mail`\n  fix: did you mean `mail`?"
        );
    }

    #[test]
    fn far_names_are_not_suggested() {
        assert_eq!(closest_name("charge", ["mail", "default"]), None);
    }

    #[test]
    fn an_error_keeps_the_general_advice_when_it_has_no_better() {
        let error = Error::new(Code::SessionLost, "gone").closest("x", []);
        assert_eq!(error.remedy(), Code::SessionLost.entry().fix);
    }
}
