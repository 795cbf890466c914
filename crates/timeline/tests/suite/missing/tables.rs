//! Damage of any file of a store whose records are all in tables.
//!
//! The store is refused, with the name of the file, a call that meets it says so, or it is
//! harmless; and a salvage invents nothing.

use timeline::embedded::{check, check_deep, salvage};
use timeline::{
    Conversation, ConversationPage, Entry, EntryKind, Group, GroupName, GroupPage, HistoryPage, InboxPage,
    MessageId, NewGroup, NewGroupMessage, PageRequest,
};

use super::mixed::{KEYSPACES, flush};
use super::*;

/// Whose inboxes and lists are read: those of the pair, and some of the 20 of the group.
const READERS: [&str; 5] = ["a", "b", "m0", "m7", "m19"];

/// Everything that readers get.
#[derive(Debug, Default, PartialEq)]
struct Reading {
    histories: Vec<HistoryPage>,
    inboxes: Vec<InboxPage>,
    conversations: Vec<ConversationPage>,
    groups: Vec<GroupPage>,
    received: Vec<Seq>,
    group: Option<Group>,
}

/// A store that was closed, and all of whose records are in tables.
struct Mixture {
    directory: TempDir,
    /// What was read of it before the changes, and after them.
    sent: Reading,
    changed: Reading,
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair() -> Conversation {
    Conversation::single(member("a"), member("b"))
}

fn group() -> Conversation {
    Conversation::group(GroupName::new("g").unwrap())
}

fn tea() -> GroupName {
    GroupName::new("tea").unwrap()
}

fn short(number: u64) -> Message {
    Message::new(format!("{{\"n\":{number}}}")).unwrap()
}

/// A text that is stored once for all members of a group.
fn long(number: u64) -> Message {
    Message::new(format!("{{\"n\":{number},\"t\":\"{}\"}}", "x".repeat(1_000))).unwrap()
}

fn id(number: u64) -> Option<MessageId> {
    Some(MessageId::new(format!("id{number}")).unwrap())
}

fn to_b(number: u64) -> NewMessage {
    NewMessage::new(member("a"), member("b"), short(number)).message_id(id(number))
}

fn to_group(number: u64) -> NewGroupMessage {
    let members = (0..20).map(|number| member(&format!("m{number}")));
    let send = NewGroupMessage::new(GroupName::new("g").unwrap(), members, long(number));
    send.from(member("m0")).message_id(id(number))
}

async fn start(directory: &Path) -> Timeline {
    Timeline::start(Config::default(), open(directory).await.unwrap()).unwrap()
}

async fn read(timeline: &Timeline) -> Result<Reading, Error> {
    let (all, mut reading) = (Count::new(1_000), Reading::default());
    for conversation in [pair(), group(), Conversation::group(tea())] {
        let page = PageRequest::after(Seq::ZERO, all);
        reading.histories.push(timeline.history(&conversation, page).await?);
    }
    for reader in READERS.map(member) {
        reading.inboxes.push(timeline.sync(&reader, Seq::ZERO, all).await?);
        reading.conversations.push(timeline.conversations(&reader, None, all).await?);
        reading.groups.push(timeline.groups_of(&reader, None, all).await?);
        reading.received.push(timeline.received_of(&reader).await?);
    }
    reading.group = timeline.group(&tea()).await?;
    Ok(reading)
}

/// Sends, and then changes what was sent: the changes are in other tables than what they change.
async fn mixture() -> Mixture {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let timeline = start(path).await;
    for number in 1..=40 {
        assert_eq!(timeline.send(to_b(number)).await.unwrap().place, seq(number));
    }
    for number in 1..=6 {
        assert_eq!(timeline.send_group(to_group(number)).await.unwrap().place, seq(number));
    }
    let new = NewGroup::new(tea()).title("T").owner(member("a")).members(["b", "m0"].map(member));
    timeline.create_group(new).await.unwrap();
    let sent = read(&timeline).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    flush(path, &KEYSPACES);

    let timeline = start(path).await;
    let (a, m0) = (|| Some(member("a")), || Some(member("m0")));
    timeline.edit(&pair(), seq(3), a(), short(103)).await.unwrap();
    timeline.edit(&pair(), seq(4), a(), long(104)).await.unwrap();
    timeline.recall(&pair(), seq(5), a()).await.unwrap();
    timeline.delete_message(&pair(), seq(6), a()).await.unwrap();
    timeline.edit(&group(), seq(2), m0(), long(102)).await.unwrap();
    timeline.recall(&group(), seq(3), m0()).await.unwrap();
    timeline.ack(&member("b"), seq(12)).await.unwrap();
    timeline.ack(&member("m7"), seq(2)).await.unwrap();
    timeline.read(&member("b"), &pair(), seq(9)).await.unwrap();
    timeline.received(&member("b"), seq(20)).await.unwrap();
    timeline.rename_group(&tea(), "Tea").await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    flush(path, &KEYSPACES);
    fs::write(journal(path), "").unwrap();
    assert!(check(path).is_ok(), "all is in the tables");
    let mut journals =
        contents(path).into_iter().filter(|(file, _)| file.extension().is_some_and(|end| end == "jnl"));
    assert!(journals.all(|(_, bytes)| bytes.is_empty()), "a journal has it as well");
    let again = copy(path);
    let timeline = start(again.path()).await;
    let changed = read(&timeline).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    Mixture { directory, sent, changed }
}

impl Mixture {
    /// All files that are not empty, by their names in the directory.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let path = self.directory.path();
        let files = contents(path).into_iter().filter(|(_, bytes)| !bytes.is_empty());
        files.map(|(file, bytes)| (file.strip_prefix(path).unwrap().to_owned(), bytes)).collect()
    }

