//! Tables for people: aligned, headed, without lines.

use anstyle::Style;

use super::output::{DIM, PLAIN, plain};

/// A place in a table.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    text: String,
    style: Style,
    is_right: bool,
}

impl Cell {
    /// A word, aligned to the left. Control characters in it are made harmless.
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        let text = plain(text.as_ref()).replace('\n', "\\n");
        Self { text, style: PLAIN, is_right: false }
    }

    /// A number, aligned to the right; zero stands back.
    pub(super) fn count(number: u64) -> Self {
        let style = if number == 0 { DIM } else { PLAIN };
        Self { text: number.to_string(), style, is_right: true }
    }

    /// A duration, aligned to the right; nothing stands for none.
    pub(super) fn right(text: Option<String>) -> Self {
        Self { text: text.unwrap_or_default(), style: PLAIN, is_right: true }
    }

    /// The same in a style.
    #[must_use]
    pub(super) fn styled(mut self, style: Style) -> Self {
        self.style = style;
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }

    fn write(&self, width: usize, is_last: bool) -> String {
        let pad = " ".repeat(width.saturating_sub(self.width()));
        if self.text.is_empty() {
            return pad;
        }
        let text = format!("{}{}{:#}", self.style, self.text, self.style);
        match (self.is_right, is_last) {
            (true, _) => format!("{pad}{text}"),
            (false, true) => text,
            (false, false) => format!("{text}{pad}"),
        }
    }
}

/// The lines of a table. A column is aligned as its first cell is.
pub(super) fn lines(heads: &[&str], rows: &[Vec<Cell>]) -> Vec<String> {
    let first = rows.first();
    let head: Vec<Cell> = heads
        .iter()
        .enumerate()
        .map(|(column, head)| Cell {
            text: head.to_uppercase(),
            style: DIM,
            is_right: first.and_then(|row| row.get(column)).is_some_and(|cell| cell.is_right),
        })
        .collect();
    let all = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| all().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0))
        .collect();
    all()
        .map(|row| {
            let last = row.len().saturating_sub(1);
            let cells = row.iter().zip(&widths).enumerate();
            let cells = cells.map(|(column, (cell, width))| cell.write(*width, column == last));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            vec![Cell::text("default"), Cell::count(12), Cell::text("a\nb\u{1b}[2J")],
            vec![Cell::text("é"), Cell::count(0), Cell::text("").styled(DIM)],
        ];
        assert_eq!(
            bare(&lines(&["queue", "ready", "note"], &rows)),
            ["QUEUE    READY  NOTE", "default     12  a\\nb\\u{1b}[2J", "é            0",]
        );
    }
}
