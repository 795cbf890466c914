//! The upgrade from layout 1 to layout 2.
//!
//! Layout 1 had no records of boxes: a box ended with its last entry. The upgrade walks from box to
//! box and writes one for each, with the place it has come to in the same batch, so that it goes on
//! there when it is cut short. Entries, cursors and answers stay as they are. The version comes
//! first: from then on a program of layout 1 refuses the store.

use std::io;
use std::ops::Bound;

use fjall::{PersistMode, Readable as _};

use super::marker::MarkerRecord;
use super::opened::Opened;
use super::records::{Extent, VERSION};
use super::{keys, records};
use crate::{Error, Seq};

/// Why an upgrade ended early.
#[derive(Debug)]
pub(super) enum UpgradeError {
    Engine(fjall::Error),
    Marker(io::Error),
    Store(Error),
}

/// How many boxes are written at once.
const BOXES: usize = if cfg!(test) { 7 } else { 1_000 };

/// Upgrades a store, or goes on with an upgrade. Blocks.
pub(super) fn run(opened: &mut Opened) -> Result<(), UpgradeError> {
    let mut boxes = 0_usize;
    while let Some(walked) = step(opened)? {
        boxes += walked;
        tracing::info!(boxes, "the store is being upgraded from layout 1 to layout 2");
    }
    opened.finish().map_err(UpgradeError::Marker)?;
    tracing::info!(boxes, "the store is upgraded; a program of layout 1 cannot open it any more");
    Ok(())
}

/// Takes the next step, and returns how many boxes it wrote; `None` when none is left.
pub(super) fn step(opened: &mut Opened) -> Result<Option<usize>, UpgradeError> {
    // Crash points of a step: before the commit nothing of it is there; after it, the next start
    // goes on from the key in `UPGRADE`. The last step removes that key. A crash between it and the
    // marker's `whole` makes the next start walk over all boxes once more, which writes the same.
    let before =
        opened.tables.state.get(keys::UPGRADE).map_err(UpgradeError::Engine)?.map(|key| key.to_vec());
    let mut batch = opened.tables.batch(opened.last_batch + 1);
    if before.is_none() {
        let MarkerRecord { id, generation, .. } = *opened.marker.note();
        batch.insert(&opened.tables.state, keys::FORMAT, [VERSION]);
        batch.insert(&opened.tables.state, keys::IDENTITY, records::encode_identity(id, generation));
    }
    let (mut cursor, mut walked) = (before.unwrap_or_default(), 0);
    while walked < BOXES
        && let Some((prefix, top, last)) = next_box(opened, &cursor)?
    {
        let record = records::encode_extent(Extent { floor: Seq::ZERO, top });
        batch.insert(&opened.tables.state, keys::extent(&prefix), record);
        // The next box is looked for behind the last key that this one can have, not behind its
        // last entry: the entries in between are never read.
        (cursor, walked) = (last, walked + 1);
    }
    if walked > 0 {
        batch.insert(&opened.tables.state, keys::UPGRADE, cursor.as_slice());
    } else {
        batch.remove(&opened.tables.state, keys::UPGRADE);
    }
    opened.commit(batch)?;
    Ok((walked > 0).then_some(walked))
}

/// Returns the first box after the key `after`: what its keys begin with, its last sequence, its
/// last possible key.
pub(super) fn next_box(
    opened: &Opened,
    after: &[u8],
) -> Result<Option<(Vec<u8>, Seq, Vec<u8>)>, UpgradeError> {
    let (snapshot, entries) = (opened.tables.snapshot(), &opened.tables.entries);
    let mut from = Bound::Excluded(after.to_vec());
    loop {
        let Some(first) = snapshot.range(entries, (from, Bound::Unbounded)).next() else { return Ok(None) };
        let key = first.key().map_err(UpgradeError::Engine)?;
        let Some(prefix) = keys::prefix_of(&key) else {
            // This is the number of the last batch, which is not an entry.
            from = Bound::Excluded(key.to_vec());
            continue;
        };
        let end = keys::entry(prefix, Seq::MAX);
        let last = snapshot.range(entries, keys::entry(prefix, Seq::ZERO)..=end.clone()).next_back();
        let top = match last {
            Some(last) => {
                keys::sequence_of(&last.key().map_err(UpgradeError::Engine)?).map_err(UpgradeError::Store)?
            }
            None => Seq::ZERO,
        };
        return Ok(Some((prefix.to_vec(), top, end)));
    }
}

