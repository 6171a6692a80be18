//! What transactions of several processes do to each other.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Failure, QueueName, TaskName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::store::{
    Cancelled, ClaimedJob, Due, Enqueued, JobRecord, NewJob, Outcome, Progress, Prune, Requeued,
    Settle, Settlement, Store, UniqueKey, UniqueScope,
};
use laneway_postgres::{PostgresOptions, PostgresStore};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, IsolationLevel};

use super::limits::{add_in, patience_ends_soon};
use super::server::{RUNTIME, Schema, plain_client, url};
use super::{claim, claim_of, job, open_session, settle_all};

/// A store whose backends have the name of its schema, with an option added to its URL.
pub(super) async fn named_store(schema: &Schema, option: &str) -> PostgresStore {
    let name = &schema.0;
    let url = url(&format!("schema={name}&application_name={name}{option}"));
    PostgresStore::connect(PostgresOptions::parse(&url).unwrap()).await.unwrap()
}

/// Waits until so many backends of that store wait for a lock.
pub(super) async fn until_blocked(client: &Client, schema: &Schema, backends: i64) {
    let sql = "SELECT count(*), pg_sleep(0.01)::text FROM pg_stat_activity
        WHERE application_name = $1 AND wait_event_type = 'Lock'";
    let blocked = async {
        while client.query_one(sql, &[&schema.0]).await.unwrap().get::<_, i64>(0) != backends {}
    };
    tokio::time::timeout(Duration::from_secs(10), blocked).await.unwrap();
}

fn limit_of(key: &str, per_second: u32) -> Arc<Limit> {
    let rate = Rate::new(per_second, Duration::from_secs(1), per_second).unwrap();
    Arc::new(Limit { key: key.to_owned(), rate })
}

pub(super) fn of_limit(per_second: u32) -> NewJob {
    NewJob { limit: Some(limit_of("smtp", per_second)), ..job() }
}

fn of_queue(queue: &str) -> NewJob {
    NewJob { queue: QueueName::new(queue).unwrap(), ..job() }
}

/// Adds jobs as new ones, or as ones that come from another store.
pub(super) async fn add(
    store: &PostgresStore,
    restores: bool,
    jobs: Vec<NewJob>,
) -> Result<Vec<Enqueued>, Error> {
    if !restores {
        return store.enqueue(jobs).await;
    }
    let template = of_queue("of-templates");
    store.enqueue(vec![template.clone()]).await?;
    let template = store.job(template.id).await?.unwrap();
    let record = |new: NewJob| JobRecord {
        id: new.id,
        queue: new.queue,
        limit: new.limit.map(|limit| (*limit).clone()),
        unique: new.unique,
        ..template.clone()
    };
    store.restore(jobs.into_iter().map(record).collect()).await
}

async fn claim_one(
    store: &PostgresStore,
    session: SessionId,
    call: u64,
    queue: &str,
) -> ClaimedJob {
    let claim = claim_of(session, call, QueueName::new(queue).unwrap(), 1);
    store.claim(claim).await.unwrap().jobs.remove(0)
}

/// Two jobs in the order of their ids, in which calls look at them.
fn in_order(first: NewJob, second: NewJob) -> [NewJob; 2] {
    let mut ids = [first.id, second.id];
    ids.sort_unstable();
    [NewJob { id: ids[0], ..first }, NewJob { id: ids[1], ..second }]
}

/// A claim takes rows of a limit and then writes to its line. A cancellation that kept the line
/// after its first job, and then waited for a row, would make the two wait for each other.
#[test]
fn many_limited_jobs_are_cancelled_beside_a_claim() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = named_store(&schema, "").await;
        let jobs = in_order(of_limit(5), of_limit(5));
        let ids: Vec<JobId> = jobs.iter().map(|job| job.id).collect();
        store.enqueue(jobs.to_vec()).await.unwrap();
        let mut client = plain_client().await;
        let claiming = client.transaction().await.unwrap();
        let sql = "SET LOCAL lock_timeout = '300ms'; SELECT FROM {}.limited WHERE seq =
            (SELECT max(seq) FROM {}.limited) FOR UPDATE";
        // The places follow the order of the batch.
        claiming.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
        let cancelling = RUNTIME.spawn(async move { store.cancel(ids).await });
        until_blocked(&plain_client().await, &schema, 1).await;
        let sql = "UPDATE {}.gate_line SET next_at = next_at".replace("{}", &schema.0);
        claiming.batch_execute(&sql).await.unwrap();
        claiming.commit().await.unwrap();
        assert_eq!(cancelling.await.unwrap().unwrap(), [Cancelled::Done, Cancelled::Done]);
        let sql = "SELECT count(*) FROM {}.gate_line".replace("{}", &schema.0);
        let lines: i64 = plain_client().await.query_one(&sql, &[]).await.unwrap().get(0);
        assert_eq!(lines, 0, "nobody waits there any more");
    });
}

