//! Revocations: what they end, how they come together, and how they outlive a restart.

use std::fs;
use std::time::Duration;

use identity::{ErrorKind, Identity, Revocation, RevocationFile, Revocations, RevocationsConfig};
use proptest::prelude::*;
use tokio::time::timeout;

use crate::PATIENCE;
use crate::made::{NOW, at, now};

const HOUR: u64 = 3_600;

fn list() -> Revocations {
    Revocations::new(RevocationsConfig::new(Duration::from_secs(HOUR))).unwrap()
}

fn identity(user: &str, issued_at: Option<u64>, jti: &str) -> Identity {
    let identity = Identity::new(user, at(NOW + HOUR)).unwrap().with_jti(jti).unwrap();
    match issued_at {
        Some(second) => identity.with_issued_at(at(second)),
        None => identity,
    }
}

#[test]
fn each_kind_ends_what_it_says_and_nothing_else() {
    let bob = identity("bob", Some(NOW), "1");
    let later = identity("bob", Some(NOW + 10), "2");
    let alice = identity("alice", Some(NOW), "3");
    let unknown = identity("alice", None, "4");
    let ended = |list: &Revocations| {
        [&bob, &later, &alice, &unknown].map(|identity| list.is_revoked(identity, now()))
    };
    assert_eq!(ended(&list()), [false; 4]);
    let by_user = list();
    by_user.revoke_user("bob", now()).unwrap();
    assert_eq!(ended(&by_user), [true, true, false, false]);
    let by_token = list();
    by_token.revoke_token("3", now()).unwrap();
    assert_eq!(ended(&by_token), [false, false, true, false]);
    let by_time = list();
    by_time.revoke_issued_before(at(NOW + 5), now()).unwrap();
    assert_eq!(ended(&by_time), [true, false, true, true]);
    let by_user_and_time = list();
    by_user_and_time.revoke_user_issued_before("bob", at(NOW + 5), now()).unwrap();
    assert_eq!(ended(&by_user_and_time), [true, false, false, false]);
    // Whatever was issued within the second counts as issued at its beginning.
    let within = list();
    within.revoke_issued_before(now() + Duration::from_millis(1), now()).unwrap();
    assert!(within.is_revoked(&bob, now()));
    let exact = list();
    exact.revoke_issued_before(now(), now()).unwrap();
    assert!(!exact.is_revoked(&bob, now()));
}

#[test]
fn an_entry_counts_until_no_token_that_it_concerns_can_be_valid() {
    let list = list();
    let entry = list.revoke_user("bob", now()).unwrap();
    assert!(entry.until() > at(NOW + HOUR) && entry.until() <= at(NOW + HOUR + 2));
    let bob = identity("bob", Some(NOW), "1");
    assert!(list.is_revoked(&bob, at(NOW + HOUR)));
    assert!(!list.is_revoked(&bob, entry.until()));
    assert_eq!((list.list(at(NOW + HOUR)).len(), list.list(entry.until()).len()), (1, 0));
    list.remove_expired(entry.until());
    assert!(list.is_empty());
    assert!(!list.apply(&entry, entry.until()).unwrap());
    assert!(list.is_empty());
}

#[test]
fn a_full_list_refuses_what_is_new_and_keeps_what_it_has() {
    let config = RevocationsConfig::new(Duration::from_secs(HOUR)).entries_max(2);
    let list = Revocations::new(config.clone()).unwrap();
    let entry = list.revoke_user("bob", now()).unwrap();
    assert!(!list.is_full(now()));
    list.revoke_token("1", now()).unwrap();
    assert!(list.is_full(now()) && !list.is_full(at(NOW + 2 * HOUR)));
    let list = Revocations::new(config).unwrap();
    list.apply(&entry, now()).unwrap();
    list.revoke_token("1", now()).unwrap();
    assert_eq!(list.revoke_user("alice", now()).unwrap_err().kind(), ErrorKind::Full);
    assert!(!list.apply(&entry, now()).unwrap());
    assert!(list.is_revoked(&identity("bob", Some(NOW), "x"), now()));
    // The way out for an operator always works.
    list.revoke_issued_before(at(NOW + 1), now()).unwrap();
    assert!(list.is_revoked(&identity("alice", Some(NOW), "x"), now()));
    // Entries that no longer count give their places back.
    assert!(list.revoke_user("alice", at(NOW + 2 * HOUR)).is_ok());
}

