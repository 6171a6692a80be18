//! What a workspace tells is what a check of the same files tells, after any change.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::finding::Tier;
use crate::rules::Rule;

const DB: &str = "import time\n\ndef get():\n    time.sleep(1)\n";
const MAIN: &str = "from db import get\n\nasync def handler():\n    get()\n";

struct Bench {
    folder: TempDir,
    knowledge: Knowledge,
    workspace: Workspace,
}

impl Bench {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            paths: vec![folder.path().to_owned()],
            base: folder.path().to_owned(),
            exclude: vec!["left_out/**".to_owned()],
            respects_ignores: true,
            ..Options::default()
        };
        let knowledge = Knowledge::load(&[]).unwrap();
        let mut bench = Self { folder, knowledge, workspace: Workspace::new(options) };
        for (path, text) in files {
            bench.write(path, text);
        }
        bench.refresh(&[]);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn refresh(&mut self, touched: &[&str]) -> Vec<String> {
        let touched: BTreeSet<PathBuf> = touched.iter().map(|name| self.path(name)).collect();
        self.workspace.refresh(&touched).iter().map(ToString::to_string).collect()
    }

    /// Errors and warnings; all findings are those of a check of the disk, unless a file is open.
    fn findings(&self) -> Vec<Finding> {
        let report = self.workspace.report(&self.knowledge);
        if self.workspace.held.values().all(|held| !held.is_open) {
            let other = check::check(&self.workspace.options, &self.knowledge);
            assert_eq!(report.findings, other.findings);
            let mut problems = report.problems;
            problems.sort_by_key(|it| it.path.clone());
            assert_eq!(problems, other.problems);
            let counts = (report.files, report.lines, report.entry_points, report.tests);
            assert_eq!(counts, (other.files, other.lines, other.entry_points, other.tests));
        }
        report.findings.into_iter().filter(|it| it.tier < Tier::Hint).collect()
    }

    fn open(&mut self, name: &str, text: &str) -> bool {
        let path = self.path(name);
        self.workspace.open(&path, text)
    }

    fn close(&mut self, name: &str) {
        let path = self.path(name);
        self.workspace.close(&path);
    }
}

#[test]
fn a_text_that_is_open_moves_findings_of_other_files() {
    let mut bench = Bench::new(&[("db.py", DB), ("main.py", MAIN)]);
    assert_eq!(bench.findings().len(), 1);
    assert!(bench.open("main.py", "async def handler():\n    pass\n"));
    assert!(bench.findings().is_empty());
    assert!(bench.open("main.py", &format!("# é\n{MAIN}")));
    let findings = bench.findings();
    let lines: Vec<u32> = findings[0].chain.iter().map(|step| step.location.line).collect();
    assert_eq!((&*findings[0].location.path, lines), ("db.py", vec![4, 5]));
    bench.close("main.py");
    assert_eq!(bench.findings()[0].chain[0].location.line, 3);
}

#[test]
fn places_are_those_of_the_open_text() {
    let mut bench = Bench::new(&[("main.py", "import time\n")]);
    let text = "import time\n\nasync def f():\n    'ü'; time.sleep(1)\n";
    bench.open("main.py", text);
    let finding = &bench.findings()[0];
    let place = &finding.location;
    assert_eq!((place.line, place.column), (4, 10));
    assert_eq!(&text[place.start as usize..place.end as usize], "time.sleep(1)");
    let (mended, _) = crate::fixed(text, [finding]);
    assert!(mended.contains("'ü'; await asyncio.sleep(1)\n"), "{mended}");
}

#[test]
fn what_came_and_went_and_changed_on_the_disk_is_told_and_read() {
    let mut bench = Bench::new(&[("db.py", DB), ("main.py", MAIN)]);
    assert!(bench.refresh(&[]).is_empty());
    bench.write("db.py", &DB.replace("sleep(1)", "sleep(2)"));
    assert_eq!(bench.refresh(&["db.py"]), ["db.py"]);
    bench.write("more.py", "import time\nasync def f():\n    time.sleep(1)\n");
    assert_eq!(bench.refresh(&[]), ["more.py"]);
    assert_eq!(bench.findings().len(), 2);
    fs::remove_file(bench.path("db.py")).unwrap();
    assert_eq!(bench.refresh(&[]), ["db.py"]);
    assert_eq!(bench.findings().len(), 1);
    bench.write("main.py", "async def f():\n    import time; time.sleep(1)\n");
    assert_eq!(bench.refresh(&["main.py"]), ["main.py"]);
    assert_eq!(bench.findings().len(), 2);
}

#[test]
fn a_file_that_was_touched_and_says_the_same_is_no_change() {
    let mut bench = Bench::new(&[("db.py", DB), ("main.py", MAIN)]);
    bench.write("db.py", DB);
    assert!(bench.refresh(&["db.py"]).is_empty());
    assert_eq!(bench.findings().len(), 1);
}

