//! A disk that fills or takes no writes, descriptors that run out: the store refuses sends, says
//! why, and goes on by itself when it can.
//!
//! Each of these tests runs in a process of its own, with a disk or a limit of its own.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use timeline::embedded::EmbeddedStore;
use timeline::{
    Config, Count, ErrorKind, MemberId, Message, MessageId, NewMessage, Seq, State, Timeline, embedded,
};
use tokio::time::timeout;

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Tells the child where its store is; without it the child's test does nothing.
const DIRECTORY: &str = "TIMELINE_FULL_DIRECTORY";

/// Runs the test `child` of this file after a shell, which `program` starts, has made `before` of
/// the machine.
fn run(program: &[&str], before: &str, child: &str, directory: &Path) {
    let output = Command::new(program[0])
        .args(&program[1..])
        .args(["-c", &format!("{before} && exec \"$0\" full::{child} --exact --nocapture")])
        .arg(std::env::current_exe().unwrap())
        .env(DIRECTORY, directory)
        .output()
        .unwrap();
    check(&output);
    let said = String::from_utf8_lossy(&output.stdout);
    // A name that no test has would pass, too.
    assert!(said.contains("1 passed"), "{child} did not run: {said}");
}

fn check(output: &Output) {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn directory() -> Option<PathBuf> {
    std::env::var_os(DIRECTORY).map(PathBuf::from)
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

async fn open(config: embedded::Config) -> Timeline {
    let store = EmbeddedStore::start(config).await.unwrap();
    Timeline::start(Config::default(), store).unwrap()
}

async fn send(timeline: &Timeline, bytes: usize) -> timeline::Result<Seq> {
    send_as(timeline, bytes, None).await
}

async fn send_as(timeline: &Timeline, bytes: usize, id: Option<&str>) -> timeline::Result<Seq> {
    let message = Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(bytes))).unwrap();
    let message_id = id.map(|id| MessageId::new(id).unwrap());
    let send = NewMessage::new(member("a"), member("a"), message).message_id(message_id);
    Ok(timeline.send(send).await?.sequence)
}

