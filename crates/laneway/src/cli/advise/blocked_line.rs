//! The line of a coroutine that blocks its loop, and what to write there instead.
//!
//! The line that was seen need not be one that can be changed: in a plain function nothing can be
//! awaited. Then the nearest coroutine that called it has the line.

use std::fs;
use std::path::Path;

use laneway_core::profile::{Blockage, Place, Site};

use super::source::{Callee, asynchronous, called, has_word, in_thread, keeps_result, statement};

/// Files that are larger hold no code that a person wrote.
const SOURCE_BYTES_MAX: u64 = 4 << 20;

/// What is done with a connection of SQLite, or of another database by the same names.
const DATABASE_CALLS: [&str; 10] = [
    "connect",
    "cursor",
    "execute",
    "executemany",
    "executescript",
    "fetchone",
    "fetchmany",
    "fetchall",
    "commit",
    "rollback",
];
/// Databases whose connections any thread may use.
const FREE_CONNECTIONS: [&str; 4] = ["psycopg2", "MySQLdb", "pyodbc", "duckdb"];

const OF_SQLITE: &str = "a connection of `sqlite3` and its cursors work only in the thread that \
                         made them: write one function that connects, asks and fetches, and `await \
                         asyncio.to_thread(function)`; or use `aiosqlite`";
const OF_ITS_THREAD: &str = "what is used there belongs to the thread that made it: write one \
                             function that makes it, uses it and ends it, and `await \
                             asyncio.to_thread(function)`";
const OF_LOCKS: &str = "an `RLock` is released by the thread that took it: use an `asyncio.Lock`, \
                        with `async with`";
const OF_GENERATORS: &str = "the time passes while the generator is iterated: write a function \
                             that returns the list of what it yields, and `await \
                             asyncio.to_thread(function)`";
const OF_COMPUTING: &str = "what computes there holds the GIL, so that a thread would not free the \
                            loop: make it less work, or give it a function of its own in a module \
                            and `await loop.run_in_executor(PROCESSES, function, ...)`, with one \
                            `concurrent.futures.ProcessPoolExecutor` that lives as long as the \
                            application";
const OF_THE_GIL: &str = "nothing in this line: another thread held the GIL meanwhile. What computes \
                          in threads belongs into a process";
const NOT_SIMPLE: &str = "give what blocks in this line a function of its own, and `await \
                          asyncio.to_thread(function)`; what runs there must be thread-safe";

/// A line of a coroutine.
#[derive(Debug)]
pub(in crate::cli) struct BlockedLine {
    pub(in crate::cli) place: Place,
    /// What stands there now.
    pub(in crate::cli) now: String,
    pub(in crate::cli) instead: Instead,
}

/// What to write.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) enum Instead {
    /// The line with the asynchronous twin of what blocks, and that twin.
    Twin(String, &'static str),
    /// The line with what blocks in a thread.
    InThread(String),
    /// No line is sure to be right; what to do, in words.
    Words(&'static str),
}

impl Instead {
    fn behind(self, head: &str) -> Self {
        match self {
            Self::Twin(line, twin) => Self::Twin(format!("{head}{line}"), twin),
            Self::InThread(line) => Self::InThread(format!("{head}{line}")),
            Self::Words(words) => Self::Words(words),
        }
    }

    /// The line, if there is one.
    pub(in crate::cli) fn code(&self) -> Option<&str> {
        match self {
            Self::Twin(line, _) | Self::InThread(line) => Some(line),
            Self::Words(_) => None,
        }
    }

    /// The words, if there is no line.
    pub(in crate::cli) const fn words(&self) -> Option<&'static str> {
        match self {
            Self::Words(words) => Some(words),
            Self::Twin(..) | Self::InThread(_) => None,
        }
    }
}

/// A frame of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) file: String,
    pub(super) line: u32,
    function: String,
}

impl Frame {
    pub(super) fn at(place: &Place) -> Self {
        let Place { file, line, function } = place.clone();
        Self { file, line, function }
    }

    /// Whether it is that of the place.
    pub(super) fn is_of(&self, place: &Place) -> bool {
        self.line == place.line && last_name(&self.function) == last_name(&place.function)
    }
}

