use std::time::Duration;

use laneway::core::job::{Failure, State};
use laneway::core::store::{Outcome, Store};
use serde_json::{Value, json};

use crate::bench::{Bench, Done, failure, job_id, succeed};

#[test]
fn jobs_are_listed_newest_first_and_filtered() {
    let bench = Bench::new();
    bench.enqueue("shop.charge", "mail", 0..3);
    bench.enqueue("shop.report", "slow", 10..12);
    bench.end("slow", &Outcome::Fail(failure()));
    let ids = |words: &str| {
        let objects = bench.run(&format!("jobs list --json {words}")).expect(0).objects();
        objects.iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let expected = |numbers: &[u128]| {
        numbers.iter().map(|number| job_id(*number).to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(""), expected(&[11, 10, 2, 1, 0]));
    assert_eq!(ids("--queue mail"), expected(&[2, 1, 0]));
    assert_eq!(ids("--task shop.report"), expected(&[11, 10]));
    assert_eq!(ids("--state failed,parked"), expected(&[11, 10]));
    assert_eq!(ids("--state ready --state failed --limit 2"), expected(&[11, 10]));
    assert_eq!(ids(&format!("--after {} --limit 2", job_id(10))), expected(&[2, 1]));
    assert_eq!(ids("--state running"), expected(&[]));

    let done = bench.run("jobs list --limit 4");
    let lines: Vec<_> = done.expect(0).out.lines().collect();
    assert_eq!(lines.len(), 5, "{}", done.out);
    assert!(lines[0].starts_with("ID  "), "{}", done.out);
    assert!(lines[1].contains("failed  shop.report  slow   async"), "{}", done.out);
    assert!(lines[1].contains("ValueError: no such card \\u{1b}[31m"), "{}", done.out);
    assert!(done.err.contains(&format!("--after {}", job_id(1))), "{}", done.err);
}

#[test]
fn a_job_is_shown_whole() {
    let bench = Bench::new();
    let ids = bench.enqueue("shop.charge", "mail", 0..1);
    bench.end("mail", &Outcome::Fail(failure()));
    let done = bench.run(&format!("jobs show {}", ids[0]));
    let out = &done.expect(0).out;
    for text in [
        &format!("job {}  failed\n", ids[0]),
        "task        shop.charge",
        "queue       mail, priority 0",
        "1 failure, 0 interruptions (token 1)",
        r#"{"order_id":42,"lang":"de"}"#,
        "LW2010: ValueError: no such card \\u{1b}[31m",
        "  Traceback (most recent call last):\n    File \"shop.py\", line 3\n",
        "took        1.5s",
    ] {
        assert!(out.contains(text), "{text}\n{out}");
    }
    let objects = bench.run(&format!("jobs show {} --json", ids[0])).expect(0).objects();
    let job = &objects[0];
    assert_eq!(job["args"], json!({"order_id": 42, "lang": "de"}));
    assert_eq!(job["failure"]["kind"], "ValueError");
    assert_eq!((&job["state"], &job["wall_ms"]), (&json!("failed"), &json!(1500.0)));
    assert_eq!((&job["token"], &job["failures"]), (&json!(1), &json!(1)));
    for key in ["enqueued_at", "claimed_at", "finished_at"] {
        let text = job[key].as_str().unwrap();
        assert!(text.ends_with('Z') && text.parse::<jiff::Timestamp>().is_ok(), "{key} {text}");
    }
}

#[test]
fn a_job_that_is_not_kept_is_no_success() {
    let bench = Bench::new();
    bench.store();
    let id = job_id(9);
    for command in ["jobs show", "jobs retry", "jobs cancel", "jobs wait"] {
        bench.run(&format!("{command} {id}")).expect_error(1, "LW4001");
        bench.run(&format!("{command} r-42")).expect_error(2, "LW1023");
    }
}

#[test]
fn failed_jobs_are_made_ready_again_one_by_one_or_by_a_filter() {
    let bench = Bench::new();
    let ids = bench.enqueue("shop.charge", "mail", 0..3);
    bench.end("mail", &Outcome::Fail(failure()));

    let done = bench.run(&format!("jobs retry {}", ids[0]));
    assert_eq!(done.expect(0).out, format!("{}  ready\n", ids[0]));
    let again = bench.run(&format!("jobs retry {}", ids[0]));
    again.expect_error(1, "LW4002");
    assert_eq!(again.out, format!("{}  refused, it is ready\n", ids[0]));

    let unsaid = bench.run("jobs retry --state failed --queue mail");
    unsaid.expect_error(2, "LW1023");
    assert!(unsaid.err.contains("2 jobs would be made ready again"), "{}", unsaid.err);
    let dry = bench.run("jobs retry --state failed --dry-run");
    assert_eq!(dry.expect(0).out, format!("{}\n{}\n", ids[2], ids[1]));
    assert_eq!(counts(&bench, "failed"), 2);

    let done = bench.run("jobs retry --state failed --task shop.charge --yes --json");
    let objects = done.expect(0).objects();
    assert!(objects.len() == 2 && objects.iter().all(|answer| answer["outcome"] == "done"));
    assert_eq!((counts(&bench, "failed"), counts(&bench, "ready")), (0, 3));
}

#[test]
fn waiting_jobs_are_cancelled_and_running_ones_asked() {
    let bench = Bench::new();
    let running = bench.enqueue("shop.charge", "mail", 0..1);
    assert_eq!(bench.claim("mail").len(), 1);
    let waiting = bench.enqueue("shop.charge", "mail", 1..2);
    let done = bench.run(&format!("jobs cancel {} {} --json", running[0], waiting[0]));
    let outcomes: Vec<Value> =
        done.expect(0).objects().iter().map(|answer| answer["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!("asked"), json!("done")]);
    let listed = bench.run("jobs list --state running").expect(0).out.clone();
    assert!(listed.contains("asked to stop"), "{listed}");
    bench.run(&format!("jobs cancel {}", waiting[0])).expect_error(1, "LW4002");
}

#[test]
fn waiting_for_ended_jobs_tells_how_they_ended() {
    let bench = Bench::new();
    let good = bench.enqueue("shop.charge", "mail", 0..1);
    bench.end("mail", &succeed());
    let bad = bench.enqueue("shop.charge", "mail", 1..2);
    bench.end("mail", &Outcome::Fail(failure()));

    let done = bench.run(&format!("jobs wait {}", good[0]));
    assert_eq!(done.expect(0).out, format!("{}  succeeded  42\n", good[0]));
    let done = bench.run(&format!("jobs wait {} {} --json", good[0], bad[0]));
    let states: Vec<Value> =
        done.expect(1).objects().iter().map(|end| end["state"].clone()).collect();
    assert!(states.contains(&json!("succeeded")) && states.contains(&json!("failed")));
    let done = bench.run(&format!("jobs wait {}", bad[0]));
    let why = "LW2010: ValueError: no such card \\u{1b}[31m";
    assert_eq!(done.expect(1).out, format!("{}  failed  {why}\n", bad[0]));
}

#[test]
fn an_exception_without_a_text_is_shown_by_its_kind_alone() {
    let bench = Bench::new();
    let ids = bench.enqueue("shop.charge", "mail", 0..1);
    bench.end("mail", &Outcome::Fail(Failure { message: String::new(), ..failure() }));
    let list = bench.run("jobs list");
    assert!(list.expect(0).out.ends_with("  ValueError\n"), "{}", list.out);
    let show = bench.run(&format!("jobs show {}", ids[0]));
    assert!(show.expect(0).out.contains("LW2010: ValueError\n"), "{}", show.out);
    let wait = bench.run(&format!("jobs wait {}", ids[0]));
    assert_eq!(wait.expect(1).out, format!("{}  failed  LW2010: ValueError\n", ids[0]));
}

#[test]
fn waiting_ends_when_another_process_ends_the_job() {
    let bench = Bench::new();
    let ids = bench.enqueue("shop.charge", "mail", 0..1);
    let waiter = bench
        .command(&format!("jobs wait {} --json --timeout 20s", ids[0]))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    bench.end("mail", &succeed());
    let done = Done::of(waiter.wait_with_output().unwrap());
    assert_eq!(done.expect(0).objects()[0]["result"], 42);
}

#[test]
fn waiting_has_an_end_when_it_is_asked_for() {
    let bench = Bench::new();
    let ids = bench.enqueue("shop.charge", "mail", 0..1);
    bench.run(&format!("jobs wait {} --timeout 50ms", ids[0])).expect_error(1, "LW3007");
    let job = bench.wait(bench.store().job(ids[0])).unwrap();
    assert_eq!((job.state, job.wall), (State::Ready, None::<Duration>));
}

fn counts(bench: &Bench, state: &str) -> u64 {
    let objects = bench.run("queues list --json").expect(0).objects();
    let pointer = format!("/counts/{state}");
    objects.iter().map(|queue| queue.pointer(&pointer).unwrap().as_u64().unwrap()).sum()
}
