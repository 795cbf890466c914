//! The sends that the next batch takes.

use std::pin::pin;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use super::batch::Taken;
use super::waiting::Waiting;

/// How many sends are enough to begin beside other flushes at once.
const ENOUGH: usize = 32;

/// How long fewer sends wait for more while others are being written.
const MOMENT: Duration = Duration::from_millis(3);

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

    /// Lets a small batch grow for a moment, if others are being written meanwhile.
    ///
    /// Whoever waits for those sends again soon: together they cost one batch, and one by one as
    /// many. `flushes` has `flushes_max` permits, of which each flush holds one.
    pub(super) async fn grow(
        &mut self,
        queue: &mut mpsc::Receiver<Waiting>,
        flushes: &Semaphore,
        flushes_max: u32,
    ) {
        let mut all_ended = pin!(flushes.acquire_many(flushes_max));
        let mut moment = pin!(sleep(MOMENT));
        while self.batch.len() < ENOUGH && self.left.is_none() {
            tokio::select! {
                biased;
                _all = &mut all_ended => return,
                () = &mut moment => return,
                next = queue.recv() => match next {
                    Some(waiting) => self.add(waiting),
                    None => return,
                },
            }
        }
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

    use tokio::time::Instant;

    use super::*;
    use crate::distributed::send::repetitions::{Entered, Underway};
    use crate::distributed::send::waiting::QueuedFate;
    use crate::store::Append;
    use crate::{Conversation, Destination, MemberId, Message};

    async fn waiting(bytes: usize) -> Waiting {
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
        Waiting::new(append, reply, Instant::now(), QueuedFate::default(), room)
    }

    #[tokio::test]
    async fn a_batch_takes_what_waits_until_one_does_not_fit() {
        let (queue, mut waits) = mpsc::channel(8);
        for bytes in [1, 3 * 1024 * 1024, 2 * 1024 * 1024, 1] {
            queue.send(waiting(bytes).await).await.unwrap();
        }
        let mut gathered = Gathered::new(waits.recv().await.unwrap());
        gathered.drain(&mut waits);
        let (batch, left) = gathered.finish();
        assert_eq!((batch.len(), left.is_some(), waits.len()), (2, true, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_batch_waits_a_moment_only_while_others_are_written() {
        let (queue, mut waits) = mpsc::channel(64);
        let flushes = Semaphore::new(2);
        let begun = Instant::now();
        let mut gathered = Gathered::new(waiting(1).await);
        gathered.grow(&mut waits, &flushes, 2).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);

        let _other = flushes.acquire().await.unwrap();
        gathered.grow(&mut waits, &flushes, 2).await;
        assert!(begun.elapsed() >= MOMENT);

        let begun = Instant::now();
        for _ in 0..ENOUGH {
            queue.send(waiting(1).await).await.unwrap();
        }
        gathered.grow(&mut waits, &flushes, 2).await;
        assert_eq!((begun.elapsed(), gathered.batch.len(), waits.len()), (Duration::ZERO, ENOUGH, 1));
    }
}