impl BlockedLine {
    /// The line for a place that blocked, if its file is at hand and still the same. `folder` is
    /// where relative paths begin. Where a thread would hold up the loop as well, there are words.
    pub(in crate::cli) fn of(site: &Site, folder: &Path) -> Option<Self> {
        let frames: Vec<Frame> = site.stack.lines().filter_map(frame).collect();
        let seen = frames.iter().rposition(|frame| frame.is_of(&site.place));
        let mut outwards: Vec<(Frame, Option<&Frame>)> = Vec::new();
        let inner = seen.and_then(|at| frames.get(at + 1));
        outwards.push((Frame::at(&site.place), inner));
        for at in (0..seen.unwrap_or(0)).rev() {
            outwards.extend(frames.get(at).cloned().map(|frame| (frame, frames.get(at + 1))));
        }
        for (at, (frame, inner)) in outwards.iter().enumerate() {
            let text = source(&frame.file, folder)?;
            let scope = Scope::of(&text, frame.line)?;
            if scope.name != last_name(&frame.function) {
                // A comprehension and a lambda have frames of their own.
                if !frame.function.ends_with('>') {
                    return None;
                }
                continue;
            }
            if !scope.is_async {
                continue;
            }
            let now = scope.line.to_owned();
            let place = Place::new(&frame.file, frame.line, &frame.function);
            if let Some(why) = gains_nothing_in_a_thread(site) {
                return Some(Self { place, now, instead: Instead::Words(why) });
            }
            let is_known = at > 0 || seen.is_some();
            let callee = callee(*inner, is_known);
            let (head, body) = statement(&now);
            let may_be_twin = at == 0
                && matches!(
                    inner.map(|inner| last_name(&inner.function)),
                    None | Some("getaddrinfo")
                );
            let twin = if may_be_twin { asynchronous(body) } else { None };
            let instead = twin.map_or_else(
                || in_a_thread(body, &text, callee, inner.map(|inner| (inner, folder))),
                |(line, twin)| Instead::Twin(line, twin),
            );
            let instead = instead.behind(head);
            return Some(Self { place, now, instead });
        }
        None
    }
}

/// Why the loop would be held up by a thread as well, if that is so. What computes holds the GIL,
/// unless it is known not to.
fn gains_nothing_in_a_thread(site: &Site) -> Option<&'static str> {
    match site.blockage {
        Blockage::Cpu if site.gil_held != Some(false) => Some(OF_COMPUTING),
        Blockage::Gil => Some(OF_THE_GIL),
        Blockage::Cpu | Blockage::Call | Blockage::Starved => None,
    }
}

/// What a line called that the frame `inner` is of. `is_known` if that is the next one.
pub(super) fn callee(inner: Option<&Frame>, is_known: bool) -> Callee<'_> {
    match inner.map(|inner| last_name(&inner.function)) {
        // What has no frame of its own may be any of the calls, and without the stack all is open.
        None => Callee::Unknown,
        Some(_) if !is_known => Callee::Unknown,
        Some("__init__" | "__new__" | "__call__" | "<lambda>") => Callee::Unnamed,
        Some(name) => Callee::Named(name),
    }
}

fn in_a_thread(
    now: &str,
    text: &str,
    callee: Callee<'_>,
    inner: Option<(&Frame, &Path)>,
) -> Instead {
    if let Some(why) = thread_bound(now, text, callee) {
        return Instead::Words(why);
    }
    let is_generator = |(inner, folder): (&Frame, &Path)| {
        let text = source(&inner.file, folder)?;
        let scope = Scope::of(&text, inner.line)?;
        Some(scope.name == last_name(&inner.function) && scope.is_generator)
    };
    if inner.and_then(is_generator) == Some(true) {
        return Instead::Words(OF_GENERATORS);
    }
    in_thread(now, callee).map_or(Instead::Words(NOT_SIMPLE), Instead::InThread)
}

