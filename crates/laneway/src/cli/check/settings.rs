//! What is checked and shown: flags, `[tool.laneway.check]`, and what both leave open.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use laneway_check::{Knowledge, Lessons, Options, RULES, Report, Rule, Tier};
use laneway_core::error::{Code, Error};
use serde::Deserialize;

use super::{CheckArgs, evidence};
use crate::config::{Discovered, Sources};

/// The table `[tool.laneway.check]` of `pyproject.toml`, or `[check]` of `laneway.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    #[serde(default)]
    select: Vec<String>,
    #[serde(default)]
    ignore: Vec<String>,
    tier: Option<Tier>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    include_tests: bool,
    /// The file with the findings that are known already, relative to the settings.
    baseline: Option<PathBuf>,
    /// Whether calls that could not be followed are shown.
    #[serde(default)]
    strict: bool,
    /// Files of knowledge of the project's own, relative to the settings.
    #[serde(default)]
    knowledge: Vec<PathBuf>,
}

/// What holds for one run.
#[derive(Debug)]
pub(super) struct CheckSettings {
    /// What paths are relative to.
    pub(super) folder: PathBuf,
    pub(super) rules: BTreeSet<Rule>,
    pub(super) tier: Tier,
    pub(super) baseline: Option<PathBuf>,
    options: Options,
    knowledge: Vec<PathBuf>,
    /// The folder of the file with the settings, or where it would be.
    base: PathBuf,
}

impl CheckSettings {
    pub(super) fn of(arguments: &CheckArgs, sources: &Sources) -> Result<Self, Error> {
        Self::of_paths(arguments, &arguments.paths, sources)
    }

    /// The settings that hold for other paths than those of the command line.
    pub(super) fn of_paths(
        arguments: &CheckArgs,
        given: &[PathBuf],
        sources: &Sources,
    ) -> Result<Self, Error> {
        let (table, base) = table(&sources.folder)?;
        let select = if arguments.select.is_empty() { &table.select } else { &arguments.select };
        let mut rules = BTreeSet::new();
        for wanted in select {
            rules.extend(matching(wanted)?);
        }
        if select.is_empty() {
            rules.extend(RULES.iter().map(|entry| entry.rule));
        }
        // Who names the rule for what could not be followed wants to see it.
        let is_strict = arguments.strict
            || table.strict
            || select.iter().any(|wanted| wanted == Rule::Lw001.code());
        if is_strict {
            rules.insert(Rule::Lw001);
        }
        if arguments.profile.is_some() {
            rules.insert(Rule::Lw002);
        }
        for unwanted in table.ignore.iter().chain(&arguments.ignore) {
            for rule in matching(unwanted)? {
                rules.remove(&rule);
            }
        }
        let folder = sources.folder.clone();
        let mut paths = Vec::new();
        for path in given {
            let path = if path == Path::new(".") { folder.clone() } else { folder.join(path) };
            if !path.exists() {
                let what = format!("`{}` does not exist", path.display());
                return Err(Error::new(Code::InvalidArgument, what)
                    .why("neither a file nor a folder is there")
                    .fix("name files or folders of Python code"));
            }
            paths.push(path);
        }
        if paths.is_empty() {
            paths.push(folder.clone());
        }
        let tier = arguments.tier.map(Tier::from).or(table.tier).unwrap_or(Tier::Warning);
        let mut exclude = table.exclude;
        exclude.extend(arguments.exclude.iter().cloned());
        let own_baseline = arguments.baseline.as_ref().map(|path| folder.join(path));
        let baseline = own_baseline.or_else(|| table.baseline.map(|path| base.join(path)));
        let settings = Self {
            rules,
            tier,
            baseline,
            options: Options {
                paths,
                base: folder.clone(),
                exclude,
                includes_tests: arguments.include_tests || table.include_tests,
                respects_ignores: !arguments.no_gitignore,
                cache: (!arguments.no_cache).then(|| base.join(".laneway").join("check.cache")),
                is_strict,
                evidence: None,
            },
            knowledge: table.knowledge.iter().map(|path| base.join(path)).collect(),
            folder,
            base,
        };
        settings.measured(arguments.profile.as_deref())
    }

