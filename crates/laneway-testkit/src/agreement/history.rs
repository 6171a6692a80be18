//! What has happened so far, and how it turns an operation into requests.

use std::sync::Arc;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::id::{JobId, SessionId, Token};
use laneway_core::interrupt::OnInterrupt;
use laneway_core::job::{Lane, Priority, QueueName, TaskName};
use laneway_core::limit::{Limit, Rate};
use laneway_core::policy::Policy;
use laneway_core::profile::{Interpreter, Measurement, Profile, ProfileKey, SizeBucket};
use laneway_core::store::{
    AddProfiles, Claim, Due, LaneSlots, NewJob, OpenSession, Outcome, Progress, Prune,
    RegisterTasks, RenewSession, Settle, Settlement, Timing, UniqueKey, UniqueScope,
};
use laneway_core::verdict::{Calibration, Form, TaskFacts};

use super::answer::Answer;
use super::operation::{End, Operation, Wish};
use crate::conformance::{failure, payload, queue, seconds};

/// Leases, deadlines and ages of the agreement end between two ticks of its clock, which moves by
/// whole seconds: the contract does not say on which side of such a bound its very instant lies.
const BETWEEN_TICKS: Duration = Duration::from_millis(500);
const SESSIONS: u128 = 3;

/// A call of one verb.
#[derive(Debug)]
pub(super) enum Request {
    Enqueue(Vec<NewJob>),
    Claim { claim: Claim, is_repeated: bool },
    Settle(Settle),
    Progress(SessionId, Vec<Progress>),
    Sweep { jobs_max: usize },
    Prune(Prune),
    Cancel(Vec<JobId>),
    Requeue(Vec<JobId>),
    Pause(QueueName),
    Resume(QueueName),
    Open(OpenSession),
    Renew(RenewSession),
    Close(SessionId),
    Register(RegisterTasks),
    AddProfiles(AddProfiles),
    Read(Vec<JobId>),
}

/// A job that was claimed once.
#[derive(Debug, Clone, Copy)]
struct Attempt {
    session: SessionId,
    job: JobId,
    token: Token,
}

/// What has happened so far.
#[derive(Debug)]
pub(super) struct History {
    start: Timestamp,
    jobs: Vec<NewJob>,
    attempts: Vec<Attempt>,
    /// The last claim of each session, if it brought jobs.
    claims: [Option<Claim>; SESSIONS as usize],
    calls: u64,
    profile_calls: u64,
}

impl History {
    pub(super) fn new(start: Timestamp) -> Self {
        Self {
            start,
            jobs: Vec::new(),
            attempts: Vec::new(),
            claims: [const { None }; 3],
            calls: 0,
            profile_calls: 0,
        }
    }

    /// Opens every session.
    pub(super) fn opening(&self) -> Vec<Request> {
        (0..self.claims.len()).map(|number| self.open(number)).collect()
    }

    /// Remembers what later operations refer to.
    pub(super) fn learn(&mut self, request: &Request, answer: &Answer) {
        match (request, answer) {
            (Request::Enqueue(jobs), _) => self.jobs.extend(jobs.iter().cloned()),
            (Request::Claim { claim, .. }, Answer::Claimed { jobs, .. }) => {
                let session = claim.session;
                self.attempts.extend(jobs.iter().map(|job| Attempt {
                    session,
                    job: job.id,
                    token: job.token,
                }));
                // A store need not remember a claim that brought nothing: its repetition may bring
                // what has come since, which harms nobody.
                let repeatable = (!jobs.is_empty()).then(|| claim.clone());
                self.claims[self.number_of(session)] = repeatable;
            }
            _ => {}
        }
    }

