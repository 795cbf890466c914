//! What goes from one node to another: what was allowed where it was written.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{BufMut, Bytes, BytesMut};
use conductor_hub::federation::{SisterConfig, SisterDialler, SisterEnd, SisterManager, Sisters};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Auth, ChannelHistory, Config, Connection, ErrorKind, HistoryConfig, Hooks, Storage};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::Recorder;
use crate::support::node::{Ends, Node, SECRET, link_in_memory, next};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn config() -> SisterConfig {
    SisterConfig::new(*SECRET)
}

/// Has a reader bind, and nobody else; nobody may write.
struct ReadersOnly;

impl Auth for ReadersOnly {
    fn can_bind(&self, connection: &Connection, _message: MessageRef<'_>) -> bool {
        connection.user() == Some("reader")
    }

    fn can_write(&self, _connection: &Connection, _message: MessageRef<'_>) -> bool {
        false
    }
}

fn history() -> Arc<ChannelHistory> {
    Arc::new(ChannelHistory::new(HistoryConfig::default()).expect("it is valid"))
}

#[tokio::test]
async fn what_one_node_denies_reaches_no_other_that_would_allow_it() {
    let kept = history();
    let strict = Node::with(Hooks::default().auth(ReadersOnly), config()).await;
    let other = Node::with(Hooks::default().storage(Arc::clone(&kept)), config()).await;
    strict.link(&other).await;
    let mut there = other.member("tea").await;
    strict.reach(&mut there, "tea").await;
    let mut reader = strict.client(Some("reader")).await;
    reader.send(&Message::new(Opcode::BIND, "tea", "")).await;
    reader.write("tea", "denied").await;
    reader.settle().await;
    strict.hub.publish("tea", "behind it").expect("the name is short");
    assert_eq!(next(&mut there).await.body, "behind it");
    let kept = kept.get("tea", usize::MAX).messages;
    assert!(kept.iter().all(|kept| kept.body != "denied"), "{kept:?}");
}

#[tokio::test]
async fn what_one_node_allows_is_delivered_and_stored_at_one_that_would_deny_it() {
    let kept = history();
    let allows = Node::start().await;
    let hooks = Hooks::default().auth(ReadersOnly).storage(Arc::clone(&kept));
    let denies = Node::with(hooks, config()).await;
    allows.link(&denies).await;
    let mut reader = denies.client(Some("reader")).await;
    reader.send(&Message::new(Opcode::BIND, "tea", "")).await;
    allows.reach(&mut reader, "tea").await;
    let mut alice = allows.client(Some("alice")).await;
    alice.send(&Message::new(Opcode::BIND, "tea", "")).await;
    let written = alice.write("tea", "allowed").await;
    assert_eq!(next(&mut reader).await, written);
    let kept = kept.get("tea", usize::MAX).messages;
    assert!(kept.contains(&written), "{kept:?}");
}

/// Dials nobody, and keeps what is written to `tea` on its node.
struct KeepsTea;

#[async_trait]
impl SisterManager for KeepsTea {
    async fn start(&self, _dialler: &SisterDialler) {}

    fn write(&self, channel: &str) -> bool {
        channel != "tea"
    }
}

#[tokio::test]
async fn what_the_manager_keeps_from_sisters_stays_on_its_node() {
    let keeps = Node::managed(KeepsTea, Config::default(), config()).await;
    let other = Node::start().await;
    keeps.link(&other).await;
    let mut there = other.member("cake").await;
    there.send(&Message::new(Opcode::BIND, "tea", "")).await;
    there.settle().await;
    keeps.reach(&mut there, "cake").await;
    let mut here = keeps.member("tea").await;
    let mut writer = keeps.member("tea").await;
    other.reach(&mut here, "tea").await;
    let written = writer.write("tea", "for this node").await;
    assert_eq!(next(&mut here).await, written);
    keeps.hub.publish("tea", "for this node, too").expect("the name is short");
    keeps.hub.publish("cake", "for all").expect("the name is short");
    assert_eq!(next(&mut there).await.body, "for all", "nothing of tea came");
}

#[tokio::test]
async fn what_the_manager_keeps_from_sisters_may_be_longer_than_goes_over_links() {
    let keeps = Node::managed(KeepsTea, Config::default(), config()).await;
    let long = Bytes::from(vec![7; 9 * 1024 * 1024]);
    keeps.hub.publish("tea", long.clone()).expect("it goes over no link");
    let error = keeps.hub.publish("cake", long).expect_err("it is longer than half of a queue");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn a_sister_who_names_a_channel_of_the_server_alone_is_ended_and_counted() {
    let recorder = Recorder::default();
    // Everything runs in this thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let (ends, mut ended) = mpsc::channel(4);
    let a = Node::managed(Ends(ends), Config::default(), config()).await;
    let b = Node::managed(Sisters::new(), Config::default(), config()).await;
    let link = link_in_memory(&a, &b).await;
    let before = recorder.count("hub_sister_links_ended_total");
    // An interest in it, as `item.rs` draws it: the kind, the length, the hops and the name.
    let mut interest = BytesMut::from(&[3_u8][..]);
    interest.put_u32_le(1 + 4);
    interest.put_slice(b"\x01$sys");
    link.send(interest.freeze()).await.expect("the node reads");
    let reason = timeout(PATIENCE, ended.recv()).await.expect("she is ended in time");
    assert_eq!(reason, Some(SisterEnd::Forbidden));
    assert!(a.hub.sisters().is_empty());
    assert!(recorder.count("hub_sister_links_ended_total") > before);
}
