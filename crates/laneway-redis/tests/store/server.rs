//! What the store says of servers that it cannot or must not use, and what other programs may do.

use std::time::Duration;

use crate::jobs;
use crate::place::{Namespace, address_of, connection, credentials, url};
use laneway_core::error::{Code, Error};
use laneway_core::id::SessionId;
use laneway_core::job::{Payload, State};
use laneway_core::store::{
    Durability, OpenSession, Outcome, Prune, RenewSession, Settle, Settled, Settlement, Store,
    Watch,
};
use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;
use redis::Commands;

fn open(url: &str) -> Result<RedisStore, Error> {
    block_on(RedisStore::open(RedisOptions::parse(url)?))
}

/// The refusal to open; it says why and what to do, and nothing secret.
fn refusal(url: &str) -> Error {
    let error = open(url).map(drop).unwrap_err();
    assert!(!error.reason().is_empty() && !error.remedy().is_empty(), "{error}");
    assert!(!error.to_string().contains("not-the-password"), "{error}");
    error
}

/// A user of the server, deleted when this is dropped.
struct User(String);

impl User {
    fn with(rights: &str) -> Self {
        let name = format!("test-{:08x}", fastrand::u32(..));
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(&name).arg("on").arg(">not-the-password");
        for right in rights.split_whitespace() {
            command.arg(right);
        }
        command.exec(&mut connection()).unwrap();
        Self(name)
    }

    fn url(&self, namespace: &Namespace) -> String {
        format!("redis://{}:not-the-password@{}?namespace={}", self.0, address_of(), namespace.0)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        redis::cmd("ACL").arg("DELUSER").arg(&self.0).exec(&mut connection()).unwrap();
    }
}

#[test]
fn keys_of_another_program_are_left_alone() {
    let namespace = Namespace::new();
    let _: () = connection().set(namespace.key("meta"), "mine").unwrap();
    assert_eq!(refusal(&url(&namespace)).code(), Code::StoreCorrupt);
    assert_eq!(connection().get::<_, String>(namespace.key("meta")).unwrap(), "mine");
    let _: () = connection().del(namespace.key("meta")).unwrap();
    let _: () = connection().hset(namespace.key("meta"), "color", "red").unwrap();
    assert_eq!(refusal(&url(&namespace)).code(), Code::StoreCorrupt);
}

#[test]
fn keys_that_somebody_has_overwritten_are_reported() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    let _: () = connection().set(namespace.key("body"), "mine").unwrap();
    let error = block_on(store.enqueue(jobs::plain(1))).unwrap_err();
    assert_eq!(error.code(), Code::StoreCorrupt, "{error}");
}

#[test]
fn a_newer_schema_is_refused() {
    let namespace = Namespace::new();
    drop(open(&url(&namespace)).unwrap());
    let _: () = connection().hset(namespace.key("meta"), "schema", 99).unwrap();
    let error = refusal(&url(&namespace));
    assert_eq!(error.code(), Code::StoreTooNew);
    assert!(error.reason().contains("99"), "{error}");
}

#[test]
fn a_wrong_password_is_said_to_be_wrong() {
    let namespace = Namespace::new();
    let url = format!("redis://nobody:not-the-password@{}?namespace={}", address_of(), namespace.0);
    assert_eq!(refusal(&url).code(), Code::StoreAccessDenied);
}

#[test]
fn missing_rights_show_when_the_store_is_opened() {
    let namespace = Namespace::new();
    let keys = format!("resetchannels ~{{{0}}}:* &{{{0}}}:*", namespace.0);
    let other_keys = "resetchannels ~other:* &other:*";
    for rights in [
        format!("{keys} +ping"),
        format!("{keys} +@all -@scripting"),
        format!("{keys} +@all -hset"),
        format!("~{{{}}}:* +@all resetchannels", namespace.0),
        format!("{other_keys} +@all"),
    ] {
        let user = User::with(&rights);
        let error = refusal(&user.url(&namespace));
        assert_eq!(error.code(), Code::StoreAccessDenied, "{rights}: {error}");
    }
}

/// The page of `LW1040` lists the rights that a user needs.
#[test]
fn the_documented_rights_are_enough() {
    let page = include_str!("../../../../docs/errors/LW1040.md");
    let line = page.lines().find(|line| line.starts_with("ACL SETUSER")).unwrap();
    let rights: Vec<_> = line
        .split_whitespace()
        .filter(|word| word.contains(['~', '&', '+']) || *word == "resetchannels")
        .collect();
    let namespace = Namespace::new();
    let rights = rights.join(" ").replace("laneway", &namespace.0);
    // Not every server has every command.
    let has_waitaof = connection().exec_waitaof();
    let rights = if has_waitaof { rights } else { rights.replace("+waitaof", "") };
    let user = User::with(&rights);
    let store = open(&user.url(&namespace)).unwrap();
    let mut watch = block_on(store.watch()).unwrap();
    let id = block_on(store.enqueue(jobs::plain(1))).unwrap()[0].id;
    while !block_on(watch.next()).unwrap().ready {}
    assert_eq!(settle_one(&store), Settled::Accepted);
    assert_eq!(block_on(store.job(id)).unwrap().unwrap().state, State::Succeeded);
    assert!(!block_on(store.health()).unwrap().facts.is_empty());
}

