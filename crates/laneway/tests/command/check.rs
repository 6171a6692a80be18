//! `laneway check` on small projects: what it prints, where, and how it ends.

use std::fs;

use serde_json::{Value, json};

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
fn the_last_line_counts_each_tier_and_names_what_is_left_out() {
    let bench = Bench::new();
    bench.write(
        "main.py",
        "import asyncio, time\nfrom pathlib import Path\n\n\
         async def error():\n    time.sleep(1)\n    await asyncio.sleep(1)\n\n\
         async def warning():\n    asyncio.create_task(error())\n\n\
         async def hint():\n    Path('x').exists()\n    await asyncio.sleep(1)\n",
    );
    for (words, told) in [
        (
            "check",
            "1 error and 1 warning in 1 file (14 lines); 1 hint left out, which `--tier hint` shows",
        ),
        ("check --tier hint", "1 error, 1 warning and 1 hint in 1 file (14 lines)"),
        (
            "check --tier error",
            "1 error and 0 warnings in 1 file (14 lines); \
             1 warning and 1 hint left out, which `--tier hint` shows",
        ),
        (
            "check --tier error --ignore LW104",
            "1 error and 0 warnings in 1 file (14 lines); \
             1 warning left out, which `--tier warning` shows",
        ),
    ] {
        let done = bench.run(words);
        assert!(done.err.trim_end().ends_with(told), "{words}: {}", done.err);
    }
}

#[test]
fn a_comment_answers_with_a_reason_only_and_says_so() {
    let bench = Bench::new();
    for (comment, told) in [
        ("# laneway: ok(once)", None),
        ("# laneway: okay", Some(false)),
        ("# laneway: ok", Some(true)),
        ("# laneway: ok()", Some(true)),
        ("# laneway: ok[LW101]", Some(true)),
        ("# laneway: ok[LW304]", Some(false)),
    ] {
        bench.write(
            "main.py",
            &format!("import time\nasync def f():\n    time.sleep(1)  {comment}\n"),
        );
        let done = bench.run("check");
        assert_eq!(done.status, i32::from(told.is_some()), "{comment}: {}", done.out);
        let is_told = done.out.contains("the comment has no reason");
        assert_eq!(is_told, told == Some(true), "{comment}: {}", done.out);
    }
}

