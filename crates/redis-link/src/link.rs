//! The way to a Redis that outlives its connections.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Client, Cmd, Pipeline, RedisError, RedisResult, Value};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::address::{Address, AddressKind};
use crate::cluster::Cluster;
use crate::config::LinkConfig;
use crate::connect::{bounded, client, single};
use crate::connection_count::ConnectionCount;
use crate::error::Error;
use crate::node::{Node, Target};
use crate::request::{Request, Verdict};
use crate::sentinel::Sentinels;
use crate::tasks::Tasks;
use crate::used::Used;

/// A self-healing connection to one Redis, a Sentinel set or a cluster.
///
/// With sentinels it goes to the master that they name, with a cluster to its masters. It is cheap
/// to clone. See the [crate documentation](crate) for what it promises.
///
/// # Shutdown
///
/// [`shutdown`](Self::shutdown) ends it for all clones and waits. Dropping the last clone ends its
/// tasks and connections without waiting.
#[derive(Clone)]
pub struct Link(Arc<Shared>);

struct Shared {
    address: Address,
    settings: Arc<LinkConfig>,
    way: Route,
    tasks: Tasks,
    /// The calls that are under way; closed by a shutdown.
    calls: TaskTracker,
    connections: ConnectionCount,
}

enum Route {
    One(Arc<Node>),
    Cluster(Cluster),
}

impl Link {
    /// Connects for the first time, and finds out whether Redis is a cluster.
    ///
    /// Of a cluster one node has to answer, of sentinels one and the master.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if a setting is wrong, the password is refused, or
    /// outside a tokio runtime; [`Unavailable`](crate::ErrorKind::Unavailable) if nobody answers in
    /// time.
    pub async fn start(config: LinkConfig) -> Result<Self, Error> {
        config.validate()?;
        let (settings, tasks) = (Arc::new(config), Tasks::here()?);
        let address = Address::parse(&settings.url)?;
        let connections = ConnectionCount::default();
        let shown = address.to_string();
        let failed = |error: RedisError| Error::at_start(&shown, Error::of(&shown, error));
        let way = match address.kind() {
            AddressKind::Single(info) => {
                let node = Node::start(Target::At(info.clone()), &settings, &tasks, &connections);
                let in_cluster = bounded(settings.connect_timeout + settings.timeout, cluster_enabled(&node));
                if in_cluster.await.map_err(failed)? {
                    Route::Cluster(Cluster::start(vec![info.clone()], &settings, &tasks, &connections)?)
                } else {
                    Route::One(Arc::new(node))
                }
            }
            AddressKind::Sentinel { sentinels, master, node } => {
                let sentinels = Sentinels::new(sentinels.clone(), master.clone(), node.clone())?;
                let node = Node::start(Target::Of(sentinels), &settings, &tasks, &connections);
                node.ready().await.map_err(failed)?;
                Route::One(Arc::new(node))
            }
            AddressKind::Cluster(nodes) => {
                Route::Cluster(Cluster::start(nodes.clone(), &settings, &tasks, &connections)?)
            }
        };
        if let Route::Cluster(cluster) = &way {
            cluster.found().await.map_err(failed)?;
        }
        let calls = TaskTracker::new();
        Ok(Self(Arc::new(Shared { address, settings, way, tasks, calls, connections })))
    }

    /// Returns the address, which displays without user and password.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// Returns the name of the server that has a key, for people.
    ///
    /// It is its host and port or the path of its socket, and the address while nobody knows which
    /// server it is; it never has a user or a password.
    #[must_use]
    pub fn server(&self, key: &str) -> String {
        match &self.0.way {
            Route::One(node) => node.name(),
            Route::Cluster(cluster) => cluster.server(key).unwrap_or_else(|| self.0.address.to_string()),
        }
    }

