//! A directory of layout 1, as version 0.1.0 before the layout 2 left it, goes on as one of the
//! newest layout.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Conversation, Count, Destination, ErrorKind, GroupName, MemberId, Message, MessageId, NewGroup,
    NewGroupMessage, NewMessage, PageRequest, Seq, Timeline, embedded,
};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

/// `tests/layout-1` was made by the code of commit 661ca3e: 20 messages of alice to bob with the
/// ids id1 to id20, 5 to the group friends with g1 to g5, one of each of m00 to m29 to dave, and
/// bob has received 7.
fn layout_1() -> TempDir {
    fn copy(from: &Path, to: &Path) {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                fs::create_dir(&to).unwrap();
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layout-1"), directory.path());
    // Folders without a file are not kept by git.
    for keyspace in 0..4 {
        fs::create_dir_all(directory.path().join(format!("store/keyspaces/{keyspace}/tables"))).unwrap();
    }
    directory
}

async fn open(directory: &Path) -> Timeline {
    let store = EmbeddedStore::start(embedded::Config::new(directory)).await.unwrap();
    Timeline::start(Config::default(), store).unwrap()
}

fn send(number: u64) -> NewMessage {
    let message = Message::new(format!("{{\"n\":{number}}}")).unwrap();
    let message_id = Some(MessageId::new(format!("id{number}")).unwrap());
    NewMessage::new(member("alice"), member("bob"), message).message_id(message_id)
}

fn group_send(from: Option<MemberId>, number: u64) -> NewGroupMessage {
    let message = Message::new(format!("{{\"g\":{number}}}")).unwrap();
    NewGroupMessage::new(GroupName::new("friends").unwrap(), ["alice", "bob", "carol"].map(member), message)
        .from(from)
        .message_id(MessageId::new(format!("g{number}")).unwrap())
}

#[tokio::test]
async fn a_directory_of_layout_1_stays_readable_and_goes_on() {
    let directory = layout_1();
    let report = embedded::check(directory.path()).unwrap();
    assert_eq!((report.layout, report.upgrade), (Some(1), true));
    for round in 0..2 {
        let timeline = open(directory.path()).await;
        let all = Count::new(1_000);
        let bob = timeline.sync(&member("bob"), Seq::ZERO, all).await.unwrap();
        assert_eq!((bob.latest_seq.get(), bob.floor, bob.reset), (25 + 2 * round, Seq::ZERO, false));
        assert!(bob.generation > 0);
        for (entry, number) in bob.entries.iter().zip(1..=20) {
            assert_eq!(entry.message.as_str(), format!("{{\"n\":{number}}}"));
            assert_eq!((&entry.from, &entry.to, &entry.message_id, entry.tag), (&None, &None, &None, None));
            assert!(entry.at_ms > 1_700_000_000_000, "the time was known");
        }
        assert_eq!(timeline.received_of(&member("bob")).await.unwrap().get(), 7);
        let dave = timeline.sync(&member("dave"), Seq::ZERO, all).await.unwrap();
        assert_eq!(dave.entries.len(), 30);
        let friends = Conversation::group(GroupName::new("friends").unwrap());
        let history = timeline.history(&friends, PageRequest::before(Seq::ZERO, all)).await.unwrap();
        assert_eq!(history.entries.len() as u64, 5 + round);

        // What was sent before is known, also when the program names the sender now.
        assert_eq!(timeline.send(send(3)).await.unwrap().sequence.get(), 3);
        timeline.send_group(group_send(None, 2)).await.unwrap();
        timeline.send_group(group_send(Some(member("carol")), 2)).await.unwrap();
        let mut other = send(3);
        other.message = Message::new("{}").unwrap();
        let conflict = timeline.send(other).await.unwrap_err();
        assert_eq!(conflict.kind(), ErrorKind::Conflict);

        assert_eq!(timeline.send(send(100 + round)).await.unwrap().sequence.get(), 26 + 2 * round);
        timeline.send_group(group_send(Some(member("carol")), 100 + round)).await.unwrap();
        let new = timeline.sync(&member("bob"), bob.latest_seq, all).await.unwrap().entries;
        assert_eq!(
            (new[0].from.clone(), new[1].from.clone()),
            (Some(member("alice")), Some(member("carol")))
        );
        assert_eq!(new[0].to, Some(Destination::Member(member("bob"))));
        assert_eq!(new[1].to, Some(Destination::Group(GroupName::new("friends").unwrap())));
        assert!(new[0].tag.is_some() && new[0].tag != new[1].tag);
        assert!(timeline.shutdown(GRACE).await);
    }
}

#[tokio::test]
async fn a_directory_of_layout_1_can_be_salvaged() {
    let (directory, parent) = (layout_1(), tempfile::tempdir().unwrap());
    let report = embedded::salvage(directory.path(), &parent.path().join("new")).unwrap();
    // The inboxes of alice, bob, carol, dave and 30 more, 32 histories.
    assert_eq!((report.boxes, report.tombstones, report.problem_count), (66, 0, 0), "{report:?}");
    let timeline = open(&parent.path().join("new")).await;
    assert_eq!(timeline.sync(&member("bob"), Seq::ZERO, Count::default()).await.unwrap().entries.len(), 25);
    assert_eq!(timeline.send(send(3)).await.unwrap().sequence.get(), 3);
}

#[tokio::test]
async fn a_marker_does_not_fit_a_store_of_layout_1_that_was_put_back() {
    let directory = layout_1();
    assert!(open(directory.path()).await.shutdown(GRACE).await);
    let older = layout_1();
    fs::copy(directory.path().join("marker"), older.path().join("marker")).unwrap();
    let error = EmbeddedStore::start(embedded::Config::new(older.path())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
}

#[tokio::test]
async fn a_directory_of_layout_1_without_its_store_is_not_taken_for_a_new_one() {
    let directory = layout_1();
    let (path, store) = (directory.path(), directory.path().join("store"));
    // As its program left it.
    fs::write(path.join("lock"), "").unwrap();
    let aside = tempfile::tempdir().unwrap();
    let aside = aside.path().join("store");
    for empty in [false, true] {
        fs::rename(&store, &aside).unwrap();
        if empty {
            fs::create_dir(&store).unwrap();
        }
        for _ in 0..2 {
            let error = EmbeddedStore::start(embedded::Config::new(path)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains("store is missing or empty"), "{error}");
            assert_eq!(embedded::check(path).unwrap_err().to_string(), error.to_string());
            assert_eq!(fs::read_dir(path).unwrap().count(), 1 + usize::from(empty), "nothing was made");
        }
        fs::remove_dir(&store).ok();
        fs::rename(&aside, &store).unwrap();
    }
    assert!(open(path).await.shutdown(GRACE).await);

    // One that this version began to make goes on, wherever it was cut short.
    let directory = tempfile::tempdir().unwrap();
    for file in ["marker.new", "lock"] {
        fs::write(directory.path().join(file), "").unwrap();
        assert_eq!(embedded::check(directory.path()).unwrap().layout, None);
    }
    assert!(open(directory.path()).await.shutdown(GRACE).await);
}

#[tokio::test]
async fn a_store_of_a_newer_layout_is_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    assert!(open(directory.path()).await.shutdown(GRACE).await);
    let database = fjall::Database::builder(directory.path().join("store")).open().unwrap();
    let state = database.keyspace("state", fjall::KeyspaceCreateOptions::default).unwrap();
    state.insert("v", [4]).unwrap();
    drop((state, database));
    let error = EmbeddedStore::start(embedded::Config::new(directory.path())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let said = error.to_string();
    assert!(said.contains("layout version 4") && !said.contains('\n'), "{said}");
}

#[tokio::test]
async fn a_directory_of_layout_1_takes_groups_once_it_is_upgraded() {
    let directory = layout_1();
    let friends = GroupName::new("friends").unwrap();
    let timeline = open(directory.path()).await;
    assert_eq!(timeline.group(&friends).await.unwrap(), None, "sends alone make no group");
    let created = timeline.create_group(NewGroup::new(friends.clone()).owner(member("alice"))).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(directory.path()).await;
    assert_eq!(timeline.group(&friends).await.unwrap(), Some(created));
    let page = PageRequest::after(Seq::ZERO, Count::default());
    let history = timeline.history(&Conversation::group(friends), page).await.unwrap();
    assert_eq!(history.entries.len(), 5);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn what_a_directory_of_layout_1_has_counts_as_read_and_goes_with_its_history_alone() {
    let directory = layout_1();
    let timeline = open(directory.path()).await;
    let bob = member("bob");
    let pair = Conversation::single(member("alice"), bob.clone());
    let page = timeline.conversations(&bob, None, Count::default()).await.unwrap();
    // Nobody knows who was in the group: entries of layout 1 do not say whom they were sent to.
    assert_eq!(page.conversations.len(), 1, "{page:?}");
    assert_eq!((&page.conversations[0].view.conversation, page.more), (&pair, false));
    assert_eq!(timeline.unread(&bob, &pair).await.unwrap().get(), 0);
    timeline.send(send(100)).await.unwrap();
    assert_eq!(timeline.unread(&bob, &pair).await.unwrap().get(), 1);

    // Where the copies of the messages from before are, nobody knows either.
    let (third, message) = (Seq::new(3).unwrap(), Message::new("{}").unwrap());
    let refused = timeline.edit(&pair, third, None, message.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    let new = Seq::new(21).unwrap();
    assert_eq!(timeline.edit(&pair, new, None, message).await.unwrap().place.get(), 22);
    assert_eq!(timeline.purge(&pair).await.unwrap().get(), 23);
    let history = timeline.history(&pair, PageRequest::after(Seq::ZERO, Count::default())).await.unwrap();
    assert_eq!(history.entries.len(), 1, "{history:?}");
    assert!(timeline.shutdown(GRACE).await);
}
