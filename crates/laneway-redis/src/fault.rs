//! What goes wrong on the way to the server and there, as errors with a code.

use laneway_core::error::{Code, Error};
use redis::{ErrorKind, RedisError, ServerErrorKind};

/// An error for people, of an error of the driver or the server. `shown` names the server.
pub(crate) fn error(fault: &RedisError, shown: &str) -> Error {
    let code = code(fault);
    let (what, fix) = match code {
        Code::StoreAccessDenied if is_of_right(fault) => (
            format!("the user may not do what Laneway needs in the Redis server at {shown}"),
            "give it the rights that `docs/errors/LW1040.md` lists, by `ACL SETUSER`",
        ),
        Code::StoreAccessDenied => (
            format!("the Redis server at {shown} does not know this user or password"),
            "correct user and password in the store's URL: `redis://user:password@host`",
        ),
        Code::StoreFull => (
            format!("the Redis server at {shown} has no room"),
            "raise `maxmemory` or free its disk, or let workers keep ended jobs for a shorter time",
        ),
        Code::StoreLocked => (
            format!("the Redis server at {shown} is busy"),
            "wait until it has loaded its data, or find who runs a script that does not end",
        ),
        Code::JobUnreadable => {
            return Error::new(code, "the job cannot be added").why(fault.detail().unwrap_or(""));
        }
        Code::StoreCorrupt => (
            format!("the keys in the Redis server at {shown} are not as Laneway writes them"),
            "give Laneway a namespace of its own: `redis://…?namespace=shop`",
        ),
        Code::Internal => {
            (format!("the Redis server at {shown} refuses a call"), Code::Internal.entry().fix)
        }
        _ => (
            format!("the Redis server at {shown} cannot be reached"),
            "check that it runs and that host, port and TLS (`rediss://`) are right",
        ),
    };
    Error::new(code, what).why(fault.to_string()).fix(fix)
}

fn code(fault: &RedisError) -> Code {
    match fault.kind() {
        ErrorKind::AuthenticationFailed => return Code::StoreAccessDenied,
        ErrorKind::InvalidClientConfig => return Code::StoreUrlInvalid,
        ErrorKind::Io
        | ErrorKind::MasterNameNotFoundBySentinel
        | ErrorKind::NoValidReplicasFoundBySentinel
        | ErrorKind::Server(
            ServerErrorKind::Moved
            | ServerErrorKind::Ask
            | ServerErrorKind::TryAgain
            | ServerErrorKind::ClusterDown
            | ServerErrorKind::MasterDown
            | ServerErrorKind::ReadOnly,
        ) => return Code::StoreUnavailable,
        ErrorKind::Server(ServerErrorKind::BusyLoading) => return Code::StoreLocked,
        _ => {}
    }
    let table: [(Code, &[&str]); 5] = [
        (Code::StoreAccessDenied, &["NOAUTH", "WRONGPASS"]),
        // The last one is a server that cannot write its append-only file or its snapshot.
        (Code::StoreFull, &["OOM", "MISCONF"]),
        (Code::StoreLocked, &["BUSY", "LOADING"]),
        (Code::StoreCorrupt, &["WRONGTYPE"]),
        (Code::StoreUnavailable, &["READONLY", "NOREPLICAS", "max number of clients"]),
    ];
    if fault.code() == Some(Code::JobUnreadable.to_string().as_str()) {
        return Code::JobUnreadable;
    }
    if is_of_right(fault) {
        return Code::StoreAccessDenied;
    }
    let is_one_of = |words: &[&str]| words.iter().any(|word| says(fault, word));
    let found = table.into_iter().find(|(_, words)| is_one_of(words));
    found.map_or(Code::Internal, |(code, _)| code)
}

/// Whether a server says a word. Where a command inside a script fails, servers put the word into
/// the text.
fn says(fault: &RedisError, word: &str) -> bool {
    fault.code() == Some(word) || fault.detail().is_some_and(|text| text.contains(word))
}

/// Whether a known user lacks a right.
fn is_of_right(fault: &RedisError) -> bool {
    ["NOPERM", "ACL failure in script", "The user executing the script can't"]
        .into_iter()
        .any(|word| says(fault, word))
}

/// Whether the connection is of no use any more: the next call makes another one.
pub(crate) fn ends_connection(fault: &RedisError) -> bool {
    // A failover makes a replica of the master; a new connection finds the new one.
    fault.is_io_error() || fault.is_unrecoverable_error() || says(fault, "READONLY")
}

/// What a script answered is not what it should.
pub(crate) fn damaged(why: impl Into<String>) -> Error {
    Error::new(Code::StoreCorrupt, "the Redis store holds what cannot be read").why(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_server(code: &str, detail: &str) -> Code {
        super::code(&redis::make_extension_error(code.to_owned(), Some(detail.to_owned())))
    }

    #[test]
    fn what_servers_say_has_a_code() {
        let expected = [
            ("WRONGPASS", "invalid username-password pair", Code::StoreAccessDenied),
            ("NOPERM", "this user has no permissions", Code::StoreAccessDenied),
            ("ERR", "ACL failure in script: can't run this command", Code::StoreAccessDenied),
            ("OOM", "command not allowed", Code::StoreFull),
            ("MISCONF", "Errors writing to the AOF file", Code::StoreFull),
            ("BUSY", "Redis is busy running a script", Code::StoreLocked),
            ("WRONGTYPE", "Operation against a key", Code::StoreCorrupt),
            ("ERR", "max number of clients reached", Code::StoreUnavailable),
            ("ERR", "-READONLY You can't write against a replica", Code::StoreUnavailable),
            ("LW2013", "the task is not a name", Code::JobUnreadable),
            ("ERR", "unknown", Code::Internal),
        ];
        for (code, detail, known) in expected {
            assert_eq!(of_server(code, detail), known, "{code} {detail}");
        }
    }
}
