use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::bench::{Bench, Done};

#[test]
fn version_and_help_need_nothing() {
    let bench = Bench::new();
    bench.write("laneway.toml", "this is no toml");
    let version = bench.run("--version");
    assert_eq!(version.expect(0).out, concat!("laneway ", env!("CARGO_PKG_VERSION"), "\n"));
    assert!(bench.run("--help").expect(0).out.contains("worker"));
    assert!(bench.run("help jobs").expect(0).out.contains("retry"));
}

#[test]
fn wrong_usage_ends_with_status_2() {
    let bench = Bench::new();
    for command in [
        "",
        "jbos list",
        "jobs",
        "jobs list --state flying",
        "jobs retry",
        "jobs retry 01JD3Z7Q6W8X9YK2M4N5P6R7S8 --state failed",
        "jobs cancel --state ready --yes --dry-run",
        "queues pause",
        "status --color sometimes",
        "jobs wait x --timeout soon",
    ] {
        let done = bench.run(command);
        assert_eq!((done.expect(2).out.as_str(), done.err.is_empty()), ("", false), "{command}");
    }
}

#[test]
fn wrong_usage_is_told_with_a_code_and_what_to_do() {
    let bench = Bench::new();
    for (command, what, fix) in [
        ("jbos list", "`laneway` has no command `jbos`", "did you mean `jobs`?"),
        ("jobs lsit", "`laneway jobs` has no command `lsit`", "did you mean `list`?"),
        ("status --jsno", "`laneway status` takes no argument `--jsno`", "did you mean `--json`?"),
        (
            "--store x jobs list --frobnicate",
            "`laneway jobs list` takes no argument `--frobnicate`",
            "`laneway help jobs list` shows how to use it",
        ),
        // It was run as a program.
        (
            "profile --thresh 5 -- true",
            "`laneway profile` takes no argument `--thresh`",
            "did you mean `--threshold`?",
        ),
        ("profile --t true", "takes no argument `--t`", "did you mean `--threshold`?"),
        ("profile --live --hmtl x true", "takes no argument `--hmtl`", "did you mean `--html`?"),
        ("status more", "takes no argument `more`", "`laneway help status` shows"),
        ("--quiet", "`laneway` needs a command", "`laneway help` shows"),
        ("jobs wait", "`laneway jobs wait` needs `<ID>...`", "`laneway help jobs wait` shows"),
        (
            "jobs list --state flying",
            "`flying` is not possible for `--state <STATE>`",
            "`laneway help jobs list` shows",
        ),
        ("jobs list --state raedy", "`raedy` is not possible for", "did you mean `ready`?"),
        ("jobs list --state", "`--state <STATE>` needs a value", "`laneway help jobs list` shows"),
        (
            "jobs wait x --timeout soon",
            "`soon` is not possible for `--timeout <DURATION>`",
            "write for example `250ms`",
        ),
        ("jobs list --limit -5", "`laneway jobs list` takes no argument `-5`", "its flag by `=`"),
        ("jobs list -n few", "`few` is not possible for `--limit <LIMIT>`", "laneway help"),
        ("jobs --limit 5", "takes no argument `--limit`", "`laneway jobs list --limit`?"),
        ("status --json=3", "`--json` takes no value `3`", "`laneway help status` shows"),
        ("help jobs lsit", "`laneway jobs` has no command `lsit`", "did you mean `list`?"),
        ("help frobnicate", "`laneway` has no command `frobnicate`", "`laneway help` shows"),
        ("jobs retry x --yes --dry-run", "`--yes` cannot be used with `--dry-run`", "leave one"),
        ("status --store a --store b", "`--store <URL>` is given more than once", "leave all"),
        (
            "help jobs list extra",
            "`laneway jobs list` has no command `extra`",
            "`laneway help jobs list` shows",
        ),
        ("jobs list --limit", "`--limit <LIMIT>` needs a value", "`laneway help jobs list` shows"),
        ("status --quiet --quiet", "`--quiet` is given more than once", "leave all but one"),
    ] {
        let done = bench.run(command);
        done.expect_error(2, "LW1023");
        for text in [what, fix] {
            assert!(done.err.contains(text), "{command}: {}", done.err);
        }
        assert!(done.err.contains("\n  why: "), "{command}: {}", done.err);
        assert!(!done.err.contains('\u{1b}'), "a pipe gets no colours");
    }
}

#[test]
fn wrong_usage_is_told_with_the_reason_that_fits() {
    let bench = Bench::new();
    for (command, why) in [
        ("help jobs list extra", "no commands belong to it"),
        ("help jobs extra", "its commands are `list`, "),
        ("jobs list --limit", "nothing was given for it"),
        ("jobs list --state", "it may be `scheduled`, "),
        ("status --quiet --quiet", "once is enough"),
        ("jobs retry x --yes --yes", "once is enough"),
        ("status --store a --store b", "it has one value"),
        ("jobs list --limit 1 --limit 2", "it has one value"),
        ("jobs list -n 1 -n 2", "it has one value"),
    ] {
        let done = bench.run(command);
        done.expect_error(2, "LW1023");
        assert!(done.err.contains(&format!("\n  why: {why}")), "{command}: {}", done.err);
    }
}

