//! One server.

use std::ops::Deref;
use std::path::Path;
use std::path::PathBuf;

use super::command::STORE;
use super::monitor::RedisMonitor;
use super::options::RedisOptions;
use super::options::RedisUser;
use super::patience::Patience;
use super::wire::Answer;
use super::wire::Connection;
use crate::certificates::Certificates;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::port::free_port;
use crate::server::Server;

/// An empty Redis that writes nothing to disk unless it is asked to, gone when dropped.
///
/// # Failures
///
/// One that was started with [`private`](Self::private) or [`with`](Self::with) is a process of
/// ours, and can be frozen and thawed, killed and started again:
///
/// ```no_run
/// # async fn example() -> test_support::Result<()> {
/// let redis = test_support::Redis::private().await?;
/// redis.freeze().await?; // what waits for an answer waits on
/// redis.thaw().await?;
/// redis.kill()?; // connections end, new ones are refused
/// redis.start_again().await?; // at the same address
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Redis {
    server: Server,
    url: String,
    options: RedisOptions,
    ca_file: Option<PathBuf>,
}

impl Redis {
    /// Starts a server, or takes the one at `REDIS_URL`, and returns once it has answered `PING`.
    ///
    /// # Errors
    ///
    /// `Missing` if there is none to be had; `Unavailable`, `Timeout` or `Protocol` if it does not
    /// answer, with its last lines.
    pub async fn start() -> Result<Self> {
        Self::plain(Server::start(&STORE).await?).await
    }

    /// Starts a container of `redis:7`, whatever else there is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if no Docker engine answers.
    #[cfg(feature = "containers")]
    pub async fn in_container() -> Result<Self> {
        Self::plain(Server::contain(&STORE).await?).await
    }

    /// Starts a process, whatever else there is: for tests that freeze or kill a server, which
    /// would disturb the others.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if there is no binary.
    pub async fn private() -> Result<Self> {
        Self::with(&RedisOptions::default()).await
    }

    /// Starts a process with options, whatever else there is, and returns once it has answered
    /// `PING`.
    ///
    /// # Errors
    ///
    /// As [`private`](Self::private).
    pub async fn with(options: &RedisOptions) -> Result<Self> {
        let (mut tls, line) = (None, options.command_line());
        let server = Server::start_process(&STORE, |_port, directory| {
            // This is called once more when the port was taken, with a new directory, so ports and
            // certificates are made anew each time.
            let mut arguments = Vec::new();
            if options.cluster_node {
                // Named, since the port of the data plus 10,000 may be taken, or be no port.
                arguments.extend(["--cluster-port".into(), free_port()?.to_string().into()]);
            }
            arguments.extend(line.iter().cloned());
            if options.tls {
                let port = free_port()?;
                arguments.extend(["--tls-port".into(), port.to_string().into()]);
                let Certificates { ca, certificate, key } = Certificates::make(directory)?;
                for (option, file) in
                    [("--tls-ca-cert-file", &ca), ("--tls-cert-file", &certificate), ("--tls-key-file", &key)]
                {
                    arguments.extend([option.into(), file.into()]);
                }
                // Clients prove who they are by passwords.
                arguments.extend(["--tls-auth-clients".into(), "no".into()]);
                tls = Some((port, ca));
            }
            Ok(arguments)
        });
        let server = server.await?;
        let (scheme, port, ca_file) = match tls {
            Some((port, ca_file)) => ("rediss", port, Some(ca_file)),
            None => ("redis", server.address.port, None),
        };
        let password = options.password.as_ref();
        let login = password.map_or_else(String::new, |password| format!(":{}@", encoded(password)));
        let url = format!("{scheme}://{login}{}:{port}", server.address.host);
        let redis = Self { server, url, options: options.clone(), ca_file };
        redis.answers().await?;
        Ok(redis)
    }

    /// Returns the address as clients want it, `redis://host:port`, with the password if there is
    /// one, and `rediss:` for TLS.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address for a user of the options, `redis://name:password@host:port`.
    pub fn user_url(&self, user: &RedisUser) -> String {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("redis", &self.url));
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{}:{}@{host}", encoded(&user.name), encoded(&user.password))
    }

    /// Returns the certificate that clients are to trust, a PEM file; `None` without TLS.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Returns the port for connections without TLS, which there is always one for.
    pub fn port(&self) -> u16 {
        self.server.address.port
    }

    /// Listens to what it is told.
    ///
    /// # Errors
    ///
    /// `Unavailable`, `Timeout` or `Protocol` if it does not answer.
    pub async fn monitor(&self) -> Result<RedisMonitor> {
        RedisMonitor::start(self.connect().await?, self.connect().await?).await
    }

    /// Lets a frozen process go on (`SIGCONT`), and returns once it answers.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours; `Unavailable` or `Timeout` if it does not answer.
    pub async fn thaw(&self) -> Result<()> {
        self.server.go_on()?;
        self.answers().await
    }

    /// Starts the process again, with the same address and directory, and returns once it answers.
    ///
    /// What it knew is gone, unless it was `append_only`. A process that still runs is killed
    /// first.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours; `Unavailable` or `Timeout` if it does not start, as
    /// when somebody else took its port.
    pub async fn start_again(&self) -> Result<()> {
        self.server.start_process_again().await?;
        self.answers().await
    }

    /// Takes a server whose options are not known.
    async fn plain(server: Server) -> Result<Self> {
        let address = &server.address;
        let given = server.given.clone();
        let url = given.unwrap_or_else(|| format!("redis://{}:{}", address.host, address.port));
        let redis = Self { server, url, options: RedisOptions::default(), ca_file: None };
        if redis.url.starts_with("rediss:") {
            // Over TLS the answer to a plain question says nothing: the connection alone has to do.
            redis.server.address.ask(b"", 0).await?;
        } else {
            redis.answers().await?;
        }
        Ok(redis)
    }

    /// Waits until the server answers `PING`.
    async fn answers(&self) -> Result<()> {
        let patience = Patience::for_the("server to have read its data");
        loop {
            let mut connection = self.connect().await?;
            let answer = connection.ask(&["PING"]).await.map_err(|error| error.with_log(&self.log()))?;
            match &answer {
                Answer::Text(text) if text == "PONG" => return Ok(()),
                // A server that asks for a password answers too.
                Answer::Refused(reason) if reason.starts_with("NOAUTH") => return Ok(()),
                Answer::Refused(reason) if reason.starts_with("LOADING") => patience.wait(reason).await?,
                _ => {
                    let message = format!("{} is not a Redis server: {answer:?}", self.url);
                    return Err(Error::new(ErrorKind::Protocol, message));
                }
            }
        }
    }

    /// Opens a connection for questions, as the default user.
    pub(super) async fn connect(&self) -> Result<Connection> {
        let opened = Connection::open(&self.server.address).await;
        let mut connection = opened.map_err(|error| error.with_log(&self.log()))?;
        if let Some(password) = &self.options.password {
            connection.tell(&["AUTH", password]).await?;
        }
        Ok(connection)
    }

    /// Asks one question on a connection of its own.
    pub(super) async fn tell(&self, words: &[&str]) -> Result<Answer> {
        self.connect().await?.tell(words).await
    }
}

impl Deref for Redis {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Encodes what may not stand in a URL as it is.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_any_kind_fit_into_an_address() {
        assert_eq!(encoded("a:1@é/"), "a%3A1%40%C3%A9%2F");
    }
}
