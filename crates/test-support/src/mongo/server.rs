//! One server: started, made a member of a replica set, waited for until it can be asked.

use std::ffi::OsString;
use std::ops::Deref;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bson::Bson;
use bson::Document;
use bson::doc;
use tokio::time::Instant;
use tokio::time::sleep;

use super::options::MongoOptions;
use super::options::SETTINGS_FILE;
use super::options::open_to_all;
use super::options::open_to_users;
use super::wire::Connection;
use crate::address::START_LIMIT;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::server::Origin;
use crate::server::Recipe;
use crate::server::Server;

/// The name of the replica set of every server of ours.
pub(super) const SET: &str = "test";

pub(super) const RECIPE: Recipe = Recipe {
    name: "mongod",
    binary: "mongod",
    variable: "MONGODB_URL",
    default_port: 27017,
    command,
    listening: "Waiting for connections",
    image: ("mongo", "6", &["mongod", "--replSet", SET, "--bind_ip_all", "--dbpath", "/data/db"]),
};

/// The same without a replica set.
const ALONE: Recipe = Recipe { command: command_alone, ..RECIPE };

/// An empty MongoDB, a replica set of one node: with change streams, transactions and retryable
/// writes. Gone when dropped.
///
/// # Failures
///
/// One that was started with [`private`](Self::private) or [`with`](Self::with), and each member of
/// a [`MongoSet`](crate::MongoSet), is a process of ours, and can be frozen and thawed, killed and
/// started again, and made to fail:
///
/// ```no_run
/// # async fn example() -> test_support::Result<()> {
/// use bson::doc;
///
/// let mongo = test_support::Mongo::private().await?;
/// mongo.freeze().await?; // what waits for an answer waits on
/// mongo.thaw().await?;
/// mongo.kill()?; // connections end, new ones are refused
/// mongo.restart().await?; // at the same address, with the same data
/// let data = doc! { "failCommands": ["insert"], "errorCode": 11602 };
/// mongo.fail("failCommand", doc! { "times": 2 }, data).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Mongo {
    server: Server,
    url: String,
    /// Whether it is one of several: another one may be primary.
    is_one_of_several: bool,
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
        Self::plain(Server::start(&RECIPE).await?).await
    }

    /// Starts a container of `mongo:6`, whatever else there is.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if no Docker engine answers.
    #[cfg(feature = "containers")]
    pub async fn in_container() -> Result<Self> {
        Self::plain(Server::contain(&RECIPE).await?).await
    }

    /// Starts a process, whatever else there is: for tests that freeze or kill a server, which
    /// would disturb the others. It obeys the commands that are for tests.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start); `Missing` if there is no binary.
    pub async fn private() -> Result<Self> {
        Self::with(MongoOptions::default()).await
    }

    /// Starts a process with options, whatever else there is, and returns once it is primary.
    ///
    /// # Errors
    ///
    /// As [`private`](Self::private).
    pub async fn with(options: MongoOptions) -> Result<Self> {
        let first = options.users.first().cloned();
        let mut mongo = Self::plain(Self::process(first.is_some()).await?).await?;
        if let Some(first) = first {
            // The server asks nobody for a password until it is started again, so the users can be
            // made without one.
            for user in options.users {
                mongo.command("admin", user.create()).await?;
            }
            open_to_users(mongo.server.directory()?)?;
            mongo.restart().await?;
            mongo.url = mongo.user_url(&first.name, &first.password);
        }
        Ok(mongo)
    }

    /// Starts a process that is to be a replica set, and is none before
    /// [`initiate`](Self::initiate).
    ///
    /// # Errors
    ///
    /// As [`private`](Self::private).
    pub async fn uninitiated() -> Result<Self> {
        let server = Self::process(false).await?;
        let url = set_url(&server);
        Ok(Self { server, url, is_one_of_several: false })
    }

    /// Starts a process that waits for others to be told of them.
    pub(super) async fn member() -> Result<Self> {
        let server = Self::process(false).await?;
        Ok(Self { url: direct_url(&server), server, is_one_of_several: true })
    }

    async fn process(has_users: bool) -> Result<Server> {
        Server::start_process(&RECIPE, |_port, directory| {
            let mut arguments: Vec<OsString> = vec!["--setParameter".into(), "enableTestCommands=1".into()];
            if has_users {
                open_to_all(directory)?;
                arguments.extend(["--config".into(), directory.join(SETTINGS_FILE).into()]);
            }
            Ok(arguments)
        })
        .await
    }

    /// Returns the address as drivers want it, `mongodb://host:port/…`, with user and password if
    /// there are any. That of a member of several leads to it alone.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the address for a user, whom the server may know or not.
    pub fn user_url(&self, name: &str, password: &str) -> String {
        let (_, rest) = self.url.split_once("://").unwrap_or(("", &self.url));
        let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
        let rest = rest.split_once("&authSource").map_or(rest, |(rest, _)| rest);
        format!("mongodb://{}:{}@{rest}&authSource=admin", encoded(name), encoded(password))
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.server.address.port
    }

    /// Lets a frozen process go on (`SIGCONT`), and returns once it is primary; a member of several
    /// once it has found the others.
    ///
    /// # Errors
    ///
    /// `Protocol` if the process is not ours; `Unavailable` or `Timeout` if it does not answer.
    pub async fn thaw(&self) -> Result<()> {
        self.server.go_on()?;
        self.is_ready().await
    }

    /// Starts the process again, with the same address and data, and returns when
    /// [`thaw`](Self::thaw) does. A process that still runs is killed first.
    ///
    /// # Errors
    ///
    /// As [`thaw`](Self::thaw).
    pub async fn restart(&self) -> Result<()> {
        self.server.start_process_again().await?;
        self.is_ready().await
    }

    /// Starts the process again without its replica set, with the same address and data, until
    /// [`restart`](Self::restart).
    ///
    /// # Errors
    ///
    /// As [`thaw`](Self::thaw).
    pub async fn restart_alone(&self) -> Result<()> {
        self.server.start_process_as(&ALONE).await?;
        self.is_ready().await
    }

    /// Has it be no primary for so long, and returns once it is none.
    ///
    /// Alone it is primary again then; of several another one is elected before.
    ///
    /// # Errors
    ///
    /// `Protocol` if it is none already; `Unavailable` or `Timeout` if it does not answer.
    pub async fn step_down(&self, duration: Duration) -> Result<()> {
        let seconds = i64::try_from(duration.as_secs().max(1)).unwrap_or(i64::MAX);
        let command = doc! { "replSetStepDown": seconds, "secondaryCatchUpPeriodSecs": 0_i64, "force": true };
        self.command("admin", command).await.map(drop)
    }

    /// Runs a command on a connection of its own and returns what the server answers.
    ///
    /// It is not logged in: a server with users refuses nearly all.
    ///
    /// # Errors
    ///
    /// `Protocol` if the server refuses; `Unavailable` or `Timeout` if it does not answer.
    pub async fn command(&self, database: &str, mut command: Document) -> Result<Document> {
        command.insert("$db", database);
        let answer = Connection::open(&self.server.address).await?.run(&command).await?;
        if is_ok(&answer) {
            return Ok(answer);
        }
        let name = command.keys().next().cloned().unwrap_or_default();
        Err(Error::new(ErrorKind::Protocol, format!("mongod refused {name}: {answer}")))
    }

    /// Has it fail in a way that it knows for tests, such as `failCommand`, until
    /// [`heal`](Self::heal).
    ///
    /// `mode` is `"alwaysOn"`, `{ times: n }` or `{ skip: n }`.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn fail(&self, name: &str, mode: impl Into<Bson> + Send, data: Document) -> Result<()> {
        let mode: Bson = mode.into();
        let command = doc! { "configureFailPoint": name, "mode": mode, "data": data };
        self.command("admin", command).await.map(drop)
    }

    /// Ends a failure that [`fail`](Self::fail) began.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn heal(&self, name: &str) -> Result<()> {
        self.command("admin", doc! { "configureFailPoint": name, "mode": "off" }).await.map(drop)
    }

    /// Takes a server that is alone, of whatever origin.
    async fn plain(server: Server) -> Result<Self> {
        let url = match (&server.given, &server.origin) {
            (Some(url), _) => url.clone(),
            // The member's name within the container is not its address out here.
            (None, Origin::Container) => direct_url(&server),
            (None, _) => set_url(&server),
        };
        let mongo = Self { server, url, is_one_of_several: false };
        mongo.initiate_own().await.map_err(|error| error.with_log(&mongo.log()))?;
        mongo.is_ready().await?;
        Ok(mongo)
    }

    /// Makes the server a replica set, if it is ours.
    async fn initiate_own(&self) -> Result<()> {
        if self.server.origin == Origin::Environment { Ok(()) } else { self.initiate().await }
    }

    /// Makes a server that is [in no set](Self::uninitiated) a replica set of one node.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub async fn initiate(&self) -> Result<()> {
        let port = match self.server.origin {
            // The member's name within the container is not its address out here.
            Origin::Container => RECIPE.default_port,
            Origin::Environment | Origin::Binary(_) => self.port(),
        };
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        let set = doc! { "_id": SET, "members": [member] };
        self.command("admin", doc! { "replSetInitiate": set }).await.map(drop)
    }

    /// Waits until the server can be written to, or, one of several, until it is a member.
    pub(super) async fn is_ready(&self) -> Result<()> {
        let may_follow = self.is_one_of_several;
        let is_ready = self.answers(|hello| {
            is_true(hello, "isWritablePrimary") || may_follow && is_true(hello, "secondary")
        });
        is_ready.await.map_err(|error| error.with_log(&self.log()))
    }

    /// Waits until what the server says about itself is so.
    async fn answers(&self, is_so: impl Fn(&Document) -> bool + Send) -> Result<()> {
        let end = Instant::now() + START_LIMIT;
        let mut connection = Connection::open(&self.server.address).await?;
        let plain = doc! { "hello": 1, "$db": "admin" };
        let mut hello = plain.clone();
        while Instant::now() < end {
            let answer = connection.run(&hello).await?;
            if is_so(&answer) {
                return Ok(());
            }
            // A member answers the next question when something changes, so there is no pause. It
            // waits for that with `topologyVersion`, which is in the answer.
            if answer.get_str("setName").is_ok() {
                hello = next_hello(&answer)?;
                continue;
            }
            if self.server.origin == Origin::Environment {
                let (host, port) = (&self.server.address.host, self.server.address.port);
                let message = format!("the server at {host}:{port} belongs to no replica set");
                return Err(Error::new(ErrorKind::Protocol, message));
            }
            // One of ours belongs to none before it has read its data, or was told of it.
            hello.clone_from(&plain);
            sleep(PAUSE).await;
        }
        Err(Error::new(
            ErrorKind::Timeout,
            format!("mongod was not what it should be within {START_LIMIT:?}"),
        ))
    }
}

