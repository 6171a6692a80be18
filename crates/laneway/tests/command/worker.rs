//! What `laneway worker` does before its runner is ready, with stand-ins for Python. Workers with
//! real runners are tested from Python.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::bench::{Bench, Done};

/// A program that takes Python's place.
fn interpreter(bench: &Bench, script: &str) -> String {
    bench.write("python", &format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(bench.path("python"), fs::Permissions::from_mode(0o755)).unwrap();
    format!("worker shop.py --python {}", bench.path("python").display())
}

/// Starts a worker whose runner never gets ready, and waits until that runner runs.
fn start_with_silent_runner(bench: &Bench, flags: &str) -> Child {
    let words = interpreter(bench, "echo begun; exec sleep 60");
    let mut child = bench
        .command(&format!("{words} {flags}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    // The runner inherits standard output.
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    child
}

fn send(signal: &str, child: &Child) {
    let status = Command::new("/bin/kill").args([signal, &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_runner_that_does_not_get_ready_ends_the_worker() {
    let bench = Bench::new();
    let done = bench.run(&interpreter(&bench, "exit 3"));
    done.expect_error(1, "LW1035");
    assert!(!bench.path(".laneway").exists(), "no store is created for a worker that cannot start");
}

#[test]
fn a_program_that_reads_the_events_is_told_why_the_worker_failed() {
    let bench = Bench::new();
    let words = interpreter(&bench, "exit 3");
    for (flags, status, code) in [("--json", 1, "LW1035"), ("--json --lease soon", 2, "LW1021")] {
        let done = bench.run(&format!("{words} {flags}"));
        let objects = done.expect(status).objects();
        let failed = objects.last().unwrap();
        assert_eq!((&failed["event"], &failed["error"]["code"]), (&json!("failed"), &json!(code)));
        assert_ne!(failed["error"]["fix"], "");
        let said: Value = serde_json::from_str(done.err.lines().last().unwrap()).unwrap();
        assert_eq!(said["error"], failed["error"], "the error stands on standard error as well");
    }
    assert_eq!(bench.run(&format!("{words} --lease soon")).out, "", "events are for `--json`");
}

#[test]
fn a_signal_before_the_start_ends_the_worker_with_its_status() {
    for (signal, status) in [("-INT", 130), ("-TERM", 143)] {
        let bench = Bench::new();
        let child = start_with_silent_runner(&bench, "");
        send(signal, &child);
        Done::of(child.wait_with_output().unwrap()).expect(status);
    }
}

#[test]
fn closed_input_ends_a_worker_that_was_told_to_watch_it() {
    let bench = Bench::new();
    let mut child = start_with_silent_runner(&bench, "--stop-on-stdin-eof");
    // The parent decides what a Ctrl-C in its terminal means.
    send("-INT", &child);
    drop(child.stdin.take());
    Done::of(child.wait_with_output().unwrap()).expect(0);
}
