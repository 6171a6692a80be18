//! The address of a store: `sqlite:///relative.db`, `sqlite:////absolute.db`, `memory://`.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use laneway_core::error::{Code, Error, closest_name};
use laneway_core::store::Durability;

/// What every advice on a URL ends with.
const EXAMPLES: &str = "use `sqlite:///relative.db`, `sqlite:////absolute/path.db` or `memory://`";

/// Schemes of stores that exist but are not in this build.
const OTHER_KINDS: [&str; 7] =
    ["redis", "rediss", "valkey", "valkeys", "postgres", "postgresql", "postgresql+psycopg"];

/// The address of a store, checked. A file's path in it is absolute.
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
}

impl StoreUrl {
    /// Reads a URL. A relative path in it stands relative to `base`.
    ///
    /// # Errors
    /// `LW1001` when it is malformed, `LW1002` when its kind of store is not part of this build.
    pub fn parse(text: &str, base: &Path) -> Result<Self, Error> {
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(without_scheme(text));
        };
        let scheme = scheme.to_ascii_lowercase();
        match scheme.as_str() {
            "sqlite" => Self::parse_sqlite(text, rest, base),
            "memory" => Self::parse_memory(text, rest),
            _ => Err(unknown_scheme(text, &scheme)),
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
        let place = Place::File(base.join(path));
        Ok(Self { place, durability: parse_query(text, query)? })
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
    /// Writes the URL so that [`StoreUrl::parse`] reads it again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File(path) => write!(f, "sqlite:///{}", encoded(path))?,
            Place::Memory => f.write_str("memory://")?,
        }
        match self.durability {
            Some(durability) => write!(f, "?durability={}", durability_name(durability)),
            None => Ok(()),
        }
    }
}

/// A text that may be a URL, shown without its password.
#[derive(Clone, Copy)]
pub struct Redacted<'a>(pub &'a str);

impl fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((scheme, rest)) = self.0.split_once("://") else {
            return f.write_str(self.0);
        };
        // The query of a URL may carry a password as well as its authority, and a password that is
        // not percent-encoded may contain `/` or `?`: everything up to the last `@` is hidden.
        // After a third slash there is no authority, and an `@` belongs to a path.
        let (credentials, rest) = match rest.rsplit_once('@') {
            Some((credentials, rest)) if !credentials.starts_with('/') => (Some(credentials), rest),
            _ => (None, rest),
        };
        write!(f, "{scheme}://")?;
        match credentials.map(|text| text.split_once(':')) {
            Some(Some((user, _))) => write!(f, "{user}:***@")?,
            Some(None) => f.write_str("***@")?,
            None => {}
        }
        let (location, query) = split_query(rest);
        f.write_str(location)?;
        for (index, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
            f.write_str(if index == 0 { "?" } else { "&" })?;
            match pair.split_once('=') {
                Some((key, _)) if is_secret(key) => write!(f, "{key}=***")?,
                _ => f.write_str(pair)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
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

fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["pass", "secret", "token", "key"].iter().any(|word| key.contains(word))
}

fn split_query(rest: &str) -> (&str, &str) {
    rest.split_once('?').unwrap_or((rest, ""))
}

fn parse_query(text: &str, query: &str) -> Result<Option<Durability>, Error> {
    let mut durability = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if key != "durability" {
            return Err(invalid(text, format!("`{key}` is not an option of this store"))
                .fix("the only option is `durability`")
                .closest(key, ["durability"]));
        }
        let levels = [Durability::Fsync, Durability::Os, Durability::Memory];
        let found = levels.into_iter().find(|level| durability_name(*level) == value);
        durability = Some(found.ok_or_else(|| {
            invalid(text, format!("`{value}` is not a durability"))
                .fix("write `?durability=fsync`, `?durability=os` or `?durability=memory`")
        })?);
    }
    Ok(durability)
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
    if OTHER_KINDS.contains(&scheme) {
        return Error::new(
            Code::StoreKindUnknown,
            format!("the store `{}` cannot be used", Redacted(text)),
        )
        .why(format!(
            "this build has no store of the kind `{scheme}`, only `sqlite` and `memory`"
        ));
    }
    let error = invalid(text, format!("`{scheme}` is not a kind of store"));
    match closest_name(scheme, ["sqlite", "memory"]) {
        Some("sqlite") => error.fix("did you mean `sqlite:///…`?"),
        Some(name) => error.fix(format!("did you mean `{name}://`?")),
        None => error,
    }
}

/// The path that percent-encoded text stands for; `None` when a `%` is not followed by two digits.
fn decoded(text: &str) -> Option<PathBuf> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, encoded)) = rest.split_once('%') {
        bytes.extend_from_slice(plain.as_bytes());
        let digits = encoded.get(..2)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = encoded.get(2..)?;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

fn encoded(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if matches!(character, '%' | '?' | '#') || character.is_ascii_control() {
                text.push_str(&percent(u32::from(character)));
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&percent(u32::from(*byte)));
        }
    }
    text
}

