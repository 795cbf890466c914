//! How a client comes back, or stays away.

use std::error::Error;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use conductor_client::protocol::{Opcode, Reconnect};
use conductor_client::test_util::ScriptedHub;
use conductor_client::{Client, Config, ErrorKind, Event, HandshakeHeaders};
use futures_util::StreamExt;
use http::HeaderMap;
use tokio::io::AsyncReadExt;
use tokio::time::sleep;

use crate::support::{by_hand, next, next_end, quick, stuck, visited};

#[tokio::test]
async fn a_client_comes_back_and_binds_to_what_is_bound_by_then() {
    let (hub, client, mut visitor) = visited(|config| config).await;
    for channel in ["a", "b"] {
        client.bind(channel).await.expect("the name is short");
        visitor.expect(Opcode::BIND, channel).await;
    }
    let mut messages = client.messages();
    visitor.close_with(1012, "service restart").await;
    assert_eq!(next_end(&mut messages).await.reconnect, Reconnect::Backoff);
    client.unbind("a").await.expect("it needs no connection");
    client.bind("c").await.expect("it needs no connection");
    // The client may have come back before that; the last word counts either way.
    let mut visitor = hub.accept().await;
    client.connected().await.expect("it is back");
    client.write("c", "done").await.expect("it is back");
    let mut bound = std::collections::BTreeSet::new();
    loop {
        let message = visitor.next().await.expect("the client is there");
        match message.opcode {
            Opcode::BIND => bound.insert(message.channel),
            Opcode::UNBIND => bound.remove(&message.channel),
            _ => break,
        };
    }
    assert_eq!(bound.into_iter().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(next(&mut messages).await, Event::Connected);
}

#[tokio::test]
async fn the_range_of_a_code_decides_also_one_that_is_unknown() {
    for (code, reconnect) in [
        (1001, Reconnect::Backoff),
        (1011, Reconnect::Backoff),
        (4150, Reconnect::Backoff),
        (4250, Reconnect::AtOnce),
        (4350, Reconnect::Never),
        (1009, Reconnect::Never),
        (4900, Reconnect::Never),
    ] {
        let (hub, client, visitor) = visited(|config| config).await;
        let mut messages = client.messages();
        visitor.close_with(code, "for a reason").await;
        let how = next_end(&mut messages).await;
        assert_eq!((how.code, how.text.as_str()), (Some(code), "for a reason"));
        assert_eq!(how.reconnect, reconnect, "{code}");
        if how.comes_back() {
            hub.accept().await;
        } else {
            let error = client.connected().await.expect_err("it stays away");
            assert_eq!(error.kind(), ErrorKind::Refused);
            assert!(error.to_string().contains(&code.to_string()), "{error}");
        }
    }
}

#[tokio::test]
async fn at_once_means_without_the_delay() {
    let delay = Duration::from_secs(600);
    let (hub, _client, visitor) =
        visited(|config| config.reconnect_delay_max(delay).reconnect_delay_min(delay).jitter_seed(1)).await;
    // With the delay the test would end first.
    visitor.close_with(4200, "login expired").await;
    hub.accept().await;
}

/// Gives another token each time.
#[derive(Default)]
struct Tokens(AtomicU32);

#[async_trait::async_trait]
impl HandshakeHeaders for Tokens {
    async fn headers(&self) -> Result<HeaderMap, Box<dyn Error + Send + Sync>> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ok(HeaderMap::from_iter([(http::header::AUTHORIZATION, format!("Bearer {number}").parse()?)]))
    }
}

#[tokio::test]
async fn headers_are_asked_for_before_each_attempt() {
    let (hub, _client, visitor) = visited(|config| config.headers(Tokens::default())).await;
    assert_eq!(visitor.request().headers()["authorization"], "Bearer 0");
    visitor.close_with(4200, "login expired").await;
    assert_eq!(hub.accept().await.request().headers()["authorization"], "Bearer 1");
}

