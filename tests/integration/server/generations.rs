//! A data directory that was restored from a copy, under readers that have read further.

use std::path::Path;
use std::{fs, io};

use serde_json::{Value, json};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::{SyncMessageReply, SyncMessageRequest};
use tonic::transport::Channel;

async fn send(server: &Tidings, text: &str) {
    let message = json!({ "text": text }).to_string();
    let body = json!({ "from": "alice", "to": "bob", "message": message });
    let answer = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    assert!(answer.status().is_success());
}

/// What bob gets over HTTP who has read so far.
async fn sync(server: &Tidings, last_read: u64, last_tag: Option<u64>) -> Value {
    let last_tag = last_tag.map(|tag| format!("&last_tag={tag}")).unwrap_or_default();
    let url = server.url(&format!("/timeline/sync?member=bob&last_read={last_read}{last_tag}"));
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.status().as_u16(), 200, "an error would break clients of the original");
    answer.json().await.unwrap()
}

/// The same over gRPC.
async fn get(server: &Tidings, last_read: i64, last_tag: Option<u64>) -> SyncMessageReply {
    let channel = Channel::from_shared(format!("http://{}", server.grpc())).unwrap().connect().await.unwrap();
    let request = SyncMessageRequest { member: "bob".to_owned(), last_read, last_tag, ..Default::default() };
    TimelineClient::new(channel).get_sync_message(request).await.unwrap().into_inner()
}

fn tag(page: &Value, index: usize) -> u64 {
    page["entrySet"][index]["tag"].as_str().unwrap().parse().unwrap()
}

fn sequences(page: &Value) -> Vec<&str> {
    page["entrySet"].as_array().unwrap().iter().map(|entry| entry["sequence"].as_str().unwrap()).collect()
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_position_of_another_past_is_answered_with_reset() {
    let mut server = Tidings::start();
    for text in ["one", "two", "three"] {
        send(&server, text).await;
    }
    server.kill();
    let backup = tempfile::tempdir().unwrap();
    copy(&server.data_dir(), backup.path()).unwrap();
    server.start_again();
    for text in ["four", "five"] {
        send(&server, text).await;
    }
    let read = sync(&server, 0, None).await;
    assert_eq!(sequences(&read), ["1", "2", "3", "4", "5"]);
    let (third, fifth) = (tag(&read, 2), tag(&read, 4));
    assert_ne!(third, fifth);
    assert_eq!(sync(&server, 5, Some(fifth)).await["reset"], false, "nothing has happened yet");

    server.kill();
    fs::remove_dir_all(server.data_dir()).unwrap();
    copy(backup.path(), &server.data_dir()).unwrap();
    server.start_again();

    // Bob is at 5, and the inbox ends at 3: noticed without a tag as well.
    for last_tag in [None, Some(fifth)] {
        let page = sync(&server, 5, last_tag).await;
        assert_eq!((&page["reset"], &page["latestSeq"]), (&json!(true), &json!("3")), "{page}");
        assert_eq!((&page["entrySetLastSeq"], &page["entrySet"]), (&json!("0"), &json!([])), "{page}");
        let page = get(&server, 5, last_tag).await;
        assert_eq!((page.reset, page.latest_seq, page.entry_set.len()), (true, 3, 0));
    }
    // Others take the places that he has read: noticed by the tag.
    for text in ["vier", "fünf", "sechs"] {
        send(&server, text).await;
    }
    let page = sync(&server, 5, Some(fifth)).await;
    assert_eq!((&page["reset"], &page["entrySet"]), (&json!(true), &json!([])), "{page}");
    assert!(get(&server, 5, Some(fifth)).await.reset);
    // A client of the original has no tag, and goes on as it always did.
    let page = sync(&server, 5, None).await;
    assert_eq!((&page["reset"], sequences(&page)), (&json!(false), vec!["6"]));

    // Who had read no further than the copy goes on from there; who starts over gets everything.
    let page = sync(&server, 3, Some(third)).await;
    assert_eq!((&page["reset"], sequences(&page)), (&json!(false), vec!["4", "5", "6"]));
    assert!(!get(&server, 3, Some(third)).await.reset);
    assert_eq!(sequences(&sync(&server, 0, None).await).len(), 6);
}
