//! What a data directory says, makes and leaves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::*;

#[test]
fn one_server_at_a_time() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let first = DataDir::open(&path).unwrap();
    let error = DataDir::open(&path).unwrap_err().to_string();
    assert!(
        error.contains("in use by another tidings") && error.contains(&std::process::id().to_string()),
        "{error}"
    );
    let id = first.id();
    drop(first);
    assert_eq!(DataDir::open(&path).unwrap().id(), id);
}

#[test]
fn one_server_at_a_time_also_while_others_leave_nothing_behind() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let is_held = AtomicBool::new(false);
    let hold = || {
        let mut held = 0;
        while held < 30 {
            // In use by another one.
            let Ok(mut dir) = DataDir::open(&path) else { continue };
            assert!(!is_held.swap(true, Ordering::SeqCst), "two hold it");
            assert!(path.join("id").exists(), "what is ours was removed");
            held += 1;
            is_held.store(false, Ordering::SeqCst);
            dir.made.undo();
        }
    };
    thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(hold);
        }
    });
    assert!(!path.join("id").exists());
}

#[test]
fn lock_that_was_removed_while_another_one_opened_it_is_none() {
    let parent = tempfile::tempdir().unwrap();
    let place = parent.path().join("lock");
    let open = || File::options().create(true).truncate(false).write(true).open(&place).unwrap();
    let first = open();
    assert!(is_at(&first, &place).unwrap());
    fs::remove_file(&place).unwrap();
    assert!(!is_at(&first, &place).unwrap());
    let second = open();
    assert!(!is_at(&first, &place).unwrap() && is_at(&second, &place).unwrap());
}

#[test]
fn lock_that_nobody_can_take_goes_again_and_one_that_another_process_may_have_stays() {
    let parent = tempfile::tempdir().unwrap();
    let place = parent.path().join(LOCK);
    let errors = [(Errno::NOSYS, false), (Errno::OPNOTSUPP, false), (Errno::NOLCK, true)];
    let errors = errors.map(|(errno, stays)| (TryLockError::Error(errno.into()), stays));
    for (failed, stays) in errors.into_iter().chain([(TryLockError::WouldBlock, true)]) {
        let (mut lock, mut made) = (File::create_new(&place).unwrap(), Made::default());
        let tried = Err(failed);
        note_unlockable(&mut made, &place, &tried);
        say_who(parent.path(), &mut lock, tried).unwrap_err();
        made.undo();
        assert_eq!(place.exists(), stays);
        if stays {
            fs::remove_file(&place).unwrap();
        }
    }
}

#[test]
fn directory_that_takes_no_file_is_refused_and_not_tried_for_ever() {
    // It is the kernel's, and says that a file which is to be made is not found.
    let refused = DataDir::open(Path::new("/proc")).unwrap_err().to_string();
    assert!(refused.starts_with("--data-dir: /proc cannot be "), "{refused}");
}

#[test]
fn checking_leaves_nothing_behind_and_keeps_what_was_there() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("a/b/c");
    check_now(&path, CheckExtent::Everything).unwrap();
    assert!(!parent.path().join("a").exists());
    let empty = parent.path().join("empty");
    fs::create_dir(&empty).unwrap();
    check_now(&empty, CheckExtent::Everything).unwrap();
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    drop(DataDir::open(&path).unwrap());
    check_now(&path, CheckExtent::Everything).unwrap();
    assert!(path.join("id").exists());
}

#[test]
fn where_messages_are_elsewhere_those_in_the_directory_are_told_and_not_looked_at() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    assert_eq!(check_now(&path, CheckExtent::Directory).unwrap(), None);
    assert!(!path.exists());
    let directory = DataDir::open(&path).unwrap();
    assert_eq!(directory.unread(), None);
    fs::create_dir(directory.timelines()).unwrap();
    // No store has made this.
    fs::write(directory.timelines().join("store"), "").unwrap();
    directory.note_timelines().unwrap();
    drop(directory);
    check_now(&path, CheckExtent::Timelines).unwrap_err();
    let note = check_now(&path, CheckExtent::Directory).unwrap().unwrap();
    assert!(note.contains("which are not read"), "{note}");
}

