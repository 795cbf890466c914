//! A look through the entries of a store that changes nothing.

use std::fmt;
use std::time::Duration;

use mongodb::Collection;
use mongodb::bson::{Bson, Document, doc};
use mongodb::error::Result as DriverResult;

use super::super::box_id::Side;
use super::super::config::Config;
use super::super::database::{Database, of_link};
use super::scan::{Scan, Sight};
use crate::{Result, Seq};

/// What a look through the entries of a store found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// How many inboxes and histories there are.
    pub boxes: u64,
    /// How many entries they have.
    pub entries: u64,
    /// Sequences without an entry, the first hundred places.
    ///
    /// The Go service left one where it failed between its two steps. They are closed by tombstones
    /// when they are read.
    pub holes: Vec<Hole>,
    /// How many such places there are.
    pub hole_count: u64,
    /// Documents that have the sequence of another one, the first hundred.
    ///
    /// A store does not open while there are any: [`repair`](super::repair()) moves them aside.
    pub duplicates: Vec<Duplicate>,
    /// How many such documents there are.
    pub duplicate_count: u64,
    /// Histories whose id can be read in more than one way, the first hundred.
    ///
    /// The Go service made one id of several conversations where a name has `:` or is `group`. They
    /// stay where they are; the store keeps those conversations under other ids. `seq:group:x` is
    /// not among them: it is taken for that of the group x, also if somebody was called `group`.
    pub unclear: Vec<String>,
    /// How many such histories there are.
    pub unclear_count: u64,
    /// The `_id`s of documents without a box or a sequence, the first hundred.
    ///
    /// No reader sees them. A store does not open while two of a collection have the same box and
    /// the same sequence, where one that is missing is the same as another one that is missing:
    /// [`repair`](super::repair()) moves all of them aside.
    pub unreadable: Vec<String>,
    /// How many such documents there are.
    pub unreadable_count: u64,
}

/// Sequences of a box that no entry has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hole {
    /// The collection.
    pub collection: String,
    /// The inbox or history.
    pub id: String,
    /// The first of them.
    pub first: Seq,
    /// The last of them.
    pub last: Seq,
}

/// A document that has the sequence of another one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Duplicate {
    /// The collection.
    pub collection: String,
    /// The inbox or history.
    pub id: String,
    /// The sequence that both have.
    pub sequence: Seq,
    /// The `_id` of the document.
    pub key: String,
}

/// How many things of one kind are told one by one.
const TOLD_MAX: usize = 100;

/// How long reading a collection may take: as long as it takes.
pub(super) const LIMIT: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Looks through the entries of a store, as it is or as the Go service left it.
///
/// It reads the sequences of all entries, and changes nothing. Stop the Go service before: what it
/// writes meanwhile is seen or not.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when a setting is wrong;
/// [`Unavailable`](crate::ErrorKind::Unavailable) when MongoDB does not answer, or refuses it.
pub async fn check(config: &Config) -> Result<CheckReport> {
    config.validate()?;
    let database = Database::start(config).await?;
    let mut report = CheckReport::default();
    for (side, name) in [(Side::Inbox, &config.inboxes), (Side::History, &config.histories)] {
        let name = name.clone();
        let work = move |database: mongodb::Database| async move { look(&database, &name, side).await };
        report.add(database.link().call_within(LIMIT, work).await.map_err(of_link)?);
    }
    Ok(report)
}

/// Looks through one collection.
async fn look(database: &mongodb::Database, name: &str, side: Side) -> DriverResult<CheckReport> {
    let mut report = CheckReport::default();
    scan(&database.collection(name), side, |sight| report.note(name, sight)).await?;
    Ok(report)
}

/// Reads the sequences of a collection in their order, and tells what is there.
pub(super) async fn scan(
    of: &Collection<Document>,
    side: Side,
    mut tell: impl FnMut(Sight),
) -> DriverResult<()> {
    let fields = doc! { "_id": 1, "id": 1, "seq": 1, "floor": 1 };
    let order = doc! { "id": 1, "seq": 1 };
    // The data of the Go service has no index that knows the order.
    let mut cursor = of.find(doc! {}).projection(fields).sort(order).allow_disk_use(true).await?;
    let mut scan = Scan::new(side);
    while cursor.advance().await? {
        scan.take(cursor.current(), &mut tell);
    }
    scan.finish(&mut tell);
    Ok(())
}