#[test]
fn wrong_usage_with_json_is_an_object() {
    let bench = Bench::new();
    for command in [
        "--json",
        "--json jobs",
        "jobs --json",
        "jbos --json",
        "jobs list --frobnicate --json",
        "--json jobs wait",
        "jobs list --state flying --json",
    ] {
        let done = bench.run(command);
        assert_eq!(done.expect(2).out, "", "{command}");
        let object: Value = serde_json::from_str(&done.err).unwrap();
        assert_eq!((&object["schema"], &object["error"]["code"]), (&json!(1), &json!("LW1023")));
        for key in ["what", "why", "fix"] {
            assert_ne!(object["error"][key], "", "{command}: {key}");
        }
    }
    let behind = bench.run("jobs show --nothing -- --json");
    behind.expect_error(2, "LW1023");
}

#[test]
fn wrong_usage_shows_no_password_and_obeys_the_wish_for_colours() {
    let bench = Bench::new();
    let done = bench.run("status redis://me:hunter2@host/0 --color always");
    done.expect(2);
    assert!(!done.err.contains("hunter2"), "{}", done.err);
    assert!(done.err.contains('\u{1b}'), "{}", done.err);
}

#[test]
fn help_and_version_stay_what_they_are_with_json() {
    let bench = Bench::new();
    assert!(bench.run("--json --version").expect(0).out.starts_with("laneway "));
    assert!(bench.run("jobs --json --help").expect(0).out.contains("Usage: laneway jobs"));
    assert!(bench.run("jobs").expect(2).err.contains("Usage: laneway jobs"));
}

#[test]
fn looking_at_a_store_that_does_not_exist_creates_nothing() {
    let bench = Bench::new();
    for command in ["status", "jobs list", "queues list", "queues pause mail"] {
        bench.run(command).expect_error(3, "LW1008");
    }
    assert!(!bench.path(".laneway").exists());
}

#[test]
fn the_own_folder_keeps_itself_out_of_version_control() {
    let bench = Bench::new();
    bench.store();
    assert_eq!(fs::read_to_string(bench.path(".laneway/.gitignore")).unwrap(), "*\n");
}

#[test]
fn a_file_that_is_no_store_is_told_apart() {
    let bench = Bench::new();
    bench.write("photo.db", &"no database ".repeat(1_000));
    bench.run("status --store sqlite:///photo.db").expect_error(3, "LW1003");
    bench.run("doctor --no-python --store sqlite:///photo.db").expect(1);
}

#[test]
fn a_store_that_cannot_be_written_is_told_apart() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..1);
    let set_mode = |path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    set_mode(bench.default_store(), 0o444).unwrap();
    set_mode(bench.path(".laneway"), 0o555).unwrap();
    let done = Done::of(bench.unprivileged("status").output().unwrap());
    // What cannot be written cannot be deleted either, at the end of the test.
    set_mode(bench.path(".laneway"), 0o755).unwrap();
    done.expect_error(3, "LW1005");
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..1);
    let has_colour = |words: &str, variables: &[(&str, &str)]| {
        let mut command = bench.command(words);
        let done = Done::of(command.envs(variables.iter().copied()).output().unwrap());
        done.expect(0).out.contains('\u{1b}')
    };
    assert!(!has_colour("jobs list", &[]));
    assert!(has_colour("jobs list --color always", &[]));
    assert!(!has_colour("jobs list --color never", &[("CLICOLOR_FORCE", "1")]));
    assert!(!has_colour("jobs list", &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
    assert!(!has_colour("jobs list --json --color always", &[]));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..999);
    let mut child = bench
        .command("jobs list --limit 999 --json")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut some = [0; 10];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let done = Done::of(child.wait_with_output().unwrap());
    assert_eq!(done.expect(0).err, "");
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let bench = Bench::new();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = bench.command("config show").stdout(full).stderr(Stdio::piped()).output().unwrap();
    let done = Done::of(output);
    assert!(done.expect(1).err.contains("standard output cannot be written"), "{}", done.err);
}

#[test]
fn completions_are_scripts_that_know_every_command() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish"] {
        let done = bench.run(&format!("completions {shell}"));
        for word in ["worker", "queues", "pause"] {
            assert!(done.expect(0).out.contains(word), "{shell} {word}");
        }
        let objects = bench.run(&format!("completions {shell} --json")).expect(0).objects();
        assert_eq!(objects, [json!({ "schema": 1, "shell": shell, "script": done.out })]);
    }
}

#[test]
fn doctor_tells_facts_and_ends_with_0_when_all_is_well() {
    let bench = Bench::new();
    bench.store();
    let done = bench.run("doctor --no-python --json");
    let objects = done.expect(0).objects();
    assert_eq!(objects[0]["is_healthy"], true);
    let findings = objects[0]["findings"].as_array().unwrap();
    for area in ["laneway", "configuration", "store", "machine"] {
        assert!(findings.iter().any(|finding| finding["area"] == area), "{area}");
    }
    assert!(bench.run("doctor --no-python").expect(0).out.contains("\n  ok "));
}

#[test]
fn doctor_ends_with_1_when_python_has_no_laneway() {
    let bench = Bench::new();
    bench.write(
        "python",
        "#!/bin/sh\necho '{\"python\": \"CPython 3.11.0\", \"laneway\": \"9.9.9\"}'",
    );
    fs::set_permissions(bench.path("python"), fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = bench.command("doctor");
    let done = Done::of(command.env("LANEWAY_PYTHON", bench.path("python")).output().unwrap());
    assert!(done.expect(1).out.contains("9.9.9, but this command is"), "{}", done.out);
}
