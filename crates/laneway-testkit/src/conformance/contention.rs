//! Many at once: no job is claimed twice, no attempt settled twice, no key taken twice.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use laneway_core::id::{JobId, SessionId};
use laneway_core::store::{
    ClaimedJob, NewJob, Outcome, Settle, Settled, Store, Sweep, UniqueKey, UniqueScope,
};

use super::Harness;
use super::trial::{Trial, payload, rate, seconds};
use crate::block_on::block_on;

const THREADS: usize = 4;

/// Does the same work in several threads at once, and tells what each found.
fn at_once<T: Send>(work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let barrier = std::sync::Barrier::new(THREADS);
    thread::scope(|scope| {
        let start = |number| {
            let (barrier, work) = (&barrier, &work);
            scope.spawn(move || {
                barrier.wait();
                work(number)
            })
        };
        let threads: Vec<_> = (0..THREADS).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("the work is done")).collect()
    })
}

async fn sessions<H: Harness>(t: &Trial<H>) -> Vec<SessionId> {
    let mut sessions = Vec::new();
    for _ in 0..THREADS {
        sessions.push(t.open_another(seconds(60)).await);
    }
    sessions
}

/// Claims through one handle until nothing is left.
async fn drain<H: Harness>(t: &Trial<H>, store: &H::Store, session: SessionId) -> Vec<ClaimedJob> {
    let mut taken = Vec::new();
    loop {
        let claim = laneway_core::store::Claim { session, ..t.claim_of(7) };
        let jobs = store.claim(claim).await.expect("claim").jobs;
        if jobs.is_empty() {
            return taken;
        }
        taken.extend(jobs);
        assert!(taken.len() <= 1_000, "more was taken than was ever added");
    }
}

fn assert_each_once(taken: &[Vec<ClaimedJob>], expected: &[JobId]) {
    let all: Vec<_> = taken.iter().flatten().map(|job| job.id).collect();
    let distinct: BTreeSet<_> = all.iter().copied().collect();
    assert_eq!(all.len(), distinct.len(), "a job was claimed twice");
    assert_eq!(distinct, expected.iter().copied().collect(), "a job was not claimed");
}

pub async fn no_job_is_claimed_twice<H: Harness>(t: Trial<H>) {
    let added = t.add_many(500).await;
    let sessions = sessions(&t).await;
    let taken = at_once(|i| block_on(drain(&t, &t.store, sessions[i])));
    assert_each_once(&taken, &added);
}

pub async fn no_job_is_claimed_twice_by_several_processes<H: Harness>(t: Trial<H>) {
    let added = t.add_many(500).await;
    let sessions = sessions(&t).await;
    let taken = at_once(|i| {
        let store = t.second();
        block_on(drain(&t, &store, sessions[i]))
    });
    assert_each_once(&taken, &added);
}

pub async fn producers_and_consumers_lose_no_job<H: Harness>(t: Trial<H>) {
    let sessions = sessions(&t).await;
    let producers = AtomicUsize::new(THREADS / 2);
    let work = |i: usize| {
        block_on(async {
            if i.is_multiple_of(2) {
                let mut added = Vec::new();
                for _ in 0..20 {
                    added.extend(t.add_many(10).await);
                }
                producers.fetch_sub(1, Ordering::SeqCst);
                return (added, Vec::new());
            }
            let mut taken = Vec::new();
            loop {
                // Whatever was added before the last look at the producers is found afterwards.
                let is_last = producers.load(Ordering::SeqCst) == 0;
                taken.extend(drain(&t, &t.store, sessions[i]).await);
                if is_last {
                    return (Vec::new(), taken);
                }
            }
        })
    };
    let (added, taken): (Vec<_>, Vec<_>) = at_once(work).into_iter().unzip();
    assert_each_once(&taken, &added.concat());
}

