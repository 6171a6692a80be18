//! The format of a file of the knowledge base.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Tier;
use crate::rules::Rule;

/// One file, as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) entry: Vec<Entry>,
    #[serde(default, rename = "type")]
    pub(crate) types: Vec<Type>,
    #[serde(default)]
    pub(crate) alias: Vec<Alias>,
    #[serde(default)]
    pub(crate) library: Vec<Library>,
}

/// What a call does to the thread that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It waits for something outside, and the thread with it.
    Wait,
    /// It computes and holds the GIL.
    CpuHeld,
    /// It computes and releases the GIL.
    CpuReleased,
    /// It waits for another thread.
    Lock,
    /// It makes a coroutine, which runs when it is awaited.
    Coroutine,
    /// It has a callable run by another thread or process.
    Offload,
    /// It starts a task from a coroutine, and gives a handle that must be kept.
    Spawn,
    /// It has a callable run by the event loop itself.
    Callback,
    /// It calls a callable at once, on the same thread.
    Calls,
    /// It runs an event loop of its own.
    Loop,
    /// It gives the loop of the thread, whichever that is.
    CurrentLoop,
    /// It runs several awaitables at once.
    FanOut,
    /// It makes an object that belongs to the running loop.
    LoopBound,
}

impl Kind {
    /// Whether a call of it keeps an event loop from turning.
    pub const fn blocks(self) -> bool {
        matches!(self, Self::Wait | Self::CpuHeld | Self::CpuReleased | Self::Lock)
    }
}

/// What is known of one or more functions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) names: Vec<String>,
    pub(crate) kind: Kind,
    /// 1 is unbounded, 3 a trifle.
    #[serde(default = "Entry::usual_tier")]
    pub(crate) tier: u8,
    pub(crate) rule: Option<Rule>,
    /// A verb phrase: “waits for an HTTP response”.
    #[serde(default)]
    pub(crate) what: String,
    #[serde(default)]
    pub(crate) lane: Lane,
    pub(crate) twin: Option<String>,
    /// `await RENAME(…)` with the same arguments means the same.
    pub(crate) rename: Option<String>,
    /// The call is innocent when any of these holds.
    #[serde(default)]
    pub(crate) acquit: Vec<Predicate>,
    /// The call is guilty only when any of these holds.
    #[serde(default)]
    pub(crate) convict: Vec<Predicate>,
    /// The call is worth a hint only when any of these holds.
    #[serde(default)]
    pub(crate) trifle: Vec<Predicate>,
    /// The arguments of a guilty call, for the test of this entry.
    #[serde(default)]
    #[expect(dead_code, reason = "the test of the entry reads the file itself")]
    pub(crate) args: String,
    /// Members that a name ending in `.*` does not mean.
    #[serde(default)]
    pub(crate) except: Vec<String>,
    /// Which argument is the callable or coroutine of an offload, a spawn or a callback.
    pub(crate) callable: Option<usize>,
    /// Whether the offload takes values to another process.
    #[serde(default)]
    pub(crate) process: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "evidence for the reader of the file")]
    pub(crate) versions: String,
    /// Why it is believed.
    #[serde(default)]
    #[expect(dead_code, reason = "evidence for the reader of the file")]
    pub(crate) note: String,
}

impl Entry {
    const fn usual_tier() -> u8 {
        1
    }

    /// How bad a call of it is on an event loop.
    pub(crate) const fn severity(&self) -> Tier {
        match self.tier {
            0 | 1 => Tier::Error,
            2 => Tier::Warning,
            _ => Tier::Hint,
        }
    }
}

/// Where blocking work goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// A thread waits for it.
    #[default]
    Thread,
    /// Another process computes it.
    Process,
    /// Nowhere: it is not worth the way, or cannot be moved.
    None,
}

/// A condition on the arguments of a call.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Predicate {
    pub(crate) arg: Option<String>,
    pub(crate) at: Option<usize>,
    pub(crate) is: Option<Vec<String>>,
    pub(crate) not: Option<Vec<String>>,
    pub(crate) given: Option<bool>,
    /// A number that is less than this one.
    pub(crate) below: Option<f64>,
}

/// How objects of a class come about, and what comes from them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Type {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) made_by: Vec<String>,
    /// The calls of `made_by` give it only when any of these holds.
    #[serde(default)]
    pub(crate) when: Vec<Predicate>,
    /// Methods that wait in another type, and not in this one.
    #[serde(default)]
    pub(crate) quiet: Vec<String>,
    #[serde(default)]
    pub(crate) bases: Vec<String>,
    #[serde(default)]
    pub(crate) methods: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) enter: Option<String>,
    /// Whether a value of it cannot travel to another process.
    #[serde(default)]
    pub(crate) unpicklable: bool,
    #[serde(default)]
    #[expect(dead_code, reason = "evidence for the reader of the file")]
    pub(crate) note: String,
}

/// The same thing under another path.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Alias {
    pub(crate) name: String,
    pub(crate) is: String,
}

/// A library that blocks, and what is used instead of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Library {
    pub(crate) name: String,
    pub(crate) instead: String,
    #[serde(default)]
    #[expect(dead_code, reason = "what is used instead says more than the lane")]
    pub(crate) lane: Lane,
    /// Names that show that the library is used in its asynchronous way.
    #[serde(default)]
    pub(crate) async_when: Vec<String>,
    #[serde(default)]
    #[expect(dead_code, reason = "evidence for the reader of the file")]
    pub(crate) note: String,
}

/// The names that a pattern with braces stands for.
pub(crate) fn expand(pattern: &str) -> Vec<String> {
    let Some((head, rest)) = pattern.split_once('{') else {
        return vec![pattern.to_owned()];
    };
    let Some((choices, tail)) = rest.split_once('}') else {
        return vec![pattern.to_owned()];
    };
    let tails = expand(tail);
    let mut names = Vec::new();
    for choice in choices.split(',') {
        names.extend(tails.iter().map(|tail| format!("{head}{}{tail}", choice.trim())));
    }
    names
}
