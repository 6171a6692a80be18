//! Summaries kept on disk between runs, found by the content of their file.
//!
//! One file holds them all, and is replaced as a whole: whoever reads at the same time has the old
//! one or the new one. What is damaged or of another version counts as absent.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashMap;
use twox_hash::{XxHash3_64, XxHash3_128};

use crate::lines::Lines;
use crate::summary::{self, Summary};

const MAGIC: &[u8; 8] = b"lanewayC";
/// A summary that so many runs had no use for is dropped.
const UNUSED_RUNS_MAX: u8 = 8;
/// The file never grows larger; what was used last stays.
const BYTES_MAX: usize = 512 * 1024 * 1024;
/// Magic, version.
const HEAD_BYTES: usize = 12;
/// Key, unused runs, length, checksum.
const ROW_BYTES: usize = 16 + 1 + 4 + 8;

/// The content of a file, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key(u128);

impl Key {
    pub(crate) fn of(text: &str) -> Self {
        Self(XxHash3_128::oneshot(text.as_bytes()))
    }
}

/// What earlier runs left.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    path: Option<PathBuf>,
    bytes: Vec<u8>,
    rows: FxHashMap<Key, Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    unused_runs: u8,
    start: usize,
    length: usize,
    checksum: u64,
}

/// What a run adds: the key and the written summary of a file; no bytes when they are kept already.
pub(crate) type Used = (Key, Option<Vec<u8>>);

impl Cache {
    /// Reads what is kept at a path; nothing is kept without one.
    pub(crate) fn open(path: Option<&Path>) -> Self {
        let bytes = path.and_then(|path| fs::read(path).ok()).unwrap_or_default();
        let rows = rows(&bytes).unwrap_or_default();
        Self { path: path.map(Path::to_owned), bytes, rows }
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.path.is_some()
    }

    /// The summary of a file with this content.
    pub(crate) fn get(&self, key: Key) -> Option<(Summary, Lines)> {
        let row = self.rows.get(&key)?;
        let bytes = self.blob(*row)?;
        if XxHash3_64::oneshot(bytes) != row.checksum {
            return None;
        }
        postcard::from_bytes(bytes).ok()
    }

    /// What is kept of a summary.
    pub(crate) fn encode(summary: &Summary, lines: &Lines) -> Option<Vec<u8>> {
        postcard::to_stdvec(&(summary, lines)).ok()
    }

    fn blob(&self, row: Row) -> Option<&[u8]> {
        self.bytes.get(row.start..row.start.checked_add(row.length)?)
    }

    /// Writes what this run used, and what earlier ones did not long ago.
    ///
    /// That it cannot be written makes the next run slower, not wrong.
    pub(crate) fn save(&self, used: &[Used]) {
        let Some(path) = &self.path else { return };
        if used.iter().all(|(_, bytes)| bytes.is_none()) {
            return;
        }
        let mut kept: Vec<(Key, u8, &[u8])> = Vec::new();
        let mut seen = rustc_hash::FxHashSet::default();
        for (key, bytes) in used {
            let old = || self.rows.get(key).and_then(|row| self.blob(*row));
            if let Some(bytes) = bytes.as_deref().or_else(old)
                && seen.insert(*key)
            {
                kept.push((*key, 0, bytes));
            }
        }
        let mut unused: Vec<(Key, Row)> = self
            .rows
            .iter()
            .map(|(key, row)| (*key, *row))
            .filter(|(key, _)| !seen.contains(key))
            .collect();
        unused.sort_by_key(|(key, row)| (row.unused_runs, key.0));
        for (key, row) in unused {
            if row.unused_runs < UNUSED_RUNS_MAX
                && let Some(bytes) = self.blob(row)
            {
                kept.push((key, row.unused_runs + 1, bytes));
            }
        }
        let mut all = 0;
        kept.retain(|(.., bytes)| {
            all += bytes.len() + ROW_BYTES;
            all <= BYTES_MAX
        });
        drop(replace(path, &kept));
    }
}

