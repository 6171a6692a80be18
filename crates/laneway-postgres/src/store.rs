//! The store: the contract's verbs, each a call of the schema.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use laneway_core::error::Error;
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::QueueName;
use laneway_core::profile::Profile;
use laneway_core::store::{
    AddProfiles, Cancelled, Capabilities, Claim, Claimed, Enqueued, Finished, Health, JobRecord,
    ListJobs, NewJob, OpenSession, Page, Progress, Prune, QueueRecord, ReadProfiles, RegisterTasks,
    Registry, RenewSession, Renewed, Requeued, SessionRecord, Settle, Settled, Store, Sweep, Swept,
    TaskOwner, Wake, check_restorable,
};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::bell::{self, Ringer};
use crate::call::Call;
use crate::enqueue::column;
use crate::fault::Fault;
use crate::link::Link;
use crate::names::Names;
use crate::options::PostgresOptions;
use crate::transaction::{self, Enqueueing};
use crate::value::Identity;
use crate::watch::{Hub, PostgresWatch};
use crate::{
    census, claim, control, enqueue, health, inspect, ownership, profile, restore, session, settle,
};

/// How often profiles are summed up anew because somebody else was faster.
const SUMS_MAX: usize = 20;

/// Jobs in one schema of a `PostgreSQL` database. Clones are handles to the same store.
#[derive(Clone)]
pub struct PostgresStore(Arc<Inner>);

struct Inner {
    link: Arc<Link>,
    names: Names,
    hub: Arc<Hub>,
    ringer: Arc<Ringer>,
    listens: bool,
}

impl PostgresStore {
    /// Connects to a store, and makes its schema when there is none. The connections live in the
    /// runtime that this is awaited in.
    ///
    /// # Errors
    /// `LW1008` when the server cannot be reached, `LW1004`, `LW1040`, `LW1041` and `LW1053` to
    /// `LW1056` when it or its schema cannot be used.
    pub async fn connect(options: PostgresOptions) -> Result<Self, Error> {
        let link = Arc::new(Link::new(&options)?);
        link.prepare(&options).await?;
        let ringer = Arc::new(Ringer::default());
        link.runtime().spawn(ringer.clone().serve(Arc::downgrade(&link)));
        let listens = options.listens();
        let (names, hub) = (Names::default(), Arc::default());
        Ok(Self(Arc::new(Inner { link, names, hub, ringer, listens })))
    }

    /// What a driver of the caller's own must say to add a job inside its transaction.
    ///
    /// # Errors
    /// `LW1036` when the job has a unique key that cannot be passed on.
    pub fn enqueueing(&self, job: NewJob) -> Result<Enqueueing, Error> {
        transaction::enqueueing(self.0.link.schema(), job)
    }

    fn now(&self) -> Option<i64> {
        self.0.link.now()
    }

    async fn try_ask(&self, call: Call) -> Result<Vec<Row>, Fault> {
        self.0.link.ask(call).await
    }

    async fn ask(&self, call: Call) -> Result<Vec<Row>, Error> {
        self.try_ask(call).await.map_err(|fault| self.0.link.explain(fault))
    }

    /// Makes a call that a session must be open for.
    async fn ask_for(&self, of: SessionId, call: Call) -> Result<Vec<Row>, Error> {
        self.try_ask(call).await.map_err(|fault| {
            if fault.is_session_lost() {
                session::session_lost(of)
            } else {
                self.0.link.explain(fault)
            }
        })
    }

    /// Tells the watchers of this process at once, and those of others soon.
    fn announce(&self, news: &Wake) {
        if *news != Wake::default() {
            self.0.hub.tell(news);
            self.0.ringer.ring(news);
        }
    }

