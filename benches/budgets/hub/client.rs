//! The clients, as raw as they can be: they only count bytes.

use std::error::Error;
use std::net::SocketAddr;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The path at which the bare writer knows the publisher; the hub takes any.
pub(crate) const PUBLISHER_PATH: &str = "/publisher";

/// Bytes of the body of each message.
const BODY_BYTES: usize = 64;

const CHANNEL: &str = "hello";

/// Connects, binds to `channel` and waits until the server knows.
pub(crate) async fn connect(
    address: SocketAddr,
    path: &str,
    channel: &str,
) -> Result<TcpStream, Box<dyn Error + Send + Sync>> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    socket.write_all(&greeting_for(channel)).await?;
    // The head of the answer, then the pong behind the bind.
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.ends_with(&PONG) {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Err(format!("server said {:?}", String::from_utf8_lossy(&answer)).into());
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    Ok(socket)
}

const PONG: [u8; 2] = [0x8A, 0x00];

/// What a floor answers to a handshake: just enough for [`connect`].
pub(crate) fn accepted() -> Vec<u8> {
    [&b"HTTP/1.1 101 Switching Protocols\r\n\r\n"[..], &PONG].concat()
}

/// What every client sends first: a bind and a ping.
pub(crate) fn greeting() -> Vec<u8> {
    greeting_for(CHANNEL)
}

fn greeting_for(channel: &str) -> Vec<u8> {
    let mut greeting = masked(0x82, &encoded(&Message::with_uuid(Opcode::BIND, "", channel, "")));
    greeting.extend(masked(0x89, b""));
    greeting
}

/// The message as the publisher sends it. Without a uuid it is no repetition of itself.
pub(crate) fn incoming_frame() -> Vec<u8> {
    masked(0x82, &payload())
}

/// The message as each receiver gets it.
pub(crate) fn outgoing_frame() -> Vec<u8> {
    let payload = payload();
    [&[0x82, u8::try_from(payload.len()).expect("payload is short")][..], &payload].concat()
}

fn payload() -> Vec<u8> {
    encoded(&Message::with_uuid(Opcode::WRITE, "", CHANNEL, vec![b'x'; BODY_BYTES]))
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("message is short");
    bytes.to_vec()
}

/// Frames a short payload under the mask of four zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).expect("payload is short");
    assert!(len <= 125, "payload is short");
    [&[first, 0x80 | len, 0, 0, 0, 0][..], payload].concat()
}

/// The channel that all receivers of a fan-out share.
pub(crate) const fn shared_channel() -> &'static str {
    CHANNEL
}
