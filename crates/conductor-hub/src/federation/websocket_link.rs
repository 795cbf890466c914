//! A link over a WebSocket, on either side.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use super::sister_client::{SisterReader, SisterSocket, SisterWriter};
use super::stranger::{Proof, Stranger};
use crate::{Error, ErrorKind};

/// The subprotocol of links, which both sides name in the handshake.
pub(crate) const SUBPROTOCOL: &str = "conductor.sister.1";

/// Longest batch of a proven sister, in bytes: 64 KiB of items, and one parcel with a row of 16 KiB
/// that ends with the longest message.
pub(crate) const BATCH_BYTES_MAX: usize = 80 * 1024 * 1024;

/// The settings of a link's WebSocket.
pub(crate) fn settings() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(BATCH_BYTES_MAX))
        .max_frame_size(Some(BATCH_BYTES_MAX))
        // A batch is a write of its own: nothing is gained by holding it back.
        .write_buffer_size(0)
}

/// Makes the link of a stream on which the handshake is over.
pub(crate) async fn accepted<S>(stream: S, already_read: Bytes) -> SisterSocket
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = Stranger::new(stream, &already_read);
    of(WebSocketStream::from_raw_socket(stream, Role::Server, Some(settings())).await)
}

/// Makes the link of a WebSocket.
pub(crate) fn of<S>(stream: WebSocketStream<Stranger<S>>) -> SisterSocket
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let proof = stream.get_ref().proof();
    let (writer, reader) = stream.split();
    SisterSocket::new(LinkReader { reader, proof }, LinkWriter(writer))
}

struct LinkReader<S> {
    reader: SplitStream<WebSocketStream<S>>,
    proof: Proof,
}

struct LinkWriter<S>(SplitSink<WebSocketStream<S>, Message>);

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send> SisterReader for LinkReader<S> {
    async fn read(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            match self.reader.next().await {
                Some(Ok(Message::Binary(batch))) => return Ok(Some(batch)),
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                // Pings are answered below; text is no batch.
                Some(Ok(_)) => {}
                Some(Err(fault)) => return Err(lost(fault)),
            }
        }
    }

    fn proven(&mut self) {
        self.proof.prove();
    }
}

#[async_trait]
impl<S: AsyncRead + AsyncWrite + Unpin + Send> SisterWriter for LinkWriter<S> {
    async fn write(&mut self, batch: Bytes) -> Result<(), Error> {
        self.0.send(Message::Binary(batch)).await.map_err(lost)
    }
}

fn lost(fault: tungstenite::Error) -> Error {
    Error::with_source(ErrorKind::Closed, "the connection to a sister was lost", fault)
}
