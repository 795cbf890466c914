//! The gRPC service `timeline.v1.Timeline` and its client.
//!
//! They need the feature `grpc`. A failed call has the status code that its kind of error has, and
//! an `ErrorInfo` with the reason in the details:
//!
//! | error | code | reason |
//! |---|---|---|
//! | an argument out of bounds | 3 `INVALID_ARGUMENT` | `TIMELINE_INVALID_PARAM` |
//! | a message id used for something else | 6 `ALREADY_EXISTS` | `TIMELINE_CONFLICT` |
//! | no room for another answer, see below | 8 `RESOURCE_EXHAUSTED` | `TIMELINE_BUSY` |
//! | the store failed | 14 `UNAVAILABLE` | `TIMELINE_UNAVAILABLE` |
//! | the store was shut down | 14 `UNAVAILABLE` | `TIMELINE_CLOSED` |
//! | the store cannot be read | 15 `DATA_LOSS` | `TIMELINE_CORRUPT` |
//!
//! Health and reflection are for the program to mount; reflection takes
//! [`FILE_DESCRIPTOR_SET`](crate::proto::FILE_DESCRIPTOR_SET).
//!
//! # Clients that do not read
//!
//! Answers that their clients have not taken yet, over all connections, have at most
//! [`answer_bytes_max`](Config::answer_bytes_max) bytes. While a read waits for room, answers that
//! stand still are cut, and their calls end with `RESOURCE_EXHAUSTED`. A read that finds no room
//! within a second is refused with the same code and a `RetryInfo` that says when to ask again. A
//! program that puts a [`RequestConnection`](crate::RequestConnection) into the extensions of its
//! requests bounds what each connection takes as well.

mod config;
mod server;
mod service;

pub use self::config::Config;
pub use self::server::{Server, server};
pub use crate::proto::v1::timeline_client::TimelineClient;
