//! What `laneway doctor` shows.

use laneway_core::clock::{Clock, Timestamp};
use laneway_core::error::Error;
use laneway_core::store::{Durability, Health};
use redis::Value;

use crate::info::Info;
use crate::open::read_info;
use crate::reply;
use crate::store::RedisStore;

/// A difference between the clocks of this machine and the server that people should know of.
const CLOCKS_APART_MAX: i64 = 2_000_000;

/// A lag of a replica that people should know of, in bytes.
const LAG_MAX: u64 = 16 << 20;

/// Facts and warnings of the server.
pub(crate) async fn health(store: &RedisStore) -> Result<Health, Error> {
    let link = store.link();
    let info = store.run(async move { read_info(&link).await }).await?;
    let jobs = reply::number(&store.command("HLEN", "body").await?)?;
    let clocks_apart = clocks_apart(store).await?;
    let appendfsync = store.setting("appendfsync").await;
    let mut facts = vec![
        ("store", store.shown()),
        ("server", info.server()),
        ("role", info.get("role").to_owned()),
        ("jobs", jobs.to_string()),
        ("durability", durability_name(store.durability()).to_owned()),
        ("memory", info.get("used_memory_human").to_owned()),
        ("maxmemory-policy", info.get("maxmemory_policy").to_owned()),
        ("append-only file", if info.appends() { "yes" } else { "no" }.to_owned()),
        ("last snapshot", info.get("rdb_last_bgsave_status").to_owned()),
        ("replicas", info.get("connected_slaves").to_owned()),
        ("clock difference", format!("{} ms", clocks_apart / 1_000)),
    ];
    if let Some(policy) = &appendfsync {
        facts.push(("appendfsync", policy.clone()));
    }
    let mut health = Health::default();
    health.facts.extend(facts.into_iter().map(|(name, value)| (name.to_owned(), value)));
    health.warnings = warnings(&info, store.durability(), appendfsync.as_deref());
    if clocks_apart.abs() > CLOCKS_APART_MAX {
        health.warnings.push(format!(
            "the server's clock and this machine's are {} s apart; the server's counts, so due \
             times and leases are by it: let both use NTP",
            clocks_apart / 1_000_000
        ));
    }
    Ok(health)
}

fn warnings(info: &Info, durability: Durability, appendfsync: Option<&str>) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |is_so: bool, text: &str| {
        if is_so {
            warnings.push(text.to_owned());
        }
    };
    warn(
        !info.appends(),
        "the server has no append-only file: jobs that were acknowledged since its last snapshot \
         are lost when it dies; `CONFIG SET appendonly yes`",
    );
    warn(
        info.appends() && info.get("aof_last_write_status") == "err",
        "the server could not write its append-only file: free space on its disk",
    );
    warn(
        info.get("rdb_last_bgsave_status") == "err",
        "the server's last snapshot failed: see its log, and free space on its disk",
    );
    warn(
        durability == Durability::Fsync && appendfsync == Some("everysec"),
        "`durability=fsync` waits for a file that is written to disk once a second: set \
         `appendfsync always`, or every write takes up to a second",
    );
    warn(
        info.appends() && appendfsync == Some("no"),
        "`appendfsync no` leaves it to the operating system when the file reaches the disk: a power \
         failure may take half a minute; set `everysec`",
    );
    warn(
        info.get("maxmemory_policy").starts_with("volatile"),
        "`maxmemory-policy` throws away keys with a time to live; Laneway's have none, but \
         `noeviction` says what you mean",
    );
    warn(
        info.number("maxmemory") > 0
            && info.number("used_memory") > info.number("maxmemory") / 10 * 9,
        "the server uses more than nine tenths of its `maxmemory`: enqueueing will be refused soon",
    );
    warn(lag(info) > LAG_MAX, "a replica is more than 16 MiB behind: a failover would lose that");
    warnings
}

/// How far the slowest replica is behind, in bytes.
fn lag(info: &Info) -> u64 {
    let written = info.number("master_repl_offset");
    (0..info.number("connected_slaves"))
        .filter_map(|number| {
            let mut parts = info.get(&format!("slave{number}")).split(',');
            let offset = parts.find_map(|part| part.strip_prefix("offset="))?;
            offset.parse::<u64>().ok().map(|offset| written.saturating_sub(offset))
        })
        .max()
        .unwrap_or(0)
}

/// Microseconds that the server's clock is ahead of this machine's, about.
async fn clocks_apart(store: &RedisStore) -> Result<i64, Error> {
    let server = reply::array(store.plain(redis::cmd("TIME")).await?)?;
    let part = |index: usize| reply::number(server.get(index).unwrap_or(&Value::Nil));
    let server = Timestamp::from_micros(part(0)? * 1_000_000 + part(1)?);
    Ok(server.as_micros() - MachineClock.now().as_micros())
}

const fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Memory => "memory",
        Durability::Os => "os",
        Durability::Fsync => "fsync",
    }
}

/// The clock of this machine, only to be compared with the server's.
#[derive(Debug)]
struct MachineClock;

impl Clock for MachineClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is compared")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::default().plus(since.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_healthy_server_has_no_warnings() {
        let info = Info::read("aof_enabled:1\r\nmaxmemory_policy:noeviction\r\n");
        assert_eq!(warnings(&info, Durability::Os, Some("everysec")), [""; 0]);
    }

    #[test]
    fn what_is_risky_is_said() {
        let info = Info::read(
            "aof_enabled:0\r\nmaxmemory_policy:volatile-lru\r\nmaxmemory:100\r\nused_memory:95\r\n\
             rdb_last_bgsave_status:err\r\nconnected_slaves:1\r\nmaster_repl_offset:99999999\r\n\
             slave0:ip=1,port=2,state=online,offset=5,lag=1\r\n",
        );
        assert_eq!(warnings(&info, Durability::Memory, None).len(), 5);
        let slow = Info::read("aof_enabled:1\r\n");
        assert_eq!(warnings(&slow, Durability::Fsync, Some("everysec")).len(), 1);
    }
}
