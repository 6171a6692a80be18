//! The registry of error codes. Each has a page `docs/errors/LWxxxx.md`.
//!
//! Ranges: LW1 setup and configuration, LW2 execution, LW3 payloads and the Python SDK, LW4
//! control, LW9 our bug.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What is fixed for a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The number behind `LW`.
    pub number: u16,
    /// The page's title.
    pub title: &'static str,
    /// The general advice; errors give a better one where they can.
    pub fix: &'static str,
    /// The exit status of a command that ends with it.
    pub exit: u8,
    /// Whether the same call may succeed later.
    pub retryable: bool,
}

macro_rules! registry {
    ($(
        $(#[doc = $title:literal])+
        $name:ident = $number:literal, exit $exit:literal, $retry:ident, $fix:literal;
    )*) => {
        /// A code of the error registry.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        #[non_exhaustive]
        pub enum Code {
            $($(#[doc = $title])+ $name,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What is fixed for this code.
            pub const fn entry(self) -> Entry {
                match self {
                    $(Self::$name => Entry {
                        number: $number,
                        title: concat!($($title),+).trim_ascii(),
                        fix: $fix,
                        exit: $exit,
                        retryable: registry!(@$retry),
                    },)*
                }
            }
        }
    };
    (@once) => { false };
    (@retry) => { true };
}

registry! {
    /// The store's address is not understood
    StoreUrlInvalid = 1001, exit 2, once, "use `sqlite:///relative.db`, `redis://host:6379/0` or `postgresql://user@host/database`";
    /// The store's kind is not part of this build
    StoreKindUnknown = 1002, exit 2, once, "use a kind of store that this build has, or install a build that has this one";
    /// The database file is damaged or is not Laneway's
    StoreCorrupt = 1003, exit 3, once, "restore the file from a backup, or point the store at another path";
    /// The store was written by a newer Laneway
    StoreTooNew = 1004, exit 3, once, "upgrade this installation of Laneway, or use another store";
    /// The store cannot be written
    StoreReadOnly = 1005, exit 3, once, "give this user the right to write the file and its folder";
    /// The disk is full
    StoreFull = 1006, exit 3, retry, "free space on the store's disk; waiting work goes on by itself";
    /// The store is locked by somebody else
    StoreLocked = 1007, exit 3, retry, "find who holds the database file open in a long transaction, such as a database browser";
    /// The store cannot be reached
    StoreUnavailable = 1008, exit 3, retry, "check that the store's path or server exists and may be used by this user";
    /// The database library is too old to be trusted
    StoreLibraryTooOld = 1010, exit 3, once, "build with the bundled SQLite";
    /// A configuration key is unknown
    UnknownSetting = 1020, exit 2, once, "`laneway config show` lists every key";
    /// A setting has a value that is not possible
    InvalidSetting = 1021, exit 2, once, "see the reference for the values that are possible";
    /// A configuration file cannot be read
    SettingsUnreadable = 1022, exit 2, once, "correct the file at the place that is named";
    /// A command line argument is not possible
    InvalidArgument = 1023, exit 2, once, "`laneway help` shows every command";
    /// The application is not found
    AppNotFound = 1030, exit 2, once, "name it as `module:app` or as a file, `path/to/app.py`";
    /// The application fails while it is imported
    AppImportFailed = 1031, exit 2, once, "correct the exception that is shown; `python -c 'import …'` reproduces it";
    /// Two tasks have the same name
    TaskNameClash = 1032, exit 2, once, "give one of them another name: `@app.task(name=\"…\")`";
    /// No Python is found
    PythonNotFound = 1033, exit 2, once, "activate the virtual environment of the application, or set `--python`";
    /// The runner speaks another protocol
    RunnerMismatch = 1034, exit 2, once, "install the same version of Laneway for the command and for Python";
    /// The runners do not stay alive
    RunnerUnstable = 1035, exit 1, retry, "read what the runner wrote to standard error just before";
    /// A task is declared with an option that is not possible
    TaskOptionInvalid = 1036, exit 2, once, "correct the decorator's argument that is named";
    /// The task belongs to another application
    TaskOfAnotherApp = 1037, exit 2, once, "give the task another name, `@app.task(name=\"…\")`, or the application another store; if it only moved: `laneway worker --take-over`";
    /// The server refuses this user
    StoreAccessDenied = 1040, exit 3, once, "correct user, password and database in the store's URL, or give the user the rights that the page lists";
    /// The server is too old
    StoreServerTooOld = 1041, exit 3, once, "upgrade the server";
    /// The server throws data away when its memory is full
    StoreEvicts = 1042, exit 3, once, "set `maxmemory-policy noeviction`";
    /// The server cannot keep what it acknowledges as it is asked to
    StoreNotDurable = 1043, exit 3, once, "turn the server's append-only file on, or ask for a lesser durability";
    /// The schema belongs to another program
    StoreSchemaForeign = 1053, exit 3, once, "name a schema of its own in the store's URL: `?schema=laneway`";
    /// The schema is older than this version of Laneway
    StoreSchemaOutdated = 1054, exit 3, once, "run `laneway migrate`; `laneway migrate --dry-run` shows what it would do";
    /// The database server takes no writes
    StoreServerReadOnly = 1055, exit 3, retry, "name the primary server in the store's URL, or several and `target_session_attrs=read-write`";
    /// No trusted way leads to the database server
    StoreTlsRefused = 1056, exit 3, once, "check `sslmode` and `sslrootcert` in the store's URL, and the server's certificate";
    /// The store has no transactions to take part in
    TransactionUnsupported = 1057, exit 2, once, "enqueue without `connection=`, or use a PostgreSQL store in the database of the transaction";
    /// Something else stands where the store keeps a part of its data
    StorePartForeign = 1058, exit 3, retry, "put what Laneway kept there back in one step, `redis-cli RENAME BACKUP KEY`, and never leave it empty while workers run";
    /// The worker's session was lost
    SessionLost = 2001, exit 1, retry, "nothing is lost: the worker opens a new one; if it happens often, the machine stalls longer than the lease";
    /// No worker knows the task
    TaskUnknown = 2003, exit 1, once, "start a worker whose application has the task, then `laneway jobs retry`";
    /// The attempt took longer than its timeout
    AttemptTimedOut = 2004, exit 1, retry, "raise `timeout`, or make the task do less at once";
    /// The attempt's runner died
    RunnerDied = 2005, exit 1, retry, "read the runner's standard error; a native library may have crashed";
    /// The job breaks its runner again and again
    JobPoisonous = 2006, exit 1, once, "run the task by hand with the job's arguments to see it crash";
    /// The attempt used more memory than its runner may
    MemoryExceeded = 2007, exit 1, retry, "raise `--memory-max`, or let the task work in smaller pieces";
    /// The attempt was interrupted and its outcome is unknown
    OutcomeUnknown = 2008, exit 1, once, "find out whether it took effect, then `laneway jobs retry` or `laneway jobs cancel`";
    /// The job was cancelled
    JobCancelled = 2009, exit 1, once, "enqueue it again if it is still wanted";
    /// The task raised an exception
    TaskRaised = 2010, exit 1, once, "read the traceback; `retry=Backoff(…)` repeats what may pass";
    /// A thread does not end
    ThreadStuck = 2011, exit 1, once, "give the blocking call a timeout of its own; a thread cannot be killed";
    /// The attempt went on after its end was asked for
    StopIgnored = 2012, exit 1, once, "let the task pass `CancelledError` on";
    /// What a job is cannot be read
    JobUnreadable = 2013, exit 1, once, "enqueue it again as its guide describes; `laneway jobs show` tells what cannot be read";
    /// An argument cannot be stored
    ArgumentUnencodable = 3001, exit 1, once, "pass plain data, such as an id, and open the resource inside the task";
    /// The arguments do not fit the task
    ArgumentsMismatch = 3002, exit 1, once, "call it as its signature says";
    /// The arguments or the result are too large
    PayloadTooLarge = 3003, exit 1, once, "store the data elsewhere and pass a reference, or raise `payload_max`";
    /// The result cannot be stored
    ResultUnencodable = 3004, exit 1, once, "return plain data";
    /// The stored arguments no longer fit the task
    ArgumentsUndecodable = 3005, exit 1, once, "keep new parameters optional while old jobs wait, then `laneway jobs retry`";
    /// The stored result does not fit the type that is expected
    ResultUndecodable = 3006, exit 1, once, "compare the task's return type where it ran with the one here";
    /// The result did not come in time
    ResultTimeout = 3007, exit 1, retry, "wait longer, or check with `laneway status` that a worker runs";
    /// The job did not succeed
    JobUnsuccessful = 3008, exit 1, once, "see `laneway jobs show` for its attempts";
    /// There is no running job here
    NoCurrentJob = 3009, exit 1, once, "use `current` only in code that a worker runs";
    /// The task is not registered
    TaskUnregistered = 3010, exit 1, once, "decorate it with `@app.task` in a module that is imported";
    /// A resource could not be opened
    ResourceFailed = 3011, exit 1, retry, "correct the exception that its `@app.resource` function raises";
    /// A function cannot be sent to another process
    FunctionUnsendable = 3020, exit 1, once, "move it to the top level of a module, or say `lane=\"thread\"`";
    /// An item or a result cannot be sent between processes
    ValueUnsendable = 3021, exit 1, once, "pass and return plain data, or say `lane=\"thread\"`";
    /// An item took longer than its timeout
    ItemTimedOut = 3022, exit 1, retry, "raise `timeout`, or make an item do less";
    /// The process of an item died
    ItemProcessDied = 3023, exit 1, once, "run the function by hand with this item";
    /// An item asked for another attempt and had none left
    ItemAttemptsUsed = 3024, exit 1, once, "grant more attempts by `retry`";
    /// The job is not known
    JobUnknown = 4001, exit 1, once, "`laneway jobs list` shows the jobs that the store keeps";
    /// The job's state does not allow it
    StateForbids = 4002, exit 1, once, "`laneway jobs show` tells the state";
    /// The queue is not known
    QueueUnknown = 4003, exit 1, once, "`laneway queues list` shows the queues";
    /// Laneway contradicts itself
    Internal = 9001, exit 70, once, "please report it with the text above";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("LW{}", self.entry().number))
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.to_string()
    }
}

impl FromStr for Code {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .iter()
            .copied()
            .find(|code| code.to_string() == text)
            .ok_or_else(|| format!("`{text}` is not an error code"))
    }
}

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn numbers_are_unique_and_in_order() {
        let numbers: Vec<_> = Code::ALL.iter().map(|code| code.entry().number).collect();
        let sorted: BTreeSet<_> = numbers.iter().copied().collect();
        assert_eq!(numbers, sorted.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_code_has_a_page_and_every_page_a_code() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let pages: BTreeSet<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "README.md")
            .collect();
        let codes: BTreeSet<_> = Code::ALL.iter().map(|code| format!("{code}.md")).collect();
        assert_eq!(pages, codes);
    }

    #[test]
    fn a_code_survives_its_text_form() {
        for code in Code::ALL {
            assert_eq!(code.to_string().parse::<Code>().unwrap(), *code);
        }
    }
}
