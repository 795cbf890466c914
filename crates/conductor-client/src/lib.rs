//! A client of conductor hubs: channels over a WebSocket that comes back by itself.
//!
//! It speaks the protocol of `conductor-hub` and of Vluxe's Go package `conductor`.
//!
//! ```no_run
//! use conductor_client::{Client, Config, Event};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect(Config::new("wss://chat.example/ws")).await?;
//! let mut messages = client.messages();
//! client.bind("news").await?;
//! client.write("news", "hello").await?;
//!
//! while let Some(event) = messages.next().await {
//!     match event? {
//!         Event::Message(message) => println!("{}: {:?}", message.channel, message.body),
//!         Event::Disconnected(how) if how.comes_back() => println!("away: {}", how.text),
//!         _ => {}
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! ```text
//! Client ──bind, write, call──► outbox ──► writer ──┐
//!    ▲  handles                 bounded             ├── one WebSocket ──► hub
//!    └──answer── calls ◄──┐                         │
//! Messages ◄── mailbox ◄──┼──────────── reader ─────┘
//! Streams  ◄── mailbox ◄──┘  bounded, by a policy
//! ```
//!
//! # Delivery
//!
//! - At most once, as the hub does it. Nothing is sent twice; what was under way when a connection
//!   was lost may have arrived or not. A call of which no byte was written goes out again on the
//!   next connection; of any other the outcome is unknown, and its error says so.
//! - In order: what one task sends arrives so, over all channels.
//! - A loss is told: [`Event::Disconnected`] with the code of the hub and how much was not sent,
//!   then [`Event::Connected`]. What others wrote in between is not made up for; a program that
//!   needs it asks for a history there.
//!
//! # Coming back
//!
//! After a loss the client connects again by itself: after a random delay below 500 ms, which
//! doubles up to 20 s, and binds again to what it was bound to. The range of the hub's close code
//! decides it, [`protocol::Reconnect`]: some say at once, some that it must stay away. Then, and
//! after a handshake that was answered with 401 or 403, it is over. A hub that refuses for a while,
//! with 503 or 429 and `Retry-After`, is left alone for as long, up to 15 times the longest delay,
//! and the random delay comes on top, so that not all clients come at once. Headers are asked for
//! before each attempt, so a token that has expired is a new one the next time
//! ([`HandshakeHeaders`]).
//!
//! A hub that says nothing is pinged after 25 s, and given up 10 s later unless it takes what is
//! sent.
//!
//! # Bounds
//!
//! What waits to be sent has a bound in messages and bytes; who sends more waits, for a bounded
//! time. What waits to be read has one for each [`Messages`], with a [`Policy`], and one for each
//! [`IncomingStream`]. All are in [`Config`], as are the limits of the hub: a message or a name
//! that it would close the connection over is refused before it is sent.
//!
//! # Streams
//!
//! [`Client::write_stream`] sends what any `AsyncRead` gives, of any length, and [`Streams`] gives
//! what others send, as `AsyncRead`. All messages of a stream have one uuid, so several senders in
//! one channel are told apart. The original's client gives each a uuid of its own: of such senders
//! a channel can have one at a time, and the streams of two fail with an error. So does an empty
//! one, whose end may be another's. Who binds in the middle of a stream knows its messages by their
//! uuid, once it has come twice, and what took one of them fails. Of a stream of the original's
//! client that is known only if a piece of it came before the next stream began.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `test-util` | [`test_util`](https://docs.rs/conductor-client/latest/conductor_client/test_util/), a hub that does what a test tells it to | no |
//!
//! # Third-party types in this API
//!
//! `bytes::Bytes`, `http::HeaderMap`, `async_trait`, tokio's `AsyncRead` and `Stream` of
//! futures-core; with `test-util` `http::Request` and tokio's `TcpStream`. [`protocol`] is the
//! crate `conductor-protocol`.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod backoff;
mod calls;
mod client;
mod clock;
mod config;
mod connection_task;
mod counted;
mod dial;
mod ending;
mod error;
mod event;
mod handed;
mod handover;
mod headers;
mod mailbox;
mod messages;
mod outbox;
mod outgoing_stream;
mod phase;
mod policy;
mod reader;
mod refusal;
mod shared;
mod streams;
mod subscriptions;
#[cfg(feature = "test-util")]
#[cfg_attr(docsrs, doc(cfg(feature = "test-util")))]
pub mod test_util;
mod tls;
mod writer;

#[doc(inline)]
pub use conductor_protocol as protocol;

pub use client::Client;
pub use config::Config;
pub use error::{Error, ErrorKind};
pub use event::{Disconnected, Event};
pub use headers::HandshakeHeaders;
pub use messages::Messages;
pub use policy::Policy;
pub use streams::{IncomingStream, Streams};
