//! Every transition, in order, until the receiver has it.

use std::fs;

use axum::http::StatusCode;
use presence_core::memory::{self, Memory};
use presence_core::{Position, Presence};
use serde_json::json;
use tidings_join::ErrorKind;
use tidings_join::webhook::{Bookmark, Config, Secret, Webhook};
use tokio::net::TcpListener;

use super::receiver::Receiver;
use crate::PATIENCE;

fn presence(events_max: usize) -> Presence {
    Presence::new(Memory::start(memory::Config::default().events_max(events_max)).expect("it is valid"))
}

#[tokio::test]
async fn a_post_tells_who_came_how_and_when_and_who_says_so() {
    let (mut receiver, presence) = (Receiver::start(&[]).await, presence(100));
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let config = Config::new(receiver.url()).secret(secret);
    let webhook = Webhook::start(config, presence.clone()).await.unwrap();
    presence.hold_device("alice", "phone").await.unwrap();
    let post = receiver.next().await;
    let body = post.body();
    let event = &body["events"][0];
    assert_eq!((&body["lagged"], &event["id"]), (&json!(null), &json!("alice")));
    assert_eq!((&event["status"], &event["cause"]), (&json!("ONLINE"), &json!("HELD")));
    assert!(event["at"].as_u64().is_some_and(|at| at > 1_700_000_000_000), "{event}");
    event["position"].as_str().unwrap().parse::<Position>().unwrap();
    assert_eq!((post.uri.path(), post.uri.query()), ("/presence", Some("from=here")));
    assert_eq!(post.header("content-type"), "application/json");
    assert!(post.header("webhook-signature").starts_with("v1,"));
    post.header("webhook-timestamp").parse::<u64>().unwrap();
    assert!(webhook.shutdown(PATIENCE).await && webhook.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_batch_is_posted_until_it_is_taken_and_nothing_overtakes_it() {
    let failures = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::NOT_FOUND, StatusCode::TEMPORARY_REDIRECT];
    let (mut receiver, presence) = (Receiver::start(&failures).await, presence(100));
    let webhook = Webhook::start(Config::new(receiver.url()), presence.clone()).await.unwrap();
    presence.online(["alice"]).await.unwrap();
    let first = receiver.next().await;
    // Now that the batch is on its way: before, he would be part of it.
    presence.online(["bob"]).await.unwrap();
    for status in [failures[1], failures[2], StatusCode::NO_CONTENT] {
        let post = receiver.next().await;
        assert_eq!((post.status, post.events().join(" ")), (status, "alice ONLINE".to_owned()));
        assert_eq!((post.header("webhook-id"), &post.text), (first.header("webhook-id"), &first.text));
    }
    let next = receiver.next().await;
    assert_eq!(next.events(), ["bob ONLINE"]);
    assert_ne!(next.header("webhook-id"), first.header("webhook-id"));
    assert!(webhook.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_bookmark_goes_on_where_the_receiver_stands() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("webhook");
    let (mut receiver, presence) = (Receiver::start(&[]).await, presence(100));
    let config = Config::new(receiver.url()).bookmark(&path);
    let webhook = Webhook::start(config.clone(), presence.clone()).await.unwrap();
    presence.online(["alice"]).await.unwrap();
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    assert!(webhook.shutdown(PATIENCE).await);
    assert!(Bookmark::new(&path).read().unwrap().is_some());

    // What happens meanwhile is told after the next start, unless there is no bookmark.
    presence.online(["bob"]).await.unwrap();
    let forgetful = Webhook::start(Config::new(receiver.url()), presence.clone()).await.unwrap();
    presence.online(["carol"]).await.unwrap();
    assert_eq!(receiver.events(1).await, ["carol ONLINE"]);
    assert!(forgetful.shutdown(PATIENCE).await);
    let webhook = Webhook::start(config, presence.clone()).await.unwrap();
    assert_eq!(receiver.events(2).await, ["bob ONLINE", "carol ONLINE"]);
    assert!(webhook.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_bookmark_that_is_missing_or_damaged_is_told_as_a_loss_to_who_has_heard_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("webhook");
    let (mut receiver, presence) = (Receiver::start(&[]).await, presence(100));
    let config = Config::new(receiver.url()).bookmark(&path);
    let webhook = Webhook::start(config.clone(), presence.clone()).await.unwrap();
    presence.online(["alice"]).await.unwrap();
    assert_eq!(receiver.next().await.body()["lagged"], json!(null));
    assert!(webhook.shutdown(PATIENCE).await);
    for left in [None, Some("no position")] {
        match left {
            None => fs::remove_file(&path).unwrap(),
            Some(text) => fs::write(&path, text).unwrap(),
        }
        let known = config.clone().heard_before(true);
        let webhook = Webhook::start(known, presence.clone()).await.unwrap();
        assert_eq!(receiver.next().await.body()["lagged"], json!({ "missed": null }));
        assert!(webhook.shutdown(PATIENCE).await);
    }
}

#[tokio::test]
async fn who_was_away_for_too_long_is_told_how_much_was_lost() {
    let directory = tempfile::tempdir().unwrap();
    let (mut receiver, presence) = (Receiver::start(&[]).await, presence(2));
    let config = Config::new(receiver.url()).bookmark(directory.path().join("webhook"));
    let webhook = Webhook::start(config.clone(), presence.clone()).await.unwrap();
    presence.online(["a"]).await.unwrap();
    assert_eq!(receiver.events(1).await, ["a ONLINE"]);
    assert!(webhook.shutdown(PATIENCE).await);
    presence.online(["b", "c", "d", "e"]).await.unwrap();
    let webhook = Webhook::start(config, presence.clone()).await.unwrap();
    let post = receiver.next().await;
    assert_eq!(post.body()["lagged"], json!({ "missed": 2 }));
    assert_eq!(post.events(), ["d ONLINE", "e ONLINE"]);
    assert!(webhook.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn what_happened_before_the_end_is_posted_also_after_that_of_presence() {
    let (mut receiver, presence) = (Receiver::start(&[]).await, presence(100));
    let webhook = Webhook::start(Config::new(receiver.url()), presence.clone()).await.unwrap();
    presence.online(["alice"]).await.unwrap();
    assert!(presence.shutdown(PATIENCE).await);
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    assert!(webhook.shutdown(PATIENCE).await);
    let late = Webhook::start(Config::new(receiver.url()), presence).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_check_says_whether_somebody_listens_and_posts_nothing() {
    let receiver = Receiver::start(&[]).await;
    Webhook::check(Config::new(receiver.url())).await.unwrap();
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = Webhook::check(Config::new(format!("http://{address}/x?token=hidden"))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(std::error::Error::source(&error).is_some() && !error.to_string().contains("hidden"));
    let error = Webhook::check(Config::new("ftp://127.0.0.1/")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
}
