//! The clients: on the wire they do what browsers and libraries do, and cost as little as can be.
//!
//! They wait for the handshake before they speak, mask what they send, give each message a uuid,
//! read what comes, and answer pings.

use std::error::Error;
use std::net::SocketAddr;

use benches::frame::masked;
use benches::{frame, json};
use bytes::BytesMut;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::websocket::{Window, deflate};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The path at which the bare writer knows the publisher; the hub takes any.
pub(crate) const PUBLISHER_PATH: &str = "/publisher";

/// Bytes of a short body.
const BODY_BYTES: usize = 64;

const CHANNEL: &str = "hello";

/// What goes wrong in a task.
pub(crate) type Fault = Box<dyn Error + Send + Sync>;

/// What the messages of a fan-out hold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// 64 bytes.
    Short,
    /// 1 KiB of JSON, for clients that have it compressed.
    Json,
}

impl Body {
    /// Returns the line of a client's head that goes with it, or nothing.
    pub(crate) const fn offer(self) -> &'static str {
        match self {
            Self::Short => "",
            Self::Json => "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n",
        }
    }

    /// Returns the first byte of a message as receivers get it.
    pub(crate) const fn first_byte(self) -> u8 {
        match self {
            Self::Short => frame::BINARY,
            Self::Json => frame::DEFLATED,
        }
    }
}

/// Connects, binds to `channel` and waits until the server knows; `login` is a line of the head, or
/// empty.
pub(crate) async fn connect(
    address: SocketAddr,
    path: &str,
    login: &str,
    channel: &str,
) -> Result<TcpStream, Fault> {
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
) -> Result<(), Fault> {
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

async fn read_until(socket: &mut (impl AsyncRead + Unpin), end: &[u8]) -> Result<(), Fault> {
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

/// Stays connected: reads what comes, and answers pings. It ends with the connection alone.
pub(crate) async fn stay(mut socket: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), Fault> {
    let (mut buffer, mut rest, mut answers) = ([0; 512], Vec::new(), Vec::new());
    loop {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Err("the server closed an idle connection".into());
        }
        rest.extend_from_slice(&buffer[..read]);
        take(&mut rest, frame::BINARY, &mut answers)?;
        if !answers.is_empty() {
            socket.write_all(&answers).await?;
            socket.flush().await?;
            answers.clear();
        }
    }
}

/// Takes all whole frames, and returns how many of them are messages, which have this first byte.
///
/// What answers the pings among them is put into `answers`.
pub(crate) fn take(received: &mut Vec<u8>, message: u8, answers: &mut Vec<u8>) -> Result<u64, Fault> {
    let (mut taken, mut messages) = (0, 0);
    while let Some((first, payload, len)) = frame::taken(&received[taken..]) {
        match first {
            first if first == message => messages += 1,
            frame::PING => answers.extend(masked(frame::PONG, payload)),
            // Such as a message that should have been compressed, or a close.
            first => return Err(format!("the server sent {first:#x} {payload:?}").into()),
        }
        taken += len;
    }
    received.drain(..taken);
    Ok(messages)
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

/// A message as the publisher sends it; each number makes another of the same length.
pub(crate) fn incoming_frame(body: Body, number: u64) -> Vec<u8> {
    masked(frame::BINARY, &payload(body, number))
}

/// A message as each receiver gets it.
pub(crate) fn outgoing_frame(body: Body) -> Vec<u8> {
    let payload = payload(body, 0);
    match body {
        Body::Short => frame::plain(body.first_byte(), &payload),
        Body::Json => {
            let deflated = deflate(&payload, Window::Full).expect("JSON becomes smaller");
            frame::plain(body.first_byte(), &deflated)
        }
    }
}

fn payload(body: Body, number: u64) -> Vec<u8> {
    let bytes = match body {
        Body::Short => vec![b'x'; BODY_BYTES],
        Body::Json => json::text(number).into_bytes(),
    };
    encoded(&Message::with_uuid(Opcode::WRITE, uuid(number), CHANNEL, bytes))
}

/// A message of a chat: from 100 to 200 bytes of text.
pub(crate) fn chat_frame(channel: &str, number: u64) -> Vec<u8> {
    let bytes = 100 + usize::try_from(number * 37 % 101).unwrap_or_default();
    let message = Message::with_uuid(Opcode::WRITE, uuid(number), channel, vec![b'x'; bytes]);
    masked(frame::BINARY, &encoded(&message))
}

fn uuid(number: u64) -> String {
    format!("{UUID_HEAD}{number:012}")
}

/// Returns the number in the uuid of a message.
pub(crate) fn number_of(payload: &[u8]) -> Option<u64> {
    let message = MessageRef::decode(payload).ok()?;
    message.uuid.strip_prefix(UUID_HEAD)?.parse().ok()
}

const UUID_HEAD: &str = "00000000-0000-4000-8000-";

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
