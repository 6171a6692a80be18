//! The store: the contract's verbs, each a script or a few.

use std::fmt;
use std::sync::Arc;

use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use laneway_core::id::{JobId, SessionId};
use laneway_core::job::QueueName;
use laneway_core::policy::Policy;
use laneway_core::profile::Profile;
use laneway_core::store::{
    AddProfiles, Cancelled, Capabilities, Claim, Claimed, Durability, Enqueued, Finished, Health,
    JobRecord, ListJobs, NewJob, OpenSession, Page, Progress, Prune, QueueRecord, ReadProfiles,
    RegisterTasks, Registry, RenewSession, Renewed, Requeued, SessionRecord, Settle, Settled,
    Store, Sweep, Swept, TaskOwner,
};
use redis::{Cmd, Value};

use crate::claim::policy_missing;
use crate::link::Link;
use crate::open::prepare;
use crate::options::RedisOptions;
use crate::policies::Policies;
use crate::script::{Call, Script};
use crate::thread::IoThread;
use crate::watch::{Hub, RedisWatch};
use crate::{claim, control, enqueue, health, inspect, ownership, profile, reply, session, settle};

/// Jobs in a Redis or Valkey server. Clones are handles to the same store; the connection is closed
/// when the last of them is dropped.
#[derive(Clone)]
pub struct RedisStore(Arc<Inner>);

struct Inner {
    thread: IoThread,
    link: Arc<Link>,
    hub: Arc<Hub>,
    policies: Policies,
    namespace: String,
    meta_key: String,
    durability: Durability,
    clock: Option<Arc<dyn Clock>>,
}

impl RedisStore {
    /// Connects to a server, checks it, and makes the namespace when there is none.
    ///
    /// # Errors
    /// `LW1003` when the namespace holds what is not Laneway's, `LW1004` when it was written by a
    /// newer Laneway, `LW1005` when the server takes no writes, `LW1006` when it is full, `LW1007`
    /// when it is busy, `LW1008` when it cannot be reached, `LW1040` when user, password or rights
    /// are wrong, `LW1041` when it is too old, `LW1042` when it evicts keys, and `LW1043` when it
    /// cannot promise the durability that is asked for.
    pub async fn open(options: RedisOptions) -> Result<Self, Error> {
        let RedisOptions { target, namespace, durability, clock } = options;
        let thread = IoThread::start()?;
        let link = Arc::new(Link::new(target, durability));
        let meta_key = format!("{{{namespace}}}:meta");
        let preparing = {
            let (link, meta_key) = (link.clone(), meta_key.clone());
            async move { prepare(&link, &meta_key, durability).await }
        };
        let durability = thread.run(preparing).await?;
        Ok(Self(Arc::new(Inner {
            thread,
            link,
            hub: Arc::default(),
            policies: Policies::default(),
            namespace,
            meta_key,
            durability,
            clock,
        })))
    }

    /// Begins the call of a script.
    pub(crate) fn call(&self, script: &'static Script) -> Call {
        let now = self.0.clock.as_ref().map(|clock| clock.now().as_micros().to_string());
        script.call(&self.0.meta_key, now.as_deref().unwrap_or_default())
    }

    /// Makes a call.
    pub(crate) async fn ask(&self, call: Call) -> Result<Value, Error> {
        self.ask_noting_repetition(call).await.map(|(answer, _)| answer)
    }

    /// Makes a call. The second answer says that it was made more than once.
    pub(crate) async fn ask_noting_repetition(&self, call: Call) -> Result<(Value, bool), Error> {
        let link = self.link();
        self.run(async move { link.call(call).await }).await
    }

    /// Sends a command that reads one key of the namespace.
    pub(crate) async fn command(&self, name: &str, key: &str) -> Result<Value, Error> {
        let mut command = redis::cmd(name);
        command.arg(self.key(key));
        self.plain(command).await
    }

    /// Sends a command that only reads.
    pub(crate) async fn plain(&self, command: Cmd) -> Result<Value, Error> {
        let link = self.link();
        self.run(async move { link.command(command).await }).await
    }

