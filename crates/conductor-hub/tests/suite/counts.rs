//! What the hub counts of that which clients do.

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Config, Hooks, Hub};

use crate::support::{Client, Recorder};

#[tokio::test]
async fn what_is_received_delivered_denied_repeated_and_aborted_is_counted() {
    let recorder = Recorder::default();
    let hub = {
        let _installed = metrics::set_default_local_recorder(&recorder);
        Hub::start(Config::default(), Hooks::default()).unwrap()
    };
    let mut alice = Client::bound(&hub, "hello").await;
    let mut bob = Client::bound(&hub, "hello").await;
    let sent = alice.write("hello", "hi").await;
    assert_eq!(bob.next().await, sent);
    alice.send(&sent).await;
    alice.write("elsewhere", "not bound").await;
    alice.settle().await;
    bob.settle().await;
    assert_eq!(recorder.count("hub_messages_received_total"), 5, "two binds and three writes");
    assert_eq!(recorder.count("hub_messages_delivered_total"), 1);
    assert_eq!(recorder.count("hub_messages_repeated_total"), 1);
    assert_eq!(recorder.count("hub_messages_denied_total"), 1);

    alice.send(&Message::new(Opcode::STREAM_START, "hello", "")).await;
    assert_eq!(bob.next().await.opcode, Opcode::STREAM_START);
    assert_eq!(recorder.count("hub_streams_aborted_total"), 0);
    drop(alice);
    assert_eq!(bob.next().await.body, "aborted");
    assert_eq!(recorder.count("hub_streams_aborted_total"), 1);
}
