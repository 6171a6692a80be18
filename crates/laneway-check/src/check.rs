//! The pipeline: from paths to findings.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::cache::{Cache, Key, Used};
use crate::discovery::{Found, discover};
use crate::evidence::Evidence;
use crate::finding::{FileProblem, Finding};
use crate::finish::{finish, hide_locks};
use crate::graph::{Graph, Reach};
use crate::knowledge::Knowledge;
use crate::lines::Lines;
use crate::lowering::summarize;
use crate::program::{Program, SourceFile};
use crate::resolve::Resolver;
use crate::rules::{self, Checkup};
use crate::source::{self, Unreadable};
use crate::summary::Summary;

/// The stack of each thread that reads files: trees are freed by recursion.
pub(crate) const STACK_BYTES: usize = 256 * 1024 * 1024;

/// What is checked, and how.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is one independent choice of the user")]
pub struct Options {
    /// Files, and folders whose files are checked.
    pub paths: Vec<PathBuf>,
    /// What paths of findings are relative to.
    pub base: PathBuf,
    /// Patterns of files that are not checked.
    pub exclude: Vec<String>,
    /// Whether findings in tests are wanted.
    pub includes_tests: bool,
    /// Whether `.gitignore` is obeyed.
    pub respects_ignores: bool,
    /// The file in which summaries are kept between runs.
    pub cache: Option<PathBuf>,
    /// Whether calls that could not be followed are findings, too.
    pub is_strict: bool,
    /// What was measured while the code ran.
    pub evidence: Option<Evidence>,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The findings, in the order of files and lines.
    pub findings: Vec<Finding>,
    /// The files that could not be read, or only in part.
    pub problems: Vec<FileProblem>,
    /// How many files were read.
    pub files: usize,
    /// How many lines they have.
    pub lines: usize,
    /// How many async functions were followed.
    pub entry_points: usize,
    /// How many findings a comment of the code answers.
    pub answered: usize,
    /// How many of the files are tests whose findings are not wanted.
    pub tests: usize,
}

/// Checks the files that the options name.
pub fn check(options: &Options, knowledge: &Knowledge) -> Report {
    let (program, wanted, mut report) = read_program(options);
    analyse(&program, knowledge, options, &wanted, &mut report);
    // A large program is many small pieces of memory; nobody waits for them to be given back.
    std::thread::spawn(move || drop(program));
    report
}

/// Reads all files, and says of which of them findings are wanted.
pub(crate) fn read_program(options: &Options) -> (Program, Vec<bool>, Report) {
    let (cache, (found, mut problems)) = rayon::join(
        || Cache::open(options.cache.as_deref()),
        || discover(&options.paths, &options.exclude, options.respects_ignores),
    );
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
    let read = || found.par_iter().map(|found| read(found, options, &cache)).collect::<Vec<_>>();
    let results = match &pool {
        Ok(pool) => pool.install(read),
        Err(_) => read(),
    };
    let mut files = Vec::new();
    let mut wanted = Vec::new();
    let mut used = Vec::new();
    let mut report = Report::default();
    for (found, result) in found.iter().zip(results) {
        match result {
            Ok((file, row)) => {
                used.extend(row);
                problems.extend(syntax_problem(&file));
                report.lines += file.lines.count();
                wanted.push(options.includes_tests || !found.is_test);
                report.tests += usize::from(found.is_test && !options.includes_tests);
                files.push(file);
            }
            Err(problem) => problems.push(problem),
        }
    }
    cache.save(&used);
    report.files = files.len();
    report.problems = problems;
    (Program::new(files), wanted, report)
}

pub(crate) fn analyse(
    program: &Program,
    knowledge: &Knowledge,
    options: &Options,
    wanted: &[bool],
    report: &mut Report,
) {
    let resolver = Resolver::new(program, knowledge);
    let graph = Graph::build(&resolver, wanted);
    let reach = Reach::of(&graph, program);
    let mut checkup = Checkup {
        program,
        resolver: &resolver,
        graph: &graph,
        reach: &reach,
        wanted,
        commands: std::cell::OnceCell::new(),
        elsewhere: std::cell::RefCell::default(),
        ways: std::cell::RefCell::default(),
        drafts: Vec::new(),
        answered: 0,
    };
    rules::apply(&mut checkup);
    hide_locks(&mut checkup.drafts);
    if options.is_strict {
        rules::show_unresolved(&mut checkup);
    }
    let foreign = match &options.evidence {
        Some(evidence) => rules::measure(&mut checkup, evidence),
        None => Vec::new(),
    };
    report.entry_points = graph.entries.len();
    report.answered = checkup.answered;
    let (findings, answered) = finish(program, checkup.drafts);
    report.findings = findings;
    report.findings.extend(foreign);
    report.answered += answered;
}

fn read(
    found: &Found,
    options: &Options,
    cache: &Cache,
) -> Result<(SourceFile, Option<Used>), FileProblem> {
    let shown = shown(&found.path, options);
    let problem = |error: Unreadable| unreadable(&shown, &error);
    let text = read_decoded(&found.path).map_err(problem)?;
    let (summary, lines, used) = summary(&text, cache).map_err(problem)?;
    let file = SourceFile {
        path: shown,
        real_path: found.path.clone(),
        module: found.module.clone(),
        is_package: found.is_package,
        summary,
        lines,
        text: None,
    };
    Ok((file, used))
}

/// A path as it is shown.
pub(crate) fn shown(path: &std::path::Path, options: &Options) -> std::sync::Arc<str> {
    path.strip_prefix(&options.base).unwrap_or(path).to_string_lossy().as_ref().into()
}

pub(crate) fn unreadable(shown: &std::sync::Arc<str>, error: &Unreadable) -> FileProblem {
    let line = match error {
        Unreadable::TooDeep { line } => Some(*line),
        _ => None,
    };
    FileProblem { path: shown.clone(), line, message: error.to_string() }
}

/// The summary of a text, from the cache where it has one.
fn summary(text: &str, cache: &Cache) -> Result<(Summary, Lines, Option<Used>), Unreadable> {
    if !cache.is_kept() {
        source::refuse_depth(text)?;
        return Ok((summarize(text), Lines::of(text), None));
    }
    let key = Key::of(text);
    // A text that has a summary was looked at when it was made.
    if let Some((summary, lines)) = cache.get(key) {
        return Ok((summary, lines, Some((key, None))));
    }
    source::refuse_depth(text)?;
    let (summary, lines) = (summarize(text), Lines::of(text));
    let bytes = Cache::encode(&summary, &lines);
    Ok((summary, lines, Some((key, bytes))))
}

/// The text of a file that the parser can read without harm.
pub(crate) fn read_text(path: &std::path::Path) -> Result<String, Unreadable> {
    let text = read_decoded(path)?;
    source::refuse_depth(&text)?;
    Ok(text)
}

/// The text of a file, whatever it holds.
pub(crate) fn read_decoded(path: &std::path::Path) -> Result<String, Unreadable> {
    let system = |error: std::io::Error| Unreadable::System(error.to_string());
    let size = std::fs::metadata(path).map_err(system)?.len();
    if size > source::BYTES_MAX {
        return Err(Unreadable::TooLarge(size));
    }
    source::decode(std::fs::read(path).map_err(system)?)
}

pub(crate) fn syntax_problem(file: &SourceFile) -> Option<FileProblem> {
    let error = file.summary.syntax_error.as_ref()?;
    let (line, _) = file.lines.line(error.at);
    let message = format!("not all of it is Python 3: {}", error.message);
    Some(FileProblem { path: file.path.clone(), line: Some(line), message })
}
