//! `tidings export` and `tidings import`: all that is stored becomes another data directory, also
//! while the server runs, and whatever is cut short goes on.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use identity::Scope;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::Tidings;

use crate::issuer::{Issuer, new_token};

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn run(directory: &Path, flags: &[&str]) -> Output {
    Tidings::run(directory, flags, &[])
}

/// Runs a command that succeeds, and returns what it printed.
fn printed(directory: &Path, flags: &[&str]) -> String {
    let output = run(directory, flags);
    assert_eq!(output.status.code(), Some(0), "{flags:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

/// Runs a command that fails, and returns the last line that it complains with.
fn complaint(directory: &Path, flags: &[&str]) -> String {
    let output = run(directory, flags);
    assert_eq!(output.status.code(), Some(1), "{flags:?}: {}", text(&output.stderr));
    let line = text(&output.stderr).lines().last().unwrap_or_default();
    assert!(line.starts_with("tidings: "), "{flags:?}: {line}");
    line.to_owned()
}

async fn post(server: &Tidings, path: &str, body: Value) -> Value {
    let answer = Client::new().post(server.url(path)).json(&body).send().await.unwrap();
    let (status, answer) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, 200, "{path} {body}: {answer}");
    answer
}

async fn get(server: &Tidings, path: &str) -> Value {
    let answer = Client::new().get(server.url(path)).send().await.unwrap();
    let (status, answer) = (answer.status().as_u16(), answer.json::<Value>().await.unwrap());
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

fn send(from: &str, to: &str, number: usize) -> Value {
    json!({
        "from": from, "to": to, "messageId": format!("m{number}"), "message": json!({ "n": number }).to_string(),
    })
}

/// The members of a group that is large enough for its texts to be shared.
fn crowd() -> Vec<String> {
    (0..20).map(|number| format!("member{number}")).collect()
}

/// Everything that can happen to messages, once.
async fn live(server: &Tidings) {
    for number in 0..5 {
        post(server, "/timeline/send", send("alice", "bob", number)).await;
    }
    let members = crowd();
    let group = json!({ "group": "tea", "title": "Tea", "owner": "alice", "members": members });
    post(server, "/timeline/groups", group).await;
    for number in 0..3 {
        let long = json!({ "n": number, "text": "x".repeat(500) }).to_string();
        let body = json!({ "groupName": "tea", "groupMembers": members, "from": "member0", "message": long });
        post(server, "/timeline/sendGroup", body).await;
    }
    let edit = json!({ "member": "alice", "with": "bob", "place": 2, "message": { "n": "edited" } });
    post(server, "/timeline/edit", edit).await;
    post(server, "/timeline/recall", json!({ "member": "alice", "with": "bob", "place": 3 })).await;
    let recall = json!({ "member": "member0", "group": "tea", "place": 2 });
    post(server, "/timeline/recall", recall).await;
    post(server, "/timeline/read", json!({ "member": "bob", "with": "alice", "sequence": 4 })).await;
    post(server, "/timeline/read", json!({ "member": "member1", "group": "tea", "sequence": 1 })).await;
    post(server, "/timeline/received", json!({ "member": "bob", "sequence": 3 })).await;
    post(server, "/timeline/ack", json!({ "member": "bob", "sequence": 1 })).await;
    post(server, "/timeline/send", send("erin", "bob", 9)).await;
    post(server, "/timeline/purge", json!({ "member": "erin", "with": "bob" })).await;
    post(server, "/timeline/groups/tea/leave", json!({ "members": ["member19"] })).await;
}

/// What readers see of it. The generation is that of the store, and another one after an import.
async fn seen(server: &Tidings) -> BTreeMap<String, Value> {
    let mut paths = vec![
        "/timeline/history/single/alice/bob".to_owned(),
        "/timeline/history/single/bob/erin".to_owned(),
        "/timeline/history/group/tea".to_owned(),
        "/timeline/groups/tea".to_owned(),
        "/timeline/received?member=bob".to_owned(),
        "/timeline/read?member=alice&with=bob".to_owned(),
        "/timeline/read?member=member1&group=tea".to_owned(),
    ];
    let crowd = crowd();
    for member in ["alice", "bob", "erin"].into_iter().chain(crowd.iter().map(String::as_str)) {
        paths.push(format!("/timeline/sync?member={member}"));
        paths.push(format!("/timeline/conversations?member={member}"));
        paths.push(format!("/timeline/unread/all?member={member}"));
        paths.push(format!("/timeline/groups?member={member}"));
    }
    let mut seen = BTreeMap::new();
    for path in paths {
        let mut answer = get(server, &path).await;
        if let Some(answer) = answer.as_object_mut() {
            answer.remove("generation");
        }
        seen.insert(path, answer);
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_is_exported_and_the_import_has_all_of_it() {
    let (mut server, parent) = (Tidings::start(), TempDir::new().unwrap());
    live(&server).await;
    let before = seen(&server).await;
    // Carol goes on sending, all the time.
    let stop = Arc::new(AtomicBool::new(false));
    let (url, sending) = (server.url("/timeline/send"), Arc::clone(&stop));
    let sends = async {
        let (client, mut sent) = (Client::new(), 0);
        while !sending.load(Ordering::Relaxed) {
            let answer = client.post(&url).json(&send("carol", "dave", sent)).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 200);
            sent += 1;
        }
        sent
    };
    let from = format!("--from={}", server.url(""));
    let place = parent.path().to_owned();
    let export = async {
        let said = tokio::task::spawn_blocking(move || printed(&place, &["export", "backup", &from])).await;
        stop.store(true, Ordering::Relaxed);
        said.unwrap()
    };
    let (sent, said) = tokio::join!(sends, export);
    assert!(said.starts_with("exported ") && said.contains(" lines to backup"), "{said}");
    assert!(!parent.path().join("backup.part").exists());

    let said = printed(parent.path(), &["import", "backup", "new"]);
    assert!(said.starts_with("imported ") && said.contains("--data-dir new"), "{said}");
    server.kill();
    fs::remove_dir_all(server.data_dir()).unwrap();
    fs::rename(parent.path().join("new"), server.data_dir()).unwrap();
    server.start_again();
    let after = seen(&server).await;
    for (path, answer) in &before {
        assert_eq!(&after[path], answer, "{path}");
    }
    // The state of one moment: what Carol had sent by then, without gaps.
    let dave = get(&server, "/timeline/sync?member=dave&count=1000").await;
    let latest: usize = dave["latestSeq"].as_str().unwrap().parse().unwrap();
    assert!(latest <= sent, "{latest} of {sent}");
    for (number, entry) in dave["entrySet"].as_array().unwrap().iter().enumerate() {
        assert_eq!(entry["message"], json!({ "n": number }).to_string());
    }
    // A send that is repeated has the answer that it had, and no other effect.
    let repeated = post(&server, "/timeline/send", send("alice", "bob", 4)).await;
    assert_eq!(repeated, json!({ "sequence": "5", "place": "5" }));
    assert_eq!(
        get(&server, "/timeline/sync?member=bob").await["latestSeq"],
        before["/timeline/sync?member=bob"]["latestSeq"]
    );
    // And what comes goes on behind what was there.
    let next = post(&server, "/timeline/send", send("alice", "bob", 77)).await;
    assert_eq!(next["place"], "8", "five messages, an edit and a recall were before it");
}

/// A directory with some messages, of a server that does not run any more.
async fn stored(messages: usize) -> Tidings {
    let mut server = Tidings::start();
    for number in 0..messages {
        let message = json!({ "n": number, "text": "x".repeat(5_000) }).to_string();
        post(&server, "/timeline/send", json!({ "from": "alice", "to": "bob", "message": message })).await;
    }
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    server
}

#[tokio::test]
async fn an_export_that_was_cut_goes_on_and_one_of_another_state_begins_anew() {
    let (mut server, parent) = (stored(20).await, TempDir::new().unwrap());
    let data_dir = format!("--data-dir={}", server.data_dir().display());
    printed(parent.path(), &["export", "whole", &data_dir]);
    let whole = fs::read(parent.path().join("whole")).unwrap();
    let half = &whole[..whole.len() / 2];
    fs::write(parent.path().join("cut.part"), half).unwrap();
    let output = run(parent.path(), &["export", "cut", &data_dir]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("it goes on there"), "{}", text(&output.stderr));
    assert!(fs::read(parent.path().join("cut")).unwrap() == whole);
    // It never writes over anything.
    assert!(complaint(parent.path(), &["export", "cut", &data_dir]).contains("cut is there already"));
    // The same goes to the standard output.
    let output = Tidings::command(&["export", "-", &data_dir]).output().unwrap();
    assert!(output.status.success() && output.stdout == whole, "{}", text(&output.stderr));

    // An import of it is exported as it was, but for the line that says of which store it is.
    printed(parent.path(), &["import", "whole", "new"]);
    printed(parent.path(), &["export", "again", "--data-dir=new"]);
    let again = fs::read_to_string(parent.path().join("again")).unwrap();
    let rest = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    assert_eq!(rest(&again), rest(text(&whole)));

    server.start_again();
    post(&server, "/timeline/send", send("alice", "bob", 99)).await;
    fs::write(parent.path().join("older.part"), half).unwrap();
    let from = format!("--from={}", server.url(""));
    let output = run(parent.path(), &["export", "older", &from]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("it begins anew"), "{}", text(&output.stderr));
    let newer = fs::read_to_string(parent.path().join("older")).unwrap();
    assert!(newer.contains("m99") && newer.lines().last().unwrap().starts_with("{\"type\":\"end\""));
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_with_the_same_export_alone() {
    let (server, parent) = (stored(20).await, TempDir::new().unwrap());
    let data_dir = format!("--data-dir={}", server.data_dir().display());
    printed(parent.path(), &["export", "backup", &data_dir]);
    let backup = fs::read(parent.path().join("backup")).unwrap();
    // It has read a half, and waits for more.
    let mut command = Tidings::command(&["import", "-", "new"]);
    command.current_dir(parent.path()).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut import = command.spawn().unwrap();
    let mut stdin = import.stdin.take().unwrap();
    stdin.write_all(&backup[..backup.len() / 2]).unwrap();
    let (marker, started) = (parent.path().join("new/timelines/marker"), Instant::now());
    while !marker.exists() {
        assert!(started.elapsed() < LIMIT, "it did not begin");
        thread::park_timeout(Duration::from_millis(5));
    }
    import.kill().unwrap();
    import.wait().unwrap();

    let new = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=new"];
    let refused = complaint(parent.path(), &[&["serve"][..], &new].concat());
    assert!(refused.contains("an import that was cut short"), "{refused}");
    // Of an export that is not whole, what there is is read, and it is no data directory yet.
    let end = text(&backup).rfind("{\"type\":\"end\"").unwrap();
    for cut in [end - 10, end] {
        fs::write(parent.path().join("torn"), &backup[..cut]).unwrap();
        let torn = complaint(parent.path(), &["import", "torn", "new"]);
        assert!(torn.contains("is not whole") && torn.contains("no data directory yet"), "{torn}");
    }

    // Nor is it mixed with another export.
    let other = stored(1).await;
    let others = format!("--data-dir={}", other.data_dir().display());
    printed(parent.path(), &["export", "other", &others]);
    let mixed = complaint(parent.path(), &["import", "other", "new"]);
    assert!(mixed.contains("holds a part of another export"), "{mixed}");

    printed(parent.path(), &["import", "backup", "new"]);
    assert!(complaint(parent.path(), &["import", "backup", "new"]).contains("is not empty"));
    printed(parent.path(), &["export", "again", "--data-dir=new"]);
    let again = fs::read_to_string(parent.path().join("again")).unwrap();
    assert_eq!(again.lines().count(), text(&backup).lines().count());
    assert!(printed(parent.path(), &[&["check"][..], &new].concat()).contains("ok      --data-dir new"));
}

#[tokio::test]
async fn an_export_whose_bytes_have_changed_is_told_and_is_not_mixed_with_a_good_copy() {
    let (server, parent) = (stored(20).await, TempDir::new().unwrap());
    let here = parent.path();
    let data_dir = format!("--data-dir={}", server.data_dir().display());
    printed(here, &["export", "backup", &data_dir]);
    let backup = fs::read_to_string(here.join("backup")).unwrap();
    let changed = backup.replacen("{\\\"n\\\":7,", "{\\\"n\\\":9,", 1);
    assert_ne!(changed, backup);
    fs::write(here.join("changed"), &changed).unwrap();
    let line = complaint(here, &["import", "changed", "new"]);
    assert!(line.contains("another checksum") && line.contains("no data directory yet"), "{line}");
    fs::remove_dir_all(here.join("new")).unwrap();

    // What was read of it before it was cut is not gone on with by a good copy.
    let end = changed.rfind("{\"type\":\"end\"").unwrap();
    fs::write(here.join("torn"), &changed[..end]).unwrap();
    assert!(complaint(here, &["import", "torn", "new"]).contains("is not whole"));
    // Nor by one of the same state that has fewer lines than are there.
    let first = backup.split_once('\n').unwrap().0;
    fs::write(here.join("short"), format!("{first}\n{{\"type\":\"end\",\"lines\":1}}\n")).unwrap();
    for other in ["backup", "short"] {
        let line = complaint(here, &["import", other, "new"]);
        assert!(line.contains("holds a part of another export; remove it"), "{line}");
    }
    fs::remove_dir_all(here.join("new")).unwrap();
    printed(here, &["import", "backup", "new"]);
}

#[tokio::test]
async fn lines_that_somebody_wrote_by_hand_are_refused_with_what_is_wrong() {
    let parent = TempDir::new().unwrap();
    let here = parent.path();
    let store = "{\"type\":\"store\",\"format\":1,\"id\":\"0\",\"generation\":1,\"batch\":1}\n";
    let end = |lines: u64| format!("{{\"type\":\"end\",\"lines\":{lines}}}\n");
    let without_text = "{\"type\":\"box\",\"of\":{\"inbox\":\"bob\"},\"floor\":0,\"top\":1,\"lastMs\":1}\n\
                        {\"type\":\"entry\",\"of\":{\"inbox\":\"bob\"},\"sequence\":1,\"kind\":\"message\",\
                        \"atMs\":1}\n";
    for (file, lines, why) in [
        ("long", format!("{store}{}", end(u64::MAX)), "line 2: the export had 18446744073709551615 lines"),
        ("mute", format!("{store}{without_text}{}", end(3)), "the line has no text"),
    ] {
        fs::write(here.join(file), lines).unwrap();
        let line = complaint(here, &["import", file, &format!("{file}-new")]);
        assert!(line.contains(why), "{line}");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_disk_that_is_full_is_told_at_either_end_and_it_goes_on_when_there_is_room() {
    let (mut server, parent) = (stored(20).await, TempDir::new().unwrap());
    server.start_again();
    let from = format!("--from={}", server.url(""));
    // Files may have 32 KiB, or twice that, as the shell counts.
    let mut command = Tidings::limited_command("ulimit -f 64", &["export", "backup", &from]);
    let output = command.current_dir(parent.path()).output().unwrap();
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("backup.part cannot be written") && errors.contains("goes on there"), "{errors}");
    let output = run(parent.path(), &["export", "backup", &from]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("it goes on there"), "{}", text(&output.stderr));

    let mut command = Tidings::command(&["export", "-", &from]);
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = command.stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("standard output cannot be written"), "{}", text(&output.stderr));

    let mut command = Tidings::limited_command("ulimit -f 64", &["import", "backup", "new"]);
    let output = command.current_dir(parent.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("tidings: import: "), "{}", text(&output.stderr));
    printed(parent.path(), &["import", "backup", "new"]);
    printed(parent.path(), &["export", "again", "--data-dir=new"]);
}

#[tokio::test]
async fn what_cannot_be_exported_or_imported_is_told_and_leaves_nothing() {
    let parent = TempDir::new().unwrap();
    let here = parent.path();
    for (flags, why) in [
        (&["export", "backup", "--data-dir=none"][..], "is no data directory with messages"),
        (&["export", "backup", "--from=http://127.0.0.1:1"], "cannot be reached"),
        (&["import", "backup", "new"], "backup cannot be read"),
    ] {
        let line = complaint(here, flags);
        assert!(line.contains(why), "{line}");
    }
    assert_eq!(fs::read_dir(here).unwrap().count(), 0);
    fs::write(here.join("letter"), "Dear Bob,\n").unwrap();
    fs::write(here.join("empty"), "").unwrap();
    fs::write(
        here.join("newer"),
        "{\"type\":\"store\",\"format\":9,\"id\":\"0\",\"generation\":1,\"batch\":1}\n",
    )
    .unwrap();
    for (file, why) in [
        ("letter", "line 1: it is no line of an export"),
        ("empty", "is not whole"),
        ("newer", "has the format 9"),
    ] {
        let line = complaint(here, &["import", file, "new"]);
        assert!(line.contains(why), "{line}");
        assert!(!here.join("new").exists(), "{file}");
    }
    fs::create_dir(here.join("full")).unwrap();
    fs::write(here.join("full/letter"), "").unwrap();
    assert!(complaint(here, &["import", "letter", "full"]).contains("is not empty"));
    for (flags, why) in [
        (&["export"][..], "tidings export FILE"),
        (&["import", "letter"], "tidings import FILE DIRECTORY"),
        (&["export", "x", "--from=https://chat.example"], "has no TLS of its own"),
        (&["export", "x", "--token-file=y"], "add --from"),
    ] {
        let output = run(here, flags);
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        let errors = text(&output.stderr);
        assert!(errors.contains(why) && errors.lines().count() == 1, "{flags:?}: {errors}");
    }
}

#[tokio::test]
async fn a_server_with_logins_is_exported_with_the_token_of_a_service_alone() {
    let (issuer, parent) = (Issuer::new(), TempDir::new().unwrap());
    let (server, here) = (issuer.start(&[]), parent.path());
    let from = format!("--from={}", server.url(""));
    let nobody = complaint(here, &["export", "backup", &from]);
    assert!(nobody.contains("401") && nobody.contains("log in first"), "{nobody}");
    let service = issuer.sign(&new_token("ops", 3_600).scopes([Scope::Timelines].into_iter().collect()));
    for (file, token) in [("bob", issuer.token("bob", 3_600)), ("service", format!("{service}\n"))] {
        fs::write(here.join(file), token).unwrap();
    }
    let bob = complaint(here, &["export", "backup", &from, "--token-file=bob"]);
    assert!(bob.contains("403") && bob.contains("the scope timelines"), "{bob}");
    assert!(complaint(here, &["export", "backup", &from, "--token-file=none"]).contains("cannot be read"));
    printed(here, &["export", "backup", &from, "--token-file=service"]);
    // Whoever has the directory is asked for no token, but may not use it while the server does.
    let data_dir = format!("--data-dir={}", server.data_dir().display());
    let used = complaint(here, &["export", "other", &data_dir]);
    assert!(used.contains("a server uses") && used.contains("--from"), "{used}");
    let admin = issuer.sign(&new_token("ops", 3_600).scopes([Scope::Admin].into_iter().collect()));
    let figures = Client::new().get(server.url("/metrics")).bearer_auth(&admin).send().await.unwrap();
    let figures = figures.text().await.unwrap();
    assert!(figures.contains("tidings_exports_total{outcome=\"whole\"} 1\n"), "{figures}");
}
