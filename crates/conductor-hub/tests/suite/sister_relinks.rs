//! What a node takes for missing when it is linked again.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use conductor_hub::protocol::{Message, Opcode};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::support::node::{Node, Told, link_in_memory, next, until};
use crate::support::{Client, Recorder};

/// Links after which a test says that it can show nothing.
const LINKS: usize = 10;

/// Ends the link of two nodes, and waits until both know.
async fn cut(a: &Node, b: &Node) {
    a.hub.sisters()[0].close();
    until(|| a.hub.sisters().is_empty() && b.hub.sisters().is_empty()).await;
}

/// Returns how many numbers were told as missing so far.
fn missing(told: &[Told]) -> u64 {
    let of = |told: &Told| match told {
        Told::Gap(_, missing) => missing.end() - missing.start() + 1,
        _ => 0,
    };
    told.iter().map(of).sum()
}

/// Waits until a link that is young tells as missing what the other node writes for nobody; `false`
/// if it is young no more.
async fn are_doubted(a: &Node, b: &mut Node, there: &mut Client) -> bool {
    let doubting = async {
        loop {
            a.hub.publish("nobody's", "for nobody").expect("the name is short");
            a.hub.publish("files", "are you there?").expect("the name is short");
            there.next().await;
            if missing(&b.told_so_far()) > 0 {
                return;
            }
        }
    };
    // For no longer the link is young.
    timeout(Duration::from_secs(4), doubting).await.is_ok()
}

