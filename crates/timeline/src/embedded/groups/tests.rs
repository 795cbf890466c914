//! What is written of a group, also when a write fails or a file is damaged.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fjall::PersistMode;
use tokio::time::timeout;

use super::super::directory::Directory;
use super::super::plan::{BeforeBatch, DraftBatch, Plan, PreparedSend};
use super::super::recent::Recent;
use super::super::writer::Commit;
use super::super::{Config, EmbeddedStore, check_deep, opening};
use super::*;
use crate::store::Append;
use crate::{Conversation, Destination, GroupMember, Message, NewGroup, State, Timeline};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn name() -> GroupName {
    GroupName::new("g").unwrap()
}

fn group(members: &[(&str, Role)]) -> Group {
    let members = members.iter().map(|(id, role)| GroupMember::new(member(id), *role)).collect();
    Group { members, ..Group::new(name(), 7) }
}

fn timeline(store: EmbeddedStore) -> Timeline {
    Timeline::start(crate::Config::default(), store).unwrap()
}

async fn create(timeline: &Timeline) -> Group {
    timeline.create_group(NewGroup::new(name()).title("Tea & cake").owner(member("a"))).await.unwrap()
}

#[test]
fn only_memberships_that_changed_are_written() {
    let before = group(&[("a", Role::Owner), ("b", Role::Member), ("c", Role::Member)]);
    let now = group(&[("b", Role::Owner), ("c", Role::Member), ("d", Role::Member)]);
    let key = |id: &str| keys::membership(&member(id), &name());
    let expected = vec![
        (keys::group(&name()), Some(records::encode_group(&now))),
        (keys::group_summary(&name()), Some(records::encode_summary(&now))),
        (key("b"), Some(records::encode_role(Role::Owner))),
        (key("d"), Some(records::encode_role(Role::Member))),
        (key("a"), None),
    ];
    assert_eq!(rows(Some(&before), &now), expected);
    assert_eq!(rows(None, &before).len(), 5);
}

#[test]
fn a_send_that_waits_for_the_same_flush_is_history() {
    let parent = tempfile::tempdir().unwrap();
    let directory = Arc::new(Directory::lock(parent.path()).unwrap());
    let opened = opening::open(&Config::new(parent.path()), &directory).unwrap();
    let send = PreparedSend::new(Append {
        conversation: Conversation::group(name()),
        from: None,
        to: Destination::Group(name()),
        recipients: vec![member("a")],
        message: Message::new("{}").unwrap(),
        token: None,
    });
    let create = |without_history| GroupChange::Create {
        title: String::new(),
        open: false,
        members: vec![GroupMember::new(member("b"), Role::Owner)],
        without_history,
    };
    let recent = Recent::new(8);
    let stored = BeforeBatch::new(&opened.tables, &recent);
    let draft = || DraftBatch::new(opened.last_batch + 1, 7);

    let mut batch = draft();
    let mut after = Plan::new(stored, &mut batch);
    after.append(&send, None).unwrap();
    let error = after.change_group(&name(), &create(true), None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    after.change_group(&name(), &create(false), None).unwrap();

    let mut batch = draft();
    let mut before = Plan::new(stored, &mut batch);
    before.change_group(&name(), &create(true), None).unwrap();
    before.append(&send, None).unwrap();
    assert!(batch.finish(&opened.tables).is_some());
}

#[tokio::test]
async fn a_failed_commit_leaves_the_group_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let breaks = Arc::clone(&broken);
    let commit: Commit = Box::new(move |batch| {
        if breaks.load(Ordering::SeqCst) {
            return Err(fjall::Error::Io(std::io::ErrorKind::StorageFull.into()));
        }
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let timeline = timeline(EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap());
    let before = create(&timeline).await;
    // In the way of the file that it tries, so that it is not opened again before we look.
    let probe = directory.path().join("probe");
    std::fs::create_dir(&probe).unwrap();
    broken.store(true, Ordering::SeqCst);
    let error = timeline.join_group(&name(), vec![member("b")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(timeline.group(&name()).await.unwrap(), Some(before.clone()), "reads go on");
    assert!(timeline.groups_of(&member("b"), None, Count::default()).await.unwrap().groups.is_empty());
    let again = timeline.join_group(&name(), vec![member("a")]).await.unwrap();
    assert_eq!(again, before, "what changes nothing needs no write");
    broken.store(false, Ordering::SeqCst);
    std::fs::remove_dir(probe).unwrap();
    let mut state = timeline.state();
    timeout(GRACE, state.wait_for(State::is_well)).await.expect("within a minute").unwrap();
    let after = timeline.join_group(&name(), vec![member("b")]).await.unwrap();
    assert_eq!(after.members.len(), 2);
    assert!(timeline.shutdown(GRACE).await);
}

#[test]
fn a_flipped_bit_in_a_group_is_found_by_a_deep_check() {
    let parent = tempfile::tempdir().unwrap();
    let directory = Arc::new(Directory::lock(parent.path()).unwrap());
    let mut opened = opening::open(&Config::new(parent.path()), &directory).unwrap();
    let (title, mut batch) = ("Tea & cake", opened.tables.batch(1));
    let group = Group { title: title.to_owned(), ..group(&[("a", Role::Owner)]) };
    for (key, record) in rows(None, &group) {
        batch.insert(&opened.tables.state, key, record.unwrap());
    }
    opened.commit(batch).unwrap();
    opened.tables.state.rotate_memtable_and_wait().unwrap();
    drop((opened, directory));
    check_deep(parent.path()).unwrap();

    let mut tables = std::fs::read_dir(parent.path().join("store/keyspaces/2/tables")).unwrap();
    let table = tables.next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&table).unwrap();
    let at = bytes.windows(title.len()).position(|window| window == title.as_bytes()).unwrap();
    bytes[at] ^= 1;
    std::fs::write(&table, bytes).unwrap();
    let error = check_deep(parent.path()).unwrap_err();
    let named = error.to_string().contains(table.to_str().unwrap());
    assert!(error.kind() == ErrorKind::Corrupt && named, "{error}");
}
