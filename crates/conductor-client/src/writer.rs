//! What a client sends on one connection.

use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{Sink, SinkExt};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Error as WebSocketError};

use crate::dial::Socket;
use crate::outbox::{Outbox, Taken};

type Socketward = SplitSink<Socket, tungstenite::Message>;

/// How many bytes are handed over before they are written out, where more follow at once.
const FED_BYTES_MAX: usize = 64 * 1024;

/// Sends what comes into the outbox, until the goodbye.
pub(crate) async fn write(mut socket: Socketward, outbox: &Outbox) -> Result<(), WebSocketError> {
    let mut fed = 0;
    loop {
        if fed >= FED_BYTES_MAX {
            flush(&mut socket, outbox).await?;
            fed = 0;
        }
        let frame = match outbox.try_take() {
            Some(frame) => frame,
            None => {
                flush(&mut socket, outbox).await?;
                fed = 0;
                outbox.take().await
            }
        };
        match frame {
            Taken::Message(bytes) => {
                fed += bytes.len();
                socket.feed(tungstenite::Message::Binary(bytes)).await?;
            }
            Taken::Ping(number) => {
                let payload = Bytes::copy_from_slice(&number.to_le_bytes());
                socket.feed(tungstenite::Message::Ping(payload)).await?;
            }
            Taken::Goodbye => return goodbye(&mut socket).await,
        }
    }
}

/// Writes out what was fed; only then its room is given back.
async fn flush(socket: &mut Socketward, outbox: &Outbox) -> Result<(), WebSocketError> {
    socket.flush().await?;
    outbox.handed_over();
    Ok(())
}

async fn goodbye(
    socket: &mut (impl Sink<tungstenite::Message, Error = WebSocketError> + Unpin),
) -> Result<(), WebSocketError> {
    let frame = CloseFrame { code: CloseCode::Normal, reason: "normal closure".into() };
    socket.send(tungstenite::Message::Close(Some(frame))).await
}
