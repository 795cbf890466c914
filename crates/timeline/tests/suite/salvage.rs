//! What can be read of a damaged store goes on in a new one; a look through a directory says what
//! opening it would.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use tempfile::TempDir;
use timeline::embedded::{self, EmbeddedStore, check, is_cut_salvage, salvage, salvage_noting};
use timeline::{
    Config, Conversation, Count, Entry, EntryKind, Error, ErrorKind, GroupName, MemberId, Message, MessageId,
    NewGroup, NewGroupMessage, NewMessage, PageRequest, Position, Role, Seq, Timeline,
};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

const SENDS: u64 = 40;

async fn open(directory: &Path) -> Result<Timeline, Error> {
    let store = EmbeddedStore::start(embedded::Config::new(directory)).await?;
    Timeline::start(Config::default(), store)
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn send(number: u64) -> NewMessage {
    let message = Message::new(format!("{{\"n\":{number}}}")).unwrap();
    let message_id = Some(MessageId::new(format!("id{number}")).unwrap());
    NewMessage::new(member("a"), member("b"), message).message_id(message_id)
}

fn group_send() -> NewGroupMessage {
    let members = (0..20).map(|number| member(&format!("m{number}")));
    let message = Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(1_000))).unwrap();
    NewGroupMessage::new(GroupName::new("g").unwrap(), members, message).from(member("a"))
}

/// A store that was closed after `SENDS` sends of a to b, one to a group, and the cursor of b at 9.
async fn store() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let timeline = open(directory.path()).await.unwrap();
    for number in 1..=SENDS {
        timeline.send(send(number)).await.unwrap();
    }
    timeline.send_group(group_send()).await.unwrap();
    timeline.received(&member("b"), Seq::new(9).unwrap()).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    // The journal of a new store is 64 MiB long; opened again it ends with its last batch.
    assert!(open(directory.path()).await.unwrap().shutdown(GRACE).await);
    directory
}

fn journal(directory: &Path) -> PathBuf {
    directory.join("store/0.jnl")
}

async fn inbox(timeline: &Timeline, id: &str) -> Vec<Entry> {
    let inbox = timeline.sync(&member(id), Seq::ZERO, Count::new(1_000)).await.unwrap();
    let sequences = inbox.entries.iter().map(|entry| entry.sequence.get());
    assert!(sequences.eq(inbox.floor.get() + 1..=inbox.latest_seq.get()), "{inbox:?}");
    inbox.entries
}

#[tokio::test]
async fn a_whole_store_is_salvaged_whole_with_another_generation() {
    let (from, parent) = (store().await, tempfile::tempdir().unwrap());
    let to = parent.path().join("new");
    let before = check(from.path()).unwrap();
    let report = salvage(from.path(), &to).unwrap();
    assert_eq!((report.problem_count, report.tombstones, report.shortened), (0, 0, 0), "{report:?}");
    // The inboxes of a, b and the members, two histories.
    assert_eq!((report.boxes, report.entries), (24, 3 * SENDS + 21));
    assert!(report.generation > before.generation);
    assert_eq!(check(from.path()).unwrap(), before, "the old one stays as it is");

    let (old, new) = (open(from.path()).await.unwrap(), open(&to).await.unwrap());
    for id in ["a", "b", "m0", "m19"] {
        assert_eq!(inbox(&old, id).await, inbox(&new, id).await);
    }
    for conversation in
        [Conversation::single(member("a"), member("b")), Conversation::group(GroupName::new("g").unwrap())]
    {
        let page = PageRequest::after(Seq::ZERO, Count::new(1_000));
        assert_eq!(
            old.history(&conversation, page).await.unwrap(),
            new.history(&conversation, page).await.unwrap()
        );
    }
    assert_eq!(new.received_of(&member("b")).await.unwrap().get(), 9);
    assert_eq!(new.send(send(3)).await.unwrap().sequence.get(), 3, "sends are still known");
    assert_eq!(new.send(send(SENDS + 1)).await.unwrap().sequence.get(), SENDS + 1);
    let generation = new.sync(&member("b"), Seq::ZERO, Count::default()).await.unwrap().generation;
    assert_eq!(generation, report.generation);
}