    /// Learns the names and policies that an answer needs.
    async fn learn(&self, rows: &[Row]) -> Result<(), Error> {
        let (tasks, policies) = claim::unknown(rows, &self.0.names)?;
        if tasks.is_empty() && policies.is_empty() {
            return Ok(());
        }
        let question = Call::question(
            "SELECT id, name, NULL FROM {schema}.task WHERE id = ANY ($1)
             UNION ALL SELECT id, NULL, body FROM {schema}.policy WHERE id = ANY ($2)",
        );
        let question =
            question.with(tasks.clone(), Type::INT4_ARRAY).with(policies.clone(), Type::INT4_ARRAY);
        let rows = self.ask(question).await?;
        let mut found: BTreeMap<(i32, bool), &str> = BTreeMap::new();
        for row in &rows {
            let (number, name) = (column(row, 0)?, column::<Option<&str>>(row, 1)?);
            match name {
                Some(name) => found.insert((number, true), name),
                None => found.insert((number, false), column(row, 2)?),
            };
        }
        for task in tasks {
            self.0.names.learn_task(task, found.get(&(task, true)).copied());
        }
        for policy in policies {
            self.0.names.learn_policy(policy, found.get(&(policy, false)).copied());
        }
        Ok(())
    }

    async fn set_paused(&self, queue: &QueueName, is_paused: bool) -> Result<(), Error> {
        self.ask(control::set_paused(queue, is_paused)).await?;
        self.announce(&Wake { control: true, ready: !is_paused, ..Wake::default() });
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.ringer.close();
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.0.link).finish()
    }
}

/// News of new or returned jobs.
fn ready() -> Wake {
    Wake { ready: true, ..Wake::default() }
}

impl Store for PostgresStore {
    type Watch = PostgresWatch;

    fn capabilities(&self) -> Capabilities {
        let durability = self.0.link.durability();
        Capabilities { durability, many_machines: true, names_finished: false }
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Identity> = jobs.iter().map(|job| job.id.into()).collect();
        let rows = self.ask(enqueue::enqueue(jobs, self.now())?).await?;
        let answers = enqueue::answers(&ids, &rows)?;
        if answers.iter().any(|answer| answer.created) {
            self.announce(&ready());
        }
        Ok(answers)
    }

    async fn restore(&self, jobs: Vec<JobRecord>) -> Result<Vec<Enqueued>, Error> {
        check_restorable(&jobs)?;
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Identity> = jobs.iter().map(|job| job.id.into()).collect();
        let rows = self.ask(restore::restore(jobs, self.now())?).await?;
        let answers = enqueue::answers(&ids, &rows)?;
        if answers.iter().any(|answer| answer.created) {
            self.announce(&Wake { finished_others: true, ..ready() });
        }
        Ok(answers)
    }

    async fn register_tasks(&self, register: RegisterTasks) -> Result<Vec<TaskOwner>, Error> {
        ownership::owners(&self.ask(ownership::register(&register)?).await?)
    }

    async fn open_session(&self, open: OpenSession) -> Result<(), Error> {
        self.ask(session::open(&open, self.now())).await.map(drop)
    }

    async fn renew_session(&self, renew: RenewSession) -> Result<Renewed, Error> {
        let call = session::renew(&renew, self.now());
        session::renewed(&self.ask_for(renew.session, call).await?, self.0.link.place())
    }

