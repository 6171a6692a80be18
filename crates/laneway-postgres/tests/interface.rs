//! What other programs may add by SQL: exactly what workers can read.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test without its server has failed, and says how to get one"
)]

#[path = "support/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::id::SessionId;
use laneway_core::job::{Lane, QueueName, TaskName};
use laneway_core::policy::Policy;
use laneway_core::store::{Claim, ClaimedJob, LaneSlots, OpenSession, Store};
use laneway_postgres::PostgresStore;
use laneway_testkit::described::{Field, names, numbers};
use serde_json::{Value, json};
use server::{RUNTIME, Schema, plain_client};
use tokio_postgres::Client;

/// A store, and a program beside it that speaks SQL.
struct Beside {
    store: PostgresStore,
    client: Client,
}

impl Beside {
    async fn new(schema: &Schema) -> Self {
        let store = PostgresStore::connect(schema.options()).await.unwrap();
        let client = plain_client().await;
        client.batch_execute(&format!("SET search_path = {}", schema.0)).await.unwrap();
        Self { store, client }
    }

    /// Adds a job as Laneway's clients describe one.
    async fn add(&self, described: &Value) -> Result<String, tokio_postgres::Error> {
        let sql = "SELECT id FROM enqueue_job(CAST($1 AS text)::json, '\\x80'::bytea)";
        let text = described.to_string();
        self.client.query_one(sql, &[&text]).await.map(|row| row.get(0))
    }

    /// Everything that was added, as a worker gets it.
    async fn claim(&self, queues: &[&str]) -> Vec<ClaimedJob> {
        let session = SessionId::from_bits(1);
        let lease = Duration::from_secs(600);
        let open = OpenSession { session, worker: "test".into(), lease };
        self.store.open_session(open).await.unwrap();
        let slots = Lane::ALL.into_iter().map(|lane| LaneSlots { lane, count: 1_000 }).collect();
        let queues = queues.iter().map(|name| QueueName::new(name).unwrap()).collect();
        let claim = Claim { session, call: fastrand::u64(..), queues, slots };
        self.store.claim(claim).await.unwrap().jobs
    }

    async fn jobs(&self) -> i64 {
        self.client.query_one("SELECT count(*) FROM job", &[]).await.unwrap().get(0)
    }
}

/// The refusal has the code of its page, and says what is wrong.
fn is_refusal(error: &tokio_postgres::Error, of: &str) {
    let error = error.as_db_error().unwrap_or_else(|| panic!("{of}: {error}"));
    assert_eq!(error.code().code(), "LW013", "{of}: {error}");
    let code = Code::JobUnreadable.to_string();
    assert!(error.message().starts_with(&format!("{code}: ")), "{of}: {}", error.message());
    assert!(error.hint().is_some_and(|hint| hint.contains(&code)), "{of}");
}

fn described() -> Value {
    json!({
        "id": format!("{:032x}", fastrand::u128(..)),
        "task": "app.task", "queue": "default", "lane": 0, "urgency": 0,
        "policy": serde_json::to_string(&Policy::default()).unwrap(),
        "due": null, "wait": null, "scope": null, "key": null, "limit": null,
    })
}

#[test]
fn names_are_taken_and_refused_as_the_core_does() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let beside = Beside::new(&schema).await;
        let sql = "SELECT enqueue($1, queue => $2)";
        for name in names() {
            let shown = format!("{:?}", name.text);
            for (task, queue) in [(name.text.as_str(), "default"), ("app.task", name.text.as_str())]
            {
                let before = beside.jobs().await;
                match beside.client.query_one(sql, &[&task, &queue]).await {
                    Ok(_) => assert!(name.is_good, "{shown} is no name"),
                    Err(error) => {
                        assert!(!name.is_good, "{shown} is a name: {error:?}");
                        is_refusal(&error, &shown);
                    }
                }
                assert_eq!(beside.jobs().await - before, i64::from(name.is_good), "{shown}");
            }
        }
        let good: Vec<_> = names().into_iter().filter(|name| name.is_good).collect();
        let claimed = beside.claim(&["default"]).await;
        assert_eq!(claimed.len(), good.len());
        for (name, job) in good.iter().zip(&claimed) {
            assert_eq!(job.task, TaskName::new(&name.text).unwrap());
        }
        assert_eq!(beside.store.queues().await.unwrap().len(), good.len() + 1);
    });
}

