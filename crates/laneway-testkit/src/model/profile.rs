//! What workers measured.

use std::collections::BTreeMap;
use std::time::Duration;

use laneway_core::clock::Timestamp;
use laneway_core::error::Error;
use laneway_core::profile::{Profile, ProfileKey};
use laneway_core::store::{AddProfiles, PROFILE_PERIOD, PROFILES_KEPT, ReadProfiles};

use super::state::State;

impl State {
    pub(super) fn add_profiles(&mut self, add: AddProfiles, now: Timestamp) -> Result<(), Error> {
        let session = self.open_session_mut(add.session)?;
        if add.call <= session.profile_call {
            return Ok(());
        }
        session.profile_call = add.call;
        for profile in add.profiles {
            let key = (period(now), profile.key.clone());
            match self.profiles.get_mut(&key) {
                Some(known) => known.merge(&profile),
                None => drop(self.profiles.insert(key, profile)),
            }
        }
        let oldest = oldest_within(PROFILES_KEPT, now);
        self.profiles.retain(|(period, _), _| *period >= oldest);
        Ok(())
    }

    pub(super) fn profiles(&self, read: &ReadProfiles, now: Timestamp) -> Vec<Profile> {
        let oldest = read.within.map_or(i64::MIN, |within| oldest_within(within, now));
        let mut sums: BTreeMap<&ProfileKey, Profile> = BTreeMap::new();
        for ((period, key), profile) in &self.profiles {
            if *period < oldest || read.task.as_ref().is_some_and(|task| *task != key.task) {
                continue;
            }
            sums.entry(key).and_modify(|sum| sum.merge(profile)).or_insert_with(|| profile.clone());
        }
        sums.into_values().collect()
    }
}

fn period(at: Timestamp) -> i64 {
    let micros = i64::try_from(PROFILE_PERIOD.as_micros()).expect("a short period");
    at.as_micros().div_euclid(micros)
}

fn oldest_within(within: Duration, now: Timestamp) -> i64 {
    period(now.minus(within))
}
