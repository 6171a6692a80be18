//! The supervisor's side of a runner's socket.
//!
//! Writing never waits: what the socket does not take stays in an outbox. And what the runner has
//! not read can be taken back, because the supervisor keeps a descriptor of the runner's own end
//! and reads from it what the runner would have read next. That is one system call for everything
//! that waits, so the runner cannot read in between; it may have read a part of a frame, and then
//! gets the rest again.

use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

use laneway_core::error::{Code, Error};
use rustix::net::{RecvFlags, SendFlags};
use tokio::io::Interest;
use tokio::sync::Notify;

use crate::protocol::{FrameReader, Run, ToRunner, append_frame};

/// Ends of frames that are kept before those that were read are forgotten.
const ENDS_MAX: usize = 256;

/// The socket to a runner.
#[derive(Debug)]
pub(super) struct Line {
    near_end: tokio::net::UnixStream,
    far_end: UnixStream,
    outbox: Mutex<Outbox>,
    /// Rings when the socket is full and the outbox is not empty.
    pub(super) is_stuck: Notify,
}

/// What was not sent yet, and where frames end in the stream of everything that ever was.
#[derive(Debug, Default)]
struct Outbox {
    unsent: VecDeque<u8>,
    /// Bytes queued since the beginning: the place in the stream where `unsent` ends.
    queued: u64,
    /// The places where frames end that the runner may not have read.
    ends: VecDeque<u64>,
    /// The last place of a frame's end that is not in `ends` any more.
    read_end: u64,
}

impl Line {
    /// `near_end` is the supervisor's end, `far_end` a descriptor of the runner's.
    pub(super) fn new(near_end: UnixStream, far_end: UnixStream) -> io::Result<Self> {
        near_end.set_nonblocking(true)?;
        Ok(Self {
            near_end: tokio::net::UnixStream::from_std(near_end)?,
            far_end,
            outbox: Mutex::default(),
            is_stuck: Notify::new(),
        })
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn queue(&self, message: &ToRunner) -> Result<(), Error> {
        let mut outbox = self.outbox();
        if outbox.ends.len() >= ENDS_MAX {
            let unread = rustix::io::ioctl_fionread(&self.far_end).unwrap_or(u64::MAX);
            outbox.forget_read(unread);
        }
        outbox.queue(message)
    }

    /// Sends what the socket takes.
    pub(super) fn flush(&self) {
        if !self.outbox().send(&self.near_end) {
            self.is_stuck.notify_one();
        }
    }

    /// Waits until the socket takes something and sends it; tells whether that was everything.
    pub(super) async fn unstick(&self) -> bool {
        if self.near_end.writable().await.is_err() {
            return true;
        }
        let sent = self.near_end.try_io(Interest::WRITABLE, || {
            if self.outbox().send(&self.near_end) {
                Ok(())
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            }
        });
        sent.is_ok()
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.near_end.readable().await
    }

    /// Reads what has come, noting when that was all; `Ok(0)` means that no more will ever come.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.near_end.try_io(Interest::READABLE, || self.read_now(buffer))
    }

    /// Reads what has come, whatever the event loop knows of it.
    pub(super) fn read_now(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (read, _) = rustix::net::recv(&self.near_end, buffer, RecvFlags::DONTWAIT)?;
        Ok(read)
    }

    /// Takes back the jobs that the runner has not read; other messages stay on their way.
    pub(super) fn take_back(&self) -> Result<Vec<Run>, Error> {
        let mut outbox = self.outbox();
        let unread = rustix::io::ioctl_fionread(&self.far_end).unwrap_or_default();
        let mut bytes = vec![0; usize::try_from(unread).unwrap_or_default()];
        let taken = match rustix::net::recv(&self.far_end, &mut bytes[..], RecvFlags::DONTWAIT) {
            Ok((taken, _)) => taken,
            Err(_) => 0,
        };
        bytes.truncate(taken);
        let runs = outbox.take_back(bytes);
        if !outbox.send(&self.near_end) {
            self.is_stuck.notify_one();
        }
        runs
    }
}

impl Outbox {
    fn queue(&mut self, message: &ToRunner) -> Result<(), Error> {
        let mut frame = Vec::new();
        append_frame(&mut frame, message)?;
        self.append(&frame);
        self.ends.push_back(self.queued);
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) {
        self.unsent.extend(bytes);
        self.queued += length(bytes.len());
    }

    /// Sends until the socket is full; tells whether everything is sent. An error means that the
    /// runner is gone, which is told by its exit: what is unsent has no receiver then.
    fn send(&mut self, socket: impl AsFd) -> bool {
        loop {
            let (part, _) = self.unsent.as_slices();
            if part.is_empty() {
                return true;
            }
            match rustix::net::send(&socket, part, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return false,
                Err(_) => self.unsent.clear(),
            }
        }
    }

    /// Forgets the ends of frames that were read. `unread` bytes are in the socket.
    fn forget_read(&mut self, unread: u64) {
        let read = self.queued.saturating_sub(length(self.unsent.len())).saturating_sub(unread);
        while let Some(end) = self.ends.front().copied().filter(|end| *end <= read) {
            self.read_end = end;
            self.ends.pop_front();
        }
    }

    /// Sorts what was taken from the socket: the rest of a frame that was read in part goes back,
    /// and so does every message that carries no jobs.
    fn take_back(&mut self, mut bytes: Vec<u8>) -> Result<Vec<Run>, Error> {
        self.forget_read(length(bytes.len()));
        bytes.extend(self.unsent.drain(..));
        let read = self.queued - length(bytes.len());
        let torn = match self.ends.front() {
            Some(end) if read > self.read_end => usize::try_from(end - read).unwrap_or(usize::MAX),
            _ => 0,
        };
        let Some((rest, whole)) = bytes.split_at_checked(torn) else {
            return Err(Error::new(Code::Internal, "the outbox of a runner has lost count")
                .why(format!("{torn} bytes are missing of {}", bytes.len())));
        };
        self.queued = read;
        self.ends.clear();
        if torn > 0 {
            self.append(rest);
            self.ends.push_back(self.queued);
        }
        let mut frames = FrameReader::default();
        frames.extend(whole);
        let mut taken = Vec::new();
        while let Some(message) = frames.next_message()? {
            match message {
                ToRunner::Run(runs) => taken.extend(runs),
                other => self.queue(&other)?,
            }
        }
        Ok(taken)
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
