//! The handle of a resolver.

use std::sync::Arc;
use std::time::Duration;

use metrics::describe_gauge;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;

use super::balance;
use super::client::Client;
use super::follower::{NodeFollower, ResolverState};
use super::node::{self, Node};
use super::servers::Servers;
use crate::grpc::TimelineClient;
use crate::{Error, ErrorKind, Result};

/// How many changes a channel without calls is told in advance.
const CHANGES: usize = 16;

/// Whose nodes a [`Resolver`] follows, and in which etcd.
#[derive(Debug, Clone)]
pub struct ResolverConfig {
    servers: Servers,
    name: String,
}

impl ResolverConfig {
    /// Creates the configuration for the nodes called `go-timeline`.
    #[must_use]
    pub fn new(servers: Servers) -> Self {
        Self { servers, name: node::NAME_DEFAULT.to_owned() }
    }

    /// Sets the name under which the nodes are registered.
    ///
    /// `go-timeline` by default; up to 255 bytes without spaces and slashes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }
}

/// The live nodes of a timeline's service, followed in etcd.
///
/// Clones are the same resolver. [`start`](Self::start) begins it and [`shutdown`](Self::shutdown)
/// ends it; dropping the last clone ends it as well, without waiting.
#[derive(Debug, Clone)]
pub struct Resolver {
    state: watch::Receiver<ResolverState>,
    nodes: watch::Receiver<Arc<[Node]>>,
    channel: Channel,
    tasks: TaskTracker,
    stop: CancellationToken,
    _stop_on_drop: Arc<DropGuard>,
}

impl Resolver {
    /// Starts to follow the nodes, and goes on until the end.
    ///
    /// It does not wait for etcd.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the configuration cannot be used, or this is called
    /// outside of a tokio runtime.
    pub fn start(config: ResolverConfig) -> Result<Self> {
        if Handle::try_current().is_err() {
            let text = "a resolver must be started inside a tokio runtime";
            return Err(Error::new(ErrorKind::Config, text));
        }
        describe_gauge!("timeline_etcd_nodes", "Nodes that the resolver knows.");
        let ResolverConfig { servers, name } = config;
        node::check_word("name of the service in etcd", &name)?;
        let follower = NodeFollower::new(Client::new(servers)?, name);
        let (state, nodes) = (follower.state(), follower.nodes());
        let (channel, changes) = Channel::balance_channel(CHANGES);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(follower.run(stop.clone()));
        tasks.spawn({
            let (nodes, stop) = (nodes.clone(), stop.clone());
            async move {
                stop.run_until_cancelled(balance::feed(nodes, changes)).await;
            }
        });
        tasks.close();
        let guard = Arc::new(stop.clone().drop_guard());
        Ok(Self { state, nodes, channel, tasks, stop, _stop_on_drop: guard })
    }

    /// Returns a client whose calls go to the nodes that there are.
    ///
    /// A call goes to one of two nodes at random. It fails with
    /// [`Unavailable`](tonic::Code::Unavailable) if that node has died and its lease is not over,
    /// which takes up to 15 s: repeat it. A call that comes while no node is known waits for one,
    /// so give calls that must not a time-out of tokio.
    #[must_use]
    pub fn client(&self) -> TimelineClient<Channel> {
        TimelineClient::new(self.channel.clone())
    }

    /// Returns the nodes that are known, and tells when one comes or goes.
    #[must_use]
    pub fn nodes(&self) -> watch::Receiver<Arc<[Node]>> {
        self.nodes.clone()
    }

    /// Returns whether nodes are followed now, and tells when that changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<ResolverState> {
        self.state.clone()
    }

    /// Ends the resolver, and returns whether it ended within the grace time.
    ///
    /// Its clients keep the nodes that they have.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped goes on without its caller.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        timeout(grace, self.tasks.wait()).await.is_ok()
    }
}
