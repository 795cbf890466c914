//! What is to be published: bounded in bytes, and written as soon as it is taken.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, ErrorKind};
use crate::protocol::{TEXT_MAX, write_command};

/// Commands that no connection has taken yet.
#[derive(Debug)]
pub(super) struct Pending {
    state: Mutex<Locked>,
    /// Room for bytes, of these and of those that Redis has not answered.
    room: Arc<Semaphore>,
    room_max: u32,
    /// Wakes the task.
    pub(super) work: Notify,
}

#[derive(Debug, Default)]
struct Locked {
    commands: Vec<u8>,
    asked: VecDeque<Asked>,
    ended: bool,
}

/// What Redis was or will be asked.
#[derive(Debug)]
pub(super) enum Asked {
    /// How many receive a message.
    Message { answer: oneshot::Sender<Result<u64, Error>>, _room: OwnedSemaphorePermit },
    /// A `PING`.
    Ping,
}

impl Asked {
    /// Says what became of it, and whether it was a message.
    pub(super) fn answer(self, outcome: Result<u64, Error>) -> bool {
        match self {
            // The send fails if the caller has stopped waiting for the answer, which is fine.
            Self::Message { answer, .. } => drop(answer.send(outcome)),
            Self::Ping => return false,
        }
        true
    }
}

impl Pending {
    pub(super) fn new(bytes_max: usize) -> Self {
        let room_max = u32::try_from(bytes_max).unwrap_or(u32::MAX);
        let room = Arc::new(Semaphore::new(room_max as usize));
        Self { state: Mutex::default(), room, room_max, work: Notify::new() }
    }

    pub(super) async fn add(
        &self,
        channel: &[u8],
        payload: &[u8],
    ) -> Result<oneshot::Receiver<Result<u64, Error>>, Error> {
        if channel.len().max(payload.len()) > TEXT_MAX {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "the channel or the message is longer than 512 MB, which redis refuses",
            ));
        }
        let bytes = u32::try_from(channel.len() + payload.len() + OVERHEAD).unwrap_or(u32::MAX);
        // A message that is larger than all the room there is goes alone.
        let room = Arc::clone(&self.room).acquire_many_owned(bytes.min(self.room_max)).await;
        let room = room.map_err(|_| closed())?;
        let (to, answer) = oneshot::channel();
        let mut state = self.state.lock();
        // The permit may have been given just before the end. `end` takes this lock, too, so
        // nothing is added once the task has found that all is over.
        if state.ended {
            return Err(closed());
        }
        write_command(&mut state.commands, b"PUBLISH", [channel, payload].into_iter());
        state.asked.push_back(Asked::Message { answer: to, _room: room });
        let is_first = state.asked.len() == 1;
        drop(state);
        // The task takes all that is there at once, so the first wakes it for the others.
        if is_first {
            self.work.notify_one();
        }
        Ok(answer)
    }

    /// Moves all commands into `out`, and returns what they ask, in order.
    pub(super) fn take(&self, out: &mut Vec<u8>) -> VecDeque<Asked> {
        let mut state = self.state.lock();
        if out.is_empty() {
            std::mem::swap(out, &mut state.commands);
        } else {
            out.append(&mut state.commands);
        }
        std::mem::take(&mut state.asked)
    }

    /// Fails all of them, and returns how many there were.
    pub(super) fn fail(&self, error: &Error) -> u64 {
        let mut state = self.state.lock();
        state.commands = Vec::new();
        let asked = std::mem::take(&mut state.asked);
        drop(state);
        fail(asked, error)
    }

    /// Takes nothing more.
    pub(super) fn end(&self) {
        self.state.lock().ended = true;
        self.room.close();
        self.work.notify_one();
    }

    /// Whether nothing more comes, and nothing is there.
    pub(super) fn is_over(&self) -> bool {
        let state = self.state.lock();
        state.ended && state.asked.is_empty()
    }

    /// Whether nothing more comes.
    pub(super) fn has_ended(&self) -> bool {
        self.state.lock().ended
    }

    /// Waits until nothing more comes. For the task alone, which [`take`](Self::take)s before it
    /// waits for `work`.
    pub(super) async fn ended(&self) {
        while !self.has_ended() {
            self.work.notified().await;
        }
    }
}

/// Fails what was asked, and returns how many messages that were.
pub(super) fn fail(asked: VecDeque<Asked>, error: &Error) -> u64 {
    asked.into_iter().map(|asked| u64::from(asked.answer(Err(error.clone())))).sum()
}

pub(super) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the publisher was shut down")
}

/// About what a command needs beyond its texts, with the place of who waits.
const OVERHEAD: usize = 192;
