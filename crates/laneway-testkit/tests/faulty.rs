//! The faulty store breaks as planned, and only then.

use std::thread;

use laneway_core::error::Code;
use laneway_core::job::QueueName;
use laneway_core::store::Store;
use laneway_testkit::block_on::block_on;
use laneway_testkit::clock::SimClock;
use laneway_testkit::faulty::{FaultPlan, FaultyStore, Verb};
use laneway_testkit::model::ModelStore;

fn faulty() -> (ModelStore, FaultPlan, FaultyStore<ModelStore>) {
    let store = ModelStore::new(SimClock::new());
    let plan = FaultPlan::new();
    (store.clone(), plan.clone(), FaultyStore::new(store, plan))
}

fn queue() -> QueueName {
    QueueName::default_queue()
}

#[test]
fn the_planned_call_fails_before_it_happens_and_no_other() {
    let (store, plan, faulty) = faulty();
    plan.fail(Verb::PauseQueue, 2);
    block_on(async {
        faulty.resume_queue(queue()).await.unwrap();
        faulty.pause_queue(queue()).await.unwrap();
        faulty.resume_queue(queue()).await.unwrap();
        let error = faulty.pause_queue(queue()).await.unwrap_err();
        assert_eq!(error.code(), Code::StoreUnavailable);
        assert!(error.is_retryable());
        assert!(!store.queues().await.unwrap()[0].is_paused);
        faulty.pause_queue(queue()).await.unwrap();
        assert!(store.queues().await.unwrap()[0].is_paused);
    });
    assert_eq!((plan.calls(Verb::PauseQueue), plan.calls(Verb::ResumeQueue)), (3, 2));
}

#[test]
fn a_lost_reply_leaves_the_change_behind() {
    let (store, plan, faulty) = faulty();
    plan.lose_reply(Verb::PauseQueue, 1);
    block_on(async {
        faulty.pause_queue(queue()).await.unwrap_err();
        assert!(store.queues().await.unwrap()[0].is_paused);
    });
}

#[test]
fn a_held_call_happens_when_its_gate_is_opened() {
    let (store, plan, faulty) = faulty();
    let mut gate = plan.hold(Verb::PauseQueue, 1);
    let caller = thread::spawn(move || block_on(faulty.pause_queue(queue())));
    block_on(async {
        gate.reached().await;
        assert!(store.queues().await.unwrap().is_empty());
    });
    gate.open();
    caller.join().unwrap().unwrap();
    assert!(block_on(store.queues()).unwrap()[0].is_paused);
}
