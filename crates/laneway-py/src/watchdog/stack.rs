//! Stacks of Python code.

/// What is deeper is left out.
pub(super) const FRAMES_MAX: usize = 100;

/// The stack of a thread.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    pub(super) taken_at: u64,
    /// Innermost first.
    pub(super) frames: Vec<Frame>,
}

/// A place in Python code.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Frame {
    pub(crate) file: String,
    pub(crate) line: u32,
    pub(crate) function: String,
}

impl Frame {
    /// Whether it belongs to Python itself or to an installed package, and not to the program.
    fn is_of_a_library(&self) -> bool {
        const MARKS: [&str; 4] =
            ["/lib/python3.", "/site-packages/", "/dist-packages/", "<frozen "];
        MARKS.iter().any(|mark| self.file.contains(mark))
    }
}

/// The innermost place that is the program's own, else the innermost of all.
pub(crate) fn site(frames: &[Frame]) -> Option<&Frame> {
    frames.iter().find(|frame| !frame.is_of_a_library()).or_else(|| frames.first())
}
