//! What a server can refuse, what it can do to a connection, and what SQL can do beside us.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test without its server has failed, and says how to get one"
)]

#[path = "server/limits.rs"]
mod limits;
#[path = "server/locks.rs"]
mod locks;
#[path = "support/server.rs"]
mod server;
#[path = "server/waits.rs"]
mod waits;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::{Lane, Payload, Priority, QueueName, State, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{
    Claim, ClaimedJob, Due, LaneSlots, NewJob, OpenSession, Outcome, RenewSession, Settle, Settled,
    Settlement, Store, Watch,
};
use laneway_postgres::{PostgresOptions, PostgresStore, migrate, pending};
use server::{RUNTIME, Schema, plain_client, url};

fn job() -> NewJob {
    NewJob {
        id: JobId::new(Timestamp::from_micros(1_750_000_000_000_000), fastrand::u128(..)),
        task: TaskName::new("app.task").unwrap(),
        queue: QueueName::default_queue(),
        lane: Lane::Async,
        priority: Priority::default(),
        due: Due::Now,
        unique: None,
        policy: Arc::new(Policy::default()),
        limit: None,
        args: Payload(vec![0x80]),
    }
}

async fn open_session(store: &PostgresStore) -> SessionId {
    let session = SessionId::from_bits(fastrand::u128(..));
    let lease = Duration::from_secs(600);
    store.open_session(OpenSession { session, worker: "test".into(), lease }).await.unwrap();
    session
}

fn claim_of(session: SessionId, call: u64, queue: QueueName, count: usize) -> Claim {
    let slots = vec![LaneSlots { lane: Lane::Async, count }];
    Claim { session, call, queues: Arc::new([queue]), slots }
}

async fn claim(
    store: &PostgresStore,
    session: SessionId,
    call: u64,
    count: usize,
) -> Vec<ClaimedJob> {
    let claim = claim_of(session, call, QueueName::default_queue(), count);
    store.claim(claim).await.unwrap().jobs
}

async fn settle_all(store: &PostgresStore, session: SessionId, jobs: &[ClaimedJob]) -> usize {
    let entries = jobs.iter().map(|job| Settlement {
        job: job.id,
        token: job.token,
        outcome: Outcome::Succeed(Payload(vec![1])),
        timing: None,
    });
    let settle = Settle { session, entries: entries.collect() };
    let answers = store.settle(settle).await.unwrap();
    answers.into_iter().filter(|answer| *answer == Settled::Accepted).count()
}

async fn refusal(options: PostgresOptions) -> Error {
    PostgresStore::connect(options).await.unwrap_err()
}

/// A URL of the test server with another part in the place of a part.
fn other(part: &str, with: &str) -> PostgresOptions {
    let url = url("schema=laneway_test_nowhere");
    assert!(url.contains(part), "the URL has `{part}`");
    PostgresOptions::parse(&url.replacen(part, with, 1)).unwrap()
}

#[test]
fn a_server_that_is_not_there_is_a_coded_error_that_can_be_repeated() {
    RUNTIME.block_on(async {
        let url = "postgresql://nobody@127.0.0.1:1/nothing";
        let error = refusal(PostgresOptions::parse(url).unwrap()).await;
        assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
        assert!(error.is_retryable());
    });
}

#[test]
fn a_wrong_password_and_a_missing_database_are_told_apart_from_a_missing_server() {
    RUNTIME.block_on(async {
        let wrong = other("postgresql://laneway:", "postgresql://laneway:not");
        let error = refusal(wrong).await;
        assert_eq!(error.code(), Code::StoreAccessDenied, "{error}");
        let error = refusal(other("/postgres?", "/no_such_database?")).await;
        assert_eq!(error.code(), Code::StoreAccessDenied, "{error}");
        assert!(error.remedy().contains("createdb no_such_database"), "{error}");
    });
}

#[test]
fn a_server_without_tls_is_refused_when_the_url_asks_for_it() {
    RUNTIME.block_on(async {
        let options = PostgresOptions::parse(&url("sslmode=require")).unwrap();
        let error = refusal(options).await;
        assert_eq!(error.code(), Code::StoreTlsRefused, "{error}");
    });
}

#[test]
fn the_schema_of_another_program_is_left_alone() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let client = plain_client().await;
        let name = &schema.0;
        client
            .batch_execute(&format!("CREATE SCHEMA {name}; CREATE TABLE {name}.orders (id int)"))
            .await
            .unwrap();
        let error = refusal(schema.options()).await;
        assert_eq!(error.code(), Code::StoreSchemaForeign, "{error}");
        assert_eq!(migrate(&schema.options()).await.unwrap_err().code(), Code::StoreSchemaForeign);
    });
}

