//! Reads of pages that wait where entries are missing.

use super::in_flight::{AnswerMemory, AnswerPermit, Full, RequestConnection};
use super::{Calls, Paged};
use crate::timeline::holes::HoleWaits;
use crate::{Error, Result};

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// A field is out of its bounds, the caller may not, or the store failed.
    Error(Error),
    /// There is no room for the answer.
    Full(Full),
}

/// Reads a page, and returns what `answer` makes of the reply and its room.
///
/// Room is taken before the store is read, or as many pages would be in memory as clients ask for.
/// At a hole it is given back before the wait, and the page is read again after it; once more when
/// the time for that is up.
pub(crate) async fn answer_page<R, A, E, F>(
    (calls, memory): (&Calls, &AnswerMemory),
    connection: Option<RequestConnection>,
    waits: &HoleWaits,
    read: impl Fn() -> F,
    answer: impl FnOnce(R, AnswerPermit) -> Result<A, E>,
) -> Result<A, E>
where
    E: From<NotRead>,
    F: Future<Output = Result<Paged<R>>>,
{
    let mut has_time = true;
    loop {
        let room = memory.reserve(connection.clone()).await.map_err(NotRead::Full)?;
        let Paged { reply, hole } = read().await.map_err(NotRead::Error)?;
        let Some(hole) = hole.filter(|_| has_time) else { return answer(reply, room) };
        drop((reply, room));
        has_time = calls.wait_at(&hole, waits).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::memory::MemoryStore;
    use crate::service::Everybody;
    use crate::service::in_flight::BYTES_MAX_BOUNDS;
    use crate::timeline::holes::HoleAt;
    use crate::{Config, Timeline};

    fn calls() -> Calls {
        Calls::new(Timeline::start(Config::default(), MemoryStore::default()).unwrap(), Arc::new(Everybody))
    }

    /// Room for one page.
    fn memory() -> AnswerMemory {
        AnswerMemory::new(BYTES_MAX_BOUNDS.start, "test").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_at_a_hole_waits_without_room_and_ends_when_its_time_is_up() {
        let (calls, memory, reads) = (calls(), memory(), Cell::new(0_u32));
        let read = || {
            reads.set(reads.get() + 1);
            async { Ok(Paged { reply: "what is before it", hole: Some(HoleAt::History) }) }
        };
        let waits = HoleWaits::begin();
        let answer = |reply: &'static str, _room| Ok::<_, NotRead>(reply);
        let mut waiting = pin!(answer_page((&calls, &memory), None, &waits, read, answer));
        assert!(timeout(Duration::from_millis(1), &mut waiting).await.is_err());
        assert_eq!(reads.get(), 1);
        drop(memory.reserve(None).await.unwrap());
        assert_eq!(waiting.await.unwrap(), "what is before it");
        assert!(reads.get() > 10, "it looked {} times in 5 s", reads.get());
    }

    #[tokio::test(start_paused = true)]
    async fn the_answer_to_a_closed_hole_is_made_once_and_of_the_last_page() {
        let (calls, memory, reads) = (calls(), memory(), Cell::new(0_u32));
        let read = || {
            reads.set(reads.get() + 1);
            let (reply, hole) = (reads.get(), (reads.get() < 3).then_some(HoleAt::History));
            async move { Ok(Paged { reply, hole }) }
        };
        let waits = HoleWaits::begin();
        let answer = |reply: u32, room| Ok::<_, NotRead>((reply, room));
        let answered = answer_page((&calls, &memory), None, &waits, read, answer).await;
        let (reply, room) = answered.unwrap();
        assert_eq!(reply, 3);
        // The answer has the room.
        assert!(memory.reserve(None).await.is_err());
        drop(room);
        memory.reserve(None).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_failed_read_and_one_without_room_say_which_they_are() {
        let (calls, memory, waits) = (calls(), memory(), HoleWaits::begin());
        let fails = || async { Err::<Paged<()>, _>(Error::invalid("the count is negative")) };
        let answer = |(), _room| Ok::<_, NotRead>(());
        let failed = answer_page((&calls, &memory), None, &waits, fails, answer).await;
        assert!(matches!(failed, Err(NotRead::Error(_))), "{failed:?}");
        let taken = memory.reserve(None).await.unwrap();
        let refused = answer_page((&calls, &memory), None, &waits, fails, answer).await;
        assert!(matches!(refused, Err(NotRead::Full(_))), "{refused:?}");
        drop(taken);
    }
}
