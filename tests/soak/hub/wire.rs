//! The wire from one node to another: a port that passes bytes on until it is cut or falls silent.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What a wire does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WireMode {
    Open,
    /// It takes bytes no more and says nothing, as a partition does.
    Silent,
    /// Its connections end, and there are no new ones.
    Cut,
}

/// A wire; it is gone when it is dropped.
pub(crate) struct Wire {
    pub(crate) port: u16,
    mode: watch::Sender<WireMode>,
}

impl Wire {
    pub(crate) async fn to(port: u16, tasks: &TaskTracker) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (mode, seen) = watch::channel(WireMode::Open);
        let wire = Self { port: listener.local_addr()?.port(), mode };
        let connections = tasks.clone();
        tasks.spawn(async move {
            let mut ended = seen.clone();
            tokio::select! {
                _ = listen(&listener, port, &seen, &connections) => {}
                () = gone(&mut ended) => {}
            }
        });
        Ok(wire)
    }

    pub(crate) fn set(&self, mode: WireMode) {
        self.mode.send_replace(mode);
    }
}

async fn gone(mode: &mut watch::Receiver<WireMode>) {
    while mode.changed().await.is_ok() {}
}

async fn listen(
    listener: &TcpListener,
    port: u16,
    mode: &watch::Receiver<WireMode>,
    tasks: &TaskTracker,
) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        let mut mode = mode.clone();
        if *mode.borrow_and_update() == WireMode::Cut {
            continue;
        }
        tasks.spawn(async move {
            let mut cut = mode.clone();
            tokio::select! {
                _ = pass(socket, port, mode) => {}
                _ = cut.wait_for(|mode| *mode == WireMode::Cut) => {}
            }
        });
    }
}

async fn pass(from: TcpStream, port: u16, mode: watch::Receiver<WireMode>) -> io::Result<()> {
    let to = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    from.set_nodelay(true)?;
    to.set_nodelay(true)?;
    let ((a, into_a), (b, into_b)) = (from.into_split(), to.into_split());
    tokio::select! {
        passed = one_way(a, into_b, mode.clone()) => passed,
        passed = one_way(b, into_a, mode) => passed,
    }
}

async fn one_way(
    mut from: OwnedReadHalf,
    mut into: OwnedWriteHalf,
    mut mode: watch::Receiver<WireMode>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        if mode.wait_for(|mode| *mode != WireMode::Silent).await.is_err() {
            return Ok(());
        }
        into.write_all(&bytes[..read]).await?;
    }
}