    async fn close_session(&self, session: SessionId) -> Result<(), Error> {
        let rows = self.ask(session::close(session, self.now())).await?;
        if rows.first().map_or(Ok(false), |row| column(row, 0))? {
            self.announce(&Wake { finished_others: true, ..ready() });
        }
        Ok(())
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, Error> {
        let rows = self.ask_for(claim.session, claim::claim(&claim, self.now())).await?;
        self.learn(&rows).await?;
        let (claimed, unreadable) = claim::claimed(&claim, &rows, &self.0.names)?;
        if !unreadable.is_empty() {
            self.settle(Settle { session: claim.session, entries: unreadable }).await?;
        }
        Ok(claimed)
    }

    async fn settle(&self, settle: Settle) -> Result<Vec<Settled>, Error> {
        if settle.entries.is_empty() {
            return Ok(Vec::new());
        }
        let (call, ends) = settle::settle(settle, self.now())?;
        let rows = self.ask(call).await?;
        let (answers, news) = ends.answers(&rows)?;
        self.announce(&news);
        Ok(answers)
    }

    async fn report_progress(
        &self,
        session: SessionId,
        reports: Vec<Progress>,
    ) -> Result<(), Error> {
        if reports.is_empty() {
            return Ok(());
        }
        self.ask(settle::report_progress(session, reports)).await.map(drop)
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Error> {
        let swept = session::swept(&self.ask(session::sweep(sweep, self.now())).await?)?;
        let ended = swept.parked + swept.failed + swept.sessions_expired > 0;
        let came_back = swept.released + swept.promoted > 0;
        self.announce(&Wake { ready: came_back, finished_others: ended, ..Wake::default() });
        Ok(swept)
    }

    async fn prune(&self, prune: Prune) -> Result<usize, Error> {
        control::pruned(&self.ask(control::prune(prune, self.now())).await?)
    }

    async fn cancel(&self, jobs: Vec<JobId>) -> Result<Vec<Cancelled>, Error> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let rows = self.ask(control::cancel(&jobs, self.now())).await?;
        let (answers, news) = control::cancelled(&jobs, &rows)?;
        self.announce(&news);
        Ok(answers)
    }

    async fn requeue(&self, jobs: Vec<JobId>) -> Result<Vec<Requeued>, Error> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let answers = control::requeued(&self.ask(control::requeue(&jobs, self.now())).await?)?;
        if answers.contains(&Requeued::Done) {
            self.announce(&ready());
        }
        Ok(answers)
    }

    async fn pause_queue(&self, queue: QueueName) -> Result<(), Error> {
        self.set_paused(&queue, true).await
    }

    async fn resume_queue(&self, queue: QueueName) -> Result<(), Error> {
        self.set_paused(&queue, false).await
    }

    async fn watch(&self) -> Result<PostgresWatch, Error> {
        let (mailbox, must_listen) = self.0.hub.subscribe();
        if must_listen {
            let link = &self.0.link;
            let listening = bell::listen(self.0.hub.clone(), Arc::downgrade(link), self.0.listens);
            link.runtime().spawn(listening);
        }
        Ok(PostgresWatch::new(mailbox, self.clone()))
    }

    async fn finished(&self, jobs: Vec<JobId>) -> Result<Vec<Finished>, Error> {
        inspect::ends(&self.ask(inspect::finished(&jobs)).await?)
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRecord>, Error> {
        inspect::found(&self.ask(inspect::job(job)).await?)
    }

    async fn list_jobs(&self, list: ListJobs) -> Result<Page, Error> {
        inspect::page(&list, &self.ask(inspect::list(&list)).await?)
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, Error> {
        census::counted(&self.ask(census::queues(self.now())).await?)
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>, Error> {
        census::listed_sessions(&self.ask(census::sessions()).await?)
    }

    async fn registry(&self) -> Result<Registry, Error> {
        ownership::registered(&self.ask(ownership::registry()).await?)
    }

    async fn add_profiles(&self, add: AddProfiles) -> Result<(), Error> {
        for _ in 0..SUMS_MAX {
            let known = self.ask(profile::known(&add, self.now())?).await?;
            let put = self.ask_for(add.session, profile::put(&add, &known)?).await?;
            if profile::is_put(&put)? {
                return Ok(());
            }
        }
        Err(Error::new(
            laneway_core::error::Code::StoreLocked,
            "what was measured cannot be added to the profiles",
        )
        .why("other workers add theirs all the time"))
    }

    async fn profiles(&self, read: ReadProfiles) -> Result<Vec<Profile>, Error> {
        profile::summed(&self.ask(profile::read(&read, self.now())).await?)
    }

    async fn health(&self) -> Result<Health, Error> {
        let asked_at = health::local_micros();
        let rows = self.ask(health::question()).await?;
        health::told(&rows, self.0.link.place(), self.0.link.durability(), asked_at)
    }
}
