//! Reading a thread's Python stack from memory: without the GIL, and without stopping the thread.
//!
//! A thread that waits, or computes in native code, leaves its frames alone. Whether it did is seen
//! by reading twice. Nothing can crash here: memory is read through the system, and what is read is
//! checked before it is followed.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::layout::{self, Layout, Position};
use super::memory::Memory;
use super::stack::{FRAMES_MAX, Frame, Stack};
use crate::meter::monotonic_ns;

/// Names that are longer are not read: they are none.
const TEXT_MAX: u64 = 4_096;

/// A longer line table is not searched.
const TABLE_MAX: u64 = 1 << 20;

/// Reads stacks of this interpreter.
#[derive(Debug)]
pub(super) struct Reader {
    memory: Memory,
    layout: Layout,
    /// The addresses of Python's own types, by which objects are recognised.
    code_type: u64,
    text_type: u64,
    bytes_type: u64,
}

/// A frame before its names are looked up: its address, its code and the instruction it is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawFrame {
    code: u64,
    offset: u64,
}

/// The address of the present thread's state, by which its frames are found.
#[expect(unsafe_code, reason = "PyO3 has no wrapper of PyThreadState_Get")]
pub(super) fn present_thread_state(_: Python<'_>) -> u64 {
    // SAFETY: the GIL is held, as the argument proves, so there is a state.
    unsafe { ffi::PyThreadState_Get() }.addr() as u64
}

impl Reader {
    /// A reader for this interpreter, if it is one whose memory is known, and if the present
    /// thread's stack is read rightly.
    pub(super) fn start(py: Python<'_>) -> Option<Self> {
        let version = py.version_info();
        let type_address = |class: Bound<'_, PyType>| class.as_ptr().addr() as u64;
        let code_type = py.import("types").ok()?.getattr("CodeType").ok()?;
        let reader = Self {
            memory: Memory::open().ok()?,
            layout: layout::of_version(version.major, version.minor)?,
            code_type: type_address(code_type.cast_into().ok()?),
            text_type: type_address(py.get_type::<PyString>()),
            bytes_type: type_address(py.get_type::<pyo3::types::PyBytes>()),
        };
        let read = reader.frames(&reader.raw(present_thread_state(py))?)?;
        let known =
            super::asker::frames_of(&py.import("sys").ok()?.call_method0("_getframe").ok()?);
        (known.ok()? == read).then_some(reader)
    }

    /// The stack of a thread, if it has not moved since `before`, or else where it is now.
    pub(super) fn stack(&self, thread_state: u64, before: &[RawFrame]) -> Result<Stack, Moving> {
        let taken_at = monotonic_ns();
        let now = self.raw(thread_state).unwrap_or_default();
        if now.is_empty() || now != before {
            return Err(Moving(now));
        }
        let frames = self.frames(&now);
        // It may have begun to move while the names were read.
        if self.raw(thread_state).as_ref() != Some(&now) {
            return Err(Moving(now));
        }
        frames.map(|frames| Stack { taken_at, frames }).ok_or(Moving(now))
    }

    /// The frames of a thread, innermost first.
    pub(super) fn raw(&self, thread_state: u64) -> Option<Vec<RawFrame>> {
        let mut frame = thread_state;
        for place in self.layout.to_frame {
            frame = self.memory.word(frame.checked_add(*place)?)?;
        }
        let mut frames = Vec::new();
        // Also steps over the frames that calls from native code leave in between.
        for _ in 0..FRAMES_MAX * 2 {
            if frame == 0 || frames.len() >= FRAMES_MAX {
                return Some(frames);
            }
            let code = self.memory.word(frame.checked_add(self.layout.frame_code)?)?;
            if !self.is_of_native_code(frame) && self.is(code, self.code_type) {
                frames.push(RawFrame { code, offset: self.offset(frame, code)? });
            }
            frame = self.memory.word(frame.checked_add(self.layout.frame_previous)?)?;
        }
        None
    }

