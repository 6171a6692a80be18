//! Reads frames from the socket, and not a byte more than the frames that are wanted.

use std::io;
use std::os::fd::OwnedFd;

use laneway_core::error::{Code, Error};
use laneway_engine::protocol::{FRAME_BYTES_MAX, HEADER_BYTES, ToRunner};
use pyo3::prelude::*;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};

use super::commands::Commands;
use crate::error::raised;

/// Why no command can come any more.
#[derive(Debug)]
pub(super) enum Broken {
    /// The supervisor has closed its end.
    Closed,
    /// What came is not understood.
    Error(Error),
}

impl Broken {
    pub(super) fn raise(self) -> PyErr {
        match self {
            Self::Closed => super::supervisor_is_gone(),
            Self::Error(error) => raised(error),
        }
    }
}

/// The frame that is being read. It survives a read that finds only a part of it.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    header: [u8; HEADER_BYTES],
    header_filled: usize,
    body: Vec<u8>,
    body_filled: usize,
}

impl Inbox {
    /// Reads up to `frames_max` frames, without waiting.
    pub(super) fn read(
        &mut self,
        socket: &OwnedFd,
        frames_max: usize,
        commands: &mut Commands,
    ) -> Result<(), Broken> {
        for _ in 0..frames_max {
            if !self.fill(socket)? {
                return Ok(());
            }
            commands.add(self.take_message()?);
        }
        Ok(())
    }

    /// Reads on at the present frame; tells whether it is whole now.
    fn fill(&mut self, socket: &OwnedFd) -> Result<bool, Broken> {
        while let Some(missing) = self.header.get_mut(self.header_filled..).filter(not_empty) {
            match receive(socket, missing)? {
                Some(count) => self.header_filled += count,
                None => return Ok(false),
            }
            if self.header_filled == HEADER_BYTES {
                self.make_room()?;
            }
        }
        while let Some(missing) = self.body.get_mut(self.body_filled..).filter(not_empty) {
            match receive(socket, missing)? {
                Some(count) => self.body_filled += count,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn make_room(&mut self) -> Result<(), Broken> {
        let length = usize::try_from(u32::from_le_bytes(self.header)).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(mismatch(format!("a frame claims {length} bytes")));
        }
        self.body.resize(length, 0);
        Ok(())
    }

    fn take_message(&mut self) -> Result<ToRunner, Broken> {
        let message =
            rmp_serde::from_slice(&self.body).map_err(|error| mismatch(error.to_string()));
        self.header_filled = 0;
        self.body_filled = 0;
        self.body.clear();
        self.body.shrink_to(ROOM_KEPT);
        message
    }
}

/// The room that is kept for the next frame; what one large frame needed is given back.
const ROOM_KEPT: usize = 256 << 10;

fn not_empty(bytes: &&mut [u8]) -> bool {
    !bytes.is_empty()
}

/// The bytes that came; `None` when there are none yet.
fn receive(socket: &OwnedFd, room: &mut [u8]) -> Result<Option<usize>, Broken> {
    loop {
        match recv(socket, &mut *room, RecvFlags::empty()) {
            Ok((0, _)) | Err(Errno::CONNRESET) => return Err(Broken::Closed),
            Ok((count, _)) => return Ok(Some(count)),
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(error) => {
                let what = "the socket to the supervisor cannot be read";
                return Err(Broken::Error(Error::new(Code::Internal, what).why(error.to_string())));
            }
        }
    }
}

/// Waits until the socket is readable, its other end is closed, a signal came, or a moment is over.
///
/// The moment bounds how long a signal goes unseen that came just before the wait began.
pub(super) fn wait_readable(socket: &OwnedFd) -> io::Result<()> {
    const MOMENT: Timespec = Timespec { tv_sec: 0, tv_nsec: 500_000_000 };
    match poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&MOMENT)) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn mismatch(why: String) -> Broken {
    let what = "the supervisor's end of the runner socket is not understood";
    Broken::Error(Error::new(Code::RunnerMismatch, what).why(why))
}
