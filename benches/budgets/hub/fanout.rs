//! What a delivery to one of 1,000 receivers costs the server.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::client;
use crate::client::Body;
use crate::process::Server;

/// What is written at once, before everybody has received what was written before.
#[derive(Clone, Copy)]
pub(crate) struct Burst {
    /// They are members, too; what each of them writes goes to all others.
    senders: u64,
    /// Of each sender.
    messages: u64,
    body: Body,
}

impl Burst {
    /// 100 messages with one write: about 10 KB, one read.
    pub(crate) const OF_ONE: Self = Self { senders: 1, messages: 100, body: Body::Short };
    /// The same number, one by each sender.
    pub(crate) const OF_MANY: Self = Self { senders: 100, messages: 1, body: Body::Short };
    /// One message.
    pub(crate) const SINGLE: Self = Self { senders: 1, messages: 1, body: Body::Short };
    /// 100 messages of 1 KiB.
    pub(crate) const JSON: Self = Self { senders: 1, messages: 100, body: Body::Json };
    /// One of them.
    pub(crate) const JSON_SINGLE: Self = Self { senders: 1, messages: 1, body: Body::Json };
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
            let (reader, writer) = connect(&server, is_sender, burst.body).await?.into_split();
            let mut answers = None;
            if is_sender {
                // It is never silent for so long that it is sent a ping.
                source.senders.push(writer);
            } else {
                answers = Some(writer);
            }
            tasks.spawn(receive(reader, answers, burst.body.first_byte(), Arc::clone(&received)));
        }
        // The first rounds warm buffers and branches up.
        source.rounds(&received, time / 10).await?;
        let before = server.process.cpu_ns()?;
        let deliveries = source.rounds(&received, time).await?;
        Ok((server.process.cpu_ns()? - before) / deliveries as f64)
    })
}

/// Returns the deliveries for each second of the server's processor time.
pub(crate) fn per_cpu_second(server: &str, burst: Burst, effort: Effort) -> Result<f64, Box<dyn Error>> {
    Ok(1e9 / cpu_ns(server, burst, effort)?)
}

async fn connect(server: &Server, is_sender: bool, body: Body) -> Result<TcpStream, Box<dyn Error>> {
    // The real server has its hub at a path of its own.
    let path = match (server.is_whole(), is_sender) {
        (true, _) => "/ws",
        (false, true) => client::PUBLISHER_PATH,
        (false, false) => "/",
    };
    let lines = server.login("user")? + body.offer();
    client::connect(server.address, path, &lines, client::shared_channel()).await.map_err(|error| error as _)
}

impl Source {
    /// Sends one burst after another, each when everybody has the one before; returns how many
    /// deliveries that were.
    async fn rounds(&mut self, received: &Received, time: Duration) -> Result<u64, Box<dyn Error>> {
        let Burst { senders, messages, body } = self.burst;
        let each = senders * messages * self.receivers;
        let start = Instant::now();
        let mut deliveries = 0;
        while start.elapsed() < time {
            let complete = received.complete.notified();
            let expected = received.messages.load(Ordering::SeqCst) + each;
            received.expected.store(expected, Ordering::SeqCst);
            for sender in &mut self.senders {
                let numbers = self.sent..self.sent + messages;
                self.sent += messages;
                let frames = numbers.flat_map(|number| client::incoming_frame(body, number));
                sender.write_all(&frames.collect::<Vec<u8>>()).await?;
            }
            tokio::time::timeout(Duration::from_secs(10), complete).await.map_err(|_| {
                format!("{} deliveries are missing", expected - received.messages.load(Ordering::SeqCst))
            })?;
            deliveries += each;
        }
        Ok(deliveries)
    }
}

/// Receives until the connection ends; `writer` is for the answers to pings.
async fn receive(
    mut reader: OwnedReadHalf,
    mut writer: Option<OwnedWriteHalf>,
    message: u8,
    received: Arc<Received>,
) {
    let (mut buffer, mut rest, mut answers) = (vec![0; 16 * 1024], Vec::new(), Vec::new());
    while let Ok(read @ 1..) = reader.read(&mut buffer).await {
        rest.extend_from_slice(&buffer[..read]);
        // What this receiver does not get is missing, which is told.
        let Ok(new) = client::take(&mut rest, message, &mut answers) else { return };
        let messages = received.messages.fetch_add(new, Ordering::SeqCst) + new;
        if messages == received.expected.load(Ordering::SeqCst) {
            received.complete.notify_one();
        }
        if let Some(writer) = writer.as_mut().filter(|_| !answers.is_empty()) {
            let Ok(()) = writer.write_all(&answers).await else { return };
        }
        answers.clear();
    }
}
