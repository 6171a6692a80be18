//! Opens a store by its URL.

use std::path::Path;
use std::{fs, io};

use laneway_core::error::{Code, Error};

use crate::store::AnyStore;
use crate::store_url::{Place, Server, ServerKind, StoreUrl};

/// The folder that Laneway makes for its own files; it keeps itself out of version control.
const OWN_FOLDER: &str = ".laneway";

/// What becomes of a store that does not exist yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Missing {
    /// It is created.
    Create,
    /// It is an error.
    Refuse,
}

/// Opens the store at `url`, and creates it first when it does not exist.
///
/// A store on a server lives in the `tokio` runtime that this is awaited in.
///
/// # Errors
/// `LW1002` when this build has no such store; `LW1003` to `LW1010` when it cannot be opened.
pub async fn connect(url: &StoreUrl) -> Result<AnyStore, Error> {
    open(url, Missing::Create).await
}

/// Opens the store at `url`, which must exist already: for commands that only look.
///
/// # Errors
/// `LW1008` when there is none; else as [`connect`].
pub async fn connect_existing(url: &StoreUrl) -> Result<AnyStore, Error> {
    open(url, Missing::Refuse).await
}

async fn open(url: &StoreUrl, missing: Missing) -> Result<AnyStore, Error> {
    match url.place() {
        Place::File(path) => {
            match missing {
                Missing::Create => create_folder_of(path)?,
                Missing::Refuse => check_file(path)?,
            }
            open_embedded(url)
        }
        Place::Memory => open_embedded(url),
        Place::Server(server) => match server.kind() {
            ServerKind::Redis => open_redis(url, server).await,
            ServerKind::Postgres => open_postgres(url, server, missing).await,
        },
    }
}

#[cfg(feature = "redis")]
async fn open_redis(url: &StoreUrl, server: &Server) -> Result<AnyStore, Error> {
    use laneway_redis::{RedisOptions, RedisStore};

    let mut options = RedisOptions::parse(server.expose())?;
    if let Some(durability) = url.durability() {
        options.durability = durability;
    }
    RedisStore::open(options).await.map(AnyStore::Redis)
}

#[cfg(not(feature = "redis"))]
#[expect(clippy::unused_async, reason = "with the feature, a server is connected to")]
async fn open_redis(url: &StoreUrl, _server: &Server) -> Result<AnyStore, Error> {
    Err(not_in_this_build(url, "redis"))
}

#[cfg(feature = "sqlite")]
fn open_embedded(url: &StoreUrl) -> Result<AnyStore, Error> {
    use std::sync::Arc;

    use laneway_core::store::Durability;
    use laneway_sqlite::{Location, SqliteOptions, SqliteStore, SystemClock};

    let path = match url.place() {
        Place::File(path) => Location::File(path.clone()),
        Place::Memory | Place::Server(_) => Location::Memory,
    };
    let durability = url.durability().unwrap_or(Durability::Os);
    SqliteStore::open(SqliteOptions { path, durability, clock: Arc::new(SystemClock) })
        .map(AnyStore::Sqlite)
}

#[cfg(not(feature = "sqlite"))]
fn open_embedded(url: &StoreUrl) -> Result<AnyStore, Error> {
    Err(not_in_this_build(url, "sqlite"))
}

#[cfg(feature = "postgres")]
async fn open_postgres(
    url: &StoreUrl,
    server: &Server,
    missing: Missing,
) -> Result<AnyStore, Error> {
    let options = postgres_options(url, server)?;
    let options = if missing == Missing::Refuse { options.existing() } else { options };
    laneway_postgres::PostgresStore::connect(options).await.map(AnyStore::Postgres)
}

#[cfg(feature = "postgres")]
pub(crate) fn postgres_options(
    url: &StoreUrl,
    server: &Server,
) -> Result<laneway_postgres::PostgresOptions, Error> {
    use laneway_core::store::Durability;

    let options = laneway_postgres::PostgresOptions::parse(server.expose())?;
    Ok(options.durability_of(url.durability().unwrap_or(Durability::Fsync)))
}

#[cfg(not(feature = "postgres"))]
#[expect(clippy::unused_async, reason = "it stands for a function that awaits")]
async fn open_postgres(url: &StoreUrl, _: &Server, _: Missing) -> Result<AnyStore, Error> {
    Err(not_in_this_build(url, "postgres"))
}

#[cfg(not(all(feature = "postgres", feature = "redis", feature = "sqlite")))]
fn not_in_this_build(url: &StoreUrl, feature: &str) -> Error {
    Error::new(Code::StoreKindUnknown, format!("the store `{url}` cannot be used"))
        .why(format!("this build was made without the feature `{feature}`"))
}

fn check_file(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::new(
            Code::StoreUnavailable,
            format!("there is no store at `{}` yet", path.display()),
        )
        .why("it is created by the first job that is enqueued or the first worker")
        .fix("start `laneway worker`, or name another store with `--store`")),
        Err(error) => Err(unreachable_file(path, &error)),
    }
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
