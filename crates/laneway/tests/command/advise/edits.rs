//! The code to write for each kind of change.

use super::*;

/// What was measured, with a line of the program's that was seen to block, and the frame below it.
fn blocked_at(
    folder: &Path,
    line: u32,
    blockage: Blockage,
    inner: &str,
    mut profile: Profile,
) -> Profile {
    let seen = site(folder, line, blockage, 60.0);
    let stack = format!("{}:{line} fetch\n{inner}", seen.place.file);
    profile.sites.record(&seen.with_stack(stack.trim_end(), None));
    profile
}

/// A task for each kind of change that the others here do not ask for, but sizes.
fn one_of_each_kind(folder: &Path) -> Vec<(TaskFacts, Profile)> {
    let coroutine = || TaskFacts::new(Form::AsyncDef, Lane::Async);
    let function = |concurrency| TaskFacts {
        concurrency: Some(concurrency),
        ..TaskFacts::new(Form::Def, Lane::Thread)
    };
    let blocking = Work { cpu: 1.0, blocked: 60.0, awaited: 10.0, ..Work::default() };
    let computing = Work { cpu: 30.0, awaited: 20.0, encode: 0.5, ..Work::default() };
    let tiny = Work { cpu: 0.05, ..Work::default() };
    let waiting = Work { cpu: 1.0, blocked: 200.0, ..Work::default() };
    let seen = |task: &str, line, inner: &str| {
        blocked_at(folder, line, Blockage::Call, inner, profile(task, Lane::Async, 100, blocking))
    };
    let sleeping = seen("shop.sleeping", 3, "");
    let library = ".venv/lib/python3.13/site-packages/requests/api.py:73 get";
    let asking = seen("shop.asking", 4, library);
    let inner = "/usr/lib/python3.13/subprocess.py:550 run";
    let starting = seen("shop.starting", 7, inner);
    let computes = |task: &str, line| {
        let profile = profile(task, Lane::Async, 100, computing);
        blocked_at(folder, line, Blockage::Cpu, "", profile)
    };
    let (parsing, hashing) = (computes("shop.parsing", 5), computes("shop.hashing", 6));
    let library = |name: &str| Some(name.to_owned());
    let named = |name: &str| vec![name.to_owned()];
    vec![
        (coroutine(), sleeping),
        (coroutine(), asking),
        (
            TaskFacts { library_names: named("pymysql.connect"), ..function(500) },
            profile("shop.queries", Lane::Thread, 100, waiting),
        ),
        (
            TaskFacts { has_await: Some(false), ..coroutine() },
            profile("shop.whole", Lane::Async, 100, computing),
        ),
        (coroutine(), starting),
        (
            TaskFacts { library_names: named("subprocess.run"), ..coroutine() },
            profile("shop.starts", Lane::Async, 100, blocking),
        ),
        (coroutine(), parsing),
        (coroutine(), hashing),
        (
            TaskFacts { can_go_to_process: Some(false), ..coroutine() },
            profile("shop.stuck", Lane::Async, 100, computing),
        ),
        (
            TaskFacts { async_library: library("httpx"), ..coroutine() },
            profile("shop.client", Lane::Async, 100, blocking),
        ),
        (
            TaskFacts { has_await: Some(false), ..coroutine() },
            profile("shop.needless", Lane::Async, 100, tiny),
        ),
        (
            TaskFacts { is_thread_unsafe: true, ..function(8) },
            profile("shop.shared", Lane::Thread, 100, waiting),
        ),
        (
            TaskFacts { async_library: library("aiohttp"), ..function(500) },
            profile("shop.many", Lane::Thread, 100, waiting),
        ),
        (function(8), profile("shop.tiny", Lane::Thread, 100, tiny)),
    ]
}

/// A coroutine that waits in one line and computes more in another one.
#[test]
fn what_goes_to_a_process_is_the_line_that_computes() {
    let bench = Bench::new();
    let folder = bench.path("");
    let mixed = Work { cpu: 300.0, blocked: 60.0, awaited: 10.0, ..Work::default() };
    let library = ".venv/lib/python3.13/site-packages/requests/api.py:73 get";
    let waits = |task: &str| {
        let profile = profile(task, Lane::Async, 100, mixed);
        blocked_at(&folder, 2, Blockage::Call, library, profile)
    };
    let both = blocked_at(&folder, 3, Blockage::Cpu, "", waits("shop.both"));
    let coroutine = || TaskFacts::new(Form::AsyncDef, Lane::Async);
    let tasks = vec![(coroutine(), both), (coroutine(), waits("shop.unseen"))];
    fill(&bench, &bench.store(), tasks, true);
    bench.write(
        "shop/tasks.py",
        "async def fetch():\n    text = requests.get(url)\n    return price(text)\n",
    );
    let objects = bench.run("advise --json").expect(0).objects();
    for (task, line, now) in [
        ("shop.both", json!(3), json!("return price(text)")),
        ("shop.unseen", Value::Null, Value::Null),
    ] {
        let object = objects.iter().find(|object| object["task"] == task).unwrap();
        assert_eq!(object["rule"], "R1", "{object}");
        let edit = &object["edit"];
        assert_eq!((&edit["place"]["line"], &edit["now"]), (&line, &now), "{object}");
        let note = edit["note"].as_str().unwrap();
        assert!(note.starts_with("give what computes a function of its own"), "{note}");
    }
}

