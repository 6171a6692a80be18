//! Where the interpreters keep what a stack is made of, in bytes from the start of each structure.
//!
//! The structures are part of a minor version's binary interface, so they stay as they are in all
//! its releases. A version that is not here is not read, and every reading is tried on a known
//! stack first.

use super::lines::LineTable;

/// The places in one minor version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// From the thread's state to its innermost frame: of each structure in between the place of
    /// the pointer to the next.
    pub(super) to_frame: &'static [u64],
    pub(super) frame_code: u64,
    pub(super) frame_previous: u64,
    /// Where it says what a frame belongs to, where some belong to calls from native code.
    pub(super) frame_owner: Option<u64>,
    pub(super) position: Position,
    pub(super) code_file: u64,
    pub(super) code_name: u64,
    pub(super) code_first_line: u64,
    pub(super) code_lines: u64,
    pub(super) lines: LineTable,
    pub(super) text_ascii: u64,
    pub(super) text_other: u64,
}

/// How a frame says which instruction it is at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Position {
    /// As the number of the instruction.
    Number { in_frame: u64 },
    /// As the address of the instruction.
    Address { in_frame: u64, code_start: u64 },
}

const PYTHON_3_10: Layout = Layout {
    to_frame: &[24],
    frame_code: 32,
    frame_previous: 24,
    frame_owner: None,
    position: Position::Number { in_frame: 96 },
    code_file: 104,
    code_name: 112,
    code_first_line: 40,
    code_lines: 120,
    lines: LineTable::Pairs,
    text_ascii: 48,
    text_other: 72,
};

const PYTHON_3_11: Layout = Layout {
    to_frame: &[56, 8],
    frame_code: 32,
    frame_previous: 48,
    frame_owner: None,
    position: Position::Address { in_frame: 56, code_start: 184 },
    code_file: 112,
    code_name: 120,
    code_first_line: 72,
    code_lines: 136,
    lines: LineTable::Locations,
    text_ascii: 48,
    text_other: 72,
};

const PYTHON_3_12: Layout = Layout {
    to_frame: &[56, 0],
    frame_code: 0,
    frame_previous: 8,
    frame_owner: Some(70),
    position: Position::Address { in_frame: 56, code_start: 192 },
    code_first_line: 68,
    text_ascii: 40,
    text_other: 56,
    ..PYTHON_3_11
};

const PYTHON_3_13: Layout = Layout {
    to_frame: &[72],
    position: Position::Address { in_frame: 56, code_start: 200 },
    ..PYTHON_3_12
};

/// The layout of a minor version of Python, if it is known.
pub(super) fn of_version(major: u8, minor: u8) -> Option<Layout> {
    // The numbers are those of machines with pointers of eight bytes.
    if size_of::<usize>() != 8 || major != 3 {
        return None;
    }
    match minor {
        10 => Some(PYTHON_3_10),
        11 => Some(PYTHON_3_11),
        12 => Some(PYTHON_3_12),
        13 => Some(PYTHON_3_13),
        _ => None,
    }
}
