//! Reading this process's memory without trust: an address that is not there is an answer, and no
//! crash.
//!
//! What other threads change meanwhile may be read half-way; whoever reads checks what it got.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The memory of this process, as a file.
#[derive(Debug)]
pub(super) struct Memory(File);

impl Memory {
    /// Opens it; it exists on Linux only, and may be forbidden.
    pub(super) fn open() -> io::Result<Self> {
        File::open("/proc/self/mem").map(Self)
    }

    /// The bytes at an address.
    pub(super) fn bytes(&self, address: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(bytes)
    }

    /// The pointer or the size at an address.
    pub(super) fn word(&self, address: u64) -> Option<u64> {
        let mut bytes = [0; 8];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(u64::from_ne_bytes(bytes))
    }

    /// The number of four bytes at an address.
    pub(super) fn half(&self, address: u64) -> Option<u32> {
        let mut bytes = [0; 4];
        self.0.read_exact_at(&mut bytes, address).ok()?;
        Some(u32::from_ne_bytes(bytes))
    }
}
