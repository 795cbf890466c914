//! The store in one directory of one process, on an LSM tree with a journal.
//!
//! # Durability
//!
//! One thread commits. It takes every send that waits, gives out their sequences, and writes them
//! as one atomic batch into the journal, which is then flushed with `fdatasync`. Only when that
//! returned do readers see the batch, is it handed to the [`Observer`](crate::Observer), and are
//! the senders answered: an acknowledged send survives `kill -9` and the loss of power. There is no
//! weaker setting. Callers that come while a flush runs share the next one, so that throughput
//! grows with their number while each waits for two flushes at most.
//!
//! # When a write fails
//!
//! After a failed write or flush nobody knows what reached the disk. The store answers the senders
//! of that batch, and those that come, with [`Unavailable`](crate::ErrorKind::Unavailable); reads
//! go on. As soon as a probe can be written it is opened again, which finds either the whole batch
//! or nothing of it, and compared with its marker; tried again with growing pauses of up to 5 s.
//! [`Store::state`](crate::Store::state) says meanwhile what is wrong. The same holds when the
//! committing thread panics about a batch, or while it opens the store. Sends repeated with their
//! message ids have one effect.
//!
//! Every 5 s the marker is written and flushed, the engine asked whether it still takes batches,
//! and the folder whether the files are still there, also while nobody sends: a disk that takes no
//! writes any more and files that were removed are a failed write like any other.
//! A thread of the store that panics otherwise cannot be replaced: the state says that only a
//! restart helps.
//!
//! Below [`Config::disk_free_min_bytes`] of free disk sends are refused, so that it does not come
//! to that.
//!
//! # Fairness
//!
//! Each sender has a lane. A quarter of the queue is open to each; a batch takes from every lane in
//! turn, and no more than 1 MiB from one, so that nobody waits for another's flood. The
//! [`Observer`](crate::Observer) is told on a thread of its own.
//!
//! # Acknowledged entries
//!
//! An [ack](crate::Store::ack) raises the floor of an inbox. It is answered when the floor is
//! durable, and from then on no reader sees an entry up to it. Only then are the entries removed:
//! by the committing thread, up to 1,000 in a batch, while nobody waits. A send that comes
//! meanwhile waits for one such batch; after each batch of sends there is one if more than 64,000
//! entries are to be removed. What a crash or a shutdown leaves is counted and removed after the
//! next start. Until then it takes room, and nothing else. After a batch of removals that failed
//! the next one comes 5 s later at the earliest.
//!
//! The room is given back when the engine merges its tables: a removed entry is a key with a mark
//! at first, about 20 bytes and the name of the member, which goes with the entry once both meet.
//!
//! Histories keep their entries. So an ack gives back about 50 bytes, the names and the text for
//! each entry, and of a message from one member to another two thirds when both have acknowledged
//! it. A text in `bodies` is that of the history's entry as well, and stays with it: of a message
//! to 100 members with 2,000 bytes, which takes about 12 KB, all but 2,100 bytes are given back.
//! These numbers are sums of the lengths of keys and records; the engine packs them closer.
//!
//! # The directory
//!
//! ```text
//! <directory>/lock     locked by the process that has the store open
//! <directory>/marker   what the store holds, outside of the engine's files; before, marker.new
//! <directory>/store/   the LSM tree: journals (*.jnl), keyspaces, and the engine's own lock
//! ```
//!
//! Only the user that the process runs as may enter `store`.
//!
//! # Missing is not new
//!
//! The engine takes what is missing for new: it makes a keyspace anew whose folder or `current` is
//! gone, replays a journal up to the first bytes that it cannot read, and cuts the rest. It
//! removes what it does not know: tables that no manifest names, and keyspaces that are not in its
//! list. So the directory is looked through before the engine opens any of it: all parts that the
//! marker names must be there, every header must fit its checksum, and every batch up to the
//! marker's must be in the journals or in the tables. Otherwise opening fails with
//! [`Corrupt`](crate::ErrorKind::Corrupt), says what is missing, and has changed nothing. The
//! marker is written after each commit: it is exact after `kill -9`, and at most 5 s behind after
//! a loss of power. What a loss of power left at the end of a journal was never acknowledged; it
//! is removed and told with its size.
//!
//! [`check`] says what opening would, and [`salvage`] reads what can be read into a new directory.
//! [`salvage_noting`] does the same for a program that keeps other files beside the store.
//!
//! # Layout 2
//!
//! Integers are big-endian, so that keys sort by sequence. Ids have no control characters, so a
//! zero byte ends them and no id reaches into another's keys. Every value begins with a version
//! byte, 2. Removed are entries that were acknowledged, and the memberships of those who left a
//! group. A *box* is an inbox or a history; its key is the first column of `entries` without the
//! sequence.
//!
//! | keyspace | key | value after the version byte | written |
//! |---|---|---|---|
//! | `entries` | `i` member `0` sequence:u64 | entry, see below | once per recipient of a send; removed after it was acknowledged |
//! | `entries` | `s` smaller member `0` larger member `0` sequence:u64 | entry | once per send to a member |
//! | `entries` | `g` group `0` sequence:u64 | entry | once per send to a group |
//! | `bodies` | batch:u64 index:u32 | text | once per send with more than 16 recipients and 256 bytes |
//! | `state` | `b` box | floor:u64, top:u64 | once per box and batch that writes to it or frees it |
//! | `state` | `f` box | after:u64, up to:u64, the entries that are freed and still there | with the floor; moved on with each batch of removals, and removed with the last |
//! | `state` | `r` member | received up to:u64 | by `received` |
//! | `state` | `o` group `0` | group, see below | once per group and batch that changes it |
//! | `state` | `t` group `0` | members:u32, title:id | with the group |
//! | `state` | `m` member `0` group `0` | role:u8 | when the member joins or gets another role; removed when they leave |
//! | `state` | `v` | nothing; the version byte is that of the layout | when the store is made or upgraded |
//! | `state` | `g` | id: 16 bytes, generation:u64 | when the store is made, upgraded or salvaged |
//! | `state` | `u` | the last key that the upgrade has walked over | while layout 1 is upgraded |
//! | `sends` | box of the history, message id | answer:u64, digest: 16 bytes | once per send with a message id |
//! | each | `n` | number:u64 of the batch | once per batch |
//!
//! ```text
//! entry  := kind:u8, flags:u16, unix ms:u64, tag:u64, from:id, to kind:u8 (0 unknown, 1 member, 2 group), to:id,
//!           message id:id, where:u8, text | key in `bodies`
//! id     := length:u16, bytes; empty if there is none
//! kind   := 0 message, 1 edit, 2 recall, 3 tombstone
//! where  := 0 here, 1 in `bodies`
//! group  := unix ms:u64, open:u8 (0 or 1), title:id, (role:u8, member:id)*, in the order in which they joined
//! role   := 0 member, 1 owner
//! ```
//!
//! Groups came later. A program from before opens a store that has some, and neither reads nor
//! changes them; its salvage leaves them out.
//!
//! Acks came later, too; floors were there before. A program from before reads a store with acks
//! right, and gives out the sequences that follow. It removes nothing, and leaves `f` for a newer
//! one. Its salvage keeps the floors. It copies freed entries that are still there, which nobody
//! sees and nobody removes any more, and calls an inbox shortened that was acknowledged to its end.
//!
//! # Layout 1
//!
//! It had neither marker nor `bodies`, `b`, `g`, `n`; an entry was unix ms:u64 and the text. Such a
//! store is upgraded when it is opened; its entries, cursors and answers stay as they are and are
//! read by their version byte, 1. A program of layout 1 refuses the store from the first step on.
//! Where its store is missing, its lock tells that there was one: layout 2 makes an empty
//! `marker.new` before it makes a lock.

mod check;
mod clock;
mod committer;
mod config;
mod damage;
mod directory;
mod disk;
mod engine_error;
mod fair_queue;
mod groups;
mod inspect;
mod keys;
mod lanes;
mod marker;
mod metrics;
mod notifier;
mod opened;
mod opening;
mod plan;
mod recent;
mod records;
mod removals;
mod salvage;
mod shared;
mod store;
mod tables;
mod thread_guard;
mod upgrade;
mod verify;
mod watchdog;
mod writer;

pub use self::check::{CheckReport, check, check_deep, check_existing};
pub use self::config::Config;
pub use self::salvage::{Salvaged, is_cut_salvage, salvage, salvage_noting};
pub use self::store::EmbeddedStore;
