//! A WebSocket hub: channels over one socket per client, in the conductor's binary protocol.
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

mod auth;
mod channel;
mod config;
mod connection;
mod dedup;
mod disconnect;
mod error;
mod handler;
mod handshake;
mod history;
mod hub;
mod lifecycle;
mod metrics;
mod outbox;
pub mod protocol;
mod registry;
mod router;
mod session;
mod storage;
mod websocket;
mod writer;

pub use auth::{Admission, Auth, Denied};
pub use config::Config;
pub use connection::{Connection, ConnectionId};
pub use disconnect::Disconnect;
pub use error::{Error, ErrorKind};
pub use handler::Handler;
pub use history::ChannelHistory;
pub use hub::{Hooks, Hub, Stats};
pub use lifecycle::Lifecycle;
pub use storage::Storage;
