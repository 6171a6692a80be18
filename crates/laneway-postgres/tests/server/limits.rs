//! Limits beside transactions of applications, which may stay open for as long as they like.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::job::{Failure, QueueName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::store::{
    ClaimedJob, Due, Enqueued, NewJob, Outcome, Requeued, Settle, Settlement, Store, Sweep,
    UniqueKey, UniqueScope,
};
use laneway_postgres::PostgresStore;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Transaction};

use super::locks::{add, named_store, of_limit, until_blocked};
use super::server::{RUNTIME, Schema, plain_client};
use super::{claim, claim_of, job, open_session};

/// Lets no call wait for a lock for longer than a moment, so that one that waits fails.
pub(super) async fn patience_ends_soon(schema: &Schema) {
    let sql = "ALTER FUNCTION {}.claim_jobs SET lock_timeout = '300ms';
        ALTER FUNCTION {}.settle_attempts SET lock_timeout = '300ms';
        ALTER FUNCTION {}.requeue_jobs SET lock_timeout = '300ms';
        ALTER FUNCTION {}.close_session SET lock_timeout = '300ms';
        ALTER FUNCTION {}.sweep SET lock_timeout = '300ms'";
    plain_client().await.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
}

/// Adds a job inside a transaction of an application.
pub(super) async fn add_in(transaction: &Transaction<'_>, store: &PostgresStore, new: NewJob) {
    let adding = store.enqueueing(new).unwrap();
    let sql = format!("SELECT created FROM {}(CAST($1 AS text)::json, $2)", adding.function);
    let row = transaction.query_one(&sql, &[&adding.job, &adding.args]).await.unwrap();
    assert!(row.get::<_, bool>(0));
}

async fn lines(client: &Client, schema: &Schema) -> i64 {
    let sql = format!("SELECT count(*) FROM {}.gate_line", schema.0);
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

fn end(job: &ClaimedJob, outcome: Outcome) -> Settlement {
    Settlement { job: job.id, token: job.token, outcome, timing: None }
}

/// The first job that waits for a limit opens the limit's line. While the transaction of an
/// application that has done so stays open, a claim that finds another job of the limit due must
/// not wait for it: that would stop every worker.
#[test]
fn a_claim_passes_by_an_application_that_opens_the_line_of_a_limit() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        patience_ends_soon(&schema).await;
        let session = open_session(&store).await;
        let later = Due::After(Duration::from_secs(3_600));
        let due = NewJob { due: later, ..of_limit(50) };
        let plain = job();
        store.enqueue(vec![due.clone(), plain.clone()]).await.unwrap();
        let mut client = plain_client().await;
        let sql = format!("UPDATE {}.scheduled SET due_at = 1", schema.0);
        client.batch_execute(&sql).await.unwrap();
        let application = client.transaction().await.unwrap();
        let added = of_limit(50);
        add_in(&application, &store, added.clone()).await;
        let mut ids: Vec<_> =
            claim(&store, session, 1, 10).await.into_iter().map(|job| job.id).collect();
        ids.sort_unstable();
        let mut expected = [due.id, plain.id];
        expected.sort_unstable();
        assert_eq!(ids, expected);
        application.commit().await.unwrap();
        let jobs = claim(&store, session, 2, 10).await;
        assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [added.id]);
        assert_eq!(lines(&client, &schema).await, 0, "nobody waits there any more");
    });
}

/// Jobs that come back open lines of limits one by one. If they waited for whoever opens the same
/// lines, two batches with limits in opposite orders would wait for each other, too.
#[test]
fn jobs_come_back_to_a_limit_past_an_application_that_opens_its_line() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        patience_ends_soon(&schema).await;
        let session = open_session(&store).await;
        store.enqueue((0..4).map(|_| of_limit(50)).collect()).await.unwrap();
        let held = claim(&store, session, 1, 10).await;
        let mut client = plain_client().await;
        let application = client.transaction().await.unwrap();
        add_in(&application, &store, of_limit(50)).await;
        let cancelled = Failure::new(Code::JobCancelled, "not wanted");
        let entries =
            vec![end(&held[0], Outcome::Release), end(&held[1], Outcome::Cancel(cancelled))];
        store.settle(Settle { session, entries }).await.unwrap();
        assert_eq!(store.requeue(vec![held[1].id]).await.unwrap(), [Requeued::Done]);
        let lapsed = format!(
            "UPDATE {0}.running SET deadline = 1 WHERE seq = (SELECT min(seq) FROM {0}.running)",
            schema.0
        );
        plain_client().await.batch_execute(&lapsed).await.unwrap();
        assert_eq!(store.sweep(Sweep { jobs_max: 10 }).await.unwrap().released, 1);
        store.close_session(session).await.unwrap();
        let session = open_session(&store).await;
        assert_eq!(claim(&store, session, 1, 10).await.len(), 4);
        application.commit().await.unwrap();
        assert_eq!(claim(&store, session, 2, 10).await.len(), 1);
        assert_eq!(lines(&client, &schema).await, 0);
    });
}