    /// The requests that an operation stands for; none when it refers to what does not exist.
    pub(super) fn make_concrete(&mut self, operation: Operation, now: Timestamp) -> Vec<Request> {
        let request = match operation {
            Operation::Advance(_) => return Vec::new(),
            Operation::Enqueue(wishes) => {
                let first = self.jobs.len();
                let numbered = wishes.into_iter().enumerate();
                Request::Enqueue(numbered.map(|(i, wish)| new_job(wish, first + i, now)).collect())
            }
            Operation::EnqueueAgain(number) => {
                Request::Enqueue(self.jobs.get(number).cloned().into_iter().collect())
            }
            Operation::Claim { session, queues, counts } => self.claim(session, &queues, counts),
            Operation::ClaimAgain(session) => match self.claims[session].clone() {
                Some(claim) => Request::Claim { claim, is_repeated: true },
                None => return Vec::new(),
            },
            Operation::Settle(ends) => return self.settle(&ends).into_iter().collect(),
            Operation::Progress(reports) => return self.progress(&reports).into_iter().collect(),
            Operation::Sweep { jobs_max } => Request::Sweep { jobs_max },
            Operation::Cancel(numbers) => Request::Cancel(self.ids(&numbers)),
            Operation::Requeue(numbers) => Request::Requeue(self.ids(&numbers)),
            Operation::Pause(number) => Request::Pause(queue_number(number)),
            Operation::Resume(number) => Request::Resume(queue_number(number)),
            Operation::Prune(age) => {
                Request::Prune(Prune { older_than: seconds(age) + BETWEEN_TICKS, jobs_max: 1_000 })
            }
            Operation::Open(number) => self.open(number),
            Operation::Renew(number) => Request::Renew(RenewSession {
                session: self.session(number),
                lease: seconds(20) + BETWEEN_TICKS,
                condition: format!("at {now}"),
            }),
            Operation::Close(number) => Request::Close(self.session(number)),
            Operation::Register { application, tasks, take_over } => {
                let names = ["app.plain", "app.limited", "app.other", "app.fourth"];
                let known = |task: &usize| {
                    let facts = TaskFacts::new(Form::Def, Lane::ALL[application]);
                    (TaskName::new(names[*task]).expect("a good name"), facts)
                };
                Request::Register(RegisterTasks {
                    application: format!("app{application}:app"),
                    tasks: tasks.iter().map(known).collect(),
                    calibration: take_over.then(Calibration::default),
                    take_over,
                })
            }
            Operation::AddProfiles { session, lane, repeats } => {
                self.profile_calls += u64::from(!repeats);
                Request::AddProfiles(AddProfiles {
                    session: self.session(session),
                    call: self.profile_calls,
                    profiles: vec![profile(Lane::ALL[lane], self.profile_calls, now)],
                })
            }
            Operation::Read => return vec![Request::Sweep { jobs_max: 5 }, self.read()],
        };
        vec![request]
    }

    /// Asks for everything that can be read of the jobs so far.
    pub(super) fn read(&self) -> Request {
        let mut ids: Vec<_> = self.jobs.iter().map(|job| job.id).collect();
        ids.sort_unstable();
        ids.dedup();
        Request::Read(ids)
    }

    fn session(&self, number: usize) -> SessionId {
        SessionId::new(self.start, number as u128)
    }

    fn number_of(&self, session: SessionId) -> usize {
        (0..self.claims.len())
            .find(|number| self.session(*number) == session)
            .expect("the sessions are known")
    }

    fn open(&self, number: usize) -> Request {
        Request::Open(OpenSession {
            session: self.session(number),
            worker: format!("worker {number}"),
            lease: seconds(20) + BETWEEN_TICKS,
        })
    }

    fn claim(&mut self, session: usize, queues: &[usize], counts: [usize; 3]) -> Request {
        self.calls += 1;
        let slots = Lane::ALL.into_iter().zip(counts);
        let claim = Claim {
            session: self.session(session),
            call: self.calls,
            queues: queues.iter().map(|number| queue_number(*number)).collect(),
            slots: slots
                .filter(|(_, count)| *count > 0)
                .map(|(lane, count)| LaneSlots { lane, count })
                .collect(),
        };
        Request::Claim { claim, is_repeated: false }
    }

    /// The attempt after which `later` others were claimed.
    fn attempt(&self, later: usize) -> Option<Attempt> {
        self.attempts.iter().rev().nth(later).copied()
    }

