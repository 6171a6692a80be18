//! What workers measured, an hour a row.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::job::TaskName;
use laneway_core::profile::{Profile, ProfileKey};
use laneway_core::store::{AddProfiles, PROFILE_PERIOD, PROFILES_KEPT, ReadProfiles};
use rusqlite::{Connection, OptionalExtension, params};

use crate::claim::session_lost;
use crate::fault::Result;
use crate::session;
use crate::transaction::Tx;
use crate::value;

/// Adds what a session measured to what is known of the present period.
pub(crate) fn add(tx: &mut Tx<'_>, add: &AddProfiles) -> Result<()> {
    let id = session::open_id(tx, add.session)?.ok_or_else(|| session_lost(add.session))?;
    let is_new = tx
        .connection
        .prepare_cached("UPDATE session SET profile_call = ?2 WHERE id = ?1 AND profile_call < ?2")?
        .execute([id, i64::try_from(add.call).unwrap_or(i64::MAX)])?;
    if is_new == 0 {
        return Ok(());
    }
    let period = period(tx.now);
    for profile in &add.profiles {
        merge(tx, period, profile)?;
    }
    let oldest = oldest_within(PROFILES_KEPT, tx.now);
    tx.connection.prepare_cached("DELETE FROM profile WHERE period < ?1")?.execute([oldest])?;
    Ok(())
}

fn merge(tx: &mut Tx<'_>, period: i64, profile: &Profile) -> Result<()> {
    let task = tx.names.task_id(tx.connection, &profile.key.task)?;
    let ProfileKey { lane, size_bucket, interpreter, .. } = &profile.key;
    let key = value::encode(&(lane, size_bucket, interpreter))?;
    let mut find = tx
        .connection
        .prepare_cached("SELECT body FROM profile WHERE period = ?1 AND task = ?2 AND key = ?3")?;
    let known: Option<Vec<u8>> =
        find.query_row(params![period, task, key], |row| row.get(0)).optional()?;
    let body = match known {
        None => value::encode(profile)?,
        Some(known) => {
            let mut sum: Profile = decoded(&known)?;
            sum.merge(profile);
            value::encode(&sum)?
        }
    };
    tx.connection
        .prepare_cached(
            "INSERT OR REPLACE INTO profile (period, task, key, body) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![period, task, key, body])?;
    Ok(())
}

/// What was measured, added up over time; by key.
pub(crate) fn read(
    connection: &Connection,
    read: &ReadProfiles,
    now: Timestamp,
) -> Result<Vec<Profile>> {
    let oldest = read.within.map_or(i64::MIN, |within| oldest_within(within, now));
    let task = read.task.as_ref().map(TaskName::as_str);
    let mut find = connection.prepare_cached(
        "SELECT profile.body FROM profile JOIN task ON task.id = profile.task
         WHERE profile.period >= ?1 AND (?2 IS NULL OR task.name = ?2)",
    )?;
    let mut rows = find.query(params![oldest, task])?;
    let mut sums: BTreeMap<ProfileKey, Profile> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let body: Vec<u8> = row.get(0)?;
        let profile: Profile = decoded(&body)?;
        match sums.get_mut(&profile.key) {
            Some(sum) => sum.merge(&profile),
            None => drop(sums.insert(profile.key.clone(), profile)),
        }
    }
    Ok(sums.into_values().collect())
}

fn decoded(body: &[u8]) -> Result<Profile> {
    value::decode(body, "a profile")
}

fn period(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(i64::try_from(PROFILE_PERIOD.as_micros()).unwrap_or(i64::MAX))
}

fn oldest_within(within: Duration, now: Timestamp) -> i64 {
    period(now.minus(within))
}