    /// A copy in which one file has other bytes.
    fn with(&self, name: &Path, bytes: &[u8]) -> TempDir {
        let copy = copy(self.directory.path());
        fs::write(copy.path().join(name), bytes).unwrap();
        copy
    }

    /// Whatever becomes of the store is told, or right; returns whether anything was told.
    async fn is_told(&self, name: &Path, what: &str, bytes: &[u8]) -> bool {
        let what = format!("{}: {what}", name.display());
        let directory = self.with(name, bytes);
        let store = match open(directory.path()).await {
            Ok(store) => store,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                assert!(names(&error, name), "{what}: {error}");
                assert_eq!(fs::read(directory.path().join(name)).unwrap(), bytes, "{what}: it was changed");
                return true;
            }
        };
        let timeline = Timeline::start(Config::default(), store).unwrap();
        // These come first: what is stored a second time is then read.
        let is_sent_told = match timeline.send(to_b(7)).await {
            Ok(sent) => {
                assert_eq!((sent.sequence, sent.place), (seq(7), seq(7)), "{what}");
                false
            }
            Err(error) => is_refusal(&error, &what),
        };
        let is_group_told = match timeline.send_group(to_group(4)).await {
            Ok(sent) => {
                assert_eq!(sent.place, seq(4), "{what}");
                false
            }
            Err(error) => is_refusal(&error, &what),
        };
        let is_read_told = match read(&timeline).await {
            Ok(reading) => {
                assert_eq!(reading, self.changed, "{what}");
                false
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
                assert!(!error.to_string().contains('\n'), "{what}: {error}");
                true
            }
        };
        let is_change_told = match timeline.recall(&group(), seq(4), Some(member("m0"))).await {
            Ok(_changed) => {
                assert_recalled(&timeline, &what).await;
                false
            }
            Err(error) => is_refusal(&error, &what),
        };
        assert!(timeline.shutdown(GRACE).await, "{what}");
        let is_told = is_sent_told || is_group_told || is_read_told || is_change_told;
        if is_told {
            let error = check_deep(directory.path()).expect_err(&what);
            assert!(names(&error, name), "{what}: {error}");
        }
        is_told
    }
}

/// Returns whether an error names a file, or its keyspace.
fn names(error: &Error, name: &Path) -> bool {
    // What says which manifest counts is believed, so that another one is missing then.
    let folder = name.ancestors().find(|folder| folder.parent() == Some(Path::new("store/keyspaces")));
    let named = folder.unwrap_or_else(|| Path::new(name.file_name().unwrap()));
    error.to_string().contains(named.to_str().unwrap())
}

