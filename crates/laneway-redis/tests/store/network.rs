//! A network that breaks: cut connections, lost answers, a server that is away or says nothing.

use std::net::ToSocketAddrs;
use std::time::{Duration, Instant};

use crate::jobs;
use crate::place::{Namespace, address_of, credentials};
use crate::proxy::Proxy;
use laneway_core::error::{Code, Error};
use laneway_core::id::SessionId;
use laneway_core::store::{OpenSession, Store, Watch};
use laneway_redis::{RedisOptions, RedisStore};
use laneway_testkit::block_on::block_on;

/// A store behind a network that the test may break.
struct Remote {
    store: RedisStore,
    proxy: Proxy,
    _namespace: Namespace,
}

fn remote() -> Remote {
    let namespace = Namespace::new();
    let proxy = Proxy::new(address_of().to_socket_addrs().unwrap().next().unwrap());
    let url = url_at(&proxy, &namespace);
    let store = block_on(RedisStore::open(RedisOptions::parse(&url).unwrap())).unwrap();
    Remote { store, proxy, _namespace: namespace }
}

fn url_at(proxy: &Proxy, namespace: &Namespace) -> String {
    format!("redis://{}127.0.0.1:{}?namespace={}", credentials(), proxy.port(), namespace.0)
}

#[expect(clippy::disallowed_methods, reason = "these tests measure how long a person waits")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    (work(), began.elapsed())
}

fn is_coded(error: &Error) {
    assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
    assert!(error.is_retryable());
    assert!(!error.reason().is_empty() && !error.remedy().is_empty(), "{error}");
}

#[test]
fn a_cut_connection_is_made_again_by_the_next_call() {
    let remote = remote();
    for _ in 0..5 {
        remote.proxy.cut();
        let added = block_on(remote.store.enqueue(jobs::plain(3))).unwrap();
        assert!(added.iter().all(|job| job.created));
    }
    assert_eq!(block_on(remote.store.queues()).unwrap()[0].counts.ready, 15);
}

#[test]
fn an_enqueue_whose_answer_was_lost_adds_its_jobs_once_and_says_that_it_did() {
    let remote = remote();
    for round in 1..=5 {
        remote.proxy.lose_next_answer();
        let added = block_on(remote.store.enqueue(jobs::plain(3))).unwrap();
        assert!(added.iter().all(|job| job.created), "{added:?}");
        assert_eq!(block_on(remote.store.queues()).unwrap()[0].counts.ready, 3 * round);
    }
}

#[test]
fn a_claim_whose_answer_was_lost_brings_its_jobs() {
    let remote = remote();
    let session = SessionId::from_bits(5);
    let lease = Duration::from_secs(60);
    let open = OpenSession { session, worker: String::from("w"), lease };
    block_on(remote.store.open_session(open)).unwrap();
    block_on(remote.store.enqueue(jobs::plain(3))).unwrap();
    remote.proxy.lose_next_answer();
    let claimed = block_on(remote.store.claim(jobs::claim(session, 2))).unwrap();
    assert!(claimed.jobs.len() == 2 && claimed.jobs.iter().all(|job| job.token.0 == 1));
}

#[test]
fn a_server_that_is_away_costs_a_call_little_time_and_few_attempts() {
    let remote = remote();
    remote.proxy.go_down();
    let attempts = remote.proxy.accepted();
    let ((), took) = timed(|| {
        for _ in 0..200 {
            is_coded(&block_on(remote.store.enqueue(jobs::plain(1))).unwrap_err());
        }
    });
    assert!(took < Duration::from_secs(4), "{took:?}");
    let attempts = remote.proxy.accepted() - attempts;
    assert!((1..30).contains(&attempts), "{attempts} connections");
}

#[test]
fn a_server_that_comes_back_is_used_within_two_seconds() {
    let remote = remote();
    let mut watch = block_on(remote.store.watch()).unwrap();
    remote.proxy.go_down();
    let attempts = remote.proxy.accepted() + 8;
    while remote.proxy.accepted() < attempts {
        is_coded(&block_on(remote.store.queues()).unwrap_err());
    }
    remote.proxy.come_back();
    let ((), took) = timed(|| while block_on(remote.store.queues()).is_err() {});
    assert!(took < Duration::from_secs(2), "{took:?}");
    // The subscription is resumed by itself, and tells that anything may have changed.
    let ((), took) = timed(|| while !block_on(watch.next()).unwrap().finished_others {});
    assert!(took < Duration::from_secs(2), "{took:?}");
    let id = block_on(remote.store.enqueue(jobs::plain(1))).unwrap()[0].id;
    block_on(remote.store.cancel(vec![id])).unwrap();
    while !block_on(watch.next()).unwrap().finished.contains(&id) {}
}

#[test]
fn a_cut_subscription_is_resumed() {
    let remote = remote();
    let mut watch = block_on(remote.store.watch()).unwrap();
    for _ in 0..3 {
        remote.proxy.cut();
        while !block_on(watch.next()).unwrap().finished_others {}
        let id = block_on(remote.store.enqueue(jobs::plain(1))).unwrap()[0].id;
        block_on(remote.store.cancel(vec![id])).unwrap();
        while !block_on(watch.next()).unwrap().finished.contains(&id) {}
    }
}

/// A listener that begins anew each time it had a connection would make dozens a second.
#[test]
fn a_subscription_that_never_lasts_is_asked_for_ever_more_seldom() {
    let remote = remote();
    let mut watch = block_on(remote.store.watch()).unwrap();
    remote.proxy.cut_subscriptions();
    let enough = remote.proxy.accepted() + 8;
    let ((), took) = timed(|| {
        while remote.proxy.accepted() < enough {
            block_on(watch.next()).unwrap();
        }
    });
    assert!(took > Duration::from_millis(1_500), "8 connections in {took:?}");
}

/// A network may swallow everything without closing a connection.
#[test]
fn a_server_that_says_nothing_is_given_up_within_seconds() {
    let remote = remote();
    remote.proxy.fall_silent();
    let (error, took) = timed(|| block_on(remote.store.queues()).unwrap_err());
    is_coded(&error);
    assert!(took < Duration::from_secs(8), "{took:?}");
    let namespace = Namespace::new();
    let url = url_at(&remote.proxy, &namespace);
    let opening = || block_on(RedisStore::open(RedisOptions::parse(&url).unwrap()));
    let (refused, took) = timed(opening);
    is_coded(&refused.unwrap_err());
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn nobody_at_the_address_is_said_at_once() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = RedisOptions::parse(&format!("redis://{closed}")).unwrap();
    let (refused, took) = timed(|| block_on(RedisStore::open(options)));
    let error = refused.unwrap_err();
    is_coded(&error);
    assert!(error.what().contains(&closed.to_string()), "{error}");
    assert!(took < Duration::from_secs(2), "{took:?}");
}