#[tokio::test]
async fn a_whole_stream_is_not_aborted_by_numbers_that_a_young_link_denies() {
    let (a, mut b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let mut there = b.member("files").await;
    a.reach(&mut there, "files").await;
    // A link may no longer be young before all is said.
    for _ in 0..LINKS {
        cut(&a, &b).await;
        a.link(&b).await;
        a.reach(&mut there, "files").await;
        b.told_so_far();
        if are_doubted(&a, &mut b, &mut there).await && is_whole(&a, &mut b, &mut there).await {
            return;
        }
    }
    panic!("no link of {LINKS} was young for long enough to show anything");
}

/// Has a stream sent behind which numbers are missing, which is whole; tells whether they were.
async fn is_whole(a: &Node, b: &mut Node, there: &mut Client) -> bool {
    let mut writer = a.client(Some("alice")).await;
    writer.send(&Message::new(Opcode::BIND, "files", "")).await;
    for (opcode, body) in [
        (Opcode::STREAM_START, ""),
        (Opcode::STREAM_WRITE, "one"),
        (Opcode::STREAM_WRITE, "two"),
        (Opcode::STREAM_END, ""),
    ] {
        let message = Message::with_uuid(opcode, "the stream", "files", body);
        writer.send(&message).await;
        assert_eq!(next(there).await, message);
        // It has a number that is not for the other node, which takes it for missing.
        a.hub.publish("nobody's", "for nobody").expect("the name is short");
    }
    writer.write("files", "behind it").await;
    assert_eq!(next(there).await.body, "behind it");
    missing(&b.told_so_far()) > 0
}

/// Returns what some program wrote, as `item.rs` and `parcel.rs` draw it.
fn parcel(number: u64, covers_from: u64, before: u64, message: &Message) -> Bytes {
    let len = |len: usize| u32::try_from(len).expect("it is short");
    let (mut encoded, mut body, mut item) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
    message.encode(&mut encoded).expect("it is short");
    body.put_u16_le(u16::try_from(message.channel.len()).expect("it is short"));
    body.put_slice(message.channel.as_bytes());
    body.put_u8(0);
    body.put_u16_le(0);
    body.put_u32_le(len(encoded.len()));
    body.put_slice(&encoded);
    item.put_u8(1);
    item.put_u32_le(len(16 + 3 * 8 + body.len()));
    item.put_slice(&[9; 16]);
    [number, covers_from, before].into_iter().for_each(|number| item.put_u64_le(number));
    item.put_slice(&body);
    item.freeze()
}

/// Returns what is said of the stream.
fn say(opcode: Opcode, body: &str) -> Message {
    Message::with_uuid(opcode, "the stream", "files", body.to_owned())
}

/// A stream that has begun over a link which says that its next parcel is not for this node.
struct Doubted {
    link: mpsc::Sender<Bytes>,
    /// A member of the stream's channel, and one of another.
    there: Client,
    elsewhere: Client,
    /// What the other one has got.
    tea: Message,
    _nodes: [Node; 2],
}

impl Doubted {
    async fn start() -> Self {
        let (a, b) = (Node::start().await, Node::start().await);
        let (mut there, mut elsewhere) = (a.member("files").await, a.member("tea").await);
        // It is young, as something is wanted already.
        let link = link_in_memory(&a, &b).await;
        let (start, tea) = (say(Opcode::STREAM_START, ""), Message::new(Opcode::WRITE, "tea", "hot"));
        link.send(parcel(1, 1, 0, &start)).await.expect("the node reads");
        assert_eq!(there.next().await, start);
        link.send(parcel(3, 2, 0, &tea)).await.expect("the node reads");
        assert_eq!(elsewhere.next().await, tea);
        Self { link, there, elsewhere, tea, _nodes: [a, b] }
    }
}

#[tokio::test]
async fn a_stream_whose_piece_a_young_link_denied_ends_with_the_next_message_of_its_channel() {
    // What is missing was a piece.
    let Doubted { link, mut there, elsewhere: _elsewhere, _nodes, .. } = Doubted::start().await;
    link.send(parcel(4, 4, 2, &say(Opcode::STREAM_WRITE, "piece"))).await.expect("the node reads");
    assert_eq!(there.next().await, say(Opcode::STREAM_END, "aborted"));
    link.send(parcel(5, 5, 4, &say(Opcode::STREAM_END, ""))).await.expect("the node reads");
    let behind = Message::new(Opcode::WRITE, "files", "behind it");
    link.send(parcel(6, 6, 5, &behind)).await.expect("the node reads");
    assert_eq!(there.next().await, behind, "the rest of the stream is no use to anybody");
}

#[tokio::test(start_paused = true)]
async fn a_stream_in_doubt_ends_after_5_s_though_nothing_of_its_channel_comes() {
    // What is missing was the end.
    let Doubted { link, mut there, mut elsewhere, tea, _nodes } = Doubted::start().await;
    let (doubted, mut told) = (Instant::now(), None);
    for number in 4..24 {
        // The node of its sender is there, and writes to another channel.
        link.send(parcel(number, number, number - 1, &tea)).await.expect("the node reads");
        assert_eq!(elsewhere.next().await, tea);
        told = timeout(Duration::from_secs(1), there.next()).await.ok();
        if told.is_some() {
            break;
        }
    }
    assert_eq!(told, Some(say(Opcode::STREAM_END, "aborted")));
    let after = doubted.elapsed().as_millis();
    assert!((4_900..=6_500).contains(&after), "after {after} ms");
}

#[tokio::test]
async fn what_is_told_as_missing_is_counted() {
    let recorder = Recorder::default();
    let a = Node::start().await;
    let mut b = {
        let _recording = metrics::set_default_local_recorder(&recorder);
        Node::start().await
    };
    a.link(&b).await;
    let mut there = b.member("tea").await;
    a.reach(&mut there, "tea").await;
    cut(&a, &b).await;
    for number in 0..10 {
        a.hub.publish("tea", number.to_string()).expect("the name is short");
    }
    a.link(&b).await;
    let (_, gap) = b.gap().await;
    let told = gap.end() - gap.start() + 1 + missing(&b.told_so_far());
    assert!(told >= 10, "{told} were told as missing");
    assert_eq!(recorder.count("hub_sister_parcels_missing_total"), told);
}