#[test]
fn tests_that_are_left_out_are_told() {
    let bench = Bench::new();
    bench.write("tests/test_slow.py", "import time\n\nasync def f():\n    time.sleep(1)\n");
    let left_out = bench.run("check tests");
    assert_eq!(left_out.status, 0);
    let told = "; 1 file of tests left out, which `--include-tests` shows";
    assert!(left_out.err.contains(told), "{}", left_out.err);
    let shown = bench.run("check tests --include-tests");
    assert_eq!(shown.status, 1);
    assert!(!shown.err.contains("of tests"), "{}", shown.err);
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

#[test]
fn strict_runs_show_what_could_not_be_followed_in_every_format() {
    let bench = Bench::new();
    bench.write("main.py", "async def f(client):\n    client.read()\n    client.write()\n");
    assert_eq!(bench.run("check").status, 0);
    let done = bench.run("check --strict --tier error");
    assert_eq!(done.status, 1, "{}", done.err);
    assert!(done.out.contains("hint[LW001]: `client.read` cannot be followed"), "{}", done.out);
    assert!(done.out.contains("also at main.py:3"), "{}", done.out);
    assert!(done.err.contains("2 calls could not be followed, for 1 reason"), "{}", done.err);
    let line: Value = serde_json::from_str(&bench.run("check --strict --json").out).unwrap();
    assert_eq!((&line["rule"], &line["others"][0]["line"]), (&json!("LW001"), &json!(3)));
    let log: Value = serde_json::from_str(&bench.run("check --strict --format sarif").out).unwrap();
    let result = &log["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&json!("LW001"), &json!("note")));
    let related = &result["relatedLocations"][0]["physicalLocation"]["region"]["startLine"];
    assert_eq!(related, 3);
    let github = bench.run("check --strict --format github").out;
    assert!(github.starts_with("::notice file=main.py,line=2,"), "{github}");
    assert!(bench.run("check --strict --statistics").out.contains("1  LW001"));
    bench.write("pyproject.toml", "[tool.laneway.check]\nstrict = true\n");
    assert_eq!(bench.run("check --select LW1").status, 1);
    assert_eq!(bench.run("check --ignore LW001").status, 0);
    assert_eq!(bench.run("check --write-baseline known.json").status, 0);
    assert_eq!(bench.run("check --baseline known.json").status, 0);
    bench.write("pyproject.toml", "");
    assert_eq!(bench.run("check --select LW001").status, 1);
}

/// A report as `laneway profile --json` writes it, of these lines of `app/main.py` and `app/db.py`.
fn report(bench: &Bench) -> String {
    let blocker = |file: &str, line: u32, function: &str, total: f64, stack: &str| {
        json!({
            "task": "handler", "file": bench.path(file), "line": line, "function": function,
            "blockage": "call", "count": 4, "total_ms": total, "longest_ms": total / 2.0,
            "stack": stack, "edit": null,
        })
    };
    let library = "/v/lib/python3.12/site-packages/acme/api.py";
    let main = bench.path("app/main.py");
    let stack = format!("{}:9 other\n{library}:5 call", main.display());
    let report = json!({
        "loops": [{ "wall_ms": 10_000.0, "kind": "asyncio" }],
        "blockers": [
            blocker("app/db.py", 5, "Pool.get", 200.0, ""),
            blocker("app/main.py", 9, "other", 500.0, &stack),
        ],
    });
    report.to_string()
}

fn measured_project() -> Bench {
    let bench = project();
    let other = "import acme\nasync def other():\n    acme.call()\n    open('x')\n";
    bench.write("app/main.py", &format!("{MAIN}{other}"));
    bench.write("report.json", &report(&bench));
    bench
}

#[test]
fn what_was_measured_comes_first_with_its_cost() {
    let bench = measured_project();
    let done = bench.run("check --profile report.json");
    assert_eq!(done.status, 1, "{}", done.err);
    let (first, second) = (done.out.find("LW002").unwrap(), done.out.find("LW110").unwrap());
    assert!(first < second, "{}", done.out);
    let cost = "measured: seen 4 times, 500ms in all, 250ms at most; 3m of an hour, 5.0 % of the";
    assert!(done.out.contains(cost), "{}", done.out);
    assert!(done.out.contains("nothing is known of the library `acme`"), "{}", done.out);
    assert!(done.out.contains("`--learn` writes down that it blocks"), "{}", done.out);
    let objects = bench.run("check --profile report.json --json").objects();
    assert_eq!(objects[0]["measured"]["ms_per_hour"], 180_000.0);
    assert_eq!(objects[1]["measured"]["loop_share"], 0.02);
    assert_eq!(objects[1]["rule"], "LW110");
    let sarif = bench.run("check --profile report.json --format sarif").out;
    let log: Value = serde_json::from_str(&sarif).unwrap();
    let results = &log["runs"][0]["results"];
    assert_eq!((&results[0]["ruleId"], &results[0]["rank"]), (&json!("LW002"), &json!(5.0)));
    assert_eq!(results[1]["properties"]["measured"]["count"], 4);
    let concise = bench.run("check --profile report.json --format concise").out;
    assert!(concise.lines().next().unwrap().contains("(measured: seen 4 times"), "{concise}");
}

#[test]
fn measurements_that_cannot_be_read_end_with_2() {
    let bench = project();
    bench.write("broken.json", "{\"loops\": []");
    for source in ["nowhere.json", "broken.json", "app"] {
        for flag in ["--profile", "--learn"] {
            bench.run(&format!("check {flag} {source}")).expect_error(2, "LW1023");
        }
    }
    bench.run("check --profile sqlite:///nowhere.db").expect_error(3, "LW1008");
    bench.run("check --learn a --strict").expect(2);
}

#[test]
fn stacks_become_entries_that_reading_then_uses() {
    let bench = measured_project();
    let done = bench.run("check --learn report.json");
    assert_eq!(done.status, 0, "{}", done.err);
    assert!(done.out.contains("names = [\"acme.api.call\", \"acme.call\"]"), "{}", done.out);
    assert!(done.out.contains("# Nothing was learned from these lines:"), "{}", done.out);
    assert!(done.out.contains("`time.sleep` is known to block"), "{}", done.out);
    assert!(done.err.contains("1 entry learned; 1 line taught nothing"), "{}", done.err);
    assert!(!bench.run("check").out.contains("acme"));
    bench.write("learned.toml", &done.out);
    bench.write("pyproject.toml", "[tool.laneway.check]\nknowledge = [\"learned.toml\"]\n");
    let found = bench.run("check --format concise").out;
    assert!(found.contains("app/main.py:9:5: error [LW105] `acme.call` waits"), "{found}");
    let again = bench.run("check --learn report.json").out;
    assert!(again.contains("is known to block") && !again.contains("[[entry]]"), "{again}");
}