/// Claims one job in a session of its own and ends it.
fn settle_one(store: &RedisStore) -> Settled {
    let session = SessionId::from_bits(fastrand::u128(..));
    let lease = std::time::Duration::from_secs(60);
    let open = OpenSession { session, worker: String::from("w"), lease };
    block_on(store.open_session(open)).unwrap();
    let job = block_on(store.claim(jobs::claim(session, 1))).unwrap().jobs.remove(0);
    let outcome = Outcome::Succeed(Payload(b"ok".to_vec()));
    let entries = vec![Settlement { job: job.id, token: job.token, outcome, timing: None }];
    block_on(store.settle(Settle { session, entries })).unwrap().remove(0)
}

#[test]
fn two_namespaces_of_a_server_do_not_see_each_other() {
    let (mine, other) = (Namespace::new(), Namespace::new());
    let stores = [open(&url(&mine)).unwrap(), open(&url(&other)).unwrap()];
    let id = block_on(stores[0].enqueue(jobs::plain(1))).unwrap()[0].id;
    assert_eq!(block_on(stores[1].job(id)).unwrap(), None);
    assert!(block_on(stores[1].queues()).unwrap().is_empty());
}

#[test]
fn a_flushed_script_cache_is_filled_again() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    for _ in 0..3 {
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut connection()).unwrap();
        assert!(block_on(store.enqueue(jobs::plain(1))).unwrap()[0].created);
        redis::cmd("SCRIPT").arg("FLUSH").exec(&mut connection()).unwrap();
        assert_eq!(settle_one(&store), Settled::Accepted);
    }
}

#[test]
fn a_script_cache_that_is_flushed_all_the_time_stops_no_call() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut connection = connection();
                while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                    redis::cmd("SCRIPT").arg("FLUSH").exec(&mut connection).unwrap();
                }
            });
        }
        let answers: Vec<_> = (0..200).map(|_| block_on(store.enqueue(jobs::plain(1)))).collect();
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(answers.into_iter().all(|answer| answer.unwrap()[0].created));
    });
}

/// The guide for Redis shows this call.
#[test]
fn another_program_can_enqueue_with_the_stored_script() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    let script: String = connection().hget(namespace.key("scripts"), "enqueue").unwrap();
    let id = jobs::plain(1)[0].id;
    let head = rmp_serde::to_vec(&("app.task", "default", 0, 5)).unwrap();
    let enqueue = || -> (String, Vec<String>) {
        redis::cmd("EVAL")
            .arg(&script)
            .arg(1)
            .arg(namespace.key("meta"))
            .arg("")
            .arg(0)
            .arg(&head)
            .arg("")
            .arg("")
            .arg(1)
            .arg(id.to_string())
            .arg(b"args")
            .query(&mut connection())
            .unwrap()
    };
    assert_eq!(enqueue(), (String::from("1"), Vec::new()));
    assert_eq!(enqueue(), (String::from("0"), Vec::new()), "an id is added once");
    let record = block_on(store.job(id)).unwrap().unwrap();
    assert_eq!((record.task.as_str(), record.priority.value()), ("app.task", 5));
    assert_eq!((record.state, record.args), (State::Ready, Payload(b"args".to_vec())));
    assert_eq!(settle_one(&store), Settled::Accepted);
}

#[test]
fn a_call_that_makes_no_sense_adds_nothing() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    let script: String = connection().hget(namespace.key("scripts"), "enqueue").unwrap();
    let good = rmp_serde::to_vec(&("app.task", "default", 0, 5)).unwrap();
    let limited = rmp_serde::to_vec(&("app.task", "default", 0, 5, "", "smtp")).unwrap();
    let id = jobs::plain(1)[0].id.to_string();
    let other = jobs::plain(1)[0].id.to_string();
    let group = |head: &[u8], due: &str, rate: &str, id: &str| {
        vec![head.to_vec(), due.into(), rate.into(), b"1".to_vec(), id.into(), b"args".to_vec()]
    };
    let wrong = [
        group(b"\xff\xff", "", "", &id),
        group(&rmp_serde::to_vec(&("app.task", "default", 3, 5)).unwrap(), "", "", &id),
        group(&rmp_serde::to_vec(&("app.task", "default", 0, 101)).unwrap(), "", "", &id),
        group(&rmp_serde::to_vec(&("app.task", 7, 0, 0)).unwrap(), "", "", &id),
        group(&good, "tomorrow", "", &id),
        group(&limited, "", "fast", &id),
        group(&good, "", "", "my-job"),
        group(&good, "", "", &id)[..5].to_vec(),
    ];
    for arguments in wrong {
        // A group in order stands before the one that is not, and one that would be scheduled.
        let mut command = redis::cmd("EVAL");
        command.arg(&script).arg(1).arg(namespace.key("meta")).arg("").arg(0);
        command.arg(group(&good, "+5000000", "", &other)).arg(arguments);
        command.exec(&mut connection()).unwrap_err();
        let keys: usize = redis::cmd("EXISTS")
            .arg(namespace.key("body"))
            .arg(namespace.key("due"))
            .query(&mut connection())
            .unwrap();
        assert_eq!(keys, 0);
    }
    assert!(block_on(store.queues()).unwrap().is_empty());
}

