//! A client of another library, over TCP.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct TcpClient(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl TcpClient {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(connect_async(url).await.expect("the hub admits it").0)
    }

    pub(crate) async fn send(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("the message is short");
        self.0.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
    }

    /// Receives a message with this channel and body.
    pub(crate) async fn hears(&mut self, channel: &str, body: &str) {
        match self.receive().await {
            tungstenite::Message::Binary(bytes) => {
                let message = MessageRef::decode(&bytes).expect("the hub sends messages");
                assert_eq!((message.channel, message.body), (channel, body.as_bytes()));
            }
            other => panic!("{other:?} is not a message"),
        }
    }

    /// Waits until the hub has routed everything that was sent before; nothing else may come.
    pub(crate) async fn settle(&mut self) {
        let ping = tungstenite::Message::Ping(Bytes::from_static(b"settle"));
        self.0.send(ping).await.expect("the hub reads");
        let pong = self.receive().await;
        assert!(pong.is_pong(), "{pong:?} came before the pong");
    }

    /// Returns the code with which the hub ends the connection.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let tungstenite::Message::Close(frame) = self.receive().await {
                return frame.expect("the hub says why").code.into();
            }
        }
    }

    async fn receive(&mut self) -> tungstenite::Message {
        let next = timeout(PATIENCE, self.0.next()).await.expect("the hub answers in time");
        next.expect("the connection is open").expect("the hub keeps to the protocol")
    }
}