fn replace(path: &Path, kept: &[(Key, u8, &[u8])]) -> std::io::Result<()> {
    if let Some(folder) = path.parent().filter(|it| !it.is_dir()) {
        fs::create_dir_all(folder)?;
        // A folder that holds nothing but this is nothing to commit.
        fs::write(folder.join(".gitignore"), "*\n")?;
    }
    let mut bytes = Vec::new();
    bytes.extend(MAGIC);
    bytes.extend(summary::VERSION.to_le_bytes());
    for (key, unused_runs, blob) in kept {
        bytes.extend(key.0.to_le_bytes());
        bytes.push(*unused_runs);
        bytes.extend(u32::try_from(blob.len()).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend(XxHash3_64::oneshot(blob).to_le_bytes());
        bytes.extend(*blob);
    }
    // A name of this process: two runs at once each write their own, and the later one stays.
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let written = fs::File::create(&new).and_then(|mut file| file.write_all(&bytes));
    let done = written.and_then(|()| fs::rename(&new, path));
    if done.is_err() {
        drop(fs::remove_file(&new));
    }
    done
}

fn rows(bytes: &[u8]) -> Option<FxHashMap<Key, Row>> {
    let version = bytes.get(MAGIC.len()..HEAD_BYTES)?;
    if !bytes.starts_with(MAGIC) || version != summary::VERSION.to_le_bytes() {
        return None;
    }
    let mut rows = FxHashMap::default();
    let mut at = HEAD_BYTES;
    while let Some(head) = bytes.get(at..at.checked_add(ROW_BYTES)?) {
        let key = Key(u128::from_le_bytes(head.get(..16)?.try_into().ok()?));
        let unused_runs = *head.get(16)?;
        let length = u32::from_le_bytes(head.get(17..21)?.try_into().ok()?) as usize;
        let checksum = u64::from_le_bytes(head.get(21..29)?.try_into().ok()?);
        let start = at + ROW_BYTES;
        rows.insert(key, Row { unused_runs, start, length, checksum });
        at = start.checked_add(length)?;
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lowering::summarize;

    fn saved(folder: &Path) -> (PathBuf, Key) {
        let path = folder.join("deep/check.cache");
        let text = "import time\nasync def f():\n    time.sleep(1)\n";
        let bytes = Cache::encode(&summarize(text), &Lines::of(text));
        let cache = Cache::open(Some(&path));
        cache.save(&[(Key::of(text), bytes)]);
        (path, Key::of(text))
    }

    #[test]
    fn a_summary_is_found_again_by_the_content_of_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = saved(folder.path());
        let (summary, lines) = Cache::open(Some(&path)).get(key).unwrap();
        assert_eq!(summary.calls.len(), 1);
        assert_eq!(lines.count(), 4);
        assert!(Cache::open(Some(&path)).get(Key::of("other")).is_none());
    }

    #[test]
    fn a_damaged_file_counts_as_absent() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = saved(folder.path());
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x55;
            fs::write(&path, &damaged).unwrap();
            if let Some((summary, _)) = Cache::open(Some(&path)).get(key) {
                // The number of unused runs is the only byte that may be wrong without harm.
                assert_eq!((at, summary.calls.len()), (HEAD_BYTES + 16, 1));
            }
            fs::write(&path, &whole[..at]).unwrap();
            assert!(Cache::open(Some(&path)).get(key).is_none());
        }
    }

    #[test]
    fn what_nobody_uses_is_dropped_after_some_runs() {
        let folder = tempfile::tempdir().unwrap();
        let (path, key) = saved(folder.path());
        for run in 0..=u32::from(UNUSED_RUNS_MAX) {
            let text = format!("x = {run}\n");
            let cache = Cache::open(Some(&path));
            assert!(cache.get(key).is_some(), "run {run}");
            let bytes = Cache::encode(&summarize(&text), &Lines::of(&text));
            cache.save(&[(Key::of(&text), bytes)]);
        }
        assert!(Cache::open(Some(&path)).get(key).is_none());
    }
}
