//! permessage-deflate, with a client that says and hears the very bytes.

use std::net::SocketAddr;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Config, Disconnect, Hooks, Hub};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::raw_client::{RawClient, deflated, encoded, inflated};
use crate::support::{Recorder, serve};

const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

async fn hub() -> (Hub, SocketAddr) {
    serve(Config::default().compress_from(1_024), Hooks::default()).await
}

async fn connect(address: SocketAddr, more: &str) -> (RawClient<TcpStream>, String) {
    RawClient::connect(TcpStream::connect(address).await.expect("server listens"), more).await
}

/// Connects and binds to the channel of these tests.
async fn bound(address: SocketAddr, more: &str) -> RawClient<TcpStream> {
    let (mut client, _) = connect(address, more).await;
    client.send_message(&Message::new(Opcode::BIND, "news", "")).await;
    client.settle().await;
    client
}

/// A text of about 3 KB, as programs send them.
fn text() -> String {
    let entry =
        |n: u32| format!(r#"{{"id":{n},"user":"user-{}","text":"hello {}"}},"#, n * 7919 % 1_000, n % 13);
    (0..60).map(entry).collect()
}

#[tokio::test]
async fn it_is_agreed_on_where_both_sides_want_it() {
    let (_hub, address) = hub().await;
    let (_client, head) = connect(address, OFFER).await;
    let agreed = "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n";
    assert!(head.contains(agreed), "{head}");
    for more in ["", "Sec-WebSocket-Extensions: permessage-deflate; unknown=1\r\n"] {
        let (_client, head) = connect(address, more).await;
        assert!(!head.contains("extensions"), "{head}");
    }
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let (_client, head) = connect(address, OFFER).await;
    assert!(!head.contains("extensions"), "nothing is compressed unless it is set: {head}");
}

#[tokio::test]
async fn a_broadcast_is_compressed_once_whatever_the_receivers() {
    let recorder = Recorder::default();
    let (hub, address) = {
        let _installed = metrics::set_default_local_recorder(&recorder);
        hub().await
    };
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(bound(address, OFFER).await);
    }
    let mut plain = bound(address, "").await;
    for round in 1..=3 {
        let text = format!("{round}{}", text());
        assert_eq!(hub.publish("news", text.clone()).expect("text is short"), 21);
        for client in &mut clients {
            assert_eq!(client.message(true).await.body, text);
        }
        assert_eq!(plain.message(false).await.body, text);
        assert_eq!(recorder.count("hub_messages_compressed_total"), round);
    }
    assert_eq!(hub.stats().outboxes_bytes, 0, "what was compressed is counted and given back");
}

#[tokio::test]
async fn what_would_not_be_smaller_goes_as_it_is() {
    let (hub, address) = hub().await;
    let mut client = bound(address, OFFER).await;
    let noise: Vec<u8> = (0..300).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
    hub.publish("news", noise.clone()).expect("it is short");
    assert_eq!(client.message(false).await.body, noise);
    hub.publish("news", "short").expect("it is short");
    assert_eq!(client.message(false).await.body, "short");
}

#[tokio::test]
async fn a_client_with_a_small_window_gets_what_fits_it() {
    let (hub, address) = hub().await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=10\r\n";
    let (mut client, head) = connect(address, offer).await;
    assert!(head.contains("; server_max_window_bits=9\r\n"), "{head}");
    client.send_message(&Message::new(Opcode::BIND, "news", "")).await;
    client.settle().await;
    // What repeats does so at a distance that only a full window reaches.
    let text = text() + &text();
    hub.publish("news", text.clone()).expect("text is short");
    let (first, payload) = client.frame().await;
    assert_eq!(first, 0xC2);
    assert!(inflated(&payload, 9).ends_with(text.as_bytes()));
}

#[tokio::test]
async fn messages_of_one_client_reach_the_others_in_order_and_as_they_were() {
    let (_hub, address) = hub().await;
    let (mut sender, mut receiver) = (bound(address, OFFER).await, bound(address, "").await);
    let mut deflating = bound(address, OFFER).await;
    let sent: Vec<Message> = (0..20)
        .map(|n| Message::new(Opcode::WRITE, "news", format!("{n}{}", text().repeat(n % 3))))
        .collect();
    for (n, message) in sent.iter().enumerate() {
        match n % 2 {
            0 => sender.send(0xC2, &deflated(&encoded(message))).await,
            _ => sender.send_message(message).await,
        }
    }
    for message in &sent {
        assert_eq!(&receiver.message(false).await, message);
        assert_eq!(&deflating.message(message.body.len() > 1_024).await, message);
    }
}

#[tokio::test]
async fn a_message_that_becomes_too_long_ends_the_connection_with_1009() {
    let (_hub, address) = hub().await;
    let mut receiver = bound(address, "").await;
    let mut client = bound(address, OFFER).await;
    let bomb = deflated(&encoded(&Message::new(Opcode::WRITE, "news", vec![0; 10_000_000])));
    assert!(bomb.len() < 20_000);
    client.send(0xC2, &bomb).await;
    assert_eq!(client.close_code().await, Disconnect::MessageTooBig.code());
    receiver.settle().await;
}

#[tokio::test]
async fn a_message_that_is_cut_or_was_not_agreed_on_ends_the_connection() {
    let (_hub, address) = hub().await;
    let bytes = deflated(&encoded(&Message::new(Opcode::WRITE, "news", text())));
    let mut receiver = bound(address, "").await;
    for (more, sent) in [(OFFER, &bytes[..bytes.len() / 2]), ("", &bytes[..])] {
        let mut client = bound(address, more).await;
        client.send(0xC2, sent).await;
        assert_eq!(client.close_code().await, Disconnect::ProtocolError.code());
    }
    receiver.settle().await;
}
