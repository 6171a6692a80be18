//! How a store is opened, and the URL that says so.

use std::fmt;
use std::sync::Arc;

use laneway_core::clock::Clock;
use laneway_core::error::{Code, Error};
use laneway_core::store::Durability;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

/// The namespace of a URL that names none.
const NAMESPACE_DEFAULT: &str = "laneway";

/// The port of a Sentinel that names none.
const SENTINEL_PORT: u16 = 26_379;

/// What advice on a URL ends with.
const EXAMPLE: &str = "use `redis://user:password@host:6379/0?namespace=shop`, `rediss://…` for TLS, \
                       or `redis+sentinel://host:26379,host:26379/master`";

/// How a store is opened.
#[derive(Clone)]
pub struct RedisOptions {
    pub(crate) target: Target,
    /// Keys begin with this name in braces.
    pub(crate) namespace: String,
    /// What must survive of an acknowledged write. `Fsync` waits for the server's append-only file
    /// after every write; `Os` is satisfied by an append-only file; `Memory` by any server.
    pub durability: Durability,
    /// The time, where a test moves it. `None` is the server's own clock.
    pub clock: Option<Arc<dyn Clock>>,
}

/// Where the server is.
#[derive(Clone)]
pub(crate) enum Target {
    /// At a fixed address.
    Server(ConnectionInfo),
    /// Wherever the Sentinels say that the master of this name is.
    Sentinel { sentinels: Vec<ConnectionInfo>, master: String, node: ConnectionInfo },
}

impl RedisOptions {
    /// Reads a URL: `redis`, `rediss`, `valkey`, `valkeys`, `redis+unix` or `redis+sentinel`, and
    /// the parameter `namespace`.
    ///
    /// # Errors
    /// `LW1001` when it is malformed.
    pub fn parse(url: &str) -> Result<Self, Error> {
        check_authority(url)?;
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        // A socket has no authority before its path, so these stand in the query.
        let is_of_socket = |pair: &&str| {
            address.contains("+unix://")
                && ["db=", "user=", "pass="].iter().any(|key| pair.starts_with(key))
        };
        let (of_socket, pairs): (Vec<&str>, Vec<&str>) =
            query.split('&').filter(|pair| !pair.is_empty()).partition(is_of_socket);
        let address = match of_socket.as_slice() {
            [] => address.to_owned(),
            pairs => format!("{address}?{}", pairs.join("&")),
        };
        let mut options = Self {
            target: target(&address)?,
            namespace: NAMESPACE_DEFAULT.to_owned(),
            durability: Durability::Os,
            clock: None,
        };
        for pair in pairs {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "namespace" => options.namespace = namespace(value)?,
                _ => {
                    // Its name is left out: it may be what follows a `?` in a password.
                    return Err(invalid("it has a parameter that is unknown")
                        .fix("the only parameter is `namespace`"));
                }
            }
        }
        Ok(options)
    }
}

/// Refuses a URL whose user or password ends what names the server: a part of a password would be
/// taken for a host, a port, a database or a parameter, and be shown as such.
fn check_authority(url: &str) -> Result<(), Error> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let before = rest.rsplit_once('@').map_or("", |(before, _)| before);
    if scheme.ends_with("+unix") || !before.contains(['/', '?', '#']) {
        return Ok(());
    }
    Err(invalid("there is a `/`, `?` or `#` before an `@`").fix(
        "write `/` in a user or password as `%2F`, `?` as `%3F`, `#` as `%23` and `@` as `%40`",
    ))
}

impl Target {
    /// The address as people may see it: without user and password.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Server(info) => info.addr().to_string(),
            Self::Sentinel { sentinels, master, .. } => {
                let shown: Vec<_> = sentinels.iter().map(|info| info.addr().to_string()).collect();
                format!("{master} of the Sentinels {}", shown.join(", "))
            }
        }
    }

    /// Whether the server is spoken to by TLS.
    pub(crate) fn is_encrypted(&self) -> bool {
        let node = match self {
            Self::Server(node) | Self::Sentinel { node, .. } => node,
        };
        matches!(node.addr(), ConnectionAddr::TcpTls { .. })
    }
}

impl fmt::Debug for RedisOptions {
    /// Leaves out user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("server", &self.target.shown())
            .field("namespace", &self.namespace)
            .field("durability", &self.durability)
            .finish_non_exhaustive()
    }
}

fn target(address: &str) -> Result<Target, Error> {
    let (scheme, rest) = address.split_once("://").unwrap_or((address, ""));
    let plain = match scheme {
        "redis+sentinel" | "valkey+sentinel" => "redis",
        "rediss+sentinel" | "valkeys+sentinel" => "rediss",
        _ => return Ok(Target::Server(connection_info(address)?)),
    };
    let (credentials, rest) = match rest.rsplit_once('@') {
        Some((credentials, rest)) => (format!("{credentials}@"), rest),
        None => (String::new(), rest),
    };
    let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (master, database) = path.split_once('/').unwrap_or((path, "0"));
    if hosts.is_empty() || master.is_empty() {
        return Err(invalid("it names no Sentinel, or not the master"));
    }
    let sentinels = hosts.split(',').map(|host| {
        let port = if host.contains(':') { String::new() } else { format!(":{SENTINEL_PORT}") };
        connection_info(&format!("{plain}://{host}{port}"))
    });
    Ok(Target::Sentinel {
        sentinels: sentinels.collect::<Result<_, _>>()?,
        master: master.to_owned(),
        // The Sentinels know the address; user, password and database are the same wherever it is.
        node: connection_info(&format!("{plain}://{credentials}localhost/{database}"))?,
    })
}

