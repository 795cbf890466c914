//! What stands in for sentinels where the feature `sentinel` is off.
//!
//! There is no value of this type, so that calls compile to nothing.

use redis::aio::MultiplexedConnection;
use redis::{ConnectionAddr, ConnectionInfo, RedisResult};

use crate::config::LinkConfig;
use crate::error::Error;

#[derive(Debug)]
pub(crate) enum Sentinels {}

impl Sentinels {
    pub(crate) fn new(
        _known: Vec<ConnectionAddr>,
        _master: String,
        _template: ConnectionInfo,
    ) -> Result<Self, Error> {
        Err(Error::config(
            "the address names sentinels, and this program was built without them; build it with the feature \
             `sentinel`",
        ))
    }

    pub(crate) fn master(&self) -> &str {
        match *self {}
    }

    pub(crate) async fn connect(
        &self,
        _settings: &LinkConfig,
    ) -> RedisResult<(MultiplexedConnection, ConnectionInfo)> {
        match *self {}
    }

    pub(crate) async fn name_another(&self, _info: &ConnectionInfo, _settings: &LinkConfig) -> bool {
        match *self {}
    }
}
