//! Looking at jobs.

use laneway_core::id::JobId;
use laneway_core::job::{Payload, State, TaskName};
use laneway_core::store::{Due, Finished, ListJobs, NewJob, Outcome, Prune, Store};

use super::Harness;
use super::trial::{Trial, failure, payload, queue, seconds};

const ALL: usize = 10_000;

async fn list<H: Harness>(t: &Trial<H>, list: ListJobs) -> Vec<JobId> {
    let page = t.store.list_jobs(list).await.expect("list");
    assert_eq!(page.next, None, "the page is the last one");
    page.jobs.into_iter().map(|record| record.id).collect()
}

fn newest_first(mut ids: Vec<JobId>) -> Vec<JobId> {
    ids.sort_unstable();
    ids.reverse();
    ids
}

pub async fn an_unknown_job_is_nothing<H: Harness>(t: Trial<H>) {
    assert_eq!(t.store.job(JobId::from_bits(5)).await.expect("job"), None);
}

pub async fn an_empty_store_lists_nothing<H: Harness>(t: Trial<H>) {
    assert!(list(&t, ListJobs { jobs_max: 10, ..ListJobs::default() }).await.is_empty());
}

pub async fn jobs_are_listed_newest_first<H: Harness>(t: Trial<H>) {
    let added = t.add_many(30).await;
    let listed = list(&t, ListJobs { jobs_max: ALL, ..ListJobs::default() }).await;
    assert_eq!(listed, newest_first(added));
}

pub async fn a_list_holds_jobs_of_every_state<H: Harness>(t: Trial<H>) {
    let added = in_every_state(&t).await;
    let listed = list(&t, ListJobs { jobs_max: ALL, ..ListJobs::default() }).await;
    assert_eq!(listed, newest_first(added.iter().map(|(_, id)| *id).collect()));
    for (state, id) in added {
        let wanted = ListJobs { states: vec![state], jobs_max: ALL, ..ListJobs::default() };
        assert_eq!(list(&t, wanted).await, [id], "{state}");
    }
}

pub async fn a_list_may_ask_for_several_states<H: Harness>(t: Trial<H>) {
    let added = in_every_state(&t).await;
    let states = vec![State::Failed, State::Ready, State::Parked];
    let expected = added.iter().filter(|(state, _)| states.contains(state)).map(|(_, id)| *id);
    let expected = newest_first(expected.collect());
    let wanted = ListJobs { states, jobs_max: ALL, ..ListJobs::default() };
    assert_eq!(list(&t, wanted).await, expected);
}

pub async fn a_list_may_ask_for_a_queue_and_a_task<H: Harness>(t: Trial<H>) {
    let task = TaskName::new("app.other").expect("a good name");
    t.add(t.job_in("a")).await;
    let both = t.add(NewJob { task: task.clone(), ..t.job_in("a") }).await;
    let only_task = t.add(NewJob { task: task.clone(), ..t.job_in("b") }).await;
    let all = ListJobs { jobs_max: ALL, ..ListJobs::default() };
    let of_task = ListJobs { task: Some(task), ..all.clone() };
    let of_both = ListJobs { queue: Some(queue("a")), ..of_task.clone() };
    let of_nobody = ListJobs { queue: Some(queue("c")), ..all };
    assert_eq!(list(&t, of_task).await, [only_task, both]);
    assert_eq!(list(&t, of_both).await, [both]);
    assert!(list(&t, of_nobody).await.is_empty());
}

pub async fn records_in_a_list_carry_no_payloads<H: Harness>(t: Trial<H>) {
    let job = t.running(t.job()).await;
    t.end(&job, Outcome::Succeed(payload("ok"))).await;
    let wanted = ListJobs { jobs_max: ALL, ..ListJobs::default() };
    let listed = t.store.list_jobs(wanted).await.expect("list").jobs.remove(0);
    assert_eq!((listed.args.clone(), listed.result.clone()), (Payload::default(), None));
    let mut record = t.record(job.id).await;
    assert_eq!(record.result, Some(payload("ok")));
    record.args = Payload::default();
    record.result = None;
    assert_eq!(listed, record);
}

pub async fn pages_join_to_the_whole_list<H: Harness>(t: Trial<H>) {
    let added = t.add_many(25).await;
    for jobs_max in [1, 7, 25, 26] {
        assert_eq!(by_pages(&t, jobs_max, Vec::new()).await, newest_first(added.clone()));
    }
}

pub async fn pages_of_a_filtered_list_join_to_the_whole_list<H: Harness>(t: Trial<H>) {
    let added = t.add_many(25).await;
    let cancelled: Vec<_> = added.iter().copied().step_by(2).collect();
    t.store.cancel(cancelled.clone()).await.expect("cancel");
    let found = by_pages(&t, 4, vec![State::Cancelled]).await;
    assert_eq!(found, newest_first(cancelled));
}

