//! The trace of PROTOCOL.md, played against a hub by clients of another library.

use std::collections::BTreeMap;
use std::sync::Arc;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Answer, Config, Connection, Handler, Hooks, Hub};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite;

use crate::support::Client;

const PAGE: &str = include_str!("../../PROTOCOL.md");

/// Says what time it is, on one day.
struct Noon;

impl Handler for Noon {
    fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
        Message::with_uuid(Opcode::SERVER, call.uuid, "", "noon").into()
    }
}

#[tokio::test]
async fn the_trace_of_the_page_is_what_a_hub_does() {
    let hub = Hub::start(Config::default(), Hooks::default().handler(Noon)).expect("the settings are right");
    let mut clients: BTreeMap<&str, Client> = BTreeMap::new();
    let trace = PAGE.split("```trace\n").nth(1).and_then(|rest| rest.split("```").next());
    let mut played = 0;
    for line in trace.expect("the page has a trace").lines() {
        let step = line.split('#').next().unwrap_or_default();
        let mut words = step.split_whitespace();
        let (who, verb) = words.next().zip(words.next()).expect("a line has a client and a verb");
        let rest: String = words.collect();
        if verb == "connects" {
            clients.insert(who, Client::connect(&hub).await);
        } else {
            let client = clients.get_mut(who).expect("the client has connected");
            play(client, verb, &rest).await;
        }
        played += 1;
    }
    assert!(played > 20, "{played} lines are no trace");
}

async fn play(client: &mut Client, verb: &str, rest: &str) {
    match verb {
        "sends" => {
            let bytes = tungstenite::Message::Binary(bytes(rest).into());
            client.socket.send(bytes).await.expect("the hub reads");
        }
        "gets" => {
            let mut encoded = bytes::BytesMut::new();
            client.next().await.encode(&mut encoded).expect("it came encoded");
            assert_eq!(&encoded[..], bytes(rest), "{rest}");
        }
        // Nothing else may come before the pong.
        "pings" => client.settle().await,
        "closed" => assert_eq!(client.close_code().await.to_string(), rest),
        other => panic!("{other} is no verb of a trace"),
    }
}

fn bytes(digits: &str) -> Vec<u8> {
    let digit = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).expect("a trace is hexadecimal");
    (0..digits.len()).step_by(2).map(digit).collect()
}
