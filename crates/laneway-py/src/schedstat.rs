//! What Linux's scheduler tells of a thread: the three numbers of its `schedstat` file.

/// The scheduler's view of a thread since it began; times are in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    pub(crate) cpu: u64,
    /// How long it was ready to run without getting a processor.
    pub(crate) run_delay: u64,
    /// How often it got a processor.
    pub(crate) slices: u64,
}

#[cfg(target_os = "linux")]
impl Schedule {
    /// Reads the file's text.
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { cpu: next()?, run_delay: next()?, slices: next()? })
    }
}
