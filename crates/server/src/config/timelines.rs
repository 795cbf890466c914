//! Where the timelines are stored.

use std::fmt;
use std::time::Duration;

use tidings::timeline::distributed::Config;

use super::setting::{self, Setting};
use super::values::SettingsReader;
use super::{address, value};

/// Where the timelines are stored, and how.
#[derive(Debug, Clone)]
pub(crate) struct TimelineConfig {
    pub(crate) store: TimelineStore,
    /// The address of MongoDB, for the stores that need one.
    pub(crate) mongo_url: Option<MongoUrl>,
    /// The database; without it the path of the address says it.
    pub(crate) database: Option<String>,
    /// The collection of the inboxes.
    pub(crate) inboxes: String,
    /// The collection of the histories.
    pub(crate) histories: String,
    /// Whether sequences go on from the counters of the Go service.
    pub(crate) go_counters: bool,
    /// Whether histories may be read from secondaries.
    pub(crate) from_secondaries: bool,
    /// How long a hole in a sequence is left open.
    pub(crate) grace: Duration,
}

/// Where messages are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimelineStore {
    /// In the data directory, for one server.
    Embedded,
    /// In MongoDB.
    Mongo,
    /// In MongoDB, with sequences from Redis.
    RedisAndMongo,
}

/// The address of a MongoDB, shown without what may be a secret.
#[derive(Clone)]
pub(crate) struct MongoUrl(String);

impl MongoUrl {
    /// Returns the whole address, with its secrets.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MongoUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&address::shown(&self.0))
    }
}

impl fmt::Debug for MongoUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// What has no effect on messages in the data directory.
const DEPENDENT: [&Setting; 6] = [
    &setting::MONGO_URL,
    &setting::TIMELINE_DATABASE,
    &setting::TIMELINE_INBOXES,
    &setting::TIMELINE_HISTORIES,
    &setting::TIMELINE_SECONDARIES,
    &setting::TIMELINE_HOLE_TIME,
];

impl TimelineConfig {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Self {
        Self {
            store: reader.take(&setting::TIMELINE, store),
            mongo_url: reader.take(&setting::MONGO_URL, value::optional(mongo_url)),
            database: reader.take(&setting::TIMELINE_DATABASE, value::optional(database)),
            inboxes: reader.take(&setting::TIMELINE_INBOXES, collection),
            histories: reader.take(&setting::TIMELINE_HISTORIES, collection),
            go_counters: reader.take(&setting::TIMELINE_GO_COUNTERS, value::switch),
            from_secondaries: reader.take(&setting::TIMELINE_SECONDARIES, value::switch),
            grace: reader.duration(&setting::TIMELINE_HOLE_TIME),
        }
    }

    /// Returns whether several servers may share them.
    pub(crate) fn is_shared(&self) -> bool {
        self.store != TimelineStore::Embedded
    }

    /// Returns whether it needs the address of a Redis.
    pub(super) fn needs_redis(&self) -> bool {
        self.store == TimelineStore::RedisAndMongo
    }

    /// Checks what no single value can tell.
    pub(super) fn check(&self, reader: &mut SettingsReader<'_>) {
        if !self.is_shared() {
            for key in DEPENDENT {
                if reader.is_given(key) {
                    reader.problem(
                        key,
                        "has no effect without --timeline mongo or redis+mongo; add that, or leave this out",
                    );
                }
            }
        } else {
            if reader.is_given(&setting::ERASED_WITHIN) {
                reader.problem(
                    &setting::ERASED_WITHIN,
                    "is about messages in the data directory; leave it out, or give --timeline embedded",
                );
            }
            if !reader.is_given(&setting::MONGO_URL) {
                reader.problem(
                    &setting::TIMELINE,
                    "needs the address of a MongoDB; give it with --mongo-url, like \
                     mongodb://127.0.0.1:27017/?replicaSet=rs0",
                );
            }
        }
        if self.needs_redis() {
            if !reader.is_given(&setting::REDIS_URL) {
                reader.problem(
                    &setting::TIMELINE,
                    "needs the address of a Redis; give it with --redis-url, or choose --timeline mongo",
                );
            }
        } else if reader.is_given(&setting::TIMELINE_GO_COUNTERS) {
            reader.problem(
                &setting::TIMELINE_GO_COUNTERS,
                "has no effect without --timeline redis+mongo; add that, or leave this out",
            );
        }
        if self.inboxes == self.histories && self.is_shared() {
            reader.problem(
                &setting::TIMELINE_HISTORIES,
                "is also the collection of the inboxes; give each its own",
            );
        }
    }
}

fn store(text: &str) -> Result<TimelineStore, String> {
    match text {
        "embedded" => Ok(TimelineStore::Embedded),
        "mongo" => Ok(TimelineStore::Mongo),
        "redis+mongo" => Ok(TimelineStore::RedisAndMongo),
        _ => Err("is not a place to store messages; give embedded, mongo or redis+mongo".to_owned()),
    }
}

fn mongo_url(text: &str) -> Result<MongoUrl, String> {
    let rest = text.strip_prefix("mongodb://").or_else(|| text.strip_prefix("mongodb+srv://"));
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?'])) {
        return Ok(MongoUrl(text.to_owned()));
    }
    Err("is not the address of a MongoDB; give one like mongodb://127.0.0.1:27017/?replicaSet=rs0, with mongodb \
         or mongodb+srv"
        .to_owned())
}

fn database(text: &str) -> Result<String, String> {
    let is_odd = |letter: char| letter.is_control() || "/\\. \"$*<>:|?".contains(letter);
    if text.is_empty() || text.len() > 63 || text.contains(is_odd) {
        return Err(
            "is not the name of a database; give 1 to 63 bytes without / \\ . $ and spaces".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn collection(text: &str) -> Result<String, String> {
    let is_odd = |letter: char| letter.is_control() || letter == '$';
    if text.is_empty() || text.len() > 128 || text.contains(is_odd) || text.starts_with("system.") {
        return Err(
            "is not the name of a collection; give 1 to 128 bytes without $, like chat_sync".to_owned()
        );
    }
    if Config::OWN_COLLECTIONS.contains(&text) {
        return Err("is a collection in which the store keeps something else; name another".to_owned());
    }
    Ok(text.to_owned())
}
