//! The store agrees with the table of legal changes, cell by cell: for each event, a job is brought
//! into each state, the event is tried by the verb that stands for it, and the state that follows
//! is the one that the table says.

use laneway_core::id::{JobId, Token};
use laneway_core::job::State;
use laneway_core::store::{Due, Outcome, Settled, Store};
use laneway_core::transition::{self, Event};

use super::Harness;
use super::trial::{Trial, failure, payload, queue, seconds};

/// Tries one event in every state.
async fn try_in_every_state<H: Harness>(t: &Trial<H>, event: Event) {
    for state in State::ALL {
        let (id, token) = bring_into(t, state).await;
        assert_eq!(t.state(id).await, state);
        let before = t.record(id).await;
        happen(t, event, id, token).await;
        let after = t.record(id).await;
        match transition::next(state, event) {
            Some(next) => assert_eq!(after.state, next, "{state} × {event}"),
            None => assert_eq!(after, before, "{state} × {event} changes nothing"),
        }
        clear(t, id).await;
    }
}

async fn bring_into<H: Harness>(t: &Trial<H>, state: State) -> (JobId, Token) {
    let outcome = match state {
        State::Scheduled => {
            let id = t.add(t.job_due(Due::After(seconds(60)))).await;
            return (id, Token::default());
        }
        State::Ready => return (t.add(t.job()).await, Token::default()),
        State::Running => {
            let job = t.running(t.job()).await;
            return (job.id, job.token);
        }
        State::Succeeded => Outcome::Succeed(payload("ok")),
        State::Failed => Outcome::Fail(failure("broken")),
        State::Cancelled => Outcome::Cancel(failure("stopped")),
        State::Parked => Outcome::Park(failure("unknown")),
    };
    let job = t.running(t.job()).await;
    t.end(&job, outcome).await;
    (job.id, job.token)
}

/// Lets the event happen, if the store permits it.
async fn happen<H: Harness>(t: &Trial<H>, event: Event, id: JobId, token: Token) {
    let is_running = t.state(id).await == State::Running;
    let outcome = match event {
        Event::Promote => {
            t.advance(seconds(100));
            t.sweep().await;
            return;
        }
        Event::Claim => {
            t.claim(10).await;
            return;
        }
        Event::Requeue => {
            t.requeue(id).await;
            return;
        }
        // A running job is cancelled by its worker; others by whoever wants it.
        Event::Cancel if is_running => Outcome::Cancel(failure("stopped")),
        Event::Cancel => {
            t.cancel(id).await;
            return;
        }
        Event::Succeed => Outcome::Succeed(payload("tried")),
        Event::Retry => Outcome::Retry { after: seconds(60), failure: failure("tried") },
        Event::Fail => Outcome::Fail(failure("tried")),
        Event::Release => Outcome::Release,
        Event::Defer => Outcome::HandBack { after: seconds(60) },
        Event::Park => Outcome::Park(failure("tried")),
    };
    let expected = if is_running { Settled::Accepted } else { Settled::Stale };
    assert_eq!(t.settle_as(t.session, id, token, outcome).await, expected);
}

/// Ends the job, so that the next one stands alone.
async fn clear<H: Harness>(t: &Trial<H>, id: JobId) {
    let record = t.record(id).await;
    if record.state == State::Running {
        t.settle_as(t.session, id, record.token, Outcome::Succeed(payload("cleared"))).await;
    }
    t.cancel(id).await;
    assert!(t.claim_from(&["default"], 10).await.is_empty());
    t.store.resume_queue(queue("default")).await.expect("resume");
}

pub async fn promote_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Promote).await;
}

pub async fn claim_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Claim).await;
}

pub async fn succeed_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Succeed).await;
}

pub async fn retry_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Retry).await;
}

pub async fn fail_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Fail).await;
}

pub async fn cancel_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Cancel).await;
}

pub async fn release_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Release).await;
}

pub async fn defer_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Defer).await;
}

pub async fn park_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Park).await;
}

pub async fn requeue_happens_where_the_table_says<H: Harness>(t: Trial<H>) {
    try_in_every_state(&t, Event::Requeue).await;
}
