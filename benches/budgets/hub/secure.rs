//! The servers that speak TLS: the hub, and the floor of its idle memory.

use std::error::Error;
use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::task::{Poll, ready};

use conductor_hub::server::{self, Server};
use conductor_hub::{Config, Hooks, Hub};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use crate::{client, tls};

/// The hub, behind the listener with TLS that it comes with.
pub(crate) async fn hub(directory: &Path) -> Result<Server, Box<dyn Error>> {
    let hub = Hub::start(Config::default(), Hooks::default())?;
    let config = server::Config::default().address(([127, 0, 0, 1], 0)).tls(tls::files(directory));
    Ok(Server::start(config, &hub).await?)
}

/// A task for each connection that holds nothing but its TLS session and its socket.
pub(crate) fn waiting(
    tasks: &TaskTracker,
    listener: TcpListener,
    directory: &Path,
) -> Result<(), Box<dyn Error>> {
    let (acceptor, connections) = (tls::acceptor(directory)?, tasks.clone());
    tasks.spawn(async move {
        while let Ok((socket, _peer)) = listener.accept().await {
            let (acceptor, tasks) = (acceptor.clone(), connections.clone());
            connections.spawn(async move {
                if let Ok(socket) = acceptor.accept(socket).await {
                    // Another task, so that what the handshake needed is not kept.
                    tasks.spawn(wait(socket));
                }
            });
        }
    });
    Ok(())
}

async fn wait(mut socket: TlsStream<TcpStream>) {
    // To the handshake, then to the ping behind the bind.
    let mut answers = [client::ACCEPTED, &client::PONG].into_iter();
    while received(&mut socket).await {
        if let Some(answer) = answers.next()
            && (socket.write_all(answer).await.is_err() || socket.flush().await.is_err())
        {
            return;
        }
    }
}

/// Waits for bytes, and says whether there were any. No buffer is kept while it waits.
async fn received(socket: &mut TlsStream<TcpStream>) -> bool {
    poll_fn(|context| {
        let mut scratch = [0; 512];
        let mut buffer = ReadBuf::new(&mut scratch);
        let read = ready!(Pin::new(&mut *socket).poll_read(context, &mut buffer));
        Poll::Ready(read.is_ok() && !buffer.filled().is_empty())
    })
    .await
}
