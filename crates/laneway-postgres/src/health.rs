//! What `laneway doctor` shows of the server and the schema.

use std::time::{SystemTime, UNIX_EPOCH};

use laneway_core::error::Error;
use laneway_core::store::{Durability, Health};
use tokio_postgres::Row;

use crate::call::Call;
use crate::enqueue::column;
use crate::fault::Place;
use crate::schema;

/// Dead rows beyond this are not being removed.
const DEAD_ROWS_RISKY: i64 = 200_000;

/// A snapshot that is held for so many seconds keeps dead rows from being removed.
const SNAPSHOT_SECONDS_RISKY: i64 = 300;

/// Clocks that differ by more make times in logs hard to compare.
const CLOCK_MILLIS_RISKY: i64 = 2_000;

/// A standby that is so many bytes behind would lose them when it takes over.
const LAG_BYTES_RISKY: i64 = 64 * 1_024 * 1_024;

/// The machine's time, to compare with the server's.
pub(crate) fn local_micros() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "this compares the machine's clock itself")]
    let now = SystemTime::now();
    now.duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

pub(crate) fn question() -> Call {
    Call::question(
        "SELECT current_setting('server_version'), {schema}.time_of(NULL),
            (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables
                WHERE relid IN (SELECT oid FROM pg_class
                    WHERE relnamespace = '{schema}'::regnamespace)),
            (SELECT coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)::bigint
                FROM pg_stat_activity
                WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()),
            (SELECT coalesce(max(age(backend_xmin)), 0)::bigint FROM pg_stat_activity
                WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()),
            (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::bigint
                FROM pg_stat_replication),
            current_setting('autovacuum'), current_setting('fsync'),
            current_setting('synchronous_commit'), current_setting('full_page_writes'),
            (SELECT sum(pg_total_relation_size(oid))::bigint FROM pg_class
                WHERE relnamespace = '{schema}'::regnamespace AND relkind = 'r'),
            (SELECT count(*) FROM {schema}.job),
            (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()),
            current_setting('max_connections')::bigint,
            current_setting('default_transaction_isolation')",
    )
}

pub(crate) fn told(
    rows: &[Row],
    place: &Place,
    durability: Durability,
    asked_at: i64,
) -> Result<Health, Error> {
    let Some(row) = rows.first() else {
        return Ok(Health::default());
    };
    let text = |index| column::<String>(row, index);
    let number = |index| Ok::<i64, Error>(column::<Option<i64>>(row, index)?.unwrap_or(0));
    let off_by = (number(1)? - asked_at) / 1_000;
    let (dead, held, age, lag) = (number(2)?, number(3)?, number(4)?, number(5)?);
    let (autovacuum, fsync, synchronous) = (text(6)?, text(7)?, text(8)?);
    let isolation = text(14)?;
    let mut health = Health::default();
    let mut fact = |name: &str, value: String| health.facts.push((name.to_owned(), value));
    fact("store", format!("postgresql://{}/{}", place.server, place.database));
    fact("postgresql", text(0)?);
    fact("schema", format!("{} (version {})", place.schema, schema::version()));
    fact("durability", format!("{durability:?}").to_lowercase());
    fact("synchronous_commit", synchronous.clone());
    fact("clock difference", format!("{off_by} ms"));
    fact("jobs", number(11)?.to_string());
    fact("bytes", number(10)?.to_string());
    fact("dead rows", dead.to_string());
    fact("oldest snapshot", format!("{held} s, {age} transactions ago"));
    fact("connections", format!("{} of {}", number(12)?, number(13)?));
    if column::<Option<i64>>(row, 5)?.is_some() {
        fact("replication lag", format!("{lag} bytes"));
    }
    let warnings = [
        (autovacuum != "on")
            .then(|| String::from("autovacuum is off: dead rows pile up; set `autovacuum = on`")),
        (fsync != "on").then(|| {
            String::from("fsync is off: a power failure may destroy the database; set `fsync = on`")
        }),
        (durability == Durability::Fsync && synchronous == "off").then(|| {
            String::from(
                "synchronous_commit is off in the server or for this user: a crash of the server \
                 may take the last moments; set it to `on`, or say `?durability=os`",
            )
        }),
        (isolation != "read committed").then(|| {
            format!(
                "transactions of this user are `{isolation}` by default, so every call takes two \
                 round trips more; set `default_transaction_isolation` to `read committed` for it"
            )
        }),
        (off_by.abs() > CLOCK_MILLIS_RISKY).then(|| {
            format!("this machine's clock and the server's differ by {off_by} ms; run NTP on both")
        }),
        (dead > DEAD_ROWS_RISKY).then(|| {
            format!("{dead} dead rows wait to be removed; see `oldest snapshot` and autovacuum")
        }),
        (held > SNAPSHOT_SECONDS_RISKY).then(|| {
            format!(
                "a transaction has held a snapshot for {held} s, so that no dead row can go; find \
                 it in `pg_stat_activity` by `backend_xmin`"
            )
        }),
        (lag > LAG_BYTES_RISKY)
            .then(|| format!("a standby is {lag} bytes behind; a failover would lose them")),
    ];
    health.warnings.extend(warnings.into_iter().flatten());
    Ok(health)
}
