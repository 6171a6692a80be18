//! No file makes the analysis crash or hang: what cannot be read is one line of the report.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use laneway_check::{Knowledge, Options, Report, check};

fn run(files: &[(&str, &[u8])]) -> Report {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    run_in(folder.path())
}

fn run_in(folder: &Path) -> Report {
    let options = Options {
        paths: vec![folder.to_owned()],
        base: folder.to_owned(),
        exclude: Vec::new(),
        includes_tests: true,
        respects_ignores: true,
        cache: Some(folder.join("check.cache")),
        ..Options::default()
    };
    let mut report = check(&options, &Knowledge::load(&[]).unwrap());
    // None of these functions awaits anything, which is not what is asked here.
    report.findings.retain(|finding| finding.rule.code() != "LW501");
    report
}

const GUILTY: &[u8] = b"import time\nasync def f():\n    time.sleep(1)\n";

/// The one problem of a run that has a guilty file beside the odd one.
fn only_problem(name: &str, bytes: &[u8]) -> String {
    let report = run(&[("good.py", GUILTY), (name, bytes)]);
    assert_eq!(report.findings.len(), 1, "the other file is checked all the same");
    let [problem] = report.problems.as_slice() else { unreachable!("{:?}", report.problems) };
    format!("{}:{}: {}", problem.path, problem.line.unwrap_or(0), problem.message)
}

/// A pipe or a socket is not waited for, nor passed over as if it were an empty folder.
#[cfg(unix)]
#[test]
fn what_is_neither_file_nor_folder_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket.py");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let report = check(
        &Options { paths: vec![socket], ..Options::default() },
        &Knowledge::load(&[]).unwrap(),
    );
    let [problem] = report.problems.as_slice() else { unreachable!("{:?}", report.problems) };
    assert_eq!(problem.message, "not read: neither a file nor a folder");
}

#[test]
fn python_2_is_one_line() {
    let text = only_problem("old.py", b"x = 1\nprint 'hello'\nexec 'code'\n");
    assert!(text.starts_with("old.py:2: not all of it is Python 3:"), "{text}");
}

#[test]
fn bytes_that_are_no_text_are_one_line() {
    let text = only_problem("binary.py", b"x = '\xfe\xff'\n");
    assert!(text.starts_with("binary.py:0: not read: byte 5 is not UTF-8"), "{text}");
}

#[test]
fn an_enormous_file_is_one_line() {
    let text = only_problem("data.py", "x = 1\n".repeat(3_000_000).as_bytes());
    assert_eq!(text, "data.py:0: not read: 17 MiB are more than 16 MiB");
}