/// A reader turns the pages while a worker prunes.
pub async fn a_list_goes_on_although_the_last_job_of_its_page_was_pruned<H: Harness>(t: Trial<H>) {
    let added = newest_first(t.add_many(6).await);
    let first = ListJobs { jobs_max: 3, ..ListJobs::default() };
    let page = t.store.list_jobs(first.clone()).await.expect("list");
    assert_eq!(page.next, Some(added[2]));
    t.cancel(added[2]).await;
    t.advance(seconds(10));
    let prune = Prune { older_than: seconds(5), jobs_max: 10 };
    assert_eq!(t.store.prune(prune).await.expect("prune"), 1);
    assert_eq!(list(&t, ListJobs { after: page.next, ..first }).await, added[3..]);
}

pub async fn the_ends_of_ended_and_parked_jobs_are_told<H: Harness>(t: Trial<H>) {
    let added = in_every_state(&t).await;
    let ids: Vec<_> = added.iter().map(|(_, id)| *id).collect();
    let mut found = t.store.finished(ids).await.expect("finished");
    found.sort_by_key(|finished| finished.state);
    let states: Vec<_> = found.iter().map(|finished| finished.state).collect();
    let expected = [State::Succeeded, State::Failed, State::Cancelled, State::Parked];
    assert_eq!(states, expected);
    for finished in found {
        let record = t.record(finished.id).await;
        let Finished { result, failure, .. } = finished;
        assert_eq!((result, failure), (record.result, record.failure));
    }
}

pub async fn a_finished_job_brings_its_result_or_its_failure<H: Harness>(t: Trial<H>) {
    let good = t.running(t.job()).await;
    t.end(&good, Outcome::Succeed(payload("42"))).await;
    let bad = t.running(t.job()).await;
    t.end(&bad, Outcome::Fail(failure("broken"))).await;
    let mut found = t.store.finished(vec![good.id, bad.id]).await.expect("finished");
    found.sort_by_key(|finished| finished.id);
    let expected = [
        Finished {
            id: good.id,
            state: State::Succeeded,
            result: Some(payload("42")),
            failure: None,
        },
        Finished {
            id: bad.id,
            state: State::Failed,
            result: None,
            failure: Some(failure("broken")),
        },
    ];
    assert_eq!(found, expected);
}

pub async fn unknown_jobs_have_not_finished<H: Harness>(t: Trial<H>) {
    let ids = vec![JobId::from_bits(5), t.add(t.job()).await];
    assert_eq!(t.store.finished(ids).await.expect("finished"), []);
    assert_eq!(t.store.finished(Vec::new()).await.expect("finished"), []);
}

pub async fn the_ends_of_many_jobs_are_told_at_once<H: Harness>(t: Trial<H>) {
    let ids = t.add_many(1_000).await;
    t.store.cancel(ids.clone()).await.expect("cancel");
    let found = t.store.finished(ids.clone()).await.expect("finished");
    assert_eq!(newest_first(found.iter().map(|job| job.id).collect()), newest_first(ids));
}

pub async fn the_health_of_a_store_can_be_asked<H: Harness>(t: Trial<H>) {
    assert!(!t.store.health().await.expect("health").facts.is_empty());
}

/// One job in each state.
async fn in_every_state<H: Harness>(t: &Trial<H>) -> Vec<(State, JobId)> {
    let mut added = Vec::new();
    for (state, outcome) in [
        (State::Succeeded, Outcome::Succeed(payload("ok"))),
        (State::Failed, Outcome::Fail(failure("broken"))),
        (State::Cancelled, Outcome::Cancel(failure("stopped"))),
        (State::Parked, Outcome::Park(failure("unknown"))),
    ] {
        let job = t.running(t.job()).await;
        t.end(&job, outcome).await;
        added.push((state, job.id));
    }
    added.push((State::Running, t.running(t.job()).await.id));
    added.push((State::Ready, t.add(t.job()).await));
    added.push((State::Scheduled, t.add(t.job_due(Due::After(seconds(9)))).await));
    added
}

async fn by_pages<H: Harness>(t: &Trial<H>, jobs_max: usize, states: Vec<State>) -> Vec<JobId> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let wanted = ListJobs { states: states.clone(), after, jobs_max, ..ListJobs::default() };
        let page = t.store.list_jobs(wanted).await.expect("list");
        assert!(page.jobs.len() <= jobs_max && found.len() < 100, "the pages never end");
        found.extend(page.jobs.iter().map(|record| record.id));
        assert!(page.next.is_none() || page.next == found.last().copied());
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}
