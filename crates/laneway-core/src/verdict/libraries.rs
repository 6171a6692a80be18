//! What is known of libraries: which ones block and have an async twin, and which ones may not be
//! used from several threads.
//!
//! Two tables, looked up by dotted names. A name comes from the code of a task, such as
//! `requests.get`, or from a frame of a stack that was seen to block. An entry covers all names
//! below it, and the longest entry wins.

/// A library, or a part of one, that blocks the thread that calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocking {
    /// Its dotted name.
    pub name: &'static str,
    /// What does the same and is awaited.
    pub twin: &'static str,
    /// Where it waits.
    pub waits_in: WaitsIn,
}

/// What a stack shows while a library waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitsIn {
    /// Frames of its own Python code.
    Python,
    /// Nothing of it: the call from the program is the innermost frame.
    Native,
}

const fn python(name: &'static str, twin: &'static str) -> Blocking {
    Blocking { name, twin, waits_in: WaitsIn::Python }
}

const fn native(name: &'static str, twin: &'static str) -> Blocking {
    Blocking { name, twin, waits_in: WaitsIn::Native }
}

/// Blocking libraries and their async twins. Where the twin would do no better than a thread, as
/// with files, there is no entry: then a thread is the advice.
pub const BLOCKING: [Blocking; 51] = [
    native("time.sleep", "asyncio.sleep"),
    python("subprocess", "asyncio.create_subprocess_exec"),
    native("os.system", "asyncio.create_subprocess_shell"),
    native("os.waitpid", "asyncio.create_subprocess_exec"),
    python("queue.Queue", "asyncio.Queue"),
    python("socket.create_connection", "asyncio.open_connection"),
    python("socket.getaddrinfo", "loop.getaddrinfo"),
    native("socket.gethostbyname", "loop.getaddrinfo"),
    native("socket.socket", "asyncio.open_connection"),
    python("urllib.request", "httpx.AsyncClient"),
    python("http.client", "httpx.AsyncClient"),
    python("urllib3", "httpx.AsyncClient"),
    python("requests", "httpx.AsyncClient"),
    python("httpx.Client", "httpx.AsyncClient"),
    python("httpx._client.Client", "httpx.AsyncClient"),
    python("httpx._api", "httpx.AsyncClient"),
    python("httpcore._sync", "httpx.AsyncClient"),
    python("smtplib", "aiosmtplib"),
    python("ftplib", "aioftp"),
    python("imaplib", "aioimaplib"),
    python("paramiko", "asyncssh"),
    python("websocket", "websockets"),
    python("serial", "pyserial-asyncio-fast"),
    native("sqlite3", "aiosqlite"),
    native("psycopg2", "psycopg.AsyncConnection"),
    python("psycopg.connect", "psycopg.AsyncConnection"),
    python("psycopg.Connection", "psycopg.AsyncConnection"),
    python("psycopg.connection", "psycopg.AsyncConnection"),
    python("psycopg.cursor", "psycopg.AsyncConnection"),
    python("pymysql", "asyncmy"),
    native("MySQLdb", "asyncmy"),
    native("pyodbc", "aioodbc"),
    python("sqlalchemy", "sqlalchemy.ext.asyncio"),
    python("pymongo", "pymongo.AsyncMongoClient"),
    python("redis", "redis.asyncio"),
    python("elasticsearch", "elasticsearch.AsyncElasticsearch"),
    python("boto3", "aioboto3"),
    python("botocore", "aiobotocore"),
    python("pika", "aio-pika"),
    python("kafka", "aiokafka"),
    native("confluent_kafka", "aiokafka"),
    python("grpc", "grpc.aio"),
    python("zmq", "zmq.asyncio"),
    python("docker", "aiodocker"),
    python("kubernetes", "kubernetes_asyncio"),
    python("slack_sdk", "slack_sdk.web.async_client"),
    python("openai", "openai.AsyncOpenAI"),
    python("anthropic", "anthropic.AsyncAnthropic"),
    python("azure", "the `.aio` clients of azure"),
    python("django.db", "the `a`-methods of Django's querysets"),
    python("ldap3", "bonsai"),
];