fn percent(byte: u32) -> String {
    format!("%{byte:02X}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<StoreUrl, Error> {
        StoreUrl::parse(text, Path::new("/srv/shop"))
    }

    #[test]
    fn urls_name_files_relative_absolute_and_in_memory() {
        for (text, path) in [
            ("sqlite:///jobs.db", "/srv/shop/jobs.db"),
            ("sqlite:///.laneway/laneway.db", "/srv/shop/.laneway/laneway.db"),
            ("sqlite:////var/lib/jobs.db", "/var/lib/jobs.db"),
            ("SQLite:///a%20b%25.db", "/srv/shop/a b%.db"),
            (" sqlite:///with space.db ", "/srv/shop/with space.db"),
        ] {
            assert_eq!(parse(text).unwrap(), StoreUrl::file(path), "{text}");
        }
        assert_eq!(*parse("memory://").unwrap().place(), Place::Memory);
    }

    #[test]
    fn durability_is_an_option_of_the_url() {
        for (text, durability) in [
            ("sqlite:///a.db", None),
            ("sqlite:///a.db?", None),
            ("sqlite:///a.db?durability=fsync", Some(Durability::Fsync)),
            ("sqlite:///a.db?durability=os", Some(Durability::Os)),
            ("sqlite:///a.db?durability=memory", Some(Durability::Memory)),
        ] {
            assert_eq!(parse(text).unwrap().durability(), durability, "{text}");
        }
    }

    #[test]
    fn a_malformed_url_is_refused_with_advice_for_its_very_mistake() {
        for (text, fix) in [
            ("", EXAMPLES),
            ("jobs", EXAMPLES),
            ("jobs.db", "write `sqlite:///jobs.db`"),
            ("/var/jobs.db", "write `sqlite:////var/jobs.db`"),
            ("sqlite:jobs.db", "write `sqlite:///jobs.db` or `sqlite:////jobs.db`"),
            ("sqlite://jobs.db", "write `sqlite:///jobs.db` for a path relative to the project"),
            ("sqlite:///", EXAMPLES),
            ("sqlite:///folder/", EXAMPLES),
            ("sqlite:///:memory:", "write `memory://`"),
            ("sqlite:///a%2.db", "write a percent sign in a path as `%25`"),
            ("sqlite:///a%+1.db", "write a percent sign in a path as `%25`"),
            ("sqlite:///a%00.db", EXAMPLES),
            ("sqlite:///a.db?durabilty=os", "did you mean `durability`?"),
            ("sqlite:///a.db?x=1", "the only option is `durability`"),
            (
                "sqlite:///a.db?durability=full",
                "write `?durability=fsync`, `?durability=os` or `?durability=memory`",
            ),
            ("memory://x", "write `memory://`"),
            ("sqllite:///a.db", "did you mean `sqlite:///…`?"),
            ("memroy://", "did you mean `memory://`?"),
            ("amqp://host", EXAMPLES),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!((error.code(), error.remedy()), (Code::StoreUrlInvalid, fix), "{text}");
        }
    }

    #[test]
    fn a_kind_that_is_not_built_in_is_told_apart_and_its_password_hidden() {
        for text in
            ["redis://:pa/ss@db:6379/0", "rediss://u:p@ss@db", "postgresql://u:pass@db/x?a=b"]
        {
            let error = parse(text).unwrap_err();
            assert_eq!(error.code(), Code::StoreKindUnknown, "{text}");
            assert!(!format!("{error}").contains("ss@"), "{error}");
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        for (text, shown) in [
            ("redis://user:secret@host:1/0", "redis://user:***@host:1/0"),
            ("redis://:secret@host", "redis://:***@host"),
            ("redis://token@host", "redis://***@host"),
            ("redis://host?password=x&db=1", "redis://host?password=***&db=1"),
            ("postgresql://u:a?b/c@d@host/x", "postgresql://u:***@host/x"),
            ("sqlite:///pl@in.db?durability=os", "sqlite:///pl@in.db?durability=os"),
            ("no url", "no url"),
        ] {
            assert_eq!(Redacted(text).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn a_url_survives_its_text_form(bytes in prop::collection::vec(1_u8.., 1..30)) {
            let name: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'/').collect();
            prop_assume!(!name.is_empty());
            let path = Path::new("/srv").join(OsString::from_vec(name));
            let url = StoreUrl { place: Place::File(path), durability: Some(Durability::Os) };
            // White space at the end of a URL is a slip of the hand, but here the option follows
            // it.
            prop_assert_eq!(parse(&url.to_string()).unwrap(), url);
        }
    }
}
