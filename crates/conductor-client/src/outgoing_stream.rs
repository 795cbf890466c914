//! A stream that this client sends.

use std::sync::Arc;

use bytes::Bytes;
use conductor_protocol::{Message, Opcode};

use crate::error::{Error, ErrorKind};
use crate::outbox::{MessageKind, Outgoing};
use crate::shared::Shared;

/// A stream that this client has begun; dropped before its end, it ends with `aborted`.
#[derive(Debug)]
pub(crate) struct OutgoingStream {
    shared: Arc<Shared>,
    channel: String,
    /// All messages of the stream have it, by which its receivers know them.
    uuid: String,
    /// The connection that it began on; it is continued on no other.
    connection: Option<u64>,
}

impl OutgoingStream {
    /// Begins a stream; a channel has one of a client at a time.
    pub(crate) async fn start(shared: &Arc<Shared>, channel: String) -> Result<Self, Error> {
        if !shared.streaming.lock().insert(channel.clone()) {
            let text = "a stream of this client is open in the channel; a hub would end it for another one";
            return Err(Error::new(ErrorKind::Busy, text));
        }
        let uuid = uuid::Uuid::new_v4().to_string();
        let mut stream = Self { shared: Arc::clone(shared), channel, uuid, connection: None };
        let start = stream.encoded(Opcode::STREAM_START, Bytes::new())?;
        stream.connection = Some(shared.send(MessageKind::Other, start).await?.connection());
        Ok(stream)
    }

    /// Sends a piece.
    pub(crate) async fn piece(&self, body: Bytes) -> Result<(), Error> {
        let piece = self.encoded(Opcode::STREAM_WRITE, body)?;
        self.send(piece).await
    }

    /// Ends the stream, of which all was sent.
    pub(crate) async fn end(mut self) -> Result<(), Error> {
        let end = self.encoded(Opcode::STREAM_END, Bytes::new())?;
        self.send(end).await?;
        self.connection = None;
        Ok(())
    }

    async fn send(&self, bytes: Bytes) -> Result<(), Error> {
        match self.connection {
            Some(connection) => self.shared.send_on(connection, bytes).await,
            None => Err(self.shared.lost()),
        }
    }

    fn encoded(&self, opcode: Opcode, body: Bytes) -> Result<Bytes, Error> {
        self.shared.encoded(&Message::with_uuid(opcode, self.uuid.as_str(), self.channel.as_str(), body))
    }
}

impl Drop for OutgoingStream {
    fn drop(&mut self) {
        if let Some(connection) = self.connection
            && let Ok(end) = self.encoded(Opcode::STREAM_END, Bytes::from_static(Message::ABORTED))
        {
            // It takes no room, so it cannot fail; on a connection that is gone the hub ends it.
            self.shared.outbox.push(connection, Outgoing::Message(MessageKind::Other, end, None));
        }
        // Only behind its end: another stream that begins in the channel would come before that.
        self.shared.streaming.lock().remove(&self.channel);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::*;
    use crate::config::Config;
    use crate::handed::Handed;
    use crate::outbox::Taken;
    use crate::phase::Phase;

    /// Looks whether the channel has a stream at the moment something is queued.
    struct Look {
        shared: Arc<Shared>,
        has_stream: AtomicBool,
    }

    impl Wake for Look {
        fn wake(self: Arc<Self>) {
            self.has_stream.store(self.shared.streaming.lock().contains("files"), Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn no_stream_begins_in_a_channel_before_the_end_of_the_one_there_is_queued() {
        let config = Config::new("ws://127.0.0.1:1/");
        let address = config.address().expect("it is an address");
        let shared = Arc::new(Shared::new(config, &address));
        shared.outbox.connect(1, Arc::new(Handed::default()));
        shared.set_phase(Phase::Connected(1));
        let stream = OutgoingStream::start(&shared, "files".to_owned()).await.expect("it is connected");
        assert!(matches!(shared.outbox.try_take(), Some(Taken::Message(_))), "its start");
        let look = Arc::new(Look { shared: Arc::clone(&shared), has_stream: AtomicBool::new(false) });
        let waker = Waker::from(Arc::clone(&look));
        let mut end = pin!(shared.outbox.take());
        assert!(end.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(stream);
        assert!(look.has_stream.load(Ordering::SeqCst), "another could begin before its end");
        assert!(shared.streaming.lock().is_empty(), "now another may begin");
        assert!(matches!(shared.outbox.try_take(), Some(Taken::Message(_))), "its end");
    }
}
