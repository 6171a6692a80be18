//! The text of a file: decoded as Python would decode it.

use std::fmt;

/// What a file may have at most, in bytes; a larger one is data.
pub(crate) const BYTES_MAX: u64 = 16 * 1024 * 1024;

/// How deep brackets may nest and how long a chain of operators may be, before reading it is given
/// up. Python itself stops at 200 brackets.
const DEPTH_MAX: usize = 2_000;
const CHAIN_MAX: usize = 20_000;

/// Why a file is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    TooLarge(u64),
    NotText { at: usize },
    UnknownEncoding(String),
    TooDeep { line: u32 },
    System(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(bytes) => {
                write!(f, "not read: {} MiB are more than {} MiB", bytes >> 20, BYTES_MAX >> 20)
            }
            Self::NotText { at } => write!(
                f,
                "not read: byte {at} is not UTF-8, and no `# coding:` line says what it is"
            ),
            Self::UnknownEncoding(name) => {
                write!(f, "not read: the encoding `{name}` is neither UTF-8 nor Latin-1")
            }
            Self::TooDeep { .. } => {
                write!(f, "not read: nested deeper than Python itself allows")
            }
            Self::System(message) => write!(f, "not read: {message}"),
        }
    }
}

/// Decodes a file: UTF-8, or what its first two lines say.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, Unreadable> {
    let has_mark = bytes.starts_with(b"\xef\xbb\xbf");
    let bytes = if has_mark { bytes.get(3..).unwrap_or_default().to_vec() } else { bytes };
    match encoding(&bytes).as_deref() {
        None | Some("utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii") => {
            String::from_utf8(bytes)
                .map_err(|error| Unreadable::NotText { at: error.utf8_error().valid_up_to() })
        }
        Some("latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "iso-8859-15" | "cp1252") => {
            Ok(bytes.into_iter().map(char::from).collect())
        }
        Some(other) => match String::from_utf8(bytes) {
            Ok(text) if text.is_ascii() => Ok(text),
            _ => Err(Unreadable::UnknownEncoding(other.to_owned())),
        },
    }
}

/// What a line such as `# -*- coding: latin-1 -*-` says; PEP 263.
fn encoding(bytes: &[u8]) -> Option<String> {
    bytes.split(|byte| *byte == b'\n').take(2).find_map(|line| {
        let line = std::str::from_utf8(line.get(..line.len().min(200))?).ok()?;
        let comment = line.trim_start().strip_prefix('#')?;
        let (_, rest) = comment.split_once("coding")?;
        let rest = rest.strip_prefix([':', '='])?.trim_start();
        let is_part = |it: &char| it.is_ascii_alphanumeric() || "-_.".contains(*it);
        let name: String = rest.chars().take_while(is_part).collect();
        (!name.is_empty()).then(|| name.to_ascii_lowercase().replace('_', "-"))
    })
}

/// Refuses what would be nested too deep to be dropped again, without reading it as Python.
///
/// The parser takes more stack as it needs it, but its tree is freed by recursion.
pub(crate) fn refuse_depth(text: &str) -> Result<(), Unreadable> {
    let (mut line, mut depth, mut chain, mut deepest) = (1_u32, 0_usize, 0_usize, 0_usize);
    let mut quiet_until = 0;
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if at < quiet_until {
            line += u32::from(*byte == b'\n');
            continue;
        }
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b'\n' => {
                line += 1;
                let indent = bytes.get(at + 1..).unwrap_or_default();
                let indent = indent
                    .iter()
                    .take(DEPTH_MAX * 2)
                    .take_while(|it| **it == b' ' || **it == b'\t');
                deepest = indent.count();
                if depth == 0 {
                    chain = 0;
                }
            }
            b',' | b';' => chain = 0,
            b'+' | b'-' | b'~' | b'*' | b'.' | b'/' | b'%' | b'|' | b'&' | b':' | b'=' => {
                chain += 1;
            }
            b' ' if is_operator_word(bytes.get(at + 1..).unwrap_or_default()) => chain += 1,
            b'#' => quiet_until = line_end(bytes, at),
            b'"' | b'\'' => quiet_until = string_end(bytes, at),
            _ => {}
        }
        if depth > DEPTH_MAX || chain > CHAIN_MAX || deepest >= DEPTH_MAX {
            return Err(Unreadable::TooDeep { line });
        }
    }
    Ok(())
}

fn is_operator_word(rest: &[u8]) -> bool {
    [&b"not "[..], b"await ", b"lambda", b"if ", b"else ", b"and ", b"or ", b"for "]
        .iter()
        .any(|word| rest.starts_with(word))
}

fn line_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| from + at)
}

/// Where a string literal ends; at the end of the line when it is not closed there.
fn string_end(bytes: &[u8], from: usize) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let Some(quote) = rest.first() else { return from };
    let is_long = rest.get(..3).is_some_and(|it| it.iter().all(|byte| byte == quote));
    let mut at = if is_long { 3 } else { 1 };
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' if !is_long => return from + at,
            byte if byte == quote => {
                let closes = !is_long
                    || rest.get(at..at + 3).is_some_and(|it| it.iter().all(|byte| byte == quote));
                if closes {
                    return from + at + if is_long { 3 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_line_says_how_to_decode() {
        let text = decode(b"# -*- coding: latin-1 -*-\nx = '\xe9'\n".to_vec()).unwrap();
        assert!(text.contains('é'));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused_with_their_place() {
        let error = decode(b"x = '\xff'\n".to_vec()).unwrap_err();
        assert_eq!(error, Unreadable::NotText { at: 5 });
    }

    #[test]
    fn a_mark_at_the_beginning_is_no_text() {
        assert_eq!(decode(b"\xef\xbb\xbfx = 1\n".to_vec()).unwrap(), "x = 1\n");
    }

    #[test]
    fn deep_brackets_are_refused_and_long_tables_are_not() {
        assert!(refuse_depth(&"(".repeat(10_000)).is_err());
        assert!(refuse_depth(&format!("x = {}1", "-".repeat(100_000))).is_err());
        assert!(refuse_depth(&format!("x = [{}]", "-1, ".repeat(100_000))).is_ok());
        assert!(refuse_depth(&format!("x = '{}'", "(".repeat(100_000))).is_ok());
    }

    #[test]
    fn deep_indentation_is_refused() {
        let lines = (0..10_000).map(|depth| format!("{}if x:\n", " ".repeat(depth)));
        assert!(refuse_depth(&lines.collect::<String>()).is_err());
    }
}