/// While sends are refused: one that is stored already is answered as it was, and one that is not
/// is refused.
async fn repetitions_are_answered(timeline: &Timeline, first: Seq) {
    assert_eq!(send_as(timeline, 10, Some("first")).await.unwrap(), first);
    let error = send_as(timeline, 11, Some("first")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    let error = send_as(timeline, 10, Some("never stored")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

/// Sends until one is refused; returns how many were acknowledged.
async fn send_until_refused(timeline: &Timeline, bytes: usize) -> u64 {
    let mut acknowledged = 0;
    loop {
        match send(timeline, bytes).await {
            Ok(_) => acknowledged += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                return acknowledged;
            }
        }
    }
}

async fn until(timeline: &Timeline, wished: impl FnMut(&State) -> bool) -> String {
    let mut state = timeline.state();
    let found = timeout(Duration::from_secs(60), state.wait_for(wished)).await;
    found.expect("within a minute").unwrap().to_string()
}

/// Reads the whole inbox, and returns how many entries it has.
async fn count(timeline: &Timeline) -> u64 {
    let mut last = Seq::ZERO;
    loop {
        let inbox = timeline.sync(&member("a"), last, Count::new(1_000)).await.unwrap();
        let Some(newest) = inbox.entries.last() else {
            assert_eq!(last, inbox.latest_seq);
            return last.get();
        };
        last = newest.sequence;
    }
}

fn refuses(state: &State) -> bool {
    matches!(state, State::ReadOnly { .. })
}

/// Runs a child's test in a small file system of its own, if one can be mounted.
fn run_on_small_disk(child: &str) {
    let parent = tempfile::tempdir().unwrap();
    let mount = format!("mount -t tmpfs -o size=48m tmpfs {}", parent.path().display());
    let probe = Command::new("unshare").args(["--mount", "sh", "-c", &mount]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        test_support::skip("a small file system needs root and mount namespaces");
        return;
    }
    run(&["unshare", "--mount", "sh"], &mount, child, parent.path());
}

#[test]
fn a_disk_that_fills_and_empties() {
    run_on_small_disk("full_disk_child");
}

#[test]
fn a_disk_that_becomes_read_only_is_noticed_where_nobody_sends() {
    run_on_small_disk("read_only_disk_child");
}

#[test]
fn parts_that_cannot_be_written_to_are_told_before_anything_is_opened() {
    run_on_small_disk("read_only_parts_child");
}

#[test]
fn a_look_says_that_the_disk_has_too_little_room() {
    run_on_small_disk("low_disk_child");
}

#[test]
fn a_salvage_into_a_full_disk_says_which_disk_and_begins_anew() {
    run_on_small_disk("full_salvage_child");
}

#[tokio::test]
async fn full_salvage_child() {
    let Some(directory) = directory() else { return };
    let (from, to) = (tempfile::tempdir().unwrap(), directory.join("new"));
    let timeline = open(embedded::Config::new(from.path())).await;
    for _ in 0..150 {
        send(&timeline, 60_000).await.unwrap();
    }
    assert!(timeline.shutdown(GRACE).await);
    let ballast = directory.join("ballast");
    fill(&ballast, 10 * 1024 * 1024);
    for _ in 0..2 {
        let said = embedded::salvage(from.path(), &to).unwrap_err().to_string();
        assert!(said.contains("No space left") && said.contains("run it again"), "{said}");
        assert!(said.contains(to.to_str().unwrap()), "{said}");
        assert!(!said.contains(from.path().to_str().unwrap()), "{said}");
    }
    let error = EmbeddedStore::start(embedded::Config::new(&to)).await.unwrap_err();
    assert!(error.to_string().contains("a salvage that was cut short"), "{error}");
    fs::remove_file(ballast).unwrap();
    let report = embedded::salvage(from.path(), &to).unwrap();
    assert!(report.is_whole() && report.entries == 300, "{report:?}");
    let timeline = open(embedded::Config::new(&to)).await;
    assert_eq!(count(&timeline).await, 150);
    assert!(timeline.shutdown(GRACE).await);
}

#[tokio::test]
async fn read_only_parts_child() {
    let Some(directory) = directory() else { return };
    let data = directory.join("data");
    let refused = async |data: &Path, text: &str| {
        let opened = EmbeddedStore::start(embedded::Config::new(data)).await.unwrap_err();
        let looked = embedded::check(data).unwrap_err();
        assert_eq!((opened.kind(), looked.kind()), (ErrorKind::Config, ErrorKind::Config), "{opened}");
        assert_eq!(opened.to_string(), looked.to_string());
        assert!(opened.to_string().contains(text) && opened.to_string().contains("Read-only"), "{opened}");
    };
    fs::create_dir(&data).unwrap();
    read_only(&data);
    refused(&data, "cannot be written to").await;
    refused(&data.join("deeper/down"), "cannot be created").await;
    shell(&format!("umount {}", data.display()));

    let timeline = open(embedded::Config::new(&data)).await;
    send(&timeline, 10).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);
    let store = data.join("store");
    for part in [&data, &store, &store.join("keyspaces"), &store.join("keyspaces/2/tables")] {
        assert!(embedded::check(&data).is_ok());
        read_only(part);
        refused(&data, "cannot be written to").await;
        if *part == data {
            let report = embedded::salvage(&data, &directory.join("new")).unwrap();
            assert!(report.is_whole() && report.entries == 2, "{report:?}");
        }
        shell(&format!("umount {}", part.display()));
    }
    let timeline = open(embedded::Config::new(&data)).await;
    assert_eq!(count(&timeline).await, 1);
    assert!(timeline.shutdown(GRACE).await);
}

/// As a file system that is mounted read-only, or that the system made so.
fn read_only(path: &Path) {
    let path = path.display();
    shell(&format!("mount --bind {path} {path} && mount -o remount,bind,ro {path}"));
}

#[tokio::test]
async fn low_disk_child() {
    let Some(directory) = directory() else { return };
    let (data, ballast) = (directory.join("data"), directory.join("ballast"));
    for made in [false, true] {
        if made {
            let timeline = open(embedded::Config::new(&data)).await;
            send(&timeline, 10).await.unwrap();
            assert!(timeline.shutdown(GRACE).await);
        }
        assert_eq!(embedded::check(&data).unwrap().read_only, None);
        fill(&ballast, twentieth(&directory) / 2);
        let report = embedded::check(&data).unwrap();
        let reason = report.read_only.clone().unwrap();
        assert!(reason.contains("MiB left") && report.to_string().contains(&reason), "{report}");
        assert_eq!(data.exists(), made, "looking made nothing");
        if made {
            let timeline = open(embedded::Config::new(&data)).await;
            assert_eq!(timeline.state().borrow().to_string(), reason);
            assert!(timeline.shutdown(GRACE).await);
        }
        fs::remove_file(&ballast).unwrap();
    }
}

#[tokio::test]
async fn read_only_disk_child() {
    let Some(directory) = directory() else { return };
    let data = directory.join("data");
    let timeline = open(embedded::Config::new(&data)).await;
    send(&timeline, 10).await.unwrap();
    // A mount on top: what is open before is not in its way, as when the system itself turns a
    // failing disk read-only.
    read_only(&data);
    let begun = Instant::now();
    let reason = until(&timeline, refuses).await;
    assert!(reason.contains("Read-only file system"), "{reason}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(count(&timeline).await, 1, "reads go on");
    let error = send(&timeline, 10).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains("Read-only"), "{error}");
    shell(&format!("umount {}", data.display()));
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 10).await.unwrap().get(), 2);
    assert!(timeline.shutdown(GRACE).await);
}

