//! A channel with socketioxide: a room, and `to` of a socket, which leaves out the socket itself.

use std::error::Error;
use std::io::{self, Write};
use std::{process, thread};

use axum::Router;
use axum::serve::ListenerExt;
use bytes::Bytes;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::{SocketIo, TransportType};
use tokio::net::TcpListener;

/// Packets that may wait for one client. With the default of 128 a burst of 100 messages, which are
/// 200 packets, would lose the last ones.
const WAITING_PACKETS: usize = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (layer, io) = SocketIo::builder()
        .transports([TransportType::Websocket])
        .max_buffer_size(WAITING_PACKETS)
        .build_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on("message", async |socket: SocketRef, Data::<Bytes>(data)| {
            report(socket.to("hello").emit("message", &data).await);
        });
        socket.join("hello");
        // The client waits for it: what comes behind it finds the room joined.
        report(socket.emit("joined", &()));
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    // All the others set it by themselves. Without it the second frame of a message waits until
    // the first is acknowledged.
    let listener = listener.tap_io(|socket| report(socket.set_nodelay(true)));
    thread::spawn(|| {
        report(io::copy(&mut io::stdin(), &mut io::sink()));
        process::exit(0);
    });
    Ok(axum::serve(listener, Router::new().layer(layer)).await?)
}

/// Says what went wrong; whoever measures misses the messages.
fn report<T, E: Error>(result: Result<T, E>) {
    if let Err(error) = result {
        drop(writeln!(io::stderr(), "socketioxide: {error}"));
    }
}
