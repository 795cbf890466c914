//! What a client sends on one connection.

use bytes::Bytes;
use futures_util::stream::SplitSink;
use futures_util::{Sink, SinkExt};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Error as WebSocketError};

use crate::dial::Socket;
use crate::outbox::{NOBODY, Outbox, Taken};

type Socketward = SplitSink<Socket, tungstenite::Message>;

/// How many bytes are handed over before they are written out, where more follow at once.
const FED_BYTES_MAX: usize = 64 * 1024;

/// How many bytes of messages go out before the hub is pinged.
///
/// The system may hold megabytes, which a hub that waits for slow readers takes little by little
/// and answers no ping before it has all of them. So it has pings to answer on the way.
const UNPINGED_BYTES_MAX: usize = 256 * 1024;

/// Sends what comes into the outbox, until the goodbye.
pub(crate) async fn write(mut socket: Socketward, outbox: &Outbox) -> Result<(), WebSocketError> {
    let (mut fed, mut unpinged) = (0, 0);
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
                unpinged += bytes.len();
                socket.feed(tungstenite::Message::Binary(bytes)).await?;
                if unpinged >= UNPINGED_BYTES_MAX {
                    unpinged = 0;
                    socket.feed(ping(NOBODY)).await?;
                }
            }
            Taken::Ping(number) => socket.feed(ping(number)).await?,
            Taken::Goodbye => return goodbye(&mut socket).await,
        }
    }
}

fn ping(number: u64) -> tungstenite::Message {
    tungstenite::Message::Ping(Bytes::copy_from_slice(&number.to_le_bytes()))
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
