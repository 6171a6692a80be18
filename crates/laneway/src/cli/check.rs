//! `laneway check`: what blocks an event loop, found by reading the code.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use laneway_check::{Finding, Report, Rule, Tier};
use laneway_core::error::{Code, Error};

use super::advise::page::Page;
use super::humane::counted;
use super::output::Output;
use super::{Context, NEGATIVE};

mod baseline;
mod evidence;
mod github;
mod json;
mod learned;
mod lsp;
mod repair;
mod sarif;
mod settings;
mod statistics;
mod text;
mod watch;

use baseline::Baseline;
use settings::CheckSettings;

/// Arguments of `laneway check`.
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent flag of the command line"
)]
pub(super) struct CheckArgs {
    /// Files and folders; the working directory by default
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only these rules, such as `LW101`; `LW1` means all that begin so
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    select: Vec<String>,
    /// Not these rules
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    ignore: Vec<String>,
    /// The least that is shown
    #[arg(long, value_name = "TIER")]
    tier: Option<TierChoice>,
    /// Not the files that match, such as `migrations/**`
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Show findings in tests, too
    #[arg(long)]
    include_tests: bool,
    /// Read files that `.gitignore` leaves out, too
    #[arg(long)]
    no_gitignore: bool,
    /// Read every file anew, and keep nothing for the next run
    #[arg(long)]
    no_cache: bool,
    /// How to write the findings; `--json` is the same as `--format json`
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// Leave out the findings that this file knows
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write all findings to this file, for `--baseline` of later runs
    #[arg(long, value_name = "FILE", conflicts_with = "baseline")]
    write_baseline: Option<PathBuf>,
    /// Write the edits that keep the meaning into the files, and show what is left
    #[arg(long, conflicts_with = "write_baseline")]
    fix: bool,
    /// Count findings by rule instead of showing them
    #[arg(long)]
    statistics: bool,
    /// Show the calls that could not be followed, too, and what would tell what they mean
    #[arg(long)]
    strict: bool,
    /// Put what was measured to the findings, the dearest first: a report of `laneway profile
    /// --json --out FILE`, or the URL of a store
    #[arg(long, value_name = "FILE|STORE")]
    profile: Option<String>,
    /// Write entries for a file of `knowledge`: the functions of libraries that blocked an event
    /// loop by these measurements
    #[arg(long, value_name = "FILE|STORE", conflicts_with_all = ["fix", "profile", "statistics"])]
    #[arg(conflicts_with_all = ["baseline", "write_baseline", "format", "strict", "watch", "lsp"])]
    learn: Option<String>,
    /// Check again whenever a file changes, until Ctrl-C
    #[arg(long, conflicts_with_all = ["fix", "write_baseline"])]
    watch: bool,
    /// Show findings in an editor: speak the Language Server Protocol on standard input and output
    #[arg(
        long,
        conflicts_with_all = ["paths", "format", "fix", "write_baseline", "statistics", "watch"]
    )]
    lsp: bool,
    /// What some editors add by themselves
    #[arg(long, hide = true, requires = "lsp")]
    stdio: bool,
}

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One line a finding
    Concise,
    /// One object a line
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TierChoice {
    Error,
    Warning,
    Hint,
}

impl From<TierChoice> for Tier {
    fn from(choice: TierChoice) -> Self {
        match choice {
            TierChoice::Error => Self::Error,
            TierChoice::Warning => Self::Warning,
            TierChoice::Hint => Self::Hint,
        }
    }
}

