//! What a setting's value may be, and how it is read from a text or from TOML.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use laneway_core::duration;
use laneway_core::job::QueueName;
use serde_json::json;

use super::Unfit;
use crate::store_url::{Redacted, StoreUrl};

/// A value as a source gives it.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// Nobody set it, and it has no default.
    Absent,
    /// A text, from a flag, a variable, a default or a TOML string.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML array.
    List(Vec<Self>),
    /// Something of a TOML type that no setting has: its name.
    Other(&'static str),
}

impl fmt::Display for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Text(text) => write!(f, "`{}`", Redacted(text)),
            Self::Integer(number) => write!(f, "the number {number}"),
            Self::List(_) => f.write_str("a list"),
            Self::Other(kind) => write!(f, "a TOML {kind}"),
        }
    }
}

/// A type that a setting can have.
pub trait Value: Sized {
    /// What is expected, as the end of a sentence.
    const FORM: &'static str;

    /// Reads a value; a relative path in it stands relative to `base`.
    ///
    /// # Errors
    /// When `raw` is not such a value.
    fn read(raw: &Raw, base: &Path) -> Result<Self, Unfit>;

    /// The value as the configuration shows it, without secrets.
    fn show(&self) -> serde_json::Value;
}

fn unfit<T: Value>(raw: &Raw) -> Unfit {
    let why = format!("gives {raw}, but what is needed is {}", T::FORM);
    Unfit::Value { why, meant: None }
}

/// The same, with what was probably meant.
fn misspelled<T: Value>(raw: &Raw, meant: Option<String>) -> Unfit {
    match unfit::<T>(raw) {
        Unfit::Value { why, .. } => Unfit::Value { why, meant },
        coded @ Unfit::Coded(_) => coded,
    }
}

impl<T: Value> Value for Option<T> {
    const FORM: &'static str = T::FORM;

    fn read(raw: &Raw, base: &Path) -> Result<Self, Unfit> {
        match raw {
            Raw::Absent => Ok(None),
            _ => T::read(raw, base).map(Some),
        }
    }

    fn show(&self) -> serde_json::Value {
        self.as_ref().map_or(serde_json::Value::Null, T::show)
    }
}

impl Value for String {
    const FORM: &'static str = "a text";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        match raw {
            Raw::Text(text) if !text.trim().is_empty() => Ok(text.clone()),
            _ => Err(unfit::<Self>(raw)),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for StoreUrl {
    const FORM: &'static str = "the URL of a store such as `sqlite:///jobs.db`";

    fn read(raw: &Raw, base: &Path) -> Result<Self, Unfit> {
        match raw {
            Raw::Text(text) => Self::parse(text, base).map_err(Unfit::Coded),
            _ => Err(unfit::<Self>(raw)),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self.to_string())
    }
}

impl Value for Vec<QueueName> {
    const FORM: &'static str = "a list of queues such as `mail,default` (in TOML `[\"mail\"]`)";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        let names: Vec<&str> = match raw {
            Raw::Text(text) => text.split(',').map(str::trim).collect(),
            Raw::List(items) => items
                .iter()
                .map(|item| match item {
                    Raw::Text(text) => Ok(text.as_str()),
                    _ => Err(unfit::<Self>(item)),
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(unfit::<Self>(raw)),
        };
        if names.is_empty() {
            return Err(unfit::<Self>(raw));
        }
        names.into_iter().map(|name| QueueName::new(name).map_err(Unfit::Coded)).collect()
    }

    fn show(&self) -> serde_json::Value {
        json!(self.iter().map(QueueName::as_str).collect::<Vec<_>>())
    }
}

impl Value for u32 {
    const FORM: &'static str = "a whole number such as `40`";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        let number = match raw {
            Raw::Text(text) => text.trim().parse().ok(),
            Raw::Integer(number) => Self::try_from(*number).ok(),
            _ => None,
        };
        number.ok_or_else(|| unfit::<Self>(raw))
    }

    fn show(&self) -> serde_json::Value {
        json!(self)
    }
}

impl Value for Duration {
    const FORM: &'static str = "a duration such as `250ms`, `30s` or `1.5h`";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        match raw {
            Raw::Text(text) => {
                duration::parse(text).map_err(|_| misspelled::<Self>(raw, duration::meant(text)))
            }
            Raw::Integer(seconds) => {
                Err(misspelled::<Self>(raw, duration::meant(&seconds.to_string())))
            }
            _ => Err(unfit::<Self>(raw)),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(duration::format(*self))
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

const BYTE_UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Bytes {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (number, factor) = BYTE_UNITS
            .iter()
            .find_map(|(unit, factor)| Some((strip_unit(text, unit)?, *factor)))
            .unwrap_or((text, 1));
        number.trim().parse::<u64>().ok()?.checked_mul(factor).map(Self)
    }
}

fn strip_unit<'a>(text: &'a str, unit: &str) -> Option<&'a str> {
    let (number, end) = text.split_at_checked(text.len().checked_sub(unit.len())?)?;
    end.eq_ignore_ascii_case(unit).then_some(number)
}

impl fmt::Display for Bytes {
    /// Writes whole units, the largest that fits without a fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match BYTE_UNITS
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
        {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Value for Bytes {
    const FORM: &'static str = "a number of bytes such as `512MiB`";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        let bytes = match raw {
            Raw::Text(text) => Self::parse(text),
            Raw::Integer(number) => u64::try_from(*number).ok().map(Self),
            _ => None,
        };
        bytes.ok_or_else(|| {
            // `512M` and the like, as other programs have it.
            let meant = match raw {
                Raw::Text(text) => Some(format!("{}iB", text.trim().to_ascii_uppercase())),
                _ => None,
            };
            misspelled::<Self>(raw, meant.filter(|meant| Self::parse(meant).is_some()))
        })
    }

    fn show(&self) -> serde_json::Value {
        json!(self.to_string())
    }
}

/// A program: a path, or a name that is looked up in `PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program(pub PathBuf);

impl Value for Program {
    const FORM: &'static str = "a program such as `python3.12` or `.venv/bin/python`";

    fn read(raw: &Raw, base: &Path) -> Result<Self, Unfit> {
        match raw {
            Raw::Text(text) if text.contains('/') => Ok(Self(base.join(text))),
            Raw::Text(text) if !text.trim().is_empty() => Ok(Self(PathBuf::from(text))),
            _ => Err(unfit::<Self>(raw)),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(self.0.display().to_string())
    }
}

impl Value for SocketAddr {
    const FORM: &'static str = "an address and a port such as `127.0.0.1:9090`";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        let text = match raw {
            Raw::Text(text) => text.trim().to_owned(),
            Raw::Integer(number) => number.to_string(),
            _ => return Err(unfit::<Self>(raw)),
        };
        text.parse().map_err(|_| {
            // A port alone, for this machine.
            let port = text.trim_start_matches("localhost").trim_start_matches(':').parse::<u16>();
            misspelled::<Self>(raw, port.ok().map(|port| format!("127.0.0.1:{port}")))
        })
    }

    fn show(&self) -> serde_json::Value {
        json!(self.to_string())
    }
}

/// How the worker writes its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl Value for LogFormat {
    const FORM: &'static str = "`text` or `json`";

    fn read(raw: &Raw, _base: &Path) -> Result<Self, Unfit> {
        match raw {
            Raw::Text(text) if text == "text" => Ok(Self::Text),
            Raw::Text(text) if text == "json" => Ok(Self::Json),
            _ => Err(unfit::<Self>(raw)),
        }
    }

    fn show(&self) -> serde_json::Value {
        json!(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}
