//! The scripts, and the calls of them.

use std::sync::LazyLock;

use laneway_core::error::Code;
use laneway_core::interrupt::INTERRUPTS_MAX_DEFAULT;
use redis::{Arg, Cmd, Script as Source, ToRedisArgs};

/// The most due jobs that one claim makes ready, so that it stays short; the rest follows with the
/// next claim or sweep.
const PROMOTE_MAX: u32 = 500;

/// The most lines that one script searches for due jobs that cannot be read; a few milliseconds.
const SEARCHES_MAX: u32 = 3_000;

/// The most sessions that one slice of a sweep ends.
const SESSIONS_MAX: u32 = 100;

/// A script: what it is called by, and what the server runs.
#[derive(Debug)]
pub(crate) struct Script {
    source: Source,
    text: String,
}

macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident = $($file:literal),+;)*) => {
        $(
            $(#[$doc])*
            pub(crate) static $name: LazyLock<Script> = LazyLock::new(|| {
                Script::new(&[$(include_str!(concat!("scripts/", $file, ".lua"))),+])
            });
        )*
    };
}

scripts! {
    OPEN = "room", "open";
    ENQUEUE = "change", "gate", "place", "add", "check", "enqueue";
    RESTORE = "change", "gate", "place", "add", "restore";
    CLAIM = "room", "change", "gate", "place", "claim";
    SETTLE = "room", "change", "gate", "place", "settle";
    PROGRESS = "room", "progress";
    SESSION = "room", "change", "gate", "place", "lost", "session";
    SWEEP = "room", "change", "gate", "place", "lost", "sweep";
    CONTROL = "room", "change", "gate", "place", "control";
    PRUNE = "room", "change", "gate", "place", "prune";
    READ = "read";
    FINISHED = "finished";
    LIST = "list";
    CENSUS = "census";
    OWNERSHIP = "room", "ownership";
    PROFILE = "room", "profile";
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let text =
            format!("{}{}{}", constants(), include_str!("scripts/prelude.lua"), parts.concat());
        Self { source: Source::new(&text), text }
    }

    /// Its text, for other programs that call it.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The command that loads it.
    pub(crate) fn load(&self) -> Cmd {
        let mut command = redis::cmd("SCRIPT");
        command.arg("LOAD").arg(&self.text);
        command
    }

    /// Begins a call: the digest, the one key, and the time where a test moves it.
    pub(crate) fn call(&'static self, meta_key: &str, now: &str) -> Call {
        let mut command = redis::cmd("EVALSHA");
        command.arg(self.source.get_hash()).arg(1).arg(meta_key).arg(now);
        Call { script: self, command, repeats: Repeats::Never, writes: true }
    }
}

/// Whether a call may be made again when the connection was cut before its answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// The answer to the repetition would say that nothing was left to do.
    Never,
    /// The answer to the repetition is as good as the first one.
    Freely,
}

/// A call of a script with its arguments.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) script: &'static Script,
    pub(crate) command: Cmd,
    pub(crate) repeats: Repeats,
    /// Whether it changes something that must become durable.
    pub(crate) writes: bool,
}

impl Call {
    /// Adds an argument.
    pub(crate) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// The same command with the script's text in place of its digest.
    pub(crate) fn with_text(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.text());
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command
    }

    /// Adds an argument to a call that is not moved.
    pub(crate) fn push(&mut self, argument: impl ToRedisArgs) {
        self.command.arg(argument);
    }

    /// The call may be repeated freely.
    pub(crate) const fn repeatable(mut self) -> Self {
        self.repeats = Repeats::Freely;
        self
    }

    /// The call only reads, so it may be repeated freely, too.
    pub(crate) const fn reading(mut self) -> Self {
        self.writes = false;
        self.repeatable()
    }
}

/// What the scripts take from the domain. The codes come from the registry, so they cannot drift.
fn constants() -> String {
    format!(
        "local OUTCOME_UNKNOWN, JOB_POISONOUS = '{}', '{}'\n\
         local RUNNER_DIED, ATTEMPT_TIMED_OUT = '{}', '{}'\n\
         local INTERRUPTS_MAX_DEFAULT, PROMOTE_MAX = {INTERRUPTS_MAX_DEFAULT}, {PROMOTE_MAX}\n\
         local SESSIONS_MAX, SEARCHES_MAX = {SESSIONS_MAX}, {SEARCHES_MAX}\n\
         local CANCELLED_FAILURE = cmsgpack.pack({{ code = '{}', kind = '', \
         message = 'somebody asked to cancel it', traceback = '' }})\n\
         local JOB_UNREADABLE = '{}'\n",
        Code::OutcomeUnknown,
        Code::JobPoisonous,
        Code::RunnerDied,
        Code::AttemptTimedOut,
        Code::JobCancelled,
        Code::JobUnreadable,
    )
}