    /// Whether a frame only stands for a call from native code.
    fn is_of_native_code(&self, frame: u64) -> bool {
        const NATIVE: &[u8] = &[3];
        let Some(address) = self.layout.frame_owner.and_then(|place| frame.checked_add(place))
        else {
            return false;
        };
        self.memory.bytes(address, 1).is_none_or(|owner| owner == NATIVE)
    }

    fn is(&self, object: u64, class: u64) -> bool {
        const TYPE_OF_OBJECT: u64 = 8;
        object
            .checked_add(TYPE_OF_OBJECT)
            .and_then(|address| self.memory.word(address))
            .is_some_and(|found| found == class)
    }

    /// How many bytes into its code a frame is.
    fn offset(&self, frame: u64, code: u64) -> Option<u64> {
        match self.layout.position {
            Position::Number { in_frame } => {
                let number = self.memory.half(frame.checked_add(in_frame)?)?;
                Some(u64::from(number) * 2)
            }
            Position::Address { in_frame, code_start } => {
                let address = self.memory.word(frame.checked_add(in_frame)?)?;
                address.checked_sub(code.checked_add(code_start)?)
            }
        }
    }

    fn frames(&self, raw: &[RawFrame]) -> Option<Vec<Frame>> {
        // The interpreter's own code between a class and its `__init__` is nobody's.
        let is_code_of_somebody = |frame: &Frame| frame.line > 0 || frame.file != "__init__";
        let frames: Option<Vec<_>> = raw.iter().map(|frame| self.frame(*frame)).collect();
        Some(frames?.into_iter().filter(is_code_of_somebody).collect())
    }

    fn frame(&self, RawFrame { code, offset }: RawFrame) -> Option<Frame> {
        let text = |place| self.text(self.memory.word(code.checked_add(place)?)?);
        let table = self.table(self.memory.word(code.checked_add(self.layout.code_lines)?)?)?;
        let first_line = self.memory.half(code.checked_add(self.layout.code_first_line)?)?;
        Some(Frame {
            file: text(self.layout.code_file)?,
            line: self.layout.lines.line(&table, first_line, offset),
            function: text(self.layout.code_name)?,
        })
    }

    fn table(&self, object: u64) -> Option<Vec<u8>> {
        const LENGTH: u64 = 16;
        const CONTENT: u64 = 32;
        let length = self.memory.word(object.checked_add(LENGTH)?)?;
        if !self.is(object, self.bytes_type) || length > TABLE_MAX {
            return None;
        }
        self.memory.bytes(object.checked_add(CONTENT)?, usize::try_from(length).ok()?)
    }

    /// A string: its letters follow its head, in one, two or four bytes each.
    fn text(&self, object: u64) -> Option<String> {
        const LENGTH: u64 = 16;
        const STATE: u64 = 32;
        const ASCII: u32 = 0x40;
        const COMPACT: u32 = 0x20;
        let length = self.memory.word(object.checked_add(LENGTH)?)?;
        let state = self.memory.half(object.checked_add(STATE)?)?;
        if !self.is(object, self.text_type) || length > TEXT_MAX || state & COMPACT == 0 {
            return None;
        }
        let is_ascii = state & ASCII != 0;
        let width = usize::try_from((state >> 2) & 7).ok()?;
        let head = if is_ascii { self.layout.text_ascii } else { self.layout.text_other };
        let bytes = usize::try_from(length).ok()?.checked_mul(width)?;
        let content = self.memory.bytes(object.checked_add(head)?, bytes)?;
        let letter = |bytes: &[u8]| {
            let number = bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte));
            // Half a surrogate pair, as in names of files that are no text.
            char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER)
        };
        (width > 0).then(|| content.chunks_exact(width).map(letter).collect())
    }
}

/// The thread runs Python code: its frames are not what they were, but these.
#[derive(Debug)]
pub(super) struct Moving(pub(super) Vec<RawFrame>);
