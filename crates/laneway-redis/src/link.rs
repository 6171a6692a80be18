//! The connection to the server, made again whenever it is lost.
//!
//! All calls of a store share one connection. A call that finds none makes one; when that fails,
//! the calls of the next moment are refused with the same reason instead of trying it again, for a
//! time that doubles up to a second. So a server that is away costs nobody more than a few attempts
//! a second, and is used again within a second of its return. Only the first call that finds no
//! master where Sentinels name it waits for a failover to end.

use std::time::Duration;

use laneway_core::error::Error;
use laneway_core::store::Durability;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, RedisError, RedisResult,
    ServerErrorKind, TlsMode, Value,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::fault;
use crate::options::Target;
use crate::script::{Call, Repeats};

/// The most time that the making of a connection takes.
const CONNECT_MAX: Duration = Duration::from_secs(2);

/// The most time that the server takes for an answer. A script is over in milliseconds; a server
/// that has stopped, or a network that swallows everything, is noticed by this.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// For how long a master is looked for whom Sentinels cannot name, or who does not answer. A
/// failover takes about as long, and no call takes longer anyway.
const FAILOVER_MAX: Duration = ANSWER_MAX;

/// The wait after the first failed attempt to connect.
const WAIT_MIN: Duration = Duration::from_millis(50);

/// The longest wait between two attempts to connect.
const WAIT_MAX: Duration = Duration::from_secs(1);

/// How often one call survives a lost connection or a flushed script cache.
const ATTEMPTS_MAX: u32 = 5;

/// The way to the server of one store.
#[derive(Debug)]
pub(crate) struct Link {
    target: TargetBox,
    shown: String,
    durability: Durability,
    state: Mutex<State>,
}

/// A target whose password is not shown.
struct TargetBox(Target);

impl std::fmt::Debug for TargetBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.shown())
    }
}

#[derive(Debug, Default)]
struct State {
    connection: Option<Numbered>,
    /// How many connections were made so far.
    made: u64,
    refusal: Option<Refusal>,
    /// The node of a cluster that has the namespace, when it is not the one that was named.
    moved_to: Option<(String, u16)>,
}

#[derive(Debug, Clone)]
struct Numbered {
    number: u64,
    connection: MultiplexedConnection,
}

/// Why there is no connection, and until when none is tried.
#[derive(Debug)]
struct Refusal {
    error: Error,
    attempts: u32,
    until: Instant,
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits on the network are by the machine's clock, whatever time the store has"
)]
pub(crate) fn instant_now() -> Instant {
    Instant::now()
}

impl Link {
    pub(crate) fn new(target: Target, durability: Durability) -> Self {
        let shown = target.shown();
        if target.is_encrypted() {
            // Refused when the program has chosen another one for itself, which does as well.
            drop(rustls::crypto::ring::default_provider().install_default());
        }
        Self { target: TargetBox(target), shown, durability, state: Mutex::default() }
    }

    /// The server as people may see it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Calls a script. The second answer says that the call was made more than once, and that the
    /// answer to the first one is lost.
    pub(crate) async fn call(&self, call: Call) -> Result<(Value, bool), Error> {
        let mut attempts = 0;
        let mut is_repeated = false;
        loop {
            attempts += 1;
            let numbered = self.connection().await?;
            let answer = self.ask(&numbered, &call).await;
            let fault = match answer {
                Ok(value) => return Ok((value, is_repeated)),
                Err(fault) => fault,
            };
            is_repeated |= fault.is_io_error();
            let may_repeat = self.learn(&numbered, &fault, call.repeats).await;
            if !may_repeat || attempts >= ATTEMPTS_MAX {
                return Err(fault::error(&fault, &self.shown));
            }
        }
    }

