//! What goes wrong on the way to the server and there, as errors with a code.

use laneway_core::error::{Code, Error};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// An error for people, of an error of the driver or the server. `shown` names the server.
pub(crate) fn error(fault: &RedisError, shown: &str) -> Error {
    let why = fault.to_string();
    match code(fault) {
        Code::StoreAccessDenied => denied(fault, shown).why(why),
        Code::StoreReadOnly => Error::new(
            Code::StoreReadOnly,
            format!("the Redis server at {shown} takes no writes"),
        )
        .why(why)
        .fix("name the master and not a replica, or let Sentinel find it: `redis+sentinel://…`"),
        Code::StoreFull => {
            Error::new(Code::StoreFull, format!("the Redis server at {shown} is out of memory"))
                .why(why)
                .fix("raise `maxmemory`, or let workers keep ended jobs for a shorter time")
        }
        Code::StoreLocked => Error::new(
            Code::StoreLocked,
            format!("the Redis server at {shown} is busy"),
        )
        .why(why)
        .fix("wait until it has loaded its data, or find who runs a script that does not end"),
        Code::StoreCorrupt => Error::new(
            Code::StoreCorrupt,
            format!("the keys in the Redis server at {shown} are not as Laneway writes them"),
        )
        .why(why)
        .fix("give Laneway a namespace of its own: `redis://…?namespace=shop`"),
        Code::Internal => {
            Error::new(Code::Internal, format!("the Redis server at {shown} refuses a call"))
                .why(why)
        }
        other => Error::new(other, format!("the Redis server at {shown} cannot be reached"))
            .why(why)
            .fix("check that it runs and that host, port and TLS (`rediss://`) are right"),
    }
}

fn denied(fault: &RedisError, shown: &str) -> Error {
    let code = Code::StoreAccessDenied;
    if is_of_right(fault) {
        return Error::new(code, format!("the user may not do what Laneway needs at {shown}"))
            .fix("give it the rights that docs/errors/LW1040.md lists, by `ACL SETUSER`");
    }
    Error::new(code, format!("the Redis server at {shown} does not know this user or password"))
        .fix("correct user and password in the store's URL: `redis://user:password@host`")
}

/// Whether a known user lacks a right.
fn is_of_right(fault: &RedisError) -> bool {
    fault.code() == Some("NOPERM") || in_script(fault, "NOPERM") || {
        let text = fault.detail().unwrap_or_default();
        text.contains("ACL failure in script") || text.contains("can't run this command")
    }
}

/// Whether an error of a command inside a script is of this kind: servers put it into the text.
fn in_script(fault: &RedisError, word: &str) -> bool {
    fault.detail().is_some_and(|text| text.contains(word))
}

fn code(fault: &RedisError) -> Code {
    match fault.kind() {
        ErrorKind::AuthenticationFailed => return Code::StoreAccessDenied,
        ErrorKind::InvalidClientConfig => return Code::StoreUrlInvalid,
        ErrorKind::Server(ServerErrorKind::ReadOnly) => return Code::StoreReadOnly,
        ErrorKind::Server(ServerErrorKind::BusyLoading) => return Code::StoreLocked,
        ErrorKind::Server(
            ServerErrorKind::MasterDown
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::TryAgain
            | ServerErrorKind::Moved
            | ServerErrorKind::Ask,
        )
        | ErrorKind::Io
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel => return Code::StoreUnavailable,
        _ => {}
    }
    let is = |word: &str| fault.code() == Some(word) || in_script(fault, word);
    if is("NOAUTH") || is("WRONGPASS") || is_of_right(fault) {
        Code::StoreAccessDenied
    } else if is("OOM") {
        Code::StoreFull
    } else if is("READONLY") {
        Code::StoreReadOnly
    } else if is("BUSY") || is("LOADING") {
        Code::StoreLocked
    } else if is("MISCONF") {
        // The server cannot write its snapshot or its append-only file.
        Code::StoreFull
    } else if is("WRONGTYPE") {
        Code::StoreCorrupt
    } else if is("NOREPLICAS") || is("MASTERDOWN") || is("CLUSTERDOWN") {
        Code::StoreUnavailable
    } else {
        Code::Internal
    }
}

/// Whether the connection is of no use any more: the next call makes another one.
pub(crate) fn ends_connection(fault: &RedisError) -> bool {
    fault.is_io_error()
        || fault.is_unrecoverable_error()
        || matches!(code(fault), Code::StoreReadOnly)
}

/// What a script answered is not what it should.
pub(crate) fn damaged(why: impl Into<String>) -> Error {
    Error::new(Code::StoreCorrupt, "the Redis store holds what cannot be read").why(why)
}
