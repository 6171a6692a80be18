//! What can go wrong between here and the server, and what the user reads of it.

use std::error::Error as StdError;
use std::fmt;

use deadpool_postgres::{PoolError, TimeoutType};
use laneway_core::error::{Code, Error};
use tokio_postgres::error::SqlState;

/// The server, the database and the schema, for people.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) server: String,
    pub(crate) database: String,
    pub(crate) schema: String,
    pub(crate) user: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the PostgreSQL server `{}`", self.server)
    }
}

/// Why a call did not succeed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// There was no connection.
    Pool(PoolError),
    /// The server refused, or the connection broke.
    Driver(tokio_postgres::Error),
    /// A refusal that is explained already.
    Known(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

/// The state by which the functions of the schema say that a session is not open.
const SESSION_LOST: &str = "LW001";

impl Fault {
    fn driver(&self) -> Option<&tokio_postgres::Error> {
        match self {
            Self::Pool(PoolError::Backend(error)) | Self::Driver(error) => Some(error),
            Self::Pool(_) | Self::Known(_) => None,
        }
    }

    fn state(&self) -> Option<&SqlState> {
        self.driver().and_then(tokio_postgres::Error::code)
    }

    /// Whether the session of the call is not open.
    pub(crate) fn is_session_lost(&self) -> bool {
        self.state().is_some_and(|state| state.code() == SESSION_LOST)
    }

    /// Whether a connection is gone that was there. One that cannot be made is another matter: a
    /// server that is away is not asked again at once.
    pub(crate) fn is_cut(&self) -> bool {
        let Some(error) = self.driver() else {
            return false;
        };
        if let Some(state) = error.code() {
            return [SqlState::ADMIN_SHUTDOWN, SqlState::CRASH_SHUTDOWN].contains(state);
        }
        let has_io_error =
            error.source().and_then(|source| source.downcast_ref::<std::io::Error>()).is_some();
        error.is_closed() || (has_io_error && matches!(self, Self::Driver(_)))
    }

    /// Whether the same call may succeed in a moment.
    pub(crate) fn may_pass_at_once(&self) -> bool {
        self.is_cut()
            || self.state().is_some_and(|state| {
                [
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    SqlState::T_R_DEADLOCK_DETECTED,
                    // The same claim under way twice.
                    SqlState::UNIQUE_VIOLATION,
                ]
                .contains(state)
            })
    }

    /// The error as the caller of a verb gets it.
    pub(crate) fn into_error(self, place: &Place) -> Error {
        match &self {
            Self::Known(error) => error.clone(),
            Self::Pool(PoolError::Timeout(kind)) => {
                let why = match kind {
                    TimeoutType::Wait => "all connections of this process are in use",
                    TimeoutType::Create | TimeoutType::Recycle => "it does not answer",
                };
                unavailable(place).why(why)
            }
            Self::Pool(PoolError::Backend(error)) | Self::Driver(error) => explain(error, place),
            Self::Pool(error) => unavailable(place).why(error.to_string()),
        }
    }
}

fn unavailable(place: &Place) -> Error {
    Error::new(Code::StoreUnavailable, format!("{place} cannot be used"))
        .fix("check that the server runs and that host and port are right; what waits goes on by itself once it is back")
}

/// All that the chain of an error says, once each.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

fn explain(error: &tokio_postgres::Error, place: &Place) -> Error {
    let Some(refusal) = error.as_db_error() else {
        let why = chain(error);
        return if why.contains("TLS") || why.contains("certificate") {
            Error::new(Code::StoreTlsRefused, format!("no safe way leads to {place}")).why(why)
        } else {
            unavailable(place).why(why)
        };
    };
    let state = refusal.code();
    let why = format!("{} (SQLSTATE {})", refusal.message(), state.code());
    let Place { database, schema, user, .. } = place;
    match state.code() {
        "28000" | "28P01" => {
            Error::new(Code::StoreAccessDenied, format!("{place} refuses the user `{user}`"))
                .fix("correct user, password and database in the store's URL")
        }
        "3D000" => {
            Error::new(Code::StoreAccessDenied, format!("{place} has no database `{database}`"))
                .fix(format!("create it: `createdb {database}`, or name another one in the URL"))
        }
        "42501" => Error::new(
            Code::StoreAccessDenied,
            format!("the user `{user}` may not do this in the schema `{schema}`"),
        )
        .fix("let a user with the right run `laneway migrate`, and grant this one the use of the schema"),
        "LW013" => {
            let why = refusal.message();
            let (_, what) = why.split_once(": ").unwrap_or(("", why));
            return Error::new(Code::JobUnreadable, "the job cannot be added").why(what);
        }
        "25006" => {
            Error::new(Code::StoreServerReadOnly, format!("{place} takes no writes"))
        }
        "3F000" | "42P01" | "42883" | "42703" => Error::new(
            Code::StoreSchemaOutdated,
            format!("the schema `{schema}` has not what this version of Laneway needs"),
        ),
        "53100" => Error::new(Code::StoreFull, format!("the disk of {place} is full")),
        "53300" => unavailable(place)
            .fix("raise `max_connections` of the server, or put a pooler before it and add `?listen=off`"),
        "55P03" | "40001" | "40P01" | "57014" => {
            Error::new(Code::StoreLocked, format!("somebody else holds locks on {place}"))
                .fix("look for long transactions in `pg_stat_activity`; Laneway tries again")
        }
        code if ["08", "57", "53", "58"].iter().any(|class| code.starts_with(class)) => {
            unavailable(place)
        }
        _ => Error::new(Code::Internal, format!("a statement was refused by {place}")),
    }
    .why(why)
}
