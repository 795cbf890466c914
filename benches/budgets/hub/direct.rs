//! What delivering on the sender's own task would cost at best, in a runtime of tokio.
//!
//! The task that reads from the publisher writes to each receiver itself, whose task is not woken.
//! There is no queue: what a socket does not take is an error. The hub wakes a task for each
//! receiver instead; the difference is what a write past an empty outbox could save.
//!
//! This is a bare relay and no hub: it decodes nothing, asks no hook, and counts nothing. It bounds
//! what the trial of a direct write in the hub's outbox can show, and is not that trial, whose
//! place is in `docs/figures.md`.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use crate::client;
use crate::client::Body;

/// Those who receive, found under a lock as the members of a channel are.
type Receivers = Arc<Mutex<Vec<Arc<TcpStream>>>>;

/// Accepts publishers and receivers.
pub(crate) fn relay(tasks: &TaskTracker, listener: TcpListener) -> Result<(), Box<dyn Error>> {
    let (connections, receivers) = (tasks.clone(), Receivers::default());
    tasks.spawn(async move {
        while let Ok((socket, _peer)) = listener.accept().await {
            let receivers = Arc::clone(&receivers);
            connections.spawn(async move { drop(serve(socket, &receivers).await) });
        }
    });
    Ok(())
}

async fn serve(mut socket: TcpStream, receivers: &Receivers) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await?);
    }
    socket.write_all(client::ACCEPTED).await?;
    socket.read_exact(&mut client::greeting()).await?;
    socket.write_all(&client::PONG).await?;
    let publishes = String::from_utf8_lossy(&head).contains(client::PUBLISHER_PATH);
    let socket = Arc::new(socket);
    if !publishes {
        receivers.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&socket));
    }
    let frame = client::outgoing_frame(Body::Short);
    let frames = frame.repeat(1_000);
    let (frame, incoming) = (frame.len(), client::incoming_frame(Body::Short, 0).len());
    let (mut buffer, mut read) = (vec![0; 64 * 1024], 0);
    // A receiver is silent, and its task sleeps here.
    loop {
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        let complete = read / incoming;
        read %= incoming;
        for receiver in receivers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            receiver.try_write(&frames[..complete * frame])?;
        }
    }
}
