//! A client of the hub, independent of ours.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tests::Tidings;
use tidings::hub::protocol::{Message, MessageRef, Opcode};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};

const LIMIT: Duration = Duration::from_secs(60);

/// One open connection.
pub(super) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(super) async fn connect(server: &Tidings, query: &str) -> Self {
        Self(connect_async(format!("ws://{}/ws{query}", server.http())).await.unwrap().0)
    }

    /// Connects with a token in the header, as a program does.
    pub(super) async fn connect_as(server: &Tidings, token: &str) -> Self {
        let mut request = format!("ws://{}/ws", server.http()).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        Self(connect_async(request).await.unwrap().0)
    }

    pub(super) async fn send(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).unwrap();
        self.0.send(tungstenite::Message::Binary(bytes.freeze())).await.unwrap();
    }

    pub(super) async fn bind(&mut self, channel: &str) {
        self.send(&Message::new(Opcode::BIND, channel, "")).await;
    }

    /// The next message, whatever it is.
    pub(super) async fn next(&mut self) -> Message {
        let next = async {
            loop {
                if let tungstenite::Message::Binary(bytes) = self.0.next().await.unwrap().unwrap() {
                    return MessageRef::decode(&bytes).unwrap().to_message();
                }
            }
        };
        timeout(LIMIT, next).await.expect("something comes")
    }

    /// The code of the close frame, whatever comes before it.
    pub(super) async fn closed(&mut self) -> u16 {
        let closed = async {
            loop {
                if let tungstenite::Message::Close(frame) = self.0.next().await.unwrap().unwrap() {
                    return u16::from(frame.unwrap().code);
                }
            }
        };
        timeout(LIMIT, closed).await.expect("the connection is closed")
    }

    /// The next message on one channel, as JSON.
    pub(super) async fn heard(&mut self, channel: &str) -> Value {
        loop {
            let message = self.next().await;
            if message.channel == channel {
                return serde_json::from_slice(&message.body).unwrap();
            }
        }
    }

    pub(super) async fn call(&mut self, channel: &str, call: Value) -> Value {
        let question = Message::new(Opcode::SERVER, channel, call.to_string());
        self.send(&question).await;
        loop {
            let message = self.next().await;
            if message.opcode == Opcode::SERVER {
                assert_eq!(message.uuid, question.uuid);
                return serde_json::from_slice(&message.body).unwrap();
            }
        }
    }
}
