//! A text with places as editors count them: lines, and units of UTF-16 in a line.

use std::sync::Arc;

use gen_lsp_types::{Position, Range, TextDocumentContentChangeEvent};

/// A text and where its lines begin.
#[derive(Debug, Clone)]
pub(super) struct Text {
    text: Arc<str>,
    starts: Arc<[usize]>,
}

impl Text {
    pub(super) fn new(text: Arc<str>) -> Self {
        let bytes = text.as_bytes();
        // Editors end a line at a lone `\r`, too.
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    pub(super) fn as_arc(&self) -> &Arc<str> {
        &self.text
    }

    /// The place of a byte; the nearest one before it, for a byte inside a character.
    pub(super) fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or("");
        let unit = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Position { line: unit(line), character: unit(before.encode_utf16().count()) }
    }

    pub(super) fn range(&self, start: u32, end: u32) -> Range {
        Range { start: self.position(start as usize), end: self.position(end as usize) }
    }

    /// The byte of a place; what lies behind the end of its line is the end of the line.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = position.line as usize;
        let Some(start) = self.starts.get(line).copied() else { return self.text.len() };
        let next = self.starts.get(line + 1).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..next).unwrap_or("").trim_end_matches(['\r', '\n']);
        let mut units = 0;
        for (at, character) in line.char_indices() {
            if units >= position.character as usize {
                return start + at;
            }
            units += character.len_utf16();
        }
        start + line.len()
    }

    /// The text after a change that the editor tells of.
    pub(super) fn changed(&self, event: TextDocumentContentChangeEvent) -> Self {
        match event {
            TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(whole) => {
                Self::new(whole.text.into())
            }
            TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part) => {
                let start = self.offset(part.range.start);
                let end = self.offset(part.range.end).max(start);
                let before = self.text.get(..start).unwrap_or("");
                let after = self.text.get(end..).unwrap_or("");
                Self::new(format!("{before}{}{after}", part.text).into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gen_lsp_types::TextDocumentContentChangePartial;

    use super::*;

    /// One, two, three and four bytes; one, one, one and two units.
    const MIXED: &str = "aé€😀b\r\nx\ry\n\nend";

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn places_count_units_of_utf_16() {
        let text = Text::new(MIXED.into());
        assert_eq!(text.position(0), at(0, 0));
        assert_eq!(text.position(MIXED.find('😀').unwrap()), at(0, 3));
        assert_eq!(text.position(MIXED.find('b').unwrap()), at(0, 5));
        assert_eq!(text.position(MIXED.find('x').unwrap()), at(1, 0));
        assert_eq!(text.position(MIXED.find('y').unwrap()), at(2, 0));
        assert_eq!(text.position(MIXED.find("end").unwrap()), at(4, 0));
        assert_eq!(text.position(10_000), at(4, 3));
    }

    #[test]
    fn every_character_is_found_again_by_its_place() {
        let text = Text::new(MIXED.into());
        for (offset, character) in MIXED.char_indices().filter(|(_, it)| !"\r\n".contains(*it)) {
            assert_eq!(text.offset(text.position(offset)), offset, "{character:?}");
        }
        assert_eq!(text.offset(at(0, 99)), MIXED.find('\r').unwrap());
        assert_eq!(text.offset(at(3, 7)), MIXED.find("end").unwrap() - 1);
        assert_eq!(text.offset(at(99, 0)), MIXED.len());
    }

    #[test]
    fn changes_are_made_where_the_editor_means() {
        let change = |start, end, text: &str| {
            #[expect(deprecated, reason = "the type has the field, whoever reads it")]
            let part = TextDocumentContentChangePartial {
                range: Range { start, end },
                range_length: None,
                text: text.to_owned(),
            };
            TextDocumentContentChangeEvent::TextDocumentContentChangePartial(part)
        };
        let text = Text::new(MIXED.into());
        let text = text.changed(change(at(0, 3), at(0, 5), "ß"));
        assert_eq!(&**text.as_arc(), "aé€ßb\r\nx\ry\n\nend");
        let text = text.changed(change(at(0, 5), at(3, 0), ""));
        assert_eq!(&**text.as_arc(), "aé€ßb\nend");
        let text = text.changed(change(at(1, 3), at(1, 3), "\n"));
        assert_eq!(text.position(text.as_arc().len()), at(2, 0));
    }
}
