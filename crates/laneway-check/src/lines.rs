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
    }
}
