//! Requests and their answers.

use std::time::Duration;

use futures_util::future::join_all;
use mpx::{Config, ErrorKind, Event, Multiplexer, Publisher, Request, Requester};
use test_support::{Redis, require};
use tokio::task::JoinSet;

use crate::direct::Direct;
use crate::listener::{Listener, soon, start};

const LONG: Duration = Duration::from_secs(60);

fn open(url: &str) -> (Multiplexer, Requester) {
    let multiplexer = start(url);
    let publisher = Publisher::start(Config::new(url)).unwrap();
    let requester = Requester::open(&multiplexer, publisher, "answers:[").unwrap();
    (multiplexer, requester)
}

/// Answers each question with what it asked, backwards.
async fn answer(url: &str, channel: &'static str) -> JoinSet<()> {
    let multiplexer = start(url);
    let publisher = Publisher::start(Config::new(url)).unwrap();
    let (subscription, mut events) = multiplexer.channels().unwrap();
    subscription.add(channel).unwrap();
    soon(subscription.wait_for_activation(channel)).await.unwrap();
    let mut answering = JoinSet::new();
    answering.spawn(async move {
        let _keep = (multiplexer, subscription);
        while let Some(event) = events.next().await {
            let Event::Message(message) = event.unwrap() else { continue };
            let request = Request::parse(&message.payload).unwrap();
            let body: Vec<u8> = request.body.iter().rev().copied().collect();
            assert_eq!(publisher.publish(request.reply_to, body).await.unwrap(), 1);
        }
    });
    answering
}

#[tokio::test]
async fn each_request_gets_its_own_answer() {
    let Some(redis) = require(Redis::private().await) else { return };
    let _answering = answer(redis.url(), "mirror").await;
    let ((_one, one), (_two, two)) = (open(redis.url()), open(redis.url()));
    // At once: the wait for the connection is part of it.
    let asked = (0..500).map(|number| {
        let requester = if number % 2 == 0 { one.clone() } else { two.clone() };
        async move {
            let answer = requester.request("mirror", format!("{number}:ab"), LONG).await.unwrap();
            let expected: String = format!("{number}:ab").chars().rev().collect();
            assert_eq!(answer, expected);
        }
    });
    soon(join_all(asked)).await;
    assert_eq!(soon(one.request("mirror", b"", Duration::MAX)).await.unwrap(), "");
}

#[tokio::test]
async fn a_request_without_an_answer_says_why() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (multiplexer, requester) = open(redis.url());
    let failed = async |channel: &'static str, timeout| {
        let error = soon(requester.request(channel, "body", timeout)).await.unwrap_err();
        // Whoever logs it reads which of many requests it was.
        assert!(error.to_string().contains(channel), "{error}");
        error.kind()
    };
    assert_eq!(failed("nobody-there", LONG).await, ErrorKind::NoReceiver);
    let (_subscription, mut listener) = Listener::open(&multiplexer, &["silent"]).await;
    // Enough to be asked on a busy machine.
    assert_eq!(failed("silent", Duration::from_secs(5)).await, ErrorKind::Timeout);
    let asked = listener.any_message().await;
    assert_eq!(Request::parse(&asked).unwrap().body, b"body");
    let mut direct = Direct::open(redis.url()).await;
    let killing = async {
        listener.any_message().await;
        assert_eq!(direct.kill_subscribers().await, 1);
    };
    assert_eq!(tokio::join!(failed("silent", LONG), killing).0, ErrorKind::Uncertain);
    let closing = async {
        listener.any_message().await;
        requester.close();
    };
    assert_eq!(tokio::join!(failed("silent", LONG), closing).0, ErrorKind::Closed);
    let closed = soon(requester.request("silent", "body", LONG)).await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_request_to_a_redis_that_is_not_there_ends_in_its_time() {
    let (_multiplexer, requester) = open("redis://127.0.0.1:1");
    let error = soon(requester.request("a", "body", Duration::from_millis(50))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}
