use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use laneway_core::profile::Blockage;

use super::*;

/// Every coroutine here blocks for 200 ms; behind it stands what the edit should be.
const PROGRAM: &str = r#"import asyncio, hashlib, sqlite3, subprocess, sys, threading, time
from time import sleep
sys.path.append(__file__.rsplit("/", 1)[0] + "/site-packages")
import slowlib

SLOW = "with recursive c(x) as (select 1 union all select x + 1 from c where x < 1500000) select sum(x) from c"

def helper(n):
    time.sleep(0.2)
    return n

class P:
    def __init__(self, nap=0): time.sleep(nap)
    def __enter__(self): time.sleep(0.2); return self
    def __exit__(self, *_): pass
    @property
    def slow(self): time.sleep(0.2); return 1
    @property
    def quick(self): return 2

async def nap():
    time.sleep(0.2)  # a nap
async def nap_from(): sleep(0.2)
async def of_helper():
    if (helper(1)) == 1:
        return helper(2)
async def of_library(): return slowlib.get(0.2, key=1).json()
async def of_constructor():
    return P(0.2).quick
async def of_lambda():
    f = lambda: time.sleep(0.2)
    f()
async def of_hash():
    return hashlib.pbkdf2_hmac("sha256", b"p", b"s", 700_000).hex()
async def of_lock():
    lock = threading.Lock(); lock.acquire()
    return lock.acquire(timeout=0.2)
async def of_database():
    rows = sqlite3.connect(":memory:").execute(SLOW).fetchall()
    return rows
async def of_database_alone():
    sqlite3.connect(":memory:").execute(SLOW).fetchall()
async def of_connection():
    c = sqlite3.connect(":memory:")
    rows = c.execute(SLOW).fetchall()
    return rows
async def of_generator():
    def g():
        for i in range(2):
            time.sleep(0.2); yield i
    return list(g())
async def of_comprehension():
    return [time.sleep(0.1) for _ in range(2)]
async def of_lines():
    done = subprocess.run(
        ["sleep", "0.2"],
        check=True,
    )
    return done.returncode
async def of_property(): return P().slow
async def of_with():
    with P() as p: pass
async def of_walrus():
    if (r := slowlib.get(0.2)) and r.json(): return r
"#;

/// Runs a coroutine of a file and tells where it blocks, or whether others had a turn meanwhile.
const HARNESS: &str = r#"import asyncio
import runpy
import sys
import threading
import time
import traceback

path, function, purpose = sys.argv[1:]
coroutine = runpy.run_path(path)[function]
ticks = 0


async def tick():
    global ticks
    while True:
        await asyncio.sleep(0.005)
        ticks += 1


async def main():
    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0)
    result = await coroutine()
    if purpose == "run":
        print(result)
        print("others had a turn" if ticks else "it blocks the loop")
    ticker.cancel()


def tell(thread):
    time.sleep(0.1)
    stack = traceback.extract_stack(sys._current_frames()[thread])
    for frame in stack:
        print(f"{frame.filename}:{frame.lineno} {frame.name}")


if purpose == "where":
    threading.Thread(target=tell, args=[threading.get_ident()]).start()
asyncio.run(main())
"#;

const LIBRARY: &str = r#"import time

class Answer:
    def __init__(self, nap): self.nap = nap
    def json(self): return {"nap": self.nap}

def get(nap, key=None):
    time.sleep(nap)
    return Answer(nap)
"#;

struct Program(tempfile::TempDir);

impl Program {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("site-packages")).unwrap();
        fs::write(folder.path().join("site-packages/slowlib.py"), LIBRARY).unwrap();
        let program = Self(folder);
        fs::write(program.path("try_edit.py"), HARNESS).unwrap();
        fs::write(program.path("tasks.py"), PROGRAM).unwrap();
        program
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn python(&self, file: &str, function: &str, purpose: &str) -> String {
        let output = Command::new("python3")
            .arg(self.path("try_edit.py"))
            .arg(self.path(file))
            .args([function, purpose])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{function}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Where a coroutine blocks, as the watchdog would tell it.
    fn site(&self, function: &str) -> Site {
        let stack = self.python("tasks.py", function, "where");
        let file = self.path("tasks.py").display().to_string();
        let lines: Vec<&str> = stack.lines().skip_while(|line| !line.starts_with(&file)).collect();
        let own = lines.iter().rev().find(|line| line.starts_with(&file)).unwrap();
        let Frame { file, line, function } = frame(own).unwrap();
        let place = Place::new(&file, line, &function);
        let nap = Duration::from_millis(200);
        // All of the stack is here, as its end is what a profile keeps.
        let mut site = Site::new(place, Blockage::Call, nap);
        site.stack = lines.join("\n");
        site
    }

    fn edit(&self, function: &str) -> BlockedLine {
        BlockedLine::of(&self.site(function), self.0.path()).unwrap()
    }

    /// What the program does with the line in its place.
    fn edited(&self, function: &str, edit: &BlockedLine) -> String {
        let at = usize::try_from(edit.place.line).unwrap() - 1;
        let mut lines: Vec<String> = PROGRAM.lines().map(str::to_owned).collect();
        lines[at] = lines[at].replace(&edit.now, edit.instead.code().unwrap());
        fs::write(self.path("edited.py"), lines.join("\n")).unwrap();
        self.python("edited.py", function, "run")
    }
}

