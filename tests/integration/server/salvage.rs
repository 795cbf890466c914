//! A damaged data directory: `serve` and `check` say the same of it, and what can be read is
//! salvaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::{Value, json};
use tests::Tidings;
use tidings::presence::Position;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_damaged_directory_is_refused_by_serve_and_check_and_can_be_salvaged() {
    let (mut server, data) = killed().await;
    fs::remove_dir_all(data.join("timelines/store/keyspaces")).unwrap();
    let bookmark = Position::sharded(7, &[1, 2, 3]).unwrap().to_string();
    fs::write(data.join("webhook"), &bookmark).unwrap();

    let parent = tempfile::tempdir().unwrap();
    let data_dir = format!("--data-dir={}", data.display());
    let run = |command: &[&str]| -> Output {
        let flags = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &data_dir];
        Tidings::run(parent.path(), &[command, &flags].concat(), &[])
    };
    let refused = || refused_by_both(parent.path(), &data);
    refused();
    // Nor is everything missing anything new.
    let aside = parent.path().join("aside");
    fs::rename(data.join("timelines"), &aside).unwrap();
    refused();
    fs::remove_dir_all(data.join("timelines")).ok();
    fs::rename(&aside, data.join("timelines")).unwrap();

    let new = parent.path().join("new");
    let (from, to) = (data.to_str().unwrap(), new.to_str().unwrap());
    let salvage = run(&["salvage", from, to]);
    // All of it is in the journals still, and so is how far the webhook's receiver has heard.
    assert_eq!(salvage.status.code(), Some(0), "{}{}", text(&salvage.stdout), text(&salvage.stderr));
    assert_eq!(fs::read_to_string(new.join("webhook")).unwrap(), bookmark);
    assert!(
        text(&salvage.stdout).starts_with("15 entries in 3 inboxes and histories"),
        "{}",
        text(&salvage.stdout)
    );
    // It never writes over anything.
    let again = run(&["salvage", from, to]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));

    let before = fs::read_to_string(data.join("id")).unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&new, &data).unwrap();
    assert_ne!(fs::read_to_string(data.join("id")).unwrap(), before, "clients start over");
    assert!(run(&["check"]).status.success());
    server.start_again();
    let page: Value =
        reqwest::get(server.url("/timeline/sync?member=bob")).await.unwrap().json().await.unwrap();
    let messages =
        page["entrySet"].as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap());
    assert!(
        messages.eq((0..5).map(|number| json!({ "n": number }).to_string()).collect::<Vec<_>>()),
        "{page}"
    );
}