#[test]
fn each_kind_of_change_comes_with_the_code_to_write() {
    let bench = Bench::new();
    fill(&bench, &bench.store(), one_of_each_kind(&bench.path("")), true);
    bench.write(
        "shop/tasks.py",
        "async def fetch():\n    # a nap\n    time.sleep(0.06)\n    requests.get(url)\n    \
         return json.loads(text)\n    return hashlib.scrypt(text)\n    \
         subprocess.run([program], check=True)\n",
    );
    let objects = bench.run("advise --json").expect(0).objects();
    let seen = |task: &str| {
        let object = objects.iter().find(|object| object["task"] == task).unwrap();
        (object["rule"].as_str().unwrap(), object["edit"]["code"].as_array().unwrap().clone())
    };
    for (task, rule, code) in [
        ("shop.sleeping", "R1", vec!["await asyncio.sleep(0.06)"]),
        ("shop.asking", "R1", vec!["await ...  # the same call with `httpx.AsyncClient`"]),
        (
            "shop.queries",
            "R6",
            vec![
                "@app.task",
                "async def queries(...):",
                "    ...  # `await` the calls of `asyncmy`",
            ],
        ),
        ("shop.whole", "R2", vec!["@app.task(lane=\"process\")", "def whole(...):"]),
        (
            "shop.starting",
            "R1",
            vec!["await asyncio.to_thread(subprocess.run, [program], check=True)"],
        ),
        ("shop.starts", "R1", vec![]),
        ("shop.parsing", "R2", vec![]),
        ("shop.hashing", "R2", vec!["return await asyncio.to_thread(hashlib.scrypt, text)"]),
        ("shop.stuck", "R2", vec!["await asyncio.sleep(0)"]),
        ("shop.client", "R1", vec![]),
        ("shop.needless", "R3", vec!["def needless(...):"]),
        ("shop.shared", "R8", vec!["SERIAL = threading.Lock()", "with SERIAL:"]),
        (
            "shop.many",
            "R6",
            vec!["@app.task", "async def many(...):", "    ...  # `await` the calls of `aiohttp`"],
        ),
        ("shop.tiny", "R0", vec!["tiny(...)"]),
    ] {
        let code: Vec<Value> = code.into_iter().map(Value::from).collect();
        assert_eq!(seen(task), (rule, code), "{task}");
    }
    for task in ["shop.starting", "shop.starts"] {
        let object = objects.iter().find(|object| object["task"] == task).unwrap();
        let note = object["edit"]["note"].as_str().unwrap();
        assert!(note.contains("asyncio.create_subprocess_exec(program, *arguments)"), "{note}");
        assert!(!note.contains("same call") && !note.contains("client"), "{note}");
    }
    let parsing = objects.iter().find(|object| object["task"] == "shop.parsing").unwrap();
    assert_eq!(parsing["edit"]["now"], "return json.loads(text)");
    let note = parsing["edit"]["note"].as_str().unwrap();
    for words in ["`lane=\"process\"`", "ProcessPoolExecutor` that lives as long as the worker"] {
        assert!(note.contains(words), "{note}");
    }
    let asking = objects.iter().find(|object| object["task"] == "shop.asking").unwrap();
    let note = asking["edit"]["note"].as_str().unwrap();
    assert!(note.ends_with("`await asyncio.to_thread(requests.get, url)`"), "{note}");
    assert_eq!(objects[0]["task"], "shop.shared", "a wrong result is worse than a slow one");
    let log: Value = serde_json::from_str(&bench.run("advise --format sarif").out).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let level =
        |rule: &str| &results.iter().find(|result| result["ruleId"] == rule).unwrap()["level"];
    assert_eq!(["R8", "R3", "R0"].map(level), ["error", "warning", "note"]);
}
