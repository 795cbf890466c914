//! The queue of sends, and the handle that callers have of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::metrics;
use super::repetitions::{Answer, Entered, Underway};
use super::sender;
use super::waiting::{Waiting, crowded};
use crate::distributed::groups;
use crate::distributed::shared::Shared;
use crate::store::{Append, Appended};
use crate::{Error, ErrorKind, Result};

/// How many sends may wait.
const SENDS_MAX: usize = 4_096;

/// How much memory the sends that wait may take, in KiB.
const ROOM_KIB: u32 = 64 * 1024;

/// The handle by which callers send.
///
/// Callers wait for a place in the queue, bounded by the time of a call. Who is dropped while
/// waiting for a place has sent nothing; after that the send goes on. Dropping the handle lets what
/// is in the queue go on to its end.
pub(in crate::distributed) struct Sender {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    underway: Underway,
    /// How long a call may take.
    timeout: Duration,
    /// The task that takes from the queue, and its flushes.
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Sender {
    /// Starts the task that takes from the queue.
    pub(in crate::distributed) fn start(shared: &Arc<Shared>) -> Self {
        metrics::describe();
        let (queue, waiting) = mpsc::channel(SENDS_MAX);
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(sender::run(Arc::clone(shared), waiting, tasks.clone(), closing.clone()));
        Self {
            queue,
            room: Arc::new(Semaphore::new(ROOM_KIB as usize)),
            underway: Underway::default(),
            timeout: shared.config.timeout,
            tasks,
            closing,
        }
    }

    /// Writes a message.
    pub(in crate::distributed) async fn append(&self, append: Append) -> Result<Appended> {
        let answer = self.hand_over(append).await?;
        answer.await.unwrap_or_else(|_dropped| Err(unanswered()))
    }

    /// Writes messages, those of one sender in their order.
    pub(in crate::distributed) async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        // All are handed over before the first answer is waited for, so that they share flushes.
        let mut handed = Vec::with_capacity(appends.len());
        for append in appends {
            handed.push(self.hand_over(append).await);
        }
        let mut answers = Vec::with_capacity(handed.len());
        for answer in handed {
            answers.push(match answer {
                Ok(answer) => answer.await.unwrap_or_else(|_dropped| Err(unanswered())),
                Err(error) => Err(error),
            });
        }
        answers
    }

    /// Refuses further sends, and waits until those that were accepted have ended.
    pub(in crate::distributed) async fn shutdown(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Puts a send into the queue, or lets it join the one that it repeats.
    async fn hand_over(&self, append: Append) -> Result<Answer> {
        if self.closing.is_cancelled() {
            return Err(Error::closed());
        }
        groups::check_send(&append)?;
        let until = Instant::now() + self.timeout;
        let room = Arc::clone(&self.room).acquire_many_owned(room_of(&append));
        let Ok(room) = timeout_at(until, room).await else { return Err(crowded(self.timeout)) };
        let room = room.map_err(|_closed| Error::closed())?;
        loop {
            let Ok(place) = timeout_at(until, self.queue.reserve()).await else {
                return Err(crowded(self.timeout));
            };
            let place = place.map_err(|_closed| Error::closed())?;
            // Nothing is awaited before it is in the queue, if it is noted as the first.
            let behind = match self.underway.enter(&append) {
                Entered::Joined(answer) => return Ok(answer),
                Entered::First(reply, answer) => {
                    place.send(Waiting::new(append, reply, until, room));
                    return Ok(answer);
                }
                Entered::Behind(behind) => {
                    drop(place);
                    behind
                }
            };
            // Whatever the answer is: who has the id is in the store then, or nobody has it.
            if timeout_at(until, behind).await.is_err() {
                return Err(crowded(self.timeout));
            }
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// Returns the memory of a send in KiB; a single one may fill the queue.
fn room_of(append: &Append) -> u32 {
    let names: usize = append.recipients.iter().map(|member| member.as_str().len() + 64).sum();
    let kib = (append.message.as_str().len() + names).div_ceil(1024);
    u32::try_from(kib).unwrap_or(ROOM_KIB).clamp(1, ROOM_KIB)
}

fn unanswered() -> Error {
    let text = "the task that was storing the message ended; repeat the message with its message id";
    Error::new(ErrorKind::UnknownOutcome, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, Destination, MemberId, Message};

    #[test]
    fn the_room_of_a_send_is_that_of_its_text_and_names_and_never_more_than_there_is() {
        let member = MemberId::new("a").unwrap();
        let append = |bytes: usize, recipients: usize| Append {
            conversation: Conversation::single(member.clone(), member.clone()),
            from: None,
            to: Destination::Member(member.clone()),
            recipients: vec![member.clone(); recipients],
            message: Message::from_stored("x".repeat(bytes)),
            token: None,
        };
        assert_eq!(room_of(&append(2, 1)), 1);
        assert_eq!(room_of(&append(64 * 1024, 1)), 65);
        assert_eq!(room_of(&append(0, 1_024)), 65);
        assert_eq!(room_of(&append(ROOM_KIB as usize * 1024 + 1, 1)), ROOM_KIB);
    }
}