#[tokio::test]
async fn groups_are_salvaged_as_their_last_change_left_them() {
    let (from, parent) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let to = parent.path().join("new");
    let timeline = open(from.path()).await.unwrap();
    let names = ["tea", "cake"].map(|name| GroupName::new(name).unwrap());
    for name in &names {
        let new = NewGroup::new(name.clone()).title("T").open(true).owner(member("a"));
        timeline.create_group(new.members(["b", "c"].map(member))).await.unwrap();
    }
    timeline.leave_group(&names[0], vec![member("a")]).await.unwrap();
    timeline.join_group(&names[0], vec![member("d")]).await.unwrap();
    let expected = timeline.rename_group(&names[0], "Tea").await.unwrap();
    assert!(timeline.shutdown(GRACE).await);

    let report = salvage(from.path(), &to).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.groups, report.groups_lost, report.boxes), (2, 0, 0));
    let timeline = open(&to).await.unwrap();
    assert_eq!(timeline.group(&names[0]).await.unwrap().unwrap(), expected);
    assert_eq!(expected.role_of(&member("b")), Some(Role::Owner));
    for (id, groups) in [("a", "cake"), ("b", "cake tea"), ("c", "cake tea"), ("d", "tea")] {
        let page = timeline.groups_of(&member(id), None, Count::default()).await.unwrap();
        let found: Vec<_> = page.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(found.join(" "), groups, "{id}");
    }
    assert_eq!(timeline.leave_group(&names[0], vec![member("b")]).await.unwrap().members.len(), 2);
}

#[tokio::test]
async fn changes_and_cursors_are_salvaged_as_the_last_one_left_them() {
    let (from, parent) = (store().await, tempfile::tempdir().unwrap());
    let to = parent.path().join("new");
    let (a, b, pair) = (member("a"), member("b"), Conversation::single(member("a"), member("b")));
    let seq = |number| Seq::new(number).unwrap();
    let old = open(from.path()).await.unwrap();
    old.recall(&pair, seq(2), Some(a.clone())).await.unwrap();
    old.edit(&pair, seq(3), Some(a.clone()), Message::new("{\"new\":3}").unwrap()).await.unwrap();
    old.read(&b, &pair, seq(5)).await.unwrap();
    let entries = inbox(&old, "b").await;
    let (view, unread) = (old.view(&b, &pair).await.unwrap(), old.unread(&b, &pair).await.unwrap());
    assert!(old.shutdown(GRACE).await);

    let report = salvage(from.path(), &to).unwrap();
    assert!(report.is_whole(), "{report:?}");
    let new = open(&to).await.unwrap();
    assert_eq!(inbox(&new, "b").await, entries);
    assert_eq!((new.view(&b, &pair).await.unwrap(), unread.get()), (view, 35));
    assert!(new.shutdown(GRACE).await);
}

#[tokio::test]
async fn until_it_is_noted_elsewhere_a_salvage_counts_as_cut_short() {
    let (from, parent) = (store().await, tempfile::tempdir().unwrap());
    let to = parent.path().join("new");
    let refused = salvage_noting(from.path(), &to, |_| Err(io::Error::other("the note was lost")));
    let error = refused.unwrap_err().to_string();
    assert!(error.contains("the note was lost"), "{error}");
    assert!(is_cut_salvage(&to));
    assert_eq!(open(&to).await.unwrap_err().kind(), ErrorKind::Corrupt);
    let mut noted = None;
    let report = salvage_noting(from.path(), &to, |salvaged| {
        assert!(is_cut_salvage(&to), "it is not finished before");
        noted = Some(salvaged.clone());
        Ok(())
    });
    assert_eq!(noted, Some(report.unwrap()));
    assert!(!is_cut_salvage(&to));
    assert!(open(&to).await.unwrap().shutdown(GRACE).await);
}

