//! Sends as the original makes them: for each box of a send one increment and one insert, one after
//! the other.

use std::error::Error;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::{Collection, IndexModel};
use redis::aio::MultiplexedConnection;
use test_support::redis_connection;
use tokio_util::task::TaskTracker;

use crate::scene::TEXT_BYTES;
use crate::world::World;

/// Returns how many sends a second so many callers make, each for a pair of its own.
///
/// They share one pool of connections to MongoDB and one connection to Redis.
pub(crate) async fn rate(world: &World, callers: u64, time: Duration) -> Result<f64, Box<dyn Error>> {
    let database = world.client().await?.database(&format!("original-{callers}"));
    let inboxes: Collection<Document> = database.collection("chat_sync");
    let histories: Collection<Document> = database.collection("chat_history");
    for collection in [&inboxes, &histories] {
        collection.create_index(IndexModel::builder().keys(doc! { "id": 1, "seq": 1 }).build()).await?;
    }
    let (redis, tasks) = (redis_connection(world.redis.url()).await?, TaskTracker::new());
    let start = Instant::now();
    let callers: Vec<_> = (0..callers)
        .map(|caller| {
            let (one, other) = (format!("user-{caller:04}"), format!("friend-{caller:04}"));
            let boxes = [
                (histories.clone(), format!("seq:{other}:{one}")),
                (inboxes.clone(), one),
                (inboxes.clone(), other),
            ];
            tasks.spawn(send_until(redis.clone(), boxes, start + time))
        })
        .collect();
    let mut sent = 0;
    for caller in callers {
        sent += caller.await??;
    }
    Ok(sent as f64 / start.elapsed().as_secs_f64())
}

/// Sends until the time is over, and returns how often.
async fn send_until(
    mut redis: MultiplexedConnection,
    boxes: [(Collection<Document>, String); 3],
    end: Instant,
) -> Result<u64, String> {
    let mut sent = 0;
    while Instant::now() < end {
        for (collection, id) in &boxes {
            let seq = redis::cmd("INCR").arg(id).query_async::<i64>(&mut redis).await;
            let seq = seq.map_err(|error| error.to_string())?;
            let entry = doc! { "id": id, "seq": seq, "message": { "text": "x".repeat(TEXT_BYTES) } };
            collection.insert_one(entry).await.map_err(|error| error.to_string())?;
        }
        sent += 1;
    }
    Ok(sent)
}
