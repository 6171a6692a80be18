//! How long a call waits, here and on the server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::job::QueueName;
use laneway_core::store::{Store, Watch};
use laneway_postgres::{PostgresOptions, PostgresStore, migrate};
use tokio::net::{TcpListener, TcpStream};

use super::server::{RUNTIME, Schema, plain_client, url};
use super::{claim, claim_of, job, open_session, settle_all};

const SOON: Duration = Duration::from_secs(10);

/// A way to the server whose new connections can be left without an answer.
struct Gate {
    address: SocketAddr,
    is_open: Arc<AtomicBool>,
}

impl Gate {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let is_open = Arc::new(AtomicBool::new(true));
        let (is_passing, server) = (is_open.clone(), server_address());
        RUNTIME.spawn(async move {
            let mut silent = Vec::new();
            while let Ok((mut client, _)) = listener.accept().await {
                if !is_passing.load(Ordering::Relaxed) {
                    silent.push(client);
                    continue;
                }
                let mut server = TcpStream::connect(&server).await.unwrap();
                RUNTIME.spawn(async move {
                    // Either end may go as it likes.
                    tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
                });
            }
        });
        Self { address, is_open }
    }

    fn options(&self, schema: &Schema) -> PostgresOptions {
        let url = url(&format!("schema={}", schema.0));
        let through = url.replacen(&server_address(), &self.address.to_string(), 1);
        PostgresOptions::parse(&through).unwrap()
    }
}

/// Host and port of the server.
fn server_address() -> String {
    let url = url("");
    let (_, place) = url.split_once('@').unwrap();
    place.split_once('/').unwrap().0.to_owned()
}

/// A claim waits for a lock, and its caller gives it up. It must not go on, and take jobs that
/// nobody gets, when the lock is free.
#[test]
fn a_call_that_is_given_up_ends_on_the_server_and_takes_nothing() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let option = format!("schema={}&application_name={}", schema.0, schema.0);
        let options = PostgresOptions::parse(&url(&option)).unwrap();
        let options = options.answer_within(Duration::from_millis(500));
        let store = PostgresStore::connect(options).await.unwrap();
        let session = open_session(&store).await;
        store.enqueue(vec![job()]).await.unwrap();
        let mut client = plain_client().await;
        let holding = client.transaction().await.unwrap();
        let sql = "SELECT FROM {}.session FOR UPDATE".replace("{}", &schema.0);
        holding.batch_execute(&sql).await.unwrap();
        let request = claim_of(session, 1, QueueName::default_queue(), 1);
        let error = store.claim(request).await.unwrap_err();
        assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
        let ended = async {
            let watcher = plain_client().await;
            let sql = "SELECT count(*), pg_sleep(0.01)::text FROM pg_stat_activity
                WHERE application_name = $1 AND state = 'active'";
            while watcher.query_one(sql, &[&schema.0]).await.unwrap().get::<_, i64>(0) > 0 {}
        };
        tokio::time::timeout(SOON, ended).await.unwrap();
        holding.rollback().await.unwrap();
        assert_eq!(store.queues().await.unwrap()[0].counts.running, 0);
        assert_eq!(claim(&store, session, 1, 1).await.len(), 1, "the repetition gets it");
    });
}

/// The word that ends a call may not arrive. Then the server ends it.
#[test]
fn a_call_waits_for_a_lock_for_seconds_at_most() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&store).await;
        store.enqueue(vec![job()]).await.unwrap();
        let mut client = plain_client().await;
        // Every verb has a bound, but those that may be part of a foreign transaction.
        let sql = "SELECT string_agg(proname, ' ' ORDER BY proname) FROM pg_proc
            WHERE pronamespace = to_regnamespace($1::text) AND 'search_path=' || $1 || ', pg_temp'
            = ANY (proconfig) AND NOT 'lock_timeout=20s' = ANY (proconfig)";
        let unbounded: String = client.query_one(sql, &[&schema.0]).await.unwrap().get(0);
        assert_eq!(unbounded, "enqueue enqueue_job enqueue_jobs");
        let sql = "ALTER FUNCTION {}.claim_jobs SET lock_timeout = '200ms'";
        client.batch_execute(&sql.replace("{}", &schema.0)).await.unwrap();
        let holding = client.transaction().await.unwrap();
        let sql = "SELECT FROM {}.session FOR UPDATE".replace("{}", &schema.0);
        holding.batch_execute(&sql).await.unwrap();
        let request = claim_of(session, 1, QueueName::default_queue(), 1);
        let error = store.claim(request).await.unwrap_err();
        assert_eq!(error.code(), Code::StoreLocked, "{error}");
        assert!(error.is_retryable());
    });
}

