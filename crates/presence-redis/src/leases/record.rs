//! Events as the logs in Redis keep them.

use std::fmt;
use std::time::SystemTime;

use presence_core::{Error, ErrorKind, Id, Position};
use redis::Value;

use crate::connection::Link;

/// One event of a log.
#[derive(Debug, Clone)]
pub(super) struct Record<H> {
    pub(super) number: u64,
    pub(super) id: Id,
    pub(super) what: H,
    pub(super) at: SystemTime,
}

/// One entry of a log: the beginning of an epoch, or events in a row.
#[derive(Debug)]
pub(super) struct StreamEntry<H> {
    /// The number before its first event.
    pub(super) before: u64,
    /// The number of its last event.
    pub(super) last: u64,
    /// The number before the first event since the log began, if the log says so, as that of a room
    /// does.
    pub(super) from: Option<u64>,
    /// Empty where an epoch begins.
    pub(super) records: Vec<Record<H>>,
}

/// An entry as Redis gives it: its id, then its fields and values in turn.
pub(super) type RawEntry = (String, Vec<Value>);

/// What an event says beside whom it is about, and what streams make of it.
pub(super) trait Happening: Clone + fmt::Debug + Send + Sync + 'static {
    /// What streams give.
    type Update: Send + 'static;

    /// Whether a snapshot says of somebody more than that they are there. Then they are told again
    /// when they are found again.
    const SHOWS: bool;

    /// Reads the fields of the entry whose last event has the number `last`; `None` if presence did
    /// not write them.
    fn read(last: u64, fields: Vec<Value>) -> Option<StreamEntry<Self>>;

    /// The item of an event.
    fn change(record: Record<Self>, position: Position) -> Self::Update;

    /// What an event says to who takes a snapshot: who is there now, and the item for that, or none
    /// if they went.
    fn correction(record: Record<Self>) -> (Id, Option<Self::Update>);

    /// The item that takes somebody back whom a snapshot gave.
    fn absent(id: Id) -> Self::Update;

    /// The item that ends a snapshot, or begins a stream without one.
    fn synced(position: Position) -> Self::Update;
}

impl<H: Happening> StreamEntry<H> {
    /// Reads an entry of the log `key`.
    pub(super) fn read((id, fields): RawEntry, link: &Link, key: &str) -> Result<Self, Error> {
        let last = id.split('-').next().and_then(|number| number.parse().ok());
        last.and_then(|last| H::read(last, fields)).ok_or_else(|| {
            let message = format!(
                "the event log {key} in redis at {} has an entry that presence did not write; check what else \
                 uses its prefix",
                link.server(key)
            );
            Error::new(ErrorKind::Unavailable, message)
        })
    }
}

impl<H> StreamEntry<H> {
    /// Whether the log begins with it.
    pub(super) fn begins(&self) -> bool {
        self.from == Some(self.before)
    }
}
