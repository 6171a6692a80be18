//! The way to the server: a pool of connections, and what happens when one of them breaks.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, RecyclingMethod};
use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use laneway_core::store::Durability;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_postgres::{Client, Config, IsolationLevel, Row};

use crate::call::Call;
use crate::fault::{Fault, Place};
use crate::options::PostgresOptions;
use crate::tls::Tls;
use crate::{bell, schema};

/// How long a call waits for a connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(10);

/// How long it may take to look at the schema, and to make it.
const PREPARE_WAIT: Duration = Duration::from_secs(60);

/// How long it may take to tell the server that a call was given up.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

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
    answer_wait: Duration,
    /// Whether a transaction has to say that it wants to see what others commit meanwhile.
    names_isolation: AtomicBool,
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
            answer_wait: options.answer_wait(),
            names_isolation: AtomicBool::new(false),
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
        let mut client = self.client().await?;
        let asked = if call.is_write() && self.names_isolation.load(Ordering::Relaxed) {
            within(self.answer_wait, query_apart(&mut client, sql, call)).await
        } else {
            within(self.answer_wait, client.query_typed(sql, &call.parameters())).await
        };
        if let Some(answer) = asked {
            return answer.map_err(Fault::Driver);
        }
        self.abandon(client);
        Err(unanswered(&self.place, self.answer_wait).into())
    }

    /// Gives up a connection whose answer may still come. The server is told to stop what it does
    /// there: a claim that went on would take jobs that nobody gets.
    fn abandon(&self, client: Object) {
        let client = Object::take(client);
        let tls = self.tls.clone();
        self.runtime.spawn(async move {
            // Where that word cannot arrive, the time that a verb waits for locks is bounded.
            let told = within(CANCEL_WAIT, client.cancel_token().cancel_query(tls)).await;
            // Not before: a pooler that sees its client go knows no more what was to be cancelled.
            drop((told, client));
        });
    }

    /// Sees to the schema, see [`schema::prepare`], and to how transactions begin.
    pub(crate) async fn prepare(&self, options: &PostgresOptions) -> Result<(), Error> {
        let mut client = self.client().await.map_err(|fault| self.explain(fault))?;
        let Some(prepared) = within(PREPARE_WAIT, schema::prepare(&mut client, options)).await
        else {
            self.abandon(client);
            return Err(unanswered(&self.place, PREPARE_WAIT));
        };
        prepared?;
        drop(client);
        let question = Call::question("SELECT current_setting('default_transaction_isolation')");
        let rows = self.ask_here(&question).await.map_err(|fault| self.explain(fault))?;
        let level: Option<&str> = rows.first().and_then(|row| row.try_get(0).ok());
        self.names_isolation.store(level != Some("read committed"), Ordering::Relaxed);
        Ok(())
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
        if let Some(answer) = within(self.answer_wait, client.batch_execute(&sql)).await {
            return answer.map_err(Fault::Driver);
        }
        self.abandon(client);
        Err(unanswered(&self.place, self.answer_wait).into())
    }

    /// A connection of its own that listens, and the payloads that it hears. It may take any time.
    pub(crate) async fn dedicated(
        &self,
    ) -> Result<(Ear, mpsc::UnboundedReceiver<String>), tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        let (heard, messages) = mpsc::unbounded_channel();
        self.runtime.spawn(bell::hear(connection, heard));
        client.batch_execute(&format!("LISTEN {}", quoted(&self.channel))).await?;
        Ok((Ear { _client: client }, messages))
    }
}

/// A connection that listens until this is dropped.
#[derive(Debug)]
pub(crate) struct Ear {
    _client: Client,
}

/// Makes a call where transactions are to see one moment only, unless they say otherwise: a claim
/// would fail whenever another one had been faster. A setting of the session would reach others
/// through a pooler.
async fn query_apart(
    client: &mut Object,
    sql: &str,
    call: &Call,
) -> Result<Vec<Row>, tokio_postgres::Error> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
    let transaction = builder.start().await?;
    let rows = transaction.query_typed(sql, &call.parameters()).await?;
    transaction.commit().await?;
    Ok(rows)
}

/// The refusal to wait any longer.
pub(crate) fn unanswered(place: &Place, wait: Duration) -> Error {
    Error::new(Code::StoreUnavailable, format!("{place} does not answer"))
        .why(format!("a call has waited for {} s", wait.as_secs_f64()))
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
