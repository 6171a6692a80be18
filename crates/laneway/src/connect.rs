//! Opens a store by its URL.

use std::path::Path;
use std::{fs, io};

use laneway_core::error::{Code, Error};

use crate::store::AnyStore;
use crate::store_url::{Place, StoreUrl};

/// The folder that Laneway makes for its own files; it keeps itself out of version control.
const OWN_FOLDER: &str = ".laneway";

/// Opens the store at `url`, and creates it first when it does not exist.
///
/// # Errors
/// `LW1002` when this build has no such store; `LW1003` to `LW1010` when it cannot be opened.
pub fn connect(url: &StoreUrl) -> Result<AnyStore, Error> {
    if let Place::File(path) = url.place() {
        create_folder_of(path)?;
    }
    open(url)
}

/// Opens the store at `url`, which must exist already: for commands that only look.
///
/// # Errors
/// `LW1008` when there is none; else as [`connect`].
pub fn connect_existing(url: &StoreUrl) -> Result<AnyStore, Error> {
    if let Place::File(path) = url.place() {
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::new(
                    Code::StoreUnavailable,
                    format!("there is no store at `{}` yet", path.display()),
                )
                .why("it is created by the first job that is enqueued or the first worker")
                .fix("start `laneway worker`, or name another store with `--store`"));
            }
            Err(error) => return Err(unreachable_file(path, &error)),
        }
    }
    open(url)
}

#[cfg(feature = "sqlite")]
fn open(url: &StoreUrl) -> Result<AnyStore, Error> {
    use std::sync::Arc;

    use laneway_core::store::Durability;
    use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};

    let path = match url.place() {
        Place::File(path) => Location::File(path.clone()),
        Place::Memory => Location::Memory,
    };
    let durability = url.durability().unwrap_or(Durability::Os);
    SqliteStore::open(SqliteOptions { path, durability, clock: Arc::new(SystemClock) })
        .map(AnyStore::Sqlite)
}

#[cfg(not(feature = "sqlite"))]
fn open(url: &StoreUrl) -> Result<AnyStore, Error> {
    Err(Error::new(Code::StoreKindUnknown, format!("the store `{url}` cannot be used"))
        .why("this build was made without the feature `sqlite`"))
}

fn create_folder_of(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent() else {
        return Ok(());
    };
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|error| unreachable_file(folder, &error))?;
    if folder.file_name().is_some_and(|name| name == OWN_FOLDER) {
        let ignore = folder.join(".gitignore");
        fs::write(&ignore, "*\n").map_err(|error| unreachable_file(&ignore, &error))?;
    }
    Ok(())
}

fn unreachable_file(path: &Path, error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::StoreReadOnly,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StoreFull,
        _ => Code::StoreUnavailable,
    };
    Error::new(code, format!("`{}` cannot be used for a store", path.display()))
        .why(error.to_string())
}
