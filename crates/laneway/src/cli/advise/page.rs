//! How wide the page is, which signs it can show, and how text is laid out on it.

use std::io::{self, IsTerminal};
use std::path::Path;

use rustix::termios::tcgetwinsize;

use crate::cli::output::{DIM, plain};
use crate::config::Sources;

/// The width where nobody tells another.
const WIDTH: usize = 80;
/// Below this nothing can be laid out, and above it lines are hard to read.
const WIDTH_BOUNDS: (usize, usize) = (40, 120);
/// Where the text behind a label begins.
const INDENT: usize = 11;

/// What is known of the place where text is shown.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) struct Page<'a> {
    /// The working directory: paths below it are shown without it.
    pub(in crate::cli) folder: &'a Path,
    pub(in crate::cli) width: usize,
    /// Whether it shows more than ASCII.
    pub(in crate::cli) has_unicode: bool,
}

impl<'a> Page<'a> {
    pub(in crate::cli) fn of(sources: &'a Sources) -> Self {
        let told = sources.variable("COLUMNS").and_then(|columns| columns.parse().ok());
        let (narrow, wide) = WIDTH_BOUNDS;
        let width = told.or_else(terminal_width).unwrap_or(WIDTH).clamp(narrow, wide);
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| sources.variable(name));
        let has_unicode = locale.is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.ends_with("utf-8") || locale.ends_with("utf8")
        });
        Self { folder: &sources.folder, width, has_unicode }
    }

    /// The room behind a label.
    pub(in crate::cli) const fn room(self) -> usize {
        self.width - INDENT
    }
}

fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let columns = tcgetwinsize(&stdout).ok()?.ws_col;
    (columns > 0).then_some(columns.into())
}

/// A path as short as it can be: without the folder that it is in.
pub(in crate::cli) fn nearby<'a>(file: &'a str, folder: &Path) -> &'a str {
    let below = Path::new(file).strip_prefix(folder).ok().and_then(Path::to_str);
    below.filter(|below| !below.is_empty()).unwrap_or(file)
}

/// Labelled text, line by line.
#[derive(Debug)]
pub(in crate::cli) struct Block<'a> {
    pub(in crate::cli) page: Page<'a>,
    pub(in crate::cli) lines: Vec<String>,
}

impl<'a> Block<'a> {
    pub(in crate::cli) const fn new(page: Page<'a>) -> Self {
        Self { page, lines: Vec::new() }
    }

    /// A text behind its label, in as many lines as it needs.
    pub(in crate::cli) fn row(&mut self, label: &str, text: &str) {
        let lines = wrapped(&plain(text), self.page.room());
        self.rows(label, lines);
    }

    /// Lines behind a label, as they are.
    pub(in crate::cli) fn rows(&mut self, label: &str, lines: impl IntoIterator<Item = String>) {
        let mut label = label;
        for line in lines {
            let room = INDENT - 2;
            self.lines.push(format!("  {DIM}{label:<room$}{DIM:#}{line}").trim_end().to_owned());
            label = "";
        }
    }

    pub(in crate::cli) fn gap(&mut self) {
        self.lines.push(String::new());
    }
}

/// A text in lines of at most `width` characters, broken between words where that is possible.
pub(in crate::cli) fn wrapped(text: &str, width: usize) -> Vec<String> {
    flowed(text.split_whitespace(), " ", width)
}

/// Pieces in lines of at most `width` characters; no piece is broken.
pub(in crate::cli) fn flowed<'a>(
    pieces: impl IntoIterator<Item = &'a str>,
    between: &str,
    width: usize,
) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for piece in pieces {
        let used = line.chars().count();
        if used > 0 && used + between.len() + piece.chars().count() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push_str(between);
        }
        line.push_str(piece);
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_broken_between_words_and_a_long_word_stands_alone() {
        let text = "a loop stands still for averyveryverylongwordindeed of time";
        assert_eq!(
            wrapped(text, 16),
            ["a loop stands", "still for", "averyveryverylongwordindeed", "of time"]
        );
        assert_eq!(wrapped("", 16), [""]);
    }

    #[test]
    fn the_locale_decides_on_signs_and_the_first_that_is_set_counts() {
        let page = |variables: &[(&str, &str)]| {
            let owned = variables.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
            let sources = Sources::new("/").with_environment(owned);
            let Page { width, has_unicode, .. } = Page::of(&sources);
            (width, has_unicode)
        };
        assert!(page(&[("LANG", "de_DE.UTF-8")]).1);
        assert!(page(&[("LC_ALL", "C.utf8"), ("LANG", "C")]).1);
        assert!(!page(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).1);
        assert!(!page(&[]).1);
        assert_eq!(page(&[("COLUMNS", "64")]).0, 64);
        assert_eq!(page(&[("COLUMNS", "9")]).0, 40);
    }
}
