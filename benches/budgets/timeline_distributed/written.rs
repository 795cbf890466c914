//! What sends have left in the store, and a bare writer of the same documents.

use std::error::Error;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};
use tokio_util::task::TaskTracker;

use crate::world::{DATABASE, World};

/// The entries of histories and their copies, each in the order in which they were written.
pub(crate) struct Written {
    entries: Vec<Document>,
    copies: Vec<Document>,
}

/// What the bare writer did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bare {
    pub(crate) sends: usize,
    pub(crate) time: Duration,
    /// Processor time of mongod, in nanoseconds.
    pub(crate) mongod_ns: f64,
}

impl Written {
    /// Reads all that sends with the same number of copies have left.
    pub(crate) async fn read(world: &World) -> Result<Self, Box<dyn Error>> {
        let client = world.client().await?;
        let database = client.database(DATABASE);
        let entries = all(&database.collection("chat_history")).await?;
        let copies = all(&database.collection("chat_sync")).await?;
        if entries.is_empty() || copies.len() % entries.len() != 0 {
            return Err(format!("{} sends have left {} copies", entries.len(), copies.len()).into());
        }
        Ok(Self { entries, copies })
    }

    /// Writes them again, on a server as empty as that of the sends was: of so many sends at once
    /// first the entries, then the copies, each with one unordered `insert_many` that a majority
    /// acknowledges.
    ///
    /// So many commands are under way at a time.
    pub(crate) async fn insert(self, sends_at_once: usize, writers: usize) -> Result<Bare, Box<dyn Error>> {
        let world = World::start().await?;
        let database = world.client().await?.database("bare");
        let inboxes: Collection<Document> = database.collection("chat_sync");
        let histories: Collection<Document> = database.collection("chat_history");
        make_indexes(&database).await?;
        let mut batches = self.into_batches(sends_at_once, writers).into_iter();
        let first = batches.next().ok_or("there is nothing to write")?;
        // The connections and the files are there before it is measured.
        insert_all(histories.clone(), inboxes.clone(), first).await?;
        let (begun, tasks) = (Instant::now(), TaskTracker::new());
        let before = world.mongod_ns()?;
        let writing: Vec<_> = batches
            .map(|batches| tasks.spawn(insert_all(histories.clone(), inboxes.clone(), batches)))
            .collect();
        let mut counted = 0;
        for writer in writing {
            counted += writer.await??;
        }
        let (time, mongod_ns) = (begun.elapsed(), world.mongod_ns()? - before);
        if counted == 0 {
            return Err("there were too few sends to write them again".into());
        }
        Ok(Bare { sends: counted, time, mongod_ns })
    }

    /// Returns the documents of one batch, then those of each writer.
    fn into_batches(self, sends_at_once: usize, writers: usize) -> Vec<Vec<Batch>> {
        let copies_at_once = sends_at_once * (self.copies.len() / self.entries.len());
        let (mut entries, mut copies) = (self.entries.into_iter(), self.copies.into_iter());
        let mut shares = vec![Vec::new(); writers + 1];
        for number in 0.. {
            let batch: Batch = (
                entries.by_ref().take(sends_at_once).collect(),
                copies.by_ref().take(copies_at_once).collect(),
            );
            if batch.0.is_empty() {
                break;
            }
            let writer = if number == 0 { 0 } else { number % writers + 1 };
            shares[writer].push(batch);
        }
        shares
    }
}

impl Bare {
    pub(crate) fn rate(self) -> f64 {
        self.sends as f64 / self.time.as_secs_f64()
    }

    /// Processor time of mongod for a send, in nanoseconds.
    pub(crate) fn mongod_ns_each(self) -> f64 {
        self.mongod_ns / self.sends as f64
    }
}

/// Entries of histories, and their copies.
type Batch = (Vec<Document>, Vec<Document>);

/// Writes one batch after the other, and returns of how many sends they were.
async fn insert_all(
    histories: Collection<Document>,
    inboxes: Collection<Document>,
    batches: Vec<Batch>,
) -> Result<usize, mongodb::error::Error> {
    let mut sends = 0;
    for (entries, copies) in batches {
        histories.insert_many(&entries).ordered(false).await?;
        inboxes.insert_many(&copies).ordered(false).await?;
        sends += entries.len();
    }
    Ok(sends)
}

/// Returns all messages in the order in which they were written, without what closes holes.
async fn all(entries: &Collection<Document>) -> Result<Vec<Document>, mongodb::error::Error> {
    let messages = doc! { "seq": { "$gt": 0 }, "kind": { "$exists": false } };
    let mut cursor = entries.find(messages).sort(doc! { "$natural": 1 }).await?;
    let mut all = Vec::new();
    while cursor.advance().await? {
        all.push(cursor.deserialize_current()?);
    }
    Ok(all)
}

/// Makes the indexes that the collections of the store have.
async fn make_indexes(database: &Database) -> Result<(), mongodb::error::Error> {
    for name in ["chat_sync", "chat_history"] {
        let unique = IndexOptions::builder().unique(true).build();
        let by_box = IndexModel::builder().keys(doc! { "id": 1, "seq": 1 }).options(unique).build();
        database.collection::<Document>(name).create_index(by_box).await?;
    }
    let partial =
        IndexOptions::builder().partial_filter_expression(doc! { "kind": { "$exists": true } }).build();
    let no_message =
        IndexModel::builder().keys(doc! { "id": 1, "seq": 1, "kind": 1 }).options(partial).build();
    database.collection::<Document>("chat_history").create_index(no_message).await?;
    Ok(())
}
