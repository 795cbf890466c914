//! A WebSocket hub: channels over one socket per client.
//!
//! It speaks the conductor's binary protocol. Clients bind to channels and write to them; every
//! other member of the channel gets the message, as it was sent. Server messages go between one
//! client and the program.
//!
//! ```text
//! client ──frames──► intake ──messages──► router ──rows──► channel ──shared bytes──► outbox ──► writer ──► client
//!                    what has to          opcode to         its members              bounded    one write
//!                    wait, waits          action                                     in bytes   for many
//! ```
//!
//! # Delivery
//!
//! - At most once, to the members a channel has at that moment; nothing is replayed by itself.
//! - In order: each member gets the messages of one sender as they were sent, over all channels.
//! - Without gaps: a member that cannot keep up is disconnected with code 4000, never skipped.
//!   Before that those who send to it wait while more than half of its outbox waits or their
//!   message has no room in it, and while 128 KiB of the channel are on their way to a sister, up
//!   to [`Config::sender_pause_max`] for a message; a member that takes less than 64 KiB a
//!   second for 5 s above half is the one that cannot keep up. Of what only the newest matters,
//!   [`Hub::publish_latest`] leaves out the rest instead. What a link between two sisters held when
//!   it was lost does not come either; `Lifecycle::sister_gap` hears of that, and a counter.
//! - Streams of any size: the messages of a stream wait and are bounded like any other. A sender
//!   has one open stream in a channel. If it is lost, leaves the channel, may write no more, or
//!   begins another, the members get a `StreamEnd` with the uuid of its `StreamStart` and the body
//!   `aborted`, behind its pieces. Of two senders at once each member gets all, each in its order
//!   and the one between the other; who gives one uuid to all messages of a stream lets receivers
//!   tell them apart.
//! - At the client's pace: answers to its calls are fetched as it reads, see [`Answer`].
//! - Once: a repeated uuid of one sender is dropped for 30 to 60 s; senders cannot suppress each
//!   other. It is so for Write and Server messages.
//!
//! # Limits
//!
//! Every queue, message and count has one, in bytes with all that is around them, see [`Config`].
//! So has what waits in all outboxes together; a message that a thousand of them share counts once
//! there. So have the names that all connections are bound to. Lengths are checked before anything
//! is allocated: a truncated message closes the connection with 1007, an oversized one with 1009,
//! and neither is delivered; one that does not end in time closes it with 4100. [`Disconnect`]
//! lists all codes, and [`Reconnect`] says by their ranges whether a client comes back. A program
//! has codes of its own, from [`Disconnect::program`].
//!
//! A client whose connection exceeds one of the [`Rates`] of [`Config::rates`], in messages, bytes
//! or binds a second, is closed with 4102; so is one of whom the [`Throttle`] says so, which counts
//! over all connections of a user, for one. Neither is there unless it is set.
//!
//! # Logins
//!
//! [`Auth::admit`] sees the [`Handshake`] and returns an [`Admission`]: the user, the first
//! channels, [`Rights`], an expiry, and data of any type that every hook finds in
//! [`Connection::data`]. It is bounded in time and in number, so one that hangs keeps nobody out. A
//! login that is over ends its connection with code 4200 within a second, unless
//! [`Connection::renew`] came before.
//!
//! Where a handshake cannot say who comes, [`Admission::awaiting_login`] admits a client that may
//! only call the server until [`Hub::log_in`] gives its connection a login, and closes it with code
//! 4302 if none comes in time.
//!
//! # Control
//!
//! From any thread, hooks included, a program finds connections by number, user and channel, binds
//! and unbinds them, ends them one by one or all of a user, publishes to a channel, to all of it
//! but one, or to one connection, and writes in the name of a client; see [`Hub`]. Each of these
//! has happened when the call returns. The lifecycle hook hears of every bind and unbind, with its
//! [`BindCause`], from the connection's own task: one after another, in turns for each channel, and
//! all before the end.
//!
//! # Memory
//!
//! Sockets are read into a buffer of the thread, so an idle connection holds none, nor does it keep
//! the one that its handshake was read into. A message to a thousand members is encoded once, and
//! they share its bytes.
//!
//! # Hooks
//!
//! | trait | decides or hears |
//! |---|---|
//! | [`Auth`] | who may connect, as whom, until when; who may bind and write |
//! | [`Lifecycle`] | connected, alive, bound, unbound, disconnected; of sisters which node is found or lost, and what is missing of it |
//! | [`Handler`] | Server messages, one to one; by way of a [`CallQueue`](calls::CallQueue) a [`calls::AsyncHandler`], which may wait |
//! | [`Throttle`] | whether a client sends too much, counted over several connections |
//! | [`Dedup`] | whether a message is a repetition; [`StandardDedup`] unless it is set |
//! | [`Storage`] | what is written to channels, and by whom; [`ChannelHistory`] keeps the last of each |
//! | [`Deliveries`] | which member got which message |
//! | `federation::SisterManager` (feature `sisters`) | to which sisters a node links, and what goes to them |
//!
//! # Examples
//!
//! Mounted in an axum router: a hub is a service of tower. Any server on hyper that allows upgrades
//! will do, by [`Hub::handle`] if it knows no tower. The programs `hooked_chat`, `remembered_chat`,
//! `throttled_chat` and `found_sisters` in `examples` add hooks of their own: together they have
//! each trait of the table above.
//!
//! ```
//! use axum::Router;
//! use conductor_hub::{Config, Hooks, Hub};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::start(Config::default(), Hooks::default())?;
//! let app: Router = Router::new().route_service("/ws", hub.clone());
//! # drop(app);
//! // axum::serve(listener, app.into_make_service()).await?;
//!
//! let receivers = hub.publish("news", "the server has a word, too")?;
//! assert_eq!(receivers, 0);
//! assert!(hub.shutdown(std::time::Duration::from_secs(10)).await);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `sisters` | [`federation`](https://docs.rs/conductor-hub/latest/conductor_hub/federation/), several hubs that pass on what their clients write | no |
//! | `codec` | [`websocket`](https://docs.rs/conductor-hub/latest/conductor_hub/websocket/), the sans-I/O WebSocket codec, for conformance suites and fuzzers; not under semver | no |
//! | `server` | [`server`](https://docs.rs/conductor-hub/latest/conductor_hub/server/), a listener of its own, for programs that have no HTTP server | no |
//! | `tls` | TLS for that listener, `wss` for sisters, and hubs behind tokio-rustls keep no buffers of HTTP; adds `server` | no |
//! | `test-util` | [`test_util`](https://docs.rs/conductor-hub/latest/conductor_hub/test_util/), connections and links without sockets, for the tests of hooks | no |
//! | `serde` | serde's traits on [`protocol::Message`] and [`protocol::Opcode`], with the JSON names of the original | no |
//!
//! # Third-party types in this API
//!
//! `bytes::Bytes`, `http::{Request, Response, StatusCode}`, `async_trait`, tokio's I/O traits,
//! `tower_service::Service`, serde's traits (feature `serde`), `http_body::Body` and
//! `hyper::body::Incoming` (feature `server`), `tokio_rustls::server::TlsStream` (feature `tls`),
//! `rustls::ClientConfig` (features `sisters` and `tls`), and the ends of tokio's `mpsc` channels
//! (features `sisters` and `test-util`). [`Right`] and [`Rights`] are those of
//! the crate `channel-rights`, which `tidings-identity` passes on, too; [`protocol`] is the crate
//! `conductor-protocol`, which `conductor-client` has as its own.
#![doc = include_str!("../docs/coming-from.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod acceptance;
mod admission;
mod admitting;
mod answer;
mod auth;
mod author;
mod backlog;
mod bind_cause;
pub mod calls;
mod config;
mod connection;
mod connection_id;
mod connection_task;
mod dedup;
mod deflation;
mod deliveries;
mod disconnect;
mod drain;
mod encode;
mod error;
mod expiry;
mod fan_out;
#[cfg(feature = "sisters")]
#[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
pub mod federation;
mod frame;
mod gcra;
mod guard;
mod handler;
mod handshake;
mod history;
mod hooks;
mod hub;
mod input_memory;
mod intake;
mod late;
mod lifecycle;
mod meter;
mod metrics;
mod most_bound;
pub mod origin;
mod outbox;
mod outbox_memory;
mod peer_address;
mod program_streams;
mod rate;
mod reader_pace;
mod registry;
mod roll_call;
mod router;
#[cfg(feature = "server")]
#[cfg_attr(docsrs, doc(cfg(feature = "server")))]
pub mod server;
mod service;
mod shared;
#[cfg(feature = "sisters")]
mod sister_host;
mod slow_readers;
mod storage;
mod stream_permits;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
mod throttle;
mod untold;
#[cfg(feature = "codec")]
pub mod websocket;
#[cfg(not(feature = "codec"))]
#[allow(unreachable_pub, dead_code, reason = "public with the feature `codec` alone")]
mod websocket;
mod writer;

#[doc(inline)]
pub use channel_rights::{Right, Rights};
#[doc(inline)]
pub use conductor_protocol as protocol;
#[doc(inline)]
pub use conductor_protocol::Reconnect;

pub use admission::Admission;
pub use answer::{Answer, LateAnswer};
pub use auth::{Auth, Denied, Handshake};
pub use author::{Author, Sender};
pub use bind_cause::BindCause;
pub use config::Config;
pub use connection::{Connection, ConnectionData};
pub use connection_id::ConnectionId;
pub use dedup::{Dedup, StandardDedup};
pub use deliveries::Deliveries;
pub use disconnect::{Disconnect, ProgramCode};
pub use error::{Error, ErrorKind};
pub use expiry::Expiry;
pub use handler::Handler;
pub use history::{ChannelHistory, HistoryConfig, Replay};
pub use hooks::Hooks;
pub use hub::{Hub, Stats, WriteOutcome};
pub use lifecycle::Lifecycle;
pub use peer_address::PeerAddress;
pub use rate::{Rate, RateOf, Rates};
pub use storage::{History, Storage};
pub use throttle::{RateExceeded, Throttle};
