//! Streams: from end to end, and what becomes of those that are cut short.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use conductor_client::protocol::{Message, Opcode};
use conductor_client::test_util::Visitor;
use conductor_client::{Client, ErrorKind, IncomingStream, Streams};
use conductor_hub::{Disconnect, Hooks};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::time::timeout;

use crate::support::{PATIENCE, bound, next_end, serve, visited};

/// Bytes that are different everywhere.
fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut dice = fastrand::Rng::with_seed(seed);
    std::iter::repeat_with(|| dice.u8(..)).take(len).collect()
}

async fn next(streams: &mut Streams) -> IncomingStream {
    let next = timeout(PATIENCE, streams.next()).await.expect("a stream begins in time");
    next.expect("the client is there").expect("none was left out")
}

async fn read(mut stream: IncomingStream) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("it ends in time");
    read.map(|_| all)
}

fn kind(error: &io::Error) -> Option<ErrorKind> {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<conductor_client::Error>());
    inner.map(conductor_client::Error::kind)
}

#[tokio::test]
async fn three_and_ten_megabytes_arrive_byte_for_byte_beside_other_messages() {
    let (_hub, url) = serve(Hooks::default()).await;
    let (alice, _) = bound(&url, "files").await;
    let (bob, mut messages) = bound(&url, "files").await;
    let mut streams = bob.streams();
    for len in [3_000_000, 10_000_000] {
        let sent = bytes(len, len as u64);
        let (written, ()) = tokio::join!(alice.write_stream("files", &sent[..]), async {
            alice.write("files", "between").await.expect("the hub takes it");
            let stream = next(&mut streams).await;
            assert_eq!(stream.channel(), "files");
            assert!(read(stream).await.expect("all of it comes") == sent, "{len} bytes differ");
        });
        assert_eq!(written.expect("all of it went"), len as u64);
        assert_eq!(crate::support::next_message(&mut messages).await.body, "between");
    }
}

#[tokio::test]
async fn two_senders_at_once_in_one_channel_are_told_apart() {
    let (_hub, url) = serve(Hooks::default()).await;
    let (carol, _messages) = bound(&url, "files").await;
    let mut streams = carol.streams();
    let (one, two) = (bytes(400_000, 1), bytes(400_000, 2));
    let ((alice, _), (bob, _)) = (bound(&url, "files").await, bound(&url, "files").await);
    let (first, second, heard) =
        tokio::join!(alice.write_stream("files", &one[..]), bob.write_stream("files", &two[..]), async {
            let (a, b) = (next(&mut streams).await, next(&mut streams).await);
            tokio::join!(read(a), read(b))
        });
    assert_eq!((first.expect("it went"), second.expect("it went")), (400_000, 400_000));
    let (a, b) = (heard.0.expect("it came"), heard.1.expect("it came"));
    assert!(a == one && b == two || a == two && b == one, "they are mixed");
}

#[tokio::test]
async fn an_empty_stream_is_one() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let (sent, ()) = tokio::join!(client.write_stream("f", &b""[..]), async {
        let start = visitor.expect(Opcode::STREAM_START, "f").await;
        let end = visitor.expect(Opcode::STREAM_END, "f").await;
        assert_eq!((start.uuid == end.uuid, &*end.body), (true, &b""[..]));
    });
    assert_eq!(sent.expect("it went"), 0);
}

#[tokio::test]
async fn a_channel_has_one_stream_of_a_client_at_a_time() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let (reader, _writer) = tokio::io::duplex(64);
    let mut first = Box::pin(client.write_stream("f", reader));
    tokio::select! {
        _ = &mut first => panic!("its reader has not ended"),
        _ = visitor.expect(Opcode::STREAM_START, "f") => {}
    }
    let second = client.write_stream("f", &b"hi"[..]).await;
    assert_eq!(second.expect_err("one is open").kind(), ErrorKind::Busy);
    // It is given up, and says so.
    drop(first);
    assert_eq!(visitor.expect(Opcode::STREAM_END, "f").await.body, Message::ABORTED);
    client.write_stream("f", &b"hi"[..]).await.expect("none is open now");
}

/// Gives some bytes, and then fails.
struct Failing(bool);

impl AsyncRead for Failing {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Err(io::Error::other("the disk is gone")));
        }
        into.put_slice(b"some");
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_reader_that_fails_aborts_the_stream_for_its_receivers() {
    let (_hub, url) = serve(Hooks::default()).await;
    let (alice, _) = bound(&url, "files").await;
    let (bob, _messages) = bound(&url, "files").await;
    let mut streams = bob.streams();
    let error = alice.write_stream("files", Failing(false)).await.expect_err("the reader fails");
    assert_eq!((error.kind(), format!("{error:#}").contains("disk is gone")), (ErrorKind::Aborted, true));
    let mut stream = next(&mut streams).await;
    assert_eq!(stream.next().await.expect("a piece").expect("it came"), "some");
    assert_eq!(kind(&read(stream).await.expect_err("it is not all")), Some(ErrorKind::Aborted));
}