#[test]
fn ten_thousand_levels_are_one_line() {
    let brackets = format!("x = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000));
    let text = only_problem("deep.py", brackets.as_bytes());
    assert_eq!(text, "deep.py:1: not read: nested deeper than Python itself allows");
    let mut blocks = String::new();
    for depth in 0..5_000 {
        writeln!(blocks, "{}if x:", " ".repeat(depth)).unwrap();
    }
    let text = only_problem("blocks.py", blocks.as_bytes());
    assert!(text.ends_with("nested deeper than Python itself allows"), "{text}");
}

#[test]
fn long_chains_are_read() {
    let chain = format!("x = {}1\n", "y + ".repeat(15_000));
    let calls = format!("x = a{}\n", ".b()".repeat(10_000));
    let nots = format!("x = {}y\n", "not ".repeat(10_000));
    let lambdas = format!("x = {}1\n", "lambda: ".repeat(5_000));
    let files: [(&str, &[u8]); 5] = [
        ("good.py", GUILTY),
        ("chain.py", chain.as_bytes()),
        ("calls.py", calls.as_bytes()),
        ("nots.py", nots.as_bytes()),
        ("lambdas.py", lambdas.as_bytes()),
    ];
    let report = run(&files);
    assert_eq!(report.findings.len(), 1);
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn imports_and_classes_in_a_ring_end() {
    let a: &[u8] = b"from b import *\nfrom b import y as x\nclass A(B): pass\nimport b\n";
    let b: &[u8] = b"from a import *\nfrom a import x as y\nclass B(A):\n    def f(self): self.f(); x(); y()\nasync def g(it: B): it.f(); it.h()\n";
    let report = run(&[("a.py", a), ("b.py", b), ("good.py", GUILTY)]);
    assert_eq!(report.findings.iter().filter(|it| it.rule.code() == "LW101").count(), 1);
}

/// Each of these has as many ways to the name as there are orders of the others; to follow them all
/// took more than an hour for twelve modules.
#[test]
fn modules_that_all_import_each_other_are_asked_once_for_a_name() {
    let names: Vec<String> = (0..40).map(|n| format!("m{n}")).collect();
    let mut text = String::new();
    for name in &names {
        writeln!(text, "from {name} import *\nfrom {name} import f, missing").unwrap();
    }
    text.push_str("from home import f\nasync def g():\n    f()\n    missing()\n");
    let mut files: Vec<(String, &str)> =
        names.iter().map(|name| (format!("{name}.py"), text.as_str())).collect();
    files.push(("home.py".to_owned(), "import time\ndef f():\n    time.sleep(1)\n"));
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    let report = run(&files);
    let found: Vec<_> = report.findings.iter().map(|it| it.rule.code()).collect();
    assert_eq!(found, ["LW110"]);
}

/// What is asked first must not decide what the others get: `b` has `f` from `a` only, and `a` is
/// still being asked when the question comes to `b`.
#[test]
fn what_a_ring_of_imports_gives_does_not_depend_on_who_asks_first() {
    let home = b"import time\ndef f():\n    time.sleep(1)\n";
    let by_star: [&[u8]; 2] = [b"from b import *\nfrom home import *\n", b"from a import *\n"];
    let by_name: [&[u8]; 2] = [
        b"try:\n    from b import f\nexcept ImportError:\n    from home import f\n",
        b"from a import f\n",
    ];
    for [a, b] in [by_star, by_name] {
        for (first, second) in [("u0.py", "u1.py"), ("u1.py", "u0.py")] {
            let report = run(&[
                ("home.py", home),
                ("a.py", a),
                ("b.py", b),
                (first, b"import a\nasync def g():\n    a.f()\n"),
                (second, b"import b\nasync def g():\n    b.f()\n"),
            ]);
            let found: Vec<_> = report.findings.iter().map(|it| it.entry_points).collect();
            assert_eq!(found, [2], "{first} asks `a`");
        }
    }
}

/// Each of them gives what the other one gives: whoever is asked first is open when the question
/// comes back to it, and what it has found so far must be part of the answer.
#[test]
fn what_two_functions_return_does_not_depend_on_which_is_asked_first() {
    let store = "import time\nclass Disk:\n    def read(self): time.sleep(1)\nclass Folder:\n    def open(self): return Disk()\n    def read(self): return None\ndef find(path):\n    if not path:\n        return Folder()\n    return walk(path).open()\ndef walk(path):\n    return find(path[1:])\n";
    for (first, second) in [("walk", "find"), ("find", "walk")] {
        let text = format!(
            "{store}async def f(it):\n    {first}(it).read()\nasync def g(it):\n    {second}(it).read()\n"
        );
        let report = run(&[("store.py", text.as_bytes())]);
        let found: Vec<_> = report.findings.iter().map(|it| it.entry_points).collect();
        assert_eq!(found, [2], "{first} is asked first");
    }
}

/// Each of these gives what three others give, and all lead to all.
#[test]
fn thousands_of_functions_that_return_each_other_are_answered() {
    let count = 4_000;
    let mut text = String::new();
    for n in 0..count {
        let others = [(n * 7 + 1) % count, (n * 3 + 2) % count, (n + 5) % count];
        let [first, second, third] = others.map(|other| format!("f{other}(x)"));
        writeln!(text, "def f{n}(x):\n    if x:\n        return {first}").unwrap();
        writeln!(text, "    if x > 1:\n        return {second}\n    return {third}").unwrap();
        writeln!(text, "async def g{n}():\n    f{n}(1).close()").unwrap();
    }
    assert!(run(&[("ring.py", text.as_bytes())]).findings.is_empty());
}

/// What each function is given decides whether the next one is called, so that each call is asked
/// once more for each one before it.
#[test]
fn a_long_way_is_judged_to_its_end_only_while_that_is_short() {
    let chain = |count: usize| {
        let mut text = String::from("import time\ndef f0(flag):\n    if flag == 'b':\n");
        text.push_str(&"        time.sleep(1)\n".repeat(100));
        for n in 1..count {
            writeln!(text, "def f{n}(flag):\n    if flag != 'q':\n        f{}(flag)", n - 1)
                .unwrap();
        }
        for flag in ["a", "c"] {
            writeln!(text, "async def {flag}():\n    f{}('{flag}')", count - 1).unwrap();
        }
        run(&[("chain.py", text.as_bytes())]).findings.len()
    };
    assert_eq!([chain(100), chain(3_000)], [0, 100]);
}

/// Two calls in each function make twice as many ways as to the next one: more than can be counted.
#[test]
fn ways_that_nobody_can_count_are_not_all_looked_at() {
    let ways = |count: usize| {
        let mut text = String::from("import time\ndef f0(flag):\n    if flag == 'b':\n");
        text.push_str("        time.sleep(1)\n");
        for n in 1..count {
            let call = format!("f{}(flag)", n - 1);
            writeln!(text, "def f{n}(flag):\n    {call}\n    {call}").unwrap();
        }
        writeln!(text, "async def g():\n    f{}('a')", count - 1).unwrap();
        writeln!(text, "async def h():\n    f{}('c')", count - 1).unwrap();
        run(&[("ways.py", text.as_bytes())]).findings.len()
    };
    assert_eq!([ways(6), ways(100)], [0, 1]);
}

#[test]
fn functions_that_call_each_other_in_a_ring_are_followed_once() {
    let mut text = String::from("import time\nasync def f():\n    g0()\n");
    for at in 0..500 {
        writeln!(text, "def g{at}():\n    g{}()\n    g0()", (at + 1) % 500).unwrap();
    }
    text.push_str("def g499():\n    g3()\n    time.sleep(1)\n");
    let report = run(&[("ring.py", text.as_bytes())]);
    let [finding] = report.findings.as_slice() else { unreachable!("{:?}", report.findings) };
    assert_eq!((finding.rule.code(), finding.chain.len()), ("LW110", 501));
}

#[test]
fn a_ring_of_links_ends() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a")).unwrap();
    fs::write(folder.path().join("a/good.py"), GUILTY).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/up")).unwrap();
    std::os::unix::fs::symlink("loop.py", folder.path().join("loop.py")).unwrap();
    assert_eq!(run_in(folder.path()).findings.len(), 1);
}

#[test]
fn a_comment_with_a_reason_answers_a_finding() {
    let answered: &[u8] =
        b"import time\nasync def f():\n    time.sleep(1)  # laneway: ok(at the end)\n    # laneway: ok[LW101](too)\n    time.sleep(2)\n";
    let report = run(&[("a.py", answered)]);
    assert_eq!((report.findings.len(), report.answered), (0, 2));
    let unanswered: &[u8] =
        b"import time\nasync def f():\n    time.sleep(1)  # laneway: ok()\n    time.sleep(2)  # laneway: ok[LW102](other)\n";
    assert_eq!(run(&[("a.py", unanswered)]).findings.len(), 2);
}

#[test]
fn a_folder_made_for_the_cache_keeps_itself_out_of_version_control() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.py"), GUILTY).unwrap();
    let options = Options {
        paths: vec![folder.path().to_owned()],
        base: folder.path().to_owned(),
        cache: Some(folder.path().join(".laneway/check.cache")),
        ..Options::default()
    };
    check(&options, &Knowledge::load(&[]).unwrap());
    assert!(folder.path().join(".laneway/check.cache").is_file());
    assert_eq!(fs::read_to_string(folder.path().join(".laneway/.gitignore")).unwrap(), "*\n");
}

#[test]
fn a_second_run_finds_the_same_from_the_cache() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good.py"), GUILTY).unwrap();
    let cold = run_in(folder.path());
    let cached = run_in(folder.path());
    assert_eq!(cold.findings, cached.findings);
    fs::write(folder.path().join("check.cache"), b"damaged").unwrap();
    assert_eq!(cold.findings, run_in(folder.path()).findings);
}