/// A call that writes is refused as its store is damaged.
fn is_refusal(error: &Error, what: &str) -> bool {
    assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unavailable), "{what}: {error}");
    true
}

/// Nobody reads the message that was taken back, whichever inbox it is in.
async fn assert_recalled(timeline: &Timeline, what: &str) {
    for reader in ["m0", "m7", "m19"] {
        match timeline.sync(&member(reader), Seq::ZERO, Count::new(1_000)).await {
            Ok(page) => {
                let entry = page.entries.iter().find(|entry| entry.place == seq(4)).unwrap();
                assert_eq!(entry.kind, EntryKind::Tombstone, "{what}: {reader}");
            }
            Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}"),
        }
    }
}

/// Bytes of which one bit is another one, each time elsewhere, and what was done.
fn flipped(bytes: &[u8], rounds: usize) -> Vec<(String, Vec<u8>)> {
    let flip = |round: usize| {
        let (place, mut flipped) = (round * (bytes.len() - 1) / (rounds - 1), bytes.to_vec());
        flipped[place] ^= 1 << (round % 8);
        (format!("byte {place} was flipped"), flipped)
    };
    (0..rounds).map(flip).collect()
}

/// Bytes that end too early, and such as were written to the middle alone.
fn torn(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut half, middle) = (bytes.to_vec(), bytes.len() / 2);
    half[middle..].fill(0);
    // The last one lacks a single byte.
    let lengths = (0..8).map(|eighth| eighth * bytes.len() / 8).chain([bytes.len() - 1]);
    let shorter = lengths.map(|length| (format!("it ends after {length} bytes"), bytes[..length].to_vec()));
    shorter.chain([(format!("it has zeros from {middle} on"), half)]).collect()
}

fn is_table(name: &Path) -> bool {
    name.parent().is_some_and(|folder| folder.ends_with("tables"))
}

/// The tables of each keyspace, and the engine's own.
fn assert_all_have_tables(files: &[(PathBuf, Vec<u8>)]) {
    for keyspace in 0..=4 {
        let folder = format!("store/keyspaces/{keyspace}/tables");
        assert!(files.iter().any(|(name, _)| name.starts_with(&folder)), "{folder} is empty");
    }
}

#[tokio::test]
async fn a_flipped_byte_in_any_file_is_refused_told_or_harmless() {
    let whole = mixture().await;
    let files = whole.files();
    assert_all_have_tables(&files);
    for (name, bytes) in &files {
        let (rounds, mut told) = (if is_table(name) { 24 } else { 8 }, 0);
        for (what, damaged) in flipped(bytes, rounds) {
            told += usize::from(whole.is_told(name, &what, &damaged).await);
        }
        // The indexes and filters alone are more than that; a block of others may not be read here.
        assert!(!is_table(name) || told > 0, "{name:?} is not read at all");
    }
}

#[tokio::test]
async fn a_file_that_is_torn_or_too_short_is_refused_told_or_harmless() {
    let whole = mixture().await;
    let files = whole.files();
    assert_all_have_tables(&files);
    for (name, bytes) in &files {
        for (what, damaged) in torn(bytes) {
            let is_told = whole.is_told(name, &what, &damaged).await;
            assert!(!is_table(name) || is_told, "{name:?}: {what}");
        }
    }
}

