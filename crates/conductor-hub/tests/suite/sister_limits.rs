//! What is too long for sisters.

use std::time::Duration;

use bytes::Bytes;
use conductor_hub::federation::{SisterConfig, SisterEnd, Sisters};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Config, ErrorKind, Hooks, Hub};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::node::{Ends, Node, SECRET, next};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_link_over_which_a_name_comes_that_is_too_long_is_ended() {
    let hub_config = |bytes| Config::default().name_bytes_max(bytes);
    let (ends, mut ended) = mpsc::channel(4);
    let strict = Node::managed(Ends(ends), hub_config(512), SisterConfig::new(*SECRET)).await;
    let other = Node::managed(Sisters::new(), hub_config(600), SisterConfig::new(*SECRET)).await;
    other.link(&strict).await;
    let name = "n".repeat(512);
    let mut member = other.member(&name).await;
    strict.reach(&mut member, &name).await;
    // That there is a member is said to the sister, with the name.
    let _longer = other.member(&"n".repeat(513)).await;
    let reason = timeout(PATIENCE, ended.recv()).await.expect("the link is ended in time");
    assert_eq!(reason, Some(SisterEnd::Forbidden));
    assert!(strict.hub.sisters().is_empty());
}

#[tokio::test]
async fn a_program_publishes_under_no_name_that_sisters_do_not_take() {
    let (a, b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let name = "n".repeat(513);
    let error = a.hub.publish(&name, "hello").expect_err("the name is too long");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("name_bytes_max allows 512"), "{error}");
    a.hub.publish(&format!("${name}"), "hello").expect("it stays on its node");
    let alone = Hub::start(Config::default(), Hooks::default()).expect("the defaults are valid");
    alone.publish(&name, "hello").expect("a program may use longer names than its clients");
    assert_eq!((a.hub.sisters().len(), b.hub.sisters().len()), (1, 1));
}

#[tokio::test]
async fn a_message_of_the_program_that_is_too_long_for_a_link_is_refused_and_ends_none() {
    const LINK: usize = 128 * 1024;
    let config = || SisterConfig::new(*SECRET).link_bytes_max(LINK).interest_bytes_max(LINK / 2);
    let node = || Node::managed(Sisters::new(), Config::default().message_bytes_max(LINK / 4), config());
    let (a, b) = (node().await, node().await);
    a.link(&b).await;
    let (_here, mut there) = (a.member("tea").await, b.member("tea").await);
    a.reach(&mut there, "tea").await;
    let connection = a.hub.connections_in("tea").remove(0);
    let message = |bytes| Message::new(Opcode::WRITE, "tea", Bytes::from(vec![7; bytes]));
    for bytes in [LINK / 2 - 4 * 1024, LINK * 2] {
        let body = message(bytes).body;
        for refused in [
            a.hub.publish("tea", body.clone()).map(drop),
            a.hub.publish_except("tea", body.clone(), connection.id()).map(drop),
            a.hub.publish_message(message(bytes)).map(drop),
            a.hub.write(&connection, message(bytes)).map(drop),
        ] {
            let error = refused.expect_err("beside half of the queue there is no room for it");
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains("link_bytes_max"), "{error}");
        }
    }
    let fits = message(LINK / 2 - 5 * 1024);
    a.hub.publish_message(fits.clone()).expect("it fits");
    assert_eq!(next(&mut there).await, fits, "it is the first that came");
    a.hub.publish("$sys", message(LINK * 2).body).expect("it stays on its node");
    assert_eq!((a.hub.sisters().len(), b.hub.sisters().len()), (1, 1));
}
