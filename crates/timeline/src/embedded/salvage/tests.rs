//! A salvage copies what is, and brings back nothing that was.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _};

use super::super::directory::Directory;
use super::super::marker::Phase;
use super::super::opened::Opened;
use super::super::records::{EncodedText, EntryReader, EntryRecord, Extent, Row, StoredAnswer, VERSION};
use super::super::{Config, EmbeddedStore, check_deep, import, keys, opening, records};
use super::{Salvaged, salvage};
use crate::{
    Conversation, Count, Destination, Entry, EntryKind, EntryStatus, GroupName, MemberId, Message, MessageId,
    PageRequest, Seq, Store as _, Tag,
};

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// The history of a and b.
fn history() -> Vec<u8> {
    keys::history(&Conversation::single(member("a"), member("b")))
}

/// The history and the inboxes of a and b, which have the same sequences in these tests.
fn boxes() -> [Vec<u8>; 3] {
    [history(), keys::inbox(&member("a")), keys::inbox(&member("b"))]
}

/// The record of a message that a has sent to b.
fn message(place: u64, text: &str) -> Vec<u8> {
    told(place, (EntryKind::Message, EntryStatus::Original), (None, None), EncodedText::Here(text))
}

/// The record of what tells of a change.
fn telling(place: u64, kind: EntryKind, target: u64) -> Vec<u8> {
    let about = (None, Some(seq(target)));
    told(place, (kind, EntryStatus::Original), about, EncodedText::Here("{}"))
}

/// The record of a message as a change left it.
fn edited(place: u64, text: &str, told_at: u64) -> Vec<u8> {
    let changed = Some((50 + told_at, seq(told_at)));
    told(place, (EntryKind::Message, EntryStatus::Edited), (changed, None), EncodedText::Here(text))
}

fn told(
    place: u64,
    (kind, status): (EntryKind, EntryStatus),
    (changed, target): (Option<(u64, Seq)>, Option<Seq>),
    text: EncodedText<'_>,
) -> Vec<u8> {
    let (from, to) = (member("a"), Destination::Member(member("b")));
    records::encode(&EntryRecord {
        kind,
        status,
        at_ms: place,
        tag: Tag::new(place),
        place: seq(place),
        changed,
        target,
        copies: None,
        from: Some(&from),
        to: Some(&to),
        message_id: None,
        text,
    })
}

/// Makes a store, or goes on with one.
fn open(directory: &Path) -> Opened {
    let lock = Arc::new(Directory::lock(directory).unwrap());
    opening::open(&Config::new(directory), &lock).unwrap()
}

fn write(directory: &Path, what: impl FnOnce(&Opened, &mut WriteBatch)) {
    let mut opened = open(directory);
    let mut batch = opened.tables.batch(opened.last_batch + 1);
    what(&opened, &mut batch);
    opened.commit(batch).unwrap();
}

/// Writes entries into a box, each at its place.
fn put(opened: &Opened, batch: &mut WriteBatch, prefix: &[u8], entries: &[(u64, Vec<u8>)]) {
    for (place, record) in entries {
        batch.insert(&opened.tables.entries, keys::entry(prefix, seq(*place)), record.as_slice());
    }
}

fn put_extent(opened: &Opened, batch: &mut WriteBatch, prefix: &[u8], floor: u64, top: u64) {
    let extent = Extent { floor: seq(floor), top: seq(top), last_ms: top };
    batch.insert(&opened.tables.state, keys::extent(prefix), records::encode_extent(extent));
}

/// What a box has: each sequence with its kind, status and text.
fn entries(directory: &Path, prefix: &[u8]) -> Vec<(u64, EntryKind, EntryStatus, String)> {
    let opened = open(directory);
    let range = keys::entry(prefix, Seq::ZERO)..=keys::entry(prefix, Seq::MAX);
    let mut reader = EntryReader::of(prefix);
    let range = opened.tables.snapshot().range(&opened.tables.entries, range);
    let read = range.map(|guard| {
        let (key, record) = guard.into_inner().unwrap();
        let entry = reader.entry(keys::sequence_of(&key).unwrap(), &record).unwrap().entry;
        (entry.sequence.get(), entry.kind, entry.status, entry.message.as_str().to_owned())
    });
    read.collect()
}

fn extent(directory: &Path, prefix: &[u8]) -> (u64, u64) {
    let opened = open(directory);
    let extent = opened.tables.extent(&opened.tables.snapshot(), prefix).unwrap();
    (extent.floor.get(), extent.top.get())
}

