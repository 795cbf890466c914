//! A private Redis.

use std::path::Path;
use std::process::Command;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::server::Origin;
use crate::server::Recipe;
use crate::server::Server;

const RECIPE: Recipe = Recipe {
    name: "redis",
    binary: "redis-server",
    variable: "REDIS_URL",
    default_port: 6379,
    command,
    listening: "Ready to accept connections",
    image: ("redis", "7", &["redis-server", "--save", "", "--bind", "0.0.0.0", "--protected-mode", "no"]),
};

/// An empty Redis that writes nothing to disk, gone when dropped.
#[derive(Debug)]
pub struct Redis {
    server: Server,
    url: String,
}

impl Redis {
    /// Starts a server, or takes the one at `REDIS_URL`, and returns once it has answered `PING`.
    ///
    /// # Errors
    ///
    /// `Missing` if there is none to be had; `Unavailable`, `Timeout` or `Protocol` if it does not answer, with its
    /// last lines.
    pub async fn start() -> Result<Self> {
        Self::ready(Server::start(&RECIPE).await?).await
    }

    /// Starts a container of `redis:7`, whatever else there is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if no Docker engine answers.
    #[cfg(feature = "containers")]
    pub async fn in_container() -> Result<Self> {
        Self::ready(Server::contain(&RECIPE).await?).await
    }

    /// Returns the address as clients want it, `redis://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns where the server came from.
    pub fn origin(&self) -> &Origin {
        &self.server.origin
    }

    /// Returns the server's process id, `None` if the process is not ours.
    pub fn process_id(&self) -> Option<u32> {
        self.server.process_id()
    }

    async fn ready(server: Server) -> Result<Self> {
        let address = &server.address;
        let url =
            server.given.clone().unwrap_or_else(|| format!("redis://{}:{}", address.host, address.port));
        // Over TLS the answer to a plain question says nothing: the connection alone has to do.
        let (question, enough) =
            if url.starts_with("rediss:") { (&b""[..], 0) } else { (&b"PING\r\n"[..], 7) };
        let answer = address.ask(question, enough).await.map_err(|error| error.with_log(&server.log()))?;
        // A server that asks for a password answers too.
        let answered = enough == 0 || answer.starts_with(b"+PONG") || answer.starts_with(b"-NOAUTH");
        if !answered {
            let message = format!("{url} is no Redis: {}", String::from_utf8_lossy(&answer));
            return Err(Error::new(ErrorKind::Protocol, message));
        }
        Ok(Self { server, url })
    }
}

#[expect(clippy::unnecessary_wraps, reason = "others need a second port")]
fn command(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
        .args(["--daemonize", "no", "--loglevel", "notice", "--logfile", "", "--dir"])
        .arg(directory)
        .current_dir(directory);
    Ok(command)
}