#[tokio::test]
async fn a_loss_fails_a_stream_on_both_sides_whatever_comes_later() {
    let (hub, client, mut visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    begin(&mut visitor, "1").await;
    let mut stream = next(&mut streams).await;
    let (reader, _writer) = tokio::io::duplex(64);
    let outgoing = client.write_stream("g", reader);
    tokio::select! {
        _ = outgoing => panic!("its reader has not ended"),
        _ = visitor.expect(Opcode::STREAM_START, "g") => {}
    }
    drop(visitor);
    let mut visitor = hub.accept().await;
    piece(&mut visitor, "1", "not its own").await;
    let error = stream.next().await.expect("an error").expect_err("the connection was lost");
    assert_eq!(error.kind(), ErrorKind::Uncertain);
    // It stays so: the end of a stream is only ever told of a whole one.
    assert_eq!(stream.next().await.expect("the same").expect_err("again").kind(), ErrorKind::Uncertain);
}

async fn begin(visitor: &mut Visitor, uuid: &str) {
    visitor.send(&Message::with_uuid(Opcode::STREAM_START, uuid, "f", "")).await;
}

async fn piece(visitor: &mut Visitor, uuid: &str, body: &'static str) {
    visitor.send(&Message::with_uuid(Opcode::STREAM_WRITE, uuid, "f", body)).await;
}

async fn end(visitor: &mut Visitor, uuid: &str) {
    visitor.send(&Message::with_uuid(Opcode::STREAM_END, uuid, "f", "")).await;
}

#[tokio::test]
async fn streams_of_the_original_have_another_uuid_in_each_message() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    begin(&mut visitor, "1").await;
    piece(&mut visitor, "2", "tea ").await;
    piece(&mut visitor, "3", "").await;
    piece(&mut visitor, "4", "is ready").await;
    end(&mut visitor, "5").await;
    let stream = next(&mut streams).await;
    assert_eq!(stream.uuid(), "1");
    assert_eq!(read(stream).await.expect("it is whole"), b"tea is ready");
    // Of two at once nobody can tell whose a piece is, and neither is taken for whole.
    begin(&mut visitor, "6").await;
    begin(&mut visitor, "7").await;
    piece(&mut visitor, "8", "whose?").await;
    for _ in 0..2 {
        let error = read(next(&mut streams).await).await.expect_err("nobody can tell");
        assert_eq!(kind(&error), Some(ErrorKind::Protocol));
    }
}

#[tokio::test]
async fn a_stream_that_is_not_read_fails_and_the_rest_goes_on() {
    let pause = Duration::from_millis(20);
    let (_hub, client, mut visitor) =
        visited(|config| config.stream_bytes_max(1_024).stream_pause_max(pause)).await;
    let (mut streams, mut messages) = (client.streams(), client.messages());
    begin(&mut visitor, "1").await;
    let stream = next(&mut streams).await;
    for _ in 0..4 {
        piece(&mut visitor, "1", "tea".repeat(300).leak()).await;
    }
    visitor.send(&Message::new(Opcode::WRITE, "news", "the rest")).await;
    assert_eq!(crate::support::next_message(&mut messages).await.body, "the rest");
    assert_eq!(kind(&read(stream).await.expect_err("it was not read")), Some(ErrorKind::Overflow));
}

#[tokio::test]
async fn one_stream_too_many_fails_alone() {
    let (_hub, client, mut visitor) = visited(|config| config.streams_max(1)).await;
    let mut streams = client.streams();
    begin(&mut visitor, "1").await;
    let first = next(&mut streams).await;
    visitor.send(&Message::with_uuid(Opcode::STREAM_START, "2", "g", "")).await;
    let error = read(next(&mut streams).await).await.expect_err("one is open");
    assert_eq!(kind(&error), Some(ErrorKind::Overflow));
    end(&mut visitor, "1").await;
    assert_eq!(read(first).await.expect("it is whole"), b"");
}

#[tokio::test]
async fn a_sender_that_is_lost_aborts_its_stream_for_the_others() {
    let (hub, url) = serve(Hooks::default()).await;
    let (alice, mut of_alice) = bound(&url, "files").await;
    let connection = hub.connections().next().expect("it is hers");
    let (bob, _messages) = bound(&url, "files").await;
    let mut streams = bob.streams();
    let (reader, mut writer) = tokio::io::duplex(64);
    let mut sending = Box::pin(alice.write_stream("files", reader));
    let stream = tokio::select! {
        _ = &mut sending => panic!("its reader has not ended"),
        stream = async {
            writer.write_all(b"some").await.expect("it is read");
            let mut stream = next(&mut streams).await;
            assert_eq!(stream.next().await.expect("a piece").expect("it came"), "some");
            stream
        } => stream,
    };
    connection.close(Disconnect::Restart);
    assert_eq!(kind(&read(stream).await.expect_err("it is not all")), Some(ErrorKind::Aborted));
    // The sender has come back, and goes on with nothing: her stream is over.
    assert!(next_end(&mut of_alice).await.comes_back());
    writer.write_all(b"more").await.expect("it is read");
    assert_eq!(sending.await.expect_err("it is over").kind(), ErrorKind::Uncertain);
}

#[tokio::test]
async fn streams_end_with_their_client() {
    let (_hub, client, _visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    assert!(!shut_down_unanswered(&client).await, "the hub does not answer the goodbye");
    assert!(streams.next().await.is_none());
}

async fn shut_down_unanswered(client: &Client) -> bool {
    client.shutdown(Duration::from_millis(20)).await
}
