//! Inboxes and histories with gapless sequences.
//!
//! They answer two questions: what did I miss, and what was said before?
//!
//! A *message* is the text of a JSON object, kept byte for byte. A send writes it once into the
//! *history* of its conversation (two members, or a group) and once into the *inbox* of each
//! recipient. Every history and every inbox counts for itself: 1, 2, 3 and so on, without a gap, so
//! that a reader knows what it misses.
//!
//! ```
//! # #[cfg(feature = "embedded")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! use std::time::Duration;
//!
//! use timeline::embedded::{self, EmbeddedStore};
//! use timeline::{Config, Conversation, Count, MemberId, Message, MessageId, NewMessage, PageRequest, Seq, Timeline};
//!
//! let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await?;
//! let timeline = Timeline::start(Config::default(), store)?;
//! let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
//!
//! // When this returns, the message is on disk. Sent again with its id, it is still one message.
//! let message = Message::new(r#"{"text":"hi"}"#)?;
//! let send = NewMessage::new(alice.clone(), bob.clone(), message).message_id(MessageId::new("7f1c")?);
//! assert_eq!(timeline.send(send.clone()).await?.sequence, Seq::new(1)?);
//! assert_eq!(timeline.send(send).await?.sequence, Seq::new(1)?);
//!
//! // Bob was away, and asks for what came after the last he read.
//! let missed = timeline.sync(&bob, Seq::ZERO, Count::default()).await?;
//! assert_eq!(missed.entries[0].message.as_str(), r#"{"text":"hi"}"#);
//! assert_eq!(missed.entry_set_last_seq, missed.latest_seq);
//!
//! // Alice scrolls up: the newest page of the conversation.
//! let page = timeline.history(&Conversation::single(alice, bob), PageRequest::before(Seq::ZERO, Count::new(20))).await?;
//! assert_eq!(page.entries.len(), 1);
//! assert_eq!(page.entries[0].from, Some(MemberId::new("alice")?));
//! assert!(timeline.shutdown(Duration::from_secs(10)).await);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "embedded"))]
//! # fn main() {}
//! ```
//!
//! The program `examples/conversations.rs` lists conversations with what is unread, corrects a
//! message and watches how far it was read; `examples/timeline_in_axum.rs` mounts the HTTP service
//! beside routes of its own; `examples/two_nodes.rs` sends to one node of a store on MongoDB and
//! watches on another. A program with logins says who calls, through the trait `Callers` of the
//! features `http` and `grpc`; then users send as themselves and read what is theirs.
//!
//! # Shapes and bounds
//!
//! | what | bound |
//! |---|---|
//! | ids of members, groups and messages | 1 to 512 bytes of UTF-8 without control characters |
//! | message | the text of a JSON object, at most 64 KiB ([`Config::message_bytes_max`]) and 128 levels deep, its numbers within a double, its characters whole |
//! | members of a group send | 1 to 1,000 distinct ones ([`Config::group_members_max`]; up to 10,000, and 5,000 on MongoDB) |
//! | members of a group | up to 1,000 (the same setting), whose ids have 1 MiB together |
//! | title of a group | up to 512 bytes of UTF-8 without control characters |
//! | groups of a page | 100 unless told, 1,000 at most |
//! | sequence | from 1; 0 is before the first |
//! | entries of a page | 100 unless told, 1,000 at most, and 1 MiB of entries |
//! | messages of a batch | up to [`SENDS_MAX`], 1,000, whose texts have [`SENDS_BYTES_MAX`], 4 MiB, together |
//! | a watch | up to 300 bytes while nothing comes, if the id is as long as a UUID; one page while that is read |
//!
//! # Watching and acknowledging
//!
//! [`Timeline::watch`] is a [`sync`](Timeline::sync) that goes on: what was missed after a
//! position, then each entry as it comes, without a gap and without a repetition. A [`Watch`] reads
//! a page when it is asked for one, so a slow reader loses nothing and holds up nobody. A read that
//! failed is an error of one call, and the next call tries again; only the end of the timeline ends
//! it.
//!
//! [`Timeline::ack`] frees an inbox up to a sequence, its *floor*, for all devices of the member;
//! the histories keep the messages. The floor never falls, and what comes is counted as if nothing
//! had been freed. A reader whose position is below the floor gets what is left, and
//! [`InboxPage::floor`] says where that begins.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), timeline::Error> {
//! # use timeline::memory::MemoryStore;
//! # use timeline::{Config, MemberId, Message, NewMessage, Timeline};
//! use timeline::{Count, Seq};
//!
//! # let timeline = Timeline::start(Config::default(), MemoryStore::default())?;
//! # let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
//! # let hello = NewMessage::new(alice.clone(), bob.clone(), Message::new(r#"{"text":"hi"}"#)?);
//! # let again = NewMessage::new(alice, bob.clone(), Message::new(r#"{"text":"are you there?"}"#)?);
//! timeline.send(hello).await?;
//! let mut watch = timeline.watch(&bob, Seq::ZERO);
//! let missed = watch.next().await?;
//! assert_eq!(missed.entry_set_last_seq, Seq::new(1)?);
//!
//! // The next page waits for what comes.
//! timeline.send(again).await?;
//! let page = watch.next().await?;
//! assert_eq!(page.entries[0].message.as_str(), r#"{"text":"are you there?"}"#);
//!
//! // Bob has both, and needs them in his inbox no more.
//! assert_eq!(timeline.ack(&bob, page.entry_set_last_seq).await?, Seq::new(2)?);
//! let freed = timeline.sync(&bob, Seq::ZERO, Count::default()).await?;
//! assert_eq!((freed.entries.len(), freed.floor, freed.latest_seq), (0, Seq::new(2)?, Seq::new(2)?));
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "memory"))]
//! # fn main() {}
//! ```
//!
//! # Changing messages, reading conversations
//!
//! Each message has its [place](Entry::place) in its history. By that it is
//! [edited](Timeline::edit), [taken back](Timeline::recall) or [deleted](Timeline::delete_message),
//! in the history and in every inbox that has a copy, in one step; an entry tells of it to all who
//! got the message. A text lives as long as the entry of its history: whoever
//! [purges](Timeline::purge) a history, or sets a [`Retention`], takes it from the inboxes, too.
//!
//! A member [reads](Timeline::read) a conversation up to a place. The store counts what is unread
//! behind that, lists the [conversations](Timeline::conversations) of a member, the most recent
//! first, and tells how far was read to those who watch.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), timeline::Error> {
//! # use timeline::memory::MemoryStore;
//! # use timeline::{Config, Conversation, Count, MemberId, Message, NewMessage, Timeline};
//! # let timeline = Timeline::start(Config::default(), MemoryStore::default())?;
//! # let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
//! # let hello = NewMessage::new(alice.clone(), bob.clone(), Message::new(r#"{"text":"hi"}"#)?);
//! let sent = timeline.send(hello).await?;
//! let conversation = Conversation::single(alice.clone(), bob.clone());
//! assert_eq!(timeline.unread(&bob, &conversation).await?.get(), 1);
//! assert_eq!(timeline.read(&bob, &conversation, sent.place).await?, sent.place);
//! assert_eq!(timeline.unread(&bob, &conversation).await?.get(), 0);
//!
//! // Alice sees how far Bob has read, and gives her message another text.
//! let listed = timeline.conversations(&alice, None, Count::default()).await?;
//! assert_eq!(listed.conversations[0].peer_read, sent.place);
//! timeline.edit(&conversation, sent.place, Some(alice), Message::new(r#"{"text":"hello"}"#)?).await?;
//! let inbox = timeline.sync(&bob, timeline::Seq::ZERO, Count::default()).await?;
//! assert_eq!(inbox.entries[0].message.as_str(), r#"{"text":"hello"}"#);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "memory"))]
//! # fn main() {}
//! ```
//!
//! # Groups
//!
//! A group send may name its members each time. A program can also let the store know a [`Group`]:
//! its title, and its members with a [`Role`]. [`Timeline`] creates it, lets members join and
//! leave, and lists the groups of a member. Each change is durable before it is answered, and two
//! at the same time have one effect after the other. Joining twice is the same as joining once.
//! When the last owner leaves, the member who joined first becomes the owner; who joins a group
//! that is empty, or nobody's, is a plain member. The name stays, as the history is stored under
//! it.
//!
//! The timeline keeps who is in a group, and does not ask who calls: a program decides who may
//! change it, and to whom a send goes.
//!
//! ```
//! # #[cfg(feature = "embedded")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! # use timeline::embedded::{self, EmbeddedStore};
//! # use timeline::{Config, Timeline};
//! use timeline::{Count, GroupName, MemberId, NewGroup, Role};
//!
//! # let store = EmbeddedStore::start(embedded::Config::new(directory.path())).await?;
//! # let timeline = Timeline::start(Config::default(), store)?;
//! let (tea, alice, bob) = (GroupName::new("tea")?, MemberId::new("alice")?, MemberId::new("bob")?);
//! timeline.create_group(NewGroup::new(tea.clone()).title("Tea").owner(alice.clone())).await?;
//! let group = timeline.join_group(&tea, vec![bob.clone()]).await?;
//! assert_eq!(group.role_of(&alice), Some(Role::Owner));
//! assert_eq!(timeline.groups_of(&bob, None, Count::default()).await?.groups[0].title, "Tea");
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "embedded"))]
//! # fn main() {}
//! ```
//!
//! # Delivery
//!
//! An acknowledged send is durable, in the way of its store. All stores obey the same laws.
//!
//! | store | for | answers a send when |
//! |---|---|---|
//! | `embedded::EmbeddedStore` | one process and one directory | its journal is flushed with `fdatasync`, once for all senders that wait |
//! | `distributed::DistributedStore` | any number of equal processes on one MongoDB, with sequences from Redis or without | a majority of the replica set has it in its journals |
//! | `memory::MemoryStore` | tests | it is in memory |
//!
//! A send that failed with [`Unavailable`](ErrorKind::Unavailable) or
//! [`UnknownOutcome`](ErrorKind::UnknownOutcome) may have taken effect; repeated with the same
//! [`MessageId`] it has one effect and one answer, also concurrently and after a crash, and at any
//! node. The id holds within the conversation and for ever; used for another text or by another
//! sender it is a [`Conflict`](ErrorKind::Conflict), and the first message stays. An [`Observer`]
//! hears of every inbox entry soon after it is durable; that of one node among several, of what
//! its node wrote and of inboxes that somebody waits for there.
//!
//! # Errors
//!
//! One [`Error`], whose [`kind`](Error::kind) says what the caller can do.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `embedded` | the store in one directory of one process | yes |
//! | `mongo` | the store on MongoDB, for any number of nodes | no |
//! | `redis` | sequences from Redis for that store; with `mongo` | no |
//! | `http` | the HTTP service, as an axum router | no |
//! | `grpc` | the gRPC service and its client, with tonic | no |
//! | `etcd` | registration of the services in etcd, and a client that finds them there; with `grpc` | no |
//! | `proto` | the messages of both, for a program that sends entries to its readers itself; a part of `http` and `grpc` | no |
//! | `memory` | a store in memory, for the tests of programs | no |
//! | `contract` | the laws of a store as tests, for those who write one; with `memory` | no |
//!
//! Of other crates' types, `Stream` of futures-core, axum's `Router` and `Body` (feature `http`),
//! tonic's (feature `grpc`), `Extensions` and `HeaderMap` of the crate `http` (both) and prost's
//! (feature `proto`) are in the interface.
#![doc = include_str!("../docs/coming-from.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

