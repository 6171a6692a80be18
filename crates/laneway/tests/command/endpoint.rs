//! `laneway queues serve`: what an autoscaler is answered.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

use laneway::core::job::QueueName;
use laneway::core::store::{Due, NewJob, Outcome, Store};
use serde_json::{Value, json};

use crate::bench::{Bench, Done, failure, job_id, new_job};

/// The endpoint of a bench, ended with the test.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(bench: &Bench) -> Self {
        let mut command = bench.command("queues serve 127.0.0.1:0 --json");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let started: Value = serde_json::from_str(&line).unwrap();
        let address = started.get("listen").and_then(Value::as_str).unwrap().parse().unwrap();
        Self { child, address }
    }

    /// Sends bytes and reads all that is answered.
    fn send(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The status and the object that a path is answered with.
    fn ask(&self, method: &str, path: &str) -> (u16, Value) {
        let answer = self.send(&format!("{method} {path} HTTP/1.1\r\nHost: laneway\r\n\r\n"));
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.to_ascii_lowercase().contains("content-type: application/json"), "{head}");
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It has ended already where a test waited for its end.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn queues_are_told_with_what_there_is_to_do() {
    let bench = Bench::new();
    let served = Served::start(&bench);
    assert_eq!(
        served.ask("GET", "/queues"),
        (200, json!({"schema": 1, "backlog": 0, "queues": {}}))
    );
    bench.enqueue("shop.mail", "mail", 1..4);
    bench.enqueue("shop.pay", "pay", 10..12);
    bench.claim("pay");
    bench.enqueue("shop.pay", "pay", 12..13);
    bench.enqueue("shop.late", "late", 20..21);
    bench.end("late", &Outcome::Park(failure()));
    let (status, found) = served.ask("GET", "/queues");
    assert_eq!((status, &found["backlog"]), (200, &json!(6)));
    let pay = &found["queues"]["pay"];
    assert_eq!(
        (&pay["backlog"], &pay["ready"], &pay["running"]),
        (&json!(3), &json!(1), &json!(2))
    );
    assert_eq!(found["queues"]["late"]["parked"], 1);
    assert_eq!(found["queues"]["late"]["backlog"], 0);
}

#[test]
fn a_paused_queue_needs_no_worker_but_for_what_runs() {
    let bench = Bench::new();
    bench.enqueue("shop.mail", "mail", 1..3);
    bench.claim("mail");
    bench.enqueue("shop.mail", "mail", 3..9);
    bench.wait(bench.store().pause_queue(QueueName::new("mail").unwrap()));
    let (_, found) = Served::start(&bench).ask("GET", "/queues");
    assert_eq!(
        (&found["backlog"], &found["queues"]["mail"]["is_paused"]),
        (&json!(2), &json!(true))
    );
}

#[test]
fn a_job_that_has_become_due_counts_though_no_worker_runs() {
    let bench = Bench::new();
    let served = Served::start(&bench);
    let due = Due::After(std::time::Duration::from_millis(1));
    let later = Due::After(std::time::Duration::from_secs(9_000));
    let jobs = [(1, due), (2, later)]
        .map(|(number, due)| NewJob { due, ..new_job(job_id(number), "shop.mail", "mail") });
    bench.wait(bench.store().enqueue(jobs.to_vec()));
    let told = || served.ask("GET", "/queues").1["queues"]["mail"].clone();
    // The millisecond may not be over when it is asked first.
    let found = std::iter::repeat_with(told).find(|mail| mail["backlog"] == 1).unwrap();
    assert_eq!((&found["scheduled"], &found["ready"]), (&json!(1), &json!(1)));
}

#[test]
fn nothing_but_what_is_there_is_answered() {
    let bench = Bench::new();
    let served = Served::start(&bench);
    assert_eq!(served.ask("GET", "/live").0, 200);
    assert_eq!(served.ask("GET", "/ready").1["is_ready"], true);
    assert_eq!(served.ask("GET", "/jobs").0, 404);
    assert_eq!(served.ask("POST", "/queues").0, 405);
    assert!(served.send("not http at all\r\n\r\n").starts_with("HTTP/1.1 400"));
    assert_eq!(served.ask("GET", "/live").0, 200);
}

#[test]
fn clients_that_say_nothing_do_not_keep_others_out() {
    let bench = Bench::new();
    let served = Served::start(&bench);
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(served.address).unwrap()).collect();
    assert_eq!(served.ask("GET", "/live").0, 200);
    drop(silent);
}

#[test]
fn it_ends_well_when_it_is_told_to() {
    let bench = Bench::new();
    let mut served = Served::start(&bench);
    let id = served.child.id().to_string();
    assert!(Command::new("/bin/kill").args(["-TERM", &id]).status().unwrap().success());
    assert!(served.child.wait().unwrap().success());
}

#[test]
fn an_address_that_is_taken_is_told() {
    let bench = Bench::new();
    let served = Served::start(&bench);
    let done: Done = bench.run(&format!("queues serve {}", served.address));
    done.expect_error(2, "LW1021");
    bench.run("queues serve nowhere").expect(2);
    bench.run("worker app.py --listen nowhere").expect_error(2, "LW1021");
}
