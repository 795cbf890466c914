//! A client that reads at one node.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Instant;

use conductor_hub::protocol::{Message, MessageRef, Opcode};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::{connect_async, tungstenite};

use crate::writer::{CHANNELS, encoded};

/// What a member got, and when.
#[derive(Debug)]
pub(crate) struct Heard {
    /// At which node, and in which of its lives.
    pub(crate) node: usize,
    pub(crate) life: String,
    pub(crate) message: Message,
    pub(crate) at: Instant,
}

/// Reads at a node until it is gone; returns whether it was there.
pub(crate) async fn run(node: usize, address: SocketAddr, life: String, heard: mpsc::Sender<Heard>) {
    if let Err(error) = read(node, address, &life, &heard).await {
        tracing::debug!(%error, "a member has ended");
    }
}

async fn read(
    node: usize,
    address: SocketAddr,
    life: &str,
    heard: &mpsc::Sender<Heard>,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await?;
    for channel in CHANNELS {
        socket.send(encoded(&Message::new(Opcode::BIND, channel, ""))).await?;
    }
    while let Some(read) = socket.next().await {
        if let tungstenite::Message::Binary(bytes) = read? {
            let message = MessageRef::decode(&bytes)?.to_message();
            let heard_now = Heard { node, life: life.to_owned(), message, at: Instant::now() };
            heard.send(heard_now).await?;
        }
    }
    Ok(())
}
