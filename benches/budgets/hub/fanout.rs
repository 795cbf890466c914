//! What a delivery to one of 1,000 receivers costs the server.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use benches::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::client;
use crate::process::Server;

/// What is written at once, before everybody has received what was written before.
#[derive(Clone, Copy)]
pub(crate) struct Burst {
    /// They are members, too; what each of them writes goes to all others.
    senders: u64,
    /// Of each sender.
    messages: u64,
}

impl Burst {
    /// 100 messages with one write: about 10 KB, one read.
    pub(crate) const OF_ONE: Self = Self { senders: 1, messages: 100 };
    /// The same number, one by each sender.
    pub(crate) const OF_MANY: Self = Self { senders: 100, messages: 1 };
    /// One message.
    pub(crate) const SINGLE: Self = Self { senders: 1, messages: 1 };
}

/// Messages received by everybody, and who waits for them to be as many as they should.
struct Received {
    messages: AtomicU64,
    expected: AtomicU64,
    complete: Notify,
}

/// Those who write, and what they have written.
struct Source {
    senders: Vec<OwnedWriteHalf>,
    burst: Burst,
    /// Messages until now; each has another number.
    sent: u64,
    receivers: u64,
}

/// Returns the nanoseconds of the server's processor time for each delivery.
pub(crate) fn cpu_ns(server: &str, burst: Burst, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let receivers = effort.pick(1_000, 110);
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(100));
    let server = Server::start(server)?;
    Runtime::new()?.block_on(async {
        let received = Arc::new(Received {
            messages: AtomicU64::new(0),
            expected: AtomicU64::new(u64::MAX),
            complete: Notify::new(),
        });
        let mut source = Source { senders: Vec::new(), burst, sent: 0, receivers };
        let tasks = TaskTracker::new();
        for member in 0..=receivers {
            let is_sender = member < burst.senders;
            let (read, write) = connect(&server, is_sender).await?.into_split();
            tasks.spawn(receive(read, Arc::clone(&received)));
            // Whoever does not write keeps its half open all the same.
            source.senders.push(write);
        }
        // The first rounds warm buffers and branches up.
        source.rounds(&received, time / 10).await?;
        let before = server.cpu_ns()?;
        let deliveries = source.rounds(&received, time).await?;
        Ok((server.cpu_ns()? - before) / deliveries as f64)
    })
}

/// Returns the deliveries for each second of the server's processor time.
pub(crate) fn per_cpu_second(server: &str, burst: Burst, effort: Effort) -> Result<f64, Box<dyn Error>> {
    Ok(1e9 / cpu_ns(server, burst, effort)?)
}

async fn connect(server: &Server, is_sender: bool) -> Result<TcpStream, Box<dyn Error>> {
    // The real server has its hub at a path of its own.
    let path = match (server.is_whole(), is_sender) {
        (true, _) => "/ws",
        (false, true) => client::PUBLISHER_PATH,
        (false, false) => "/",
    };
    let login = server.login("user")?;
    client::connect(server.address, path, &login, client::shared_channel()).await.map_err(|error| error as _)
}

impl Source {
    /// Sends one burst after another, each when everybody has the one before; returns how many
    /// deliveries that were.
    async fn rounds(&mut self, received: &Received, time: Duration) -> Result<u64, Box<dyn Error>> {
        let Burst { senders, messages } = self.burst;
        let each = senders * messages * self.receivers;
        let start = Instant::now();
        let mut deliveries = 0;
        while start.elapsed() < time {
            let complete = received.complete.notified();
            let expected = received.messages.load(Ordering::SeqCst) + each;
            received.expected.store(expected, Ordering::SeqCst);
            for sender in self.senders.iter_mut().take(usize::try_from(senders)?) {
                let numbers = self.sent..self.sent + messages;
                self.sent += messages;
                sender.write_all(&numbers.flat_map(client::incoming_frame).collect::<Vec<u8>>()).await?;
            }
            tokio::time::timeout(Duration::from_secs(10), complete).await.map_err(|_| {
                format!("{} deliveries are missing", expected - received.messages.load(Ordering::SeqCst))
            })?;
            deliveries += each;
        }
        Ok(deliveries)
    }
}

async fn receive(mut socket: OwnedReadHalf, received: Arc<Received>) {
    let (mut buffer, mut rest) = (vec![0; 16 * 1024], Vec::new());
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        rest.extend_from_slice(&buffer[..read]);
        let new = messages(&mut rest);
        let messages = received.messages.fetch_add(new, Ordering::SeqCst) + new;
        if messages == received.expected.load(Ordering::SeqCst) {
            received.complete.notify_one();
        }
    }
}

/// Takes all whole frames, and returns how many of them are messages.
fn messages(received: &mut Vec<u8>) -> u64 {
    let (mut taken, mut messages) = (0, 0);
    while let Some((first, _payload, len)) = frame::taken(&received[taken..]) {
        taken += len;
        // Compressed or not.
        messages += u64::from(first & 0x0F == frame::BINARY & 0x0F);
    }
    received.drain(..taken);
    messages
}
