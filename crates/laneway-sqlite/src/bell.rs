//! Wake-ups between processes that have the same database open.
//!
//! Every process that watches binds a datagram socket in a folder that belongs to the database and
//! the user; after a commit that others may wait for, the writer sends one datagram to each. A
//! datagram may get lost, a socket may be impossible: so the listener also asks SQLite every
//! [`POLL_INTERVAL`] whether anybody has committed. That question is the guarantee; the bell only
//! makes it quick.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use laneway_core::clock::{Clock, Timestamp};
use laneway_core::id::JobId;
use rusqlite::Connection;
use rustix::net::RecvFlags;

use crate::clock::SystemClock;
use crate::fault::Result;
use crate::open::open_reader;
use crate::standing::identity;
use crate::transaction::Bell;
use crate::watch::Hub;

/// How often the listener asks whether the database has changed.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The longest path that a socket may have on every system.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// The low bits of a file's mode that give rights to others than its owner.
const OTHERS_BITS: u32 = 6;

/// Rows of `finished` that are read at once.
const ROWS_MAX: i64 = 10_000;

/// Where the sockets of one database are, and which of them are this store's.
#[derive(Debug, Clone)]
pub(crate) struct Belfry {
    folder: PathBuf,
    /// The beginning of the names of this store's sockets.
    prefix: String,
}

impl Belfry {
    /// The folder for a database; `None` when there is no place that only this user may write.
    pub(crate) fn of(database: &Path) -> Option<Self> {
        let prefix = format!("{}-{:08x}-", std::process::id(), fastrand::u32(..));
        let name = format!("{:016x}", fingerprint(database));
        roots().into_iter().find_map(|root| {
            let folder = root.join(&name);
            let longest = folder.as_os_str().len() + prefix.len() + "ffffffff.sock".len() + 1;
            let is_usable = longest <= SOCKET_PATH_BYTES_MAX && is_private(&root);
            is_usable.then(|| Self { folder, prefix: prefix.clone() })
        })
    }
}

/// Folders in which sockets may be kept, the preferred first.
fn roots() -> Vec<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "all processes of a user must find the same folder, whatever their configuration"
    )]
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").filter(|path| !path.is_empty());
    let user = rustix::process::geteuid().as_raw();
    let fallback = std::env::temp_dir().join(format!("laneway-{user}"));
    runtime.map(|path| PathBuf::from(path).join("laneway")).into_iter().chain([fallback]).collect()
}

/// Makes a folder that only this user may use, and checks that it is one.
fn is_private(folder: &Path) -> bool {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return false,
        _ => {}
    }
    fs::symlink_metadata(folder).is_ok_and(|found| {
        found.is_dir()
            && found.uid() == rustix::process::geteuid().as_raw()
            && found.mode().trailing_zeros() >= OTHERS_BITS
    })
}

/// FNV-1a: the same number for the same path in every build.
fn fingerprint(path: &Path) -> u64 {
    path.as_os_str().as_encoded_bytes().iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The writer's side: tells other processes that something has changed.
#[derive(Debug)]
pub(crate) struct Ringer {
    belfry: Belfry,
    socket: UnixDatagram,
    others: Vec<PathBuf>,
    /// The folder's time of change when it was read, if that still holds.
    read_at: Option<(i64, i64)>,
}

impl Ringer {
    pub(crate) fn new(belfry: Belfry) -> Option<Self> {
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        Some(Self { belfry, socket, others: Vec::new(), read_at: None })
    }

    /// Sends a datagram to every other listener. Whatever fails is made up for by the poll.
    pub(crate) fn ring(&mut self) {
        self.find_others();
        for path in &self.others {
            let sent = self.socket.send_to(b"!", path);
            let is_dead = sent.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if is_dead {
                unbind(path);
            }
        }
    }

    fn find_others(&mut self) {
        let Ok(found) = fs::metadata(&self.belfry.folder) else {
            self.others.clear();
            self.read_at = None;
            return;
        };
        let changed_at = (found.mtime(), found.mtime_nsec());
        if self.read_at == Some(changed_at) {
            return;
        }
        // The file system's clock is coarse: a folder that has just changed may change again
        // without its time showing it, so it is read anew next time.
        let changed = Timestamp::from_micros(changed_at.0 * 1_000_000 + changed_at.1 / 1_000);
        let is_settled = SystemClock.now().since(changed) > Duration::from_millis(100);
        self.read_at = is_settled.then_some(changed_at);
        self.others = fs::read_dir(&self.belfry.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name()))
            .filter(|name| !is_own(name, &self.belfry.prefix))
            .map(|name| self.belfry.folder.join(name))
            .collect();
    }
}

fn is_own(name: &OsString, prefix: &str) -> bool {
    name.as_encoded_bytes().starts_with(prefix.as_bytes())
}

/// The thread that learns what other processes have changed.
#[derive(Debug)]
struct Listener {
    connection: Connection,
    hub: Arc<Hub>,
    socket: UnixDatagram,
    /// The socket's file, if it could have one.
    path: Option<PathBuf>,
    /// SQLite's number for the last state that was looked at.
    data_version: Option<i64>,
    is_failing: bool,
}