impl Opened {
    /// Commits the next batch.
    pub(super) fn commit(&mut self, batch: fjall::OwnedWriteBatch) -> Result<(), UpgradeError> {
        // As in the writer, the marker follows the batch that it counts.
        batch.durability(Some(PersistMode::SyncData)).commit().map_err(UpgradeError::Engine)?;
        self.last_batch += 1;
        self.marker.committed(self.last_batch).map_err(UpgradeError::Marker)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::directory::Directory;
    use super::super::marker::{self, Marker, Phase};
    use super::super::{Config, EmbeddedStore, opening, tables::Tables};
    use super::*;
    use crate::{Count, ErrorKind, MemberId, Store as _};

    /// A store of layout 1 with 20 boxes, the last of which has 20 entries.
    fn layout_1(config: &Config) {
        let directory = Arc::new(Directory::lock(&config.directory).unwrap());
        let tables = Tables::open(config, &directory).unwrap();
        let mut batch = tables.database.batch();
        batch.insert(&tables.state, keys::FORMAT, [records::VERSION_1]);
        for number in 1..=20_u64 {
            let prefix = keys::inbox(&MemberId::new(format!("m{number:02}")).unwrap());
            for sequence in 1..=number {
                let key = keys::entry(&prefix, Seq::new(sequence).unwrap());
                batch.insert(&tables.entries, key, *b"\x01\0\0\0\0\0\0\0\x07{}");
            }
        }
        batch.durability(Some(PersistMode::SyncAll)).commit().unwrap();
    }

    /// What a first start leaves that was cut short after it had made these keyspaces.
    fn cut_short(config: &Config, keyspaces: &[&str]) {
        let store = config.directory.join("store");
        let database = fjall::Database::builder(&store).open().unwrap();
        for name in keyspaces {
            database.keyspace(name, fjall::KeyspaceCreateOptions::default).unwrap();
        }
        drop(database);
        // The next one has a folder, and is in no list yet.
        std::fs::create_dir(store.join(format!("keyspaces/{}", keyspaces.len() + 1))).unwrap();
    }

    #[tokio::test]
    async fn keyspaces_have_other_numbers_after_a_first_start_that_was_cut_short() {
        for keyspaces in [&[][..], &["entries"][..], &["entries", "state"][..]] {
            let directory = tempfile::tempdir().unwrap();
            let config = Config::new(directory.path());
            cut_short(&config, keyspaces);
            layout_1(&config);
            assert!(super::super::check(directory.path()).unwrap().upgrade, "{keyspaces:?}");
            // The second start compares the store with the marker that the first one made.
            for _ in 0..2 {
                let store = EmbeddedStore::start(config.clone()).await.unwrap();
                let member = MemberId::new("m20").unwrap();
                let inbox = store.inbox(&member, Seq::ZERO.into(), Count::default()).await.unwrap();
                assert_eq!(inbox.latest_seq.get(), 20, "{keyspaces:?}");
                assert!(store.shutdown(std::time::Duration::from_secs(60)).await);
            }
        }
    }

    #[tokio::test]
    async fn a_first_start_that_was_cut_short_at_its_last_keyspace_goes_on() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        cut_short(&config, &["entries", "state"]);
        let store = EmbeddedStore::start(config).await.unwrap();
        assert!(store.shutdown(std::time::Duration::from_secs(60)).await);
    }

    #[tokio::test]
    async fn a_list_of_keyspaces_of_another_copy_is_refused_without_a_marker_too() {
        for names in [&[][..], &["a", "b", "c"][..], &["a", "entries", "state", "sends"][..]] {
            let (directory, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let config = Config::new(directory.path());
            layout_1(&config);
            cut_short(&Config::new(other.path()), names);
            let list = directory.path().join("store/keyspaces/0");
            std::fs::remove_dir_all(&list).unwrap();
            std::fs::rename(other.path().join("store/keyspaces/0"), &list).unwrap();
            let error = EmbeddedStore::start(config).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{names:?}: {error}");
            assert!(error.to_string().contains("does not have store/keyspaces/1"), "{names:?}: {error}");
        }
    }

    #[tokio::test]
    async fn an_upgrade_that_is_cut_short_anywhere_goes_on() {
        // 20 boxes, 7 at a time, and a last step that finds none.
        for steps in 0..=4 {
            let directory = tempfile::tempdir().unwrap();
            let config = Config::new(directory.path());
            layout_1(&config);
            {
                let directory = Arc::new(Directory::lock(&config.directory).unwrap());
                let mut opened = opening::open_unupgraded(&config, &directory).unwrap();
                for step in 0..steps {
                    assert_eq!(self::step(&mut opened).unwrap().is_none(), step == 3, "{steps} {step}");
                }
            }
            let store = EmbeddedStore::start(config).await.unwrap();
            for number in 1..=20 {
                let member = MemberId::new(format!("m{number:02}")).unwrap();
                let inbox = store.inbox(&member, Seq::ZERO.into(), Count::default()).await.unwrap();
                assert_eq!((inbox.latest_seq.get(), inbox.entries.len() as u64), (number, number));
            }
            assert!(store.shutdown(std::time::Duration::from_secs(60)).await);
        }
    }

    #[tokio::test]
    async fn a_store_that_was_put_back_below_the_marker_of_one_in_the_making_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path());
        layout_1(&config);
        let making = MarkerRecord {
            id: 7,
            generation: 9,
            layout: VERSION,
            phase: Phase::Making,
            batch: 0,
            keyspaces: Vec::new(),
        };
        drop(Marker::open(directory.path(), making).unwrap());
        let error = EmbeddedStore::start(config.clone()).await.unwrap_err();
        assert!(
            error.kind() == ErrorKind::Corrupt && error.to_string().contains("holds messages"),
            "{error}"
        );
        std::fs::remove_file(marker::path(directory.path())).unwrap();
        let store = EmbeddedStore::start(config).await.unwrap();
        let inbox = store.inbox(&MemberId::new("m20").unwrap(), Seq::ZERO.into(), Count::default()).await;
        assert_eq!(inbox.unwrap().latest_seq.get(), 20);
    }
}
