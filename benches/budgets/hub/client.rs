//! The clients: on the wire they do what browsers and libraries do, and cost as little as can be.
//!
//! They wait for the handshake before they speak, mask what they send, and give each message a
//! uuid.

use std::error::Error;
use std::net::SocketAddr;

use benches::frame;
use benches::frame::masked;
use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The path at which the bare writer knows the publisher; the hub takes any.
pub(crate) const PUBLISHER_PATH: &str = "/publisher";

/// Bytes of the body of each message.
const BODY_BYTES: usize = 64;

const CHANNEL: &str = "hello";

/// Connects, binds to `channel` and waits until the server knows; `login` is a line of the head, or
/// empty.
pub(crate) async fn connect(
    address: SocketAddr,
    path: &str,
    login: &str,
    channel: &str,
) -> Result<TcpStream, Box<dyn Error + Send + Sync>> {
    let mut socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    greet(&mut socket, address, path, login, channel).await?;
    Ok(socket)
}

/// Does the same on a connection that there is already.
pub(crate) async fn greet(
    socket: &mut (impl AsyncRead + AsyncWrite + Unpin),
    address: SocketAddr,
    path: &str,
    login: &str,
    channel: &str,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{login}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    socket.write_all(head.as_bytes()).await?;
    socket.flush().await?;
    read_until(socket, b"\r\n\r\n").await?;
    socket.write_all(&greeting_for(channel)).await?;
    socket.flush().await?;
    // The pong comes behind the bind.
    read_until(socket, &PONG).await
}

async fn read_until(
    socket: &mut (impl AsyncRead + Unpin),
    end: &[u8],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.ends_with(end) {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Err(format!("server said {:?}", String::from_utf8_lossy(&answer)).into());
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    Ok(())
}

/// What answers the ping of the greeting.
pub(crate) const PONG: [u8; 2] = [0x8A, 0x00];

/// What a floor answers to a handshake: just enough for [`connect`].
pub(crate) const ACCEPTED: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

/// What every client sends first: a bind and a ping.
pub(crate) fn greeting() -> Vec<u8> {
    greeting_for(CHANNEL)
}

fn greeting_for(channel: &str) -> Vec<u8> {
    let mut greeting = masked(frame::BINARY, &encoded(&Message::with_uuid(Opcode::BIND, "", channel, "")));
    greeting.extend(masked(frame::PING, b""));
    greeting
}

/// A message as the publisher sends it; each number makes another.
pub(crate) fn incoming_frame(number: u64) -> Vec<u8> {
    masked(frame::BINARY, &payload(number))
}

/// A message as each receiver gets it.
pub(crate) fn outgoing_frame() -> Vec<u8> {
    frame::plain(frame::BINARY, &payload(0))
}

fn payload(number: u64) -> Vec<u8> {
    let uuid = format!("00000000-0000-4000-8000-{number:012}");
    encoded(&Message::with_uuid(Opcode::WRITE, uuid, CHANNEL, vec![b'x'; BODY_BYTES]))
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("message is short");
    bytes.to_vec()
}

/// A piece of a stream with a body of this length, as its sender frames it.
pub(crate) fn piece(body: usize) -> Vec<u8> {
    masked(frame::BINARY, &encoded(&of_stream(Opcode::STREAM_WRITE, vec![b'x'; body])))
}

/// How many bytes a receiver gets of such a piece: all but the mask.
pub(crate) fn piece_len(body: usize) -> usize {
    piece(body).len() - frame::MASK.len()
}

/// How many bytes a receiver gets of the message before.
pub(crate) fn stream_start_len() -> usize {
    stream_start().len() - frame::MASK.len()
}

/// The message before the first piece of a stream.
pub(crate) fn stream_start() -> Vec<u8> {
    masked(frame::BINARY, &encoded(&of_stream(Opcode::STREAM_START, Vec::new())))
}

/// All messages of a stream have one uuid.
fn of_stream(opcode: Opcode, body: Vec<u8>) -> Message {
    Message::with_uuid(opcode, "00000000-0000-4000-8000-000000000000", CHANNEL, body)
}

/// The channel that all receivers of a fan-out share.
pub(crate) const fn shared_channel() -> &'static str {
    CHANNEL
}
