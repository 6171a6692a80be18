//! What can go wrong inside this crate, and what the user reads of it.

use std::io;
use std::path::Path;

use laneway_core::error::{Code, Error};
use laneway_core::store::is_of_content;
use rusqlite::ErrorCode;

/// The crate's own result.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// Why a statement or a verb did not succeed.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite refused.
    Sqlite(rusqlite::Error),
    /// A refusal that the contract knows, or one that is explained already.
    Known(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl Fault {
    /// Whether somebody else holds the lock and the same call may succeed in a moment.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Sqlite(error) if matches!(
                error.sqlite_error_code(),
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
            )
        )
    }

    /// What cannot be read of what is stored, if that is the fault; else the fault again.
    pub(crate) fn into_content(self) -> Result<Error> {
        match self {
            Self::Known(error) if is_of_content(&error) => Ok(error),
            Self::Sqlite(
                rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::Utf8Error(..),
            ) => Ok(Error::new(Code::StoreCorrupt, "the database holds what cannot be read")
                .why("a column holds a value of another kind")),
            fault => Err(fault),
        }
    }

    /// The error as the caller of a verb gets it; `path` is the database's.
    pub(crate) fn into_error(self, path: &str) -> Error {
        match self {
            Self::Known(error) => error,
            Self::Sqlite(error) => explain(&error, path),
        }
    }
}

fn explain(error: &rusqlite::Error, path: &str) -> Error {
    let (code, what) = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => (Code::StoreFull, "there is no room left for"),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            (Code::StoreReadOnly, "this user may not write")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            (Code::StoreLocked, "somebody else keeps the lock of")
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            (Code::StoreCorrupt, "SQLite cannot read")
        }
        Some(
            ErrorCode::CannotOpen
            | ErrorCode::SystemIoFailure
            | ErrorCode::FileLockingProtocolFailed
            | ErrorCode::NoLargeFileSupport,
        ) => (Code::StoreUnavailable, "SQLite cannot use"),
        _ => (Code::Internal, "a statement was refused by"),
    };
    Error::new(code, format!("{what} the database `{path}`")).why(error.to_string())
}

/// The error for a folder or file that the operating system refuses.
pub(crate) fn file_error(error: &io::Error, path: &Path) -> Error {
    let code = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::StoreReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StoreFull,
        _ => Code::StoreUnavailable,
    };
    Error::new(code, format!("`{}` cannot be used", path.display())).why(error.to_string())
}

/// The error for a call on a store whose thread has ended: its panic was a bug.
pub(crate) fn thread_gone() -> Error {
    Error::new(Code::Internal, "the store's thread has ended")
        .why("it ends before its last handle only when it panics")
}
