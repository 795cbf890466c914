//! Reads a damaged directory into a new one.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use super::super::directory::Directory;
use super::super::marker::{self, Marker, MarkerRecord, Phase};
use super::super::{Config, clock, opening};
use super::boxes;
use super::report::Salvaged;
use super::source::KeyspaceName;
use super::target::SalvageTarget;
use crate::{Error, ErrorKind, Result};

/// Reads what can be read of the store in `from` into a new one in `to`.
///
/// Returns what was lost. This blocks. `from` stays as it is; it may be of layout 1, 2 or 3, and
/// any part of it may be missing or damaged. Every entry keeps its place: where one is lost in a
/// box there is a [tombstone](crate::EntryKind::Tombstone), and an inbox that lost its beginning
/// starts later ([`InboxPage::floor`](crate::InboxPage::floor)). Floors are kept; entries that were
/// freed or removed are not copied, and no loss. Only an inbox that was freed to its end and whose
/// record is lost may leave no trace: it counts from 1 again, and its readers are reset. The new
/// store has another generation.
///
/// A text that was edited, taken back, deleted or purged since is left out, also where only the
/// record from before the change can be read, as long as anything else tells of the change: see
/// [`Salvaged::outdated`] and [`Salvaged::doubtful`].
///
/// A member whose place in a conversation was lost counts as one who has read it to its end.
///
/// The last state of every box, cursor, conversation of a member and group is held in memory, and
/// every change of a message: about 200 bytes for each, and of a group the ids of its members.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when `from` is missing or in use, or when `to` is not
/// empty or cannot be made; the error of the write when `to` cannot be written to. The text says
/// which of the two it is. What a salvage left in `to` that was cut short is opened by nobody;
/// repeat it with the same `to`, and it begins anew.
pub fn salvage(from: &Path, to: &Path) -> Result<Salvaged> {
    salvage_noting(from, to, |_| Ok(()))
}

/// Salvages as [`salvage`] does, and calls `note` before the new store counts.
///
/// In `note` a program writes what else belongs to the store. It is called when everything has been
/// copied. Until it returns, and for good if it fails, the new store is that of a salvage that was
/// [cut short](is_cut_salvage): it cannot be opened, and the salvage can be repeated.
///
/// # Errors
///
/// Those of [`salvage`]; [`Unavailable`](crate::ErrorKind::Unavailable) with the text of what
/// `note` returned.
pub fn salvage_noting(
    from: &Path,
    to: &Path,
    note: impl FnOnce(&Salvaged) -> io::Result<()>,
) -> Result<Salvaged> {
    if !from.is_dir() {
        return Err(unusable(from, "is missing"));
    }
    check_vacant(to)?;
    let _lock = Directory::lock_to_read(from)?;
    let directory = Arc::new(Directory::lock(to)?);
    // Another process may have had it until now.
    check_vacant(to)?;
    let written = fill(from, &directory, note);
    if written.is_err()
        && let Err(error) = directory.clear_unfinished()
    {
        // It takes room, and does no other harm: the marker says what it is.
        tracing::warn!(error = %format_args!("{error:#}"), "what was written of the new store stays there");
    }
    written.map_err(|error| {
        let text = format!(
            "the salvage into {} could not be finished: {error}; remove the cause, such as a full disk, and run it \
             again",
            to.display()
        );
        Error::new(error.kind(), text)
    })
}

/// Tells whether a directory is what a salvage left that was cut short.
#[must_use]
pub fn is_cut_salvage(directory: &Path) -> bool {
    matches!(Marker::read(directory), Ok(Some(note)) if note.phase == Phase::Salvaging)
}

/// Fails if a directory holds anything but what a salvage left that was cut short.
fn check_vacant(to: &Path) -> Result<()> {
    let left = if is_cut_salvage(to) { &LEFT[..] } else { &LEFT[..2] };
    // One that cannot be read cannot be locked, either, which is told then.
    let Ok(entries) = fs::read_dir(to) else { return Ok(()) };
    let is_other = |entry: fs::DirEntry| !left.iter().any(|name| entry.file_name() == **name);
    if entries.flatten().any(is_other) {
        return Err(unusable(to, "is not empty; name one that does not exist yet"));
    }
    Ok(())
}

/// What a salvage leaves when it is cut short: at first only the first two.
const LEFT: [&str; 4] = ["lock", "marker.new", "marker", "store"];

fn unusable(path: &Path, problem: &str) -> Error {
    Error::new(ErrorKind::Config, format!("the data directory {} {problem}", path.display()))
}

/// Makes the new store, and writes what can be read into it.
fn fill(
    from: &Path,
    directory: &Arc<Directory>,
    note: impl FnOnce(&Salvaged) -> io::Result<()>,
) -> Result<Salvaged> {
    let to = directory.path();
    let mut report = Salvaged { directory: to.to_owned(), ..Salvaged::default() };
    let before = Marker::read(from).unwrap_or_else(|error| {
        report.problem(&marker::path(from), error);
        None
    });
    // The new generation is higher than the old one, whatever the clock says.
    let at_ms = clock::unix_ms();
    report.generation = at_ms.max(before.as_ref().map_or(0, |note| note.generation.saturating_add(1)));

    let (phase, id) = (Phase::Salvaging, fastrand::u128(..));
    let opened = opening::begin(&Config::new(to), directory, phase, id, report.generation)?;
    let mut target = SalvageTarget::new(opened);
    let store = from.join("store");
    if !store.is_dir() {
        report.problem(&store, "the folder is missing");
    }
    let mut numbers = HashMap::new();
    let found = target.copy(&store, &mut numbers, &mut report)?;
    if let Some(note) = &before {
        missing_batches(note, &store, &numbers, &mut report);
    }
    boxes::fill(&mut target, found, &mut report)?;
    // Those that were lost are made as an upgrade makes them; layouts 1 and 2 had none.
    target.add_rows()?;
    // `note` comes before the marker says that the store is whole: nothing can be salvaged into a
    // whole store, so a note that fails after that could not be made up for.
    note(&report).map_err(|error| {
        let text = error.to_string();
        Error::with_source(ErrorKind::Unavailable, text, error)
    })?;
    target.finish()?;
    Ok(report)
}

