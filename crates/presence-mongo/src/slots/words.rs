//! Sets of beings, kept as the documents keep them.

use std::collections::BTreeMap;

use super::sequence::{BITS, Sequence};

/// The bits that a word has; the highest one would make its value negative.
const ALL: u64 = (1 << BITS) - 1;

/// A set of beings: words of 63 bits, by the number of the word.
///
/// ```text
/// being 945  ->  word 945 / 63 = 15, named "f" in documents; bit 945 % 63 = 0, value 1
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Words {
    /// No word is 0.
    words: BTreeMap<u64, u64>,
}

impl Words {
    /// Adds a being, and says whether it was not there.
    pub(crate) fn insert(&mut self, sequence: Sequence) -> bool {
        let word = self.words.entry(sequence.word()).or_insert(0);
        let is_new = *word & sequence.mask() == 0;
        *word |= sequence.mask();
        is_new
    }

    /// Removes a being, and says whether it was there.
    pub(crate) fn remove(&mut self, sequence: Sequence) -> bool {
        let Some(word) = self.words.get_mut(&sequence.word()) else { return false };
        let was_there = *word & sequence.mask() != 0;
        *word &= !sequence.mask();
        if *word == 0 {
            self.words.remove(&sequence.word());
        }
        was_there
    }

    /// Adds all beings of another set.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (word, bits) in &other.words {
            *self.words.entry(*word).or_insert(0) |= bits;
        }
    }

    pub(crate) fn contains(&self, sequence: Sequence) -> bool {
        self.words.get(&sequence.word()).is_some_and(|word| word & sequence.mask() != 0)
    }

    /// Returns those that another set has not.
    #[must_use]
    pub(crate) fn without(&self, other: &Self) -> Self {
        let left = self.words.iter().filter_map(|(word, bits)| {
            let left = bits & !other.words.get(word).copied().unwrap_or(0);
            (left != 0).then_some((*word, left))
        });
        Self { words: left.collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Returns the highest being.
    pub(crate) fn last(&self) -> Option<Sequence> {
        let (word, bits) = self.words.last_key_value()?;
        Sequence::of_bit(*word, bits.ilog2())
    }

    /// Returns its beings, the lowest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Sequence> + '_ {
        self.words.iter().flat_map(|(word, bits)| {
            let set = (0..63_u32).filter(move |bit| bits & (1_u64 << bit) != 0);
            set.filter_map(move |bit| Sequence::of_bit(*word, bit))
        })
    }

    /// Returns the names and the values of its words, as documents have them.
    pub(super) fn fields(&self) -> impl Iterator<Item = (String, i64)> + '_ {
        self.words.iter().map(|(word, bits)| {
            let value = i64::try_from(*bits).expect("a word has 63 bits");
            (format!("{word:x}"), value)
        })
    }

    /// Adds a word of a document, and says whether it is one.
    ///
    /// One whose value is negative was spoilt by an addition that carried; as the original reads it
    /// nobody is in it.
    pub(super) fn add_field(&mut self, name: &str, value: i64) -> bool {
        let Ok(word) = u64::from_str_radix(name, 16) else { return false };
        let is_last = Sequence::of_bit(word, 62).is_none();
        if is_last || format!("{word:x}") != name {
            return false;
        }
        let bits = u64::try_from(value).unwrap_or(0) & ALL;
        if bits != 0 {
            *self.words.entry(word).or_insert(0) |= bits;
        }
        value >= 0
    }
}

impl FromIterator<Sequence> for Words {
    fn from_iter<I: IntoIterator<Item = Sequence>>(sequences: I) -> Self {
        let mut words = Self::default();
        for sequence in sequences {
            words.insert(sequence);
        }
        words
    }
}