    fn settle(&self, ends: &[(usize, End)]) -> Option<Request> {
        let session = self.attempt(ends.first()?.0)?.session;
        let entries = ends.iter().filter_map(|(later, end)| {
            let attempt = self.attempt(*later)?;
            Some(Settlement {
                job: attempt.job,
                token: attempt.token,
                outcome: outcome(*end, attempt),
                timing: Some(Timing { wall: seconds(attempt.token.0), cpu: None }),
            })
        });
        Some(Request::Settle(Settle { session, entries: entries.collect() }))
    }

    fn progress(&self, reports: &[(usize, u8)]) -> Option<Request> {
        let session = self.attempt(reports.first()?.0)?.session;
        let reports = reports.iter().filter_map(|(later, done)| {
            let attempt = self.attempt(*later)?;
            Some(Progress {
                job: attempt.job,
                token: attempt.token,
                done: f64::from(*done),
                of: Some(255.0),
                note: format!("step {done}"),
            })
        });
        Some(Request::Progress(session, reports.collect()))
    }

    fn ids(&self, numbers: &[usize]) -> Vec<JobId> {
        let id = |number: &usize| {
            self.jobs.get(*number).map_or(JobId::from_bits(*number as u128), |job| job.id)
        };
        numbers.iter().map(id).collect()
    }
}

fn queue_number(number: usize) -> QueueName {
    queue(["a", "b", "c"][number])
}

fn new_job(wish: Wish, number: usize, now: Timestamp) -> NewJob {
    let lane = Lane::ALL[wish.lane];
    let limit = wish.rate.map(|rate| Limit { key: lane.to_string(), rate: rates()[rate] });
    let task = if limit.is_some() { "app.limited" } else { "app.plain" };
    let unique = wish.unique.map(|(is_kept, key)| UniqueKey {
        scope: if is_kept { UniqueScope::Kept } else { UniqueScope::Unfinished },
        text: format!("key {key}"),
    });
    NewJob {
        id: JobId::new(now, number as u128),
        task: TaskName::new(task).expect("a good name"),
        queue: queue_number(wish.queue),
        lane,
        priority: Priority::new(wish.priority).expect("a priority in range"),
        due: wish.delay.map_or(Due::Now, |delay| Due::After(seconds(delay))),
        unique,
        policy: Arc::new(policy(wish.policy)),
        limit: limit.map(Arc::new),
        args: payload(&format!("args {number}")),
    }
}

fn profile(lane: Lane, number: u64, now: Timestamp) -> Profile {
    let task = TaskName::new("app.plain").expect("a good name");
    let (size_bucket, interpreter) = (SizeBucket::of(number % 3), Interpreter::new("cpython-3.13"));
    let mut profile = Profile::new(ProfileKey { task, lane, size_bucket, interpreter });
    profile.record(&Measurement { wall: seconds(number), ..Measurement::default() }, now);
    profile
}

fn rates() -> [Rate; 3] {
    let rate = |count, per, burst| Rate::new(count, seconds(per), burst).expect("a usable rate");
    [rate(1, 1, 2), rate(1, 7, 1), rate(3, 2, 4)]
}

fn policy(number: usize) -> Policy {
    let plain = Policy::default();
    match number {
        0 => plain,
        1 => Policy { on_interrupt: OnInterrupt::Park, ..plain },
        2 => Policy { interrupts_max: 1, ..plain },
        _ => Policy { timeout: Some(seconds(5) + BETWEEN_TICKS), grace: seconds(1), ..plain },
    }
}

fn outcome(end: End, attempt: Attempt) -> Outcome {
    let failure = || failure(&format!("attempt {}", attempt.token.0));
    match end {
        End::Succeed => Outcome::Succeed(payload(&format!("result {}", attempt.token.0))),
        End::Retry(wait) => Outcome::Retry { after: seconds(wait), failure: failure() },
        End::Fail => Outcome::Fail(failure()),
        End::Cancel => Outcome::Cancel(failure()),
        End::Release => Outcome::Release,
        End::HandBack(wait) => Outcome::HandBack { after: seconds(wait) },
        End::Interrupt => Outcome::Interrupt(failure()),
        End::Park => Outcome::Park(failure()),
    }
}