    /// Runs a command that is no script, such as `INFO`.
    pub(crate) async fn command(&self, command: Cmd) -> Result<Value, Error> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let numbered = self.connection().await?;
            let answer = numbered.connection.clone().send_packed_command(&command).await;
            let fault = match answer.and_then(Value::extract_error) {
                Ok(value) => return Ok(value),
                Err(fault) => fault,
            };
            let may_repeat = self.learn(&numbered, &fault, Repeats::Freely).await;
            if !may_repeat || attempts >= ATTEMPTS_MAX {
                return Err(fault::error(&fault, &self.shown));
            }
        }
    }

    async fn ask(&self, numbered: &Numbered, call: &Call) -> RedisResult<Value> {
        let mut connection = numbered.connection.clone();
        let mut answer = send(&mut connection, &call.command).await;
        if is_unknown_script(&answer) {
            // It is loaded for the calls that follow. This one brings its text along: whoever
            // flushes scripts may do so again before a call by the digest arrives.
            send(&mut connection, &call.script.load()).await?;
            answer = send(&mut connection, &call.with_text()).await;
        }
        let value = answer?;
        if call.writes && self.durability == Durability::Fsync {
            wait_for_disk(&mut connection).await?;
        }
        Ok(value)
    }

    /// Draws the conclusions of a failed call, and tells whether it may be made again.
    async fn learn(&self, numbered: &Numbered, fault: &RedisError, repeats: Repeats) -> bool {
        if let Some((node, _)) = fault.redirect_node()
            && let Some((host, port)) = node.rsplit_once(':')
            && let Ok(port) = port.parse()
        {
            let mut state = self.state.lock().await;
            state.moved_to = Some((host.to_owned(), port));
            state.drop_connection(numbered.number);
            return true;
        }
        if fault.kind() == ErrorKind::Server(ServerErrorKind::NoScript) {
            return true;
        }
        if fault.kind() == ErrorKind::Server(ServerErrorKind::ClusterDown) {
            // Whatever this node knew of the cluster may be over; the address that was named is
            // where the next call begins.
            let mut state = self.state.lock().await;
            state.moved_to = None;
            state.drop_connection(numbered.number);
            return false;
        }
        if fault::ends_connection(fault) {
            self.state.lock().await.drop_connection(numbered.number);
            return repeats == Repeats::Freely && fault.is_connection_dropped();
        }
        false
    }

    /// The connection, made if need be.
    async fn connection(&self) -> Result<Numbered, Error> {
        let mut state = self.state.lock().await;
        if let Some(numbered) = &state.connection {
            return Ok(numbered.clone());
        }
        if let Some(refusal) = &state.refusal
            && instant_now() < refusal.until
        {
            return Err(refusal.error.clone());
        }
        let moved_to = state.moved_to.clone();
        // Whoever was refused before has waited for a failover, and none lasts so long.
        let made = match state.refusal {
            None => self.connect_at_last(moved_to).await,
            Some(_) => self.connect(moved_to).await,
        };
        match made {
            Ok(connection) => {
                state.made += 1;
                let numbered = Numbered { number: state.made, connection };
                state.connection = Some(numbered.clone());
                state.refusal = None;
                Ok(numbered)
            }
            Err(fault) => {
                let error = fault::error(&fault, &self.shown);
                // A node that has gone away is found again from the address that was named.
                state.moved_to = None;
                let attempts = state.refusal.as_ref().map_or(0, |refusal| refusal.attempts) + 1;
                let until = instant_now() + wait_after(attempts);
                state.refusal = Some(Refusal { error: error.clone(), attempts, until });
                Err(error)
            }
        }
    }

    /// Makes a connection. Where Sentinels may be just making another node the master, that is
    /// tried for as long as a call may take: nobody else can tell the caller when it is over.
    async fn connect_at_last(
        &self,
        moved_to: Option<(String, u16)>,
    ) -> RedisResult<MultiplexedConnection> {
        let has_sentinels = matches!(self.target.0, Target::Sentinel { .. });
        let until = instant_now() + FAILOVER_MAX;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let fault = match self.connect(moved_to.clone()).await {
                Err(fault) if has_sentinels && may_be_a_failover(&fault) => fault,
                made => return made,
            };
            let wait = wait_after(attempts);
            if instant_now() + wait >= until {
                return Err(fault);
            }
            sleep(wait).await;
        }
    }

    async fn connect(&self, moved_to: Option<(String, u16)>) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_MAX))
            .set_response_timeout(Some(ANSWER_MAX));
        let making = async {
            let client = self.client(moved_to).await?;
            client.get_multiplexed_async_connection_with_config(&config).await
        };
        timeout(CONNECT_MAX, making).await.unwrap_or_else(|_| Err(too_slow()))
    }

    async fn client(&self, moved_to: Option<(String, u16)>) -> RedisResult<Client> {
        match (&self.target.0, moved_to) {
            (Target::Server(info), None) => Client::open(info.clone()),
            (Target::Server(info), Some((host, port))) => {
                let address = match info.addr() {
                    ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                        host,
                        port,
                        insecure: *insecure,
                        tls_params: tls_params.clone(),
                    },
                    _ => ConnectionAddr::Tcp(host, port),
                };
                Client::open(info.clone().set_addr(address))
            }
            (Target::Sentinel { sentinels, master, node }, _) => {
                let mut wanted = SentinelNodeConnectionInfo::default()
                    .set_redis_connection_info(node.redis_settings().clone());
                if matches!(node.addr(), ConnectionAddr::TcpTls { .. }) {
                    wanted = wanted.set_tls_mode(TlsMode::Secure);
                }
                // The first may be on a machine that swallows everything: each attempt asks them
                // in another order.
                let mut sentinels = sentinels.clone();
                fastrand::shuffle(&mut sentinels);
                let mut sentinel = Sentinel::build(sentinels)?;
                sentinel.async_master_for(master, Some(&wanted)).await
            }
        }
    }

    /// Makes a connection of its own that listens to this channel.
    pub(crate) async fn listen(&self, channel: &str) -> Result<PubSub, Error> {
        let moved_to = self.state.lock().await.moved_to.clone();
        let making = async {
            let client = self.client(moved_to).await?;
            let mut listener = client.get_async_pubsub().await?;
            listener.subscribe(channel).await?;
            Ok(listener)
        };
        let made = timeout(CONNECT_MAX, making).await.unwrap_or_else(|_| Err(too_slow()));
        made.map_err(|fault| fault::error(&fault, &self.shown))
    }
}