#[test]
fn a_schema_is_made_once_however_many_come_at_the_same_time() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        assert_eq!(pending(&schema.options()).await.unwrap().len(), 1);
        let error = refusal(schema.options().existing()).await;
        assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
        let mut opening = tokio::task::JoinSet::new();
        for _ in 0..6 {
            opening.spawn(PostgresStore::connect(schema.options()));
        }
        while let Some(opened) = opening.join_next().await {
            opened.unwrap().unwrap();
        }
        assert_eq!(pending(&schema.options()).await.unwrap(), []);
        assert_eq!(migrate(&schema.options()).await.unwrap(), []);
        PostgresStore::connect(schema.options().existing()).await.unwrap();
    });
}

#[test]
fn a_schema_of_another_version_is_refused_with_what_to_do() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        migrate(&schema.options()).await.unwrap();
        let client = plain_client().await;
        let set = |sql: &str| sql.replace("{}", &schema.0);
        client.batch_execute(&set("UPDATE {}.migration SET version = 99")).await.unwrap();
        assert_eq!(refusal(schema.options()).await.code(), Code::StoreTooNew);
        client.batch_execute(&set("UPDATE {}.migration SET version = 0")).await.unwrap();
        let error = refusal(schema.options()).await;
        assert_eq!(error.code(), Code::StoreSchemaOutdated);
        assert!(error.remedy().contains("laneway migrate"), "{error}");
    });
}

#[test]
fn a_user_without_rights_is_told_which_to_ask_for() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let client = plain_client().await;
        let role = format!("{}_role", schema.0);
        let create = format!("CREATE ROLE {role} LOGIN PASSWORD 'secret'");
        client.batch_execute(&create).await.unwrap();
        let url = url(&format!("schema={}", schema.0));
        let at = url.find('@').unwrap();
        let url = format!("postgresql://{role}:secret{}", &url[at..]);
        let options = PostgresOptions::parse(&url).unwrap();
        let error = refusal(options.clone()).await;
        assert_eq!(error.code(), Code::StoreAccessDenied, "{error}");
        migrate(&schema.options()).await.unwrap();
        let error = refusal(options.clone()).await;
        assert_eq!(error.code(), Code::StoreAccessDenied, "{error}");
        assert!(error.remedy().contains(&format!("GRANT USAGE ON SCHEMA {}", schema.0)), "{error}");
        let grants = error.remedy().split_once(": ").unwrap().1;
        let revoke = "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {} FROM PUBLIC";
        client.batch_execute(&revoke.replace("{}", &schema.0)).await.unwrap();
        let (of_tables, _) = grants.split_once("; GRANT EXECUTE").unwrap();
        client.batch_execute(of_tables).await.unwrap();
        let error = refusal(options.clone()).await;
        assert_eq!(error.code(), Code::StoreAccessDenied, "{error}");
        assert_eq!(error.reason(), "it may not use: functions, job_seq");
        client.batch_execute(grants).await.unwrap();
        let store = PostgresStore::connect(options).await.unwrap();
        assert!(store.enqueue(vec![job()]).await.unwrap()[0].created);
        drop(store);
        client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    });
}

#[test]
fn a_connection_that_takes_no_writes_is_a_coded_error() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        migrate(&schema.options()).await.unwrap();
        let option = format!("schema={}&options=-c%20default_transaction_read_only%3Don", schema.0);
        let store = PostgresStore::connect(PostgresOptions::parse(&url(&option)).unwrap()).await;
        let error = store.unwrap().enqueue(vec![job()]).await.unwrap_err();
        assert_eq!(error.code(), Code::StoreServerReadOnly, "{error}");
    });
}