#[test]
fn a_full_list_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = RevocationFile::new(folder.path());
    let config = RevocationsConfig::new(Duration::from_secs(HOUR)).entries_max(2);
    let (before, after) = (Revocations::new(config.clone()).unwrap(), Revocations::new(config).unwrap());
    before.revoke_user("bob", now()).unwrap();
    before.revoke_user_issued_before("alice", now(), now()).unwrap();
    before.revoke_issued_before(now(), now()).unwrap();
    assert_eq!(before.revoke_token("1", now()).unwrap_err().kind(), ErrorKind::Full);
    file.save(&before, now()).unwrap();
    assert_eq!(file.load(&after, now()).unwrap(), 3);
    assert_eq!(sorted(&after), sorted(&before));
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = RevocationFile::new(folder.path());
    let list = Revocations::new(RevocationsConfig::new(Duration::from_secs(HOUR))).unwrap();
    // Nothing can be renamed over a directory.
    fs::create_dir(folder.path().join(RevocationFile::NAME)).unwrap();
    assert_eq!(file.save(&list, now()).unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn wrong_settings_and_names_are_refused() {
    for config in [
        RevocationsConfig::new(Duration::ZERO),
        RevocationsConfig::new(Duration::from_secs(HOUR)).entries_max(0),
    ] {
        assert_eq!(Revocations::new(config).unwrap_err().kind(), ErrorKind::Config);
    }
    assert_eq!(list().revoke_user("", now()).unwrap_err().kind(), ErrorKind::Invalid);
    assert_eq!(list().revoke_token(&"x".repeat(513), now()).unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn who_waits_hears_of_each_entry_that_is_news() {
    let list = list();
    let mut changes = list.changes();
    let entry = list.revoke_user("bob", now()).unwrap();
    timeout(PATIENCE, changes.changed()).await.unwrap().unwrap();
    assert_eq!(*changes.borrow_and_update(), 1);
    assert!(!list.apply(&entry, now()).unwrap());
    assert!(!changes.has_changed().unwrap());
}

#[test]
fn a_file_keeps_them_and_a_damaged_one_is_never_empty() {
    let folder = tempfile::tempdir().unwrap();
    let file = RevocationFile::new(folder.path());
    assert_eq!(file.load(&list(), now()).unwrap(), 0);
    let before = list();
    before.revoke_user("bob \"the\" builder", now()).unwrap();
    before.revoke_token("1", now()).unwrap();
    before.revoke_issued_before(at(NOW - 1), now()).unwrap();
    before.revoke_user_issued_before("alice", now(), now()).unwrap();
    file.save(&before, now()).unwrap();
    file.save(&before, now()).unwrap();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let after = list();
    assert_eq!(RevocationFile::new(folder.path()).load(&after, now()).unwrap(), 4);
    assert_eq!(sorted(&after), sorted(&before));
    assert_eq!(file.load(&after, now()).unwrap(), 0);

    let path = folder.path().join(RevocationFile::NAME);
    let whole = fs::read(&path).unwrap();
    for damaged in [&whole[..0], &whole[..whole.len() / 2], &whole[1..], b"\xff\xff"] {
        fs::write(&path, damaged).unwrap();
        let error = file.load(&list(), now()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    // What a crash left aside is not read.
    fs::write(folder.path().join("revocations.new"), "half").unwrap();
    fs::write(&path, &whole).unwrap();
    assert_eq!(file.load(&list(), now()).unwrap(), 4);
    let missing = RevocationFile::new(folder.path().join("missing"));
    assert_eq!(missing.save(&before, now()).unwrap_err().kind(), ErrorKind::Unavailable);
}

#[cfg(unix)]
#[test]
fn a_file_is_for_its_owner_alone_whatever_lay_aside() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (path, aside) = (folder.path().join(RevocationFile::NAME), folder.path().join("revocations.new"));
    let elsewhere = folder.path().join("elsewhere");
    let file = RevocationFile::new(folder.path());
    let is_private = || fs::metadata(&path).unwrap().permissions().mode() & 0o777 == 0o600;
    file.save(&list(), now()).unwrap();
    assert!(is_private());
    fs::write(&aside, "half").unwrap();
    file.save(&list(), now()).unwrap();
    assert!(is_private());
    fs::write(&elsewhere, "whole").unwrap();
    symlink(&elsewhere, &aside).unwrap();
    file.save(&list(), now()).unwrap();
    assert!(is_private() && !fs::symlink_metadata(&path).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "whole");
}

fn sorted(list: &Revocations) -> Vec<String> {
    let mut texts: Vec<String> = list.list(now()).iter().map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// Entries of few users, tokens and times, so that they meet.
fn entry() -> impl Strategy<Value = Revocation> {
    let until = NOW - 5..NOW + 20;
    let before = NOW - 10..NOW + 10;
    let user = prop::sample::select(vec!["a", "b", "c"]);
    let texts = prop_oneof![
        (user.clone(), until.clone())
            .prop_map(|(user, until)| format!(r#"{{"user":"{user}","until":{until}}}"#)),
        (user.clone(), until.clone())
            .prop_map(|(jti, until)| format!(r#"{{"jti":"{jti}","until":{until}}}"#)),
        (before.clone(), until.clone())
            .prop_map(|(before, until)| format!(r#"{{"before":{before},"until":{until}}}"#)),
        (user, before, until).prop_map(|(user, before, until)| {
            format!(r#"{{"user":"{user}","before":{before},"until":{until}}}"#)
        }),
    ];
    texts.prop_map(|text| text.parse().unwrap())
}

fn all_of<'e>(entries: impl IntoIterator<Item = &'e Revocation>) -> Revocations {
    let list = list();
    for entry in entries {
        list.apply(entry, now()).unwrap();
    }
    list
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_order_and_the_number_of_times_make_no_difference(
        entries in prop::collection::vec(entry(), 0..20),
        cut in 0..20_usize,
    ) {
        let one = all_of(&entries);
        prop_assert_eq!(sorted(&all_of(entries.iter().rev())), sorted(&one));
        prop_assert_eq!(sorted(&all_of(entries.iter().chain(&entries))), sorted(&one));
        // Two processes that have heard of a part each, and then tell each other.
        let (here, there) = entries.split_at(cut.min(entries.len()));
        let (here, there) = (all_of(here), all_of(there));
        let heard = here.list(now());
        for entry in &there.list(now()) {
            here.apply(entry, now()).unwrap();
        }
        for entry in &heard {
            there.apply(entry, now()).unwrap();
        }
        prop_assert_eq!(sorted(&here), sorted(&one));
        prop_assert_eq!(sorted(&there), sorted(&one));
        for entry in &entries {
            prop_assert!(!one.apply(entry, now()).unwrap());
        }
    }

    #[test]
    fn an_entry_ends_what_it_concerns_also_among_others(
        entries in prop::collection::vec(entry(), 0..12),
        user in prop::sample::select(vec!["a", "b", "d"]),
        jti in prop::sample::select(vec!["a", "b", "d"]),
        issued in NOW - 12..NOW + 12,
    ) {
        let someone = identity(user, Some(issued), jti);
        let concerns = |entry: &Revocation| {
            entry.until() > now()
                && entry.user().is_none_or(|of| of == user)
                && entry.jti().is_none_or(|of| of == jti)
                && entry.before().is_none_or(|before| at(issued) < before)
        };
        let together = all_of(&entries);
        // Of two times for the same tokens the later of each counts: more is revoked, never less.
        if entries.iter().any(concerns) {
            prop_assert!(together.is_revoked(&someone, now()));
        } else if entries.iter().all(|entry| entry.before().is_none()) {
            prop_assert!(!together.is_revoked(&someone, now()));
        }
    }
}
