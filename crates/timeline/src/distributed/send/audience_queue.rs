//! The sends that wait for one audience, and the room that they may take.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, OwnedPermit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::audience::Audience;
use super::waiting::{Waiting, crowded};
use crate::store::Append;
use crate::{Error, Result};

/// How many sends may wait for each audience.
const SENDS_MAX: usize = 4_096;

/// How much memory the sends that wait for an audience may take, in KiB.
const ROOM_KIB: u32 = 32 * 1024;

/// The queues of all audiences: one that is full holds up no other.
#[derive(Debug)]
pub(super) struct Queues {
    few: AudienceQueue,
    many: AudienceQueue,
}

/// The queue of one audience.
#[derive(Debug)]
pub(super) struct AudienceQueue {
    sends: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
}

impl Queues {
    /// Creates them, and hands each over to who takes from it.
    pub(super) fn new(mut taken_by: impl FnMut(Audience, mpsc::Receiver<Waiting>)) -> Self {
        let [few, many] = Audience::ALL.map(|audience| {
            let (sends, waiting) = mpsc::channel(SENDS_MAX);
            taken_by(audience, waiting);
            AudienceQueue { sends, room: Arc::new(Semaphore::new(ROOM_KIB as usize)) }
        });
        Self { few, many }
    }

    pub(super) fn of(&self, audience: Audience) -> &AudienceQueue {
        match audience {
            Audience::Few => &self.few,
            Audience::Many => &self.many,
        }
    }
}

impl AudienceQueue {
    /// Waits for the memory of a send.
    pub(super) async fn room(
        &self,
        append: &Append,
        until: Instant,
        timeout: Duration,
    ) -> Result<OwnedSemaphorePermit> {
        let room = Arc::clone(&self.room).acquire_many_owned(room_of(append));
        let room = timeout_at(until, room).await.map_err(|_elapsed| crowded(timeout))?;
        room.map_err(|_closed| Error::closed())
    }

    /// Waits for a place.
    pub(super) async fn place(&self, until: Instant, timeout: Duration) -> Result<OwnedPermit<Waiting>> {
        let place = self.sends.clone().reserve_owned();
        let place = timeout_at(until, place).await.map_err(|_elapsed| crowded(timeout))?;
        place.map_err(|_closed| Error::closed())
    }
}

/// Returns the memory of a send in KiB; a single one may fill the queue.
fn room_of(append: &Append) -> u32 {
    let names: usize = append.recipients.iter().map(|member| member.as_str().len() + 64).sum();
    let kib = (append.message.as_str().len() + names).div_ceil(1024);
    u32::try_from(kib).unwrap_or(ROOM_KIB).clamp(1, ROOM_KIB)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::{Conversation, Destination, MemberId, Message};

    fn append(bytes: usize, recipients: usize) -> Append {
        let member = MemberId::new("a").unwrap();
        Append {
            conversation: Conversation::single(member.clone(), member.clone()),
            from: None,
            to: Destination::Member(member.clone()),
            recipients: vec![member; recipients],
            message: Message::from_stored("x".repeat(bytes)),
            token: None,
        }
    }

    #[test]
    fn the_room_of_a_send_is_that_of_its_text_and_names_and_never_more_than_there_is() {
        assert_eq!(room_of(&append(2, 1)), 1);
        assert_eq!(room_of(&append(64 * 1024, 1)), 65);
        assert_eq!(room_of(&append(0, 1_024)), 65);
        assert_eq!(room_of(&append(ROOM_KIB as usize * 1024 + 1, 1)), ROOM_KIB);
    }

    #[tokio::test]
    async fn who_sends_to_few_has_room_while_nothing_is_taken_of_what_waits_for_many() {
        let mut held = Vec::new();
        let queues = Queues::new(|_audience, waiting| held.push(waiting));
        let (time, full) = (Duration::from_secs(60), append(ROOM_KIB as usize * 1024, 100));
        let end = Instant::now() + time;
        let many = queues.of(Audience::of([&full]));
        let _room = many.room(&full, end, time).await.unwrap();
        assert!(many.room(&append(1, 100), end, time).now_or_never().is_none());
        let pair = append(1, 2);
        let few = queues.of(Audience::of([&pair]));
        assert!(few.room(&pair, end, time).now_or_never().is_some_and(|room| room.is_ok()));
        assert!(few.place(end, time).now_or_never().is_some_and(|place| place.is_ok()));
    }
}
