//! Edits keep what the code means, and a second run has nothing to do.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests are test code too, but the lints know only test functions"
)]

use std::fs;

use laneway_check::{Knowledge, Options, check, fixed};

fn fix(text: &str) -> (String, usize) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.py");
    fs::write(&path, text).unwrap();
    let options = Options {
        paths: vec![path],
        base: folder.path().to_owned(),
        exclude: Vec::new(),
        includes_tests: true,
        respects_ignores: false,
        cache: None,
        ..Options::default()
    };
    let report = check(&options, &Knowledge::load(&[]).unwrap());
    fixed(text, &report.findings)
}

#[track_caller]
fn assert_fixed(before: &str, after: &str) {
    let (text, done) = fix(before);
    assert_eq!(text, after);
    assert!(done > 0);
    assert_eq!(fix(&text), (text.clone(), 0), "a second run changes nothing");
}

#[test]
fn a_sleep_is_awaited_and_its_module_imported() {
    assert_fixed(
        "import time  # noqa\n\n\nasync def f():\n    time.sleep(1)\n    while True:\n        time.sleep(2.5)\n",
        "import time  # noqa\nimport asyncio\n\n\nasync def f():\n    await asyncio.sleep(1)\n    while True:\n        await asyncio.sleep(2.5)\n",
    );
}

#[test]
fn a_module_that_is_imported_stays_imported_once() {
    assert_fixed(
        "import asyncio\nfrom time import sleep\n\nasync def f():\n    sleep(1)\n",
        "import asyncio\nfrom time import sleep\n\nasync def f():\n    await asyncio.sleep(1)\n",
    );
}

#[test]
fn a_task_is_kept_until_it_is_done() {
    assert_fixed(
        "\"\"\"Doc.\"\"\"\nimport asyncio\n\nasync def g(): ...\n\nasync def f():\n    asyncio.create_task(g())\n    asyncio.create_task(\n        g(),\n    )\n",
        "\"\"\"Doc.\"\"\"\nimport asyncio\n\n_background_tasks = set()\n\n\ndef _keep_task(task):\n    \"\"\"Hold a task until it is done: the event loop itself holds it weakly.\"\"\"\n    _background_tasks.add(task)\n    task.add_done_callback(_background_tasks.discard)\n    return task\n\n\nasync def g(): ...\n\nasync def f():\n    _keep_task(asyncio.create_task(g()))\n    _keep_task(asyncio.create_task(\n        g(),\n    ))\n",
    );
}

#[test]
fn what_cannot_be_changed_safely_is_left_alone() {
    for text in [
        // A sync function cannot await.
        "import time\ndef g():\n    time.sleep(1)\nasync def f():\n    g()\n",
        // An await would make the comprehension another thing.
        "import time\nasync def f(xs):\n    return [time.sleep(x) for x in xs]\n",
        // `asyncio` is something else here.
        "import time\nasyncio = None\nasync def f():\n    time.sleep(1)\n",
        // A pause of nothing blocks nobody.
        "import time\nasync def f():\n    time.sleep(0)\n",
    ] {
        assert_eq!(fix(text), (text.to_owned(), 0));
    }
}
