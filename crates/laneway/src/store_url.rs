//! The address of a store: `sqlite:///relative.db`, `sqlite:////absolute.db`, `memory://`, or that of
//! a server such as `redis://:password@host:6379/0` and `postgresql://user:password@host/database`.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use laneway_core::error::{Code, Error, closest_name};
use laneway_core::store::Durability;

mod path;
mod redacted;
mod server;

use path::{decoded, encoded};
pub use redacted::Redacted;
use server::location_and_query;
pub use server::{Server, ServerKind};

/// What every advice on a URL ends with.
const EXAMPLES: &str = "use `sqlite:///relative.db`, `sqlite:////absolute/path.db`, \
    `redis://:password@host:6379/0`, `postgresql://user:password@host/database` or `memory://`";

/// The option of a URL that is Laneway's own.
const DURABILITY: &str = "durability";

/// The address of a store, checked. A file's path in it is absolute. It is shown without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    place: Place,
    durability: Option<Durability>,
}

/// Where a store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In an `SQLite` file.
    File(PathBuf),
    /// In the memory of this process.
    Memory,
    /// On a server.
    Server(Server),
}

impl StoreUrl {
    /// Reads a URL. A relative path in it stands relative to `base`.
    ///
    /// # Errors
    /// `LW1001` when it is malformed.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Error> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(without_scheme(text));
        };
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "sqlite" => Self::parse_sqlite(text, rest, base),
            "memory" => Self::parse_memory(text, rest),
            _ => match ServerKind::of_scheme(&scheme) {
                Some(kind) => Self::parse_server(text, kind, (&scheme, rest)),
                None => Err(unknown_scheme(text, &scheme)),
            },
        }
    }

    /// The embedded store in a file, with the default durability.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { place: Place::File(path.into()), durability: None }
    }

    /// Where the store is.
    pub const fn place(&self) -> &Place {
        &self.place
    }

    /// The durability that the URL asks for; `None` leaves it to the store.
    pub const fn durability(&self) -> Option<Durability> {
        self.durability
    }

    /// The URL with its password, so that [`StoreUrl::parse`] reads it again: for a process that
    /// connects, in its environment, where the command lines that everybody may list do not show
    /// it.
    pub fn expose(&self) -> String {
        let place = match &self.place {
            Place::File(path) => format!("sqlite:///{}", encoded(path)),
            Place::Memory => "memory://".to_owned(),
            Place::Server(server) => server.expose().to_owned(),
        };
        let Some(durability) = self.durability else {
            return place;
        };
        // The path of a file has no `?`: it is encoded there.
        let mark = if place.contains('?') { '&' } else { '?' };
        format!("{place}{mark}{DURABILITY}={}", durability_name(durability))
    }

    fn parse_sqlite(text: &str, rest: &str, base: &Path) -> Result<Self, Error> {
        let (location, query) = split_query(rest);
        let Some(path) = location.strip_prefix('/') else {
            return Err(invalid(text, "after `sqlite://` a third slash begins the path")
                .fix(format!("write `sqlite:///{location}` for a path relative to the project")));
        };
        if path == ":memory:" {
            return Err(invalid(text, "`:memory:` is not a file").fix("write `memory://`"));
        }
        if path.is_empty() || path.ends_with('/') {
            return Err(invalid(text, "it names no file"));
        }
        let path = decoded(path).ok_or_else(|| {
            invalid(text, "a `%` in it is not followed by two hexadecimal digits")
                .fix("write a percent sign in a path as `%25`")
        })?;
        if path.as_os_str().as_bytes().contains(&0) {
            return Err(invalid(text, "a path cannot contain the character NUL"));
        }
        let (durability, others) = split_options(text, query)?;
        if let Some(other) = others.first() {
            let key = other.split('=').next().unwrap_or(other);
            return Err(invalid(text, format!("`{key}` is not an option of this store"))
                .fix(format!("the only option is `{DURABILITY}`"))
                .closest(key, [DURABILITY]));
        }
        Ok(Self { place: Place::File(base.join(path)), durability })
    }

    fn parse_server(
        text: &str,
        kind: ServerKind,
        (scheme, rest): (&str, &str),
    ) -> Result<Self, Error> {
        let (location, query) = location_and_query(text, rest)?;
        let (durability, others) = split_options(text, query)?;
        let server = Server::new(text, kind, (scheme, location), &others.join("&"))?;
        Ok(Self { place: Place::Server(server), durability })
    }

    fn parse_memory(text: &str, rest: &str) -> Result<Self, Error> {
        if rest.is_empty() {
            return Ok(Self { place: Place::Memory, durability: None });
        }
        Err(invalid(text, "a store in memory has neither a path nor options")
            .fix("write `memory://`"))
    }
}

impl fmt::Display for StoreUrl {
    /// Writes the URL for people: without a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.expose();
        match self.place {
            Place::File(_) | Place::Memory => f.write_str(&text),
            Place::Server(_) => Redacted(&text).fmt(f),
        }
    }
}

/// The name of a durability, as in a URL.
pub const fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Memory => "memory",
        Durability::Os => "os",
        Durability::Fsync => "fsync",
    }
}

fn split_query(rest: &str) -> (&str, &str) {
    rest.split_once('?').unwrap_or((rest, ""))
}

/// The durability that a query asks for, and its other options as they stand there.
fn split_options<'a>(
    text: &str,
    query: &'a str,
) -> Result<(Option<Durability>, Vec<&'a str>), Error> {
    let mut durability = None;
    let mut others = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key != DURABILITY {
            others.push(pair);
            continue;
        }
        let levels = [Durability::Fsync, Durability::Os, Durability::Memory];
        let found = levels.into_iter().find(|level| durability_name(*level) == value);
        durability = Some(found.ok_or_else(|| {
            invalid(text, format!("`{value}` is not a durability"))
                .fix("write `?durability=fsync`, `?durability=os` or `?durability=memory`")
        })?);
    }
    Ok((durability, others))
}

fn invalid(text: &str, why: impl Into<String>) -> Error {
    Error::new(Code::StoreUrlInvalid, format!("`{}` is not the URL of a store", Redacted(text)))
        .why(why)
        .fix(EXAMPLES)
}

fn without_scheme(text: &str) -> Error {
    if let Some(path) = text.strip_prefix("sqlite:") {
        let path = path.trim_start_matches('/');
        return invalid(
            text,
            "after `sqlite:` come three slashes, and a fourth for an absolute path",
        )
        .fix(format!("write `sqlite:///{path}` or `sqlite:////{path}`"));
    }
    let looks_like_path = text.contains('/')
        || [".db", ".sqlite", ".sqlite3"].iter().any(|ending| text.ends_with(ending));
    if looks_like_path && !text.contains(':') {
        return invalid(text, "it is a path, not a URL").fix(format!("write `sqlite:///{text}`"));
    }
    invalid(text, "a URL begins with the kind of the store and `://`")
}

fn unknown_scheme(text: &str, scheme: &str) -> Error {
    // `SQLAlchemy` writes the driver behind the kind, such as `postgresql+psycopg`.
    if let Some(("postgresql" | "postgres", driver)) = scheme.split_once('+') {
        return invalid(text, format!("`{driver}` is a Python driver, and Laneway has its own"))
            .fix("write `postgresql://`");
    }
    let error = invalid(text, format!("`{scheme}` is not a kind of store"));
    match closest_name(scheme, ["sqlite", "memory"].into_iter().chain(ServerKind::schemes())) {
        Some("sqlite") => error.fix("did you mean `sqlite:///…`?"),
        Some(name) => error.fix(format!("did you mean `{name}://`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests;
