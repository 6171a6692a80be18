//! What workers measured, an hour a hash.
//!
//! Profiles are merged here and not in a script: histograms are the core's business. What was read
//! is written back only when nobody has changed it since; else it is read and merged once more.

use std::collections::BTreeMap;

use laneway_core::clock::micros;
use laneway_core::error::{Code, Error};
use laneway_core::profile::{Profile, ProfileKey};
use laneway_core::store::{AddProfiles, PROFILE_PERIOD, PROFILES_KEPT, ReadProfiles};
use redis::Value;

use crate::claim::session_lost;
use crate::fault::damaged;
use crate::reply;
use crate::script::PROFILE;
use crate::store::RedisStore;
use crate::value::{decode, encode};

/// How often the merge is tried while others change the same profiles.
const ATTEMPTS_MAX: u32 = 50;

/// Adds what a session measured to what is known of the present period.
pub(crate) async fn add(store: &RedisStore, add: AddProfiles) -> Result<(), Error> {
    let keys = add.profiles.iter().map(|profile| encode(&profile.key));
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    for _ in 0..ATTEMPTS_MAX {
        let mut call = store
            .call(&PROFILE)
            .arg("begin")
            .arg(add.session.to_string())
            .arg(add.call)
            .arg(micros(PROFILE_PERIOD))
            .reading();
        for key in &keys {
            call.push(key.as_slice());
        }
        let answer = store.ask(call).await?;
        let Some((period, known)) = begun(&add, answer)? else {
            return Ok(());
        };
        let merged = merge(&keys, &add.profiles, known)?;
        match end(store, &add, &period, merged).await? {
            -1 => return Err(session_lost(add.session)),
            2 => {}
            _ => return Ok(()),
        }
    }
    Err(Error::new(Code::StoreLocked, "the profiles could not be added")
        .why(format!("other workers changed them {ATTEMPTS_MAX} times meanwhile")))
}

/// The period and what is known in it; `None` when the call was made before.
fn begun(add: &AddProfiles, answer: Value) -> Result<Option<(String, Vec<Value>)>, Error> {
    match answer {
        Value::Int(-1) => return Err(session_lost(add.session)),
        Value::Int(_) => return Ok(None),
        _ => {}
    }
    let mut parts = reply::array(answer)?.into_iter();
    let mut next = || parts.next().unwrap_or(Value::Nil);
    let period = reply::text(next())?;
    Ok(Some((period, reply::array(next())?)))
}

/// A key, the stamp of what is known of it (empty for nothing), and the sum with its own stamp.
type Merged = (Vec<u8>, Vec<u8>, Vec<u8>);

/// Every profile that is stored begins with so many random bytes, so that a change is seen.
const STAMP_BYTES: usize = 8;

fn merge(keys: &[Vec<u8>], profiles: &[Profile], known: Vec<Value>) -> Result<Vec<Merged>, Error> {
    let mut sums: BTreeMap<&[u8], (Vec<u8>, Profile)> = BTreeMap::new();
    for ((key, profile), known) in keys.iter().zip(profiles).zip(known) {
        if let Some((_, sum)) = sums.get_mut(key.as_slice()) {
            sum.merge(profile);
            continue;
        }
        let (stamp, sum) = match reply::optional_bytes(known)? {
            None => (Vec::new(), profile.clone()),
            Some(stored) => {
                let (stamp, mut sum) = unstamped(&stored)?;
                sum.merge(profile);
                (stamp.to_vec(), sum)
            }
        };
        sums.insert(key, (stamp, sum));
    }
    let stamped = |(key, (stamp, sum)): (&[u8], (Vec<u8>, Profile))| {
        let mut stored = fastrand::u64(..).to_be_bytes().to_vec();
        stored.extend(encode(&sum)?);
        Ok((key.to_vec(), stamp, stored))
    };
    sums.into_iter().map(stamped).collect()
}

fn unstamped(stored: &[u8]) -> Result<(&[u8], Profile), Error> {
    let (stamp, packed) =
        stored.split_at_checked(STAMP_BYTES).ok_or_else(|| damaged("a profile is cut short"))?;
    Ok((stamp, decode(packed, "a profile")?))
}

async fn end(
    store: &RedisStore,
    add: &AddProfiles,
    period: &str,
    merged: Vec<Merged>,
) -> Result<i64, Error> {
    let mut call = store
        .call(&PROFILE)
        .arg("end")
        .arg(add.session.to_string())
        .arg(add.call)
        .arg(micros(PROFILE_PERIOD))
        .arg(micros(PROFILES_KEPT))
        .arg(period)
        .repeatable();
    for (key, stamp, sum) in merged {
        call.push(key.as_slice());
        call.push(stamp.as_slice());
        call.push(sum.as_slice());
    }
    reply::number(&store.ask(call).await?)
}

/// What was measured, added up over time; by key.
pub(crate) async fn read(store: &RedisStore, read: ReadProfiles) -> Result<Vec<Profile>, Error> {
    let call = store
        .call(&PROFILE)
        .arg("read")
        .arg(micros(PROFILE_PERIOD))
        .arg(read.within.map_or(-1, micros))
        .reading();
    let mut sums: BTreeMap<ProfileKey, Profile> = BTreeMap::new();
    for stored in reply::array(store.ask(call).await?)? {
        let (_, profile) = unstamped(&reply::bytes(stored)?)?;
        if read.task.as_ref().is_some_and(|task| *task != profile.key.task) {
            continue;
        }
        match sums.get_mut(&profile.key) {
            Some(sum) => sum.merge(&profile),
            None => drop(sums.insert(profile.key.clone(), profile)),
        }
    }
    Ok(sums.into_values().collect())
}
