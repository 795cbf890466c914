//! Inboxes and histories with gapless sequences.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod conversation;
#[cfg(feature = "embedded")]
pub mod embedded;
mod entry;
mod error;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
mod id;
mod message;
mod observer;
pub mod page;
#[cfg(any(feature = "http", feature = "grpc"))]
pub mod proto;
mod sequence;
#[cfg(any(feature = "http", feature = "grpc"))]
mod service;
pub mod store;
mod timeline;

pub use self::config::Config;
pub use self::conversation::Conversation;
pub use self::conversation::Parties;
pub use self::entry::Entry;
pub use self::error::Error;
pub use self::error::ErrorKind;
pub use self::error::Result;
pub use self::id::GroupName;
pub use self::id::ID_BYTES_MAX;
pub use self::id::MemberId;
pub use self::id::MessageId;
pub use self::message::Message;
pub use self::observer::Observer;
pub use self::page::Count;
pub use self::page::Page;
pub use self::sequence::Seq;
pub use self::store::Inbox;
pub use self::store::Store;
pub use self::timeline::GroupSend;
pub use self::timeline::Send;
pub use self::timeline::Sent;
pub use self::timeline::Timeline;
