//! Which application a task belongs to.

use std::time::Duration;

use laneway_core::job::{Lane, TaskName};
use laneway_core::store::{Outcome, RegisterTasks, Store, TaskOwner};
use laneway_core::verdict::{Calibration, Form, TaskFacts};

use super::Harness;
use super::trial::{Trial, payload};

fn task(name: &str) -> TaskName {
    TaskName::new(name).expect("a good name")
}

fn owner(name: &str, application: &str) -> TaskOwner {
    TaskOwner { task: task(name), application: application.to_owned() }
}

async fn register<H: Harness>(
    t: &Trial<H>,
    application: &str,
    tasks: &[&str],
    take_over: bool,
) -> Vec<TaskOwner> {
    let facts = TaskFacts::new(Form::AsyncDef, Lane::Async);
    let tasks = tasks.iter().map(|name| (task(name), facts.clone())).collect();
    let register =
        RegisterTasks { application: application.to_owned(), tasks, calibration: None, take_over };
    t.store.register_tasks(register).await.expect("a registration")
}

async fn owners<H: Harness>(t: &Trial<H>) -> Vec<TaskOwner> {
    let tasks = t.store.registry().await.expect("a registry").tasks.into_iter();
    tasks.map(|known| TaskOwner { task: known.task, application: known.application }).collect()
}

pub async fn a_task_belongs_to_the_application_that_said_so_first<H: Harness>(t: Trial<H>) {
    assert_eq!(register(&t, "shop:app", &["shop.pay", "shop.mail"], false).await, []);
    assert_eq!(owners(&t).await, [owner("shop.mail", "shop:app"), owner("shop.pay", "shop:app")]);
}

pub async fn an_application_may_register_again_with_other_tasks<H: Harness>(t: Trial<H>) {
    register(&t, "shop:app", &["a", "b"], false).await;
    assert_eq!(register(&t, "shop:app", &["b", "c"], false).await, []);
    let all = [owner("a", "shop:app"), owner("b", "shop:app"), owner("c", "shop:app")];
    assert_eq!(owners(&t).await, all);
}

pub async fn a_task_of_another_application_is_refused_and_nothing_is_changed<H: Harness>(
    t: Trial<H>,
) {
    register(&t, "shop:app", &["send"], false).await;
    let refused = register(&t, "blog:app", &["publish", "send"], false).await;
    assert_eq!(refused, [owner("send", "shop:app")]);
    assert_eq!(owners(&t).await, [owner("send", "shop:app")]);
}

pub async fn every_task_of_another_application_is_named_once_and_in_order<H: Harness>(t: Trial<H>) {
    register(&t, "one:app", &["b"], false).await;
    register(&t, "two:app", &["a", "c"], false).await;
    let refused = register(&t, "three:app", &["c", "b", "d", "a", "b"], false).await;
    assert_eq!(refused, [owner("a", "two:app"), owner("b", "one:app"), owner("c", "two:app")]);
}

pub async fn a_task_can_be_taken_over<H: Harness>(t: Trial<H>) {
    register(&t, "old:app", &["send", "pay"], false).await;
    assert_eq!(register(&t, "new:app", &["send"], true).await, [owner("send", "old:app")]);
    assert_eq!(owners(&t).await, [owner("pay", "old:app"), owner("send", "new:app")]);
    assert_eq!(register(&t, "old:app", &["send"], false).await, [owner("send", "new:app")]);
}

pub async fn a_registration_without_tasks_changes_nothing<H: Harness>(t: Trial<H>) {
    assert_eq!(register(&t, "shop:app", &[], true).await, []);
    assert_eq!(owners(&t).await, []);
}

pub async fn a_task_that_has_only_jobs_belongs_to_nobody<H: Harness>(t: Trial<H>) {
    let job = t.job();
    let name = job.task.as_str().to_owned();
    t.add(job).await;
    assert_eq!(owners(&t).await, []);
    assert_eq!(register(&t, "shop:app", &[&name], false).await, []);
    assert_eq!(owners(&t).await, [owner(&name, "shop:app")]);
}

pub async fn ownership_changes_nothing_for_jobs<H: Harness>(t: Trial<H>) {
    let job = t.job();
    let name = job.task.as_str().to_owned();
    register(&t, "other:app", &[&name], false).await;
    t.add(job).await;
    let claimed = t.claim(1).await.remove(0);
    assert_eq!(claimed.task, task(&name));
    t.end(&claimed, Outcome::Succeed(payload("x"))).await;
    assert_eq!(owners(&t).await, [owner(&name, "other:app")]);
}

pub async fn what_is_known_of_a_task_is_that_of_its_latest_registration<H: Harness>(t: Trial<H>) {
    for lane in [Lane::Process, Lane::Thread] {
        let facts = TaskFacts {
            has_await: Some(false),
            async_library: Some("httpx".to_owned()),
            ..TaskFacts::new(Form::Def, lane)
        };
        let register = RegisterTasks {
            application: "shop:app".to_owned(),
            tasks: [(task("pay"), facts.clone())].into(),
            calibration: None,
            take_over: false,
        };
        assert_eq!(t.store.register_tasks(register).await, Ok(vec![]));
        assert_eq!(t.store.registry().await.expect("a registry").tasks[0].facts, facts);
    }
}

pub async fn a_calibration_stays_until_there_is_a_newer_one<H: Harness>(t: Trial<H>) {
    let calibration = |cores| Calibration {
        cores,
        thread_dispatch: Duration::from_nanos(41_234),
        ..Calibration::default()
    };
    for (given, expected) in
        [(Some(calibration(4)), 4), (None, 4), (Some(calibration(8)), 8), (None, 8)]
    {
        let register = RegisterTasks {
            application: "shop:app".to_owned(),
            tasks: [].into(),
            calibration: given,
            take_over: false,
        };
        t.store.register_tasks(register).await.expect("a registration");
        let known = t.store.registry().await.expect("a registry").calibrations;
        assert_eq!(known, [("shop:app".to_owned(), calibration(expected))].into());
    }
}