#[test]
fn a_folder_that_becomes_a_package_renames_its_modules() {
    let files = [
        ("src.d/app/db.py", DB),
        ("src.d/app/main.py", "from app.db import get\nasync def f():\n    get()\n"),
    ];
    let mut bench = Bench::new(&files);
    let before = bench.findings();
    bench.open("src.d/app/main.py", files[1].1);
    bench.write("src.d/app/__init__.py", "");
    bench.refresh(&[]);
    bench.close("src.d/app/main.py");
    let after = bench.findings();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_eq!(after[0].function, "app.db.get");
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_until_it_can() {
    let mut bench = Bench::new(&[("main.py", "x = '\n"), ("other.py", "x = 1\n")]);
    let problems = |bench: &Bench| bench.workspace.report(&bench.knowledge).problems.len();
    assert_eq!((bench.findings().len(), problems(&bench)), (0, 1));
    fs::write(bench.path("other.py"), b"x = '\xff'\n").unwrap();
    bench.refresh(&["other.py"]);
    assert_eq!((bench.findings().len(), problems(&bench)), (0, 2));
    bench.open("other.py", &"(".repeat(10_000));
    assert_eq!(problems(&bench), 2);
    bench.open("other.py", "import time\nasync def f():\n    time.sleep(1)\n");
    assert_eq!((bench.findings().len(), problems(&bench)), (1, 1));
    bench.close("other.py");
    bench.write("main.py", "x = 1\n");
    bench.write("other.py", "x = 1\n");
    bench.refresh(&["main.py", "other.py"]);
    assert_eq!((bench.findings().len(), problems(&bench)), (0, 0));
}

#[test]
fn a_text_that_was_never_saved_counts_until_it_is_closed() {
    let mut bench = Bench::new(&[("left_out/gen.py", DB), ("db.py", DB)]);
    assert!(!bench.open("left_out/gen.py", DB), "what is left out stays out");
    assert!(bench.open("new.py", MAIN));
    assert_eq!(bench.findings().len(), 1);
    assert!(bench.refresh(&[]).is_empty(), "a look at the disk does not close it");
    assert_eq!(bench.findings().len(), 1);
    bench.close("new.py");
    assert!(bench.findings().is_empty());
}

#[test]
fn findings_of_tests_are_left_out() {
    let mut bench = Bench::new(&[("main.py", "x = 1\n")]);
    bench.open("tests/test_a.py", "import time\nasync def f():\n    time.sleep(1)\n");
    assert!(bench.findings().is_empty());
}

#[test]
fn a_comment_answers_and_is_put_where_it_can_stand() {
    let texts = [
        ("    time.sleep(1)\n", "    time.sleep(1)  # laneway: ok[LW101](why)\n"),
        ("    time.sleep(1)", "    time.sleep(1)  # laneway: ok[LW101](why)"),
        ("    time.sleep(1)\r\n", "    time.sleep(1)  # laneway: ok[LW101](why)\r\n"),
        ("    time.sleep(1)  # slow\n", "    time.sleep(1)  # slow  # laneway: ok[LW101](why)\n"),
        (
            "    time.sleep(1)  # laneway: ok[LW104](file)\n",
            "    time.sleep(1)  # laneway: ok[LW101,LW104](file)\n",
        ),
        ("    time.sleep(\n        1\n    )\n", "    time.sleep(  # laneway: ok[LW101](why)\n"),
        (
            "    time.sleep(1) + \\\n    2\n",
            "    # laneway: ok[LW101](why)\n    time.sleep(1) + \\\n",
        ),
    ];
    for (code, wanted) in texts {
        let mut bench = Bench::new(&[("main.py", "x = 1\n")]);
        let text = format!("import time\n\nasync def f():\n{code}");
        bench.open("main.py", &text);
        let findings = bench.findings();
        assert_eq!(findings[0].rule, Rule::Lw101, "{code}");
        let edit = bench.workspace.answer(&findings[0], "why").unwrap();
        let (start, end) = (edit.start as usize, edit.end as usize);
        let answered = format!("{}{}{}", &text[..start], edit.text, &text[end..]);
        assert!(answered.contains(wanted), "{answered}");
        bench.open("main.py", &answered);
        assert!(bench.findings().is_empty(), "{answered}");
    }
}

#[test]
fn inside_of_a_text_no_comment_can_stand() {
    let mut bench = Bench::new(&[("main.py", "x = 1\n")]);
    let text = "import time\n\nasync def f():\n    return f'''\n{time.sleep(1)}\n'''\n";
    bench.open("main.py", text);
    let findings = bench.findings();
    assert_eq!(findings.len(), 1);
    assert_eq!(bench.workspace.answer(&findings[0], "why"), None);
}