/// Every backend of the schema's processes is ended again and again, while jobs are added, claimed
/// and settled. No call may fail, no job may be lost, none may end twice.
#[test]
fn ended_backends_lose_nothing_and_repeat_nothing() {
    const JOBS: usize = 3_000;
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let option = format!("schema={}&application_name=victim_{}", schema.0, schema.0);
        let options = || PostgresOptions::parse(&url(&option)).unwrap();
        let store = PostgresStore::connect(options()).await.unwrap();
        let session = open_session(&store).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let killer = {
            let (is_over, name) = (is_over.clone(), format!("victim_{}", schema.0));
            RUNTIME.spawn(async move {
                let client = plain_client().await;
                let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                    WHERE application_name = $1";
                let mut ended: i64 = 0;
                while !is_over.load(Ordering::Relaxed) {
                    ended += client.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0);
                    tokio::task::yield_now().await;
                    // A debug build takes a good part of this to log in.
                    client.query_one("SELECT pg_sleep(0.6)", &[]).await.unwrap();
                }
                ended
            })
        };
        let producer = {
            let store = store.clone();
            RUNTIME.spawn(async move {
                for _ in 0..JOBS / 50 {
                    store.enqueue((0..50).map(|_| job()).collect()).await.unwrap();
                }
            })
        };
        let (mut call, mut done) = (0, 0);
        while done < JOBS {
            call += 1;
            let jobs = claim(&store, session, call, 20).await;
            assert!(jobs.iter().all(|job| job.token.0 == 1), "no job is handed out twice");
            settle_all(&store, session, &jobs).await;
            // A settlement whose answer was lost is stale when it is repeated, so what counts is
            // what the store has.
            if call % 20 == 0 || jobs.is_empty() {
                let queues = store.queues().await.unwrap();
                done = queues
                    .first()
                    .map_or(0, |queue| usize::try_from(queue.counts.succeeded).unwrap());
            }
        }
        is_over.store(true, Ordering::Relaxed);
        producer.await.unwrap();
        assert!(killer.await.unwrap() > 0, "some backends were ended");
        let counts = store.queues().await.unwrap()[0].counts;
        assert_eq!((counts.succeeded, counts.total()), (JOBS as u64, JOBS as u64));
    });
}

#[test]
fn a_watch_goes_on_when_its_connection_was_ended() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let option = format!("schema={}&application_name=victim_{}", schema.0, schema.0);
        let store =
            PostgresStore::connect(PostgresOptions::parse(&url(&option)).unwrap()).await.unwrap();
        let mut watch = store.watch().await.unwrap();
        let client = plain_client().await;
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = $1";
        for _ in 0..3 {
            client.query(sql, &[&format!("victim_{}", schema.0)]).await.unwrap();
            let other = PostgresStore::connect(schema.options()).await.unwrap();
            other.enqueue(vec![job()]).await.unwrap();
            let heard = async { while !watch.next().await.unwrap().ready {} };
            tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
        }
    });
}

#[test]
fn a_store_that_relies_on_looking_alone_hears_of_new_jobs() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let option = format!("schema={}&listen=off", schema.0);
        let store =
            PostgresStore::connect(PostgresOptions::parse(&url(&option)).unwrap()).await.unwrap();
        let mut watch = store.watch().await.unwrap();
        let other = PostgresStore::connect(schema.options()).await.unwrap();
        other.enqueue(vec![job()]).await.unwrap();
        let heard = async { while !watch.next().await.unwrap().ready {} };
        tokio::time::timeout(Duration::from_secs(10), heard).await.unwrap();
    });
}

