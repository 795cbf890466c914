//! A client of another library, and the server that it connects to.

use std::net::SocketAddr;

use async_trait::async_trait;
use axum::Router;
use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Admission, Auth, Connection, Denied, Handshake, Hub};
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tidings_join::channel;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};
use tokio_util::task::TaskTracker;

use crate::PATIENCE;

/// Believes the name in the query, and gives its user the inbox and its cursors.
pub(crate) struct Names;

#[async_trait]
impl Auth for Names {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        Ok(match handshake.request.uri.query() {
            Some(name) => Admission::user(name).bound_to(channel::inbox(name)).bound_to(channel::read(name)),
            None => Admission::default(),
        })
    }

    fn can_bind(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
        channel::may_listen(message.channel)
    }
}

pub(crate) struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    /// Serves the hub at a port of its own for as long as the test runs, and connects there.
    pub(crate) async fn connect(hub: &Hub, user: &str) -> Self {
        let address = serve(hub).await;
        let query = if user.is_empty() { String::new() } else { format!("?{user}") };
        Self(connect_async(format!("ws://{address}/ws{query}")).await.expect("everybody may connect").0)
    }

    /// Sends a message, and returns its uuid.
    pub(crate) async fn send(&mut self, opcode: Opcode, channel: &str, body: &str) -> String {
        let message = Message::new(opcode, channel, body.to_owned());
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("the message is short");
        self.0.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
        message.uuid
    }

    /// Binds to a channel, and waits until the hub knows.
    pub(crate) async fn bind(&mut self, channel: &str) {
        self.send(Opcode::BIND, channel, "").await;
        self.settle().await;
    }

    /// Waits until the hub has handled everything that was sent before; nothing else may come.
    pub(crate) async fn settle(&mut self) {
        self.0.send(tungstenite::Message::Ping(Bytes::from_static(b"settle"))).await.expect("the hub reads");
        match self.receive().await {
            tungstenite::Message::Pong(_) => {}
            other => panic!("{other:?} came before the pong"),
        }
    }

    pub(crate) async fn next(&mut self) -> Message {
        match self.receive().await {
            tungstenite::Message::Binary(bytes) => {
                MessageRef::decode(&bytes).expect("the hub sends messages").to_message()
            }
            other => panic!("{other:?} is not a message"),
        }
    }

    /// Returns the channel and the JSON of the next message.
    pub(crate) async fn next_json(&mut self) -> (String, Value) {
        let message = self.next().await;
        (message.channel, serde_json::from_slice(&message.body).expect("the body is JSON"))
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
        next.expect("the connection is open").expect("the hub speaks WebSocket")
    }
}

async fn serve(hub: &Hub) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("the listener has an address");
    let served = axum::serve(listener, Router::new().route_service("/ws", hub.clone()));
    TaskTracker::new().spawn(async move { served.await.expect("it serves until the test ends") });
    address
}
