//! The one table of legal changes of a job.
//!
//! ```text
//!                 ┌──────── promote ───────┐
//!                 │                        ▼
//!  enqueue ──► scheduled ◄── retry/defer ── running ── succeed ──► succeeded
//!     │           ▲                        ▲ │ │ │
//!     │           └───────────┐      claim │ │ │ └──── fail ─────► failed
//!     └──────────► ready ─────┼────────────┘ │ └────── cancel ───► cancelled
//!                    ▲        └── release ───┤
//!                    └── release ────────────┴──────── park ─────► parked
//! ```
//!
//! `cancel` also ends a job that is scheduled, ready or parked; `requeue` makes a failed, cancelled
//! or parked job ready again, because a person decided so. A succeeded job never runs again.
//! The full table is generated into `docs/concepts/states.md` from [`next`].

use std::fmt;

use crate::job::State;

/// Something that happens to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Event {
    /// Its time has come.
    Promote,
    /// A worker took it; its token grows.
    Claim,
    /// Its attempt returned a result.
    Succeed,
    /// Its attempt failed and its policy grants another one, later.
    Retry,
    /// Its attempt failed for the last time, or it broke its runner too often.
    Fail,
    /// Somebody asked to end it.
    Cancel,
    /// Its worker hands it back unstarted, or its worker died and its policy says to run it again.
    Release,
    /// Its worker hands it back to be tried later, for example because it does not know the task.
    Defer,
    /// Its outcome is unknown and its policy forbids to guess, or no worker knows its task.
    Park,
    /// A person decided that it runs again.
    Requeue,
}

impl Event {
    /// Every event.
    pub const ALL: [Self; 10] = [
        Self::Promote,
        Self::Claim,
        Self::Succeed,
        Self::Retry,
        Self::Fail,
        Self::Cancel,
        Self::Release,
        Self::Defer,
        Self::Park,
        Self::Requeue,
    ];

    /// The event's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Claim => "claim",
            Self::Succeed => "succeed",
            Self::Retry => "retry",
            Self::Fail => "fail",
            Self::Cancel => "cancel",
            Self::Release => "release",
            Self::Defer => "defer",
            Self::Park => "park",
            Self::Requeue => "requeue",
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The state that follows, or `None` when the event cannot happen in that state.
pub const fn next(state: State, event: Event) -> Option<State> {
    use Event as E;
    use State as S;
    match (state, event) {
        (S::Scheduled, E::Promote)
        | (S::Running, E::Release)
        | (S::Failed | S::Cancelled | S::Parked, E::Requeue) => Some(S::Ready),
        (S::Ready, E::Claim) => Some(S::Running),
        (S::Running, E::Succeed) => Some(S::Succeeded),
        (S::Running, E::Retry | E::Defer) => Some(S::Scheduled),
        (S::Running, E::Fail) => Some(S::Failed),
        (S::Scheduled | S::Ready | S::Running | S::Parked, E::Cancel) => Some(S::Cancelled),
        (S::Running, E::Park) => Some(S::Parked),
        _ => None,
    }
}

/// The table as Markdown, for the documentation.
pub fn table_markdown() -> String {
    let row = |head: String, cells: Vec<String>| format!("| {head} | {} |\n", cells.join(" | "));
    let head = row("state".into(), Event::ALL.map(|event| event.to_string()).into());
    let rule = format!("|---|{}\n", "---|".repeat(Event::ALL.len()));
    let rows = State::ALL.map(|state| {
        let cell = |event| next(state, event).map_or("·".into(), |to| to.to_string());
        row(format!("**{state}**"), Event::ALL.map(cell).into())
    });
    head + &rule + &rows.concat()
}

/// The table as a Mermaid state diagram, for the documentation.
pub fn diagram_mermaid() -> String {
    let mut lines = vec![
        String::from("stateDiagram-v2"),
        String::from("    [*] --> scheduled: enqueue later"),
        String::from("    [*] --> ready: enqueue"),
    ];
    for state in State::ALL {
        let changes = Event::ALL.into_iter().filter_map(|event| Some((event, next(state, event)?)));
        lines.extend(changes.map(|(event, to)| format!("    {state} --> {to}: {event}")));
    }
    let ends = State::ALL.into_iter().filter(|state| state.is_terminal());
    lines.extend(ends.map(|state| format!("    {state} --> [*]")));
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests;
