//! What a stream costs the server, such as a file on its way from one client to others.

use std::error::Error;
use std::io;

use benches::budget::Effort;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client;
use crate::process::Server;

/// Bytes of each piece.
const PIECE: usize = 64 * 1024;

/// Returns the bytes that so many readers receive for each second of the server's processor time.
///
/// The sender writes as fast as the hub takes it, and the readers read as fast as they can.
pub(crate) fn bytes_per_cpu_second(readers: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    // About 2 GB for all of them together.
    let pieces = effort.pick(32_000 / readers, 50);
    let server = Server::start("hub")?;
    Runtime::new()?.block_on(async {
        let mut sender = connect(&server).await?;
        let bytes = client::stream_start_len() + pieces * client::piece_len(PIECE);
        let mut reading = JoinSet::new();
        for _ in 0..readers {
            reading.spawn(read(connect(&server).await?, bytes));
        }
        let before = server.process.cpu_ns()?;
        sender.write_all(&client::stream_start()).await?;
        let piece = client::piece(PIECE);
        for _ in 0..pieces {
            sender.write_all(&piece).await?;
        }
        while let Some(read) = reading.join_next().await {
            read??;
        }
        Ok((bytes * readers) as f64 / (server.process.cpu_ns()? - before) * 1e9)
    })
}

async fn connect(server: &Server) -> Result<TcpStream, Box<dyn Error>> {
    let channel = client::shared_channel();
    client::connect(server.address, "/", "", channel).await.map_err(|error| error as _)
}

/// Reads exactly so many bytes.
async fn read(mut socket: TcpStream, mut bytes: usize) -> io::Result<()> {
    let mut buffer = vec![0; 256 * 1024];
    while bytes > 0 {
        let read = socket.read(&mut buffer).await?;
        if read == 0 {
            return Err(io::Error::other(format!("the server closed a reader before {bytes} bytes more")));
        }
        bytes = bytes.checked_sub(read).ok_or_else(|| io::Error::other("more came than was sent"))?;
    }
    Ok(())
}