/// When the last job leaves a limit's line while somebody just adds one, the line's row stays. If
/// the other job never comes, nothing may be left of a limit that is forgotten: workers would look
/// for its jobs every 5 ms for ever.
#[test]
fn a_limit_that_is_forgotten_leaves_nothing_to_look_for() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let new = of_limit(5);
        store.enqueue(vec![new.clone()]).await.unwrap();
        let mut client = plain_client().await;
        let adding = client.transaction().await.unwrap();
        let sql = "SELECT FROM {}.gate_line FOR KEY SHARE".replace("{}", &schema.0);
        adding.batch_execute(&sql).await.unwrap();
        assert_eq!(store.cancel(vec![new.id]).await.unwrap(), [Cancelled::Done]);
        adding.rollback().await.unwrap();
        let prune = Prune { older_than: Duration::ZERO, jobs_max: 10 };
        assert_eq!(store.prune(prune).await.unwrap(), 1);
        let sql = "SELECT (SELECT count(*) FROM {}.gate), (SELECT count(*) FROM {}.gate_line)";
        let row = client.query_one(&sql.replace("{}", &schema.0), &[]).await.unwrap();
        assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 0));
        let claim = claim_of(session, 1, QueueName::default_queue(), 10);
        assert_eq!(store.claim(claim).await.unwrap().next_due_at, None);
    });
}

/// A report waits for a lock, and meanwhile the job comes back and is claimed anew. The new attempt
/// has not got that far.
#[test]
fn progress_of_a_job_that_came_back_does_not_reach_its_next_attempt() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = named_store(&schema, "").await;
        let old = open_session(&store).await;
        let [first, second] = in_order(job(), job());
        store.enqueue(vec![first.clone(), second.clone()]).await.unwrap();
        let held = claim(&store, old, 1, 2).await;
        let mut client = plain_client().await;
        let holding = client.transaction().await.unwrap();
        let sql = "SELECT FROM {}.running WHERE id = (SELECT min(id::text)::uuid FROM {}.running)
            FOR UPDATE";
        holding.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
        let reports = held.iter().map(|job| Progress {
            job: job.id,
            token: job.token,
            done: 7.0,
            of: None,
            note: String::new(),
        });
        let (reporter, reports) = (store.clone(), reports.collect());
        let reporting = RUNTIME.spawn(async move { reporter.report_progress(old, reports).await });
        until_blocked(&plain_client().await, &schema, 1).await;
        let back = held.iter().find(|job| job.id == second.id).unwrap();
        let entries = vec![Settlement {
            job: back.id,
            token: back.token,
            outcome: Outcome::Release,
            timing: None,
        }];
        store.settle(Settle { session: old, entries }).await.unwrap();
        let new = open_session(&store).await;
        assert_eq!(claim(&store, new, 1, 2).await.len(), 1);
        holding.rollback().await.unwrap();
        reporting.await.unwrap().unwrap();
        let progress = async |id| store.job(id).await.unwrap().unwrap().progress;
        assert_eq!(progress(second.id).await, None);
        assert!(progress(first.id).await.is_some());
    });
}

