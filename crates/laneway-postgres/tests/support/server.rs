//! The server that tests use, and a schema of its own for each.

use std::sync::LazyLock;

use laneway_postgres::PostgresOptions;
use tokio::runtime::Runtime;

/// Names the server. `scripts/services.py run postgres -- …` starts one and sets it.
pub(crate) const URL: &str = "LANEWAY_TEST_POSTGRES_URL";

/// The runtime that all stores of this process live in.
pub(crate) static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
});

/// The URL of the server, with an option added.
pub(crate) fn url(option: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the server is named by the environment alone")]
    let url = std::env::var(URL).unwrap_or_else(|_| {
        panic!(
            "the tests of the PostgreSQL store need a server: set {URL}, or run them as \
             `python3 scripts/services.py run postgres -- cargo test -p laneway-postgres`"
        )
    });
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{option}")
}

/// A schema of its own, which is dropped with this.
pub(crate) struct Schema(pub(crate) String);

impl Schema {
    pub(crate) fn new() -> Self {
        Self(format!("laneway_test_{:016x}", fastrand::u64(..)))
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions::parse(&url(&format!("schema={}&connections=4", self.0))).unwrap()
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let sql = format!(
            "SET client_min_messages = warning; DROP SCHEMA IF EXISTS \"{}\" CASCADE",
            self.0
        );
        RUNTIME.block_on(async {
            let client = plain_client().await;
            client.batch_execute(&sql).await.unwrap();
        });
    }
}

/// A connection of the tests' own.
pub(crate) async fn plain_client() -> tokio_postgres::Client {
    let url = url("application_name=laneway-test");
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    RUNTIME.spawn(connection);
    client
}