/// Compares the batches that were found with those that the marker says are there: every batch is
/// in every keyspace.
fn missing_batches(
    note: &MarkerRecord,
    store: &Path,
    found: &HashMap<KeyspaceName, (u64, u64)>,
    report: &mut Salvaged,
) {
    if note.batch == 0 {
        return;
    }
    for (name, keyspace) in [
        ("entries", KeyspaceName::Entries),
        ("state", KeyspaceName::State),
        ("sends", KeyspaceName::Sends),
        ("bodies", KeyspaceName::Bodies),
    ] {
        let (first, last) = found.get(&keyspace).copied().unwrap_or_default();
        if last < note.batch {
            let text = format!(
                "the marker says that there are batches up to {}, but those of {name} end with {last}",
                note.batch
            );
            report.problem(store, text);
        }
        // What has been moved into tables has the number of its last batch there.
        let tables = store.join("keyspaces").join(keyspace.folder().to_string());
        if first > 1 && !tables.exists() {
            report.problem(
                &tables,
                format_args!("the folder is missing, and with it {name} of the batches before {first}"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::{EmbeddedStore, check, keys, records};
    use super::*;
    use crate::{GroupName, MemberId, Message, NewMessage, Role, Timeline};

    /// Makes a store with five messages.
    async fn store_five(from: &Path) {
        let store = EmbeddedStore::start(Config::new(from)).await.unwrap();
        let timeline = Timeline::start(crate::Config::default(), store).unwrap();
        let (member, message) = (MemberId::new("a").unwrap(), Message::new("{}").unwrap());
        for _ in 0..5 {
            timeline.send(NewMessage::new(member.clone(), member.clone(), message.clone())).await.unwrap();
        }
        assert!(timeline.shutdown(Duration::from_secs(60)).await);
    }

    #[tokio::test]
    async fn a_salvage_that_was_cut_short_is_opened_by_nobody_and_begins_anew() {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("from"), parent.path().join("to"));
        store_five(&from).await;
        for written in [false, true] {
            let directory = Arc::new(Directory::lock(&to).unwrap());
            let opened = opening::begin(&Config::new(&to), &directory, Phase::Salvaging, 7, 9).unwrap();
            let mut target = SalvageTarget::new(opened);
            if written {
                target.put_entry(b"key", b"record".to_vec()).unwrap();
                target.commit().unwrap();
            }
            drop((target, directory));
            let opened = EmbeddedStore::start(Config::new(&to)).await.unwrap_err();
            assert_eq!(opened.kind(), ErrorKind::Corrupt);
            assert!(opened.to_string().contains("tidings salvage"), "{opened}");
            assert_eq!(check(&to).unwrap_err().to_string(), opened.to_string());
        }
        let report = salvage(&from, &to).unwrap();
        assert!(report.is_whole() && report.entries == 10, "{report:?}");
        let again = salvage(&from, &to).unwrap_err();
        assert!(again.kind() == ErrorKind::Config && again.to_string().contains("is not empty"), "{again}");
        assert_eq!(check(&to).unwrap().generation, report.generation);
    }

    #[tokio::test]
    async fn a_salvage_whose_last_flush_fails_can_be_repeated() {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("from"), parent.path().join("to"));
        store_five(&from).await;
        let directory = Arc::new(Directory::lock(&to).unwrap());
        let opened = opening::begin(&Config::new(&to), &directory, Phase::Salvaging, 7, 9).unwrap();
        let mut target = SalvageTarget::new(opened);
        target.opened.marker.unflushable = true;
        assert_eq!(target.finish().unwrap_err().kind(), ErrorKind::Unavailable);
        // As the salvage does when it fails.
        directory.clear_unfinished().unwrap();
        drop(directory);
        assert!(is_cut_salvage(&to));
        let report = salvage(&from, &to).unwrap();
        assert!(report.is_whole() && report.entries == 10, "{report:?}");
    }

    #[tokio::test]
    async fn a_group_of_which_only_a_membership_is_left_counts_as_lost() {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("from"), parent.path().join("to"));
        store_five(&from).await;
        let directory = Arc::new(Directory::lock(&from).unwrap());
        let mut opened = opening::open(&Config::new(&from), &directory).unwrap();
        let mut batch = opened.tables.batch(opened.last_batch + 1);
        let key = keys::membership(&MemberId::new("a").unwrap(), &GroupName::new("g").unwrap());
        batch.insert(&opened.tables.state, key, records::encode_role(Role::Member));
        opened.commit(batch).unwrap();
        drop((opened, directory));
        let report = salvage(&from, &to).unwrap();
        assert_eq!((report.groups, report.groups_lost, report.entries), (0, 1, 10), "{report:?}");
        assert!(!report.is_whole() && report.to_string().contains("1 groups are lost"), "{report}");
    }
}
