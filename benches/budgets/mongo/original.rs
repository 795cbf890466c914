//! One update for each ping, as the original works: every pinger adds its bit by itself.

use std::error::Error;
use std::ops::Range;

use benches::budget::Effort;
use bson::{Bson, Document, doc};
use mongodb::{Client, Collection};
use tokio::task::JoinSet;

use crate::pinging::{BEINGS, SLOT};
use crate::world::{DATABASE, World};

/// How many updates a time slot takes.
pub(crate) fn updates(effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (world, pings) = start().await?;
        // There is such a collection before it is counted in.
        pings.insert_one(slot_with(0)).await?;
        let before = world.updates().await?;
        ping(&pings, 0..effort.pick(10_000, 200)).await?;
        Ok(world.updates().await? - before)
    })
}

/// Processor time of mongod for a time slot, in percent of a core. It is that of some pings, when
/// half of all beings have pinged in the slot: all would take much longer than the slot.
pub(crate) fn mongod(effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (world, pings) = start().await?;
        let beings = effort.pick(BEINGS, 1_000);
        pings.insert_one(slot_with(beings / 2)).await?;
        let sample = effort.pick(2_000, 100);
        let before = world.mongod_ns()?;
        ping(&pings, beings / 2..beings / 2 + sample).await?;
        let each = (world.mongod_ns()? - before) / sample as f64;
        Ok(each * beings as f64 / SLOT.as_nanos() as f64 * 100.0)
    })
}

async fn start() -> Result<(World, Collection<Document>), Box<dyn Error>> {
    let world = World::start(SLOT).await?;
    // Acknowledged as ours are.
    let client = Client::with_uri_str(format!("{}&w=majority&journal=true", world.mongo.url())).await?;
    Ok((world, client.database(DATABASE).collection("presence.pings")))
}

/// The document of a time slot in which so many beings have pinged.
fn slot_with(beings: usize) -> Document {
    let words = (0..beings / 63).map(|word| (format!("{word:x}"), Bson::Int64(i64::MAX)));
    let alive: Document = words.collect();
    doc! { "_id": TIME_SLOT, "alive": alive }
}

/// Lets these beings ping, some of them at once.
async fn ping(pings: &Collection<Document>, beings: Range<usize>) -> Result<(), Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let (pings, beings) = (pings.clone(), beings.clone());
        tasks.spawn(async move {
            for being in beings.skip(caller).step_by(CALLERS) {
                let (word, bit) = (format!("alive.{:x}", being / 63), 1_i64 << (being % 63));
                let update = doc! { "$inc": { word: bit } };
                pings.update_one(doc! { "_id": TIME_SLOT }, update).upsert(true).await?;
            }
            Ok::<_, mongodb::error::Error>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

const TIME_SLOT: i64 = 1_497_960_150;
const CALLERS: usize = 16;
