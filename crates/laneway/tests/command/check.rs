//! `laneway check` on small projects: what it prints, where, and how it ends.

use std::fs;

use serde_json::Value;

use crate::bench::Bench;

const DB: &str = "import time\n\nclass Pool:\n    def get(self):\n        time.sleep(1)\n";
const MAIN: &str =
    "from app.db import Pool\n\npool = Pool()\n\nasync def handler():\n    pool.get()\n";

fn project() -> Bench {
    let bench = Bench::new();
    bench.write("app/__init__.py", "");
    bench.write("app/db.py", DB);
    bench.write("app/main.py", MAIN);
    bench
}

#[test]
fn a_blocking_call_is_shown_with_the_way_to_it_and_ends_with_1() {
    let done = project().run("check");
    assert_eq!(done.status, 1, "{}", done.err);
    assert!(done.out.contains("error[LW110]: `time.sleep`"), "{}", done.out);
    assert!(done.out.contains("--> app/db.py:5:9"), "{}", done.out);
    assert!(done.out.contains("`main.handler` calls `Pool.get`"), "{}", done.out);
    assert!(done.err.contains("1 error and 0 warnings in 3 files"), "{}", done.err);
}

#[test]
fn code_that_does_not_block_ends_with_0() {
    let bench = Bench::new();
    bench.write("main.py", "import asyncio\nasync def f():\n    await asyncio.sleep(1)\n");
    let done = bench.run("check");
    assert_eq!((done.status, done.out.as_str()), (0, ""));
}

#[test]
fn what_cannot_be_checked_ends_with_2() {
    let bench = project();
    for words in ["check nowhere", "check --select LW999", "check --baseline nowhere.json"] {
        let done = bench.run(words);
        assert_eq!((done.status, done.out.as_str()), (2, ""), "{words}");
        assert!(done.err.starts_with("error[LW1023]"), "{}", done.err);
    }
    bench.write("laneway.toml", "[check]\nselct = []\n");
    let done = bench.run("check");
    assert_eq!(done.status, 2);
    assert!(done.err.contains("selct"), "{}", done.err);
}

#[test]
fn settings_choose_rules_and_files() {
    let bench = project();
    bench.write("pyproject.toml", "[tool.laneway.check]\nignore = [\"LW110\"]\n");
    assert_eq!(bench.run("check").status, 0);
    bench.write("pyproject.toml", "[tool.laneway.check]\nexclude = [\"app/db.py\"]\n");
    assert_eq!(bench.run("check").status, 0);
    bench.write("pyproject.toml", "[tool.laneway.check]\nselect = [\"LW1\"]\n");
    assert_eq!(bench.run("check").status, 1);
}

#[test]
fn every_format_names_the_rule_and_the_place() {
    let bench = project();
    let line: Value = serde_json::from_str(&bench.run("check --json").out).unwrap();
    assert_eq!(line["rule"], "LW110");
    assert_eq!(line["location"]["line"], 5);
    assert_eq!(line["chain"][0]["function"], "app.main.handler");
    let log: Value = serde_json::from_str(&bench.run("check --format sarif").out).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "LW110");
    let flow = &result["codeFlows"][0]["threadFlows"][0]["locations"];
    assert_eq!(flow.as_array().map(Vec::len), Some(2));
    let github = bench.run("check --format github").out;
    assert!(github.starts_with("::error file=app/db.py,line=5,col=9,"), "{github}");
    let concise = bench.run("check --format concise").out;
    assert!(concise.starts_with("app/db.py:5:9: error [LW110] "), "{concise}");
    let counts = bench.run("check --statistics").out;
    assert!(counts.contains("1  LW110"), "{counts}");
}

#[test]
fn a_baseline_leaves_out_what_was_there_when_lines_move() {
    let bench = project();
    assert_eq!(bench.run("check --write-baseline known.json").status, 0);
    bench.write("app/db.py", &format!("# moved\n{DB}"));
    assert_eq!(bench.run("check --baseline known.json").status, 0);
    bench.write("app/more.py", "import time\nasync def f():\n    time.sleep(1)\n");
    let done = bench.run("check --baseline known.json --format concise");
    assert_eq!(done.status, 1);
    assert_eq!(done.out.lines().count(), 1, "{}", done.out);
}

#[test]
fn safe_edits_are_written_and_what_is_left_is_shown() {
    let bench = project();
    bench.write("app/slow.py", "import time\n\nasync def f():\n    time.sleep(1)\n");
    let done = bench.run("check --fix --format concise");
    assert_eq!(done.status, 1);
    assert!(done.out.contains("LW110") && !done.out.contains("LW101"), "{}", done.out);
    let text = fs::read_to_string(bench.path("app/slow.py")).unwrap();
    assert_eq!(text, "import time\nimport asyncio\n\nasync def f():\n    await asyncio.sleep(1)\n");
    assert_eq!(fs::read_to_string(bench.path("app/db.py")).unwrap(), DB);
}
