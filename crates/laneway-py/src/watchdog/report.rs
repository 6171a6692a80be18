//! What the running watchdog tells others of this process; none of it needs the GIL.

use super::findings::Finding;
use super::running;
use super::stack::{Frame, site};

/// Everything found since this was last asked; nothing when no watchdog runs.
pub(crate) fn take_findings() -> Vec<Finding> {
    let watch = running();
    watch.map(|watch| watch.take()).unwrap_or_default()
}

impl Finding {
    /// The place in the program; `None` when no stack could be taken.
    pub(crate) fn place(&self) -> Option<&Frame> {
        site(&self.frames)
    }

    /// The stack as text, a line a frame, outermost first, from where the task begins.
    pub(crate) fn stack_text(&self) -> String {
        let is_ours = |frame: &Frame| frame.file.contains("/laneway/_runner/");
        let of_task = self.frames.iter().position(is_ours).unwrap_or(self.frames.len());
        let frames = self.frames.iter().take(of_task).rev();
        let lines = frames.map(|frame| format!("{}:{} {}", frame.file, frame.line, frame.function));
        lines.collect::<Vec<_>>().join("\n")
    }
}
