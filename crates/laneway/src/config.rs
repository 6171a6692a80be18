//! The configuration: every setting, where its value comes from, and what it may be.
//!
//! A value comes from the first of: a flag, an environment variable `LANEWAY_…`, the configuration
//! file (`laneway.toml`, or `[tool.laneway]` in `pyproject.toml`, found walking up from the working
//! directory), the default. Each value remembers its [`Origin`], so that an error can name the
//! place to correct. Settings are declared once, in [`table`].

use std::fmt;
use std::path::{Path, PathBuf};

use laneway_core::error::{Code, Error};

mod file;
mod sources;
pub mod table;
mod value;

pub use file::{ConfigFile, Discovered};
pub use sources::Sources;
pub use table::{Entry, Row, Settings};
pub use value::{Bytes, LogFormat, Program, Raw, Value};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, the first being 1.
        line: usize,
    },
    /// An environment variable.
    Environment(&'static str),
    /// A flag of the command line.
    Flag(&'static str),
    /// The application itself, such as `Laneway("sqlite:///…")`.
    App(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment(name) | Self::Flag(name) => f.write_str(name),
            Self::App(name) => write!(f, "the application `{name}`"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub origin: Origin,
}

/// Reads the configuration that holds for these sources.
///
/// # Errors
/// `LW1020` for an unknown key, `LW1021` for a value that is not possible, `LW1022` for a file that
/// cannot be read.
pub fn load(sources: &Sources) -> Result<Settings, Error> {
    let discovered = Discovered::walking_up_from(&sources.folder)?;
    Settings::resolve(sources, discovered)
}

/// Everything that can give a setting its value, in order of precedence.
struct Layers<'a> {
    sources: &'a Sources,
    file: Option<&'a ConfigFile>,
    project: &'a Path,
}

impl Layers<'_> {
    fn resolve<T: Value>(&self, entry: &Entry) -> Result<Sourced<T>, Error> {
        let (raw, origin, base) = self.find(entry);
        match T::read(&raw, base) {
            Ok(value) => Ok(Sourced { value, origin }),
            Err(error) => Err(error.of(entry, &origin)),
        }
    }

    fn find(&self, entry: &Entry) -> (Raw, Origin, &Path) {
        let folder = self.sources.folder.as_path();
        if let Some((flag, text)) = self.sources.flag(entry.key) {
            return (Raw::Text(text.to_owned()), Origin::Flag(flag), folder);
        }
        if let Some(text) = self.sources.variable(entry.env) {
            return (Raw::Text(text.to_owned()), Origin::Environment(entry.env), folder);
        }
        if let Some(file) = self.file
            && let Some((raw, line)) = file.get(entry.key)
        {
            let origin = Origin::File { path: file.path().to_owned(), line };
            return (raw.clone(), origin, file.folder());
        }
        let raw = entry.default.map_or(Raw::Absent, |text| Raw::Text(text.to_owned()));
        (raw, Origin::Default, self.project)
    }
}

/// Why a value is not possible, before it is known whose value it is.
#[derive(Debug)]
pub enum Unfit {
    /// The text or type is wrong; `why` says what was found and what is expected.
    Value {
        /// What was found and what is expected.
        why: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The value's own reader has a more exact error, such as the one of a store's URL.
    Coded(Error),
}

impl Unfit {
    fn of(self, entry: &Entry, origin: &Origin) -> Error {
        match self {
            Self::Coded(error) => {
                let reason = match error.reason() {
                    "" => format!("`{}` is set by {origin}", entry.key),
                    why => format!("{why} (`{}` is set by {origin})", entry.key),
                };
                error.why(reason)
            }
            Self::Value { why, meant } => {
                let fix = meant.map_or_else(
                    || format!("set `{}` to {}", entry.key, entry.form),
                    |meant| format!("did you mean `{meant}`?"),
                );
                Error::new(Code::InvalidSetting, format!("`{}` is not possible", entry.key))
                    .why(format!("{origin} {why}"))
                    .fix(fix)
            }
        }
    }
}

#[cfg(test)]
mod tests;
