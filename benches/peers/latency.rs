//! How long a message takes to 1,000 receivers, while little is sent.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use tokio::runtime::Runtime;
use tokio::time::{MissedTickBehavior, interval};

use crate::peer::Peer;
use crate::room::Room;
use crate::server::Server;

/// The time between two messages.
const PERIOD: Duration = Duration::from_millis(50);

/// Messages before those that count.
const WARM_UP: usize = 20;

/// When each message was written, and how long it took to each receiver.
struct Times {
    start: Instant,
    /// In microseconds since the start, by the number of the message.
    sent: Vec<AtomicU64>,
    taken: Mutex<Vec<u64>>,
}

/// Returns the milliseconds from a write to a read that 99 of 100 deliveries do not exceed.
pub(crate) fn p99_ms(peer: &Peer, folder: &Path, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let receivers: usize = effort.pick(1_000, 20);
    let messages = WARM_UP + effort.pick(200, 3);
    let server = Server::start(peer, folder)?;
    Runtime::new()?.block_on(async {
        let times = Arc::new(Times {
            start: Instant::now(),
            sent: (0..messages).map(|_| AtomicU64::new(0)).collect(),
            taken: Mutex::default(),
        });
        let room = Room::fill(peer, &server, receivers + 1, |_| times.listener()).await?;
        let (wire, mut period) = ((peer.wire)(), interval(PERIOD));
        // Two that are late come late, not at once.
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for (number, sent) in times.sent.iter().enumerate() {
            period.tick().await;
            let frame = wire.message(number as u64);
            room.expect(receivers as u64);
            sent.store(times.now(), Ordering::SeqCst);
            room.speakers()[0].send(&frame).await?;
        }
        room.complete().await?;
        times.p99_ms()
    })
}

impl Times {
    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Returns what notes the times of one receiver. All messages have one sender, so the third
    /// that it receives is the third that was sent.
    fn listener(self: &Arc<Self>) -> impl FnMut(u64) + Send + use<> {
        let (times, mut heard) = (Arc::clone(self), 0);
        move |count| {
            let now = times.now();
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(times.sent.len());
            let new = times.sent[heard..count].iter().map(|sent| now - sent.load(Ordering::SeqCst));
            // Those that warm up are left out.
            let new = new.skip(WARM_UP.saturating_sub(heard));
            times.taken.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
            heard = count;
        }
    }

    fn p99_ms(&self) -> Result<f64, Box<dyn Error>> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.sort_unstable();
        let p99 = taken.get(taken.len() * 99 / 100).ok_or("nothing was delivered")?;
        Ok(*p99 as f64 / 1e3)
    }
}
