//! What readers of an inbox get a second, beside a bare find.

use std::error::Error;
use std::io::{Write, stderr};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use bson::{Document, doc};
use mongodb::Collection;
use timeline::{Count, MemberId, Seq, Timeline};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::scene::{CALLERS, Caller, send_until};
use crate::world::{DATABASE, Mode, World, ended};

const READER: &str = "reader";

/// As many read at once, one for each core.
const READERS: usize = 2;

/// Returns the entries that readers get a second page by page, divided by the documents that they
/// get of bare finds of the same pages, which look at nothing but the sequences.
pub(crate) fn ratio(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (entries, time) = effort.pick((20_000, Duration::from_secs(3)), (256, Duration::from_millis(50)));
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let node = world.node(Mode::RedisAndMongo).await?;
        let callers = (0..CALLERS)
            .map(|number| Caller::to_member(&node, &format!("user-{number:04}"), READER))
            .collect::<Result<_, _>>()?;
        send_until(callers, move |sent| sent * CALLERS >= entries).await?;

        let (tasks, start) = (TaskTracker::new(), Instant::now());
        let readers: Vec<_> =
            (0..READERS).map(|_| tasks.spawn(sync_until(node.clone(), start + time))).collect();
        let mut synced = 0;
        for reader in readers {
            synced += reader.await??;
        }
        let ours = synced as f64 / start.elapsed().as_secs_f64();

        let inboxes: Collection<Document> = world.client().await?.database(DATABASE).collection("chat_sync");
        let start = Instant::now();
        let finders: Vec<_> =
            (0..READERS).map(|_| tasks.spawn(find_until(inboxes.clone(), start + time))).collect();
        let mut found = 0;
        for finder in finders {
            found += finder.await??;
        }
        let bare = found as f64 / start.elapsed().as_secs_f64();
        ended(&node).await?;
        writeln!(stderr(), "sync: ours {ours:.0} entries/s, bare finds {bare:.0} documents/s")?;
        Ok(ours / bare)
    })
}

/// Reads the inbox in pages of the default size, until the time is over; returns how many entries.
async fn sync_until(timeline: Timeline, end: Instant) -> Result<usize, timeline::Error> {
    let member = MemberId::new(READER)?;
    let (mut last, mut read) = (Seq::ZERO, 0);
    while Instant::now() < end {
        let inbox = timeline.sync(&member, last, Count::default()).await?;
        read += inbox.entries.len();
        last = inbox.entries.last().map(|entry| entry.sequence).unwrap_or_default();
    }
    Ok(read)
}

/// Finds the same pages, until the time is over; returns how many documents.
async fn find_until(inboxes: Collection<Document>, end: Instant) -> Result<usize, String> {
    let (mut last, mut read) = (0, 0);
    while Instant::now() < end {
        let found = page(&inboxes, last).await.map_err(|error| error.to_string())?;
        read += found.len();
        last = found.last().copied().unwrap_or_default();
    }
    Ok(read)
}

/// Returns the sequences of a page.
async fn page(inboxes: &Collection<Document>, last: i64) -> Result<Vec<i64>, Box<dyn Error + Send + Sync>> {
    let count = u32::try_from(Count::default().get())?;
    let after = doc! { "id": READER, "seq": { "$gt": last } };
    let find = inboxes.find(after).sort(doc! { "seq": 1 }).limit(i64::from(count)).batch_size(count);
    let (mut cursor, mut found) = (find.await?, Vec::new());
    while cursor.advance().await? {
        found.push(cursor.current().get_i64("seq")?);
    }
    Ok(found)
}
