//! From layout 2: what was written before counts as read by those whom it concerns.

use std::collections::HashMap;

use fjall::Readable as _;

use super::super::super::records::layout_2::{earlier, encode_entry_2, encode_extent_2};
use super::super::super::records::{EncodedText, EntryRecord, Extent, Row};
use super::super::super::{check, groups};
use super::*;
use crate::store::Append;
use crate::{
    Conversation, Destination, EntryKind, EntryStatus, Group, GroupMember, GroupName, Message, Role, Tag,
};

/// What was sent, at the times 1, 2, 3 and so on: from the first to the second member, or to a
/// group with these recipients.
const SENDS: [(&str, &[&str]); 8] = [
    ("", &["a", "b"]),
    ("tea", &["a", "b", "d"]),
    ("", &["a", "c"]),
    ("cake", &["a", "c"]),
    ("", &["a", "a"]),
    ("tea", &["a", "b"]),
    ("", &["b", "a"]),
    ("cake", &["a"]),
];

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair(one: &str, other: &str) -> Conversation {
    Conversation::single(member(one), member(other))
}

fn group(name: &str) -> Conversation {
    Conversation::group(GroupName::new(name).unwrap())
}

fn record(to: &Destination, number: u64, from: &MemberId) -> Vec<u8> {
    encode_entry_2(&EntryRecord {
        kind: EntryKind::Message,
        status: EntryStatus::Original,
        at_ms: number,
        tag: Tag::new(number),
        place: Seq::ZERO,
        changed: None,
        target: None,
        copies: None,
        from: Some(from),
        to: Some(to),
        message_id: None,
        text: EncodedText::Here(&format!("{{\"n\":{number}}}")),
    })
}

/// A store of layout 2 with `SENDS`, of which b has acknowledged the first; with the group tea, of
/// which a and b are members and d was one, and the group new without a message.
fn layout_2(config: &Config) {
    let directory = Arc::new(Directory::lock(&config.directory).unwrap());
    let mut opened = opening::begin(config, &directory, Phase::Making, 7, 9).unwrap();
    let (mut batch, mut tops) = (opened.tables.batch(1), HashMap::<Vec<u8>, u64>::new());
    for (number, (name, ids)) in (1..).zip(SENDS) {
        let (of, to) = if name.is_empty() {
            (pair(ids[0], ids[1]), Destination::Member(member(ids[1])))
        } else {
            (group(name), Destination::Group(GroupName::new(name).unwrap()))
        };
        let mut boxes: Vec<_> = ids.iter().map(|id| keys::inbox(&member(id))).collect();
        boxes.push(keys::history(&of));
        boxes.dedup();
        for prefix in boxes {
            let top = tops.entry(prefix.clone()).or_default();
            *top += 1;
            let record = record(&to, number, &member(ids[0]));
            batch.insert(&opened.tables.entries, keys::entry(&prefix, seq(*top)), record);
        }
    }
    for (prefix, top) in tops {
        let floor = if prefix == keys::inbox(&member("b")) { seq(1) } else { Seq::ZERO };
        let extent = encode_extent_2(Extent { floor, top: seq(top), last_ms: 0 });
        batch.insert(&opened.tables.state, keys::extent(&prefix), extent);
    }
    let known = |id: &str| GroupMember::new(member(id), Role::Owner);
    for (name, members, at_ms) in [("tea", vec![known("a"), known("b")], 5), ("new", vec![known("a")], 50)] {
        let group = Group { members, ..Group::new(GroupName::new(name).unwrap(), at_ms) };
        for (key, record) in groups::rows(None, &group) {
            batch.insert(&opened.tables.state, key, earlier(record.unwrap()));
        }
    }
    batch.insert(&opened.tables.state, keys::FORMAT, [VERSION_2]);
    batch.insert(&opened.tables.state, keys::IDENTITY, earlier(records::encode_identity(7, 9)));
    opened.commit(batch).unwrap();
    opened.finish(VERSION_2).unwrap();
}

/// The rows of a store by their keys.
fn rows_of(config: &Config) -> Vec<(Vec<u8>, Row)> {
    let directory = Arc::new(Directory::lock(&config.directory).unwrap());
    let opened = opening::open(config, &directory).unwrap();
    let range = opened.tables.snapshot().range::<&[u8], _>(&opened.tables.state, &b"k"[..]..&b"l"[..]);
    let rows = range.map(|guard| guard.into_inner().unwrap());
    rows.map(|(key, record)| (key.to_vec(), records::decode_row(&record).unwrap())).collect()
}

