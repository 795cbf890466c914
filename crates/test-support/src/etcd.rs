//! A private etcd.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use crate::address::free_port;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::server::Recipe;
use crate::server::Server;

const RECIPE: Recipe = Recipe {
    name: "etcd",
    binary: "etcd",
    variable: "ETCD_URL",
    default_port: 2379,
    command,
    listening: "serving client traffic",
    image: (
        "etcd",
        "3.4",
        &[
            "etcd",
            "--data-dir",
            "/data",
            "--listen-client-urls",
            "http://0.0.0.0:2379",
            "--advertise-client-urls",
            "http://127.0.0.1:2379",
            "--logger",
            "zap",
            "--log-outputs",
            "stderr",
        ],
    ),
};

/// An empty etcd of one node, gone when dropped.
#[derive(Debug)]
pub struct Etcd {
    server: Server,
    url: String,
}

impl Etcd {
    /// Starts a server, or takes the one at `ETCD_URL`, and returns once it says that it is
    /// healthy.
    ///
    /// # Errors
    ///
    /// `Missing` if there is none to be had; `Unavailable`, `Timeout` or `Protocol` if it does not
    /// answer, with its last lines.
    pub async fn start() -> Result<Self> {
        Self::ready(Server::start(&RECIPE).await?).await
    }

    /// Starts a container of `etcd:3.4`, whatever else there is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if no Docker engine answers.
    #[cfg(feature = "containers")]
    pub async fn in_container() -> Result<Self> {
        Self::ready(Server::contain(&RECIPE).await?).await
    }

    /// Returns the address as clients want it, `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn ready(server: Server) -> Result<Self> {
        let address = &server.address;
        let url = server.given.clone().unwrap_or_else(|| format!("http://{}:{}", address.host, address.port));
        if url.starts_with("https:") {
            // Over TLS the answer to a plain question says nothing: the connection alone has to do.
            address.ask(b"", 0).await?;
            return Ok(Self { server, url });
        }
        let question = format!("GET /health HTTP/1.0\r\nHost: {}:{}\r\n\r\n", address.host, address.port);
        let answer = address.ask(question.as_bytes(), usize::MAX).await;
        let answer = answer.map_err(|error| error.with_log(&server.log()))?;
        let answer = String::from_utf8_lossy(&answer);
        if !answer.contains(r#""health":"true""#) {
            return Err(Error::new(ErrorKind::Protocol, format!("{url} is not healthy: {answer}")));
        }
        Ok(Self { server, url })
    }
}

impl Deref for Etcd {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

fn command(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let client = format!("http://127.0.0.1:{port}");
    // It needs a port for its peers also when it has none.
    let peer = format!("http://127.0.0.1:{}", free_port()?);
    let mut command = Command::new(program);
    command
        .args(["--name", "test", "--listen-client-urls", &client, "--advertise-client-urls", &client])
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(["--initial-cluster", &format!("test={peer}"), "--unsafe-no-fsync", "--logger", "zap"])
        .args(["--log-outputs", "stderr", "--data-dir"])
        .arg(directory.join("data"))
        .current_dir(directory);
    // Variables of the system's own etcd would change ours.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ETCD_")) {
        command.env_remove(name);
    }
    Ok(command)
}