/// The places of a history that the index calls no messages.
fn non_messages(directory: &Path) -> Vec<u64> {
    let opened = open(directory);
    let range = keys::non_message(&history(), Seq::ZERO)..=keys::non_message(&history(), Seq::MAX);
    let range = opened.tables.snapshot().range(&opened.tables.state, range);
    range.map(|guard| keys::sequence_of(&guard.key().unwrap()).unwrap().get()).collect()
}

/// Salvages a store into the folder `new` of a directory.
fn salvaged(from: &Path, parent: &Path) -> Salvaged {
    salvage(from, &parent.join("new")).unwrap()
}

#[test]
fn of_several_records_of_an_entry_the_newest_counts() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(from.path(), |opened, batch| {
        for prefix in boxes() {
            put(opened, batch, &prefix, &[(1, message(1, "{\"n\":1}"))]);
        }
    });
    for (told_at, text) in [(2, "{\"n\":2}"), (3, "{\"n\":3}")] {
        write(from.path(), |opened, batch| {
            for prefix in boxes() {
                let change = telling(told_at, EntryKind::Edit, 1);
                put(opened, batch, &prefix, &[(1, edited(1, text, told_at)), (told_at, change)]);
                put_extent(opened, batch, &prefix, 0, told_at);
            }
            let index = keys::non_message(&history(), seq(told_at));
            batch.insert(&opened.tables.state, index, [VERSION]);
        });
    }
    let report = salvaged(from.path(), parent.path());
    assert!(report.is_whole() && report.doubtful == 0, "{report:?}");
    let to = parent.path().join("new");
    for prefix in boxes() {
        let entries = entries(&to, &prefix);
        assert_eq!(entries.len(), 3);
        let expected = (1, EntryKind::Message, EntryStatus::Edited, "{\"n\":3}".to_owned());
        assert_eq!(entries[0], expected);
    }
    assert_eq!(non_messages(&to), [2, 3]);
    assert!(open(&to).tables.state.get(keys::ERASED).unwrap().is_some(), "older texts may be in its files");
}

#[test]
fn an_older_text_is_left_out_if_anything_tells_of_its_change() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // As if the newer records of 1 to 4 could not be read.
    write(from.path(), |opened, batch| {
        let mut written: Vec<_> = (1..=5).map(|place| (place, message(place, "{\"secret\":1}"))).collect();
        for (place, kind, target) in
            [(6, EntryKind::Recall, 1), (7, EntryKind::Deletion, 2), (8, EntryKind::Edit, 3)]
        {
            written.push((place, telling(place, kind, target)));
        }
        for prefix in boxes() {
            put(opened, batch, &prefix, &written);
            put_extent(opened, batch, &prefix, 0, 8);
        }
        batch.insert(&opened.tables.state, keys::non_message(&history(), seq(4)), [VERSION]);
    });
    let report = salvaged(from.path(), parent.path());
    assert_eq!((report.outdated, report.tombstones, report.shortened), (12, 0, 0), "{report:?}");
    assert!(!report.is_whole() && report.to_string().contains("12 texts were left out"), "{report}");
    let to = parent.path().join("new");
    for prefix in boxes() {
        let entries = entries(&to, &prefix);
        let statuses = [
            EntryStatus::Recalled,
            EntryStatus::Deleted,
            EntryStatus::Lost,
            EntryStatus::Deleted,
            EntryStatus::Original,
        ];
        assert!(entries.iter().map(|(_, _, status, _)| *status).take(5).eq(statuses), "{entries:?}");
        assert!(entries[..4].iter().all(|(_, kind, ..)| *kind == EntryKind::Tombstone), "{entries:?}");
        assert_eq!(entries.iter().filter(|(.., text)| text.contains("secret")).count(), 1);
    }
    assert_eq!(non_messages(&to), [1, 2, 3, 4, 6, 7, 8]);
}

