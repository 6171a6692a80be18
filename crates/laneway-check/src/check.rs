//! The pipeline: from paths to findings.

use std::path::PathBuf;

use rayon::prelude::*;

use crate::cache::{Cache, Key, Used};
use crate::discovery::{Found, discover};
use crate::finding::{FileProblem, Finding};
use crate::finish::finish;
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
#[derive(Debug, Clone)]
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
    /// How many of the files are tests, whose findings are not wanted.
    pub tests: usize,
}

/// Checks the files that the options name.
pub fn check(options: &Options, knowledge: &Knowledge) -> Report {
    let (found, mut problems) =
        discover(&options.paths, &options.exclude, options.respects_ignores);
    let pool = rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build();
    let cache = Cache::open(options.cache.as_deref());
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
                report.tests += usize::from(found.is_test);
                files.push(file);
            }
            Err(problem) => problems.push(problem),
        }
    }
    cache.save(&used);
    report.files = files.len();
    let program = Program::new(files);
    analyse(&program, knowledge, &wanted, &mut report);
    report.problems = problems;
    report
}

pub(crate) fn analyse(
    program: &Program,
    knowledge: &Knowledge,
    wanted: &[bool],
    report: &mut Report,
) {
    let resolver = Resolver::new(program, knowledge);
    let graph = Graph::build(&resolver, wanted);
    let reach = Reach::of(&graph);
    let mut checkup = Checkup {
        program,
        resolver: &resolver,
        graph: &graph,
        reach: &reach,
        wanted,
        drafts: Vec::new(),
    };
    rules::apply(&mut checkup);
    let drafts = checkup.drafts;
    report.entry_points = graph.entries.len();
    (report.findings, report.answered) = finish(program, drafts);
}

fn read(
    found: &Found,
    options: &Options,
    cache: &Cache,
) -> Result<(SourceFile, Option<Used>), FileProblem> {
    let shown = shown(&found.path, options);
    let text = read_text(&found.path).map_err(|error| unreadable(&shown, &error))?;
    let (summary, lines, used) = summary(&text, cache);
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
fn summary(text: &str, cache: &Cache) -> (Summary, Lines, Option<Used>) {
    if !cache.is_kept() {
        return (summarize(text), Lines::of(text), None);
    }
    let key = Key::of(text);
    if let Some((summary, lines)) = cache.get(key) {
        return (summary, lines, Some((key, None)));
    }
    let (summary, lines) = (summarize(text), Lines::of(text));
    let bytes = Cache::encode(&summary, &lines);
    (summary, lines, Some((key, bytes)))
}

pub(crate) fn read_text(path: &std::path::Path) -> Result<String, Unreadable> {
    let system = |error: std::io::Error| Unreadable::System(error.to_string());
    let size = std::fs::metadata(path).map_err(system)?.len();
    if size > source::BYTES_MAX {
        return Err(Unreadable::TooLarge(size));
    }
    let text = source::decode(std::fs::read(path).map_err(system)?)?;
    source::refuse_depth(&text)?;
    Ok(text)
}

pub(crate) fn syntax_problem(file: &SourceFile) -> Option<FileProblem> {
    let error = file.summary.syntax_error.as_ref()?;
    let (line, _) = file.lines.line(error.at);
    let message = format!("not all of it is Python 3: {}", error.message);
    Some(FileProblem { path: file.path.clone(), line: Some(line), message })
}