#[test]
fn numbers_are_taken_and_refused_as_the_core_does() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let beside = Beside::new(&schema).await;
        let mut good = 0;
        for number in numbers() {
            let shown = format!("{:?} {}", number.field, number.text);
            let value: Value = serde_json::from_str(number.text).unwrap();
            let mut job = described();
            let limit = json!({ "key": shown, "count": 1, "per": 1_000_000, "burst": 1 });
            match number.field {
                Field::Lane => job["lane"] = value,
                Field::Priority => job["urgency"] = value,
                Field::InterruptsMax => {
                    let mut policy = serde_json::to_value(Policy::default()).unwrap();
                    policy["interrupts_max"] = value;
                    job["policy"] = policy.to_string().into();
                }
                Field::Count => {
                    job["limit"] = limit;
                    job["limit"]["count"] = value;
                }
                Field::Per => {
                    job["limit"] = limit;
                    job["limit"]["count"] = 25.into();
                    job["limit"]["per"] = value;
                }
                Field::Burst => {
                    job["limit"] = limit;
                    job["limit"]["burst"] = value;
                }
            }
            good += usize::from(number.is_good);
            match beside.add(&job).await {
                Ok(_) => assert!(number.is_good, "{shown} is too much"),
                Err(error) => {
                    assert!(!number.is_good, "{shown} is possible: {error:?}");
                    is_refusal(&error, &shown);
                }
            }
        }
        assert_eq!(beside.claim(&["default"]).await.len(), good);
    });
}

/// Policies as they are, and with one part changed.
fn policies() -> Vec<String> {
    let default = serde_json::to_value(Policy::default()).unwrap();
    let mut texts: Vec<String> = ["", "null", "[]", "{}", "7", "{\"retry\": {}}", "\"retry\"", "{"]
        .into_iter()
        .map(str::to_owned)
        .collect();
    texts.push(default.to_string());
    let with = |pointer: &str, value: &str| {
        let mut policy = default.clone();
        *policy.pointer_mut(pointer).unwrap() = json!("MARK");
        policy.to_string().replace("\"MARK\"", value)
    };
    let spans = [
        r#"{"secs":5,"nanos":0}"#,
        r#"{"secs":18446744073709551615,"nanos":999999999}"#,
        r#"{"secs":18446744073709551615,"nanos":1000000000}"#,
        r#"{"secs":0,"nanos":4294967295}"#,
        r#"{"secs":0,"nanos":4294967296}"#,
        r#"{"secs":-5,"nanos":0}"#,
        r#"{"secs":1.5,"nanos":0}"#,
        r#"{"secs":5.0,"nanos":0}"#,
        r#"{"secs":5e0,"nanos":0}"#,
        r#"{"secs":"5","nanos":0}"#,
        r#"{"secs":5}"#,
        r#"{"secs":5,"nanos":0,"more":1}"#,
        r#"{"secs":5,"secs":6,"nanos":0}"#,
        "5",
        "null",
    ];
    for place in ["/timeout", "/grace", "/retry/first", "/retry/cap"] {
        texts.extend(spans.iter().map(|span| with(place, span)));
    }
    let whole = ["0", "3", "4294967295", "4294967296", "-1", "-0", "1.0", "true", "null", "\"3\""];
    for place in ["/retry/attempts_max", "/interrupts_max"] {
        texts.extend(whole.iter().map(|number| with(place, number)));
    }
    let numbers = ["1", "2.5", "-1", "1e300", "1e999", "null", "\"2\"", "-0"];
    for place in ["/retry/factor", "/retry/jitter"] {
        texts.extend(numbers.iter().map(|number| with(place, number)));
    }
    let words = ["\"retry\"", "\"park\"", "\"Retry\"", "\"\"", "null", "1", "true"];
    texts.extend(words.iter().map(|word| with("/on_interrupt", word)));
    for part in ["timeout", "grace", "retry", "on_interrupt", "interrupts_max"] {
        let mut policy = default.clone();
        policy.as_object_mut().unwrap().remove(part);
        texts.push(policy.to_string());
    }
    texts.push(default.to_string().replacen('{', "{\"new\":7,", 1));
    texts.push(default.to_string().replacen('{', "{\"grace\":{\"secs\":1,\"nanos\":0},", 1));
    texts.push(format!("{default}x"));
    texts
}