#[test]
fn a_copy_gets_what_became_of_its_message() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let [history, a, b] = boxes();
    let recalled = (EntryKind::Tombstone, EntryStatus::Recalled);
    let gone = told(2, recalled, (Some((54, seq(4))), None), EncodedText::Here("{}"));
    let tells = [(3, telling(3, EntryKind::Edit, 1)), (4, telling(4, EntryKind::Recall, 2))];
    // As if the newer records of the copies in the inbox of b could not be read.
    write(from.path(), |opened, batch| {
        for prefix in [&history, &a] {
            let now = [(1, edited(1, "{\"new\":1}", 3)), (2, gone.clone())];
            put(opened, batch, prefix, &[&now[..], &tells].concat());
        }
        let before = [(1, message(1, "{\"old\":1}")), (2, message(2, "{\"old\":2}"))];
        put(opened, batch, &b, &[&before[..], &tells].concat());
        for prefix in boxes() {
            put_extent(opened, batch, &prefix, 0, 4);
        }
    });
    let report = salvaged(from.path(), parent.path());
    assert_eq!((report.outdated, report.tombstones), (1, 0), "{report:?}");
    let to = parent.path().join("new");
    assert_eq!(entries(&to, &b), entries(&to, &a));
    assert_eq!(entries(&to, &b)[0].3, "{\"new\":1}");
}

/// What the inboxes of a and b and the history of a group have, and the export of their store.
async fn read_and_export(directory: &Path, group: &GroupName) -> ([Vec<Entry>; 3], Vec<u8>) {
    // Texts that were taken away would go first.
    let store = EmbeddedStore::start(Config::new(directory).erases(false)).await.unwrap();
    let inbox = async |id| {
        let page = store.inbox(&member(id), Seq::ZERO.into(), Count::default()).await;
        page.unwrap().entries
    };
    let of_history = PageRequest::after(Seq::ZERO, Count::default());
    let history = store.history(&Conversation::group(group.clone()), of_history).await.unwrap().entries;
    let read = [inbox("a").await, inbox("b").await, history];
    let (mut export, mut lines) = (store.export().unwrap(), Vec::new());
    while let Some(chunk) = export.chunk().unwrap() {
        lines.extend(chunk);
    }
    drop(export);
    assert!(store.shutdown(Duration::from_secs(60)).await);
    (read, lines)
}

#[tokio::test]
async fn an_import_takes_copies_whose_entry_of_the_history_was_lost() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let group = GroupName::new("g").unwrap();
    let history = keys::history(&Conversation::group(group.clone()));
    let (a, to) = (member("a"), Destination::Group(group.clone()));
    // Two messages to many. As if the block with the first entry of the history could not be read.
    write(from.path(), |opened, batch| {
        for (place, index) in [(1, 0), (2, 1)] {
            let body = keys::body(1, index);
            let text = format!("{{\"n\":{place},\"long\":\"{}\"}}", "x".repeat(300));
            let text = records::encode_body(&Message::new(text).unwrap());
            batch.insert(&opened.tables.bodies, body, text);
            let record = records::encode(&EntryRecord {
                kind: EntryKind::Message,
                status: EntryStatus::Original,
                at_ms: place,
                tag: Tag::new(place),
                place: seq(place),
                changed: None,
                target: None,
                copies: None,
                from: Some(&a),
                to: Some(&to),
                message_id: None,
                text: EncodedText::Body(body),
            });
            for id in ["a", "b"] {
                put(opened, batch, &keys::inbox(&member(id)), &[(place, record.clone())]);
            }
            if place == 2 {
                put(opened, batch, &history, &[(place, record)]);
            }
            let copies = records::encode_copies(&[(member("a"), seq(place)), (member("b"), seq(place))]);
            batch.insert(&opened.tables.sends, keys::copies(&history, seq(place)), copies);
        }
        for prefix in [&keys::inbox(&member("a")), &keys::inbox(&member("b")), &history] {
            put_extent(opened, batch, prefix, 0, 2);
        }
    });
    assert_eq!(salvaged(from.path(), parent.path()).tombstones, 1);
    let (salvaged, lines) = read_and_export(&parent.path().join("new"), &group).await;
    let [of_a, _, of_group] = &salvaged;
    assert!(of_a.len() == 2 && of_a.iter().all(|entry| entry.message.as_str().len() > 300), "{of_a:?}");
    assert!(of_group.len() == 2 && of_group[0].status == EntryStatus::Lost, "{of_group:?}");
    let to = parent.path().join("imported");
    import(lines.as_slice(), &to, |_| {}).unwrap();
    let (imported, _) = read_and_export(&to, &group).await;
    assert_eq!(imported, salvaged);
    check_deep(&to).unwrap();
}

