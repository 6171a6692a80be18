//! `laneway doctor`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use anstyle::Style;
use clap::Args;
use laneway_core::error::{Code, Error};
use laneway_core::store::{RegisteredTask, Store};
use rustix::process::{Resource, getrlimit};
use serde_json::json;

use super::output::{GREEN, Output, RED, YELLOW, plain};
use super::{Context, NEGATIVE, block_on, python};
use crate::config::{Settings, Sources};

/// A worker opens sockets to its runners and its tasks open their own; fewer are soon used up.
const OPEN_FILES_MIN: u64 = 1_024;

/// Arguments of `laneway doctor`.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Do not start Python
    #[arg(long)]
    no_python: bool,
}

/// How well a thing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Well,
    Odd,
    Wrong,
}

/// One thing that was examined.
#[derive(Debug)]
struct Finding {
    area: &'static str,
    name: String,
    verdict: Verdict,
    text: String,
}

#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

pub(super) fn run(arguments: &DoctorArgs, context: &mut Context) -> u8 {
    let mut findings = Findings::default();
    examine_installation(&mut findings);
    match context.settings() {
        Ok(settings) => {
            examine_configuration(&settings, &mut findings);
            examine_store(&settings, &mut findings);
            if !arguments.no_python {
                examine_python(&settings, &context.sources, &mut findings);
            }
        }
        Err(error) => findings.error("configuration", "settings", &error),
    }
    examine_machine(&mut findings);
    let is_healthy = findings.0.iter().all(|finding| finding.verdict < Verdict::Wrong);
    findings.write(is_healthy, &mut context.output);
    if is_healthy { 0 } else { NEGATIVE }
}

fn examine_installation(findings: &mut Findings) {
    findings.well("laneway", "version", crate::VERSION);
    if let Ok(path) = std::env::current_exe() {
        findings.well("laneway", "command", path.display().to_string());
    }
}

fn examine_configuration(settings: &Settings, findings: &mut Findings) {
    let file = settings.file.as_ref();
    let shown = file.map_or_else(|| "none".to_owned(), |path| path.display().to_string());
    findings.well("configuration", "file", shown);
    for warning in &settings.warnings {
        findings.add("configuration", "environment", Verdict::Odd, warning.clone());
    }
}

fn examine_store(settings: &Settings, findings: &mut Findings) {
    let store = &settings.store;
    findings.well("store", "url", format!("{} ({})", store.value, store.origin));
    let asked = block_on(async {
        let store = crate::connect_existing(&store.value).await?;
        Ok((store.health().await?, store.registry().await?.tasks))
    });
    match asked {
        Ok((health, tasks)) => {
            for (name, value) in health.facts {
                findings.add("store", &name, Verdict::Well, value);
            }
            for warning in health.warnings {
                findings.add("store", "health", Verdict::Wrong, warning);
            }
            findings.well("store", "applications", applications(&tasks));
        }
        Err(error) if error.code() == Code::StoreUnavailable => {
            findings.add("store", "health", Verdict::Odd, error.what().to_owned());
        }
        Err(error) => findings.error("store", "health", &error),
    }
}

/// The applications whose workers have used the store, with the number of their tasks.
fn applications(tasks: &[RegisteredTask]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for task in tasks {
        *counts.entry(&task.application).or_default() += 1;
    }
    let shown: Vec<_> = counts
        .into_iter()
        .map(|(application, count)| {
            format!("{application} ({count} task{})", if count == 1 { "" } else { "s" })
        })
        .collect();
    if shown.is_empty() { "none yet".to_owned() } else { shown.join(", ") }
}

fn examine_python(settings: &Settings, sources: &Sources, findings: &mut Findings) {
    let python = match python::find(settings, sources) {
        Ok(python) => python,
        Err(error) => return findings.error("python", "interpreter", &error),
    };
    let place = format!("{} ({})", python.path.display(), python.why);
    findings.well("python", "interpreter", place);
    let report = match python::ask(&python.path) {
        Ok(report) => report,
        Err(error) => return findings.error("python", "version", &error),
    };
    findings.well("python", "version", report.python);
    let (verdict, text) = match (report.laneway, report.error) {
        (Some(version), _) if version == crate::VERSION => (Verdict::Well, version),
        (Some(version), _) => (
            Verdict::Wrong,
            format!("{version}, but this command is {}; install the same version", crate::VERSION),
        ),
        (None, error) => (
            Verdict::Wrong,
            format!("not importable: {}; install `laneway` there", error.unwrap_or_default()),
        ),
    };
    findings.add("python", "laneway", verdict, text);
}

fn examine_machine(findings: &mut Findings) {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    findings.well("machine", "cores", cores.to_string());
    let limit = getrlimit(Resource::Nofile).current;
    let shown = limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
    if limit.is_some_and(|limit| limit < OPEN_FILES_MIN) {
        let text = format!("{shown}; raise it to {OPEN_FILES_MIN} or more with `ulimit -n`");
        findings.add("machine", "open files", Verdict::Odd, text);
    } else {
        findings.well("machine", "open files", shown);
    }
}

impl Verdict {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Odd => "warning",
            Self::Wrong => "problem",
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Well => GREEN,
            Self::Odd => YELLOW,
            Self::Wrong => RED,
        }
    }
}

impl Findings {
    fn well(&mut self, area: &'static str, name: &str, text: impl Into<String>) {
        self.add(area, name, Verdict::Well, text.into());
    }

    fn error(&mut self, area: &'static str, name: &str, error: &Error) {
        let text = format!("{}: {}; {}", error.code(), error.what(), error.remedy());
        self.add(area, name, Verdict::Wrong, text);
    }

    fn add(&mut self, area: &'static str, name: &str, verdict: Verdict, text: String) {
        self.0.push(Finding { area, name: name.to_owned(), verdict, text });
    }

    fn write(self, is_healthy: bool, output: &mut Output) {
        if output.is_json() {
            let findings = self.0.iter().map(|finding| {
                json!({
                    "area": finding.area,
                    "name": finding.name,
                    "verdict": finding.verdict.as_str(),
                    "text": finding.text,
                })
            });
            let findings: Vec<_> = findings.collect();
            return output.json(json!({ "is_healthy": is_healthy, "findings": findings }));
        }
        let width = self.0.iter().map(|finding| finding.name.chars().count()).max().unwrap_or(0);
        let mut area = "";
        for finding in self.0 {
            if finding.area != area {
                area = finding.area;
                output.line(area);
            }
            let style = finding.verdict.style();
            let word = finding.verdict.as_str();
            let text = plain(&finding.text);
            output.line(&format!(
                "  {style}{word:<7}{style:#}  {:<width$}  {text}",
                plain(&finding.name)
            ));
        }
    }
}
