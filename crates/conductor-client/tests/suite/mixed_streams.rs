//! Streams whose messages come among those of others, and of streams that began before.

use std::io;

use conductor_client::protocol::{Message, Opcode};
use conductor_client::test_util::Visitor;
use conductor_client::{ErrorKind, IncomingStream, Streams};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::support::{PATIENCE, visited};

/// What a test says in a channel.
struct Said<'v> {
    visitor: &'v mut Visitor,
    channel: String,
}

impl Said<'_> {
    async fn say(&mut self, opcode: Opcode, uuid: &str, body: &str) {
        let message = Message::with_uuid(opcode, uuid, self.channel.as_str(), body.to_owned());
        self.visitor.send(&message).await;
    }

    async fn start(&mut self, uuid: &str) {
        self.say(Opcode::STREAM_START, uuid, "").await;
    }

    async fn piece(&mut self, uuid: &str, body: &str) {
        self.say(Opcode::STREAM_WRITE, uuid, body).await;
    }

    async fn end(&mut self, uuid: &str) {
        self.say(Opcode::STREAM_END, uuid, "").await;
    }
}

fn in_channel(visitor: &mut Visitor, channel: impl Into<String>) -> Said<'_> {
    Said { visitor, channel: channel.into() }
}

async fn next(streams: &mut Streams) -> IncomingStream {
    let next = timeout(PATIENCE, streams.next()).await.expect("a stream begins in time");
    next.expect("the client is there").expect("none was left out")
}

/// Reads a stream to its end; the error has the kind of the client's.
async fn read(mut stream: IncomingStream) -> Result<Vec<u8>, Option<ErrorKind>> {
    let mut all = Vec::new();
    let read = timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("it ends in time");
    read.map(|_| all).map_err(|error| kind(&error))
}

fn kind(error: &io::Error) -> Option<ErrorKind> {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<conductor_client::Error>());
    inner.map(conductor_client::Error::kind)
}

const MIXED: Result<Vec<u8>, Option<ErrorKind>> = Err(Some(ErrorKind::Protocol));

#[tokio::test]
async fn a_stream_that_began_before_the_bind_goes_into_no_other() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    let mut files = in_channel(&mut visitor, "files");
    files.piece("a", "of alice").await;
    files.start("b").await;
    files.piece("a", "of alice").await;
    files.piece("b", "of bob").await;
    files.end("a").await;
    files.piece("b", ", whole").await;
    files.end("b").await;
    assert_eq!(read(next(&mut streams).await).await.expect("it is whole"), b"of bob, whole");
}

#[tokio::test]
async fn a_stream_that_took_a_piece_of_one_from_before_the_bind_fails() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    // Nothing of alice came before, so her first piece may be of any sender that gives each another
    // uuid. It shows by her end, or by what bob sends.
    let mut files = in_channel(&mut visitor, "files");
    files.start("b").await;
    files.piece("a", "of alice").await;
    files.end("a").await;
    assert_eq!(read(next(&mut streams).await).await, MIXED);
    for shows in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        let mut files = in_channel(&mut visitor, format!("files {}", shows.to_wire()));
        files.start("b").await;
        files.piece("a", "of alice").await;
        files.say(shows, "b", "").await;
        assert_eq!(read(next(&mut streams).await).await, MIXED, "{shows:?}");
    }
    // Her end alone does not make his stream an empty one.
    let mut files = in_channel(&mut visitor, "more files");
    files.start("b").await;
    files.end("a").await;
    assert_eq!(read(next(&mut streams).await).await, MIXED);
}

#[tokio::test]
async fn a_stream_that_was_left_out_goes_into_no_other() {
    let (_hub, client, mut visitor) = visited(|config| config.streams_max(1)).await;
    let mut streams = client.streams();
    let mut files = in_channel(&mut visitor, "files");
    files.start("a").await;
    let of_alice = next(&mut streams).await;
    files.start("b").await;
    assert_eq!(read(next(&mut streams).await).await, Err(Some(ErrorKind::Overflow)));
    files.piece("b", "of bob").await;
    files.piece("a", "of alice").await;
    files.end("b").await;
    files.end("a").await;
    assert_eq!(read(of_alice).await.expect("it is whole"), b"of alice");
}

#[tokio::test]
async fn who_leaves_a_channel_and_comes_back_has_no_stream_with_a_gap() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    client.bind("files").await.expect("the name is short");
    visitor.expect(Opcode::BIND, "files").await;
    let mut files = in_channel(&mut visitor, "files");
    files.start("a").await;
    files.piece("a", "one").await;
    let stream = next(&mut streams).await;
    client.unbind("files").await.expect("the name is short");
    client.bind("files").await.expect("the name is short");
    visitor.expect(Opcode::UNBIND, "files").await;
    visitor.expect(Opcode::BIND, "files").await;
    // What was sent in between did not come.
    let mut files = in_channel(&mut visitor, "files");
    files.piece("a", "three").await;
    files.start("b").await;
    files.end("a").await;
    files.piece("b", "of bob").await;
    files.end("b").await;
    assert_eq!(read(stream).await, Err(Some(ErrorKind::Aborted)));
    assert_eq!(read(next(&mut streams).await).await.expect("it is whole"), b"of bob");
}

/// One that sends a stream, message by message.
struct Sender {
    /// Whether all its messages have one uuid.
    is_named: bool,
    pieces: usize,
    sent: usize,
}

/// Whatever the order, and also if the first one began before we listened and all have names.
#[tokio::test]
async fn a_stream_that_ends_whole_has_exactly_its_senders_bytes() {
    let (_hub, client, mut visitor) = visited(|config| config).await;
    let mut streams = client.streams();
    let (mut whole, mut failed) = (0, 0);
    for seed in 0..400 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let is_missed = dice.bool();
        let count = dice.usize(1..5);
        let mut senders: Vec<Sender> = std::iter::repeat_with(|| Sender {
            is_named: is_missed || dice.bool(),
            pieces: dice.usize(..4),
            sent: 0,
        })
        .take(count)
        .collect();
        senders[0].sent = usize::from(is_missed);
        let mut files = in_channel(&mut visitor, format!("files {seed}"));
        let mut messages = 0;
        loop {
            let is_open = |at: &usize| senders[*at].sent < senders[*at].pieces + 2;
            let open: Vec<usize> = (0..count).filter(is_open).collect();
            let Some(&at) = dice.choice(&open) else { break };
            let sender = &mut senders[at];
            messages += 1;
            let uuid = if sender.is_named || sender.sent == 0 {
                at.to_string()
            } else {
                format!("message {messages}")
            };
            match sender.sent {
                0 => files.start(&uuid).await,
                piece if piece <= sender.pieces => files.piece(&uuid, &format!("{at}:{piece} ")).await,
                _ => files.end(&uuid).await,
            }
            sender.sent += 1;
        }
        for _ in usize::from(is_missed)..count {
            let stream = next(&mut streams).await;
            let at: usize = stream.uuid().parse().expect("it is the number of its sender");
            let expected: String = (1..=senders[at].pieces).map(|piece| format!("{at}:{piece} ")).collect();
            match read(stream).await {
                Ok(bytes) => {
                    assert_eq!(String::from_utf8(bytes).as_deref(), Ok(&*expected), "seed {seed}");
                    whole += 1;
                }
                Err(kind) => {
                    assert_eq!(kind, Some(ErrorKind::Protocol), "seed {seed}");
                    failed += 1;
                }
            }
        }
    }
    assert!(whole > 100 && failed > 20, "{whole} whole, {failed} failed");
}
