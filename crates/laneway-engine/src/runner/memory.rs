//! How much memory a process holds.

use std::fs;

/// Resident memory in bytes, from `/proc`; `None` where there is none, or no such process.
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    let page_bytes = u64::try_from(rustix::param::page_size()).ok()?;
    pages.checked_mul(page_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_holds_some_memory_and_a_missing_one_none() {
        let bytes = resident_bytes(std::process::id()).unwrap();
        assert!((1 << 20..1 << 36).contains(&bytes), "{bytes}");
        assert_eq!(resident_bytes(u32::MAX), None);
    }
}
