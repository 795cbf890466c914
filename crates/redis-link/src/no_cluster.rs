//! What stands in for the masters of a cluster where the feature `cluster` is off.
//!
//! There is no value of this type, so that calls compile to nothing.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ConnectionInfo, RedisResult, Value};

use crate::config::LinkConfig;
use crate::connection_count::ConnectionCount;
use crate::error::Error;
use crate::request::Request;
use crate::tasks::Tasks;
use crate::used::Used;

#[derive(Debug)]
pub(crate) enum Cluster {}

impl Cluster {
    pub(crate) fn start(
        _seeds: Vec<ConnectionInfo>,
        _settings: &Arc<LinkConfig>,
        _tasks: &Tasks,
        _connections: &ConnectionCount,
    ) -> Result<Self, Error> {
        Err(Error::config(
            "the redis is a cluster, and this program was built without clusters; build it with the feature \
             `cluster`",
        ))
    }

    pub(crate) async fn found(&self) -> RedisResult<()> {
        match *self {}
    }

    pub(crate) async fn call(
        &self,
        _key: &str,
        _request: Request<'_>,
        _used: &mut Option<Used>,
    ) -> RedisResult<Value> {
        match *self {}
    }

    pub(crate) fn doubt(&self) {
        match *self {}
    }

    pub(crate) fn server(&self, _key: &str) -> Option<String> {
        match *self {}
    }

    pub(crate) fn next_node(&self) -> ConnectionInfo {
        match *self {}
    }

    pub(crate) async fn dedicated(
        &self,
        _key: &str,
        _patience: Duration,
    ) -> RedisResult<MultiplexedConnection> {
        match *self {}
    }

    pub(crate) async fn each(&self, _command: &Cmd) -> Vec<(String, RedisResult<Value>)> {
        match *self {}
    }
}