fn expected() -> Vec<(Vec<u8>, Row)> {
    let row = |id, of: Conversation, top, since_ms| {
        let row = Row { read: seq(top), joined: seq(top), since_ms, ..Row::default() };
        (keys::row(&member(id), &keys::history(&of)), row)
    };
    let mut rows = vec![
        row("a", pair("a", "a"), 1, 5),
        row("a", pair("a", "b"), 2, 7),
        row("a", pair("a", "c"), 1, 3),
        row("a", group("tea"), 2, 6),
        row("a", group("cake"), 2, 8),
        row("a", group("new"), 0, 50),
        row("b", pair("a", "b"), 2, 7),
        row("b", group("tea"), 2, 6),
        row("c", pair("a", "c"), 1, 3),
        row("c", group("cake"), 2, 8),
        row("d", group("tea"), 2, 6),
    ];
    rows.last_mut().unwrap().1.has_left = true;
    rows.sort_by(|(one, _), (other, _)| one.cmp(other));
    rows
}

/// Takes steps of the upgrade, at most `steps`, and returns whether it came to its end.
fn cut_short(config: &Config, steps: usize) -> bool {
    let directory = Arc::new(Directory::lock(&config.directory).unwrap());
    let mut opened = opening::open_unupgraded(config, &directory).unwrap();
    (0..steps).any(|_| rows::step(&mut opened).unwrap().is_none())
}

#[test]
fn an_upgrade_that_is_cut_short_anywhere_goes_on_with_the_same_rows() {
    for steps in 0.. {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        layout_2(&config);
        let ended = cut_short(&config, steps);
        // The marker says that it is not upgraded until the end.
        let report = check(directory.path()).unwrap();
        assert_eq!((report.layout, report.upgrade, report.generation), (Some(2), true, 9), "{steps}");
        assert_eq!(rows_of(&config), expected(), "{steps}");
        let report = check(directory.path()).unwrap();
        assert_eq!((report.layout, report.upgrade), (Some(3), false), "{steps}");
        // Opened again it stays as it is.
        assert_eq!(rows_of(&config), expected(), "{steps}");
        if ended {
            assert!(steps > 4, "it was cut short in the middle of each walk");
            return;
        }
    }
}

#[test]
fn from_the_first_step_on_the_store_has_the_new_version() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    layout_2(&config);
    assert!(!cut_short(&config, 1));
    let directory = Arc::new(Directory::lock(&config.directory).unwrap());
    let opened = opening::open_unupgraded(&config, &directory).unwrap();
    assert_eq!(opened.tables.state.get(keys::FORMAT).unwrap().unwrap().to_vec(), [VERSION]);
    assert_eq!(opened.marker.note().layout, VERSION_2);
}

#[test]
fn a_marker_of_the_new_layout_does_not_fit_a_store_of_the_one_before() {
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for directory in [&old, &new] {
        layout_2(&Config::new(directory.path()));
    }
    rows_of(&Config::new(new.path()));
    std::fs::copy(marker::path(new.path()), marker::path(old.path())).unwrap();
    assert_eq!(check(old.path()).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn nothing_that_was_written_before_is_unread_and_what_comes_is() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    layout_2(&config);
    let store = EmbeddedStore::start(config).await.unwrap();
    let (a, b) = (member("a"), member("b"));
    let view = async |of: &MemberId| store.view(of, &pair("a", "b")).await.unwrap().unwrap();
    for of in [&a, &b] {
        let view = view(of).await;
        assert_eq!((view.read, view.latest, view.unread.get(), view.at_ms), (seq(2), seq(2), 0, 7), "{of}");
    }
    let inbox = store.inbox(&b, seq(1).into(), Count::default()).await.unwrap();
    assert_eq!((inbox.floor, inbox.latest_seq, inbox.entries[0].place), (seq(1), seq(4), Seq::ZERO));

    let append = Append {
        conversation: pair("a", "b"),
        from: Some(a.clone()),
        to: Destination::Member(b.clone()),
        recipients: vec![a.clone(), b.clone()],
        message: Message::new("{}").unwrap(),
        token: None,
    };
    let appended = store.append(append).await.unwrap();
    assert_eq!((appended.sequence, appended.place), (seq(5), seq(3)));
    assert_eq!((view(&a).await.unread.get(), view(&b).await.unread.get()), (0, 1));
    assert!(store.shutdown(Duration::from_secs(60)).await);
}
