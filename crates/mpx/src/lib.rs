//! Many subscriptions over one Redis Pub/Sub connection, and a publisher.
//!
//! A server has thousands of clients that each want to hear a few channels. A connection to Redis
//! for each is too much, and a client library's subscriber is for one reader. A [`Multiplexer`]
//! owns one connection, tells Redis what anybody wants, once, and hands every message to all who
//! want it. For the sharded channels of a Redis Cluster there is a [`ShardedMultiplexer`].
//!
//! ```no_run
//! # async fn run() -> Result<(), mpx::Error> {
//! use mpx::{Config, Event, Multiplexer};
//!
//! let multiplexer = Multiplexer::start(Config::new("redis://127.0.0.1"))?;
//! let (channels, mut events) = multiplexer.channels()?;
//! channels.add("news")?;
//! channels.wait_for_activation("news").await?; // published from here on, it is heard
//! while let Some(event) = events.next().await {
//!     match event {
//!         Ok(Event::Message(message)) => println!("{:?}: {:?}", message.channel, message.payload),
//!         Ok(_) => {}
//!         Err(lost) => println!("{lost}"), // and the stream goes on
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Subscriptions
//!
//! | what | hears | made by |
//! |---|---|---|
//! | [`ChannelSubscription`] | channels that come and go | [`Multiplexer::channels`] |
//! | [`PatternSubscription`] | all channels that fit a glob | [`Multiplexer::pattern`] |
//! | [`PromiseSubscription`] | one message for each [`Promise`], below a prefix | [`Multiplexer::promises`] |
//!
//! The first two come with [`Events`], a stream; or they call a [`Handler`], which the reading task
//! does itself, without a queue and without a copy, and which must not block (`channels_to`,
//! `pattern_to`).
//!
//! Everything may be called from any task, from handlers too, in any order and any number of times.
//! Nothing waits: `add` and `remove` take one name or many ([`IntoNames`]) and change what is
//! wanted, and what Redis is told always follows what was wanted last. A channel that was removed
//! and added again is subscribed to. `contains` asks what is wanted.
//!
//! A subscription owns no task, so its end is a `close` that is done when it returns and may be
//! called any number of times. Dropping its [`Events`] closes it, too, and so does dropping the
//! last handle of one that has none.
//!
//! # Delivery
//!
//! Pub/Sub keeps nothing, so a message comes at most once. A subscription knows, however, when it
//! hears everything and when it does not:
//!
//! - [`Activated`](Event::Activated): Redis has confirmed the name, what is published from now on
//!   comes. A second subscription to a name that lives is told at once.
//! - [`Message`](Event::Message): of one channel in the order of Redis, without a gap since it was
//!   activated.
//! - [`Disconnected`](Event::Disconnected): these names were active and are not any more. It is
//!   told once for each loss, after all that came before and before anything that comes after. When
//!   there is a connection again, each name is `Activated` once.
//! - [`Refused`](Event::Refused): the user of the connection may not have the name. The others of
//!   the same command are not harmed by it. Only a name that is longer than a lowered
//!   `proto-max-bulk-len` of the server costs everybody the connection; names as long are then
//!   known to be too long.
//!
//! An error of kind [`Lagged`](ErrorKind::Lagged) says that so many messages were dropped, all of
//! them older than the next one, as they were not read in time; the stream goes on after it.
//!
//! Who needs what was published in between fetches it from elsewhere after `Activated`.
//!
//! # Connections
//!
//! The first attempt is at once, the next ones after random waits that double up to
//! [`Config::backoff_max`]; a connection that has lasted for that long begins anew with an attempt
//! at once. A connection that says nothing and takes nothing for [`Config::ping_timeout`] is asked
//! for a sign of life, and given up after as long again. [`Multiplexer::error`] says why there is
//! none. [`stop`](Multiplexer::stop), [`restart`](Multiplexer::restart) and
//! [`shutdown`](Multiplexer::shutdown) break any wait off.
//!
//! # Back-pressure
//!
//! Each stream has a queue of [`Config::queue_max`] messages. When it is full its [`Policy`] says
//! whether the oldest goes, or the subscription. A slow reader delays nobody and Redis does not
//! notice it. A slow handler delays everybody of its connection. Notices are never dropped. When
//! far more lie unread than there are names, they are cut short to what became of each name: that
//! it was active, was lost, and how it stands; messages between them count as dropped.
//!
//! # Promises
//!
//! A promise is the first message on one channel, for answers to questions. One `PSUBSCRIBE` serves
//! all of a prefix, so that a promise costs no command. All that wait on a channel get the message.
//! One that has no value says why: [`Unfulfilled`].
//!
//! # Publishing
//!
//! A connection that subscribes cannot publish in RESP2, so a [`Publisher`] has its own. All its
//! callers share it, none waits for another's answer, and each learns how many connections received
//! its message. When the connection is lost, what was on its way is
//! [`Uncertain`](ErrorKind::Uncertain); nothing is published twice. A [`Requester`] publishes a
//! [`Request`] and promises the answer.
//!
//! # Cancel safety
//!
//! [`Events::next`] and the waits for activation may be dropped at any time: nothing is lost.
//! Dropping a [`Promise`] takes it back. A [`Publisher::publish`] that is dropped may have
//! published; a [`Publisher::send`] has not.
//!
//! # Metrics
//!
//! Through the crate `metrics`: `mpx_names`, `mpx_connected`, `mpx_connections_total`,
//! `mpx_connections_lost_total`, `mpx_messages_total`, `mpx_bytes_total`,
//! `mpx_messages_dropped_total`, and `mpx_dispatch_seconds`, the time from a read to the end of the
//! dispatch of all it brought; `mpx_published_total` and `mpx_publish_failures_total`. Through
//! `tracing`: spans `connect` and `resubscribe`.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `tls` | addresses that begin with `rediss`; compiles rustls and aws-lc-rs | no |
//!
//! An address that needs a feature which is off is refused with a sentence that names the feature.
//!
//! # Third-party types in the interface
//!
//! `bytes::Bytes`, `redis::ConnectionInfo`, `futures_core::Stream`, and tokio's `AsyncRead` and
//! `AsyncWrite`.
#![doc = include_str!("../docs/coming-from.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod actor;
mod backoff;
mod buffer;
mod caught;
mod config;
mod connection;
mod dispatch;
mod engine;
mod error;
mod event;
mod fanout;
mod handler;
mod metrics;
mod mode;
mod multiplexer;
mod names;
mod outgoing;
pub mod protocol;
mod publisher;
mod random;
mod reconnect;
mod registry;
mod request;
mod requester;
mod server;
mod sharded;
mod sink;
mod subscription;
mod wire;

pub use self::config::Config;
pub use self::connection::{Connect, ConnectNode, Connecting, Transport};
pub use self::error::{Error, ErrorKind};
pub use self::event::{Event, Message};
pub use self::handler::Handler;
pub use self::multiplexer::Multiplexer;
pub use self::names::IntoNames;
pub use self::publisher::{Publisher, Receipt};
pub use self::request::Request;
pub use self::requester::Requester;
pub use self::sharded::ShardedMultiplexer;
pub use self::sink::{Policy, Unfulfilled};
pub use self::subscription::{
    Canceller, ChannelSubscription, Events, PatternSubscription, Promise, PromiseSubscription,
};