#[tokio::test]
async fn what_was_lost_is_marked_and_what_comes_behind_it_is_read() {
    let (from, parent) = (store().await, tempfile::tempdir().unwrap());
    let bytes = fs::read(journal(from.path())).unwrap();
    let place = |number: u64| {
        let text = format!("{{\"n\":{number}}}");
        bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
    };
    let mut damaged = bytes.clone();
    for number in [1, 20, 21] {
        damaged[place(number)] ^= 1;
    }
    fs::write(journal(from.path()), &damaged).unwrap();
    let said = open(from.path()).await.unwrap_err();
    assert_eq!(check(from.path()).unwrap_err().to_string(), said.to_string());

    let to = parent.path().join("new");
    let report = salvage(from.path(), &to).unwrap();
    // Three boxes lost one at their beginning and two in their middle; a history keeps its floor.
    assert_eq!((report.shortened, report.tombstones), (2, 7), "{report:?}");
    assert!(report.problem_count > 0 && !report.problems.is_empty());
    assert_eq!(fs::read(journal(from.path())).unwrap(), damaged);

    let timeline = open(&to).await.unwrap();
    let entries = inbox(&timeline, "b").await;
    assert_eq!(entries.len() as u64, SENDS - 1);
    for entry in &entries {
        let lost = [20, 21].contains(&entry.sequence.get());
        let text = format!("{{\"n\":{}}}", entry.sequence);
        assert_eq!(entry.kind == EntryKind::Tombstone, lost);
        assert_eq!(entry.message.as_str(), if lost { "{}" } else { &text });
    }
    // A reader that has the lost one starts over, others go on.
    let at = |entry: &Entry| Position::new(entry.sequence, entry.tag);
    let sync = async |position| timeline.sync(&member("b"), position, Count::default()).await.unwrap();
    assert!(!sync(at(&entries[30])).await.reset);
    let old_tag = entries[30].tag;
    assert!(sync(Position::new(Seq::new(20).unwrap(), old_tag)).await.reset);
    assert_eq!(timeline.send(send(SENDS + 1)).await.unwrap().sequence.get(), SENDS + 1);
}

#[tokio::test]
async fn a_store_without_its_headers_is_read_all_the_same() {
    let cases: &[fn(&Path)] = &[
        |d| fs::remove_file(d.join("marker")).unwrap(),
        |d| fs::remove_dir_all(d.join("store/keyspaces")).unwrap(),
        |d| fs::write(d.join("store/keyspaces/0/current"), [0; 25]).unwrap(),
        |d| fs::remove_file(d.join("store/version")).unwrap(),
        |d| fs::remove_dir_all(d.join("store/keyspaces/2")).unwrap(),
    ];
    for damage in cases {
        let (from, parent) = (store().await, tempfile::tempdir().unwrap());
        damage(from.path());
        assert_eq!(check(from.path()).unwrap_err().kind(), ErrorKind::Corrupt);
        let to = parent.path().join("new");
        let report = salvage(from.path(), &to).unwrap();
        assert_eq!((report.tombstones, report.shortened), (0, 0), "{report:?}");
        assert_eq!(inbox(&open(&to).await.unwrap(), "b").await.len() as u64, SENDS);
    }
}

#[tokio::test]
async fn nothing_is_salvaged_over_something_or_out_of_an_open_store() {
    let (from, parent) = (store().await, tempfile::tempdir().unwrap());
    fs::write(parent.path().join("file"), "").unwrap();
    assert_eq!(salvage(from.path(), parent.path()).unwrap_err().kind(), ErrorKind::Config);
    let to = parent.path().join("new");
    assert_eq!(salvage(&parent.path().join("none"), &to).unwrap_err().kind(), ErrorKind::Config);
    let _open = open(from.path()).await.unwrap();
    assert!(salvage(from.path(), &to).unwrap_err().to_string().contains("in use"));
    assert!(check(from.path()).unwrap_err().to_string().contains("in use"));
}

#[tokio::test]
async fn a_look_through_a_directory_makes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    for directory in [parent.path().to_owned(), parent.path().join("none")] {
        let report = check(&directory).unwrap();
        assert_eq!((report.layout, report.upgrade), (None, false));
        assert!(report.to_string().contains("no store yet"), "{report}");
    }
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    let whole = store().await;
    let report = check(whole.path()).unwrap();
    assert_eq!((report.layout, report.last_batch, report.torn_bytes), (Some(3), SENDS + 2, 0));
    let mut bytes = fs::read(journal(whole.path())).unwrap();
    bytes.extend(bytes[..50].to_vec());
    fs::write(journal(whole.path()), bytes).unwrap();
    let report = check(whole.path()).unwrap();
    assert_eq!(report.torn_bytes, 50);
    assert!(report.to_string().contains("50 bytes"), "{report}");
}
