//! How many attempts raised, and what.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::site::tail;

/// The most kinds of exception that are counted apart.
pub const KINDS_MAX: usize = 6;
/// The longest kept name of a kind, in bytes.
pub const KIND_BYTES_MAX: usize = 48;

/// Exceptions by type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ErrorCounts {
    kinds: BTreeMap<String, u64>,
    others: u64,
}

impl ErrorCounts {
    /// Counts one exception of a type such as `requests.exceptions.Timeout`.
    pub fn record(&mut self, kind: &str) {
        self.add(kind, 1);
    }

    /// Adds another count. The total is exact in any order; the split is, too, while all kinds fit.
    pub fn merge(&mut self, other: &Self) {
        for (kind, &count) in &other.kinds {
            self.add(kind, count);
        }
        self.others = self.others.saturating_add(other.others);
    }

    fn add(&mut self, kind: &str, count: u64) {
        let kind = tail(kind, KIND_BYTES_MAX);
        let is_full = self.kinds.len() >= KINDS_MAX;
        let seen = match self.kinds.get_mut(kind) {
            Some(seen) => seen,
            None if is_full => &mut self.others,
            None => self.kinds.entry(kind.to_owned()).or_default(),
        };
        *seen = seen.saturating_add(count);
    }

    /// Kinds and their counts, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.kinds.iter().map(|(kind, &count)| (kind.as_str(), count))
    }

    /// Exceptions of kinds that found no room.
    pub const fn others(&self) -> u64 {
        self.others
    }

    /// All exceptions.
    pub fn total(&self) -> u64 {
        self.kinds.values().fold(self.others, |sum, &count| sum.saturating_add(count))
    }
}
