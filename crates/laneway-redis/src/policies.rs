//! Policies by name, and heads by their bytes. Neither changes once it is stored, so what was read
//! once stays true.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use laneway_core::error::Error;
use laneway_core::policy::Policy;

use crate::value::{self, Head};

/// Policies and keys made for single calls could be many; beyond this the memory starts anew.
const KNOWN_MAX: usize = 4_096;

/// What one open store has seen.
#[derive(Debug, Default)]
pub(crate) struct Policies(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    policies: HashMap<String, Arc<Policy>>,
    heads: HashMap<Vec<u8>, Arc<Head>>,
}

impl Policies {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The head that these bytes are.
    pub(crate) fn head(&self, packed: &[u8]) -> Result<Arc<Head>, Error> {
        if let Some(head) = self.lock().heads.get(packed) {
            return Ok(head.clone());
        }
        let head: Arc<Head> = Arc::new(value::decode(packed, "the head of a job")?);
        let mut known = self.lock();
        if known.heads.len() >= KNOWN_MAX {
            known.heads.clear();
        }
        known.heads.insert(packed.to_vec(), head.clone());
        Ok(head)
    }

    /// A policy, if it has been seen.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Policy>> {
        let mut known = self.lock();
        if name.is_empty() {
            let default = known.policies.entry(String::new()).or_default();
            return Some(default.clone());
        }
        known.policies.get(name).cloned()
    }

    /// Remembers a policy that was read.
    pub(crate) fn learn(&self, name: &str, packed: &[u8]) -> Result<Arc<Policy>, Error> {
        let policy: Arc<Policy> = Arc::new(value::decode(packed, "a policy")?);
        let mut known = self.lock();
        if known.policies.len() >= KNOWN_MAX {
            known.policies.clear();
        }
        known.policies.insert(name.to_owned(), policy.clone());
        Ok(policy)
    }
}

/// The name of a policy: a digest of its packed form, so that every producer finds the same one.
/// The hasher is the standard library's with fixed keys, twice, for 128 bits. Should a later Rust
/// hash otherwise, the same policy is stored twice, which harms nobody.
pub(crate) fn name_of(packed: &[u8]) -> String {
    let build = BuildHasherDefault::<DefaultHasher>::default();
    let first = build.hash_one(packed);
    let second = build.hash_one((first, packed));
    format!("{first:016x}{second:016x}")
}
