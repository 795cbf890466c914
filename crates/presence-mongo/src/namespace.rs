//! Namespaces, and the ids that their documents have.
//!
//! | collection | the unnamed namespace | a named one |
//! |---|---|---|
//! | `<base>.seqs` | `{_id: "beings", seq}` | `{_id: "<name>:beings", seq}` |
//! | `<base>.beings` | `{_id: <seq>, key}` | `{_id: "<name>:<seq>", seq, key}` |
//! | `<base>.pings` | `{_id: <slot>, alive, dead}` | `{_id: "<name>:<slot>", slot, alive, dead}` |
//!
//! All numbers are int64. `seq` counts starts and is never set back; a being is written once, by
//! the start; a document of a slot is written by all who ping in it. Beings and slots live until
//! the pruner removes them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};

use crate::error::{Error, ErrorKind};
use crate::slots::{Sequence, TimeSlot};

/// How long the name of a namespace may be, in bytes.
const NAME_MAX: usize = 128;

/// One of several independent sets of keys in a base: the unnamed one, or a named one.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Namespace(Option<Arc<str>>);

impl Namespace {
    /// Takes a name, which must not hold what separates it from a number.
    pub(crate) fn named(name: &str) -> Result<Self, Error> {
        let is_fine = !name.is_empty()
            && name.len() <= NAME_MAX
            && !name.chars().any(|character| character == ':' || character.is_control());
        if !is_fine {
            let message = format!(
                "the name of a namespace has 1 to {NAME_MAX} bytes without colons and control characters"
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(Self(Some(Arc::from(name))))
    }

    /// Returns the id of the document that counts starts.
    pub(crate) fn counter(&self) -> String {
        self.0.as_ref().map_or_else(|| "beings".to_owned(), |name| format!("{name}:beings"))
    }

    /// Returns the id of a being's document.
    pub(crate) fn being_id(&self, sequence: Sequence) -> Bson {
        self.id(sequence.number())
    }

    /// Returns the id of a slot's document.
    pub(crate) fn slot_id(&self, slot: TimeSlot) -> Bson {
        self.id(slot.number())
    }

    fn id(&self, number: i64) -> Bson {
        match &self.0 {
            None => Bson::Int64(number),
            Some(name) => Bson::String(format!("{name}:{number}")),
        }
    }

    /// Returns the document of a being.
    pub(crate) fn being(&self, sequence: Sequence, key: &str) -> RawDocumentBuf {
        let number = sequence.number();
        match &self.0 {
            None => rawdoc! { "_id": number, "key": key },
            Some(name) => rawdoc! { "_id": format!("{name}:{number}"), "seq": number, "key": key },
        }
    }

    /// Reads the document of a being; `None` if it is not one of this namespace.
    pub(crate) fn read_being(&self, being: &Document) -> Option<(Sequence, Arc<str>)> {
        let sequence = Sequence::new(self.number(being.get("_id")?)?)?;
        Some((sequence, Arc::from(being.get_str("key").ok()?)))
    }

    /// Returns what an update of a slot's document sets beside its bits.
    pub(crate) fn slot_fields(&self, slot: TimeSlot) -> Option<Document> {
        self.0.as_ref().map(|_| doc! { "slot": slot.number() })
    }

    /// Reads the id of a slot's document; `None` if it is not one of this namespace.
    pub(crate) fn read_slot(&self, id: &Bson) -> Option<TimeSlot> {
        self.number(id).map(TimeSlot::new)
    }

    fn number(&self, id: &Bson) -> Option<i64> {
        match (&self.0, id) {
            (None, Bson::Int64(number)) => Some(*number),
            (None, Bson::Int32(number)) => Some(i64::from(*number)),
            (Some(name), Bson::String(id)) => id.strip_prefix(&**name)?.strip_prefix(':')?.parse().ok(),
            _ => None,
        }
    }

    /// Returns the condition that an id, in the field of this name, is one of this namespace.
    pub(crate) fn holds(&self, field: &str) -> Document {
        match &self.0 {
            // Comparisons find values of their own type only.
            None => doc! { field: { "$gte": 0_i64 } },
            Some(name) => doc! { field: { "$gte": format!("{name}:"), "$lt": format!("{name};") } },
        }
    }

    /// Returns the condition that a slot's document lies before a slot, and that by the clock of
    /// the server the slot began more than this time ago.
    pub(crate) fn slots_before(&self, slot: TimeSlot, by: Duration) -> Document {
        let number = slot.number();
        let (within, field) = match &self.0 {
            None => (doc! { "_id": { "$gte": 0_i64, "$lt": number } }, "$_id"),
            // Numbers of the same length lie in the order of their texts, and these have ten digits
            // from 2001 to 2286.
            Some(name) => {
                let ids = doc! { "$gte": format!("{name}:"), "$lt": format!("{name}:{number}") };
                (doc! { "_id": ids, "slot": { "$lt": number } }, "$slot")
            }
        };
        doc! { "$and": [within, { "$expr": { "$lt": [field, server_time(-millis(by))] } }] }
    }

    /// Returns the condition that a slot's document is that of a slot or of one after it, and that
    /// by the clock of the server the slot does not begin for more than this time.
    pub(crate) fn slots_ahead(&self, slot: TimeSlot, by: Duration) -> Document {
        let number = slot.number();
        let (within, field) = match &self.0 {
            None => (doc! { "_id": { "$gte": number } }, "$_id"),
            Some(name) => {
                let ids = doc! { "$gte": format!("{name}:{number}"), "$lt": format!("{name};") };
                (doc! { "_id": ids, "slot": { "$gte": number } }, "$slot")
            }
        };
        doc! { "$and": [within, { "$expr": { "$gt": [field, server_time(millis(by))] } }] }
    }

    /// Returns the field of a being's document that has its number.
    pub(crate) fn number_field(&self) -> &'static str {
        if self.0.is_some() { "seq" } else { "_id" }
    }
}

/// Returns the expression for the clock of the server, so many milliseconds later, in seconds.
fn server_time(later_ms: i64) -> Document {
    doc! { "$divide": [{ "$add": [{ "$toLong": "$$NOW" }, later_ms] }, 1_000_i64] }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("the unnamed namespace"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sequence(number: i64) -> Sequence {
        Sequence::new(number).unwrap()
    }

    #[test]
    fn documents_are_those_of_the_original_in_both_layouts() {
        let slot = TimeSlot::new(1_497_960_150);
        let single = Namespace::default();
        assert_eq!(single.counter(), "beings");
        assert_eq!(single.being(sequence(7), "m#1"), rawdoc! { "_id": 7_i64, "key": "m#1" });
        assert_eq!(single.slot_id(slot), Bson::Int64(1_497_960_150));
        assert_eq!(single.slot_fields(slot), None);
        let named = Namespace::named("test-uuid").unwrap();
        assert_eq!(named.counter(), "test-uuid:beings");
        assert_eq!(
            named.being(sequence(7), "m#1"),
            rawdoc! { "_id": "test-uuid:7", "seq": 7_i64, "key": "m#1" }
        );
        assert_eq!(named.slot_id(slot), Bson::String("test-uuid:1497960150".to_owned()));
        assert_eq!(named.slot_fields(slot), Some(doc! { "slot": 1_497_960_150_i64 }));
    }

    #[test]
    fn what_is_written_is_read_and_nothing_of_others() {
        let named = [Namespace::default(), Namespace::named("a").unwrap(), Namespace::named("ab").unwrap()];
        for (at, writer) in named.iter().enumerate() {
            for (other, reader) in named.iter().enumerate() {
                let slot = reader.read_slot(&writer.slot_id(TimeSlot::new(30)));
                assert_eq!(slot.is_some(), at == other);
                let being = Document::try_from(&*writer.being(sequence(3), "k")).unwrap();
                let read = reader.read_being(&being);
                assert_eq!(read, (at == other).then(|| (sequence(3), Arc::<str>::from("k"))));
            }
        }
    }

    /// J15: the pruner of the original took `uuid2` for a part of `uuid`.
    #[test]
    fn a_namespace_whose_name_begins_with_anothers_is_not_pruned_with_it() {
        let before = Namespace::named("a").unwrap().slots_before(TimeSlot::new(60), Duration::ZERO);
        let within = before.get_array("$and").unwrap()[0].as_document().unwrap();
        let range = within.get_document("_id").unwrap();
        let (from, to) = (range.get_str("$gte").unwrap(), range.get_str("$lt").unwrap());
        assert!((from..to).contains(&"a:30"));
        assert!(!(from..to).contains(&"ab:30"));
    }

    #[test]
    fn slots_that_lie_ahead_are_those_of_one_namespace() {
        let named = Namespace::named("a").unwrap();
        let ahead = named.slots_ahead(TimeSlot::new(60), Duration::from_secs(30));
        let within = ahead.get_array("$and").unwrap()[0].as_document().unwrap();
        let range = within.get_document("_id").unwrap();
        let (from, to) = (range.get_str("$gte").unwrap(), range.get_str("$lt").unwrap());
        assert!((from..to).contains(&"a:90"));
        assert!(!(from..to).contains(&"a:30") && !(from..to).contains(&"ab:90"));
    }

    #[test]
    fn a_name_that_could_be_taken_for_more_is_refused() {
        let long = "x".repeat(129);
        for name in ["", "a:b", "a\nb", long.as_str()] {
            assert_eq!(Namespace::named(name).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
