//! Checks paths and prints one line a finding, with the time it took: for work on the analysis.
//!
//! `cargo run --release -p laneway-check --example scan -- [--cache FILE] [--ways] PATH…`
//!
//! With `--ways`, the calls that lead to a finding stand below it.

use std::path::PathBuf;

use laneway_check::{Knowledge, Options, check};

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
#[expect(clippy::disallowed_methods, reason = "it measures real time")]
fn main() {
    let mut arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let has_cache = arguments.first().is_some_and(|it| it.as_os_str() == "--cache");
    let cache = has_cache.then(|| arguments.drain(..2).next_back()).flatten();
    let has_ways = arguments.first().is_some_and(|it| it.as_os_str() == "--ways");
    arguments.drain(..usize::from(has_ways));
    let start = std::time::Instant::now();
    let knowledge = match Knowledge::load(&[]) {
        Ok(knowledge) => knowledge,
        Err(error) => return eprintln!("{}: {}", error.file, error.message),
    };
    let loaded = start.elapsed();
    let options = Options {
        paths: arguments,
        base: PathBuf::from("/"),
        exclude: Vec::new(),
        includes_tests: false,
        respects_ignores: false,
        cache,
        ..Options::default()
    };
    let report = check(&options, &knowledge);
    for it in &report.findings {
        println!(
            "/{}:{}:{}: {} {} {} [{}] {}",
            it.location.path,
            it.location.line,
            it.location.column,
            it.tier.as_str(),
            it.rule.code(),
            it.confidence.as_str(),
            it.entry_points,
            it.message
        );
        for step in it.chain.iter().filter(|_| has_ways) {
            println!("    /{}:{} {}", step.location.path, step.location.line, step.function);
        }
    }
    for it in &report.problems {
        eprintln!("{}:{}: {}", it.path, it.line.unwrap_or(0), it.message);
    }
    eprintln!(
        "{} findings, {} files, {} lines, {} entry points, {} problems; knowledge {loaded:?}, all {:?}",
        report.findings.len(),
        report.files,
        report.lines,
        report.entry_points,
        report.problems.len(),
        start.elapsed(),
    );
}
