//! The only place that writes to standard output and standard error.

use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Color as AnyColor, Style};
use laneway_core::error::Error;
use serde_json::{Value, json};

use super::{Color, Global, NEGATIVE, SCHEMA};

/// What is wrong.
pub(super) const RED: Style = color(AnsiColor::Red).bold();
/// What is odd.
pub(super) const YELLOW: Style = color(AnsiColor::Yellow);
/// What is well.
pub(super) const GREEN: Style = color(AnsiColor::Green);
/// What is under way.
pub(super) const CYAN: Style = color(AnsiColor::Cyan);
/// What stands back.
pub(super) const DIM: Style = Style::new().dimmed();
/// What has no colour.
pub(super) const PLAIN: Style = Style::new();

const fn color(color: AnsiColor) -> Style {
    Style::new().fg_color(Some(AnyColor::Ansi(color)))
}

/// Standard output and standard error, with the manners of a good command: a reader that closed the
/// pipe ends the writing quietly, every other trouble is told once.
pub(super) struct Output {
    is_json: bool,
    talk: Talk,
    out: AutoStream<io::Stdout>,
    err: AutoStream<io::Stderr>,
    trouble: Option<io::Error>,
}

/// How many words are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talk {
    /// Errors only.
    Little,
    Normal,
    Much,
}

impl Talk {
    const fn wanted(global: &Global) -> Self {
        match (global.quiet, global.verbose) {
            (true, _) => Self::Little,
            (false, true) => Self::Much,
            (false, false) => Self::Normal,
        }
    }
}

impl Output {
    pub(super) fn new(global: &Global) -> Self {
        let choice = match global.color {
            Color::Auto => None,
            Color::Always => Some(ColorChoice::Always),
            Color::Never => Some(ColorChoice::Never),
        };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let out = choice.unwrap_or_else(|| AutoStream::choice(&stdout));
        let err = choice.unwrap_or_else(|| AutoStream::choice(&stderr));
        Self {
            is_json: global.json,
            talk: Talk::wanted(global),
            out: AutoStream::new(stdout, out),
            err: AutoStream::new(stderr, err),
            trouble: None,
        }
    }

    /// Whether data is wanted as JSON.
    pub(super) const fn is_json(&self) -> bool {
        self.is_json
    }

    /// Whether more words are wanted.
    pub(super) fn is_verbose(&self) -> bool {
        self.talk == Talk::Much
    }

    /// Writes a line of data for people.
    pub(super) fn line(&mut self, text: &str) {
        self.attempt(|out| writeln!(out, "{text}"));
    }

    /// Writes one JSON object as one line, with its schema number first.
    pub(super) fn json(&mut self, value: Value) {
        let line = with_schema(value).to_string();
        self.attempt(|out| writeln!(out, "{line}"));
    }

    /// Writes raw data, such as a script.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.attempt(|out| out.write_all(bytes));
    }

    /// Standard output, for more data than is worth a copy. What cannot be written is told by
    /// [`Output::finish`].
    pub(super) fn data(&mut self) -> impl Write {
        io::BufWriter::new(Data(self))
    }

    /// Whether something could not be written.
    pub(super) const fn is_broken(&self) -> bool {
        self.trouble.is_some()
    }

    /// Writes words for people, unless they asked for quiet.
    pub(super) fn note(&mut self, text: &str) {
        if self.talk != Talk::Little {
            self.words(text);
        }
    }

    /// Writes a line over the one that was written so before; an empty one makes room for others.
    pub(super) fn status(&mut self, text: &str) {
        // As in `words`.
        drop(write!(self.err, "\r\x1b[2K{text}").and_then(|()| self.err.flush()));
    }

    /// Empties the screen, where data goes to one.
    pub(super) fn clear(&mut self) {
        // Not through the stream, which would take this for a colour where none are wanted.
        if io::stdout().is_terminal() {
            self.attempt(|_| io::stdout().write_all(b"\x1b[H\x1b[2J\x1b[3J"));
        }
    }

    /// Writes words for people who asked for more.
    pub(super) fn detail(&mut self, text: &str) {
        if self.is_verbose() {
            self.words(text);
        }
    }

    /// Writes a remark on something odd.
    pub(super) fn warning(&mut self, text: &str) {
        self.note(&format!("{YELLOW}warning:{YELLOW:#} {text}"));
    }

    /// Writes words that even those who asked for quiet must see.
    pub(super) fn problem(&mut self, text: &str) {
        self.words(text);
    }

    /// Writes an error in full.
    pub(super) fn error(&mut self, error: &Error) {
        if self.is_json {
            let line = with_schema(json!({ "error": error_view(error) })).to_string();
            return self.words(&line);
        }
        let head = format!("error[{}]", error.code());
        let text = plain(&error.to_string());
        let rest = text.strip_prefix(&head).unwrap_or(&text);
        self.words(&format!("{RED}{head}{RED:#}{rest}"));
    }

    /// Hands on what was written and gives the exit status: `status`, unless something could not be
    /// written.
    pub(super) fn finish(&mut self, status: u8) -> u8 {
        if self.trouble.is_none() {
            self.attempt(Write::flush);
        }
        match self.trouble.take() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.words(&format!(
                    "{RED}error{RED:#}: standard output cannot be written: {error}"
                ));
                status.max(NEGATIVE)
            }
            _ => status,
        }
    }

    fn attempt(&mut self, write: impl FnOnce(&mut AutoStream<io::Stdout>) -> io::Result<()>) {
        if self.trouble.is_none() {
            self.trouble = write(&mut self.out).err();
        }
    }

    fn words(&mut self, text: &str) {
        // Nobody is left to be told that standard error cannot be written.
        drop(writeln!(self.err, "{text}"));
    }
}

/// See [`Output::data`].
struct Data<'a>(&'a mut Output);

impl Data<'_> {
    fn attempt<T>(
        &mut self,
        write: impl FnOnce(&mut AutoStream<io::Stdout>) -> io::Result<T>,
    ) -> io::Result<T> {
        if let Some(error) = &self.0.trouble {
            return Err(error.kind().into());
        }
        write(&mut self.0.out).map_err(|error| {
            let kind = error.kind();
            self.0.trouble = Some(error);
            kind.into()
        })
    }
}

impl Write for Data<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush)
    }
}

/// An error as JSON.
pub(super) fn error_view(error: &Error) -> Value {
    json!({
        "code": error.code().to_string(),
        "what": error.what(),
        "why": error.reason(),
        "fix": error.remedy(),
        "retryable": error.is_retryable(),
    })
}

/// Text from a store or a file, safe for a terminal: no control characters but the ends of lines.
pub(super) fn plain(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => safe.push('\n'),
            '\t' => safe.push_str("    "),
            control if control.is_control() => safe.extend(control.escape_default()),
            other => safe.push(other),
        }
    }
    safe
}

/// Writes a help or a version, as clap has it, and gives the exit status.
pub(super) fn clap_text(error: &clap::Error) -> u8 {
    // As above: when this cannot be written, nobody is left to be told.
    drop(error.print());
    u8::try_from(error.exit_code()).unwrap_or(2)
}

fn with_schema(value: Value) -> Value {
    let mut object = serde_json::Map::new();
    object.insert("schema".to_owned(), json!(SCHEMA));
    match value {
        Value::Object(fields) => object.extend(fields),
        other => {
            object.insert("value".to_owned(), other);
        }
    }
    Value::Object(object)
}