/// Libraries, or parts of them, whose own documentation forbids to use them from several threads at
/// once, or which change something of the whole process while they run.
pub const THREAD_UNSAFE: [&str; 10] = [
    "contextlib.redirect_stderr",
    "contextlib.redirect_stdout",
    "locale.setlocale",
    "matplotlib.pyplot",
    "netCDF4",
    "rpy2",
    "tkinter",
    "turtle",
    "unittest.mock.patch",
    "warnings.catch_warnings",
];

/// What a stack that was seen to block says of libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blamed {
    /// This one blocked.
    Library(&'static Blocking),
    /// The innermost frame is the program's own: it blocked in what is no Python code.
    OwnCode,
    /// A library that is not known, or one that is async already.
    Unknown,
}

/// Whether a table knows the name, so that it is worth while to keep it.
pub fn is_known(name: &str) -> bool {
    blocking(name).is_some() || thread_unsafe(name).is_some()
}

/// The first of these names that may not be used from several threads.
pub fn unsafe_in_threads<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<&'static str> {
    names.into_iter().find_map(thread_unsafe)
}

/// The twin of the only blocking library among these names; `None` where several have different
/// ones, since any of them may be to blame.
pub(super) fn only_twin<'a>(
    names: impl IntoIterator<Item = &'a str>,
    waits_in: Option<WaitsIn>,
) -> Option<&'static str> {
    let known = names.into_iter().filter(|name| !is_async(name)).filter_map(blocking);
    let mut twins = known
        .filter(|entry| waits_in.is_none_or(|waits_in| entry.waits_in == waits_in))
        .map(|entry| entry.twin);
    let first = twins.next()?;
    twins.all(|twin| twin == first).then_some(first)
}

/// Which library a stack blames: the outermost known one that the program's innermost own frame
/// called. The stack is text, a line a frame, outermost first, and may lack its outer frames.
pub(super) fn blamed(stack: &str) -> Blamed {
    let called: Vec<String> = {
        let inner_first = stack.lines().rev().map_while(library_frame);
        inner_first.collect()
    };
    if called.is_empty() {
        return if stack.is_empty() { Blamed::Unknown } else { Blamed::OwnCode };
    }
    if called.iter().any(|name| is_async(name)) {
        return Blamed::Unknown;
    }
    let outer_first = called.iter().rev();
    outer_first
        .filter_map(|name| blocking(name))
        .map(Blamed::Library)
        .next()
        .unwrap_or(Blamed::Unknown)
}

/// The dotted name of a frame's function, if it belongs to Python or to an installed package.
fn library_frame(line: &str) -> Option<String> {
    let (place, function) = line.rsplit_once(' ')?;
    let (file, _) = place.rsplit_once(':')?;
    let file = file.replace('\\', "/");
    let module = module_of(&file)?.trim_end_matches("/__init__").replace('/', ".");
    Some(format!("{module}.{function}"))
}

/// The part of a path that names a module, without its suffix.
fn module_of(file: &str) -> Option<&str> {
    let stem = file.strip_suffix(".py")?;
    let installed = ["/site-packages/", "/dist-packages/"];
    if let Some(module) = installed.iter().find_map(|folder| stem.rsplit_once(folder)) {
        return Some(module.1);
    }
    let (_, versioned) = stem.rsplit_once("/lib/python3.")?;
    versioned.split_once('/').map(|(_, module)| module)
}

/// Whether a name says of itself that it is async, as `redis.asyncio` and `grpc.aio` do.
fn is_async(name: &str) -> bool {
    let says = |part: &str| part.to_ascii_lowercase().contains("async") || part == "aio";
    name.split('.').any(says)
}

fn blocking(name: &str) -> Option<&'static Blocking> {
    let covering = BLOCKING.iter().filter(|entry| covers(entry.name, name));
    covering.max_by_key(|entry| entry.name.len())
}

fn thread_unsafe(name: &str) -> Option<&'static str> {
    THREAD_UNSAFE.into_iter().find(|entry| covers(entry, name))
}

/// Whether `name` is the entry or lies below it. The underscore of an implementation in C, such as
/// `_sqlite3`, does not count.
fn covers(entry: &str, name: &str) -> bool {
    let name = name.strip_prefix('_').unwrap_or(name);
    name.strip_prefix(entry).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests;