#[tokio::test]
async fn a_status_that_passes_is_tried_again_and_one_that_does_not_is_the_end() {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let client = Client::start(quick(hub.url())).expect("the settings are right");
    let mut messages = client.messages();
    for status in [503, 429, 404, 403] {
        hub.refuse(status).await;
    }
    let how = next_end(&mut messages).await;
    assert_eq!((how.code, how.reconnect), (None, Reconnect::Never));
    assert!(how.text.contains("403"), "{}", how.text);
    assert_eq!(client.connected().await.expect_err("it stays away").kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn a_refusal_that_says_when_to_come_again_is_obeyed_in_bounds() {
    let second = Duration::from_secs(1);
    // The clock of the second hub is far behind, and so is what it asks for.
    let dates = [("Date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("Retry-After", "Sun, 06 Nov 1994 08:49:38 GMT")];
    for (status, headers) in
        [(503, &[("Retry-After", "1")][..]), (429, &dates[..]), (503, &[("Retry-After", "86400")][..])]
    {
        let hub = ScriptedHub::listen().await.expect("a port is free");
        // A day is more than 15 times the longest delay, which is 1.5 s.
        let config = quick(hub.url()).reconnect_delay_max(Duration::from_millis(100));
        let began = Instant::now();
        let client = Client::start(config).expect("the settings are right");
        hub.refuse_with(status, headers).await;
        hub.accept().await;
        assert!(began.elapsed() >= second, "{headers:?}: {:?}", began.elapsed());
        drop(client);
    }
}

#[tokio::test]
async fn a_hub_that_hangs_is_given_up_in_time() {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let config = quick(hub.url()).connect_timeout(Duration::from_millis(500));
    let client = Client::start(config).expect("the settings are right");
    let _hangs = hub.hang().await;
    let mut visitor = hub.accept().await;
    client.connected().await.expect("the second attempt was taken");
    client.write("news", "hi").await.expect("it is connected");
    visitor.expect(Opcode::WRITE, "news").await;
}

#[tokio::test]
async fn a_hub_that_answers_no_ping_is_given_up() {
    let quiet = Duration::from_millis(20);
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let config = quick(hub.url()).ping_interval(quiet).pong_timeout(quiet);
    let client = Client::start(config).expect("the settings are right");
    let mut messages = client.messages();
    let visitor = hub.accept().await;
    // It is taken in, and nobody reads what it sends.
    let how = next_end(&mut messages).await;
    assert!(how.text.contains("did not answer a ping"), "{}", how.text);
    assert_eq!((how.code, how.comes_back()), (None, true));
    drop(visitor);
    hub.accept().await;
}

#[tokio::test]
async fn a_hub_that_takes_what_is_sent_is_not_given_up_for_a_late_pong() {
    let (quiet, patience) = (Duration::from_millis(20), Duration::from_secs(1));
    let impatient = |config: Config| config.ping_interval(quiet).pong_timeout(patience);
    let (_hub, client, mut socket) = by_hand(impatient).await;
    // More than all buffers hold, so that it goes at the pace of the hub: 3 MiB a second.
    let stream = vec![0; 24 << 20];
    let reading = async {
        let mut piece = vec![0; 64 * 1024];
        while socket.get_mut().read(&mut piece).await.is_ok_and(|read| read > 0) {
            sleep(quiet).await;
        }
    };
    tokio::select! {
        sent = client.write_stream("files", &stream[..]) => {
            assert_eq!(sent.expect("the connection stays"), stream.len() as u64);
        }
        () = reading => panic!("the client has given the hub up"),
    }
}

#[tokio::test]
async fn a_hub_that_takes_slowly_what_the_system_holds_is_not_given_up() {
    let (quiet, patience) = (Duration::from_millis(20), Duration::from_secs(1));
    let impatient = |config: Config| config.ping_interval(quiet).pong_timeout(patience);
    let (_hub, client, mut socket) = by_hand(impatient).await;
    // The most of it goes into the buffers at once. The hub takes four seconds.
    let stream = vec![0; 2 << 20];
    let uploading = async {
        client.write_stream("files", &stream[..]).await.expect("there is room");
        client.settle().await
    };
    let reading = async {
        while let Some(Ok(_)) = socket.next().await {
            sleep(quiet * 3).await;
        }
    };
    tokio::select! {
        settled = uploading => settled.expect("the connection stays"),
        () = reading => panic!("the client has given the hub up"),
    }
}

#[tokio::test]
async fn without_a_connection_a_write_waits_for_one_in_bounds() {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let config = quick(hub.url()).send_timeout(Duration::from_millis(50));
    let client = Client::start(config).expect("the settings are right");
    let hangs = hub.hang().await;
    let error = client.write("news", "hi").await.expect_err("there is no connection");
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    drop(hangs);
    let mut visitor = hub.accept().await;
    client.connected().await.expect("it is there now");
    client.write("news", "later").await.expect("it is there now");
    assert_eq!(visitor.expect(Opcode::WRITE, "news").await.body, "later", "what failed was not sent");
}

#[tokio::test]
async fn what_was_taken_and_not_sent_is_counted_to_the_last_message() {
    let (_hub, client, socket) = stuck(|config| config).await;
    let mut messages = client.messages();
    for _ in 0..3 {
        client.write("news", "behind it").await.expect("there is room");
    }
    // Of a stream all are counted: its start, three pieces, and its end.
    let stream = vec![0; 3 * 32 * 1024];
    client.write_stream("files", &stream[..]).await.expect("there is room");
    client.bind("tea").await.expect("there is room");
    drop(socket);
    let how = next_end(&mut messages).await;
    // A bind goes out again; the message that was begun, and all behind it, does not.
    assert_eq!(how.unsent, 1 + 3 + 5, "{how:?}");
}