#[test]
fn a_job_added_by_sql_is_there_when_its_transaction_has_committed_and_only_then() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let mut client = plain_client().await;
        let sql = format!(
            "SELECT {}.enqueue('app.send', '{{\"to\": \"Zoë\", \"n\": [1, -2, 2.5, null, true]}}',
                priority => 7, attempts => 3, timeout => '90 s')",
            schema.0
        );
        let transaction = client.transaction().await.unwrap();
        transaction.query_one(&sql, &[]).await.unwrap();
        assert!(claim(&store, session, 1, 10).await.is_empty());
        transaction.rollback().await.unwrap();
        assert!(store.queues().await.unwrap().is_empty(), "nothing is left, not even the queue");
        let transaction = client.transaction().await.unwrap();
        let id: String = transaction.query_one(&sql, &[]).await.unwrap().get(0);
        transaction.commit().await.unwrap();
        let jobs = claim(&store, session, 2, 10).await;
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].id, id.parse().unwrap());
        assert_eq!(jobs[0].policy.retry.attempts_max, 3);
        assert_eq!(jobs[0].policy.timeout, Some(Duration::from_secs(90)));
        let record = store.job(jobs[0].id).await.unwrap().unwrap();
        assert_eq!((record.state, record.priority.value()), (State::Running, 7));
        let args: serde_json::Value = rmp_serde::from_slice(&jobs[0].args.0).unwrap();
        assert_eq!(args, serde_json::json!({"to": "Zoë", "n": [1, -2, 2.5, null, true]}));
    });
}

#[test]
fn a_key_given_by_sql_is_taken_once() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        PostgresStore::connect(schema.options()).await.unwrap();
        let client = plain_client().await;
        let sql = format!("SELECT {}.enqueue('app.send', key => 'order-7')", schema.0);
        let first: String = client.query_one(&sql, &[]).await.unwrap().get(0);
        let second: String = client.query_one(&sql, &[]).await.unwrap().get(0);
        assert_eq!(first, second);
    });
}

#[test]
fn a_job_described_by_a_client_joins_a_foreign_transaction() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let new = job();
        let id = new.id;
        let enqueueing = store.enqueueing(new.clone()).unwrap();
        let sql =
            format!("SELECT id, created FROM {}(CAST($1 AS text)::json, $2)", enqueueing.function);
        let client = plain_client().await;
        for created in [true, false] {
            let row = client.query_one(&sql, &[&enqueueing.job, &enqueueing.args]).await.unwrap();
            assert_eq!(row.get::<_, String>(0), id.to_string());
            assert_eq!(row.get::<_, bool>(1), created);
        }
        let record = store.job(id).await.unwrap().unwrap();
        assert_eq!((record.task, record.policy, record.args), (new.task, new.policy, new.args));
    });
}

/// A worker that runs while somebody migrates the schema knows nothing of its new tables and rules.
/// It has to hear of it, and to keep its lease until what it runs has ended.
#[test]
fn a_renewal_extends_the_lease_and_tells_that_the_schema_is_a_newer_one() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let beat = |seconds| RenewSession {
            session,
            lease: Duration::from_secs(seconds),
            condition: String::new(),
        };
        assert_eq!(store.renew_session(beat(600)).await.unwrap().outdated, None);
        let sql = format!("INSERT INTO {}.migration (version) VALUES (99)", schema.0);
        plain_client().await.batch_execute(&sql).await.unwrap();
        let before = store.sessions().await.unwrap()[0].expires_at;
        let error = store.renew_session(beat(1_200)).await.unwrap().outdated.unwrap();
        assert_eq!(error.code(), Code::StoreTooNew, "{error}");
        assert!(error.reason().contains("99"), "{error}");
        assert!(store.sessions().await.unwrap()[0].expires_at > before);
    });
}

/// Rows that nobody may remove yet must not be walked over by every claim: with a held snapshot,
/// the last of many claims reads about as few pages as the first.
#[test]
fn a_held_snapshot_does_not_make_claims_slower() {
    const ROUNDS: u64 = 60;
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let holder = plain_client().await;
        holder.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").await.unwrap();
        for round in 1..=ROUNDS {
            store.enqueue((0..500).map(|_| job()).collect()).await.unwrap();
            let jobs = claim(&store, session, round, 500).await;
            assert_eq!(jobs.len(), 500);
            assert_eq!(settle_all(&store, session, &jobs).await, 500);
        }
        let sql = "SELECT max(low), (SELECT last_value FROM {}.job_seq) FROM {}.mark";
        let sql = sql.replace("{}", &schema.0);
        let row = plain_client().await.query_one(&sql, &[]).await.unwrap();
        let (low, last): (i64, i64) = (row.get(0), row.get(1));
        assert!(last >= 30_000, "{last}");
        assert!(last - low < 12_000, "the mark follows: {low} of {last}");
        holder.batch_execute("ROLLBACK").await.unwrap();
    });
}
