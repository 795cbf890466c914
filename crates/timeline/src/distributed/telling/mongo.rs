//! Nodes that reach each other through MongoDB.

use mongo_link::{ErrorKind, FeedConfig, FeedEvent};
use mongodb::bson::{DateTime, doc};

use super::departures;
use super::failure::Failure;
use crate::distributed::clock;
use crate::distributed::database::{Collections, Database};
use crate::distributed::node_id::NodeId;
use crate::distributed::shared::Shared;

/// Nodes that reach each other through documents in a collection, which a change feed shows.
///
/// ```text
/// chat_notices  {_id, at: date, node: string, text: string}     removed by an index a minute after `at`
/// ```
pub(super) struct MongoWay {
    database: Database,
    node: NodeId,
}

/// The collection of the documents.
const NOTICES: &str = "chat_notices";

impl MongoWay {
    pub(super) fn new(database: Database, node: NodeId) -> Self {
        Self { database, node }
    }

    /// Takes in what the others say, until the end of the store.
    pub(super) async fn hear(&self, shared: &Shared) {
        // Documents that are removed say nothing. What is not of a document ends the feed, and must
        // come through.
        let of_nodes = doc! { "$match": { "$or": [
            { "operationType": "insert", "fullDocument.node": { "$ne": self.node.as_str() } },
            { "documentKey": { "$exists": false } },
        ] } };
        let config = FeedConfig::new().collection(NOTICES).pipeline([of_nodes]);
        let mut feed = match self.database.link().changes(config) {
            Ok(feed) => feed,
            Err(error) => {
                shared.teller.hearing().down(&error);
                return shared.stop.cancelled().await;
            }
        };
        loop {
            let item = tokio::select! {
                item = feed.next() => item,
                () = shared.stop.cancelled() => return,
            };
            match item {
                Some(item) => take_in(shared, item),
                // The link has ended before the store.
                None => return shared.stop.cancelled().await,
            }
        }
    }

    /// Says something to all others.
    pub(super) async fn say(&self, text: &str) -> Result<(), Failure> {
        let at = DateTime::from_millis(i64::try_from(clock::unix_ms()).unwrap_or(i64::MAX));
        let notice = doc! { "at": at, "node": self.node.as_str(), "text": text };
        let insert = |collections: Collections| async move { collections.notices.insert_one(notice).await };
        self.database.call_raw(insert).await?;
        Ok(())
    }
}

fn take_in(shared: &Shared, item: Result<FeedEvent, mongo_link::Error>) {
    let teller = &shared.teller;
    match item {
        Ok(FeedEvent::Live) => teller.hearing().up(),
        Ok(FeedEvent::Change(change)) => {
            if let Some(text) = change.full_document.as_ref().and_then(|said| said.get_str("text").ok()) {
                departures::hear(shared, text.as_bytes());
            }
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::Lagged => teller.hearing().doubt(&error),
        Err(error) => teller.hearing().down(&error),
    }
}
