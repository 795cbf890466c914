//! The collections of a store, and calls to them.

use std::sync::Arc;

use mongo_link::{ErrorKind as LinkErrorKind, Link, LinkConfig, WhenAway};
use mongodb::bson::Document;
use mongodb::error::Result as DriverResult;
use mongodb::options::{CollectionOptions, ReadConcern, ReadPreference, SelectionCriteria};
use mongodb::{Collection, Database as DriverDatabase};

use super::box_id::Side;
use super::call_end;
use super::config::Config;
use super::safety::Safety;
use super::shared_look::SharedLook;
use crate::{Error, ErrorKind, Result};

/// The way to the collections of one store. Cloning shares it.
#[derive(Debug, Clone)]
pub(super) struct Database {
    link: Link,
    names: Names,
    safety: Safety,
    /// At the unique indexes of the inboxes and of the histories.
    looks: Arc<[SharedLook; 2]>,
}

#[derive(Debug, Clone)]
struct Names {
    inboxes: String,
    histories: String,
    from_secondaries: bool,
}

/// The collections, read at majority on the primary and written with majority.
#[derive(Debug, Clone)]
pub(super) struct Collections {
    /// The entries of inboxes, and the head of each at `seq: 0`.
    pub(super) inboxes: Collection<Document>,
    /// The entries of histories, and the head of each at `seq: 0`.
    pub(super) histories: Collection<Document>,
    /// The same, for pages that may come from a secondary.
    pub(super) histories_to_read: Collection<Document>,
    /// What each member has of each conversation.
    pub(super) rows: Collection<Document>,
    /// The groups that the store knows.
    pub(super) groups: Collection<Document>,
    /// What nodes have begun and not ended yet.
    pub(super) intents: Collection<Document>,
    /// What nodes tell each other where there is no Redis.
    pub(super) notices: Collection<Document>,
    /// The boxes that have to be looked at, by when.
    pub(super) boxes: Collection<Document>,
    /// The format of the store, and who keeps it.
    pub(super) meta: Collection<Document>,
    pub(super) database: DriverDatabase,
}

/// The most calls that are under way at once.
const CALLS_MAX: usize = 64;

impl Database {
    /// Begins to connect; MongoDB may be away.
    pub(super) async fn start(config: &Config) -> Result<Self> {
        let mut link = LinkConfig::new(&config.mongo)
            .timeout(config.timeout)
            .calls_max(CALLS_MAX)
            .when_away(WhenAway::Join);
        if let Some(database) = &config.database {
            link = link.database(database);
        } else if !names_a_database(&config.mongo) {
            link = link.database(Config::DATABASE_DEFAULT);
        }
        let link = Link::start(link).await.map_err(of_link)?;
        let names = Names {
            inboxes: config.inboxes.clone(),
            histories: config.histories.clone(),
            from_secondaries: config.histories_from_secondaries,
        };
        Ok(Self { link, names, safety: Safety::new(), looks: Arc::default() })
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether what is written to it may be acknowledged.
    pub(super) fn safety(&self) -> &Safety {
        &self.safety
    }

    /// The look at the unique index of a side, which those share who ask at once.
    pub(super) fn look(&self, side: Side) -> &SharedLook {
        let [inboxes, histories] = &*self.looks;
        match side {
            Side::Inbox => inboxes,
            Side::History => histories,
        }
    }

    /// Does work of the driver, as `Link::call` does, in the time that the call under way has left.
    pub(super) async fn call<T, F, W>(&self, work: F) -> Result<T>
    where
        F: FnOnce(Collections) -> W + Send + 'static,
        W: Future<Output = DriverResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        self.call_raw(work).await.map_err(of_link)
    }

    /// Does the same, for those who look at what the server said.
    pub(super) async fn call_raw<T, F, W>(&self, work: F) -> Result<T, mongo_link::Error>
    where
        F: FnOnce(Collections) -> W + Send + 'static,
        W: Future<Output = DriverResult<T>> + Send + 'static,
        T: Send + 'static,
    {
        let (names, limit) = (self.names.clone(), call_end::left(self.link.timeout()));
        self.link.call_within(limit, move |database| work(Collections::of(database, &names))).await
    }
}

impl Collections {
    fn of(database: DriverDatabase, names: &Names) -> Self {
        let preference = if names.from_secondaries {
            ReadPreference::SecondaryPreferred { options: None }
        } else {
            ReadPreference::Primary
        };
        let to_read = CollectionOptions::builder()
            .selection_criteria(SelectionCriteria::ReadPreference(preference))
            .read_concern(ReadConcern::majority())
            .build();
        Self {
            inboxes: database.collection(&names.inboxes),
            histories: database.collection(&names.histories),
            histories_to_read: database.collection_with_options(&names.histories, to_read),
            rows: database.collection("chat_rows"),
            groups: database.collection("chat_groups"),
            intents: database.collection("chat_intents"),
            notices: database.collection("chat_notices"),
            boxes: database.collection("chat_boxes"),
            meta: database.collection("chat_meta"),
            database,
        }
    }

    /// Returns the entries of a side, with the heads of its boxes.
    pub(super) fn entries_of(&self, side: Side) -> &Collection<Document> {
        match side {
            Side::Inbox => &self.inboxes,
            Side::History => &self.histories,
        }
    }
}

/// Returns whether the path of the address names a database.
fn names_a_database(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    !path.split('?').next().unwrap_or_default().is_empty()
}

/// Returns what a failed call to MongoDB is to the callers of the store.
pub(super) fn of_link(error: mongo_link::Error) -> Error {
    let kind = match error.kind() {
        LinkErrorKind::Unavailable | LinkErrorKind::Lagged => ErrorKind::Unavailable,
        LinkErrorKind::Closed => return Error::closed(),
        LinkErrorKind::Config => ErrorKind::Config,
        LinkErrorKind::Refused | LinkErrorKind::Answered | LinkErrorKind::Conflict => ErrorKind::Unavailable,
        _ => ErrorKind::Unavailable,
    };
    let text = error.to_string();
    Error::with_source(kind, text, error)
}