#[test]
fn nothing_below_the_floor_of_a_history_is_copied() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let id = |id: &str| MessageId::new(id).unwrap();
    // A purge of 1 and 2 whose erasure was cut short; the record of the history's floor is lost.
    write(from.path(), |opened, batch| {
        let shared = (EntryKind::Message, EntryStatus::Original);
        let second = told(2, shared, (None, None), EncodedText::Body(keys::body(1, 0)));
        let purge = telling(3, EntryKind::Purge, 2);
        let written = [(1, message(1, "{\"secret\":1}")), (2, second), (3, purge), (4, message(4, "{}"))];
        for prefix in boxes() {
            put(opened, batch, &prefix, &written);
            put_extent(opened, batch, &prefix, 0, 4);
        }
        let body = records::encode_body(&Message::new("{\"secret\":2}").unwrap());
        batch.insert(&opened.tables.bodies, keys::body(1, 0), body);
        for place in [1, 4] {
            let answer = StoredAnswer { sequence: seq(place), digest: [7; 16], place: seq(place) };
            let key = keys::send(&history(), &id(&format!("id{place}")));
            batch.insert(&opened.tables.sends, key, records::encode_answer(&answer));
            batch.insert(&opened.tables.sends, keys::copies(&history(), seq(place)), [VERSION]);
            batch.insert(&opened.tables.state, keys::non_message(&history(), seq(place - 1)), [VERSION]);
        }
    });
    let report = salvaged(from.path(), parent.path());
    assert!(report.is_whole(), "{report:?}");
    let to = parent.path().join("new");
    assert_eq!(extent(&to, &history()), (2, 4));
    assert_eq!(entries(&to, &history()).iter().map(|(sequence, ..)| *sequence).collect::<Vec<_>>(), [3, 4]);
    for prefix in &boxes()[1..] {
        let entries = entries(&to, prefix);
        let expired = |(_, kind, status, text): &(u64, EntryKind, EntryStatus, String)| {
            (*kind, *status, text.as_str()) == (EntryKind::Tombstone, EntryStatus::Expired, "{}")
        };
        assert!(entries.len() == 4 && entries[..2].iter().all(expired), "{entries:?}");
    }
    let opened = open(&to);
    let sends = &opened.tables.sends;
    for (place, is_there) in [(1, false), (4, true)] {
        let answer = keys::send(&history(), &id(&format!("id{place}")));
        assert_eq!(sends.contains_key(answer).unwrap(), is_there);
        assert_eq!(sends.contains_key(keys::copies(&history(), seq(place))).unwrap(), is_there);
    }
    assert!(!opened.tables.bodies.contains_key(keys::body(1, 0)).unwrap(), "nothing has it");
    drop(opened);
    assert_eq!(non_messages(&to), [3]);
}

#[test]
fn rows_are_copied_and_lost_ones_count_as_read() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let row = Row { read: seq(1), joined: Seq::ZERO, cleared: seq(1), since_ms: 7, has_left: false };
    write(from.path(), |opened, batch| {
        for prefix in boxes() {
            put(opened, batch, &prefix, &[(1, message(1, "{}")), (2, message(2, "{}"))]);
            put_extent(opened, batch, &prefix, 0, 2);
        }
        let key = keys::row(&member("a"), &history());
        batch.insert(&opened.tables.state, key, records::encode_row(&row));
        // Nothing else is left of this one.
        let other = keys::history(&Conversation::single(member("a"), member("z")));
        let record = records::encode_row(&Row { read: seq(9), ..row });
        batch.insert(&opened.tables.state, keys::row(&member("a"), &other), record);
    });
    let report = salvaged(from.path(), parent.path());
    assert!(report.is_whole(), "{report:?}");
    let to = parent.path().join("new");
    let other = keys::history(&Conversation::single(member("a"), member("z")));
    assert_eq!(extent(&to, &other), (9, 9), "no place is given out twice");
    let opened = open(&to);
    let found = |id| {
        let record = opened.tables.state.get(keys::row(&member(id), &history())).unwrap().unwrap();
        records::decode_row(&record).unwrap()
    };
    assert_eq!(found("a"), row);
    assert_eq!(found("b"), Row { read: seq(2), joined: seq(2), since_ms: 2, ..Row::default() });
}

