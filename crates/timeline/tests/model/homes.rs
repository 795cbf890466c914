//! Where a store keeps its data, and how a place of a box is closed there while it is shut down.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use tempfile::TempDir;
use timeline::embedded::{self, EmbeddedStore};
use timeline::memory::{MemoryPlace, MemoryStore};
use timeline::{EntryStatus, Retention, Store};

use super::calls::conversation;
use super::check::GRACE;
use super::lists::{Boxed, CONVERSATIONS, Talk};
use super::member;

/// Where a store keeps its data, empty at first.
#[async_trait]
pub(super) trait Home: Sync {
    /// Starts the store, again after it was shut down.
    async fn start(&self, retention: Retention) -> Arc<dyn Store>;

    /// Closes the next place of a box that was used before, as a repair does.
    async fn close(&self, closed: Boxed);

    /// Returns how the store says why such a place is closed.
    fn closes_as(&self) -> EntryStatus;
}

/// A store in memory, which closes places as a store of many nodes does, or as one of a directory.
pub(super) struct InMemory {
    place: MemoryPlace,
    closes_as: EntryStatus,
}

impl InMemory {
    pub(super) fn closing_as(closes_as: EntryStatus) -> Self {
        Self { place: MemoryPlace::default(), closes_as }
    }
}

#[async_trait]
impl Home for InMemory {
    async fn start(&self, retention: Retention) -> Arc<dyn Store> {
        Arc::new(MemoryStore::start_keeping(self.place.clone(), retention).unwrap())
    }

    async fn close(&self, closed: Boxed) {
        match closed {
            Boxed::History(talk) => self.place.close_history_place(&conversation(talk), self.closes_as),
            Boxed::Inbox(id) => self.place.close_inbox_place(&member(id), self.closes_as),
        }
    }

    fn closes_as(&self) -> EntryStatus {
        self.closes_as
    }
}

/// The embedded store, which goes on in another directory after each repair.
pub(super) struct InDirectories {
    parent: TempDir,
    number: AtomicUsize,
}

impl InDirectories {
    pub(super) fn new() -> Self {
        Self { parent: tempfile::tempdir().unwrap(), number: AtomicUsize::new(0) }
    }

    fn directory(&self) -> PathBuf {
        self.parent.path().join(self.number.load(Ordering::Relaxed).to_string())
    }
}

#[async_trait]
impl Home for InDirectories {
    async fn start(&self, retention: Retention) -> Arc<dyn Store> {
        let config = embedded::Config::new(self.directory()).retention(retention);
        Arc::new(EmbeddedStore::start(config).await.unwrap())
    }

    /// Exports the store, and imports it with a tombstone as a salvage leaves them.
    async fn close(&self, closed: Boxed) {
        let store = EmbeddedStore::start(embedded::Config::new(self.directory())).await.unwrap();
        let (mut export, mut lines) = (store.export().unwrap(), Vec::new());
        while let Some(chunk) = export.chunk().unwrap() {
            lines.extend(chunk);
        }
        drop(export);
        assert!(store.shutdown(GRACE).await);
        let lines = with_tombstone(&lines, closed);
        self.number.fetch_add(1, Ordering::Relaxed);
        embedded::import(lines.as_bytes(), &self.directory(), |_| {}).unwrap();
    }

    fn closes_as(&self) -> EntryStatus {
        EntryStatus::Lost
    }
}

/// Returns the lines of an export with one more entry at the end of a box.
fn with_tombstone(export: &[u8], closed: Boxed) -> String {
    let lines = std::str::from_utf8(export).unwrap().lines();
    let mut lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut end = lines.pop().unwrap();
    let name = name_of(closed);
    let extent = lines.iter_mut().find(|line| line["type"] == "box" && line["of"] == name).unwrap();
    let sequence = extent["top"].as_u64().unwrap() + 1;
    extent["top"] = json!(sequence);
    let mut tombstone = json!({
        "type": "entry",
        "of": name,
        "sequence": sequence,
        "kind": "tombstone",
        "status": "lost",
        "atMs": extent["lastMs"],
        "tag": sequence.to_string(),
        "message": "{}",
    });
    if matches!(closed, Boxed::History(_)) {
        tombstone["place"] = json!(sequence);
    }
    lines.push(tombstone);
    end["lines"] = json!(lines.len());
    // The checksum of the lines is that of before.
    end.as_object_mut().unwrap().remove("sum");
    lines.push(end);
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// Returns how an export names a box.
fn name_of(closed: Boxed) -> Value {
    match closed {
        Boxed::Inbox(id) => json!({ "inbox": member(id).as_str() }),
        Boxed::History(talk) => match CONVERSATIONS[talk] {
            Talk::Pair(one, other) => json!({ "pair": [member(one).as_str(), member(other).as_str()] }),
            Talk::Known => json!({ "group": "known" }),
            Talk::Named => json!({ "group": "named" }),
        },
    }
}
