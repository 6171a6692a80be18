//! Where lines begin: from bytes of a text to lines and columns.

use serde::{Deserialize, Serialize};

/// The beginnings of a text's lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = ends.filter_map(|(at, _)| u32::try_from(at + 1).ok());
        Self { starts: std::iter::once(0).chain(starts).collect() }
    }

    /// The line of a byte, from 1, and where that line begins.
    pub(crate) fn line(&self, offset: u32) -> (u32, u32) {
        let after = self.starts.partition_point(|start| *start <= offset);
        let start = after.checked_sub(1).and_then(|at| self.starts.get(at)).copied();
        (u32::try_from(after.max(1)).unwrap_or(u32::MAX), start.unwrap_or(0))
    }

    /// Where a line, from 1, begins.
    pub(crate) fn start(&self, line: u32) -> Option<u32> {
        self.starts.get(line.checked_sub(1)? as usize).copied()
    }

    /// Where a line ends, before the mark of its end; for the last one, where it begins.
    pub(crate) fn end(&self, line: u32) -> Option<u32> {
        let start = self.start(line)?;
        let next = self.starts.get(line as usize).copied();
        Some(next.map_or(start, |next| next.saturating_sub(1).max(start)))
    }

    /// How many lines there are.
    pub(crate) fn count(&self) -> usize {
        self.starts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_belongs_to_the_line_that_begins_before_it() {
        let lines = Lines::of("ab\nc\n\nd");
        assert_eq!(lines.line(0), (1, 0));
        assert_eq!(lines.line(2), (1, 0));
        assert_eq!(lines.line(3), (2, 3));
        assert_eq!(lines.line(5), (3, 5));
        assert_eq!(lines.line(6), (4, 6));
        assert_eq!(lines.line(99), (4, 6));
        assert_eq!([1, 3, 4, 5].map(|line| lines.start(line)), [Some(0), Some(5), Some(6), None]);
        assert_eq!([1, 3, 4, 5].map(|line| lines.end(line)), [Some(2), Some(5), Some(6), None]);
    }
}