#[test]
fn an_id_that_cannot_be_read_is_not_replaced() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    drop(DataDir::open(&path).unwrap());
    let good = fs::read(path.join("id")).unwrap();
    for bad in [&b""[..], b"\n", b"no id", b"\xff\xfe", &good[..20]] {
        fs::write(path.join("id"), bad).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("contains no id") && error.contains("backup"), "{error}");
        assert_eq!(fs::read(path.join("id")).unwrap(), bad, "it is left as it is");
    }
    fs::create_dir(path.join("timelines")).unwrap();
    fs::remove_file(path.join("id")).unwrap();
    let error = DataDir::open(&path).unwrap_err().to_string();
    assert!(error.contains("is missing, although"), "{error}");
    fs::write(path.join("id"), &good).unwrap();
    DataDir::open(&path).unwrap().note_timelines().unwrap();
    // The timelines may be put back later, and then they are still those of this id.
    fs::remove_dir(path.join("timelines")).unwrap();
    fs::remove_file(path.join("id")).unwrap();
    let error = DataDir::open(&path).unwrap_err().to_string();
    assert!(error.contains("is missing, although"), "{error}");
    assert!(!path.join("id").exists(), "none is made");
    fs::write(path.join("id"), good).unwrap();
    DataDir::open(&path).unwrap();
}

#[test]
fn an_id_without_timelines_is_not_that_of_a_new_directory() {
    let parent = tempfile::tempdir().unwrap();
    // As older versions left it, whose timelines are gone.
    let path = parent.path().join("old");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("id"), Uuid::new_v4().to_string()).unwrap();
    fs::write(path.join("lock"), "7").unwrap();
    for empty in [false, true] {
        if empty {
            fs::create_dir(path.join("timelines")).unwrap();
        }
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("timelines is missing or empty"), "{error}");
        assert_eq!(check_now(&path, CheckExtent::Timelines).unwrap_err().to_string(), error);
        assert!(!path.join(NO_TIMELINES_YET).exists(), "it stays as it is");
    }
    fs::write(path.join("timelines/lock"), "").unwrap();
    drop(DataDir::open(&path).unwrap());
    let error = check_now(&path, CheckExtent::Timelines).unwrap_err();
    assert!(format!("{error:#}").contains("store is missing or empty"), "{error:#}");
    // What both errors say to remove is enough.
    fs::remove_file(path.join("timelines/lock")).unwrap();
    let error = DataDir::open(&path).unwrap_err().to_string();
    assert!(error.contains("/id and what is left of that folder"), "{error}");
    fs::remove_file(path.join("id")).unwrap();
    fs::remove_dir(path.join("timelines")).unwrap();
    drop(DataDir::open(&path).unwrap());

    // A first start that went no further than this is repeated.
    let path = parent.path().join("new");
    fs::create_dir(&path).unwrap();
    drop(DataDir::open(&path).unwrap());
    let dir = DataDir::open(&path).unwrap();
    dir.note_timelines().unwrap();
    assert!(!path.join(NO_TIMELINES_YET).exists());
}

#[test]
fn a_salvage_begins_only_where_nothing_is_or_one_was_cut_short() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    assert!(DataDir::is_vacant(&path));
    let dir = DataDir::open(&path).unwrap();
    fs::create_dir(dir.timelines()).unwrap();
    assert!(DataDir::is_vacant(&path));
    fs::write(path.join("other"), "").unwrap();
    assert!(!DataDir::is_vacant(&path));
    fs::remove_file(path.join("other")).unwrap();
    dir.note_timelines().unwrap();
    assert!(!DataDir::is_vacant(&path));
    // An older version left the same files, but no sign.
    fs::remove_file(path.join(HAD_TIMELINES)).unwrap();
    assert!(!DataDir::is_vacant(&path));
}

#[test]
fn an_import_that_was_cut_short_goes_on_in_its_directory() {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let dir = DataDir::open(&path).unwrap();
    let cut = b"{\"type\":\"store\",\"format\":1,\"id\":\"0\",\"generation\":1,\"batch\":1}\n";
    embedded::import(&cut[..], &dir.timelines(), |_| {}).unwrap_err();
    assert!(embedded::is_cut_import(&dir.timelines()) && DataDir::is_vacant(&path));
    // Also when it was cut after the note.
    dir.note_timelines().unwrap();
    assert!(DataDir::is_vacant(&path));
    drop(dir);
    let error = format!("{:#}", DataDir::open(&path).unwrap().check_timelines(false).unwrap_err());
    assert!(error.contains("tidings import"), "{error}");
}

#[test]
fn other_users_are_kept_out() {
    use std::os::unix::fs::PermissionsExt as _;

    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    let dir = DataDir::open(&path).unwrap();
    assert!(!dir.had_timelines());
    dir.note_timelines().unwrap();
    assert!(dir.had_timelines());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    for file in ["id", "lock", HAD_TIMELINES] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_path_below_a_file_is_named() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("file"), "").unwrap();
    let error = DataDir::open(&parent.path().join("file/data")).unwrap_err().to_string();
    assert!(error.starts_with("--data-dir: ") && error.contains("cannot be created"), "{error}");
}
