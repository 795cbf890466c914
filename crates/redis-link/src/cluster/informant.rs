//! A server that knows the slots, and what it says of them.

use std::sync::Arc;

use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, RedisError, RedisResult, Value};

use crate::config::LinkConfig;
use crate::connect::{bounded, host_of, single};
use crate::node::{LiveConnection, Node};
use crate::request::Verdict;
use crate::slots::{ServerName, SlotMap};

/// A server that knows the slots.
pub(super) enum Informant {
    Ready(ServerName, Arc<Node>, LiveConnection),
    Other(ConnectionInfo),
}

impl Informant {
    /// Returns its name if it is a known master.
    pub(super) fn master(&self) -> Option<ServerName> {
        match self {
            Self::Ready(name, ..) => Some(Arc::clone(name)),
            Self::Other(_) => None,
        }
    }

    /// Asks it, within the time for a connection.
    pub(super) async fn ask(self, settings: &LinkConfig) -> RedisResult<SlotMap> {
        let limit = settings.connect_timeout;
        match self {
            Self::Ready(_, node, ready) => {
                let told = bounded(limit, account(ready.connection.clone(), &ready.info)).await;
                // A master that went without a word counts as connected to until somebody finds
                // out, and to the keys of this one there may be no calls.
                if told.as_ref().is_err_and(|error| Verdict::of(error) == Verdict::Lost) {
                    node.forget(&ready);
                }
                told
            }
            Self::Other(info) => {
                let told = async { account(single(&info, settings, None).await?, &info).await };
                bounded(limit, told).await
            }
        }
    }
}

/// Which master has which slots, by the account of the server at `info`.
async fn account(mut connection: MultiplexedConnection, info: &ConnectionInfo) -> RedisResult<SlotMap> {
    let mut questions = redis::pipe();
    questions.cmd("CLUSTER").arg("SLOTS").cmd("CLUSTER").arg("INFO").ignore_errors();
    let mut answers = questions.query_async::<Vec<Value>>(&mut connection).await?.into_iter();
    let slots = answers.next().unwrap_or(Value::Nil).extract_error()?;
    let epoch = answers.next().map_or(0, |info| epoch(&info));
    SlotMap::read(&slots, host_of(info), epoch)
        .ok_or_else(|| RedisError::from((redis::ErrorKind::Client, NO_SLOTS)))
}

/// Tells whether a server reports that it belongs to no cluster, or that its cluster has no slots.
pub(super) fn is_of_no_cluster(error: &RedisError) -> bool {
    let text = error.to_string();
    [NO_SLOTS, NO_CLUSTER].iter().any(|said| text.contains(said))
}

/// The epoch in an answer of `CLUSTER INFO`, 0 where that is not permitted.
fn epoch(info: &Value) -> u64 {
    let text = match info {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes),
        Value::VerbatimString { text, .. } => text.as_str().into(),
        _ => return 0,
    };
    let line = text.lines().find_map(|line| line.strip_prefix("cluster_current_epoch:"));
    line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
}

const NO_SLOTS: &str = "the node reports no slots; check that its cluster has been set up";
/// What Redis says to `CLUSTER SLOTS` outside of a cluster.
const NO_CLUSTER: &str = "cluster support disabled";
