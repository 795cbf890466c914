//! The server: started, made a replica set, waited for until it is primary.

use std::ops::Deref;
use std::path::Path;
use std::process::Command;

use bson::Document;
use bson::doc;
use tokio::time::Instant;

use super::wire::Connection;
use crate::address::START_LIMIT;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::server::Origin;
use crate::server::Recipe;
use crate::server::Server;

/// The name of the replica set of every server of ours.
const SET: &str = "test";

const RECIPE: Recipe = Recipe {
    name: "mongod",
    binary: "mongod",
    variable: "MONGODB_URL",
    default_port: 27017,
    command,
    listening: "Waiting for connections",
    image: ("mongo", "6", &["mongod", "--replSet", SET, "--bind_ip_all", "--dbpath", "/data/db"]),
};

/// An empty MongoDB, a replica set of one node: with change streams, transactions and retryable
/// writes. Gone when dropped.
#[derive(Debug)]
pub struct Mongo {
    server: Server,
    url: String,
}

impl Mongo {
    /// Starts a server, or takes the one at `MONGODB_URL`, and returns once it is the primary of
    /// its replica set.
    ///
    /// # Errors
    ///
    /// `Missing` if there is none to be had; `Unavailable`, `Timeout` or `Protocol` if it does not
    /// answer or belongs to no replica set, with its last lines.
    pub async fn start() -> Result<Self> {
        Self::ready(Server::start(&RECIPE).await?).await
    }

    /// Starts a container of `mongo:6`, whatever else there is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if no Docker engine answers.
    #[cfg(feature = "containers")]
    pub async fn in_container() -> Result<Self> {
        Self::ready(Server::contain(&RECIPE).await?).await
    }

    /// Returns the address as drivers want it, `mongodb://host:port/…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    async fn ready(server: Server) -> Result<Self> {
        let (host, port) = (&server.address.host, server.address.port);
        let url = match (&server.given, &server.origin) {
            (Some(url), _) => url.clone(),
            // The member's name within the container is not its address out here.
            (None, Origin::Container) => format!("mongodb://{host}:{port}/?directConnection=true"),
            (None, _) => format!("mongodb://{host}:{port}/?replicaSet={SET}"),
        };
        Self::primary(&server).await.map_err(|error| error.with_log(&server.log()))?;
        Ok(Self { server, url })
    }

    /// Makes the server a replica set, if it is ours, and waits until it can be written to.
    async fn primary(server: &Server) -> Result<()> {
        let mut connection = Connection::open(&server.address).await?;
        if server.origin != Origin::Environment {
            let port =
                if server.origin == Origin::Container { RECIPE.default_port } else { server.address.port };
            let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
            let set = doc! { "_id": SET, "members": [member] };
            let answer = connection.run(&doc! { "replSetInitiate": set, "$db": "admin" }).await?;
            if answer.get_f64("ok").ok() != Some(1.0) {
                return Err(Error::new(
                    ErrorKind::Protocol,
                    format!("mongod refused its replica set: {answer}"),
                ));
            }
        }
        let end = Instant::now() + START_LIMIT;
        let mut hello = doc! { "hello": 1, "$db": "admin" };
        while Instant::now() < end {
            let answer = connection.run(&hello).await?;
            if answer.get_str("setName").is_err() {
                let message = format!(
                    "the server at {}:{} belongs to no replica set",
                    server.address.host, server.address.port
                );
                return Err(Error::new(ErrorKind::Protocol, message));
            }
            if answer.get_bool("isWritablePrimary").unwrap_or(false) {
                return Ok(());
            }
            hello = next_hello(&answer)?;
        }
        Err(Error::new(ErrorKind::Timeout, format!("mongod was not primary within {START_LIMIT:?}")))
    }
}

impl Deref for Mongo {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Returns the question that is answered once something has changed since this answer, or after 5
/// s.
fn next_hello(answer: &Document) -> Result<Document> {
    let version = answer.get_document("topologyVersion").map_err(|error| {
        Error::because(ErrorKind::Protocol, "a server older than MongoDB 4.4 is not supported", error)
    })?;
    Ok(doc! { "hello": 1, "topologyVersion": version, "maxAwaitTimeMS": 5_000_i64, "$db": "admin" })
}

#[expect(clippy::unnecessary_wraps, reason = "others need a second port")]
fn command(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .args(["--replSet", SET, "--bind_ip", "127.0.0.1", "--port", &port.to_string()])
        // A quarter of a gigabyte, so that several tests fit; no socket file beside the port's
        // number in /tmp.
        .args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--nounixsocket"])
        .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
        .args(["--setParameter", "ttlMonitorSleepSecs=1", "--dbpath"])
        .arg(directory)
        .current_dir(directory);
    Ok(command)
}
