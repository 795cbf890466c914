//! A server in a container, through testcontainers.

use std::env;
use std::path::Path;

use testcontainers::ContainerAsync;
use testcontainers::GenericImage;
use testcontainers::ImageExt;
use testcontainers::core::ContainerPort;
use testcontainers::core::WaitFor;
use testcontainers::runners::AsyncRunner;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::UnixStream;

use crate::address::ANSWER_LIMIT;
use crate::address::Address;
use crate::address::START_LIMIT;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// A running container with one published port, removed on drop.
///
/// Unlike a process of ours it outlives a test process that is killed: the engine owns it.
#[derive(Debug)]
pub(crate) struct Container {
    address: Address,
    _container: ContainerAsync<GenericImage>,
}

impl Container {
    /// Starts the image and returns once it has logged `listening`. An image that this machine has
    /// is not pulled; `cargo xtask images` makes ours.
    pub(crate) async fn start(
        image: &str,
        tag: &str,
        port: u16,
        command: &[&str],
        listening: &str,
    ) -> Result<Self> {
        if !engine_answers().await {
            let message = format!("no container of {image}:{tag}: no Docker engine answers");
            return Err(Error::new(ErrorKind::Missing, message));
        }
        let failed = |error| {
            let message = format!("no container of {image}:{tag} (`cargo xtask images` makes the image)");
            Error::because(ErrorKind::Unavailable, message, error)
        };
        let request = GenericImage::new(image, tag)
            .with_exposed_port(ContainerPort::Tcp(port))
            // The engine's proxy accepts connections before the server does.
            .with_wait_for(WaitFor::message_on_either_std(listening))
            .with_cmd(command.iter().copied())
            .with_startup_timeout(START_LIMIT);
        let container = request.start().await.map_err(failed)?;
        let host = container.get_host().await.map_err(failed)?.to_string();
        // The name may stand for an IPv6 address that the port is not published on.
        let host = if host == "localhost" { "127.0.0.1".to_owned() } else { host };
        let port = container.get_host_port_ipv4(port).await.map_err(failed)?;
        Ok(Self { address: Address { host, port }, _container: container })
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }
}

/// Says whether a Docker engine answers, at `DOCKER_HOST` or at its usual socket.
pub async fn engine_answers() -> bool {
    let host = env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned());
    let asked = async {
        match host.split_once("://") {
            Some(("unix", path)) if Path::new(path).exists() => ping(UnixStream::connect(path).await?).await,
            Some(("tcp" | "http", address)) => {
                ping(TcpStream::connect(address.trim_end_matches('/')).await?).await
            }
            _ => Ok(false),
        }
    };
    // No answer, no engine, whatever the reason.
    matches!(tokio::time::timeout(ANSWER_LIMIT, asked).await, Ok(Ok(true)))
}

async fn ping(mut socket: impl AsyncReadExt + AsyncWriteExt + Unpin) -> std::io::Result<bool> {
    socket.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n").await?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).lines().next().is_some_and(|line| line.contains(" 200 ")))
}
