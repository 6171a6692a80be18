//! What the watchdog has found, in bounded memory.

use std::collections::HashMap;

use super::blame::Cause;
use super::stack::{Frame, site};
use crate::meter::Label;

/// How many different places are kept of one task.
const SITES_MAX: usize = 32;

/// How many tasks are kept places of.
const LABELS_MAX: usize = 1_024;

/// Long steps of one task, for one cause, at one place.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) label: Label,
    /// Of the longest step.
    pub(crate) key: u64,
    pub(crate) cause: Cause,
    pub(crate) count: u64,
    pub(crate) longest_ns: u64,
    pub(crate) total_ns: u64,
    /// How long after the start of the longest step its stack was taken.
    pub(crate) taken_after_ns: Option<u64>,
    /// Of the longest step; innermost first. Empty if no stack could be taken.
    pub(crate) frames: Vec<Frame>,
}

impl Finding {
    /// Whether both are of the same cause and place; a finding without a stack has no place.
    fn is_alike(&self, other: &Self) -> bool {
        let place =
            |finding: &Self| site(&finding.frames).map(|frame| (frame.file.clone(), frame.line));
        self.cause == other.cause && place(self) == place(other)
    }

    fn absorb(&mut self, other: Self) {
        let (count, total_ns) = (self.count + other.count, self.total_ns + other.total_ns);
        if other.longest_ns > self.longest_ns {
            *self = other;
        }
        self.count = count;
        self.total_ns = total_ns;
    }
}

/// The findings since they were last taken.
#[derive(Debug, Default)]
pub(super) struct Findings {
    of_tasks: HashMap<Label, Vec<Finding>>,
    /// Steps that only a starved host made long, and their time.
    acquitted: (u64, u64),
}

impl Findings {
    /// Adds one. Where there is no room, the place that has cost least goes.
    pub(super) fn add(&mut self, finding: Finding) {
        let is_full = self.of_tasks.len() >= LABELS_MAX;
        if is_full && !self.of_tasks.contains_key(&finding.label) {
            return;
        }
        let places = self.of_tasks.entry(finding.label).or_default();
        if let Some(known) = places.iter_mut().find(|known| known.is_alike(&finding)) {
            known.absorb(finding);
            return;
        }
        places.push(finding);
        if places.len() > SITES_MAX {
            let least = places.iter().enumerate().min_by_key(|(_, place)| place.total_ns);
            if let Some((least, _)) = least {
                places.swap_remove(least);
            }
        }
    }

    /// Counts a step that is not the code's fault.
    pub(super) fn acquit(&mut self, wall_ns: u64) {
        self.acquitted.0 += 1;
        self.acquitted.1 += wall_ns;
    }

    /// How many steps were acquitted, and their nanoseconds.
    pub(super) fn acquitted(&self) -> (u64, u64) {
        self.acquitted
    }

    /// Takes all, most expensive first.
    pub(super) fn take(&mut self) -> Vec<Finding> {
        let mut taken: Vec<Finding> =
            self.of_tasks.drain().flat_map(|(_, places)| places).collect();
        taken.sort_by_key(|finding| std::cmp::Reverse(finding.total_ns));
        taken
    }
}
