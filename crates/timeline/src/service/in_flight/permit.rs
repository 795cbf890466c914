//! The room: who takes how much of it, and what happens when others wait.

use std::sync::{Arc, Weak};

use metrics::{Counter, Gauge};
use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::answer::{Answer, STILL};
use super::connection::RequestConnection;
use super::part::{Full, PermitPart};
use super::{ANSWER_BYTES, BYTES_MAX_BOUNDS, PATIENCE};
use crate::{Error, ErrorKind, Result};

/// One connection has at most this part of the room.
const SHARES: usize = 4;

/// The bytes of answers that were built and not yet taken by their readers.
///
/// The HTTP and the gRPC service each have one, with the room that their `Config` says. A program
/// makes another one for large answers of its own, so that clients which ask and do not read cost a
/// bounded memory there as well: it [reserves](Self::reserve_bytes) room before it makes an answer,
/// and [gives](AnswerPermit::into_body) the answer to its client in that room. While somebody waits
/// for room, answers that stand still are cut. Cheap to clone; clones are the same.
#[derive(Debug, Clone)]
pub struct AnswerMemory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    room: Arc<Semaphore>,
    /// What one connection may have of it.
    share: usize,
    answers: Mutex<Answers>,
    bytes: Gauge,
    refused: Counter,
    cut: Counter,
}

/// The answers under way, and some that are over. The latter are removed whenever the list has
/// become twice as long.
#[derive(Debug, Default)]
struct Answers {
    all: Vec<Weak<Answer>>,
    tidy_at: usize,
}

/// Memory for one answer, given back when it is dropped.
#[derive(Debug)]
pub struct AnswerPermit {
    part: PermitPart,
    connection: Option<RequestConnection>,
    shared: Arc<Shared>,
}