    /// The fields of a hash.
    pub(crate) async fn hash(&self, key: &str) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut values = reply::array(self.command("HGETALL", key).await?)?.into_iter();
        let mut fields = Vec::new();
        while let (Some(field), Some(value)) = (values.next(), values.next()) {
            fields.push((reply::text(field)?, reply::bytes(value)?));
        }
        Ok(fields)
    }

    /// A setting of the server; `None` when this user may not ask for it.
    pub(crate) async fn setting(&self, name: &str) -> Option<String> {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        let answer = self.plain(command).await.ok().map(reply::array)?.ok()?;
        answer.into_iter().nth(1).and_then(|value| reply::text(value).ok())
    }

    /// The policy with this name, or why this one cannot be read. Another error is one of the
    /// store: it says nothing of the jobs that have the policy.
    pub(crate) async fn policy(&self, name: &str) -> Result<Result<Arc<Policy>, Error>, Error> {
        if let Some(policy) = self.0.policies.get(name) {
            return Ok(Ok(policy));
        }
        let mut command = redis::cmd("HGET");
        command.arg(self.key("policy")).arg(name);
        let answer = self.plain(command).await.map_err(|error| self.policies_foreign(error))?;
        let packed = reply::optional_bytes(answer)?;
        let packed = packed.ok_or_else(|| policy_missing(name));
        Ok(packed.and_then(|packed| self.0.policies.learn(name, &packed)))
    }

    /// The error of a key that is not a hash of policies; it may be mended while workers wait.
    fn policies_foreign(&self, error: Error) -> Error {
        if error.code() != Code::StoreCorrupt {
            return error;
        }
        let (key, server) = (self.key("policy"), self.0.link.shown());
        Error::new(Code::StorePartForeign, format!("the key `{key}` at {server} is not Laneway's"))
            .why(error.reason())
    }

    pub(crate) fn policies(&self) -> &Policies {
        &self.0.policies
    }

    pub(crate) fn link(&self) -> Arc<Link> {
        self.0.link.clone()
    }

    /// Runs work on the thread that has the connection.
    pub(crate) fn run<T: Send + 'static, W>(
        &self,
        work: W,
    ) -> impl Future<Output = Result<T, Error>> + Send + use<T, W>
    where
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        self.0.thread.run(work)
    }

    pub(crate) fn durability(&self) -> Durability {
        self.0.durability
    }

    /// The store as people may see it.
    pub(crate) fn shown(&self) -> String {
        format!("{} namespace {}", self.0.link.shown(), self.0.namespace)
    }

    fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.0.namespace)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("server", &self.0.link.shown())
            .field("namespace", &self.0.namespace)
            .field("durability", &self.0.durability)
            .finish_non_exhaustive()
    }
}

impl Store for RedisStore {
    type Watch = RedisWatch;

    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: self.0.durability, many_machines: true, names_finished: true }
    }

    async fn enqueue(&self, jobs: Vec<NewJob>) -> Result<Vec<Enqueued>, Error> {
        enqueue::enqueue(self, jobs).await
    }

    async fn restore(&self, jobs: Vec<JobRecord>) -> Result<Vec<Enqueued>, Error> {
        enqueue::restore(self, jobs).await
    }

    async fn register_tasks(&self, register: RegisterTasks) -> Result<Vec<TaskOwner>, Error> {
        ownership::register(self, register).await
    }

    async fn open_session(&self, open: OpenSession) -> Result<(), Error> {
        session::open(self, open).await
    }

    async fn renew_session(&self, renew: RenewSession) -> Result<Renewed, Error> {
        session::renew(self, renew).await
    }

    async fn close_session(&self, session: SessionId) -> Result<(), Error> {
        session::close(self, session).await
    }

    async fn claim(&self, claim: Claim) -> Result<Claimed, Error> {
        claim::claim(self, claim).await
    }

    async fn settle(&self, settle: Settle) -> Result<Vec<Settled>, Error> {
        settle::settle(self, settle).await
    }

    async fn report_progress(
        &self,
        session: SessionId,
        reports: Vec<Progress>,
    ) -> Result<(), Error> {
        settle::report_progress(self, session, reports).await
    }

    async fn sweep(&self, sweep: Sweep) -> Result<Swept, Error> {
        session::sweep(self, sweep).await
    }

    async fn prune(&self, prune: Prune) -> Result<usize, Error> {
        control::prune(self, prune).await
    }

    async fn cancel(&self, jobs: Vec<JobId>) -> Result<Vec<Cancelled>, Error> {
        control::cancel(self, jobs).await
    }

    async fn requeue(&self, jobs: Vec<JobId>) -> Result<Vec<Requeued>, Error> {
        control::requeue(self, jobs).await
    }

    async fn pause_queue(&self, queue: QueueName) -> Result<(), Error> {
        control::pause(self, &queue).await
    }

    async fn resume_queue(&self, queue: QueueName) -> Result<(), Error> {
        control::resume(self, &queue).await
    }

    async fn watch(&self) -> Result<RedisWatch, Error> {
        let (hub, link, channel) = (self.0.hub.clone(), self.link(), self.key("wake"));
        let mailbox = self.run(hub.subscribe(link, channel)).await?;
        Ok(RedisWatch::new(mailbox, self.clone()))
    }

    async fn finished(&self, jobs: Vec<JobId>) -> Result<Vec<Finished>, Error> {
        inspect::finished(self, jobs).await
    }

    async fn job(&self, job: JobId) -> Result<Option<JobRecord>, Error> {
        inspect::job(self, job).await
    }

    async fn list_jobs(&self, list: ListJobs) -> Result<Page, Error> {
        inspect::list(self, list).await
    }

    async fn queues(&self) -> Result<Vec<QueueRecord>, Error> {
        inspect::queues(self).await
    }

    async fn sessions(&self) -> Result<Vec<SessionRecord>, Error> {
        inspect::sessions(self).await
    }

    async fn registry(&self) -> Result<Registry, Error> {
        ownership::registry(self).await
    }

    async fn add_profiles(&self, add: AddProfiles) -> Result<(), Error> {
        profile::add(self, add).await
    }

    async fn profiles(&self, read: ReadProfiles) -> Result<Vec<Profile>, Error> {
        profile::read(self, read).await
    }

    async fn health(&self) -> Result<Health, Error> {
        health::health(self).await
    }
}
