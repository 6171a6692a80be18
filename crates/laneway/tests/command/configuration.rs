use serde_json::json;

use crate::bench::Bench;

#[test]
fn every_setting_is_shown_with_its_origin() {
    let bench = Bench::new();
    bench.write("laneway.toml", "lease = \"20s\"\n");
    let mut command = bench.command("config show --origin --store sqlite:///x.db");
    let output = command.env("LANEWAY_RETENTION", "1d").output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    let row = |name: &str| {
        let line = out.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().take(3).map(str::to_owned).collect::<Vec<_>>()
    };
    let file = format!("{}:1", bench.path("laneway.toml").display());
    let store = format!("sqlite:///{}", bench.path("x.db").display());
    assert_eq!(row("lease"), ["lease", "20s", &file]);
    assert_eq!(row("retention"), ["retention", "1d", "LANEWAY_RETENTION"]);
    assert_eq!(row("drain_timeout"), ["drain_timeout", "30s", "default"]);
    assert_eq!(row("store"), ["store", &store, "--store"]);
    assert!(!out.contains('\u{1b}'), "a pipe gets no colours");
}

#[test]
fn settings_as_json_say_where_each_comes_from() {
    let bench = Bench::new();
    bench.write("pyproject.toml", "[tool.laneway.concurrency]\nasync = 7\n");
    let done = bench.run("config show --json");
    let objects = done.expect(0).objects();
    let settings = objects[0]["settings"].as_array().unwrap();
    let setting = settings.iter().find(|row| row["key"] == "concurrency.async").unwrap();
    assert_eq!(setting["value"], json!(7));
    assert!(setting["origin"].as_str().unwrap().ends_with("pyproject.toml:2"));
    assert_eq!(setting["env"], "LANEWAY_CONCURRENCY_ASYNC");
}

#[test]
fn an_unknown_key_ends_every_command_with_status_2() {
    let bench = Bench::new();
    bench.write("laneway.toml", "leese = \"20s\"\n");
    for command in ["status", "config show", "jobs list", "worker app.py"] {
        let done = bench.run(command);
        done.expect_error(2, "LW1020");
        assert!(done.err.contains("did you mean `lease`?"), "{}", done.err);
    }
    bench.run("doctor --no-python").expect(1);
}

#[test]
fn a_wrong_url_ends_with_status_2_and_shows_no_password() {
    let bench = Bench::new();
    bench.run("status --store jobs.db").expect_error(2, "LW1001");
    let done = bench.run("status --store redis://me:hunter2@127.0.0.1:1/0");
    done.expect_error(3, "LW1008");
    assert!(done.err.contains("127.0.0.1:1"), "{}", done.err);
    assert!(!done.err.contains("hunter2"), "{}", done.err);
    let mut command = bench.command("config show --json");
    let output = command.env("LANEWAY_STORE", "postgresql://me:hunter2@host/x").output().unwrap();
    assert!(!String::from_utf8(output.stderr).unwrap().contains("hunter2"));
}

#[test]
fn with_json_an_error_is_an_object_on_standard_error() {
    let bench = Bench::new();
    let done = bench.run("status --json --store jobs.db");
    done.expect(2);
    assert_eq!(done.out, "");
    let object: serde_json::Value = serde_json::from_str(&done.err).unwrap();
    assert_eq!((&object["schema"], &object["error"]["code"]), (&json!(1), &json!("LW1001")));
    assert_eq!(object["error"]["fix"], "write `sqlite:///jobs.db`");
}

#[test]
fn a_worker_without_application_or_python_says_what_to_do() {
    let bench = Bench::new();
    bench.run("worker").expect_error(2, "LW1030");
    bench.run("worker app.py --python nowhere/python").expect_error(2, "LW1033");
    bench.run("worker app.py --lease soon").expect_error(2, "LW1021");
    let done = bench.run("worker app.py --concurrency-async many");
    done.expect_error(2, "LW1021");
    assert!(done.err.contains("--concurrency-async gives `many`"), "{}", done.err);
    for flag in ["concurrency-async", "concurrency-thread", "concurrency-process", "recycle-jobs"] {
        let done = bench.run(&format!("worker app.py --{flag} -5"));
        done.expect_error(2, "LW1021");
        assert!(done.err.contains(&format!("--{flag} gives `-5`")), "{}", done.err);
    }
}
