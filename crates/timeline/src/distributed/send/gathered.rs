//! The sends that the next batch takes.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::audience::Audience;
use super::batch::Taken;
use super::flushes::Flushes;
use super::waiting::Waiting;

/// How many sends to few are enough to begin beside other flushes at once.
const ENOUGH: usize = 32;

/// How long it takes those who were just answered to send again.
const RETURN: Duration = Duration::from_millis(5);

/// The sends that the next batch takes, in their order.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    taken: Taken,
    batch: Vec<Waiting>,
    /// The first that does not fit.
    left: Option<Waiting>,
}

impl Gathered {
    /// Begins with the first send, which fits whatever its size.
    pub(super) fn new(first: Waiting) -> Self {
        let mut gathered = Self::default();
        gathered.add(first);
        gathered
    }

    /// Takes what waits, as much as fits.
    pub(super) fn drain(&mut self, queue: &mut mpsc::Receiver<Waiting>) {
        while self.left.is_none()
            && let Ok(waiting) = queue.try_recv()
        {
            self.add(waiting);
        }
    }

    /// Lets a batch grow, if others for its audience are written meanwhile.
    ///
    /// Whoever waits for those sends again soon: together they cost one batch, and one by one as
    /// many. `flushes` has the permits of all flushes of the audience, and `last` is how many sends
    /// the last batch had.
    pub(super) async fn grow(
        &mut self,
        audience: Audience,
        queue: &mut mpsc::Receiver<Waiting>,
        flushes: &Flushes,
        last: usize,
        timeout: Duration,
    ) {
        let has_others = flushes.are_under_way();
        let enough = if audience == Audience::Few { ENOUGH } else { usize::MAX };
        if has_others {
            self.take_until(queue, enough, flushes.ended(), audience.patience(timeout)).await;
        }
        if audience == Audience::Many {
            // Those of the last batch come back together, and would go on one by one otherwise.
            let expected = if has_others { last + self.batch.len() } else { last };
            self.take_until(queue, expected, pending(), RETURN).await;
        }
    }

