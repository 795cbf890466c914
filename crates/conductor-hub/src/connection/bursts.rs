//! Whether what is delivered to a channel comes alone or in a burst.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::time::Instant;

use crate::ConnectionId;
use crate::outbox_memory::OutboxMemory;

/// A delivery is one of a burst if it begins so soon behind the end of another's, in microseconds.
///
/// The tasks of the members are then awake, or about to be, and write several messages together.
const BURST_GAP_US: u64 = 2_000;

/// The same behind the end of one by the same sender.
///
/// What a client has sent meanwhile is one row already, so that it makes no burst by itself. A
/// program that writes for a client in a loop does.
const OWN_GAP_US: u64 = 20;

/// When something was last delivered to a channel.
#[derive(Debug, Default)]
pub(super) struct Bursts {
    /// Deliveries that go on.
    running: AtomicU32,
    /// When one last ended, in the time of [`OutboxMemory::micros`]; 0 before the first.
    ended: AtomicU64,
    /// Who sent it; 0 for nobody.
    sender: AtomicU64,
    /// Whether something followed the last one that came alone.
    followed: AtomicBool,
}

/// A delivery that goes on, until it is dropped.
pub(super) struct Delivery<'a> {
    bursts: &'a Bursts,
    memory: &'a OutboxMemory,
    /// Whether it is none of a burst, and begins none as far as can be foretold.
    pub(super) is_alone: bool,
}

impl Bursts {
    /// Notes that a delivery begins.
    pub(super) fn begin<'a>(
        &'a self,
        sender: Option<ConnectionId>,
        memory: &'a OutboxMemory,
    ) -> Delivery<'a> {
        // Of two that begin at once one comes second, and finds the other. Nothing else depends on
        // the order.
        let (running, ended) =
            (self.running.fetch_add(1, Ordering::Relaxed), self.ended.load(Ordering::Relaxed));
        let since = memory.micros(Instant::now()).saturating_sub(ended);
        let sender = sender.map_or(0, |sender| sender.0);
        let is_own = self.sender.swap(sender, Ordering::Relaxed) == sender && sender != 0;
        let gap = if is_own { OWN_GAP_US } else { BURST_GAP_US };
        let is_first = running == 0 && (ended == 0 || since >= gap);
        // Where one burst was, another is likely: what begins one is delivered as the rest of it.
        let is_alone = !self.followed.swap(!is_first, Ordering::Relaxed) && is_first;
        Delivery { bursts: self, memory, is_alone }
    }
}

impl Drop for Delivery<'_> {
    fn drop(&mut self) {
        self.bursts.ended.store(self.memory.micros(Instant::now()), Ordering::Relaxed);
        self.bursts.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    /// A little longer: the first microsecond counts as two.
    const GAP: Duration = Duration::from_micros(BURST_GAP_US + 1);

    #[tokio::test(start_paused = true)]
    async fn only_what_begins_long_behind_the_end_of_the_last_is_alone() {
        let (memory, bursts) = (OutboxMemory::new(1, 1), Bursts::default());
        assert!(bursts.begin(None, &memory).is_alone, "nothing was before");
        advance(GAP).await;
        assert!(bursts.begin(None, &memory).is_alone);
        assert!(!bursts.begin(None, &memory).is_alone, "that is too soon");
        advance(GAP).await;
        assert!(!bursts.begin(None, &memory).is_alone, "something followed the last one");
        advance(GAP).await;
        let long = bursts.begin(None, &memory);
        assert!(long.is_alone);
        advance(GAP * 2).await;
        assert!(!bursts.begin(None, &memory).is_alone, "another goes on");
        drop(long);
        advance(GAP / 2).await;
        assert!(!bursts.begin(None, &memory).is_alone, "the gap counts from the end");
        advance(GAP).await;
        assert!(!bursts.begin(None, &memory).is_alone);
        advance(GAP).await;
        assert!(bursts.begin(None, &memory).is_alone);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_makes_no_burst_by_itself() {
        let (memory, bursts) = (OutboxMemory::new(1, 1), Bursts::default());
        let [one, other] = [1, 2].map(|id| Some(ConnectionId(id)));
        assert!(bursts.begin(one, &memory).is_alone);
        advance(GAP / 10).await;
        assert!(bursts.begin(one, &memory).is_alone, "what it sent meanwhile would be one row");
        advance(GAP / 10).await;
        assert!(!bursts.begin(other, &memory).is_alone, "two at once are a burst");
    }
}
