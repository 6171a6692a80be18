//! Being told of changes by the system: which folders are watched, and what counts as a change.
//!
//! Folders are watched one by one, and only those whose files are checked: an environment or a
//! folder of packages beside the code would cost the user's watches, of which there are few.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};

use super::Event;

/// The watches of the system.
pub(super) struct Eyes {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    trouble: Option<String>,
}

impl Eyes {
    pub(super) fn new(events: Sender<Event>) -> Self {
        let tell = move |result: notify::Result<notify::Event>| {
            let touched = match result {
                Ok(event) if event.need_rescan() => Vec::new(),
                Ok(event) if is_change(event.kind) => event.paths,
                Ok(_) => return,
                Err(error) => error.paths,
            };
            // When nobody listens, the watch has ended already.
            drop(events.send(Event::Touched(touched)));
        };
        match notify::recommended_watcher(tell) {
            Ok(watcher) => Self { watcher: Some(watcher), folders: BTreeSet::new(), trouble: None },
            Err(error) => Self {
                watcher: None,
                folders: BTreeSet::new(),
                trouble: Some(format!("the system tells of no changes ({error})")),
            },
        }
    }

    /// Watches these folders and no others.
    pub(super) fn turn_to(&mut self, folders: BTreeSet<PathBuf>, touched: &BTreeSet<PathBuf>) {
        let Some(watcher) = &mut self.watcher else { return };
        // A folder that went and came again is another one; the system watches it no more.
        let stale = |folder: &PathBuf| !folders.contains(folder) || touched.contains(folder);
        for folder in self.folders.iter().filter(|folder| stale(folder)) {
            // It may be gone, and its watch with it.
            drop(watcher.unwatch(folder));
        }
        self.folders.retain(|folder| !stale(folder));
        self.trouble = None;
        for folder in folders {
            if self.folders.contains(&folder) {
                continue;
            }
            match watcher.watch(&folder, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.folders.insert(folder);
                }
                // It went while this looked; its parent tells when it comes again.
                Err(_) if !folder.exists() => {}
                Err(error) => {
                    let what = format!("`{}` cannot be watched ({error})", folder.display());
                    self.trouble.get_or_insert(what);
                }
            }
        }
    }

    /// Whether there may be changes that nobody tells of.
    pub(super) const fn is_blind(&self) -> bool {
        self.trouble.is_some()
    }

    /// Why, in words.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

/// Reading a file is none, or the check would wake itself for ever.
const fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => matches!(access, AccessKind::Close(AccessMode::Write)),
        _ => true,
    }
}
