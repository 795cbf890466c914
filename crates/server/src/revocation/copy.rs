//! Revocations for a new data directory.

use std::path::Path;
use std::time::SystemTime;

use tidings::identity::RevocationFile;

use super::drops::Drops;

/// Writes the revocations of one data directory to another, with those that no server has taken up
/// yet. What can be read is written, also if the rest cannot.
pub(crate) fn copy(from: &Path, to: &Path, now: SystemTime) -> anyhow::Result<()> {
    let list = super::list()?;
    let loaded = RevocationFile::new(from).load(&list, now);
    let dropped = Drops::of(from).look().and_then(|found| {
        for drop in &found.drops {
            list.apply(&drop.revocation, now)?;
        }
        found.unreadable.map_or(Ok(()), Err)
    });
    // A directory without any gets no file, as before.
    if !list.is_empty() {
        RevocationFile::new(to).save(&list, now)?;
    }
    loaded?;
    dropped
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::revocation;

    #[test]
    fn what_can_be_read_is_copied_and_what_cannot_is_told() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        copy(from.path(), to.path(), now).unwrap();
        assert!(!to.path().join(RevocationFile::NAME).exists());

        let list = revocation::list().unwrap();
        let carol = list.revoke_user("carol", now).unwrap();
        Drops::of(from.path()).put(&carol, now).unwrap();
        let file = RevocationFile::new(from.path());
        let list = revocation::list().unwrap();
        list.revoke_user("bob", now).unwrap();
        file.save(&list, now).unwrap();
        copy(from.path(), to.path(), now).unwrap();
        let users = || {
            let list = revocation::list().unwrap();
            RevocationFile::new(to.path()).load(&list, now).unwrap();
            let mut users: Vec<String> =
                list.list(now).iter().filter_map(|entry| entry.user().map(str::to_owned)).collect();
            users.sort();
            users
        };
        assert_eq!(users(), ["bob", "carol"]);

        fs::write(from.path().join(RevocationFile::NAME), "half").unwrap();
        assert!(copy(from.path(), to.path(), now).is_err());
        assert_eq!(users(), ["carol"]);
    }
}
