//! The revocations of one server, in a file of its data directory.

use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use tidings::identity::{RevocationFile, Revocations};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::drops::{Drops, WaitingDrop};
use super::full_log::FullLog;
use crate::clock;
use crate::health::Condition;

/// How often it is looked for what a command has dropped.
const EVERY: Duration = Duration::from_millis(250);

/// Keeps the list in its file, and takes up what commands drop.
#[derive(Debug)]
pub(super) struct FileStore {
    list: Revocations,
    file: RevocationFile,
    drops: Drops,
    full: FullLog,
    state: watch::Sender<Condition>,
}

impl FileStore {
    /// Reads the file and what was dropped while no server ran. It blocks for as long.
    pub(super) fn open(data_dir: &Path, list: Revocations, now: SystemTime) -> anyhow::Result<Self> {
        let (file, drops) = (RevocationFile::new(data_dir), Drops::of(data_dir));
        file.load(&list, now).context("--data-dir")?;
        // They harm nobody, and what is wrong with the directory is said by the look at it.
        if let Err(error) = drops.sweep(now) {
            tracing::debug!(%error, "half-written revocations stay");
        }
        let (full, state) = (FullLog::default(), watch::Sender::new(Condition::Well));
        let store = Self { list, file, drops, full, state };
        match store.look(now) {
            Condition::Down(reason) => bail!("{reason}"),
            // All is known, and what cannot be written is said by health.
            condition => store.state.send_replace(condition),
        };
        Ok(store)
    }

    /// Says whether all of it can be read, and changes nothing.
    pub(super) fn check(data_dir: &Path, list: &Revocations, now: SystemTime) -> anyhow::Result<()> {
        RevocationFile::new(data_dir).load(list, now).context("--data-dir")?;
        Drops::of(data_dir).look()?.unreadable.map_or(Ok(()), Err)
    }

    pub(super) fn state(&self) -> watch::Receiver<Condition> {
        self.state.subscribe()
    }

