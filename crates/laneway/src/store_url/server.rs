//! The address of a server that keeps jobs.

use std::fmt;

use laneway_core::error::{Code, Error};

use super::{Redacted, invalid, split_query};

/// What kind of server keeps the jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServerKind {
    /// Redis or Valkey.
    Redis,
    /// `PostgreSQL`.
    Postgres,
}

/// Each scheme of a server, written in lower case, and its kind.
const SCHEMES: [(&str, ServerKind); 12] = [
    ("redis", ServerKind::Redis),
    ("rediss", ServerKind::Redis),
    ("valkey", ServerKind::Redis),
    ("valkeys", ServerKind::Redis),
    ("redis+unix", ServerKind::Redis),
    ("valkey+unix", ServerKind::Redis),
    ("redis+sentinel", ServerKind::Redis),
    ("rediss+sentinel", ServerKind::Redis),
    ("valkey+sentinel", ServerKind::Redis),
    ("valkeys+sentinel", ServerKind::Redis),
    ("postgres", ServerKind::Postgres),
    ("postgresql", ServerKind::Postgres),
];

impl ServerKind {
    /// The kind that a scheme in lower case stands for.
    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        SCHEMES.iter().find(|(known, _)| *known == scheme).map(|(_, kind)| *kind)
    }

    /// The schemes of all servers.
    pub(super) fn schemes() -> impl Iterator<Item = &'static str> {
        SCHEMES.iter().map(|(scheme, _)| *scheme)
    }

    /// Its name as in the features of this crate.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Postgres => "postgres",
        }
    }
}

/// A server that keeps jobs. It is shown without its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    kind: ServerKind,
    /// With its secrets, and without the options that are not the server's.
    url: String,
}

impl Server {
    /// Reads what is common to all servers; the rest is for the store of the kind.
    ///
    /// `location` is what follows `scheme://`, without the query; `options` are those of the query
    /// that are meant for the store.
    pub(super) fn new(
        text: &str,
        kind: ServerKind,
        (scheme, location): (&str, &str),
        options: &str,
    ) -> Result<Self, Error> {
        let host = location.rsplit_once('@').map_or(location, |(_, host)| host);
        // A socket is named by its path: after a scheme that says so, else in an option.
        let is_socket = scheme.ends_with("+unix") && host.len() > 1;
        let has_host_option = options.split('&').any(|option| option.starts_with("host="));
        let has_host = !host.is_empty() && !host.starts_with([':', '/']);
        if !has_host && !is_socket && !has_host_option {
            return Err(invalid(text, "it names no server"));
        }
        let mark = if options.is_empty() { "" } else { "?" };
        Ok(Self { kind, url: format!("{scheme}://{location}{mark}{options}") })
    }

    /// What kind of server it is.
    pub const fn kind(&self) -> ServerKind {
        self.kind
    }

    /// The URL with its password: for the driver that connects, never for people.
    pub fn expose(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Redacted(&self.url).fmt(f)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({:?}, {:?})", self.kind, Redacted(&self.url))
    }
}

/// Splits what follows `scheme://` into its location and its query.
///
/// # Errors
/// `LW1001` when a password is written in a way that hides where the server begins.
pub(super) fn location_and_query<'a>(
    text: &str,
    rest: &'a str,
) -> Result<(&'a str, &'a str), Error> {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let has_password = authority.split_once(':').is_some_and(|(host, port)| {
        host.is_empty() || !port.bytes().all(|digit| digit.is_ascii_digit())
    });
    if has_password && !authority.contains('@') && !authority.contains('[') && rest.contains('@') {
        return Err(Error::new(
            Code::StoreUrlInvalid,
            format!("`{}` is not the URL of a store", Redacted(text)),
        )
        .why("the password contains `/`, `?` or `#` as it is, which ends the server's name")
        .fix("write `/` in a password as `%2F`, `?` as `%3F`, `#` as `%23` and `@` as `%40`"));
    }
    Ok(split_query(rest))
}
