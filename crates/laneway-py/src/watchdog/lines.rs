//! From an instruction to its line: the two formats of a code object's line table.

/// The format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineTable {
    /// Python 3.10: pairs of bytes, the length of a range and how far its line is from the last.
    Pairs,
    /// From Python 3.11 on: entries of variable length, with columns.
    Locations,
}

impl LineTable {
    /// The line of the instruction that is `offset` bytes into the code; zero if it has none.
    pub(super) fn line(self, table: &[u8], first_line: u32, offset: u64) -> u32 {
        let found = match self {
            Self::Pairs => in_pairs(table, i64::from(first_line), offset),
            Self::Locations => in_locations(table, i64::from(first_line), offset),
        };
        found.and_then(|line| u32::try_from(line).ok()).unwrap_or(0)
    }
}

fn in_pairs(table: &[u8], first_line: i64, offset: u64) -> Option<i64> {
    const NO_LINE: i8 = -128;
    let (mut line, mut end) = (first_line, 0);
    for pair in table.chunks_exact(2) {
        let &[length, delta] = pair else { return None };
        let delta = delta.cast_signed();
        end += u64::from(length);
        if delta != NO_LINE {
            line = i64::wrapping_add(line, i64::from(delta));
        }
        if offset < end {
            return (delta != NO_LINE).then_some(line);
        }
    }
    None
}

fn in_locations(table: &[u8], first_line: i64, offset: u64) -> Option<i64> {
    const FIRST: u8 = 0x80;
    const NONE: u8 = 15;
    const LONG: u8 = 14;
    const NO_COLUMNS: u8 = 13;
    const ONE_LINE: u8 = 10;
    let (mut line, mut end) = (first_line, 0);
    let mut rest = table;
    while let Some((&head, after)) = rest.split_first() {
        let code = (head >> 3) & 0x0f;
        // Of each entry only the first byte has its highest bit set.
        let length = after.iter().take_while(|byte| *byte & FIRST == 0).count();
        let (body, next) = after.split_at_checked(length)?;
        rest = next;
        end += (u64::from(head & 7) + 1) * 2;
        // What is read may be anything, and then the line is wrong, but nothing breaks.
        let step = match code {
            LONG | NO_COLUMNS => signed(body),
            ONE_LINE..=12 => i64::from(code - ONE_LINE),
            _ => 0,
        };
        line = i64::wrapping_add(line, step);
        if offset < end {
            return (code != NONE).then_some(line);
        }
    }
    None
}

/// A number in groups of six bits, lowest first, whose lowest bit is the sign.
fn signed(bytes: &[u8]) -> i64 {
    const MORE: u8 = 0x40;
    let mut value: u64 = 0;
    for (place, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x3f) << (6 * place);
        if byte & MORE == 0 {
            break;
        }
    }
    let size = (value >> 1).cast_signed();
    if value & 1 == 1 { -size } else { size }
}
