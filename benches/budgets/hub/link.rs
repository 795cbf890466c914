//! What a link between two sisters carries.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use benches::frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::client::Fault;
use crate::process::Server;
use crate::{client, sister};

/// How long what was written may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a message may take before it is written again, while there is no link yet.
const AGAIN: Duration = Duration::from_millis(20);

/// Most messages that are on their way. Nobody waits for a sister, so the clients have to: all of
/// them fit into the outbox of one member.
const IN_FLIGHT: u64 = 2_000;

/// Who writes. Each channel has one sender on one node, and one member on the other.
#[derive(Clone, Copy)]
pub(crate) struct Traffic {
    channels: usize,
    /// Of a sender, with one write.
    messages: u64,
}

impl Traffic {
    /// One sender.
    pub(crate) const ONE: Self = Self { channels: 1, messages: 500 };
    /// The same number by 100 senders, to channels of their own.
    pub(crate) const CHANNELS: Self = Self { channels: 100, messages: 5 };

    /// Returns the messages of all senders, each with one write.
    const fn burst(self) -> u64 {
        self.channels as u64 * self.messages
    }
}

/// What messages are counted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Per {
    Second,
    /// Of both nodes together.
    CpuSecond,
}

/// Those who write.
struct Source {
    senders: Vec<TcpStream>,
    arrived: Arc<Arrived>,
    sent: u64,
}

/// Messages that the members have received together, and who waits for them.
#[derive(Default)]
struct Arrived {
    messages: AtomicU64,
    awaited: AtomicU64,
    enough: Notify,
}

/// Returns how many messages of 100 to 200 bytes cross a link, counted where they are received.
pub(crate) fn messages(traffic: Traffic, per: Per, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (warm_up, bursts) = effort.pick((100, 1_000), (1, 4));
    // Made before the start, as the clients have the same processors.
    let frames = frames(traffic, warm_up + bursts);
    let (first, rest) = frames.split_at(warm_up);
    let far = Server::start("sister")?;
    Runtime::new()?.block_on(async {
        // Before there is a link, so that what the members want is told with its first words.
        let mut members = Vec::new();
        for number in 0..traffic.channels {
            members.push(connect(&far, &channel(number)).await?);
        }
        let near = Server::start_with("sister", |directory| sister::introduce(directory, far.address))?;
        let mut senders = Vec::new();
        for (number, member) in members.iter_mut().enumerate() {
            let mut sender = connect(&near, &channel(number)).await?;
            cross(&mut sender, member, &channel(number)).await?;
            senders.push(sender);
        }
        let (arrived, mut reading) = (Arc::new(Arrived::default()), JoinSet::new());
        for member in members {
            reading.spawn(receive(member, Arc::clone(&arrived)));
        }
        let mut source = Source { senders, arrived, sent: 0 };
        source.write(first, traffic).await?;
        let cpu_ns = || Ok::<_, Box<dyn Error>>(near.process.cpu_ns()? + far.process.cpu_ns()?);
        let (sent, cpu, start) = (source.sent, cpu_ns()?, Instant::now());
        source.write(rest, traffic).await?;
        let (elapsed, cpu) = (start.elapsed(), cpu_ns()? - cpu);
        if let Some(ended) = reading.try_join_next() {
            return Err(ended?.err().unwrap_or_else(|| "a member has left".into()) as Box<dyn Error>);
        }
        let seconds = match per {
            Per::Second => elapsed.as_secs_f64(),
            Per::CpuSecond => cpu / 1e9,
        };
        Ok((source.sent - sent) as f64 / seconds)
    })
}

/// Returns bursts, each of which has the frames of each sender.
fn frames(traffic: Traffic, bursts: usize) -> Vec<Vec<Vec<u8>>> {
    // Behind the numbers of what is written until there is a link.
    let mut number = 1_000_000;
    let mut written = |channel: &str| {
        let numbers = number..number + traffic.messages;
        number = numbers.end;
        numbers.flat_map(|number| client::chat_frame(channel, number)).collect::<Vec<u8>>()
    };
    let names: Vec<String> = (0..traffic.channels).map(channel).collect();
    (0..bursts).map(|_| names.iter().map(|name| written(name)).collect()).collect()
}

