//! What becomes of changes and purges when commits fail, and who hears of them.

use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use super::*;
use crate::{EntryKind, Keep, MessageId, NewGroupMessage, ReadCursor, Retention};

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair() -> Conversation {
    Conversation::single(member("a"), member("b"))
}

fn text(number: usize) -> Message {
    Message::new(format!("{{\"n\":{number}}}")).unwrap()
}

/// Sends a message from `a` to `b`, and returns its place.
async fn say(timeline: &Timeline, number: usize) -> Result<Seq> {
    let id = MessageId::new(format!("id{number}")).unwrap();
    let send = NewMessage::new(member("a"), member("b"), text(number)).message_id(Some(id));
    Ok(timeline.send(send).await?.place)
}

async fn inbox(timeline: &Timeline, id: &str) -> InboxPage {
    let member = member(id);
    again(timeline, async || timeline.sync(&member, Seq::ZERO, Count::default()).await).await
}

async fn kinds(timeline: &Timeline) -> Vec<EntryKind> {
    let (conversation, page) = (pair(), PageRequest::after(Seq::ZERO, Count::default()));
    let page = again(timeline, async || timeline.history(&conversation, page).await).await;
    page.entries.iter().map(|entry| entry.kind).collect()
}

/// Calls until the store can be written to, as a client does that does not know what became of it.
async fn again<T>(timeline: &Timeline, call: impl AsyncFn() -> Result<T>) -> T {
    let tries = async {
        loop {
            match call().await {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
            until(timeline, State::is_well).await;
        }
    };
    timeout(GRACE, tries).await.expect("within a minute")
}

/// Lets every other commit fail, before or after it was written.
fn failing_in_turn(is_written: bool) -> Commit {
    let commits = AtomicUsize::new(0);
    Box::new(move |batch| {
        let fails = commits.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
        if !fails || is_written {
            batch.durability(Some(PersistMode::SyncData)).commit()?;
        }
        if fails { Err(fjall::Error::Io(std::io::ErrorKind::TimedOut.into())) } else { Ok(()) }
    })
}

#[tokio::test]
async fn each_call_has_one_effect_whether_its_commit_failed_before_or_after_it_was_written() {
    for is_written in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        let store = EmbeddedStore::start_with(config.clone(), failing_in_turn(is_written)).await.unwrap();
        let timeline = Timeline::start(crate::Config::default(), store).unwrap();
        let (a, b, conversation) = (member("a"), member("b"), pair());
        for number in 1..=3 {
            let place = again(&timeline, async || say(&timeline, number).await).await;
            assert_eq!(place, seq(number as u64));
        }
        let by = || Some(a.clone());
        let edit = async || timeline.edit(&conversation, seq(1), by(), text(9)).await;
        assert_eq!(again(&timeline, edit).await.place, seq(4));
        let recall = async || timeline.recall(&conversation, seq(2), by()).await;
        assert_eq!(again(&timeline, recall).await.place, seq(5));
        let read = async || timeline.read(&b, &conversation, seq(4)).await;
        assert_eq!(again(&timeline, read).await, seq(4));
        again(&timeline, async || timeline.clear(&a, &conversation).await).await;
        let told = [
            EntryKind::Message,
            EntryKind::Tombstone,
            EntryKind::Message,
            EntryKind::Edit,
            EntryKind::Recall,
        ];
        assert_eq!(kinds(&timeline).await, told, "written: {is_written}");
        let page = inbox(&timeline, "b").await;
        assert_eq!(page.entries.iter().map(|entry| entry.kind).collect::<Vec<_>>(), told);
        assert_eq!((&page.entries[0].message, &page.entries[3].edited), (&text(9), &Some(text(9))));
        assert_eq!(timeline.read_of(&conversation, &[a.clone(), b.clone()]).await.unwrap(), [seq(3), seq(4)]);
        assert_eq!(timeline.view(&a, &conversation).await.unwrap().unwrap().floor, seq(5));
        let purge = async || timeline.purge(&conversation).await;
        assert_eq!(again(&timeline, purge).await, seq(6));
        assert_eq!(kinds(&timeline).await, [EntryKind::Purge]);
        assert_eq!(again(&timeline, async || say(&timeline, 1).await).await, seq(7), "its id is free");
        assert!(timeline.shutdown(GRACE).await);

        let store = Arc::new(EmbeddedStore::start(config).await.unwrap());
        let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
        assert_eq!(kinds(&timeline).await, [EntryKind::Purge, EntryKind::Message]);
        store.forget(&b).await.unwrap();
        let page = inbox(&timeline, "b").await;
        assert_eq!((page.latest_seq, page.floor, page.entries.len()), (seq(7), seq(7), 0));
        assert!(timeline.view(&b, &conversation).await.unwrap().is_none());
        assert!(timeline.shutdown(GRACE).await);
        drop((timeline, store));
        super::super::super::check_deep(directory.path()).unwrap();
    }
}

