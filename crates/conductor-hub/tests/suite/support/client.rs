//! A client of another library, over a byte stream in memory.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Admission, Hub};
use futures_util::{SinkExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::{WebSocketStream, tungstenite};
use tokio_util::task::TaskTracker;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<DuplexStream>,
}

impl Client {
    /// Connects through a stream that holds at most `buffer` bytes each way.
    pub(crate) async fn connect_with(hub: &Hub, admission: Admission, buffer: usize) -> Self {
        let (ours, theirs) = tokio::io::duplex(buffer);
        let serving = hub.serve(theirs, admission, Bytes::new());
        TaskTracker::new().spawn(async move { serving.await.expect("hub takes a connection") });
        // How long messages may be is for the hub to say.
        let settings = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
        Self { socket: WebSocketStream::from_raw_socket(ours, Role::Client, Some(settings)).await }
    }

    pub(crate) async fn connect(hub: &Hub) -> Self {
        Self::connect_with(hub, Admission::default(), 64 * 1024).await
    }

    /// Connects and binds, and waits until the hub knows.
    pub(crate) async fn bound(hub: &Hub, channel: &str) -> Self {
        let mut client = Self::connect(hub).await;
        client.send(&Message::new(Opcode::BIND, channel, "")).await;
        client.settle().await;
        client
    }

    pub(crate) async fn send(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("message has an encoding");
        self.socket.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("hub reads");
    }

    pub(crate) async fn write(&mut self, channel: &str, body: impl Into<Bytes>) -> Message {
        let message = Message::new(Opcode::WRITE, channel, body);
        self.send(&message).await;
        message
    }

    /// Waits until the hub has routed everything that was sent before.
    ///
    /// A pong comes behind whatever the hub has queued for us; that must be nothing.
    pub(crate) async fn settle(&mut self) {
        self.socket.send(tungstenite::Message::Ping(Bytes::from_static(b"settle"))).await.expect("hub reads");
        match self.receive().await {
            tungstenite::Message::Pong(payload) if payload == "settle" => {}
            other => panic!("{other:?} came before the pong"),
        }
    }

    /// Waits until the hub has routed everything that was sent before; these bodies may come.
    pub(crate) async fn settle_with(&mut self, bodies: &[&str]) {
        self.socket.send(tungstenite::Message::Ping(Bytes::from_static(b"settle"))).await.expect("hub reads");
        loop {
            match self.receive().await {
                tungstenite::Message::Pong(payload) if payload == "settle" => return,
                tungstenite::Message::Binary(bytes) => {
                    let message = MessageRef::decode(&bytes).expect("hub sends messages");
                    assert!(bodies.iter().any(|body| body.as_bytes() == message.body), "{message:?}");
                }
                other => panic!("{other:?} came before the pong"),
            }
        }
    }

    /// Returns the next message; pings before it are answered by the library.
    pub(crate) async fn next(&mut self) -> Message {
        loop {
            match self.receive().await {
                tungstenite::Message::Binary(bytes) => {
                    return MessageRef::decode(&bytes).expect("hub sends messages").to_message();
                }
                tungstenite::Message::Ping(_) => {}
                other => panic!("{other:?} is not a message"),
            }
        }
    }

    /// Returns the code with which the hub ends the connection, behind any messages.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let tungstenite::Message::Close(frame) = self.receive().await {
                return frame.expect("hub says why").code.into();
            }
        }
    }

    async fn receive(&mut self) -> tungstenite::Message {
        let next = timeout(PATIENCE, self.socket.next()).await.expect("hub answers in time");
        next.expect("connection is open").expect("hub keeps to the protocol")
    }
}
