//! What a delivery to one of 1,000 receivers costs a server.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use tokio::runtime::Runtime;

use crate::peer::Peer;
use crate::room::Room;
use crate::server::Server;

/// What is written at once, before everybody has received what was written before.
#[derive(Clone, Copy)]
pub(crate) struct Burst {
    senders: usize,
    /// Of each sender.
    messages: u64,
}

impl Burst {
    /// 100 messages with one write.
    pub(crate) const OF_ONE: Self = Self { senders: 1, messages: 100 };
    /// The same number, one by each sender.
    pub(crate) const OF_MANY: Self = Self { senders: 100, messages: 1 };
    /// One message.
    pub(crate) const SINGLE: Self = Self { senders: 1, messages: 1 };
}

/// Returns the deliveries for each second of the server's processor time.
pub(crate) fn per_cpu_second(
    peer: &Peer,
    folder: &Path,
    burst: Burst,
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    // The senders are members, too; what each of them writes goes to all others.
    let receivers: usize = effort.pick(1_000, 110);
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(100));
    let server = Server::start(peer, folder)?;
    let has_echo = Arc::new(AtomicBool::new(false));
    Runtime::new()?.block_on(async {
        let heard = |number| {
            let (is_only_sender, has_echo) = (number == 0 && burst.senders == 1, Arc::clone(&has_echo));
            move |count| {
                if is_only_sender && count > 0 {
                    has_echo.store(true, Ordering::SeqCst);
                }
            }
        };
        let room = Room::fill(peer, &server, receivers + 1, heard).await?;
        let mut source = Source { peer, burst, sent: 0, deliveries: 0, receivers: receivers as u64 };
        // The first rounds warm buffers, branches and compilers up.
        source.rounds(&room, time / 3).await?;
        let (cpu, deliveries) = (server.process.cpu_ns()?, source.deliveries);
        source.rounds(&room, time).await?;
        let deliveries = source.deliveries - deliveries;
        if has_echo.load(Ordering::SeqCst) {
            return Err("the server sends a message back to who wrote it".into());
        }
        Ok(deliveries as f64 / (server.process.cpu_ns()? - cpu) * 1e9)
    })
}

/// Writes bursts.
struct Source<'a> {
    peer: &'a Peer,
    burst: Burst,
    /// Messages until now; each has another number.
    sent: u64,
    deliveries: u64,
    receivers: u64,
}

impl Source<'_> {
    /// Sends one burst after another, each when everybody has the one before.
    async fn rounds(&mut self, room: &Room, time: Duration) -> Result<(), Box<dyn Error>> {
        let (wire, Burst { senders, messages }) = ((self.peer.wire)(), self.burst);
        let start = Instant::now();
        while start.elapsed() < time {
            let deliveries = senders as u64 * messages * self.receivers;
            room.expect(deliveries);
            for sender in &room.speakers()[..senders] {
                let numbers = self.sent..self.sent + messages;
                sender.send(&numbers.flat_map(|number| wire.message(number)).collect::<Vec<u8>>()).await?;
                self.sent += messages;
            }
            room.complete().await?;
            self.deliveries += deliveries;
        }
        Ok(())
    }
}
