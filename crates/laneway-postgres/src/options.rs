//! What a URL says about the store.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use laneway_core::store::Durability;
use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::fault::Place;
use crate::link::quoted;
use crate::tls::{Check, Encryption};

/// The schema when the URL names none.
const SCHEMA_DEFAULT: &str = "laneway";

/// The longest name of a schema: with what the channel's name adds, the server takes 63 bytes.
const SCHEMA_BYTES_MAX: usize = 50;

/// Connections of one process when the URL names no other number.
const CONNECTIONS_DEFAULT: usize = 6;

/// How long the answer to one call may take.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// The options that are this crate's; all others are the driver's.
const OWN: [&str; 7] =
    ["schema", "listen", "connections", "sslmode", "sslrootcert", "sslcert", "sslkey"];

/// Where a store is and how it is used.
#[derive(Clone)]
pub struct PostgresOptions {
    config: Config,
    schema: String,
    listens: bool,
    connections_max: usize,
    encryption: Encryption,
    durability: Durability,
    creates: bool,
    answer_wait: Duration,
    clock: Option<Arc<dyn Clock>>,
}

impl PostgresOptions {
    /// Reads a URL such as `postgresql://user:password@host:5432/database?schema=laneway`.
    ///
    /// # Errors
    /// `LW1001` when it is malformed. The password is not shown.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (location, query) = url.split_once('?').unwrap_or((url, ""));
        let mut options = Self {
            config: Config::new(),
            schema: SCHEMA_DEFAULT.to_owned(),
            listens: true,
            connections_max: CONNECTIONS_DEFAULT,
            encryption: Encryption::default(),
            durability: Durability::Fsync,
            creates: true,
            answer_wait: ANSWER_WAIT,
            clock: None,
        };
        let mut others = Vec::new();
        let mut own = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if OWN.contains(&key) {
                own.push((key, percent_decode_str(value).decode_utf8_lossy().into_owned()));
            } else {
                others.push(pair);
            }
        }
        let mark = if others.is_empty() { "" } else { "?" };
        options.config = Config::from_str(&format!("{location}{mark}{}", others.join("&")))
            .map_err(|error| refused(&driver_reason(&error)))?;
        for (key, value) in own {
            options.set(key, &value)?;
        }
        options.complete();
        Ok(options)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Error> {
        match key {
            "schema" => self.schema = schema(value)?,
            "listen" => {
                self.listens = match value {
                    "on" => true,
                    "off" => false,
                    _ => return Err(refused("`listen` is `on` or `off`")),
                };
            }
            "connections" => {
                let count = value.parse().ok().filter(|count| (2..=200).contains(count));
                self.connections_max =
                    count.ok_or_else(|| refused("`connections` is a number between 2 and 200"))?;
            }
            "sslrootcert" if value == "system" => self.encryption.root = None,
            "sslrootcert" => self.encryption.root = Some(PathBuf::from(value)),
            "sslcert" => {
                let own = self.encryption.own.get_or_insert_default();
                own.0 = PathBuf::from(value);
            }
            "sslkey" => {
                let own = self.encryption.own.get_or_insert_default();
                own.1 = PathBuf::from(value);
            }
            _ => self.set_mode(value)?,
        }
        Ok(())
    }

    fn set_mode(&mut self, mode: &str) -> Result<(), Error> {
        let (mode, check) = match mode {
            "disable" => (SslMode::Disable, Check::Nothing),
            "allow" | "prefer" => (SslMode::Prefer, Check::Nothing),
            "require" => (SslMode::Require, Check::Nothing),
            "verify-ca" => (SslMode::Require, Check::Issuer),
            "verify-full" => (SslMode::Require, Check::IssuerAndHost),
            _ => {
                return Err(refused(
                    "`sslmode` is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`",
                ));
            }
        };
        self.config.ssl_mode(mode);
        self.encryption.check = check;
        Ok(())
    }

    /// Sets what the URL left open.
    fn complete(&mut self) {
        // As with `libpq`: who names certificates to trust wants them to be looked at.
        if self.encryption.root.is_some()
            && self.encryption.check == Check::Nothing
            && self.config.get_ssl_mode() == SslMode::Require
        {
            self.encryption.check = Check::Issuer;
        }
        if self.config.get_application_name().is_none() {
            self.config.application_name("laneway");
        }
        if self.config.get_connect_timeout().is_none() {
            self.config.connect_timeout(Duration::from_secs(5));
        }
        if self.config.get_tcp_user_timeout().is_none() {
            self.config.tcp_user_timeout(Duration::from_secs(15));
        }
        self.config.keepalives_idle(Duration::from_secs(15));
        self.config.keepalives_interval(Duration::from_secs(5));
        self.config.keepalives_retries(3);
    }

    /// Sets what survives of an acknowledged write. The server's own settings may promise less; it
    /// always outlives the programs that use it, so there is no level below `Os`.
    #[must_use]
    pub fn durability_of(mut self, durability: Durability) -> Self {
        self.durability = durability.max(Durability::Os);
        self
    }

    /// Has a store refused that does not exist yet, for callers that only look.
    #[must_use]
    pub const fn existing(mut self) -> Self {
        self.creates = false;
        self
    }

    /// Gives up a call whose answer takes longer; 30 s unless said otherwise.
    #[must_use]
    pub const fn answer_within(mut self, wait: Duration) -> Self {
        self.answer_wait = wait;
        self
    }

    /// Takes the time from a clock instead of from the server. For tests only: processes with
    /// different clocks on one store do not agree on what has expired.
    #[must_use]
    pub fn clock_of(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) const fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    pub(crate) const fn creates(&self) -> bool {
        self.creates
    }

    pub(crate) const fn listens(&self) -> bool {
        self.listens
    }

    pub(crate) const fn connections_max(&self) -> usize {
        self.connections_max
    }

    pub(crate) const fn durability(&self) -> Durability {
        self.durability
    }

    pub(crate) const fn answer_wait(&self) -> Duration {
        self.answer_wait
    }

    pub(crate) fn clock(&self) -> Option<Arc<dyn Clock>> {
        self.clock.clone()
    }

    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    pub(crate) fn quoted_schema(&self) -> String {
        quoted(&self.schema)
    }

    /// The channel on which processes wake each other.
    pub(crate) fn channel(&self) -> String {
        format!("laneway:{}", self.schema)
    }

    /// Where the store is, for people.
    pub(crate) fn place(&self) -> Place {
        let hosts = self.config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let hosts: Vec<String> = hosts.collect();
        let ports: Vec<String> = self.config.get_ports().iter().map(ToString::to_string).collect();
        let port = if ports.is_empty() { String::from("5432") } else { ports.join(",") };
        let user = self.config.get_user().unwrap_or_default().to_owned();
        Place {
            server: format!("{}:{port}", hosts.join(",")),
            database: self.config.get_dbname().unwrap_or(&user).to_owned(),
            schema: self.schema.clone(),
            user,
        }
    }
}

