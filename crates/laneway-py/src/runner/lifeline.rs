//! Ends a runner whose supervisor is gone, whatever the runner is doing.
//!
//! Such a runner can report nothing any more, and its jobs will run elsewhere when their lease is
//! over: the sooner it stops, the less is done twice. A task may hold the GIL for minutes, so the
//! watch is a thread that needs none.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::thread;

/// The exit status of a runner without a supervisor.
const EXIT_STATUS: i32 = 1;

/// Watches the other end of a socket until it is dropped.
#[derive(Debug)]
pub(super) struct Lifeline {
    /// Its being closed ends the thread.
    _release: UnixStream,
}

impl Lifeline {
    /// Ends this process when the other end of the socket is closed, or was closed already.
    pub(super) fn tied_to(socket: &Arc<OwnedFd>) -> io::Result<Self> {
        let (release, released) = UnixStream::pair()?;
        // The kernel's own signal reaches even a process that is stopped. Whether the supervisor
        // died before this call need not be asked: the socket is hung up then.
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        let socket = Arc::clone(socket);
        let watch = std::thread::Builder::new().name("laneway-lifeline".to_owned());
        thread::without_signals(|| watch.spawn(move || watch_socket(&socket, &released)))?;
        Ok(Self { _release: release })
    }
}

fn watch_socket(socket: &OwnedFd, released: &UnixStream) {
    // No event is asked for: a hang-up is always reported, and commands that wait unread must not
    // wake this thread. Systems other than Linux may report it late, so they look again by the
    // clock.
    let patience = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    let patience = if cfg!(target_os = "linux") { None } else { Some(&patience) };
    loop {
        let mut watched =
            [PollFd::new(socket, PollFlags::empty()), PollFd::new(released, PollFlags::empty())];
        match poll(&mut watched, patience) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(_) => return,
        }
        let [socket, released] = watched;
        if !released.revents().is_empty() {
            return;
        }
        if socket.revents().intersects(PollFlags::HUP | PollFlags::ERR) {
            end_process();
        }
    }
}

/// Ends the process without running anything: destructors and exit handlers might need the GIL.
#[expect(unsafe_code, reason = "there is no safe wrapper of _exit")]
fn end_process() -> ! {
    // SAFETY: `_exit` touches no memory of this process.
    unsafe { libc::_exit(EXIT_STATUS) }
}