/// Applications that open a line at the same moment leave a row each. If these stayed for as long
/// as somebody waits in the line, every claim would look at more and more of them.
#[test]
fn a_claim_leaves_one_row_of_a_line_that_many_have_opened() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        let (mut one, mut other) = (plain_client().await, plain_client().await);
        // The limit is known already, so that they do not wait for each other.
        let known = of_limit(2);
        store.enqueue(vec![known]).await.unwrap();
        assert_eq!(claim(&store, session, 1, 1).await.len(), 1);
        let first = one.transaction().await.unwrap();
        add_in(&first, &store, of_limit(2)).await;
        let second = other.transaction().await.unwrap();
        add_in(&second, &store, of_limit(2)).await;
        first.commit().await.unwrap();
        second.commit().await.unwrap();
        assert_eq!(lines(&one, &schema).await, 2);
        assert_eq!(claim(&store, session, 2, 1).await.len(), 1);
        assert_eq!(lines(&one, &schema).await, 1);
        let sql = format!("UPDATE {}.gate SET tat = 0", schema.0);
        one.batch_execute(&sql).await.unwrap();
        let sql = format!("UPDATE {}.gate_line SET next_at = 0", schema.0);
        one.batch_execute(&sql).await.unwrap();
        assert_eq!(claim(&store, session, 3, 10).await.len(), 1);
        assert_eq!(lines(&one, &schema).await, 0);
    });
}

/// A line cannot be forgotten while the transaction of an application that adds a job to it is
/// open. A worker that has taken all other jobs of the line must not ask again without a pause.
#[test]
fn a_line_that_an_application_keeps_open_is_looked_at_after_a_pause() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        store.enqueue(vec![of_limit(50)]).await.unwrap();
        let mut client = plain_client().await;
        let application = client.transaction().await.unwrap();
        let added = of_limit(50);
        add_in(&application, &store, added.clone()).await;
        assert_eq!(claim(&store, session, 1, 10).await.len(), 1);
        let request = claim_of(session, 2, QueueName::default_queue(), 10);
        let claimed = store.claim(request).await.unwrap();
        assert!(claimed.jobs.is_empty());
        let pause = Duration::from_millis(50);
        assert!(claimed.next_due_at.is_some_and(|at| at >= claimed.now.plus(pause)), "{claimed:?}");
        application.commit().await.unwrap();
        let mut jobs = Vec::new();
        for call in 3.. {
            jobs = claim(&store, session, call, 10).await;
            if !jobs.is_empty() {
                break;
            }
            client.batch_execute("SELECT pg_sleep(0.01)").await.unwrap();
        }
        assert_eq!(jobs.iter().map(|job| job.id).collect::<Vec<_>>(), [added.id]);
    });
}

/// What a claim locks is lost to all others. With a limit for each of thousands of customers it
/// must not go through all of them once the lane that their jobs are for is full.
#[test]
fn a_claim_leaves_limits_alone_whose_lane_is_full() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        open_session(&store).await;
        let of_customer = |key: &str| {
            let rate = Rate::new(50, Duration::from_secs(1), 50).unwrap();
            NewJob { limit: Some(Arc::new(Limit { key: key.into(), rate })), ..job() }
        };
        store.enqueue(vec![of_customer("one"), of_customer("two")]).await.unwrap();
        let (mut one, other) = (plain_client().await, plain_client().await);
        let claiming = one.transaction().await.unwrap();
        let sql = format!(
            "SELECT count(c.id) FROM {0}.session AS s CROSS JOIN LATERAL {0}.claim_jobs(
                s.uuid, 1, '{{default}}', '{{0,1}}', '{{1,40}}', NULL) AS c",
            schema.0
        );
        let taken: i64 = claiming.query_one(&sql, &[]).await.unwrap().get(0);
        assert_eq!(taken, 1);
        let sql = format!("SELECT FROM {}.gate FOR UPDATE SKIP LOCKED", schema.0);
        assert_eq!(other.query(&sql, &[]).await.unwrap().len(), 1, "the other limit is free");
    });
}

