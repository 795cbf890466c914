//! A client as a scripted hub sees it.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_protocol::{Message, MessageRef, Opcode};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, Response};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, handshake::server::ErrorResponse};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client that a scripted hub has taken in.
///
/// Its pings are answered while something is awaited of it. Dropping it ends the connection without
/// a close frame.
#[derive(Debug)]
pub struct Visitor {
    socket: WebSocketStream<TcpStream>,
    request: Request<()>,
    /// The code of the client's close frame, once it has come.
    goodbye: Option<u16>,
}

impl Visitor {
    pub(super) async fn welcome(stream: TcpStream) -> Self {
        let mut request = Request::new(());
        #[expect(clippy::result_large_err, reason = "the type of the callback is the library's")]
        let look = |asked: &Request<()>, answer: Response<()>| -> Result<Response<()>, ErrorResponse> {
            request = asked.clone();
            Ok(answer)
        };
        let socket = timeout(PATIENCE, accept_hdr_async(stream, look)).await;
        let socket = socket.expect("the client shakes hands in time").expect("its handshake is right");
        Self { socket, request, goodbye: None }
    }

    /// Returns the request of its handshake, with path and headers.
    #[must_use]
    pub const fn request(&self) -> &Request<()> {
        &self.request
    }

    /// Returns its next message; `None` once it has closed the connection.
    ///
    /// # Panics
    ///
    /// If nothing comes, if it is no message, or if the connection is lost.
    pub async fn next(&mut self) -> Option<Message> {
        loop {
            let next = timeout(PATIENCE, self.socket.next()).await.expect("the client sends something");
            match next {
                Some(Ok(tungstenite::Message::Binary(bytes))) => {
                    let message = MessageRef::decode(&bytes).expect("the client sends messages");
                    return Some(message.to_message());
                }
                Some(Ok(tungstenite::Message::Close(frame))) => {
                    self.goodbye = frame.map(|frame| frame.code.into());
                }
                Some(Ok(_)) => {}
                None => return None,
                Some(Err(error)) => panic!("the connection of the client was lost: {error}"),
            }
        }
    }

    /// Waits for a message with this opcode and channel, and returns it.
    ///
    /// # Panics
    ///
    /// If another one comes first, or none.
    pub async fn expect(&mut self, opcode: Opcode, channel: &str) -> Message {
        let message = self.next().await;
        let message = message.unwrap_or_else(|| panic!("the client left before {opcode:?} {channel:?}"));
        assert_eq!((message.opcode, message.channel.as_str()), (opcode, channel), "{message:?} came");
        message
    }

    /// Waits until the client closes the connection, and returns its code.
    ///
    /// # Panics
    ///
    /// If it sends a message instead, or has no code.
    pub async fn goodbye(&mut self) -> u16 {
        assert_eq!(self.next().await, None, "the client sends more");
        self.goodbye.expect("the client says why it goes")
    }

    /// Sends a message.
    ///
    /// # Panics
    ///
    /// If it has no encoding, or the client has gone or does not read.
    pub async fn send(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("the message has an encoding");
        self.send_bytes(bytes).await;
    }

    /// Sends bytes that need not be a message.
    ///
    /// # Panics
    ///
    /// If the client has gone or does not read.
    pub async fn send_bytes(&mut self, bytes: impl Into<Bytes>) {
        let sent = timeout(PATIENCE, self.socket.send(tungstenite::Message::Binary(bytes.into()))).await;
        sent.expect("the client reads").expect("the client is there");
    }

    /// Closes the connection with a code, and waits until the client has, too.
    ///
    /// # Panics
    ///
    /// If the client does not.
    pub async fn close_with(mut self, code: u16, text: &str) {
        let frame = CloseFrame { code: code.into(), reason: text.to_owned().into() };
        let closed = timeout(PATIENCE, self.socket.close(Some(frame))).await;
        closed.expect("the client reads").expect("the client is there");
        // What it sends before it has seen the close frame is left out.
        let rest = async { while let Some(Ok(_)) = self.socket.next().await {} };
        timeout(PATIENCE, rest).await.expect("the client closes, too");
    }
}
