//! How a process ended, in words.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// How a runner's process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exit {
    /// A sentence without its full stop, such as `it was killed by signal 11 (SIGSEGV)`.
    pub(crate) how: String,
}

impl Exit {
    pub(super) fn new(status: io::Result<ExitStatus>) -> Self {
        let how = match status {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("it ended with status {code}"),
                (None, Some(signal)) => format!("it was killed by {}", signal_name(signal)),
                (None, None) => "it ended in an unknown way".to_owned(),
            },
            Err(error) => format!("how it ended cannot be told: {error}"),
        };
        Self { how }
    }
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        8 => "SIGFPE",
        9 => "SIGKILL; the kernel does this when memory is short",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_signals_are_told_apart() {
        for (wait_status, how) in [
            (0, "it ended with status 0"),
            (3 << 8, "it ended with status 3"),
            (11, "it was killed by signal 11 (SIGSEGV)"),
            (9, "it was killed by signal 9 (SIGKILL; the kernel does this when memory is short)"),
        ] {
            assert_eq!(Exit::new(Ok(ExitStatus::from_raw(wait_status))).how, how);
        }
    }
}
