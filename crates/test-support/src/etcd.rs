//! A private etcd of one member, or of three.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use tokio::time::Instant;

use crate::address::START_LIMIT;
use crate::certificates::Certificates;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::port::free_port;
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

/// The time between two questions about one key.
const PACE: Duration = Duration::from_millis(20);

/// An empty etcd of one member, gone when dropped.
#[derive(Debug)]
pub struct Etcd {
    server: Server,
    url: String,
    ca_file: Option<PathBuf>,
}

/// What is stored under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EtcdValue {
    /// The value, as text.
    pub value: String,
    /// The lease with which it goes; empty of one that stays.
    pub lease: String,
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

    /// Starts a process, whatever else there is: for tests that freeze or kill a server, which
    /// would disturb the others.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if there is no binary.
    pub async fn private() -> Result<Self> {
        Self::ready(Server::start_process(&RECIPE, |_port, _directory| Ok(Vec::new())).await?).await
    }

    /// The same over TLS, with a certificate for `localhost` and 127.0.0.1.
    ///
    /// # Errors
    ///
    /// As [`private`](Self::private).
    pub async fn with_tls() -> Result<Self> {
        let mut ca_file = None;
        let server = Server::start_process(&RECIPE, |port, directory| {
            let Certificates { ca, certificate, key } = Certificates::make(directory)?;
            ca_file = Some(ca);
            let url = OsString::from(format!("https://127.0.0.1:{port}"));
            // The last one of two that are the same option counts.
            let mut arguments: Vec<OsString> = vec!["--listen-client-urls".into(), url.clone()];
            arguments.extend(["--advertise-client-urls".into(), url]);
            arguments.extend(["--cert-file".into(), certificate.into()]);
            arguments.extend(["--key-file".into(), key.into()]);
            Ok(arguments)
        });
        let server = server.await?;
        server.address.ask(b"", 0).await?;
        let url = format!("https://127.0.0.1:{}", server.address.port);
        Ok(Self { server, url, ca_file })
    }

    /// Returns the address as clients want it, `http://host:port`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the certificate that clients are to trust, a PEM file; `None` without TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Lets a frozen process go on (`SIGCONT`), and returns once it accepts connections.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours; `Unavailable` or `Timeout` if it does not answer.
    pub async fn thaw(&self) -> Result<()> {
        self.server.go_on()?;
        self.server.address.ask(b"", 0).await.map(drop)
    }

    /// Starts a killed process again, at the same address and with its data; one that runs is
    /// killed first.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours; `Unavailable` or `Timeout` if it does not start.
    pub async fn start_again(&self) -> Result<()> {
        self.server.start_process_again().await
    }

    /// Posts to the JSON gateway: `kv/range` stands for `/v3/kv/range`.
    ///
    /// # Errors
    ///
    /// `Protocol` if the answer is an error; `Unavailable` or `Timeout` if there is none.
    pub async fn call(&self, path: &str, body: &Value) -> Result<Value> {
        let (body, address) = (body.to_string(), &self.server.address);
        let question = format!(
            "POST /v3/{path} HTTP/1.0\r\nHost: {}:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            address.host,
            address.port,
            body.len()
        );
        let answer = address.ask(question.as_bytes(), usize::MAX).await?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, text) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let is_well = head.lines().next().is_some_and(|line| line.contains(" 200 "));
        match serde_json::from_str(text) {
            Ok(value) if is_well => Ok(value),
            _ => Err(Error::new(ErrorKind::Protocol, format!("{}/v3/{path} answered: {answer}", self.url))),
        }
    }

    /// Returns what is stored under a key.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn get(&self, key: &str) -> Result<Option<EtcdValue>> {
        let found = self.call("kv/range", &json!({ "key": STANDARD.encode(key) })).await?;
        let Some(kv) = found["kvs"].get(0) else { return Ok(None) };
        let value = STANDARD.decode(kv["value"].as_str().unwrap_or_default()).unwrap_or_default();
        let lease = kv["lease"].as_str().unwrap_or_default().to_owned();
        Ok(Some(EtcdValue { value: String::from_utf8_lossy(&value).into_owned(), lease }))
    }

    /// Asks for a key until it is as wanted, and returns how long that took.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); `Timeout` if it stays another way.
    pub async fn until(&self, key: &str, wanted: impl Fn(Option<&EtcdValue>) -> bool) -> Result<Duration> {
        let began = Instant::now();
        loop {
            let found = self.get(key).await?;
            if wanted(found.as_ref()) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > START_LIMIT {
                return Err(Error::new(ErrorKind::Timeout, format!("{key} stays {found:?}")));
            }
            // Each question takes a port, and there are not so many of them.
            tokio::time::sleep(PACE).await;
        }
    }

    /// Stores a value that stays.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn put(&self, key: &str, value: &str) -> Result<()> {
        let body = json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value) });
        self.call("kv/put", &body).await.map(drop)
    }

    /// Removes a key.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn delete(&self, key: &str) -> Result<()> {
        self.call("kv/deleterange", &json!({ "key": STANDARD.encode(key) })).await.map(drop)
    }

    /// Makes everybody log in, with `root` and a user with all rights, both with this password.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub async fn require_login(&self, user: &str, password: &str) -> Result<()> {
        for name in ["root", user] {
            self.call("auth/user/add", &json!({ "name": name, "password": password })).await?;
            // The role has to be there before it is given to anybody.
            if name == "root" {
                self.call("auth/role/add", &json!({ "name": "root" })).await?;
            }
            self.call("auth/user/grant", &json!({ "user": name, "role": "root" })).await?;
        }
        self.call("auth/enable", &json!({})).await.map(drop)
    }

    async fn ready(server: Server) -> Result<Self> {
        let address = &server.address;
        let url = server.given.clone().unwrap_or_else(|| format!("http://{}:{}", address.host, address.port));
        if url.starts_with("https:") {
            // Over TLS the answer to a plain question says nothing: the connection alone has to do.
            address.ask(b"", 0).await?;
            return Ok(Self { server, url, ca_file: None });
        }
        let question = format!("GET /health HTTP/1.0\r\nHost: {}:{}\r\n\r\n", address.host, address.port);
        let answer = address.ask(question.as_bytes(), usize::MAX).await;
        let answer = answer.map_err(|error| error.with_log(&server.log()))?;
        let answer = String::from_utf8_lossy(&answer);
        if !answer.contains(r#""health":"true""#) {
            return Err(Error::new(ErrorKind::Protocol, format!("{url} is not healthy: {answer}")));
        }
        Ok(Self { server, url, ca_file: None })
    }
}