pub(super) fn run(arguments: &CheckArgs, context: &mut Context) -> Result<u8, Error> {
    if arguments.lsp {
        return lsp::run(arguments, context);
    }
    if let Some(source) = &arguments.learn {
        let settings = CheckSettings::of(arguments, &context.sources)?;
        learned::write(&settings.learn(source)?, &mut context.output);
        return Ok(0);
    }
    let format = format(arguments, context.output.is_json())?;
    if arguments.watch {
        return watch::run(arguments, format, context);
    }
    let settings = CheckSettings::of(arguments, &context.sources)?;
    let teller = Teller { arguments, format, page: Page::of(&context.sources) };
    let output = &mut context.output;
    let mut report = settings.check()?;
    if arguments.fix {
        let (shown, _) = select(&report, &settings);
        repair::write(&shown, &settings.folder, output)?;
        report = settings.check()?;
    }
    if let Some(path) = &arguments.write_baseline {
        let baseline = Baseline::of(&select(&report, &settings).0);
        baseline.write(&settings.folder.join(path))?;
        output.note(&format!("{} known from now on", counted(baseline.len(), "finding")));
        return Ok(0);
    }
    let answer = Answer::of(&report, &settings)?;
    teller.write(&answer, &settings.folder, output);
    Ok(if answer.shown.is_empty() { 0 } else { NEGATIVE })
}

/// What a run says.
struct Answer<'r> {
    report: &'r Report,
    /// The findings that are wanted and that no baseline knows.
    shown: Vec<&'r Finding>,
    /// The tiers of those that are left out as too small.
    hidden: Vec<Tier>,
}

impl<'r> Answer<'r> {
    fn of(report: &'r Report, settings: &CheckSettings) -> Result<Self, Error> {
        let (mut shown, hidden) = select(report, settings);
        if let Some(path) = &settings.baseline {
            let baseline = Baseline::read(path)?;
            shown.retain(|finding| !baseline.has(finding));
        }
        Ok(Self { report, shown, hidden })
    }
}

/// How answers are written.
struct Teller<'a> {
    arguments: &'a CheckArgs,
    format: Format,
    page: Page<'a>,
}

impl Teller<'_> {
    fn write(&self, answer: &Answer<'_>, folder: &Path, output: &mut Output) {
        let shown = &answer.shown;
        if self.arguments.statistics {
            statistics::write(shown, output);
        } else {
            match self.format {
                Format::Text => text::write(shown, folder, self.page, output),
                Format::Concise => text::write_concise(shown, output),
                Format::Json => json::write(shown, output),
                Format::Sarif => output.raw(format!("{:#}\n", sarif::log(shown)).as_bytes()),
                Format::Github => github::write(shown, output),
            }
        }
        text::write_summary(answer.report, shown, &answer.hidden, output);
    }
}

/// The findings that are wanted, what cost most first, and the tiers of those that are left out as
/// too small.
fn select<'r>(report: &'r Report, settings: &CheckSettings) -> (Vec<&'r Finding>, Vec<Tier>) {
    let chosen = report.findings.iter().filter(|it| settings.rules.contains(&it.rule));
    // What is asked for by a flag, and what cost time, is no trifle.
    let is_asked = |it: &Finding| it.rule == Rule::Lw001 || it.measured.is_some();
    let (mut shown, small): (Vec<_>, Vec<_>) =
        chosen.partition(|it| it.tier <= settings.tier || is_asked(it));
    shown.sort_by_key(|it| std::cmp::Reverse(it.measured.as_ref().map(|cost| cost.total)));
    (shown, small.into_iter().map(|it| it.tier).collect())
}

fn format(arguments: &CheckArgs, is_json: bool) -> Result<Format, Error> {
    match (arguments.format, is_json) {
        (None, true) | (Some(Format::Json), _) => Ok(Format::Json),
        (Some(other), true) => {
            let name =
                other.to_possible_value().map_or_else(String::new, |it| it.get_name().into());
            Err(Error::new(Code::InvalidArgument, "`--json` and another format are asked for")
                .why(format!("`--format {name}` is not JSON"))
                .fix("leave one of them out"))
        }
        (format, false) => Ok(format.unwrap_or(Format::Text)),
    }
}

/// Where a rule is described.
fn page_of(rule: Rule) -> String {
    format!("docs/check/{}.md", rule.code())
}
