//! Whether the store can be used: said once when it stops answering and once when it answers again.

use std::time::Duration;

use crate::clock::Moment;

/// A verb of the store that a worker depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Claim,
    Settle,
    Renew,
    Sweep,
}

/// The verbs that fail at present.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    failing: Vec<Verb>,
    since: Moment,
}

impl Trouble {
    /// A verb failed; tells whether that is news.
    pub(super) fn begins(&mut self, verb: Verb, now: Moment) -> bool {
        let is_news = self.failing.is_empty();
        if is_news {
            self.since = now;
        }
        if !self.failing.contains(&verb) {
            self.failing.push(verb);
        }
        is_news
    }

    /// A verb succeeded; tells how long the trouble lasted when this ends it.
    pub(super) fn ends(&mut self, verb: Verb, now: Moment) -> Option<Duration> {
        if self.failing.is_empty() {
            return None;
        }
        self.failing.retain(|failing| *failing != verb);
        self.failing.is_empty().then(|| now.since(self.since))
    }

    /// The session is new: whether the old one's claims and settlements fail matters no more.
    pub(super) fn forget_session(&mut self, now: Moment) -> Option<Duration> {
        self.ends(Verb::Claim, now).or(self.ends(Verb::Settle, now))
    }
}