/// Starts listening for as long as somebody watches.
pub(crate) fn listen(
    hub: Arc<Hub>,
    file: &Path,
    belfry: Option<&Belfry>,
) -> Result<io::Result<JoinHandle<()>>> {
    let connection = open_reader(file)?;
    let (socket, path) = match belfry.and_then(bind) {
        Some((socket, path)) => (socket, Some(path)),
        None => match UnixDatagram::unbound() {
            Ok(socket) => (socket, None),
            Err(error) => return Ok(Err(error)),
        },
    };
    if let Err(error) = socket.set_read_timeout(Some(POLL_INTERVAL)) {
        return Ok(Err(error));
    }
    let listener =
        Listener { connection, hub, socket, path, data_version: None, is_failing: false };
    Ok(thread::Builder::new().name(String::from("laneway-bell")).spawn(move || listener.serve()))
}

/// Binds a socket in the folder. Whoever leaves an empty folder removes it, perhaps just before the
/// socket is bound, so it is made anew a few times.
fn bind(belfry: &Belfry) -> Option<(UnixDatagram, PathBuf)> {
    let name = format!("{}{:08x}.sock", belfry.prefix, fastrand::u32(..));
    let path = belfry.folder.join(name);
    (0..5).find_map(|_| {
        let socket = is_private(&belfry.folder).then(|| UnixDatagram::bind(&path))?;
        socket.ok().map(|socket| (socket, path.clone()))
    })
}

/// Removes a socket's file, and the folder with the last of them.
fn unbind(path: &Path) {
    let is_gone = fs::remove_file(path).is_ok();
    if is_gone && path.parent().is_some_and(|folder| fs::remove_dir(folder).is_err()) {
        // Other processes listen; the last of them removes the folder.
    }
}

impl Listener {
    fn serve(mut self) {
        while self.hub.goes_on() {
            match self.look() {
                Ok(()) => self.is_failing = false,
                // The watchers ask the store, and learn there what is wrong.
                Err(_) if !self.is_failing => {
                    self.is_failing = true;
                    self.hub.tell_unknown();
                }
                Err(_) => {}
            }
            self.wait();
        }
        if let Some(path) = &self.path {
            unbind(path);
        }
    }

    /// Waits for a datagram or for the next poll, and takes further datagrams with it.
    fn wait(&self) {
        let mut buffer = [0; 8];
        if self.socket.recv(&mut buffer).is_ok() {
            while rustix::net::recv(&self.socket, &mut buffer, RecvFlags::DONTWAIT).is_ok() {}
        }
    }

    /// Tells the watchers what has changed since the last look.
    fn look(&mut self) -> Result<()> {
        let version: i64 = self
            .connection
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.data_version == Some(version) {
            return Ok(());
        }
        let bell = Bell::read(&self.connection)?;
        let mut from = self.hub.seen().finished;
        while from < bell.finished {
            let rows = self.finished_between(from, bell.finished)?;
            let until = match rows.last() {
                Some((last, _)) if rows.len() >= usize::try_from(ROWS_MAX).unwrap_or(0) => *last,
                _ => bell.finished,
            };
            self.hub.tell_foreign(Bell { finished: until, ..bell }, &rows);
            from = until;
        }
        self.hub.tell_foreign(bell, &[]);
        self.data_version = Some(version);
        Ok(())
    }

    fn finished_between(&self, from: i64, until: i64) -> Result<Vec<(i64, JobId)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT n, id FROM finished WHERE n > ?1 AND n <= ?2 ORDER BY n LIMIT ?3",
        )?;
        let rows = statement
            .query_map([from, until, ROWS_MAX], |row| Ok((row.get(0)?, identity(row, 1)?)))?;
        Ok(rows.collect::<rusqlite::Result<Vec<_>>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_same_fingerprint_in_every_build() {
        assert_eq!(fingerprint(Path::new("")), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let open = root.path().join("open");
        DirBuilder::new().mode(0o755).create(&open).unwrap();
        assert!(!is_private(&open));
        assert!(is_private(&root.path().join("new")));
    }

    #[test]
    fn the_last_listener_leaves_no_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("database");
        let belfry = Belfry { folder: folder.clone(), prefix: String::from("2-own-") };
        let (_one, first) = bind(&belfry).unwrap();
        let (_two, second) = bind(&belfry).unwrap();
        unbind(&first);
        assert!(folder.is_dir() && second.exists());
        unbind(&second);
        assert!(!folder.exists());
    }

    #[test]
    fn the_socket_of_a_dead_process_is_removed_and_a_living_one_hears_the_bell() {
        let root = tempfile::tempdir().unwrap();
        let dead = root.path().join("1-dead.sock");
        drop(UnixDatagram::bind(&dead).unwrap());
        let living = UnixDatagram::bind(root.path().join("1-living.sock")).unwrap();
        let belfry = Belfry { folder: root.path().to_path_buf(), prefix: String::from("2-own-") };
        let own = UnixDatagram::bind(root.path().join("2-own-1.sock")).unwrap();
        own.set_nonblocking(true).unwrap();

        Ringer::new(belfry).unwrap().ring();

        let mut buffer = [0; 8];
        assert_eq!(living.recv(&mut buffer).unwrap(), 1);
        assert!(own.recv(&mut buffer).is_err(), "a store does not ring for itself");
        assert!(!dead.exists());
    }
}