impl CheckReport {
    /// Returns whether a store can take over the entries without a loss.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.hole_count + self.duplicate_count + self.unclear_count + self.unreadable_count == 0
    }

    fn note(&mut self, collection: &str, sight: Sight) {
        let collection = collection.to_owned();
        match sight {
            Sight::Box => self.boxes += 1,
            Sight::Entry => self.entries += 1,
            Sight::Hole { id, first, last } => {
                self.hole_count += 1;
                keep(&mut self.holes, [Hole { collection, id, first: seq(first), last: seq(last) }]);
            }
            Sight::Duplicate { id, seq, key } => {
                self.duplicate_count += 1;
                keep(&mut self.duplicates, [Duplicate::new(collection, id, seq, &key)]);
            }
            Sight::Unclear(id) => {
                self.unclear_count += 1;
                keep(&mut self.unclear, [id]);
            }
            Sight::Unreadable(key) => {
                self.unreadable_count += 1;
                keep(&mut self.unreadable, [key.to_string()]);
            }
        }
    }

    fn add(&mut self, other: Self) {
        self.boxes += other.boxes;
        self.entries += other.entries;
        self.hole_count += other.hole_count;
        self.duplicate_count += other.duplicate_count;
        self.unclear_count += other.unclear_count;
        self.unreadable_count += other.unreadable_count;
        keep(&mut self.holes, other.holes);
        keep(&mut self.duplicates, other.duplicates);
        keep(&mut self.unclear, other.unclear);
        keep(&mut self.unreadable, other.unreadable);
    }
}

impl Duplicate {
    pub(super) fn new(collection: String, id: String, sequence: i64, key: &Bson) -> Self {
        Self { collection, id, sequence: seq(sequence), key: key.to_string() }
    }
}

/// Returns what to do about things that a repair moves aside, as a line goes on.
fn to_repair(count: u64) -> &'static str {
    if count == 0 { "" } else { ": stop the Go service and run `tidings repair`" }
}

/// Adds what is told, as far as there is room.
fn keep<T>(told: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    let room = TOLD_MAX.saturating_sub(told.len());
    told.extend(more.into_iter().take(room));
}

/// Returns a sequence that a scan gave, which is never negative.
fn seq(number: i64) -> Seq {
    Seq::try_from(number).unwrap_or_default()
}

impl fmt::Display for Hole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { collection, id, first, last } = self;
        write!(f, "{collection} has no entry of {id:?} from {first} to {last}")
    }
}

impl fmt::Display for Duplicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { collection, id, sequence, key } = self;
        write!(f, "{collection} has another document of {id:?} at {sequence}, with the _id {key}")
    }
}

impl fmt::Display for CheckReport {
    /// Writes one line that has all numbers, and one for each thing that is told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} entries in {} inboxes and histories; {} holes, which are closed when they are read; {} \
             documents with the sequence of another one{}; {} histories whose id can be read in more than \
             one way; {} documents without a box or a sequence{}",
            self.entries,
            self.boxes,
            self.hole_count,
            self.duplicate_count,
            to_repair(self.duplicate_count),
            self.unclear_count,
            self.unreadable_count,
            to_repair(self.unreadable_count),
        )?;
        self.holes.iter().try_for_each(|hole| write!(f, "\n{hole}"))?;
        self.duplicates.iter().try_for_each(|duplicate| write!(f, "\n{duplicate}"))?;
        self.unclear
            .iter()
            .try_for_each(|id| write!(f, "\nthe history {id:?} may be of several conversations"))?;
        self.unreadable
            .iter()
            .try_for_each(|key| write!(f, "\nthe document with the _id {key} has no box or no sequence"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_tells_the_first_hundred_of_each_kind_and_counts_all() {
        let mut report = CheckReport::default();
        for number in 1..=150 {
            report.note("chat_sync", Sight::Hole { id: "a".to_owned(), first: number, last: number });
        }
        let mut other = CheckReport::default();
        other.note(
            "chat_history",
            Sight::Duplicate { id: "seq:a:b".to_owned(), seq: 7, key: Bson::from("x") },
        );
        other.note("chat_history", Sight::Entry);
        let mut unreadable = CheckReport::default();
        unreadable.note("chat_sync", Sight::Unreadable(Bson::from("y")));
        assert!(!unreadable.is_whole());
        let text = unreadable.to_string();
        assert!(
            text.contains("1 documents without a box or a sequence: stop the Go service and run"),
            "{text}"
        );
        assert!(!other.is_whole() && CheckReport::default().is_whole());
        report.add(other);
        assert_eq!((report.holes.len(), report.hole_count), (100, 150));
        assert_eq!((report.entries, report.duplicate_count), (1, 1));
        let text = report.to_string();
        assert!(text.contains("run `tidings repair`"), "{text}");
        let wanted = "\nchat_history has another document of \"seq:a:b\" at 7, with the _id \"x\"";
        assert!(text.contains(wanted), "{text}");
        assert_eq!(text.lines().count(), 102);
    }
}