impl AnswerMemory {
    /// Creates the room for answers of `bytes_max` together.
    ///
    /// Its figures have the label `service`.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) when it is less than one page of entries takes, 2.5 MiB, or
    /// more than can be counted.
    pub fn new(bytes_max: usize, service: &'static str) -> Result<Self> {
        let (least, most) = (BYTES_MAX_BOUNDS.start, Semaphore::MAX_PERMITS);
        if !(least..=most).contains(&bytes_max) {
            let text = format!("answer_bytes_max is {bytes_max}; it must be from {least} to {most}");
            return Err(Error::new(ErrorKind::Config, text));
        }
        describe();
        let shared = Shared {
            room: Arc::new(Semaphore::new(bytes_max)),
            share: (bytes_max / SHARES).max(ANSWER_BYTES as usize),
            answers: Mutex::default(),
            bytes: metrics::gauge!("timeline_answer_bytes_in_flight", "service" => service),
            refused: metrics::counter!("timeline_reads_refused_total", "service" => service),
            cut: metrics::counter!("timeline_answers_cut_total", "service" => service),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Waits for the room that a page of entries takes at most.
    pub(crate) async fn reserve(&self, connection: Option<RequestConnection>) -> Result<AnswerPermit, Full> {
        self.reserve_bytes(ANSWER_BYTES as usize, connection).await.ok_or(Full)
    }

    /// Waits for the room of an answer that will have at most `bytes`.
    ///
    /// More than 2.5 MiB are taken with the answer itself, if they are there. It waits for up to a
    /// second, in the order of the callers; meanwhile answers that stand still are cut. None is
    /// returned when there is no room even so: the client should ask again in a second.
    /// `connection` is the one that the request came over; see [`RequestConnection`].
    ///
    /// # Cancel safety
    ///
    /// A dropped call takes no room.
    pub async fn reserve_bytes(
        &self,
        bytes: usize,
        connection: Option<RequestConnection>,
    ) -> Option<AnswerPermit> {
        // A call waits for no more than this, as so much becomes free at one time or another,
        // whatever other answers hold.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(ANSWER_BYTES);
        let part = timeout(PATIENCE, self.take(bytes, connection.as_ref())).await;
        // The semaphores are never closed, so the inner error does not happen.
        let Ok(Ok(part)) = part else {
            self.shared.refused.increment(1);
            return None;
        };
        Some(AnswerPermit { part, connection, shared: Arc::clone(&self.shared) })
    }

    async fn take(
        &self,
        bytes: u32,
        connection: Option<&RequestConnection>,
    ) -> Result<PermitPart, AcquireError> {
        let of_connection = match connection {
            // The share of the connection comes first: a connection that waits for its own answers
            // holds nothing that others wait for.
            Some(connection) => {
                let share = connection.share(&self.shared.room, self.shared.share);
                Some(share.acquire_many_owned(bytes).await?)
            }
            None => None,
        };
        let acquire = Arc::clone(&self.shared.room).acquire_many_owned(bytes);
        tokio::pin!(acquire);
        // No event tells that an answer begins to stand still, so it looks again and again.
        let mut ticks = interval(STILL / 5);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was cut for this call is on its way back and is not cut for a second time, so it
        // takes no more answers away than it needs.
        let mut missing = bytes as usize;
        let of_all = loop {
            tokio::select! {
                biased;
                permit = &mut acquire => break permit?,
                _ = ticks.tick(), if missing > 0 => {
                    missing = missing.saturating_sub(self.shared.cut_slowest(missing));
                }
            }
        };
        Ok(self.shared.part(of_all, of_connection))
    }
}

impl Shared {
    pub(super) fn watch(&self, answer: &Arc<Answer>) {
        let mut answers = self.answers.lock();
        if answers.all.len() >= answers.tidy_at {
            answers.all.retain(|answer| answer.strong_count() > 0);
            answers.tidy_at = (answers.all.len() * 2).max(64);
        }
        answers.all.push(Arc::downgrade(answer));
    }

    /// Cuts the slowest answers until that gives back so many bytes, if there are any; returns how
    /// many.
    fn cut_slowest(&self, bytes: usize) -> usize {
        // The answers that are kept alive here are dropped after the lock is let go.
        let answers: Vec<_> = self.answers.lock().all.iter().filter_map(Weak::upgrade).collect();
        let now = Instant::now();
        let mut slow: Vec<_> =
            answers.iter().filter_map(|answer| Some((answer.pace(now)?, answer))).collect();
        slow.sort_by_key(|(pace, _)| *pace);
        let mut freed = 0;
        for (_, answer) in slow {
            if freed >= bytes {
                break;
            }
            freed += answer.cut();
            self.cut.increment(1);
        }
        freed
    }

    fn part(&self, of_all: OwnedSemaphorePermit, of_connection: Option<OwnedSemaphorePermit>) -> PermitPart {
        PermitPart::new(of_all, of_connection, self.bytes.clone())
    }
}

impl AnswerPermit {
    /// Keeps the room of an answer of `bytes`: gives the rest back, or takes what is missing if it
    /// is there.
    pub(crate) fn fit(mut self, bytes: usize) -> Result<Self, Full> {
        let held = self.part.len();
        if let Some(surplus) = held.checked_sub(bytes) {
            drop(self.part.split(surplus));
        } else {
            self.part.grow(bytes - held).inspect_err(|_| self.shared.refused.increment(1))?;
        }
        Ok(self)
    }

    /// Returns a part of the room for each of the pieces; the rest is given back.
    pub(super) fn into_parts(
        mut self,
        bytes: impl Iterator<Item = usize>,
    ) -> (Arc<Shared>, Option<RequestConnection>, Vec<PermitPart>) {
        let parts = bytes.map(|bytes| self.part.split(bytes)).collect();
        (self.shared, self.connection, parts)
    }
}

fn describe() {
    metrics::describe_gauge!(
        "timeline_answer_bytes_in_flight",
        "Bytes of answers that are being made or wait for their clients."
    );
    metrics::describe_counter!(
        "timeline_reads_refused_total",
        "Reads refused because too many bytes of answers waited for their clients."
    );
    metrics::describe_counter!(
        "timeline_answers_cut_total",
        "Answers cut because their clients read nothing while others waited for room."
    );
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use super::super::body::{AnswerBody, Pieces};
    use super::*;

    const ANSWER: usize = ANSWER_BYTES as usize;

    fn room_for(answers: usize) -> AnswerMemory {
        AnswerMemory::new(answers * ANSWER, "test").unwrap()
    }

    fn free(in_flight: &AnswerMemory) -> usize {
        in_flight.shared.room.available_permits()
    }

    /// An answer of so many bytes.
    async fn answer(
        in_flight: &AnswerMemory,
        bytes: usize,
        connection: Option<RequestConnection>,
    ) -> AnswerBody {
        let room = in_flight.reserve(connection).await.unwrap().fit(bytes).unwrap();
        AnswerBody::alone(Pieces::copy_of(&vec![7; bytes]), room)
    }

    /// A connection, and how often it was closed.
    fn connection() -> (RequestConnection, Arc<AtomicUsize>) {
        let closed = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&closed);
        (RequestConnection::new(move || _ = counted.fetch_add(1, Ordering::SeqCst)), closed)
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_without_room_is_refused_after_a_second() {
        let in_flight = room_for(2);
        // Two that are being made, which nobody's slowness delays.
        let taken = (in_flight.reserve(None).await.unwrap(), in_flight.reserve(None).await.unwrap());
        let asked = Instant::now();
        assert_eq!(in_flight.reserve(None).await.unwrap_err(), Full);
        assert!(asked.elapsed() >= PATIENCE);
        drop(taken);
        in_flight.reserve(None).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_read_that_waits_goes_on_as_soon_as_there_is_room() {
        let in_flight = room_for(1);
        let room = in_flight.reserve(None).await.unwrap();
        let mut waiting = pin!(in_flight.reserve(None));
        assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
        drop(room);
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_answer_does_not_need_is_given_back_at_once() {
        let in_flight = room_for(1);
        let small = in_flight.reserve(None).await.unwrap().fit(10).unwrap();
        assert_eq!(free(&in_flight), ANSWER - 10);
        let large = small.fit(ANSWER).unwrap();
        assert_eq!(free(&in_flight), 0);
        assert_eq!(large.fit(ANSWER + 1).unwrap_err(), Full);
        assert_eq!(free(&in_flight), ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn each_piece_gives_its_room_back_when_it_is_written() {
        let in_flight = room_for(1);
        let mut body = answer(&in_flight, 100_000, None).await;
        assert_eq!(free(&in_flight), ANSWER - 100_000);
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let mut piece = frame.unwrap().into_data().unwrap();
            read += piece.len();
            // As long as any part of it is anywhere.
            let end = piece.split_off(piece.len() - 1);
            drop(piece);
            let before = free(&in_flight);
            drop(end);
            assert!(free(&in_flight) > before);
            assert_eq!(free(&in_flight), ANSWER - 100_000 + read);
        }
        assert_eq!(read, 100_000);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stands_still_longest_makes_room_for_who_waits() {
        let in_flight = room_for(2);
        let ((one, one_closed), (other, other_closed)) = (connection(), connection());
        let mut first = answer(&in_flight, ANSWER, Some(one)).await;
        let mut second = answer(&in_flight, ANSWER, Some(other)).await;
        let asked = Instant::now();
        tokio::time::advance(STILL).await;
        // Something is taken of the first, of the second nothing.
        drop(first.frame().await.unwrap().unwrap());
        let room = in_flight.reserve(None).await.unwrap();
        assert!(asked.elapsed() < PATIENCE);
        let closed = (one_closed.load(Ordering::SeqCst), other_closed.load(Ordering::SeqCst));
        assert_eq!(closed, (0, 1));
        assert!(second.frame().await.unwrap().is_err());
        assert!(first.frame().await.unwrap().is_ok());
        drop((room, first, second));
        assert_eq!(free(&in_flight), 2 * ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_the_program_has_the_room_that_it_takes() {
        let in_flight = room_for(4);
        let small = in_flight.reserve_bytes(20, None).await.unwrap();
        assert_eq!(free(&in_flight), 4 * ANSWER - 20);
        let body = small.into_body(&[7; 30]).unwrap();
        assert_eq!(free(&in_flight), 4 * ANSWER - 30);
        assert_eq!(body.collect().await.unwrap().to_bytes(), [7; 30][..]);
        // What is beyond that is taken with the answer.
        let large = in_flight.reserve_bytes(usize::MAX, None).await.unwrap();
        assert_eq!(free(&in_flight), 3 * ANSWER);
        drop(large);
        assert_eq!(free(&in_flight), 4 * ANSWER);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_cut_while_nobody_waits() {
        let in_flight = room_for(1);
        let (connection, closed) = connection();
        let body = answer(&in_flight, ANSWER, Some(connection)).await;
        tokio::time::advance(PATIENCE * 100).await;
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), ANSWER);
        assert_eq!(closed.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_has_a_quarter_and_its_further_reads_keep_nobody_out() {
        let in_flight = room_for(8);
        let (connection, _) = connection();
        let reserve = || in_flight.reserve(Some(connection.clone()));
        let held = (reserve().await.unwrap(), reserve().await.unwrap());
        let (mut third, mut fourth) = (pin!(reserve()), pin!(reserve()));
        assert!(timeout(Duration::ZERO, &mut third).await.is_err());
        assert!(timeout(Duration::ZERO, &mut fourth).await.is_err());
        let mut others = Vec::new();
        for _ in 0..6 {
            others.push(timeout(Duration::ZERO, in_flight.reserve(None)).await.unwrap().unwrap());
        }
        drop(held);
        third.await.unwrap();
        fourth.await.unwrap();
    }

    #[test]
    fn less_room_than_one_answer_takes_is_refused() {
        assert_eq!(AnswerMemory::new(1024, "test").unwrap_err().kind(), ErrorKind::Config);
    }
}
