//! `laneway export` and `laneway import`: every job, from one store to another.

use std::process::Stdio;
use std::sync::Arc;

use laneway::core::id::JobId;
use laneway::core::job::State;
use laneway::core::limit::Limit;
use laneway::core::store::{JobRecord, NewJob, Outcome, Store, UniqueKey, UniqueScope};
use laneway::{AnyStore, StoreUrl};
use serde_json::Value;

use crate::bench::{Bench, Done, failure, job_id, new_job, succeed};

/// A store with a job in every state, a paused queue, a limit and a unique key.
fn full(bench: &Bench) -> Vec<JobId> {
    let mut ids = Vec::new();
    for (number, outcome) in [
        (1, succeed()),
        (2, Outcome::Fail(failure())),
        (3, Outcome::Park(failure())),
        (4, Outcome::Retry { after: std::time::Duration::from_secs(9_000), failure: failure() }),
        (5, Outcome::Cancel(failure())),
    ] {
        ids.extend(bench.enqueue("shop.pay", "done", number..number + 1));
        bench.end("done", &outcome);
    }
    ids.extend(bench.enqueue("shop.mail", "busy", 10..11));
    bench.claim("busy");
    let unique = Some(UniqueKey { scope: UniqueScope::Unfinished, text: "order 42".to_owned() });
    let limit = Limit { key: "smtp".to_owned(), rate: "20/s".parse().unwrap() };
    let special =
        NewJob { unique, limit: Some(Arc::new(limit)), ..new_job(job_id(20), "shop.mail", "mail") };
    bench.wait(bench.store().enqueue(vec![special]));
    ids.push(job_id(20));
    // More than one batch, and more than one page.
    ids.extend(bench.enqueue("shop.many", "many", 100..700));
    ids.extend(bench.enqueue("shop.many", "many", 700..1_300));
    bench.run("queues pause mail").expect(0);
    ids
}

fn other(bench: &Bench) -> AnyStore {
    let url = StoreUrl::file(bench.path("other.db"));
    bench.wait(async { laneway::connect(&url).await })
}

fn record(bench: &Bench, store: &AnyStore, id: JobId) -> JobRecord {
    bench.wait(store.job(id)).unwrap()
}

/// Imports lines into the other store.
fn import(bench: &Bench, lines: &str, words: &str) -> Done {
    let mut command = bench.command(&format!("import --store sqlite:///other.db {words}"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    Done::of(child.wait_with_output().unwrap())
}

fn summary(done: &Done) -> Value {
    done.objects().remove(0)
}

#[test]
fn every_job_comes_over_as_it_stands() {
    let bench = Bench::new();
    let ids = full(&bench);
    let export = bench.run("export");
    export.expect(0);
    let lines = export.objects();
    assert_eq!(lines[0]["kind"], "begin");
    assert_eq!(lines.last().unwrap()["jobs"], ids.len());
    assert!(export.err.contains("1 job was running"), "{}", export.err);

    let done = import(&bench, &export.out, "--json");
    let found = summary(done.expect(0));
    assert_eq!((&found["added"], &found["known"]), (&ids.len().into(), &0.into()));
    assert_eq!((&found["interrupted"], &found["paused"]), (&1.into(), &1.into()));

    let (from, to) = (bench.store(), other(&bench));
    for id in ids {
        let (before, after) = (record(&bench, &from, id), record(&bench, &to, id));
        if before.state == State::Running {
            assert_eq!((after.state, after.interrupts), (State::Ready, before.interrupts + 1));
            assert_eq!((after.token, after.args), (before.token, before.args));
        } else {
            assert_eq!(after, before);
        }
    }
    let paused = |store: &AnyStore| -> Vec<_> {
        let queues = bench.wait(store.queues());
        queues.into_iter().map(|queue| (queue.name, queue.is_paused)).collect()
    };
    assert_eq!(paused(&to), paused(&from));
}

#[test]
fn a_second_import_changes_nothing_and_an_export_of_it_is_the_same() {
    let bench = Bench::new();
    let ids = full(&bench);
    let export = bench.run("export").out;
    import(&bench, &export, "").expect(0);
    let to = other(&bench);
    let taken = bench.wait(to.cancel(vec![job_id(100)]));
    assert_eq!(taken.len(), 1);
    let before = bench.run("export --store sqlite:///other.db").objects();
    let found = summary(import(&bench, &export, "--json").expect(0));
    assert_eq!((&found["added"], &found["known"]), (&0.into(), &ids.len().into()));
    let after = bench.run("export --store sqlite:///other.db").objects();
    // The first line tells when it was written.
    assert_eq!(before[1..], after[1..]);
    assert_eq!(record(&bench, &to, job_id(100)).state, State::Cancelled);
}

#[test]
fn an_export_that_was_cut_off_is_told_and_can_be_repeated() {
    let bench = Bench::new();
    let ids = full(&bench);
    let export = bench.run("export").out;
    let cut: String = export.lines().take(900).flat_map(|line| [line, "\n"]).collect();
    let done = import(&bench, &cut, "");
    done.expect_error(2, "LW1023");
    assert!(done.err.contains("not complete"), "{}", done.err);
    let torn = format!("{cut}{{\"schema\":1,\"kind\":\"job\",\"id\":");
    let done = import(&bench, &torn, "");
    assert!(done.err.contains("line 901 is not of an export"), "{}", done.err);
    let found = summary(import(&bench, &export, "--json").expect(0));
    let [added, known] = ["added", "known"].map(|name| found[name].as_u64().unwrap());
    assert!(known > 0);
    assert_eq!(added + known, ids.len() as u64);
}

#[test]
fn a_job_whose_key_is_held_is_named_and_left_out() {
    let bench = Bench::new();
    full(&bench);
    let export = bench.run("export").out;
    let unique = Some(UniqueKey { scope: UniqueScope::Unfinished, text: "order 42".to_owned() });
    let holder = NewJob { unique, ..new_job(job_id(5_000), "shop.mail", "mail") };
    bench.wait(other(&bench).enqueue(vec![holder]));
    let done = import(&bench, &export, "");
    done.expect(1);
    let named = format!("job {} was left out", job_id(20));
    assert!(done.err.contains(&named) && done.err.contains(&job_id(5_000).to_string()));
}

#[test]
fn a_file_is_read_and_one_that_is_not_there_is_told() {
    let bench = Bench::new();
    bench.enqueue("shop.pay", "mail", 1..4);
    let export = bench.run("export");
    bench.write("jobs.jsonl", &export.out);
    let done = bench.run("import jobs.jsonl --store sqlite:///other.db");
    done.expect(0);
    assert_eq!(done.out, "3 jobs added, 0 known before, 0 queues paused\n");
    bench.run("import nowhere.jsonl").expect_error(2, "LW1023");
}

#[test]
fn a_reader_that_leaves_ends_the_export_quietly() {
    let bench = Bench::new();
    bench.enqueue("shop.pay", "mail", 1..200);
    let mut command = bench.command("export");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let done = Done::of(child.wait_with_output().unwrap());
    assert_eq!((done.status, done.err.as_str()), (0, ""));
}
