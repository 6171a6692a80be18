//! The rules, each a function over what is known of the program; the table lists them all.

use serde::{Deserialize, Serialize};

use crate::finding::Tier;

mod blocking;
mod busy_wait;
mod cancellation;
mod draft;
mod fan_out;
mod hot_loop;
mod locks;
mod loops;
mod measured;
mod needless;
mod pickling;
mod tasks;
mod unresolved;

pub(crate) use blocking::{Elsewhere, Ways};
pub(crate) use draft::{Change, Checkup, Draft, Edit};

/// A rule of the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "`RULES` says of each what it is")]
pub enum Rule {
    Lw001,
    Lw002,
    Lw101,
    Lw102,
    Lw103,
    Lw104,
    Lw105,
    Lw106,
    Lw107,
    Lw110,
    Lw201,
    Lw202,
    Lw301,
    Lw302,
    Lw303,
    Lw304,
    Lw305,
    Lw401,
    Lw402,
    Lw403,
    Lw404,
    Lw501,
    Lw502,
    Lw503,
    Lw601,
}

/// What is said of a rule.
#[derive(Debug, Clone, Copy)]
pub struct RuleEntry {
    /// Which one.
    pub rule: Rule,
    /// Its code, such as `LW101`.
    pub code: &'static str,
    /// What it finds.
    pub title: &'static str,
    /// How bad a finding is, where the rule itself decides it.
    pub tier: Tier,
}

const fn entry(rule: Rule, code: &'static str, tier: Tier, title: &'static str) -> RuleEntry {
    RuleEntry { rule, code, title, tier }
}

/// All rules, in the order of their codes.
pub const RULES: &[RuleEntry] = &[
    entry(Rule::Lw001, "LW001", Tier::Hint, "call that could not be followed"),
    entry(Rule::Lw002, "LW002", Tier::Warning, "line that blocked, and that reading did not find"),
    entry(Rule::Lw101, "LW101", Tier::Error, "sleep on the event loop"),
    entry(Rule::Lw102, "LW102", Tier::Error, "blocking HTTP on the event loop"),
    entry(Rule::Lw103, "LW103", Tier::Error, "waiting for a process on the event loop"),
    entry(Rule::Lw104, "LW104", Tier::Warning, "file access on the event loop"),
    entry(
        Rule::Lw105,
        "LW105",
        Tier::Error,
        "blocking database or service client on the event loop",
    ),
    entry(
        Rule::Lw106,
        "LW106",
        Tier::Warning,
        "name lookup, TLS set-up, import or input on the event loop",
    ),
    entry(Rule::Lw107, "LW107", Tier::Error, "waiting for another thread on the event loop"),
    entry(Rule::Lw110, "LW110", Tier::Error, "blocking call reached through sync code"),
    entry(Rule::Lw201, "LW201", Tier::Warning, "heavy computation on the event loop"),
    entry(Rule::Lw202, "LW202", Tier::Warning, "hot loop without an await"),
    entry(Rule::Lw301, "LW301", Tier::Error, "coroutine that is never awaited"),
    entry(Rule::Lw302, "LW302", Tier::Warning, "task that nobody keeps"),
    entry(Rule::Lw303, "LW303", Tier::Warning, "cancellation swallowed"),
    entry(Rule::Lw304, "LW304", Tier::Warning, "unbounded fan-out"),
    entry(Rule::Lw305, "LW305", Tier::Hint, "independent calls awaited one after the other"),
    entry(Rule::Lw401, "LW401", Tier::Error, "event loop started inside an event loop"),
    entry(Rule::Lw402, "LW402", Tier::Warning, "object of one loop kept for another"),
    entry(Rule::Lw403, "LW403", Tier::Error, "thread lock held across an await"),
    entry(Rule::Lw404, "LW404", Tier::Hint, "busy waiting"),
    entry(Rule::Lw501, "LW501", Tier::Hint, "async without anything to await"),
    entry(Rule::Lw502, "LW502", Tier::Hint, "blocking library in asynchronous code"),
    entry(Rule::Lw503, "LW503", Tier::Hint, "thread for work that gains nothing from it"),
    entry(Rule::Lw601, "LW601", Tier::Warning, "value that cannot travel to another process"),
];

impl Rule {
    /// What is said of it.
    pub fn entry(self) -> &'static RuleEntry {
        const LAST: RuleEntry = entry(Rule::Lw601, "LW601", Tier::Warning, "");
        RULES.iter().find(|entry| entry.rule == self).unwrap_or(&LAST)
    }

    /// Its code, such as `LW101`.
    pub fn code(self) -> &'static str {
        self.entry().code
    }

    /// The rule with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        RULES.iter().find(|entry| entry.code == code).map(|entry| entry.rule)
    }
}

pub(crate) use measured::check as measure;
pub(crate) use unresolved::check as show_unresolved;

/// Applies the rules that need nothing but the code.
pub(crate) fn apply(checkup: &mut Checkup<'_>) {
    blocking::check(checkup);
    hot_loop::check(checkup);
    tasks::check(checkup);
    cancellation::check(checkup);
    fan_out::check(checkup);
    loops::check(checkup);
    locks::check(checkup);
    busy_wait::check(checkup);
    needless::check(checkup);
    pickling::check(checkup);
}
