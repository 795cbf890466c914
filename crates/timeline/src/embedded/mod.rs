//! The store in one directory of one process, on an LSM tree with a journal.
//!
//! # Durability
//!
//! One thread commits. It takes every send that waits, gives out their sequences, and writes them
//! as one atomic batch into the journal, which is then flushed with `fdatasync`. Only when that
//! returned do readers see the batch, is it handed to the [`Observer`](crate::Observer), and are
//! the senders answered: an acknowledged send survives `kill -9` and the loss of power. There is no
//! weaker setting. Callers that come while a flush runs share the next one, so that throughput
//! grows with their number while each waits for two flushes at most. Where many send, a second
//! thread plans their sends meanwhile, on what the batch that is being written makes of the store.
//! If that batch fails, theirs is refused with it, and nothing of it was written.
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
//! Histories keep their entries unless [retention](crate::Retention) says otherwise. So an ack
//! gives back about 60 bytes, the names and the text for each entry, and of a message from one
//! member to another two thirds when both have acknowledged it. A text in `bodies` is that of the
//! history's entry as well, and stays with it: of a message to 100 members with 2,000 bytes, which
//! takes about 14 KB, all but 3,400 bytes are given back.
//! These numbers are sums of the lengths of keys and records; the engine packs them closer.
//!
//! # Texts that are taken away
//!
//! A text lives as long as the entry of its history. When that is recalled, deleted, purged or
//! older than it is [kept](Config::retention), no reader sees it from the moment on at which this
//! is durable: not in the history, and in no inbox. The same goes for a text that an edit replaces.
//! What goes from a history for everybody is erased like freed entries are removed, in batches of
//! 1,000 keys, or more if much is left: the entry, its text if that lies elsewhere, the answer to
//! its message id, and the texts of the copies in the inboxes, which become tombstones. Where the
//! copies of entries of layouts 1 and 2 are is unknown; those keep their texts until they are
//! acknowledged.
//!
//! The files have such a text for a while: a journal has what was written, and a table what was
//! overwritten since. [`Config::erased_within`] says until when that may be. Three quarters of it
//! after the first such text was erased, also if the store was started again meanwhile, a thread
//! has the engine begin a new journal, remove the old ones, and merge all tables of `entries` and
//! `bodies`. For that the journal is filled with up to 64 MB, and the tables need their own length
//! of free disk. Sends and reads go on meanwhile, and [exports](Export) end before. A store that
//! has to be opened again, or is shut down, waits for the merge of a keyspace that is going on;
//! until it is opened again it is read.
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
//! # Layout 3
//!
//! Integers are big-endian, so that keys sort by sequence. Ids have no control characters, so a
//! zero byte ends them and no id reaches into another's keys. Every value begins with a version
//! byte: 3, but 2 where it is a number or `g`, as a program of layout 2 reads `n` and `g` before it
//! finds that the layout is a newer one. A *box* is an inbox or a history; its key is the first
//! column of `entries` without the sequence. A *place* is the sequence of an entry in its history.
//!
//! | keyspace | key | value after the version byte | written |
//! |---|---|---|---|
//! | `entries` | `i` member `0` sequence:u64 | entry, see below | once per recipient of a send or of what tells of a change; again when its message is changed; removed after it was acknowledged |
//! | `entries` | `s` smaller member `0` larger member `0` sequence:u64 | entry | once per send to a member, change and purge; again when its message is changed; removed below the floor |
//! | `entries` | `g` group `0` sequence:u64 | entry | the same of sends to a group |
//! | `bodies` | batch:u64 index:u32 | text | once per send, or new text of a message, with more than 16 recipients and 256 bytes; removed with the text |
//! | `state` | `b` box | floor:u64, top:u64, the last entry's unix ms:u64 (0: see its record) | once per box and batch that writes to it or frees it |
//! | `state` | `f` box | after:u64, up to:u64, 0:u64: the entries that are freed and still there | with the floor; moved on with each batch of removals, and removed with the last |
//! | `state` | `d` box of a history | as `f`: entries at or below its floor, still to be removed with their copies, answers and texts | with the floor; moved on with each batch of erasures, and removed with the last |
//! | `state` | `k` member `0` box of a history | row, see below: the conversation as the member has it | with the first send or group that concerns the member; again when it changes; removed with the member |
//! | `state` | `e` box of a history, place:u64 | nothing: the entry there is no message | with an entry that is none, and when a message becomes a tombstone; removed with the entry |
//! | `state` | `r` member | received up to:u64 | by `received`; removed with the member |
//! | `state` | `o` group `0` | group, see below | once per group and batch that changes it |
//! | `state` | `t` group `0` | members:u32, title:id | with the group |
//! | `state` | `m` member `0` group `0` | role:u8 | when the member joins or gets another role; removed when they leave |
//! | `state` | `w` | unix ms:u64 of the first erasure of a text that the files may still have | with the erasure; removed once no file has it |
//! | `state` | `v` | nothing; the version byte is that of the layout | when the store is made or upgraded |
//! | `state` | `g` | id: 16 bytes, generation:u64 | when the store is made, upgraded or salvaged |
//! | `state` | `i` | lines:u64, of which export | while an import runs |
//! | `state` | `u` | the last key that the upgrade has walked over | while a store is upgraded |
//! | `sends` | box of the history, message id | answer:u64, digest: 16 bytes, place:u64 | once per send with a message id; removed with the entry |
//! | `sends` | `c` box of the history, place:u64 | (sequence:u64, member:id)*: where the copies are | once per send to a group; removed with the entry |
//! | each | `n` | number:u64 of the batch | once per batch |
//!
//! ```text
//! entry  := kind:u8, flags:u16, unix ms:u64, tag:u64, place:u64,
//!           [flags & 8: changed unix ms:u64, place of what tells of it:u64],
//!           [flags & 16: place that it is about:u64],
//!           [flags & 32: sequence of the copy of the smaller member:u64, of the larger one:u64],
//!           from:id, to kind:u8 (0 unknown, 1 member, 2 group), to:id, message id:id,
//!           where:u8, text | key in `bodies`
//! flags  := status in the lowest three bits: 0 original, 1 edited, 2 recalled, 3 deleted, 4 expired, 5 lost
//! id     := length:u16, bytes; empty if there is none
//! kind   := 0 message, 1 edit, 2 recall, 3 tombstone, 4 deletion, 5 purge
//! where  := 0 here, 1 in `bodies`
//! row    := flags:u8 (1 has left), read:u64, joined:u64, cleared:u64, since unix ms:u64
//! group  := unix ms:u64, open:u8 (0 or 1), title:id, (role:u8, member:id)*, in the order in which they joined
//! role   := 0 member, 1 owner
//! ```
//!
//! Where its copies are is in the history's entry of a pair alone, the same sequence twice for a
//! note to oneself.
//!
//! A program of layout 2 or 1 refuses such a store, and so does its `check`, from the first step of
//! the upgrade on; both say that it is of a newer version. Its salvage cannot read the entries, and
//! leaves tombstones in their places: salvage with the program that wrote the store.
//!
//! # Layout 2
//!
//! Its version byte is 2. It had neither `d`, `k`, `e`, `w` nor `c`; an entry had no place, nothing
//! that its flags announce, and status 0; `b` and `f` were floor and top; an answer had no place.
//! Histories kept all their entries. Such a store is upgraded when it is opened: it gets a row for
//! each member of a pair, for the members of a group, and for those whose inboxes have entries of
//! one. What was written before counts as read. Its records stay as they are and are read by their
//! version byte. The place of an entry is known in its history alone, and nobody knows where its
//! copies are: it cannot be changed, only purged. An answer does not tell its place, so its message
//! id is not free before the entry was removed.
//!
//! # Layout 1
//!
//! It had neither marker nor `bodies`, `b`, `g`, `n`; an entry was unix ms:u64 and the text. Such a
//! store is upgraded when it is opened; its entries, cursors and answers stay as they are and are
//! read by their version byte, 1. Its entries do not tell whom they were sent to, so that a group
//! that nobody made gets no rows. Where its store is missing, its lock tells that there was one:
//! later layouts make an empty `marker.new` before they make a lock.

mod check;
mod committer;
mod config;
mod damage;
mod directory;
mod disk;
mod engine_error;
mod eraser;
mod erasures;
mod exchange;
mod fair_queue;
mod groups;
mod inspect;
mod keys;
mod lanes;
mod marker;
mod metrics;
mod opened;
mod opening;
mod plan;
mod recent;
mod records;
mod removals;
mod retention;
mod salvage;
#[cfg(test)]
mod sample;
mod shared;
mod store;
mod tables;
mod thread_guard;
mod upgrade;
mod upkeep;
mod verify;
mod watchdog;
mod writer;

pub use self::check::{CheckReport, check, check_deep, check_existing};
pub use self::config::Config;
pub use self::exchange::{Export, ImportProgress, Imported, import, is_cut_import};
pub use self::salvage::{Salvaged, is_cut_salvage, salvage, salvage_noting};
pub use self::store::EmbeddedStore;
use crate::clock;
