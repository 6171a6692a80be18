//! What the server says of itself: the answer to `INFO`.

use std::collections::HashMap;

/// The facts of an `INFO` answer.
#[derive(Debug, Default)]
pub(crate) struct Info(HashMap<String, String>);

impl Info {
    pub(crate) fn read(text: &str) -> Self {
        let facts = text.lines().filter_map(|line| line.split_once(':'));
        Self(facts.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    /// A fact; empty when the server does not tell it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    pub(crate) fn number(&self, name: &str) -> u64 {
        self.get(name).parse().unwrap_or(0)
    }

    /// The first two numbers of the version of Redis whose commands the server has. Valkey tells it
    /// beside its own.
    pub(crate) fn version(&self) -> (u32, u32) {
        let mut parts = self.get("redis_version").split('.').map(|part| part.parse().unwrap_or(0));
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// The server's name and version for people.
    pub(crate) fn server(&self) -> String {
        match self.get("valkey_version") {
            "" => format!("Redis {}", self.get("redis_version")),
            version => format!("Valkey {version}"),
        }
    }

    /// Whether every write goes into an append-only file.
    pub(crate) fn appends(&self) -> bool {
        self.get("aof_enabled") == "1"
    }

    /// Whether the server has the command `WAITAOF`.
    pub(crate) fn can_wait_for_disk(&self) -> bool {
        self.version() >= (7, 2)
    }

    /// Whether it throws keys away that have no time to live, such as ours.
    pub(crate) fn evicts(&self) -> bool {
        self.get("maxmemory_policy").starts_with("allkeys")
    }

    pub(crate) fn is_replica(&self) -> bool {
        self.get("role") == "slave"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_that_matter_are_found() {
        let info = Info::read(
            "# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.0.1\r\n\r\n# Memory\r\n\
             maxmemory_policy:allkeys-lru\r\n# Persistence\r\naof_enabled:1\r\nrole:slave\r\n",
        );
        assert_eq!((info.version(), info.server().as_str()), ((7, 2), "Valkey 8.0.1"));
        assert!(info.evicts() && info.appends() && info.can_wait_for_disk() && info.is_replica());
        let old = Info::read("redis_version:6.0.16\r\nmaxmemory_policy:volatile-lru\r\n");
        assert_eq!((old.version(), old.server().as_str()), ((6, 0), "Redis 6.0.16"));
        assert!(!old.evicts() && !old.appends() && !old.can_wait_for_disk());
    }
}
