//! How many bytes of answers may wait for readers that are slow.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::{Error, ErrorKind, Result};

/// How long a read waits for room, and after which time a refused client should ask again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

/// How many bytes of answers a listener has in flight at most, unless told.
pub(crate) const BYTES_MAX: usize = 64 * 1024 * 1024;

/// What a client is told whose read found no room.
pub(crate) const FULL: &str =
    "too many bytes of answers wait for clients that read slowly; ask again in a second";

/// What is reserved for an answer before its size is known.
///
/// A page has about 1 MiB of entries, and JSON puts a backslash before each quotation mark in them.
const ANSWER_BYTES: u32 = 5 * 512 * 1024;

/// The bytes of answers that one listener has in flight: built, and not yet taken by their readers.
///
/// A client that asks for pages and does not read them would otherwise make the process hold as many as it likes. The
/// room is reserved before anything is read, so that reads that wait hold nothing:
///
/// ```text
/// reserve (waits up to 1 s) ──► read the store, encode ──► fit ──► the answer's bytes hold the room
///          │                            │                   │                  │ written, or the
///          ▼ no room                    ▼ it failed         ▼ no room          ▼ connection ended
///        refused                      given back          refused           given back
/// ```
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    room: Arc<Semaphore>,
}

/// Room for one answer, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room(OwnedSemaphorePermit);

/// There is no room for another answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full;

impl InFlight {
    /// Creates the room for answers of `bytes_max` together.
    ///
    /// # Errors
    ///
    /// `Config` when it is less than one answer takes, or more than can be counted.
    pub(crate) fn new(bytes_max: usize) -> Result<Self> {
        let most = Semaphore::MAX_PERMITS;
        if !(ANSWER_BYTES as usize..=most).contains(&bytes_max) {
            let text = format!("answer_bytes_max is {bytes_max}, allowed is {ANSWER_BYTES} to {most}");
            return Err(Error::new(ErrorKind::Config, text));
        }
        Ok(Self { room: Arc::new(Semaphore::new(bytes_max)) })
    }

    /// Waits for the room that an answer takes as a rule, for up to a second and in the order of the callers.
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes no room.
    pub(crate) async fn reserve(&self) -> Result<Room, Full> {
        let room = Arc::clone(&self.room).acquire_many_owned(ANSWER_BYTES);
        match timeout(PATIENCE, room).await {
            Ok(Ok(permit)) => Ok(Room(permit)),
            // Nobody closes the semaphore.
            Ok(Err(_)) | Err(_) => Err(Full),
        }
    }
}

impl Room {
    /// Keeps the room of an answer of `bytes`: gives the rest back, or takes what is missing if it is there.
    pub(crate) fn fit(mut self, bytes: usize) -> Result<Self, Full> {
        let held = self.0.num_permits();
        if let Some(surplus) = held.checked_sub(bytes) {
            drop(self.0.split(surplus));
            return Ok(self);
        }
        let missing = u32::try_from(bytes - held).map_err(|_| Full)?;
        let more = Arc::clone(self.0.semaphore()).try_acquire_many_owned(missing).map_err(|_| Full)?;
        self.0.merge(more);
        Ok(self)
    }

    /// Returns `bytes` such that the room is taken for as long as any part of them is anywhere.
    ///
    /// It has to be the bytes that hold the room, not the body of the answer: servers drop the body as soon as they
    /// have its last bytes, long before these are written.
    pub(crate) fn hold(self: &Arc<Self>, bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Bytes {
        Bytes::from_owner(Held { bytes, _room: Arc::clone(self) })
    }
}

/// Bytes and the room that they take.
struct Held<B> {
    bytes: B,
    _room: Arc<Room>,
}

impl<B: AsRef<[u8]>> AsRef<[u8]> for Held<B> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn room_for(answers: usize) -> InFlight {
        InFlight::new(answers * ANSWER_BYTES as usize).unwrap()
    }

    #[tokio::test]
    async fn a_read_without_room_is_refused_after_a_second() {
        let in_flight = room_for(2);
        let taken = (in_flight.reserve().await.unwrap(), in_flight.reserve().await.unwrap());
        let asked = Instant::now();
        assert_eq!(in_flight.reserve().await.unwrap_err(), Full);
        assert!(asked.elapsed() >= PATIENCE);
        drop(taken);
        in_flight.reserve().await.unwrap();
    }

    #[tokio::test]
    async fn a_read_that_waits_goes_on_as_soon_as_there_is_room() {
        let in_flight = room_for(1);
        let room = in_flight.reserve().await.unwrap();
        let mut waiting = Box::pin(in_flight.reserve());
        assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
        drop(room);
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn what_an_answer_does_not_need_is_given_back_at_once() {
        let in_flight = room_for(1);
        let small = in_flight.reserve().await.unwrap().fit(10).unwrap();
        assert_eq!(in_flight.room.available_permits(), ANSWER_BYTES as usize - 10);
        let large = small.fit(ANSWER_BYTES as usize).unwrap();
        assert_eq!(in_flight.room.available_permits(), 0);
        assert_eq!(large.fit(ANSWER_BYTES as usize + 1).unwrap_err(), Full);
        assert_eq!(in_flight.room.available_permits(), ANSWER_BYTES as usize);
    }

    #[tokio::test]
    async fn the_room_is_taken_as_long_as_any_part_of_the_bytes_is_anywhere() {
        let in_flight = room_for(1);
        let room = Arc::new(in_flight.reserve().await.unwrap().fit(4).unwrap());
        let mut bytes = room.hold(b"abcd".to_vec());
        drop(room);
        let end = bytes.split_off(3);
        drop(bytes);
        assert_eq!(&end[..], b"d");
        assert_eq!(in_flight.room.available_permits(), ANSWER_BYTES as usize - 4);
        drop(end);
        assert_eq!(in_flight.room.available_permits(), ANSWER_BYTES as usize);
    }

    #[test]
    fn less_room_than_one_answer_takes_is_refused() {
        assert_eq!(InFlight::new(1024).unwrap_err().kind(), ErrorKind::Config);
    }
}
