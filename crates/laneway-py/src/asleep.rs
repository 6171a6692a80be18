//! What Linux tells of a thread that sleeps: the line of its `syscall` file.

/// In which kind of call a thread sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asleep {
    /// Until the memory at an address is woken up, as threads wait for locks.
    Futex {
        /// Where.
        at: u64,
        /// Whether it waits for a time at most.
        is_timed: bool,
    },
    /// In any other call.
    Elsewhere,
}

impl Asleep {
    /// Reads the file's line: `running`, or the number of a system call and its arguments, of which
    /// a futex's first is its address and the fourth its time limit. Nothing if it does not sleep.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let call: i64 = words.next()?.parse().ok()?;
        if call != libc::SYS_futex {
            return Some(Self::Elsewhere);
        }
        let at = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
        Some(Self::Futex { at, is_timed: words.nth(2).is_some_and(|limit| limit != "0x0") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_in_which_call_a_thread_sleeps() {
        let futex = libc::SYS_futex;
        for (line, expected) in [
            ("running\n".to_owned(), None),
            (String::new(), None),
            (format!("{} 0x3 0x0 0x0 0x0", futex + 1), Some(Asleep::Elsewhere)),
            (
                format!("{futex} 0x7f10 0x189 0x0 0x7ffd 0x0 0xffff 0x7ffc 0x7f11"),
                Some(Asleep::Futex { at: 0x7f10, is_timed: true }),
            ),
            (
                format!("{futex} 0x7f10 0x189 0x0 0x0 0x0 0xffff 0x7ffc 0x7f11"),
                Some(Asleep::Futex { at: 0x7f10, is_timed: false }),
            ),
        ] {
            assert_eq!(Asleep::read(&line), expected, "{line}");
        }
    }
}
