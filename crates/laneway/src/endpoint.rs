//! The plain HTTP endpoint for probes and autoscalers: how the process is, and what its store has
//! to do.
//!
//! It answers `GET /live`, `GET /ready` and `GET /queues` with one JSON object. No job's content is
//! ever told, and nothing can be changed through it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use laneway_core::error::{Code, Error};
use laneway_core::store::{BATCH_MAX, QueueRecord, Store, Sweep};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::store::AnyStore;
use crate::view;

/// Connections that are answered at once; others wait.
const CONNECTIONS_MAX: usize = 32;

/// A connection that takes longer, request and answer together, is closed.
const CONNECTION_TIME: Duration = Duration::from_secs(10);

/// The wait after a connection could not be accepted, such as when too many files are open.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// How far the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It imports its application or opens its store.
    Starting,
    /// It takes jobs.
    Ready,
    /// It was told to end, or has lost its session: it takes no jobs.
    NotReady(&'static str),
}

/// What the endpoint tells, shared with the process that it tells of.
#[derive(Debug)]
pub struct Board {
    store: OnceLock<AnyStore>,
    condition: watch::Sender<Condition>,
    /// Whether the store is swept before its queues are told.
    sweeps: bool,
}

impl Default for Board {
    fn default() -> Self {
        let condition = watch::Sender::new(Condition::Starting);
        Self { store: OnceLock::new(), condition, sweeps: false }
    }
}

impl Board {
    /// The board of a process beside which perhaps no worker runs.
    ///
    /// Workers make due jobs ready and take the jobs of dead workers back. With none of them, the
    /// backlog would stay at 0 for ever, so whoever asks for it sweeps first.
    pub fn without_worker() -> Self {
        Self { sweeps: true, ..Self::default() }
    }

    /// Says which store to ask from now on. The first one stays.
    pub fn set_store(&self, store: AnyStore) {
        // A second one would be the same.
        drop(self.store.set(store));
    }

    /// Says how far the process is.
    pub fn set_condition(&self, condition: Condition) {
        self.condition.send_replace(condition);
    }
}

/// The endpoint, bound to its address.
#[derive(Debug)]
pub struct Endpoint {
    listener: TcpListener,
    address: SocketAddr,
}

impl Endpoint {
    /// Takes the address; port 0 takes any.
    ///
    /// # Errors
    /// `LW1021` when it cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        let unusable = |error: std::io::Error| {
            Error::new(Code::InvalidSetting, format!("`{address}` cannot be listened on"))
                .why(error.to_string())
                .fix("choose another port with `--listen`, or end the program that has it")
        };
        let listener = TcpListener::bind(address).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for as long as it is awaited.
    pub async fn serve(self, board: Arc<Board>) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            if connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(answer_connection(stream, Arc::clone(&board)));
                }
                Err(_) => pause().await,
            }
        }
    }
}

/// Lets time pass without a request.
async fn pause() {
    drop(tokio::time::timeout(ACCEPT_RETRY, std::future::pending::<()>()).await);
}

async fn answer_connection(stream: TcpStream, board: Arc<Board>) {
    let service = service_fn(|request| {
        let board = Arc::clone(&board);
        async move { Ok::<_, Infallible>(answer(&request, &board).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Whoever asked has gone, sent what is not HTTP, or was too slow: nobody is left to be told.
    drop(tokio::time::timeout(CONNECTION_TIME, connection).await);
}

async fn answer(request: &Request<Incoming>, board: &Board) -> Response<String> {
    let path = request.uri().path();
    if !matches!(path, "/live" | "/ready" | "/queues") {
        let known = json!({ "error": "there is `/live`, `/ready` and `/queues`" });
        return respond(StatusCode::NOT_FOUND, known);
    }
    if request.method() != Method::GET {
        let mut refusal =
            respond(StatusCode::METHOD_NOT_ALLOWED, json!({ "error": "only GET is answered" }));
        refusal.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET"));
        return refusal;
    }
    match path {
        "/live" => respond(StatusCode::OK, json!({ "is_live": true })),
        "/ready" => readiness(*board.condition.borrow()),
        _ => queues(board).await,
    }
}

fn readiness(condition: Condition) -> Response<String> {
    let (status, text) = match condition {
        Condition::Ready => (StatusCode::OK, "ready"),
        Condition::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Condition::NotReady(why) => (StatusCode::SERVICE_UNAVAILABLE, why),
    };
    let is_ready = condition == Condition::Ready;
    respond(status, json!({ "is_ready": is_ready, "condition": text }))
}

async fn queues(board: &Board) -> Response<String> {
    let Some(store) = board.store.get() else {
        let error = json!({ "error": "the store is not open yet" });
        return respond(StatusCode::SERVICE_UNAVAILABLE, error);
    };
    match load(store, board.sweeps).await {
        Ok(queues) => {
            let backlog: u64 = queues.iter().map(view::backlog).sum();
            let by_name: serde_json::Map<_, _> = queues
                .iter()
                .map(|queue| (queue.name.to_string(), view::queue_load(queue)))
                .collect();
            respond(StatusCode::OK, json!({ "backlog": backlog, "queues": by_name }))
        }
        Err(error) => {
            let error = json!({ "error": error.what(), "code": error.code().to_string() });
            respond(StatusCode::SERVICE_UNAVAILABLE, error)
        }
    }
}

async fn load(store: &AnyStore, sweeps: bool) -> Result<Vec<QueueRecord>, Error> {
    if sweeps {
        store.sweep(Sweep { jobs_max: BATCH_MAX }).await?;
    }
    store.queues().await
}

fn respond(status: StatusCode, fields: Value) -> Response<String> {
    let mut object = serde_json::Map::new();
    object.insert("schema".to_owned(), json!(crate::cli::SCHEMA));
    if let Value::Object(fields) = fields {
        object.extend(fields);
    }
    let mut response = Response::new(format!("{}\n", Value::Object(object)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, hyper::header::HeaderValue::from_static("no-store"));
    response
}
