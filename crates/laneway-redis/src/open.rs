//! Whether a server can be trusted with jobs, found out before the first one.

use laneway_core::error::{Code, Error};
use laneway_core::store::Durability;

use crate::fault::damaged;
use crate::info::Info;
use crate::link::Link;
use crate::reply;
use crate::script::{ENQUEUE, OPEN};

/// The version of the keys' layout, see `schema.md`.
pub(crate) const SCHEMA: i64 = 1;

/// The oldest server that has every command.
const VERSION_MIN: (u32, u32) = (6, 2);

/// Checks the server and the namespace, and tells how durable writes are there.
pub(crate) async fn prepare(
    link: &Link,
    meta_key: &str,
    wanted: Durability,
) -> Result<Durability, Error> {
    let info = read_info(link).await?;
    let durability = check_server(&info, link.shown(), wanted)?;
    let call = OPEN.call(meta_key, "").arg(SCHEMA).arg("enqueue").arg(ENQUEUE.text());
    let (answer, _) = link.call(call.repeatable()).await?;
    match reply::number(&answer)? {
        -1 => Err(Error::new(
            Code::StoreCorrupt,
            format!("the key `{meta_key}` at {} is not Laneway's", link.shown()),
        )
        .why("it has no number of a schema: another program keeps its data there")
        .fix("give Laneway a namespace of its own: `redis://…?namespace=shop`")),
        SCHEMA => Ok(durability),
        newer if newer > SCHEMA => Err(too_new(link.shown(), newer)),
        other => Err(damaged(format!("{other} is not the number of a schema"))),
    }
}

/// The refusal to work in a namespace that a later build has made or changed.
pub(crate) fn too_new(shown: &str, found: i64) -> Error {
    let what = format!("the store at {shown} was written by a newer Laneway");
    Error::new(Code::StoreTooNew, what)
        .why(format!("its schema has the number {found}, this build knows {SCHEMA}"))
}

/// Asks the server for everything it says of itself.
pub(crate) async fn read_info(link: &Link) -> Result<Info, Error> {
    let mut info = String::new();
    for section in ["server", "memory", "persistence", "replication"] {
        let mut command = redis::cmd("INFO");
        command.arg(section);
        info += &reply::text(link.command(command).await?)?;
    }
    Ok(Info::read(&info))
}

fn check_server(info: &Info, shown: &str, wanted: Durability) -> Result<Durability, Error> {
    if info.version() < VERSION_MIN {
        let (major, minor) = VERSION_MIN;
        return Err(Error::new(
            Code::StoreServerTooOld,
            format!("the server at {shown} is {}", info.server()),
        )
        .why(format!("Laneway needs the commands of Redis {major}.{minor} or newer"))
        .fix("upgrade the server to Redis 6.2 or newer, or to Valkey"));
    }
    if info.is_replica() {
        return Err(Error::new(
            Code::StoreReadOnly,
            format!("the Redis server at {shown} is a replica"),
        )
        .why(format!("its master is {}:{}", info.get("master_host"), info.get("master_port")))
        .fix("name the master, or let Sentinel find it: `redis+sentinel://…`"));
    }
    if info.evicts() {
        return Err(Error::new(
            Code::StoreEvicts,
            format!("the Redis server at {shown} throws keys away when its memory is full"),
        )
        .why(format!(
            "its `maxmemory-policy` is `{}`: jobs would vanish",
            info.get("maxmemory_policy")
        ))
        .fix("`redis-cli CONFIG SET maxmemory-policy noeviction`, and the same in its file"));
    }
    match wanted {
        Durability::Fsync if !info.can_wait_for_disk() => Err(no_fsync(
            shown,
            format!("it is {}, and the command `WAITAOF` came with Redis 7.2", info.server()),
            "upgrade the server, or use `durability=os`",
        )),
        Durability::Fsync if !info.appends() => Err(no_fsync(
            shown,
            String::from("it has no append-only file: `appendonly` is `no`"),
            "`redis-cli CONFIG SET appendonly yes`, and the same in its file",
        )),
        Durability::Fsync => Ok(Durability::Fsync),
        Durability::Os | Durability::Memory if info.appends() => Ok(Durability::Os),
        Durability::Os | Durability::Memory => Ok(Durability::Memory),
    }
}

fn no_fsync(shown: &str, why: String, fix: &str) -> Error {
    let what = format!("the Redis server at {shown} cannot promise `durability=fsync`");
    Error::new(Code::StoreNotDurable, what).why(why).fix(fix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(facts: &str, wanted: Durability) -> Result<Durability, Code> {
        let info = Info::read(&facts.replace(' ', "\r\n"));
        check_server(&info, "here", wanted).map_err(|error| {
            assert!(!error.reason().is_empty() && !error.remedy().is_empty(), "{error}");
            error.code()
        })
    }

    #[test]
    fn a_server_that_cannot_be_trusted_is_refused() {
        let os = Durability::Os;
        assert_eq!(checked("redis_version:6.0.9", os), Err(Code::StoreServerTooOld));
        let evicting = "redis_version:7.0.1 maxmemory_policy:allkeys-lfu";
        assert_eq!(checked(evicting, os), Err(Code::StoreEvicts));
        assert_eq!(checked("redis_version:7.0.1 role:slave", os), Err(Code::StoreReadOnly));
    }

    #[test]
    fn durability_is_what_the_server_can_promise() {
        let appending = "redis_version:7.4.0 aof_enabled:1";
        assert_eq!(checked(appending, Durability::Os), Ok(Durability::Os));
        assert_eq!(checked(appending, Durability::Fsync), Ok(Durability::Fsync));
        let plain = "redis_version:7.4.0 aof_enabled:0";
        assert_eq!(checked(plain, Durability::Os), Ok(Durability::Memory));
        assert_eq!(checked(plain, Durability::Fsync), Err(Code::StoreNotDurable));
        let old = "redis_version:7.0.15 aof_enabled:1";
        assert_eq!(checked(old, Durability::Fsync), Err(Code::StoreNotDurable));
    }
}