fn connection_info(address: &str) -> Result<ConnectionInfo, Error> {
    let info = address.into_connection_info().map_err(|error| invalid(error.to_string()))?;
    let settings = info.redis_settings().clone().set_lib_name("laneway", env!("CARGO_PKG_VERSION"));
    Ok(info.set_redis_settings(settings))
}

/// Takes a namespace: it becomes a part of every key, between braces.
fn namespace(text: &str) -> Result<String, Error> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    if text.is_empty() || text.len() > 64 || !text.bytes().all(is_plain) {
        return Err(invalid(format!("`{text}` cannot be a namespace"))
            .fix("use 1 to 64 letters, digits and `-`, `_`, `.`, `:`"));
    }
    Ok(text.to_owned())
}

/// The URL itself is left out: it may hold a password.
fn invalid(why: impl Into<String>) -> Error {
    Error::new(Code::StoreUrlInvalid, "the address of the Redis store is not understood")
        .why(why)
        .fix(EXAMPLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_name_user_password_database_and_namespace() {
        let plain = RedisOptions::parse("redis://localhost").unwrap();
        assert_eq!((plain.namespace.as_str(), plain.durability), ("laneway", Durability::Os));
        let url = "rediss://me:secret@db.example:6380/2?namespace=shop";
        let options = RedisOptions::parse(url).unwrap();
        assert_eq!(options.namespace, "shop");
        let Target::Server(info) = &options.target else {
            panic!("it is a URL of one server");
        };
        let info = info.redis_settings();
        assert_eq!((info.username(), info.password(), info.db()), (Some("me"), Some("secret"), 2));
        let shown = format!("{options:?}");
        assert!(shown.contains("db.example:6380") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn a_socket_has_user_password_and_database_in_its_query() {
        let url = "redis+unix:///run/redis.sock?pass=secret&namespace=shop&db=2";
        let options = RedisOptions::parse(url).unwrap();
        let Target::Server(info) = &options.target else {
            panic!("it is a URL of one server");
        };
        assert_eq!(info.addr().to_string(), "/run/redis.sock");
        let settings = info.redis_settings();
        assert_eq!((settings.password(), settings.db()), (Some("secret"), 2));
        assert_eq!(options.namespace, "shop");
    }

    #[test]
    fn sentinels_are_named_with_their_master() {
        let url = "redis+sentinel://me:p%40ss@one,two:26380/mymaster/3";
        let options = RedisOptions::parse(url).unwrap();
        let Target::Sentinel { sentinels, master, node } = &options.target else {
            panic!("it is a URL of Sentinels");
        };
        let addresses: Vec<_> = sentinels.iter().map(|info| info.addr().to_string()).collect();
        assert_eq!(
            (addresses.as_slice(), master.as_str()),
            (["one:26379".to_owned(), "two:26380".to_owned()].as_slice(), "mymaster")
        );
        let settings = node.redis_settings();
        assert_eq!((settings.password(), settings.db()), (Some("p@ss"), 3));
    }

    #[test]
    fn what_is_not_understood_is_refused_without_showing_the_password() {
        for url in [
            "redis://:secret@localhost?namespace=",
            "redis://:secret@localhost?namespace=a{b}",
            "redis://:secret@localhost?timeout=3",
            "redis://:secret@localhost/first",
            "redis+sentinel://:secret@localhost",
        ] {
            let error = RedisOptions::parse(url).unwrap_err();
            assert_eq!(error.code(), Code::StoreUrlInvalid, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }

    #[test]
    fn no_part_of_a_password_is_shown_however_it_is_written() {
        let urls = [
            "redis://:{}@host",
            "redis://user:{}@host:6379/0?namespace=shop",
            "rediss://user:{}@host/2",
            "redis://{}@host",
            "redis://{}:{}@host:port",
            "redis://:{}@host/first",
            "redis://:{}@host?timeout=3",
            "redis://:{}@",
            "redis://host/0?password={}",
            "redis://host?{}",
            "redis+sentinel://user:{}@one,two:26380/master",
            "redis+sentinel://user:{}@one",
            "redis+unix:///run/redis.sock?pass={}&db=1",
            "redis+unix://user:{}@/run/redis.sock",
        ];
        let signs = "?/#@:&=%[]{}|\\\"'`<> +,;!$*()^~\u{e9}\n\t";
        for (sign, url) in signs.chars().flat_map(|sign| urls.map(|url| (sign, url))) {
            for password in [format!("4711{sign}0815"), format!("left5{sign}{sign}right5")] {
                let url = url.replace("{}", &password);
                let shown = match RedisOptions::parse(&url) {
                    Ok(options) => format!("{options:?} {}", options.target.shown()),
                    Err(error) => error.to_string(),
                };
                for part in ["4711", "0815", "left5", "right5"] {
                    assert!(!shown.contains(part), "{url:?} shows {shown}");
                }
            }
        }
    }
}