    /// Returns how long a command may take.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.0.settings.timeout
    }

    /// Returns how long a connection may take to be made.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.0.settings.connect_timeout
    }

    /// Returns the longest wait between attempts to connect.
    #[must_use]
    pub fn retry_max(&self) -> Duration {
        self.0.settings.retry_max
    }

    /// Returns whether the Redis is a cluster.
    ///
    /// In a cluster a command can name keys of one slot only.
    #[must_use]
    pub fn is_cluster(&self) -> bool {
        matches!(self.0.way, Route::Cluster(_))
    }

    /// Returns how many connections were made so far, to all servers together.
    ///
    /// They are those on which [`query`](Self::query) and [`pipeline`](Self::pipeline) send; not
    /// those of [`dedicated`](Self::dedicated), nor those on which sentinels and the map of a
    /// cluster are asked. The number never falls, and a connection counts before anything is sent
    /// on it: while the number stays the same, no server that was started again, or took the place
    /// of another, has answered a call.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.0.connections.get()
    }

    /// Sends a command to the master of `key` and returns its answer.
    ///
    /// The timeout bounds the whole of it. A command without a key goes to the master of whatever
    /// key is named.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if there is no answer in time;
    /// [`Refused`](crate::ErrorKind::Refused) or [`Answered`](crate::ErrorKind::Answered) as the
    /// server says; [`Closed`](crate::ErrorKind::Closed) after a [`shutdown`](Self::shutdown).
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped may have been heard.
    pub async fn query(&self, key: &str, command: &Cmd) -> Result<Value, Error> {
        self.send(key, Request::One(command)).await
    }

    /// Sends commands for keys of one slot together and returns their answers.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query). While a slot moves in a cluster some commands may be sent twice.
    pub async fn pipeline(&self, key: &str, pipeline: &Pipeline) -> Result<Vec<Value>, Error> {
        match self.send(key, Request::Many(pipeline)).await? {
            Value::Array(answers) => Ok(answers),
            other => Ok(vec![other]),
        }
    }

    /// Makes a connection for commands that block for up to `block`.
    ///
    /// It goes to the master of `key`.
    ///
    /// # Errors
    ///
    /// As [`query`](Self::query), most often [`Unavailable`](crate::ErrorKind::Unavailable) if it
    /// cannot be made in time.
    pub async fn dedicated(&self, key: &str, block: Duration) -> Result<MultiplexedConnection, Error> {
        let _under_way = self.0.enter()?;
        // An answer may be held back for `block`, and only then needs its usual time.
        let (settings, patience) = (&self.0.settings, block + self.0.settings.timeout);
        let made = bounded(settings.connect_timeout, async {
            match &self.0.way {
                Route::One(node) => single(&node.ready().await?.info, settings, Some(patience)).await,
                Route::Cluster(cluster) => cluster.dedicated(key, patience).await,
            }
        });
        Box::pin(made).await.map_err(|error| Error::of(&self.0.address.to_string(), error))
    }

    /// Makes a client for connections of other kinds, to the master.
    ///
    /// In a cluster it is a client for one of the masters that are connected to, or of all known
    /// nodes if there is none: another one with each call, so that whoever comes back with one that
    /// is away does not come to it again.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) if the server is not known in time;
    /// [`Closed`](crate::ErrorKind::Closed) after a [`shutdown`](Self::shutdown).
    pub async fn client(&self) -> Result<Client, Error> {
        let _under_way = self.0.enter()?;
        let settings = &self.0.settings;
        let made = bounded(settings.connect_timeout, async {
            match &self.0.way {
                Route::One(node) => client(&node.ready().await?.info, settings),
                Route::Cluster(cluster) => client(&cluster.next_node(), settings),
            }
        });
        made.await.map_err(|error| Error::of(&self.0.address.to_string(), error))
    }

    /// Sends a command to every master, side by side.
    ///
    /// Returns the answers with the names of the servers. One that is away costs the others
    /// nothing. After a shutdown there is one item, an error.
    pub async fn each_master(&self, command: &Cmd) -> Vec<(String, Result<Value, Error>)> {
        let _under_way = match self.0.enter() {
            Ok(under_way) => under_way,
            Err(error) => return vec![(self.0.address.to_string(), Err(error))],
        };
        let answers = match &self.0.way {
            Route::One(node) => {
                let mut used = None;
                let answer = self.call_one(node, Request::One(command), &mut used);
                let answer = bounded(self.0.settings.timeout, answer).await;
                vec![(node.name(), answer)]
            }
            Route::Cluster(cluster) => cluster.each(command).await,
        };
        let told = |(name, answer): (String, RedisResult<Value>)| {
            let answer = answer.map_err(|error| Error::of(&name, error));
            (name, answer)
        };
        answers.into_iter().map(told).collect()
    }

    /// Ends the link, for all of its clones.
    ///
    /// Calls fail with [`Closed`](crate::ErrorKind::Closed) from here on, and those that are under
    /// way are finished. Returns whether they and all tasks ended within `grace`. Those that have
    /// not end by themselves, at the latest with their timeout; a second call waits for the same
    /// end. Connections that [`dedicated`](Self::dedicated) made, and clients, are their owners'.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has refused further calls; the tasks end with the next shutdown, or
    /// with the last clone.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        // The order matters: calls that are under way may wait for a connection or a map, which the
        // tasks make. So the calls are waited for first, and the tasks are stopped whether or not
        // all calls have ended.
        self.0.calls.close();
        let begun = Instant::now();
        let finished = timeout(grace, self.0.calls.wait()).await.is_ok();
        self.0.tasks.stop();
        let ended = timeout(grace.saturating_sub(begun.elapsed()), self.0.tasks.ended()).await.is_ok();
        finished && ended
    }

    async fn send(&self, key: &str, request: Request<'_>) -> Result<Value, Error> {
        let _under_way = self.0.enter()?;
        // When its time is up the call is dropped, so where it was is kept outside of it.
        let (limit, mut used) = (self.0.settings.timeout, None);
        let call = async {
            match &self.0.way {
                Route::One(node) => self.call_one(node, request, &mut used).await,
                Route::Cluster(cluster) => cluster.call(key, request, &mut used).await,
            }
        };
        let answer = timeout(limit, Box::pin(call)).await;
        let server = || used.as_ref().map_or_else(|| self.0.address.to_string(), |used| used.node.name());
        match answer {
            Ok(answer) => answer.map_err(|error| match &error {
                late if late.is_timeout() => Error::late(&server(), limit),
                _ => Error::of(&server(), error),
            }),
            Err(_) => {
                let error = Error::late(&server(), limit);
                // A connection that does not answer may be dead, so the next calls get another one.
                if let Some(Used { node, waiting: Some(ready) }) = &used {
                    node.forget(ready);
                }
                if let Route::Cluster(cluster) = &self.0.way {
                    cluster.doubt();
                }
                Err(error)
            }
        }
    }

    async fn call_one(
        &self,
        node: &Arc<Node>,
        request: Request<'_>,
        used: &mut Option<Used>,
    ) -> RedisResult<Value> {
        used.replace(Used::idle(node));
        let ready = node.ready().await?;
        used.replace(Used::of(node, &ready));
        let answer = request.send(&mut ready.connection.clone(), false).await;
        if let Err(error) = &answer
            && matches!(Verdict::of(error), Verdict::Lost | Verdict::Demoted)
        {
            node.forget(&ready);
        }
        answer
    }
}

impl Shared {
    /// Notes that a call is under way until what this returns is dropped.
    fn enter(&self) -> Result<TaskTrackerToken, Error> {
        // The order matters: the token is taken before the look. A shutdown in between then waits
        // for this call, or the call sees the shutdown.
        let under_way = self.calls.token();
        if self.calls.is_closed() { Err(Error::closed()) } else { Ok(under_way) }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("address", &self.0.address).finish_non_exhaustive()
    }
}

async fn cluster_enabled(node: &Node) -> RedisResult<bool> {
    let mut ready = node.ready().await?;
    // `CLUSTER INFO` would be an error on a server that is in none; `INFO` answers everywhere.
    let info: String = redis::cmd("INFO").arg("cluster").query_async(&mut ready.connection).await?;
    Ok(info.contains("cluster_enabled:1"))
}
