//! The floor of sends: the engine, given the same keys and values in the same batches.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tokio::runtime::Runtime;

use crate::scene::{CALLERS, ended, open, per_second, send_until};

/// What sends have left in the store.
struct Recorded {
    sends: u64,
    batches: u64,
    /// The keys of entries and answers with their values, each written once, in the order of
    /// their places: so a message, its copies and its answer are in one batch, as in the store.
    once: Vec<(Name, Vec<u8>, Vec<u8>)>,
    /// What every batch writes anew: where boxes end, what members have read, the batch's number.
    always: Vec<(Name, Vec<u8>, Vec<u8>)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Name {
    Entries,
    State,
    Sends,
    Bodies,
}

const NAMES: [(Name, &str); 4] =
    [(Name::Entries, "entries"), (Name::State, "state"), (Name::Sends, "sends"), (Name::Bodies, "bodies")];

/// Writes what sends wrote, in as many batches, and returns how many sends a second that makes.
pub(crate) fn replay(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(2), Duration::from_millis(100));
    let directory = tempfile::tempdir()?;
    let Recorded { sends, batches, once, always } = record(directory.path(), time)?;
    let database = Database::builder(directory.path().join("floor")).open()?;
    let keyspaces = keyspaces(&database)?;
    let each = once.len().div_ceil(usize::try_from(batches)?.max(1));
    let start = Instant::now();
    for written in once.chunks(each) {
        let mut batch = database.batch().durability(Some(PersistMode::SyncData));
        for (name, key, value) in always.iter().chain(written) {
            batch.insert(&keyspaces[name], key.as_slice(), value.as_slice());
        }
        batch.commit()?;
    }
    Ok(per_second(sends, start.elapsed()))
}

fn keyspaces(database: &Database) -> Result<HashMap<Name, Keyspace>, Box<dyn Error>> {
    let mut keyspaces = HashMap::new();
    for (name, text) in NAMES {
        keyspaces.insert(name, database.keyspace(text, KeyspaceCreateOptions::default)?);
    }
    Ok(keyspaces)
}

/// Sends for a while, and returns what that has written.
fn record(directory: &Path, time: Duration) -> Result<Recorded, Box<dyn Error>> {
    let place = directory.join("ours");
    let sends = Runtime::new()?.block_on(async {
        let timeline = open(&place).await?;
        let start = Instant::now();
        let sent = send_until(&timeline, CALLERS, move |_sent| start.elapsed() >= time).await?;
        ended(&timeline).await?;
        Ok::<_, Box<dyn Error>>(sent)
    })?;
    let marker = String::from_utf8_lossy(&fs::read(place.join("marker"))?).into_owned();
    let batches = marker.lines().filter_map(|line| line.strip_prefix("batch ")?.trim().parse().ok()).max();
    let database = Database::builder(place.join("store")).open()?;
    let (mut once, mut always) = (Vec::new(), Vec::new());
    for (name, keyspace) in keyspaces(&database)? {
        for guard in keyspace.iter() {
            let (key, value) = guard.into_inner()?;
            let is_once = key.len() > 1 && matches!(name, Name::Entries | Name::Sends);
            // Of the state, the version and the identity are written when the store is made.
            let is_always =
                *key == *b"n" || (name == Name::State && matches!(key.first(), Some(b'b' | b'k')));
            if is_once {
                once.push((name, key.to_vec(), value.to_vec()));
            } else if is_always {
                always.push((name, key.to_vec(), value.to_vec()));
            }
        }
    }
    // Sends write into all boxes at once, each at its end.
    once.sort_by_key(|(name, key, value)| place_of(*name, key, value));
    Ok(Recorded { sends, batches: batches.ok_or("the marker names no batch")?, once, always })
}

/// Returns the place at which something was written once.
///
/// The key of an entry ends with it. That of an answer ends with a message id, and its value with
/// the place.
fn place_of(name: Name, key: &[u8], value: &[u8]) -> Option<u64> {
    let bytes = if name == Name::Sends { value } else { key };
    bytes.last_chunk::<8>().map(|place| u64::from_be_bytes(*place))
}
