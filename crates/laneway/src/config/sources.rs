//! What a process was started with: its folder, its environment, its flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use laneway_core::error::closest_name;

use super::Entry;

/// The beginning of every environment variable that is a setting.
const PREFIX: &str = "LANEWAY_";

/// Everything outside files that decides the configuration. It is taken once, at the start, so that
/// nothing later depends on an environment that other threads may change.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The working directory, absolute.
    pub folder: PathBuf,
    environment: BTreeMap<String, String>,
    flags: Vec<(&'static str, &'static str, String)>,
}

impl Sources {
    /// A folder, with an empty environment and no flags.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), ..Self::default() }
    }

    /// The folder and environment of this process.
    ///
    /// A working directory that was deleted stands as `/`: commands that name their store still
    /// work.
    pub fn of_process() -> Self {
        let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        Self::new(folder).with_environment(environment)
    }

    /// Adds environment variables. An empty one counts as not set.
    #[must_use]
    pub fn with_environment(
        mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        self.environment.extend(variables.into_iter().filter(|(_, value)| !value.is_empty()));
        self
    }

    /// Adds the value of a flag, when it was given.
    #[must_use]
    pub fn with_flag(mut self, entry: &'static Entry, value: Option<String>) -> Self {
        self.flags.extend(value.map(|value| (entry.key, entry.flag.unwrap_or(entry.key), value)));
        self
    }

    /// The value of an environment variable, of Laneway or any other.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    pub(super) fn flag(&self, key: &str) -> Option<(&'static str, &str)> {
        self.flags.iter().find(|(of, ..)| *of == key).map(|(_, flag, text)| (*flag, text.as_str()))
    }

    /// A remark for each variable that looks like a setting and is none.
    ///
    /// They are no errors: an orchestrator that calls a service `laneway` invents such variables.
    pub(super) fn unknown_variables(&self, entries: &[Entry]) -> Vec<String> {
        // Only what follows the prefix is compared: all of them share the rest.
        let known = || entries.iter().filter_map(|entry| entry.env.strip_prefix(PREFIX));
        self.environment
            .keys()
            .filter_map(|name| name.strip_prefix(PREFIX))
            .filter(|name| !known().any(|known| known == *name))
            .filter_map(|name| {
                let closest = closest_name(name, known())?;
                Some(format!(
                    "`{PREFIX}{name}` is not a setting and was ignored; \
                     did you mean `{PREFIX}{closest}`?"
                ))
            })
            .collect()
    }
}
