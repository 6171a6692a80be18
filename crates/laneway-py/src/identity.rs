//! Makes the ids of jobs: unique everywhere, and growing within a process.

use std::sync::{Mutex, PoisonError};

use laneway_core::error::{Code, Error};
use laneway_core::id::JobId;

use crate::clock;
use crate::process::Birthplace;

/// The last id that this process made.
static LAST: Mutex<Option<(Birthplace, JobId)>> = Mutex::new(None);

/// Makes `count` ids, each greater than every id that this process made before.
///
/// Within a millisecond the random part counts up from where it began, as the ULID specification
/// says, so that jobs of one batch sort in their order.
pub(crate) fn job_ids(count: usize) -> Result<Vec<JobId>, Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| {
        Error::new(Code::Internal, "the system gives no random numbers").why(error.to_string())
    })?;
    let fresh = JobId::new(clock::now(), u128::from_ne_bytes(random));
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    // A forked child shares its parent's last id: counting up from it would make the same ids.
    let mut next = match *last {
        Some((birthplace, id)) if birthplace.is_here() && millis(id) >= millis(fresh) => after(id),
        _ => fresh,
    };
    let mut ids = Vec::with_capacity(count);
    for _ in 0..count {
        ids.push(next);
        next = after(next);
    }
    if let Some(id) = ids.last() {
        *last = Some((Birthplace::here(), *id));
    }
    Ok(ids)
}

const fn millis(id: JobId) -> u128 {
    id.bits() >> 80
}

const fn after(id: JobId) -> JobId {
    JobId::from_bits(id.bits().wrapping_add(1))
}
