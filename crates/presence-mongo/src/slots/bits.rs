//! What the document of one time slot says.

use bson::{Bson, Document, doc};

use super::words::Words;

const ALIVE: &str = "alive";
const DEAD: &str = "dead";

/// Who pinged in a time slot, and who was killed in it.
///
/// ```text
/// { _id: <slot>, alive: { <hex>: <int64>, … }, dead: { <hex>: <int64>, … } }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SlotBits {
    pub(crate) alive: Words,
    pub(crate) dead: Words,
}

impl SlotBits {
    /// Reads a document, or the changed fields of one, and says how many words could not be read.
    ///
    /// A change names a word `dead.3f`, and the first one of its kind with all around it, `dead: {
    /// 3f: … }`, as the document does.
    pub(crate) fn read(fields: &Document) -> (Self, usize) {
        let (mut bits, mut unread) = (Self::default(), 0);
        for (name, value) in fields {
            let (kind, word) = match name.split_once('.') {
                Some((kind, word)) => (kind, Some(word)),
                None => (name.as_str(), None),
            };
            let words = match kind {
                ALIVE => &mut bits.alive,
                DEAD => &mut bits.dead,
                _ => continue,
            };
            match (word, value) {
                (Some(word), value) => unread += usize::from(!add(words, word, value)),
                (None, Bson::Document(all)) => {
                    unread += all.iter().filter(|(word, value)| !add(words, word, value)).count();
                }
                (None, _) => unread += 1,
            }
        }
        (bits, unread)
    }

    /// Returns the update that writes them: done again it changes nothing.
    pub(crate) fn update(&self) -> Document {
        let mut fields = Document::new();
        for (kind, words) in [(ALIVE, &self.alive), (DEAD, &self.dead)] {
            for (word, value) in words.fields() {
                fields.insert(format!("{kind}.{word}"), doc! { "or": value });
            }
        }
        doc! { "$bit": fields }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.alive.merge(&other.alive);
        self.dead.merge(&other.dead);
    }

    /// Returns all who are named, alive or dead.
    pub(crate) fn named(&self) -> Words {
        let mut named = self.alive.clone();
        named.merge(&self.dead);
        named
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.alive.is_empty() && self.dead.is_empty()
    }
}

/// Adds a word, and says whether it could be read. Other programs write small numbers as int32.
fn add(words: &mut Words, word: &str, value: &Bson) -> bool {
    match value {
        Bson::Int64(value) => words.add_field(word, *value),
        Bson::Int32(value) => words.add_field(word, i64::from(*value)),
        _ => false,
    }
}
