//! The budgets of `timeline`: durable sends and sync reads of the embedded store.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use benches::budget;
use benches::budget::{Budget, Effort, Figure};
use timeline::embedded::EmbeddedStore;
use timeline::{Config, Count, MemberId, Message, MessageId, NewMessage, Seq, Timeline, embedded};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

/// As many callers wait for their send at any time.
const CALLERS: u64 = 64;

/// 200 bytes of JSON: a long line of chat.
const TEXT_BYTES: usize = 189;

const FIGURES: &[Figure] = &[
    Figure {
        name: "timeline.embedded.sends",
        unit: "sends/s",
        ours: sends,
        against: Some(("64 lines appended and synced at a time", log_appends)),
        budget: Budget::AtLeast(30_000.0),
    },
    Figure {
        name: "timeline.embedded.sync",
        unit: "entries/s",
        ours: sync_reads,
        against: None,
        budget: Budget::AtLeast(500_000.0),
    },
];

fn main() -> ExitCode {
    budget::main(FIGURES)
}

/// Two users, 64 callers, each sending when its last send is durable.
fn sends(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(4), Duration::from_millis(200));
    let directory = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        let start = Instant::now();
        let sent = send_until(&timeline, move |_sent| start.elapsed() >= time).await?;
        let rate = per_second(sent, start.elapsed());
        ended(&timeline).await?;
        Ok(rate)
    })
}

/// The floor: one thread that writes 64 messages with one call and syncs them.
fn log_appends(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(4), Duration::from_millis(200));
    let directory = tempfile::tempdir()?;
    let mut log = OpenOptions::new().create(true).append(true).open(directory.path().join("log"))?;
    let lines = message_text().repeat(CALLERS.try_into()?);
    let start = Instant::now();
    let mut written = 0;
    while start.elapsed() < time {
        log.write_all(lines.as_bytes())?;
        log.sync_data()?;
        written += CALLERS;
    }
    Ok(per_second(written, start.elapsed()))
}

/// Two readers, one for each core, page by page through an inbox, again and again.
fn sync_reads(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (entries, time) = effort.pick((100_000, Duration::from_secs(3)), (1_000, Duration::from_millis(100)));
    let directory = tempfile::tempdir()?;
    let runtime = Runtime::new()?;
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        send_until(&timeline, move |sent| sent * CALLERS >= entries).await?;
        let tasks = TaskTracker::new();
        let start = Instant::now();
        let readers: Vec<_> =
            (0..2).map(|_| tasks.spawn(read_until(timeline.clone(), start + time))).collect();
        let mut read = 0;
        for reader in readers {
            read += reader.await??;
        }
        let rate = per_second(read, start.elapsed());
        ended(&timeline).await?;
        Ok(rate)
    })
}

/// Ends a timeline, which takes no minute.
async fn ended(timeline: &Timeline) -> Result<(), Box<dyn Error>> {
    let ended = timeline.shutdown(Duration::from_secs(60)).await;
    if ended { Ok(()) } else { Err("the timeline did not end cleanly within a minute".into()) }
}

async fn open(directory: &std::path::Path) -> Result<Timeline, Box<dyn Error>> {
    let store = EmbeddedStore::start(embedded::Config::new(directory)).await?;
    Ok(Timeline::start(Config::default(), store)?)
}

/// Sends with all callers until each is told to stop by how many it has sent; returns how many
/// there were.
async fn send_until(
    timeline: &Timeline,
    stop: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Result<u64, Box<dyn Error>> {
    let tasks = TaskTracker::new();
    let (from, to) = (MemberId::new("alice")?, MemberId::new("bob")?);
    let message = Message::new(message_text())?;
    let send = NewMessage::new(from, to, message);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (timeline, mut send) = (timeline.clone(), send.clone());
            tasks.spawn(async move {
                let mut sent = 0;
                while !stop(sent) {
                    // As clients that want to know what became of a send: each has an id.
                    let id = format!("00000000-0000-4000-8{caller:03}-{sent:012}");
                    send.message_id = Some(MessageId::new(id)?);
                    timeline.send(send.clone()).await?;
                    sent += 1;
                }
                Ok::<_, timeline::Error>(sent)
            })
        })
        .collect();
    let mut sent = 0;
    for caller in callers {
        sent += caller.await??;
    }
    Ok(sent)
}

/// Reads what bob has, in pages of the default size, until the time is over; returns how many
/// entries.
async fn read_until(timeline: Timeline, end: Instant) -> Result<u64, timeline::Error> {
    let bob = MemberId::new("bob")?;
    let (mut last, mut read) = (Seq::default(), 0);
    while Instant::now() < end {
        let inbox = timeline.sync(&bob, last, Count::default()).await?;
        read += inbox.entries.len() as u64;
        last = inbox.entries.last().map(|entry| entry.sequence).unwrap_or_default();
    }
    Ok(read)
}

fn message_text() -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(TEXT_BYTES))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
