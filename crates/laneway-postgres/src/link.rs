//! The way to the server: a pool of connections, and what happens when one of them breaks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use laneway_core::store::Durability;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_postgres::{Client, Config, Row};

use crate::bell;
use crate::call::Call;
use crate::fault::{Fault, Place};
use crate::options::PostgresOptions;
use crate::tls::Tls;

/// How long the answer to one call may take before its connection is given up.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// How long a call waits for a connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

/// How often a call is made again by itself: verbs may be repeated, and most of what breaks one
/// call, such as an ended backend or a deadlock, is over at once.
const ATTEMPTS_MAX: u32 = 6;

/// Waits for a while.
#[expect(clippy::disallowed_methods, reason = "here is where a store's waiting meets real time")]
pub(crate) async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// What a future gives, unless it takes too long.
pub(crate) async fn within<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(duration, future).await.ok()
}

/// The way to one schema on one server.
pub(crate) struct Link {
    pool: Pool,
    config: Config,
    tls: Tls,
    runtime: Handle,
    place: Place,
    /// The quoted name of the schema.
    schema: String,
    channel: String,
    durability: Durability,
    /// `None` for the server's clock.
    clock: Option<Arc<dyn Clock>>,
    /// Tells notifications of this process from those of others.
    origin: u64,
}

impl Link {
    /// Prepares a way to the server; nothing is connected yet. The connections live in the runtime
    /// that this is called in.
    pub(crate) fn new(options: &PostgresOptions) -> Result<Self, Error> {
        let tls = Tls::new(options.encryption())?;
        let config = options.config().clone();
        let manager = Manager::from_config(
            config.clone(),
            tls.clone(),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(options.connections_max())
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .wait_timeout(Some(CONNECTION_WAIT))
            .create_timeout(Some(CONNECTION_WAIT))
            .build()
            .map_err(|error| {
                Error::new(Code::Internal, "no pool of connections can be made")
                    .why(error.to_string())
            })?;
        Ok(Self {
            pool,
            config,
            tls,
            runtime: Handle::current(),
            place: options.place(),
            schema: options.quoted_schema(),
            channel: options.channel(),
            durability: options.durability(),
            clock: options.clock(),
            origin: fastrand::u64(1..),
        })
    }

    /// The time that a test brings; `None` for the server's.
    pub(crate) fn now(&self) -> Option<i64> {
        self.clock.as_ref().map(|clock| clock.now().as_micros())
    }

    /// The quoted name of the schema.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) const fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) const fn origin(&self) -> u64 {
        self.origin
    }

    pub(crate) const fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Makes a call, wherever it is awaited.
    pub(crate) async fn ask(self: &Arc<Self>, call: Call) -> Result<Vec<Row>, Fault> {
        let link = self.clone();
        let asked = self.runtime.spawn(async move { link.ask_here(&call).await });
        match asked.await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::Known(
                Error::new(Code::StoreUnavailable, "the store is being closed")
                    .why("the runtime that its connections live in has ended"),
            )),
        }
    }

    /// Makes a call in the runtime of the connections, and makes it again when that may help.
    async fn ask_here(&self, call: &Call) -> Result<Vec<Row>, Fault> {
        let sql = call.sql(&self.schema, self.durability == Durability::Fsync);
        let mut attempts = 0;
        loop {
            attempts += 1;
            let fault = match self.ask_once(&sql, call).await {
                Ok(rows) => return Ok(rows),
                Err(fault) => fault,
            };
            if attempts >= ATTEMPTS_MAX || !fault.may_pass_at_once() {
                return Err(fault);
            }
            if fault.is_cut() {
                // The others of the pool have most likely been cut, too, and may not know it yet.
                self.pool.retain(|_, _| false);
            }
            wait(Duration::from_millis(4 << attempts).mul_f64(0.5 + fastrand::f64())).await;
        }
    }

    async fn ask_once(&self, sql: &str, call: &Call) -> Result<Vec<Row>, Fault> {
        let client = self.client().await?;
        let asked = within(ANSWER_WAIT, client.query_typed(sql, &call.parameters())).await;
        if let Some(answer) = asked {
            return answer.map_err(Fault::Driver);
        }
        // Its answer may still come, so nobody else may have this connection.
        drop(Object::take(client));
        Err(Error::new(Code::StoreUnavailable, format!("{} does not answer", self.place))
            .why(format!("a call has waited for {} s", ANSWER_WAIT.as_secs()))
            .into())
    }

    /// A connection of the pool.
    pub(crate) async fn client(&self) -> Result<Object, Fault> {
        self.pool.get().await.map_err(Fault::Pool)
    }

    /// The error as the caller of a verb gets it.
    pub(crate) fn explain(&self, fault: Fault) -> Error {
        fault.into_error(&self.place)
    }

    pub(crate) const fn place(&self) -> &Place {
        &self.place
    }

    /// Notifies the other processes.
    pub(crate) async fn notify(&self, payload: &str) -> Result<(), Fault> {
        let client = self.client().await?;
        let sql = notify_sql(&self.channel, payload);
        if let Some(answer) = within(ANSWER_WAIT, client.batch_execute(&sql)).await {
            return answer.map_err(Fault::Driver);
        }
        drop(Object::take(client));
        Ok(())
    }

    /// A connection of its own that listens, and the payloads that it hears.
    pub(crate) async fn dedicated(
        &self,
    ) -> Result<(Ear, mpsc::UnboundedReceiver<String>), tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let (heard, messages) = mpsc::unbounded_channel();
        self.runtime.spawn(bell::hear(connection, heard));
        client.batch_execute(&format!("LISTEN {}", quoted(&self.channel))).await?;
        Ok((Ear { client, channel: self.channel.clone() }, messages))
    }
}

/// The sending end of a connection that listens.
#[derive(Debug)]
pub(crate) struct Ear {
    client: Client,
    channel: String,
}

impl Ear {
    /// Notifies everybody, this very connection too.
    pub(crate) async fn notify(&self, payload: &str) -> Result<(), tokio_postgres::Error> {
        self.client.batch_execute(&notify_sql(&self.channel, payload)).await
    }
}

/// A lost notification costs nothing but time, so nobody waits for a disk.
fn notify_sql(channel: &str, payload: &str) -> String {
    format!(
        "BEGIN; SET LOCAL synchronous_commit = off; SELECT pg_notify({}, {}); COMMIT",
        literal(channel),
        literal(payload)
    )
}

/// A name as an identifier in SQL.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as a literal in SQL.
pub(crate) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("place", &self.place)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}