    pub(super) const fn options(&self) -> &Options {
        &self.options
    }

    /// Whether a file says what is to be checked, or what is known.
    pub(super) fn depend_on(&self, path: &Path) -> bool {
        // One of these names nearer to the code would hold in the place of the present one.
        let is_settings =
            path.file_name().is_some_and(|name| name == "pyproject.toml" || name == "laneway.toml");
        is_settings || self.knowledge.iter().chain(&self.baseline).any(|it| it == path)
    }

    /// The folders of such files.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        let files = self.knowledge.iter().chain(&self.baseline);
        files.filter_map(|file| file.parent()).chain([self.base.as_path()])
    }

    /// Reads the knowledge and checks the code.
    pub(super) fn check(&self) -> Result<Report, Error> {
        Ok(laneway_check::check(&self.options, &self.knowledge()?))
    }

    /// Joins what was measured with what is found from now on.
    fn measured(mut self, source: Option<&str>) -> Result<Self, Error> {
        self.options.evidence =
            source.map(|source| evidence::read(source, &self.folder)).transpose()?;
        Ok(self)
    }

    /// What the stacks of measurements say of libraries.
    pub(super) fn learn(&self, source: &str) -> Result<Lessons, Error> {
        let evidence = evidence::read(source, &self.folder)?;
        Ok(laneway_check::learn(&self.options, &self.knowledge()?, &evidence))
    }

    /// Reads what is known, the project's own included.
    pub(super) fn knowledge(&self) -> Result<Knowledge, Error> {
        let mut own = Vec::new();
        for path in &self.knowledge {
            let text = fs::read_to_string(path).map_err(|error| {
                unreadable(path).why(error.to_string()).fix(
                    "correct the path in `knowledge` of the settings, which begins at their folder",
                )
            })?;
            own.push((path.display().to_string(), text));
        }
        Knowledge::load(&own).map_err(|error| unreadable(Path::new(&error.file)).why(error.message))
    }
}

fn unreadable(path: &Path) -> Error {
    Error::new(Code::SettingsUnreadable, format!("`{}` cannot be read", path.display()))
}

/// The rules that a code or the beginning of one means.
fn matching(text: &str) -> Result<Vec<Rule>, Error> {
    let found = RULES.iter().filter(|entry| entry.code.starts_with(text));
    let found: Vec<Rule> = found.map(|entry| entry.rule).collect();
    if found.is_empty() || text.is_empty() {
        return Err(Error::new(Code::InvalidArgument, format!("there is no rule `{text}`"))
            .why("rules are called LW001 to LW601")
            .fix("name a code or its beginning, such as `LW301` or `LW1`")
            .closest(text, RULES.iter().map(|entry| entry.code)));
    }
    Ok(found)
}

/// The table of the nearest settings, and their folder.
fn table(folder: &Path) -> Result<(Table, PathBuf), Error> {
    let discovered = Discovered::walking_up_from(folder)?;
    let Some(file) = discovered.file else { return Ok((Table::default(), discovered.project)) };
    let path = file.path();
    let text = fs::read_to_string(path).map_err(|error| unreadable(path).why(error.to_string()))?;
    let is_own = path.file_name().is_some_and(|name| name == "laneway.toml");
    let document: toml::Table =
        toml::from_str(&text).map_err(|error| unreadable(path).why(error.message()))?;
    let names: &[&str] = if is_own { &["check"] } else { &["tool", "laneway", "check"] };
    let mut value = Some(toml::Value::Table(document));
    for name in names {
        value = value.and_then(|value| value.get(name).cloned());
    }
    let table = match value {
        None => Table::default(),
        Some(value) => value.try_into().map_err(|error: toml::de::Error| {
            unreadable(path).why(format!("in `{}`: {}", names.join("."), error.message()))
        })?,
    };
    Ok((table, file.folder().to_owned()))
}
