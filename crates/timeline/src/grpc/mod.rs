//! The gRPC service `timeline.v1.Timeline` and its client.
//!
//! They need the feature `grpc`. A failed call has the status code that its kind of error has, and
//! an `ErrorInfo` with the reason in the details:
//!
//! | error | code | reason |
//! |---|---|---|
//! | an argument out of bounds | 3 `INVALID_ARGUMENT` | `TIMELINE_INVALID_PARAM` |
//! | a group, a member, a message or a conversation that there is not | 5 `NOT_FOUND` | `TIMELINE_NOT_FOUND` |
//! | a message id used for something else, a group that there is already, one that would have no owner, or a message that was taken back or cannot be changed | 6 `ALREADY_EXISTS` | `TIMELINE_CONFLICT` |
//! | the caller may not do this, see below | 7 `PERMISSION_DENIED` | `TIMELINE_FORBIDDEN` |
//! | no room for another answer, see below | 8 `RESOURCE_EXHAUSTED` | `TIMELINE_BUSY` |
//! | no place for another watch, see below | 8 `RESOURCE_EXHAUSTED` | `TOO_MANY_WATCHES` |
//! | the caller calls too often; a `RetryInfo` says when to call again | 8 `RESOURCE_EXHAUSTED` | `TOO_MANY_REQUESTS` |
//! | it cannot be found out now who calls | 14 `UNAVAILABLE` | `UNAVAILABLE` |
//! | the store failed | 14 `UNAVAILABLE` | `TIMELINE_UNAVAILABLE` |
//! | the store did not say in time whether the call took effect: repeat a send with the message id in the metadata `messageId`, which is the sender's own or was made for it | 14 `UNAVAILABLE` | `UNKNOWN_OUTCOME` |
//! | the store was shut down | 14 `UNAVAILABLE` | `TIMELINE_CLOSED` |
//! | the store cannot be read | 15 `DATA_LOSS` | `TIMELINE_CORRUPT` |
//! | nobody is known to call | 16 `UNAUTHENTICATED` | `UNAUTHENTICATED` |
//!
//! Health and reflection are for the program to mount; reflection takes
//! [`FILE_DESCRIPTOR_SET`](crate::proto::FILE_DESCRIPTOR_SET).
//!
//! # Who calls
//!
//! [`server`] believes every request; [`server_for`] asks a [`Callers`](crate::Callers) who makes a
//! call, from its metadata and its extensions, before the request is decoded. A
//! [`CallRefused`](crate::CallRefused) ends the call there. What each [`Caller`](crate::Caller) may
//! is the same as over HTTP.
//!
//! # Watching
//!
//! `Watch` answers with what an inbox has after a position, and then with each entry soon after it
//! is stored, as pages of `GetSyncMessage`: no entry is left out, and none comes twice. A page that
//! says `reset` comes before the entries from the floor on, and one with a higher `floor` and no
//! entries says that the inbox was freed meanwhile. One may also have `cursors`, with entries or
//! alone: how far conversations were read meanwhile.
//!
//! The call goes on until its client ends it. It ends with a status when the store fails, when
//! there is no room for a page, when the timeline is shut down, and when the caller may not watch
//! any longer, as [`Callers::ended`](crate::Callers::ended) says. The client then watches again
//! from the last entry that it has.
//!
//! There are [`watches_max`](Config::watches_max) watches at once, of the inbox of one member 16;
//! one more is refused with `RESOURCE_EXHAUSTED`, `TOO_MANY_WATCHES` and a `RetryInfo`.
//!
//! # Clients that do not read
//!
//! Answers that their clients have not taken yet, over all connections, have at most
//! [`answer_bytes_max`](Config::answer_bytes_max) bytes. While a read waits for room, answers that
//! stand still are cut, and their calls end with `RESOURCE_EXHAUSTED`. A read that finds no room
//! within a second is refused with the same code and a `RetryInfo` that says when to ask again. A
//! program that puts a [`RequestConnection`](crate::RequestConnection) into the extensions of its
//! requests bounds what each connection takes as well. A watch has one page in this room at a time,
//! and none while it waits: it reads no further than its client does.

mod config;
mod server;
mod service;
mod watch;

pub use self::config::Config;
pub use self::server::{Server, server, server_for};
pub use crate::proto::v1::timeline_client::TimelineClient;