pub async fn no_attempt_is_settled_twice<H: Harness>(t: Trial<H>) {
    t.add_many(200).await;
    let jobs = t.claim(200).await;
    let answers = at_once(|i| {
        let outcome = || Outcome::Succeed(payload(&format!("thread {i}")));
        let entries = jobs.iter().map(|job| t.settlement(job, outcome())).collect();
        let settle = Settle { session: t.session, entries };
        block_on(t.store.settle(settle)).expect("settle")
    });
    for (place, job) in jobs.iter().enumerate() {
        let winners: Vec<_> =
            (0..THREADS).filter(|i| answers[*i][place] == Settled::Accepted).collect();
        assert_eq!(winners.len(), 1, "job {place}");
        let expected = payload(&format!("thread {}", winners[0]));
        assert_eq!(t.record(job.id).await.result, Some(expected));
    }
}

pub async fn no_id_is_added_twice<H: Harness>(t: Trial<H>) {
    let jobs: Vec<_> = (0..200).map(|_| t.job()).collect();
    let answers = at_once(|_| block_on(t.enqueue(jobs.clone())));
    let created = answers.iter().flatten().filter(|answer| answer.created).count();
    assert_eq!(created, jobs.len());
    assert_eq!(t.counts("default").await.ready, 200);
}

pub async fn no_key_is_taken_twice<H: Harness>(t: Trial<H>) {
    let keyed = |number: u32| {
        let key = UniqueKey { scope: UniqueScope::Unfinished, text: number.to_string() };
        NewJob { unique: Some(key), ..t.job() }
    };
    let answers = at_once(|_| block_on(t.enqueue((0..100).map(keyed).collect())));
    assert_eq!(answers.iter().flatten().filter(|answer| answer.created).count(), 100);
    for place in 0..100 {
        let holders: BTreeSet<_> = answers.iter().map(|answer| answer[place].id).collect();
        assert_eq!(holders.len(), 1, "key {place}");
    }
    assert_eq!(t.counts("default").await.ready, 100);
}

pub async fn no_permit_is_granted_twice<H: Harness>(t: Trial<H>) {
    t.enqueue((0..100).map(|_| t.job_limited("api", rate(1, 30))).collect()).await;
    let sessions = sessions(&t).await;
    let taken = at_once(|i| block_on(drain(&t, &t.store, sessions[i])));
    assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 30);
}

pub async fn no_job_is_swept_twice<H: Harness>(t: Trial<H>) {
    t.add_many(100).await;
    let session = t.open_another(seconds(10)).await;
    assert_eq!(t.claim_for(session, 100).await.len(), 100);
    t.advance(seconds(11));
    let sweep = |_| {
        block_on(async {
            let mut released = 0;
            loop {
                let swept = t.store.sweep(Sweep { jobs_max: 9 }).await.expect("sweep");
                released += swept.released;
                assert!(released <= 100, "more was released than was held");
                if !swept.more {
                    return released;
                }
            }
        })
    };
    assert_eq!(at_once(sweep).into_iter().sum::<usize>(), 100);
    assert!(t.claim(200).await.iter().all(|job| job.interrupts == 1));
}

/// Ends and sweeps race for the same jobs: each attempt ends in exactly one way.
pub async fn a_settlement_and_a_sweep_do_not_both_win<H: Harness>(t: Trial<H>) {
    t.add_many(100).await;
    let session = t.open_another(seconds(10)).await;
    let jobs = Arc::new(t.claim_for(session, 100).await);
    t.advance(seconds(11));
    let accepted = at_once(|i| {
        block_on(async {
            if i == 0 {
                t.sweep().await;
                return 0;
            }
            let mut accepted = 0;
            for job in jobs.iter() {
                let outcome = Outcome::Succeed(payload("ok"));
                let settled = t.settle_as(session, job.id, job.token, outcome).await;
                accepted += u64::from(settled == Settled::Accepted);
            }
            accepted
        })
    });
    t.sweep().await;
    let counts = t.counts("default").await;
    assert_eq!(counts.succeeded, accepted.into_iter().sum::<u64>());
    assert_eq!(counts.ready + counts.succeeded, 100);
}