/// Jobs that come back lower the marks of their lines. Two workers that give up jobs of two lines
/// must not each hold one mark and wait for the other.
#[test]
fn jobs_of_several_lines_come_back_in_one_order_of_lines() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        // A deadlock would be looked for too late to be resolved.
        let store = named_store(&schema, "&options=-c%20deadlock_timeout%3D60s").await;
        let (one, other) = (open_session(&store).await, open_session(&store).await);
        let mut coming_back = Vec::new();
        for (session, queues) in [(one, ["a", "b"]), (other, ["b", "a"])] {
            let jobs = in_order(of_queue(queues[0]), of_queue(queues[1]));
            store.enqueue(jobs.to_vec()).await.unwrap();
            let mut entries = Vec::new();
            for (call, queue) in (1..).zip(["a", "b"]) {
                let job = claim_one(&store, session, call, queue).await;
                let outcome = Outcome::Release;
                entries.push(Settlement { job: job.id, token: job.token, outcome, timing: None });
            }
            coming_back.push(Settle { session, entries });
        }
        let mut client = plain_client().await;
        let fill = |sql: &str| sql.replace("{}", &schema.0);
        client.batch_execute(&fill("UPDATE {}.mark SET low = 1000")).await.unwrap();
        let holding = client.transaction().await.unwrap();
        let sql = fill(
            "SELECT FROM {}.mark WHERE line = (SELECT l.id FROM {}.line l JOIN {}.queue q
            ON q.id = l.queue WHERE q.name = 'b') FOR UPDATE",
        );
        holding.batch_execute(&sql).await.unwrap();
        let mut releasing = Vec::new();
        for release in coming_back.into_iter().rev() {
            let store = store.clone();
            releasing.push(RUNTIME.spawn(async move { store.settle(release).await }));
            let count = i64::try_from(releasing.len()).unwrap();
            until_blocked(&plain_client().await, &schema, count).await;
        }
        holding.commit().await.unwrap();
        for released in releasing {
            let released = tokio::time::timeout(Duration::from_secs(10), released).await;
            assert_eq!(released.unwrap().unwrap().unwrap().len(), 2);
        }
    });
}

/// Whoever ends a session locks it, and then the marks of what it held. A claim that had lowered
/// marks for due jobs before it waited for its session would make the two wait for each other.
#[test]
fn a_claim_that_waits_for_its_session_holds_no_mark() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = named_store(&schema, "").await;
        let session = open_session(&store).await;
        let due = Due::After(Duration::from_secs(3_600));
        store.enqueue(vec![NewJob { due, ..job() }]).await.unwrap();
        let mut client = plain_client().await;
        let fill = |sql: &str| sql.replace("{}", &schema.0);
        let sql = "UPDATE {}.scheduled SET due_at = 1; UPDATE {}.mark SET low = 1000";
        client.batch_execute(&fill(sql)).await.unwrap();
        let ending = client.transaction().await.unwrap();
        ending.batch_execute(&fill("SELECT FROM {}.session FOR UPDATE")).await.unwrap();
        let claimer = store.clone();
        let claiming = RUNTIME.spawn(async move { claim(&claimer, session, 1, 1).await });
        until_blocked(&plain_client().await, &schema, 1).await;
        ending.batch_execute(&fill("SELECT FROM {}.mark FOR UPDATE NOWAIT")).await.unwrap();
        ending.rollback().await.unwrap();
        assert_eq!(claiming.await.unwrap().len(), 1);
    });
}

/// A job that comes back needs its unique key again, and an application may just be taking it in a
/// transaction that it keeps open. Whoever waits for that must not hold the mark of the job's line:
/// due jobs of the line, and with them every claim, would wait for the application, too.
#[test]
fn a_job_that_waits_for_its_key_to_come_back_holds_no_mark() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = named_store(&schema, "").await;
        let session = open_session(&store).await;
        let unique = || {
            let key = UniqueKey { scope: UniqueScope::Unfinished, text: String::from("k") };
            NewJob { unique: Some(key), ..job() }
        };
        let old = unique();
        store.enqueue(vec![old.clone()]).await.unwrap();
        let ended = claim(&store, session, 1, 1).await.remove(0);
        let outcome = Outcome::Cancel(Failure::new(Code::JobCancelled, "not wanted"));
        let entries = vec![Settlement { job: ended.id, token: ended.token, outcome, timing: None }];
        store.settle(Settle { session, entries }).await.unwrap();
        let due = Due::After(Duration::from_secs(3_600));
        store.enqueue(vec![NewJob { due, ..job() }]).await.unwrap();
        let mut client = plain_client().await;
        let sql = "UPDATE {}.scheduled SET due_at = 1; UPDATE {}.mark SET low = 1000";
        client.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
        let application = client.transaction().await.unwrap();
        add_in(&application, &store, unique()).await;
        let requeuer = store.clone();
        let requeuing = RUNTIME.spawn(async move { requeuer.requeue(vec![old.id]).await });
        until_blocked(&plain_client().await, &schema, 1).await;
        patience_ends_soon(&schema).await;
        assert_eq!(claim(&store, session, 2, 10).await.len(), 1, "the due job");
        application.rollback().await.unwrap();
        assert_eq!(requeuing.await.unwrap().unwrap(), [Requeued::Done]);
        assert_eq!(claim(&store, session, 3, 10).await.len(), 1);
    });
}

