//! The way that is shown is one that can be taken.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::path::Path;

use laneway_check::{Knowledge, Options, check};

/// The functions on the way to the only blocking call of a snippet.
fn way(snippet: &str) -> Vec<String> {
    let snippets = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/snippets/LW110");
    let options = Options {
        paths: vec![snippets.join(snippet)],
        base: snippets,
        includes_tests: true,
        ..Options::default()
    };
    let report = check(&options, &Knowledge::load(&[]).unwrap());
    let blocking = report.findings.iter().filter(|it| it.rule.code() == "LW110");
    let [only] = blocking.collect::<Vec<_>>()[..] else { unreachable!("{:?}", report.findings) };
    let names = only.chain.iter().filter_map(|step| step.function.rsplit('.').next());
    names.map(str::to_owned).collect()
}

/// The shortest way gives another value, which the branch is not taken with.
#[test]
fn the_way_begins_at_the_call_that_takes_the_branch() {
    assert_eq!(way("one_call_takes_the_branch.py"), ["slow", "keep", "save"]);
}

/// The shortest way gives an object of another class.
#[test]
fn the_way_begins_at_the_call_that_gives_the_class() {
    let expected = ["sound", "fetch_any", "fetch_audio", "load_from", "load"];
    assert_eq!(way("each_function_gives_its_own_class.py"), expected);
}

/// What a method makes is what the object has that the way gives.
#[test]
fn the_way_begins_at_the_call_that_gives_the_maker() {
    let expected = ["slow", "slowly", "parse_all", "parse", "image"];
    assert_eq!(way("each_function_makes_its_own_class.py"), expected);
}
