//! The queue of sends, and the handle that callers have of it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::audience::Audience;
use super::audience_queue::Queues;
use super::flush::Background;
use super::metrics;
use super::repetitions::{Answer, Entered, Underway};
use super::sender;
use super::spread::unknown;
use super::waiting::{QueuedFate, Waiting, crowded};
use crate::distributed::shared::Shared;
use crate::distributed::{call_end, groups};
use crate::store::{Append, Appended, IdempotencyKey};
use crate::timeline::key_of;
use crate::{Error, ErrorKind, MessageId, Result};

/// The handle by which callers send.
///
/// The time of a call begins with it, and has all in it: the wait for a place in the queue, the one
/// in the queue, and the batch. Who is dropped while waiting for a place has sent nothing; after
/// that the send goes on. Dropping the handle lets what is in the queue go on to its end.
pub(in crate::distributed) struct Sender {
    queues: Queues,
    underway: Underway,
    /// How long a call may take.
    timeout: Duration,
    /// The tasks that take from the queues, and their flushes.
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Sender {
    /// Starts the tasks that take from the queues.
    pub(in crate::distributed) fn start(shared: &Arc<Shared>) -> Self {
        metrics::describe();
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        let background = Background::new(closing.clone());
        let queues = Queues::new(|audience, waiting| {
            let taking =
                sender::run(Arc::clone(shared), audience, waiting, tasks.clone(), background.clone());
            tasks.spawn(taking);
        });
        let (underway, timeout) = (Underway::default(), shared.config.timeout);
        Self { queues, underway, timeout, tasks, closing }
    }

    /// Writes a message.
    pub(in crate::distributed) async fn append(&self, append: Append) -> Result<Appended> {
        let begun = Instant::now();
        let handed = self.hand_over(Audience::of([&append]), append, begun).await?;
        handed.answered(begun, self.timeout).await
    }

    /// Writes messages, those of one sender in their order.
    pub(in crate::distributed) async fn append_all(&self, appends: Vec<Append>) -> Vec<Result<Appended>> {
        // All are handed over before the first answer is waited for, so that they share flushes.
        let (begun, mut all) = (Instant::now(), Vec::with_capacity(appends.len()));
        // The order matters: the two queues are taken from side by side, so all go into one.
        let audience = Audience::of(&appends);
        for append in appends {
            all.push(self.hand_over(audience, append, begun).await);
        }
        let mut answers = Vec::with_capacity(all.len());
        for handed in all {
            answers.push(match handed {
                Ok(handed) => handed.answered(begun, self.timeout).await,
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
    ///
    /// `begun` is when its call began.
    async fn hand_over(&self, audience: Audience, mut append: Append, begun: Instant) -> Result<Handed> {
        if self.closing.is_cancelled() {
            return Err(Error::closed());
        }
        groups::check_send(&append)?;
        if append.token.is_none() {
            append.token = Some(made_key(&append));
        }
        let key = append.token.clone();
        let until = begun + call_end::of_steps(self.timeout);
        let queue = self.queues.of(audience);
        let room = queue.room(&append, until, self.timeout).await?;
        loop {
            let place = queue.place(until, self.timeout).await?;
            // Nothing is awaited before it is in the queue, if it is noted as the first.
            let behind = match self.underway.enter(&append) {
                Entered::Joined(answer) => return Ok(Handed { answer, fate: None, key }),
                Entered::First(reply, answer) => {
                    let fate = QueuedFate::default();
                    metrics::queued();
                    place.send(Waiting::new(append, reply, until, fate.clone(), room));
                    return Ok(Handed { answer, fate: Some(fate), key });
                }
                Entered::Behind(behind) => {
                    drop(place);
                    behind
                }
            };
            // Whatever the answer is: who has the id is in the store then, or nobody has it.
            if timeout_at(until, behind).await.is_err() {
                return Err(is_behind(self.timeout));
            }
        }
    }
}

/// A send that was handed over.
struct Handed {
    answer: Answer,
    /// What becomes of it in the queue; none if it joined another one.
    fate: Option<QueuedFate>,
    /// With what it can be repeated.
    key: Option<IdempotencyKey>,
}

impl Handed {
    /// Waits for the answer, until the time of the call is up.
    async fn answered(self, begun: Instant, timeout: Duration) -> Result<Appended> {
        let answer = match timeout_at(begun + timeout, self.answer).await {
            Ok(answer) => answer.unwrap_or_else(|_dropped| Err(unanswered())),
            Err(_elapsed) if self.fate.is_some_and(|fate| fate.decide()) => Err(crowded(timeout)),
            Err(_elapsed) => Err(unknown(&late(timeout))),
        };
        let Err(error) = answer else { return answer };
        if error.kind() != ErrorKind::UnknownOutcome {
            return Err(error);
        }
        // Here, as each answer comes by once, whoever has given it.
        metrics::unknown();
        Err(match self.key {
            Some(key) => error.of_message(key.message_id.as_str(), key.is_made),
            None => error,
        })
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

/// The error of a send whose id another message has that was not done in its time.
fn is_behind(timeout: Duration) -> Error {
    let text = format!(
        "the message was not stored: mongodb did not confirm another message with its message id within \
         {timeout:?}; send again later"
    );
    Error::new(ErrorKind::Unavailable, text)
}

fn late(timeout: Duration) -> Error {
    Error::new(ErrorKind::Unavailable, format!("mongodb did not confirm it within {timeout:?}"))
}

fn unanswered() -> Error {
    let text = "it is unknown whether the message was stored (the task that was storing it has ended)";
    Error::new(ErrorKind::UnknownOutcome, text)
}

/// Makes a message id for a send without one, as its outcome may become unknown.
fn made_key(append: &Append) -> IdempotencyKey {
    let id = MessageId::new(format!("{:032x}", fastrand::u128(..))).expect("32 digits are a message id");
    IdempotencyKey { is_made: true, ..key_of(id, append.from.as_ref(), &append.to, &append.message) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use ::metrics::{Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, SharedString, Unit};
    use tokio::sync::oneshot;

    use super::*;

    /// Counts the unknown outcomes of this thread.
    #[derive(Default)]
    struct UnknownOutcomes(Arc<Count>);

    #[derive(Default)]
    struct Count(AtomicU64);

    impl CounterFn for Count {
        fn increment(&self, value: u64) {
            self.0.fetch_add(value, Ordering::Relaxed);
        }

        fn absolute(&self, value: u64) {
            self.0.fetch_max(value, Ordering::Relaxed);
        }
    }

    impl ::metrics::Recorder for UnknownOutcomes {
        fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

        fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
            let is_it = key.name() == "timeline_unknown_outcomes_total";
            if is_it { Counter::from_arc(Arc::clone(&self.0)) } else { Counter::noop() }
        }

        fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
            Gauge::noop()
        }

        fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
            Histogram::noop()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_caller_who_hears_of_an_unknown_outcome_is_counted_once() {
        let unknown_outcomes = UnknownOutcomes::default();
        let _counted = ::metrics::set_default_local_recorder(&unknown_outcomes);
        let (begun, timeout) = (Instant::now(), Duration::from_secs(10));
        let handed = || {
            let (reply, answer) = oneshot::channel();
            (reply, Handed { answer, fate: None, key: None })
        };
        // Of a flush, of a flush that ended without an answer, and of nobody in time.
        let (told, one) = handed();
        told.send(Err(unknown(&late(timeout)))).unwrap();
        let (dropped, other) = handed();
        drop(dropped);
        let (_silent, third) = handed();
        let (refused, fourth) = handed();
        refused.send(Err(crowded(timeout))).unwrap();
        for handed in [one, other, third, fourth] {
            assert!(handed.answered(begun, timeout).await.is_err());
        }
        assert_eq!(unknown_outcomes.0.0.load(Ordering::Relaxed), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_answered_in_time_and_says_whether_its_send_was_begun() {
        let timeout = Duration::from_secs(10);
        let handed = |fate: &Option<QueuedFate>| {
            let (reply, answer) = oneshot::channel();
            (reply, Handed { answer, fate: fate.clone(), key: None })
        };
        let queued = Some(QueuedFate::default());
        let begun = Some(QueuedFate::default());
        assert!(begun.as_ref().unwrap().decide());
        let expected = [
            (queued, ErrorKind::Unavailable),
            (begun, ErrorKind::UnknownOutcome),
            (None, ErrorKind::UnknownOutcome),
        ];
        for (fate, kind) in expected {
            // A part of the time was spent before it was in the queue.
            let call = Instant::now();
            tokio::time::advance(Duration::from_secs(7)).await;
            let (_reply, handed) = handed(&fate);
            let error = handed.answered(call, timeout).await.unwrap_err();
            assert_eq!((error.kind(), call.elapsed().as_secs()), (kind, timeout.as_secs()));
            assert!(fate.is_none_or(|fate| !fate.decide()), "it is not begun any more");
        }
    }
}
