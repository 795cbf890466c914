//! What stands in for counters in Redis where the feature `redis` is off.
//!
//! There is no value of this type, so that calls compile to nothing.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::known::{KnownTops, Reading};
use super::{Reserved, Want};
use crate::Result;
use crate::distributed::config::Config;
use crate::distributed::database::Database;
use crate::distributed::trouble::Trouble;

#[derive(Debug)]
pub(super) enum RedisCounter {}

impl RedisCounter {
    pub(super) fn start(
        _config: &Config,
        _database: &Database,
        _known: &Arc<KnownTops>,
        _trouble: &Trouble,
        _tasks: &TaskTracker,
        _stop: &CancellationToken,
    ) -> Result<Option<Self>> {
        Ok(None)
    }

    pub(super) async fn reserve(
        &self,
        _wants: &[Want<'_>],
        _now_ms: u64,
        _reading: Reading,
    ) -> Result<Vec<Option<Reserved>>> {
        match *self {}
    }
}