/// Writes a file that leaves so many bytes of its disk.
fn fill(ballast: &Path, leave: u64) {
    let mut file = File::create(ballast).unwrap();
    let free = rustix::fs::statvfs(ballast).unwrap();
    let mut left = (free.f_bavail * free.f_frsize).saturating_sub(leave);
    while left > 0 {
        let step = left.min(1024 * 1024);
        file.write_all(&vec![1; usize::try_from(step).unwrap()]).unwrap();
        left -= step;
    }
}

/// A twentieth of a disk: below that a small one takes no sends.
fn twentieth(directory: &Path) -> u64 {
    let total = rustix::fs::statvfs(directory).unwrap();
    total.f_blocks * total.f_frsize / 20
}

fn shell(command: &str) {
    check(&Command::new("sh").args(["-c", command]).output().unwrap());
}

#[tokio::test]
async fn full_disk_child() {
    let Some(directory) = directory() else { return };
    let config = embedded::Config::new(directory.join("data")).disk_free_min_bytes(0);
    let timeline = open(config.clone()).await;
    let ballast = directory.join("ballast");
    let first = send_as(&timeline, 10, Some("first")).await.unwrap();
    let mut acknowledged = 1;
    for round in 0..3 {
        fill(&ballast, (1 + round) * 1024 * 1024);
        acknowledged += send_until_refused(&timeline, 60_000).await;
        let reason = until(&timeline, refuses).await;
        assert!(reason.contains("No space left"), "{reason}");
        let before = count(&timeline).await;
        assert!(before >= acknowledged, "reads go on");
        repetitions_are_answered(&timeline, first).await;
        fs::remove_file(&ballast).unwrap();
        until(&timeline, State::is_well).await;
        // The last one, which was refused, may be there all the same.
        let after = count(&timeline).await;
        assert!((acknowledged..=acknowledged + 1).contains(&after), "{after} of {acknowledged}");
        acknowledged = after;
        assert_eq!(send(&timeline, 10).await.unwrap().get(), acknowledged + 1);
        acknowledged += 1;
    }
    assert!(timeline.shutdown(GRACE).await);

    // With a mark, sends are refused before the disk is full, and nothing has to be opened again.
    let timeline = open(config.disk_free_min_bytes(u64::MAX)).await;
    assert_eq!(count(&timeline).await, acknowledged);
    let twentieth = twentieth(&directory);
    fill(&ballast, twentieth / 2);
    let reason = until(&timeline, refuses).await;
    assert!(reason.contains("MiB left"), "{reason}");
    assert_eq!(send(&timeline, 10).await.unwrap_err().kind(), ErrorKind::Unavailable);
    repetitions_are_answered(&timeline, first).await;
    timeline.received(&member("a"), Seq::ZERO.next()).await.unwrap();
    fs::remove_file(&ballast).unwrap();
    until(&timeline, State::is_well).await;
    assert_eq!(send(&timeline, 10).await.unwrap().get(), acknowledged + 1);
    assert!(timeline.shutdown(GRACE).await);
}

#[test]
fn descriptors_that_run_out() {
    let parent = tempfile::tempdir().unwrap();
    run(&["sh"], "ulimit -n 64", "few_descriptors_child", parent.path());
}

#[tokio::test]
async fn few_descriptors_child() {
    let Some(directory) = directory() else { return };
    let timeline = open(embedded::Config::new(directory.join("data"))).await;
    // As many connections as there may be.
    let mut taken = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        taken.push(file);
    }
    // More than the engine keeps in memory, so that it must make a file.
    let acknowledged = send_until_refused(&timeline, 65_000).await;
    let reason = until(&timeline, |state| !state.is_well()).await;
    drop(taken);
    until(&timeline, State::is_well).await;
    let after = count(&timeline).await;
    assert!((acknowledged..=acknowledged + 1).contains(&after), "{after} of {acknowledged}; {reason}");
    assert_eq!(send(&timeline, 10).await.unwrap().get(), after + 1);
    assert!(timeline.shutdown(GRACE).await);
}