    /// Takes what comes until there are enough, the batch is full, or one of the two is over.
    async fn take_until(
        &mut self,
        queue: &mut mpsc::Receiver<Waiting>,
        enough: usize,
        event: impl Future<Output = ()>,
        time: Duration,
    ) {
        // Whoever came first has no more time than that.
        let end = self.batch.first().map_or_else(Instant::now, |first| first.end);
        let (mut event, mut time) = (pin!(event), pin!(sleep_until(end.min(Instant::now() + time))));
        while self.batch.len() < enough && self.left.is_none() {
            tokio::select! {
                biased;
                () = &mut event => return,
                () = &mut time => return,
                next = queue.recv() => match next {
                    Some(waiting) => self.add(waiting),
                    None => return,
                },
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.batch.len()
    }

    /// Returns the batch, and the first send that did not fit.
    pub(super) fn finish(self) -> (Vec<Waiting>, Option<Waiting>) {
        (self.batch, self.left)
    }

    fn add(&mut self, waiting: Waiting) {
        if self.taken.add(&waiting.append) {
            self.batch.push(waiting);
        } else {
            self.left = Some(waiting);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;
    use tokio::time::sleep;

    use super::*;
    use crate::distributed::send::repetitions::{Entered, Underway};
    use crate::distributed::send::waiting::QueuedFate;
    use crate::store::Append;
    use crate::{Conversation, Destination, MemberId, Message};

    /// How long a call may take.
    const TIMEOUT: Duration = Duration::from_secs(10);

    async fn waiting(bytes: usize) -> Waiting {
        waiting_until(bytes, Instant::now() + TIMEOUT).await
    }

    async fn waiting_until(bytes: usize, end: Instant) -> Waiting {
        let member = MemberId::new("a").unwrap();
        let append = Append {
            conversation: Conversation::single(member.clone(), member.clone()),
            from: Some(member.clone()),
            to: Destination::Member(member.clone()),
            recipients: vec![member],
            message: Message::from_stored("x".repeat(bytes)),
            token: None,
        };
        let room = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let Entered::First(reply, _) = Underway::default().enter(&append) else { panic!("not the first") };
        Waiting::new(append, reply, end, QueuedFate::default(), room)
    }

    #[tokio::test]
    async fn a_batch_takes_what_waits_until_one_does_not_fit() {
        let (queue, mut waits) = mpsc::channel(8);
        for bytes in [1, 12 * 1024 * 1024, 8 * 1024 * 1024, 1] {
            queue.send(waiting(bytes).await).await.unwrap();
        }
        let mut gathered = Gathered::new(waits.recv().await.unwrap());
        gathered.drain(&mut waits);
        let (batch, left) = gathered.finish();
        assert_eq!((batch.len(), left.is_some(), waits.len()), (2, true, 1));
    }

    async fn grown(
        audience: Audience,
        queue: &mut mpsc::Receiver<Waiting>,
        flushes: &Flushes,
        last: usize,
    ) -> (Duration, usize) {
        let begun = Instant::now();
        let mut gathered = Gathered::new(waiting(1).await);
        gathered.grow(audience, queue, flushes, last, TIMEOUT).await;
        (begun.elapsed(), gathered.len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_batch_waits_a_moment_only_while_others_are_written() {
        let (queue, mut waits) = mpsc::channel(64);
        let flushes = Flushes::new(2);
        assert_eq!(grown(Audience::Few, &mut waits, &flushes, 7).await, (Duration::ZERO, 1));

        let _other = flushes.begin().await.unwrap();
        assert!(grown(Audience::Few, &mut waits, &flushes, 7).await.0 >= Audience::Few.patience(TIMEOUT));

        for _ in 0..ENOUGH {
            queue.send(waiting(1).await).await.unwrap();
        }
        assert_eq!(grown(Audience::Few, &mut waits, &flushes, 7).await, (Duration::ZERO, ENOUGH));
        assert_eq!(waits.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn sends_to_many_wait_for_the_flush_before_and_for_whom_it_has_answered() {
        let (queue, mut waits) = mpsc::channel(64);
        let flushes = Flushes::new(2);
        // Who sends alone waits for nobody.
        assert_eq!(grown(Audience::Many, &mut waits, &flushes, 1).await, (Duration::ZERO, 1));

        let written = Duration::from_millis(40);
        let other = flushes.begin().await.unwrap();
        let ((took, sends), ()) = tokio::join!(grown(Audience::Many, &mut waits, &flushes, 1), async {
            sleep(written).await;
            drop(other);
            queue.send(waiting(1).await).await.unwrap();
        });
        assert_eq!((took, sends), (written, 2), "who was answered is in the next batch");

        // They come back together, the second of them a little later; or do not.
        let a_little = Duration::from_millis(2);
        let ((took, sends), ()) = tokio::join!(grown(Audience::Many, &mut waits, &flushes, 2), async {
            sleep(a_little).await;
            queue.send(waiting(1).await).await.unwrap();
        });
        assert_eq!((took, sends), (a_little, 2));
        let (took, sends) = grown(Audience::Many, &mut waits, &flushes, 2).await;
        assert!(took >= RETURN && sends == 1, "{took:?}");

        let _other = flushes.begin().await.unwrap();
        let (took, _) = grown(Audience::Many, &mut waits, &flushes, 1).await;
        assert!(took >= Audience::Many.patience(TIMEOUT), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_begins_before_the_time_of_its_first_send_is_up() {
        let ((_queue, mut waits), flushes) = (mpsc::channel(64), Flushes::new(2));
        let _other = flushes.begin().await.unwrap();
        let begun = Instant::now();
        let soon = Duration::from_millis(100);
        let mut gathered = Gathered::new(waiting_until(1, begun + soon).await);
        gathered.grow(Audience::Many, &mut waits, &flushes, 7, TIMEOUT).await;
        assert!(begun.elapsed() < soon * 2, "{:?}", begun.elapsed());
        let timeout = Duration::from_millis(200);
        let (mut gathered, begun) = (Gathered::new(waiting(1).await), Instant::now());
        gathered.grow(Audience::Many, &mut waits, &flushes, 1, timeout).await;
        assert!(begun.elapsed() < timeout / 2, "{:?}", begun.elapsed());
    }
}
