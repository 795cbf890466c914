//! A client that writes at one node, numbered messages and streams.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};
use futures_util::{SinkExt, StreamExt};
use tokio::time::sleep;
use tokio_tungstenite::{connect_async, tungstenite};

pub(crate) const CHANNELS: [&str; 2] = ["tea", "cake"];

/// How many numbers a row may have, which is what one client writes at once to one channel: of
/// three numbers the third goes to the other channel.
pub(crate) const NUMBERS_IN_A_ROW_MAX: u64 = 2;

/// Pieces of a stream.
pub(crate) const PIECES: u64 = 20;

/// What the soak tells all writers, and hears of them.
#[derive(Default)]
pub(crate) struct Orders {
    /// Whether to write no more numbers.
    pub(crate) pause: AtomicBool,
    /// Counts rounds: after each change the writers say it once.
    pub(crate) marker: AtomicU64,
    pub(crate) written: AtomicU64,
}

/// Writes at a node until it is gone; `origin` is that node in this life.
pub(crate) async fn run(address: SocketAddr, origin: &str, orders: Arc<Orders>) {
    // Whoever is not connected does not write; it is the members who are owed what is written.
    if let Err(error) = write(address, origin, &orders).await {
        tracing::debug!(%error, "a writer has ended");
    }
}

async fn write(
    address: SocketAddr,
    origin: &str,
    orders: &Orders,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let (socket, _) = connect_async(format!("ws://{address}/ws")).await?;
    let (mut sink, mut stream) = socket.split();
    for channel in CHANNELS {
        sink.send(encoded(&Message::new(Opcode::BIND, channel, ""))).await?;
    }
    let reading = async {
        // What others write comes here as well, and is read so that this is no slow reader.
        while stream.next().await.is_some_and(|read| read.is_ok()) {}
    };
    let writing = async {
        let (mut number, mut said) = (0u64, 0);
        loop {
            let marker = orders.marker.load(Ordering::Acquire);
            if marker > said {
                for channel in CHANNELS {
                    // With the last number, so that one that is missing behind all others is seen.
                    let body = format!("mark {origin} {marker} {number}");
                    sink.send(encoded(&Message::new(Opcode::WRITE, channel, body))).await?;
                }
                said = marker;
            }
            if !orders.pause.load(Ordering::Acquire) {
                number += 1;
                let channel = CHANNELS[usize::from(number % 3 == 0)];
                let body = format!("number {origin} {number}");
                sink.send(encoded(&Message::new(Opcode::WRITE, channel, body))).await?;
                orders.written.fetch_add(1, Ordering::Relaxed);
                if number % 100 == 0 {
                    let uuid = format!("{origin} {number}");
                    sink.send(encoded(&Message::with_uuid(Opcode::STREAM_START, &*uuid, "tea", ""))).await?;
                    for piece in 0..PIECES {
                        let piece =
                            Message::with_uuid(Opcode::STREAM_WRITE, &*uuid, "tea", piece.to_string());
                        sink.send(encoded(&piece)).await?;
                    }
                    sink.send(encoded(&Message::with_uuid(Opcode::STREAM_END, &*uuid, "tea", ""))).await?;
                }
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        written = writing => written,
        () = reading => Ok(()),
    }
}

pub(crate) fn encoded(message: &Message) -> tungstenite::Message {
    let mut bytes = BytesMut::new();
    // Names and bodies here are short.
    message.encode(&mut bytes).ok();
    tungstenite::Message::Binary(bytes.freeze())
}
