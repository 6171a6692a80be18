//! Runs one future on the calling thread, without a runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// What a single case of the suite may take, with a wide margin for slow machines.
const TIME_MAX: Duration = Duration::from_secs(60);

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end.
///
/// # Panics
/// When the future still waits after a minute: what it waits for never came.
#[expect(
    clippy::disallowed_methods,
    reason = "the watchdog of a stuck test needs the machine's time, not the simulated one"
)]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let started = Instant::now();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        let left = TIME_MAX.saturating_sub(started.elapsed());
        assert!(!left.is_zero(), "waited {TIME_MAX:?} for something that never came");
        thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn it_waits_for_another_thread() {
        let (sender, receiver) = oneshot::channel();
        let thread = thread::spawn(move || sender.send(7));
        assert_eq!(block_on(receiver), Ok(7));
        thread.join().unwrap().unwrap();
    }
}
