//! The server that tests run on, and namespaces in it that nobody else uses.

use redis::Commands;

/// The address of the server; it may have parameters.
#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "whoever runs the tests says where the server is"
)]
pub(crate) fn server() -> String {
    std::env::var("LANEWAY_TEST_REDIS_URL").expect(
        "these tests need a Redis server with an append-only file: \
         `scripts/services.py run -- cargo test -p laneway-redis`, \
         or set LANEWAY_TEST_REDIS_URL=redis://localhost:6379",
    )
}

/// The URL of a namespace.
pub(crate) fn url(namespace: &Namespace) -> String {
    format!("{}?namespace={}", server(), namespace.0)
}

/// Host and port of the server.
pub(crate) fn address_of() -> String {
    let server = server();
    let rest = server.split_once("://").unwrap().1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split('/').next().unwrap().to_owned()
}

/// User and password of the server, as they stand before its host.
pub(crate) fn credentials() -> String {
    let server = server();
    let rest = server.split_once("://").unwrap().1;
    rest.rsplit_once('@').map_or_else(String::new, |(credentials, _)| format!("{credentials}@"))
}

/// A connection past Laneway.
pub(crate) fn connection() -> redis::Connection {
    redis::Client::open(server()).unwrap().get_connection().unwrap()
}

/// A namespace of one test. Its keys are deleted when it is dropped.
pub(crate) struct Namespace(pub(crate) String);

impl Namespace {
    pub(crate) fn new() -> Self {
        Self(format!("test-{:016x}", fastrand::u64(..)))
    }

    pub(crate) fn key(&self, name: &str) -> String {
        format!("{{{}}}:{name}", self.0)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let mut connection = connection();
        let pattern = format!("{{{}}}:*", self.0);
        let keys: Vec<Vec<u8>> =
            connection.scan_match(pattern).unwrap().map(|key| key.unwrap()).collect();
        for key in keys {
            connection.unlink::<_, ()>(key).unwrap();
        }
    }
}
