//! The store in one directory of one process, on an LSM tree with a journal.
//!
//! # Durability
//!
//! One thread commits. It takes every send that waits, gives out their sequences, and writes them as one atomic batch
//! into the journal, which is then flushed with `fdatasync`. Only when that returned do readers see the batch, does the
//! [`Observer`](crate::Observer) hear of it, and are the senders answered: an acknowledged send survives `kill -9` and
//! the loss of power. There is no weaker setting. Callers that come while a flush runs share the next one, so that
//! throughput grows with their number while each waits for two flushes at most.
//!
//! # When the disk fails
//!
//! After a failed write or flush nobody knows what reached the disk. The store answers the senders of that batch, and
//! every later one, with `Unavailable`; reads go on. Opened again, it finds either the whole batch or nothing of it, and
//! sends repeated with their message ids have one effect.
//!
//! # The directory
//!
//! ```text
//! <directory>/lock     locked by the process that has the store open
//! <directory>/store/   the LSM tree: journals (*.jnl), tables, and the engine's own lock
//! ```
//!
//! # Layout
//!
//! Integers are big-endian, so that keys sort by sequence. Ids have no control characters, so a zero byte ends them and
//! no id reaches into another's keys. Every value begins with a version byte, now 1. Nothing is deleted yet. The last
//! sequence of a box (an inbox or a history) is that of its last entry, which therefore must never be deleted: a counter
//! beside it would be one more record to write for each entry.
//!
//! | keyspace | key | value after the version byte | written |
//! |---|---|---|---|
//! | `entries` | `i` member `0` sequence:u64 | unix ms:u64, message | once per recipient of a send |
//! | `entries` | `s` smaller member `0` larger member `0` sequence:u64 | unix ms:u64, message | once per send to a member |
//! | `entries` | `g` group `0` sequence:u64 | unix ms:u64, message | once per send to a group |
//! | `state` | `r` member | received up to:u64 | by `received` |
//! | `state` | `v` | nothing; the version byte is that of this layout | when the store is made |
//! | `sends` | history key without the sequence, message id | answer:u64, digest: 16 bytes | once per send with a message id |

mod clock;
mod committer;
mod config;
mod directory;
mod keys;
mod plan;
mod recent;
mod records;
mod store;
mod tables;

pub use self::config::Config;
pub use self::store::EmbeddedStore;
