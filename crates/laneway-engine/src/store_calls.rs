//! The calls to the store that are under way: at most one of each verb.

use std::collections::BTreeMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use laneway_core::error::Error;
use laneway_core::id::SessionId;
use laneway_core::store::{
    AddProfiles, BATCH_MAX, Claim, Claimed, Progress, Settle, Settled, Store,
};

use crate::supervisor::Event;

type Call<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// Calls without an answer yet.
pub(crate) struct StoreCalls<S> {
    store: S,
    settle: Option<Call<Vec<Settled>>>,
    claim: Option<Call<Claimed>>,
    report: Option<Call<()>>,
    profiles: Option<Call<()>>,
    /// The newest report of each attempt that is not on its way; older ones matter no more.
    reports: BTreeMap<u64, (SessionId, Progress)>,
}

impl<S: Store> StoreCalls<S> {
    pub(crate) const fn new(store: S) -> Self {
        Self {
            store,
            settle: None,
            claim: None,
            report: None,
            profiles: None,
            reports: BTreeMap::new(),
        }
    }

    pub(crate) fn settle(&mut self, settle: Settle) {
        let store = self.store.clone();
        self.settle = Some(Box::pin(async move { store.settle(settle).await }));
    }

    pub(crate) fn claim(&mut self, claim: Claim) {
        let store = self.store.clone();
        self.claim = Some(Box::pin(async move { store.claim(claim).await }));
    }

    pub(crate) fn report(&mut self, attempt: u64, session: SessionId, progress: Progress) {
        self.reports.insert(attempt, (session, progress));
    }

    pub(crate) fn add_profiles(&mut self, add: AddProfiles) {
        let store = self.store.clone();
        self.profiles = Some(Box::pin(async move { store.add_profiles(add).await }));
    }

    /// Forgets what concerns a session that is lost.
    pub(crate) fn forget(&mut self) {
        self.settle = None;
        self.claim = None;
        self.profiles = None;
        self.reports.clear();
    }

    /// The next answer. Dropping the future loses nothing.
    pub(crate) async fn next(&mut self) -> Event {
        poll_fn(|context| self.poll(context)).await
    }

    /// Settlements are asked first, so that a claim of the same moment shares their transaction.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        self.poll_reports(context);
        if let Some(Poll::Ready(answer)) =
            self.settle.as_mut().map(|call| call.as_mut().poll(context))
        {
            self.settle = None;
            return Poll::Ready(Event::Settled(answer));
        }
        if let Some(Poll::Ready(answer)) =
            self.claim.as_mut().map(|call| call.as_mut().poll(context))
        {
            self.claim = None;
            return Poll::Ready(Event::Claimed(answer));
        }
        if let Some(Poll::Ready(answer)) =
            self.profiles.as_mut().map(|call| call.as_mut().poll(context))
        {
            self.profiles = None;
            return Poll::Ready(Event::ProfilesAdded(answer));
        }
        Poll::Pending
    }

    /// A report that fails is followed by a newer one, or by the attempt's end.
    fn poll_reports(&mut self, context: &mut Context<'_>) {
        loop {
            if let Some(call) = &mut self.report {
                if call.as_mut().poll(context).is_pending() {
                    return;
                }
                self.report = None;
            }
            let Some((_, (session, _))) = self.reports.first_key_value() else {
                return;
            };
            let (store, session) = (self.store.clone(), *session);
            let mut batch = Vec::new();
            while batch.len() < BATCH_MAX
                && let Some((_, (_, progress))) = self.reports.pop_first()
            {
                batch.push(progress);
            }
            self.report =
                Some(Box::pin(async move { store.report_progress(session, batch).await }));
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for StoreCalls<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreCalls").field("store", &self.store).finish_non_exhaustive()
    }
}