impl State {
    /// Forgets a connection, unless another one has taken its place already.
    fn drop_connection(&mut self, number: u64) {
        if self.connection.as_ref().is_some_and(|numbered| numbered.number == number) {
            self.connection = None;
        }
    }
}

async fn send(connection: &mut MultiplexedConnection, command: &Cmd) -> RedisResult<Value> {
    connection.send_packed_command(command).await.and_then(Value::extract_error)
}

fn is_unknown_script(answer: &RedisResult<Value>) -> bool {
    let unknown = ErrorKind::Server(ServerErrorKind::NoScript);
    answer.as_ref().is_err_and(|fault| fault.kind() == unknown)
}

/// Waits until the server's append-only file has everything that this connection wrote.
async fn wait_for_disk(connection: &mut MultiplexedConnection) -> RedisResult<()> {
    let mut command = redis::cmd("WAITAOF");
    command.arg(1).arg(0).arg(u64::try_from(ANSWER_MAX.as_millis()).unwrap_or(u64::MAX) / 2);
    let written: (i64, i64) = redis::from_redis_value(send(connection, &command).await?)?;
    if written.0 >= 1 {
        return Ok(());
    }
    Err(RedisError::from(std::io::Error::new(
        std::io::ErrorKind::TimedOut,
        "the append-only file was not written in time",
    )))
}

/// Whether the master that Sentinels watch may be another one in a moment.
fn may_be_a_failover(fault: &RedisError) -> bool {
    fault.is_io_error() || fault.kind() == ErrorKind::MasterNameNotFoundBySentinel
}

#[expect(
    clippy::disallowed_methods,
    reason = "waits on the network are by the machine's clock, whatever time the store has"
)]
async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

fn too_slow() -> RedisError {
    let text = format!("no connection within {} s", CONNECT_MAX.as_secs());
    RedisError::from(std::io::Error::new(std::io::ErrorKind::TimedOut, text))
}

