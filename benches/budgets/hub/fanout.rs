//! What a delivery to one of 1,000 receivers costs the server.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio_util::task::TaskTracker;

use crate::client;
use crate::process::Server;

/// Messages of one burst: about 10 KB, one read.
pub(crate) const BURST: u64 = 100;

/// Bytes received by everybody, and who waits for them to be as many as they should.
struct Received {
    bytes: AtomicU64,
    expected: AtomicU64,
    complete: Notify,
}

/// Returns the nanoseconds of the server's processor time for each delivery.
pub(crate) fn cpu_ns(server: &str, burst: u64, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let receivers = effort.pick(1_000, 20);
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(100));
    let server = Server::start(server)?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let received = Arc::new(Received {
            bytes: AtomicU64::new(0),
            expected: AtomicU64::new(u64::MAX),
            complete: Notify::new(),
        });
        let tasks = TaskTracker::new();
        for _ in 0..receivers {
            let socket = connect(&server, "/").await?;
            tasks.spawn(receive(socket, Arc::clone(&received)));
        }
        let mut publisher = connect(&server, client::PUBLISHER_PATH).await?;
        let bytes = receivers * burst * client::outgoing_frame().len() as u64;
        // The first rounds warm buffers and branches up.
        let mut sent = 0;
        rounds(&mut publisher, burst, &mut sent, bytes, &received, time / 10).await?;
        let before = server.cpu_ns()?;
        let rounds = rounds(&mut publisher, burst, &mut sent, bytes, &received, time).await?;
        let cpu = server.cpu_ns()? - before;
        Ok(cpu / (rounds * receivers * burst) as f64)
    })
}

/// Returns the deliveries for each second of the server's processor time.
pub(crate) fn per_cpu_second(server: &str, burst: u64, effort: Effort) -> Result<f64, Box<dyn Error>> {
    Ok(1e9 / cpu_ns(server, burst, effort)?)
}

async fn connect(server: &Server, path: &str) -> Result<TcpStream, Box<dyn Error>> {
    // The real server has its hub at a path of its own.
    let (path, login) = (if server.is_whole() { "/ws" } else { path }, server.login("user")?);
    client::connect(server.address, path, &login, client::shared_channel()).await.map_err(|error| error as _)
}

/// Sends one burst after another, each when everybody has the one before; returns how many.
async fn rounds(
    publisher: &mut TcpStream,
    burst: u64,
    sent: &mut u64,
    bytes: u64,
    received: &Received,
    time: Duration,
) -> Result<u64, Box<dyn Error>> {
    let start = Instant::now();
    let mut rounds = 0;
    while start.elapsed() < time {
        let complete = received.complete.notified();
        let expected = received.bytes.load(Ordering::SeqCst) + bytes;
        received.expected.store(expected, Ordering::SeqCst);
        let frames: Vec<u8> = (*sent..*sent + burst).flat_map(client::incoming_frame).collect();
        *sent += burst;
        publisher.write_all(&frames).await?;
        tokio::time::timeout(Duration::from_secs(10), complete)
            .await
            .map_err(|_| format!("{} bytes are missing", expected - received.bytes.load(Ordering::SeqCst)))?;
        rounds += 1;
    }
    Ok(rounds)
}

async fn receive(mut socket: TcpStream, received: Arc<Received>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        let bytes = received.bytes.fetch_add(read as u64, Ordering::SeqCst) + read as u64;
        if bytes == received.expected.load(Ordering::SeqCst) {
            received.complete.notify_one();
        }
    }
}
