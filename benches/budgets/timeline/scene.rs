//! What the figures of timelines share.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use timeline::embedded::EmbeddedStore;
use timeline::{Config, MemberId, Message, MessageId, NewMessage, Timeline, embedded};
use tokio_util::task::TaskTracker;

/// As many callers wait for their send at any time.
pub(crate) const CALLERS: u64 = 64;

/// 200 bytes of JSON: a long line of chat.
const TEXT_BYTES: usize = 189;

/// Starts the timelines of a directory.
pub(crate) async fn open(directory: &Path) -> Result<Timeline, Box<dyn Error>> {
    open_with(embedded::Config::new(directory)).await
}

pub(crate) async fn open_with(config: embedded::Config) -> Result<Timeline, Box<dyn Error>> {
    let store = EmbeddedStore::start(config).await?;
    Ok(Timeline::start(Config::default().group_members_max(10_000), store)?)
}

/// Ends a timeline, which takes no minute.
pub(crate) async fn ended(timeline: &Timeline) -> Result<(), Box<dyn Error>> {
    let ended = timeline.shutdown(Duration::from_secs(60)).await;
    if ended { Ok(()) } else { Err("the timeline did not end cleanly within a minute".into()) }
}

/// Sends from alice to bob with so many callers, each when its last send is durable, until each is
/// told to stop by how many it has sent; returns how many there were.
pub(crate) async fn send_until(
    timeline: &Timeline,
    callers: u64,
    stop: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Result<u64, Box<dyn Error>> {
    let tasks = TaskTracker::new();
    let (from, to) = (MemberId::new("alice")?, MemberId::new("bob")?);
    let send = NewMessage::new(from, to, Message::new(message_text())?);
    let start = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let (timeline, mut send) = (timeline.clone(), send.clone());
            tasks.spawn(async move {
                let mut sent = 0;
                while !stop(sent) {
                    // As clients that want to know what became of a send: each has an id.
                    let id =
                        format!("{:08x}-0000-4000-8{caller:03}-{sent:012}", start.elapsed().subsec_nanos());
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

pub(crate) fn message_text() -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(TEXT_BYTES))
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
pub(crate) fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
