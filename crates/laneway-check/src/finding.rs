//! What the analysis says: findings, and what is wrong with files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::evidence::Cost;
use crate::rules::Rule;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// It can stop the loop for as long as something outside likes, or is a mistake for certain.
    Error,
    /// It stops the loop for milliseconds, or is a mistake in most programs.
    Warning,
    /// It matters on hot paths only.
    Hint,
}

impl Tier {
    /// The word that users read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        }
    }

    /// One tier less.
    pub(crate) const fn lowered(self) -> Self {
        match self {
            Self::Error => Self::Warning,
            Self::Warning | Self::Hint => Self::Hint,
        }
    }
}

/// How sure the analysis is that names mean what it takes them for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Each name on the way has one meaning.
    High,
    /// A name on the way has several meanings, and one of them is guilty.
    Medium,
    /// A guess by the name alone.
    Low,
}

impl Confidence {
    /// The word that users read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// A piece of a file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The path as it is shown.
    pub path: Arc<str>,
    /// The first line.
    pub line: u32,
    /// The column of its first character.
    pub column: u32,
    /// The last line.
    pub end_line: u32,
    /// The column after its last character.
    pub end_column: u32,
    /// Where it begins in the text, in bytes.
    pub start: u32,
    /// Where it ends in the text, in bytes.
    pub end: u32,
}

/// A function on the way from the event loop to the blocking call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The function's name with its module.
    pub function: String,
    /// Where the function before calls it; where it is defined, for the first.
    pub location: Location,
}

/// A text that is put in the place of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// Where the old text begins, in bytes.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
    /// The new text.
    pub text: String,
}

/// An edit that keeps the meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What it does, for people.
    pub title: String,
    /// The replacements, all in the finding's file.
    pub replacements: Vec<Replacement>,
    /// What the new text needs at the head of the file; once, if several edits need the same.
    pub insertions: Vec<Replacement>,
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which rule says so.
    pub rule: Rule,
    /// How bad it is.
    pub tier: Tier,
    /// How sure it is.
    pub confidence: Confidence,
    /// Where it is.
    pub location: Location,
    /// The function it stands in, with its module.
    pub function: String,
    /// What is wrong, as one sentence without a full stop.
    pub message: String,
    /// What is called there, with its module, if that is what is wrong.
    pub call: Option<String>,
    /// From an async function to the function of the finding; empty when it stands in one.
    pub chain: Vec<Step>,
    /// How many async functions reach it.
    pub entry_points: usize,
    /// The sync function that all of them go through, when it is another one than where it stands.
    pub choke_point: Option<Step>,
    /// What to do instead.
    pub suggestion: Option<String>,
    /// How to do it without thinking.
    pub fix: Option<Fix>,
    /// What stays the same when lines move: for baselines and code scanners.
    pub fingerprint: String,
    /// Other places of the same trouble, which the same change mends.
    pub others: Vec<Location>,
    /// What it cost, if somebody measured.
    pub measured: Option<Cost>,
}

/// A file that could not be read as Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProblem {
    /// The path as it is shown.
    pub path: Arc<str>,
    /// The line, where it is known.
    pub line: Option<u32>,
    /// What is wrong with it.
    pub message: String,
}