#[test]
fn policies_are_taken_and_refused_as_workers_read_them() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let beside = Beside::new(&schema).await;
        let mut good = 0;
        for text in policies() {
            let is_good = serde_json::from_str::<Policy>(&text).is_ok();
            good += usize::from(is_good);
            let mut job = described();
            job["policy"] = text.clone().into();
            match beside.add(&job).await {
                Ok(_) => assert!(is_good, "{text}"),
                Err(error) => {
                    assert!(!is_good, "{text}: {error:?}");
                    is_refusal(&error, &text);
                }
            }
        }
        assert!(good > 20, "{good}");
        assert_eq!(beside.claim(&["default"]).await.len(), good);
    });
}

#[test]
fn what_is_left_out_or_of_another_kind_is_refused() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let beside = Beside::new(&schema).await;
        let broken = [
            ("id", json!("x")),
            ("id", json!(null)),
            ("task", json!(null)),
            ("queue", json!(null)),
            ("lane", json!("thread")),
            ("lane", json!(null)),
            ("urgency", json!(null)),
            ("policy", json!(null)),
            ("due", json!(1.5)),
            ("due", json!("tomorrow")),
            ("due", json!(1e30)),
            ("wait", json!(-1)),
            ("key", json!("a key without a scope")),
            ("limit", json!("smtp")),
            ("limit", json!({ "key": "smtp" })),
            ("limit", json!({ "count": 1, "per": 1, "burst": 1 })),
        ];
        for (part, value) in broken {
            let shown = format!("{part}: {value}");
            let mut job = described();
            job[part] = value;
            is_refusal(&beside.add(&job).await.expect_err(&shown), &shown);
        }
        for arguments in [
            "'a', lane => 'fibre'",
            "'a', priority => 101",
            "'a', priority => NULL",
            "'a', attempts => 0",
            "'a', attempts => NULL",
            "'a', args => '[1]'",
            "'a', args => NULL",
            "'a', args => '{\"n\": 1e400}'",
            "'a', after => '-1 second'",
            "'a', at => 'infinity'",
            "'a', timeout => '0'",
            "'a', timeout => '-5 s'",
            "'a', queue => NULL",
            "NULL",
        ] {
            let sql = format!("SELECT enqueue({arguments})");
            is_refusal(&beside.client.query_one(&sql, &[]).await.expect_err(&sql), &sql);
        }
        assert_eq!(beside.jobs().await, 0);
        assert!(beside.store.queues().await.unwrap().is_empty());
    });
}

#[test]
fn parts_of_seconds_and_far_times_are_kept() {
    let schema = Schema::new();
    RUNTIME.block_on(async {
        let beside = Beside::new(&schema).await;
        let sql =
            "SELECT enqueue('a', timeout => '1.5 s'), enqueue('b', timeout => '900000 years'),
            enqueue('c', at => '4000-01-01'), enqueue('d', after => '900000 years'),
            enqueue('e', at => '1999-01-01 00:00:00.123457+00')";
        let row = beside.client.query_one(sql, &[]).await.unwrap();
        let mut records = Vec::new();
        for column in 0..5 {
            let id = row.get::<_, String>(column).parse().unwrap();
            records.push(beside.store.job(id).await.unwrap().unwrap());
        }
        assert_eq!(records[0].policy.timeout, Some(Duration::from_millis(1_500)));
        assert!(records[1].policy.timeout > Some(Duration::from_secs(1_000_000)));
        assert_eq!(records[2].due_at.unwrap().as_micros(), 64_060_588_800_000_000);
        assert!(records[3].due_at > records[2].due_at);
        assert_eq!(records[4].due_at, None, "it is due already");
        assert!(records.iter().all(|record| record.unreadable.is_none()));
        let policies: Vec<Arc<Policy>> =
            beside.claim(&["default"]).await.into_iter().map(|job| job.policy).collect();
        assert_eq!(policies.len(), 3);
    });
}