/// Two producers that bring the same new tasks, queues and policies in opposite orders must not
/// each have added one name and wait for the other.
#[test]
fn new_names_are_added_in_one_order() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = named_store(&schema, "").await;
        let of = |name: &str| NewJob {
            task: TaskName::new(name).unwrap(),
            queue: QueueName::new(name).unwrap(),
            ..job()
        };
        for table in ["task", "queue"] {
            let (first, last) = (format!("{table}-a"), format!("{table}-b"));
            let mut client = plain_client().await;
            let other = client.transaction().await.unwrap();
            let sql = format!("INSERT INTO {}.{table} (name) VALUES ('{last}')", schema.0);
            other.batch_execute(&sql).await.unwrap();
            let (adder, jobs) = (store.clone(), vec![of(&last), of(&first)]);
            let adding = RUNTIME.spawn(async move { adder.enqueue(jobs).await });
            until_blocked(&plain_client().await, &schema, 1).await;
            let sql = format!(
                "SET lock_timeout = '100ms'; INSERT INTO {}.{table} (name) VALUES ('{first}')",
                schema.0
            );
            let refusal = plain_client().await.batch_execute(&sql).await.unwrap_err();
            assert_eq!(refusal.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{table}");
            other.rollback().await.unwrap();
            assert!(adding.await.unwrap().unwrap().iter().all(|answer| answer.created));
        }
    });
}

/// The same of jobs with unique keys and limits, which are added one by one, and of jobs that come
/// from another store: what they bring must not be in the order of their keys or of the batch.
#[test]
fn new_queues_and_limits_of_jobs_with_keys_are_added_in_one_order() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = named_store(&schema, "").await;
        for (table, columns, values) in
            [("queue", "name", ""), ("gate", "key, count, per, burst, tat", ", 5, 1000000, 5, 0")]
        {
            for restores in [false, true] {
                let [first, last] = ["a", "b"].map(|end| format!("{table}-{restores}-{end}"));
                let sql = format!("INSERT INTO {}.{table} ({columns}) VALUES", schema.0);
                let mut client = plain_client().await;
                let other = client.transaction().await.unwrap();
                other.batch_execute(&format!("{sql} ('{last}'{values})")).await.unwrap();
                let of = |name: &str, end: &str| {
                    let text = format!("{table}-{restores}-{end}");
                    let unique = Some(UniqueKey { scope: UniqueScope::Kept, text });
                    match table {
                        "queue" => NewJob { unique, ..of_queue(name) },
                        _ => NewJob { unique, limit: Some(limit_of(name, 5)), ..job() },
                    }
                };
                let jobs = vec![of(&last, "1"), of(&first, "2")];
                let adder = store.clone();
                let adding = RUNTIME.spawn(async move { add(&adder, restores, jobs).await });
                until_blocked(&plain_client().await, &schema, 1).await;
                let sql = format!("SET lock_timeout = '100ms'; {sql} ('{first}'{values})");
                let refusal = plain_client().await.batch_execute(&sql).await.unwrap_err();
                let code = refusal.code();
                assert_eq!(code, Some(&SqlState::LOCK_NOT_AVAILABLE), "{table} {restores}");
                other.rollback().await.unwrap();
                assert!(adding.await.unwrap().unwrap().iter().all(|answer| answer.created));
            }
        }
    });
}

/// Marks remember numbers of transactions, and another server has others.
#[test]
fn marks_move_on_after_a_dump_was_restored() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let client = plain_client().await;
        store.enqueue(vec![job()]).await.unwrap();
        let sql = "UPDATE {}.mark SET next = 1, horizon = '9000000000000000000'";
        client.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
        for call in 1..=30 {
            store.enqueue((0..500).map(|_| job()).collect()).await.unwrap();
            let jobs = claim(&store, session, call, 600).await;
            settle_all(&store, session, &jobs).await;
        }
        let sql = "SELECT min(low) FROM {}.mark".replace("{}", &schema.0);
        assert!(client.query_one(&sql, &[]).await.unwrap().get::<_, i64>(0) > 0);
    });
}