/// A clock that was set back, or another store, may have left an end that is still to come.
#[test]
fn an_end_in_the_future_keeps_no_other_from_being_pruned() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    let ids: Vec<_> =
        block_on(store.enqueue(jobs::plain(3))).unwrap().iter().map(|answer| answer.id).collect();
    block_on(store.cancel(ids.clone())).unwrap();
    let key = namespace.key("ended");
    let entries: Vec<String> = connection().lrange(&key, 0, -1).unwrap();
    let (id, at) = entries[0].split_at(26);
    let later = at.parse::<i64>().unwrap() + 3_600_000_000;
    let _: () = connection().lset(&key, 0, format!("{id}{later}")).unwrap();
    let mut kept: Vec<u8> = connection().hget(namespace.key("state"), id).unwrap();
    kept[22..30].copy_from_slice(&later.to_be_bytes());
    let _: () = connection().hset(namespace.key("state"), id, kept).unwrap();
    let _: () = connection().rpush(&key, "no entry at all").unwrap();
    let prune = || {
        let prune = Prune { older_than: std::time::Duration::ZERO, jobs_max: 100 };
        block_on(store.prune(prune)).unwrap()
    };
    assert_eq!((prune(), prune()), (2, 0));
    let left: Vec<String> = connection().lrange(&key, 0, -1).unwrap();
    assert_eq!(left, [format!("{id}{later}")]);
    assert!(block_on(store.job(id.parse().unwrap())).unwrap().is_some());
}

#[test]
fn a_server_promises_the_durability_it_has() {
    let namespace = Namespace::new();
    let mut options = RedisOptions::parse(&url(&namespace)).unwrap();
    options.durability = Durability::Fsync;
    match block_on(RedisStore::open(options)) {
        Ok(store) => {
            assert!(connection().exec_waitaof());
            assert_eq!(store.capabilities().durability, Durability::Fsync);
            assert!(block_on(store.enqueue(jobs::plain(1))).unwrap()[0].created);
        }
        Err(error) => {
            assert!(!connection().exec_waitaof());
            assert_eq!(error.code(), Code::StoreNotDurable);
        }
    }
    assert_eq!(open(&url(&namespace)).unwrap().capabilities().durability, Durability::Os);
}

#[test]
fn health_tells_what_a_person_needs_at_night() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    block_on(store.enqueue(jobs::plain(7))).unwrap();
    let health = block_on(store.health()).unwrap();
    let fact = |name: &str| health.facts.iter().find(|(known, _)| known == name).unwrap().1.clone();
    assert_eq!(fact("jobs"), "7");
    assert_eq!(fact("role"), "master");
    assert_eq!(fact("append-only file"), "yes");
    assert_eq!(fact("durability"), "os");
    assert!(fact("store").ends_with(&namespace.0));
    let credentials = credentials();
    assert!(credentials.is_empty() || !format!("{health:?}").contains(&credentials));
}

/// Whether the server has the command `WAITAOF`.
trait Waits {
    fn exec_waitaof(&mut self) -> bool;
}

impl Waits for redis::Connection {
    fn exec_waitaof(&mut self) -> bool {
        redis::cmd("WAITAOF").arg(0).arg(0).arg(1).exec(self).is_ok()
    }
}

/// A worker that runs while a newer one changes the namespace has to hear of it, and to
/// keep its lease until what it runs has ended.
#[test]
fn a_renewal_extends_the_lease_and_tells_that_the_schema_is_a_newer_one() {
    let namespace = Namespace::new();
    let store = open(&url(&namespace)).unwrap();
    let session = SessionId::from_bits(7);
    let lease = Duration::from_secs(600);
    let opened = OpenSession { session, worker: String::from("test"), lease };
    block_on(store.open_session(opened)).unwrap();
    let beat = |lease| {
        let renewal = RenewSession { session, lease, condition: String::new() };
        block_on(store.renew_session(renewal)).unwrap().outdated
    };
    assert_eq!(beat(lease), None);
    let _: () = connection().hset(namespace.key("meta"), "schema", 99).unwrap();
    let before = block_on(store.sessions()).unwrap()[0].expires_at;
    let error = beat(2 * lease).unwrap();
    assert_eq!(error.code(), Code::StoreTooNew, "{error}");
    assert!(error.reason().contains("99"), "{error}");
    assert!(block_on(store.sessions()).unwrap()[0].expires_at > before);
}