#[cfg(any(feature = "embedded", feature = "memory", feature = "mongo"))]
mod clock;
mod config;
#[cfg(feature = "contract")]
pub mod contract;
mod conversation;
mod conversation_view;
#[cfg(feature = "mongo")]
pub mod distributed;
#[cfg(feature = "embedded")]
pub mod embedded;
mod entry;
mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
mod group;
mod group_change;
#[cfg(feature = "grpc")]
pub mod grpc;
mod hole_pause;
#[cfg(feature = "http")]
pub mod http;
mod id;
mod inbox_changes;
#[cfg(feature = "memory")]
pub mod memory;
mod message;
mod message_change;
mod new_message;
#[cfg(any(feature = "embedded", feature = "mongo"))]
mod notifier;
mod observer;
pub mod page;
#[cfg(feature = "proto")]
pub mod proto;
mod retention;
mod sequence;
#[cfg(any(feature = "http", feature = "grpc"))]
mod service;
mod state;
pub mod store;
mod timeline;
mod watch;

pub use self::config::Config;
pub use self::conversation::{Conversation, Parties};
pub use self::conversation_view::{
    ConversationMark, ConversationPage, ConversationSummary, ConversationView, ReadCursor, Unread, ViewPage,
};
pub use self::entry::{Destination, Entry, EntryKind, EntryStatus, Tag};
pub use self::error::{Error, ErrorKind, Result};
pub use self::group::{
    GROUP_BYTES_MAX, Group, GroupMember, GroupPage, GroupSummary, NewGroup, Role, TITLE_BYTES_MAX,
};
pub use self::id::{GroupName, ID_BYTES_MAX, MemberId, MessageId};
pub use self::message::Message;
pub use self::message_change::{Change, Changed, MessageChange};
pub use self::new_message::{NewGroupMessage, NewMessage};
pub use self::observer::Observer;
pub use self::page::{Count, PageRequest, Position};
pub use self::retention::{Keep, Retention};
pub use self::sequence::Seq;
#[cfg(any(feature = "http", feature = "grpc"))]
pub use self::service::{
    AnswerMemory, AnswerPermit, CallEnd, CallRefused, CallRefusedKind, Caller, Callers, RequestConnection,
};
pub use self::state::State;
pub use self::store::{HistoryPage, InboxPage, Store};
pub use self::timeline::{GroupSent, SENDS_BYTES_MAX, SENDS_MAX, Sent, Timeline};
pub use self::watch::Watch;
