//! What a client sends on one connection.

use bytes::{Bytes, BytesMut};
use conductor_protocol::{Message, Opcode};
use futures_util::stream::SplitSink;
use futures_util::{Sink, SinkExt};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Error as WebSocketError};

use crate::dial::Socket;
use crate::outbox::{Outbox, Outgoing};

type Socketward = SplitSink<Socket, tungstenite::Message>;

/// How many bytes are handed over before they are written out, where more follow at once.
const FED_BYTES_MAX: usize = 64 * 1024;

/// Sends the binds, then what comes into the outbox, until the goodbye.
pub(crate) async fn write(
    mut socket: Socketward,
    outbox: &Outbox,
    channels: Vec<String>,
) -> Result<(), WebSocketError> {
    for channel in channels {
        let mut bytes = BytesMut::new();
        let bind = Message::new(Opcode::BIND, channel, "");
        // Its name was checked when it was asked for.
        if bind.encode(&mut bytes).is_ok() {
            socket.feed(tungstenite::Message::Binary(bytes.freeze())).await?;
        }
    }
    socket.flush().await?;
    let (mut claims, mut fed) = (Vec::new(), 0);
    loop {
        let outgoing = match outbox.try_take() {
            Some(outgoing) if fed < FED_BYTES_MAX => outgoing,
            held => {
                socket.flush().await?;
                // Room is given back only here, when the socket has taken what was claimed.
                claims.clear();
                fed = 0;
                match held {
                    Some(outgoing) => outgoing,
                    None => outbox.take().await,
                }
            }
        };
        match outgoing {
            Outgoing::Message(bytes, claim) => {
                fed += bytes.len();
                socket.feed(tungstenite::Message::Binary(bytes)).await?;
                claims.extend(claim);
            }
            Outgoing::Ping(number) => {
                let payload = Bytes::copy_from_slice(&number.to_le_bytes());
                socket.feed(tungstenite::Message::Ping(payload)).await?;
            }
            Outgoing::Goodbye => return goodbye(&mut socket).await,
        }
    }
}

async fn goodbye(
    socket: &mut (impl Sink<tungstenite::Message, Error = WebSocketError> + Unpin),
) -> Result<(), WebSocketError> {
    let frame = CloseFrame { code: CloseCode::Normal, reason: "normal closure".into() };
    socket.send(tungstenite::Message::Close(Some(frame))).await
}
