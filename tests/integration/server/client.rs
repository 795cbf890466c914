//! A client of the hub, independent of ours.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tests::Tidings;
use tidings::hub::protocol::{Message, MessageRef, Opcode};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use crate::handshake::{self, Socket};

const LIMIT: Duration = Duration::from_secs(60);

/// One open connection.
pub(super) struct Client(Socket);

impl Client {
    pub(super) async fn connect(server: &Tidings, query: &str) -> Self {
        Self(handshake::connect(server, query, &[]).await.unwrap())
    }

    /// Connects with a token in the header, as a program does.
    pub(super) async fn connect_as(server: &Tidings, token: &str) -> Self {
        let socket = handshake::connect_as(server, token).await;
        Self(socket.unwrap_or_else(|status| panic!("refused with {status}")))
    }

    /// Waits until the server has answered a ping.
    pub(super) async fn assert_open(&mut self) {
        self.0.send(tungstenite::Message::Ping("hello".into())).await.unwrap();
        let answered = async {
            while !matches!(self.0.next().await.unwrap().unwrap(), tungstenite::Message::Pong(_)) {}
        };
        timeout(LIMIT, answered).await.expect("the connection is open");
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
        self.closed_within(LIMIT).await
    }

    /// The code of the close frame, if it comes within this time.
    pub(super) async fn closed_within(&mut self, limit: Duration) -> u16 {
        let closed = async {
            loop {
                if let tungstenite::Message::Close(frame) = self.0.next().await.unwrap().unwrap() {
                    return u16::from(frame.unwrap().code);
                }
            }
        };
        timeout(limit, closed).await.expect("the connection is closed")
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
