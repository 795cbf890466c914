//! No file of a store has an erased text after its files were replaced.

use std::cell::Cell;

use super::*;
use crate::embedded::erasures::Erasures;
use crate::embedded::keys;
use crate::embedded::records::{self, EncodedText, EntryRecord};
use crate::embedded::sample::{Put, Sample, files_with, group, member, pair, seq};
use crate::{EntryKind, EntryStatus, Tag};

/// Replaces all files, and returns how often the journal was filled.
fn rewrite(sample: &mut Sample, directory: &Path, since: Option<u64>) -> usize {
    let (keyspaces, store, mut fills) = (sample.tables().keyspaces(), directory.join("store"), 0);
    Rewrite {
        keyspaces,
        store: &store,
        ask: &mut |upkeep| {
            fills += usize::from(upkeep == Upkeep::Fill);
            let batch = upkeep.batch(sample.tables(), sample.next_number(), since);
            sample.commit(batch);
            Ok(())
        },
        hold: &|| Ok(None),
    }
    .run()
    .unwrap();
    fills
}

/// Writes over the entry of a note, as a recall does.
fn recall(sample: &mut Sample, prefix: &[u8]) {
    let record = records::encode(&EntryRecord {
        kind: EntryKind::Tombstone,
        status: EntryStatus::Recalled,
        at_ms: 1,
        tag: Tag::new(1),
        place: seq(1),
        changed: None,
        target: None,
        copies: None,
        from: None,
        to: None,
        message_id: None,
        text: EncodedText::Here("{}"),
    });
    sample.write(|batch, tables| {
        batch.insert(&tables.entries, keys::entry(prefix, seq(1)), record);
        batch.insert(&tables.state, keys::ERASED, records::encode_number(1));
    });
}

#[test]
fn an_erased_text_is_in_no_table_and_no_journal_and_the_others_are() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path();
    {
        let mut sample = Sample::open(directory);
        sample.put(&Put::pair("a", "a", "{\"t\":\"recalled-text\"}", 1));
        sample.put(&Put::group("a", "g", &["a", "b"], "{\"t\":\"purged-text\"}", 2));
        sample.put(&Put::pair("b", "c", "{\"t\":\"expired-text\"}", 3));
        sample.put(&Put::pair("a", "b", "{\"t\":\"lasting-text\"}", 4));
        // One text is in a table as well before it is erased.
        sample.tables().entries.rotate_memtable_and_wait().unwrap();
        for prefix in [keys::inbox(&member("a")), keys::history(&pair("a", "a"))] {
            recall(&mut sample, &prefix);
        }
        sample.take_away(&group("g"), 1);
        sample.take_away(&pair("b", "c"), 1);
        let mut erasures = Erasures::stored();
        while let Some(erasure) = erasures.next(sample.tables(), sample.next_number()).unwrap() {
            assert!(erasure.texts);
            sample.commit(erasure.batch);
        }
        let erased = ["recalled-text", "purged-text", "expired-text"];
        assert!(erased.iter().all(|text| files_with(directory, text) > 0), "the engine keeps them");
        assert!(rewrite(&mut sample, directory, None) > 0);
        for text in erased {
            assert_eq!(files_with(directory, text), 0, "{text}");
        }
        assert!(files_with(directory, "lasting-text") > 0);
        assert_eq!(sample.tables().erased_at().unwrap(), None);
    }
    // The journals that are gone are not missed.
    let sample = Sample::open(directory);
    let entry = sample.written(&keys::history(&pair("a", "b")), 1).unwrap();
    assert!(entry.message.as_str().contains("lasting-text"));
    assert!(sample.written(&keys::history(&pair("b", "c")), 1).is_none());
}

#[test]
fn the_note_stays_if_a_text_was_erased_meanwhile() {
    let parent = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(parent.path());
    sample.put(&Put::pair("a", "a", "{}", 1));
    recall(&mut sample, &keys::history(&pair("a", "a")));
    rewrite(&mut sample, parent.path(), Some(7));
    assert_eq!(sample.tables().erased_at().unwrap(), Some(7), "of that one");
    rewrite(&mut sample, parent.path(), None);
    assert_eq!(sample.tables().erased_at().unwrap(), None);
}

#[test]
fn it_ends_early_when_the_store_does() {
    let parent = tempfile::tempdir().unwrap();
    let sample = Sample::open(parent.path());
    let (asked, store) = (Cell::new(0), parent.path().join("store"));
    let ended = Rewrite {
        keyspaces: sample.tables().keyspaces(),
        store: &store,
        ask: &mut |_upkeep| {
            asked.set(asked.get() + 1);
            Ok(())
        },
        hold: &|| Err(Error::new(ErrorKind::Closed, "the test wants it")),
    }
    .run();
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(asked.get(), 1);
}