/// The wait after so many failed attempts to connect, with a random part so that the clients of a
/// server that comes back do not all come at once.
pub(crate) fn wait_after(attempts: u32) -> Duration {
    let whole = WAIT_MIN.saturating_mul(1 << attempts.saturating_sub(1).min(10)).min(WAIT_MAX);
    whole.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use laneway_core::error::Code;

    use super::*;
    use crate::options::RedisOptions;

    /// A node that answers every `PING` as it is told, and everything else with `OK`.
    fn node(answer: impl Fn() -> String + Send + Sync + 'static) -> u16 {
        answering(move |word| if word == "PING" { answer() } else { String::from("+OK") })
    }

    /// A node that answers by the first word of a command.
    fn answering(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let answer = answer.clone();
                std::thread::spawn(move || serve(client.unwrap(), &*answer));
            }
        });
        port
    }

    fn serve(client: TcpStream, answer: &(impl Fn(&str) -> String + ?Sized)) -> Option<()> {
        let mut out = client.try_clone().ok()?;
        let mut lines = BufReader::new(client);
        let number = |sign: char, lines: &mut BufReader<TcpStream>| -> Option<usize> {
            let mut line = String::new();
            lines.read_line(&mut line).ok()?;
            line.trim_end().strip_prefix(sign)?.parse().ok()
        };
        loop {
            let mut words = Vec::new();
            for _ in 0..number('*', &mut lines)? {
                let mut word = vec![0; number('$', &mut lines)? + 2];
                lines.read_exact(&mut word).ok()?;
                words.push(String::from_utf8(word).ok()?.trim_end().to_owned());
            }
            let text = answer(words.first()?);
            out.write_all(format!("{text}\r\n").as_bytes()).ok()?;
        }
    }

    /// A node that was told of must not be asked for ever once it does not know its cluster.
    #[test]
    fn a_node_that_lost_its_cluster_is_left_for_the_address_that_was_named() {
        let lost = node(|| String::from("-CLUSTERDOWN The cluster is down"));
        let has_moved = std::sync::atomic::AtomicBool::new(false);
        let named = node(move || {
            let is_second = has_moved.swap(true, std::sync::atomic::Ordering::SeqCst);
            if is_second { String::from("+PONG") } else { format!("-MOVED 1 127.0.0.1:{lost}") }
        });
        let options = RedisOptions::parse(&format!("redis://127.0.0.1:{named}")).unwrap();
        let link = Link::new(options.target, Durability::Os);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let error = runtime.block_on(link.command(redis::cmd("PING"))).unwrap_err();
        assert_eq!(error.code(), Code::StoreUnavailable, "{error}");
        let answer = runtime.block_on(link.command(redis::cmd("PING"))).unwrap();
        assert_eq!(answer, Value::SimpleString(String::from("PONG")));
    }

    /// A producer that starts while a failover is under way hears of no master, or is sent to one
    /// that is gone. Both are over in seconds.
    #[test]
    fn whoever_connects_during_a_failover_gets_the_new_master() {
        let master = answering(|word| match word {
            "ROLE" => String::from("*3\r\n$6\r\nmaster\r\n:0\r\n*0"),
            "PING" => String::from("+PONG"),
            _ => String::from("+OK"),
        });
        // A port that nobody gets by asking for any.
        let gone = 1;
        let asked = AtomicU32::new(0);
        let sentinel = answering(move |word| match word {
            "ROLE" => String::from("*2\r\n$8\r\nsentinel\r\n*1\r\n$4\r\nshop"),
            "SENTINEL" => match asked.fetch_add(1, Ordering::SeqCst) {
                0 => String::from("*0"),
                1 => of_masters(gone),
                _ => of_masters(master),
            },
            _ => String::from("+OK"),
        });
        let url = format!("redis+sentinel://127.0.0.1:{sentinel}/shop/0");
        let options = RedisOptions::parse(&url).unwrap();
        let link = Link::new(options.target, Durability::Os);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(link.command(redis::cmd("PING"))).unwrap();
        assert_eq!(answer, Value::SimpleString(String::from("PONG")));
    }

    /// What a Sentinel says of the one master that it watches.
    fn of_masters(port: u16) -> String {
        let port = port.to_string();
        let facts = ["name", "shop", "ip", "127.0.0.1", "port", &port, "flags", "master"];
        let fact = |fact: &&str| format!("${}\r\n{fact}", fact.len());
        let facts: Vec<_> = facts.iter().map(fact).collect();
        format!("*1\r\n*{}\r\n{}", facts.len(), facts.join("\r\n"))
    }

    #[test]
    fn waits_grow_to_a_second_and_no_further() {
        for attempts in 1..40 {
            let wait = wait_after(attempts);
            assert!(wait >= WAIT_MIN / 2 && wait <= WAIT_MAX, "{attempts}: {wait:?}");
        }
        assert!(wait_after(30) >= WAIT_MAX / 2);
    }
}
