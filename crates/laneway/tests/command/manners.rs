use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::bench::{Bench, Done, is_root};

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
    if is_root(&bench.path("")) {
        return;
    }
    let folder = bench.path(".laneway");
    fs::set_permissions(bench.default_store(), fs::Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
    bench.run("status").expect_error(3, "LW1005");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
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