/// Fails if a box has what nobody has sent, or what was taken away.
fn assert_was_written(found: &[Entry], sent: &[Entry], changed: &[Entry], what: &str) {
    let at =
        |entries: &[Entry], sequence: Seq| entries.iter().find(|entry| entry.sequence == sequence).cloned();
    for entry in found.iter().filter(|entry| entry.kind != EntryKind::Tombstone) {
        let (before, after) = (at(sent, entry.sequence), at(changed, entry.sequence));
        let gone = after.as_ref().is_some_and(|after| after.kind == EntryKind::Tombstone);
        assert!(!gone, "{what}: {entry:?} was taken away");
        let parts = |entry: &Entry| {
            let about = (entry.from.clone(), entry.to.clone(), entry.message_id.clone());
            (entry.kind, entry.at_ms, entry.tag, entry.place, entry.target, entry.message.clone(), about)
        };
        // One whose change is lost altogether may be as it was before: that is told as doubtful.
        let is_written =
            [&before, &after].into_iter().flatten().any(|written| parts(written) == parts(entry));
        assert!(is_written, "{what}: {entry:?} is neither {before:?} nor {after:?}");
        // It is read from the entry that was changed, which may be as it was before, too.
        let edited = after.and_then(|after| after.edited);
        let is_as_before =
            |of: &Entry| of.place == entry.target && Some(&of.message) == entry.edited.as_ref();
        let is_known = entry.edited == edited || sent.iter().any(is_as_before);
        assert!(entry.edited.is_none() || is_known, "{what}: {entry:?} instead of {edited:?}");
    }
}

/// What is salvaged was written, and what is missing was told.
fn assert_nothing_is_invented(found: &Reading, whole: &Mixture, is_whole: bool, what: &str) {
    let (sent, changed) = (&whole.sent, &whole.changed);
    let (mut all, mut expected) = (Vec::new(), Vec::new());
    for ((found, sent), changed) in found.histories.iter().zip(&sent.histories).zip(&changed.histories) {
        assert_was_written(&found.entries, &sent.entries, &changed.entries, what);
        all.push((found.floor, found.entries.clone()));
        expected.push((changed.floor, changed.entries.clone()));
    }
    for ((found, sent), changed) in found.inboxes.iter().zip(&sent.inboxes).zip(&changed.inboxes) {
        assert_was_written(&found.entries, &sent.entries, &changed.entries, what);
        assert!(found.latest_seq <= changed.latest_seq, "{what}: {found:?}");
        all.push((found.floor, found.entries.clone()));
        expected.push((changed.floor, changed.entries.clone()));
    }
    for (found, changed) in found.received.iter().zip(&changed.received) {
        assert!(found <= changed, "{what}: received {found}");
    }
    if let Some(group) = &found.group {
        assert!(
            Some(group) == changed.group.as_ref() || Some(group) == sent.group.as_ref(),
            "{what}: {group:?}"
        );
    }
    let is_same = all == expected && found.group == changed.group;
    assert!(!is_whole || is_same, "{what}: something is lost, and nothing tells of it");
}

#[tokio::test]
async fn a_salvage_of_a_store_with_a_damaged_table_invents_nothing() {
    let whole = mixture().await;
    let files = whole.files();
    assert_all_have_tables(&files);
    for (name, bytes) in files.iter().filter(|(name, _)| is_table(name)) {
        let damages = flipped(bytes, 8).into_iter().chain(torn(bytes).into_iter().skip(4));
        for (what, damaged) in damages {
            let what = format!("{}: {what}", name.display());
            let (from, parent) = (whole.with(name, &damaged), tempfile::tempdir().unwrap());
            let to = parent.path().join("new");
            let report = salvage(from.path(), &to).unwrap();
            let timeline = start(&to).await;
            let found = read(&timeline).await.unwrap();
            assert!(timeline.shutdown(GRACE).await);
            assert_nothing_is_invented(&found, &whole, report.is_whole(), &what);
            assert_eq!(fs::read(from.path().join(name)).unwrap(), damaged, "{what}: it was changed");
        }
    }
}

#[tokio::test]
async fn a_salvage_tells_of_blocks_that_it_does_not_find() {
    let whole = mixture().await;
    for (name, bytes) in whole.files().iter().filter(|(name, _)| is_table(name)) {
        // By its first bytes a block is found.
        let mut hidden = bytes.clone();
        hidden[0] ^= 1;
        for damaged in [hidden, Vec::new()] {
            let (from, parent) = (whole.with(name, &damaged), tempfile::tempdir().unwrap());
            let report = salvage(from.path(), &parent.path().join("new")).unwrap();
            let is_told = report.problems.iter().any(|problem| problem.contains(name.to_str().unwrap()));
            assert!(is_told && !report.is_whole(), "{name:?}: {report:?}");
        }
    }
}
