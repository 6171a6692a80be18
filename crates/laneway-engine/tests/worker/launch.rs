//! Workers that begin, and workers that cannot.

use std::time::Duration;

use laneway_core::error::Code;
use laneway_core::job::Lane;
use laneway_core::store::{SessionRecord, Store, Watch};
use laneway_engine::Launch;

use crate::bench::{Bench, PATIENCE, options};

#[tokio::test]
async fn a_worker_that_cannot_begin_says_why() {
    for (app, code) in [
        ("refuse", Code::AppImportFailed),
        ("die", Code::RunnerUnstable),
        ("old", Code::RunnerMismatch),
    ] {
        let mut options = options();
        app.clone_into(&mut options.app);
        assert_eq!(Launch::start(options).await.unwrap_err().code(), code, "{app}");
    }
}

#[tokio::test]
async fn a_missing_interpreter_is_named() {
    let mut options = options();
    options.runner_command = None;
    options.python = "/nowhere/python".into();
    let error = Launch::start(options).await.unwrap_err();
    assert_eq!(error.code(), Code::PythonNotFound);
    assert!(error.what().contains("/nowhere/python"));
}

#[tokio::test]
async fn a_launch_tells_what_the_application_declares() {
    let launch = Launch::start(options()).await.unwrap();
    let tasks: Vec<_> = launch.manifest().tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(tasks, ["async.do", "thread.do", "process.do"]);
    assert_eq!(launch.python(), "no Python");
}

/// A renewal shows it, and the first one that is due comes after a quarter of the lease.
#[tokio::test]
async fn a_worker_tells_how_it_is_when_it_has_begun_and_when_it_begins_anew() {
    let mut options = options();
    options.lease = PATIENCE * 100;
    let bench = Bench::start(options).await;
    let shown = async |but: Option<_>| {
        let waiting = async {
            let mut changes = bench.store.watch().await.unwrap();
            loop {
                let sessions = bench.store.sessions().await.unwrap();
                let of = |session: &&SessionRecord| {
                    Some(session.session) != but && !session.condition.is_empty()
                };
                if let Some(session) = sessions.iter().find(of) {
                    return (session.session, session.condition.clone());
                }
                // A renewal rings nobody, so the sessions are looked at now and then as well.
                drop(tokio::time::timeout(Duration::from_millis(20), changes.next()).await);
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("no condition is shown")
    };
    let (first, condition) = shown(None).await;
    assert!(condition.starts_with("async 0/1000, thread 0/40, process 0/"), "{condition}");
    bench.store.close_session(first).await.unwrap();
    // Only a call that needs the session finds out that it is gone.
    bench.enqueue(Lane::Async, "").await;
    assert!(!shown(Some(first)).await.1.is_empty());
    bench.drain().await.unwrap();
}