/// Before the next question to a server that has not read its data yet, and says so at once.
const PAUSE: Duration = Duration::from_millis(50);

impl Deref for Mongo {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Returns the address of the replica set of one server.
fn set_url(server: &Server) -> String {
    format!("mongodb://{}:{}/?replicaSet={SET}", server.address.host, server.address.port)
}

/// Returns the address that leads to one server, whomever else it knows.
fn direct_url(server: &Server) -> String {
    format!("mongodb://{}:{}/?directConnection=true", server.address.host, server.address.port)
}

fn is_ok(answer: &Document) -> bool {
    answer.get_f64("ok").ok() == Some(1.0)
}

pub(super) fn is_true(answer: &Document, field: &str) -> bool {
    answer.get_bool(field).unwrap_or(false)
}

/// Encodes what may not stand in a URL as it is.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}

/// Returns the question that is answered once something has changed since this answer, or after 5
/// s.
fn next_hello(answer: &Document) -> Result<Document> {
    let version = answer.get_document("topologyVersion").map_err(|error| {
        Error::because(ErrorKind::Protocol, "a server older than MongoDB 4.4 is not supported", error)
    })?;
    Ok(doc! { "hello": 1, "topologyVersion": version, "maxAwaitTimeMS": 5_000_i64, "$db": "admin" })
}

fn command(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let mut command = command_alone(program, port, directory)?;
    command.args(["--replSet", SET]);
    Ok(command)
}

#[expect(clippy::unnecessary_wraps, reason = "others need a second port")]
fn command_alone(program: &Path, port: u16, directory: &Path) -> Result<Command> {
    let mut command = Command::new(program);
    command
        .args(["--bind_ip", "127.0.0.1", "--port", &port.to_string()])
        // A quarter of a gigabyte, so that several tests fit; no socket file beside the port's
        // number in /tmp.
        .args(["--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "64", "--nounixsocket"])
        .args(["--setParameter", "diagnosticDataCollectionEnabled=false"])
        .args(["--setParameter", "ttlMonitorSleepSecs=1", "--dbpath"])
        .arg(directory)
        .current_dir(directory);
    Ok(command)
}
