use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use super::*;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn revocation(user: &str) -> Revocation {
    format!(r#"{{"user":"{user}","until":17}}"#).parse().unwrap()
}

fn users(found: &Found) -> Vec<&str> {
    found.drops.iter().filter_map(|drop| drop.revocation.user()).collect()
}

#[test]
fn drops_are_read_in_the_order_of_time_and_are_for_their_owner_alone() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    assert!(users(&drops.look().unwrap()).is_empty());
    let mut paths = Vec::new();
    for (user, second) in [("late", 1_700_000_000), ("early", 9), ("between", 1_000)] {
        paths.push(drops.put(&revocation(user), at(second)).unwrap());
    }
    let found = drops.look().unwrap();
    assert_eq!(users(&found), ["early", "between", "late"]);
    assert!(found.broken.is_empty());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&paths[0]), mode(&parent.path().join("revoke"))), (0o600, 0o700));

    Drops::remove(&found.drops).unwrap();
    assert!(users(&drops.look().unwrap()).is_empty());
    // What is gone already is no error: a crash may come between removing and noting it.
    Drops::remove(&found.drops).unwrap();
}

#[test]
fn what_is_no_drop_is_moved_aside_once_and_harms_no_drop() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    drops.put(&revocation("bob"), at(7)).unwrap();
    let directory = parent.path().join("revoke");
    fs::write(directory.join("1.drop"), r#"{"user":"half"#).unwrap();
    fs::write(directory.join("2.drop"), [0xff, 0xfe]).unwrap();
    let long = revocation("bob").to_string() + &" ".repeat(5_000);
    fs::write(directory.join("3.drop"), long).unwrap();
    symlink(directory.join("1.drop"), directory.join("4.drop")).unwrap();
    fs::create_dir(directory.join("5.drop")).unwrap();
    fs::write(directory.join("notes.txt"), "hello").unwrap();
    // One that a command is still writing is neither read nor moved.
    fs::write(directory.join("6.new"), r#"{"user":"half"#).unwrap();

    let found = drops.look().unwrap();
    assert_eq!((users(&found), found.broken.len()), (vec!["bob"], 6));
    drops.set_aside(&found.broken);
    for name in ["1.drop", "2.drop", "3.drop", "4.drop", "5.drop", "notes.txt"] {
        let path = directory.join(name);
        assert!(fs::symlink_metadata(&path).is_err(), "{name}");
        assert!(fs::symlink_metadata(directory.join(format!("{name}.broken"))).is_ok(), "{name}");
    }
    assert_eq!(Drops::answer(&directory.join("1.drop")), DropAnswer::Refused);
    assert!(directory.join("6.new").exists());
    let found = drops.look().unwrap();
    assert_eq!((users(&found), found.broken.len()), (vec!["bob"], 0));
}

#[test]
fn there_are_only_so_many_and_beyond_them_the_command_is_refused() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    let directory = parent.path().join("revoke");
    fs::create_dir(&directory).unwrap();
    for number in 0..=Drops::FILES_MAX {
        fs::write(directory.join(format!("{number:05}.drop")), revocation("bob").to_string()).unwrap();
    }
    assert!(
        format!("{:#}", drops.put(&revocation("carol"), at(7)).unwrap_err()).contains("start the server")
    );
    let found = drops.look().unwrap();
    assert_eq!(found.drops.len(), Drops::FILES_MAX);
    assert!(found.drops[0].path.ends_with("00000.drop"), "the oldest are first");
    Drops::remove(&found.drops).unwrap();
    assert_eq!(drops.look().unwrap().drops.len(), 1);
}

#[test]
fn a_directory_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("revoke"), "a file").unwrap();
    assert!(format!("{:#}", Drops::of(parent.path()).look().unwrap_err()).contains("cannot be read"));
}

#[test]
fn a_drop_that_cannot_be_read_is_told_and_keeps_no_other_one_waiting() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    let closed = drops.put(&revocation("alice"), at(1)).unwrap();
    drops.put(&revocation("bob"), at(2)).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let found = drops.look().unwrap();
    // Root may read everything.
    if rustix::process::geteuid().is_root() {
        assert!(found.unreadable.is_none() && users(&found) == ["alice", "bob"]);
    } else {
        let error = format!("{:#}", found.unreadable.as_ref().unwrap());
        assert!(error.contains(&closed.display().to_string()), "{error}");
        assert_eq!(users(&found), ["bob"]);
    }
    assert!(closed.exists() && found.broken.is_empty());
}

#[test]
fn a_drop_without_a_place_is_answered_and_the_answer_can_be_removed() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    let path = drops.put(&revocation("bob"), at(7)).unwrap();
    assert_eq!(Drops::answer(&path), DropAnswer::Waiting);
    drops.answer_full(&drops.look().unwrap().drops);
    assert_eq!(Drops::answer(&path), DropAnswer::Full);
    // It is neither a drop nor broken from then on.
    let found = drops.look().unwrap();
    assert!(found.drops.is_empty() && found.broken.is_empty());
    assert!(Drops::take_back(&path).unwrap() && !Drops::take_back(&path).unwrap());
    assert_eq!(fs::read_dir(parent.path().join("revoke")).unwrap().count(), 0);
}

#[test]
fn what_a_command_left_half_written_is_swept_when_it_is_old_and_nothing_else() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    drops.sweep(at(1_000)).unwrap();
    drops.put(&revocation("bob"), at(7)).unwrap();
    let directory = parent.path().join("revoke");
    for (name, written) in [("old.new", 900), ("fresh.new", 990), ("old.drop.full", 900)] {
        let file = File::create(directory.join(name)).unwrap();
        file.set_modified(at(written)).unwrap();
    }
    drops.sweep(at(1_000)).unwrap();
    let mut left: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.retain(|name| Path::new(name).extension().is_none_or(|end| end != "drop"));
    left.sort();
    assert_eq!(left, ["fresh.new", "old.drop.full"]);
    assert_eq!(users(&drops.look().unwrap()), ["bob"]);
}

#[test]
fn a_command_that_cannot_finish_its_drop_leaves_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    let drops = Drops::of(parent.path());
    drops.put(&revocation("bob"), at(7)).unwrap();
    // What it is to be given to cannot be asked for any more, which comes after the writing.
    let gone = Drops { data_dir: parent.path().join("gone"), ..drops };
    assert!(gone.put(&revocation("carol"), at(8)).is_err());
    assert_eq!(fs::read_dir(parent.path().join("revoke")).unwrap().count(), 1);
}