/// What `serve` says of a directory that it refuses, and `check` as well.
fn refused_by_both(parent: &Path, data: &Path) -> String {
    let data_dir = format!("--data-dir={}", data.display());
    let run = |command| {
        Tidings::run(parent, &[command, "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &data_dir], &[])
    };
    let serve = run("serve");
    assert_eq!(serve.status.code(), Some(1));
    let said = text(&serve.stderr).lines().find_map(|line| line.strip_prefix("tidings: ")).unwrap();
    assert!(said.starts_with("--data-dir: "), "{said}");
    let check = run("check");
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains(&format!("problem {said}\n")), "{}", text(&check.stdout));
    said.to_owned()
}

#[tokio::test]
async fn timelines_that_cannot_be_written_to_or_are_gone_are_told_by_check_as_by_serve() {
    let (_server, data) = killed().await;
    let parent = tempfile::tempdir().unwrap();
    let (timelines, aside) = (data.join("timelines"), parent.path().join("aside"));
    fs::rename(&timelines, &aside).unwrap();
    fs::write(&timelines, "").unwrap();
    assert!(refused_by_both(parent.path(), &data).contains("cannot be created"));
    fs::remove_file(&timelines).unwrap();
    // As an older version left it, which noted nothing.
    fs::remove_file(data.join("had-timelines")).unwrap();
    assert!(refused_by_both(parent.path(), &data).contains("timelines is missing or empty"));
    fs::rename(&aside, &timelines).unwrap();
    fs::rename(timelines.join("store"), &aside).unwrap();
    fs::remove_file(timelines.join("marker")).unwrap();
    assert!(refused_by_both(parent.path(), &data).contains("store is missing or empty"));
}

/// A server's directory after five sends, killed.
async fn killed() -> (Tidings, PathBuf) {
    let mut server = Tidings::start();
    let client = reqwest::Client::new();
    for number in 0..5 {
        let body = json!({ "from": "alice", "to": "bob", "message": json!({ "n": number }).to_string() });
        let sent = client.post(server.url("/timeline/send")).json(&body).send().await.unwrap();
        assert!(sent.status().is_success());
    }
    server.kill();
    let data = server.data_dir();
    (server, data)
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_report_that_cannot_be_written_changes_nothing_about_its_salvage() {
    let (_server, data) = killed().await;
    let parent = tempfile::tempdir().unwrap();
    let to = parent.path().join("to");
    let mut command = Tidings::command(&["salvage", data.to_str().unwrap(), to.to_str().unwrap()]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.contains("the data was salvaged, but the report cannot be written"), "{errors}");
    assert!(to.join("timelines").is_dir());
}

#[tokio::test]
async fn the_exit_code_of_a_salvage_says_whether_anything_is_lost() {
    let parent = tempfile::tempdir().unwrap();
    let salvage = |from: &Path, to: &Path| {
        Tidings::run(parent.path(), &["salvage", from.to_str().unwrap(), to.to_str().unwrap()], &[])
    };
    let all = |output: &Output| format!("{}{}", text(&output.stdout), text(&output.stderr));

    // One message in the middle is damaged: the rest is read, and 3 says that it is not all.
    let (_server, data) = killed().await;
    let journal = data.join("timelines/store/0.jnl");
    let whole = fs::read(&journal).unwrap();
    let mut damaged = whole.clone();
    let place = whole.windows(6).position(|window| window == b"{\"n\":2").unwrap();
    damaged[place] ^= 1;
    fs::write(&journal, &damaged).unwrap();
    let some = parent.path().join("some");
    let output = salvage(&data, &some);
    assert_eq!(output.status.code(), Some(3), "{}", all(&output));
    assert!(text(&output.stdout).contains("\nproblem "), "{}", all(&output));

    // So it does when all messages are there, and what the webhook's receiver has heard is not.
    fs::write(&journal, &whole).unwrap();
    fs::write(data.join("webhook"), "no position").unwrap();
    let output = salvage(&data, &parent.path().join("without"));
    assert_eq!(output.status.code(), Some(3), "{}", all(&output));
    assert!(text(&output.stdout).contains("webhook's receiver"), "{}", all(&output));
    fs::remove_file(data.join("webhook")).unwrap();

    // The last batches are gone without a trace in the journal: the marker knows of them.
    let second = whole.windows(6).position(|window| window == b"{\"n\":4").unwrap();
    fs::write(&journal, &whole[..second - 200]).unwrap();
    let output = salvage(&data, &parent.path().join("shorter"));
    assert_eq!(output.status.code(), Some(3), "{}", all(&output));
    assert!(text(&output.stdout).contains("the marker says"), "{}", all(&output));

    // Nothing is left to read: no new directory.
    let (store, aside) = (data.join("timelines/store"), parent.path().join("aside"));
    fs::rename(&store, &aside).unwrap();
    let (none, there) = (parent.path().join("none"), parent.path().join("there"));
    fs::create_dir(&there).unwrap();
    for to in [&none, &there] {
        let output = salvage(&data, to);
        assert_eq!(output.status.code(), Some(1), "{}", all(&output));
        assert!(text(&output.stderr).contains("could be read"), "{}", all(&output));
    }
    assert!(!none.exists());

    // Where there was a directory, that is in nobody's way.
    fs::rename(&aside, &store).unwrap();
    fs::write(&journal, &whole).unwrap();
    for to in [&none, &there] {
        let output = salvage(&data, to);
        assert_eq!(output.status.code(), Some(0), "{}", all(&output));
    }
}

#[tokio::test]
async fn a_salvage_that_cannot_say_that_it_is_finished_is_repeated() {
    let (_server, data) = killed().await;
    let parent = tempfile::tempdir().unwrap();
    for noted in [false, true] {
        let to = parent.path().join(format!("noted {noted}"));
        fs::create_dir(&to).unwrap();
        fs::write(to.join("id"), "0f0e0d0c-0b0a-4908-8706-050403020100").unwrap();
        // It cannot be noted that there are timelines, as on a disk that has just become full.
        let note = to.join("had-timelines.new");
        fs::create_dir(&note).unwrap();
        let salvage =
            || Tidings::run(parent.path(), &["salvage", data.to_str().unwrap(), to.to_str().unwrap()], &[]);
        for _ in 0..2 {
            let output = salvage();
            assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
            assert!(text(&output.stderr).contains("cannot be written"), "{}", text(&output.stderr));
        }
        fs::remove_dir(&note).unwrap();
        // As it is when the process is killed before that was noted, or right after it.
        fs::write(if noted { to.join("had-timelines") } else { note }, "").unwrap();
        assert!(refused_by_both(parent.path(), &to).contains("run `tidings salvage` with the same two"));
        let output = salvage();
        assert_eq!(output.status.code(), Some(0), "{}{}", text(&output.stdout), text(&output.stderr));
        assert!(to.join("had-timelines").exists());
        let again = salvage();
        assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));
    }
}

#[tokio::test]
async fn a_deep_check_reads_everything() {
    let (_server, data) = killed().await;
    let parent = tempfile::tempdir().unwrap();
    let data_dir = format!("--data-dir={}", data.display());
    let flags = ["check", "--deep", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &data_dir];
    let output = Tidings::run(parent.path(), &flags, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    // A table of the engine's own, whose header and contents are as they were, and which is read
    // when a keyspace is opened.
    let tables = data.join("timelines/store/keyspaces/0/tables");
    if let Some(table) = fs::read_dir(tables).unwrap().next() {
        let table = table.unwrap().path();
        let mut bytes = fs::read(&table).unwrap();
        bytes[40] ^= 1;
        fs::write(&table, bytes).unwrap();
        let output = Tidings::run(parent.path(), &flags, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stdout));
    }
}
