//! The packing of bits, as the original has it.

use std::time::Duration;

use bson::{Bson, Document, doc};
use proptest::prelude::*;

use super::*;

fn set(numbers: &[i64]) -> Words {
    numbers.iter().filter_map(|number| Sequence::new(*number)).collect()
}

fn alive(numbers: &[i64]) -> SlotBits {
    SlotBits { alive: set(numbers), dead: Words::default() }
}

/// Returns the word of one number, by name and value.
fn packed(number: i64) -> (String, i64) {
    let packed: Vec<_> = set(&[number]).fields().collect();
    packed.into_iter().next().unwrap()
}

#[test]
fn numbers_are_packed_as_in_the_original() {
    for (number, word, value) in [
        (1, "0", 2),
        (62, "0", 4_611_686_018_427_387_904),
        (63, "1", 1),
        (64, "1", 2),
        (125, "1", 1 << 62),
        (126, "2", 1),
        (945, "f", 1),
        (1_000, "f", 1 << 55),
        (1_008, "10", 1),
        (65_536, "410", 65_536),
    ] {
        assert_eq!(packed(number), (word.to_owned(), value));
        let document = doc! { "alive": { word: value } };
        assert_eq!(SlotBits::read(&document), (alive(&[number]), 0));
    }
}

#[test]
fn slots_begin_where_those_of_the_original_do() {
    let period = Period::new(30);
    let slot = period.slot_at(Duration::from_millis(1_497_960_179_999));
    assert_eq!(slot, TimeSlot::new(1_497_960_150));
    assert_eq!(period.before(slot), TimeSlot::new(1_497_960_120));
    assert_eq!(slot.begin(), Duration::from_secs(1_497_960_150));
}

/// J3: a bit that was added twice carried into the next one, and two of the highest made the word
/// negative, with which all of it was gone.
#[test]
fn a_ping_that_is_repeated_sets_no_other_bit() {
    let bits = alive(&[5, 62]);
    let update = bits.update();
    let or = update.get_document("$bit").unwrap().get_document("alive.0").unwrap().get_i64("or").unwrap();
    let twice = [or, or].into_iter().fold(0, |word: i64, bits| word | bits);
    let twice = doc! { "alive": { "0": twice } };
    assert_eq!(SlotBits::read(&twice), (bits, 0));
}

/// J11: the original ended where a word had another name than it writes.
#[test]
fn a_word_that_cannot_be_read_is_skipped_and_the_others_are_read() {
    let strange = doc! {
        "alive": { "0": 2_i64, "xyz": 4_i64, "F": 1_i64, "+1": 1_i64, "": 1_i64, "ffffffffffffffff": 1_i64 },
        "dead": "nobody",
        "alive.1": 1.5,
        "slot": 30_i64,
    };
    assert_eq!(SlotBits::read(&strange), (alive(&[1]), 7));
    let spoilt = doc! { "alive": { "0": i64::MIN, "1": 2_i64 } };
    assert_eq!(SlotBits::read(&spoilt), (alive(&[64]), 1), "a negative word has nobody");
}

#[test]
fn small_numbers_of_other_programs_are_read() {
    assert_eq!(SlotBits::read(&doc! { "alive": { "0": 6 } }), (alive(&[1, 2]), 0));
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_dead_and_keeps_nobody_for_long() {
    let at = |number: i64| TimeSlot::new(number * 10);
    let mut window = Window::new(Period::new(10));
    window.read(at(20), &alive(&[1]));
    window.advance(at(20), true);
    assert!(window.hears(at(19)) && !window.hears(at(10)), "a start would not be heard before a read");
    assert!(window.to_read(at(10), true).contains(&at(10)));
    window.read(at(10), &alive(&[2]));
    window.advance(at(10), true);
    assert_eq!(window.bits(), alive(&[1, 2]), "1 had no time to ping, and 2 has just come");
    assert!(window.hears(at(10)));
    window.hear(at(10), &alive(&[3]));
    window.advance(at(11), false);
    assert_eq!(window.bits(), alive(&[1, 2, 3]));
    window.advance(at(12), true);
    assert_eq!(window.bits(), SlotBits::default(), "slot 11 went well without them");
}

fn numbers() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(prop_oneof![1_i64..200, 1..100_000_i64, Just(i64::MAX - 126)], 0..40)
}

/// Applies an update as the server does.
fn applied(update: &Document, document: &mut Document) {
    for (path, change) in update.get_document("$bit").unwrap() {
        let (kind, word) = path.split_once('.').unwrap();
        let Some(Bson::Int64(bits)) = change.as_document().unwrap().get("or") else { panic!("no int64") };
        let words = document.entry(kind).or_insert_with(|| Bson::Document(Document::new()));
        let Bson::Document(words) = words else { panic!("no words") };
        let before = words.get_i64(word).unwrap_or(0);
        words.insert(word, before | bits);
    }
}

proptest! {
    #[test]
    fn what_several_processes_write_is_read_as_what_all_of_them_have(
        writes in prop::collection::vec((numbers(), numbers()), 1..6),
    ) {
        let (mut document, mut all) = (doc! { "_id": 30_i64 }, SlotBits::default());
        for (pinged, killed) in &writes {
            let bits = SlotBits { alive: set(pinged), dead: set(killed) };
            // A write whose outcome is not known is repeated.
            applied(&bits.update(), &mut document);
            applied(&bits.update(), &mut document);
            all.merge(&bits);
        }
        prop_assert_eq!(SlotBits::read(&document), (all, 0));
    }

    #[test]
    fn words_are_sets(one in numbers(), other in numbers()) {
        let (first, second) = (set(&one), set(&other));
        let left: Vec<i64> = first.without(&second).iter().map(Sequence::number).collect();
        let mut expected: Vec<i64> = one.iter().filter(|number| !other.contains(number)).copied().collect();
        expected.sort_unstable();
        expected.dedup();
        prop_assert_eq!(&left, &expected);
        prop_assert_eq!(first.last().map(Sequence::number), one.iter().max().copied());
        let mut rest = first;
        for sequence in second.iter() {
            rest.remove(sequence);
        }
        prop_assert_eq!(rest, set(&expected));
    }
}