/// A server takes the connection that is to listen, and then says nothing. Whoever watches must
/// hear of new jobs all the same.
#[test]
fn watchers_look_for_themselves_while_a_connection_gets_no_answer() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let gate = Gate::new().await;
        let store = PostgresStore::connect(gate.options(&schema)).await.unwrap();
        gate.is_open.store(false, Ordering::Relaxed);
        let mut watch = store.watch().await.unwrap();
        for _ in 0..3 {
            let heard = async { while !watch.next().await.unwrap().ready {} };
            tokio::time::timeout(SOON, heard).await.unwrap();
        }
    });
}

/// Something may end every connection that listens as soon as it works, as some poolers do. It is
/// made again, but not many times a second.
#[test]
fn a_connection_that_is_ended_again_and_again_is_made_less_often() {
    /// The waits double from a tenth of a second to one; half of each is the least.
    const LEAST: f64 = 0.05 + 0.1 + 0.2 + 0.4 + 0.5;
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let name = &schema.0;
        let url = url(&format!("schema={name}&application_name={name}"));
        let store = PostgresStore::connect(PostgresOptions::parse(&url).unwrap()).await.unwrap();
        let _watch = store.watch().await.unwrap();
        let client = plain_client().await;
        // It listens, and another connection has tried since whether it does.
        let sql = "SELECT l.pid, extract(epoch FROM l.backend_start)::float8
            FROM pg_stat_activity l WHERE l.application_name = $1 AND l.pid <> $2
            AND l.query LIKE 'LISTEN%' AND EXISTS (SELECT FROM pg_stat_activity n
                WHERE n.application_name = $1 AND n.state = 'idle'
                AND n.query LIKE '%pg_notify%' AND n.query_start > l.query_start)";
        let (mut ended, mut began) = (0_i32, Vec::new());
        let listening = async {
            while began.len() < 6 {
                for row in client.query(sql, &[name, &ended]).await.unwrap() {
                    ended = row.get(0);
                    began.push(row.get::<_, f64>(1));
                    let sql = "SELECT pg_terminate_backend($1)";
                    client.query_one(sql, &[&ended]).await.unwrap();
                }
            }
        };
        tokio::time::timeout(3 * SOON, listening).await.unwrap();
        let took = began[5] - began[0];
        assert!(took >= LEAST, "{took} s");
    });
}

#[test]
fn a_server_that_takes_connections_and_says_nothing_is_a_coded_error() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let gate = Gate::new().await;
        gate.is_open.store(false, Ordering::Relaxed);
        let options = gate.options(&schema).answer_within(Duration::from_millis(500));
        let migrating = tokio::time::timeout(SOON, migrate(&options)).await;
        let error = migrating.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
    });
}

/// Also where no notification arrives, as through a pooler, which passes those of a connection to
/// itself: `services.py run pgbouncer`.
#[test]
fn watchers_hear_of_the_end_of_a_job_elsewhere_in_no_time() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let mut watch = store.watch().await.unwrap();
        let other = PostgresStore::connect(schema.options()).await.unwrap();
        let session = open_session(&other).await;
        // The first is told when it is known how the others will be.
        for call in 1..=6 {
            other.enqueue(vec![job()]).await.unwrap();
            let jobs = claim(&other, session, call, 1).await;
            assert_eq!(settle_all(&other, session, &jobs).await, 1);
            let heard = async { while !watch.next().await.unwrap().finished_others {} };
            let wait = if call == 1 { SOON } else { Duration::from_millis(1_500) };
            tokio::time::timeout(wait, heard).await.unwrap();
        }
    });
}