/// Why what a line uses may not be used in another thread, if that may be so.
fn thread_bound(now: &str, text: &str, callee: Callee<'_>) -> Option<&'static str> {
    let calls = called(now);
    let has = |names: &[&str]| calls.iter().any(|call| names.contains(&call.as_str()));
    if text.contains("RLock") && has(&["acquire", "release"]) {
        return Some(OF_LOCKS);
    }
    if ["tkinter", "playwright.sync_api"].iter().any(|module| text.contains(module)) {
        return Some(OF_ITS_THREAD);
    }
    let names_sqlite = text.contains("sqlite3");
    let is_free = FREE_CONNECTIONS.iter().any(|module| text.contains(module));
    // A frame of Python code below the line is none of SQLite's, which is written in C.
    let may_be_sqlite = names_sqlite || (callee == Callee::Unknown && !is_free);
    if !may_be_sqlite || text.contains("check_same_thread=False") || !has(&DATABASE_CALLS) {
        return None;
    }
    // What begins and ends in the line may do so in another thread.
    let fetches = calls.last().is_some_and(|last| last.starts_with("fetch"));
    let is_all_there = now.contains("sqlite3.connect(")
        && (fetches || !keeps_result(now))
        && callee == Callee::Unknown;
    (!is_all_there).then_some(OF_SQLITE)
}

/// The function around a line.
struct Scope<'a> {
    name: &'a str,
    is_async: bool,
    is_generator: bool,
    line: &'a str,
}

impl<'a> Scope<'a> {
    fn of(text: &'a str, number: u32) -> Option<Self> {
        let at = usize::try_from(number.checked_sub(1)?).ok()?;
        let lines: Vec<&str> = text.lines().collect();
        let line = lines.get(at)?;
        let mut indent = indent_of(line);
        if let Some((is_async, name)) = definition(line) {
            let is_generator = has_word(line, "yield");
            return Some(Self { name, is_async, is_generator, line: line.trim() });
        }
        for start in (0..at).rev() {
            let above = lines.get(start)?;
            let is_around = !above.trim().is_empty() && indent_of(above) < indent;
            if !is_around || above.trim_start().starts_with(['#', ')', ']', '}']) {
                continue;
            }
            indent = indent_of(above);
            let Some((is_async, name)) = definition(above) else { continue };
            let body = lines.get(start + 1..)?.iter();
            let mut body = body.take_while(|line| {
                line.trim().is_empty() || indent_of(line) > indent || line.trim().starts_with(')')
            });
            let is_generator = body.any(|line| has_word(line, "yield"));
            return Some(Self { name, is_async, is_generator, line: line.trim() });
        }
        None
    }
}

/// Whether a line defines a coroutine or a function, and its name.
fn definition(line: &str) -> Option<(bool, &str)> {
    let line = line.trim_start();
    let (is_async, rest) = match line.strip_prefix("async ") {
        Some(rest) => (true, rest.trim_start()),
        None => (false, line),
    };
    let name = rest.strip_prefix("def ")?.trim_start();
    let end = name.find(|sign: char| !(sign.is_alphanumeric() || sign == '_'))?;
    Some((is_async, name.get(..end)?))
}

fn indent_of(line: &str) -> usize {
    line.chars().take_while(|sign| sign.is_whitespace()).count()
}

fn last_name(function: &str) -> &str {
    function.rsplit('.').next().unwrap_or(function)
}

/// A line of a stack: `FILE:LINE FUNCTION`.
pub(super) fn frame(line: &str) -> Option<Frame> {
    let (place, function) = line.trim().rsplit_once(' ')?;
    let (file, line) = place.rsplit_once(':')?;
    let line = line.parse().ok()?;
    Some(Frame { file: file.to_owned(), line, function: function.to_owned() })
}

/// The line as it stands in the file now.
pub(super) fn line_of(place: &Place, folder: &Path) -> Option<String> {
    let text = source(&place.file, folder)?;
    let index = usize::try_from(place.line.checked_sub(1)?).ok()?;
    let line = text.lines().nth(index)?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// A file's text. Only Python files are looked at: the path comes from a store that others may
/// write to.
pub(super) fn source(file: &str, folder: &Path) -> Option<String> {
    let path = folder.join(file);
    let is_python = path.extension().is_some_and(|extension| extension == "py");
    let about = fs::metadata(&path).ok().filter(|about| is_python && about.is_file())?;
    if about.len() > SOURCE_BYTES_MAX {
        return None;
    }
    fs::read_to_string(&path).ok()
}

/// Whether a file needs an import of `asyncio` for an edit.
pub(super) fn lacks_asyncio(place: &Place, folder: &Path) -> bool {
    source(&place.file, folder).is_some_and(|text| !text.contains("import asyncio"))
}

#[cfg(test)]
mod tests;