fn channel(number: usize) -> String {
    format!("channel {number:03}")
}

async fn connect(server: &Server, channel: &str) -> Result<TcpStream, Box<dyn Error>> {
    client::connect(server.address, "/ws", "", channel).await.map_err(|error| error as _)
}

/// Writes until something crosses the link, and reads all that does.
async fn cross(sender: &mut TcpStream, member: &mut TcpStream, channel: &str) -> Result<(), Box<dyn Error>> {
    let crossing = async {
        let (mut buffer, mut rest, mut newest) = (vec![0; 64 * 1024], Vec::new(), None);
        let mut number = 0;
        while newest.is_none() {
            number += 1;
            sender.write_all(&client::chat_frame(channel, number)).await?;
            if let Ok(read) = timeout(AGAIN, member.read(&mut buffer)).await {
                newest = newest_of(&mut rest, &buffer[..read?])?;
            }
        }
        // What was written meanwhile comes behind it.
        while newest != Some(number) {
            let read = member.read(&mut buffer).await?;
            newest = newest_of(&mut rest, &buffer[..read])?.or(newest);
        }
        Ok::<_, Box<dyn Error>>(())
    };
    timeout(PATIENCE, crossing).await.map_err(|_elapsed| "there was no link between the sisters for 30 s")?
}

/// Returns the number of the last message that is whole now, if there is one.
fn newest_of(rest: &mut Vec<u8>, read: &[u8]) -> Result<Option<u64>, Box<dyn Error>> {
    if read.is_empty() {
        return Err("the server closed a member".into());
    }
    rest.extend_from_slice(read);
    let (mut taken, mut newest) = (0, None);
    while let Some((first, payload, len)) = frame::taken(&rest[taken..]) {
        taken += len;
        if first == frame::BINARY {
            newest = client::number_of(payload);
        }
    }
    rest.drain(..taken);
    Ok(newest)
}

impl Source {
    /// Writes one burst after another, as soon as few enough messages are on their way; returns
    /// when all have arrived.
    async fn write(&mut self, bursts: &[Vec<Vec<u8>>], traffic: Traffic) -> Result<(), Box<dyn Error>> {
        for burst in bursts {
            let sent = self.sent + traffic.burst();
            self.arrived.wait_for(sent.saturating_sub(IN_FLIGHT)).await?;
            for (sender, frames) in self.senders.iter_mut().zip(burst) {
                sender.write_all(frames).await?;
            }
            self.sent = sent;
        }
        self.arrived.wait_for(self.sent).await?;
        match self.arrived.messages.load(Ordering::SeqCst) - self.sent {
            0 => Ok(()),
            more => Err(format!("{more} messages came twice").into()),
        }
    }
}

impl Arrived {
    fn add(&self, new: u64) {
        let messages = self.messages.fetch_add(new, Ordering::SeqCst) + new;
        if messages >= self.awaited.load(Ordering::SeqCst) {
            self.enough.notify_one();
        }
    }

    /// Waits until so many have arrived.
    async fn wait_for(&self, count: u64) -> Result<(), Box<dyn Error>> {
        self.awaited.store(count, Ordering::SeqCst);
        let enough = async {
            // Whoever adds the last leaves a permit, so nothing is missed between look and wait.
            while self.messages.load(Ordering::SeqCst) < count {
                self.enough.notified().await;
            }
        };
        timeout(PATIENCE, enough).await.map_err(|_elapsed| {
            let missing = count.saturating_sub(self.messages.load(Ordering::SeqCst));
            format!("{missing} messages are missing after 30 s")
        })?;
        Ok(())
    }
}

async fn receive(mut member: TcpStream, arrived: Arc<Arrived>) -> Result<(), Fault> {
    let (mut buffer, mut rest, mut answers) = (vec![0; 64 * 1024], Vec::new(), Vec::new());
    loop {
        let read = member.read(&mut buffer).await?;
        if read == 0 {
            return Err("the server closed a member".into());
        }
        rest.extend_from_slice(&buffer[..read]);
        arrived.add(client::take(&mut rest, frame::BINARY, &mut answers)?);
        if !answers.is_empty() {
            member.write_all(&answers).await?;
            answers.clear();
        }
    }
}
