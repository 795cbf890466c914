//! Which node is the keeper: the document `{_id: "keeper"}` in `chat_meta`.
//!
//! | field | type | what |
//! |---|---|---|
//! | `node` | string | who is the keeper |
//! | `until` | date | until when, on the clock of the server |
//! | `now` | date | that clock, when somebody asked last |

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;

use crate::distributed::shared::Shared;
use crate::{Error, ErrorKind, Result};

/// How long a node is the keeper after it last said so.
const LEASE: Duration = Duration::from_secs(10);

/// Becomes the keeper or stays it, and returns the time of the server in milliseconds since 1970;
/// none while another node is the keeper.
pub(super) async fn take(shared: &Shared) -> Result<Option<i64>> {
    let node = shared.node.as_str().to_owned();
    let stages = vec![taken_by(&node)];
    let found = shared.database.call(move |collections| async move {
        let taken = collections.meta.find_one_and_update(doc! { "_id": "keeper" }, stages);
        taken.upsert(true).return_document(ReturnDocument::After).await
    });
    let lease = found.await?.unwrap_or_default();
    if lease.get_str("node").ok() != Some(node.as_str()) {
        return Ok(None);
    }
    let now = lease.get_datetime("now").map_err(|_| {
        Error::new(ErrorKind::Unavailable, "mongodb did not say what time it is; the boxes are kept later")
    });
    Ok(Some(now?.timestamp_millis()))
}

/// Lets another node be the keeper at once.
pub(super) async fn release(shared: &Shared) -> Result<()> {
    let filter = doc! { "_id": "keeper", "node": shared.node.as_str() };
    let released =
        shared.database.call(move |collections| async move { collections.meta.delete_one(filter).await });
    released.await.map(drop)
}

/// Returns what gives the lease to a node, if it has it or its time is over.
///
/// All values are those before it. A time that is not there is before any other.
fn taken_by(node: &str) -> Document {
    let is_its = doc! { "$eq": ["$node", { "$literal": node }] };
    let is_free = doc! { "$lt": ["$until", "$$NOW"] };
    let may_take = doc! { "$or": [is_its, is_free] };
    let until = doc! { "$add": ["$$NOW", i64::try_from(LEASE.as_millis()).unwrap_or(i64::MAX)] };
    doc! { "$set": {
        "node": { "$cond": [may_take.clone(), { "$literal": node }, "$node"] },
        "until": { "$cond": [may_take, until, "$until"] },
        "now": "$$NOW",
    } }
}