#[tokio::test]
async fn both_of_a_pair_hear_of_a_cursor_that_was_written_although_its_commit_failed() {
    let directory = tempfile::tempdir().unwrap();
    let fails = Arc::new(AtomicBool::new(false));
    let once = Arc::clone(&fails);
    let commit: Commit = Box::new(move |batch| {
        batch.durability(Some(PersistMode::SyncData)).commit()?;
        // As a disk that loses the answer to a flush.
        if once.swap(false, Ordering::SeqCst) {
            return Err(fjall::Error::Io(std::io::ErrorKind::TimedOut.into()));
        }
        Ok(())
    });
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let store = Arc::new(store);
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    say(&timeline, 1).await.unwrap();
    let mut changes = [store.inbox_changes(&member("a")), store.inbox_changes(&member("b"))];
    fails.store(true, Ordering::SeqCst);
    let error = store.read(&member("b"), &pair(), seq(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for changes in &mut changes {
        timeout(GRACE, changes.changed()).await.expect("once the store is open again").unwrap();
        let risen = changes.take_cursors().unwrap();
        assert_eq!(risen.cursors, [ReadCursor::new(member("b"), pair(), seq(1))]);
    }
    until(&timeline, State::is_well).await;
    assert_eq!(store.read_of(&pair(), &[member("b")]).await.unwrap(), [seq(1)]);
}

#[tokio::test]
async fn nobody_hears_of_a_cursor_whose_commit_failed_before_it_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let broken = Arc::new(AtomicBool::new(false));
    let commit = failing(Arc::clone(&broken));
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let store = Arc::new(store);
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    for number in 1..=2 {
        say(&timeline, number).await.unwrap();
    }
    let mut changes = store.inbox_changes(&member("a"));
    broken.store(true, Ordering::SeqCst);
    let error = store.read(&member("b"), &pair(), seq(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    broken.store(false, Ordering::SeqCst);
    // By its answer all has been told of the read before.
    let read = async || store.read(&member("b"), &pair(), seq(1)).await;
    assert_eq!(again(&timeline, read).await, seq(1));
    timeout(GRACE, changes.changed()).await.expect("of the cursor").unwrap();
    let risen = changes.take_cursors().unwrap();
    assert_eq!(risen.cursors, [ReadCursor::new(member("b"), pair(), seq(1))]);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn changes_of_messages_to_many_members_do_not_make_one_batch_too_large() {
    let directory = tempfile::tempdir().unwrap();
    let (largest, waits) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let (known, told, (go, wait)) = (Arc::clone(&largest), Arc::clone(&waits), std_mpsc::channel::<()>());
    let commit: Commit = Box::new(move |batch| {
        if told.load(Ordering::SeqCst) {
            // Until the test lets go of it.
            wait.recv().ok();
        }
        known.fetch_max(batch.len(), Ordering::SeqCst);
        batch.durability(Some(PersistMode::SyncData)).commit()
    });
    let store = EmbeddedStore::start_with(Config::new(directory.path()), commit).await.unwrap();
    let timeline = Timeline::start(crate::Config::default(), store).unwrap();
    let name = GroupName::new("g").unwrap();
    let members: Vec<_> = (0..20).map(|number| member(&format!("m{number}"))).collect();
    for number in 0..20 {
        let send = NewGroupMessage::new(name.clone(), members.clone(), text(number));
        timeline.send_group(send).await.unwrap();
    }
    waits.store(true, Ordering::SeqCst);
    let (mut calls, conversation) = (tokio::task::JoinSet::new(), Conversation::group(name));
    for place in 1..=20 {
        let (timeline, conversation) = (timeline.clone(), conversation.clone());
        calls.spawn(async move { timeline.recall(&conversation, seq(place), None).await });
    }
    // By then all of them wait for the first batch.
    tokio::task::yield_now().await;
    drop(go);
    while let Some(recalled) = calls.join_next().await {
        recalled.unwrap().unwrap();
    }
    // A recall writes two entries into each of 21 boxes, and a batch once where these end.
    assert!(largest.load(Ordering::SeqCst) < 250, "{largest:?}");
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn who_is_forgotten_has_no_conversation_left_however_many_there_were() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::start(Config::new(directory.path())).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    let b = member("b");
    for number in 0..10 {
        let from = member(&format!("m{number}"));
        timeline.send(NewMessage::new(from, b.clone(), text(number))).await.unwrap();
    }
    assert_eq!(store.views(&b, None, Count::default()).await.unwrap().views.len(), 10);
    store.forget(&b).await.unwrap();
    assert!(store.views(&b, None, Count::default()).await.unwrap().views.is_empty());
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn what_makes_room_is_taken_while_sends_and_edits_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::start(Config::new(directory.path())).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    for number in 1..=3 {
        say(&timeline, number).await.unwrap();
    }
    store.shared.change(|parts| parts.damage = Some("the test wants it".into()));
    assert_eq!(say(&timeline, 4).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let (by, conversation) = (|| Some(member("a")), pair());
    let refused = timeline.edit(&conversation, seq(1), by(), text(9)).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Unavailable, "{refused}");
    assert_eq!(timeline.recall(&conversation, seq(1), by()).await.unwrap().place, seq(4));
    assert_eq!(timeline.delete_message(&conversation, seq(2), None).await.unwrap().place, seq(5));
    assert_eq!(timeline.read(&member("b"), &conversation, seq(2)).await.unwrap(), seq(2));
    timeline.clear(&member("b"), &conversation).await.unwrap();
    assert_eq!(timeline.purge(&conversation).await.unwrap(), seq(6));
    store.forget(&member("b")).await.unwrap();
    assert_eq!(inbox(&timeline, "b").await.floor, seq(6));
    store.shared.change(|parts| parts.damage = None);
    assert_eq!(say(&timeline, 4).await.unwrap(), seq(7));
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn what_is_kept_for_a_time_goes_by_itself_and_watchers_hear_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let keep = Keep::everything().age(Duration::from_secs(1));
    let config = Config::new(directory.path()).retention(Retention::new().inboxes(keep).pairs(keep));
    let store = Arc::new(EmbeddedStore::start(config).await.unwrap());
    let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
    let (begun, mut changes) = (Instant::now(), store.inbox_changes(&member("b")));
    say(&timeline, 1).await.unwrap();
    timeout(GRACE, changes.changed()).await.expect("of the entry").unwrap();
    timeout(GRACE, changes.changed()).await.expect("that it has gone").unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(990), "{:?}", begun.elapsed());
    let page = inbox(&timeline, "b").await;
    assert_eq!((page.entries.len(), page.floor, page.latest_seq), (0, seq(1), seq(1)));
    assert_eq!(say(&timeline, 2).await.unwrap(), seq(2), "it goes on counting");
    assert!(timeline.shutdown(GRACE).await);
}