fn with_key(new: NewJob) -> NewJob {
    let key = UniqueKey { scope: UniqueScope::Unfinished, text: String::from("k") };
    NewJob { unique: Some(key), ..new }
}

/// Adds a job with a key and a new rate for the limit, and comes back when that waits for somebody
/// who has taken the key.
async fn add_until_blocked(
    store: &PostgresStore,
    schema: &Schema,
    restores: bool,
) -> JoinHandle<Vec<Enqueued>> {
    let (adder, jobs) = (store.clone(), vec![with_key(of_limit(10))]);
    let adding = RUNTIME.spawn(async move { add(&adder, restores, jobs).await.unwrap() });
    until_blocked(&plain_client().await, schema, 1).await;
    adding
}

async fn rate_of_limit(client: &Client, schema: &Schema) -> i64 {
    let sql = format!("SELECT count FROM {}.gate WHERE key = 'smtp'", schema.0);
    client.query_one(&sql, &[]).await.unwrap().get(0)
}

/// An application may keep a key in a transaction that stays open for as long as it likes. Whoever
/// waits for it with a job of a limit must not keep the limit's other jobs from running.
#[test]
fn a_limit_goes_on_while_somebody_waits_for_a_key() {
    for restores in [false, true] {
        let schema = Schema::new();
        RUNTIME.block_on(async {
            let store = named_store(&schema, "").await;
            let session = open_session(&store).await;
            store.enqueue(vec![of_limit(5), of_limit(5)]).await.unwrap();
            let mut client = plain_client().await;
            let application = client.transaction().await.unwrap();
            add_in(&application, &store, with_key(job())).await;
            let adding = add_until_blocked(&store, &schema, restores).await;
            assert_eq!(claim(&store, session, 1, 2).await.len(), 2, "{restores}");
            application.rollback().await.unwrap();
            assert!(adding.await.unwrap()[0].created);
            assert_eq!(rate_of_limit(&client, &schema).await, 10, "the latest rate counts");
        });
    }
}

/// Somebody else turns out to have the key: there is no job that the new rate could be for.
#[test]
fn a_job_that_is_not_added_leaves_its_limit_as_it_is() {
    for restores in [false, true] {
        let schema = Schema::new();
        RUNTIME.block_on(async {
            let store = named_store(&schema, "").await;
            store.enqueue(vec![of_limit(5)]).await.unwrap();
            let mut client = plain_client().await;
            let application = client.transaction().await.unwrap();
            add_in(&application, &store, with_key(job())).await;
            let adding = add_until_blocked(&store, &schema, restores).await;
            application.commit().await.unwrap();
            assert!(!adding.await.unwrap()[0].created);
            assert_eq!(rate_of_limit(&client, &schema).await, 5, "{restores}");
        });
    }
}

/// An application for whose key somebody waits goes on and adds a job of that one's limit. The
/// server would end one of the two if each waited for the other.
#[test]
fn an_application_gives_a_limit_another_rate_past_whoever_waits_for_its_key() {
    for restores in [false, true] {
        let schema = Schema::new();
        RUNTIME.block_on(async {
            let store = named_store(&schema, "").await;
            store.enqueue(vec![of_limit(5)]).await.unwrap();
            let mut client = plain_client().await;
            client.batch_execute("SET lock_timeout = '300ms'").await.unwrap();
            let application = client.transaction().await.unwrap();
            add_in(&application, &store, with_key(job())).await;
            let adding = add_until_blocked(&store, &schema, restores).await;
            add_in(&application, &store, of_limit(20)).await;
            application.commit().await.unwrap();
            assert!(!adding.await.unwrap()[0].created);
            assert_eq!(rate_of_limit(&client, &schema).await, 20, "{restores}");
        });
    }
}
