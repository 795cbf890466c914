//! Subscriptions to the sharded channels of a Redis Cluster.
//!
//! There is one connection for each master.

mod side_by_side;
mod slot_map;
mod topology;

use std::time::Duration;

use self::topology::Topology;
use crate::config::Config;
use crate::connection::Dialer;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind};
use crate::handler::Handler;
use crate::protocol::NameKind;
use crate::registry::NameRoutes;
use crate::server::Server;
use crate::subscription::{ChannelSubscription, Events};

/// Many subscriptions to the sharded channels of a Redis Cluster.
///
/// There is one connection to each master. Sharded channels (`SPUBLISH`, since Redis 7) stay on the
/// master that their slot belongs to, where other channels are passed on to all nodes of the
/// cluster. Slots may move and masters may fall: names follow them, and whoever had them active is
/// told [`Disconnected`](crate::Event::Disconnected) with these names, and
/// [`Activated`](crate::Event::Activated) when the new master has confirmed them.
///
/// A master that is cut off and replaced does not know it, and says nothing: what is published at
/// its heir meanwhile is missed, until it hears of that, or does not answer within
/// [`ping_timeout`](Config::ping_timeout). A cluster whose nodes have
/// `cluster-allow-pubsubshard-when-down no` at least takes no new subscription there.
///
/// # Comparison to `Multiplexer`
///
/// Subscriptions are the same. Redis has no patterns for sharded channels, so there are no promises
/// either; for those, and for channels that are not sharded, use a
/// [`Multiplexer`](crate::Multiplexer) with any node of the cluster. Handlers are called by several
/// tasks here, one for each master and one that follows the map; those of one channel one after the
/// other.
///
/// Cloning gives another handle of the same; the last that is dropped ends it.
#[derive(Debug, Clone)]
pub struct ShardedMultiplexer {
    engine: Engine,
}

impl ShardedMultiplexer {
    /// Begins to ask for the map of the cluster.
    ///
    /// The node of the settings and [`nodes`](Config::nodes) are asked, several side by side.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the address cannot be read, if a setting is out of its
    /// bounds, if the settings have no host (masters are reached as the first node is, with TLS or
    /// without, or as [`from_connect_node`](Config::from_connect_node) says), or outside a tokio
    /// runtime.
    pub fn start(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let first = Dialer::new(&config)?;
        if first.host().is_none() {
            let message = "a cluster needs an address with a host and a port, as its nodes are found by them";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let cluster = Server::cluster_of(&first.address());
        let more: Option<Vec<_>> = config.nodes.iter().map(|(host, port)| first.to(host, *port)).collect();
        let seeds = [vec![first], more.unwrap_or_default()].concat();
        let engine = Engine::new(config, NameRoutes::unknown(), cluster)?;
        engine.run(Topology::new(engine.shared.clone(), seeds).run());
        Ok(Self { engine })
    }

    /// Makes a subscription to channels, without any yet, and its stream.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed) after [`shutdown`](Self::shutdown); so for all that follow.
    pub fn channels(&self) -> Result<(ChannelSubscription, Events), Error> {
        ChannelSubscription::with_queue(&self.engine.shared, NameKind::Shard)
    }

    /// Makes a subscription to channels, without any yet, that calls a handler.
    ///
    /// # Errors
    ///
    /// As [`channels`](Self::channels).
    pub fn channels_to(&self, handler: impl Handler) -> Result<ChannelSubscription, Error> {
        ChannelSubscription::with_handler(&self.engine.shared, NameKind::Shard, Box::new(handler))
    }

    /// Closes all connections, as [`Multiplexer::stop`](crate::Multiplexer::stop) does.
    pub fn stop(&self) {
        self.engine.stop();
    }

    /// Connects again after [`stop`](Self::stop), and activates all names anew.
    pub fn restart(&self) {
        self.engine.restart();
    }

    /// Ends the multiplexer, and says whether that was over within `grace`.
    ///
    /// It does what [`Multiplexer::shutdown`](crate::Multiplexer::shutdown) does.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.engine.shutdown(grace).await
    }

    /// Returns why a connection could not be made or was lost the last time.
    ///
    /// There is an error until a connection is made again.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.engine.shared.error()
    }
}
