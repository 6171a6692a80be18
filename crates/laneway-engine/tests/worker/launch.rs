//! Workers that cannot begin.

use laneway_core::error::Code;
use laneway_engine::Launch;

use crate::bench::options;

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
