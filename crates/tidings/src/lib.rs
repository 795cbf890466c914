//! The realtime half of a chat or collaboration product, for Rust services.
//!
//! Who is here, who must hear this now, and what did I miss: presence, a WebSocket hub, and
//! timelines. Each is a crate of its own that knows nothing of the others, and a fourth joins them
//! through their hooks. This one has no code: it re-exports them behind features, in versions that
//! belong together. The server `tidings` is made of the same parts.
//!
//! ```text
//!                        your program
//!                            join
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
//! inbox later. The connection of a user is a device that presence holds, which `Attendance` does.
//!
//! ```
//! use std::time::Duration;
//!
//! use tidings::hub::{Hooks, Hub};
//! use tidings::join::attendance::{self, Attendance};
//! use tidings::join::receipts::InboxPublisher;
//! use tidings::presence::memory::Memory;
//! use tidings::presence::{Presence, Status};
//! use tidings::timeline::embedded::{self, EmbeddedStore};
//! use tidings::timeline::page::Count;
//! use tidings::timeline::{MemberId, Message, NewMessage, Seq, Timeline};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let presence = Presence::new(Memory::start(Default::default())?);
//! let attendance = Attendance::start(attendance::Config::new(presence.clone()))?;
//! let hooks = Hooks::default().lifecycle(attendance.clone()); // and `auth`: who is it?
//! let hub = Hub::start(Default::default(), hooks)?; // `hub.handle` serves `/ws`
//! let store = embedded::Config::new(directory.path()).observer(InboxPublisher::new(hub.clone()));
//! let timeline = Timeline::start(Default::default(), EmbeddedStore::start(store).await?)?;
//!
//! // Alice writes to Bob. When this returns, the message is on disk. It is pushed to the
//! // connections that are bound to `$inbox:bob`.
//! let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
//! let message = Message::new(r#"{"text":"hi"}"#)?;
//! let sent = timeline.send(NewMessage::new(alice, bob.clone(), message)).await?;
//! assert_eq!(sent.sequence.get(), 1);
//!
//! // Bob was away. He reads what he missed.
//! assert_eq!(presence.status(["bob"]).await?, [Status::Offline]);
//! let inbox = timeline.sync(&bob, Seq::ZERO, Count::default()).await?;
//! assert_eq!(inbox.entries[0].message.as_str(), r#"{"text":"hi"}"#);
//!
//! // Who serves the users ends first, the stores last.
//! hub.shutdown(Duration::from_secs(1)).await;
//! attendance.shutdown(Duration::from_secs(1)).await;
//! timeline.shutdown(Duration::from_secs(1)).await;
//! presence.shutdown(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/three_joined.rs` is the same with clients: who they are, what they call,
//! and how all of it ends. [`join`] has the other parts: a roster of who is online, receipts, and
//! a webhook.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `presence` | [`presence`], the crate presence-core with its backend in memory | yes |
//! | `presence-redis` | [`presence_redis`], the same crate's backends on Redis, for several processes | no |
//! | `presence-mongo` | [`presence_mongo`], pingers and watchers of arbitrary keys on MongoDB | no |
//! | `cluster`, `sentinel`, `tls` | to the crates on Redis: clusters, sentinels, addresses that begin with `rediss`; to webhooks and key sets: those with `https` | no |
//! | `hub` | [`hub`], the crate conductor-hub | yes |
//! | `client` | [`client`], the crate conductor-client: a client of hubs, which comes back by itself | no |
//! | `hub-server`, `hub-tls` | `hub::server`, a listener for programs that have no HTTP server, and TLS for it and for links to sisters | no |
//! | `identity` | [`identity`], the crate tidings-identity: tokens, channel rights, revocations and tickets | no |
//! | `serde` | `Serialize` and `Deserialize` of what presence gives, and of the messages of the hub | no |
//! | `mpx` | [`mpx`], the crate redis-mpx: many subscriptions over one Redis Pub/Sub connection | no |
//! | `timeline` | [`timeline`], the crate message-timeline: the model and the trait of a store | yes |
//! | `timeline-embedded` | `timeline::embedded`, a store in one directory of one process | yes |
//! | `timeline-mongo` | `timeline::distributed`, a store on MongoDB for any number of processes | no |
//! | `timeline-redis` | sequences from Redis for that store, and notices to its other processes; with `timeline-mongo` | no |
//! | `timeline-memory` | `timeline::memory`, a store in memory, for the tests of programs | no |
//! | `timeline-http` | `timeline::http`, the service as an axum router | no |
//! | `timeline-grpc` | `timeline::grpc`, the service and its client with tonic | no |
//! | `timeline-etcd` | `timeline::etcd`, registration of the services in etcd, and a client that finds them there | no |
//! | `sisters` | `hub::federation`: several hubs that pass on to each other what their clients write | no |
//! | `join` | [`join`], the crate tidings-join, with all of `hub`, `presence` and `timeline` | yes |
//! | `webhook` | `join::webhook`, which posts every change of who is online to another program | no |
//! | `upkeep` | `join::restarts` and `join::outage_log`, which the server uses; semantic versioning does not cover them | no |
//!
//! Each feature only adds; none changes what the calls of another do.
//!
//! # Coming from the ancestors
//!
//! No ancestor had this crate: each stood alone. The documentation of each crate ends with every
//! name of its ancestor, and ours beside it.
//!
//! | who used | takes |
//! |---|---|
//! | presence for Go, once redisence | [`presence`] and [`presence_redis`] |
//! | Juju's presence on MongoDB | [`presence_mongo`] |
//! | go-mpx | [`mpx`] |
//! | go-timeline | [`timeline`], or the server |
//! | conductor | [`hub`], or the server; [`client`] |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
#[cfg_attr(docsrs, doc(cfg(feature = "client")))]
#[doc(inline)]
pub use conductor_client as client;
#[cfg(feature = "hub")]
#[cfg_attr(docsrs, doc(cfg(feature = "hub")))]
#[doc(inline)]
pub use conductor_hub as hub;
#[cfg(feature = "identity")]
#[cfg_attr(docsrs, doc(cfg(feature = "identity")))]
#[doc(inline)]
pub use identity;
#[cfg(feature = "mpx")]
#[cfg_attr(docsrs, doc(cfg(feature = "mpx")))]
#[doc(inline)]
pub use mpx;
#[cfg(feature = "presence")]
#[cfg_attr(docsrs, doc(cfg(feature = "presence")))]
#[doc(inline)]
pub use presence_core as presence;
#[cfg(feature = "presence-mongo")]
#[cfg_attr(docsrs, doc(cfg(feature = "presence-mongo")))]
#[doc(inline)]
pub use presence_mongo;
#[cfg(feature = "presence-redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "presence-redis")))]
#[doc(inline)]
pub use presence_redis;
#[cfg(any(feature = "join", feature = "upkeep", feature = "webhook"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "join", feature = "upkeep", feature = "webhook"))))]
#[doc(inline)]
pub use tidings_join as join;
#[cfg(feature = "timeline")]
#[cfg_attr(docsrs, doc(cfg(feature = "timeline")))]
#[doc(inline)]
pub use timeline;
