//! The folder in which the measured processes write, and from which they get the hook.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use laneway_core::error::{Code, Error};

/// What a Python runs when it starts.
const HOOK: &str = include_str!("../../../../../python/laneway/_profile/hook.py");

/// A folder of this user's alone, which goes with this value.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn create() -> Result<Self, Error> {
        let name = format!("laneway-profile-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        folder.fill().map_err(|error| folder.unreadable(&error))?;
        Ok(folder)
    }

    fn fill(&self) -> io::Result<()> {
        // Left by a process of this number that was killed; of another user's it cannot be removed.
        if self.0.exists() {
            fs::remove_dir_all(&self.0)?;
        }
        fs::DirBuilder::new().mode(0o700).create(&self.0)?;
        fs::create_dir(self.hook())?;
        fs::write(self.hook().join("sitecustomize.py"), HOOK)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What goes to the head of the import path.
    pub(super) fn hook(&self) -> PathBuf {
        self.0.join("hook")
    }

    /// Whether any Python ran the hook.
    pub(super) fn was_reached(&self) -> bool {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.path().extension().is_some_and(|end| end == "hooked"))
    }

    pub(super) fn unreadable(&self, error: &io::Error) -> Error {
        Error::new(
            Code::InvalidArgument,
            format!("the folder `{}` cannot be used", self.0.display()),
        )
        .why(error.to_string())
        .fix("set `TMPDIR` to a folder that this user may write")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is in the folder for temporary files.
        drop(fs::remove_dir_all(&self.0));
    }
}
