//! What workers measured, an hour a row.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::profile::{Profile, ProfileKey};
use laneway_core::store::{AddProfiles, PROFILE_PERIOD, PROFILES_KEPT, ReadProfiles};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::call::Call;
use crate::enqueue::column;
use crate::value::{self, Identity};

/// Asks for what is known of the present period and for the digest of each, by task and key; the
/// first row has the time.
pub(crate) fn known(add: &AddProfiles, now: Option<i64>) -> Result<Call, Error> {
    let (tasks, keys) = keys(add)?;
    Ok(Call::question(
        "WITH now AS (SELECT {schema}.time_of($3) AS at)
         SELECT (SELECT at FROM now), NULL::bytea, NULL::bytea, NULL::bytea, NULL::text
         UNION ALL
         SELECT NULL, p.key, p.body, sha256(p.body), t.name
         FROM unnest($1::text[], $2::bytea[]) AS e (task, key)
         JOIN {schema}.task t ON t.name = e.task
         JOIN {schema}.profile p ON p.task = t.id AND p.key = e.key
         WHERE p.period = (SELECT at / 3600000000 FROM now)",
    )
    .with(tasks, Type::TEXT_ARRAY)
    .with(keys, Type::BYTEA_ARRAY)
    .with(now, Type::INT8))
}

fn keys(add: &AddProfiles) -> Result<(Vec<String>, Vec<Vec<u8>>), Error> {
    let tasks = add.profiles.iter().map(|profile| profile.key.task.to_string()).collect();
    let keys = add.profiles.iter().map(|profile| key_column(&profile.key));
    Ok((tasks, keys.collect::<Result<_, Error>>()?))
}

fn key_column(key: &ProfileKey) -> Result<Vec<u8>, Error> {
    let ProfileKey { lane, size_bucket, interpreter, .. } = key;
    value::encode(&(lane, size_bucket, interpreter))
}

/// Stores the sums of what is known and what is new, if nobody else has added anything meanwhile.
pub(crate) fn put(add: &AddProfiles, known: &[Row]) -> Result<Call, Error> {
    let mut sums: BTreeMap<ProfileKey, (Option<Vec<u8>>, Profile)> = BTreeMap::new();
    let mut now = Timestamp::default();
    for row in known {
        let Some(body) = column::<Option<&[u8]>>(row, 2)? else {
            now = Timestamp::from_micros(column(row, 0)?);
            continue;
        };
        let profile: Profile = decoded(body)?;
        sums.insert(profile.key.clone(), (column(row, 3)?, profile));
    }
    // Only what this call adds to is written.
    let mut written: BTreeMap<ProfileKey, (Option<Vec<u8>>, Profile)> = BTreeMap::new();
    for profile in &add.profiles {
        if let Some((_, sum)) = written.get_mut(&profile.key) {
            sum.merge(profile);
            continue;
        }
        let entry = match sums.remove(&profile.key) {
            Some((seen, mut sum)) => {
                sum.merge(profile);
                (seen, sum)
            }
            None => (None, profile.clone()),
        };
        written.insert(profile.key.clone(), entry);
    }
    let tasks: Vec<String> = written.keys().map(|key| key.task.to_string()).collect();
    let keys: Vec<Vec<u8>> = written.keys().map(key_column).collect::<Result<_, Error>>()?;
    let bodies: Vec<Vec<u8>> =
        written.values().map(|(_, sum)| value::encode(sum)).collect::<Result<_, Error>>()?;
    let seen: Vec<Option<Vec<u8>>> = written.into_values().map(|(seen, _)| seen).collect();
    Ok(Call::function("put_profiles")
        .with(Identity::from(add.session), Type::UUID)
        .with(i64::try_from(add.call).unwrap_or(i64::MAX), Type::INT8)
        .with(period(now), Type::INT8)
        .with(oldest_within(PROFILES_KEPT, now), Type::INT8)
        .with(tasks, Type::TEXT_ARRAY)
        .with(keys, Type::BYTEA_ARRAY)
        .with(bodies, Type::BYTEA_ARRAY)
        .with(seen, Type::BYTEA_ARRAY))
}

/// Whether the sums were stored.
pub(crate) fn is_put(rows: &[Row]) -> Result<bool, Error> {
    rows.first().map_or(Ok(false), |row| column(row, 0))
}

/// Asks for what was measured.
pub(crate) fn read(read: &ReadProfiles, now: Option<i64>) -> Call {
    let within = read.within.map(value::span_column);
    Call::question(
        "SELECT p.body FROM {schema}.profile p JOIN {schema}.task t ON t.id = p.task
         WHERE ($1 IS NULL OR t.name = $1) AND ($2 IS NULL OR p.period >=
             floor(({schema}.time_of($3)::numeric - $2) / 3600000000))",
    )
    .with(read.task.as_ref().map(ToString::to_string), Type::TEXT)
    .with(within, Type::INT8)
    .with(now, Type::INT8)
}

/// What was measured, added up over time; by key.
pub(crate) fn summed(rows: &[Row]) -> Result<Vec<Profile>, Error> {
    let mut sums: BTreeMap<ProfileKey, Profile> = BTreeMap::new();
    for row in rows {
        let profile: Profile = decoded(column(row, 0)?)?;
        match sums.get_mut(&profile.key) {
            Some(sum) => sum.merge(&profile),
            None => drop(sums.insert(profile.key.clone(), profile)),
        }
    }
    Ok(sums.into_values().collect())
}

fn decoded(body: &[u8]) -> Result<Profile, Error> {
    value::decode(body, "a profile")
}

fn period(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(i64::try_from(PROFILE_PERIOD.as_micros()).unwrap_or(i64::MAX))
}

fn oldest_within(within: Duration, now: Timestamp) -> i64 {
    period(now.minus(within))
}
