//! A client that says and hears the very bytes of WebSocket.

use std::time::Duration;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, MessageRef};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Masks every byte with the same.
const MASK: u8 = 0x5A;

pub(crate) struct RawClient<S> {
    pub(crate) stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    /// Shakes hands; returns the head of the answer as well, in lower case.
    pub(crate) async fn connect(mut stream: S, more: &str) -> (Self, String) {
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("server reads");
        stream.flush().await.expect("server reads");
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            answer.push(stream.read_u8().await.expect("server answers"));
        }
        (Self { stream }, String::from_utf8(answer).expect("heads are ASCII").to_lowercase())
    }

    /// Sends a frame with its first byte as it is given.
    pub(crate) async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first, 0x80 | 127];
        frame.extend((payload.len() as u64).to_be_bytes());
        frame.extend([MASK; 4]);
        frame.extend(payload.iter().map(|byte| byte ^ MASK));
        self.stream.write_all(&frame).await.expect("hub reads");
        self.stream.flush().await.expect("hub reads");
    }

    pub(crate) async fn send_message(&mut self, message: &Message) {
        self.send(0x82, &encoded(message)).await;
    }

    /// Waits until the hub has routed everything that was sent before.
    pub(crate) async fn settle(&mut self) {
        self.send(0x89, b"settle").await;
        assert_eq!(self.frame().await, (0x8A, b"settle".to_vec()));
    }

    /// Returns the first byte and the payload of the next frame.
    pub(crate) async fn frame(&mut self) -> (u8, Vec<u8>) {
        timeout(PATIENCE, self.read_frame()).await.expect("hub answers in time")
    }

    /// Returns the next message, which is compressed or not, as it is said.
    pub(crate) async fn message(&mut self, is_compressed: bool) -> Message {
        let (first, payload) = self.frame().await;
        assert_eq!(first, if is_compressed { 0xC2 } else { 0x82 });
        let bytes = if is_compressed { inflated(&payload, 15) } else { payload };
        MessageRef::decode(&bytes).expect("hub sends messages").to_message()
    }

    /// Returns the code with which the hub ends the connection.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let (first, payload) = self.frame().await;
        assert_eq!(first, 0x88);
        u16::from_be_bytes([payload[0], payload[1]])
    }

    async fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let read = "hub keeps to the protocol";
        let first = self.stream.read_u8().await.expect(read);
        let len = match self.stream.read_u8().await.expect(read) {
            126 => u64::from(self.stream.read_u16().await.expect(read)),
            127 => self.stream.read_u64().await.expect(read),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(len).expect("frames are short")];
        self.stream.read_exact(&mut payload).await.expect(read);
        (first, payload)
    }
}

pub(crate) fn encoded(message: &Message) -> BytesMut {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("message has an encoding");
    bytes
}

/// Compresses as any client may.
pub(crate) fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 100);
    let mut compress = Compress::new(Compression::best(), false);
    compress.compress_vec(bytes, &mut out, FlushCompress::Sync).expect("anything can be compressed");
    out.truncate(out.len() - 4);
    out
}

/// Inflates with a window of so many bits, as a client that has no more.
pub(crate) fn inflated(bytes: &[u8], bits: u8) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_000_000);
    let whole = [bytes, &[0, 0, 0xFF, 0xFF]].concat();
    let mut inflate = Decompress::new_with_window_bits(false, bits);
    inflate.decompress_vec(&whole, &mut out, FlushDecompress::Sync).expect("hub compresses well");
    assert_eq!(inflate.total_in(), whole.len() as u64);
    out
}