fn schema(name: &str) -> Result<String, Error> {
    let is_usable = !name.is_empty()
        && name.len() <= SCHEMA_BYTES_MAX
        && !name.starts_with("pg_")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if is_usable {
        return Ok(name.to_owned());
    }
    Err(refused(&format!(
        "`{name}` cannot be the name of a schema: it has at most {SCHEMA_BYTES_MAX} small letters, \
         digits and underscores, begins with no digit, and not with `pg_`"
    )))
}

fn refused(why: &str) -> Error {
    Error::new(Code::StoreUrlInvalid, "the URL of the PostgreSQL store cannot be used")
        .why(why)
        .fix("write `postgresql://user:password@host:5432/database?schema=laneway`")
}

fn driver_reason(error: &tokio_postgres::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

impl fmt::Debug for PostgresOptions {
    /// Shows no password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("place", &self.place())
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_server_database_schema_and_user() {
        let url = "postgresql://me:s3cret@db.example:6432/shop?schema=jobs&sslmode=verify-full";
        let options = PostgresOptions::parse(url).unwrap();
        let place = options.place();
        assert_eq!(place.server, "db.example:6432");
        assert_eq!((place.database.as_str(), place.schema.as_str()), ("shop", "jobs"));
        assert_eq!(options.encryption.check, Check::IssuerAndHost);
        assert!(options.listens);
        assert!(!format!("{options:?}").contains("s3cret"));
    }

    #[test]
    fn require_with_certificates_to_trust_looks_at_them() {
        let url = "postgresql://db/shop?sslmode=require";
        assert_eq!(PostgresOptions::parse(url).unwrap().encryption.check, Check::Nothing);
        let url = format!("{url}&sslrootcert=/root.crt");
        assert_eq!(PostgresOptions::parse(&url).unwrap().encryption.check, Check::Issuer);
    }

    #[test]
    fn what_is_not_understood_is_refused_without_showing_the_password() {
        for option in
            ["schema=Jobs", "schema=pg_jobs", "listen=maybe", "sslmode=no", "connections=1", "x=y"]
        {
            let url = format!("postgresql://me:s3cret@db/shop?{option}");
            let error = PostgresOptions::parse(&url).unwrap_err();
            assert_eq!(error.code(), Code::StoreUrlInvalid, "{option}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }
}
