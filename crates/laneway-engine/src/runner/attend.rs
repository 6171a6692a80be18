//! Listens to a runner, and sends it what the socket could not take at once.

use std::io;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::exit::Exit;
use super::line::Line;
use crate::fleet::RunnerId;
use crate::protocol::{FrameReader, FromRunner};
use crate::supervisor::Event;

const BUFFER_BYTES: usize = 64 << 10;

/// Bytes that are read before they are told of, so that no runner can keep the others waiting.
const TURN_BYTES: usize = 1 << 20;

/// Serves a runner's socket until its process has ended and everything it said has been told.
pub(super) async fn attend(
    id: RunnerId,
    line: Arc<Line>,
    mut exit: oneshot::Receiver<Exit>,
    events: mpsc::Sender<Event>,
) {
    let mut ear = Ear { id, frames: FrameReader::default(), is_open: true };
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut is_stuck = false;
    let exit = loop {
        tokio::select! {
            biased;
            ready = line.readable(), if ear.is_open => {
                ear.is_open &= ready.is_ok();
                if let Some(event) = ear.listen(&mut buffer, |buffer| line.read(buffer))
                    && events.send(event).await.is_err()
                {
                    return;
                }
            }
            is_done = line.unstick(), if is_stuck => is_stuck = !is_done,
            () = line.is_stuck.notified() => is_stuck = true,
            exit = &mut exit => break exit,
        }
    };
    // What it said just before its end counts: those attempts have ended, not been interrupted.
    while let Some(event) = ear.listen(&mut buffer, |buffer| line.read_now(buffer)) {
        if events.send(event).await.is_err() {
            return;
        }
    }
    if let Ok(exit) = exit {
        // Nobody listens any more when the worker has ended.
        events.send(Event::Exited { runner: id, exit }).await.ok();
    }
}

struct Ear {
    id: RunnerId,
    frames: FrameReader,
    is_open: bool,
}

impl Ear {
    /// Reads what has come; gives the messages in it, if there are whole ones.
    fn listen(
        &mut self,
        buffer: &mut [u8],
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
    ) -> Option<Event> {
        let mut turn = 0;
        while self.is_open && turn < TURN_BYTES {
            match read(buffer) {
                Ok(0) => self.is_open = false,
                Ok(count) => {
                    self.frames.extend(buffer.get(..count).unwrap_or_default());
                    turn += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.is_open = false,
            }
        }
        self.messages()
    }

    fn messages(&mut self) -> Option<Event> {
        let mut messages: Vec<FromRunner> = Vec::new();
        loop {
            match self.frames.next_message() {
                Ok(Some(message)) => messages.push(message),
                Ok(None) if messages.is_empty() => return None,
                Ok(None) => {
                    return Some(Event::Said { runner: self.id, messages });
                }
                Err(error) => {
                    self.is_open = false;
                    self.frames = FrameReader::default();
                    return Some(Event::Garbled { runner: self.id, error });
                }
            }
        }
    }
}
