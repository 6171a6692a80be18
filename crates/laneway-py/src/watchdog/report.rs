//! What the running watchdog tells others of this process; none of it needs the GIL.

use std::time::Duration;

use laneway_core::profile::{Blockage, Place, Site};

use super::blame::Cause;
use super::findings::Finding;
use super::running;
use super::stack::{Frame, site};

/// Where tasks are called from: what lies further out is ours,
const OURS: [&str; 2] = ["/laneway/_runner/", "/laneway/_profile/"];

/// or the event loop's, from the function on that calls whatever is due.
const LOOP: (&str, &str) = ("/asyncio/events.py", "_run");

/// Everything found since this was last asked; nothing when no watchdog runs.
pub(crate) fn take_findings() -> Vec<Finding> {
    let watch = running();
    watch.map(|watch| watch.take()).unwrap_or_default()
}

/// Long steps that have not ended; nothing when no watchdog runs.
pub(crate) fn unfinished_findings() -> Vec<Finding> {
    running().map(|watch| watch.unfinished()).unwrap_or_default()
}

/// The cause as a profile names it.
pub(crate) const fn blockage(cause: Cause) -> Blockage {
    match cause {
        Cause::Cpu => Blockage::Cpu,
        Cause::BlockingCall => Blockage::Call,
        Cause::Gil => Blockage::Gil,
        Cause::StarvedHost => Blockage::Starved,
    }
}

impl Finding {
    /// The place in the program; `None` when no stack could be taken.
    pub(crate) fn place(&self) -> Option<&Frame> {
        site(&self.frames)
    }

    /// The finding as a profile keeps it; `None` when no stack could be taken.
    pub(crate) fn site(&self) -> Option<Site> {
        let place = self.place()?;
        let blockage = blockage(self.cause);
        let place = Place::new(&place.file, place.line, &place.function);
        let longest = Duration::from_nanos(self.longest_ns);
        let mut site = Site::new(place, blockage, longest).with_stack(&self.stack_text(), None);
        site.count = self.count;
        site.total = Duration::from_nanos(self.total_ns);
        Some(site)
    }

    /// The stack as text, a line a frame, outermost first, from where the task begins.
    pub(crate) fn stack_text(&self) -> String {
        let is_outside = |frame: &Frame| {
            let is_of_loop = frame.file.ends_with(LOOP.0) && frame.function == LOOP.1;
            is_of_loop || OURS.iter().any(|ours| frame.file.contains(ours))
        };
        let of_task = self.frames.iter().position(is_outside).unwrap_or(self.frames.len());
        let frames = self.frames.iter().take(of_task).rev();
        let lines = frames.map(|frame| format!("{}:{} {}", frame.file, frame.line, frame.function));
        lines.collect::<Vec<_>>().join("\n")
    }
}
