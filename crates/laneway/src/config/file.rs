//! The configuration file: found, read, and flattened to dotted keys with their lines.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

use laneway_core::error::{Code, Error};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Raw;

const OWN_FILE: &str = "laneway.toml";
const PROJECT_FILE: &str = "pyproject.toml";

/// What was found walking up the folders.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// The nearest file with settings.
    pub file: Option<ConfigFile>,
    /// Its folder, else the folder of the nearest `pyproject.toml`, else where the walk began.
    pub project: PathBuf,
}

impl Discovered {
    /// Looks in `folder` and each folder above it.
    ///
    /// A `pyproject.toml` without `[tool.laneway]` does not end the walk: in a repository of many
    /// packages the settings may stand at its root.
    ///
    /// # Errors
    /// `LW1022` when a file on the way cannot be read or is no TOML.
    pub fn walking_up_from(folder: &Path) -> Result<Self, Error> {
        let mut project = None;
        for folder in folder.ancestors() {
            if let Some(text) = read(&folder.join(OWN_FILE))? {
                let file = ConfigFile::parse(folder.join(OWN_FILE), &text, &[])?;
                return Ok(Self { file, project: folder.to_owned() });
            }
            if let Some(text) = read(&folder.join(PROJECT_FILE))? {
                let path = folder.join(PROJECT_FILE);
                let file = ConfigFile::parse(path, &text, &["tool", "laneway"])?;
                if file.is_some() {
                    return Ok(Self { file, project: folder.to_owned() });
                }
                project.get_or_insert_with(|| folder.to_owned());
            }
        }
        Ok(Self { file: None, project: project.unwrap_or_else(|| folder.to_owned()) })
    }
}

/// The settings of one file.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    path: PathBuf,
    values: Vec<(String, Raw, usize)>,
}

impl ConfigFile {
    /// Reads the settings in the table at `place`; `None` when there is no such table.
    fn parse(path: PathBuf, text: &str, place: &[&str]) -> Result<Option<Self>, Error> {
        let document = DeTable::parse(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            unreadable(&path, error.message())
                .fix(format!("correct line {line} of the file"))
                .why(format!("{}:{line}: {}", path.display(), error.message()))
        })?;
        let mut table = document.get_ref();
        for name in place {
            match table.get(*name).map(Spanned::get_ref) {
                Some(DeValue::Table(inner)) => table = inner,
                _ => return Ok(None),
            }
        }
        let mut values = Vec::new();
        flatten(text, table, "", &mut values);
        Ok(Some(Self { path, values }))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder it stands in.
    pub fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }

    /// The value of a dotted key and its line.
    pub fn get(&self, key: &str) -> Option<(&Raw, usize)> {
        self.values.iter().find(|(of, ..)| of == key).map(|(_, raw, line)| (raw, *line))
    }

    /// Every dotted key and its line.
    pub fn keys(&self) -> impl Iterator<Item = (&str, usize)> {
        self.values.iter().map(|(key, _, line)| (key.as_str(), *line))
    }
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(unreadable(path, &error.to_string())),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

fn unreadable(path: &Path, why: &str) -> Error {
    Error::new(Code::SettingsUnreadable, format!("`{}` cannot be read", path.display())).why(why)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn flatten(text: &str, table: &DeTable<'_>, prefix: &str, into: &mut Vec<(String, Raw, usize)>) {
    for (key, value) in table {
        let dotted = format!("{prefix}{}", key.get_ref());
        match value.get_ref() {
            DeValue::Table(inner) => flatten(text, inner, &format!("{dotted}."), into),
            other => into.push((dotted, raw(other), line_of(text, key.span().start))),
        }
    }
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Raw::Other("number out of range"), Raw::Integer),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| raw(item.get_ref())).collect()),
        other => Raw::Other(other.type_str()),
    }
}
