use serde_json::json;

use crate::bench::{Bench, succeed};

#[test]
fn status_shows_queues_workers_and_the_store() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..3);
    bench.enqueue("shop.report", "slow", 10..11);
    bench.end("slow", &succeed());
    let done = bench.run("status");
    let out = &done.expect(0).out;
    let row = |name: &str| {
        let line = out.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        row("QUEUE"),
        [
            "QUEUE",
            "CONDITION",
            "SCHEDULED",
            "READY",
            "RUNNING",
            "SUCCEEDED",
            "FAILED",
            "CANCELLED",
            "PARKED",
            "OLDEST"
        ]
    );
    assert_eq!(row("mail")[..9], ["mail", "open", "0", "3", "0", "0", "0", "0", "0"]);
    assert_eq!(row("slow"), ["slow", "open", "0", "0", "0", "1", "0", "0", "0"]);
    assert_eq!(row("bench-worker")[..2], ["bench-worker", "0"]);
    let path = bench.default_store();
    assert!(out.starts_with(&format!("store  sqlite:///{} (default)\n", path.display())), "{out}");

    let objects = bench.run("status --json").expect(0).objects();
    assert_eq!(objects[0]["queues"][0]["name"], "mail");
    assert_eq!(objects[0]["queues"][0]["counts"]["ready"], 3);
    assert_eq!(objects[0]["queues"][1]["oldest_ready_ms"], json!(null));
    assert_eq!(objects[0]["workers"][0]["worker"], "bench-worker");
    assert_eq!(objects[0]["store"]["origin"], "default");
}

#[test]
fn an_empty_store_is_told_in_words() {
    let bench = Bench::new();
    bench.store();
    let done = bench.run("status");
    assert!(done.expect(0).err.contains("no worker runs"), "{}", done.err);
    assert_eq!(bench.run("queues list").expect(0).out, "");
    assert_eq!(bench.run("jobs list --quiet").expect(0).err, "");
}

#[test]
fn a_paused_queue_hands_out_nothing_until_it_is_resumed() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..1);
    assert_eq!(bench.run("queues pause mail").expect(0).out, "mail  paused\n");
    let objects = bench.run("queues list --json").expect(0).objects();
    assert_eq!((&objects[0]["name"], &objects[0]["is_paused"]), (&json!("mail"), &json!(true)));
    assert!(bench.claim("mail").is_empty());
    let objects = bench.run("queues resume mail --json").expect(0).objects();
    assert_eq!(objects[0], json!({"schema": 1, "name": "mail", "is_paused": false}));
    assert_eq!(bench.claim("mail").len(), 1);
}

#[test]
fn a_queue_that_does_not_exist_is_refused_with_the_closest_name() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..1);
    for command in ["queues pause mial", "queues resume mail mial"] {
        let done = bench.run(command);
        done.expect_error(1, "LW4003");
        assert!(done.err.contains("did you mean `mail`?"), "{}", done.err);
    }
}