#[test]
fn an_edit_does_the_same_and_lets_others_go_on() {
    let program = Program::new();
    for (function, expected) in [
        ("nap", "await asyncio.sleep(0.2)"),
        ("nap_from", "async def nap_from(): await asyncio.to_thread(sleep, 0.2)"),
        (
            "of_library",
            "async def of_library(): return (await asyncio.to_thread(slowlib.get, 0.2, \
             key=1)).json()",
        ),
        ("of_constructor", "return (await asyncio.to_thread(P, 0.2)).quick"),
        ("of_lambda", "await asyncio.to_thread(f)"),
        (
            "of_hash",
            "return await asyncio.to_thread(lambda: hashlib.pbkdf2_hmac(\"sha256\", b\"p\", \
             b\"s\", 700_000).hex())",
        ),
        ("of_lock", "return await asyncio.to_thread(lock.acquire, timeout=0.2)"),
        (
            "of_database",
            "rows = await asyncio.to_thread(lambda: \
             sqlite3.connect(\":memory:\").execute(SLOW).fetchall())",
        ),
        (
            "of_database_alone",
            "await asyncio.to_thread(lambda: \
             sqlite3.connect(\":memory:\").execute(SLOW).fetchall())",
        ),
        ("of_helper", "if (await asyncio.to_thread(helper, 1)) == 1:"),
    ] {
        let edit = program.edit(function);
        assert_eq!(edit.instead.code(), Some(expected), "{function}: {edit:?}");
        let (before, after) =
            (program.python("tasks.py", function, "run"), program.edited(function, &edit));
        let (before, after) = (before.split_once('\n').unwrap(), after.split_once('\n').unwrap());
        assert_eq!((before.0, before.1), (after.0, "it blocks the loop\n"), "{function}");
        assert_eq!(after.1, "others had a turn\n", "{function}");
    }
}

#[test]
fn where_no_line_is_sure_to_be_right_there_are_words() {
    let program = Program::new();
    for (function, words) in [
        ("of_connection", OF_SQLITE),
        ("of_generator", OF_GENERATORS),
        ("of_comprehension", NOT_SIMPLE),
        ("of_lines", NOT_SIMPLE),
        ("of_property", NOT_SIMPLE),
        ("of_with", NOT_SIMPLE),
        ("of_walrus", NOT_SIMPLE),
    ] {
        let edit = program.edit(function);
        assert_eq!(edit.instead, Instead::Words(words), "{function}: {edit:?}");
    }
}

/// `asyncio.to_thread` would keep the GIL from the loop just as long.
#[test]
fn what_computes_under_the_gil_is_not_handed_to_a_thread() {
    let program = Program::new();
    let seen = |blockage, gil_held| {
        let site = Site { blockage, gil_held, ..program.site("of_helper") };
        BlockedLine::of(&site, program.0.path()).unwrap().instead
    };
    assert_eq!(seen(Blockage::Cpu, None), Instead::Words(OF_COMPUTING));
    assert_eq!(seen(Blockage::Cpu, Some(true)), Instead::Words(OF_COMPUTING));
    assert_eq!(seen(Blockage::Gil, None), Instead::Words(OF_THE_GIL));
    for (blockage, gil_held) in [(Blockage::Cpu, Some(false)), (Blockage::Call, None)] {
        assert!(matches!(seen(blockage, gil_held), Instead::InThread(_)), "{blockage:?}");
    }
    assert!(!OF_COMPUTING.contains("to_thread") && OF_COMPUTING.contains("ProcessPoolExecutor"));
}

/// A profile keeps the innermost frames only, which may be all of a library.
#[test]
fn without_the_frame_of_the_line_all_of_its_expression_goes_to_a_thread() {
    let program = Program::new();
    let mut site = program.site("of_library");
    site.stack = "site-packages/slowlib.py:9 get".to_owned();
    let edit = BlockedLine::of(&site, program.0.path()).unwrap();
    let expected = "async def of_library(): return await asyncio.to_thread(lambda: \
                    slowlib.get(0.2, key=1).json())";
    assert_eq!(edit.instead, Instead::InThread(expected.to_owned()));
    assert!(program.edited("of_library", &edit).ends_with("others had a turn\n"));
}

#[test]
fn a_file_that_has_changed_or_is_not_at_hand_gets_no_edit() {
    let program = Program::new();
    let mut site = program.site("nap");
    assert!(BlockedLine::of(&site, program.0.path()).is_some());
    site.place.line += 1;
    assert!(BlockedLine::of(&site, program.0.path()).is_none());
    site.place.file = "gone.py".to_owned();
    assert!(BlockedLine::of(&site, Path::new("/")).is_none());
}