    /// Looks for drops until the stop.
    pub(super) async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A look is not cut off: the lock of the data directory may be let go after the stop.
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let store = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || store.look(clock::now())).await {
                Ok(condition) => self.say(condition),
                // The supervisor starts this again.
                Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
                Err(_) => return,
            }
        }
    }

    fn say(&self, condition: Condition) {
        self.state.send_if_modified(|state| {
            let is_news = *state != condition;
            *state = condition;
            is_news
        });
    }

    /// Takes up what was dropped, and says how the store is then.
    fn look(&self, now: SystemTime) -> Condition {
        let found = match self.drops.look() {
            Ok(found) => found,
            Err(error) => return Condition::Down(format!("{error:#}").into()),
        };
        self.drops.set_aside(&found.broken);
        let (mut taken, mut without_place) = (Vec::new(), Vec::new());
        for drop in found.drops {
            match self.list.apply(&drop.revocation, now) {
                Ok(_) => taken.push(drop),
                Err(error) => {
                    self.full.note(&error);
                    without_place.push(drop);
                }
            }
        }
        if without_place.is_empty() && self.full.is_on() && !self.list.is_full(now) {
            self.full.over();
        }
        // The command waits, and says at once that nothing is revoked.
        self.drops.answer_full(&without_place);
        let finished = self.finish(&taken, now);
        if let Some(error) = found.unreadable {
            return Condition::Down(format!("{error:#}").into());
        }
        match finished {
            Err(error) => Condition::ReadOnly(format!("{error:#}").into()),
            Ok(()) => Condition::Well,
        }
    }

    /// Saves what was taken up, and only then removes where it came from. They count already, and
    /// after a crash in between they are taken up again, which changes nothing.
    fn finish(&self, taken: &[WaitingDrop], now: SystemTime) -> anyhow::Result<()> {
        if taken.is_empty() {
            return Ok(());
        }
        self.file.save(&self.list, now).context("--data-dir")?;
        Drops::remove(taken)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tidings::identity::{Identity, RevocationsConfig};

    use super::*;
    use crate::revocation::drops::DropAnswer;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn is_revoked(list: &Revocations, user: &str) -> bool {
        list.is_revoked(&Identity::new(user, at(9_000)).unwrap(), at(1_001))
    }

    #[test]
    fn what_was_dropped_is_taken_up_saved_and_known_after_a_restart() {
        let parent = tempfile::tempdir().unwrap();
        let drops = Drops::of(parent.path());
        let revocation = crate::revocation::list().unwrap().revoke_user("bob", at(1_000)).unwrap();
        let before = drops.put(&revocation, at(1_000)).unwrap();
        let list = crate::revocation::list().unwrap();
        let store = FileStore::open(parent.path(), list.clone(), at(1_001)).unwrap();
        assert!(is_revoked(&list, "bob") && !is_revoked(&list, "carol") && !before.exists());

        let revocation = crate::revocation::list().unwrap().revoke_user("carol", at(1_000)).unwrap();
        let meanwhile = drops.put(&revocation, at(1_000)).unwrap();
        assert_eq!(store.look(at(1_001)), Condition::Well);
        assert!(is_revoked(&list, "carol") && !meanwhile.exists());

        let list = crate::revocation::list().unwrap();
        FileStore::open(parent.path(), list.clone(), at(1_001)).unwrap();
        assert!(is_revoked(&list, "bob") && is_revoked(&list, "carol"));
    }

    #[test]
    fn a_drop_that_cannot_be_saved_counts_and_stays() {
        let parent = tempfile::tempdir().unwrap();
        let list = crate::revocation::list().unwrap();
        let store = FileStore::open(parent.path(), list.clone(), at(1_001)).unwrap();
        let revocation = crate::revocation::list().unwrap().revoke_user("bob", at(1_000)).unwrap();
        let path = store.drops.put(&revocation, at(1_000)).unwrap();
        // The file cannot be renamed over a directory.
        let file = parent.path().join(RevocationFile::NAME);
        fs::create_dir(&file).unwrap();
        assert!(matches!(store.look(at(1_001)), Condition::ReadOnly(_)));
        assert!(is_revoked(&list, "bob") && path.exists());
        fs::remove_dir(&file).unwrap();
        assert_eq!(store.look(at(1_001)), Condition::Well);
        assert!(!path.exists());
    }

    #[test]
    fn a_full_list_answers_what_has_no_place_and_stays_well_with_what_it_has() {
        let parent = tempfile::tempdir().unwrap();
        let drops = Drops::of(parent.path());
        let drop_of = |user| {
            let revocation = crate::revocation::list().unwrap().revoke_user(user, at(1_000)).unwrap();
            drops.put(&revocation, at(1_000)).unwrap()
        };
        let config = RevocationsConfig::new(Duration::from_secs(3_600)).entries_max(1);
        let list = Revocations::new(config).unwrap();
        list.revoke_user("bob", at(1_000)).unwrap();
        // At the start, and later.
        let first = drop_of("carol");
        let store = FileStore::open(parent.path(), list.clone(), at(1_001)).unwrap();
        let second = drop_of("dave");
        assert_eq!(*store.state().borrow(), Condition::Well);
        assert_eq!(store.look(at(1_001)), Condition::Well);
        for path in [first, second] {
            assert_eq!(Drops::answer(&path), DropAnswer::Full);
        }
        assert!(store.full.is_on());
        assert!(is_revoked(&list, "bob") && !is_revoked(&list, "carol") && !is_revoked(&list, "dave"));
        // When the entry of bob is over there is a place, and who comes then has it.
        assert_eq!(store.look(at(9_000)), Condition::Well);
        assert!(!store.full.is_on());
    }

    #[test]
    fn a_file_or_a_directory_that_cannot_be_read_is_no_empty_list() {
        let parent = tempfile::tempdir().unwrap();
        let (file, revoke) = (parent.path().join(RevocationFile::NAME), parent.path().join("revoke"));
        for path in [&file, &revoke] {
            fs::write(path, "half").unwrap();
            let list = crate::revocation::list().unwrap();
            assert!(FileStore::check(parent.path(), &list, at(1_001)).is_err());
            let error = FileStore::open(parent.path(), list, at(1_001)).unwrap_err();
            assert!(format!("{error:#}").starts_with("--data-dir"), "{error:#}");
            fs::remove_file(path).unwrap();
        }
    }
}