impl Deref for Etcd {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// An empty etcd of three members, gone when dropped: it works as long as two of them do.
#[derive(Debug)]
pub struct EtcdCluster {
    members: [Etcd; 3],
}

impl EtcdCluster {
    /// Starts all three, and returns once each says that it is healthy.
    ///
    /// # Errors
    ///
    /// As [`Etcd::private`].
    pub async fn start() -> Result<Self> {
        let peer = || free_port().map(|port| format!("http://127.0.0.1:{port}"));
        let peers: [String; 3] = [peer()?, peer()?, peer()?];
        // None of them is ready before two are there.
        let (a, b, c) =
            tokio::join!(Self::member(&peers, 0), Self::member(&peers, 1), Self::member(&peers, 2));
        Ok(Self { members: [a?, b?, c?] })
    }

    /// Returns the members, to be frozen or killed.
    pub fn members(&self) -> &[Etcd; 3] {
        &self.members
    }

    /// Returns the addresses of all members.
    pub fn urls(&self) -> Vec<String> {
        self.members.iter().map(|member| member.url().to_owned()).collect()
    }

    async fn member(peers: &[String; 3], which: usize) -> Result<Etcd> {
        let cluster = peers.iter().enumerate().map(|(number, peer)| format!("m{number}={peer}"));
        let cluster = cluster.collect::<Vec<_>>().join(",");
        let server = Server::start_process(&RECIPE, |_port, _directory| {
            let mut arguments: Vec<OsString> = vec!["--name".into(), format!("m{which}").into()];
            for option in ["--listen-peer-urls", "--initial-advertise-peer-urls"] {
                arguments.extend([option.into(), peers[which].clone().into()]);
            }
            arguments.extend(["--initial-cluster".into(), cluster.clone().into()]);
            Ok(arguments)
        });
        Etcd::ready(server.await?).await
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
