//! The realtime half of a chat or collaboration product, for Rust services.
//!
//! Who is here, who must hear this now, and what did I miss: presence, a WebSocket hub, and
//! timelines. Each is a crate of its own that knows nothing of the others. This one has no code: it
//! re-exports them behind features, in versions that belong together. A program joins them through
//! their hooks, as the server `tidings` does and the tour below shows.
//!
//! ```text
//!                        your program
//!        ┌────────────────────┼──────────────────────┐
//!   presence               hub                  timeline
//!   who is here        who hears it now        what did I miss
//!   ids, devices,      WebSocket clients,      inboxes and histories,
//!   grace, events      channels, fan-out       sequences without gaps
//!        │                                           │
//!   dyn Backend                                  dyn Store
//!   memory, Redis                           embedded in a directory
//! ```
//!
//! # A tour
//!
//! A message is stored, then shown to users who are connected; those who are not find it in their
//! inbox later. The connection of a user is a device that presence holds.
//!
//! ```
//! use std::time::Duration;
//!
//! use tidings::hub::{Hooks, Hub};
//! use tidings::presence::memory::Memory;
//! use tidings::presence::{Presence, Status};
//! use tidings::timeline::embedded::{self, EmbeddedStore};
//! use tidings::timeline::page::Count;
//! use tidings::timeline::{Entry, MemberId, Message, Observer, NewMessage, Seq, Timeline};
//!
//! /// Shows each new inbox entry to the connections of its member.
//! struct Live(Hub);
//!
//! impl Observer for Live {
//!     fn appended(&self, member: &str, entry: &Entry) {
//!         if let Err(error) = self.0.publish(&format!("$inbox:{member}"), entry.message.as_str().to_owned()) {
//!             eprintln!("{member} has to sync: {error}");
//!         }
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let presence = Presence::new(Memory::start(Default::default())?);
//! let hub = Hub::start(Default::default(), Hooks::default())?; // `hub.handle` serves `/ws`
//! let store = embedded::Config::new(directory.path()).observer(Live(hub.clone()));
//! let timeline = Timeline::start(Default::default(), EmbeddedStore::start(store).await?)?;
//!
//! // Bob's browser connects. A program does this in the hub's `Lifecycle` hook.
//! presence.hold_device("bob", "connection 1").await?;
//! assert_eq!(presence.status(["alice", "bob"]).await?, [Status::Offline, Status::Online]);
//!
//! // Alice writes to him. When this returns, the message is on disk and has been shown.
//! let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
//! let message = Message::new(r#"{"text":"hi"}"#)?;
//! let sent = timeline.send(NewMessage::new(alice, bob.clone(), message)).await?;
//! assert_eq!(sent.sequence.get(), 1);
//!
//! // Bob reads what he missed while he was away.
//! let inbox = timeline.sync(&bob, Seq::ZERO, Count::default()).await?;
//! assert_eq!(inbox.entries[0].message.as_str(), r#"{"text":"hi"}"#);
//!
//! // Bob's browser is gone. He is offline after the grace time, unless he comes back before.
//! presence.end_device("bob", "connection 1").await?;
//!
//! hub.shutdown(Duration::from_secs(1)).await;
//! timeline.shutdown(Duration::from_secs(1)).await;
//! presence.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/three_joined.rs` is the same with clients: who they are, what they call,
//! and how all of it ends.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `presence` | [`presence`], the crate presence-core with its backend in memory | yes |
//! | `presence-redis` | [`presence_redis`], the same crate's backends on Redis, for several processes | no |
//! | `cluster`, `sentinel`, `tls` | to the crates on Redis: clusters, sentinels, addresses that begin with `rediss` | no |
//! | `hub` | [`hub`], the crate conductor-hub | yes |
//! | `serde` | `Serialize` and `Deserialize` of what presence gives, and of the messages of the hub | no |
//! | `mpx` | [`mpx`], the crate redis-mpx: many subscriptions over one Redis Pub/Sub connection | no |
//! | `timeline` | [`timeline`], the crate message-timeline: the model and the trait of a store | yes |
//! | `timeline-embedded` | `timeline::embedded`, a store in one directory of one process | yes |
//! | `timeline-http` | `timeline::http`, the service as an axum router | no |
//! | `timeline-grpc` | `timeline::grpc`, the service and its client with tonic | no |
//!
//! Each feature only adds; none changes what the calls of another do.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "hub")]
#[cfg_attr(docsrs, doc(cfg(feature = "hub")))]
#[doc(inline)]
pub use conductor_hub as hub;
#[cfg(feature = "mpx")]
#[cfg_attr(docsrs, doc(cfg(feature = "mpx")))]
#[doc(inline)]
pub use mpx;
#[cfg(feature = "presence")]
#[cfg_attr(docsrs, doc(cfg(feature = "presence")))]
#[doc(inline)]
pub use presence_core as presence;
#[cfg(feature = "presence-redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "presence-redis")))]
#[doc(inline)]
pub use presence_redis;
#[cfg(feature = "timeline")]
#[cfg_attr(docsrs, doc(cfg(feature = "timeline")))]
#[doc(inline)]
pub use timeline;
