//! Everybody in this process who waits for a job's end, on one watch of the store.
//!
//! The watch is opened before the store is asked about a job, so that an end between the two is
//! seen by one of them. It is let go when nobody has waited for a while, because a watch of the
//! embedded store looks at the file many times a second.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use laneway::AnyStore;
use laneway_core::error::Error;
use laneway_core::id::JobId;
use laneway_core::store::{BATCH_MAX, Finished, Store, Wake, Watch};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::answer::Answer;
use crate::clock;
use crate::mailbox::Reply;

/// How long the watch outlives its last subscription.
const LINGER: Duration = Duration::from_secs(5);

/// The first and the longest wait before a store that failed is asked again.
const RETRY_WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Names one subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A mailbox's number and a ticket.
    Ticket(usize, i64),
    /// A blocking call.
    Waiter(u64),
}

impl Key {
    /// The subscription of a ticket.
    pub(super) const fn of_ticket(mailbox: usize, ticket: i64) -> Self {
        Self::Ticket(mailbox, ticket)
    }

    /// A new blocking call.
    pub(super) fn of_waiter() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::Waiter(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Who is told.
#[derive(Debug)]
pub(super) enum Receiver {
    /// An event loop.
    Mailbox(Reply),
    /// A blocking call.
    Waiter(oneshot::Sender<Result<Finished, Error>>),
}

impl Receiver {
    fn tell(self, end: Result<Finished, Error>) {
        match self {
            Self::Mailbox(reply) => reply.send(end.map(Answer::Ended)),
            // A blocking call that has given up does not want the answer.
            Self::Waiter(sender) => drop(sender.send(end)),
        }
    }

    fn dismiss(self) {
        if let Self::Mailbox(reply) = self {
            reply.dismiss();
        }
    }
}

/// All subscriptions of a client. Cloning gives a handle to the same ones.
#[derive(Debug, Clone)]
pub(super) struct Subscriptions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    store: AnyStore,
    book: Mutex<Book>,
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Book {
    waiting: BTreeMap<JobId, Vec<(Key, Receiver)>>,
    jobs: HashMap<Key, JobId>,
    listener: Option<Listener>,
    is_closed: bool,
}

/// The task that watches the store.
#[derive(Debug)]
struct Listener {
    arrivals: mpsc::UnboundedSender<JobId>,
    task: JoinHandle<()>,
}

impl Subscriptions {
    /// None yet.
    pub(super) fn of(store: AnyStore) -> Self {
        Self { shared: Arc::new(Shared { store, book: Mutex::default() }) }
    }

    /// Tells `receiver` of the end of `job`, once. A key that is known already is replaced.
    pub(super) fn add(&self, runtime: &Runtime, job: JobId, key: Key, receiver: Receiver) {
        self.remove(&key);
        let mut book = self.shared.book();
        if book.is_closed {
            return receiver.dismiss();
        }
        book.waiting.entry(job).or_default().push((key, receiver));
        book.jobs.insert(key, job);
        let is_heard = book.listener.as_ref().is_some_and(|task| task.arrivals.send(job).is_ok());
        if !is_heard {
            let (arrivals, arriving) = mpsc::unbounded_channel();
            let task = runtime.spawn(Arc::clone(&self.shared).listen(arriving));
            book.listener = Some(Listener { arrivals, task });
        }
    }

    /// Takes a subscription back.
    pub(super) fn remove(&self, key: &Key) {
        let mut book = self.shared.book();
        let Some(job) = book.jobs.remove(key) else {
            return;
        };
        let Some(receivers) = book.waiting.get_mut(&job) else {
            return;
        };
        let place = receivers.iter().position(|(present, _)| present == key);
        let removed = place.map(|place| receivers.swap_remove(place).1);
        if receivers.is_empty() {
            book.waiting.remove(&job);
        }
        drop(book);
        if let Some(receiver) = removed {
            receiver.dismiss();
        }
    }

    /// Ends the watch and forgets everybody: mailboxes are told nothing, blocking calls that the
    /// client is closed. Gives the ending task, which still holds the store.
    pub(super) fn close(&self) -> Option<JoinHandle<()>> {
        let mut book = self.shared.book();
        book.is_closed = true;
        book.jobs.clear();
        let waiting = std::mem::take(&mut book.waiting);
        let listener = book.listener.take();
        drop(book);
        waiting.into_values().flatten().for_each(|(_, receiver)| receiver.dismiss());
        listener.map(|listener| {
            listener.task.abort();
            listener.task
        })
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the store for as long as the client lives.
    async fn listen(self: Arc<Self>, mut arriving: mpsc::UnboundedReceiver<JobId>) {
        let (first, longest) = RETRY_WAITS;
        let mut wait = first;
        loop {
            match self.listen_once(&mut arriving, &mut wait).await {
                Ok(()) => {}
                Err(error) if error.is_retryable() => {
                    clock::pause(wait).await;
                    wait = (wait * 2).min(longest);
                    continue;
                }
                Err(error) => self.fail(&error),
            }
            // Nobody waits: without a watch until somebody comes.
            if arriving.recv().await.is_none() {
                return;
            }
        }
    }

    /// Watches until nobody has waited for a while, or the store fails.
    async fn listen_once(
        &self,
        arriving: &mut mpsc::UnboundedReceiver<JobId>,
        retry_wait: &mut Duration,
    ) -> Result<(), Error> {
        let mut watch = self.store.watch().await?;
        self.ask(self.all_jobs()).await?;
        *retry_wait = RETRY_WAITS.0;
        loop {
            let mut jobs = Vec::new();
            if self.is_empty() {
                match tokio::time::timeout(LINGER, arriving.recv()).await {
                    Ok(Some(job)) => jobs.push(job),
                    Ok(None) | Err(_) => return Ok(()),
                }
            } else {
                tokio::select! {
                    Some(job) = arriving.recv() => jobs.push(job),
                    wake = watch.next() => jobs = self.concerned(&wake?),
                }
            }
            while let Ok(job) = arriving.try_recv() {
                jobs.push(job);
            }
            self.ask(jobs).await?;
        }
    }

    fn is_empty(&self) -> bool {
        self.book().waiting.is_empty()
    }

    fn all_jobs(&self) -> Vec<JobId> {
        self.book().waiting.keys().copied().collect()
    }

    /// The jobs that somebody waits for and that may have ended.
    fn concerned(&self, wake: &Wake) -> Vec<JobId> {
        if wake.finished_others {
            return self.all_jobs();
        }
        let book = self.book();
        wake.finished.iter().filter(|job| book.waiting.contains_key(job)).copied().collect()
    }

    /// Asks the store for the ends of jobs and tells whoever waits.
    async fn ask(&self, jobs: Vec<JobId>) -> Result<(), Error> {
        for batch in jobs.chunks(BATCH_MAX) {
            for end in self.store.finished(batch.to_vec()).await? {
                for receiver in self.take(end.id) {
                    receiver.tell(Ok(end.clone()));
                }
            }
        }
        Ok(())
    }

    /// Tells everybody that the store can give no answers.
    fn fail(&self, error: &Error) {
        for job in self.all_jobs() {
            for receiver in self.take(job) {
                receiver.tell(Err(error.clone()));
            }
        }
    }

    fn take(&self, job: JobId) -> Vec<Receiver> {
        let mut book = self.book();
        let receivers = book.waiting.remove(&job).unwrap_or_default();
        for (key, _) in &receivers {
            book.jobs.remove(key);
        }
        receivers.into_iter().map(|(_, receiver)| receiver).collect()
    }
}