#[test]
fn who_was_forgotten_stays_so() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let row = |id| keys::row(&member(id), &history());
    write(from.path(), |opened, batch| {
        put(opened, batch, &history(), &[(1, message(1, "{}"))]);
        put_extent(opened, batch, &history(), 0, 1);
        batch.insert(&opened.tables.state, row("b"), records::encode_row(&Row::default()));
    });
    write(from.path(), |opened, batch| batch.remove(&opened.tables.state, row("b")));
    assert!(salvaged(from.path(), parent.path()).is_whole());
    let opened = open(&parent.path().join("new"));
    for (id, is_there) in [("a", true), ("b", false)] {
        assert_eq!(opened.tables.state.contains_key(row(id)).unwrap(), is_there, "{id}");
    }
}

#[test]
fn an_inbox_goes_on_behind_what_others_know_of_it() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // As if the inboxes, and where they end, could not be read.
    write(from.path(), |opened, batch| {
        let copies = records::encode_copies(&[(member("a"), seq(3))]);
        batch.insert(&opened.tables.sends, keys::copies(&history(), seq(1)), copies);
        let received = records::encode_sequence(seq(7));
        batch.insert(&opened.tables.state, keys::received(&member("b")), received);
    });
    salvaged(from.path(), parent.path());
    let (to, [_, of_a, of_b]) = (parent.path().join("new"), boxes());
    assert_eq!([extent(&to, &of_a), extent(&to, &of_b)], [(3, 3), (7, 7)]);
}

#[test]
fn an_entry_that_the_index_names_has_to_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let index = |place| keys::non_message(&history(), seq(place));
    write(directory.path(), |opened, batch| {
        put(opened, batch, &history(), &[(2, telling(2, EntryKind::Purge, 1))]);
        put_extent(opened, batch, &history(), 1, 2);
        // One that is to be erased, and a row of a conversation that has no history yet.
        for place in [1, 2] {
            batch.insert(&opened.tables.state, index(place), [VERSION]);
        }
        let other = keys::history(&Conversation::single(member("a"), member("z")));
        let record = records::encode_row(&Row::default());
        batch.insert(&opened.tables.state, keys::row(&member("a"), &other), record);
    });
    assert_eq!(check_deep(directory.path()).unwrap().layout, Some(VERSION));
    write(directory.path(), |opened, batch| batch.insert(&opened.tables.state, index(3), [VERSION]));
    let error = check_deep(directory.path()).unwrap_err();
    assert!(error.to_string().contains("the entry 3 of the history of a and b is missing"), "{error}");
    write(directory.path(), |opened, batch| batch.remove(&opened.tables.state, index(3)));
    check_deep(directory.path()).unwrap();
}

#[test]
fn a_store_of_layout_2_that_is_salvaged_has_the_new_layout() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lock = Arc::new(Directory::lock(from.path()).unwrap());
    let mut opened = opening::begin(&Config::new(from.path()), &lock, Phase::Making, 7, 9).unwrap();
    let mut batch = opened.tables.batch(1);
    for prefix in boxes() {
        let (a, to) = (member("a"), Destination::Member(member("b")));
        let record = records::layout_2::encode_entry_2(&EntryRecord {
            kind: EntryKind::Message,
            status: EntryStatus::Original,
            at_ms: 5,
            tag: Tag::new(5),
            place: Seq::ZERO,
            changed: None,
            target: None,
            copies: None,
            from: Some(&a),
            to: Some(&to),
            message_id: None,
            text: EncodedText::Here("{\"n\":1}"),
        });
        batch.insert(&opened.tables.entries, keys::entry(&prefix, seq(1)), record);
        let extent = Extent { floor: Seq::ZERO, top: seq(1), last_ms: 0 };
        let record = records::layout_2::encode_extent_2(extent);
        batch.insert(&opened.tables.state, keys::extent(&prefix), record);
    }
    batch.insert(&opened.tables.state, keys::FORMAT, [records::VERSION_2]);
    opened.commit(batch).unwrap();
    opened.finish(records::VERSION_2).unwrap();
    drop((opened, lock));
    let report = salvaged(from.path(), parent.path());
    assert!(report.is_whole() && report.entries == 3, "{report:?}");
    let to = parent.path().join("new");
    assert_eq!(super::super::check(&to).unwrap().layout, Some(VERSION));
    let key = keys::row(&member("b"), &history());
    let record = open(&to).tables.state.get(key).unwrap().unwrap();
    let expected = Row { read: seq(1), joined: seq(1), since_ms: 5, ..Row::default() };
    assert_eq!(records::decode_row(&record).unwrap(), expected);
}