/// Somebody has deleted rows by hand. Looking for such a job must end.
#[test]
fn a_job_that_stands_nowhere_keeps_nobody_busy() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let new = job();
        store.enqueue(vec![new.clone()]).await.unwrap();
        let sql = "DELETE FROM {}.ready".replace("{}", &schema.0);
        plain_client().await.batch_execute(&sql).await.unwrap();
        assert_eq!(store.cancel(vec![new.id]).await.unwrap(), [Cancelled::Unknown]);
        assert_eq!(store.requeue(vec![new.id]).await.unwrap(), [Requeued::Unknown]);
    });
}

/// Somebody has deleted a job by hand and left its unique key. Taking the key must end.
#[test]
fn a_key_whose_job_was_deleted_is_free() {
    for restores in [false, true] {
        let schema = Schema::new();
        RUNTIME.block_on(async {
            let store = named_store(&schema, "&options=-c%20statement_timeout%3D10s").await;
            let unique = || {
                let key = UniqueKey { scope: UniqueScope::Unfinished, text: String::from("k") };
                NewJob { unique: Some(key), ..job() }
            };
            let old = unique();
            store.enqueue(vec![old.clone()]).await.unwrap();
            let client = plain_client().await;
            let id = format!("{:032x}", old.id.bits());
            let sql = format!("DELETE FROM {}.job WHERE id = '{id}'", schema.0);
            client.batch_execute(&sql).await.unwrap();
            let (first, second) = (unique(), unique());
            let ids = [first.id; 2];
            let answers = add(&store, restores, vec![first, second]).await.unwrap();
            assert_eq!([answers[0].id, answers[1].id], ids, "{restores}");
            assert_eq!([answers[0].created, answers[1].created], [true, false], "{restores}");
        });
    }
}

/// Where transactions see one moment only, a call fails whenever another one was faster.
#[test]
fn calls_see_the_latest_whatever_the_isolation_that_a_user_has_by_default() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let option = "&options=-c%20default_transaction_isolation%3Dserializable";
        let store = named_store(&schema, option).await;
        let client = plain_client().await;
        let sql = "CREATE TABLE {}.seen (level text);
            CREATE FUNCTION {}.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO {}.seen VALUES (current_setting('transaction_isolation'));
                RETURN NULL; END $$;
            CREATE TRIGGER see AFTER INSERT ON {}.ready EXECUTE FUNCTION {}.see();
            CREATE TRIGGER see AFTER INSERT ON {}.running EXECUTE FUNCTION {}.see();
            CREATE TRIGGER see AFTER INSERT ON {}.finished EXECUTE FUNCTION {}.see()";
        client.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
        let session = open_session(&store).await;
        store.enqueue(vec![job()]).await.unwrap();
        let jobs = claim(&store, session, 1, 1).await;
        assert_eq!(settle_all(&store, session, &jobs).await, 1);
        let sql = "SELECT string_agg(level, ', ') FROM {}.seen".replace("{}", &schema.0);
        let seen: String = client.query_one(&sql, &[]).await.unwrap().get(0);
        assert_eq!(seen, "read committed, read committed, read committed");
    });
}

/// A transaction by hand that sees one moment only does not see who has come to wait for a limit
/// since, and must not forget the line in which that job waits.
#[test]
fn what_a_transaction_cannot_see_is_not_forgotten() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let (first, second) = (of_limit(5), of_limit(5));
        store.enqueue(vec![first.clone()]).await.unwrap();
        let mut client = plain_client().await;
        let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let old = builder.start().await.unwrap();
        old.batch_execute("SELECT 1").await.unwrap();
        store.enqueue(vec![second.clone()]).await.unwrap();
        let id = format!("{:032x}", first.id.bits());
        let sql = format!("SELECT {}.cancel_jobs(ARRAY['{id}'::uuid], NULL)", schema.0);
        old.batch_execute(&sql).await.unwrap();
        old.commit().await.unwrap();
        let jobs = claim(&store, session, 1, 10).await;
        assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [second.id]);
    });
}
